/* How connections live and end: time-outs, event streams, clients that go, ceilings, the stop. */
#include "rig.h"

#include "front/connection.h"

#define HOLD POST("hold", 2, "{}")

static void hold(struct rig *rig, struct client *client)
{
    unsigned before = rig->held_count;
    client_open(client, rig);
    client_send(client, STR(HOLD));
    RIG_UNTIL(rig, rig->held_count == before + 1);
}

static void slow_heads_and_bodies_are_told_and_closed(void **state)
{
    (void)state;
    static const struct str request = STR("POST /mcp/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n");
    struct rig rig;
    struct client head, body;
    rig_init(&rig);
    client_open(&head, &rig);
    client_open(&body, &rig);
    client_send(&body, STR("POST /mcp/echo HTTP/1.1\r\n" FIELDS "Content-Length: 100\r\n\r\n"));
    rig_settle(&rig);
    for (size_t i = 0; i < 10; i++) { /* an octet a second */
        assert_false(client_read(&head));
        client_send(&head, str_slice(request, i, i + 1));
        rig_settle(&rig);
        rig_pass(&rig, LIMIT_head_ms / 10);
    }
    RIG_UNTIL(&rig, client_has(&head, "HTTP/1.1 408 Request Timeout\r\n") && head.ended);
    assert_true(client_has(&head, "\"reason\":\"request_timeout\""));
    for (int i = 10; i < 30; i++) {
        assert_false(client_read(&body));
        client_send(&body, STR(" "));
        rig_pass(&rig, LIMIT_body_ms / 30);
    }
    RIG_UNTIL(&rig, client_has(&body, "HTTP/1.1 408 ") && body.ended);
    assert_int_equal(rig.messages, 0);
    client_close(&head);
    client_close(&body);
    rig_release(&rig);
}

static void idle_connections_close_without_a_word(void **state)
{
    (void)state;
    struct rig rig;
    struct client silent, served;
    rig_init(&rig);
    client_open(&silent, &rig);
    client_open(&served, &rig);
    client_send(&served, STR(POST("echo", 2, "{}")));
    RIG_UNTIL(&rig, client_has(&served, "\r\n\r\n{}"));
    size_t len = served.got.len;
    rig_pass(&rig, LIMIT_head_ms - 1);
    assert_false(client_read(&silent));
    rig_pass(&rig, 1);
    RIG_UNTIL(&rig, client_read(&silent));
    assert_int_equal(silent.got.len, 0);
    rig_pass(&rig, LIMIT_keep_alive_ms - LIMIT_head_ms - 1);
    assert_false(client_read(&served));
    rig_pass(&rig, 1);
    RIG_UNTIL(&rig, client_read(&served));
    assert_int_equal(served.got.len, len);
    assert_true(served.ended && silent.ended);
    assert_int_equal(front_http_connections(rig.front), 0);
    client_close(&silent);
    client_close(&served);
    rig_release(&rig);
}

static void an_idle_connection_holds_no_buffer(void **state)
{
    (void)state;
    static char body[100000];
    struct rig rig;
    struct client client;
    char head[300];
    rig_init(&rig);
    client_open(&client, &rig);
    memset(body, ' ', sizeof(body));
    snprintf(head, sizeof(head), "POST /mcp/note HTTP/1.1\r\n" FIELDS "Content-Length: %zu\r\n\r\n", sizeof(body));
    client_send(&client, str_from_c(head));
    client_send(&client, str_of(body, sizeof(body)));
    RIG_UNTIL(&rig, client_has(&client, "HTTP/1.1 202 "));
    const struct connection *connection = CONTAINER_OF(rig.front->idle.next, struct connection, link);
    assert_null(connection->http1.body.ptr); /* a large one goes at once */
    assert_non_null(connection->http1.head.ptr);
    rig_pass(&rig, LIMIT_idle_trim_ms);
    assert_null(connection->http1.head.ptr);
    assert_null(connection->queue.ptr);
    assert_int_equal(rig.front->body_bytes, 0);
    assert_true(sizeof(*connection) < 3072);
    client_send(&client, STR(POST("echo", 2, "{}")));
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n{}"));
    client_close(&client);
    rig_release(&rig);
}

