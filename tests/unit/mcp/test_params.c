/* The params that the gateway takes apart: what is taken, and that nothing unknown slips through beside it. */
#include "read.h"

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
    arena_reset(arena);
    if (text)
        assert_int_equal(json_parse(arena, str_from_c(text), &json_limits_request, &root, &error), 0);
    return root;
}

typedef int reader(const struct json *, struct call_params *, struct str *);

static const struct {
    reader *read;
    const char *params;
    bool valid;
} rows[] = {
    { call_params_read, "{\"name\":\"t\"}", true },
    { call_params_read, "{\"name\":\"t\",\"arguments\":{\"a\":[1]}}", true },
    { call_params_read, "{\"_meta\":{\"progressToken\":\"p\",\"other\":{}},\"name\":\"t\"}", true },
    { call_params_read, "{\"name\":\"t\",\"_meta\":{}}", true },
    { call_params_read, NULL, false },
    { call_params_read, "{}", false },
    { call_params_read, "{\"name\":null}", false },
    { call_params_read, "{\"name\":\"t\",\"arguments\":\"{}\"}", false },
    { call_params_read, "{\"name\":\"t\",\"task\":{\"ttl\":1}}", false },
    { call_params_read, "{\"name\":\"t\",\"inputResponses\":{}}", false },
    { call_params_read, "{\"name\":\"t\",\"requestState\":\"s\"}", false },
    { call_params_read, "{\"name\":\"t\",\"uri\":\"u\"}", false },
    { call_params_read, "{\"name\":\"t\",\"_meta\":null}", false },
    { call_params_read, "{\"name\":\"t\",\"_meta\":[]}", false },
    { call_params_read, "{\"name\":\"t\",\"_meta\":{\"progressToken\":1.5}}", false },
    { call_params_read, "{\"name\":\"t\",\"_meta\":{\"progressToken\":null}}", false },
    { call_params_read, "{\"name\":\"t\",\"_meta\":{\"progressToken\":{}}}", false },
    { prompt_params_read, "{\"name\":\"p\"}", true },
    { prompt_params_read, "{\"name\":\"p\",\"arguments\":{\"a\":\"x\"}}", true },
    { prompt_params_read, "{\"name\":\"p\",\"arguments\":{\"a\":1}}", false },
    { prompt_params_read, "{\"name\":\"p\",\"arguments\":{\"a\":{}}}", false },
    { prompt_params_read, "{\"uri\":\"p\"}", false },
    { resource_params_read, "{\"uri\":\"file:///a\"}", true },
    { resource_params_read, "{\"uri\":\"file:///a\",\"_meta\":{\"progressToken\":3}}", true },
    { resource_params_read, "{\"uri\":\"file:///a\",\"arguments\":{}}", false },
    { resource_params_read, "{\"uri\":[\"file:///a\"]}", false },
    { resource_params_read, "{\"name\":\"file:///a\"}", false },
};

static void test_named_params(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call_params out;
        struct str detail = { 0 };
        int error = rows[i].read(parse(&arena, rows[i].params), &out, &detail);
        if ((error == 0) != rows[i].valid || (error && (error != E_INVALID || detail.len == 0)))
            fail_msg("row %zu: %s", i, rows[i].params ? rows[i].params : "no params");
    }
    arena_release(&arena);
}

static void test_what_is_read(void **state)
{
    (void)state;
    struct arena arena;
    struct call_params out;
    struct str detail;
    arena_init(&arena, NULL, 1 << 16);
    assert_int_equal(call_params_read(parse(&arena, "{\"name\":\"a\\u0062\",\"arguments\":{\"x\":1},"
                                                    "\"_meta\":{\"a\":0,\"progressToken\":7}}"),
                                      &out, &detail),
                     0);
    assert_true(str_eq(out.name, STR("ab")));
    assert_int_equal(json_count(out.arguments), 1);
    assert_true(str_eq(json_number(out.progress_token), STR("7")));
    assert_int_equal(call_params_read(parse(&arena, "{\"name\":\"a\"}"), &out, &detail), 0);
    assert_null(out.arguments);
    assert_null(out.progress_token);
    arena_release(&arena);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *params, *cursor;
        bool valid;
    } lists[] = {
        { NULL, NULL, true },
        { "{}", NULL, true },
        { "{\"cursor\":\"\"}", "", true }, /* the empty string is a cursor */
        { "{\"cursor\":\"c\",\"_meta\":{}}", "c", true },
        { "{\"cursor\":1}", NULL, false },
        { "{\"cursor\":null}", NULL, false },
        { "{\"Cursor\":\"c\"}", NULL, false },
    };
    struct arena arena;
    arena_init(&arena, NULL, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct str cursor, detail;
        assert_int_equal(list_params_read(parse(&arena, lists[i].params), &cursor, &detail) == 0, lists[i].valid);
        if (!lists[i].valid)
            continue;
        assert_int_equal(cursor.ptr != NULL, lists[i].cursor != NULL);
        if (lists[i].cursor)
            assert_true(str_eq(cursor, str_from_c(lists[i].cursor)));
    }
    arena_release(&arena);
}

static void test_initialize(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        bool valid;
    } cases[] = {
        { "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}",
          true },
        { "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"roots\":{}},\"clientInfo\":{\"name\":\"c\","
          "\"version\":\"1\","
          "\"title\":\"C\"},\"later\":1}",
          true },
        { "{\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}", false },
        { "{\"protocolVersion\":20250618,\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}",
          false },
        { "{\"protocolVersion\":\"2025-06-18\",\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}", false },
        { "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\"}}", false },
        { NULL, false },
    };
    struct arena arena;
    arena_init(&arena, NULL, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct initialize_params out;
        struct str detail;
        assert_int_equal(initialize_params_read(parse(&arena, cases[i].params), &out, &detail) == 0, cases[i].valid);
        if (cases[i].valid)
            assert_true(str_eq(out.version, STR("2025-06-18")) && str_eq(out.client_name, STR("c")) &&
                        str_eq(out.client_version, STR("1")));
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_params),
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_initialize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
