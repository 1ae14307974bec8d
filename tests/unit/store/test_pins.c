/* Pins: what was accepted, what is listed instead, through restarts and new segments; what is recorded of it. */
#include "harness.h"

#include "base/check.h"
#include "base/limits.h"
#include "model/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct harness h;
static const struct pin_choice all = { .server = { "s", 1 }, .all_kinds = true };

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    assert_int_equal(harness_open(&h), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_release(&h);
    return 0;
}

static void reopen(void)
{
    harness_close(&h);
    assert_int_equal(harness_open(&h), 0);
}

/* A tool of this name in its n-th version. */
static struct tool tool_of(const char *name, unsigned version)
{
    static char definitions[8][128];
    static unsigned next;
    char *definition = definitions[next++ % 8];
    snprintf(definition, sizeof(definitions[0]), "{\"name\":\"%s\",\"description\":\"version %u\"}", name, version);
    struct tool tool = { .name = str_from_c(name), .definition = str_from_c(definition) };
    memset(&tool.pin.digest, (int)version, sizeof(tool.pin.digest));
    memset(tool.pin.parts, (int)version, sizeof(tool.pin.parts));
    return tool;
}

static enum pin_state look_as(enum pin_kind kind, const struct tool *tool)
{
    const struct pinned pinned = { kind, tool->name, tool->definition, &tool->pin };
    enum pin_state state = store_pin_look(h.store, STR("s"), &pinned);
    if (state != PIN_NEVER)
        assert_int_equal(store_pin_state(h.store, STR("s"), kind, tool->name, &tool->pin), state);
    return state;
}

static enum pin_state look(const char *name, unsigned version)
{
    struct tool tool = tool_of(name, version);
    return look_as(PIN_TOOL, &tool);
}

static enum pin_state state_of(const char *name, unsigned version)
{
    struct tool tool = tool_of(name, version);
    return store_pin_state(h.store, STR("s"), PIN_TOOL, tool.name, &tool.pin);
}

static void accept(const char *name)
{
    struct str tool = str_from_c(name), missing;
    const struct pin_choice choice = { .server = STR("s"), .names = &tool, .count = 1 };
    assert_int_equal(store_pins_accept(h.store, &choice, &missing, NULL, NULL), 0);
}

static void the_first_is_accepted_and_another_is_not(void **state)
{
    (void)state;
    assert_int_equal(state_of("a", 1), PIN_NEVER);
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    assert_int_equal(look("b", 1), PIN_ACCEPTED);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(look("a", 2), PIN_CHANGED);
        assert_int_equal(look("a", 2), PIN_CHANGED); /* recorded once */
        assert_int_equal(state_of("a", 1), PIN_ACCEPTED);
        assert_int_equal(state_of("b", 1), PIN_ACCEPTED);
        struct tool elsewhere = tool_of("a", 2);
        assert_int_equal(store_pin_state(h.store, STR("other"), PIN_TOOL, elsewhere.name, &elsewhere.pin), PIN_NEVER);
        reopen();
    }
    assert_int_equal(count_records(&h, RECORD_PIN), 3);
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    reopen(); /* what was queued is written */
    assert_int_equal(count_records(&h, RECORD_PIN), 4);
    struct str missing;
    assert_int_equal(store_pins_accept(h.store, &all, &missing, NULL, NULL), E_NOT_FOUND);
}

static void an_operator_accepts_what_is_listed(void **state)
{
    (void)state;
    struct str nobody = STR("nobody"), missing;
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    assert_int_equal(look("a", 2), PIN_CHANGED);
    assert_int_equal(look("a", 3), PIN_CHANGED);
    struct pin_choice choice = { .server = STR("s"), .names = &nobody, .count = 1 };
    struct str a = STR("a");
    struct sha256 digest;
    assert_int_equal(store_pins_accept(h.store, &choice, &missing, NULL, NULL), E_NOT_FOUND);
    assert_ptr_equal(missing.ptr, nobody.ptr);
    assert_int_equal(store_pins_digest(h.store, &choice, &missing, &digest), E_NOT_FOUND);
    choice.server = STR("x");
    assert_int_equal(store_pins_accept(h.store, &choice, &missing, NULL, NULL), E_NOT_FOUND);
    choice = (struct pin_choice){ .server = STR("s"), .names = &a, .count = 1 };
    struct tool listed = tool_of("a", 3);
    assert_int_equal(store_pins_digest(h.store, &choice, &missing, &digest), 0);
    assert_memory_equal(&digest, &listed.pin.digest, sizeof(digest));
    accept("a");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(state_of("a", 3), PIN_ACCEPTED);
        assert_int_equal(state_of("a", 2), PIN_CHANGED);
        assert_int_equal(state_of("a", 1), PIN_CHANGED);
        reopen();
    }
    accept("a"); /* again: it stays what it is */
    assert_int_equal(state_of("a", 3), PIN_ACCEPTED);
}

