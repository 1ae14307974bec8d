/* Looks at long lists, whose definitions are read in the pool: what may happen while a job is under way, which here is
 * held until a test lets it go. */
#include "world.h"
#include "../held_job.h"

#include "base/check.h"
#include "base/limits.h"
#include "policy/policy.h"

#define MANY 600 /* tools: a few turns' worth */

static void wait_for_job(struct world *world)
{
    for (int at = 0; !held && at < 20; at++)
        turns(world, 1);
    assert_non_null(held);
}

/* ---- the world ---- */

static const char allows[] = "{\"version\":\"1\",\"default\":\"allow\"}";

static void list_many(unsigned char version)
{
    static char names[MANY][24];
    static const char *list[MANY + 3] = { "once", "free" };
    for (size_t at = 0; at < MANY && !list[MANY + 1]; at++) { /* once: the pool reads them */
        snprintf(names[at], sizeof(names[at]), "get_record_%zu", at);
        list[at + 2] = names[at];
    }
    memory_list_as(list, version);
}

static void set_policy(struct world *world, const char *policy)
{
    struct config *config = make_config(world, policy);
    config->servers[0].recommended = !policy;
    assert_int_equal(gateway_reload(world->gateway, config), 0);
    config_unref(config);
}

static void open_holding(struct world *world)
{
    holding = false;
    held = NULL;
    refuses = 0;
    open_world(world);
    set_policy(world, allows);
    holding = true;
}

/* The server is another one: its first list is missing. */
static void start_anew(struct world *world, const char *policy)
{
    memory_unlist();
    memory.known = false;
    world->server.cwd = STR("/elsewhere");
    set_policy(world, policy);
}

static void close_holding(struct world *world)
{
    char directory[64];
    memcpy(directory, world->directory, sizeof(directory));
    holding = false;
    close_world(world);
    remove_world(directory);
}

static void call(struct world *world, struct heard *heard, const char *name)
{
    static char body[256];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\"}}", name);
    say(world, heard, VERB_POST, body);
}

/* What an agent that calls the tool reads: a word of it. */
static void assert_denied(struct world *world, const char *name, const char *word)
{
    struct heard heard;
    call(world, &heard, name);
    assert_true(heard.ended);
    if (!strstr(heard.body, word))
        fail_msg("%s: %s, and not %s", name, heard.body, word);
}

static void answer(struct world *world, struct heard *heard)
{
    for (int at = 0; !memory_leg() && !heard->ended && at < 1000; at++)
        turns(world, 1);
    assert_non_null(memory_leg());
    memory_answer(memory_leg(), "{\"content\":[]}");
    assert_true(heard->ended);
    assert_non_null(strstr(heard->body, "\"result\""));
}

static void assert_called(struct world *world, const char *name)
{
    struct heard heard;
    call(world, &heard, name);
    answer(world, &heard);
}

static enum pin_state pin_of(const struct world *world, const char *name, unsigned char version)
{
    struct pin pin = { 0 };
    pin.digest.bytes[0] = version;
    return store_pin_state(world->store, STR("s"), PIN_TOOL, str_from_c(name), &pin);
}

#define LAST "get_record_599"

/* ---- the tests ---- */

static void what_is_new_is_not_there_before_it_was_looked_at(void **state)
{
    (void)state;
    struct world world;
    open_holding(&world);
    list_many(0);
    wait_for_job(&world);
    assert_denied(&world, LAST, "Unknown tool");
    assert_called(&world, "free"); /* as it was accepted */
    turns(&world, 20);
    assert_int_equal(pin_of(&world, LAST, 0), PIN_NEVER);
    let_go();
    assert_int_equal(pin_of(&world, "get_record_0", 0), PIN_ACCEPTED);
    assert_int_equal(pin_of(&world, LAST, 0), PIN_NEVER); /* a turn has its ceiling */
    assert_denied(&world, LAST, "Unknown tool");
    assert_called(&world, "get_record_0");
    turns(&world, 20);
    assert_int_equal(pin_of(&world, LAST, 0), PIN_ACCEPTED);
    assert_true(store_pin_class(world.store, STR("s"), str_from_c(LAST)).known);
    assert_called(&world, LAST);
    close_holding(&world);
}

