/* Where a policy's mistake stands: line and column of what a pointer names. */
#include "json/json.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char source[] = "\n"
                             "{ \"tools\": {\n"
                             "    \"create_charge\": { \"deny_if\": [ 1, {\"arg\" : \"a,b]}\\\"\"},\n"
                             "      [ [ ] , {} ] ] },\n"
                             "\t\"a\\u002fb\" :\n"
                             "   true, \"\\ud83d\\ude00~\":-1.5e3 ,\"\\\"\\\\\\/\\b\\f\\n\\r\\t\" : null},\n"
                             "  \"\": { \"\": 7 },\n"
                             "  \"last\":\"\xc3\xbc\",\"end\":{}}";

static const struct {
    struct str pointer;
    bool key;
    size_t line, column;
} cases[] = {
#define CASE(pointer, key, line, column)                    \
    {                                                       \
        { pointer, sizeof(pointer) - 1 }, key, line, column \
    }
    CASE("", false, 2, 1),
    CASE("", true, 2, 1),
    CASE("/tools", false, 2, 12),
    CASE("/tools", true, 2, 3),
    CASE("/tools/create_charge", true, 3, 5),
    CASE("/tools/create_charge/deny_if", false, 3, 35),
    CASE("/tools/create_charge/deny_if/0", false, 3, 37),
    CASE("/tools/create_charge/deny_if/1", false, 3, 40),
    CASE("/tools/create_charge/deny_if/1", true, 3, 40), /* an element has no name */
    CASE("/tools/create_charge/deny_if/1/arg", false, 3, 49),
    CASE("/tools/create_charge/deny_if/1/arg", true, 3, 41),
    CASE("/tools/create_charge/deny_if/2", false, 4, 7),
    CASE("/tools/create_charge/deny_if/2/0", false, 4, 9),
    CASE("/tools/create_charge/deny_if/2/1", false, 4, 15),
    CASE("/tools/a~1b", true, 5, 2),
    CASE("/tools/a~1b", false, 6, 4),
    CASE("/tools/\xf0\x9f\x98\x80~0", true, 6, 10),
    CASE("/tools/\xf0\x9f\x98\x80~0", false, 6, 26),
    CASE("/tools/\"\\~1\b\f\n\r\t", false, 6, 55),
    CASE("/", false, 7, 7),
    CASE("//", false, 7, 13),
    CASE("/last", false, 8, 10),
    CASE("/end", true, 8, 15), /* columns are bytes */
    /* Nowhere: the document's start. */
    CASE("/nothing", false, 2, 1),
    CASE("/tools/create_charge/deny_if/3", false, 2, 1),
    CASE("/tools/create_charge/deny_if/2/0/0", false, 2, 1),
    CASE("/tools/create_charge/deny_if/00", false, 2, 1),
    CASE("/last/x", false, 2, 1),
    CASE("/end/x", true, 2, 1),
    CASE("tools", false, 2, 1),
#undef CASE
};

static void pointers_are_located(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t line, column;
        json_locate(str_of(source, sizeof(source) - 1), cases[i].pointer, cases[i].key, &line, &column);
        if (line != cases[i].line || column != cases[i].column)
            fail_msg("%s: line %zu, column %zu", cases[i].pointer.ptr, line, column);
    }
}

/* A source that does not parse must not lead outside of it: cut at every byte, in memory of just its size. */
static void a_cut_source_is_safe(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(source); len++) {
        char *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, source, len);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            size_t line, column;
            json_locate(str_of(exact, len), cases[i].pointer, cases[i].key, &line, &column);
            assert_true(line >= 1 && line <= 8 && column >= 1 && column <= len + 1);
        }
        free(exact);
    }
}

static void positions_count_from_one(void **state)
{
    (void)state;
    static const struct {
        size_t offset, line, column;
    } positions[] = { { 0, 1, 1 }, { 1, 1, 2 }, { 2, 1, 3 }, { 3, 2, 1 }, { 4, 3, 1 }, { 6, 3, 3 }, { 99, 3, 3 } };

    for (size_t i = 0; i < ARRAY_LEN(positions); i++) {
        size_t line, column;
        json_position(STR("ab\n\ncd"), positions[i].offset, &line, &column);
        assert_int_equal(line, positions[i].line);
        assert_int_equal(column, positions[i].column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_are_located),
        cmocka_unit_test(a_cut_source_is_safe),
        cmocka_unit_test(positions_count_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
