/* Exact decimals: digits and a place, compared digit by digit. */
#include "base/decimal.h"

#include "base/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_end(struct str s, size_t at)
{
    while (at < s.len && is_digit(s.ptr[at]))
        at++;
    return at;
}

/* Saturates far above the maximum; the caller refuses what is above it. */
static int64_t exponent_of(struct str digits, bool negative)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.len && value <= DECIMAL_EXPONENT_MAX; i++)
        value = value * 10 + (digits.ptr[i] - '0');
    return negative ? -value : value;
}

int decimal_parse(struct str lexeme, struct decimal *out)
{
    struct decimal d = { .integer = STR_EMPTY, .fraction = STR_EMPTY };
    size_t at = 0, end;

    if (at < lexeme.len && lexeme.ptr[at] == '-') {
        d.negative = true;
        at++;
    }
    end = digits_end(lexeme, at);
    if (end == at || (lexeme.ptr[at] == '0' && end - at > 1))
        return E_SYNTAX;
    if (lexeme.ptr[at] != '0')
        d.integer = str_slice(lexeme, at, end);
    at = end;
    if (at < lexeme.len && lexeme.ptr[at] == '.') {
        end = digits_end(lexeme, ++at);
        if (end == at)
            return E_SYNTAX;
        size_t last = end;
        while (last > at && lexeme.ptr[last - 1] == '0')
            last--;
        d.fraction = str_slice(lexeme, at, last);
        at = end;
    }
    if (at < lexeme.len && (lexeme.ptr[at] == 'e' || lexeme.ptr[at] == 'E')) {
        bool negative = ++at < lexeme.len && lexeme.ptr[at] == '-';
        if (at < lexeme.len && (lexeme.ptr[at] == '-' || lexeme.ptr[at] == '+'))
            at++;
        end = digits_end(lexeme, at);
        if (end == at)
            return E_SYNTAX;
        d.exponent = exponent_of(str_slice(lexeme, at, end), negative);
        at = end;
    }
    if (at != lexeme.len)
        return E_SYNTAX;
    if (d.exponent > DECIMAL_EXPONENT_MAX || d.exponent < -DECIMAL_EXPONENT_MAX)
        return E_LIMIT;
    if (decimal_is_zero(&d))
        d.negative = false;
    *out = d;
    return 0;
}

bool decimal_is_zero(const struct decimal *d)
{
    return d->integer.len == 0 && d->fraction.len == 0;
}

/* Integer and fraction read as one row of digits that begins with one that is not zero. */
struct digits {
    struct str first, second;
    int64_t place; /* the value is 0.DIGITS * 10^place */
};

static struct digits digits_of(const struct decimal *d)
{
    struct digits digits = { d->integer, d->fraction, d->exponent + (int64_t)d->integer.len };

    if (digits.first.len == 0)
        while (digits.second.len > 0 && digits.second.ptr[0] == '0') {
            digits.second = str_slice(digits.second, 1, digits.second.len);
            digits.place--;
        }
    return digits;
}

static size_t digits_count(const struct digits *digits)
{
    return digits->first.len + digits->second.len;
}

static char digit_at(const struct digits *digits, size_t index)
{
    if (index < digits->first.len)
        return digits->first.ptr[index];
    index -= digits->first.len;
    return index < digits->second.len ? digits->second.ptr[index] : '0';
}

static int magnitude_cmp(const struct decimal *a, const struct decimal *b)
{
    struct digits left = digits_of(a), right = digits_of(b);
    size_t left_count = digits_count(&left), right_count = digits_count(&right);
    size_t count = left_count > right_count ? left_count : right_count;

    if (left.place != right.place)
        return left.place < right.place ? -1 : 1;
    for (size_t i = 0; i < count; i++) {
        char l = digit_at(&left, i), r = digit_at(&right, i);
        if (l != r)
            return l < r ? -1 : 1;
    }
    return 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    bool a_zero = decimal_is_zero(a), b_zero = decimal_is_zero(b);

    if (a_zero || b_zero) {
        if (a_zero && b_zero)
            return 0;
        return a_zero ? (b->negative ? 1 : -1) : (a->negative ? -1 : 1);
    }
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int order = magnitude_cmp(a, b);
    return a->negative ? -order : order;
}

/* Digits without the zeros at their end. */
static size_t significant_count(const struct digits *digits)
{
    size_t count = digits_count(digits);

    while (count > 0 && digit_at(digits, count - 1) == '0')
        count--;
    return count;
}

bool decimal_is_integer(const struct decimal *d)
{
    struct digits digits = digits_of(d);

    return decimal_is_zero(d) || (int64_t)significant_count(&digits) <= digits.place;
}

#define PLAIN_MAX 40 /* digits before and behind the point that are written out; else an exponent is */

struct str decimal_text(const struct decimal *d, struct arena *arena)
{
    struct digits digits = digits_of(d);
    int64_t count = (int64_t)significant_count(&digits), place = digits.place;
    char *text = arena_alloc(arena, (size_t)count + 2 * PLAIN_MAX + 32), *at = text;
    if (text == NULL)
        return (struct str){ NULL, 0 };
    if (count == 0)
        return STR("0");
    if (d->negative)
        *at++ = '-';
    bool plain = place <= PLAIN_MAX && count - place <= PLAIN_MAX;
    int64_t point = plain ? place : count; /* so many digits stand before it */
    if (point <= 0)
        *at++ = '0';
    for (int64_t i = point < 0 ? point : 0; i < count || i < point; i++) {
        if (i == point)
            *at++ = '.';
        *at++ = i < 0 ? '0' : digit_at(&digits, (size_t)i);
    }
    if (!plain)
        at += snprintf(at, 24, "e%lld", (long long)(place - count));
    return str_of(text, (size_t)(at - text));
}

