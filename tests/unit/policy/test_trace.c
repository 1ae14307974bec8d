/* Explain: the same run, its steps and what they say. */
#include "rig.h"

#include "base/check.h"
#include "policy/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const char policy[] =
    "{'version':'1','default':'deny','hide':['gone'],'all_tools':{'limits':[{'counter':'calls','window':'minute','max':60}]},"
    "'tools':{'charge':{'require':[{'conditions':[{'path':'args.reason','op':'exists','value':true}]}],"
    "'deny_if':[{'conditions':[{'any':[{'path':'args.amount','op':'gt','value':10000},"
    "{'not':{'path':'args.currency','op':'in','value':['usd','eur']}}]}],'on_deny':'No.'}]}}}";

static void expect(struct rig *rig, const char *tool, const char *args, const char *text)
{
    struct decision plain = *rig_call(rig, tool, args);
    struct trace trace;
    trace_init(&trace, &rig->arena);
    policy_decide(rig->policy, &rig->question, &rig->arena, &trace, &rig->decision);
    assert_int_equal(rig->decision.verdict, plain.verdict); /* watching changes nothing */
    assert_int_equal(rig->decision.reason, plain.reason);
    assert_true(str_eq(rig->decision.rule, plain.rule));
    assert_true(str_eq(rig->decision.message, plain.message));
    assert_int_equal(rig->decision.debit_count, plain.debit_count);
    struct buf out;
    buf_init(&out, 1 << 20);
    trace_print(&trace, &out);
    buf_append_byte(&out, 0);
    assert_true(buf_ok(&out));
    assert_string_equal(out.ptr, text);
    buf_release(&out);
}

static void test_text(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, policy);
    expect(&rig, "charge", "{'reason':'x','amount':500,'currency':'usd'}",
           "pass      the tool is known and not hidden\n"
           "pass      selected by its name  /tools/charge\n"
           "pass      the definition is the one that was accepted\n"
           "pass      must hold  /tools/charge/require/0\n"
           "  true      args.reason exists true: a string of 1 bytes\n"
           "pass      denies if it holds  /tools/charge/deny_if/0\n"
           "  false     any of\n"
           "    false     args.amount gt 10000: 500\n"
           "    false     not\n"
           "      true      args.currency in [\"usd\",\"eur\"]: a string of 3 bytes\n"
           "debit     counter \"calls\": at most 60 calls per minute  /all_tools/limits/0\n");
    expect(&rig, "charge", "{'reason':'x','amount':'500','currency':'usd'}",
           "pass      the tool is known and not hidden\n"
           "pass      selected by its name  /tools/charge\n"
           "pass      the definition is the one that was accepted\n"
           "pass      must hold  /tools/charge/require/0\n"
           "  true      args.reason exists true: a string of 1 bytes\n"
           "stop      denies if it holds  /tools/charge/deny_if/0\n"
           "  unusable  any of\n"
           "    unusable  args.amount gt 10000: a string of 3 bytes: unusable, the operator does not take it\n"
           "    false     not\n"
           "      true      args.currency in [\"usd\",\"eur\"]: a string of 3 bytes\n");
    expect(&rig, "charge", "{}",
           "pass      the tool is known and not hidden\n"
           "pass      selected by its name  /tools/charge\n"
           "pass      the definition is the one that was accepted\n"
           "stop      must hold  /tools/charge/require/0\n"
           "  false     args.reason exists true: nothing\n");
    expect(&rig, "gone", "{}", "stop      hidden by its name  /hide/0\n");
    expect(&rig, "other", "{}",
           "pass      the tool is known and not hidden\n"
           "stop      nothing selects it, and the default denies  /default\n");
    expect(&rig, "charge", "{'reason':'x','amount':9007199254740993}",
           "pass      the tool is known and not hidden\n"
           "pass      selected by its name  /tools/charge\n"
           "pass      the definition is the one that was accepted\n"
           "stop      9007199254740993 is another number as a double\n");
    rig.question.frozen = true;
    expect(&rig, "charge", "{}", "stop      calls are frozen\n");
    rig_release(&rig);
}

