/* What the reader accepts, what it refuses, and what it says about that. */
#include "json/json.h"

#include "base/check.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CEILING ((size_t)64 << 20)

static const struct json_limits wide = { (size_t)1 << 24, 1000000, 64 };

/* The fault of a source that stands in memory of just its size, so that a read beyond it is seen. */
static enum json_fault fault_of(struct str source, const struct json_limits *limits, size_t *offset)
{
    struct arena arena;
    struct json_error error;
    const struct json *root;
    char *exact = malloc(source.len > 0 ? source.len : 1);

    assert_non_null(exact);
    if (source.len > 0)
        memcpy(exact, source.ptr, source.len);
    arena_init(&arena, NULL, CEILING);
    int status = json_parse(&arena, str_of(exact, source.len), limits, &root, &error);
    bool limit =
        error.fault == JSON_FAULT_TOO_LARGE || error.fault == JSON_FAULT_TOO_DEEP || error.fault == JSON_FAULT_TOO_MANY;
    assert_int_equal(status, error.fault == JSON_FAULT_NONE ? 0 : limit ? E_LIMIT : E_SYNTAX);
    assert_int_equal(root != NULL, status == 0);
    *offset = error.offset;
    arena_release(&arena);
    assert_int_equal(arena.used, 0);
    free(exact);
    return error.fault;
}

static const struct {
    struct str source;
    enum json_fault fault;
    size_t offset;
} cases[] = {
#define CASE(source, fault, offset)                                \
    {                                                              \
        { source, sizeof(source) - 1 }, JSON_FAULT_##fault, offset \
    }
    CASE("{}", NONE, 0),
    CASE(" \t\r\n[ ] \n", NONE, 0),
    CASE("0", NONE, 0),
    CASE("\"\\ud83d\\ude00\"", NONE, 0),
    CASE("\"\\u0000\"", NONE, 0), /* in a value it is allowed */
    CASE("{\"a\":1,\"b\":{\"a\":1},\"A\":1}", NONE, 0),
    CASE("{\"\\u00e9\":1,\"e\\u0301\":2}", NONE, 0), /* names are bytes: no normalisation */
    CASE("", EMPTY, 0),
    CASE(" \n", EMPTY, 0),
    CASE("\xef\xbb\xbf{}", BOM, 0),
    CASE("\xff\xfe{\0}\0", UTF8, 0),
    CASE("{\0}\0", SYNTAX, 1),
    CASE("[\"\xc0\xaf\"]", UTF8, 2),
    CASE("[\"\xed\xa0\x80\"]", UTF8, 2),
    CASE("[\"\xf4\x90\x80\x80\"]", UTF8, 2),
    CASE("[\"\xe2\x82\"]", UTF8, 2),
    CASE("{\"a\":1,\"b\":2,\"a\":1}", DUPLICATE, 13),
    CASE("{\"a\":1, \"\\u0061\":1}", DUPLICATE, 8),
    CASE("{\"\":1,\"\":1}", DUPLICATE, 6),
    CASE("[{\"x\":[{\"k\":{},\"k\":{}}]}]", DUPLICATE, 15),
    CASE("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", DUPLICATE, 18),
    CASE("[\"\\ud800\"]", SURROGATE, 2),
    CASE("[\"\\udc00\\ud800\"]", SURROGATE, 2),
    CASE("[\"ab\\ud800\\u0041\"]", SURROGATE, 4),
    CASE("{\"\\udfff\":1}", SURROGATE, 2),
    CASE("[x,\"\\ud800\"]", SYNTAX, 1), /* the first fault counts */
    CASE("{\"a\\u0000\":1}", NUL_KEY, 1),
    CASE("[{\"\\u0000\":1,\"\\u0000\":1}]", NUL_KEY, 2),
    CASE("{}{}", TRAILING, 2),
    CASE("{} x", TRAILING, 3),
    CASE("{}\0", TRAILING, 2),
    CASE("{}\f", TRAILING, 2),
    CASE("1 2", TRAILING, 2),
    CASE("[1,]", SYNTAX, 2),
    CASE("{\"a\":1,}", SYNTAX, 6),
    CASE("{a:1}", SYNTAX, 1),
    CASE("{'a':1}", SYNTAX, 1),
    CASE("[NaN]", SYNTAX, 1),
    CASE("[Infinity]", SYNTAX, 1),
    CASE("[1]//c", TRAILING, 3),
    CASE("/**/[1]", SYNTAX, 0),
    CASE("[\"\x01\"]", SYNTAX, 2),
    CASE("[\"a", SYNTAX, 3),
    CASE("[", SYNTAX, 1),
#undef CASE
};

