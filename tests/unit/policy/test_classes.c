/* Classes as selectors and as a path: the table of classes.def, lists, limits, prompts, and what a server's names can
 * do about it. */
#include "rig.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct row {
    const char *policy, *class, *args;
    enum verdict verdict;
    enum reason reason;
    const char *rule;
};

static const struct row rows[] = {
#define POLICY(text) { .policy = text },
#define CALL(class, args, verdict, reason, rule) { NULL, class, args, VERDICT_##verdict, REASON_##reason, rule },
#include "classes.def"
#undef POLICY
#undef CALL
};

static void set_class(struct rig *rig, const char *word)
{
    struct pinned_class *class = &rig->question.class;
    class->known = class_of_word(str_from_c(word), &class->class);
    assert_true(class->known || word[0] == '?');
}

static void expect(const struct decision *decision, enum verdict verdict, enum reason reason, const char *rule)
{
    assert_int_equal(decision->verdict, verdict);
    assert_string_equal(reason_row(decision->reason)->name.ptr, reason_row(reason)->name.ptr);
    assert_true(str_eq(decision->rule, str_from_c(rule)));
}

static void test_rows(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].policy != NULL) {
            rig_load(&rig, rows[i].policy);
            continue;
        }
        set_class(&rig, rows[i].class);
        const struct decision *decision = rig_call(&rig, "t", rows[i].args);
        if (decision->reason != rows[i].reason || !str_eq(decision->rule, str_from_c(rows[i].rule)))
            print_message("row %zu: %s: %s %s\n", i, rows[i].class, reason_row(decision->reason)->name.ptr,
                          decision->rule.ptr);
        expect(decision, rows[i].verdict, rows[i].reason, rows[i].rule);
    }
    rig_release(&rig);
}

static void test_limits(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t*':{'rate_limit':'9/minute','timeout':'30s'},"
                   "'@write':{'rate_limit':'5/minute','timeout':'5s','limits':[{'counter':'writes','window':'hour','max':7}]},"
                   "'@read':{'rate_limit':'50/minute','timeout':'50s'}}}");
    set_class(&rig, "write");
    const struct decision *decision = rig_call(&rig, "t", "{}");
    expect(decision, VERDICT_ALLOW, REASON_allowed, "/tools/t*");
    assert_int_equal(decision->debit_count, 3);
    assert_true(decision->debits[0].max == 9 * AMOUNT_ONE && decision->debits[1].max == 7 * AMOUNT_ONE);
    assert_true(decision->debits[2].max == 5 * AMOUNT_ONE);
    assert_true(str_eq(decision->debits[0].key.counter, STR("t_rate"))); /* each tool its own, and the same for both */
    assert_true(str_eq(decision->debits[2].key.counter, STR("t_rate")));
    assert_true(str_eq(decision->debits[1].key.counter, STR("writes")));
    assert_int_equal(decision->timeout_ms, 5000);
    set_class(&rig, "execute");
    decision = rig_call(&rig, "t", "{}");
    assert_int_equal(decision->debit_count, 1);
    assert_int_equal(decision->timeout_ms, 30000);
    set_class(&rig, "?");
    decision = rig_call(&rig, "t", "{}");
    assert_int_equal(decision->debit_count, 4);
    assert_int_equal(decision->timeout_ms, 5000);

    struct policy_limit limit;
    struct pinned_class write = { .known = true, .class = CLASS_WRITE }, execute = { .known = true, .class = CLASS_EXECUTE };
    struct counter_key key = { SCOPE_GRANT, STR("g1"), STR("pay"), STR("t_rate"), { WINDOW_SECONDS, 60, WINDOW_FIXED } };
    assert_true(str_eq(policy_limit_tool(&key), STR("t")));
    assert_true(policy_limit_of(rig.policy, &key, &write, &limit) && limit.max == 5 * AMOUNT_ONE);
    assert_true(policy_limit_of(rig.policy, &key, &execute, &limit) && limit.max == 9 * AMOUNT_ONE);
    key.counter = STR("writes");
    key.window.seconds = 3600;
    assert_true(policy_limit_of(rig.policy, &key, &execute, &limit) && limit.max == 7 * AMOUNT_ONE);
    rig_release(&rig);
}

