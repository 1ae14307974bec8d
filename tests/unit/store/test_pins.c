/* Pins: what was accepted, what is listed instead, through restarts and new segments; what is recorded of it. */
#include "harness.h"

#include "base/check.h"
#include "base/encode.h"
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

static enum pin_state look(const char *name, unsigned version)
{
    struct tool tool = tool_of(name, version);
    enum pin_state state = store_pin_look(h.store, STR("s"), &tool);
    if (state != PIN_NEVER)
        assert_int_equal(store_pin_state(h.store, STR("s"), &tool), state);
    return state;
}

static enum pin_state state_of(const char *name, unsigned version)
{
    struct tool tool = tool_of(name, version);
    return store_pin_state(h.store, STR("s"), &tool);
}

static void accept(const char *name)
{
    struct str tool = str_from_c(name), missing;
    assert_int_equal(store_pins_accept(h.store, STR("s"), &tool, 1, &missing, NULL, NULL), 0);
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
        assert_int_equal(store_pin_state(h.store, STR("other"), &elsewhere), PIN_NEVER);
        reopen();
    }
    assert_int_equal(count_records(&h, RECORD_PIN), 3);
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    reopen(); /* what was queued is written */
    assert_int_equal(count_records(&h, RECORD_PIN), 4);
    struct str missing;
    assert_int_equal(store_pins_accept(h.store, STR("s"), NULL, 0, &missing, NULL, NULL), E_NOT_FOUND);
}

static void an_operator_accepts_what_is_listed(void **state)
{
    (void)state;
    struct str nobody = STR("nobody"), missing;
    assert_int_equal(look("a", 1), PIN_ACCEPTED);
    assert_int_equal(look("a", 2), PIN_CHANGED);
    assert_int_equal(look("a", 3), PIN_CHANGED);
    assert_int_equal(store_pins_accept(h.store, STR("s"), &nobody, 1, &missing, NULL, NULL), E_NOT_FOUND);
    assert_ptr_equal(missing.ptr, nobody.ptr);
    assert_int_equal(store_pins_accept(h.store, STR("x"), &nobody, 1, &missing, NULL, NULL), E_NOT_FOUND);
    char digits[13] = "";
    struct tool listed = tool_of("a", 3);
    hex_encode(listed.pin.digest.bytes, 6, digits);
    assert_true(store_pin_begins(h.store, STR("s"), STR("a"), str_from_c(digits)));
    digits[0] = digits[0] == '0' ? '1' : '0';
    assert_false(store_pin_begins(h.store, STR("s"), STR("a"), str_from_c(digits)));
    assert_false(store_pin_begins(h.store, STR("s"), nobody, STR_EMPTY));
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
    return store_pin_look(h.store, STR("s"), &tool);
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

static struct pinned_class ruled_read(void *arg, struct str tool)
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
    assert_true(harness_logged(&h, "more than"));
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
    assert_int_equal(store_pin_look(h.store, STR("s"), &one), PIN_ACCEPTED);
    assert_int_equal(store_pin_look(h.store, STR("s"), &two), PIN_CHANGED);
    harness_run_ms(&h, 50);
    for (int round = 0; round < 2; round++) { /* from the ledger, then from the projection */
        buf_reset(&text);
        assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), STR("a"), &one.pin.digest, &text), 0);
        assert_true(str_eq(buf_str(&text), STR("{\"description\":\"version 1\",\"name\":\"a\"}")));
        buf_reset(&text);
        assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), STR("a"), &two.pin.digest, &text), 0);
        assert_true(str_eq(buf_str(&text), STR("{\"description\":\"version 2\",\"name\":\"a\"}")));
        harness_close(&h);
        assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    }
    assert_int_equal(store_definition(str_from_c(h.directory), STR("s"), STR("b"), &one.pin.digest, &text), E_NOT_FOUND);
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
    store_pins_rule(h.store, STR("s"), ruled_read, &on); /* no such server yet */
    assert_int_equal(look_classed("a", 1, CLASS_EXECUTE), PIN_ACCEPTED);
    assert_int_equal(look_classed("b", 1, CLASS_EXECUTE), PIN_ACCEPTED);
    store_pins_rule(h.store, STR("s"), ruled_read, &on);
    store_pins_rule(h.store, STR("s"), ruled_read, &on); /* recorded once */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_is_accepted_and_another_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operator_accepts_what_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_keeps_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_has_a_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_kept_to_show_what_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_class_is_frozen_with_its_definition, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_older_gateway_accepted_gets_its_class, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operator_overrules_a_class, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
