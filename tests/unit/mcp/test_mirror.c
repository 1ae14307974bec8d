/* Fields that mirror a message: what they carry, what a schema may mark, and what is taken for equal. */
#include "mcp/mirror.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct json *parse(struct arena *arena, const char *text)
{
    const struct json *root = NULL;
    struct json_error error;
    assert_int_equal(json_parse(arena, str_from_c(text), &json_limits_answer, &root, &error), 0);
    return root;
}

static const struct {
    const char *text, *field;
} pairs[] = {
    { "us-west1", "us-west1" },
    { "a b\tc", "a b\tc" },
    { "", "=?base64?" "?=" },
    { " padded ", "=?base64?IHBhZGRlZCA=?=" },
    { "line1\nline2", "=?base64?bGluZTEKbGluZTI=?=" },
    { "=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=" },
    { "Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?=" },
    { "\x7f", "=?base64?fw==?=" },
};

static void there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct buf out;
        struct arena arena;
        struct str said;
        buf_init(&out, 1000);
        arena_init(&arena, NULL, 1 << 20);
        mirror_encode(&out, str_from_c(pairs[i].text));
        assert_true(str_eq(buf_str(&out), str_from_c(pairs[i].field)));
        assert_int_equal(mirror_decode(buf_str(&out), &arena, &said), 0);
        assert_true(str_eq(said, str_from_c(pairs[i].text)));
        assert_true(mirror_says(buf_str(&out), str_from_c(pairs[i].text), &arena));
        assert_false(mirror_says(buf_str(&out), STR("other"), &arena));
        arena_release(&arena);
        buf_release(&out);
    }
}

static void what_does_not_decode(void **state)
{
    (void)state;
    static const char *const fields[] = { "=?base64?YQ?=",   "=?base64?YQ===?=", "=?base64?Y?=",  "=?base64?YR==?=",
                                          "=?base64?Y Q==?=", "=?base64?YQ=a?=",  "=?base64?_w==?=" };
    struct arena arena;
    struct str said;
    arena_init(&arena, NULL, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        assert_int_equal(mirror_decode(str_from_c(fields[i]), &arena, &said), E_SYNTAX);
        assert_false(mirror_says(str_from_c(fields[i]), STR("a"), &arena));
    }
    /* Not marked as it must be: text like any other. */
    assert_false(mirror_says(STR("=?BASE64?YQ==?="), STR("a"), &arena));
    assert_false(mirror_says(STR("=?base64?YQ=="), STR("a"), &arena));
    arena_release(&arena);
}

#define SCHEMA(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define MARKED(type, name) "{\"type\":\"" type "\",\"x-mcp-header\":\"" name "\"}"

static const struct {
    const char *schema;
    int found; /* -1: invalid */
} scans[] = {
    { "{}", 0 },
    { SCHEMA("\"a\":" MARKED("string", "Region")), 1 },
    { SCHEMA("\"a\":" MARKED("integer", "A") ",\"b\":" MARKED("boolean", "B")), 2 },
    { SCHEMA("\"o\":" SCHEMA("\"a\":" MARKED("string", "A"))), 1 },
    { SCHEMA("\"x-mcp-header\":{\"type\":\"string\"}"), 0 },       /* a property of that name */
    { SCHEMA("\"a\":{\"default\":{\"x-mcp-header\":\"\"}}"), 0 },  /* data */
    { SCHEMA("\"a\":" MARKED("string", "")), -1 },
    { SCHEMA("\"a\":" MARKED("string", "a b")), -1 },
    { SCHEMA("\"a\":" MARKED("string", "a\\r\\nb")), -1 },
    { SCHEMA("\"a\":" MARKED("string", "a:")), -1 },
    { SCHEMA("\"a\":" MARKED("number", "A")), -1 },
    { SCHEMA("\"a\":" MARKED("object", "A")), -1 },
    { SCHEMA("\"a\":{\"x-mcp-header\":\"A\"}"), -1 },
    { SCHEMA("\"a\":{\"type\":\"string\",\"x-mcp-header\":7}"), -1 },
    { SCHEMA("\"a\":{\"type\":[\"string\"],\"x-mcp-header\":\"A\"}"), -1 },
    { SCHEMA("\"a\":" MARKED("string", "Key") ",\"b\":" MARKED("string", "kEY")), -1 },
    { "{\"x-mcp-header\":\"A\",\"type\":\"string\"}", -1 },
    { SCHEMA("\"a\":{\"items\":" MARKED("string", "A") "}"), -1 },
    { "{\"allOf\":[" SCHEMA("\"a\":" MARKED("string", "A")) "]}", -1 },
    { "{\"$defs\":{\"a\":" MARKED("string", "A") "}}", -1 },
    { "{\"if\":" SCHEMA("\"a\":" MARKED("string", "A")) "}", -1 },
    { "{\"additionalProperties\":" MARKED("string", "A") "}", -1 },
    { "{\"patternProperties\":{\".\":" MARKED("string", "A") "}}", -1 },
    { "{\"unheard-of\":{\"deep\":[" MARKED("string", "A") "]}}", -1 },
};