static void events_and_the_final_message(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    struct exchange *exchange = rig.held[0];
    assert_true(exchange->takes_events);
    assert_int_equal(exchange->ops->event(exchange, STR("{\"p\":1}")), 0);
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n1e\r\nevent: message\ndata: {\"p\":1}\n\n\r\n"));
    assert_true(client_has(&client, "Content-Type: text/event-stream\r\n"));
    assert_true(client_has(&client, "Transfer-Encoding: chunked\r\n"));
    assert_true(client_has(&client, "X-Accel-Buffering: no\r\n"));
    assert_false(client_has(&client, "Content-Length"));
    assert_int_equal(exchange->ops->event(exchange, STR("{\n}")), E_INVALID);
    rig_pass(&rig, LIMIT_sse_comment_ms - 1);
    assert_false(client_has(&client, ":\n\n"));
    rig_pass(&rig, 1);
    RIG_UNTIL(&rig, client_has(&client, "3\r\n:\n\n\r\n"));
    rig_pass(&rig, LIMIT_sse_comment_ms);
    RIG_UNTIL(&rig, client_has(&client, ":\n\n") && client_count(&client, ":\n\n") == 2);
    assert_int_equal(exchange->ops->event(exchange, STR("{\"p\":2}")), 0);
    exchange->ops->answer(exchange, 200, STR("{\"r\":3}"), STR_EMPTY);
    RIG_UNTIL(&rig, client_has(&client, "\r\n1e\r\nevent: message\ndata: {\"p\":2}\n\n\r\n"
                                        "1e\r\nevent: message\ndata: {\"r\":3}\n\n\r\n0\r\n\r\n"));
    client_send(&client, STR(POST("echo", 2, "[]"))); /* the connection lives on */
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n[]"));
    client_close(&client);
    rig_release(&rig);
}

static void a_stream_that_ends_early_still_says_so(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    assert_int_equal(rig.held[0]->ops->event(rig.held[0], STR("{}")), 0);
    rig.held[0]->ops->end(rig.held[0], REASON_upstream_closed);
    RIG_UNTIL(&rig, client_has(&client, "\n\n\r\n0\r\n\r\n"));
    assert_true(client_has(&client, "data: {\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1004,"));
    client_close(&client);

    hold(&rig, &client);
    assert_int_equal(rig.held[1]->ops->event(rig.held[1], STR("{}")), 0);
    rig.held[1]->ops->answer(rig.held[1], 200, STR("{\r}"), STR_EMPTY); /* would be two lines */
    RIG_UNTIL(&rig, client_has(&client, "\"reason\":\"internal\"}}}\n\n\r\n0\r\n\r\n"));
    client_close(&client);
    rig_release(&rig);
}

static void set_reset_on_close(struct client *client)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
}

static void a_client_that_goes_is_noticed(void **state)
{
    (void)state;
    for (int events = 0; events < 2; events++)
        for (int reset = 0; reset < 2; reset++) {
            struct rig rig;
            struct client client;
            rig_init(&rig);
            hold(&rig, &client);
            if (events) {
                assert_int_equal(rig.held[0]->ops->event(rig.held[0], STR("{}")), 0);
                RIG_UNTIL(&rig, client_has(&client, "data: {}\n\n"));
            }
            if (reset)
                set_reset_on_close(&client);
            client_close(&client);
            RIG_UNTIL(&rig, rig.gone == 1);
            assert_null(rig.held[0]);
            assert_int_equal(front_http_connections(rig.front), 0);
            rig_release(&rig);
            assert_int_equal(rig.gone, 1);
        }
}