static void faults_are_named_and_placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t offset;
        enum json_fault fault = fault_of(cases[i].source, &wide, &offset);
        if (fault != cases[i].fault || offset != cases[i].offset)
            fail_msg("case %zu, %s: %s at %zu", i, cases[i].source.ptr, json_fault_text(fault), offset);
    }
}

static void numbers_are_checked(void **state)
{
    (void)state;
    static const char *const right[] = {
        "0", "-0", "1", "10", "0.1", "-1.50e+10", "1E-400", "1e999999999999", "123456789012345678901234567890"
    };
    static const char *const wrong[] = { "01",  "-01",  "00",  "1.",  ".1",  "-",  "+1",    "1e",   "1e+",
                                         "0x1", "1.e1", "--1", "1_0", "-.1", "0e", "1.2.3", "1e1.5" };
    char text[64];
    size_t offset;

    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        assert_int_equal(fault_of(str_from_c(right[i]), &wide, &offset), JSON_FAULT_NONE);
        snprintf(text, sizeof(text), "[%s]", right[i]);
        assert_int_equal(fault_of(str_from_c(text), &wide, &offset), JSON_FAULT_NONE);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_not_equal(fault_of(str_from_c(wrong[i]), &wide, &offset), JSON_FAULT_NONE);
        snprintf(text, sizeof(text), "{\"a\":%s}", wrong[i]);
        assert_int_not_equal(fault_of(str_from_c(text), &wide, &offset), JSON_FAULT_NONE);
    }
}

static void the_member_that_stands_twice_is_named(void **state)
{
    (void)state;
    struct arena arena;
    struct json_error error;
    const struct json *root;

    arena_init(&arena, NULL, CEILING);
    assert_int_equal(json_parse(&arena, STR("{\"n\":{\"na\\u006de\":1,\"name\":2}}"), &wide, &root, &error), E_SYNTAX);
    assert_int_equal(error.fault, JSON_FAULT_DUPLICATE);
    assert_true(str_eq(error.key, STR("name")));
    arena_release(&arena);
}

/* An object of `count` members, the last of them named as the one at `twin` (none: count). */
static void many_members(struct buf *out, size_t count, size_t twin)
{
    buf_reset(out);
    buf_append_byte(out, '{');
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s\"m%zu\":%zu", i > 0 ? "," : "", i == count - 1 && twin < count ? twin : i, i);
    buf_append_byte(out, '}');
    assert_true(buf_ok(out));
}

static size_t last_name(struct str object)
{
    size_t at = object.len;
    while (object.ptr[at - 1] != 'm')
        at--;
    return at - 2;
}

static void duplicates_are_found_in_objects_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = { 2, 3, 15, 16, 17, 18, 31, 64, 65, 1000, 10000 };
    struct buf out;
    size_t offset;

    buf_init(&out, CEILING);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t count = sizes[i];
        const size_t twins[] = { 0, count / 2, count - 2 };
        many_members(&out, count, count);
        assert_int_equal(fault_of(buf_str(&out), &wide, &offset), JSON_FAULT_NONE);
        for (size_t j = 0; j < ARRAY_LEN(twins); j++) {
            if (twins[j] == count - 1)
                continue;
            many_members(&out, count, twins[j]);
            assert_int_equal(fault_of(buf_str(&out), &wide, &offset), JSON_FAULT_DUPLICATE);
            assert_int_equal(offset, last_name(buf_str(&out)));
        }
    }
    buf_release(&out);
}