static void the_first_list_is_waited_for_until_it_was_looked_at(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    open_holding(&world);
    start_anew(&world, allows);
    call(&world, &heard, LAST);
    list_many(0);
    wait_for_job(&world);
    turns(&world, 20);
    let_go();
    assert_false(heard.ended);
    assert_int_equal(memory.sent, 0);
    answer(&world, &heard);
    close_holding(&world);
}

/* The attack: a definition changes while the list that was accepted is still being read. */
static void a_change_during_the_look_is_denied_at_once_and_stays_so(void **state)
{
    (void)state;
    struct world world;
    open_holding(&world);
    list_many(0);
    wait_for_job(&world);
    list_many(1);
    assert_denied(&world, "free", "pin_changed");
    assert_denied(&world, LAST, "Unknown tool"); /* of neither list */
    let_go();
    wait_for_job(&world); /* the list behind it */
    assert_int_equal(pin_of(&world, LAST, 0), PIN_ACCEPTED);
    assert_int_equal(pin_of(&world, LAST, 1), PIN_CHANGED);
    assert_denied(&world, "free", "pin_changed");
    assert_denied(&world, LAST, "pin_changed");
    let_go();
    turns(&world, 20);
    assert_null(held);
    assert_denied(&world, LAST, "pin_changed");
    assert_int_equal(memory.sent, 0);

    list_many(0); /* what was read before is not read again: the job only tells what differs */
    assert_called(&world, LAST);
    wait_for_job(&world);
    let_go();
    close_holding(&world);
}

static void lists_wait_for_the_one_that_is_looked_at(void **state)
{
    (void)state;
    struct world world;
    open_holding(&world);
    list_many(0);
    list_many(1);
    list_many(2);
    list_many(0);
    wait_for_job(&world);
    let_go();
    turns(&world, 20);
    assert_non_null(held);
    let_go();
    turns(&world, 20);
    assert_null(held); /* those between were nobody's any more */
    assert_int_equal(pin_of(&world, LAST, 0), PIN_ACCEPTED);
    assert_called(&world, LAST);
    close_holding(&world);
}

static void pins_that_are_forgotten_meanwhile_are_told_anew(void **state)
{
    (void)state;
    struct world world;
    struct str missing, name = STR(LAST);
    const struct pin_choice choice = { .server = STR("s"), .kind = PIN_TOOL, .names = &name, .count = 1 };
    open_holding(&world);
    list_many(0);
    wait_for_job(&world);
    let_go();
    turns(&world, 20);
    list_many(0); /* nothing is new in it */
    wait_for_job(&world);
    assert_int_equal(store_pins_forget(world.store, &choice, &missing, NULL, NULL), 0);
    gateway_pins_changed(world.gateway, STR("s"));
    assert_denied(&world, LAST, "Unknown tool");
    while (held) {
        let_go();
        turns(&world, 20);
    }
    assert_true(store_pin_class(world.store, STR("s"), name).known);
    assert_called(&world, LAST);
    close_holding(&world);
}

static void nothing_comes_of_a_look_whose_server_is_gone(void **state)
{
    (void)state;
    struct world world;
    open_holding(&world);
    list_many(0);
    wait_for_job(&world);
    start_anew(&world, allows); /* the old one has ended, and its list with it */
    let_go();
    turns(&world, 20);
    assert_int_equal(pin_of(&world, LAST, 0), PIN_NEVER);
    list_many(1);
    wait_for_job(&world);
    let_go();
    turns(&world, 20);
    assert_int_equal(pin_of(&world, LAST, 1), PIN_ACCEPTED);
    assert_called(&world, LAST);
    close_holding(&world);
}

static void nothing_comes_of_a_look_whose_gateway_is_gone(void **state)
{
    (void)state;
    struct world world;
    char directory[64];
    open_holding(&world);
    memcpy(directory, world.directory, sizeof(directory));
    list_many(0);
    wait_for_job(&world);
    struct job *job = held;
    holding = false;
    close_world(&world);
    job->work(job); /* it ends at once, and reads nothing that went */
    job->done(job);
    remove_world(directory);
}

