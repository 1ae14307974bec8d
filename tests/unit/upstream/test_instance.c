/* An instance's states and its legs, with a back in memory and a clock that stands still: every leg and every waiter
 * hears of its end exactly once. */
#include "memory.h"

static void test_handshake(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    assert_int_equal(memory_count, 0); /* nothing before upstream_start */
    upstream_start(rig.upstream);
    assert_int_equal(upstream_state(rig.upstream), UPSTREAM_STARTING);
    memory_open_legacy();
    assert_string_equal(memories->last,
                        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
                        "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"warder\",\"version\":"
                        "\"" WARDER_VERSION "\"}}}");
    memory_answer(memories, HELLO("{}"));
    assert_int_equal(memories->sent, 3);
    assert_string_equal(memories->last, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    assert_int_equal(rig.tables, 1); /* nothing declared: an empty table at once */
    assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY);
    memory_finish(&rig);
}

static void test_handshakes_that_fail(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "\"result\":{}",
        "\"result\":{\"protocolVersion\":\"2026-07-28\",\"capabilities\":{}}",
        "\"result\":{\"protocolVersion\":\"2025-11-25\"}",
        "\"result\":{\"protocolVersion\":20251125,\"capabilities\":{}}",
        "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":[]}",
        "\"error\":{\"code\":-32602,\"message\":\"no\"}",
        "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}},\"error\":{\"code\":1,\"message\":\"no\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct rig rig;
        rig_init(&rig, NULL);
        assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream),
                         0);
        upstream_start(rig.upstream);
        memory_open_legacy();
        memory_say(memories, "{\"jsonrpc\":\"2.0\",\"id\":2,%s}", answers[i]);
        assert_true(memories->killed);
        memory_end(memories);
        assert_int_equal(upstream_state(rig.upstream), UPSTREAM_DOWN);
        assert_null(upstream_definitions(rig.upstream));
        memory_finish(&rig);
    }
}

static void test_versions_that_servers_answer(void **state)
{
    (void)state;
    static const char *const versions[] = { "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05" };
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct rig rig;
        char hello[128];
        rig_init(&rig, NULL);
        assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream),
                         0);
        upstream_start(rig.upstream);
        snprintf(hello, sizeof(hello), "{\"protocolVersion\":\"%s\",\"capabilities\":{}}", versions[i]);
        struct memory *memory = memory_shake(&rig, hello);
        assert_string_equal(memory->instance->version, versions[i]);
        memory_finish(&rig);
    }
}

static void test_a_slow_start(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_start(rig.upstream);
    rig_pass(&rig, LIMIT_server_start_ms - 100);
    assert_false(memories->killed);
    rig_pass(&rig, 200);
    assert_true(memories->killed);
    memory_end(memories);
    memory_finish(&rig);
}

static void test_an_answer(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask ask;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\",\"arguments\":{}", 5000), 0);
    assert_string_equal(memory->last,
                        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
                        "\"arguments\":{},\"_meta\":{\"progressToken\":3}}}");
    assert_int_equal(ask.leg.sent, SENT_ALL);
    memory_say(
        memory,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":3,\"progress\":1}}");
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                       "progress\",\"params\":{\"progressToken\":\"3\",\"progress\":1}}");
    memory_say(
        memory,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":4,\"progress\":1}}");
    assert_int_equal(ask.notes, 1);
    memory_answer(memory, "{\"content\":[]}");
    assert_int_equal(ask.ends, 1);
    assert_string_equal(ask.result, "{\"content\":[]}");
    assert_int_equal(rig.warnings, 0);
    memory_say(
        memory,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":3,\"progress\":2}}");
    assert_int_equal(ask.notes, 1);
    memory_finish(&rig);
    assert_int_equal(ask.ends, 1);
}

