/* What an operator does while calls are under way. */
#include "base/check.h"
#include "world.h"

static const char call_once[] =
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"once\"}}";
static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/list\"}";

static void put(struct world *world, enum freeze_scope scope, const char *name, bool on)
{
    struct freeze freeze = { .scope = scope, .name = str_from_c(name), .reason = STR("test") };
    assert_int_equal(store_freeze(world->store, &freeze, on, NULL, NULL), 0);
    gateway_freeze_changed(world->gateway);
}

static void say_until_ended(struct world *world, struct heard *heard)
{
    for (int at = 0; !heard->ended && at < 1000; at++)
        turns(world, 1);
    assert_true(heard->ended);
}

struct told {
    int admitted, outcomes, back;
    enum outcome outcome;
    enum reason reason;
};

static int tell(void *arg, uint64_t sequence, const struct record *record)
{
    struct told *told = arg;
    (void)sequence;
    told->admitted += record->kind == RECORD_DECISION && record->reason == REASON_allowed;
    if (record->kind == RECORD_OUTCOME) {
        told->outcomes++;
        told->outcome = record->outcome;
        told->reason = record->reason;
        told->back += record->given_back;
    }
    return 0;
}

/* Admitted, its record on the way to the disk; frozen before the first byte: decided again, settled, given back. */
static void a_freeze_meets_an_admitted_call(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    open_world(&world);
    memory.instances_ready = true;
    say(&world, &heard, VERB_POST, call_once);
    put(&world, FREEZE_GRANT, world.grant, true);
    say_until_ended(&world, &heard);
    assert_int_equal(memory.sent, 0);
    assert_non_null(strstr(heard.body, "\"frozen\""));

    put(&world, FREEZE_GRANT, world.grant, false);
    say(&world, &heard, VERB_POST, call_once); /* its limit is one in all: nothing was debited for good */
    for (int at = 0; !memory_leg() && at < 1000; at++)
        turns(&world, 1);
    assert_int_equal(memory.sent, 1);
    put(&world, FREEZE_ALL, "", true); /* what the server has goes on */
    memory_answer(memory_leg(), "{\"content\":[]}");
    say_until_ended(&world, &heard);
    assert_non_null(strstr(heard.body, "\"result\""));

    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    struct told told = { 0 };
    assert_int_equal(store_read(str_from_c(directory), 0, 0, tell, &told), 0);
    remove_world(directory);
    assert_int_equal(told.admitted, 2);
    assert_int_equal(told.outcomes, 2);
    assert_int_equal(told.back, 1);
    assert_int_equal(told.outcome, OUTCOME_ok);
}

/* A freeze of another grant or server moves the generation: the call is decided again, and goes. */
static void a_freeze_of_others_leaves_it_alone(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    open_world(&world);
    memory.instances_ready = true;
    say(&world, &heard, VERB_POST, call_once);
    put(&world, FREEZE_GRANT, "000000000000", true);
    put(&world, FREEZE_SERVER, "other", true);
    for (int at = 0; !memory_leg() && at < 1000; at++)
        turns(&world, 1);
    assert_int_equal(memory.sent, 1);
    memory_answer(memory_leg(), "{\"content\":[]}");
    assert_true(heard.ended);

    put(&world, FREEZE_SERVER, "s", true);
    say(&world, &heard, VERB_POST, call_once);
    say_until_ended(&world, &heard);
    assert_non_null(strstr(heard.body, "\"frozen\"")); /* the freeze is said before the limit that is full */
    say(&world, &heard, VERB_POST, list);
    say_until_ended(&world, &heard);
    assert_non_null(strstr(heard.body, "\"once\""));
    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    remove_world(directory);
}

/* The server lists another definition while the call's record is on the way to the disk. */
static void a_change_meets_an_admitted_call(void **state)
{
    (void)state;
    static const char *const names[] = { "once", "free", NULL };
    struct world world;
    struct heard heard;
    open_world(&world);
    memory.instances_ready = true;
    say(&world, &heard, VERB_POST, call_once);
    memory_list_as(names, 1);
    say_until_ended(&world, &heard);
    assert_int_equal(memory.sent, 0);
    assert_non_null(strstr(heard.body, "\"pin_changed\""));
    say(&world, &heard, VERB_POST, list);
    assert_null(strstr(heard.body, "\"once\""));

    struct str missing;
    const struct pin_choice changed = { .server = STR("s"), .all_kinds = true };
    assert_int_equal(store_pins_accept(world.store, &changed, &missing, NULL, NULL), 0);
    gateway_pins_changed(world.gateway, STR("s"));
    say(&world, &heard, VERB_POST, call_once); /* given back: the one in all is there */
    for (int at = 0; !memory_leg() && at < 1000; at++)
        turns(&world, 1);
    memory_answer(memory_leg(), "{\"content\":[]}");
    say_until_ended(&world, &heard);
    assert_non_null(strstr(heard.body, "\"result\""));
    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    remove_world(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freeze_meets_an_admitted_call),
        cmocka_unit_test(a_freeze_of_others_leaves_it_alone),
        cmocka_unit_test(a_change_meets_an_admitted_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
