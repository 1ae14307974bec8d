/* Depth and members of a source before it is parsed: a parser that allocates first can be made to allocate much. */
#include "json/node.h"

#include "base/encode.h"

/* Every opening bracket and every comma, those in strings too: never less than the real depth and members. */
static void count_at_most(struct str source, size_t *opens, size_t *commas)
{
    size_t open = 0, comma = 0;

    for (size_t at = 0; at < source.len;) {
        /* Small blocks, counted in bytes, so that the compiler can use the processor's vectors. */
        size_t end = source.len - at > 240 ? at + 240 : source.len;
        unsigned char block_open = 0, block_comma = 0;
        for (; at < end; at++) {
            block_open += (source.ptr[at] | 0x20) == '{';
            block_comma += source.ptr[at] == ',';
        }
        open += block_open;
        comma += block_comma;
    }
    *opens = open;
    *commas = comma;
}

size_t string_end(struct str source, size_t at)
{
    for (at++; at < source.len; at++) {
        if (source.ptr[at] == '"')
            return at + 1;
        if (source.ptr[at] == '\\')
            at++;
    }
    return source.len;
}

static enum json_fault count_exactly(struct str source, const struct json_limits *limits, size_t *offset)
{
    size_t depth = 0, members = 0;
    bool opened = false; /* the last token opened a container: whatever follows but its end is its first member */

    for (size_t at = 0; at < source.len;) {
        char c = source.ptr[at];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            at++;
            continue;
        }
        if (c == ',' || (opened && c != ']' && c != '}'))
            members++;
        opened = c == '[' || c == '{';
        if (opened)
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        *offset = at;
        if (depth > limits->depth)
            return JSON_FAULT_TOO_DEEP;
        if (members > limits->members)
            return JSON_FAULT_TOO_MANY;
        at = c == '"' ? string_end(source, at) : at + 1;
    }
    return JSON_FAULT_NONE;
}

enum json_fault prescan(struct str source, const struct json_limits *limits, size_t *offset)
{
    size_t opens, commas;

    *offset = 0;
    if (source.len > limits->bytes) {
        *offset = limits->bytes;
        return JSON_FAULT_TOO_LARGE;
    }
    if (source.len == 0)
        return JSON_FAULT_EMPTY;
    if (str_starts_with(source, STR("\xef\xbb\xbf")))
        return JSON_FAULT_BOM;
    count_at_most(source, &opens, &commas);
    if (opens <= limits->depth && opens + commas <= limits->members)
        return JSON_FAULT_NONE;
    return count_exactly(source, limits, offset);
}

int escaped_unit(struct str source, size_t at)
{
    unsigned char bytes[2];

    if (at > source.len || source.len - at < 6 || source.ptr[at] != '\\' || source.ptr[at + 1] != 'u' ||
        hex_decode(str_slice(source, at + 2, at + 6), bytes, 2) != 0)
        return -1;
    return bytes[0] << 8 | bytes[1];
}

bool find_lone_surrogate(struct str source, size_t *offset)
{
    for (size_t at = 0; at < source.len; at++) {
        if (source.ptr[at] != '\\')
            continue;
        int unit = escaped_unit(source, at);
        if (unit >= 0xd800 && unit <= 0xdfff) {
            int second = escaped_unit(source, at + 6);
            if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff) {
                *offset = at;
                return true;
            }
            at += 11;
        } else {
            at++;
        }
    }
    return false;
}