static void a_client_that_only_stops_sending_is_answered(void **state)
{
    (void)state;
    for (int events = 0; events < 2; events++) {
        struct rig rig;
        struct client client;
        rig_init(&rig);
        hold(&rig, &client);
        if (events)
            assert_int_equal(rig.held[0]->ops->event(rig.held[0], STR("{}")), 0);
        assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
        rig_settle(&rig);
        rig_pass(&rig, 60000);
        assert_int_equal(rig.gone, 0);
        rig.held[0]->ops->answer(rig.held[0], 200, STR("{\"r\":1}"), STR_EMPTY);
        RIG_UNTIL(&rig, client_has(&client, "{\"r\":1}") && client.ended);
        assert_true(client_count(&client, "100 Continue") <= 4);
        assert_int_equal(client_count(&client, "HTTP/1.1 200 OK"), 1);
        client_close(&client);
        assert_int_equal(rig.gone, 0);
        rig_release(&rig);
    }
}

static void an_answer_to_a_client_that_went_is_dropped(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    set_reset_on_close(&client);
    client_close(&client);
    struct exchange *exchange = rig.held[0];
    usleep(2000);
    for (int i = 0; i < 100 && exchange->ops->event(exchange, STR("{}")) == 0; i++)
        usleep(1000); /* until the reset is there: no turn of the loop in between */
    assert_int_equal(exchange->ops->event(exchange, STR("{}")), E_CLOSED);
    assert_int_equal(rig.gone, 0); /* never inside the gate's own call */
    exchange->ops->answer(exchange, 200, STR("{}"), STR_EMPTY);
    rig_settle(&rig);
    assert_int_equal(rig.gone, 0); /* it was answered, as far as the gate knows */
    rig_release(&rig);
}

static void who_does_not_read_is_held_back_and_then_dropped(void **state)
{
    (void)state;
    static char message[32768];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    memset(message, 'x', sizeof(message));
    struct exchange *exchange = rig.held[0];
    unsigned sent = 0;
    int error;
    while ((error = exchange->ops->event(exchange, str_of(message, sizeof(message)))) == 0)
        assert_true(++sent < 10000);
    assert_int_equal(error, E_FULL);
    assert_true(sent >= LIMIT_stream_queue_messages);
    /* What is read makes room again. */
    RIG_UNTIL(&rig, client_count(&client, "data: x") == sent || (client.got.len = 0, client_read(&client)) ||
                        exchange->ops->event(exchange, STR("{}")) == 0);
    assert_false(client.ended || client.reset);
    while (exchange->ops->event(exchange, str_of(message, sizeof(message))) == 0)
        ;
    rig_pass(&rig, LIMIT_write_stall_ms - 1);
    assert_int_equal(rig.gone, 0);
    rig_pass(&rig, LIMIT_write_stall_ms);
    assert_int_equal(rig.gone, 1);
    client_close(&client);
    rig_release(&rig);
}

static void more_events_do_not_put_the_end_off(void **state)
{
    (void)state;
    static char message[LIMIT_answer_body / 2];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    memset(message, 'x', sizeof(message));
    assert_int_equal(rig.held[0]->ops->event(rig.held[0], str_of(message, sizeof(message))), 0);
    rig_settle(&rig);
    for (int i = 0; i < 3; i++) { /* the client reads none of them */
        assert_int_equal(rig.gone, 0);
        assert_int_equal(rig.held[0]->ops->event(rig.held[0], STR("{}")), 0);
        rig_pass(&rig, LIMIT_write_stall_ms / 3);
    }
    assert_int_equal(rig.gone, 1);
    client_close(&client);
    rig_release(&rig);
}

