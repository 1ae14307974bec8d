/* Decisions: the table of decisions.def, the order of the steps, lists, prompts, resources and methods. */
#include "rig.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct row {
    const char *policy, *tool, *args;
    enum verdict verdict;
    enum reason reason;
    const char *rule;
};

static const struct row rows[] = {
#define POLICY(text) { .policy = text },
#define CALL(tool, args, verdict, reason, rule) { NULL, tool, args, VERDICT_##verdict, REASON_##reason, rule },
#include "decisions.def"
#undef POLICY
#undef CALL
};

static void expect(const struct decision *decision, enum verdict verdict, enum reason reason, const char *rule)
{
    assert_int_equal(decision->verdict, verdict);
    assert_string_equal(reason_row(decision->reason)->name.ptr, reason_row(reason)->name.ptr);
    assert_int_equal(decision->rule.len, strlen(rule));
    assert_memory_equal(decision->rule.ptr, rule, decision->rule.len);
    if (verdict != VERDICT_ALLOW)
        assert_int_equal(decision->debit_count, 0);
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
        const struct decision *decision = rig_call(&rig, rows[i].tool, rows[i].args);
        if (decision->verdict != rows[i].verdict || decision->reason != rows[i].reason ||
            !str_eq(decision->rule, str_from_c(rows[i].rule)))
            print_message("row %zu: %s %s: %s %s\n", i, rows[i].tool, rows[i].args,
                          reason_row(decision->reason)->name.ptr, decision->rule.ptr);
        expect(decision, rows[i].verdict, rows[i].reason, rows[i].rule);
    }
    rig_release(&rig);
}

/* What the reasons are asked in: a question that could end in each of several steps ends in the first. */
static void test_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','hide':['h'],'tools':{'n':{'action':'deny'},"
                   "'c':{'deny_if':[{'conditions':[]}]}}}");
    rig.question.frozen = true;
    expect(rig_call(&rig, "h", "{}"), VERDICT_DENY, REASON_frozen, "(frozen)");
    expect(rig_ask(&rig, SUBJECT_TOOL, "h"), VERDICT_HIDE, REASON_unknown_tool, "(unknown)"); /* a list is not frozen */
    rig.question.args_absent = true;
    policy_decide(rig.policy, &rig.question, &rig.arena, NULL, &rig.decision);
    expect(&rig.decision, VERDICT_DENY, REASON_frozen, "(frozen)");
    rig.question.frozen = false;

    rig.question.pin = PIN_CHANGED;
    expect(rig_call(&rig, "h", "{}"), VERDICT_HIDE, REASON_unknown_tool, "/hide/0");
    expect(rig_call(&rig, "x", "{}"), VERDICT_DENY, REASON_default_deny, "/default");
    expect(rig_call(&rig, "n", "{}"), VERDICT_DENY, REASON_denied, "/tools/n");
    expect(rig_call(&rig, "c", "{'x':1e999}"), VERDICT_DENY, REASON_pin_changed, "(pin)");
    rig.question.pin = PIN_NEVER;
    expect(rig_call(&rig, "n", "{}"), VERDICT_HIDE, REASON_unknown_tool, "(unknown)");
    rig.question.pin = PIN_ACCEPTED;
    expect(rig_call(&rig, "c", "{'x':1e999}"), VERDICT_DENY, REASON_invalid_arguments, "(arguments)");
    expect(rig_call(&rig, "c", "[]"), VERDICT_DENY, REASON_invalid_arguments, "(arguments)");
    rig.server.exact_numbers = true;
    expect(rig_call(&rig, "c", "{'x':1e999}"), VERDICT_DENY, REASON_deny_if, "/tools/c/deny_if/0");

    /* a name that the definitions do not have, whatever the policy says of it */
    rig.question.args_absent = true;
    rig_ask(&rig, SUBJECT_TOOL, "c");
    rig.question.args_absent = true;
    policy_decide(rig.policy, &rig.question, &rig.arena, NULL, &rig.decision);
    expect(&rig.decision, VERDICT_HIDE, REASON_unknown_tool, "(unknown)");
    rig_release(&rig);
}

