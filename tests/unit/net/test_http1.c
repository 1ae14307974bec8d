/* The parser of HTTP/1.1 over bytes: what is refused and why, what is read, whatever the cuts. */
#include "net/http1.h"

#include "base/check.h"
#include "judge.h"
#include "net/http1_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct bad_request {
    const char      *row;
    enum http1_fault fault;
    struct str       bytes;
};

static const struct bad_request bad_requests[] = {
#define BAD(row, fault, bytes) { #row, HTTP1_FAULT_##fault, { bytes, sizeof(bytes) - 1 } },
#include "http1_requests.def"
};

struct bad_answer {
    const char *what;
    struct str  bytes;
};

static const struct bad_answer bad_answers[] = {
#define BAD(what, bytes) { what, { bytes, sizeof(bytes) - 1 } },
#include "http1_answers.def"
};

/* What one stream of bytes came to. */
struct outcome {
    enum http1_fault fault;
    unsigned         messages; /* that were whole */
    struct buf       text;     /* of each message: its start, its fields, its body */
};

static void describe(struct http1 *http1, struct buf *out)
{
    judge_head(http1);
    if (http1->role == HTTP1_SERVER)
        buf_printf(out, "%" STR_FMT " %" STR_FMT, STR_ARG(http1_method_name(http1->method)), STR_ARG(http1->target));
    else
        buf_printf(out, "%u", http1->status);
    buf_printf(out, " 1.%u%s%s\n", http1->minor, http1->keep_alive ? "" : " close", http1->expects ? " expects" : "");
    for (unsigned i = 0; i < http1->field_count; i++)
        buf_printf(out, "%" STR_FMT "=%" STR_FMT "|", STR_ARG(http1_field_name(http1, i)),
                   STR_ARG(http1_field_value(http1, i)));
    buf_append_byte(out, '\n');
}

/* Feeds in pieces of `piece` bytes; each piece stands alone in memory, so that a read beyond it is seen. */
static void run(struct http1 *http1, struct str bytes, size_t piece, struct outcome *outcome)
{
    while (bytes.len && !outcome->fault) {
        size_t len = bytes.len < piece ? bytes.len : piece, used;
        char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes.ptr, len);
        struct str rest = str_of(copy, len);
        for (bool more = true; more;) {
            enum http1_event event = http1_feed(http1, rest, &used);
            rest = str_slice(rest, used, rest.len);
            switch (event) {
            case HTTP1_MORE:
                assert_int_equal(rest.len, 0);
                more = false;
                break;
            case HTTP1_HEAD: describe(http1, &outcome->text); break;
            case HTTP1_BODY:
                buf_append_str(&outcome->text, buf_str(&http1->body));
                buf_reset(&http1->body);
                break;
            case HTTP1_DONE:
                buf_append_str(&outcome->text, buf_str(&http1->body));
                buf_append_byte(&outcome->text, '\n');
                outcome->messages++;
                http1_next(http1);
                more = rest.len > 0;
                break;
            case HTTP1_FAILED:
                outcome->fault = http1->fault;
                assert_int_equal(http1_feed(http1, STR("GET"), &used), HTTP1_FAILED);
                assert_int_equal(used, 0);
                assert_false(http1->keep_alive);
                more = false;
                break;
            }
        }
        free(copy);
        bytes = str_slice(bytes, len, bytes.len);
    }
}

static struct outcome outcome_of(enum http1_role role, size_t body_max, struct str bytes, size_t piece)
{
    struct http1 http1;
    struct outcome outcome = { 0 };
    buf_init(&outcome.text, 1 << 20);
    http1_init(&http1, role, body_max);
    run(&http1, bytes, piece, &outcome);
    http1_release(&http1);
    return outcome;
}

static const size_t pieces[] = { 1, 2, 3, 7, 19, 64, 100000 };

static void bad_requests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_requests); i++)
        for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
            const struct bad_request *bad = &bad_requests[i];
            struct outcome outcome = outcome_of(HTTP1_SERVER, LIMIT_request_body, bad->bytes, pieces[p]);
            bool by_size = bad->fault == HTTP1_FAULT_BODY_SIZE && outcome.fault == HTTP1_FAULT_NONE;
            buf_release(&outcome.text);
            if (by_size) { /* a ceiling that only arriving bytes can reach */
                outcome = outcome_of(HTTP1_SERVER, 4, bad->bytes, pieces[p]);
                buf_release(&outcome.text);
            }
            if (outcome.fault != bad->fault)
                fail_msg("%s, row %zu in pieces of %zu: %s instead of %s", bad->row, i, pieces[p],
                         http1_fault_text(outcome.fault), http1_fault_text(bad->fault));
        }
}

