/* What a misspelled word is taken for, and what is not taken for anything. */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct str words[] = { { "command", 7 }, { "args", 4 }, { "env", 3 }, { "policy", 6 }, { "deny_if", 7 } };

static void assert_nearest(const char *word, const char *expected)
{
    struct str found = nearest_word(str_from_c(word), words, sizeof(words) / sizeof(words[0]));
    assert_true(str_eq(found, str_from_c(expected)));
}

static void test_near_words(void **state)
{
    (void)state;
    assert_nearest("polcy", "policy");
    assert_nearest("policies", "policy");
    assert_nearest("plicoy", "policy");
    assert_nearest("comand", "command");
    assert_nearest("Command", "command");
    assert_nearest("cmomand", "command");
    assert_nearest("deny-if", "deny_if");
    assert_nearest("arg", "args");
    assert_nearest("evn", "env");
}

static void test_far_words(void **state)
{
    (void)state;
    char long_word[200];
    for (size_t i = 0; i < sizeof(long_word); i++)
        long_word[i] = 'a';
    long_word[sizeof(long_word) - 1] = 0;
    assert_nearest("", "");
    assert_nearest("zzz", "");
    assert_nearest("transport", "");
    assert_nearest(long_word, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_words),
        cmocka_unit_test(test_far_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