static enum pin_state look_classed(const char *name, unsigned version, enum tool_class class)
{
    struct tool tool = tool_of(name, version);
    tool.pin.class = (struct pinned_class){ .known = true, .class = class, .classifier = 1 };
    const struct pinned pinned = { PIN_TOOL, tool.name, tool.definition, &tool.pin };
    return store_pin_look(h.store, STR("s"), &pinned);
}

static bool wants(const char *name, unsigned version)
{
    struct tool tool = tool_of(name, version);
    return store_pin_wants_class(h.store, STR("s"), &tool);
}

static struct str class_now(const char *name)
{
    struct pinned_class class = store_pin_class(h.store, STR("s"), str_from_c(name));
    return pinned_class_word(&class);
}

#define ASSERT_CLASS(name, word) assert_true(str_eq(class_now(name), STR(word)))

static struct pinned_class ruled_read(const void *arg, struct str tool)
{
    return (struct pinned_class){ .known = arg && str_eq(tool, STR("a")), .overruled = true, .class = CLASS_READ };
}

/* The last segment, which a start reads, knows them from its checkpoint alone. */
static void a_checkpoint_keeps_them(void **state)
{
    (void)state;
    static char text[60000];
    char name[16];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(look(name, 1), PIN_ACCEPTED);
    }
    assert_int_equal(look("t7", 2), PIN_CHANGED);
    bool on = true;
    assert_int_equal(look_classed("classed", 1, CLASS_FINANCIAL), PIN_ACCEPTED);
    assert_int_equal(look_classed("classed", 2, CLASS_WRITE), PIN_CHANGED);
    assert_int_equal(look_classed("a", 1, CLASS_FINANCIAL), PIN_ACCEPTED);
    store_pins_rule(h.store, STR("s"), ruled_read, &on);
    for (int i = 0; i < 60; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(text, sizeof(text)) };
        store_record(h.store, &record);
        harness_run_ms(&h, 2);
    }
    reopen();
    char path[128];
    harness_segment(&h, path);
    assert_null(strstr(path, "0000000000000001.seg"));
    assert_int_equal(state_of("t2999", 1), PIN_ACCEPTED);
    assert_int_equal(state_of("t0", 2), PIN_CHANGED);
    assert_int_equal(look("t7", 2), PIN_CHANGED);
    ASSERT_CLASS("classed", "financial");
    ASSERT_CLASS("a", "read");
    accept("t7");
    assert_int_equal(state_of("t7", 2), PIN_ACCEPTED);
    accept("classed");
    ASSERT_CLASS("classed", "write");
}

static void a_server_has_a_ceiling(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < LIMIT_pins_per_server; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(look(name, 1), PIN_ACCEPTED);
    }
    assert_int_equal(look("more", 1), PIN_NEVER);
    assert_int_equal(look("more", 1), PIN_NEVER);
    assert_true(harness_logged(&h, "some tools do not exist"));
    assert_int_equal(look("t5", 1), PIN_ACCEPTED);
    /* A server that changes its mind for ever fills no disk. */
    for (unsigned i = 0; i < 2 * LIMIT_pin_changes; i++)
        assert_int_equal(look("t5", 2 + i % 7), PIN_CHANGED);
    harness_run_ms(&h, 200);
    assert_int_equal(count_records(&h, RECORD_PIN), LIMIT_pins_per_server + LIMIT_pin_changes);
    reopen();
    assert_int_equal(state_of("t5", 1), PIN_ACCEPTED);
    assert_int_equal(state_of("t5", 2), PIN_CHANGED);
}

