/* Limits: what a call debits, who is counted, and what the counters say when the clock moves. */
#include "rig.h"

#include "base/check.h"
#include "model/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define MINUTE INT64_C(60000)

static void expect_key(const struct debit *debit, enum scope_kind scope, const char *value, const char *server,
                       const char *counter)
{
    assert_int_equal(debit->key.scope, scope);
    assert_true(str_eq(debit->key.scope_value, str_from_c(value)));
    assert_true(str_eq(debit->key.server, str_from_c(server)));
    assert_true(str_eq(debit->key.counter, str_from_c(counter)));
    assert_true(debit->cost == AMOUNT_ONE);
    assert_true(debit->counts_calls);
}

static void expect_rule(const struct debit *debit, const char *rule, unsigned max)
{
    assert_true(str_eq(debit->rule, str_from_c(rule)));
    assert_true(debit->max == max * AMOUNT_ONE);
}

static void test_debits(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig,
             "{'version':'1','default':'allow','hints':false,'all_tools':{'limits':["
             "{'counter':'all','window':'hour','max':100,'scope':'global','on_deny':'Too many.'},"
             "{'counter':'srv','window':'week','max':50,'scope':'server'}]},"
             "'tools':{'a':{'limits':[{'counter':'c','window':'15m','max':5}],'rate_limit':'10/minute'},"
             "'p_*':{'rate_limit':{'max':3,'window':7,'scope':'session','on_deny':'Slower.'}},"
             "'q_*':{'limits':[{'counter':'q','window':'month','max':2,'scope':'session'}]},"
             "'n':{'action':'deny'}}}");
    const struct decision *d = rig_call(&rig, "a", "{}");
    assert_int_equal(d->debit_count, 4);
    expect_key(&d->debits[0], SCOPE_GLOBAL, "", "", "all");
    expect_rule(&d->debits[0], "/all_tools/limits/0", 100);
    assert_true(str_eq(d->debits[0].message, STR("Too many.")));
    assert_false(d->debits[0].hints);
    expect_key(&d->debits[1], SCOPE_SERVER, "pay", "pay", "srv");
    expect_rule(&d->debits[1], "/all_tools/limits/1", 50);
    assert_int_equal(d->debits[1].key.window.kind, WINDOW_WEEK);
    expect_key(&d->debits[2], SCOPE_GRANT, "g1", "pay", "c");
    expect_rule(&d->debits[2], "/tools/a/limits/0", 5);
    assert_int_equal(d->debits[2].key.window.kind, WINDOW_SECONDS);
    assert_int_equal(d->debits[2].key.window.seconds, 900);
    expect_key(&d->debits[3], SCOPE_GRANT, "g1", "pay", "a_rate");
    expect_rule(&d->debits[3], "/tools/a/rate_limit", 10);
    assert_int_equal(d->debits[3].key.window.seconds, 60);

    d = rig_call(&rig, "p_one", "{}"); /* rate_limit under a pattern makes one counter a tool */
    assert_int_equal(d->debit_count, 3);
    expect_key(&d->debits[2], SCOPE_SESSION, "s1", "pay", "p_one_rate");
    expect_rule(&d->debits[2], "/tools/p_*/rate_limit", 3);
    assert_int_equal(d->debits[2].key.window.seconds, 7);
    assert_true(str_eq(d->debits[2].message, STR("Slower.")));
    d = rig_call(&rig, "p_two", "{}");
    expect_key(&d->debits[2], SCOPE_SESSION, "s1", "pay", "p_two_rate");
    d = rig_call(&rig, "q_two", "{}"); /* limits under a pattern share theirs */
    expect_key(&d->debits[2], SCOPE_SESSION, "s1", "pay", "q");
    assert_int_equal(d->debits[2].key.window.kind, WINDOW_MONTH);

    rig.question.session = STR_EMPTY; /* a protocol without sessions: the grant is counted */
    d = rig_call(&rig, "q_two", "{}");
    expect_key(&d->debits[2], SCOPE_GRANT, "g1", "pay", "q");

    assert_int_equal(rig_call(&rig, "other", "{}")->debit_count, 2); /* the default allows; all_tools counts */
    assert_int_equal(rig_call(&rig, "n", "{}")->debit_count, 0);
    assert_int_equal(rig_list(&rig, "a")->debit_count, 0);
    rig_release(&rig);
}

/* Every way to write a window. */
static void test_windows(void **state)
{
    static const struct { const char *text; enum window_kind kind; unsigned seconds; } rows[] = {
        { "'second'", WINDOW_SECONDS, 1 },   { "'minute'", WINDOW_SECONDS, 60 }, { "'hour'", WINDOW_SECONDS, 3600 },
        { "'day'", WINDOW_SECONDS, 86400 },  { "'week'", WINDOW_WEEK, 0 },       { "'month'", WINDOW_MONTH, 0 },
        { "'total'", WINDOW_TOTAL, 0 },      { "1", WINDOW_SECONDS, 1 },         { "60", WINDOW_SECONDS, 60 },
        { "'1m'", WINDOW_SECONDS, 60 },      { "'15m'", WINDOW_SECONDS, 900 },   { "'6h'", WINDOW_SECONDS, 21600 },
        { "'2d'", WINDOW_SECONDS, 172800 },  { "604800", WINDOW_SECONDS, 604800 },
        { "315360000", WINDOW_SECONDS, 315360000 },
    };
    struct rig rig;
    (void)state;
    rig_init(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char policy[256];
        snprintf(policy, sizeof policy,
                 "{'version':'1','default':'allow','all_tools':{'limits':[{'counter':'c','window':%s,'max':1}]}}",
                 rows[i].text);
        rig_load(&rig, policy);
        const struct window *window = &rig_call(&rig, "t", "{}")->debits[0].key.window;
        assert_int_equal(window->kind, rows[i].kind);
        assert_int_equal(window->seconds, rows[i].seconds);
        assert_int_equal(window->algorithm, WINDOW_FIXED);
    }
    rig_release(&rig);
}

