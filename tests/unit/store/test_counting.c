/* What counters and children of grants are after a restart, whatever was written before it. */
#include "harness.h"

#include "base/check.h"
#include "store/state.h"

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

static void act_done(void *arg, int error)
{
    assert_int_equal(error, 0);
    ++*(int *)arg;
}

static struct debit debit_of(const char *counter, enum scope_kind scope, const char *value, struct window window,
                             amount cost, amount max)
{
    return (struct debit){ .key = { scope, str_from_c(value), STR("stripe"), str_from_c(counter), window },
                           .cost = cost, .max = max };
}

static const struct window day = { WINDOW_SECONDS, 86400, WINDOW_FIXED }, sliding = { WINDOW_SECONDS, 60, WINDOW_SLIDING },
                           flight = { .kind = WINDOW_CONCURRENT };

static bool over(struct debit debit)
{
    struct admit_result result;
    int error = admit_try(&h, 99, &debit, &result);
    assert_true(error == 0 || result.what == ADMIT_OVER);
    return error != 0;
}

static void settle(struct admission *admission)
{
    store_settle(h.store, admission, OUTCOME_ok, REASON_answered, false);
}

/* Amounts to the last digit, values of arguments, moments of sliding windows: all of one call or none. */
static void what_was_used_is_used_after_a_restart(void **state)
{
    (void)state;
    amount cent = AMOUNT_ONE / 100;
    struct debit debits[] = { debit_of("spent", SCOPE_GRANT, "g1", day, 3333 * cent + 1, 10000 * cent),
                              debit_of("spent", SCOPE_GRANT, "parent", day, 3333 * cent + 1, 10000 * cent),
                              debit_of("mails", SCOPE_ARGS, "\"\x01 odd\"", sliding, AMOUNT_ONE, 3 * AMOUNT_ONE) };
    for (unsigned i = 0; i < 2; i++) {
        settle(admit_one(&h, i + 1, debits, ARRAY_LEN(debits)));
        h.clock.wall += 1000;
    }
    for (int restart = 0; restart < 3; restart++) {
        struct debit one = debits[1];
        one.cost = 3334 * cent;
        assert_true(over(one));
        one.cost -= 2;
        assert_false(over(one));
        assert_false(over(debits[2]));
        struct debit two = debits[2];
        two.max = 2 * AMOUNT_ONE;
        assert_true(over(two));
        two.key.scope_value = STR("\"\x01 odd");
        assert_false(over(two));
        reopen();
    }
    h.clock.wall = NOON + 60000; /* the first of the two has left the window, the second has not */
    debits[2].max = 2 * AMOUNT_ONE;
    assert_false(over(debits[2]));
    debits[2].max = AMOUNT_ONE;
    assert_true(over(debits[2]));
}

static void nothing_is_in_flight_after_a_restart(void **state)
{
    (void)state;
    struct debit debit = debit_of("tool", SCOPE_GRANT, "g1", flight, AMOUNT_ONE, AMOUNT_ONE);
    struct admission *admission = admit_one(&h, 1, &debit, 1);
    struct admit_result result;
    assert_int_equal(admit_try(&h, 2, &debit, &result), E_LIMIT);
    assert_int_equal(result.reason, REASON_concurrent);
    settle(admission);
    assert_false(over(debit));
    (void)admit_one(&h, 3, &debit, 1);
    reopen();
    assert_false(over(debit));
}

/* Taken before a reset, given back behind it: neither now nor after a restart is anything free by that. */
static void a_reset_is_not_undone_by_what_comes_back(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", SCOPE_GRANT, "g1", day, AMOUNT_ONE, AMOUNT_ONE);
    const struct counter_view view = { .key = debit.key, .used = AMOUNT_ONE };
    struct admission *before = admit_one(&h, 1, &debit, 1);
    int done = 0;
    assert_int_equal(store_limits_reset(h.store, &view, 1, act_done, &done), 0);
    harness_until(&h, &done, 1);
    struct admission *after = admit_one(&h, 2, &debit, 1);
    store_settle(h.store, before, OUTCOME_not_sent, REASON_cancelled, true);
    assert_true(over(debit));
    settle(after);
    reopen();
    assert_true(over(debit));
}

