/* The three answers: Kleene's tables of any, all and not, and the quantifiers, walked exhaustively against a model. */
#include "rig.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { FALSE_, UNUSABLE, TRUE_, ANSWERS };

static const char *const leaf[ANSWERS] = { "5", "'x'", "20" }; /* under "gt 10" */

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int greatest(int a, int b)
{
    return a > b ? a : b;
}

/* The answer of a condition, seen through `require` and `deny_if`. */
static int ask(struct rig *rig, const char *condition, const char *args)
{
    char policy[2048];
    bool passes[2];
    for (int deny_if = 0; deny_if < 2; deny_if++) {
        snprintf(policy, sizeof policy,
                 "{'version':'1','default':'deny','tools':{'t':{'%s':[{'conditions':[%s]}]}}}",
                 deny_if ? "deny_if" : "require", condition);
        rig_load(rig, policy);
        passes[deny_if] = rig_call(rig, "t", args)->verdict == VERDICT_ALLOW;
    }
    assert_false(passes[0] && passes[1]);
    return passes[0] ? TRUE_ : passes[1] ? FALSE_ : UNUSABLE;
}

static void expect(struct rig *rig, const char *condition, const char *args, int wanted)
{
    int got = ask(rig, condition, args);
    if (got != wanted)
        print_message("%s on %s: %d, wanted %d\n", condition, args, got, wanted);
    assert_int_equal(got, wanted);
}

#define TEST_OF(name) "{'path':'args." name "','op':'gt','value':10}"

static void test_tables(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    for (int code = 0; code < 27; code++) {
        int a = code % 3, b = code / 3 % 3, c = code / 9;
        char args[64];
        snprintf(args, sizeof args, "{'a':%s,'b':%s,'c':%s}", leaf[a], leaf[b], leaf[c]);
        int all = least(a, least(b, c)), any = greatest(a, greatest(b, c));
        expect(&rig, "{'all':[" TEST_OF("a") "," TEST_OF("b") "," TEST_OF("c") "]}", args, all);
        expect(&rig, "{'any':[" TEST_OF("a") "," TEST_OF("b") "," TEST_OF("c") "]}", args, any);
        expect(&rig, TEST_OF("a") "," TEST_OF("b") "," TEST_OF("c"), args, all);
        expect(&rig, "{'not':{'all':[" TEST_OF("a") "," TEST_OF("b") "," TEST_OF("c") "]}}", args, TRUE_ - all);
        expect(&rig, "{'not':{'any':[" TEST_OF("a") "," TEST_OF("b") "," TEST_OF("c") "]}}", args, TRUE_ - any);
        expect(&rig, "{'any':[{'all':[" TEST_OF("a") "," TEST_OF("b") "]},{'not':" TEST_OF("c") "}]}", args,
               greatest(least(a, b), TRUE_ - c));
        expect(&rig, "{'all':[{'any':[" TEST_OF("a") ",{'not':{'not':" TEST_OF("b") "}}]}," TEST_OF("c") "]}", args,
               least(greatest(a, b), c));
        rig_release(&rig);
        rig_init(&rig);
    }
    rig_release(&rig);
}

/* What is missing is false, under any number of `not` unusable. */
static void test_missing(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    static const char *const absent[] = { "{}", "{'a':null}", NULL };
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        expect(&rig, TEST_OF("a"), absent[i], FALSE_);
        expect(&rig, "{'not':" TEST_OF("a") "}", absent[i], UNUSABLE);
        expect(&rig, "{'not':{'not':" TEST_OF("a") "}}", absent[i], UNUSABLE);
        expect(&rig, "{'any':[" TEST_OF("a") "]}", absent[i], FALSE_);
        expect(&rig, "{'not':{'any':[" TEST_OF("a") "]}}", absent[i], UNUSABLE);
        expect(&rig, "{'not':{'any':[" TEST_OF("a") ",{'path':'tool','op':'eq','value':'t'}]}}", absent[i], FALSE_);
        expect(&rig, "{'not':{'path':'args.a','op':'exists','value':true}}", absent[i], TRUE_);
        expect(&rig, "{'not':{'path':'args.a','op':'eq','value':null}}", absent[i], FALSE_);
        expect(&rig, "{'not':{'path':'args.a.b.c','op':'exists','value':false}}", absent[i], FALSE_);
        expect(&rig, TEST_OF("a.b"), absent[i], FALSE_);
        expect(&rig, TEST_OF("a[3]"), absent[i], FALSE_);
        expect(&rig, TEST_OF("a[*]"), absent[i], FALSE_);
        expect(&rig, TEST_OF("a[]"), absent[i], FALSE_);
        expect(&rig, "{'not':" TEST_OF("a[*]") "}", absent[i], UNUSABLE);
    }
    rig_release(&rig);
}