/* Z35, Z36 and the like: what is dropped, and what ends a leg. */
static void test_answers_that_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool ends;
    } rows[] = {
        { "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}", false },     /* never asked */
        { "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}", false },     /* answered already */
        { "{\"jsonrpc\":\"2.0\",\"id\":\"3\",\"result\":{}}", false }, /* another type */
        { "{\"jsonrpc\":\"2.0\",\"id\":-3,\"result\":{}}", false },
        { "{\"jsonrpc\":\"2.0\",\"id\":3.0,\"result\":{}}", false },
        { "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"m\"}}", false },
        { "\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}", false }, /* Z11 */
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"a\":1,\"a\":2}}", false },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}", false },
        { "[{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}]", false },
        { "Listening on stdio", false },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"params\":[]}", false }, /* its own id, not ours */
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"x\",\"result\":{}}", false },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{},\"error\":{\"code\":1,\"message\":\"m\"}}", true },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":[]}", true },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"message\":\"m\"}}", true },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"Result\":{}}", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct instance *instance;
        struct ask ask;
        memory_ready(&rig);
        struct memory *memory = memory_instance(&rig, "g1", &instance);
        assert_int_equal(ask_send(&rig, &ask, instance, "", 5000), 0);
        assert_int_equal(ask.leg.id, 3);
        memory_say(memory, "%s", rows[i].bytes);
        if (ask.ends != rows[i].ends || (rows[i].ends && (ask.answered || ask.reason != REASON_upstream_malformed)))
            fail_msg("%s", rows[i].bytes);
        assert_true(rig.warnings > 0);
        memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
        assert_int_equal(ask.ends, 1); /* the first valid one, or nothing after the end */
        memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
        assert_int_equal(ask.ends, 1);
        memory_finish(&rig);
    }
}

static void test_an_answer_before_the_question(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask ask;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    memory->holds = true;
    assert_int_equal(ask_send(&rig, &ask, instance, "", 5000), 0);
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
    assert_int_equal(ask.ends, 0);
    ask.leg.sent = SENT_ALL;
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
    assert_int_equal(ask.ends, 1);
    memory_finish(&rig);
}

static void test_what_servers_ask(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = memory_ready(&rig);
    memory_say(control, "{\"jsonrpc\":\"2.0\",\"id\":\"p\\n\",\"method\":\"ping\"}");
    assert_string_not_equal(control->last, ""); /* an id with a control character is refused, so nothing was answered */
    assert_null(strstr(control->last, "\"result\""));
    memory_say(control, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}");
    assert_string_equal(control->last, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
    static const char *const methods[] = { "sampling/createMessage", "elicitation/create", "roots/list", "tools/call",
                                           "x" };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        memory_say(control, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{}}", methods[i]);
        assert_string_equal(
            control->last,
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}");
    }
    memory_finish(&rig);
}

static void test_deadlines(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask slow, fast, other;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    assert_int_equal(ask_send(&rig, &slow, instance, "", 5000), 0);
    assert_int_equal(ask_send(&rig, &fast, instance, "", 1000), 0);
    assert_int_equal(ask_send(&rig, &other, instance, "", 1000), 0);
    fast.cancels = &other.leg; /* at the same time, and cancelled by the other's owner */
    rig_pass(&rig, 900);
    assert_int_equal(slow.ends + fast.ends + other.ends, 0);
    rig_pass(&rig, 200);
    assert_int_equal(fast.ends, 1);
    assert_int_equal(fast.reason, REASON_upstream_timeout);
    assert_int_equal(other.ends, 0);
    assert_int_equal(slow.ends, 0);
    assert_string_equal(memory->last,
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":5,"
                        "\"reason\":\"cancelled\"}}");                  /* the one before was of 4 */
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}"); /* late: no fault, but once */
    assert_int_equal(fast.ends, 1);
    assert_true(instance->late_answers == 1 && instance->faults == 0);
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32000,\"message\":\"cancelled\"}}");
    assert_true(instance->late_answers == 2 && instance->faults == 0);
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}");
    assert_true(instance->late_answers == 2 && instance->faults == 1);
    rig_pass(&rig, 4000);
    assert_int_equal(slow.ends, 1);
    assert_string_equal(memory->last,
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":3,"
                        "\"reason\":\"upstream_timeout\"}}");
    memory_finish(&rig);
}

