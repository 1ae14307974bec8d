/* Reservations: all or nothing, in the right window, whatever the clock does. */
#include "model/counters.h"

#include "base/check.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define NOON INT64_C(1767268800000) /* 2026-01-01T12:00:00Z */
#define MINUTE INT64_C(60000)

static struct counters *counters;
static struct over over;

static int setup(void **state)
{
    (void)state;
    return counters_new(&counters);
}

static int teardown(void **state)
{
    (void)state;
    counters_free(counters);
    return 0;
}

static struct debit debit_of(const char *name, struct window window, unsigned cost, unsigned max)
{
    return (struct debit){ .key = { SCOPE_GRANT, STR("g1"), STR("stripe"), str_from_c(name), window },
                           .cost = cost * AMOUNT_ONE, .max = max * AMOUNT_ONE, .counts_calls = true };
}

static const struct window minute = { WINDOW_SECONDS, 60, WINDOW_FIXED };
static const struct window sliding = { WINDOW_SECONDS, 60, WINDOW_SLIDING };
static const struct window total = { WINDOW_TOTAL, 0, WINDOW_FIXED };
static const struct window concurrent = { WINDOW_CONCURRENT, 0, WINDOW_FIXED };

static int reserve_at(const struct debit *debit, int64_t now_ms)
{
    struct reservation taken;
    return counters_reserve(counters, debit, 1, now_ms, &taken, &over);
}

static void a_window_takes_its_maximum(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", minute, 1, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(reserve_at(&debit, NOON + i), 0);
    assert_int_equal(reserve_at(&debit, NOON + 59999), E_LIMIT);
    assert_true(over.used == 3 * AMOUNT_ONE);
    assert_true(over.resets_ms == NOON + MINUTE);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), 0);
}

static void a_refused_call_takes_nothing(void **state)
{
    (void)state;
    struct debit debits[] = { debit_of("a", minute, 1, 5), debit_of("b", minute, 1, 1), debit_of("c", minute, 1, 5) };
    struct reservation taken[3];
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), E_LIMIT);
        assert_int_equal(over.debit, 1);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(reserve_at(&debits[0], NOON), 0);
        assert_int_equal(reserve_at(&debits[2], NOON), 0);
    }
    assert_int_equal(reserve_at(&debits[0], NOON), E_LIMIT);
}

static void a_refused_call_leaves_no_counter(void **state)
{
    (void)state;
    struct debit debits[] = { debit_of("fresh", minute, 1, 5), debit_of("full", minute, 1, 0) };
    struct reservation taken[2];
    assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), E_LIMIT);
    assert_true(over.resets_ms == INT64_MAX); /* 1 never fits into 0 */
    assert_int_equal(counters_count(counters), 0);
}

static void one_identity_is_debited_once_and_meets_every_maximum(void **state)
{
    (void)state;
    struct debit debits[] = { debit_of("calls", minute, 1, 10), debit_of("calls", minute, 1, 2) };
    struct reservation taken[2];
    assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), 0);
    assert_false(taken[0].joined);
    assert_true(taken[1].joined);
    assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), 0);
    assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), E_LIMIT);
    assert_int_equal(over.debit, 1);
    assert_true(over.used == 2 * AMOUNT_ONE);
    counters_give_back(counters, debits, 2, taken);
    assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), 0);
    assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), E_LIMIT);
}

static void given_back_late_it_changes_nothing(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", minute, 1, 1);
    struct reservation first, second;
    assert_int_equal(counters_reserve(counters, &debit, 1, NOON, &first, &over), 0);
    counters_give_back(counters, &debit, 1, &first);
    assert_int_equal(counters_reserve(counters, &debit, 1, NOON + 1, &first, &over), 0);
    assert_int_equal(counters_reserve(counters, &debit, 1, NOON + MINUTE, &second, &over), 0);
    counters_give_back(counters, &debit, 1, &first);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE + 1), E_LIMIT);
}

static void a_clock_that_runs_back_opens_no_window_again(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", minute, 1, 1);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), 0);
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    assert_true(over.resets_ms == NOON + 2 * MINUTE);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE + 1), E_LIMIT);
    assert_int_equal(reserve_at(&debit, NOON + 2 * MINUTE), 0);
}