static void bad_answers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_answers); i++)
        for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
            struct outcome outcome = outcome_of(HTTP1_CLIENT, 1 << 20, bad_answers[i].bytes, pieces[p]);
            if (outcome.fault == HTTP1_FAULT_NONE)
                fail_msg("%s, in pieces of %zu: taken", bad_answers[i].what, pieces[p]);
            buf_release(&outcome.text);
        }
}

static const struct good {
    const char     *what;
    enum http1_role role;
    unsigned        messages;
    struct str      bytes, text;
} goods[] = {
    { "a body by length", HTTP1_SERVER, 1,
      STR("POST /mcp/box HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello"),
      STR("POST /mcp/box 1.1\nHost=a:1|Content-Length=5|\nhello\n") },
    { "no body", HTTP1_SERVER, 1, STR("GET /healthz HTTP/1.1\r\nhost:[::1]:80\r\n\r\n"),
      STR("GET /healthz 1.1\nhost=[::1]:80|\n\n") },
    { "a body of no bytes", HTTP1_SERVER, 1, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
      STR("POST / 1.1\nHost=a|Content-Length=0|\n\n") },
    { "white space around a value, an empty value, a colon in one", HTTP1_SERVER, 1,
      STR("OPTIONS * HTTP/1.1\r\nHost: \ta \t\r\nA:\r\nB: \t \r\nC: d:e f\r\n\r\n"),
      STR("OPTIONS * 1.1\nHost=a|A=|B=|C=d:e f|\n\n") },
    { "chunks, upper case, leading zeros, extensions", HTTP1_SERVER, 1,
      STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\nhello\r\n000000000000000A;x;y=z;q=\"a \\\" b\"\r\n, world of\r\n0;end\r\n\r\n"),
      STR("POST / 1.1\nHost=a|Transfer-Encoding=chunked|\nhello, world of\n") },
    { "one behind the other, none ahead", HTTP1_SERVER, 3,
      STR("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxDELETE /2 HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\n\r\n"),
      STR("POST /1 1.1\nHost=a|Content-Length=1|\nx\nDELETE /2 1.1\nHost=a|\n\n"
          "POST /3 1.1\nHost=a|Transfer-Encoding=chunked|\ny\n") },
    { "close, keep-alive and 1.0", HTTP1_SERVER, 3,
      STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.0\r\nHost: a\r\n\r\n"
          "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
      STR("GET / 1.1 close\nHost=a|Connection=close|\n\nGET / 1.0 close\nHost=a|\n\n"
          "GET / 1.0\nHost=a|Connection=keep-alive|\n\n") },
    { "Expect", HTTP1_SERVER, 1,
      STR("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
      STR("POST / 1.1 expects\nHost=a|Expect=100-Continue|Content-Length=1|\nx\n") },
    { "Expect means nothing on 1.0", HTTP1_SERVER, 1,
      STR("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
      STR("POST / 1.0 close\nHost=a|Expect=100-continue|Content-Length=1|\nx\n") },
    { "an offer to upgrade is not taken up", HTTP1_SERVER, 1,
      STR("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
          "HTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\nhi"),
      STR("POST / 1.1\nHost=a|Connection=Upgrade, HTTP2-Settings|Upgrade=h2c|HTTP2-Settings=AAMAAABk|"
          "Content-Length=2|\nhi\n") },

    { "an answer by length", HTTP1_CLIENT, 1, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
      STR("200 1.1\nContent-Length=5|\nhello\n") },
    { "an answer in chunks", HTTP1_CLIENT, 1,
      STR("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
      STR("404 1.1\nTransfer-Encoding=chunked|\nhello\n") },
    { "no phrase, and no space for one", HTTP1_CLIENT, 2,
      STR("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\nHTTP/1.1 202\r\nContent-Length: 0\r\n\r\n"),
      STR("200 1.1\nContent-Length=0|\n\n202 1.1\nContent-Length=0|\n\n") },
    { "four 1xx, then the answer", HTTP1_CLIENT, 1,
      STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\nA: b\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.1 199 X\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
      STR("200 1.1\nContent-Length=1|\nx\n") },
    { "204 and 304 have no body", HTTP1_CLIENT, 2,
      STR("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
      STR("204 1.1\n\n\n304 1.1\nContent-Length=5|\n\n") },
    { "a server that closes", HTTP1_CLIENT, 2,
      STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
          "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\ny"),
      STR("200 1.1 close\nConnection=close|Content-Length=1|\nx\n200 1.0 close\nContent-Length=1|\ny\n") },
};

static void good_messages_are_read_whatever_the_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(goods); i++)
        for (size_t piece = 1; piece <= goods[i].bytes.len; piece++) {
            struct outcome outcome = outcome_of(goods[i].role, 1 << 20, goods[i].bytes, piece);
            if (outcome.fault || outcome.messages != goods[i].messages ||
                !str_eq(buf_str(&outcome.text), goods[i].text))
                fail_msg("%s, in pieces of %zu: %s, %u messages\n%" STR_FMT, goods[i].what, piece,
                         http1_fault_text(outcome.fault), outcome.messages, STR_ARG(buf_str(&outcome.text)));
            buf_release(&outcome.text);
        }
}

