/* Encodings against their specifications' own examples. */
#include "base/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void hex_goes_both_ways(void **state)
{
    (void)state;
    char text[8];
    uint8_t bytes[4];

    hex_encode("\x00\x7f\x80\xff", 4, text);
    assert_memory_equal(text, "007f80ff", 8);
    assert_int_equal(hex_decode(STR("007F80fF"), bytes, 4), 0);
    assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
    assert_int_equal(hex_decode(STR("007f80f"), bytes, 4), E_SYNTAX);
    assert_int_equal(hex_decode(STR("007f80"), bytes, 4), E_SYNTAX);
    assert_int_equal(hex_decode(STR("007f80fg"), bytes, 4), E_SYNTAX);
    assert_int_equal(hex_decode(STR_EMPTY, bytes, 0), 0);
}

/* RFC 4648 §10, without padding and in the URL's alphabet. */
static const struct {
    struct str bytes, text;
} base64url_cases[] = {
    { { "", 0 }, { "", 0 } },
    { { "f", 1 }, { "Zg", 2 } },
    { { "fo", 2 }, { "Zm8", 3 } },
    { { "foo", 3 }, { "Zm9v", 4 } },
    { { "foob", 4 }, { "Zm9vYg", 6 } },
    { { "fooba", 5 }, { "Zm9vYmE", 7 } },
    { { "foobar", 6 }, { "Zm9vYmFy", 8 } },
    { { "\xfb\xff\xfe", 3 }, { "-__-", 4 } },
};

static void base64url_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(base64url_cases) / sizeof(base64url_cases[0]); i++) {
        struct str bytes = base64url_cases[i].bytes, text = base64url_cases[i].text;
        char out[16];
        size_t len = 99;

        assert_int_equal(base64url_encode(bytes.ptr, bytes.len, out), text.len);
        assert_memory_equal(out, text.ptr, text.len);
        assert_int_equal(base64url_decode(text, out, bytes.len, &len), 0);
        assert_int_equal(len, bytes.len);
        assert_memory_equal(out, bytes.ptr, len);
    }
}

static void base64url_has_one_text_a_value(void **state)
{
    (void)state;
    char out[16];
    size_t len;

    assert_int_equal(base64url_decode(STR("Zh"), out, 16, &len), E_SYNTAX); /* bits behind the last byte */
    assert_int_equal(base64url_decode(STR("Zm9"), out, 16, &len), E_SYNTAX);
    assert_int_equal(base64url_decode(STR("Z"), out, 16, &len), E_SYNTAX);
    assert_int_equal(base64url_decode(STR("Zg=="), out, 16, &len), E_SYNTAX);
    assert_int_equal(base64url_decode(STR("+/+/"), out, 16, &len), E_SYNTAX);
    assert_int_equal(base64url_decode(STR("Zm9v"), out, 2, &len), E_LIMIT);
}

/* RFC 3720 §B.4. */
static void crc32c_is_castagnoli(void **state)
{
    (void)state;
    uint8_t bytes[32] = { 0 };

    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void crc32c_goes_on_and_agrees_with_the_portable_one(void **state)
{
    (void)state;
    uint8_t bytes[97];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        uint32_t whole = crc32c(0, bytes, len);
        assert_int_equal(whole, ~crc32c_portable(~0u, bytes, len));
        assert_int_equal(whole, crc32c(crc32c(0, bytes, len / 3), bytes + len / 3, len - len / 3));
    }
}

