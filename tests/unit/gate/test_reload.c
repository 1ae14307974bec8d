/* Another configuration under calls and sessions: who finishes under what, which servers go on, what is recorded. */
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "config/config.h"
#include "config/report.h"
#include "gate/reload.h"
#include "world.h"

static const char denies[] = "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"once\":{\"limits\":[{\"counter\":"
                             "\"c\",\"window\":\"total\",\"max\":1}]}}}";
static const char call_free[] =
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"free\"}}";
static const char call_again[] =
    "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/call\",\"params\":{\"name\":\"free\"}}";
static const char call_once[] =
    "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/call\",\"params\":{\"name\":\"once\"}}";

static void reload(struct world *world, const char *policy)
{
    struct config *config = make_config(world, policy);
    assert_int_equal(gateway_reload(world->gateway, config), 0);
    config_unref(config);
}

static void wait_for_leg(struct world *world)
{
    for (int at = 0; !memory_leg() && at < 1000; at++)
        turns(world, 1);
    assert_non_null(memory_leg());
}

static void carry_out(struct world *world, const char *body)
{
    struct heard heard;
    say(world, &heard, VERB_POST, body);
    wait_for_leg(world);
    memory_answer(memory_leg(), "{\"content\":[]}");
    assert_true(heard.ended);
    assert_non_null(strstr(heard.body, "\"result\""));
}

struct seen {
    size_t revisions, allowed, denied;
    struct sha256 allowed_by, denied_by;
};

static int see(void *arg, uint64_t sequence, const struct record *record)
{
    struct seen *seen = arg;
    (void)sequence;
    if (record->kind == RECORD_REVISION)
        seen->revisions++;
    if (record->kind == RECORD_DECISION && record->reason == REASON_allowed) {
        seen->allowed++;
        seen->allowed_by = record->revision;
    } else if (record->kind == RECORD_DECISION) {
        seen->denied++;
        seen->denied_by = record->revision;
    }
    return 0;
}

static void a_call_finishes_under_what_it_began_with(void **state)
{
    (void)state;
    struct world world;
    struct heard before, after;
    open_world(&world);
    struct sha256 first = *policy_revision(world.config->servers[0].policy);
    say(&world, &before, VERB_POST, call_free);
    reload(&world, denies);
    say(&world, &after, VERB_POST, call_again);
    assert_true(after.ended);
    assert_non_null(strstr(after.body, "default_deny"));
    wait_for_leg(&world);
    memory_answer(memory_leg(), "{\"content\":[]}");
    assert_true(before.ended);
    assert_non_null(strstr(before.body, "\"result\""));
    turns(&world, 30);

    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    struct seen seen = { 0 };
    assert_int_equal(store_read(str_from_c(directory), 0, 0, see, &seen), 0);
    remove_world(directory);
    assert_int_equal(seen.allowed, 1);
    assert_int_equal(seen.denied, 1);
    assert_int_equal(seen.revisions, 2);
    assert_memory_equal(&seen.allowed_by, &first, sizeof(first));
    assert_memory_not_equal(&seen.denied_by, &first, sizeof(first));
}

static void counters_outlive_it(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    open_world(&world);
    carry_out(&world, call_once);
    for (int at = 0; at < 10; at++) {
        reload(&world, denies);
        say(&world, &heard, VERB_POST, call_once);
        assert_true(heard.ended);
        assert_non_null(strstr(heard.body, "rate_limited"));
    }
    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    remove_world(directory);
}