static void test_cancel(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask ask;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    assert_int_equal(ask_send(&rig, &ask, instance, "", 5000), 0);
    upstream_cancel(&ask.leg, REASON_cancelled);
    assert_string_equal(memory->last,
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":3,"
                        "\"reason\":\"cancelled\"}}");
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
    assert_int_equal(ask.ends, 0);
    assert_true(instance->late_answers == 1 && instance->faults == 0);
    /* Of what had not left, the server is told nothing. */
    memory->holds = true;
    assert_int_equal(ask_send(&rig, &ask, instance, "", 5000), 0);
    unsigned sent = memory->sent, forgotten = memory->forgotten;
    upstream_cancel(&ask.leg, REASON_cancelled);
    assert_int_equal(memory->sent, sent);
    assert_int_equal(memory->forgotten, forgotten + 1);
    assert_int_equal(ask.leg.sent, SENT_NONE);
    memory_finish(&rig);
    assert_int_equal(ask.ends, 0);
}

static void test_a_send_that_fails(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask ask;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    memory->send_error = E_FULL;
    assert_int_equal(ask_send(&rig, &ask, instance, "", 5000), E_FULL);
    memory->send_error = 0;
    assert_true(list_is_empty(&instance->legs.all));
    memory_finish(&rig);
    assert_int_equal(ask.ends, 0);
}

static void test_a_server_that_dies(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask one, two, three;
    struct wait wait;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    assert_int_equal(ask_send(&rig, &one, instance, "", 5000), 0);
    assert_int_equal(ask_send(&rig, &two, instance, "", 5000), 0);
    assert_int_equal(ask_send(&rig, &three, instance, "", 5000), 0);
    one.cancels = &three.leg;
    memory_end(memory);
    assert_int_equal(one.ends, 1);
    assert_int_equal(one.reason, REASON_upstream_closed);
    assert_int_equal(two.ends, 1);
    assert_int_equal(three.ends, 0); /* its owner cancelled it */
    assert_int_equal(ask_send(&rig, &one, instance, "", 5000), E_CLOSED);
    /* Who comes now waits for the next start. */
    wait_init(&wait);
    unsigned opened = memory_count;
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
    rig_pass(&rig, LIMIT_restart_first_ms - 100);
    assert_int_equal(memory_count, opened);
    rig_pass(&rig, 200);
    assert_int_equal(memory_count, opened + 1);
    memory_shake(&rig, HELLO("{}"));
    assert_int_equal(wait.calls, 1);
    assert_int_equal(wait.reason, REASON_allowed);
    memory_finish(&rig);
}

static void test_longer_waits(void **state)
{
    (void)state;
    static const int64_t waits[] = { 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_start(rig.upstream);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        unsigned opened = memory_count;
        memory_end(memories);
        rig_pass(&rig, waits[i] - 100);
        assert_int_equal(memory_count, opened);
        rig_pass(&rig, 200);
        assert_int_equal(memory_count, opened + 1);
    }
    /* A healthy minute, and the waits begin anew. */
    memory_shake(&rig, HELLO("{}"));
    rig_pass(&rig, LIMIT_healthy_ms);
    unsigned opened = memory_count;
    memory_end(memories);
    rig_pass(&rig, 600);
    assert_int_equal(memory_count, opened + 1);
    memory_finish(&rig);
}

static void test_a_start_that_fails_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct wait wait;
    struct instance *instance;
    memory_ready(&rig);
    wait_init(&wait);
    memory_open_error = E_NOT_FOUND;
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
    assert_int_equal(wait.calls, 0); /* never inside the call */
    rig_turn(&rig);
    assert_int_equal(wait.calls, 1);
    assert_int_equal(wait.reason, REASON_upstream_unavailable);
    memory_finish(&rig);
}