static void what_may_be_marked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scans); i++) {
        struct arena arena;
        struct mirrored *found;
        size_t count;
        arena_init(&arena, NULL, 1 << 20);
        int error = mirror_scan(parse(&arena, scans[i].schema), &arena, &found, &count);
        if (error != (scans[i].found < 0 ? E_INVALID : 0) || (!error && (int)count != scans[i].found))
            fail_msg("%s: %d, %zu", scans[i].schema, error, count);
        arena_release(&arena);
    }
}

static void marks_are_taken_off(void **state)
{
    (void)state;
    struct arena arena;
    struct buf out;
    struct json_writer writer;
    arena_init(&arena, NULL, 1 << 20);
    buf_init(&out, 1000);
    json_write_init(&writer, &out);
    mirror_write_unmarked(&writer, parse(&arena, "{\"name\":\"t\",\"x-mcp-header\":1,\"inputSchema\":{\"properties\":{"
                                                 "\"x-mcp-header\":{\"x-mcp-header\":\"A\",\"type\":\"string\"},"
                                                 "\"b\":{\"anyOf\":[{\"x-mcp-header\":2}],\"enum\":[{\"x-mcp-header\":3}]}}}}"));
    assert_string_equal(arena_str(&arena, buf_str(&out)).ptr,
                        "{\"name\":\"t\",\"x-mcp-header\":1,\"inputSchema\":{\"properties\":{"
                        "\"x-mcp-header\":{\"type\":\"string\"},\"b\":{\"anyOf\":[{}],\"enum\":[{\"x-mcp-header\":3}]}}}}");
    buf_release(&out);
    arena_release(&arena);
}

static const struct {
    const char *value, *field;
    bool fits;
} values[] = {
    { "\"a\"", "a", true },     { "\"a\"", "=?base64?YQ==?=", true }, { "\"a\"", "A", false },
    { "42", "42", true },       { "42", "42.0", true },               { "42.0", "42", true },
    { "42", "4.2e1", true },    { "42", "43", false },                { "42", "042", false },
    { "42", "", false },        { "42", "=?base64?NDI=?=", true },    { "true", "true", true },
    { "true", "True", false },  { "false", "true", false },           { "\"42\"", "42.0", false },
    { "[1]", "[1]", false },    { "{}", "{}", false },                { "9007199254740993", "9007199254740992", false },
};

static void arguments_and_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 1 << 20);
        if (mirror_fits(str_from_c(values[i].field), parse(&arena, values[i].value), &arena) != values[i].fits)
            fail_msg("%s and %s", values[i].value, values[i].field);
        arena_release(&arena);
    }
}

static void where_an_argument_stands(void **state)
{
    (void)state;
    struct str path[] = { STR("o"), STR("a") };
    struct mirrored mirrored = { .name = STR("A"), .path = path, .depth = 2 };
    struct arena arena;
    arena_init(&arena, NULL, 1 << 20);
    assert_non_null(mirror_argument(&mirrored, parse(&arena, "{\"o\":{\"a\":1}}")));
    assert_null(mirror_argument(&mirrored, parse(&arena, "{\"o\":{\"a\":null}}")));
    assert_null(mirror_argument(&mirrored, parse(&arena, "{\"o\":[1]}")));
    assert_null(mirror_argument(&mirrored, parse(&arena, "{\"o.a\":1,\"a\":2}")));
    assert_null(mirror_argument(&mirrored, NULL));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),     cmocka_unit_test(what_does_not_decode),
        cmocka_unit_test(what_may_be_marked), cmocka_unit_test(marks_are_taken_off),
        cmocka_unit_test(arguments_and_fields), cmocka_unit_test(where_an_argument_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