static void a_slow_reader_gets_its_answer_and_no_other_before(void **state)
{
    (void)state;
    static char message[LIMIT_answer_body];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    memset(message, 'x', sizeof(message));
    int small = 65536;
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    rig.held[0]->ops->answer(rig.held[0], 200, str_of(message, sizeof(message)), STR_EMPTY);
    client_send(&client, STR(POST("echo", 2, "{}")));
    for (int i = 0; i < 6; i++) { /* longer than any idle connection lives */
        for (int k = 0; k < 16; k++)
            assert_false(client_read(&client));
        rig_settle(&rig);
        rig_pass(&rig, LIMIT_write_stall_ms - 1000);
        assert_int_equal(rig.messages, 1);
        assert_int_equal(list_is_empty(&rig.front->idle), true);
    }
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n{}"));
    assert_int_equal(rig.messages, 2);
    client_close(&client);
    rig_release(&rig);
}

static void a_large_answer_is_written_as_it_is_read(void **state)
{
    (void)state;
    static char message[LIMIT_answer_body];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    memset(message, 'x', sizeof(message));
    message[sizeof(message) - 1] = '!';
    rig.held[0]->ops->answer(rig.held[0], 200, str_of(message, sizeof(message)), STR_EMPTY);
    client_send(&client, STR(POST("echo", 2, "{}")));
    RIG_UNTIL(&rig, client_has(&client, "!HTTP/1.1 200 OK") && client_has(&client, "\r\n\r\n{}"));
    assert_true(client_has(&client, "Content-Length: 16777216\r\n"));
    assert_int_equal(client_count(&client, "x!"), 1);
    client_close(&client);
    rig_release(&rig);
}

/* Many who do not read cannot fill the memory, and take no answer from who does: the ceiling is theirs. */
static void answers_that_wait_have_one_ceiling_for_all(void **state)
{
    (void)state;
    static char message[LIMIT_answer_body];
    struct rig rig;
    struct client reads, silent, late, small;
    const size_t others = LIMIT_process_bytes - 2 * (sizeof(message) * 5 / 4); /* held by others: room for two answers more */
    rig_init(&rig);
    memset(message, 'x', sizeof(message));
    hold(&rig, &reads);
    hold(&rig, &silent);
    hold(&rig, &late);
    rig.front->queue_bytes = others;
    for (int i = 0; i < 2; i++)
        rig.held[i]->ops->answer(rig.held[i], 200, str_of(message, sizeof(message)), STR_EMPTY);
    RIG_UNTIL(&rig, !client_read(&reads) && reads.got.len > sizeof(message) / 2); /* some of it: it has waited less long now */
    rig.held[2]->ops->answer(rig.held[2], 200, str_of(message, sizeof(message)), STR_EMPTY);
    client_open(&small, &rig);
    client_send(&small, STR(POST("echo", 2, "{}")));
    RIG_UNTIL(&rig, client_has(&small, "\r\n\r\n{}"));
    RIG_UNTIL(&rig, client_read(&silent));
    assert_true(silent.got.len < sizeof(message)); /* cut, and not taken for whole: its length was told */
    RIG_UNTIL(&rig, !client_read(&reads) && reads.got.len > sizeof(message));
    RIG_UNTIL(&rig, !client_read(&late) && late.got.len > sizeof(message));
    rig_settle(&rig);
    assert_int_equal(rig.front->queue_bytes, others); /* all given back */
    client_close(&reads);
    client_close(&silent);
    client_close(&late);
    client_close(&small);
    rig_release(&rig);
}