static void an_expired_window_stays_closed(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", minute, 1, 1);
    assert_int_equal(reserve_at(&debit, NOON), 0);
    counters_expire(counters, NOON + 10 * MINUTE);
    assert_int_equal(counters_count(counters), 0);
    assert_true(counters_floor_ms(counters) == NOON + 10 * MINUTE);
    assert_int_equal(reserve_at(&debit, NOON), 0); /* counted in the window of NOON + 10 minutes */
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    assert_true(over.resets_ms == NOON + 11 * MINUTE);
    assert_int_equal(reserve_at(&debit, NOON + 10 * MINUTE + 1), E_LIMIT);
}

static void sliding_holds_in_any_interval(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", sliding, 1, 2);
    assert_int_equal(reserve_at(&debit, NOON + 50000), 0);
    assert_int_equal(reserve_at(&debit, NOON + 59000), 0);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), E_LIMIT); /* a fixed window would have begun anew */
    assert_true(over.used == 2 * AMOUNT_ONE);
    assert_true(over.resets_ms == NOON + 50000 + MINUTE);
    assert_int_equal(reserve_at(&debit, NOON + 50000 + MINUTE - 1), E_LIMIT);
    assert_int_equal(reserve_at(&debit, NOON + 50000 + MINUTE), 0);
    assert_int_equal(reserve_at(&debit, NOON + 50000 + MINUTE), E_LIMIT);
    assert_true(over.resets_ms == NOON + 59000 + MINUTE);
}

static void sliding_gives_back_its_own_moment(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", sliding, 1, 3);
    struct reservation taken[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(counters_reserve(counters, &debit, 1, NOON + i * 1000, &taken[i], &over), 0);
    counters_give_back(counters, &debit, 1, &taken[1]);
    assert_int_equal(reserve_at(&debit, NOON + 3000), 0);
    assert_int_equal(reserve_at(&debit, NOON + 3000), E_LIMIT);
    assert_true(over.resets_ms == NOON + MINUTE);
    counters_give_back(counters, &debit, 1, &taken[1]); /* it is gone already */
    assert_int_equal(reserve_at(&debit, NOON + 3000), E_LIMIT);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), 0);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), E_LIMIT);
    assert_true(over.resets_ms == NOON + MINUTE + 2000);
}

static void sliding_stays_at_its_highest_moment(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", sliding, 1, 1);
    assert_int_equal(reserve_at(&debit, NOON), 0);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), 0);
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    assert_true(over.resets_ms == NOON + 2 * MINUTE);
}

static void total_never_resets(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", total, 1, 1);
    assert_int_equal(reserve_at(&debit, NOON), 0);
    assert_int_equal(reserve_at(&debit, NOON + 365 * 24 * 60 * MINUTE), E_LIMIT);
    assert_true(over.resets_ms == INT64_MAX);
    counters_expire(counters, NOON + 365 * 24 * 60 * MINUTE);
    assert_int_equal(reserve_at(&debit, NOON + 365 * 24 * 60 * MINUTE), E_LIMIT);
    counters_reset(counters, &debit.key);
    assert_int_equal(reserve_at(&debit, NOON), 0);
}

static void concurrent_is_released_by_the_end(void **state)
{
    (void)state;
    struct debit debits[] = { debit_of("calls", concurrent, 1, 2), debit_of("calls", concurrent, 1, 3),
                              debit_of("day", minute, 1, 100) };
    struct reservation taken[3];
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), 0);
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), 0);
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), E_LIMIT);
    assert_int_equal(over.debit, 0);
    assert_true(over.resets_ms == INT64_MAX);
    counters_release(counters, debits, 3);
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), 0);
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), E_LIMIT);
    counters_give_back(counters, debits, 3, taken);
    assert_int_equal(counters_reserve(counters, debits, 3, NOON, taken, &over), 0);
}

static void costs_add_up_to_the_digit(void **state)
{
    (void)state;
    struct debit debit = debit_of("amount", minute, 0, 1);
    debit.cost = 1; /* 0.000000001 */
    debit.max = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(reserve_at(&debit, NOON), 0);
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    assert_true(over.used == 3);
}

static void a_sum_that_overflows_does_not_fit(void **state)
{
    (void)state;
    struct debit debit = debit_of("amount", minute, 0, 0);
    amount limit = 1; /* of 38 digits */
    for (int i = 0; i < 38; i++)
        limit *= 10;
    debit.max = ~(amount)0;
    debit.cost = limit - 2;
    assert_int_equal(reserve_at(&debit, NOON), 0);
    debit.cost = 5;
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    debit.cost = 1;
    assert_int_equal(reserve_at(&debit, NOON), 0);
}