/* A path through a value of the wrong kind is unusable, whatever the operator. */
static void test_wrong_kind(void **state)
{
    static const struct { const char *path, *args; int answer; } rows[] = {
        { "a.b", "{'a':5}", UNUSABLE },          { "a.b", "{'a':'x'}", UNUSABLE },
        { "a.b", "{'a':[{'b':20}]}", UNUSABLE }, { "a.b", "{'a':true}", UNUSABLE },
        { "a[0]", "{'a':{'0':20}}", UNUSABLE },  { "a[0]", "{'a':'20'}", UNUSABLE },
        { "a[0]", "{'a':[]}", FALSE_ },          { "a[0]", "{'a':[20]}", TRUE_ },
        { "a[1]", "{'a':[5,20]}", TRUE_ },       { "a[2]", "{'a':[5,20]}", FALSE_ },
        { "a.0", "{'a':{'0':20}}", TRUE_ },      { "a.0", "{'a':[20]}", UNUSABLE },
        { "a[*]", "{'a':20}", UNUSABLE },        { "a[*]", "{'a':{'x':20}}", UNUSABLE },
        { "a[]", "{'a':20}", TRUE_ },            { "a[]", "{'a':5}", FALSE_ },
        { "a[]", "{'a':'x'}", UNUSABLE },        { "a[]", "{'a':{}}", UNUSABLE },
        { "a[].b", "{'a':{'b':20}}", TRUE_ },    { "a[].b", "{'a':[{'b':20}]}", TRUE_ },
        { "a[].b", "{'a':[20]}", UNUSABLE },     { "a[*][*]", "{'a':[[20],[20]]}", TRUE_ },
        { "a[*][*]", "{'a':[20]}", UNUSABLE },   { "a[*][]", "{'a':[20,[20,20]]}", TRUE_ },
        { "a.b[1].c", "{'a':{'b':[0,{'c':20}]}}", TRUE_ },
    };
    struct rig rig;
    (void)state;
    rig_init(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char test[128];
        snprintf(test, sizeof test, "{'path':'args.%s','op':'gt','value':10}", rows[i].path);
        expect(&rig, test, rows[i].args, rows[i].answer);
    }
    expect(&rig, "{'path':'args.a.b','op':'exists','value':true}", "{'a':5}", UNUSABLE);
    expect(&rig, "{'path':'args.a.b','op':'exists','value':false}", "{'a':5}", UNUSABLE);
    expect(&rig, "{'path':'args.a.b','op':'eq','value':null}", "{'a':5}", UNUSABLE);
    expect(&rig, "{'not':{'path':'args.a.b','op':'exists','value':false}}", "{'a':5}", UNUSABLE);
    expect(&rig, "{'path':'args[\\'odd.name\\'].x','op':'gt','value':10}", "{'odd.name':{'x':20}}", TRUE_);
    rig_release(&rig);
}