static void id_is_uuid_version_7(void **state)
{
    (void)state;
    static const uint8_t entropy[8] = { 0xff, 1, 2, 3, 4, 5, 6, 7 };
    struct id id, again;
    char text[ID_TEXT_LEN + 1];

    id_make(&id, 0x017f22e279b0, 0xcc3d, entropy); /* the time of RFC 9562 §A.6 */
    id_print(&id, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-b701-020304050607");
    assert_int_equal(id_parse(str_from_c(text), &again), 0);
    assert_memory_equal(&id, &again, sizeof(id));
    assert_int_equal(id_parse(STR("017F22E2-79B0-7CC3-B701-020304050607"), &again), 0);
    assert_int_equal(id_parse(STR("017f22e2-79b0-4cc3-b701-020304050607"), &again), E_SYNTAX); /* version 4 */
    assert_int_equal(id_parse(STR("017f22e2-79b0-7cc3-f701-020304050607"), &again), E_SYNTAX); /* variant */
    assert_int_equal(id_parse(STR("017f22e2079b0-7cc3-b701-020304050607"), &again), E_SYNTAX);
    assert_int_equal(id_parse(STR("017f22e2-79b0-7cc3-b701-02030405060"), &again), E_SYNTAX);
    assert_int_equal(id_parse(STR("017f22e2-79b0-7cc3-b701-0203040506070"), &again), E_SYNTAX);
}

static void ids_sort_by_time(void **state)
{
    (void)state;
    static const uint8_t high[8] = { 255, 255, 255, 255, 255, 255, 255, 255 }, low[8] = { 0 };
    struct id earlier, later;

    id_make(&earlier, 1700000000255, 0xffff, high);
    id_make(&later, 1700000000256, 0, low);
    assert_true(memcmp(earlier.bytes, later.bytes, sizeof(earlier.bytes)) < 0);
}

static void escaped(const char *expected, struct str text)
{
    char out[256];
    size_t len = text_escape(text, out, sizeof(out));

    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

static void escape_shows_what_hides(void **state)
{
    (void)state;
    escaped("plain text, grüße, 漢字, 😀", STR("plain text, grüße, 漢字, 😀"));
    escaped("a\\nb\\rc\\td", STR("a\nb\rc\td"));
    escaped("\\x00\\x1b[31m\\x7f", STR("\0\x1b[31m\x7f"));
    escaped("\\u{85}\\u{9b}", STR("\xc2\x85\xc2\x9b"));
    escaped("\\u{202a}\\u{202e}\\u{2066}\\u{2069}\\u{200e}\\u{200f}\\u{61c}",
            STR("\u202a\u202e\u2066\u2069\u200e\u200f\u061c"));
    escaped("\\u{200b}\\u{200c}\\u{200d}\\u{2060}\\u{feff}", STR("\u200b\u200c\u200d\u2060\ufeff"));
    escaped("\\u{2028}\\u{2029}", STR("\u2028\u2029"));
    escaped("\\u{e0000}\\u{e0041}\\u{e007f}", STR("\U000e0000\U000e0041\U000e007f"));
    escaped("\\xff\\xc0\\xafa", STR("\xff\xc0\xaf"
                                    "a"));
    escaped("\\xed\\xa0\\x80", STR("\xed\xa0\x80")); /* a surrogate */
    escaped("\\xe2\\x82", STR("\xe2\x82"));          /* cut */
    escaped("\\\\n \\\\x1b", STR("\\n \\x1b"));      /* not to be taken for an escape */
    escaped("", STR_EMPTY);
}

static void escape_cuts_between_characters(void **state)
{
    (void)state;
    char out[64];

    assert_int_equal(text_escape(STR("abcdefgh"), out, 9), 8);
    assert_string_equal(out, "abcdefgh");
    assert_int_equal(text_escape(STR("abcdefgh"), out, 8), 7);
    assert_string_equal(out, "abcd…");
    assert_int_equal(text_escape(STR("abc\n\n\n"), out, 9), 8);
    assert_string_equal(out, "abc\\n…");
    assert_int_equal(text_escape(STR("abcd"), out, 4), 3);
    assert_string_equal(out, "…");
    assert_int_equal(text_escape(STR("abcd"), out, 3), 0);
    assert_string_equal(out, "");
    assert_int_equal(text_escape(STR("abcd"), out, 1), 0);
    assert_string_equal(out, "");
    /* Whatever the size, what is written is whole characters. */
    for (size_t max = 1; max < sizeof(out); max++) {
        size_t len = text_escape(STR("ü\n漢\u202e😀\xff\\ü\n漢\u202e😀\xff\\"), out, max);
        assert_true(len < max && str_is_utf8(str_of(out, len)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(base64url_goes_both_ways),
        cmocka_unit_test(base64url_has_one_text_a_value),
        cmocka_unit_test(crc32c_is_castagnoli),
        cmocka_unit_test(crc32c_goes_on_and_agrees_with_the_portable_one),
        cmocka_unit_test(id_is_uuid_version_7),
        cmocka_unit_test(ids_sort_by_time),
        cmocka_unit_test(escape_shows_what_hides),
        cmocka_unit_test(escape_cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
