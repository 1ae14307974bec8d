/* The stdio back with real children, whose misbehaviour stands in toy_server.h. Time for timers stands still unless the
 * test moves it; what children do is waited for with a limit. This program is also "__exec" and the children. */
#include "children.h"

static void test_calls(void **state)
{
    (void)state;
    static const struct {
        const char *role, *result; /* NULL: it ends with `reason` */
        enum reason reason;
        bool warned;
    } rows[] = {
        { "good", "{\"n\":1}", 0, true }, /* its second answer */
        { "slow", "{\"n\":1}", 0, true },
        { "pieces", "{\"n\":1}", 0, false },
        { "noise", "{\"n\":1}", 0, true },
        { "unknown", "{\"n\":1}", 0, true },
        { "bom", "{\"n\":2}", 0, true }, /* Z11: the line behind the mark is dropped, not cleaned */
        { "last words", "{\"n\":1}", 0, true },
        { "both", NULL, REASON_upstream_malformed, true },
        { "dies", NULL, REASON_upstream_closed, true },
        { "mute", NULL, REASON_upstream_closed, false },
        { "flood", NULL, REASON_upstream_malformed, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct ask ask;
        struct instance *instance = begin(&rig, rows[i].role);
        assert_int_equal(rig.warnings, 0);
        assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
        UNTIL(&rig, ask.ends == 1);
        if (rows[i].result && strcmp(ask.result, rows[i].result) != 0)
            fail_msg("%s: %s", rows[i].role, ask.answered ? ask.result : "no answer");
        if (!rows[i].result && (ask.answered || ask.reason != rows[i].reason))
            fail_msg("%s: reason %d", rows[i].role, ask.reason);
        if (rows[i].warned)
            UNTIL(&rig, rig.warnings > 0);
        assert_int_equal(ask.ends, 1);
        finish(&rig);
    }
}

static void test_silence(void **state)
{
    (void)state;
    struct rig rig;
    struct ask ask;
    struct instance *instance = begin(&rig, "silent");
    assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
    assert_int_equal(ask.leg.sent, SENT_ALL);
    rig_pass(&rig, 4900);
    assert_int_equal(ask.ends, 0);
    rig_pass(&rig, 200);
    assert_int_equal(ask.ends, 1);
    assert_int_equal(ask.reason, REASON_upstream_timeout);
    assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY); /* the server goes on */
    finish(&rig);
}

static void test_a_restart(void **state)
{
    (void)state;
    struct rig rig;
    struct ask ask;
    struct wait wait;
    struct instance *instance = begin(&rig, "dies");
    assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
    UNTIL(&rig, ask.ends == 1);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR_EMPTY, &wait.waiter, &instance), E_AGAIN);
    UNTIL(&rig, upstream_state(rig.upstream) == UPSTREAM_DOWN);
    assert_non_null(upstream_definitions(rig.upstream));
    rig_pass(&rig, LIMIT_restart_first_ms + 200);
    UNTIL(&rig, wait.calls == 1);
    assert_int_equal(wait.reason, REASON_allowed);
    UNTIL(&rig, rig.tables == 2);
    finish(&rig);
}

static void test_what_never_starts(void **state)
{
    (void)state;
    struct rig rig;
    struct wait wait;
    struct instance *instance;
    begin_with(&rig, "exits", ISOLATION_GRANT, HOME_SHARED, "/tmp");
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
    UNTIL(&rig, wait.calls == 1);
    assert_int_equal(wait.reason, REASON_upstream_unavailable);
    UNTIL(&rig, upstream_state(rig.upstream) == UPSTREAM_DOWN);
    finish(&rig);
}

/* A server that stops reading fails its own calls: what waits has a ceiling in bytes and in time. */
static void test_a_deaf_server(void **state)
{
    (void)state;
    enum { CALLS = 40, BYTES = 3 << 20 };
    struct rig rig;
    static struct ask asks[CALLS];
    struct instance *instance = begin(&rig, "deaf");
    char *params = malloc(BYTES + 32);
    int sent = 0, error = 0;
    int head = snprintf(params, 32, "\"name\":\"t\",\"arguments\":{\"a\":\"");
    memset(params + head, 'x', BYTES);
    memcpy(params + head + BYTES, "\"}", 3);
    while (sent < CALLS && !(error = ask_send(&rig, &asks[sent], instance, params, 60000)))
        sent++;
    free(params);
    assert_int_equal(error, E_FULL);
    assert_in_range(sent, LIMIT_stream_queue_bytes / BYTES - 2, LIMIT_stream_queue_bytes / BYTES + 1);
    assert_int_equal(asks[0].leg.sent, SENT_SOME);
    assert_int_equal(asks[1].leg.sent, SENT_NONE);
    upstream_cancel(&asks[1].leg, REASON_cancelled); /* room again: none of it had left */
    assert_int_equal(asks[1].leg.sent, SENT_NONE);
    upstream_cancel(&asks[0].leg, REASON_cancelled); /* a line that was begun stays */
    assert_int_equal(ask_send(&rig, &asks[1], instance, "\"name\":\"t\"", 60000), 0);
    assert_int_equal(asks[1].leg.sent, SENT_NONE);
    rig_pass(&rig, LIMIT_write_stall_ms - 200);
    assert_int_equal(asks[1].ends, 0);
    rig_pass(&rig, 400);
    for (int i = 1; i < sent; i++) {
        assert_int_equal(asks[i].ends, 1);
        assert_int_equal(asks[i].reason, REASON_upstream_full);
        assert_int_equal(asks[i].leg.sent, SENT_NONE);
    }
    assert_int_equal(asks[0].ends, 0);
    finish(&rig);
}