static void make(struct grant *grant, const char *label, struct str parent, char token[GRANT_TOKEN_MAX])
{
    int done = 0;
    *grant = (struct grant){ .label = str_from_c(label), .created_ms = NOON, .parent = parent };
    grant_make(grant, token);
    assert_int_equal(store_grant_put(h.store, grant, act_done, &done), 0);
    harness_until(&h, &done, 1);
}

static void a_family_ends_together(void **state)
{
    (void)state;
    struct grant parent, child, grandchild, other;
    const struct grant *above[LIMIT_grant_depth];
    char tokens[4][GRANT_TOKEN_MAX];
    size_t count;
    int done = 0;
    make(&parent, "parent", STR_EMPTY, tokens[0]);
    make(&child, "child", parent.id, tokens[1]);
    make(&grandchild, "grandchild", child.id, tokens[2]);
    make(&other, "other", STR_EMPTY, tokens[3]);
    reopen();
    assert_int_equal(store_grant_ancestors(h.store, store_grant(h.store, grandchild.id), NOON, above, &count), 0);
    assert_int_equal(count, 2);
    assert_true(str_eq(above[0]->id, child.id) && str_eq(above[1]->id, parent.id));
    assert_int_equal(store_grant_revoke(h.store, parent.id, act_done, &done), 0);
    for (int restart = 0; restart < 2; restart++) {
        assert_false(grant_is_live(store_grant(h.store, parent.id), NOON));
        assert_false(grant_is_live(store_grant(h.store, child.id), NOON));
        assert_false(grant_is_live(store_grant(h.store, grandchild.id), NOON));
        assert_true(grant_is_live(store_grant(h.store, other.id), NOON));
        assert_int_equal(store_grant_ancestors(h.store, store_grant(h.store, grandchild.id), NOON, above, &count), E_NOT_FOUND);
        if (restart == 0) {
            harness_until(&h, &done, 1);
            reopen();
        }
    }
    assert_int_equal(count_records(&h, RECORD_REVOKED), 3);
}

/* The parent's record alone, as a crash between the two would leave it, ends the children. */
static void a_child_does_not_outlive_its_parents_record(void **state)
{
    (void)state;
    struct state memory;
    struct replay replay;
    struct buf blob;
    struct grant grants[2] = { { .label = STR("parent") }, { .label = STR("child") } };
    char tokens[2][GRANT_TOKEN_MAX];
    assert_int_equal(state_init(&memory), 0);
    state_replay_begin(&replay, &memory);
    buf_init(&blob, 4096);
    for (int i = 0; i < 2; i++) {
        grant_make(&grants[i], tokens[i]);
        grants[1].parent = grants[0].id;
        buf_reset(&blob);
        grant_write(&grants[i], &blob);
        struct record put = { .kind = RECORD_GRANT, .grant = grants[i].id, .blob = buf_str(&blob) };
        assert_int_equal(state_replay(&replay, &put), 0);
    }
    struct record revoked = { .kind = RECORD_REVOKED, .at_ms = 7, .grant = grants[0].id };
    assert_int_equal(state_replay(&replay, &revoked), 0);
    assert_true(state_grant(&memory, grants[1].id)->grant.revoked_ms == 7);
    state_replay_end(&replay);
    state_release(&memory);
    buf_release(&blob);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_used_is_used_after_a_restart),
        TEST(nothing_is_in_flight_after_a_restart),
        TEST(a_reset_is_not_undone_by_what_comes_back),
        TEST(a_family_ends_together),
        cmocka_unit_test(a_child_does_not_outlive_its_parents_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
