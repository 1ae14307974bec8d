/* The small encodings inside records, grants and counter keys: LEB128 integers and length-prefixed bytes, written into
 * a buf and read back strictly (shortest form only, nothing past the end). Pure. */
#pragma once

#include "base/buf.h"
#include "base/decimal.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline void wire_put_amount(struct buf *out, amount value)
{
    while (value >= 0x80) {
        buf_append_byte(out, (char)(unsigned char)(0x80 | (unsigned)(value & 0x7f)));
        value >>= 7;
    }
    buf_append_byte(out, (char)(unsigned char)value);
}

static inline unsigned wire_uint_length(uint64_t value)
{
    return (63u - (unsigned)__builtin_clzll(value | 1)) / 7 + 1;
}

/* Where there is room already: returns the place behind it. */
static inline char *wire_uint_at(char *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(unsigned char)(0x80 | (unsigned)(value & 0x7f));
    *to++ = (char)(unsigned char)value;
    return to;
}

static inline char *wire_bytes_at(char *to, const void *bytes, size_t len)
{
    to = wire_uint_at(to, len);
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

static inline void wire_put_uint(struct buf *out, uint64_t value)
{
    char *to = buf_reserve(out, wire_uint_length(value));
    if (to)
        out->len += (size_t)(wire_uint_at(to, value) - to);
}

/* Zigzag: small negative numbers stay short. */
static inline void wire_put_int(struct buf *out, int64_t value)
{
    wire_put_uint(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static inline void wire_put_str(struct buf *out, struct str value)
{
    wire_put_uint(out, value.len);
    buf_append_str(out, value);
}

/* Readers take from the front of *in; false: malformed. */
static inline bool wire_get_amount(struct str *in, amount *out)
{
    amount value = 0;
    for (unsigned shift = 0; in->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)*in->ptr;
        in->ptr++;
        in->len--;
        if (shift > 126 || (shift == 126 && byte > 3) || (byte == 0 && shift > 0))
            return false;
        value |= (amount)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    return false;
}

static inline bool wire_get_uint(struct str *in, uint64_t *out)
{
    amount value;
    if (!wire_get_amount(in, &value) || value > UINT64_MAX)
        return false;
    *out = (uint64_t)value;
    return true;
}

static inline bool wire_get_int(struct str *in, int64_t *out)
{
    uint64_t value;
    if (!wire_get_uint(in, &value))
        return false;
    *out = (int64_t)((value >> 1) ^ (0 - (value & 1)));
    return true;
}

static inline bool wire_get_str(struct str *in, struct str *out)
{
    uint64_t len;
    if (!wire_get_uint(in, &len) || len > in->len)
        return false;
    *out = str_of(in->ptr, (size_t)len);
    in->ptr += len;
    in->len -= (size_t)len;
    return true;
}