static void test_no_policy(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    expect(rig_call(&rig, "t", "{}"), VERDICT_DENY, REASON_no_policy, "(no policy)");
    assert_false(decision_is_listed(rig_list(&rig, "t")));
    expect(rig_ask(&rig, SUBJECT_RESOURCE, "file:///x"), VERDICT_HIDE, REASON_unknown_resource, "(no policy)");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "x"), VERDICT_HIDE, REASON_unknown_prompt, "(no policy)");
    expect(rig_ask(&rig, SUBJECT_METHOD, "roots/list"), VERDICT_DENY, REASON_method_not_found, "(no policy)");
    rig.question.frozen = true;
    expect(rig_call(&rig, "t", "{}"), VERDICT_DENY, REASON_frozen, "(frozen)");
    rig.question.subject = SUBJECT_RESOURCE; /* for everything that is asked the freeze is the first thing said */
    policy_decide(NULL, &rig.question, &rig.arena, NULL, &rig.decision);
    expect(&rig.decision, VERDICT_DENY, REASON_frozen, "(frozen)");
    rig_release(&rig);
}

/* Listed: all but hidden, unknown, changed and default-denied tools. */
static void test_lists(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','hide':['h'],'all_tools':{'require':[{'conditions':["
                   "{'path':'args.x','op':'exists','value':true}]}]},'tools':{'n':{'action':'deny'},'a':{},"
                   "'c':{'deny_if':[{'conditions':[]}]},'l':{'rate_limit':'1/day'}}}");
    assert_true(decision_is_listed(rig_list(&rig, "a")));
    assert_true(decision_is_listed(rig_list(&rig, "l")));
    assert_true(decision_is_listed(rig_list(&rig, "n")));
    assert_true(decision_is_listed(rig_list(&rig, "c")));
    assert_false(decision_is_listed(rig_list(&rig, "h")));
    assert_false(decision_is_listed(rig_list(&rig, "other")));
    rig.question.frozen = true;
    assert_true(decision_is_listed(rig_list(&rig, "a")));
    assert_false(decision_is_listed(rig_list(&rig, "h")));
    rig.question.pin = PIN_CHANGED;
    assert_false(decision_is_listed(rig_list(&rig, "a")));
    assert_false(decision_is_listed(rig_list(&rig, "n")));
    rig.question.pin = PIN_NEVER;
    assert_false(decision_is_listed(rig_list(&rig, "a")));
    rig_release(&rig);
}

static bool asked(struct rig *rig, enum subject subject, const char *name, const char *rule)
{
    const struct decision *decision = rig_ask(rig, subject, name);
    assert_true(str_eq(decision->rule, str_from_c(rule)));
    assert_true(decision->verdict == VERDICT_ALLOW || decision->verdict == VERDICT_HIDE);
    assert_true(decision_is_listed(decision) == (decision->verdict == VERDICT_ALLOW));
    if (decision->verdict == VERDICT_HIDE)
        assert_int_equal(decision->reason, subject == SUBJECT_PROMPT ? REASON_unknown_prompt : REASON_unknown_resource);
    return decision->verdict == VERDICT_ALLOW;
}

