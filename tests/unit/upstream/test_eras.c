/* The first words with a server: who answers server/discover, who does not, who is slow, and who breaks on it. */
#include "memory.h"

#define DISCOVERED "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{\"listChanged\":true}}}"

static void begin(struct rig *rig)
{
    rig_init(rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig->services, &rig->server, &rig->events, &memory_back, &rig->upstream), 0);
    upstream_start(rig->upstream);
    instance_opened(memories->instance);
    assert_non_null(strstr(memories->last, "\"method\":\"server/discover\""));
    assert_non_null(strstr(memories->last, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
}

/* The list and the subscription of a server that was found to be modern. */
static void list_modern(struct rig *rig)
{
    rig_turn(rig);
    assert_non_null(strstr(memories->last, "\"method\":\"tools/list\""));
    memory_answer(memories, ONE_TOOL);
    assert_int_equal(upstream_state(rig->upstream), UPSTREAM_READY);
    assert_int_equal(upstream_speaks(rig->upstream, ERA_MODERN), SPEAKS_YES);
    assert_int_equal(upstream_speaks(rig->upstream, ERA_LEGACY), SPEAKS_UNKNOWN);
}

static void test_modern(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    memory_answer(memories, DISCOVERED);
    list_modern(&rig);
    assert_int_equal(memories->sent, 3); /* and subscriptions/listen; no initialize, no notification */
    memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"sampling/createMessage\",\"params\":{}}");
    assert_int_equal(memories->sent, 3); /* nobody may answer it */
    memory_finish(&rig);
}

/* MCP 2026-07-28: a server that misses a field has perhaps another list than ours. */
static void test_marks_in_doubt(void **state)
{
    (void)state;
    static const struct { int code; bool listed; } rows[] = { { -32020, true }, { -32021, false }, { -32603, false } };
    for (size_t at = 0; at < ARRAY_LEN(rows); at++) {
        struct rig rig;
        struct wait wait;
        struct instance *instance;
        struct ask ask;
        begin(&rig);
        memory_answer(memories, "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}");
        list_modern(&rig);
        struct memory *control = memories;
        wait_init(&wait);
        assert_int_equal(upstream_open(rig.upstream, ERA_MODERN, STR("g"), &wait.waiter, &instance), E_AGAIN);
        instance_opened(memories->instance);
        memory_answer(memories, DISCOVERED);
        memory_list_own(&rig, memories, ONE_TOOL);
        assert_int_equal(wait.calls, 1);
        assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
        unsigned sent = control->sent, own = memories->sent;
        memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":%d,\"message\":\"m\"}}",
                   memory_id(memories), rows[at].code);
        assert_int_equal(ask.ends, 1);
        rig_pass(&rig, LIMIT_list_again_ms + 100);
        assert_int_equal(control->sent, sent + rows[at].listed);
        assert_int_equal(memories->sent, own + rows[at].listed);
        memory_finish(&rig);
    }
}

static void test_legacy(void **state)
{
    (void)state;
    struct rig rig;
    memory_ready(&rig);
    assert_int_equal(upstream_speaks(rig.upstream, ERA_LEGACY), SPEAKS_YES);
    assert_int_equal(upstream_speaks(rig.upstream, ERA_MODERN), SPEAKS_NO);
    struct wait wait;
    struct instance *instance;
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_MODERN, STR("g"), &wait.waiter, &instance), E_CLOSED);
    memory_finish(&rig);
}

/* Silence is followed by initialize; whichever is answered first with a result says what the server is. */
static void test_slow(void **state)
{
    (void)state;
    for (int modern = 0; modern < 2; modern++) {
        struct rig rig;
        begin(&rig);
        rig_pass(&rig, LIMIT_discover_ms - 200);
        assert_int_equal(memories->sent, 1);
        rig_pass(&rig, 400);
        assert_int_equal(memories->sent, 2);
        assert_non_null(strstr(memories->last, "\"method\":\"initialize\""));
        if (modern) {
            memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" DISCOVERED "}");
            list_modern(&rig);
            memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":\"?\"}}"); /* late */
            assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY);
        } else {
            memory_answer(memories, HELLO("{\"tools\":{}}"));
            memory_answer(memories, ONE_TOOL);
            assert_int_equal(upstream_speaks(rig.upstream, ERA_LEGACY), SPEAKS_YES);
        }
        memory_finish(&rig);
    }
}

static void test_breaks_on_it(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    memory_end(memories);
    rig_pass(&rig, LIMIT_restart_first_ms + 100);
    instance_opened(memories->instance);
    assert_non_null(strstr(memories->last, "\"method\":\"initialize\""));
    memory_answer(memories, HELLO("{\"tools\":{}}"));
    memory_answer(memories, ONE_TOOL);
    assert_int_equal(upstream_speaks(rig.upstream, ERA_LEGACY), SPEAKS_YES);
    memory_finish(&rig);
}

/* It reads the probe only after initialize was sent too: slow and broken at once. What breaks without a probe is asked
 * again with one. */