/* What goes to a terminal cannot be forged by names and values. */
static void test_hostile(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'*':{'rate_limit':'1/day','deny_if':[{'conditions':["
                   "{'path':'args.a','op':'eq','value':'\\u001b[2J\\u202e'}]}]}}}");
    rig_call(&rig, "x\ny\x1b[2J", "{'a':'z'}");
    struct trace trace;
    struct buf out;
    trace_init(&trace, &rig.arena);
    policy_decide(rig.policy, &rig.question, &rig.arena, &trace, &rig.decision);
    buf_init(&out, 1 << 20);
    trace_print(&trace, &out);
    assert_true(buf_ok(&out) && trace.count == 6);
    size_t lines = 0;
    for (size_t i = 0; i < out.len; i++) {
        assert_true(out.ptr[i] == '\n' || (out.ptr[i] >= ' ' && out.ptr[i] <= '~'));
        lines += out.ptr[i] == '\n';
    }
    assert_int_equal(lines, 6);
    buf_reset(&out);
    struct json_writer writer;
    json_write_init(&writer, &out);
    trace_print_json(&trace, &writer);
    const struct json *root;
    struct json_error error;
    assert_int_equal(json_parse(&rig.arena, buf_str(&out), &json_limits_answer, &root, &error), 0);
    assert_int_equal(json_count(root), 6);
    assert_true(str_eq(json_string(json_get(json_at(root, 5), STR("verdict"))), STR("debit")));
    assert_true(str_eq(json_string(json_get(json_at(root, 5), STR("rule"))), STR("/tools/*/rate_limit")));
    buf_release(&out);
    rig_release(&rig);
}

/* What the operator reads and what the agent reads of a denial. */
static void test_detail(void **state)
{
    static const struct { const char *args, *message, *detail; } rows[] = {
        { "{'reason':'x','amount':20000}", "No.", "args.amount gt 10000: 20000" },
        { "{'reason':'x','amount':1,'currency':'gbp'}", "No.", "args.currency in [\"usd\",\"eur\"]: a string of 3 bytes" },
        { "{'amount':1}", "A condition that the policy requires does not hold.", "args.reason exists true: nothing" },
    };
    struct rig rig;
    (void)state;
    rig_init(&rig);
    rig_load(&rig, policy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct decision *decision = rig_call(&rig, "charge", rows[i].args);
        assert_string_equal(decision->message.ptr, rows[i].message);
        assert_string_equal(decision->detail.ptr, rows[i].detail);
    }
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t':{'deny_if':[{'conditions':["
                   "{'path':'args.amount','op':'gt','value':31337}]}]},'n':{'action':'deny','reason':'Ask Ann.'}}}");
    const struct decision *decision = rig_call(&rig, "t", "{'amount':'500'}");
    assert_string_equal(decision->message.ptr, "args.amount cannot be judged: it is a string.");
    assert_string_equal(rig_call(&rig, "t", "{'amount':40000}")->message.ptr, "The policy denies calls with these arguments.");
    assert_string_equal(rig_call(&rig, "n", "{}")->message.ptr, "Ask Ann.");
    assert_string_equal(rig_call(&rig, "o", "{}")->message.ptr, "No rule of the policy allows this tool.");
    rig_release(&rig);
}

/* A trace has an end. */
static void test_ceiling(void **state)
{
    (void)state;
    struct arena arena;
    struct trace trace;
    arena_init(&arena, NULL, 64 << 20);
    trace_init(&trace, &arena);
    for (unsigned i = 0; i < 20000; i++)
        trace_step(&trace, 0, TRACE_PASS, STR_EMPTY, "step %u", i);
    assert_true(trace.cut);
    assert_int_equal(trace.count, 10000);
    assert_string_equal(trace.steps[9999].text.ptr, "step 9999");
    arena_release(&arena);
    arena_init(&arena, NULL, 0);
    trace_init(&trace, &arena);
    trace_step(&trace, 0, TRACE_PASS, STR_EMPTY, "no memory");
    assert_true(trace.cut);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_detail),
        cmocka_unit_test(test_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
