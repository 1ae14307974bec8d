/* The HTTP back against real sockets: what counts as an answer, sessions, and what ends a call. Time for timers stands
 * still unless the test moves it. */
#include "children.h"
#include "toy_http.h"

static struct variable headers[] = { { { "X-Given", 7 }, { "yes", 3 } } };
static char url[64];

static void begin_http(struct rig *rig, struct toy_http *toy, const char *role)
{
    toy_http_start(toy, role);
    rig_init(rig, NULL);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/mcp?x=1", toy->port);
    rig->server.transport = TRANSPORT_HTTP;
    rig->server.url = str_from_c(url);
    rig->server.headers = headers;
    rig->server.header_count = ARRAY_LEN(headers);
    rig->server.isolation = ISOLATION_SERVER;
    assert_int_equal(upstream_new(&rig->services, &rig->server, &rig->events, &rig->upstream), 0);
    upstream_start(rig->upstream);
}

static struct instance *ready_http(struct rig *rig, struct toy_http *toy, const char *role)
{
    struct instance *instance;
    struct wait wait;
    begin_http(rig, toy, role);
    UNTIL(rig, rig->tables == 1);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig->upstream, ERA_LEGACY, STR_EMPTY, &wait.waiter, &instance), 0);
    return instance;
}

static void finish_http(struct rig *rig, struct toy_http *toy)
{
    finish(rig);
    if (toy->shared->faults)
        fail_msg("the server found %d faults", toy->shared->faults);
    toy_http_stop(toy);
}

static void test_calls(void **state)
{
    (void)state;
    static const struct {
        const char *role;
        bool answered;
        enum reason reason;
        unsigned notes;
    } rows[] = {
        { "json", true, 0, 0 },
        { "no session", true, 0, 0 },
        { "events", true, 0, 1 },
        { "undecodable", true, 0, 1 },                    /* Z33: the event is dropped, the stream goes on */
        { "open", true, 0, 1 },                           /* the stream stays open; the answer does not wait */
        { "201", false, REASON_upstream_status, 0 }, /* Z32 */
        { "206", false, REASON_upstream_status, 0 },
        { "302", false, REASON_upstream_status, 0 },
        { "500", false, REASON_upstream_status, 0 },
        { "text", false, REASON_upstream_malformed, 0 },
        { "no type", false, REASON_upstream_malformed, 0 },
        { "two types", false, REASON_upstream_malformed, 0 },
        { "coded", false, REASON_upstream_malformed, 0 }, /* Z31 */
        { "other id", false, REASON_upstream_malformed, 0 },
        { "large", false, REASON_upstream_malformed, 0 },
        { "hangs up", false, REASON_upstream_closed, 0 },
        { "cut", false, REASON_upstream_closed, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct toy_http toy;
        struct ask ask;
        struct instance *instance = ready_http(&rig, &toy, rows[i].role);
        assert_int_equal(rig.warnings, 0);
        for (int round = 0; round < 3; round++) {
            assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
            UNTIL(&rig, ask.ends == 1);
            if (ask.answered != rows[i].answered || (!ask.answered && ask.reason != rows[i].reason) ||
                ask.notes != rows[i].notes)
                fail_msg("%s: answered %d, reason %d, %u notes", rows[i].role, ask.answered, ask.reason, ask.notes);
            assert_int_equal(ask.leg.sent, SENT_ALL);
        }
        assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY);
        int deleted = strcmp(rows[i].role, "no session") != 0;
        finish(&rig);
        assert_int_equal(toy.shared->deleted, deleted);
        assert_int_equal(toy.shared->faults, 0);
        toy_http_stop(&toy);
    }
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { CALLS = 64 };
    struct rig rig;
    struct toy_http toy;
    static struct ask asks[CALLS];
    struct instance *instance = ready_http(&rig, &toy, "json");
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(ask_send(&rig, &asks[i], instance, "\"name\":\"t\"", 5000), 0);
    for (int i = 0; i < CALLS; i++) {
        UNTIL(&rig, asks[i].ends == 1);
        assert_true(asks[i].answered);
    }
    finish_http(&rig, &toy);
}

static void test_silence_and_cancel(void **state)
{
    (void)state;
    struct rig rig;
    struct toy_http toy;
    struct ask late, cancelled;
    struct instance *instance = ready_http(&rig, &toy, "silent");
    assert_int_equal(ask_send(&rig, &late, instance, "\"name\":\"t\"", 1000), 0);
    assert_int_equal(ask_send(&rig, &cancelled, instance, "\"name\":\"t\"", 5000), 0);
    for (int i = 0; i < 50; i++) {
        rig_turn(&rig);
        usleep(1000);
    }
    upstream_cancel(&cancelled.leg, REASON_cancelled);
    assert_int_equal(cancelled.leg.sent, SENT_ALL);
    UNTIL(&rig, toy.shared->cancelled == 1);
    rig_pass(&rig, 1100);
    assert_int_equal(late.ends, 1);
    assert_int_equal(late.reason, REASON_upstream_timeout);
    UNTIL(&rig, toy.shared->cancelled == 2);
    assert_int_equal(cancelled.ends, 0);
    finish_http(&rig, &toy);
}

/* 404 with a session: that session is over, the server is not. */
static void test_a_session_that_ended(void **state)
{
    (void)state;
    struct rig rig;
    struct toy_http toy;
    struct ask ask;
    struct wait wait;
    struct instance *instance = ready_http(&rig, &toy, "forgets");
    assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
    UNTIL(&rig, ask.ends == 1);
    assert_int_equal(ask.reason, REASON_upstream_closed);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR_EMPTY, &wait.waiter, &instance), E_AGAIN);
    rig_turn(&rig);
    rig_pass(&rig, LIMIT_restart_first_ms + 200);
    UNTIL(&rig, wait.calls == 1);
    assert_int_equal(wait.reason, REASON_allowed);
    assert_int_equal(toy.shared->sessions, 2);
    assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
    UNTIL(&rig, ask.ends == 1);
    assert_true(ask.answered);
    finish_http(&rig, &toy);
}

static void test_handshakes_that_fail(void **state)
{
    (void)state;
    struct rig rig;
    struct toy_http toy;
    begin_http(&rig, &toy, "bad session");
    UNTIL(&rig, upstream_state(rig.upstream) == UPSTREAM_DOWN);
    finish_http(&rig, &toy);

    begin_http(&rig, &toy, "json");
    toy_http_stop(&toy); /* nobody listens there any more */
    UNTIL(&rig, upstream_state(rig.upstream) == UPSTREAM_DOWN);
    finish(&rig);
}

static void test_stop_early(void **state)
{
    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        struct rig rig;
        struct toy_http toy;
        begin_http(&rig, &toy, "json");
        for (int i = 0; i < turns; i++) {
            loop_turn(rig.loop, false);
            usleep(3000);
        }
        finish_http(&rig, &toy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_silence_and_cancel),
        cmocka_unit_test(test_a_session_that_ended),
        cmocka_unit_test(test_handshakes_that_fail),
        cmocka_unit_test(test_stop_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