static void ceilings_are_exact(void **state)
{
    (void)state;
    static const struct json_limits limits = { 100, 5, 3 };
    static const struct {
        const char *source;
        enum json_fault fault;
    } at_the_limit[] = {
        { "[[[]]]", JSON_FAULT_NONE },
        { "[[[[]]]]", JSON_FAULT_TOO_DEEP },
        { "[{\"a\":[]}]", JSON_FAULT_NONE },
        { "[{\"a\":[{}]}]", JSON_FAULT_TOO_DEEP },
        { "[[],[],[]]", JSON_FAULT_NONE },
        { "[1,2,3,4,5]", JSON_FAULT_NONE },
        { "[1,2,3,4,5,6]", JSON_FAULT_TOO_MANY },
        { "[[1,2],[3]]", JSON_FAULT_NONE },
        { "[[1,2],[3,4]]", JSON_FAULT_TOO_MANY },
        { "[[[1],1],1]", JSON_FAULT_NONE },
        { "{\"a\":1,\"b\":2,\"c\":{\"a\":1,\"b\":2}}", JSON_FAULT_NONE },
        { "{\"a\":1,\"b\":2,\"c\":{\"a\":1,\"b\":{\"c\":1}}}", JSON_FAULT_TOO_MANY },
        { "[\"[[[[{{{{,,,,,,,,\\\"[[[[,,,,\"]", JSON_FAULT_NONE }, /* brackets in a string are none */
        { "[\"\\\\\",[[[]]]]", JSON_FAULT_TOO_DEEP },
        { "]]]][[[[", JSON_FAULT_TOO_DEEP },
        { "[ \n[ ] ,\t[ ] ]", JSON_FAULT_NONE },
    };
    char text[102];
    size_t offset;

    for (size_t i = 0; i < ARRAY_LEN(at_the_limit); i++)
        if (fault_of(str_from_c(at_the_limit[i].source), &limits, &offset) != at_the_limit[i].fault)
            fail_msg("%s", at_the_limit[i].source);
    memset(text, ' ', sizeof(text));
    text[0] = '1';
    assert_int_equal(fault_of(str_of(text, 100), &limits, &offset), JSON_FAULT_NONE);
    assert_int_equal(fault_of(str_of(text, 101), &limits, &offset), JSON_FAULT_TOO_LARGE);
}

/* The fast count adds up 16 columns apart: here all that it counts stands in one of them, 256 times and more. */
static void a_regular_source_is_counted_too(void **state)
{
    (void)state;
    static const struct json_limits limits = { 1 << 20, 100, 64 };
    struct buf out;
    size_t offset;

    buf_init(&out, CEILING);
    for (size_t count = 90; count < 600; count += 83) {
        buf_reset(&out);
        buf_append_byte(&out, '[');
        for (size_t i = 1; i < count; i++)
            buf_printf(&out, "%15d,", 1);
        buf_append_str(&out, STR("1]"));
        assert_int_equal(fault_of(buf_str(&out), &limits, &offset),
                         count > 100 ? JSON_FAULT_TOO_MANY : JSON_FAULT_NONE);
        buf_reset(&out);
        for (size_t i = 0; i < count; i++)
            buf_printf(&out, "%16s", "[");
        assert_int_equal(fault_of(buf_str(&out), &limits, &offset), JSON_FAULT_TOO_DEEP);
    }
    buf_release(&out);
}

static void deep_nesting_costs_no_memory(void **state)
{
    (void)state;
    const size_t len = 4 << 20;
    char *brackets = malloc(len);
    struct arena arena;
    struct json_error error;
    const struct json *root;

    assert_non_null(brackets);
    memset(brackets, '[', len);
    arena_init(&arena, NULL, CEILING);
    assert_int_equal(json_parse(&arena, str_of(brackets, len), &json_limits_request, &root, &error), E_LIMIT);
    assert_int_equal(error.fault, JSON_FAULT_TOO_DEEP);
    assert_int_equal(error.offset, LIMIT_json_depth);
    assert_int_equal(arena.used, 0);
    arena_release(&arena);
    free(brackets);
}

/* Whatever the arena's ceiling, the answer is the tree or "out of memory". */
static void the_arenas_ceiling_holds(void **state)
{
    (void)state;
    struct buf out;
    size_t refused = 0;

    buf_init(&out, CEILING);
    many_members(&out, 300, 300);
    for (size_t ceiling = 0; ceiling < 64000; ceiling += 97) {
        struct arena arena;
        struct json_error error;
        const struct json *root;

        arena_init(&arena, NULL, ceiling);
        int status = json_parse(&arena, buf_str(&out), &wide, &root, &error);
        assert_true(arena.used <= ceiling);
        if (status != 0) {
            assert_int_equal(status, E_NOMEM);
            assert_int_equal(error.fault, JSON_FAULT_MEMORY);
            refused++;
        }
        arena_release(&arena);
    }
    assert_true(refused > 0 && refused < 600);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_named_and_placed),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(the_member_that_stands_twice_is_named),
        cmocka_unit_test(duplicates_are_found_in_objects_of_any_size),
        cmocka_unit_test(ceilings_are_exact),
        cmocka_unit_test(a_regular_source_is_counted_too),
        cmocka_unit_test(deep_nesting_costs_no_memory),
        cmocka_unit_test(the_arenas_ceiling_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