/* A request whose head has `fields` fields of `value` bytes and whose target is `target` bytes long. */
static void make_head(struct buf *out, unsigned fields, size_t value, size_t target)
{
    buf_init(out, 1 << 20);
    buf_append_str(out, STR("GET /"));
    for (size_t i = 1; i < target; i++)
        buf_append_byte(out, 'x');
    buf_append_str(out, STR(" HTTP/1.1\r\nHost: a\r\n"));
    for (unsigned i = 1; i < fields; i++) {
        buf_append_str(out, STR("A: "));
        for (size_t k = 0; k < value; k++)
            buf_append_byte(out, 'b');
        buf_append_str(out, STR("\r\n"));
    }
    buf_append_str(out, STR("\r\n"));
}

static void ceilings_of_a_head(void **state)
{
    (void)state;
    static const struct {
        unsigned         fields;
        size_t           value, target;
        enum http1_fault fault;
    } cases[] = {
        { 100, 1, 1, HTTP1_FAULT_NONE },
        { 101, 1, 1, HTTP1_FAULT_HEAD_SIZE },
        { 2, 8192 - 3, 1, HTTP1_FAULT_NONE },
        { 2, 8192 - 2, 1, HTTP1_FAULT_HEAD_SIZE },
        { 1, 0, 8192 - 13, HTTP1_FAULT_NONE },
        { 1, 0, 8192 - 12, HTTP1_FAULT_HEAD_SIZE },
        { 1, 0, 500000, HTTP1_FAULT_HEAD_SIZE },
        { 4, 8192 - 3, 8150, HTTP1_FAULT_NONE },
        { 5, 8192 - 3, 8150, HTTP1_FAULT_HEAD_SIZE },
        { 96, 335, 1, HTTP1_FAULT_NONE },
        { 98, 335, 1, HTTP1_FAULT_HEAD_SIZE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
            struct buf head;
            make_head(&head, cases[i].fields, cases[i].value, cases[i].target);
            struct outcome outcome = outcome_of(HTTP1_SERVER, 100, buf_str(&head), pieces[p]);
            if (outcome.fault != cases[i].fault)
                fail_msg("case %zu in pieces of %zu: %s", i, pieces[p], http1_fault_text(outcome.fault));
            buf_release(&outcome.text);
            buf_release(&head);
        }
}

static void ceilings_of_a_chunk_extension(void **state)
{
    (void)state;
    for (size_t len = LIMIT_chunk_extension - 1; len <= LIMIT_chunk_extension + 1; len++)
        for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
            struct buf bytes;
            buf_init(&bytes, 10000);
            buf_append_str(&bytes, STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"));
            for (size_t i = 1; i < len; i++)
                buf_append_byte(&bytes, 'e');
            buf_append_str(&bytes, STR("\r\nx\r\n0\r\n\r\n"));
            struct outcome outcome = outcome_of(HTTP1_SERVER, 100, buf_str(&bytes), pieces[p]);
            assert_int_equal(outcome.fault, len > LIMIT_chunk_extension ? HTTP1_FAULT_SYNTAX : HTTP1_FAULT_NONE);
            buf_release(&outcome.text);
            buf_release(&bytes);
        }
}

static void a_body_ends_at_its_ceiling(void **state)
{
    (void)state;
    static const struct str chunked =
        STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
        struct outcome fits = outcome_of(HTTP1_SERVER, 5, chunked, pieces[p]);
        struct outcome above = outcome_of(HTTP1_SERVER, 4, chunked, pieces[p]);
        assert_int_equal(fits.fault, HTTP1_FAULT_NONE);
        assert_int_equal(above.fault, HTTP1_FAULT_BODY_SIZE);
        buf_release(&fits.text);
        buf_release(&above.text);
    }
}