static void test_waiting_for_the_first_list(void **state)
{
    (void)state;
    struct rig rig;
    struct wait early, late, cancelled, after;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_start(rig.upstream);
    wait_init(&early);
    wait_init(&late);
    wait_init(&cancelled);
    wait_init(&after);
    upstream_wait(rig.upstream, &early.waiter);
    upstream_wait(rig.upstream, &cancelled.waiter);
    upstream_wait_cancel(&cancelled.waiter);
    rig_pass(&rig, LIMIT_first_list_ms / 2);
    upstream_wait(rig.upstream, &late.waiter);
    rig_pass(&rig, LIMIT_first_list_ms / 2 + 100);
    assert_int_equal(early.calls, 1);
    assert_int_equal(early.reason, REASON_upstream_unavailable);
    assert_int_equal(late.calls, 0);
    struct memory *control = memory_shake(&rig, HELLO("{\"tools\":{}}"));
    memory_answer(control, ONE_TOOL);
    assert_int_equal(late.calls, 1);
    assert_int_equal(late.reason, REASON_allowed);
    upstream_wait(rig.upstream, &after.waiter);
    assert_int_equal(after.calls, 0);
    rig_turn(&rig);
    assert_int_equal(after.calls, 1);
    assert_int_equal(cancelled.calls, 0);
    memory_finish(&rig);
}

static void test_isolation(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *one, *two, *again;
    struct wait wait;
    wait_init(&wait);
    memory_ready(&rig);
    memory_instance(&rig, "g1", &one);
    memory_instance(&rig, "g2", &two);
    assert_ptr_not_equal(one, two);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &again), 0);
    assert_ptr_equal(one, again);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("../g1"), &wait.waiter, &again), E_INVALID);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR_EMPTY, &wait.waiter, &again), E_INVALID);
    memory_finish(&rig);

    rig_init(&rig, NULL);
    rig.server.isolation = ISOLATION_SERVER;
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_start(rig.upstream);
    memory_shake(&rig, HELLO("{}"));
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &one), 0);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g2"), &wait.waiter, &two), 0);
    assert_ptr_equal(one, two);
    assert_int_equal(memory_count, 1);
    memory_finish(&rig);
}

static void test_the_ceilings(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct wait waits[LIMIT_instances_per_server];
    memory_ready(&rig);
    for (int i = 0; i < LIMIT_instances_per_server; i++) {
        char name[16];
        snprintf(name, sizeof(name), "g%d", i);
        wait_init(&waits[i]);
        int wanted = i < LIMIT_instances_per_server - 1 ? E_AGAIN : E_LIMIT; /* the control session is one of them */
        assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, str_from_c(name), &waits[i].waiter, &instance), wanted);
    }
    memory_finish(&rig);
    for (int i = 0; i < LIMIT_instances_per_server - 1; i++)
        assert_int_equal(waits[i].calls, 1);

    struct ask *asks = calloc(LIMIT_legs_per_instance + 1, sizeof(*asks));
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    for (int i = 0; i < LIMIT_legs_per_instance; i++)
        assert_int_equal(ask_send(&rig, &asks[i], instance, "", 5000), 0);
    assert_int_equal(ask_send(&rig, &asks[LIMIT_legs_per_instance], instance, "", 5000), E_FULL);
    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{}}", (unsigned long long)asks[500].leg.id);
    assert_int_equal(asks[500].ends, 1);
    assert_int_equal(ask_send(&rig, &asks[500], instance, "", 5000), 0);
    memory_end(memory);
    for (int i = 0; i < LIMIT_legs_per_instance; i++)
        assert_int_equal(asks[i].ends, 1);
    free(asks);
    memory_finish(&rig);
}