/* Who holds the most of what waits pays for more, whoever has waited the longest. */
static void the_largest_share_makes_room(void **state)
{
    (void)state;
    static char message[LIMIT_answer_body];
    const size_t others = LIMIT_process_bytes - 3 * (sizeof(message) * 5 / 4); /* room for three answers more */
    struct rig rig;
    struct client clients[5];
    struct share modest, greedy;
    rig_init(&rig);
    share_init(&modest);
    share_init(&greedy);
    memset(message, 'x', sizeof(message));
    for (int i = 0; i < 5; i++) {
        hold(&rig, &clients[i]);
        rig.held[i]->share = i == 0 ? &modest : &greedy;
    }
    rig.front->queue_bytes = others;
    for (int i = 0; i < 4; i++) /* the modest one's first */
        rig.held[i]->ops->answer(rig.held[i], 200, str_of(message, sizeof(message)), STR_EMPTY);
    assert_true(share_is_used(&modest) && modest.bytes < 2 * sizeof(message));
    RIG_UNTIL(&rig, client_read(&clients[1]));
    assert_true(clients[1].got.len < sizeof(message));
    assert_int_equal(rig.unshared, 0);
    RIG_UNTIL(&rig, !client_read(&clients[0]) && clients[0].got.len > sizeof(message));
    assert_int_equal(rig.unshared, 1);
    assert_false(share_is_used(&modest));
    for (int i = 2; i < 4; i++)
        RIG_UNTIL(&rig, !client_read(&clients[i]) && clients[i].got.len > sizeof(message));
    assert_int_equal(rig.unshared, 2);
    /* A share that nothing waits in any more is used again; and a front that is closed leaves none behind. */
    rig.held[4]->ops->answer(rig.held[4], 200, str_of(message, sizeof(message)), STR_EMPTY);
    assert_true(share_is_used(&greedy));
    assert_int_equal(rig.front->queue_bytes - others, greedy.bytes);
    rig.front->queue_bytes -= others;
    for (int i = 0; i < 5; i++)
        client_close(&clients[i]);
    rig_release(&rig);
    assert_false(share_is_used(&greedy) || greedy.bytes);
    assert_int_equal(rig.unshared, 3);
}

/* Where nobody else has what is missing, the answer itself goes. */
static void an_answer_above_the_ceiling_alone_is_cut(void **state)
{
    (void)state;
    static char message[LIMIT_answer_body];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    hold(&rig, &client);
    rig.front->queue_bytes = LIMIT_process_bytes;
    rig.held[0]->ops->answer(rig.held[0], 200, str_of(message, sizeof(message)), STR_EMPTY);
    RIG_UNTIL(&rig, client_read(&client));
    assert_true(client.got.len < sizeof(message));
    assert_int_equal(rig.front->queue_bytes, LIMIT_process_bytes);
    client_close(&client);
    rig_release(&rig);
}

static void a_body_is_waited_for_only_with_a_grant(void **state)
{
    (void)state;
#define LATER(route, fields) route " HTTP/1.1\r\n" FIELDS fields "\r\n"
    static const struct {
        const char *sent, *status;
    } cases[] = {
        { LATER("POST /mcp/echo", "Authorization: Bearer stranger\r\nContent-Length: 4000\r\n"), "HTTP/1.1 401 " },
        { LATER("POST /mcp/echo", "Authorization: Bearer stranger\r\nTransfer-Encoding: chunked\r\n"), "HTTP/1.1 401 " },
        { LATER("POST /mcp/echo", "Authorization: Bearer stranger\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"), "HTTP/1.1 401 " },
        { LATER("POST /mcp/echo", "Authorization: Bearer stranger\r\nContent-Length: 3\r\n") "{ ", "HTTP/1.1 401 " },
        { LATER("DELETE /mcp/echo", "Content-Length: 4000\r\n"), "HTTP/1.1 413 " },
        { LATER("GET /healthz", "Content-Length: 4000\r\n"), "HTTP/1.1 413 " },
    };
    struct rig rig;
    struct client client;
    rig_init(&rig);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        client_open(&client, &rig);
        client_send(&client, str_from_c(cases[i].sent));
        RIG_UNTIL(&rig, client_has(&client, cases[i].status) && client.ended);
        assert_true(str_starts_with(buf_str(&client.got), str_from_c(cases[i].status))); /* no 100 before it */
        client_close(&client);
    }
    assert_int_equal(rig.front->body_bytes, 0);
    assert_int_equal(rig.messages, 0);
    client_open(&client, &rig); /* the gate alone refuses what is whole */
    client_send(&client, STR(LATER("POST /mcp/deny", "Authorization: Bearer stranger\r\nContent-Length: 2\r\n") "{}"));
    RIG_UNTIL(&rig, client_has(&client, "HTTP/1.1 401 "));
    assert_int_equal(rig.messages, 1);
    client_close(&client);
    rig_release(&rig);
