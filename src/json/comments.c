/* Some clients read their files as JSON with comments and a comma too many; these become spaces, and what is left is
 * read as strictly as ever. */
#include "json/json.h"

#include <string.h>

struct blanking {
    char *text;
    size_t len;
    size_t comma; /* of a value, with nothing but space and comments behind it; `len`: none */
    char last;    /* the last byte that is no space and no comment */
};

/* Behind the comment that begins at `at`; `at` itself where none does, or it does not end. */
static size_t comment_end(const struct blanking *blanking, size_t at)
{
    struct str rest = str_of(blanking->text + at, blanking->len - at);
    if (str_starts_with(rest, STR("//")))
        return at + str_find_byte(rest, '\n');
    if (!str_starts_with(rest, STR("/*")))
        return at;
    size_t end = str_find(str_slice(rest, 2, rest.len), STR("*/"));
    return end + 2 < rest.len ? at + 2 + end + 2 : at;
}

static size_t string_end(const struct blanking *blanking, size_t at)
{
    for (at++; at < blanking->len && blanking->text[at] != '"'; at++)
        if (blanking->text[at] == '\\')
            at++;
    return at < blanking->len ? at + 1 : blanking->len;
}

static void see(struct blanking *blanking, size_t at)
{
    char c = blanking->text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return;
    if ((c == ']' || c == '}') && blanking->comma < blanking->len)
        blanking->text[blanking->comma] = ' ';
    bool separates = c == ',' && blanking->last && !strchr("[{,:", blanking->last);
    blanking->comma = separates ? at : blanking->len;
    blanking->last = c;
}

struct str json_uncommented(struct arena *arena, struct str source)
{
    struct blanking blanking = { .text = arena_alloc(arena, source.len + 1), .len = source.len, .comma = source.len };
    if (!blanking.text)
        return (struct str){ NULL, 0 };
    memcpy(blanking.text, source.ptr, source.len);
    blanking.text[source.len] = '\0';
    for (size_t at = 0; at < blanking.len;) {
        size_t end = comment_end(&blanking, at);
        if (end > at) {
            for (; at < end; at++)
                if (blanking.text[at] != '\n') /* lines stay where they are */
                    blanking.text[at] = ' ';
            continue;
        }
        see(&blanking, at);
        at = blanking.text[at] == '"' ? string_end(&blanking, at) : at + 1;
    }
    return str_of(blanking.text, blanking.len);
}
