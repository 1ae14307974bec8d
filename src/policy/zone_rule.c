/* Reading and applying the rule behind a time zone's table. Days are counted from the Unix epoch, in the Gregorian
 * calendar. */
#include "policy/zone_rule.h"

#include <stddef.h>

#define HOUR_S 3600
#define DAYS_400_YEARS 146097

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Of 1 January. */
static int64_t year_start(int64_t year)
{
    int64_t before = year - 1;
    return 365 * (year - 1970) + zone_floor_div(before, 4) - zone_floor_div(before, 100) + zone_floor_div(before, 400) -
           477;
}

static int64_t year_of(int64_t day)
{
    int64_t year = 1970 + zone_floor_div(day * 400, DAYS_400_YEARS);
    while (year_start(year) > day)
        year--;
    while (year_start(year + 1) <= day)
        year++;
    return year;
}

static unsigned month_days(int64_t year, unsigned month)
{
    static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t change_day(const struct zone_change *change, int64_t year)
{
    int64_t start = year_start(year);
    if (change->kind == DAY_ORDINAL)
        return start + change->day;
    if (change->kind == DAY_JULIAN)
        return start + change->day - 1 + (is_leap(year) && change->day >= 60);
    for (unsigned month = 1; month < change->month; month++)
        start += month_days(year, month);
    /* 1 January 1970 was a Thursday. */
    unsigned first = (unsigned)((start + 4) - 7 * zone_floor_div(start + 4, 7));
    unsigned day = (change->day + 7 - first) % 7 + 7 * (change->week - 1);
    return start + (day < month_days(year, change->month) ? day : day - 7);
}

/* The last change at or before the moment says which of both holds. Changes may fall into the year before or behind
 * their own, and where summer time lasts all year its end is the next start: then the start counts. */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t unix_s)
{
    if (!rule->changes)
        return rule->standard;
    int64_t year = year_of(zone_floor_div(unix_s, DAY_S)), last = INT64_MIN;
    int32_t offset = rule->standard;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t start = change_day(&rule->start, y) * DAY_S + rule->start.seconds - rule->standard;
        int64_t end = change_day(&rule->end, y) * DAY_S + rule->end.seconds - rule->summer;
        if (end <= unix_s && end > last) {
            last = end;
            offset = rule->standard;
        }
        if (start <= unix_s && start >= last) {
            last = start;
            offset = rule->summer;
        }
    }
    return offset;
}

struct reader {
    struct str text;
    size_t at;
};

static char peek(const struct reader *reader)
{
    return reader->at < reader->text.len ? reader->text.ptr[reader->at] : 0;
}

static bool take(struct reader *reader, char byte)
{
    if (peek(reader) != byte)
        return false;
    reader->at++;
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool take_number(struct reader *reader, unsigned low, unsigned high, unsigned *out)
{
    size_t start = reader->at;
    *out = 0;
    for (; is_digit(peek(reader)) && reader->at - start < 3; reader->at++)
        *out = *out * 10 + (unsigned)(peek(reader) - '0');
    return reader->at > start && !is_digit(peek(reader)) && *out >= low && *out <= high;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* "CET" or "<+0330>". */
static bool take_name(struct reader *reader)
{
    bool quoted = take(reader, '<');
    size_t start = reader->at;
    while (is_letter(peek(reader)) ||
           (quoted && (is_digit(peek(reader)) || peek(reader) == '+' || peek(reader) == '-')))
        reader->at++;
    return reader->at - start >= 3 && (!quoted || take(reader, '>'));
}

/* hh[:mm[:ss]] with a sign. */
static bool take_time(struct reader *reader, unsigned hours, int32_t *out)
{
    bool negative = take(reader, '-');
    if (!negative)
        (void)take(reader, '+');
    unsigned hour, minute = 0, second = 0;
    if (!take_number(reader, 0, hours, &hour))
        return false;
    bool minutes = take(reader, ':');
    if (minutes && !take_number(reader, 0, 59, &minute))
        return false;
    if (minutes && take(reader, ':') && !take_number(reader, 0, 59, &second))
        return false;
    *out = (int32_t)(hour * HOUR_S + minute * 60 + second);
    if (negative)
        *out = -*out;
    return true;
}

static bool take_day(struct reader *reader, struct zone_change *change)
{
    if (take(reader, 'J')) {
        change->kind = DAY_JULIAN;
        return take_number(reader, 1, 365, &change->day);
    }
    if (!take(reader, 'M')) {
        change->kind = DAY_ORDINAL;
        return take_number(reader, 0, 365, &change->day);
    }
    change->kind = DAY_OF_MONTH;
    return take_number(reader, 1, 12, &change->month) && take(reader, '.') &&
           take_number(reader, 1, 5, &change->week) && take(reader, '.') && take_number(reader, 0, 6, &change->day);
}

static bool take_change(struct reader *reader, bool extended, struct zone_change *change)
{
    *change = (struct zone_change){ .seconds = 2 * HOUR_S };
    if (!take(reader, ',') || !take_day(reader, change))
        return false;
    if (!take(reader, '/'))
        return true;
    if (!take_time(reader, extended ? 167 : 24, &change->seconds))
        return false;
    return extended || change->seconds >= 0;
}

/* POSIX counts offsets west of UTC. */
static bool take_offset(struct reader *reader, int32_t *east)
{
    if (!take_time(reader, 24, east))
        return false;
    *east = -*east;
    return true;
}

bool zone_rule_read(struct str text, bool extended, struct zone_rule *out)
{
    struct reader reader = { .text = text };
    *out = (struct zone_rule){ 0 };
    if (!take_name(&reader) || !take_offset(&reader, &out->standard))
        return false;
    if (reader.at == text.len)
        return true;
    out->changes = true;
    out->summer = out->standard + HOUR_S;
    if (!take_name(&reader))
        return false;
    if (peek(&reader) != ',' && !take_offset(&reader, &out->summer))
        return false;
    return take_change(&reader, extended, &out->start) && take_change(&reader, extended, &out->end) &&
           reader.at == text.len;
}
