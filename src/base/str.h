/* Byte strings by value: pointer and length, NUL-terminated only at libc's border.
 * A str never owns its bytes; whoever made it says how long they live. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t      len;
};

#define STR(literal)  ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_EMPTY     ((struct str){ "", 0 })
/* For printf: printf("%" STR_FMT, STR_ARG(s)). Lengths above INT_MAX do not occur: every input has a ceiling. */
#define STR_FMT       ".*s"
#define STR_ARG(s)    (int)(s).len, (s).ptr

static inline struct str str_of(const char *ptr, size_t len) { return (struct str){ ptr, len }; }
static inline struct str str_from_c(const char *text) { return (struct str){ text, strlen(text) }; }
static inline bool str_is_empty(struct str s) { return s.len == 0; }

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte order; a prefix sorts before what it begins. */
int  str_cmp(struct str a, struct str b);
/* ASCII letters folded, nothing else: for HTTP field names and media types, never for names that policies know. */
bool str_folds_to(struct str a, struct str b); /* of one length */
static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (str_eq(a, b) || str_folds_to(a, b));
}
static inline bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_of(s.ptr, prefix.len), prefix);
}
bool str_ends_with(struct str s, struct str suffix);
/* Offset of the first occurrence, or s.len when there is none. An empty needle is found at 0. */
size_t str_find(struct str s, struct str needle);
static inline size_t str_find_byte(struct str s, char byte)
{
    const char *found = s.len > 0 ? (const char *)memchr(s.ptr, (unsigned char)byte, s.len) : NULL;
    return found ? (size_t)(found - s.ptr) : s.len;
}
static inline struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    return from < to ? str_of(s.ptr + from, to - from) : STR_EMPTY;
}
/* Drops the given ASCII bytes at both ends. */
struct str str_trim(struct str s, const char *bytes);
/* Decimal digits only, no sign, no leading zero but "0" itself; false on anything else or above `max`. */
bool str_to_u64(struct str s, unsigned long long max, unsigned long long *out);
/* Well-formed UTF-8 without surrogates, up to U+10FFFF. */
bool str_is_utf8(struct str s);
bool str_is_token(struct str s);      /* of HTTP, RFC 9110 §5.6.2 */
bool str_is_identifier(struct str s); /* letters, digits and underscores, at least one */
/* The code point at `at` (below s.len) and its length in bytes; 0 when the bytes there are not UTF-8. */
size_t str_utf8_next(struct str s, size_t at, unsigned *point);
/* Equal in constant time for equal lengths: for secrets. */
bool str_eq_secret(struct str a, struct str b);