#undef LATER
}

static void at_the_ceiling_the_idle_make_room(void **state)
{
    (void)state;
    struct rig rig;
    struct client calling[3], idle, waiting;
    rig_init_with(&rig, 3);
    hold(&rig, &calling[0]);
    client_open(&idle, &rig);
    client_send(&idle, STR(POST("echo", 2, "{}")));
    RIG_UNTIL(&rig, client_has(&idle, "\r\n\r\n{}"));
    hold(&rig, &calling[1]); /* the third: the idle one goes */
    RIG_UNTIL(&rig, client_read(&idle));
    assert_true(idle.ended);
    hold(&rig, &calling[2]);
    assert_int_equal(front_http_connections(rig.front), 3);
    client_open(&waiting, &rig);
    client_send(&waiting, STR(POST("echo", 2, "[]")));
    rig_settle(&rig);
    assert_false(client_has(&waiting, "HTTP"));
    assert_int_equal(rig.gone, 0); /* nobody's call is ended for it */
    rig.held[1]->ops->answer(rig.held[1], 200, STR("{}"), STR_EMPTY);
    RIG_UNTIL(&rig, client_has(&waiting, "\r\n\r\n[]"));
    RIG_UNTIL(&rig, client_read(&calling[1])); /* answered, then idle, then in the way */
    assert_true(client_has(&calling[1], "\r\n\r\n{}"));
    for (int i = 0; i < 3; i++)
        client_close(&calling[i]);
    client_close(&idle);
    client_close(&waiting);
    rig_release(&rig);
}

static void a_stop_lets_calls_end(void **state)
{
    (void)state;
    struct rig rig;
    struct client idle, calling;
    rig_init(&rig);
    client_open(&idle, &rig);
    client_send(&idle, STR(POST("echo", 2, "{}")));
    RIG_UNTIL(&rig, client_has(&idle, "\r\n\r\n{}"));
    hold(&rig, &calling);
    front_http_stop_accepting(rig.front);
    RIG_UNTIL(&rig, client_read(&idle));
    assert_false(client_read(&calling));
    rig.held[0]->ops->answer(rig.held[0], 200, STR("[]"), STR_EMPTY);
    RIG_UNTIL(&rig, client_has(&calling, "\r\n\r\n[]") && calling.ended);
    assert_true(client_has(&calling, "Connection: close\r\n"));
    struct client late;
    late.fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(front_http_port(rig.front)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(late.fd, (const struct sockaddr *)&address, sizeof(address)), -1);
    close(late.fd);
    client_close(&idle);
    client_close(&calling);
    rig_release(&rig);
}

static void closing_tells_the_gate_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct client one, two, reading;
    rig_init(&rig);
    hold(&rig, &one);
    hold(&rig, &two);
    client_open(&reading, &rig);
    client_send(&reading, STR("POST /mcp/echo HTTP/1.1\r\n"));
    assert_int_equal(rig.held[1]->ops->event(rig.held[1], STR("{}")), 0);
    rig_settle(&rig);
    front_http_close(rig.front);
    rig.front = NULL;
    assert_int_equal(rig.gone, 2);
    client_close(&one);
    client_close(&two);
    client_close(&reading);
    rig_release(&rig);
}

struct closing {
    struct timer timer;
    struct rig  *rig;
};

static void close_front(struct timer *timer)
{
    struct rig *rig = CONTAINER_OF(timer, struct closing, timer)->rig;
    front_http_close(rig->front);
    rig->front = NULL;
}

/* A turn tells what is readable, then timers; only then does the gate get what was read. */
static void a_message_that_was_read_and_not_handed_over_is_nobodys(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    rig_settle(&rig);
    assert_int_equal(front_http_connections(rig.front), 1);
    struct closing closing = { .rig = &rig };
    timer_init(&closing.timer, rig.loop, close_front);
    timer_start(&closing.timer, 0);
    client_send(&client, STR(POST("hold", 2, "{}")));
    rig_settle(&rig);
    assert_null(rig.front);
    assert_int_equal(rig.messages, 0);
    assert_int_equal(rig.gone, 0);
    client_close(&client);
    rig_release(&rig);
}