static void fields_are_found_and_buffers_given_back(void **state)
{
    (void)state;
    struct http1 http1;
    struct str value;
    size_t used;
    struct buf bytes;

    buf_init(&bytes, 100000);
    buf_append_str(&bytes, STR("POST / HTTP/1.1\r\nHost: a\r\nMcp-Name: x\r\nMCP-NAME: y\r\nContent-Length: 50000\r\n\r\n"));
    for (int i = 0; i < 50000; i++)
        buf_append_byte(&bytes, 'b');
    http1_init(&http1, HTTP1_SERVER, 100000);
    assert_true(http1_is_between(&http1));
    assert_int_equal(http1_feed(&http1, buf_str(&bytes), &used), HTTP1_HEAD);
    assert_false(http1_is_between(&http1));
    assert_false(http1_is_whole(&http1));
    assert_int_equal(http1_find(&http1, STR("mcp-name"), &value), 2);
    assert_true(str_eq(value, STR("x")));
    assert_int_equal(http1_find(&http1, STR("mcp-nam"), &value), 0);
    assert_int_equal(value.len, 0);
    assert_int_equal(http1_feed(&http1, str_slice(buf_str(&bytes), used, bytes.len), &used), HTTP1_DONE);
    assert_true(http1_is_whole(&http1));
    assert_int_equal(http1.body.len, 50000);
    http1_next(&http1);
    assert_true(http1_is_between(&http1));
    assert_null(http1.body.ptr);
    http1_trim(&http1);
    assert_null(http1.head.ptr);
    http1_release(&http1);
    buf_release(&bytes);
}

static void heads_cannot_be_split_by_a_value(void **state)
{
    (void)state;
    static const struct {
        struct str name, value;
        bool       fine;
    } cases[] = {
        { STR("Mcp-Name"), STR("get_user"), true },
        { STR("Mcp-Name"), STR(""), true },
        { STR("Mcp-Name"), STR("a\tb c~"), true },
        { STR("Mcp-Name"), STR("x\r\nEvil: y"), false },
        { STR("Mcp-Name"), STR("x\ny"), false },
        { STR("Mcp-Name"), STR("x\ry"), false },
        { STR("Mcp-Name"), STR("x\0y"), false },
        { STR("Mcp-Name"), STR("x\x7f"), false },
        { STR("Mcp-Name"), STR("\xc3\xa9"), false },
        { STR(""), STR("x"), false },
        { STR("Mcp Name"), STR("x"), false },
        { STR("Mcp-Name:"), STR("x"), false },
        { STR("Mcp\r\nName"), STR("x"), false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 1000);
        http1_write_field(&out, cases[i].name, cases[i].value);
        assert_int_equal(buf_ok(&out), cases[i].fine);
        buf_release(&out);
    }
    static const struct str targets[] = { STR("/a b"), STR("/a\r\nX: y"), STR("/\xc3\xa9"), STR("") };
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct buf out;
        buf_init(&out, 1000);
        http1_write_request(&out, STR("POST"), targets[i]);
        assert_false(buf_ok(&out));
        buf_release(&out);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10000);
    http1_write_request(&out, STR("POST"), STR("/mcp"));
    http1_write_field(&out, STR("Host"), STR("127.0.0.1:1"));
    http1_write_length(&out, 3);
    http1_write_end(&out);
    buf_append_str(&out, STR("abc"));
    struct outcome outcome = outcome_of(HTTP1_SERVER, 100, buf_str(&out), 5);
    assert_true(str_eq(buf_str(&outcome.text), STR("POST /mcp 1.1\nHost=127.0.0.1:1|Content-Length=3|\nabc\n")));
    buf_release(&outcome.text);
    buf_reset(&out);
    http1_write_answer(&out, 503);
    http1_write_length(&out, 0);
    http1_write_end(&out);
    assert_true(str_eq(buf_str(&out), STR("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")));
    outcome = outcome_of(HTTP1_CLIENT, 100, buf_str(&out), 5);
    assert_true(str_eq(buf_str(&outcome.text), STR("503 1.1\nContent-Length=0|\n\n")));
    buf_release(&outcome.text);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(bad_answers_are_refused),
        cmocka_unit_test(good_messages_are_read_whatever_the_cuts),
        cmocka_unit_test(ceilings_of_a_head),
        cmocka_unit_test(ceilings_of_a_chunk_extension),
        cmocka_unit_test(a_body_ends_at_its_ceiling),
        cmocka_unit_test(fields_are_found_and_buffers_given_back),
        cmocka_unit_test(heads_cannot_be_split_by_a_value),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
