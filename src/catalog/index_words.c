/* Splitting and folding, ASCII only: what else a name has is kept for its own page. */
#include "catalog/index_words.h"

#include "base/check.h"

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c & 0x80) != 0;
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_word(char c)
{
    return is_upper(c) || is_lower(c) || is_digit(c);
}
static char lower(char c)
{
    return (char)(is_upper(c) ? c | 0x20 : c);
}

/* A new word begins at `at`: readSet -> read Set, AHORead -> AHO Read. */
static bool begins(struct str name, size_t at)
{
    char before = name.ptr[at - 1], here = name.ptr[at];
    if (!is_upper(here))
        return false;
    return !is_upper(before) || (at + 1 < name.len && is_lower(name.ptr[at + 1]));
}

struct str next_word(struct str name, size_t *at)
{
    size_t from = *at, to;
    while (from < name.len && !is_word(name.ptr[from]))
        from++;
    for (to = from; to < name.len && is_word(name.ptr[to]); to++)
        if (to > from && begins(name, to))
            break;
    *at = to;
    return str_slice(name, from, to);
}

struct str slug_of(struct str name, char out[SLUG_MAX + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < SLUG_MAX; i++) {
        char c = name.ptr[i];
        bool kept = is_upper(c) || (c >= 'a' && c <= 'z') || is_digit(c) || ((c == '.' || c == '_') && len > 0);
        if (kept)
            out[len++] = lower(c);
        else if (c == '/' && len > 0)
            out[len++] = '~';
        else if (len > 0 && out[len - 1] != '-')
            out[len++] = '-';
    }
    while (len > 0 && (out[len - 1] == '-' || out[len - 1] == '.' || out[len - 1] == '~'))
        len--;
    if (str_ends_with(str_of(out, len), STR(".html")))
        out[len - 5] = '-'; /* a folder is not to be mistaken for a page */
    struct str slug = str_of(out, len);
    if (len == 0)
        slug = STR("unnamed");
    else if (str_eq(slug, STR("index")))
        slug = STR("index-");
    memmove(out, slug.ptr, slug.len);
    out[slug.len] = '\0';
    return str_of(out, slug.len);
}

static size_t put_lower(char *out, size_t len, struct str word)
{
    for (size_t i = 0; i < word.len && len < KIND_MAX; i++)
        out[len++] = lower(word.ptr[i]);
    return len;
}

struct str kind_of(struct str name, char out[KIND_MAX + 1])
{
    size_t at = 0, len;
    struct str first = next_word(name, &at), last = STR_EMPTY, word;
    while ((word = next_word(name, &at)).len > 0)
        last = word;
    len = put_lower(out, 0, first);
    if (last.len > 0 && len < KIND_MAX) {
        out[len++] = ' ';
        len = put_lower(out, len, last);
        if (last.len > 3 && out[len - 1] == 's' && out[len - 2] != 's')
            len--;
    }
    out[len] = '\0';
    return str_of(out, len);
}

void append_words(struct buf *out, struct str name)
{
    size_t at = 0;
    struct str word;
    buf_append_str(out, name);
    while ((word = next_word(name, &at)).len > 0) {
        buf_append_byte(out, ' ');
        for (size_t i = 0; i < word.len; i++)
            buf_append_byte(out, lower(word.ptr[i]));
    }
}

char initial_of(struct str slug)
{
    return (char)(slug.len > 0 && slug.ptr[0] >= 'a' && slug.ptr[0] <= 'z' ? slug.ptr[0] : '#');
}

bool is_filler(struct str word)
{
    static const struct str fillers[] = {
        { "a", 1 },  { "an", 2 },  { "and", 3 },  { "are", 3 }, { "as", 2 },   { "at", 2 }, { "be", 2 },
        { "by", 2 }, { "for", 3 }, { "from", 4 }, { "in", 2 },  { "is", 2 },   { "it", 2 }, { "of", 2 },
        { "on", 2 }, { "or", 2 },  { "that", 4 }, { "the", 3 }, { "this", 4 }, { "to", 2 }, { "with", 4 },
    };
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
        if (str_eq(word, fillers[i]))
            return true;
    return false;
}
