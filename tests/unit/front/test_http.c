/* Requests and their answers over a real socket: what is served, what is refused and how its connection ends. */
#include "rig.h"

#include "net/http1.h"

struct bad_request {
    const char      *row;
    enum http1_fault fault;
    struct str       bytes;
};

static const struct bad_request bad_requests[] = {
#define BAD(row, fault, bytes) { #row, HTTP1_FAULT_##fault, { bytes, sizeof(bytes) - 1 } },
#include "../net/http1_requests.def"
};

static const char *status_of(enum http1_fault fault)
{
    switch (fault) {
    case HTTP1_FAULT_SYNTAX: return "HTTP/1.1 400 ";
    case HTTP1_FAULT_VERSION: return "HTTP/1.1 505 ";
    case HTTP1_FAULT_METHOD: return "HTTP/1.1 405 ";
    case HTTP1_FAULT_HEAD_SIZE: return "HTTP/1.1 431 ";
    case HTTP1_FAULT_BODY_SIZE: return "HTTP/1.1 413 ";
    case HTTP1_FAULT_NONE:
    case HTTP1_FAULT_MEMORY: break;
    }
    WRONG("no vector has this fault");
}

/* The vectors have no Content-Type, so one whose head is sound is refused by 415 before its body's fault is seen; those
 * that are about bodies get the fields that a message needs. */
static bool with_fields(struct buf *out, struct str bytes)
{
    static const struct str line = { "POST /mcp/box HTTP/1.1\r\n", 24 };

    buf_reset(out);
    if (!str_starts_with(bytes, line) || str_find(bytes, STR("Transfer-Encoding: chunked\r\n\r\n")) == bytes.len) {
        buf_append_str(out, bytes);
        return false;
    }
    buf_append_str(out, STR("POST /mcp/echo HTTP/1.1\r\nContent-Type: application/json\r\nAccept: */*\r\n"));
    buf_append_str(out, str_slice(bytes, line.len, bytes.len));
    return true;
}

static void a_bad_request_is_answered_and_its_connection_closed(void **state)
{
    (void)state;
    struct rig rig;
    struct buf bytes;
    rig_init(&rig);
    buf_init(&bytes, 10000);
    for (size_t i = 0; i < ARRAY_LEN(bad_requests); i++) {
        const struct bad_request *bad = &bad_requests[i];
        struct client client;
        if (bad->fault == HTTP1_FAULT_BODY_SIZE && str_find(bad->bytes, STR("chunked")) < bad->bytes.len)
            continue; /* needs more bytes than it has */
        client_open(&client, &rig);
        bool about_body = with_fields(&bytes, bad->bytes);
        unsigned before = rig.messages;
        bool first_is_whole = str_find(bad->bytes, STR("\r\n0\r\n\r\nX")) < bad->bytes.len;
        client_send(&client, buf_str(&bytes));
        client_send(&client, STR("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")); /* must never be answered */
        RIG_UNTIL(&rig, client_read(&client));
        if (client.reset || !client_has(&client, "Connection: close\r\n") || client_has(&client, "\"status\"") ||
            (!client_has(&client, status_of(bad->fault)) && (about_body || !client_has(&client, "HTTP/1.1 415 "))))
            fail_msg("%s, row %zu: %" STR_FMT, bad->row, i, STR_ARG(buf_str(&client.got)));
        assert_int_equal(rig.messages - before, first_is_whole ? 1 : 0);
        client_close(&client);
    }
    buf_release(&bytes);
    rig_release(&rig);
}

