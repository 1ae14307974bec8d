/* Windows against the calendar, and keys against their bytes. */
#include "model/debit.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

static int64_t at(int year, int month, int day, int hour, int minute, int second)
{
    struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day,
                     .tm_hour = hour, .tm_min = minute, .tm_sec = second };
    return (int64_t)timegm(&tm) * 1000;
}

static void assert_bounds(struct window window, int64_t now_ms, int64_t start_ms, int64_t end_ms)
{
    int64_t start, end;
    window_bounds(&window, now_ms, &start, &end);
    assert_true(start == start_ms);
    assert_true(end == end_ms);
}

static void seconds_align_to_the_epoch(void **state)
{
    (void)state;
    struct window minute = { WINDOW_SECONDS, 60, WINDOW_FIXED }, odd = { WINDOW_SECONDS, 7, WINDOW_FIXED };
    assert_bounds(minute, 0, 0, 60000);
    assert_bounds(minute, 59999, 0, 60000);
    assert_bounds(minute, 60000, 60000, 120000);
    assert_bounds(minute, -1, -60000, 0);
    assert_bounds(minute, -60000, -60000, 0);
    assert_bounds(odd, 20999, 14000, 21000);
    assert_bounds(odd, 21000, 21000, 28000);
}

static void weeks_begin_on_monday(void **state)
{
    (void)state;
    struct window week = { WINDOW_WEEK, 0, WINDOW_FIXED };
    assert_bounds(week, at(2026, 11, 21, 6, 7, 0), at(2026, 11, 16, 0, 0, 0), at(2026, 11, 23, 0, 0, 0));
    assert_bounds(week, at(2026, 11, 16, 0, 0, 0), at(2026, 11, 16, 0, 0, 0), at(2026, 11, 23, 0, 0, 0));
    assert_bounds(week, at(2026, 11, 16, 0, 0, 0) - 1, at(2026, 11, 9, 0, 0, 0), at(2026, 11, 16, 0, 0, 0));
    assert_bounds(week, 0, at(1969, 12, 29, 0, 0, 0), at(1970, 1, 5, 0, 0, 0));
    assert_bounds(week, at(1969, 12, 28, 23, 59, 59), at(1969, 12, 22, 0, 0, 0), at(1969, 12, 29, 0, 0, 0));
}

/* Every month of eight centuries, against libc's calendar; leap years and centuries are in there. */
static void months_are_the_calendars(void **state)
{
    (void)state;
    struct window month = { WINDOW_MONTH, 0, WINDOW_FIXED };
    for (int year = 1600; year < 2400; year++) {
        for (int m = 1; m <= 12; m++) {
            int64_t start = at(year, m, 1, 0, 0, 0);
            int64_t end = m == 12 ? at(year + 1, 1, 1, 0, 0, 0) : at(year, m + 1, 1, 0, 0, 0);
            assert_bounds(month, start, start, end);
            assert_bounds(month, end - 1, start, end);
        }
    }
    assert_bounds(month, at(2028, 2, 29, 12, 0, 0), at(2028, 2, 1, 0, 0, 0), at(2028, 3, 1, 0, 0, 0));
}

static void total_has_no_end(void **state)
{
    (void)state;
    assert_bounds((struct window){ .kind = WINDOW_TOTAL }, 123456, 0, INT64_MAX);
    assert_bounds((struct window){ .kind = WINDOW_CONCURRENT }, 123456, 0, INT64_MAX);
}

static void clocks_beyond_the_calendar_do_not_overflow(void **state)
{
    (void)state;
    static const struct window windows[] = { { WINDOW_SECONDS, UINT32_MAX, WINDOW_FIXED },
                                             { WINDOW_WEEK, 0, WINDOW_FIXED },
                                             { WINDOW_MONTH, 0, WINDOW_FIXED } };
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        int64_t start, end;
        window_bounds(&windows[i], INT64_MAX, &start, &end);
        assert_true(start <= TIME_MAX_MS && end > TIME_MAX_MS);
        window_bounds(&windows[i], INT64_MIN, &start, &end);
        assert_true(start <= TIME_MIN_MS && end > TIME_MIN_MS);
    }
}

