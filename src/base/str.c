/* Byte strings by value. */
#include "base/str.h"

#include <limits.h>
#include <stdint.h>

int str_cmp(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_folds_to(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i]))
            return false;
    return true;
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && (suffix.len == 0 || str_eq(str_of(s.ptr + (s.len - suffix.len), suffix.len), suffix));
}

size_t str_find(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    if (needle.len > s.len)
        return s.len;
    const char *found = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return found ? (size_t)(found - s.ptr) : s.len;
}

static bool is_one_of(char c, const char *bytes)
{
    while (*bytes && *bytes != c)
        bytes++;
    return *bytes != '\0';
}

struct str str_trim(struct str s, const char *bytes)
{
    while (s.len > 0 && is_one_of(s.ptr[0], bytes)) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_one_of(s.ptr[s.len - 1], bytes))
        s.len--;
    return s;
}

#define U64_DIGITS 20 /* of the largest; every number of fewer digits is below it */

bool str_to_u64(struct str s, unsigned long long max, unsigned long long *out)
{
    unsigned long long value = 0;

    if (s.len == 0 || s.len > U64_DIGITS || (s.len > 1 && s.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)(s.ptr[i] - '0');
        if (digit > 9 || (i == U64_DIGITS - 1 && value > (ULLONG_MAX - digit) / 10))
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return value <= max;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool str_is_token(struct str s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.ptr[i]) && (s.ptr[i] == '\0' || !strchr(others, s.ptr[i])))
            return false;
    return s.len > 0;
}

bool str_is_identifier(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.ptr[i]) && s.ptr[i] != '_')
            return false;
    return s.len > 0;
}

bool str_is_utf8(struct str s)
{
    size_t at = 0;

    while (at < s.len) {
        uint64_t eight;
        if (s.len - at >= sizeof(eight)) {
            memcpy(&eight, s.ptr + at, sizeof(eight));
            if ((eight & 0x8080808080808080) == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        unsigned point;
        size_t len = str_utf8_next(s, at, &point);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

size_t str_utf8_next(struct str s, size_t at, unsigned *point)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr + at;
    static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned value = bytes[0];
    size_t len;

    if (value < 0x80) {
        *point = value;
        return 1;
    }
    if ((value & 0xe0) == 0xc0) {
        len = 2;
        value &= 0x1f;
    } else if ((value & 0xf0) == 0xe0) {
        len = 3;
        value &= 0x0f;
    } else if ((value & 0xf8) == 0xf0) {
        len = 4;
        value &= 0x07;
    } else {
        return 0;
    }
    if (len > s.len - at)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *point = value;
    return len;
}

bool str_eq_secret(struct str a, struct str b)
{
    unsigned char different = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        different |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
        __asm__ volatile("" : "+r"(different)); /* no early exit by an optimiser */
    }
    return different == 0;
}
