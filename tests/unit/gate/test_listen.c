/* Streams that clients hold open: who may, what they are told, on which of them, and when they end. */
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "gate/gate.h"
#include "gate/listen.h"
#include "world.h"

static const char *const at_first[] = { "once", "free", NULL };
static const char *const without_once[] = { "free", NULL };
static const char *const with_hidden[] = { "once", "free", "secret", NULL };
static const char tools_changed[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";
static const char initialize[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"0\"}}}";

static void begin(struct world *world)
{
    open_world(world);
    memory_list(at_first); /* the gateway hears of the first list */
}

static void end(struct world *world)
{
    char directory[64];
    memcpy(directory, world->directory, sizeof(directory));
    close_world(world);
    remove_world(directory);
}

static void listen_to(struct world *world, struct heard *heard)
{
    say(world, heard, VERB_GET, "");
    assert_false(heard->ended);
    assert_true(heard->exchange.listening);
}

static void a_session_of_ones_own_is_needed(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    char session[64];
    begin(&world);
    memcpy(session, world.session, sizeof(session));
    world.session[0] = '\0';
    say(&world, &heard, VERB_GET, "");
    assert_int_equal(heard.reason, REASON_session_required);
    snprintf(world.session, sizeof(world.session), "nobodys");
    say(&world, &heard, VERB_GET, "");
    assert_int_equal(heard.reason, REASON_session_unknown);
    memcpy(world.session, session, sizeof(session));
    world.token[10] ^= 1;
    say(&world, &heard, VERB_GET, "");
    assert_int_equal(heard.reason, REASON_unauthorized);
    world.token[10] ^= 1;
    listen_to(&world, &heard);
    struct gateway_status status;
    gateway_status(world.gateway, &status);
    assert_int_equal(status.calls, 0); /* a stream is no call in flight */
    end(&world);
    assert_true(heard.ended);
}

static void only_who_sees_the_change_is_told(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    begin(&world);
    listen_to(&world, &heard);
    memory_list(at_first);
    memory_list(with_hidden);
    memory_list(at_first);
    assert_int_equal(heard.events, 0); /* nothing that this grant sees */
    memory_list(without_once);
    assert_int_equal(heard.events, 1);
    assert_string_equal(heard.body, tools_changed);
    memory_list(at_first);
    assert_int_equal(heard.events, 2);
    end(&world);
}

static void one_message_goes_to_one_stream(void **state)
{
    (void)state;
    struct world world;
    struct heard heard[LIMIT_streams_per_session + 1];
    begin(&world);
    for (size_t at = 0; at < ARRAY_LEN(heard); at++)
        listen_to(&world, &heard[at]);
    assert_true(heard[0].ended); /* the oldest made room */
    assert_false(heard[1].ended);
    memory_list(without_once);
    assert_int_equal(heard[1].events, 0);
    assert_int_equal(heard[2].events, 1);
    const struct front_events *events = gateway_front_events(world.gateway);
    events->gone(events->arg, &heard[2].exchange);
    memory_list(at_first);
    assert_int_equal(heard[1].events, 1);
    assert_int_equal(heard[2].events, 1);
    end(&world);
    assert_true(heard[1].ended);
}

static void what_was_missed_is_told_once(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    begin(&world);
    memory_list(without_once);
    memory_list(at_first);
    listen_to(&world, &heard);
    assert_int_equal(heard.events, 1);
    memory_list(at_first);
    assert_int_equal(heard.events, 1);
    heard.deaf = true;
    memory_list(without_once);
    assert_true(heard.ended); /* it does not read */
    struct heard next;
    listen_to(&world, &next);
    assert_int_equal(next.events, 1);
    end(&world);
}

static void streams_end_with_their_session(void **state)
{
    (void)state;
    struct world world;
    struct heard heard, other;
    begin(&world);
    listen_to(&world, &heard);
    say(&world, &other, VERB_DELETE, "");
    assert_true(heard.ended);
    end(&world);

    begin(&world);
    listen_to(&world, &heard);
    gateway_grant_revoked(world.gateway, str_from_c(world.grant));
    assert_true(heard.ended);
    end(&world);

    begin(&world);
    listen_to(&world, &heard);
    gateway_stop(world.gateway, world_stopped, &world.stopped);
    assert_true(heard.ended);
    say(&world, &other, VERB_GET, "");
    assert_int_equal(other.reason, REASON_overloaded); /* no new one */
    end(&world);

    begin(&world);
    listen_to(&world, &heard);
    struct grant grant = *store_grant(world.store, str_from_c(world.grant));
    grant.expires_ms = 1;
    assert_int_equal(store_grant_put(world.store, &grant, NULL, NULL), 0);
    for (int at = 0; at < 1000 && store_grant(world.store, str_from_c(world.grant))->expires_ms != 1; at++)
        turns(&world, 1);
    memory_list(without_once);
    assert_int_equal(heard.events, 0); /* not even before the sweep */
    listen_end_expired(world.gateway);
    assert_true(heard.ended);
    end(&world);
}

static void put_expiry(struct world *world, int64_t expires_ms)
{
    struct grant grant = *store_grant(world->store, str_from_c(world->grant));
    grant.expires_ms = expires_ms;
    assert_int_equal(store_grant_put(world->store, &grant, NULL, NULL), 0);
    for (int at = 0; at < 1000 && store_grant(world->store, str_from_c(world->grant))->expires_ms != expires_ms; at++)
        turns(world, 1);
}

/* Not at the next sweep, which is stopped here. */
static void streams_end_when_their_grant_expires(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    begin(&world);
    put_expiry(&world, clock_wall_ms(clock_system()) + 300);
    listen_to(&world, &heard);
    timer_stop(&world.gateway->sweep);
    assert_false(heard.ended);
    for (int at = 0; at < 10000 && !heard.ended; at++)
        turns(&world, 1);
    assert_true(heard.ended);
    assert_true(clock_wall_ms(clock_system()) >= store_grant(world.store, str_from_c(world.grant))->expires_ms);
    end(&world);

    begin(&world); /* it lives on: the timer waits for the other moment */
    put_expiry(&world, clock_wall_ms(clock_system()) + 100);
    listen_to(&world, &heard);
    put_expiry(&world, clock_wall_ms(clock_system()) + 1000000);
    turns(&world, 200);
    assert_false(heard.ended);
    assert_true(world.gateway->expiry.running);
    end(&world);
}

static void a_grant_has_so_many_streams(void **state)
{
    (void)state;
    struct world world;
    static struct heard heard[LIMIT_streams_per_grant];
    struct heard one;
    begin(&world);
    for (size_t at = 0; at < LIMIT_streams_per_grant; at++) {
        if (at > 0 && at % LIMIT_streams_per_session == 0) {
            say(&world, &one, VERB_POST, initialize);
            snprintf(world.session, sizeof(world.session), "%s", one.session);
        }
        listen_to(&world, &heard[at]);
    }
    say(&world, &one, VERB_POST, initialize);
    snprintf(world.session, sizeof(world.session), "%s", one.session);
    say(&world, &one, VERB_GET, "");
    assert_int_equal(one.reason, REASON_overloaded);
    const struct front_events *events = gateway_front_events(world.gateway);
    events->gone(events->arg, &heard[0].exchange);
    listen_to(&world, &one);
    end(&world);
}

static void few_connections_leave_few_streams(void **state)
{
    (void)state;
    static const struct {
        unsigned connections;
        size_t streams, per_grant;
    } cases[] = {
        { 0, LIMIT_streams, LIMIT_streams_per_grant }, { LIMIT_connections, LIMIT_streams, LIMIT_streams_per_grant },
        { 100000, LIMIT_streams, LIMIT_streams_per_grant }, { 512, 409, 102 }, { 10, 8, 2 }, { 1, 0, 0 },
    };
    struct world world;
    struct heard heard[3], one;
    begin(&world);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        listen_set_ceilings(world.gateway, cases[i].connections);
        assert_int_equal(world.gateway->streams_max, cases[i].streams);
        assert_int_equal(world.gateway->streams_per_grant_max, cases[i].per_grant);
    }
    assert_true(LIMIT_streams <= LIMIT_connections * 4 / 5);
    listen_set_ceilings(world.gateway, 10);
    for (size_t at = 0; at < 2; at++)
        listen_to(&world, &heard[at]);
    say(&world, &one, VERB_POST, initialize);
    snprintf(world.session, sizeof(world.session), "%s", one.session);
    say(&world, &one, VERB_GET, "");
    assert_int_equal(one.reason, REASON_overloaded);
    listen_set_ceilings(world.gateway, 0);
    listen_to(&world, &heard[2]);
    end(&world);
}

static void another_policy_is_told(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    begin(&world);
    listen_to(&world, &heard);
    struct config *config = make_config(&world, "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"once\":{}}}");
    assert_int_equal(gateway_reload(world.gateway, config), 0);
    assert_int_equal(heard.events, 3); /* tools, prompts, resources */
    assert_int_equal(gateway_reload(world.gateway, config), 0);
    assert_int_equal(heard.events, 3);
    memory_list(without_once);
    assert_int_equal(heard.events, 4);
    config_unref(config);
    end(&world);
}

/* A message above its grant's ceiling leaves no trace in what is counted of it: or it would be freed under others. */
static void what_is_refused_is_counted_back(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    begin(&world);
    say(&world, &heard, VERB_POST, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
    assert_int_equal(heard.status, 200);
    struct grant_use *use = CONTAINER_OF(heard.exchange.share, struct grant_use, share);
    for (int waits = 0; waits < 2; waits++) { /* by its own bytes, or by those of answers that wait */
        size_t *full = waits ? &use->share.bytes : &use->bytes;
        *full = LIMIT_grant_bytes;
        say(&world, &heard, VERB_POST, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
        assert_int_equal(heard.reason, REASON_overloaded);
        assert_int_equal(heard.status, 503);
        assert_int_equal(*full, LIMIT_grant_bytes);
        assert_int_equal(use->messages, 0);
        *full = 0;
    }
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_of_ones_own_is_needed),
        cmocka_unit_test(only_who_sees_the_change_is_told),
        cmocka_unit_test(one_message_goes_to_one_stream),
        cmocka_unit_test(what_was_missed_is_told_once),
        cmocka_unit_test(streams_end_with_their_session),
        cmocka_unit_test(streams_end_when_their_grant_expires),
        cmocka_unit_test(a_grant_has_so_many_streams),
        cmocka_unit_test(few_connections_leave_few_streams),
        cmocka_unit_test(what_is_refused_is_counted_back),
        cmocka_unit_test(another_policy_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