static void only_what_changed_is_started_anew(void **state)
{
    (void)state;
    struct world world;
    struct heard heard;
    open_world(&world);
    reload(&world, denies);
    reload(&world, NULL);
    world.server.call_ms = 20000;
    reload(&world, denies);
    assert_int_equal(memory.made, 1);
    assert_int_equal(memory.ended, 0);

    reload(&world, "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"free\":{}}}");
    say(&world, &heard, VERB_POST, call_free);
    wait_for_leg(&world);
    world.server.argv = &world.server.name;
    world.server.argc = 1;
    reload(&world, denies);
    assert_int_equal(memory.made, 2);
    assert_int_equal(memory.started, 2);
    assert_int_equal(memory.ended, 0); /* its call is under way */
    memory_answer(memory_leg(), "{\"content\":[]}");
    assert_true(heard.ended);
    assert_int_equal(memory.ended, 1);
    carry_out(&world, call_once); /* the session goes on */

    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    remove_world(directory);
}

static void a_removed_server_ends_behind_its_last_call(void **state)
{
    (void)state;
    struct world world;
    struct heard heard, late;
    struct gateway_status status;
    struct str name = STR("s");
    open_world(&world);
    say(&world, &heard, VERB_POST, call_free);
    wait_for_leg(&world);
    world.server.name = STR("other");
    reload(&world, denies);
    world.server.name = name;
    say(&world, &late, VERB_POST, call_again);
    assert_int_equal(late.status, 404);
    gateway_status(world.gateway, &status);
    assert_int_equal(status.sessions, 1);
    assert_int_equal(memory.ended, 0);
    memory_answer(memory_leg(), "{\"content\":[]}");
    assert_non_null(strstr(heard.body, "\"result\""));
    gateway_status(world.gateway, &status);
    assert_int_equal(status.sessions, 0);
    assert_int_equal(memory.ended, 1);

    reload(&world, denies); /* back again: its sessions are not */
    say(&world, &late, VERB_POST, call_again);
    assert_int_equal(late.status, 404);
    assert_non_null(strstr(late.body, "session_unknown"));

    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    remove_world(directory);
}

static void nothing(struct job *job)
{
    (void)job;
}

static const char *no_variable(void *arg, const char *name)
{
    return (void)arg, (void)name, NULL;
}

/* The watch has told of the change, and tells no second time: a pool without room is asked again. */
static void a_reload_that_cannot_begin_is_tried_again(void **state)
{
    (void)state;
    struct world world;
    struct report report;
    struct reloader *reloader;
    const struct environment environment = { .get = no_variable };
    open_world(&world);
    report_init(&report);
    world.config->path = STR("/nowhere/warder.json");
    const struct reloader_options options = { .loop = world.loop,
                                              .clock = clock_system(),
                                              .log = &world.log,
                                              .gateway = world.gateway,
                                              .environment = &environment,
                                              .config = world.config,
                                              .report = &report };
    assert_int_equal(reloader_new(&options, &reloader), 0);
    struct job *jobs = calloc(LIMIT_jobs, sizeof(*jobs));
    size_t count = 0;
    for (; count < LIMIT_jobs; count++) {
        jobs[count] = (struct job){ .work = nothing, .done = nothing };
        if (loop_submit(world.loop, &jobs[count]) != 0)
            break;
    }
    const struct reload_status *status = reloader_status(reloader);
    reloader_ask(reloader, NULL);
    assert_int_equal(status->failed, 1);
    assert_string_equal(status->error, error_text(E_FULL));
    assert_int_equal(status->tried_ms, 0);
    for (int at = 0; at < 20000 && status->tried_ms == 0; at++)
        turns(&world, 1);
    assert_true(status->tried_ms > 0); /* the file is not there, and that is said */
    assert_int_equal(status->failed, 2);
    assert_int_equal(status->report->errors, 1);
    turns(&world, 1500);
    assert_int_equal(status->failed, 2); /* once is enough */
    reloader_free(reloader);
    report_release(&report);
    free(jobs);
    char directory[64];
    memcpy(directory, world.directory, sizeof(directory));
    close_world(&world);
    remove_world(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_finishes_under_what_it_began_with),
        cmocka_unit_test(counters_outlive_it),
        cmocka_unit_test(only_what_changed_is_started_anew),
        cmocka_unit_test(a_removed_server_ends_behind_its_last_call),
        cmocka_unit_test(a_reload_that_cannot_begin_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
