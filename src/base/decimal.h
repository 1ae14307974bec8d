/* Exact decimals out of JSON number lexemes: compared by value, never through a double (docs/policy.md, "Numbers").
 * A decimal borrows its digits from the lexeme. Pure. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct decimal {
    bool       negative;   /* false for zero, whatever its sign in the source */
    struct str integer;    /* digits before the point, leading zeros dropped; may be empty */
    struct str fraction;   /* digits behind the point, trailing zeros dropped; may be empty */
    int64_t    exponent;   /* as written; 0 without one */
};

#define DECIMAL_EXPONENT_MAX 400 /* beyond it in size a number cannot be compared */

/* E_SYNTAX: not a JSON number (RFC 8259 §6). E_LIMIT: its exponent is beyond the maximum. */
int  decimal_parse(struct str lexeme, struct decimal *out) NODISCARD;
/* -1, 0, 1 by value; 1e2 equals 100, -0 equals 0. Exponents are not expanded. */
int  decimal_cmp(const struct decimal *a, const struct decimal *b);
bool decimal_is_zero(const struct decimal *d);
bool decimal_is_integer(const struct decimal *d);
/* The one text of this value: 1e2, 100 and 100.0 give the same bytes. In the arena; ptr NULL: no memory. */
struct str decimal_text(const struct decimal *d, struct arena *arena) NODISCARD;
/* True if the shortest form of the nearest double is the same decimal: every server reads the same number. */
bool decimal_fits_double(struct str lexeme);

/* Amounts for counters: value * 10^9, at most 38 digits in all, 9 of them behind the point. */
typedef unsigned __int128 amount; /* the one typedef of a scalar here: a type that C has no name for */
#define AMOUNT_ONE ((amount)1000000000)
/* Above 0 only. E_INVALID: zero, negative, more than 9 decimals. E_LIMIT: more than 38 digits. */
int  amount_from_decimal(const struct decimal *d, amount *out) NODISCARD;
/* Sum, or E_LIMIT on overflow. */
int  amount_add(amount a, amount b, amount *out) NODISCARD;
/* Shortest decimal text, at most 41 bytes with the NUL. */
void amount_print(amount value, char out[48]);
