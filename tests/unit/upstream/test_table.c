/* Long pages, which are pinned in the pool: what may happen while a job is under way, which here is held until a test
 * lets it go. */
#include "memory.h"
#include "../held_job.h"

#include "base/limits.h"

#define MANY 3000 /* tools: their page is a large one */
#define CHANGED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}"

static struct memory *begin(struct rig *rig)
{
    holding = true;
    held = NULL;
    refuses = 0;
    rig_init(rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig->services, &rig->server, &rig->events, &memory_back, &rig->upstream), 0);
    upstream_start(rig->upstream);
    return memory_shake(rig, HELLO("{\"tools\":{}}"));
}

/* A page of tools of these numbers. */
static void list(struct memory *memory, unsigned from, unsigned to, const char *more)
{
    struct buf page;
    buf_init(&page, 1 << 23);
    buf_printf(&page, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{\"tools\":[", memory_id(memory));
    for (unsigned at = from; at < to; at++)
        buf_printf(&page, "%s{\"name\":\"tool_%u\",\"inputSchema\":{}}", at > from ? "," : "", at);
    buf_printf(&page, "]%s}}", more);
    assert_true(buf_ok(&page) && page.len > LIMIT_list_at_once);
    instance_receive(memory->instance, buf_str(&page), NULL);
    buf_release(&page);
}

static size_t tools_of(const struct rig *rig)
{
    const struct definitions *definitions = upstream_definitions(rig->upstream);
    return definitions ? definitions->tool_count : 0;
}

static void test_pages_wait_for_the_pool(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    unsigned sent = control->sent;
    list(control, 0, MANY, ",\"nextCursor\":\"more\"");
    assert_non_null(held);
    assert_int_equal(control->sent, sent); /* the next page is not asked for yet */
    let_go();
    assert_int_equal(control->sent, sent + 1);
    list(control, MANY - 1, 2 * MANY, ""); /* one of them stood on the page before */
    let_go();
    assert_int_equal(rig.tables, 0);
    let_go(); /* the look-up */
    assert_int_equal(rig.tables, 1);
    assert_int_equal(tools_of(&rig), 2 * MANY - 1);
    assert_null(definitions_tool(upstream_definitions(rig.upstream), STR("tool_2999")));
    const struct tool *last = definitions_tool(upstream_definitions(rig.upstream), STR("tool_5999"));
    assert_true(str_eq(last->definition, STR("{\"name\":\"tool_5999\",\"inputSchema\":{}}")));
    assert_false(pin_is_none(&last->pin));
    memory_finish(&rig);
}

static void test_a_change_meanwhile_is_looked_at_next(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    list(control, 0, MANY, "");
    unsigned sent = control->sent;
    memory_say(control, "%s", CHANGED);
    rig_pass(&rig, LIMIT_list_again_ms + 200);
    assert_int_equal(control->sent, sent);
    let_go();
    let_go();
    assert_int_equal(tools_of(&rig), MANY);
    rig_pass(&rig, LIMIT_list_again_ms + 200);
    assert_int_equal(control->sent, sent + 1);
    memory_answer(control, ONE_TOOL);
    assert_int_equal(tools_of(&rig), 1);
    memory_finish(&rig);
}

/* The connection is lost: nothing comes of its page, and the next one lists anew. */
static void test_a_page_of_a_connection_that_is_gone(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    list(control, 0, MANY, "");
    struct job *job = held;
    held = NULL;
    memory_end(control);
    rig_pass(&rig, LIMIT_restart_first_ms + 200);
    struct memory *next = memory_shake(&rig, HELLO("{\"tools\":{}}"));
    job->work(job);
    job->done(job);
    assert_int_equal(rig.tables, 0);
    memory_answer(next, ONE_TOOL);
    assert_int_equal(tools_of(&rig), 1);
    memory_finish(&rig);
}

static void test_a_stop_waits_for_the_pool(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    list(control, 0, MANY, "");
    upstream_stop(rig.upstream, REASON_shutting_down, rig_stopped, &rig);
    memory_end(control);
    rig_turn(&rig);
    assert_false(rig.stopped);
    let_go();
    rig_turn(&rig);
    assert_true(rig.stopped);
    assert_int_equal(rig.tables, 0);
    rig_release(&rig);
    memory_forget_all();
}

static void test_a_pool_without_room(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    refuses = 1;
    list(control, 0, MANY, "");
    assert_null(held);
    assert_int_equal(rig.tables, 0);
    rig_pass(&rig, LIMIT_restart_first_ms + 200); /* it is asked for again */
    list(control, 0, MANY, "");
    let_go();
    let_go();
    assert_int_equal(tools_of(&rig), MANY);
    memory_finish(&rig);
}

static void test_entries_behind_the_ceiling(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    list(control, 0, LIMIT_list_entries + 5, "");
    let_go();
    let_go();
    assert_int_equal(tools_of(&rig), LIMIT_list_entries);
    assert_null(definitions_tool(upstream_definitions(rig.upstream), STR("tool_20000")));
    assert_int_equal(rig.warnings, 1);
    memory_finish(&rig);
}

/* With the pool itself, for those who look for races and leaks. */
static void test_with_the_pool(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig);
    holding = false;
    list(control, 0, MANY, "");
    while (!rig.tables)
        loop_turn(rig.loop, true);
    assert_int_equal(tools_of(&rig), MANY);
    memory_say(control, "%s", CHANGED);
    rig_pass(&rig, LIMIT_list_again_ms + 200);
    list(control, 0, MANY, "");
    upstream_stop(rig.upstream, REASON_shutting_down, rig_stopped, &rig);
    memory_end(control);
    while (!rig.stopped)
        loop_turn(rig.loop, true);
    rig_release(&rig);
    memory_forget_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pages_wait_for_the_pool, memory_setup),
        cmocka_unit_test_setup(test_a_change_meanwhile_is_looked_at_next, memory_setup),
        cmocka_unit_test_setup(test_a_page_of_a_connection_that_is_gone, memory_setup),
        cmocka_unit_test_setup(test_a_stop_waits_for_the_pool, memory_setup),
        cmocka_unit_test_setup(test_a_pool_without_room, memory_setup),
        cmocka_unit_test_setup(test_entries_behind_the_ceiling, memory_setup),
        cmocka_unit_test_setup(test_with_the_pool, memory_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
