/* Event streams: every way to end a line, every cut, ceilings, and what the writer may write. */
#include "net/sse.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct seen {
    struct buf  text;    /* type|data|id; of each event */
    int         stop_at; /* events until the callback says E_CLOSED; 0: never */
    struct sse *release; /* released by the callback that stops */
};

static int see(void *arg, const struct sse_event *event)
{
    struct seen *seen = arg;
    buf_append_str(&seen->text, event->type);
    buf_append_byte(&seen->text, '|');
    buf_append_str(&seen->text, event->data);
    buf_append_byte(&seen->text, '|');
    buf_append_str(&seen->text, event->id);
    buf_append_byte(&seen->text, ';');
    if (seen->stop_at && --seen->stop_at == 0) {
        if (seen->release)
            sse_release(seen->release);
        return E_CLOSED;
    }
    return 0;
}

static const struct {
    const char *what;
    struct str  bytes, events;
} cases[] = {
    { "LF", STR("data: {}\n\n"), STR("message|{}|;") },
    { "CR", STR("data: {}\r\r"), STR("message|{}|;") },
    { "CRLF", STR("data: {}\r\n\r\n"), STR("message|{}|;") },
    { "mixed", STR("event: message\rdata: a\r\ndata: b\n\rdata: c\n\r\n"), STR("message|a\nb|;message|c|;") },
    { "LF CR is two ends", STR("data: a\n\rdata: b\n\n"), STR("message|a|;message|b|;") },
    { "several lines", STR("data: a\ndata:  b\ndata:c\ndata\n\n"), STR("message|a\n b\nc\n|;") },
    { "one space only is dropped", STR("data:   x \n\n"), STR("message|  x |;") },
    { "an empty event", STR("data\n\n"), STR("message||;") },
    { "an event that primes", STR("id: 7\ndata:\n\ndata: x\n\n"), STR("message||7;message|x|7;") },
    { "no final blank line", STR("data: a\n\ndata: b\n"), STR("message|a|;") },
    { "no end of the last line", STR("data: a\n\ndata: b"), STR("message|a|;") },
    { "a type without data", STR("event: x\n\ndata: a\n\n"), STR("message|a|;") },
    { "a type counts once", STR("event: x\ndata: a\n\ndata: b\n\n"), STR("x|a|;message|b|;") },
    { "the last type wins", STR("event: x\nevent: y\ndata: a\n\n"), STR("y|a|;") },
    { "an id stays", STR("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"), STR("message|a|1;message|b|1;message|c|;") },
    { "an id with NUL is ignored", STR("id: 1\nid: 2\0\ndata: a\n\n"), STR("message|a|1;") },
    { "comments, retry, unknown and near names", STR(": hi\nretry: 5\nDATA: x\ndatax: y\n data: z\ndata: a\n:\n\n"),
      STR("message|a|;") },
    { "a mark at the start", STR("\xef\xbb\xbf" "data: a\n\n"), STR("message|a|;") },
    { "a second mark is a name's", STR("\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\ndata: b\n\n"), STR("message|b|;") },
    { "half a mark is a name's", STR("\xef\xbb" "data: a\n\ndata: b\n\n"), STR("message|b|;") },
    { "U+2028 ends nothing", STR("data: a\xe2\x80\xa8" "event: x\n\n"), STR("message|a\xe2\x80\xa8" "event: x|;") },
    { "nothing", STR(""), STR("") },
    { "blank lines", STR("\n\r\n\r\n\n"), STR("") },
};

static void cases_hold_in_any_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t piece = 1; piece <= cases[i].bytes.len + 1; piece++) {
            struct sse sse;
            struct seen seen = { 0 };
            sse_init(&sse, 1000);
            buf_init(&seen.text, 10000);
            for (size_t at = 0; at < cases[i].bytes.len; at += piece)
                assert_int_equal(sse_feed(&sse, str_slice(cases[i].bytes, at, at + piece), see, &seen), 0);
            if (!str_eq(buf_str(&seen.text), cases[i].events))
                fail_msg("%s in pieces of %zu: %" STR_FMT, cases[i].what, piece, STR_ARG(buf_str(&seen.text)));
            sse_release(&sse);
            buf_release(&seen.text);
        }
}

