/* Byte strings: order, search, numbers, UTF-8. */
#include "base/str.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void order_is_by_bytes(void **state)
{
    (void)state;
    static const struct str ascending[] = { { "", 0 },     { "\0", 1 },       { "A", 1 },   { "a", 1 },
                                            { "a\0", 2 },  { "aa", 2 },       { "ab", 2 },  { "b", 1 },
                                            { "\x7f", 1 }, { "\xc3\xa9", 2 }, { "\xff", 1 } };

    for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
        for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
            assert_int_equal(str_cmp(ascending[i], ascending[j]), (i > j) - (i < j));
            assert_int_equal(str_eq(ascending[i], ascending[j]), i == j);
            assert_int_equal(str_eq_secret(ascending[i], ascending[j]), i == j);
        }
}

static void only_ascii_letters_fold(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("cOnTeNt-type")));
    assert_false(str_eq_nocase(STR("content-type"), STR("content-type ")));
    assert_false(str_eq_nocase(STR("@["), STR("`{"))); /* 0x20 apart, no letters */
    assert_false(str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
}

static void parts_are_found(void **state)
{
    (void)state;
    struct str s = STR("abcabd");

    assert_true(str_starts_with(s, STR("abc")) && str_starts_with(s, STR_EMPTY) && str_starts_with(s, s));
    assert_false(str_starts_with(s, STR("abd")) || str_starts_with(STR("ab"), STR("abc")));
    assert_true(str_ends_with(s, STR("abd")) && str_ends_with(s, STR_EMPTY) && str_ends_with(s, s));
    assert_false(str_ends_with(s, STR("abc")) || str_ends_with(STR("bd"), STR("abd")));
    assert_int_equal(str_find(s, STR("abd")), 3);
    assert_int_equal(str_find(s, STR("x")), 6);
    assert_int_equal(str_find(s, STR_EMPTY), 0);
    assert_int_equal(str_find(STR_EMPTY, STR("a")), 0);
    assert_int_equal(str_find(STR("a"), s), 1);
    assert_int_equal(str_find_byte(s, 'b'), 1);
    assert_int_equal(str_find_byte(s, '\xff'), 6);
    assert_int_equal(str_find_byte(str_of("a\xff", 2), '\xff'), 1);
    assert_int_equal(str_find_byte(str_of(NULL, 0), 'a'), 0);
    assert_true(str_eq(str_slice(s, 2, 4), STR("ca")));
    assert_true(str_eq(str_slice(s, 4, 99), STR("bd")));
    assert_int_equal(str_slice(s, 4, 2).len, 0);
    assert_int_equal(str_slice(s, 99, 200).len, 0);
    assert_true(str_eq(str_trim(STR(" \t a b\t"), " \t"), STR("a b")));
    assert_int_equal(str_trim(STR("  "), " ").len, 0);
}

static void numbers_are_plain_digits(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "+1", "-1", "01", "00", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "99999999999999999999999", "1e2"
    };
    unsigned long long value = 7;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(str_to_u64(str_from_c(wrong[i]), ~0ULL, &value));
    assert_int_equal(value, 7);
    assert_true(str_to_u64(STR("18446744073709551615"), ~0ULL, &value));
    assert_true(value == ~0ULL);
    assert_true(str_to_u64(STR("0"), 0, &value) && value == 0);
    assert_true(str_to_u64(STR("255"), 255, &value) && value == 255);
    assert_false(str_to_u64(STR("256"), 255, &value));
    assert_false(str_to_u64(str_of("1\0", 2), 255, &value));
}

static const struct {
    struct str bytes;
    bool good;
} utf8[] = {
#define CASE(bytes, good)                  \
    {                                      \
        { bytes, sizeof(bytes) - 1 }, good \
    }
    CASE("", true),
    CASE("plain ascii of more than eight bytes", true),
    CASE("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true),
    CASE("\x80", false),
    CASE("\xc0\x80", false),
    CASE("\xc1\xbf", false),
    CASE("\xc2", false),
    CASE("\xc2\x7f", false),
    CASE("\xe0\x9f\xbf", false),
    CASE("\xed\xa0\x80", false),
    CASE("\xed\xbf\xbf", false),
    CASE("\xe2\x82", false),
    CASE("\xf0\x8f\xbf\xbf", false),
    CASE("\xf4\x90\x80\x80", false),
    CASE("\xf5\x80\x80\x80", false),
    CASE("\xf0\x90\x80", false),
    CASE("\xfc\x80\x80\x80\x80\x80", false),
    CASE("\xfe", false),
    CASE("\xff", false),
#undef CASE
};

/* Each case at every place of a longer text, so that the step of eight bytes meets it everywhere. */
static void utf8_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(utf8); i++)
        for (size_t before = 0; before < 10; before++)
            for (size_t after = 0; after < 10; after++) {
                size_t len = before + utf8[i].bytes.len + after;
                char *text = malloc(len > 0 ? len : 1);
                assert_non_null(text);
                memset(text, 'x', len);
                memcpy(text + before, utf8[i].bytes.ptr, utf8[i].bytes.len);
                if (str_is_utf8(str_of(text, len)) != utf8[i].good)
                    fail_msg("case %zu, %zu before, %zu after", i, before, after);
                free(text);
            }
}

static void code_points_are_read(void **state)
{
    (void)state;
    struct str text = STR("aé漢😀\xff");
    static const unsigned points[] = { 'a', 0xe9, 0x6f22, 0x1f600 };
    size_t at = 0;
    unsigned point;

    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        at += str_utf8_next(text, at, &point);
        assert_int_equal(point, points[i]);
    }
    assert_int_equal(str_utf8_next(text, at, &point), 0);
}

static void test_words_of_bytes(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool token, identifier;
    } cases[] = {
        { STR_EMPTY, false, false },       { STR("X-Api_Key2"), true, false }, { STR("HOME_2"), true, true },
        { STR("!#$%&'*+-.^_`|~"), true, false }, { STR("a b"), false, false }, { STR("a\0b"), false, false },
        { STR("\0"), false, false },       { STR("a:"), false, false },        { STR("caf\xc3\xa9"), false, false },
        { STR("a=b"), false, false },      { STR("9"), true, true },           { STR("_"), true, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(str_is_token(cases[i].text), cases[i].token);
        assert_int_equal(str_is_identifier(cases[i].text), cases[i].identifier);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_bytes), cmocka_unit_test(order_is_by_bytes), cmocka_unit_test(only_ascii_letters_fold),
        cmocka_unit_test(parts_are_found),   cmocka_unit_test(numbers_are_plain_digits),
        cmocka_unit_test(utf8_is_checked),   cmocka_unit_test(code_points_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