static void test_breaks_on_it_late(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    rig_pass(&rig, LIMIT_discover_ms + 200);
    assert_int_equal(memories->sent, 2);
    memory_end(memories);
    rig_pass(&rig, LIMIT_restart_first_ms + 100);
    instance_opened(memories->instance);
    assert_int_equal(memories->sent, 1);
    assert_non_null(strstr(memories->last, "\"method\":\"initialize\""));
    memory_end(memories);
    rig_pass(&rig, 2 * LIMIT_restart_first_ms + 100);
    instance_opened(memories->instance);
    assert_non_null(strstr(memories->last, "\"method\":\"server/discover\""));
    memory_finish(&rig);
}

/* One of this era that broke on something else: it does not know initialize, and is probed again. */
static void test_breaks_once(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    memory_end(memories);
    rig_pass(&rig, LIMIT_restart_first_ms + 100);
    instance_opened(memories->instance);
    memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":-32601,\"message\":\"?\"}}",
               memory_id(memories));
    memory_end(memories);
    rig_pass(&rig, 2 * LIMIT_restart_first_ms + 100);
    instance_opened(memories->instance);
    assert_non_null(strstr(memories->last, "\"method\":\"server/discover\""));
    memory_answer(memories, DISCOVERED);
    list_modern(&rig);
    memory_finish(&rig);
}

/* Whoever starts it may know that a start installs it first: never less than the usual time. */
static void test_start_that_takes_long(void **state)
{
    (void)state;
    static const int64_t patience[] = { 0, 1000, 2 * LIMIT_server_start_ms };
    for (size_t i = 0; i < ARRAY_LEN(patience); i++) {
        struct rig rig;
        rig_init(&rig, NULL);
        rig.services.start_ms = patience[i];
        assert_int_equal(
            upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
        upstream_start(rig.upstream);
        instance_opened(memories->instance);
        rig_pass(&rig, LIMIT_server_start_ms - 500);
        assert_false(memories->killed);
        rig_pass(&rig, 1000);
        assert_int_equal(memories->killed, patience[i] < LIMIT_server_start_ms);
        if (patience[i] > LIMIT_server_start_ms)
            rig_pass(&rig, LIMIT_server_start_ms);
        assert_true(memories->killed);
        memory_finish(&rig);
    }
}

/* No revision that is spoken here: it is left alone, and not taken for an older one. */
static void test_others(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "\"result\":{\"supportedVersions\":[\"2099-01-01\"],\"capabilities\":{}}",
        "\"error\":{\"code\":-32022,\"message\":\"?\",\"data\":{\"supported\":[\"2099-01-01\"]}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct rig rig;
        begin(&rig);
        memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":1,%s}", answers[i]);
        assert_true(memories->killed);
        assert_int_equal(memories->sent, 1);
        memory_finish(&rig);
    }
}

/* One that answers what it does not know with nothing much is one of the other era. */
static void test_sloppy(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    memory_answer(memories, "{}");
    assert_non_null(strstr(memories->last, "\"method\":\"initialize\""));
    memory_answer(memories, HELLO("{\"tools\":{}}"));
    memory_answer(memories, ONE_TOOL);
    assert_int_equal(upstream_speaks(rig.upstream, ERA_LEGACY), SPEAKS_YES);
    memory_finish(&rig);
}

/* Sessions of a server without them: tried by the first who asks, and known then. */
static void test_sessions_of_a_modern_server(void **state)
{
    (void)state;
    for (int opens = 0; opens < 2; opens++) {
        struct rig rig;
        struct wait wait;
        struct instance *instance;
        begin(&rig);
        memory_answer(memories, DISCOVERED);
        list_modern(&rig);
        wait_init(&wait);
        assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g"), &wait.waiter, &instance), E_AGAIN);
        instance_opened(memories->instance);
        assert_non_null(strstr(memories->last, "\"method\":\"initialize\""));
        if (opens)
            memory_answer(memories, HELLO("{}"));
        else
            memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"?\"}}");
        if (!opens)
            memory_end(memories);
        rig_turn(&rig);
        assert_int_equal(wait.calls, 1);
        assert_int_equal(upstream_speaks(rig.upstream, ERA_LEGACY), opens ? SPEAKS_YES : SPEAKS_NO);
        memory_finish(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_modern, memory_setup), cmocka_unit_test_setup(test_marks_in_doubt, memory_setup),
        cmocka_unit_test_setup(test_legacy, memory_setup),
        cmocka_unit_test_setup(test_slow, memory_setup), cmocka_unit_test_setup(test_breaks_on_it, memory_setup),
        cmocka_unit_test_setup(test_breaks_on_it_late, memory_setup),
        cmocka_unit_test_setup(test_breaks_once, memory_setup),
        cmocka_unit_test_setup(test_start_that_takes_long, memory_setup), cmocka_unit_test_setup(test_others, memory_setup),
        cmocka_unit_test_setup(test_sloppy, memory_setup),
        cmocka_unit_test_setup(test_sessions_of_a_modern_server, memory_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