static void a_body_under_way_is_counted_for_its_grant(void **state)
{
    (void)state;
    static char part[100000];
    struct rig rig;
    struct client one, other, stranger;
    rig_init(&rig);
    rig.held_most = 300000;
    memset(part, ' ', sizeof(part));
    client_open(&one, &rig);
    client_send(&one, STR("POST /mcp/note HTTP/1.1\r\n" FIELDS "Content-Length: 200000\r\n\r\n"));
    RIG_UNTIL(&rig, rig.expected == 1);
    client_send(&one, str_of(part, sizeof(part)));
    RIG_UNTIL(&rig, rig.held_bytes >= sizeof(part));
    client_open(&other, &rig);
    client_send(&other, STR("POST /mcp/note HTTP/1.1\r\n" FIELDS "Content-Length: 400000\r\n\r\n"));
    RIG_UNTIL(&rig, rig.expected == 2);
    for (int i = 0; i < 3; i++)
        client_send(&other, str_of(part, sizeof(part)));
    RIG_UNTIL(&rig, client_has(&other, "HTTP/1.1 503 ") && other.ended);
    assert_int_equal(rig.expected, 1);
    client_open(&stranger, &rig);
    client_send(&stranger, STR("POST /mcp/note HTTP/1.1\r\nAuthorization: Bearer stranger\r\n" FIELDS
                               "Content-Length: 200000\r\n\r\n"));
    RIG_UNTIL(&rig, client_has(&stranger, "HTTP/1.1 401 "));
    client_send(&one, str_of(part, sizeof(part)));
    RIG_UNTIL(&rig, client_has(&one, "HTTP/1.1 202 "));
    assert_int_equal(rig.expected, 0);
    assert_int_equal(rig.held_bytes, 0);
    client_send(&one, STR("POST /mcp/note HTTP/1.1\r\n" FIELDS "Content-Length: 200000\r\n\r\n{"));
    RIG_UNTIL(&rig, rig.expected == 1);
    client_close(&one); /* gone in the middle */
    RIG_UNTIL(&rig, rig.expected == 0);
    client_close(&other);
    client_close(&stranger);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_heads_and_bodies_are_told_and_closed),
        cmocka_unit_test(idle_connections_close_without_a_word),
        cmocka_unit_test(an_idle_connection_holds_no_buffer),
        cmocka_unit_test(events_and_the_final_message),
        cmocka_unit_test(a_stream_that_ends_early_still_says_so),
        cmocka_unit_test(a_client_that_goes_is_noticed),
        cmocka_unit_test(a_client_that_only_stops_sending_is_answered),
        cmocka_unit_test(an_answer_to_a_client_that_went_is_dropped),
        cmocka_unit_test(a_body_under_way_is_counted_for_its_grant),
        cmocka_unit_test(who_does_not_read_is_held_back_and_then_dropped),
        cmocka_unit_test(more_events_do_not_put_the_end_off),
        cmocka_unit_test(a_slow_reader_gets_its_answer_and_no_other_before),
        cmocka_unit_test(a_large_answer_is_written_as_it_is_read),
        cmocka_unit_test(answers_that_wait_have_one_ceiling_for_all),
        cmocka_unit_test(the_largest_share_makes_room),
        cmocka_unit_test(an_answer_above_the_ceiling_alone_is_cut),
        cmocka_unit_test(a_body_is_waited_for_only_with_a_grant),
        cmocka_unit_test(at_the_ceiling_the_idle_make_room),
        cmocka_unit_test(a_stop_lets_calls_end),
        cmocka_unit_test(closing_tells_the_gate_at_once),
        cmocka_unit_test(a_message_that_was_read_and_not_handed_over_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
