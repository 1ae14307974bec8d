/* Exchanges that stay open: their beginning, what they hold, who does not read, and their end. */
#include "rig.h"

#include "front/connection.h"

#define GET "GET /mcp/hold HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nMcp-Session-Id: s\r\n\r\n"
#define QUEUE 4096

static struct exchange *open_stream(struct rig *rig, struct client *client)
{
    unsigned before = rig->held_count;
    client_open(client, rig);
    client_send(client, STR(GET));
    RIG_UNTIL(rig, rig->held_count == before + 1);
    struct exchange *exchange = rig->held[before];
    assert_int_equal(exchange->verb, VERB_GET);
    assert_true(str_eq(exchange->session, STR("s")));
    assert_int_equal(exchange->ops->listen(exchange, QUEUE), 0);
    assert_true(exchange->listening);
    RIG_UNTIL(rig, client_has(client, "\r\n\r\n"));
    return exchange;
}

static void it_begins_before_there_is_a_message(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    struct exchange *exchange = open_stream(&rig, &client);
    assert_true(client_has(&client, "HTTP/1.1 200 OK\r\n"));
    assert_true(client_has(&client, "Content-Type: text/event-stream\r\n"));
    assert_true(client_has(&client, "Connection: close\r\n"));
    assert_int_equal(exchange->session.len + exchange->token.len + exchange->server.len, 0);
    assert_int_equal(exchange->ops->listen(exchange, QUEUE), E_INVALID);
    assert_int_equal(exchange->ops->event(exchange, STR("{\"p\":1}")), 0);
    RIG_UNTIL(&rig, client_has(&client, "\r\n\r\n1e\r\nevent: message\ndata: {\"p\":1}\n\n\r\n"));
    rig_pass(&rig, LIMIT_sse_comment_ms);
    RIG_UNTIL(&rig, client_has(&client, "3\r\n:\n\n\r\n"));
    rig_pass(&rig, 3600000);
    assert_int_equal(rig.gone, 0);
    exchange->ops->end(exchange, REASON_session_ended);
    RIG_UNTIL(&rig, client.ended || client_read(&client));
    assert_true(str_ends_with(buf_str(&client.got), STR("\r\n0\r\n\r\n"))); /* nothing was asked, nothing is answered */
    assert_false(client_has(&client, "session_ended"));
    client_close(&client);
    rig_settle(&rig);
    assert_int_equal(rig.gone, 0);
    rig_release(&rig);
}

static void it_holds_no_buffer(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    struct exchange *exchange = open_stream(&rig, &client);
    const struct connection *connection = CONTAINER_OF(exchange, struct connection, exchange);
    assert_int_equal(exchange->ops->event(exchange, STR("{}")), 0);
    client_send(&client, STR(GET)); /* what comes behind is forgotten: the connection ends with the stream */
    rig_settle(&rig);
    assert_null(connection->http1.head.ptr);
    assert_null(connection->http1.body.ptr);
    assert_null(connection->ahead.ptr);
    assert_null(connection->queue.ptr);
    assert_int_equal(rig.messages, 1);
    client_close(&client);
    RIG_UNTIL(&rig, rig.gone == 1);
    rig_release(&rig);
}

static void who_sends_on_is_dropped(void **state)
{
    (void)state;
    static char noise[65536];
    struct rig rig;
    struct client client;
    rig_init(&rig);
    (void)open_stream(&rig, &client);
    for (int i = 0; i < 2000 && rig.gone == 0; i++) {
        (void)send(client.fd, noise, sizeof(noise), MSG_NOSIGNAL | MSG_DONTWAIT);
        rig_settle(&rig);
    }
    assert_int_equal(rig.gone, 1);
    client_close(&client);
    rig_release(&rig);
}

static void who_does_not_read_has_little_room(void **state)
{
    (void)state;
    static char message[1024];
    struct rig rig;
    struct client client;
    int error = 0;
    rig_init(&rig);
    memset(message, 'x', sizeof(message));
    struct exchange *exchange = open_stream(&rig, &client);
    for (int i = 0; i < 100000 && !error; i++)
        error = exchange->ops->event(exchange, str_of(message, sizeof(message)));
    assert_int_equal(error, E_FULL);
    assert_true(rig.front->queue_bytes <= 4 * QUEUE);
    exchange->ops->end(exchange, REASON_session_ended);
    rig_pass(&rig, LIMIT_write_stall_ms);
    assert_int_equal(front_http_connections(rig.front), 0);
    assert_int_equal(rig.gone, 0);
    client_close(&client);
    rig_release(&rig);
}

static void a_post_may_stay_open_too(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR(POST("hold", 2, "{}")));
    RIG_UNTIL(&rig, rig.held_count == 1);
    struct exchange *exchange = rig.held[0];
    assert_int_equal(exchange->ops->listen(exchange, QUEUE), 0);
    assert_int_equal(exchange->body.len, 0);
    assert_int_equal(exchange->ops->event(exchange, STR("{\"p\":1}")), 0);
    exchange->ops->answer(exchange, 200, STR("{\"r\":2}"), STR_EMPTY);
    RIG_UNTIL(&rig, client_has(&client, "data: {\"p\":1}\n\n\r\n1e\r\nevent: message\ndata: {\"r\":2}\n\n\r\n0\r\n\r\n") &&
                        client.ended);
    client_close(&client);
    rig_release(&rig);
}

static void who_cannot_take_events_is_told(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;
    rig_init(&rig);
    client_open(&client, &rig);
    client_send(&client, STR("GET /mcp/hold HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"));
    RIG_UNTIL(&rig, rig.held_count == 1);
    struct exchange *exchange = rig.held[0];
    assert_int_equal(exchange->ops->listen(exchange, QUEUE), E_INVALID); /* RFC 9112 §7.1: no chunks in HTTP/1.0 */
    exchange->ops->end(exchange, REASON_not_acceptable);
    RIG_UNTIL(&rig, client_has(&client, "HTTP/1.1 406 "));
    client_close(&client);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_before_there_is_a_message),
        cmocka_unit_test(it_holds_no_buffer),
        cmocka_unit_test(who_sends_on_is_dropped),
        cmocka_unit_test(who_does_not_read_has_little_room),
        cmocka_unit_test(a_post_may_stay_open_too),
        cmocka_unit_test(who_cannot_take_events_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
