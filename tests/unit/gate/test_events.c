/* Every cell of call_events.def: a call is brought to a step, the event comes, and answer, ledger and counters are
 * looked at. */
#include "base/check.h"
#include "gate/call.h"
#include "world.h"

static const char call_once[] =
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"once\"}}";
/* The same of a client without a session. */
#define MODERN_META                                                                                                    \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                        \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
static const char modern_once[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"once\","
                                  MODERN_META "}}";
static const char cancel[] =
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}";

/* What the ledger says of the one call. */
struct told {
    int admitted, refused, outcomes;
    enum outcome outcome;
    enum reason reason, refusal;
    bool given_back;
};

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

struct cell {
    enum call_step step;
    enum call_event event;
    enum reason reason;
    enum outcome outcome;
    const char *action;
};
static const struct cell cells[] = {
#define CALL_EVENT(step, event, action, reason, outcome) \
    { STEP_##step, CALL_EVENT_##event, REASON_##reason, OUTCOME_##outcome, #action },
#include "gate/call_events.def"
#undef CALL_EVENT
};

static void bring_to(struct world *world, struct heard *heard, enum call_step step, bool modern)
{
    memory.era = modern ? ERA_MODERN : ERA_LEGACY;
    memory.instances_ready = step != STEP_OPEN;
    if (step == STEP_ROUTE)
        memory_unlist();
    say(world, heard, VERB_POST, modern ? modern_once : call_once);
    for (int at = 0; step == STEP_AWAIT && !memory_leg() && at < 1000; at++)
        turns(world, 1);
    assert_int_equal(memory.sent, step == STEP_AWAIT ? 1 : 0);
    assert_false(heard->ended);
}

/* The server is in the configuration no more. */
static void reload_without(struct world *world)
{
    struct world other = { .server = { .name = STR("other"), .cwd = STR_EMPTY, .url = STR_EMPTY, .call_ms = 1 } };
    struct config *config = make_config(&other, NULL);
    assert_int_equal(gateway_reload(world->gateway, config), 0);
    config_unref(config);
}

static void happen(struct world *world, struct heard *heard, enum call_event event)
{
    struct heard other;
    const struct front_events *events = gateway_front_events(world->gateway);
    switch (event) {
    case CALL_EVENT_CLIENT_GONE:
    case CALL_EVENT_CLIENT_CLOSED: events->gone(events->arg, &heard->exchange); return;
    case CALL_EVENT_CANCELLED:
        say(world, &other, VERB_POST, cancel);
        assert_true(other.ended);
        return;
    case CALL_EVENT_UPSTREAM_DOWN: memory_wake(REASON_upstream_unavailable); return;
    case CALL_EVENT_REVOKED: gateway_grant_revoked(world->gateway, str_from_c(world->grant)); return;
    case CALL_EVENT_SESSION_ENDED:
        say(world, &other, VERB_DELETE, "");
        assert_true(other.ended);
        return;
    case CALL_EVENT_REMOVED: reload_without(world); return;
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
    bring_to(&world, &heard, cell->step, cell->event == CALL_EVENT_CLIENT_CLOSED);
    happen(&world, &heard, cell->event);

    bool stays = strcmp(cell->action, "STAY") == 0, gone = cell->event <= CALL_EVENT_CLIENT_CLOSED;
    if (stays) {
        for (int at = 0; !memory_leg() && at < 1000; at++)
            turns(&world, 1);
        assert_non_null(memory_leg());
        memory_answer(memory_leg(), "{\"content\":[]}");
    }
    assert_int_equal(heard.ended, !gone);
    if (!gone && !stays)
        assert_non_null(strstr(heard.body, reason_row(cell->reason)->name.ptr));
    if (!gone && stays)
        assert_non_null(strstr(heard.body, "\"result\""));
    turns(&world, 30);
    assert_int_equal(memory.sent, stays || cell->step == STEP_AWAIT ? 1 : 0); /* nothing leaves after the call has ended */
    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);

    struct told told = { 0 };
    assert_int_equal(store_read(str_from_c(directory), 0, 0, tell, &told), 0);
    remove_world(directory);
    bool admitted = cell->step == STEP_ADMIT || cell->step == STEP_AWAIT;
    assert_int_equal(told.admitted, admitted ? 1 : 0);
    assert_int_equal(told.outcomes, told.admitted);
    assert_int_equal(told.refused, admitted ? 0 : 1);
    if (!admitted)
        assert_int_equal(told.refusal, cell->reason);
    if (admitted && !stays)
        assert_int_equal(told.outcome, cell->outcome);
    if (admitted)
        assert_int_equal(told.given_back, cell->step == STEP_ADMIT && !stays);
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
    static const char *const names[] = {
#define E(name) #name,
        CALL_EVENTS(E)
#undef E
    };
    for (size_t step = 0; step < ARRAY_LEN(waiting); step++)
        for (int event = 0; event < CALL_EVENT_COUNT; event++) {
            bool comes = event != CALL_EVENT_UPSTREAM_DOWN || step < 2; /* later the leg itself ends */
            int rows = 0;
            for (size_t at = 0; at < ARRAY_LEN(cells); at++)
                rows += cells[at].step == waiting[step] && (int)cells[at].event == event;
            if (rows != (comes ? 1 : 0))
                fail_msg("call_events.def has %d rows of %s, %s, and not %d", rows, call_step_name(waiting[step]), names[event],
                         comes ? 1 : 0);
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