static struct debit debit_of_value(char *text, size_t size, int value, unsigned max)
{
    struct debit debit = debit_of("mails", minute, 1, max);
    debit.key.scope = SCOPE_ARGS;
    debit.key.scope_value = str_of(text, (size_t)snprintf(text, size, "to-%d", value));
    return debit;
}

static void values_have_a_ceiling(void **state)
{
    (void)state;
    char text[32];
    for (int i = 0; i < LIMIT_counter_values; i++) {
        struct debit debit = debit_of_value(text, sizeof text, i, 1);
        assert_int_equal(reserve_at(&debit, NOON), 0);
    }
    struct debit more = debit_of_value(text, sizeof text, LIMIT_counter_values, 1);
    assert_int_equal(reserve_at(&more, NOON), E_LIMIT);
    assert_true(over.full);
    struct debit known = debit_of_value(text, sizeof text, 7, 2);
    assert_int_equal(reserve_at(&known, NOON), 0);
    struct debit another_counter = debit_of("calls", minute, 1, 1);
    assert_int_equal(reserve_at(&another_counter, NOON), 0);
    more = debit_of_value(text, sizeof text, LIMIT_counter_values, 1);
    assert_int_equal(reserve_at(&more, NOON + MINUTE), 0); /* the old window's values made room */
}

static void a_key_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static char value[LIMIT_counter_key + 1];
    struct debit debit = debit_of("mails", minute, 1, 1);
    debit.key.scope = SCOPE_ARGS;
    debit.key.scope_value = str_of(value, sizeof value);
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    assert_true(over.full);
    debit.key.scope_value = STR("short");
    assert_int_equal(reserve_at(&debit, NOON), 0);
}

struct seen { int count; amount used; int64_t window_ms; };

static int see(void *arg, const struct counter_key *key, amount used, int64_t window_ms)
{
    struct seen *seen = arg;
    assert_true(str_eq(key->counter, STR("calls")));
    seen->count++;
    seen->used = used;
    seen->window_ms = window_ms;
    return counters_replay(counters, key, used, window_ms);
}

/* What counters_each tells is enough to go on after a restart, and not more is allowed then. */
static void replayed_counters_go_on(void **state)
{
    (void)state;
    const struct window windows[] = { minute, sliding, total, { WINDOW_MONTH, 0, WINDOW_FIXED } };
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        struct counters *before = counters;
        assert_int_equal(counters_new(&before), 0);
        struct debit debit = debit_of("calls", windows[i], 1, 3);
        struct reservation taken;
        assert_int_equal(counters_reserve(before, &debit, 1, NOON, &taken, &over), 0);
        assert_int_equal(counters_reserve(before, &debit, 1, NOON + 1, &taken, &over), 0);
        struct seen seen = { 0 };
        assert_int_equal(counters_each(before, see, &seen), 0);
        assert_int_equal(seen.count, windows[i].algorithm == WINDOW_SLIDING ? 2 : 1);
        counters_free(before);
        assert_int_equal(reserve_at(&debit, NOON + 2), 0);
        assert_int_equal(reserve_at(&debit, NOON + 3), E_LIMIT);
        assert_int_equal(counters_replay_back(counters, &debit.key, AMOUNT_ONE, taken.window_ms), 0);
        assert_int_equal(reserve_at(&debit, NOON + 4), 0);
        assert_int_equal(reserve_at(&debit, NOON + 5), E_LIMIT);
    }
}

static void replay_goes_forward_only(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", minute, 1, 2);
    assert_int_equal(counters_replay(counters, &debit.key, AMOUNT_ONE, NOON + MINUTE), 0);
    assert_int_equal(counters_replay(counters, &debit.key, AMOUNT_ONE, NOON), 0);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), 0);
    assert_int_equal(reserve_at(&debit, NOON + MINUTE), E_LIMIT);
    assert_int_equal(counters_replay(counters, &debit.key, AMOUNT_ONE, INT64_MAX), E_INVALID);
}

/* A reset forgets what was taken before it: a call of then that comes back gives nothing to those of now. */
static void a_reset_is_not_undone_by_what_comes_back(void **state)
{
    (void)state;
    const struct window windows[] = { minute, sliding, total };
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        struct debit debit = debit_of("calls", windows[i], 1, 1);
        struct reservation before, after;
        assert_int_equal(counters_reserve(counters, &debit, 1, NOON, &before, &over), 0);
        counters_reset(counters, &debit.key);
        assert_int_equal(counters_reserve(counters, &debit, 1, NOON, &after, &over), 0);
        counters_settle_resets(counters, &debit, 1, &after);
        assert_false(after.joined);
        struct reservation copy = before;
        counters_give_back(counters, &debit, 1, &copy);
        assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
        counters_settle_resets(counters, &debit, 1, &before);
        assert_true(before.joined); /* so that the record of it says nothing that a replay would undo */
        counters_give_back(counters, &debit, 1, &after);
        assert_int_equal(reserve_at(&debit, NOON), 0);
    }
}

