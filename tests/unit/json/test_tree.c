/* Reading a tree: kinds, members, iteration, pointers, equality. */
#include "json/json.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "parsed.h"

#define CEILING ((size_t)64 << 20)

static int set_up(void **state)
{
    static struct arena arena;
    arena_init(&arena, NULL, CEILING);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    arena_release(*state);
    return 0;
}

static void kinds_and_values(void **state)
{
    const struct json *root = parsed(*state, STR("[null,true,false,-1.50e+2,\"a\\u0000\\n\\ud83d\\ude00\",[],{}]"));
    static const enum json_kind kinds[] = { JSON_NULL,   JSON_BOOL,  JSON_BOOL,  JSON_NUMBER,
                                            JSON_STRING, JSON_ARRAY, JSON_OBJECT };
    static const char *const names[] = { "null",     "a boolean", "a boolean", "a number",
                                        "a string", "an array",  "an object" };

    assert_int_equal(json_count(root), ARRAY_LEN(kinds));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_int_equal(json_kind(json_at(root, i)), kinds[i]);
        assert_string_equal(json_kind_name(kinds[i]), names[i]);
    }
    assert_true(json_bool(json_at(root, 1)));
    assert_false(json_bool(json_at(root, 2)));
    assert_true(str_eq(json_number(json_at(root, 3)), STR("-1.50e+2"))); /* its own digits */
    assert_true(str_eq(json_string(json_at(root, 4)), STR("a\0\n\xf0\x9f\x98\x80")));
    assert_null(json_at(root, ARRAY_LEN(kinds)));
    assert_null(json_at(root, SIZE_MAX));
    assert_null(json_at(json_at(root, 6), 0));
    assert_null(json_at(NULL, 0));
    assert_false(json_is(NULL, JSON_NULL));
    assert_int_equal(json_count(json_at(root, 4)), 0); /* a string has no elements */
}

static void members(void **state)
{
    const struct json *root = parsed(*state, STR("{\"a\":1,\"\":2,\"A\":3,\"a\\tb\":{\"x\":[4]},\"ab\":5}"));
    struct {
        struct str key;
        const char *digits;
    } expected[] = {
        { STR("a"), "1" },
        { STR(""), "2" },
        { STR("A"), "3" },
        { STR("ab"), "5" },
    };

    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(str_eq(json_number(json_get(root, expected[i].key)), str_from_c(expected[i].digits)));
    assert_int_equal(json_kind(json_get(root, STR("a\tb"))), JSON_OBJECT);
    assert_null(json_get(root, STR("b")));
    assert_null(json_get(root, STR("a\\tb")));
    assert_null(json_get(NULL, STR("a")));
    assert_null(json_get(json_get(root, STR("a")), STR("a")));
}

static void iteration(void **state)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;
    struct buf seen;

    buf_init(&seen, 1000);
    json_iter_init(&iter, parsed(*state, STR("{\"a\":[1,[2,[3]],{}],\"b\":{\"c\":{}},\"d\":4}")));
    while (json_iter_next(&iter, &key, &value))
        buf_printf(&seen, "%" STR_FMT ":%s ", STR_ARG(key), json_kind_name(json_kind(value)));
    json_iter_init(&iter, parsed(*state, STR("[[],[[1],2],{\"a\":1},\"x\"]")));
    while (json_iter_next(&iter, &key, &value))
        buf_printf(&seen, "%zu%s ", key.len, json_kind_name(json_kind(value)));
    assert_true(str_eq(buf_str(&seen), STR("a:an array b:an object d:a number 0an array 0an array 0an object 0a string ")));
    json_iter_init(&iter, NULL);
    assert_false(json_iter_next(&iter, &key, &value));
    json_iter_init(&iter, parsed(*state, STR("\"text\"")));
    assert_false(json_iter_next(&iter, &key, &value));
    assert_false(json_iter_next(&iter, &key, &value));
    buf_release(&seen);
}