/* value = digits * 10^exponent, with `count` digits: at most 17, so that every shortest form fits. */
struct scaled {
    unsigned long long digits;
    int count, exponent;
};

#define SHORTEST_MAX 17 /* no double needs more digits */
#define SURE_MAX 15     /* so many digits survive any normal double (DBL_DIG) */

static double scaled_to_double(struct scaled s)
{
    char text[48]; /* no decimal point in it: the locale does not matter */
    int len = snprintf(text, sizeof(text), "%llue%d", s.digits, s.exponent);
    CHECK(len > 0 && (size_t)len < sizeof(text));
    return strtod(text, NULL);
}

/* The decimal of `count` digits that is nearest to the value. */
static struct scaled double_to_scaled(double value, int count)
{
    char text[48];
    struct scaled s = { .count = count };
    int len = snprintf(text, sizeof(text), "%.*e", count - 1, value), at = 0;

    CHECK(len > 0 && (size_t)len < sizeof(text));
    for (; text[at] != 'e'; at++) /* steps over the locale's decimal point */
        if (is_digit(text[at]))
            s.digits = s.digits * 10 + (unsigned long long)(text[at] - '0');
    s.exponent = (int)strtol(text + at + 1, NULL, 10) - (count - 1);
    return s;
}

static bool reads_as(struct scaled s, int shift, double value)
{
    s.digits = shift < 0 ? s.digits - 1 : s.digits + (unsigned)shift;
    return scaled_to_double(s) == value;
}

/* Whether any decimal of `count` digits reads as the value: if one does, one of its two neighbours there does. */
static bool has_form(double value, int count)
{
    struct scaled nearest = double_to_scaled(value, count);
    return reads_as(nearest, 0, value) || reads_as(nearest, -1, value) || reads_as(nearest, 1, value);
}

static bool is_shortest(struct scaled s)
{
    double value = scaled_to_double(s);

    if (!isfinite(value) || value == 0)
        return false;
    if (s.count > 1 && has_form(value, s.count - 1))
        return false;
    struct scaled nearest = double_to_scaled(value, s.count);
    if (nearest.exponent != s.exponent)
        return false;
    if (nearest.digits == s.digits)
        return true;
    /* Just above a power of two the nearest one may read as another double; then its neighbour is the shortest form. */
    return !reads_as(nearest, 0, value) && (nearest.digits + 1 == s.digits || nearest.digits - 1 == s.digits);
}

/* Digits alone, few enough for every double: most numbers are. */
static bool is_short_integer(struct str lexeme)
{
    if (lexeme.len == 0 || lexeme.len > SURE_MAX || (lexeme.ptr[0] == '0' && lexeme.len > 1))
        return false;
    for (size_t i = 0; i < lexeme.len; i++)
        if (lexeme.ptr[i] < '0' || lexeme.ptr[i] > '9')
            return false;
    return true;
}

bool decimal_fits_double(struct str lexeme)
{
    if (is_short_integer(lexeme))
        return true;

    struct decimal d;
    struct scaled s = { 0 };

    if (decimal_parse(lexeme, &d) != 0)
        return false;
    if (decimal_is_zero(&d))
        return true;
    struct digits digits = digits_of(&d);
    size_t count = significant_count(&digits);
    if (count > SHORTEST_MAX || digits.place > 310 || digits.place < -330)
        return false;
    if (count <= SURE_MAX && digits.place > -307 && digits.place <= 308)
        return true;
    for (size_t i = 0; i < count; i++)
        s.digits = s.digits * 10 + (unsigned long long)(digit_at(&digits, i) - '0');
    s.count = (int)count;
    s.exponent = (int)digits.place - s.count;
    return is_shortest(s);
}

#define AMOUNT_DIGITS 38
#define AMOUNT_DECIMALS 9

static amount amount_limit(void) /* 10^38, the first that is too large */
{
    return (amount)10000000000000000000u * (amount)10000000000000000000u;
}

int amount_from_decimal(const struct decimal *d, amount *out)
{
    struct digits digits = digits_of(d);
    amount value = 0;

    if (decimal_is_zero(d) || d->negative)
        return E_INVALID;
    if (digits.place > AMOUNT_DIGITS - AMOUNT_DECIMALS)
        return E_LIMIT;
    if ((int64_t)significant_count(&digits) - digits.place > AMOUNT_DECIMALS)
        return E_INVALID;
    /* All digits up to the ninth behind the point; those behind it are zeros. */
    for (int64_t i = 0; i < digits.place + AMOUNT_DECIMALS; i++)
        value = value * 10 + (unsigned)(digit_at(&digits, (size_t)i) - '0');
    *out = value;
    return 0;
}

int amount_add(amount a, amount b, amount *out)
{
    amount sum = a + b;

    if (sum < a || sum >= amount_limit())
        return E_LIMIT;
    *out = sum;
    return 0;
}

void amount_print(amount value, char out[48])
{
    char digits[48];
    int at = sizeof(digits), decimals = 0;
    bool begun = false;

    CHECK(value < amount_limit());
    for (; decimals < AMOUNT_DECIMALS || value > 0; decimals++, value /= 10) {
        if (decimals == AMOUNT_DECIMALS && begun)
            digits[--at] = '.';
        begun = begun || value % 10 != 0 || decimals >= AMOUNT_DECIMALS;
        if (begun)
            digits[--at] = (char)('0' + (int)(value % 10));
    }
    if (decimals == AMOUNT_DECIMALS) { /* below one: the digit before the point is still to come */
        if (begun)
            digits[--at] = '.';
        digits[--at] = '0';
    }
    memcpy(out, digits + at, sizeof(digits) - (size_t)at);
    out[sizeof(digits) - (size_t)at] = '\0';
}
