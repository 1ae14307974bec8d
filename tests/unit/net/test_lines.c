/* Lines: what ends one, what is dropped, ceilings, and the same lines however the bytes were cut. */
#include "net/lines.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Every line that was given, each between brackets. */
struct seen {
    struct buf    text;
    int           stop_at; /* lines until the callback says E_CLOSED; 0: never */
    struct lines *release; /* released by the callback that stops */
};

static int see(void *arg, struct str line)
{
    struct seen *seen = arg;
    buf_append_byte(&seen->text, '[');
    buf_append_str(&seen->text, line);
    buf_append_byte(&seen->text, ']');
    if (seen->stop_at && --seen->stop_at == 0) {
        if (seen->release)
            lines_release(seen->release);
        return E_CLOSED;
    }
    return 0;
}

static int feed(struct lines *lines, struct str bytes, struct seen *seen)
{
    return lines_feed(lines, bytes, see, seen);
}

static void assert_str(struct str got, struct str wanted)
{
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.ptr, wanted.ptr, wanted.len);
}

static const struct {
    struct str bytes, lines;
} cases[] = {
    { STR("{}\n"), STR("[{}]") },
    { STR("{}"), STR("") },
    { STR("a\nb\nc"), STR("[a][b]") },
    { STR("\n\n \n\t\r\n{}\n\r\n"), STR("[{}]") },
    { STR("a\r\nb\r\n"), STR("[a\r][b\r]") },                     /* a CR is space to JSON */
    { STR("a\rb\n"), STR("[a\rb]") },                             /* and ends nothing */
    { STR("a\xe2\x80\xa8" "b\n"), STR("[a\xe2\x80\xa8" "b]") },   /* nor does U+2028 */
    { STR("a\fb\vc\x85" "d\n"), STR("[a\fb\vc\x85" "d]") },
    { STR("a\0b\n"), STR("[a\0b]") },
    { STR("0123456789\n"), STR("[0123456789]") },                 /* exactly the ceiling */
};

static void cases_hold_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t cut = 0; cut <= cases[i].bytes.len; cut++) {
            struct lines lines;
            struct seen seen = { 0 };
            lines_init(&lines, 10);
            buf_init(&seen.text, 1000);
            assert_int_equal(feed(&lines, str_slice(cases[i].bytes, 0, cut), &seen), 0);
            assert_int_equal(feed(&lines, str_slice(cases[i].bytes, cut, cases[i].bytes.len), &seen), 0);
            assert_str(buf_str(&seen.text), cases[i].lines);
            lines_release(&lines);
            buf_release(&seen.text);
        }
}

static void the_ceiling_sticks(void **state)
{
    (void)state;
    static const struct str parts[][2] = {
        { STR("0123456789x\nok\n"), STR("") },
        { STR("0123456789"), STR("x\nok\n") },
        { STR("0123456789x"), STR("\nok\n") },
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct lines lines;
        struct seen seen = { 0 };
        lines_init(&lines, 10);
        buf_init(&seen.text, 1000);
        int first = feed(&lines, parts[i][0], &seen);
        assert_int_equal(feed(&lines, parts[i][1], &seen), E_LIMIT);
        assert_int_equal(first, i == 1 ? 0 : E_LIMIT);
        assert_int_equal(feed(&lines, STR("later\n"), &seen), E_LIMIT);
        assert_int_equal(seen.text.len, 0);
        lines_release(&lines);
        buf_release(&seen.text);
    }
}

static void the_callback_stops_and_may_release(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        struct lines lines;
        struct seen seen = { .stop_at = 2, .release = &lines };
        lines_init(&lines, 10);
        buf_init(&seen.text, 1000);
        if (kept)
            assert_int_equal(feed(&lines, STR("one\ntw"), &seen), 0);
        assert_int_equal(feed(&lines, kept ? STR("o\nthree\n") : STR("one\ntwo\nthree\n"), &seen), E_CLOSED);
        assert_str(buf_str(&seen.text), STR("[one][two]"));
        buf_release(&seen.text);
    }
}

static void large_buffers_go_back(void **state)
{
    (void)state;
    struct lines lines;
    struct seen seen = { 0 };
    static char large[200000];
    lines_init(&lines, sizeof(large));
    buf_init(&seen.text, 1000000);
    memset(large, 'x', sizeof(large));
    assert_int_equal(feed(&lines, str_of(large, sizeof(large)), &seen), 0);
    assert_int_equal(lines_pending(&lines), sizeof(large));
    assert_int_equal(feed(&lines, STR("\nab"), &seen), 0);
    assert_int_equal(seen.text.len, sizeof(large) + 2);
    assert_int_equal(lines_pending(&lines), 2);
    assert_true(lines.partial.cap < sizeof(large));
    lines_release(&lines);
    buf_release(&seen.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold_at_every_cut),
        cmocka_unit_test(the_ceiling_sticks),
        cmocka_unit_test(the_callback_stops_and_may_release),
        cmocka_unit_test(large_buffers_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