static void test_revoked(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *one, *two, *again;
    struct ask ask;
    struct wait wait;
    wait_init(&wait);
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &one);
    memory_instance(&rig, "g2", &two);
    assert_int_equal(ask_send(&rig, &ask, one, "", 5000), 0);
    upstream_close_instances(rig.upstream, STR("g1"), REASON_grant_revoked);
    upstream_close_instances(rig.upstream, STR("g3"), REASON_grant_revoked);
    assert_int_equal(ask.ends, 1);
    assert_int_equal(ask.reason, REASON_grant_revoked);
    assert_true(memory->closed_by_us);
    assert_int_equal(ask_send(&rig, &ask, one, "", 5000), E_CLOSED);
    /* Who comes while it ends waits for its successor. */
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &again), E_AGAIN);
    unsigned opened = memory_count;
    memory_end(memory);
    assert_int_equal(memory_count, opened + 1);
    upstream_wait_cancel(&wait.waiter);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g2"), &wait.waiter, &again), 0);
    memory_finish(&rig);
}

static void test_idleness(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask ask;
    struct memory *control = memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    rig_pass(&rig, LIMIT_instance_idle_ms / 2);
    assert_int_equal(ask_send(&rig, &ask, instance, "", 2 * LIMIT_instance_idle_ms), 0);
    rig_pass(&rig, LIMIT_instance_idle_ms + 1000);
    assert_false(memory->closed_by_us); /* a call in flight is not idleness */
    memory_answer(memory, "{}");
    rig_pass(&rig, LIMIT_instance_idle_ms - 1000);
    assert_false(memory->closed_by_us);
    rig_pass(&rig, 1100);
    assert_true(memory->closed_by_us);
    assert_false(control->closed_by_us);
    memory_end(memory);
    memory_finish(&rig);
}

static void test_stop(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance;
    struct ask ask;
    struct wait wait;
    memory_ready(&rig);
    struct memory *memory = memory_instance(&rig, "g1", &instance);
    assert_int_equal(ask_send(&rig, &ask, instance, "", 5000), 0);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g2"), &wait.waiter, &instance), E_AGAIN);
    memory_finish(&rig);
    assert_int_equal(ask.ends, 1);
    assert_int_equal(ask.reason, REASON_shutting_down);
    assert_int_equal(wait.calls, 1);
    assert_int_equal(wait.reason, REASON_shutting_down);
    (void)memory;
}

static void test_never_started(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    rig_release(&rig);
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_stop(rig.upstream, REASON_shutting_down, rig_stopped, &rig);
    assert_false(rig.stopped);
    rig_turn(&rig);
    assert_true(rig.stopped);
    rig_release(&rig);
}

/* Who asks for the first list waits through some failed starts, and is then told at once. */
static void test_a_server_that_dies_at_each_start(void **state)
{
    (void)state;
    struct rig rig;
    struct wait first, next, third;
    struct upstream_trouble trouble;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_start(rig.upstream);
    wait_init(&first);
    wait_init(&next);
    wait_init(&third);
    upstream_wait(rig.upstream, &first.waiter);
    for (unsigned start = 1; start <= LIMIT_starts_waited; start++) {
        assert_int_equal(first.calls, 0);
        assert_int_equal(memory_count, start);
        memory_end(memories);
        if (start < LIMIT_starts_waited)
            rig_pass(&rig, LIMIT_restart_first_ms << (start - 1));
    }
    assert_int_equal(first.calls, 1);
    assert_int_equal(first.reason, REASON_upstream_unavailable);
    upstream_trouble(rig.upstream, &trouble);
    assert_true(str_eq(trouble.why, STR("it did not become ready")));
    assert_true(trouble.next_ms > 0);

    upstream_wait(rig.upstream, &next.waiter);
    assert_int_equal(next.calls, 0); /* never inside the call */
    rig_turn(&rig);
    assert_int_equal(next.calls, 1);
    assert_int_equal(next.reason, REASON_upstream_unavailable);

    rig_pass(&rig, LIMIT_restart_first_ms << (LIMIT_starts_waited - 1));
    assert_int_equal(memory_count, LIMIT_starts_waited + 1); /* tried again all the same */
    upstream_wait(rig.upstream, &third.waiter);
    struct memory *memory = memory_shake(&rig, HELLO("{\"tools\":{}}"));
    memory_answer(memory, ONE_TOOL);
    assert_int_equal(third.calls, 1);
    assert_int_equal(third.reason, REASON_allowed);
    upstream_trouble(rig.upstream, &trouble);
    assert_int_equal(trouble.why.len, 0);
    memory_finish(&rig);
}

