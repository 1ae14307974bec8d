/* Targets, forms, entity tags. */
#include "catalog/serve_query.h"

#include "base/check.h"
#include "base/encode.h"
#include "catalog/search.h"

static bool is_path_byte(char c)
{
    char letter = (char)(c | 0x20);
    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '~' || c == '-';
}

bool serve_split(struct str target, struct str *path, struct str *query)
{
    size_t mark = str_find_byte(target, '?');
    *path = str_slice(target, 0, mark);
    *query = str_slice(target, mark + 1, target.len);
    if (path->len == 0 || path->ptr[0] != '/')
        return false;
    for (size_t i = 1; i < path->len; i++) {
        char c = path->ptr[i], before = path->ptr[i - 1];
        if ((c != '/' && !is_path_byte(c)) || (before == '/' && (c == '/' || c == '.')))
            return false;
    }
    return true;
}

static int decode(struct str value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i] == '+' ? ' ' : value.ptr[i];
        if (value.ptr[i] == '%') {
            if (hex_decode(str_slice(value, i + 1, i + 3), &byte, 1) != 0)
                return E_INVALID;
            i += 2;
        }
        buf_append_byte(out, byte);
    }
    return buf_ok(out) ? 0 : E_INVALID;
}

int serve_words(struct str query, struct buf *out)
{
    bool found = false;
    buf_reset(out);
    out->max = SEARCH_QUERY_BYTES;
    while (query.len > 0) {
        struct str pair = str_slice(query, 0, str_find_byte(query, '&'));
        query = str_slice(query, pair.len + 1, query.len);
        if (!str_starts_with(pair, STR("q=")))
            continue;
        if (found || decode(str_slice(pair, 2, pair.len), out) != 0)
            return E_INVALID;
        found = true;
    }
    struct str words = buf_str(out);
    if (!str_is_utf8(words) || str_find_byte(words, '\0') < words.len)
        return E_INVALID;
    return 0;
}

bool serve_matches(struct str field, struct str tag)
{
    if (str_eq(str_trim(field, " \t"), STR("*")))
        return true;
    while (field.len > 0) {
        struct str one = str_trim(str_slice(field, 0, str_find_byte(field, ',')), " \t");
        field = str_slice(field, str_find_byte(field, ',') + 1, field.len);
        if (str_starts_with(one, STR("W/")))
            one = str_slice(one, 2, one.len);
        if (str_eq(one, tag))
            return true;
    }
    return false;
}

struct str serve_type(struct str path)
{
    static const struct {
        struct str ending, type;
    } types[] = {
        { { ".html", 5 }, { "text/html; charset=utf-8", 24 } },
        { { ".css", 4 }, { "text/css; charset=utf-8", 23 } },
        { { ".js", 3 }, { "text/javascript; charset=utf-8", 30 } },
        { { ".json", 5 }, { "application/json", 16 } },
        { { ".xml", 4 }, { "application/xml", 15 } },
        { { ".txt", 4 }, { "text/plain; charset=utf-8", 25 } },
        { { ".svg", 4 }, { "image/svg+xml", 13 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_ends_with(path, types[i].ending))
            return types[i].type;
    return (struct str){ NULL, 0 };
}
