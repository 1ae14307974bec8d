/* Hexadecimal, base64 and ids. */
#include "base/encode.h"

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(const void *bytes, size_t len, char *out)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex_digits[from[i] >> 4];
        out[2 * i + 1] = hex_digits[from[i] & 15];
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(struct str text, void *out, size_t len)
{
    uint8_t *to = out;

    if (text.len % 2 != 0 || text.len / 2 != len)
        return E_SYNTAX;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text.ptr[2 * i]), low = hex_value(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return E_SYNTAX;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static size_t encode64(const void *bytes, size_t len, const char *letters, char *out)
{
    const uint8_t *from = bytes;
    unsigned bits = 0, count = 0;
    size_t written = 0;

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | from[i]) & 0xffff;
        for (count += 8; count >= 6; count -= 6)
            out[written++] = letters[bits >> (count - 6) & 63];
    }
    if (count > 0)
        out[written++] = letters[bits << (6 - count) & 63];
    return written;
}

size_t base64url_encode(const void *bytes, size_t len, char *out)
{
    return encode64(bytes, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", out);
}

size_t base64_encode(const void *bytes, size_t len, char *out)
{
    size_t written = encode64(bytes, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", out);
    while (written % 4)
        out[written++] = '=';
    return written;
}

static int value64(char c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == c62)
        return 62;
    return c == c63 ? 63 : -1;
}

static int decode64(struct str text, char c62, char c63, void *out, size_t max, size_t *len)
{
    uint8_t *to = out;
    unsigned bits = 0, count = 0;
    size_t written = 0;

    if (text.len % 4 == 1)
        return E_SYNTAX;
    for (size_t i = 0; i < text.len; i++) {
        int value = value64(text.ptr[i], c62, c63);
        if (value < 0)
            return E_SYNTAX;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        count += 6;
        if (count < 8)
            continue;
        if (written == max)
            return E_LIMIT;
        count -= 8;
        to[written++] = (uint8_t)(bits >> count);
    }
    /* One text a value: bits behind the last byte are zero. */
    if ((bits & ((1u << count) - 1)) != 0)
        return E_SYNTAX;
    *len = written;
    return 0;
}

int base64url_decode(struct str text, void *out, size_t max, size_t *len)
{
    return decode64(text, '-', '_', out, max, len);
}

int base64_decode(struct str text, void *out, size_t max, size_t *len)
{
    if (text.len % 4 != 0)
        return E_SYNTAX;
    for (int i = 0; i < 2 && str_ends_with(text, STR("=")); i++)
        text.len--;
    return decode64(text, '+', '/', out, max, len);
}

void id_make(struct id *id, int64_t wall_ms, uint16_t node, const uint8_t entropy[8])
{
    for (unsigned i = 0; i < 6; i++)
        id->bytes[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
    id->bytes[6] = (uint8_t)(0x70 | node >> 12);
    id->bytes[7] = (uint8_t)(node >> 4);
    id->bytes[8] = (uint8_t)(0x80 | (node & 15) << 2 | (entropy[0] & 3));
    memcpy(id->bytes + 9, entropy + 1, 7);
}

static bool is_dash_place(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

void id_print(const struct id *id, char out[ID_TEXT_LEN + 1])
{
    size_t byte = 0;

    for (size_t at = 0; at < ID_TEXT_LEN;) {
        if (is_dash_place(at)) {
            out[at++] = '-';
            continue;
        }
        hex_encode(&id->bytes[byte++], 1, out + at);
        at += 2;
    }
    out[ID_TEXT_LEN] = '\0';
}

int id_parse(struct str text, struct id *out)
{
    struct id id;
    size_t byte = 0;

    if (text.len != ID_TEXT_LEN)
        return E_SYNTAX;
    for (size_t at = 0; at < ID_TEXT_LEN;) {
        if (is_dash_place(at)) {
            if (text.ptr[at++] != '-')
                return E_SYNTAX;
            continue;
        }
        if (hex_decode(str_slice(text, at, at + 2), &id.bytes[byte++], 1) != 0)
            return E_SYNTAX;
        at += 2;
    }
    if (id.bytes[6] >> 4 != 7 || id.bytes[8] >> 6 != 2)
        return E_SYNTAX;
    *out = id;
    return 0;
}