static void integers(void **state)
{
    static const struct {
        const char *source;
        bool fits;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "-1", true, -1 },
        { "9223372036854775807", true, INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775809", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "1.0", false, 0 },
        { "1e2", false, 0 },
        { "\"1\"", false, 0 },
        { "null", false, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 77;
        bool fits = json_int64(parsed(*state, str_from_c(cases[i].source)), &value);
        if (fits != cases[i].fits || value != (fits ? cases[i].value : 77))
            fail_msg("%s", cases[i].source);
    }
}

/* RFC 6901 §5, and what leads nowhere. */
static void pointers(void **state)
{
    static const char source[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
        "\"k\\\"l\":6,\" \":7,\"m~n\":8,\"~1\":9,\"x\":{\"y\":[[10]]},\"01\":11}";
    static const struct {
        const char *pointer, *written; /* NULL: nothing there */
    } cases[] = {
        { "/foo/0", "bar" },  { "/foo/1", "baz" }, { "/", "0" },
        { "/a~1b", "1" },     { "/c%d", "2" },     { "/e^f", "3" },
        { "/g|h", "4" },      { "/i\\j", "5" },    { "/k\"l", "6" },
        { "/ ", "7" },        { "/m~0n", "8" },    { "/~01", "9" },
        { "/x/y/0/0", "10" }, { "/01", "11" },     { "/foo/2", NULL },
        { "/foo/00", NULL },  { "/foo/-", NULL },  { "/foo/", NULL },
        { "/foo/0/0", NULL }, { "/foo/-1", NULL }, { "/foo/99999999999999999999", NULL },
        { "foo", NULL },      { "/foo/+1", NULL }, { "/nothing", NULL },
        { "/a/b", NULL },     { "/m~n", "8" },     { "//", NULL },
        { "/x//", NULL },
    };
    const struct json *root = parsed(*state, str_of(source, sizeof(source) - 1));

    assert_ptr_equal(json_pointer(root, STR_EMPTY), root);
    assert_null(json_pointer(NULL, STR("/a")));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct json *node = json_pointer(root, str_from_c(cases[i].pointer));
        if ((node == NULL) != (cases[i].written == NULL))
            fail_msg("%s", cases[i].pointer);
        if (node &&
            !str_eq(json_is(node, JSON_STRING) ? json_string(node) : json_number(node), str_from_c(cases[i].written)))
            fail_msg("%s", cases[i].pointer);
    }
}

static void pointer_tokens_are_escaped(void **state)
{
    (void)state;
    struct buf pointer;

    buf_init(&pointer, 100);
    json_pointer_append(&pointer, STR("tools"));
    json_pointer_append(&pointer, STR("a/b~c~1"));
    json_pointer_append(&pointer, STR_EMPTY);
    assert_true(str_eq(buf_str(&pointer), STR("/tools/a~1b~0c~01/")));
    buf_release(&pointer);
}

static void equality(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        { "1", "1.0", true },
        { "100", "1e2", true },
        { "-0", "0", true },
        { "1", "\"1\"", false },
        { "9007199254740993", "9007199254740992", false },
        { "1e999", "1e999", true },   /* the same digits */
        { "1e999", "10e998", false }, /* not to be compared */
        { "\"a\"", "\"\\u0061\"", true },
        { "\"\\u00e9\"", "\"e\\u0301\"", false },
        { "true", "true", true },
        { "true", "false", false },
        { "null", "null", true },
        { "null", "false", false },
        { "[]", "{}", false },
        { "[1,2]", "[1,2.0]", true },
        { "[1,2]", "[2,1]", false },
        { "[1,2]", "[1,2,3]", false },
        { "{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1}", true },
        { "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false },
        { "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", false },
        { "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
        { "[{\"a\":{\"x\":1,\"y\":2}}]", "[{\"a\":{\"y\":2,\"x\":1}}]", true },
        { "[{\"a\":{\"x\":1,\"y\":2}}]", "[{\"a\":{\"y\":2,\"x\":3}}]", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct json *a = parsed(*state, str_from_c(cases[i].a)), *b = parsed(*state, str_from_c(cases[i].b));
        if (are_equal(*state, a, b) != cases[i].equal || are_equal(*state, b, a) != cases[i].equal)
            fail_msg("%s against %s", cases[i].a, cases[i].b);
    }
}

/* An object of `count` members from the `first` on, in steps of `step`, around. */
static const struct json *turned(struct arena *arena, size_t count, size_t first, size_t step, const char *last)
{
    struct buf out;

    buf_init(&out, CEILING);
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%c\"%s%zu\":{\"v\":%zu}", i > 0 ? ',' : '{', i + 1 < count ? "m" : last,
                   (first + i * step) % count, (first + i * step) % count);
    buf_append_byte(&out, '}');
    const struct json *root = parsed(arena, buf_str(&out));
    buf_release(&out);
    return root;
}

static void large_objects_are_equal_in_any_order(void **state)
{
    static const size_t counts[] = { 16, 17, 100, 20011 }; /* 7919 divides none of them: each member stands once */

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        const struct json *a = turned(*state, counts[i], 0, 1, "m"), *b = turned(*state, counts[i], 5, 7919, "m");
        const struct json *c = turned(*state, counts[i], 5, 7919, "other");
        assert_true(are_equal(*state, a, b));
        assert_true(are_equal(*state, b, a));
        assert_false(are_equal(*state, a, c));
        assert_false(are_equal(*state, c, a));
    }
}

static void equality_says_when_memory_is_out(void **state)
{
    const struct json *a = turned(*state, 1000, 0, 1, "m"), *b = turned(*state, 1000, 5, 7, "m");
    struct arena none;
    bool equal;

    arena_init(&none, NULL, 100);
    assert_int_equal(json_equal(&none, a, b, &equal), E_NOMEM);
    assert_int_equal(json_equal(&none, a, a, &equal), 0); /* the same order needs none */
    assert_true(equal);
    arena_release(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds_and_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(iteration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(integers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pointers, set_up, tear_down),
        cmocka_unit_test(pointer_tokens_are_escaped),
        cmocka_unit_test_setup_teardown(equality, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_objects_are_equal_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equality_says_when_memory_is_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