/* Large messages both ways: the pipe takes them in pieces. */
static void test_large_messages(void **state)
{
    (void)state;
    enum { CALLS = 30, BYTES = 300000 };
    struct rig rig;
    static struct ask asks[CALLS];
    struct instance *instance = begin(&rig, "good");
    char *params = malloc(BYTES + 32);
    int head = snprintf(params, 32, "\"name\":\"t\",\"arguments\":{\"a\":\"");
    memset(params + head, 'x', BYTES);
    memcpy(params + head + BYTES, "\"}", 3);
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(ask_send(&rig, &asks[i], instance, params, 60000), 0);
    free(params);
    for (int i = 0; i < CALLS; i++) {
        UNTIL(&rig, asks[i].ends == 1);
        assert_string_equal(asks[i].result, "{\"n\":1}");
        assert_int_equal(asks[i].leg.sent, SENT_ALL);
    }
    finish(&rig);
}

static bool lists(const struct ask *ask, const char *name)
{
    char wanted[64];
    snprintf(wanted, sizeof(wanted), " %s ", name);
    return strstr(ask->result, wanted) != NULL;
}

/* Homes of their own for the control session and for each instance, and an environment that is a closed list. */
static void test_environment_and_home(void **state)
{
    (void)state;
    struct rig rig;
    struct ask ask;
    struct wait wait;
    struct instance *instance;
    char data[] = "/tmp/upstream-XXXXXX", wanted[128], path[128];
    static struct variable env[] = { { { "GIVEN", 5 }, { "secret", 6 } } };
    static struct str inherit[] = { { "TAKEN", 5 } };
    assert_non_null(mkdtemp(data));
    setenv("TAKEN", "1", 1);
    setenv("NOT_TAKEN", "1", 1);
    setenv("LC_TIME", "C", 1);
    rig_init(&rig, NULL);
    argv[0] = str_from_c(self);
    argv[1] = STR("serve");
    argv[2] = STR("environment");
    rig.server = (struct server){ .name = STR("srv"),
                                  .argv = argv,
                                  .argc = 3,
                                  .env = env,
                                  .env_count = 1,
                                  .inherit = inherit,
                                  .inherit_count = 1,
                                  .home = HOME_FRESH };
    rig.services.self = str_from_c(self);
    rig.services.data = str_from_c(data);
    assert_int_equal(upstream_new(&rig.services, &rig.server, &rig.events, &rig.upstream), 0);
    upstream_start(rig.upstream);
    wait_init(&wait);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
    UNTIL(&rig, wait.calls == 1);
    assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), 0);
    assert_int_equal(ask_send(&rig, &ask, instance, "\"name\":\"t\"", 5000), 0);
    UNTIL(&rig, ask.ends == 1);
    snprintf(wanted, sizeof(wanted), "\"home\":\"%s/homes/srv/g1\"", data);
    assert_non_null(strstr(ask.result, wanted));
    assert_null(strstr(ask.result, "NOT_TAKEN"));
    assert_true(lists(&ask, "TAKEN") && lists(&ask, "LC_TIME") && lists(&ask, "PATH"));
    assert_non_null(strstr(ask.result, "GIVEN"));
    UNTIL(&rig, rig.tables == 1);
    finish(&rig);
    snprintf(path, sizeof(path), "%s/homes/srv/g1", data);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/homes/srv/.control", data);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/homes/srv", data);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/homes", data);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(data), 0);
}

static void test_a_home_that_cannot_be(void **state)
{
    (void)state;
    struct rig rig;
    begin_with(&rig, "good", ISOLATION_SERVER, HOME_PRIVATE, "/proc/self");
    UNTIL(&rig, upstream_state(rig.upstream) == UPSTREAM_DOWN);
    assert_true(rig.warnings > 0);
    finish(&rig);
}

/* Stopped in each of the moments of a start. */
static void test_stop_early(void **state)
{
    (void)state;
    char data[] = "/tmp/upstream-XXXXXX", path[128];
    assert_non_null(mkdtemp(data));
    for (int turns = 0; turns < 6; turns++) {
        struct rig rig;
        begin_with(&rig, "slow", ISOLATION_SERVER, turns % 2 ? HOME_PRIVATE : HOME_SHARED, data);
        for (int i = 0; i < turns; i++) {
            loop_turn(rig.loop, false);
            usleep(5000);
        }
        finish(&rig);
    }
    snprintf(path, sizeof(path), "%s/homes/srv", data);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/homes", data);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(data), 0);
}

int main(int argc, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_a_restart),
        cmocka_unit_test(test_what_never_starts),
        cmocka_unit_test(test_a_deaf_server),
        cmocka_unit_test(test_large_messages),
        cmocka_unit_test(test_environment_and_home),
        cmocka_unit_test(test_a_home_that_cannot_be),
        cmocka_unit_test(test_stop_early),
    };
    int status = children_main(argc, arguments);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
