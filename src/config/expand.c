/* ${NAME} from the environment, ${file:PATH} from a file: how secrets stay out of the configuration. */
#include "base/digest.h"
#include "base/limits.h"
#include "config/file.h"
#include "config/reader.h"
#include "model/server.h"

#define SECRET_FILE_MAX 65536 /* bytes */
#define NAME_MAX_BYTES 128

static bool is_name(struct str name)
{
    return str_is_identifier(name) && name.len <= NAME_MAX_BYTES;
}

static bool from_environment(struct reader *reader, struct str name, struct str *out)
{
    struct str copy = arena_str(reader->arena, name);
    if (!copy.ptr) {
        reader->no_memory = true;
        return false;
    }
    const char *value = reader->environment->get(reader->environment->arg, copy.ptr);
    if (!value) {
        reader_problem(reader, AT_VALUE, reader_text(reader, "export %" STR_FMT "=...", STR_ARG(name)),
                       "the environment has no variable %" STR_FMT, STR_ARG(name));
        return false;
    }
    *out = str_from_c(value);
    hasher_add_field(reader->hasher, *out);
    return true;
}

/* Without the line end that editors leave. */
static bool from_file(struct reader *reader, struct str path, struct str *out)
{
    struct str full = file_join(reader->arena, reader->directory, path);
    if (!full.ptr || str_is_empty(path)) {
        reader_problem(reader, AT_VALUE, STR("write ${file:PATH}"), "no path is named");
        return false;
    }
    int error = reader_file(reader, full, SECRET_FILE_MAX, out);
    if (error) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "cannot read the file %" STR_FMT ": %s", STR_ARG(full),
                       file_error_text(error));
        return false;
    }
    reader_look_at_mode(reader, full, "secret");
    if (str_ends_with(*out, STR("\n")))
        out->len--;
    if (str_ends_with(*out, STR("\r")))
        out->len--;
    if (out->len == 0) { /* a pipe, or a secret that was never written: an empty one would be used as if it were one */
        reader_problem(reader, AT_VALUE, STR_EMPTY, "the file %" STR_FMT " is empty", STR_ARG(full));
        return false;
    }
    if (str_find_byte(*out, 0) < out->len) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "the file %" STR_FMT " holds a NUL byte", STR_ARG(full));
        return false;
    }
    return true;
}

static bool reference(struct reader *reader, struct str inside, struct str *out)
{
    if (str_starts_with(inside, STR("file:")))
        return from_file(reader, str_slice(inside, 5, inside.len), out);
    struct str name = str_starts_with(inside, STR("env:")) ? str_slice(inside, 4, inside.len) : inside;
    if (is_name(name))
        return from_environment(reader, name, out);
    reader_problem(reader, AT_VALUE,
                   STR("write ${NAME} of A-Z a-z 0-9 _, or ${file:PATH}; a plain \"${\" is written \"$${\""),
                   "\"${%" STR_FMT "}\" names no variable", STR_ARG(inside));
    return false;
}

/* `written`: "${...}". What every server knows anyway is no secret: HOME in a path, say. */
static void note(struct reader *reader, struct str written, struct str value)
{
    struct str name = str_slice(written, 2, written.len - 1);
    if (str_starts_with(name, STR("env:")))
        name = str_slice(name, 4, name.len);
    if (!server_always_inherits(name))
        reader_secret(reader, written, value);
}

struct str expand(struct reader *reader, struct str value)
{
    struct str rest = value, found;
    struct buf out;
    buf_init(&out, LIMIT_policy_body);
    for (size_t at; (at = str_find(rest, STR("${"))) < rest.len; rest = str_slice(rest, at, rest.len)) {
        bool literal = at > 0 && rest.ptr[at - 1] == '$';
        buf_append_str(&out, str_slice(rest, 0, literal ? at - 1 : at));
        if (literal) {
            buf_append_str(&out, STR("${"));
            at += 2;
            continue;
        }
        size_t end = at + str_find_byte(str_slice(rest, at, rest.len), '}');
        if (end == rest.len) {
            reader_problem(reader, AT_VALUE, STR("write }"), "\"${\" is not closed");
            goto out_as_is;
        }
        if (!reference(reader, str_slice(rest, at + 2, end), &found))
            goto out_as_is;
        note(reader, str_slice(rest, at, end + 1), found);
        buf_append_str(&out, found);
        at = end + 1;
    }
    buf_append_str(&out, rest);
    value = buf_ok(&out) ? arena_str(reader->arena, buf_str(&out)) : (struct str){ NULL, 0 };
    if (!value.ptr) {
        reader->no_memory = true;
        value = STR_EMPTY;
    }
out_as_is:
    buf_release(&out);
    return value;
}