/* Decides and, if it is allowed, reserves: the in-memory ADMIT. -1: denied; else what is over, or how many were let. */
static bool call_at(struct rig *rig, struct counters *counters, const char *tool, int64_t now_ms, struct over *over)
{
    struct reservation taken[8];
    rig->question.now_ms = now_ms;
    const struct decision *decision = rig_call(rig, tool, "{}");
    assert_int_equal(decision->verdict, VERDICT_ALLOW);
    assert_true(decision->debit_count <= ARRAY_LEN(taken));
    int rc = counters_reserve(counters, decision->debits, decision->debit_count, now_ms, taken, over);
    assert_true(rc == 0 || rc == E_LIMIT);
    return rc == 0;
}

static unsigned calls_let(struct rig *rig, struct counters *counters, const char *tool, int64_t now_ms, unsigned tries)
{
    unsigned let = 0;
    struct over over;
    for (unsigned i = 0; i < tries; i++)
        let += call_at(rig, counters, tool, now_ms, &over);
    return let;
}

static void test_counting(void **state)
{
    (void)state;
    struct rig rig;
    struct counters *counters;
    struct over over;
    int64_t now = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */
    rig_init(&rig);
    assert_int_equal(counters_new(&counters), 0);
    rig_load(&rig, "{'version':'1','default':'deny','all_tools':{'limits':[{'counter':'all','window':'day','max':40}]},"
                   "'tools':{'a':{'limits':[{'counter':'s','window':'minute','max':5}]},"
                   "'b':{'limits':[{'counter':'s','window':'minute','max':3,'on_deny':'Shared.'}]},"
                   "'p_*':{'limits':[{'counter':'p','window':60,'max':4}]},"
                   "'r_*':{'rate_limit':'2/minute'},"
                   "'two':{'limits':[{'counter':'t','window':'minute','max':9},{'counter':'t','window':'1m','max':6}]}}}");
    assert_int_equal(calls_let(&rig, counters, "a", now, 2), 2);
    assert_int_equal(calls_let(&rig, counters, "b", now, 5), 1); /* one counter, two maxima */
    assert_false(call_at(&rig, counters, "b", now, &over));
    assert_true(str_eq(rig.decision.debits[over.debit].rule, STR("/tools/b/limits/0")));
    assert_true(str_eq(rig.decision.debits[over.debit].message, STR("Shared.")));
    assert_int_equal(over.resets_ms, now + MINUTE);
    assert_int_equal(calls_let(&rig, counters, "a", now, 9), 2);
    assert_int_equal(calls_let(&rig, counters, "p_x", now, 3), 3);
    assert_int_equal(calls_let(&rig, counters, "p_y", now, 3), 1);
    assert_int_equal(calls_let(&rig, counters, "r_x", now, 3), 2);
    assert_int_equal(calls_let(&rig, counters, "r_y", now, 3), 2);
    assert_int_equal(calls_let(&rig, counters, "two", now, 9), 6); /* debited once, held to both */
    rig.grant.id = STR("g2");
    assert_int_equal(calls_let(&rig, counters, "a", now, 9), 5); /* another grant, another count */
    rig.grant.id = STR("g1");
    /* 19 of 40 are used: the day's limit is what ends this, whichever tool */
    assert_int_equal(calls_let(&rig, counters, "a", now + MINUTE, 9), 5);
    assert_int_equal(calls_let(&rig, counters, "two", now + MINUTE, 9), 6);
    assert_int_equal(calls_let(&rig, counters, "p_x", now + MINUTE, 9), 4);
    assert_int_equal(calls_let(&rig, counters, "a", now + 2 * MINUTE, 9), 5);
    assert_int_equal(calls_let(&rig, counters, "two", now + 2 * MINUTE, 9), 1);
    assert_false(call_at(&rig, counters, "p_x", now + 2 * MINUTE, &over));
    assert_true(str_eq(rig.decision.debits[over.debit].rule, STR("/all_tools/limits/0")));
    counters_free(counters);
    rig_release(&rig);
}

/* The window rolls over; a clock that goes back stays in the highest window; one that jumps ahead opens a new one. */
static void test_clock(void **state)
{
    (void)state;
    struct rig rig;
    struct counters *counters;
    int64_t now = INT64_C(1767225600000);
    rig_init(&rig);
    assert_int_equal(counters_new(&counters), 0);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'a':{'rate_limit':'3/minute'}}}");
    assert_int_equal(calls_let(&rig, counters, "a", now + MINUTE - 1, 9), 3);
    assert_int_equal(calls_let(&rig, counters, "a", now + MINUTE, 9), 3);
    assert_int_equal(calls_let(&rig, counters, "a", now + MINUTE - 1, 9), 0);
    assert_int_equal(calls_let(&rig, counters, "a", now - 60 * MINUTE, 9), 0);
    assert_int_equal(calls_let(&rig, counters, "a", now + 2 * MINUTE, 2), 2);
    assert_int_equal(calls_let(&rig, counters, "a", now, 9), 1);
    assert_int_equal(calls_let(&rig, counters, "a", now + 600 * MINUTE, 9), 3);
    assert_int_equal(calls_let(&rig, counters, "a", now + 3 * MINUTE, 9), 0);
    counters_free(counters);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_debits),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
