/* path_within: where an absolute path leads, as text, and whether that is under a root. */
#include "policy/op_path.h"

#include "policy/ops.h"

/* What some reader would take for more than the bytes that stand there. */
static const char *byte_fault(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char byte = (unsigned char)path.ptr[i];
        if (byte < ' ' || byte == 0x7f)
            return "it has a control byte in it";
        if (byte == '\\')
            return "it has a backslash in it";
        if (byte == '%')
            return "it has a percent sign in it";
    }
    return NULL;
}

static const char *file_path_fault(struct str path)
{
    if (str_starts_with(path, STR("~")))
        return "it begins with ~";
    if (path.len >= 5 && str_eq_nocase(str_slice(path, 0, 5), STR("file:")))
        return "it is a URL";
    if (!str_starts_with(path, STR("/")))
        return "it is no absolute path";
    if (str_starts_with(path, STR("//"))) /* POSIX leaves open what that means; elsewhere it is another machine */
        return "it begins with two slashes";
    if (path.len > LIMIT_path_bytes)
        return "it is too long for a path";
    return byte_fault(path);
}

const char *file_path_resolve(struct str path, char out[LIMIT_path_bytes], struct str *resolved)
{
    const char *fault = file_path_fault(path);
    if (fault != NULL)
        return fault;
    size_t len = 0;
    for (size_t at = 0; at < path.len;) {
        struct str rest = str_slice(path, at + 1, path.len);
        struct str segment = str_slice(rest, 0, str_find_byte(rest, '/'));
        at += 1 + segment.len;
        if (segment.len == 0 || str_eq(segment, STR(".")))
            continue;
        if (str_eq(segment, STR(".."))) {
            while (len > 0 && out[--len] != '/')
                ;
            continue;
        }
        out[len++] = '/';
        memcpy(out + len, segment.ptr, segment.len);
        len += segment.len;
    }
    *resolved = len > 0 ? str_of(out, len) : STR("/");
    /* Trimmed by some: "/a/.. " */
    return str_ends_with(*resolved, STR(" ")) ? "it ends with a space" : NULL;
}

/* The roots are resolved and sorted: what is asked is whether the path, or a directory above it, is one. */
enum answer op_path_within(struct op_run *run)
{
    OP_BUFFER char bytes[LIMIT_path_bytes];
    struct str path;
    const char *fault = file_path_resolve(run->value.text, bytes, &path);
    if (fault != NULL)
        return op_unreadable(run, fault);
    if (operand_has_text(run->operand, STR("/")))
        return ANSWER_TRUE;
    for (size_t end = 1; end <= path.len; end++)
        if ((end == path.len || path.ptr[end] == '/') && operand_has_text(run->operand, str_slice(path, 0, end)))
            return ANSWER_TRUE;
    return ANSWER_FALSE;
}
