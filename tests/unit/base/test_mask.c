/* Values that must not be shown: in every form that is looked for, cut at every byte, and what stays readable. */
#include "base/mask.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define KEY "sk-9f/3a+\"2c\\77e0"

static const struct mask_word words[] = {
    { { "${KEY}", 6 }, { KEY, sizeof(KEY) - 1 } },
    { { "${PIN}", 6 }, { "4711", 4 } },
    { { "${ONE}", 6 }, { "1", 1 } },
    { { "${NONE}", 7 }, { "", 0 } },
    { { "${LONGER}", 9 }, { "password1234", 12 } },
    { { "${OTHER}", 8 }, { "1234567890", 10 } },
    { { "${file:pem}", 11 }, { "first line of it\nsecond line of it\n}\n", 37 } },
};

static struct mask *make(void)
{
    struct mask *mask;
    assert_int_equal(mask_new(words, ARRAY_LEN(words), &mask), 0);
    assert_non_null(mask);
    return mask;
}

/* In two parts, cut behind `cut` bytes, as a reader with little room does it. */
static void show(const struct mask *mask, struct str text, size_t cut, struct buf *out)
{
    struct mask_state state = { 0 };
    size_t done = mask_part(mask, &state, str_slice(text, 0, cut), false, out);
    assert_true(done <= cut);
    assert_true(cut - done < MASK_REACH);
    text = str_slice(text, done, text.len);
    assert_int_equal(mask_part(mask, &state, text, true, out), text.len);
}

static const struct {
    const char *text, *shown;
} cases[] = {
    { "", "" },
    { "nothing of it", "nothing of it" },
    { KEY, "${KEY}" },
    { "key=" KEY ".", "key=${KEY}." },
    { KEY KEY, "${KEY}${KEY}" },
    { "sk-9f/3a+", "sk-9f/3a+" },
    { "{\"key\": \"sk-9f/3a+\\\"2c\\\\77e0\"}", "{\"key\": \"${KEY}\"}" },
    { "GET /?key=sk-9f%2F3a%2B%222c%5C77e0&x", "GET /?key=${KEY}&x" },
    { "GET /?key=sk-9f%2f3a%2b%222c%5c77e0&x", "GET /?key=${KEY}&x" },
    { "pin 4711, 47110 a4711 (4711) 4711", "pin ${PIN}, 47110 a4711 (${PIN}) ${PIN}" },
    { "4711_ _4711", "4711_ _4711" },
    { "port 1", "port 1" },
    { "password1234567890!", "${LONGER}!" },
    { "  second line of it\\n", "  ${file:pem}\\n" },
    { "}", "}" },
};

static void values_are_replaced(void **state)
{
    (void)state;
    struct mask *mask = make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_from_c(cases[i].text);
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct buf out;
            buf_init(&out, 4096);
            show(mask, text, cut, &out);
            if (!str_eq(buf_str(&out), str_from_c(cases[i].shown)))
                fail_msg("%s: %.*s", cases[i].text, (int)out.len, out.ptr);
            buf_release(&out);
        }
    }
    mask_free(mask);
}

/* "Basic " and base64 of user and value, for users of each length: at least what has more than a bit of the value. */
static void base64_hides_a_value_at_each_offset(void **state)
{
    (void)state;
    struct mask *mask = make();
    for (int user = 0; user < 7; user++) {
        char plain[64], text[128];
        struct buf out;
        int len = snprintf(plain, sizeof(plain), "%.*s%s:end", user, "someone", KEY);
        for (int url = 0; url < 2; url++) {
            size_t encoded = url ? base64url_encode(plain, (size_t)len, text) : base64_encode(plain, (size_t)len, text);
            buf_init(&out, 4096);
            show(mask, str_of(text, encoded), encoded / 2, &out);
            size_t from = str_find(buf_str(&out), STR("${KEY}"));
            assert_true(from <= (size_t)user * 4 / 3 + 2);
            assert_true(out.len - from - 6 <= 8); /* ":end" and what shares bits with it */
            buf_release(&out);
        }
    }
    mask_free(mask);
}

/* Longer than what is looked at together: found by its parts, wherever the text is cut. */
static void a_long_value_leaves_no_part(void **state)
{
    (void)state;
    char value[3000];
    struct mask *mask;
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)('a' + (i * 7 + i / 26) % 26);
    for (size_t len = MASK_REACH - 3; len < sizeof(value); len += 97) {
        const struct mask_word word = { STR("<>"), str_of(value, len) };
        assert_int_equal(mask_new(&word, 1, &mask), 0);
        for (size_t cut = 0; cut <= len; cut += 61) {
            struct buf out;
            buf_init(&out, 8192);
            show(mask, word.value, cut, &out);
            for (size_t i = 0; i < out.len; i++)
                assert_true(out.ptr[i] == '<' || out.ptr[i] == '>');
            buf_release(&out);
        }
        mask_free(mask);
    }
}

static void nothing_to_hide_is_no_mask(void **state)
{
    (void)state;
    struct mask *mask;
    const struct mask_word word = { STR("${ONE}"), STR(" 12 \n") };
    assert_int_equal(mask_new(NULL, 0, &mask), 0);
    assert_null(mask);
    assert_int_equal(mask_new(&word, 1, &mask), 0);
    assert_null(mask);
    mask_free(NULL);
}

static void names_of_secrets(void **state)
{
    (void)state;
    static const char *const secret[] = { "API_KEY", "--token", "GH_Token", "clientSecret", "PGPASSWORD", "Authorization" };
    static const char *const plain[] = { "", "HOME", "PORT", "--verbose", "ke" };
    for (size_t i = 0; i < ARRAY_LEN(secret); i++)
        assert_true(mask_names_secret(str_from_c(secret[i])));
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        assert_false(mask_names_secret(str_from_c(plain[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_replaced),
        cmocka_unit_test(base64_hides_a_value_at_each_offset),
        cmocka_unit_test(a_long_value_leaves_no_part),
        cmocka_unit_test(nothing_to_hide_is_no_mask),
        cmocka_unit_test(names_of_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
