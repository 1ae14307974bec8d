/* Every cell of call_events.def: a call is brought to a step, the event comes, and answer, ledger and counters are
 * looked at. The gate is the real one, over the real store; the server is memory_upstream. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "front/exchange.h"
#include "gate/call.h"
#include "gate/gateway.h"
#include "io/loop.h"
#include "memory_upstream.h"
#include "policy/policy.h"
#include "store/store.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct heard {                       /* an exchange, and what came of it */
    struct exchange exchange;
    int             status;
    bool            ended;
    enum reason     reason;
    char            body[4096], session[64];
};

struct world {
    struct loop    *loop;
    struct log      log;
    struct store   *store;
    struct gateway *gateway;
    struct policy  *policy;
    struct server   server;
    char            directory[64], token[GRANT_TOKEN_MAX], grant[GRANT_ID_LEN + 1], session[64];
    bool            stopped;
};

static int hear_event(struct exchange *exchange, struct str message) { return (void)exchange, (void)message, 0; }

static void hear_answer(struct exchange *exchange, int status, struct str message, struct str session)
{
    struct heard *heard = CONTAINER_OF(exchange, struct heard, exchange);
    assert_false(heard->ended);
    heard->ended = true;
    heard->status = status;
    snprintf(heard->body, sizeof(heard->body), "%" STR_FMT, STR_ARG(message));
    snprintf(heard->session, sizeof(heard->session), "%" STR_FMT, STR_ARG(session));
}

static void hear_end(struct exchange *exchange, enum reason reason)
{
    struct heard *heard = CONTAINER_OF(exchange, struct heard, exchange);
    assert_false(heard->ended);
    heard->ended = true;
    heard->reason = reason;
    heard->status = reason_row(reason)->http_status;
}

static const struct front_ops hearing = { hear_event, hear_answer, hear_end };

static void say(struct world *world, struct heard *heard, enum exchange_verb verb, const char *body)
{
    *heard = (struct heard){ .exchange = { .ops = &hearing, .verb = verb } };
    heard->exchange.server = world->server.name;
    heard->exchange.token = str_from_c(world->token);
    heard->exchange.session = str_from_c(world->session);
    heard->exchange.body = str_from_c(body);
    const struct front_events *events = gateway_front_events(world->gateway);
    events->message(events->arg, &heard->exchange);
}

static void turns(struct world *world, int count)
{
    for (int at = 0; at < count; at++) {
        loop_turn(world->loop, false);
        usleep(1000);
    }
}

static const char *const tools[] = { "once", "free", NULL };
static const char policy_text[] = "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"free\":{},"
                                  "\"once\":{\"limits\":[{\"counter\":\"c\",\"window\":\"total\",\"max\":1}]}}}";
