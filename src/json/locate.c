/* Line and column of what a pointer names, for people who correct a file. The source is walked again: a tree does not
 * remember where its nodes stood. */
#include "json/json.h"

#include "json/node.h"

static size_t skip_space(struct str source, size_t at)
{
    while (at < source.len &&
           (source.ptr[at] == ' ' || source.ptr[at] == '\t' || source.ptr[at] == '\n' || source.ptr[at] == '\r'))
        at++;
    return at;
}

static char byte_at(struct str source, size_t at)
{
    return at < source.len ? source.ptr[at] : '\0';
}

static size_t skip_value(struct str source, size_t at)
{
    size_t depth = 0;

    while (at < source.len) {
        char c = source.ptr[at];
        if (c == '"') {
            at = json_string_end(source, at);
        } else if (c == '[' || c == '{') {
            depth++;
            at++;
        } else if (depth == 0 && (c == ',' || c == ']' || c == '}')) {
            return at;
        } else {
            depth -= c == ']' || c == '}';
            at++;
        }
    }
    return at;
}

static size_t utf8_put(unsigned point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(heads[len] | point);
    return len;
}

/* The bytes of one character or escape at `at`; returns how many source bytes it took. */
static size_t unescape_one(struct str raw, size_t at, char out[4], size_t *len)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    int unit = json_escaped_unit(raw, at), second;

    *len = 1;
    if (unit >= 0xd800 && unit <= 0xdbff && (second = json_escaped_unit(raw, at + 6)) >= 0xdc00 && second <= 0xdfff) {
        *len = utf8_put(0x10000 + (((unsigned)unit & 0x3ff) << 10 | ((unsigned)second & 0x3ff)), out);
        return 12;
    }
    if (unit >= 0) {
        *len = utf8_put((unsigned)unit, out);
        return 6;
    }
    out[0] = raw.ptr[at];
    const char *letter = raw.ptr[at] == '\\' && at + 1 < raw.len ? memchr(letters, raw.ptr[at + 1], 8) : NULL;
    if (!letter)
        return 1;
    out[0] = bytes[letter - letters];
    return 2;
}

static bool name_is(struct str raw, struct str token)
{
    size_t from = 0;

    for (size_t at = 0; at < raw.len;) {
        char bytes[4];
        size_t len;
        at += unescape_one(raw, at, bytes, &len);
        for (size_t i = 0; i < len; i++)
            if (json_pointer_byte(token, &from) != (unsigned char)bytes[i])
                return false;
    }
    return from == token.len;
}

/* The member of the object at `at` (its bracket): where its name and its value stand. */
static bool find_member(struct str source, size_t at, struct str token, size_t *name, size_t *value)
{
    for (at = skip_space(source, at + 1); byte_at(source, at) == '"'; at = skip_space(source, at + 1)) {
        size_t end = json_string_end(source, at);
        size_t colon = skip_space(source, end);
        *name = at;
        *value = skip_space(source, colon + 1);
        if (name_is(str_slice(source, at + 1, end - 1), token))
            return *value < source.len;
        at = skip_value(source, *value);
        if (byte_at(source, at) != ',')
            return false;
    }
    return false;
}

static bool find_element(struct str source, size_t at, struct str token, size_t *value)
{
    unsigned long long index;

    if (!str_to_u64(token, source.len, &index))
        return false;
    for (at = skip_space(source, at + 1); at < source.len && source.ptr[at] != ']'; at = skip_space(source, at + 1)) {
        *value = at;
        if (index-- == 0)
            return true;
        at = skip_value(source, at);
        if (byte_at(source, at) != ',')
            return false;
    }
    return false;
}

void json_locate(struct str source, struct str pointer, bool key, size_t *line, size_t *column)
{
    size_t value = skip_space(source, 0), name = value, start = value;
    struct str token;
    bool found = true;

    while (found && pointer.len > 0) {
        found = json_pointer_next(&pointer, &token);
        if (found && byte_at(source, value) == '{') {
            found = find_member(source, value, token, &name, &value);
        } else if (found && byte_at(source, value) == '[') {
            found = find_element(source, value, token, &value);
            name = value;
        } else {
            found = false;
        }
    }
    json_position(source, !found ? start : key ? name : value, line, column);
}

void json_position(struct str source, size_t offset, size_t *line, size_t *column)
{
    size_t begin = 0;

    *line = 1;
    if (offset > source.len)
        offset = source.len;
    for (size_t at = 0; at < offset; at++)
        if (source.ptr[at] == '\n') {
            ++*line;
            begin = at + 1;
        }
    *column = offset - begin + 1;
}