static void texts_are_kept_to_show_what_changed(void **state)
{
    (void)state;
    struct tool one = tool_of("a", 1), two = tool_of("a", 2);
    struct buf text;
    buf_init(&text, 4096);
    assert_int_equal(look_as(PIN_TOOL, &one), PIN_ACCEPTED);
    assert_int_equal(look_as(PIN_TOOL, &two), PIN_CHANGED);
    harness_run_ms(&h, 50);
    for (int round = 0; round < 2; round++) { /* from the ledger, then from the projection */
        buf_reset(&text);
        assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), PIN_TOOL, STR("a"), &one.pin.digest, &text), 0);
        assert_true(str_eq(buf_str(&text), STR("{\"description\":\"version 1\",\"name\":\"a\"}")));
        buf_reset(&text);
        assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), PIN_TOOL, STR("a"), &two.pin.digest, &text), 0);
        assert_true(str_eq(buf_str(&text), STR("{\"description\":\"version 2\",\"name\":\"a\"}")));
        harness_close(&h);
        assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    }
    assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), PIN_TOOL, STR("b"), &one.pin.digest, &text), E_NOT_FOUND);
    buf_release(&text);
}

static void a_class_is_frozen_with_its_definition(void **state)
{
    (void)state;
    ASSERT_CLASS("a", "unknown");
    assert_true(wants("a", 1));
    assert_int_equal(look_classed("a", 1, CLASS_DESTRUCTIVE), PIN_ACCEPTED);
    assert_int_equal(look_classed("a", 1, CLASS_READ), PIN_ACCEPTED); /* other tables: what was accepted stays */
    for (int round = 0; round < 2; round++) {
        ASSERT_CLASS("a", "destructive");
        assert_false(wants("a", 1));
        assert_int_equal(look_classed("a", 2, CLASS_READ), PIN_CHANGED);
        ASSERT_CLASS("a", "destructive"); /* until an operator accepts the other definition */
        assert_false(wants("a", 2));
        reopen();
    }
    accept("a");
    for (int round = 0; round < 2; round++) {
        ASSERT_CLASS("a", "read");
        reopen();
    }
}

static void what_an_older_gateway_accepted_gets_its_class(void **state)
{
    (void)state;
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    assert_true(wants("a", 1));
    reopen();
    ASSERT_CLASS("a", "unknown");
    assert_int_equal(look_classed("a", 1, CLASS_WRITE), PIN_ACCEPTED);
    for (int round = 0; round < 2; round++) {
        ASSERT_CLASS("a", "write");
        assert_int_equal(look_classed("a", 1, CLASS_READ), PIN_ACCEPTED);
        reopen();
    }
    assert_int_equal(count_records(&h, RECORD_PIN), 2);
}

static void an_operator_overrules_a_class(void **state)
{
    (void)state;
    bool on = true;
    assert_false(store_pins_rule(h.store, STR("s"), ruled_read, &on)); /* no such server yet */
    assert_int_equal(look_classed("a", 1, CLASS_EXECUTE), PIN_ACCEPTED);
    assert_int_equal(look_classed("b", 1, CLASS_EXECUTE), PIN_ACCEPTED);
    assert_true(store_pins_rule(h.store, STR("s"), ruled_read, &on));
    assert_false(store_pins_rule(h.store, STR("s"), ruled_read, &on)); /* recorded once */
    for (int round = 0; round < 2; round++) {
        ASSERT_CLASS("a", "read");
        ASSERT_CLASS("b", "execute");
        assert_true(store_pin_class(h.store, STR("s"), STR("a")).overruled);
        reopen();
    }
    store_pins_rule(h.store, STR("s"), ruled_read, NULL);
    for (int round = 0; round < 2; round++) {
        ASSERT_CLASS("a", "execute");
        reopen();
    }
    assert_int_equal(count_records(&h, RECORD_PIN), 4);
}

static struct sha256 digest_of_all(void)
{
    struct str missing;
    struct sha256 digest;
    assert_int_equal(store_pins_digest(h.store, &all, &missing, &digest), 0);
    return digest;
}

