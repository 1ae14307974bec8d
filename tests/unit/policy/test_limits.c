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

/* What a call takes, and from whom, where the arguments say it. The text in `value` is the counter's identity. */
static void test_arguments(void **state)
{
    static const struct { const char *args, *value, *cost, *why; } rows[] = {
        { "{'to':'a@b','n':1}", "\"a@b\"", "1", NULL },
        { "{'to':'1','n':1.50}", "\"1\"", "1.5", NULL },
        { "{'to':1,'n':0.000000001}", "1", "0.000000001", NULL },
        { "{'to':1.0,'n':1e3}", "1", "1000", NULL },
        { "{'to':10e-1,'n':12345678901234}", "1", "12345678901234", NULL },
        { "{'to':-0.0,'n':1}", "0", "1", NULL },
        { "{'to':1e300,'n':1}", "1e300", "1", NULL },
        { "{'to':10e299,'n':1}", "1e300", "1", NULL },
        { "{'to':-25e-3,'n':1}", "-0.025", "1", NULL },
        { "{'to':true,'n':1}", "true", "1", NULL },
        { "{'to':'true','n':1}", "\"true\"", "1", NULL },
        { "{'to':'','n':1}", "\"\"", "1", NULL },
        { "{'n':1}", NULL, NULL, "args.to cannot be counted: it is nothing." },
        { "{'to':null,'n':1}", NULL, NULL, "args.to cannot be counted: it is nothing." },
        { "{'to':['a'],'n':1}", NULL, NULL, "args.to cannot be counted: it is an array." },
        { "{'to':{'x':1},'n':1}", NULL, NULL, "args.to cannot be counted: it is an object." },
        { "{'to':'a'}", NULL, NULL, "args.n cannot be counted: it is nothing." },
        { "{'to':'a','n':'1'}", NULL, NULL, "args.n cannot be counted: it is a string." },
        { "{'to':'a','n':true}", NULL, NULL, "args.n cannot be counted: it is a boolean." },
        { "{'to':'a','n':0}", NULL, NULL, "args.n cannot be counted: it is not above 0" },
        { "{'to':'a','n':-5}", NULL, NULL, "args.n cannot be counted: it is not above 0" },
        { "{'to':'a','n':0.0000000001}", NULL, NULL, "args.n cannot be counted: it is not above 0" },
        { "{'to':'a','n':1e29}", NULL, NULL, "args.n cannot be counted: it is not above 0" },
        { "{'to':'a','n':[1]}", NULL, NULL, "args.n cannot be counted: it is an array." },
    };
    struct rig rig;
    (void)state;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'pay':{'limits':[{'counter':'c','window':'day','max':99.5,"
                   "'scope':'args.to','cost':'args.n','on_deny':'Enough.'}]}}}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct decision *d = rig_call(&rig, "pay", rows[i].args);
        char cost[48];
        if (rows[i].why != NULL) {
            assert_int_equal(d->verdict, VERDICT_DENY);
            assert_int_equal(d->reason, REASON_invalid_arguments);
            assert_true(str_eq(d->rule, STR("/tools/pay/limits/0")));
            assert_true(str_starts_with(d->message, str_from_c(rows[i].why)));
            assert_int_equal(d->debit_count, 0);
            continue;
        }
        assert_int_equal(d->verdict, VERDICT_ALLOW);
        assert_int_equal(d->debit_count, 1);
        assert_int_equal(d->debits[0].key.scope, SCOPE_ARGS);
        if (!str_eq(d->debits[0].key.scope_value, str_from_c(rows[i].value)))
            fail_msg("%s: %.*s", rows[i].args, (int)d->debits[0].key.scope_value.len, d->debits[0].key.scope_value.ptr);
        amount_print(d->debits[0].cost, cost);
        assert_string_equal(cost, rows[i].cost);
        assert_false(d->debits[0].counts_calls);
    }
    rig_call(&rig, "pay", NULL);
    assert_int_equal(rig.decision.reason, REASON_invalid_arguments);
    rig_release(&rig);
}

/* Paths of several steps; a limit that only counts by an argument tells its figures. */
static void test_argument_paths(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'pay':{'limits':[{'counter':'c','window':'day','max':5,"
                   "'scope':'args.to[1].id'}]}}}");
    const struct decision *d = rig_call(&rig, "pay", "{'to':[0,{'id':7}]}");
    assert_int_equal(d->verdict, VERDICT_ALLOW);
    assert_true(str_eq(d->debits[0].key.scope_value, STR("7")));
    assert_true(d->debits[0].counts_calls);
    assert_int_equal(rig_call(&rig, "pay", "{'to':[0]}")->reason, REASON_invalid_arguments);
    assert_int_equal(rig_call(&rig, "pay", "{'to':{'id':7}}")->reason, REASON_invalid_arguments);
    assert_int_equal(rig_call(&rig, "pay", "{'to':'x'}")->reason, REASON_invalid_arguments);
    rig_release(&rig);
}

static void test_sliding_concurrent_timeout(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'allow','all_tools':{'concurrent':5},'tools':{"
                   "'a':{'limits':[{'counter':'c','window':'15m','max':1000,'algorithm':'sliding'}],'concurrent':2,'timeout':'90s'},"
                   "'p_*':{'concurrent':3,'rate_limit':'2/minute','timeout':7}}}");
    const struct decision *d = rig_call(&rig, "a", "{}");
    assert_int_equal(d->debit_count, 3);
    assert_int_equal(d->timeout_ms, 90000);
    expect_key(&d->debits[0], SCOPE_GRANT, "g1", "pay", "a"); /* calls in flight are told apart by server, grant, tool */
    expect_rule(&d->debits[0], "/all_tools/concurrent", 5);
    assert_int_equal(d->debits[0].key.window.kind, WINDOW_CONCURRENT);
    expect_rule(&d->debits[1], "/tools/a/limits/0", 1000);
    assert_int_equal(d->debits[1].key.window.kind, WINDOW_SECONDS);
    assert_int_equal(d->debits[1].key.window.seconds, 900);
    assert_int_equal(d->debits[1].key.window.algorithm, WINDOW_SLIDING);
    expect_key(&d->debits[2], SCOPE_GRANT, "g1", "pay", "a");
    expect_rule(&d->debits[2], "/tools/a/concurrent", 2);
    d = rig_call(&rig, "p_x", "{}");
    assert_int_equal(d->debit_count, 3);
    assert_int_equal(d->timeout_ms, 7000);
    expect_key(&d->debits[0], SCOPE_GRANT, "g1", "pay", "p_x");
    expect_key(&d->debits[1], SCOPE_GRANT, "g1", "pay", "p_x_rate");
    expect_key(&d->debits[2], SCOPE_GRANT, "g1", "pay", "p_x");
    d = rig_call(&rig, "other", "{}");
    assert_int_equal(d->debit_count, 1);
    assert_int_equal(d->timeout_ms, 0);
    assert_int_equal(rig_list(&rig, "a")->outlook, OUTLOOK_LIMITED);
    rig_release(&rig);
}

/* What a child grant is counted in, its ancestors are too; sessions, servers and arguments are nobody's child. */
static void test_ancestors(void **state)
{
    (void)state;
    struct rig rig;
    struct grant parent = { .id = STR("p1") }, root = { .id = STR("r1") };
    const struct grant *ancestors[] = { &parent, &root };
    rig_init(&rig);
    rig.question.ancestors = ancestors;
    rig.question.ancestor_count = 2;
    rig_load(&rig, "{'version':'1','default':'allow','tools':{'a':{'limits':[{'counter':'c','window':'day','max':5,'cost':'args.n'},"
                   "{'counter':'s','window':'day','max':5,'scope':'session'},{'counter':'g','window':'day','max':5,'scope':'global'},"
                   "{'counter':'v','window':'day','max':5,'scope':'args.n'}],'concurrent':2}}}");
    const struct decision *d = rig_call(&rig, "a", "{'n':2}");
    static const struct { enum scope_kind scope; const char *value, *counter; } wanted[] = {
        { SCOPE_GRANT, "g1", "c" }, { SCOPE_GRANT, "p1", "c" }, { SCOPE_GRANT, "r1", "c" },
        { SCOPE_SESSION, "s1", "s" }, { SCOPE_GLOBAL, "", "g" }, { SCOPE_ARGS, "2", "v" },
        { SCOPE_GRANT, "g1", "a" }, { SCOPE_GRANT, "p1", "a" }, { SCOPE_GRANT, "r1", "a" },
    };
    assert_int_equal(d->debit_count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_int_equal(d->debits[i].key.scope, wanted[i].scope);
        assert_true(str_eq(d->debits[i].key.scope_value, str_from_c(wanted[i].value)));
        assert_true(str_eq(d->debits[i].key.counter, str_from_c(wanted[i].counter)));
        assert_true(d->debits[i].cost == (i < 3 ? 2 : 1) * AMOUNT_ONE);
    }
    rig.question.session = STR_EMPTY;
    assert_int_equal(rig_call(&rig, "a", "{'n':2}")->debit_count, ARRAY_LEN(wanted) + 2);
    rig_release(&rig);
}

/* For people: which maximum a counter is held to. */
static void test_limit_of(void **state)
{
    (void)state;
    struct rig rig;
    struct policy_limit limit;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'allow','all_tools':{'concurrent':9,'limits':[{'counter':'c','window':'day','max':7}]},"
                   "'tools':{'a':{'limits':[{'counter':'c','window':'1d','max':5}],'concurrent':3},'b':{'limits':[{'counter':'c','window':'day','max':6}]},"
                   "'p_*':{'rate_limit':'2/minute'},'x':{'limits':[{'counter':'v','window':'hour','max':4,'scope':'args.to','algorithm':'sliding'}]},"
                   "'pay':{'limits':[{'counter':'s','window':'hour','max':100,'cost':'args.n','scope':'args.to[0]'}]}}}");
    const struct window day = { WINDOW_SECONDS, 86400, WINDOW_FIXED }, minute = { WINDOW_SECONDS, 60, WINDOW_FIXED },
                        hour = { WINDOW_SECONDS, 3600, WINDOW_SLIDING }, flight = { .kind = WINDOW_CONCURRENT };
    const struct pinned_class unknown = { .known = false };
    struct counter_key key = { SCOPE_GRANT, STR("g1"), STR("pay"), STR("c"), day };
    assert_true(policy_limit_of(rig.policy, &key, &unknown, &limit) && limit.max == 5 * AMOUNT_ONE);
    key.scope = SCOPE_SERVER;
    assert_false(policy_limit_of(rig.policy, &key, &unknown, &limit));
    key = (struct counter_key){ SCOPE_GRANT, STR("g1"), STR("pay"), STR("p_q_rate"), minute };
    assert_true(policy_limit_of(rig.policy, &key, &unknown, &limit) && limit.max == 2 * AMOUNT_ONE);
    key.counter = STR("q_rate");
    assert_false(policy_limit_of(rig.policy, &key, &unknown, &limit));
    key = (struct counter_key){ SCOPE_ARGS, STR("\"u\""), STR("pay"), STR("v"), hour };
    assert_true(policy_limit_of(rig.policy, &key, &unknown, &limit) && limit.max == 4 * AMOUNT_ONE);
    key = (struct counter_key){ SCOPE_GRANT, STR("g1"), STR("pay"), STR("a"), flight };
    assert_true(policy_limit_of(rig.policy, &key, &unknown, &limit) && limit.max == 3 * AMOUNT_ONE);
    key.counter = STR("other");
    assert_true(policy_limit_of(rig.policy, &key, &unknown, &limit) && limit.max == 9 * AMOUNT_ONE);
    assert_true(limit.by.len == 0 && limit.cost.len == 0);
    key = (struct counter_key){ SCOPE_ARGS, STR("\"u\""), STR("pay"), STR("s"), { WINDOW_SECONDS, 3600, WINDOW_FIXED } };
    assert_true(policy_limit_of(rig.policy, &key, &unknown, &limit) && limit.max == 100 * AMOUNT_ONE);
    assert_true(str_eq(limit.by, STR("args.to[0]")) && str_eq(limit.cost, STR("args.n")));
    rig_release(&rig);
}

/* What an agent reads of each kind where the policy has no words of its own. */
static void test_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "The limit of calls is reached.",
        "The limit of calls for this args.to is reached.",
        "With this call the sum of args.n would pass its limit.",
        "With this call the sum of args.n for this args.to would pass its limit.",
        "Enough.",
        "The limit of calls is reached.",
        "", /* the reason `concurrent` has its own */
    };
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'pay':{'limits':[{'counter':'a','window':'day','max':9},"
                   "{'counter':'b','window':'total','max':9,'scope':'args.to'},{'counter':'c','window':'day','max':9,'cost':'args.n'},"
                   "{'counter':'d','window':'1h','max':9,'cost':'args.n','scope':'args.to'},"
                   "{'counter':'e','window':'1h','max':9,'cost':'args.n','on_deny':'Enough.'}],"
                   "'rate_limit':{'max':3,'window':60,'scope':'session'},'concurrent':2}}}");
    const struct decision *d = rig_call(&rig, "pay", "{'n':2.5,'to':'u'}");
    assert_int_equal(d->debit_count, ARRAY_LEN(texts));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!str_eq(d->debits[i].message, str_from_c(texts[i])))
            fail_msg("%zu: %.*s", i, (int)d->debits[i].message.len, d->debits[i].message.ptr);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_debits),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_argument_paths),
        cmocka_unit_test(test_sliding_concurrent_timeout),
        cmocka_unit_test(test_ancestors),
        cmocka_unit_test(test_limit_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