static void a_message_is_answered_on_a_connection_that_lives_on(void **state)
{
    (void)state;
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nMcp-Session-Id: s1\r\n\r\n{}";
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    for (unsigned i = 1; i <= 3; i++) {
        client_send(&client, STR("POST /mcp/echo HTTP/1.1\r\nMcp-Session-Id: s1\r\n" FIELDS "Content-Length: 2\r\n\r\n{}"));
        RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n{}") && client.got.len == i * (sizeof(answer) - 1));
        assert_int_equal(client_count(&client, answer), i);
    }
    client_send(&client, STR("POST /mcp/echo HTTP/1.1\r\n" FIELDS "Transfer-Encoding: chunked\r\n\r\n"
                             "3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"));
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n[1,2]"));
    assert_int_equal(rig.messages, 4);
    client_close(&client);
    RIG_UNTIL(&rig, front_http_connections(rig.front) == 0);
    assert_int_equal(rig.gone, 0);
    rig_release(&rig);
}

static void what_comes_ahead_waits(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR(POST("hold", 1, "1") POST("echo", 1, "2") POST("hold", 1, "3") POST("echo", 1, "4")));
    RIG_UNTIL(&rig, rig.messages == 1);
    rig_settle(&rig);
    assert_int_equal(rig.messages, 1);
    rig.held[0]->ops->answer(rig.held[0], 200, rig.held[0]->body, STR_EMPTY);
    RIG_UNTIL(&rig, rig.messages == 3);
    rig_settle(&rig);
    assert_int_equal(rig.messages, 3);
    assert_true(str_eq(rig.held[1]->body, STR("3")));
    rig.held[1]->ops->answer(rig.held[1], 200, rig.held[1]->body, STR_EMPTY);
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n4"));
    assert_int_equal(client_count(&client, "HTTP/1.1 200 OK"), 4);
    size_t at[4];
    for (int i = 0; i < 4; i++)
        at[i] = str_find(buf_str(&client.got), str_of((const char[]){ '\r', '\n', '\r', '\n', (char)('1' + i) }, 5));
    assert_true(at[0] < at[1] && at[1] < at[2] && at[2] < at[3]);
    client_close(&client);
    rig_release(&rig);
}

/* One request, one answer; all of it, from the status on. */
static void one(struct rig *rig, struct str request, const char *const *wanted, const char *const *unwanted)
{
    struct client client;
    client_open(&client, rig);
    client_send(&client, request);
    RIG_UNTIL(rig, client_has(&client, "\r\n\r\n"));
    rig_settle(rig);
    client_read(&client);
    for (; *wanted; wanted++)
        if (!client_has(&client, *wanted))
            fail_msg("no %s in\n%" STR_FMT, *wanted, STR_ARG(buf_str(&client.got)));
    for (; unwanted && *unwanted; unwanted++)
        if (client_has(&client, *unwanted))
            fail_msg("%s in\n%" STR_FMT, *unwanted, STR_ARG(buf_str(&client.got)));
    client_close(&client);
}

#define ONE(rig, request, ...) one(rig, STR(request), (const char *const[]){ __VA_ARGS__, NULL }, NULL)