/* Where a start is a mere request, who asks for the server ends its rest, once a second. */
static void test_a_rest_that_a_client_ends(void **state)
{
    (void)state;
    struct back_ops cheap = memory_back;
    struct rig rig;
    struct wait waits[8];
    struct instance *instance;
    cheap.starts_cheaply = true;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &cheap, &rig.upstream), 0);
    upstream_start(rig.upstream);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++)
        wait_init(&waits[i]);
    for (unsigned start = 0; start < 5; start++) { /* its rest is 8 s long then */
        memory_end(memories);
        rig_pass(&rig, LIMIT_restart_first_ms << start);
    }
    memory_end(memories);
    assert_int_equal(memory_count, 6);
    upstream_wait(rig.upstream, &waits[0].waiter);
    rig_pass(&rig, LIMIT_hurried_start_ms - 100);
    assert_int_equal(waits[0].reason, REASON_upstream_unavailable);
    assert_int_equal(memory_count, 6);
    rig_pass(&rig, 100);
    assert_int_equal(memory_count, 6); /* nobody asks */
    upstream_wait(rig.upstream, &waits[1].waiter);
    upstream_wait(rig.upstream, &waits[2].waiter);
    assert_int_equal(memory_count, 7);
    assert_int_equal(waits[1].calls, 0);
    memory_end(memories); /* still down: both are told, and the next one at once */
    assert_int_equal(waits[1].reason, REASON_upstream_unavailable);
    assert_int_equal(waits[2].reason, REASON_upstream_unavailable);
    upstream_wait(rig.upstream, &waits[3].waiter);
    rig_turn(&rig);
    assert_int_equal(waits[3].reason, REASON_upstream_unavailable);
    struct upstream_trouble trouble;
    upstream_trouble(rig.upstream, &trouble);
    assert_true(trouble.next_ms > 8000 && trouble.next_ms <= 16000); /* no longer for having been hurried */
    rig_pass(&rig, LIMIT_hurried_start_ms);
    upstream_wait(rig.upstream, &waits[4].waiter);
    assert_int_equal(memory_count, 8);
    struct memory *memory = memory_shake(&rig, HELLO("{\"tools\":{}}"));
    memory_answer(memory, ONE_TOOL);
    assert_int_equal(waits[4].reason, REASON_allowed);

    /* The same of an instance; and the control session, whose list may be an old one, goes with it. */
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &waits[5].waiter, &instance), E_AGAIN);
    struct memory *own = memories;
    memory_end(memory);
    memory_end(own);
    rig_pass(&rig, LIMIT_hurried_start_ms - 100); /* its own rest is short and over by then; the other's is long */
    unsigned before = memory_count;
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &waits[6].waiter, &instance), E_AGAIN);
    rig_turn(&rig);
    assert_int_equal(memory_count, before + 1); /* its own alone */
    upstream_wait_cancel(&waits[6].waiter);
    rig_pass(&rig, 100);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &waits[7].waiter, &instance), E_AGAIN);
    assert_int_equal(memory_count, before + 2);
    upstream_wait_cancel(&waits[7].waiter);
    memory_finish(&rig);
}

