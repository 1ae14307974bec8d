/* What people are told about sources that are nearly JSON. */
#include "json/json.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COMMENT "JSON has no comments"
#define QUOTES "names and strings stand in double quotes"
#define TRAILING "no comma before a closing bracket"
#define MISSING "a comma is missing before this"
#define ENDS "it ends before every bracket and quote is closed"

static const struct {
    const char *source, *hint; /* what it begins with; "" for none */
} cases[] = {
    { "{ // why\n \"a\": 1}", COMMENT },
    { "{\"a\": 1 /* why */}", COMMENT },
    { "{\"a\": 1}\n# why", COMMENT },
    { "{\"a\": 1}\n// why", COMMENT },
    { "{'a': 1}", QUOTES },
    { "{\"a\": 'b'}", QUOTES },
    { "{a: 1}", QUOTES },
    { "{\"a\": yes}", QUOTES },
    { "{\"a\": True}", QUOTES },
    { "{\"a\": 1,}", TRAILING },
    { "{\"a\": 1,,\n}", "a comma too many" },
    { "[,1]", "a comma too many" },
    { "{\"a\": , \"b\": 1}", "a value is missing before this" },
    { "{\"a\": }", "a value is missing before this" },
    { "[1,\n 2,\n]", TRAILING },
    { "{\"a\": \"x\"\n \"b\": 1}", MISSING },
    { "[{} {}]", "" },
    { "[[] \"x\"]", MISSING },
    { "{\"a\": {\"b\": 1}", ENDS },
    { "[1", ENDS },
    { "{\"a\": \"b}", ENDS },
    { "\xef\xbb\xbf{}", "save the file" },
    { "", "" },
    { "{\"a\": 1, \"a\": 2}", "" },
    { "{\"a\": 1}}", "" },
    { "{\"a\" 1}", "" },
    { "\"\xff\"", "" },
};

static void hints_name_the_slip(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena;
        struct json_error fault;
        const struct json *root;
        struct str source = str_from_c(cases[i].source), expected = str_from_c(cases[i].hint);
        arena_init(&arena, NULL, 1 << 20);
        assert_int_not_equal(json_parse(&arena, source, &json_limits_policy, &root, &fault), 0);
        struct str hint = json_fault_hint(source, &fault);
        if (expected.len ? !str_starts_with(hint, expected) : hint.len != 0) {
            print_error("%s gives \"%" STR_FMT "\" at %zu\n", cases[i].source, STR_ARG(hint), fault.offset);
            wrong++;
        }
        arena_release(&arena);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(hints_name_the_slip) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