static void windows_have_words(void **state)
{
    (void)state;
    static const struct { struct window window; const char *words; } cases[] = {
        { { WINDOW_SECONDS, 1, WINDOW_FIXED }, "second" },   { { WINDOW_SECONDS, 60, WINDOW_FIXED }, "minute" },
        { { WINDOW_SECONDS, 3600, WINDOW_FIXED }, "hour" },  { { WINDOW_SECONDS, 86400, WINDOW_FIXED }, "day" },
        { { WINDOW_SECONDS, 900, WINDOW_FIXED }, "15m" },    { { WINDOW_SECONDS, 21600, WINDOW_FIXED }, "6h" },
        { { WINDOW_SECONDS, 172800, WINDOW_FIXED }, "2d" },  { { WINDOW_SECONDS, 90, WINDOW_FIXED }, "90 seconds" },
        { { WINDOW_WEEK, 0, WINDOW_FIXED }, "week" },        { { WINDOW_MONTH, 0, WINDOW_FIXED }, "month" },
        { { WINDOW_TOTAL, 0, WINDOW_FIXED }, "total" },      { { WINDOW_CONCURRENT, 0, WINDOW_FIXED }, "in flight" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[32];
        window_print(&cases[i].window, text);
        assert_string_equal(text, cases[i].words);
    }
}

static void test_phrases(void **state)
{
    (void)state;
    static const struct {
        struct window window;
        const char *words;
    } cases[] = {
        { { WINDOW_SECONDS, 60, WINDOW_FIXED }, "per minute" },   { { WINDOW_SECONDS, 900, WINDOW_SLIDING }, "in any 15m" },
        { { WINDOW_SECONDS, 61, WINDOW_FIXED }, "per 61 seconds" }, { { .kind = WINDOW_MONTH }, "per month" },
        { { .kind = WINDOW_TOTAL }, "in all" },                   { { .kind = WINDOW_CONCURRENT }, "in flight" },
        { { WINDOW_SECONDS, UINT32_MAX, WINDOW_SLIDING }, "in any 4294967295 seconds" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[48];
        window_phrase(&cases[i].window, text);
        assert_string_equal(text, cases[i].words);
    }
}

static bool same_bytes(const struct counter_key *a, const struct counter_key *b)
{
    struct buf first, second;
    buf_init(&first, 1000);
    buf_init(&second, 1000);
    counter_key_write(a, &first);
    counter_key_write(b, &second);
    bool same = str_eq(buf_str(&first), buf_str(&second));
    buf_release(&first);
    buf_release(&second);
    return same;
}

static const struct counter_key calls_a_minute = { SCOPE_GRANT, { "g1", 2 }, { "stripe", 6 }, { "calls", 5 },
                                                   { WINDOW_SECONDS, 60, WINDOW_FIXED } };

/* A joined string would take "ab"+"c" for "a"+"bc"; each member of the tuple tells two keys apart. */
static void keys_are_tuples(void **state)
{
    (void)state;
    struct counter_key other = calls_a_minute;
    assert_true(same_bytes(&calls_a_minute, &other));
    other.scope = SCOPE_SESSION;
    assert_false(same_bytes(&calls_a_minute, &other));
    other = calls_a_minute;
    other.window.algorithm = WINDOW_SLIDING;
    assert_false(same_bytes(&calls_a_minute, &other));
    other = calls_a_minute;
    other.window.seconds = 61;
    assert_false(same_bytes(&calls_a_minute, &other));
    other = calls_a_minute;
    other.server = STR("stripec");
    other.counter = STR("alls");
    assert_false(same_bytes(&calls_a_minute, &other));
    other = calls_a_minute;
    other.counter = STR("callsg");
    other.scope_value = STR("1");
    assert_false(same_bytes(&calls_a_minute, &other));
}

/* Every byte cut off and every byte more is refused. */
static void keys_are_read_whole(void **state)
{
    (void)state;
    struct buf bytes;
    struct counter_key key;
    buf_init(&bytes, 1000);
    counter_key_write(&calls_a_minute, &bytes);
    assert_int_equal(counter_key_read(buf_str(&bytes), &key), 0);
    assert_true(same_bytes(&key, &calls_a_minute));
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(counter_key_read(str_of(bytes.ptr, len), &key), E_SYNTAX);
    buf_append_byte(&bytes, 0);
    assert_int_equal(counter_key_read(buf_str(&bytes), &key), E_SYNTAX);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phrases), cmocka_unit_test(seconds_align_to_the_epoch),
        cmocka_unit_test(weeks_begin_on_monday),
        cmocka_unit_test(months_are_the_calendars),
        cmocka_unit_test(total_has_no_end),
        cmocka_unit_test(clocks_beyond_the_calendar_do_not_overflow),
        cmocka_unit_test(windows_have_words),
        cmocka_unit_test(keys_are_tuples),
        cmocka_unit_test(keys_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