static void a_pool_without_room_is_asked_again(void **state)
{
    (void)state;
    struct world world;
    open_holding(&world);
    refuses = 2;
    list_many(0);
    for (int at = 0; !held && at < 20 * LIMIT_look_retry_ms; at++)
        turns(&world, 1);
    let_go();
    turns(&world, 20);
    assert_called(&world, LAST);
    close_holding(&world);
}

static void a_recommended_policy_is_made_in_the_pool_and_waited_for(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    struct sha256 revision;
    open_holding(&world);
    start_anew(&world, NULL);
    call(&world, &heard, LAST);
    list_many(0);
    wait_for_job(&world);
    let_go(); /* its definitions */
    turns(&world, 20);
    assert_int_equal(pin_of(&world, LAST, 0), PIN_ACCEPTED);
    assert_false(heard.ended);
    assert_non_null(held);
    assert_int_equal(store_recommended(world.store, STR("s"), &revision).len, 0);
    let_go(); /* the policy */
    assert_true(store_recommended(world.store, STR("s"), &revision).len > 0);
    answer(&world, &heard);
    struct gateway_server_status status;
    gateway_server_status(world.gateway, 0, &status);
    assert_true(status.has_policy);
    assert_memory_equal(&status.revision, &revision, sizeof(revision));
    close_holding(&world);
}

static void a_recommended_policy_that_nobody_wants_any_more_is_not_kept(void **state)
{
    (void)state;
    struct world world;
    struct sha256 revision;
    open_holding(&world);
    start_anew(&world, NULL);
    list_many(0);
    wait_for_job(&world);
    let_go();
    turns(&world, 20);
    assert_non_null(held);
    set_policy(&world, allows);
    let_go();
    assert_int_equal(store_recommended(world.store, STR("s"), &revision).len, 0);
    assert_called(&world, LAST);
    close_holding(&world);
}

static void a_server_that_comes_to_a_recommended_policy_is_looked_at_again(void **state)
{
    (void)state;
    struct world world;
    struct sha256 revision;
    open_holding(&world);
    list_many(0);
    wait_for_job(&world);
    let_go();
    turns(&world, 20);
    set_policy(&world, NULL);
    assert_denied(&world, LAST, "no_policy");
    wait_for_job(&world); /* what its texts show was told before: the policy is left */
    while (held) {
        let_go();
        turns(&world, 20);
    }
    assert_true(store_recommended(world.store, STR("s"), &revision).len > 0);
    assert_called(&world, LAST);
    close_holding(&world);
}

/* With the pool itself, for those who look for races and leaks. */
static void calls_go_on_beside_the_pool(void **state)
{
    (void)state;
    struct world world;
    open_holding(&world);
    holding = false;
    for (unsigned char version = 0; version < 4; version++) {
        list_many(version % 2);
        if (version % 2 == 0)
            assert_called(&world, "free");
        else
            assert_denied(&world, "free", "pin_changed");
    }
    for (int at = 0; pin_of(&world, LAST, 0) != PIN_ACCEPTED && at < 5000; at++)
        turns(&world, 1);
    assert_int_equal(pin_of(&world, LAST, 0), PIN_ACCEPTED);
    list_many(2);
    close_holding(&world); /* with a job under way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_is_not_there_before_it_was_looked_at),
        cmocka_unit_test(the_first_list_is_waited_for_until_it_was_looked_at),
        cmocka_unit_test(a_change_during_the_look_is_denied_at_once_and_stays_so),
        cmocka_unit_test(lists_wait_for_the_one_that_is_looked_at),
        cmocka_unit_test(pins_that_are_forgotten_meanwhile_are_told_anew),
        cmocka_unit_test(nothing_comes_of_a_look_whose_server_is_gone),
        cmocka_unit_test(nothing_comes_of_a_look_whose_gateway_is_gone),
        cmocka_unit_test(a_pool_without_room_is_asked_again),
        cmocka_unit_test(a_recommended_policy_is_made_in_the_pool_and_waited_for),
        cmocka_unit_test(a_recommended_policy_that_nobody_wants_any_more_is_not_kept),
        cmocka_unit_test(a_server_that_comes_to_a_recommended_policy_is_looked_at_again),
        cmocka_unit_test(calls_go_on_beside_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