static void ceilings_stick(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        int        error;
    } limits[] = {
        { STR("data: 0123456789\n\n"), 0 },            /* a line of 16 */
        { STR("data: 0123456789a\n\n"), E_LIMIT },
        { STR(": 0123456789abcde\n\n"), E_LIMIT },
        { STR("data: 0123456\ndata: 01234567\n\n"), 0 }, /* 16 bytes of data with the LF between */
        { STR("data: 01234567\ndata: 01234567\n\n"), E_LIMIT },
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        for (size_t piece = 1; piece <= limits[i].bytes.len; piece++) {
            struct sse sse;
            struct seen seen = { 0 };
            int error = 0;
            sse_init(&sse, 16);
            buf_init(&seen.text, 1000);
            for (size_t at = 0; at < limits[i].bytes.len; at += piece)
                error = sse_feed(&sse, str_slice(limits[i].bytes, at, at + piece), see, &seen);
            assert_int_equal(error, limits[i].error);
            assert_int_equal(sse_feed(&sse, STR("data: a\n\n"), see, &seen), limits[i].error);
            assert_int_equal(seen.text.len > 0, limits[i].error == 0);
            sse_release(&sse);
            buf_release(&seen.text);
        }
}

static void names_have_a_ceiling(void **state)
{
    (void)state;
    static char bytes[5000];
    for (int id = 0; id < 2; id++) {
        struct sse sse;
        struct seen seen = { 0 };
        memset(bytes, 'x', sizeof(bytes));
        memcpy(bytes, id ? "id:" : "event:", id ? 3 : 6);
        bytes[sizeof(bytes) - 1] = '\n';
        sse_init(&sse, 100000);
        assert_int_equal(sse_feed(&sse, str_of(bytes, sizeof(bytes)), see, &seen), E_LIMIT);
        sse_release(&sse);
    }
}

static void the_callback_stops_and_may_release(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 30; cut++) {
        static const struct str bytes = STR("id: 1\ndata: a\n\ndata: b\n\ndata: c\n\n");
        struct sse sse;
        struct seen seen = { .stop_at = 2, .release = &sse };
        sse_init(&sse, 100);
        buf_init(&seen.text, 1000);
        int error = sse_feed(&sse, str_slice(bytes, 0, cut), see, &seen);
        if (!error)
            error = sse_feed(&sse, str_slice(bytes, cut, bytes.len), see, &seen);
        assert_int_equal(error, E_CLOSED);
        assert_true(str_eq(buf_str(&seen.text), STR("message|a|1;message|b|1;")));
        buf_release(&seen.text);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf out;
    struct sse sse;
    struct seen seen = { 0 };
    buf_init(&out, 1000);
    buf_init(&seen.text, 1000);
    sse_init(&sse, 100);
    sse_write_comment(&out);
    sse_write_message(&out, STR("{\"a\":1}"));
    assert_true(buf_ok(&out));
    assert_true(str_eq(buf_str(&out), STR(":\n\nevent: message\ndata: {\"a\":1}\n\n")));
    assert_int_equal(sse_feed(&sse, buf_str(&out), see, &seen), 0);
    assert_true(str_eq(buf_str(&seen.text), STR("message|{\"a\":1}|;")));
    sse_release(&sse);
    buf_release(&seen.text);

    static const struct str split[] = { STR("{}\n{}"), STR("{}\r"), STR("{\"a\":\n1}") };
    for (size_t i = 0; i < ARRAY_LEN(split); i++) {
        buf_reset(&out);
        sse_write_message(&out, split[i]);
        assert_false(buf_ok(&out));
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold_in_any_pieces),
        cmocka_unit_test(ceilings_stick),
        cmocka_unit_test(names_have_a_ceiling),
        cmocka_unit_test(the_callback_stops_and_may_release),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
