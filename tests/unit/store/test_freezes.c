/* Freezes: what is frozen, through restarts and new segments. */
#include "harness.h"

#include "base/check.h"

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

static void done(void *arg, int error)
{
    *(int *)arg = error ? error : 1;
}

static void put(enum freeze_scope scope, const char *name, const char *reason, bool on)
{
    struct freeze freeze = { .scope = scope, .name = str_from_c(name), .reason = str_from_c(reason) };
    int flag = 0;
    assert_int_equal(store_freeze(h.store, &freeze, on, done, &flag), 0);
    harness_until(&h, &flag, 1);
}

static void reopen(void)
{
    harness_close(&h);
    assert_int_equal(harness_open(&h), 0);
}

static bool frozen(const char *server, const char *grant)
{
    return store_is_frozen(h.store, str_from_c(server), str_from_c(grant));
}

static void each_scope_freezes_its_own(void **state)
{
    (void)state;
    assert_false(frozen("a", "g"));
    put(FREEZE_SERVER, "a", "", true);
    put(FREEZE_GRANT, "g", "leaked", true);
    for (int round = 0; round < 2; round++) {
        assert_true(frozen("a", "x"));
        assert_true(frozen("b", "g"));
        assert_false(frozen("b", "x"));
        assert_false(frozen("g", "a")); /* a name of one scope is none of the other */
        const struct freeze *freeze = store_freeze_of(h.store, FREEZE_GRANT, STR("g"));
        assert_non_null(freeze);
        assert_true(str_eq(freeze->reason, STR("leaked")));
        assert_int_equal(freeze->since_ms, NOON);
        reopen();
    }
    put(FREEZE_ALL, "", "", true);
    reopen();
    assert_true(frozen("b", "x"));
    put(FREEZE_ALL, "", "over", false);
    put(FREEZE_SERVER, "a", "", false);
    reopen();
    assert_false(frozen("a", "x"));
    assert_true(frozen("a", "g"));
    assert_int_equal(count_records(&h, RECORD_FROZEN), 3);
    assert_int_equal(count_records(&h, RECORD_THAWED), 2);
}

/* Enough records for several segments: the last one, which a start reads, knows it from its checkpoint alone. */
static void a_checkpoint_keeps_them(void **state)
{
    (void)state;
    static char text[60000];
    memset(text, 'x', sizeof(text));
    put(FREEZE_SERVER, "a", "why", true);
    put(FREEZE_ALL, "", "", true);
    put(FREEZE_ALL, "", "", false);
    for (int i = 0; i < 40; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(text, sizeof(text)) };
        store_record(h.store, &record);
        harness_run_ms(&h, 2);
    }
    reopen();
    char path[128];
    harness_segment(&h, path);
    assert_null(strstr(path, "0000000000000001.seg"));
    assert_true(frozen("a", "x"));
    assert_false(frozen("b", "x"));
    assert_true(str_eq(store_freeze_of(h.store, FREEZE_SERVER, STR("a"))->reason, STR("why")));
}

static void what_cannot_be(void **state)
{
    (void)state;
    struct freeze freeze = { .scope = FREEZE_SERVER, .name = STR("a"), .reason = STR_EMPTY };
    assert_int_equal(store_freeze(h.store, &freeze, false, done, NULL), E_NOT_FOUND);
    harness_close(&h);
    assert_int_equal(harness_open_alone(&h), 0);
    freeze.name = STR("s0");
    assert_int_equal(store_freeze_now(h.store, &freeze, true), 0);
    assert_int_equal(store_freeze_now(h.store, &freeze, false), 0);
    assert_int_equal(store_freeze_now(h.store, &freeze, false), E_NOT_FOUND);
}

static void expect_reason(const char *reason, int64_t since_ms)
{
    const struct freeze *freeze = store_freeze_of(h.store, FREEZE_SERVER, STR("a"));
    assert_non_null(freeze);
    assert_true(str_eq(freeze->reason, str_from_c(reason)));
    assert_true(freeze->since_ms == since_ms);
}

/* Who freezes it again has not said that the first reason was wrong. */
static void frozen_again_keeps_its_reason(void **state)
{
    (void)state;
    put(FREEZE_SERVER, "a", "leaked", true);
    int64_t since_ms = store_freeze_of(h.store, FREEZE_SERVER, STR("a"))->since_ms;
    clock_manual_advance(&h.clock, 1000);
    put(FREEZE_SERVER, "a", "", true);
    expect_reason("leaked", since_ms);
    put(FREEZE_SERVER, "a", "other", true);
    expect_reason("other", since_ms);
    put(FREEZE_SERVER, "a", "", true);
    reopen();
    expect_reason("other", since_ms);
    put(FREEZE_SERVER, "a", "", false);
    put(FREEZE_SERVER, "a", "", true);
    expect_reason("", store_freeze_of(h.store, FREEZE_SERVER, STR("a"))->since_ms);
    assert_true(store_freeze_of(h.store, FREEZE_SERVER, STR("a"))->since_ms > since_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_scope_freezes_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_keeps_them, setup, teardown),
        cmocka_unit_test_setup_teardown(frozen_again_keeps_its_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