static const char call_once[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"once\"}}";
static const char initialize[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
                                 "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"0\"}}}";
static const char cancel[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}";

static void has_put(void *arg, int error) { *(int *)arg = error ? error : 1; }

static void make_grant(struct world *world)
{
    struct str server = STR("*");
    struct grant grant = { .label = STR("test"), .servers = &server, .server_count = 1 };
    grant.created_ms = clock_wall_ms(clock_system());
    grant_make(&grant, world->token);
    snprintf(world->grant, sizeof(world->grant), "%" STR_FMT, STR_ARG(grant.id));
    int put = 0;
    assert_int_equal(store_grant_put(world->store, &grant, has_put, &put), 0);
    for (int at = 0; !put && at < 1000; at++)
        turns(world, 1);
    assert_int_equal(put, 1);
}

static void open_world(struct world *world)
{
    *world = (struct world){ .server = { .name = STR("s"), .call_ms = 10000 } };
    snprintf(world->directory, sizeof(world->directory), "/tmp/warder-gate-XXXXXX");
    AN(mkdtemp(world->directory));
    log_init_stderr(&world->log, clock_system(), LOG_ERROR);
    assert_int_equal(loop_new(clock_system(), &world->log, &world->loop), 0);
    struct store_options store = { .directory = str_from_c(world->directory), .audit = AUDIT_PROCESS,
                                   .loop = world->loop, .clock = clock_system(), .log = &world->log };
    assert_int_equal(store_open(&store, &world->store), 0);

    struct arena arena;
    struct problems problems = { 0 };
    arena_init(&arena, NULL, 1 << 20);
    assert_int_equal(policy_load(str_from_c(policy_text), &arena, &problems, &world->policy), 0);
    arena_release(&arena);

    memory_init();
    memory_list(tools);
    struct gateway_server server = { &world->server, world->policy, str_from_c(policy_text) };
    struct gateway_options options = { .loop = world->loop, .clock = clock_system(), .log = &world->log, .store = world->store,
                                       .self = STR("/nowhere"), .data = str_from_c(world->directory),
                                       .servers = &server, .server_count = 1 };
    assert_int_equal(gateway_new(&options, &world->gateway), 0);
    gateway_start(world->gateway);
    make_grant(world);

    struct heard heard;
    say(world, &heard, VERB_POST, initialize);
    assert_int_equal(heard.status, 200);
    snprintf(world->session, sizeof(world->session), "%s", heard.session);
}

static void world_stopped(void *arg) { *(bool *)arg = true; }

static void close_world(struct world *world)
{
    gateway_stop(world->gateway, world_stopped, &world->stopped);
    gateway_stop(world->gateway, world_stopped, &world->stopped);
    for (int at = 0; !world->stopped && at < 1000; at++)
        turns(world, 1);
    assert_true(world->stopped);
    gateway_free(world->gateway);
    store_close(world->store);
    loop_free(world->loop);
    policy_unref(world->policy);
    memory_release();
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* What the ledger says of the one call. */
struct told { int admitted, refused, outcomes; enum outcome outcome; enum reason reason, refusal; bool given_back; };

static int tell(void *arg, uint64_t sequence, const struct record *record)
{
    struct told *told = arg;
    (void)sequence;
    if (record->kind == RECORD_DECISION && record->reason == REASON_allowed) {
        told->admitted++;
    } else if (record->kind == RECORD_DECISION) {
        told->refused++;
        told->refusal = record->reason;
    } else if (record->kind == RECORD_OUTCOME) {
        told->outcomes++;
        told->outcome = record->outcome;
        told->reason = record->reason;
        told->given_back = record->given_back;
    }
    return 0;
}

struct cell { enum call_step step; enum call_event event; enum reason reason; enum outcome outcome; const char *action; };
static const struct cell cells[] = {
#define CALL_EVENT(step, event, action, reason, outcome)                                           \
    { STEP_##step, CALL_EVENT_##event, REASON_##reason, OUTCOME_##outcome, #action },
#include "gate/call_events.def"
#undef CALL_EVENT
};

static void bring_to(struct world *world, struct heard *heard, enum call_step step)
{
    memory.instances_ready = step != STEP_OPEN;
    if (step == STEP_ROUTE)
        memory_unlist();
    say(world, heard, VERB_POST, call_once);
    for (int at = 0; step == STEP_AWAIT && !memory_leg() && at < 1000; at++)
        turns(world, 1);
    assert_int_equal(memory.sent, step == STEP_AWAIT ? 1 : 0);
    assert_false(heard->ended);
}

static void happen(struct world *world, struct heard *heard, enum call_event event)
{
    struct heard other;
    const struct front_events *events = gateway_front_events(world->gateway);
    switch (event) {
    case CALL_EVENT_CLIENT_GONE: events->gone(events->arg, &heard->exchange); return;
    case CALL_EVENT_CANCELLED: say(world, &other, VERB_POST, cancel); assert_true(other.ended); return;
    case CALL_EVENT_UPSTREAM_DOWN: memory_wake(REASON_upstream_unavailable); return;
    case CALL_EVENT_REVOKED: gateway_grant_revoked(world->gateway, str_from_c(world->grant)); return;
    case CALL_EVENT_SESSION_ENDED: say(world, &other, VERB_DELETE, ""); assert_true(other.ended); return;
    case CALL_EVENT_STOP: gateway_stop(world->gateway, world_stopped, &world->stopped); return;
    case CALL_EVENT_COUNT: break;
    }
    fail();
}

static void check_cell(const struct cell *cell)
{
    struct world world;
    struct heard heard;
    open_world(&world);
    bring_to(&world, &heard, cell->step);
    happen(&world, &heard, cell->event);

    bool stays = strcmp(cell->action, "STAY") == 0, gone = cell->event == CALL_EVENT_CLIENT_GONE;
    if (stays) {
        assert_non_null(memory_leg());
        memory_answer(memory_leg(), "{\"content\":[]}");
    }
    assert_int_equal(heard.ended, !gone);
    if (!gone && !stays)
        assert_non_null(strstr(heard.body, reason_row(cell->reason)->name.ptr));
    if (!gone && stays)
        assert_non_null(strstr(heard.body, "\"result\""));
    turns(&world, 30);
    assert_int_equal(memory.sent, cell->step == STEP_AWAIT ? 1 : 0); /* nothing leaves after the call has ended */
    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);

    struct told told = { 0 };
    assert_int_equal(store_read(str_from_c(directory), 0, 0, tell, &told), 0);
    assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    bool admitted = cell->step == STEP_ADMIT || cell->step == STEP_AWAIT;
    assert_int_equal(told.admitted, admitted ? 1 : 0);
    assert_int_equal(told.outcomes, told.admitted);
    assert_int_equal(told.refused, admitted ? 0 : 1);
    if (!admitted)
        assert_int_equal(told.refusal, cell->reason);
    if (admitted && !stays)
        assert_int_equal(told.outcome, cell->outcome);
    if (admitted)
        assert_int_equal(told.given_back, cell->step == STEP_ADMIT);
    if (stays)
        assert_int_equal(told.outcome, OUTCOME_ok);
}

static void every_cell(void **state)
{
    (void)state;
    for (size_t at = 0; at < ARRAY_LEN(cells); at++) {
        print_message("%s x %d\n", call_step_name(cells[at].step), (int)cells[at].event);
        check_cell(&cells[at]);
    }
}

/* Each step that waits has a row for each event that can come while it does. */
static void no_cell_is_missing(void **state)
{
    (void)state;
    static const enum call_step waiting[] = { STEP_ROUTE, STEP_OPEN, STEP_ADMIT, STEP_AWAIT };
    for (size_t step = 0; step < ARRAY_LEN(waiting); step++)
        for (int event = 0; event < CALL_EVENT_COUNT; event++) {
            bool comes = event != CALL_EVENT_UPSTREAM_DOWN || step < 2; /* later the leg itself ends */
            int rows = 0;
            for (size_t at = 0; at < ARRAY_LEN(cells); at++)
                rows += cells[at].step == waiting[step] && (int)cells[at].event == event;
            assert_int_equal(rows, comes ? 1 : 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cell_is_missing),
        cmocka_unit_test(every_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