static void test_lists(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','hide':['@destructive'],"
                   "'tools':{'@read':{},'@financial':{'deny_if':[{'conditions':[]}]},'@write':{'rate_limit':'1/day'}}}");
    static const struct { const char *class; bool listed; enum outlook outlook; } expected[] = {
        { "read", true, OUTLOOK_ALLOWED },     { "write", true, OUTLOOK_LIMITED }, { "financial", true, OUTLOOK_DENIED },
        { "destructive", false, 0 },           { "execute", false, 0 },            { "?", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        set_class(&rig, expected[i].class);
        const struct decision *decision = rig_list(&rig, "t");
        assert_true(decision_is_listed(decision) == expected[i].listed);
        if (expected[i].listed)
            assert_true(decision->outlook == expected[i].outlook);
    }
    rig_release(&rig);
}

/* A prompt goes with the tool of its name, by that tool's class too. */
static void test_prompts(void **state)
{
    (void)state;
    struct rig rig;
    struct definitions *definitions = definitions_new(1 << 16);
    struct tool tools[] = { { .name = STR("drop_db") }, { .name = STR("plan") } };
    size_t dropped;
    rig_init(&rig);
    definitions->tools = tools;
    definitions->tool_count = ARRAY_LEN(tools);
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    rig.question.definitions = definitions;

    rig_load(&rig, "{'version':'1','default':'allow','hide':['@destructive'],'tools':{'@financial':{'action':'deny'}}}");
    set_class(&rig, "destructive");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "drop-db"), VERDICT_HIDE, REASON_unknown_prompt, "/hide/0");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "elsewhere"), VERDICT_ALLOW, REASON_allowed, "/default");
    set_class(&rig, "financial");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "Drop-DB"), VERDICT_HIDE, REASON_unknown_prompt, "/tools/@financial");
    set_class(&rig, "read");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "drop-db"), VERDICT_ALLOW, REASON_allowed, "/default");
    set_class(&rig, "?");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "drop-db"), VERDICT_HIDE, REASON_unknown_prompt, "/hide/0");

    rig_load(&rig, "{'version':'1','default':'deny','prompts':{'default':'allow'},'tools':{'@read':{},'plan':{}}}");
    set_class(&rig, "read");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "drop-db"), VERDICT_ALLOW, REASON_allowed, "/prompts/default");
    set_class(&rig, "write");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "drop-db"), VERDICT_HIDE, REASON_unknown_prompt, "/default");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "plan"), VERDICT_ALLOW, REASON_allowed, "/prompts/default");
    set_class(&rig, "?");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "drop-db"), VERDICT_HIDE, REASON_unknown_prompt, "/default");
    definitions_unref(definitions);
    rig_release(&rig);
}

/* A name can be anything: one that reads like a class is no class, and selects as little as it is selected. */
static void test_names_like_classes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','hide':['@destructive'],'tools':{'@read':{}}}");
    set_class(&rig, "execute");
    expect(rig_call(&rig, "@read", "{}"), VERDICT_DENY, REASON_default_deny, "/default");
    expect(rig_call(&rig, "@destructive", "{}"), VERDICT_DENY, REASON_default_deny, "/default");
    set_class(&rig, "destructive");
    expect(rig_call(&rig, "@read", "{}"), VERDICT_HIDE, REASON_unknown_tool, "/hide/0");
    rig_release(&rig);
}

static void test_explain(void **state)
{
    (void)state;
    struct rig rig;
    struct trace trace;
    struct buf text;
    buf_init(&text, 65536);
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t*':{},'@write':{'require':[{'conditions':["
                   "{'path':'class','op':'neq','value':'read'}]}]}}}");
    static const struct { const char *class, *says; } expected[] = {
        { "write", "selected by its class" },
        { "?", "selected by a class, for its own is not known" },
        { "?", "the tool's class is not known" },
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        set_class(&rig, expected[i].class);
        (void)rig_call(&rig, "t", "{}");
        trace_init(&trace, &rig.arena);
        policy_decide(rig.policy, &rig.question, &rig.arena, &trace, &rig.decision);
        buf_reset(&text);
        trace_print(&trace, &text);
        if (str_find(buf_str(&text), str_from_c(expected[i].says)) == text.len)
            fail_msg("%.*s", (int)text.len, text.ptr);
    }
    buf_release(&text);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lists),   cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_names_like_classes), cmocka_unit_test(test_explain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