static void test_a_server_that_chatters_in_its_handshake(void **state)
{
    (void)state;
    struct rig rig;
    struct wait before, after, late;
    rig_init(&rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig.services, &rig.server, &rig.events, &memory_back, &rig.upstream), 0);
    upstream_start(rig.upstream);
    wait_init(&before);
    wait_init(&after);
    wait_init(&late);
    upstream_wait(rig.upstream, &before.waiter);
    instance_opened(memories->instance);
    memory_say(memories, "Starting ...");
    upstream_wait(rig.upstream, &after.waiter);
    rig_pass(&rig, LIMIT_doubt_ms - 100);
    assert_int_equal(before.calls + after.calls, 0);
    rig_pass(&rig, 200);
    assert_int_equal(before.reason, REASON_upstream_unavailable);
    assert_int_equal(after.reason, REASON_upstream_unavailable);
    assert_false(memories->killed); /* it may still become one */
    upstream_wait(rig.upstream, &late.waiter);
    memory_answer(memories, HELLO("{\"tools\":{}}"));
    rig_turn(&rig);
    memory_answer(memories, ONE_TOOL);
    assert_int_equal(late.reason, REASON_allowed);
    memory_finish(&rig);
}

static void test_a_call_to_an_instance_that_failed_too_often(void **state)
{
    (void)state;
    struct rig rig;
    struct wait wait;
    struct instance *instance;
    memory_ready(&rig);
    for (unsigned start = 0; start < LIMIT_starts_waited; start++) {
        wait_init(&wait);
        assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
        rig_pass(&rig, LIMIT_restart_first_ms);
        memory_end(memories);
        assert_int_equal(wait.reason, REASON_upstream_unavailable);
    }
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_CLOSED);
    rig_pass(&rig, LIMIT_restart_first_ms << LIMIT_starts_waited);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
    memory_shake(&rig, HELLO("{}"));
    assert_int_equal(wait.reason, REASON_allowed);
    memory_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_handshake, memory_setup),
        cmocka_unit_test_setup(test_handshakes_that_fail, memory_setup),
        cmocka_unit_test_setup(test_versions_that_servers_answer, memory_setup),
        cmocka_unit_test_setup(test_a_slow_start, memory_setup),
        cmocka_unit_test_setup(test_an_answer, memory_setup),
        cmocka_unit_test_setup(test_a_server_that_dies_at_each_start, memory_setup),
        cmocka_unit_test_setup(test_a_rest_that_a_client_ends, memory_setup),
        cmocka_unit_test_setup(test_a_server_that_chatters_in_its_handshake, memory_setup),
        cmocka_unit_test_setup(test_a_call_to_an_instance_that_failed_too_often, memory_setup),
        cmocka_unit_test_setup(test_answers_that_are_not, memory_setup),
        cmocka_unit_test_setup(test_an_answer_before_the_question, memory_setup),
        cmocka_unit_test_setup(test_what_servers_ask, memory_setup),
        cmocka_unit_test_setup(test_deadlines, memory_setup),
        cmocka_unit_test_setup(test_cancel, memory_setup),
        cmocka_unit_test_setup(test_a_send_that_fails, memory_setup),
        cmocka_unit_test_setup(test_a_server_that_dies, memory_setup),
        cmocka_unit_test_setup(test_longer_waits, memory_setup),
        cmocka_unit_test_setup(test_a_start_that_fails_at_once, memory_setup),
        cmocka_unit_test_setup(test_waiting_for_the_first_list, memory_setup),
        cmocka_unit_test_setup(test_isolation, memory_setup),
        cmocka_unit_test_setup(test_the_ceilings, memory_setup),
        cmocka_unit_test_setup(test_revoked, memory_setup),
        cmocka_unit_test_setup(test_idleness, memory_setup),
        cmocka_unit_test_setup(test_stop, memory_setup),
        cmocka_unit_test_setup(test_never_started, memory_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
