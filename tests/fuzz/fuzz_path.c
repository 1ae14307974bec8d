/* A root, a line feed, a path: what is accepted below the root leads there by another way of resolving it too, and
 * what was resolved is resolved. */
#include "policy/op_path.h"
#include "policy/ops.h"

#include "base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From the end: each ".." takes away one name that stands before it. The names come out last first. */
static size_t names_of(struct str path, struct str *names)
{
    size_t count = 0, skip = 0, end = path.len;
    while (end > 0) {
        size_t start = end;
        while (start > 0 && path.ptr[start - 1] != '/')
            start--;
        struct str name = str_slice(path, start, end);
        if (str_eq(name, STR("..")))
            skip++;
        else if (name.len > 0 && !str_eq(name, STR(".")) && skip > 0)
            skip--;
        else if (name.len > 0 && !str_eq(name, STR(".")))
            names[count++] = name;
        end = start > 0 ? start - 1 : 0;
    }
    return count;
}

static bool is_under(const struct str *root, size_t root_count, const struct str *names, size_t count)
{
    if (count < root_count)
        return false;
    for (size_t i = 1; i <= root_count; i++)
        if (!str_eq(root[root_count - i], names[count - i]))
            return false;
    return true;
}

static void ask(struct str root, struct str path)
{
    static struct str root_names[LIMIT_path_bytes], names[LIMIT_path_bytes];
    char root_bytes[LIMIT_path_bytes], path_bytes[LIMIT_path_bytes], again_bytes[LIMIT_path_bytes];
    struct str resolved_root, resolved, again;
    if (file_path_resolve(root, root_bytes, &resolved_root) != NULL)
        return;
    struct scalar item = { .kind = ARG_STRING, .text = resolved_root };
    struct operand operand = { .items = &item, .count = 1 };
    struct op_run run = { .operand = &operand, .value = value_of_str(path) };
    enum answer answer = op_path_within(&run);
    bool readable = file_path_resolve(path, path_bytes, &resolved) == NULL;
    CHECK(readable == (answer != ANSWER_UNUSABLE) && readable == (run.why == NULL));
    if (!readable)
        return;
    CHECK(path.ptr[0] == '/' && resolved.len <= path.len && resolved.ptr[0] == '/');
    CHECK(file_path_resolve(resolved, again_bytes, &again) == NULL && str_eq(resolved, again));
    size_t count = names_of(path, names), root_count = names_of(root, root_names);
    CHECK((answer == ANSWER_TRUE) == is_under(root_names, root_count, names, count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str both = str_of((const char *)data, size);
    size_t middle = str_find_byte(both, '\n');
    ask(str_slice(both, 0, middle), str_slice(both, middle + 1, both.len));
    ask(str_slice(both, middle + 1, both.len), str_slice(both, 0, middle));
    return 0;
}