/* One digest over all that changed: another definition, or one change more, and it is another. */
static void what_was_looked_at_is_one_digest(void **state)
{
    (void)state;
    struct str missing;
    struct sha256 digest;
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    assert_int_equal(look("b", 1), PIN_ACCEPTED);
    assert_int_equal(store_pins_digest(h.store, &all, &missing, &digest), E_NOT_FOUND);
    assert_int_equal(look("a", 2), PIN_CHANGED);
    struct sha256 one = digest_of_all();
    assert_int_equal(look("b", 2), PIN_CHANGED);
    struct sha256 two = digest_of_all();
    assert_int_equal(look("b", 3), PIN_CHANGED);
    struct sha256 other = digest_of_all();
    assert_memory_not_equal(&one, &two, sizeof(one));
    assert_memory_not_equal(&two, &other, sizeof(one));
    reopen();
    digest = digest_of_all();
    assert_memory_equal(&digest, &other, sizeof(digest));
    struct hasher *hasher;
    assert_int_equal(hasher_new(&hasher), 0);
    hasher_begin(hasher);
    struct tool a = tool_of("a", 2), b = tool_of("b", 3);
    pin_add(hasher, PIN_TOOL, a.name, &a.pin.digest);
    pin_add(hasher, PIN_TOOL, b.name, &b.pin.digest);
    hasher_end(hasher, &digest);
    hasher_free(hasher);
    assert_memory_equal(&digest, &other, sizeof(digest));
}

/* One name in each kind is another thing in each. */
static void kinds_are_apart(void **state)
{
    (void)state;
    static const enum pin_kind kinds[] = { PIN_TOOL, PIN_PROMPT, PIN_RESOURCE, PIN_TEMPLATE };
    struct str name = STR("a"), missing;
    for (unsigned i = 0; i < 4; i++) {
        struct tool tool = tool_of("a", 1 + i);
        assert_int_equal(look_as(kinds[i], &tool), PIN_ACCEPTED);
    }
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 4; i++) {
            struct tool tool = tool_of("a", 1 + i), other = tool_of("a", 7);
            assert_int_equal(look_as(kinds[i], &tool), PIN_ACCEPTED);
            assert_int_equal(store_pin_state(h.store, STR("s"), kinds[i], tool.name, &other.pin), PIN_CHANGED);
        }
        reopen();
    }
    struct tool other = tool_of("a", 7);
    assert_int_equal(look_as(PIN_PROMPT, &other), PIN_CHANGED);
    assert_int_equal(look_as(PIN_RESOURCE, &other), PIN_CHANGED);
    const struct pin_choice prompts = { .server = STR("s"), .kind = PIN_PROMPT };
    const struct pin_choice resource = { .server = STR("s"), .kind = PIN_RESOURCE, .names = &name, .count = 1 };
    assert_int_equal(store_pins_accept(h.store, &prompts, &missing, NULL, NULL), 0);
    reopen();
    assert_int_equal(look_as(PIN_PROMPT, &other), PIN_ACCEPTED);
    assert_int_equal(look_as(PIN_RESOURCE, &other), PIN_CHANGED);
    assert_int_equal(store_pins_accept(h.store, &resource, &missing, NULL, NULL), 0);
    assert_int_equal(look_as(PIN_RESOURCE, &other), PIN_ACCEPTED);
    assert_int_equal(state_of("a", 1), PIN_ACCEPTED);
}

/* Instructions may be none, which is accepted of a server that is known; and there is no trace of it. */
static void instructions_that_begin_are_a_change(void **state)
{
    (void)state;
    struct tool none = { .name = STR_EMPTY, .definition = STR_EMPTY }, text = tool_of("", 1);
    text.name = STR_EMPTY;
    assert_int_equal(look_as(PIN_INSTRUCTIONS, &text), PIN_ACCEPTED); /* of a server that nothing is known of */
    const struct pinned elsewhere = { PIN_INSTRUCTIONS, none.name, none.definition, &none.pin };
    assert_int_equal(store_pin_look(h.store, STR("t"), &elsewhere), PIN_ACCEPTED);
    struct tool tool = tool_of("a", 1);
    const struct pinned its_tool = { PIN_TOOL, tool.name, tool.definition, &tool.pin };
    const struct pinned late = { PIN_INSTRUCTIONS, text.name, text.definition, &text.pin };
    assert_int_equal(store_pin_look(h.store, STR("t"), &its_tool), PIN_ACCEPTED);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_pin_look(h.store, STR("t"), &late), PIN_CHANGED);
        assert_int_equal(store_pin_look(h.store, STR("t"), &elsewhere), PIN_ACCEPTED);
        assert_int_equal(store_pin_look(h.store, STR("t"), &late), PIN_CHANGED);
        reopen();
    }
    struct str missing;
    const struct pin_choice changed = { .server = STR("t"), .all_kinds = true };
    assert_int_equal(store_pins_accept(h.store, &changed, &missing, NULL, NULL), 0);
    assert_int_equal(store_pin_look(h.store, STR("t"), &late), PIN_ACCEPTED);
    assert_int_equal(store_pin_look(h.store, STR("t"), &elsewhere), PIN_CHANGED); /* what is gone is not what was accepted */
}

