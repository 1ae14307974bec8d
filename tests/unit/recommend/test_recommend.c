/* Recommended policies: they load as they are, and give each class what its row says. */
#include "recommend/recommend.h"

#include "base/arena.h"
#include "policy/decide.h"
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define TOOL(name, class) { STR(name), CLASS_##class, 0 }

static const struct classed_tool tools[] = {
    TOOL("get_export_jobs", READ),     TOOL("create_list", WRITE),      TOOL("start_export_job", EXECUTE),
    TOOL("cancel_export_job", DESTRUCTIVE), TOOL("create_refund", FINANCIAL), TOOL("my_tool", OTHER),
    TOOL("StartJob", EXECUTE),         TOOL("startjob", EXECUTE),       TOOL("odd \"name\"\\", WRITE),
};
#define TOOLS (sizeof(tools) / sizeof(tools[0]))

struct bench {
    struct arena    arena;
    struct buf      text;
    struct policy  *policy;
};

static void load(struct bench *bench, const struct classed_tool *list, size_t count)
{
    struct problems problems = { .count = 0 };

    arena_init(&bench->arena, NULL, 16 << 20);
    buf_init(&bench->text, 1 << 20);
    bench->policy = NULL;
    assert_int_equal(recommend_policy(&bench->text, PRESET_STRICT, STR("iterable"), list, count), 0);
    if (policy_load(buf_str(&bench->text), &bench->arena, &problems, &bench->policy) || problems.count > 0)
        fail_msg("%zu problems in\n%.*s", problems.count, (int)bench->text.len, bench->text.ptr);
}

static void unload(struct bench *bench)
{
    policy_unref(bench->policy);
    buf_release(&bench->text);
    arena_release(&bench->arena);
}

static struct decision call(struct bench *bench, struct str name)
{
    struct server server = { .name = STR("iterable") };
    struct tool tool = { .name = name };
    struct grant grant = { .label = STR_EMPTY };
    struct question question = { .subject = SUBJECT_TOOL, .server = &server, .tool = &tool, .name = name,
                                 .args_absent = true, .grant = &grant };
    struct decision decision;

    policy_decide(bench->policy, &question, &bench->arena, NULL, &decision);
    return decision;
}

static void each_class_gets_its_row(void **state)
{
    struct bench bench;
    struct decision decision;

    (void)state;
    load(&bench, tools, TOOLS);
    decision = call(&bench, STR("get_export_jobs"));
    assert_int_equal(decision.verdict, VERDICT_ALLOW);
    assert_int_equal(decision.debit_count, 0);
    decision = call(&bench, STR("create_list"));
    assert_int_equal(decision.verdict, VERDICT_ALLOW);
    assert_int_equal(decision.debit_count, 1);
    decision = call(&bench, STR("start_export_job"));
    assert_int_equal(decision.verdict, VERDICT_ALLOW);
    assert_int_equal(decision.debit_count, 1);
    assert_int_equal(call(&bench, STR("cancel_export_job")).verdict, VERDICT_HIDE);
    decision = call(&bench, STR("create_refund"));
    assert_int_equal(decision.verdict, VERDICT_DENY);
    assert_true(str_eq(decision.message, STR("Requires human approval.")));
    assert_int_equal(call(&bench, STR("never_seen")).verdict, VERDICT_DENY);
    assert_int_equal(call(&bench, STR("odd \"name\"\\")).verdict, VERDICT_ALLOW);
    unload(&bench);
}

static void counters_do_not_collide(void **state)
{
    struct bench bench;

    (void)state;
    load(&bench, tools, TOOLS);
    assert_true(str_find(buf_str(&bench.text), STR("\"start_export_job_rate\"")) < bench.text.len);
    assert_true(str_find(buf_str(&bench.text), STR("\"StartJob_rate\"")) < bench.text.len);
    assert_true(str_find(buf_str(&bench.text), STR("\"startjob_rate\"")) < bench.text.len);
    unload(&bench);
}

/* A server that calls a tool "*" or "@read" must not open others by it. */
static void names_that_select_others_are_left_out(void **state)
{
    static const struct classed_tool hostile[] = { TOOL("*", READ), TOOL("get_*", READ), TOOL("@read", READ),
                                                   TOOL("__proto__", READ), TOOL("get_x", READ),
                                                   { { "a\0b", 3 }, CLASS_READ, 0 } };
    struct bench bench;

    (void)state;
    load(&bench, hostile, 6);
    assert_int_equal(call(&bench, str_of("a\0b", 3)).verdict, VERDICT_DENY);
    assert_int_equal(call(&bench, STR("delete_all")).verdict, VERDICT_DENY);
    assert_int_equal(call(&bench, STR("get_y")).verdict, VERDICT_DENY);
    assert_int_equal(call(&bench, STR("get_x")).verdict, VERDICT_ALLOW);
    assert_int_equal(call(&bench, STR("__proto__")).verdict, VERDICT_ALLOW);
    unload(&bench);
}

static void names_that_are_not_what_they_seem_are_left_out(void **state)
{
    static const struct classed_tool hostile[] = {
        TOOL("del\xe2\x80\x8b" "ete_all", READ), TOOL("d\xd0\xb5lete_all", READ), TOOL("get_\xef\xbd\x81ll", READ),
        TOOL("\x1b[31mred", READ), TOOL("na\xc3\xafve_get", READ), TOOL("\xd0\xbd\xd0\xb0\xd0\xb9\xd1\x82\xd0\xb8", READ),
    };
    struct bench bench;

    (void)state;
    load(&bench, hostile, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(call(&bench, hostile[i].name).verdict, i < 4 ? VERDICT_DENY : VERDICT_ALLOW);
    unload(&bench);
}

static void of_two_with_one_name_the_graver_counts(void **state)
{
    static const struct classed_tool twice[] = { TOOL("x", READ), TOOL("x", DESTRUCTIVE), TOOL("y", READ) };
    struct bench bench;

    (void)state;
    load(&bench, twice, 3);
    assert_int_equal(call(&bench, STR("x")).verdict, VERDICT_HIDE);
    assert_int_equal(call(&bench, STR("y")).verdict, VERDICT_ALLOW);
    unload(&bench);
}

/* Texts that attack the reader: none of it is allowed, and who reads the policy is told which and why. */
static void what_attacks_is_withheld(void **state)
{
    static const uint32_t hidden = 1U << SIGNAL_HIDDEN_TEXT, instructions = 1U << SIGNAL_INSTRUCTIONS;
    static const struct classed_tool hostile[] = {
        { STR("read_a"), CLASS_READ, 1U << SIGNAL_HIDDEN_TEXT }, { STR("write_b"), CLASS_WRITE, 1U << SIGNAL_INSTRUCTIONS },
        { STR("pay_c"), CLASS_FINANCIAL, 1U << SIGNAL_INSTRUCTIONS }, { STR("delete_d"), CLASS_DESTRUCTIVE, 1U << SIGNAL_INSTRUCTIONS },
        { STR("read_e"), CLASS_READ, 1U << SIGNAL_URL }, { STR("twice"), CLASS_READ, 0 }, { STR("twice"), CLASS_OTHER, 1U << SIGNAL_HIDDEN_TEXT },
    };
    struct bench bench;

    (void)state;
    load(&bench, hostile, 7);
    assert_int_equal(call(&bench, STR("read_e")).verdict, VERDICT_ALLOW);
    assert_int_equal(call(&bench, STR("delete_d")).verdict, VERDICT_HIDE);
    for (size_t i = 0; i < 7; i++)
        if (i != 3 && i != 4)
            assert_int_equal(call(&bench, hostile[i].name).reason, REASON_default_deny);
    assert_true(str_find(buf_str(&bench.text), STR("instructions to the model: 'read_a', 'write_b', 'pay_c', 'twice'.\"")) <
                bench.text.len);
    unload(&bench);
    assert_true(signals_mislead(hidden) && signals_mislead(instructions) && !signals_mislead(~(hidden | instructions)));
    assert_false(str_eq(recommend_effect(PRESET_STRICT, CLASS_READ, hidden), recommend_effect(PRESET_STRICT, CLASS_READ, 0)));
    assert_true(str_eq(recommend_effect(PRESET_STRICT, CLASS_DESTRUCTIVE, hidden), recommend_effect(PRESET_STRICT, CLASS_DESTRUCTIVE, 0)));
}

/* However many, and of names however long. */
static void the_withheld_fit_the_description(void **state)
{
    struct classed_tool *many = calloc(300, sizeof(*many));
    struct bench bench;
    char *name = malloc(10000);

    (void)state;
    assert_non_null(many);
    assert_non_null(name);
    memset(name, 'n', 10000);
    for (size_t i = 0; i < 300; i++)
        many[i] = (struct classed_tool){ str_of(name, i < 12 ? 117 + i : 9000 + i), CLASS_READ, 1U << SIGNAL_HIDDEN_TEXT };
    load(&bench, many, 300);
    assert_true(str_find(buf_str(&bench.text), STR("n', 292 more.\"")) < bench.text.len);
    unload(&bench);
    free(name);
    free(many);
}

static void nothing_but_a_default_is_a_policy_too(void **state)
{
    struct bench bench;

    (void)state;
    load(&bench, NULL, 0);
    assert_int_equal(call(&bench, STR("x")).verdict, VERDICT_DENY);
    unload(&bench);
}

static void one_tool_has_its_own_document(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 4096);
    assert_int_equal(recommend_for_tool(&text, PRESET_STRICT, &tools[2]), 0);
    assert_true(str_eq(buf_str(&text), STR("{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"tools\": {\n"
                                           "    \"start_export_job\": { \"limits\": [ { \"counter\": \"start_export_job_rate\", "
                                           "\"window\": \"minute\", \"max\": 10, \"scope\": \"grant\" } ] }\n  }\n}\n")));
    buf_release(&text);
    assert_true(recommend_effect(PRESET_STRICT, CLASS_READ, 0).len > 0);
}

static void bad_input_is_an_error(void **state)
{
    struct classed_tool bad = { STR("\xff"), CLASS_READ, 0 };
    struct buf text;

    (void)state;
    buf_init(&text, 4096);
    assert_int_equal(recommend_policy(&text, PRESET_STRICT, STR("s"), &bad, 1), E_INVALID);
    buf_release(&text);
    buf_init(&text, 40);
    assert_int_equal(recommend_policy(&text, PRESET_STRICT, STR("s"), tools, TOOLS), E_LIMIT);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_gets_its_row),
        cmocka_unit_test(counters_do_not_collide),
        cmocka_unit_test(names_that_select_others_are_left_out),
        cmocka_unit_test(names_that_are_not_what_they_seem_are_left_out),
        cmocka_unit_test(of_two_with_one_name_the_graver_counts),
        cmocka_unit_test(what_attacks_is_withheld),
        cmocka_unit_test(the_withheld_fit_the_description),
        cmocka_unit_test(nothing_but_a_default_is_a_policy_too),
        cmocka_unit_test(one_tool_has_its_own_document),
        cmocka_unit_test(bad_input_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
