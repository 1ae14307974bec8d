/* Reading of times. */
#include "cli/when.h"

#include "base/check.h"

#include <stdbool.h>
#include <time.h>

#define DAY_S 86400
#define SPAN_MAX_S (INT64_C(100) * 366 * DAY_S)

/* Takes `digits` digits off the front, a number of low to high. */
static bool take_number(struct str *text, size_t digits, int low, int high, int *out)
{
    *out = 0;
    if (text->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        char c = text->ptr[i];
        if (c < '0' || c > '9')
            return false;
        *out = *out * 10 + (c - '0');
    }
    *text = str_slice(*text, digits, text->len);
    return *out >= low && *out <= high;
}

static bool take_byte(struct str *text, char upper, char lower)
{
    if (text->len == 0 || (*text->ptr != upper && *text->ptr != lower))
        return false;
    *text = str_slice(*text, 1, text->len);
    return true;
}

static bool take_date(struct str *text, struct tm *out)
{
    int year, month;
    bool good = take_number(text, 4, 1970, 9999, &year) && take_byte(text, '-', '-') &&
                take_number(text, 2, 1, 12, &month) && take_byte(text, '-', '-') &&
                take_number(text, 2, 1, 31, &out->tm_mday);
    if (good) {
        out->tm_year = year - 1900;
        out->tm_mon = month - 1;
    }
    return good;
}

/* Milliseconds; what is finer is cut. */
static bool take_fraction(struct str *text, int64_t *ms)
{
    int64_t unit = 100;
    size_t digits = 0;
    *ms = 0;
    if (!take_byte(text, '.', '.'))
        return true;
    for (int digit; take_number(text, 1, 0, 9, &digit); digits++, unit /= 10)
        *ms += digit * unit;
    return digits > 0;
}

static bool take_offset(struct str *text, int *seconds)
{
    int hours, minutes;
    *seconds = 0;
    if (take_byte(text, 'Z', 'z'))
        return true;
    bool west = text->len > 0 && *text->ptr == '-';
    if (!take_byte(text, '+', '-') || !take_number(text, 2, 0, 23, &hours) || !take_byte(text, ':', ':') ||
        !take_number(text, 2, 0, 59, &minutes))
        return false;
    *seconds = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

static int parse_moment(struct str text, int64_t *out)
{
    struct tm tm = { 0 };
    int64_t ms = 0;
    int offset = 0;
    if (!take_date(&text, &tm))
        return E_SYNTAX;
    int day = tm.tm_mday;
    if (text.len > 0) {
        bool parted = take_byte(&text, 'T', 't') || take_byte(&text, ' ', ' ');
        if (!parted || !take_number(&text, 2, 0, 23, &tm.tm_hour) || !take_byte(&text, ':', ':') ||
            !take_number(&text, 2, 0, 59, &tm.tm_min) || !take_byte(&text, ':', ':') ||
            !take_number(&text, 2, 0, 60, &tm.tm_sec) || !take_fraction(&text, &ms) || !take_offset(&text, &offset))
            return E_SYNTAX;
    }
    int64_t seconds = timegm(&tm);
    if (text.len > 0 || tm.tm_mday != day) /* 31 April */
        return E_SYNTAX;
    *out = (seconds - offset) * 1000 + ms;
    return *out > 0 ? 0 : E_SYNTAX;
}

static bool span_seconds(char unit, int64_t *seconds)
{
    switch (unit) {
    case 's': *seconds = 1; return true;
    case 'm': *seconds = 60; return true;
    case 'h': *seconds = 3600; return true;
    case 'd': *seconds = DAY_S; return true;
    case 'w': *seconds = INT64_C(7) * DAY_S; return true;
    default: return false;
    }
}

int when_parse(struct str text, int64_t now_ms, int64_t *out)
{
    unsigned long long count;
    int64_t unit;
    if (text.len < 2 || !span_seconds(text.ptr[text.len - 1], &unit))
        return parse_moment(text, out);
    if (!str_to_u64(str_slice(text, 0, text.len - 1), (unsigned long long)(SPAN_MAX_S / unit), &count))
        return E_SYNTAX;
    *out = now_ms - (int64_t)count * unit * 1000;
    return *out > 0 ? 0 : E_SYNTAX;
}