static void test_resources(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','resources':{'allow':['file:///pub/*','db://t'],'deny':['*secret*']}}");
    assert_true(asked(&rig, SUBJECT_RESOURCE, "file:///pub/a", "/resources/allow/0"));
    assert_true(asked(&rig, SUBJECT_RESOURCE, "db://t", "/resources/allow/1"));
    assert_false(asked(&rig, SUBJECT_RESOURCE, "file:///pub/secret", "/resources/deny/0"));
    assert_false(asked(&rig, SUBJECT_RESOURCE, "file:///priv", "/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "p", "/default"));
    static const char *const others[] = { "file:///pub/../priv", "file:///pub/..", "file:///pub/./a", "file:///pub/..?x", "file:///pub/..#x",
                                          "file:///pub/%2e%2E/priv", "file:///pub/%73ecret", "file:///pub/a%2f..", "file:///pub/a\\b",
                                          "file:///pub/%", "file:///pub/%2", "file:///pub/%zz", "file:///pub/%5Cx" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(asked(&rig, SUBJECT_RESOURCE, others[i], "(uri)"));
    assert_true(asked(&rig, SUBJECT_RESOURCE, "file:///pub/a%20b..c/.d?e=%26", "/resources/allow/0"));
    rig_load(&rig, "{'version':'1','default':'deny','resources':{'allow':['a/../b']}}");
    assert_true(asked(&rig, SUBJECT_RESOURCE, "a/../b", "/resources/allow/0")); /* as it is written */
    rig_load(&rig, "{'version':'1','default':'allow'}");
    assert_true(asked(&rig, SUBJECT_RESOURCE, "a/../b", "/default")); /* all are allowed */
    rig_load(&rig, "{'version':'1','default':'deny','resources':{'default':'allow','deny':['db://*']}}");
    assert_true(asked(&rig, SUBJECT_RESOURCE, "x", "/resources/default"));
    assert_false(asked(&rig, SUBJECT_RESOURCE, "db://", "/resources/deny/0"));
    rig_load(&rig, "{'version':'1','default':'allow'}");
    assert_true(asked(&rig, SUBJECT_RESOURCE, "x", "/default"));
    assert_true(asked(&rig, SUBJECT_PROMPT, "x", "/default"));
    rig.question.frozen = true;
    assert_int_equal(rig_ask(&rig, SUBJECT_RESOURCE, "x")->verdict, VERDICT_ALLOW); /* a list */
    rig.question.args_absent = true;
    policy_decide(rig.policy, &rig.question, &rig.arena, NULL, &rig.decision);
    expect(&rig.decision, VERDICT_DENY, REASON_frozen, "(frozen)");
    rig_release(&rig);
}

/* A prompt that is named like a hidden or denied tool goes with it. */
static void test_prompts(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'allow','hide':['get_export_jobs','Drop*'],'prompts':{'default':'allow','deny':['bad']},"
                   "'tools':{'send_all':{'action':'deny'},'transfer':{'deny_if':[{'conditions':[]}]},"
                   "'admin_*':{'action':'deny'},'admin_list':{},'adm*_safe_x':{},"
                   "'x-*':{},'X_*':{'action':'deny'},'charge':{'deny_if':[{'conditions':[{'path':'args.a','op':'gt','value':1}]}]}}}");
    assert_false(asked(&rig, SUBJECT_PROMPT, "get-export-jobs", "/hide/0"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "Get_Export-Jobs", "/hide/0"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "drop-table", "/hide/1"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "send-all", "/tools/send_all"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "transfer", "/tools/transfer"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "admin-del", "/tools/admin_*"));
    assert_true(asked(&rig, SUBJECT_PROMPT, "admin-list", "/prompts/default"));
    assert_true(asked(&rig, SUBJECT_PROMPT, "admin-safe-x", "/prompts/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "x-y", "/tools/X_*")); /* two patterns alike here: the one that denies counts */
    assert_true(asked(&rig, SUBJECT_PROMPT, "charge", "/prompts/default"));
    assert_true(asked(&rig, SUBJECT_PROMPT, "get-export-job", "/prompts/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "bad", "/prompts/deny/0"));
    rig_release(&rig);
}

/* Of what the server lists, a prompt goes also with the tools that only the default denies. */
static void test_prompts_of_tools(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct definitions *definitions = definitions_new(1 << 20);
    assert_non_null(definitions);
    static struct tool tools[] = { { .name = STR("get_jobs") }, { .name = STR("Get-Lists") }, { .name = STR("a_b") },
                                   { .name = STR("a-b") }, { .name = STR("list_x") } };
    definitions->tools = tools;
    definitions->tool_count = ARRAY_LEN(tools);
    size_t dropped;
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    rig.question.definitions = definitions;
    rig_load(&rig, "{'version':'1','default':'deny','prompts':{'default':'allow'},'tools':{'get_jobs':{},'a_b':{},'list_*':{}}}");
    assert_true(asked(&rig, SUBJECT_PROMPT, "get-jobs", "/prompts/default"));
    assert_true(asked(&rig, SUBJECT_PROMPT, "list-x", "/prompts/default"));
    assert_true(asked(&rig, SUBJECT_PROMPT, "guide", "/prompts/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "get-lists", "/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "GET_LISTS", "/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "a-b", "/default")); /* two tools are meant, one of them denied */
    rig_load(&rig, "{'version':'1','default':'allow','prompts':{'deny':['guide']}}");
    assert_true(asked(&rig, SUBJECT_PROMPT, "get-lists", "/default"));
    assert_false(asked(&rig, SUBJECT_PROMPT, "guide", "/prompts/deny/0"));
    definitions_unref(definitions);
    rig_release(&rig);
}

/* The policy first: what it hides tells nothing of pins. */
static void test_pins_of_items(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'allow','resources':{'deny':['x:*']},'prompts':{'deny':['bad']}}");
    rig.question.pin = PIN_CHANGED;
    expect(rig_ask(&rig, SUBJECT_PROMPT, "guide"), VERDICT_DENY, REASON_pin_changed, "(pin)");
    expect(rig_ask(&rig, SUBJECT_RESOURCE, "a:1"), VERDICT_DENY, REASON_pin_changed, "(pin)");
    expect(rig_ask(&rig, SUBJECT_PROMPT, "bad"), VERDICT_HIDE, REASON_unknown_prompt, "/prompts/deny/0");
    expect(rig_ask(&rig, SUBJECT_RESOURCE, "x:1"), VERDICT_HIDE, REASON_unknown_resource, "/resources/deny/0");
    rig.question.pin = PIN_NEVER;
    expect(rig_ask(&rig, SUBJECT_PROMPT, "guide"), VERDICT_HIDE, REASON_unknown_prompt, "(unknown)");
    expect(rig_ask(&rig, SUBJECT_RESOURCE, "a:1"), VERDICT_HIDE, REASON_unknown_resource, "(unknown)");
    rig_release(&rig);
}

static void test_methods(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'allow','methods':{'sampling/createMessage':'allow','roots/list':'deny'}}");
    expect(rig_ask(&rig, SUBJECT_METHOD, "sampling/createMessage"), VERDICT_ALLOW, REASON_allowed,
           "/methods/sampling~1createMessage");
    expect(rig_ask(&rig, SUBJECT_METHOD, "roots/list"), VERDICT_DENY, REASON_method_not_found, "/methods/roots~1list");
    expect(rig_ask(&rig, SUBJECT_METHOD, "elicitation/create"), VERDICT_DENY, REASON_method_not_found, "/methods");
    expect(rig_ask(&rig, SUBJECT_METHOD, "Sampling/createMessage"), VERDICT_DENY, REASON_method_not_found, "/methods");
    expect(rig_ask(&rig, SUBJECT_METHOD, "x/y"), VERDICT_DENY, REASON_method_not_found, "/methods");
    rig_load(&rig, "{'version':'1','default':'allow'}");
    expect(rig_ask(&rig, SUBJECT_METHOD, "roots/list"), VERDICT_DENY, REASON_method_not_found, "/methods");
    rig_release(&rig);
}

/* What is not said is missing: no session, no client, no label, no tags. */
static void test_bare_question(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.grant.label = rig.question.session = rig.question.client = STR_EMPTY;
    rig.grant.tag_count = 0;
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'s':{'require':[{'conditions':["
                   "{'path':'session.id','op':'exists','value':false},{'path':'grant.label','op':'eq','value':null}]}],"
                   "'deny_if':[{'conditions':[{'path':'client.name','op':'exists','value':true}]}]},"
                   "'t':{'require':[{'conditions':[{'path':'grant.tags[*]','op':'eq','value':'x'}]}]},"
                   "'u':{'require':[{'conditions':[{'not':{'path':'grant.tags','op':'contains','value':'x'}}]}]}}}");
    expect(rig_call(&rig, "s", "{}"), VERDICT_ALLOW, REASON_allowed, "/tools/s");
    expect(rig_call(&rig, "t", "{}"), VERDICT_DENY, REASON_require, "/tools/t/require/0");
    expect(rig_call(&rig, "u", "{}"), VERDICT_ALLOW, REASON_allowed, "/tools/u");
    rig_release(&rig);
}

/* Out of memory in the middle of a decision is a denial, never an answer that lets through more. */
static void test_small_arenas(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'allow','tools':{'l*':{'rate_limit':'1/day','limits':["
                   "{'counter':'c','window':'day','max':1}]},'r':{'deny_if':[{'conditions':["
                   "{'path':'args.x','op':'regex','value':'a'}]}]}}}");
    assert_int_equal(rig_call(&rig, "list", "{}")->debit_count, 2);
    for (size_t ceiling = 0; ceiling < 40000; ceiling += 4096) {
        struct arena arena;
        arena_init(&arena, NULL, ceiling);
        (void)rig_call(&rig, "list", "{}");
        policy_decide(rig.policy, &rig.question, &arena, NULL, &rig.decision);
        if (rig.decision.verdict == VERDICT_ALLOW)
            assert_int_equal(rig.decision.debit_count, 2);
        else
            expect(&rig.decision, VERDICT_DENY, REASON_internal, "(internal)");
        assert_true(ceiling > 0 || rig.decision.verdict == VERDICT_DENY);
        (void)rig_call(&rig, "r", "{'x':'b'}");
        policy_decide(rig.policy, &rig.question, &arena, NULL, &rig.decision);
        assert_true(ceiling > 0 || rig.decision.verdict == VERDICT_DENY);
        arena_release(&arena);
    }
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_order),   cmocka_unit_test(test_no_policy),
        cmocka_unit_test(test_lists),         cmocka_unit_test(test_resources), cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_prompts_of_tools),
        cmocka_unit_test(test_pins_of_items),
        cmocka_unit_test(test_methods),       cmocka_unit_test(test_bare_question),
        cmocka_unit_test(test_small_arenas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