/* What `require` and `deny_if` make of an array, each counted apart, with 0, 1 and 2 `not` around the test. */
static void quantify(struct rig *rig, const char *path, const int *elements, size_t count)
{
    char args[128] = "{'a':[", policy[512];
    int every = TRUE_, one = FALSE_;
    for (size_t i = 0; i < count; i++) {
        strncat(args, i > 0 ? "," : "", 2);
        strncat(args, leaf[elements[i]], 8);
        every = least(every, elements[i]);
        one = greatest(one, elements[i]);
    }
    strncat(args, "]}", 3);
    for (int code = 0; code < 6; code++) {
        bool deny_if = code % 2 != 0;
        int nots = code / 2;
        snprintf(policy, sizeof policy,
                 "{'version':'1','default':'deny','tools':{'t':{'%s':[{'conditions':[%s{'path':'%s','op':'gt',"
                 "'value':10}%s]}]}}}",
                 deny_if ? "deny_if" : "require", nots == 0 ? "" : nots == 1 ? "{'not':" : "{'not':{'not':", path,
                 nots == 0 ? "" : nots == 1 ? "}" : "}}");
        rig_load(rig, policy);
        int inner = count == 0 ? (nots > 0 ? UNUSABLE : FALSE_) : deny_if == (nots % 2 != 0) ? every : one;
        int answer = nots % 2 != 0 ? TRUE_ - inner : inner;
        bool wanted = deny_if ? answer == FALSE_ : answer == TRUE_;
        bool got = rig_call(rig, "t", args)->verdict == VERDICT_ALLOW;
        if (got != wanted)
            print_message("%s on %s: %s\n", policy, args, got ? "passes" : "is denied");
        assert_int_equal(got, wanted);
    }
}

static void test_quantifiers(void **state)
{
    (void)state;
    static const char *const paths[] = { "args.a[*]", "args.a[]" };
    for (size_t path = 0; path < ARRAY_LEN(paths); path++) {
        struct rig rig;
        rig_init(&rig);
        for (size_t count = 0; count <= 3; count++) {
            size_t codes = count == 0 ? 1 : count == 1 ? 3 : count == 2 ? 9 : 27;
            for (size_t code = 0; code < codes; code++) {
                int elements[3] = { (int)(code % 3), (int)(code / 3 % 3), (int)(code / 9) };
                quantify(&rig, paths[path], elements, count);
            }
        }
        rig_release(&rig);
    }
}

/* An element that is null or lacks the member is missing: false, so `require` of every element denies. */
static void test_missing_elements(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    expect(&rig, TEST_OF("a[*].p"), "{'a':[{'p':20},{'p':20}]}", TRUE_);
    expect(&rig, TEST_OF("a[*].p"), "{'a':[{'p':5},{}]}", FALSE_);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t':{'require':[{'conditions':[" TEST_OF("a[*].p") "]}]}}}");
    assert_int_equal(rig_call(&rig, "t", "{'a':[{'p':20},{}]}")->verdict, VERDICT_DENY);
    assert_int_equal(rig_call(&rig, "t", "{'a':[{'p':20},{'p':null}]}")->verdict, VERDICT_DENY);
    assert_int_equal(rig_call(&rig, "t", "{'a':[{'p':20},null]}")->verdict, VERDICT_DENY);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t':{'deny_if':[{'conditions':[" TEST_OF("a[*].p") "]}]}}}");
    assert_int_equal(rig_call(&rig, "t", "{'a':[{'p':5},{}]}")->verdict, VERDICT_ALLOW);
    assert_int_equal(rig_call(&rig, "t", "{'a':[{},{'p':20}]}")->verdict, VERDICT_DENY);
    assert_int_equal(rig_call(&rig, "t", "{'a':[5]}")->verdict, VERDICT_DENY);
    assert_int_equal(rig_call(&rig, "t", "{'a':[]}")->verdict, VERDICT_ALLOW);
    /* conditions over one array are quantified each on its own */
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t':{'deny_if':[{'conditions':[" TEST_OF("a[*].p") ","
                   "{'path':'args.a[*].k','op':'eq','value':'x'}]}]}}}");
    assert_int_equal(rig_call(&rig, "t", "{'a':[{'p':20,'k':'y'},{'p':5,'k':'x'}]}")->verdict, VERDICT_DENY);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),      cmocka_unit_test(test_missing),          cmocka_unit_test(test_wrong_kind),
        cmocka_unit_test(test_quantifiers), cmocka_unit_test(test_missing_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
