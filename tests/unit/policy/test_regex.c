/* Patterns: their bounds in time, in subject, in number, and the stack of the compiled code. */
#include "rig.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "policy/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct regex *compile(const char *pattern)
{
    struct regex *regex = NULL;
    char why[REGEX_ERROR_MAX];
    assert_int_equal(regex_compile(str_from_c(pattern), NULL, &regex, why), 0);
    return regex;
}

static enum answer match(const char *pattern, struct str subject, struct regex_scratch *scratch)
{
    struct regex *regex = compile(pattern);
    const char *why = NULL;
    enum answer answer = regex_match(regex, subject, scratch, &why);
    assert_true((answer == ANSWER_UNUSABLE) == (why != NULL));
    regex_free(regex);
    return answer;
}

static struct str filled(struct arena *arena, char byte, size_t len)
{
    char *bytes = arena_alloc(arena, len);
    assert_non_null(bytes);
    memset(bytes, byte, len);
    return str_of(bytes, len);
}

static void test_bounds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 4 << 20);
    struct regex_scratch scratch = { .arena = &arena };
    struct str longest = filled(&arena, 'a', LIMIT_regex_subject), longer = filled(&arena, 'a', LIMIT_regex_subject + 1);
    assert_int_equal(match("^a+$", longest, &scratch), ANSWER_TRUE);
    assert_int_equal(match("^a+$", longer, &scratch), ANSWER_UNUSABLE);
    assert_int_equal(match("b", longest, &scratch), ANSWER_FALSE);
    assert_int_equal(scratch.overruns, 0);
    /* catastrophic patterns end at the match limit */
    static const char *const patterns[] = { "^(a+)+$", "(a|aa)+$", "(a|a?)+$", "(([a-z])+.)+[A-Z0-9]$",
                                           "(.*a){20}$", "\\b(\\w+\\s?)+$", "^(?:a?){50}a{50}$", "(?=(a+))(a+)+$" };
    struct str hostile = filled(&arena, 'a', 4000);
    ((char *)(uintptr_t)hostile.ptr)[hostile.len - 1] = '!';
    struct clock *clock = clock_system();
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct regex_scratch fresh = { .arena = &arena };
        int64_t before = clock_mono_ms(clock);
        assert_int_equal(match(patterns[i], hostile, &fresh), ANSWER_UNUSABLE);
        assert_int_equal(fresh.overruns, 1);
        assert_true(clock_mono_ms(clock) - before < 500);
    }
    arena_release(&arena);
}

/* A recursion that needs more stack than the compiled code has is unusable, whatever it would have answered. */
static void test_stack(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 4 << 20);
    struct regex_scratch scratch = { .arena = &arena };
    char *nested = arena_alloc(&arena, 30000);
    assert_non_null(nested);
    memset(nested, '(', 15000);
    memset(nested + 15000, ')', 15000);
    struct str open = str_of(nested, 30000);
    assert_int_equal(match("^(\\((?1)*\\))$", open, &scratch), ANSWER_UNUSABLE);
    assert_int_equal(scratch.overruns, 1);
    arena_release(&arena);
}

/* What is not UTF-8 is unusable; here it cannot come out of JSON. */
static void test_not_utf8(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 1 << 20);
    struct regex_scratch scratch = { .arena = &arena };
    assert_int_equal(match("a", STR("a\xff"), &scratch), ANSWER_UNUSABLE);
    arena_release(&arena);
}

/* No memory for a match: unusable. */
static void test_no_memory(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct regex_scratch scratch = { .arena = &arena };
    assert_int_equal(match("a", STR("a"), &scratch), ANSWER_UNUSABLE);
    arena_release(&arena);
}

/* Neither many matches nor many that overrun can be bought with one call. */
static void test_budget(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 8 << 20);
    struct regex_scratch scratch = { .arena = &arena };
    struct regex *regex = compile("a");
    const char *why;
    for (unsigned i = 0; i < LIMIT_regex_matches; i++)
        assert_int_equal(regex_match(regex, STR("a"), &scratch, &why), ANSWER_TRUE);
    assert_int_equal(regex_match(regex, STR("a"), &scratch, &why), ANSWER_UNUSABLE);
    regex_free(regex);
    struct regex_scratch second = { .arena = &arena };
    struct str letters = filled(&arena, 'a', 4000);
    regex = compile("(a+)+b\\z|^c");
    unsigned tries = 0;
    while (regex_match(regex, letters, &second, &why) == ANSWER_UNUSABLE && second.overruns < 8)
        tries++;
    assert_int_equal(second.overruns, 8);
    assert_int_equal(regex_match(regex, STR("c"), &second, &why), ANSWER_UNUSABLE);
    assert_true(tries < 10);
    regex_free(regex);
    arena_release(&arena);
}

/* In a policy: an array of hostile strings denies, and soon. */
static void test_in_policy(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'t':{'deny_if':[{'conditions':[{'any':["
                   "{'path':'args.x[*]','op':'regex','value':'(a+)+$'}]}]}]}}}");
    char *args = malloc(400000);
    assert_non_null(args);
    size_t at = (size_t)sprintf(args, "{'x':['b'");
    for (int i = 0; i < 5000; i++)
        at += (size_t)sprintf(args + at, ",'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'");
    (void)sprintf(args + at, "]}");
    struct clock *clock = clock_system();
    int64_t before = clock_mono_ms(clock);
    assert_int_equal(rig_call(&rig, "t", args)->verdict, VERDICT_DENY);
    assert_true(clock_mono_ms(clock) - before < 1000);
    free(args);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_stack),  cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_budget), cmocka_unit_test(test_in_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