static void what_is_forgotten_is_seen_for_the_first_time(void **state)
{
    (void)state;
    struct str name = STR("a"), missing;
    const struct pin_choice one = { .server = STR("s"), .names = &name, .count = 1 };
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    assert_int_equal(look("b", 1), PIN_ACCEPTED);
    assert_int_equal(look("b", 2), PIN_CHANGED);
    assert_int_equal(store_pins_forget(h.store, &all, &missing, NULL, NULL), E_INVALID); /* b changed, and a stays */
    assert_true(str_eq(missing, STR("b")));
    assert_int_equal(state_of("a", 1), PIN_ACCEPTED);
    assert_int_equal(store_pins_forget(h.store, &one, &missing, NULL, NULL), 0);
    assert_int_equal(store_pins_forget(h.store, &one, &missing, NULL, NULL), E_NOT_FOUND);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(state_of("a", 1), PIN_NEVER);
        assert_int_equal(state_of("b", 2), PIN_CHANGED);
        reopen();
    }
    struct buf text;
    struct tool gone = tool_of("a", 1);
    buf_init(&text, 4096);
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), PIN_TOOL, name, &gone.pin.digest, &text), E_NOT_FOUND);
    buf_release(&text);
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(look("a", 3), PIN_ACCEPTED);
    accept("b");
    assert_int_equal(store_pins_forget(h.store, &all, &missing, NULL, NULL), 0);
    reopen();
    assert_int_equal(state_of("a", 3), PIN_NEVER);
    assert_int_equal(state_of("b", 2), PIN_NEVER);
}

/* Prompts and resources have ceilings of their own: tools behind them keep their room. */
static void many_resources_fill_nothing(void **state)
{
    (void)state;
    static char uri[LIMIT_pinned_name + 2];
    char name[32];
    for (int i = 0; i < LIMIT_pinned_items; i++) {
        snprintf(name, sizeof(name), "file:///%d", i);
        struct tool resource = tool_of(name, 1);
        resource.definition = STR_EMPTY;
        assert_int_equal(look_as(PIN_RESOURCE, &resource), PIN_ACCEPTED);
    }
    struct tool more = tool_of("file:///more", 1);
    assert_int_equal(look_as(PIN_RESOURCE, &more), PIN_NEVER);
    assert_true(harness_logged(&h, "some resources do not exist for clients"));
    memset(uri, 'u', sizeof(uri) - 1);
    more.name = str_from_c(uri);
    assert_int_equal(look_as(PIN_TEMPLATE, &more), PIN_NEVER); /* too long */
    more.definition = STR_EMPTY;
    int fit = 0;
    for (int i = 0; i < 1000; i++) {
        uri[0] = (char)('a' + i % 26);
        uri[1] = (char)('a' + i / 26);
        more.name = str_of(uri, LIMIT_pinned_name);
        fit += look_as(PIN_TEMPLATE, &more) == PIN_ACCEPTED;
    }
    assert_in_range(fit, 480, LIMIT_pinned_names / LIMIT_pinned_name);
    assert_int_equal(look("tool", 1), PIN_ACCEPTED);
    assert_int_equal(look("", 1), PIN_ACCEPTED);
    struct str missing;
    const struct pin_choice resources = { .server = STR("s"), .kind = PIN_RESOURCE };
    assert_int_equal(store_pins_forget(h.store, &resources, &missing, NULL, NULL), 0);
    more = tool_of("file:///more", 1);
    assert_int_equal(look_as(PIN_RESOURCE, &more), PIN_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_is_accepted_and_another_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operator_accepts_what_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_keeps_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_has_a_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_looked_at_is_one_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(instructions_that_begin_are_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_seen_for_the_first_time, setup, teardown),
        cmocka_unit_test_setup_teardown(many_resources_fill_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_kept_to_show_what_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_class_is_frozen_with_its_definition, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_older_gateway_accepted_gets_its_class, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operator_overrules_a_class, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
