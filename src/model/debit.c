/* Windows of time, and the bytes that are a counter's identity. */
#include "model/debit.h"

#include "base/check.h"
#include "base/error.h"
#include "model/wire.h"

#include <stdio.h>

#define MS_PER_DAY INT64_C(86400000)

static int64_t floor_div(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;
    return quotient - (value % divisor < 0 ? 1 : 0);
}

/* Days since the epoch of the first of a month of the proleptic Gregorian calendar. A year here begins in March, so
 * that the leap day is its last; 400 years are 146,097 days. */
static int64_t day_of_month_start(int64_t year, int month)
{
    if (month <= 2)
        year--;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void month_of_day(int64_t day, int64_t *year, int *month)
{
    int64_t shifted = day + 719468;
    int64_t era = floor_div(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int march_month = (int)((5 * day_of_year + 2) / 153);
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static void month_bounds(int64_t day, int64_t *start_ms, int64_t *end_ms)
{
    int64_t year;
    int month;
    month_of_day(day, &year, &month);
    *start_ms = day_of_month_start(year, month) * MS_PER_DAY;
    *end_ms = (month == 12 ? day_of_month_start(year + 1, 1) : day_of_month_start(year, month + 1)) * MS_PER_DAY;
}

void window_bounds(const struct window *window, int64_t now_ms, int64_t *start_ms, int64_t *end_ms)
{
    if (now_ms < TIME_MIN_MS)
        now_ms = TIME_MIN_MS;
    if (now_ms > TIME_MAX_MS)
        now_ms = TIME_MAX_MS;
    int64_t day = floor_div(now_ms, MS_PER_DAY);

    switch (window->kind) {
    case WINDOW_SECONDS: {
        AN(window->seconds);
        int64_t length = (int64_t)window->seconds * 1000;
        *start_ms = floor_div(now_ms, length) * length;
        *end_ms = *start_ms + length;
        return;
    }
    case WINDOW_WEEK: /* the epoch was a Thursday; day 4 a Monday */
        *start_ms = (floor_div(day - 4, 7) * 7 + 4) * MS_PER_DAY;
        *end_ms = *start_ms + 7 * MS_PER_DAY;
        return;
    case WINDOW_MONTH: month_bounds(day, start_ms, end_ms); return;
    case WINDOW_TOTAL:
    case WINDOW_CONCURRENT:
        *start_ms = 0;
        *end_ms = INT64_MAX;
        return;
    }
    WRONG("a window of no kind");
}

static void seconds_print(uint32_t seconds, char out[32])
{
    static const struct {
        uint32_t seconds;
        const char *word, *unit;
    } units[] = { { 86400, "day", "d" }, { 3600, "hour", "h" }, { 60, "minute", "m" } };

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (seconds == units[i].seconds) {
            (void)snprintf(out, 32, "%s", units[i].word);
            return;
        }
        if (seconds > 0 && seconds % units[i].seconds == 0) {
            (void)snprintf(out, 32, "%u%s", seconds / units[i].seconds, units[i].unit);
            return;
        }
    }
    if (seconds == 1)
        (void)snprintf(out, 32, "second");
    else
        (void)snprintf(out, 32, "%u seconds", seconds);
}

void window_print(const struct window *window, char out[32])
{
    switch (window->kind) {
    case WINDOW_SECONDS: seconds_print(window->seconds, out); return;
    case WINDOW_WEEK: (void)snprintf(out, 32, "week"); return;
    case WINDOW_MONTH: (void)snprintf(out, 32, "month"); return;
    case WINDOW_TOTAL: (void)snprintf(out, 32, "total"); return;
    case WINDOW_CONCURRENT: (void)snprintf(out, 32, "in flight"); return;
    }
    WRONG("a window of no kind");
}

void window_phrase(const struct window *window, char out[48])
{
    char word[32];
    window_print(window, word);
    if (window->kind == WINDOW_TOTAL)
        (void)snprintf(out, 48, "in all");
    else if (window->kind == WINDOW_CONCURRENT)
        (void)snprintf(out, 48, "%s", word);
    else
        (void)snprintf(out, 48, "%s %s", window->algorithm == WINDOW_SLIDING ? "in any" : "per", word);
}

size_t counter_key_length(const struct counter_key *key)
{
    bool global = key->scope == SCOPE_GLOBAL;
    size_t server = global ? 0 : key->server.len, value = global ? 0 : key->scope_value.len;
    uint32_t seconds = key->window.kind == WINDOW_SECONDS ? key->window.seconds : 0;
    return 3 + wire_uint_length(seconds) + wire_uint_length(server) + server + wire_uint_length(key->counter.len) +
           key->counter.len + wire_uint_length(value) + value;
}

void counter_key_write(const struct counter_key *key, struct buf *out)
{
    bool in_seconds = key->window.kind == WINDOW_SECONDS, global = key->scope == SCOPE_GLOBAL;
    char *begin = buf_reserve(out, counter_key_length(key)), *to = begin;
    if (begin == NULL)
        return;
    *to++ = (char)key->scope;
    *to++ = (char)key->window.kind;
    *to++ = (char)(in_seconds ? key->window.algorithm : WINDOW_FIXED);
    to = wire_uint_at(to, in_seconds ? key->window.seconds : 0);
    to = wire_bytes_at(to, key->server.ptr, global ? 0 : key->server.len);
    to = wire_bytes_at(to, key->counter.ptr, key->counter.len);
    to = wire_bytes_at(to, key->scope_value.ptr, global ? 0 : key->scope_value.len);
    out->len += (size_t)(to - begin);
}

int counter_key_read(struct str bytes, struct counter_key *out)
{
    if (bytes.len < 3)
        return E_SYNTAX;
    unsigned char scope = (unsigned char)bytes.ptr[0];
    unsigned char kind = (unsigned char)bytes.ptr[1];
    unsigned char algorithm = (unsigned char)bytes.ptr[2];
    if (scope > SCOPE_ARGS || kind > WINDOW_CONCURRENT || algorithm > WINDOW_SLIDING)
        return E_SYNTAX;
    bytes = str_slice(bytes, 3, bytes.len);

    uint64_t seconds;
    struct counter_key key = { .scope = (enum scope_kind)scope };
    if (!wire_get_uint(&bytes, &seconds) || seconds > UINT32_MAX || (seconds != 0) != (kind == WINDOW_SECONDS))
        return E_SYNTAX;
    if (algorithm == WINDOW_SLIDING && kind != WINDOW_SECONDS)
        return E_SYNTAX;
    if (!wire_get_str(&bytes, &key.server) || !wire_get_str(&bytes, &key.counter) ||
        !wire_get_str(&bytes, &key.scope_value) || bytes.len != 0)
        return E_SYNTAX;
    if (scope == SCOPE_GLOBAL && (key.server.len > 0 || key.scope_value.len > 0))
        return E_SYNTAX;
    key.window = (struct window){ (enum window_kind)kind, (uint32_t)seconds, (enum window_algorithm)algorithm };
    *out = key;
    return 0;
}