static void what_is_in_flight_is_not_reset(void **state)
{
    (void)state;
    struct debit debit = debit_of("calls", concurrent, 1, 1);
    assert_int_equal(reserve_at(&debit, NOON), 0);
    counters_reset(counters, &debit.key);
    assert_int_equal(reserve_at(&debit, NOON), E_LIMIT);
    counters_release(counters, &debit, 1);
    assert_int_equal(reserve_at(&debit, NOON), 0);
}

/* The dearer of two takes, whichever comes first, and both maxima hold for it. */
static void one_identity_takes_the_greater_cost(void **state)
{
    (void)state;
    for (int swap = 0; swap < 2; swap++) {
        struct debit debits[] = { debit_of(swap ? "x" : "y", minute, 1, 10), debit_of(swap ? "x" : "y", minute, 3, 7) };
        struct reservation taken[2];
        if (swap) {
            struct debit first = debits[0];
            debits[0] = debits[1];
            debits[1] = first;
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), 0);
        assert_int_equal(taken[swap].joined, true);
        assert_int_equal(counters_reserve(counters, debits, 2, NOON, taken, &over), E_LIMIT);
        assert_true(over.used == 6 * AMOUNT_ONE);
    }
}

struct views { int count; struct counter_view last; };

static int view(void *arg, const struct counter_view *one)
{
    struct views *views = arg;
    views->count++;
    views->last = *one;
    return 0;
}

static void a_view_shows_what_still_counts(void **state)
{
    (void)state;
    struct debit fixed = debit_of("calls", minute, 1, 5), slides = debit_of("calls", sliding, 1, 5);
    struct views views = { 0 };
    assert_int_equal(reserve_at(&fixed, NOON + 1000), 0);
    assert_int_equal(counters_view(counters, NOON + MINUTE - 1, view, &views), 0);
    assert_int_equal(views.count, 1);
    assert_true(views.last.used == AMOUNT_ONE && views.last.resets_ms == NOON + MINUTE);
    views.count = 0;
    assert_int_equal(counters_view(counters, NOON + MINUTE, view, &views), 0);
    assert_int_equal(views.count, 0);
    assert_int_equal(reserve_at(&slides, NOON + 1000), 0);
    assert_int_equal(reserve_at(&slides, NOON + 2000), 0);
    assert_int_equal(counters_view(counters, NOON + MINUTE + 999, view, &views), 0);
    assert_int_equal(views.count, 1);
    assert_true(views.last.used == 2 * AMOUNT_ONE && views.last.resets_ms == NOON + MINUTE + 1000);
    assert_int_equal(counters_view(counters, NOON + MINUTE + 1000, view, &views), 0);
    assert_true(views.last.used == AMOUNT_ONE && views.last.resets_ms == NOON + MINUTE + 2000);
    views.count = 0;
    assert_int_equal(counters_view(counters, NOON + MINUTE + 2000, view, &views), 0);
    assert_int_equal(views.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_window_takes_its_maximum),
        TEST(a_refused_call_takes_nothing),
        TEST(a_refused_call_leaves_no_counter),
        TEST(one_identity_is_debited_once_and_meets_every_maximum),
        TEST(given_back_late_it_changes_nothing),
        TEST(a_clock_that_runs_back_opens_no_window_again),
        TEST(an_expired_window_stays_closed),
        TEST(sliding_holds_in_any_interval),
        TEST(sliding_gives_back_its_own_moment),
        TEST(sliding_stays_at_its_highest_moment),
        TEST(total_never_resets),
        TEST(concurrent_is_released_by_the_end),
        TEST(costs_add_up_to_the_digit),
        TEST(a_sum_that_overflows_does_not_fit),
        TEST(values_have_a_ceiling),
        TEST(a_key_that_is_too_long_is_refused),
        TEST(replayed_counters_go_on),
        TEST(replay_goes_forward_only),
        TEST(a_reset_is_not_undone_by_what_comes_back),
        TEST(what_is_in_flight_is_not_reset),
        TEST(one_identity_takes_the_greater_cost),
        TEST(a_view_shows_what_still_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