static void each_route_answers_its_way(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    ONE(&rig, POST("note", 2, "{}"), "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n");
    one(&rig, STR("DELETE /mcp/note HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (const char *const[]){ "HTTP/1.1 204 No Content\r\n", NULL }, (const char *const[]){ "Content-Length", NULL });
    ONE(&rig, POST("deny", 2, "{}"), "HTTP/1.1 401 Unauthorized\r\n", "WWW-Authenticate: Bearer\r\n",
        "Content-Type: application/json\r\n",
        "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"A valid grant token is required.\","
        "\"data\":{\"reason\":\"unauthorized\"}}}");
    ONE(&rig, "GET /mcp/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n",
        "HTTP/1.1 406 Not Acceptable\r\n", "\"reason\":\"not_acceptable\"");
    ONE(&rig, "PUT /mcp/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 405 ", "Allow: GET, POST, DELETE, OPTIONS\r\n",
        "Connection: close\r\n");
    ONE(&rig, "GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "\"reason\":\"not_found\"");
    ONE(&rig, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\n{\"status\":\"ok\"}",
        "Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n");
    ONE(&rig, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\n{\"ready\":true}");
    rig.not_ready = true;
    ONE(&rig, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n",
        "\r\n\r\n{\"ready\":false,\"reason\":\"the disk is \\\"full\\\"\"}");
    assert_int_equal(rig.messages, 3);
    rig_release(&rig);
}

static void pages_of_an_allowed_origin_may_read(void **state)
{
    (void)state;
    static const char *const unwanted[] = { "Access-Control", NULL };
    struct rig rig;
    rig_init(&rig);
    ONE(&rig, "OPTIONS /mcp/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://app.example\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n", "Allow: GET, POST, DELETE, OPTIONS\r\n", "Vary: Origin\r\n",
        "Access-Control-Allow-Origin: https://app.example\r\n", "Access-Control-Allow-Methods: GET, POST, DELETE, OPTIONS\r\n",
        "Access-Control-Allow-Headers: Authorization, ");
    ONE(&rig, "POST /mcp/echo HTTP/1.1\r\nOrigin: https://app.example\r\n" FIELDS "Content-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n", "Access-Control-Allow-Origin: https://app.example\r\n",
        "Access-Control-Expose-Headers: Mcp-Session-Id\r\n");
    one(&rig, STR("OPTIONS /mcp/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (const char *const[]){ "HTTP/1.1 204 ", "Allow: GET, POST", NULL }, unwanted);
    one(&rig, STR("OPTIONS /mcp/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n\r\n"),
        (const char *const[]){ "HTTP/1.1 403 Forbidden\r\n", "\"reason\":\"forbidden_origin\"", NULL }, unwanted);
    one(&rig, STR("POST /mcp/echo HTTP/1.1\r\nOrigin: null\r\n" FIELDS "Content-Length: 2\r\n\r\n{}"),
        (const char *const[]){ "HTTP/1.1 403 ", "Connection: close\r\n", NULL }, unwanted);
    ONE(&rig, "POST /mcp/echo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 403 ");
    assert_int_equal(rig.messages, 1);
    rig_release(&rig);
}

/* What a first request left behind must not show in the answer to a second one that is refused. */
static void an_origin_ends_with_its_request(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://app.example\r\n\r\n"));
    RIG_UNTIL(&rig, client_has(&client, "\"ok\"}"));
    client_send(&client, STR("BAD\r\n\r\n"));
    RIG_UNTIL(&rig, client_has(&client, "HTTP/1.1 400 ") && client.ended);
    assert_int_equal(client_count(&client, "Access-Control-Allow-Origin"), 1);
    client_close(&client);
    rig_release(&rig);
}

static void refused_before_its_body_is_read(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    ONE(&rig, "POST /mcp/Box HTTP/1.1\r\n" FIELDS "Content-Length: 4000000\r\n\r\n{", "HTTP/1.1 404 ", "Connection: close\r\n");
    ONE(&rig, "POST /mcp/box HTTP/1.1\r\n" FIELDS "Content-Encoding: gzip\r\nContent-Length: 4000000\r\n\r\n{",
        "HTTP/1.1 415 ", "Connection: close\r\n", "\"reason\":\"media_type\"");
    ONE(&rig, "POST /mcp/box HTTP/1.1\r\n" FIELDS "Content-Length: 4194305\r\n\r\n{", "HTTP/1.1 413 ", "Connection: close\r\n");
    ONE(&rig, "POST /mcp/box HTTP/1.1\r\n" FIELDS "Mcp-Session-Id: a\r\nMcp-Session-Id: a\r\nContent-Length: 2\r\n\r\n{",
        "HTTP/1.1 400 ", "\"reason\":\"header_mismatch\"");
    ONE(&rig, "POST /mcp/box HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
              "Content-Length: 2\r\n\r\n{}",
        "HTTP/1.1 406 Not Acceptable\r\n");
    assert_int_equal(rig.messages, 0);
    rig_release(&rig);
}

static void an_answer_reaches_a_client_that_still_sends(void **state)
{
    (void)state;
    static char megabyte[1 << 20];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR("POST /mcp/box HTTP/1.1\r\n" FIELDS "Content-Length: 9999999\r\n\r\n"));
    for (int i = 0; i < 3; i++) {
        size_t sent = 0;
        while (sent < sizeof(megabyte)) {
            ssize_t put = send(client.fd, megabyte + sent, sizeof(megabyte) - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (put > 0)
                sent += (size_t)put;
            else
                assert_int_equal(errno, EAGAIN);
            loop_turn(rig.loop, false);
        }
    }
    RIG_UNTIL(&rig, client_has(&client, "\"too_large\"") && client.ended);
    assert_false(client.reset);
    client_close(&client);
    RIG_UNTIL(&rig, front_http_connections(rig.front) == 0);
    rig_release(&rig);
}

static void expectations_are_met_where_a_body_will_be_read(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR("POST /mcp/echo HTTP/1.1\r\n" FIELDS "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    RIG_UNTIL(&rig, client_has(&client, "HTTP/1.1 100 Continue\r\n\r\n"));
    rig_settle(&rig);
    assert_int_equal(rig.messages, 0);
    client_send(&client, STR("{}"));
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n{}"));
    client_send(&client, STR("POST /mcp/echo HTTP/1.1\r\n" FIELDS "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n[]"));
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n[]")); /* the body was there: nothing to wait for */
    assert_int_equal(client_count(&client, "100 Continue"), 1);
    client_send(&client, STR("POST /mcp/echo HTTP/1.1\r\nHost: evil\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    RIG_UNTIL(&rig, client_has(&client, "HTTP/1.1 403 ") && client.ended);
    assert_int_equal(client_count(&client, "100 Continue"), 1);
    client_close(&client);
    rig_release(&rig);
}

static void http_1_0_gets_one_answer_of_json(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR("POST /mcp/hold HTTP/1.0\r\nConnection: keep-alive\r\n" FIELDS "Content-Length: 2\r\n\r\n{}"));
    RIG_UNTIL(&rig, rig.held_count == 1);
    assert_false(rig.held[0]->takes_events);
    assert_int_equal(rig.held[0]->ops->event(rig.held[0], STR("{}")), E_INVALID);
    rig.held[0]->ops->answer(rig.held[0], 200, STR("[]"), STR_EMPTY);
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n[]") && client.ended);
    assert_true(client_has(&client, "Connection: close\r\n"));
    assert_false(client_has(&client, "chunked"));
    client_close(&client);
    rig_release(&rig);
}

static void a_session_that_would_split_the_head_ends_the_connection(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR(POST("hold", 2, "{}")));
    RIG_UNTIL(&rig, rig.held_count == 1);
    rig.held[0]->ops->answer(rig.held[0], 200, STR("{}"), STR("a\r\nX: y"));
    RIG_UNTIL(&rig, client_read(&client));
    assert_int_equal(client.got.len, 0);
    assert_int_equal(rig.gone, 0);
    client_close(&client);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_request_is_answered_and_its_connection_closed),
        cmocka_unit_test(a_message_is_answered_on_a_connection_that_lives_on),
        cmocka_unit_test(what_comes_ahead_waits),
        cmocka_unit_test(each_route_answers_its_way),
        cmocka_unit_test(pages_of_an_allowed_origin_may_read),
        cmocka_unit_test(an_origin_ends_with_its_request),
        cmocka_unit_test(refused_before_its_body_is_read),
        cmocka_unit_test(an_answer_reaches_a_client_that_still_sends),
        cmocka_unit_test(expectations_are_met_where_a_body_will_be_read),
        cmocka_unit_test(http_1_0_gets_one_answer_of_json),
        cmocka_unit_test(a_session_that_would_split_the_head_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
