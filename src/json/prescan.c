/* Depth and members of a source before it is parsed: a parser that allocates first can be made to allocate much. */
#include "json/node.h"

#include "base/encode.h"

#define LANES 16
typedef unsigned char bytes16 __attribute__((vector_size(LANES)));

static size_t half_sum(uint64_t lanes)
{
    const uint64_t pairs = 0x00ff00ff00ff00ff;
    return ((lanes & pairs) + (lanes >> 8 & pairs)) * 0x0001000100010001 >> 48;
}

static size_t lanes_sum(bytes16 counts)
{
    uint64_t halves[2];
    memcpy(halves, &counts, sizeof(halves));
    return half_sum(halves[0]) + half_sum(halves[1]);
}

static bytes16 load16(const char *at)
{
    bytes16 bytes;
    memcpy(&bytes, at, LANES);
    return bytes;
}

/* Every opening bracket and every comma, those in strings too: never less than the real depth and members. The last
 * sixteen bytes may be counted twice. */
static void count_at_most(struct str source, size_t *opens, size_t *commas)
{
    size_t at = 0;
    char padded[LANES] = { 0 };

    *opens = *commas = 0;
    while (at < source.len) {
        bytes16 open = { 0 }, comma = { 0 }; /* of each lane, which does not overflow in 255 turns */
        for (int turn = 0; turn < 255 && at < source.len; turn++, at += LANES) {
            bytes16 bytes;
            if (source.len - at >= LANES)
                bytes = load16(source.ptr + at);
            else if (source.len >= LANES)
                bytes = load16(source.ptr + source.len - LANES);
            else
                bytes = load16(memcpy(padded, source.ptr, source.len));
            open -= (bytes16)((bytes | 0x20) == '{'); /* a lane that is equal is all ones, -1 */
            comma -= (bytes16)(bytes == ',');
        }
        *opens += lanes_sum(open);
        *commas += lanes_sum(comma);
    }
}

size_t json_string_end(struct str source, size_t at)
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
        at = c == '"' ? json_string_end(source, at) : at + 1;
    }
    return JSON_FAULT_NONE;
}

enum json_fault json_prescan(struct str source, const struct json_limits *limits, size_t *offset)
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

int json_escaped_unit(struct str source, size_t at)
{
    unsigned char bytes[2];

    if (at > source.len || source.len - at < 6 || source.ptr[at] != '\\' || source.ptr[at + 1] != 'u' ||
        hex_decode(str_slice(source, at + 2, at + 6), bytes, 2) != 0)
        return -1;
    return bytes[0] << 8 | bytes[1];
}

bool json_lone_surrogate(struct str source, size_t *offset)
{
    for (size_t at = 0; at < source.len; at++) {
        if (source.ptr[at] != '\\')
            continue;
        int unit = json_escaped_unit(source, at);
        if (unit >= 0xd800 && unit <= 0xdfff) {
            int second = json_escaped_unit(source, at + 6);
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
