/* Which era a message is of, and what the modern one asks of it. */
#include "mcp/era.h"
#include "read.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define VERSION "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""
#define CAPABILITIES "\"io.modelcontextprotocol/clientCapabilities\":{}"
#define META(members) "\"_meta\":{" members "}"
#define WHOLE META(VERSION "," CAPABILITIES)
#define REQUEST(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"
#define CALL(params) REQUEST("tools/call", "\"name\":\"t\"," params)
#define NOTE(params) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{" params "}}"

static const struct {
    const char *bytes, *field;
    enum era_id era;
} eras[] = {
    { CALL(WHOLE), "", ERA_MODERN },
    { CALL(WHOLE), "2025-11-25", ERA_MODERN },
    { REQUEST("initialize", WHOLE), "", ERA_MODERN },
    { REQUEST("initialize", "\"protocolVersion\":\"2025-11-25\""), "2026-07-28", ERA_LEGACY },
    { CALL("\"arguments\":{}"), "", ERA_LEGACY },
    { CALL("\"arguments\":{}"), "2026-07-28", ERA_MODERN },
    { CALL("\"arguments\":{" WHOLE "}"), "2025-11-25", ERA_LEGACY },
    { CALL(META("\"io.modelcontextprotocol/protocolVersion\":7")), "2025-11-25", ERA_MODERN },
    { NOTE("\"requestId\":1"), "2026-07-28", ERA_MODERN },
};

static void which_era(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(eras); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 1 << 20);
        struct reading reading = read_bytes(&arena, str_from_c(eras[i].bytes), SENDER_CLIENT);
        assert_int_equal(reading.stage, STAGE_READ);
        if (era_of(&reading.message, str_from_c(eras[i].field))->id != eras[i].era)
            fail_msg("%s, %s", eras[i].bytes, eras[i].field);
        arena_release(&arena);
    }
}

#define MODERN "2026-07-28"
static const struct {
    const char *bytes, *version, *method, *name;
    enum reason reason; /* REASON_allowed: fine */
} checks[] = {
    { CALL(WHOLE), MODERN, "tools/call", "t", REASON_allowed },
    { CALL(WHOLE), MODERN, "tools/call", "=?base64?dA==?=", REASON_allowed },
    { CALL(WHOLE), NULL, "tools/call", "t", REASON_mirror_mismatch },
    { CALL(WHOLE), "2025-11-25", "tools/call", "t", REASON_mirror_mismatch },
    { CALL(WHOLE), MODERN, NULL, "t", REASON_mirror_mismatch },
    { CALL(WHOLE), MODERN, "Tools/call", "t", REASON_mirror_mismatch },
    { CALL(WHOLE), MODERN, "tools/list", "t", REASON_mirror_mismatch },
    { CALL(WHOLE), MODERN, "tools/call", NULL, REASON_mirror_mismatch },
    { CALL(WHOLE), MODERN, "tools/call", "T", REASON_mirror_mismatch },
    { CALL(WHOLE), MODERN, "tools/call", "=?base64?dA=?=", REASON_mirror_mismatch },
    { REQUEST("tools/list", WHOLE), MODERN, "tools/list", NULL, REASON_allowed },
    { REQUEST("resources/read", "\"uri\":\"u:1\"," WHOLE), MODERN, "resources/read", "u:1", REASON_allowed },
    { REQUEST("resources/read", "\"uri\":\"u:1\"," WHOLE), MODERN, "resources/read", "u:2", REASON_mirror_mismatch },
    { REQUEST("unheard/of", WHOLE), MODERN, "unheard/of", NULL, REASON_allowed },
    { CALL("\"arguments\":{}"), MODERN, "tools/call", "t", REASON_meta_invalid },
    { CALL(META(VERSION)), MODERN, "tools/call", "t", REASON_meta_invalid },
    { CALL(META(CAPABILITIES)), MODERN, "tools/call", "t", REASON_meta_invalid },
    { CALL(META(VERSION ",\"io.modelcontextprotocol/clientCapabilities\":[]")), MODERN, "tools/call", "t", REASON_meta_invalid },
    { CALL(META(VERSION "," CAPABILITIES ",\"io.modelcontextprotocol/clientInfo\":{\"name\":\"c\"}")), MODERN, "tools/call", "t", REASON_meta_invalid },
    { CALL(META(VERSION "," CAPABILITIES ",\"io.modelcontextprotocol/logLevel\":\"loud\"")), MODERN, "tools/call", "t", REASON_meta_invalid },
    { CALL(META(VERSION "," CAPABILITIES ",\"io.modelcontextprotocol/logLevel\":\"debug\"")), MODERN, "tools/call", "t", REASON_allowed },
    { CALL(META("\"io.modelcontextprotocol/protocolVersion\":\"2099-01-01\"," CAPABILITIES)), "2099-01-01", "tools/call", "t", REASON_protocol_unsupported },
    { CALL("\"requestState\":\"s\"," WHOLE), MODERN, "tools/call", "t", REASON_input_response },
    { CALL("\"inputResponses\":{}," WHOLE), MODERN, "tools/call", "t", REASON_input_response },
    { NOTE("\"requestId\":1"), MODERN, NULL, NULL, REASON_allowed },
    { NOTE(META("\"io.modelcontextprotocol/protocolVersion\":\"2099-01-01\"")), MODERN, NULL, NULL, REASON_protocol_unsupported },
};

static struct str or_null(const char *text)
{
    return text ? str_from_c(text) : (struct str){ NULL, 0 };
}

static void what_modern_requests_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct arena arena;
        struct str client;
        enum reason why = REASON_allowed;
        arena_init(&arena, NULL, 1 << 20);
        struct reading reading = read_bytes(&arena, str_from_c(checks[i].bytes), SENDER_CLIENT);
        const struct mirror mirror = { true, or_null(checks[i].version), or_null(checks[i].method), or_null(checks[i].name) };
        assert_int_equal(reading.stage, STAGE_READ);
        int error = era_modern.check(&reading.message, &mirror, &arena, &client, &why);
        if ((error ? why : REASON_allowed) != checks[i].reason)
            fail_msg("%zu: %s: %s", i, checks[i].bytes, reason_row(error ? why : REASON_allowed)->name.ptr);
        arena_release(&arena);
    }
}

static void results(void **state)
{
    (void)state;
    static const struct {
        enum method_id method;
        const char *from, *to; /* NULL: see reason */
        enum reason reason;
    } rows[] = {
        { METHOD_TOOLS_CALL, "{\"content\":[],\"resultType\":\"complete\"}", "{\"resultType\":\"complete\",\"content\":[]}", REASON_allowed },
        { METHOD_TOOLS_CALL, "{\"content\":[],\"ttlMs\":5}", "{\"resultType\":\"complete\",\"content\":[],\"ttlMs\":5}", REASON_allowed },
        { METHOD_RESOURCES_READ, "{\"contents\":[],\"ttlMs\":5,\"cacheScope\":\"public\"}",
          "{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"contents\":[]}", REASON_allowed },
        { METHOD_TOOLS_CALL, "{\"resultType\":\"input_required\"}", NULL, REASON_input_required },
        { METHOD_TOOLS_CALL, "{\"resultType\":\"task\"}", NULL, REASON_result_type },
        { METHOD_TOOLS_CALL, "{\"resultType\":\"Complete\"}", NULL, REASON_result_type },
        { METHOD_TOOLS_CALL, "{\"resultType\":null}", NULL, REASON_upstream_malformed },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct buf out;
        struct json_error error;
        const struct json *root;
        arena_init(&arena, NULL, 1 << 20);
        buf_init(&out, 1000);
        assert_int_equal(json_parse(&arena, str_from_c(rows[i].from), &json_limits_answer, &root, &error), 0);
        const struct message answer = { .kind = MESSAGE_RESULT, .result = root };
        assert_int_equal(era_modern.judge(&answer), rows[i].reason);
        assert_int_equal(era_legacy.judge(&answer), REASON_allowed);
        era_modern.write_result(&out, STR("7"), rows[i].method, root);
        if (rows[i].to) {
            char expected[512];
            snprintf(expected, sizeof(expected), "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":%s}", rows[i].to);
            assert_string_equal(arena_str(&arena, buf_str(&out)).ptr, expected);
        }
        buf_release(&out);
        arena_release(&arena);
    }
}

static void errors(void **state)
{
    (void)state;
    struct message answer = { .kind = MESSAGE_ERROR, .error_code = -32021 };
    assert_int_equal(era_modern.judge(&answer), REASON_input_required);
    answer.error_code = -32602;
    assert_int_equal(era_modern.judge(&answer), REASON_allowed);
    assert_true(error_is_modern(-32020) && error_is_modern(-32021) && error_is_modern(-32022));
    assert_false(error_is_modern(-32601) || error_is_modern(-32000) || error_is_modern(-32023));
}

static void methods_and_statuses(void **state)
{
    (void)state;
    assert_true(era_has_method(&era_modern, METHOD_SERVER_DISCOVER));
    assert_false(era_has_method(&era_modern, METHOD_INITIALIZE));
    assert_false(era_has_method(&era_modern, METHOD_PING));
    assert_false(era_has_method(&era_legacy, METHOD_SERVER_DISCOVER));
    assert_true(era_has_method(&era_legacy, METHOD_TOOLS_CALL) && era_has_method(&era_modern, METHOD_TOOLS_CALL));
    assert_int_equal(era_modern.status(REASON_method_not_found), 404);
    assert_int_equal(era_legacy.status(REASON_method_not_found), 200);
    assert_int_equal(era_modern.status(REASON_unknown_tool), 200);
    assert_int_equal(era_modern.status(REASON_mirror_mismatch), 400);
}

static void discovery(void **state)
{
    (void)state;
    static const struct {
        const char *result;
        int error;
        bool modern;
    } rows[] = {
        { "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}", 0, true },
        { "{\"supportedVersions\":[\"2099-01-01\"],\"capabilities\":{}}", 0, false },
        { "{\"supportedVersions\":[],\"capabilities\":{}}", 0, false },
        { "{\"supportedVersions\":\"2026-07-28\",\"capabilities\":{}}", E_INVALID, false },
        { "{\"supportedVersions\":[\"2026-07-28\"]}", E_INVALID, false },
        { "{}", E_INVALID, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json_error error;
        const struct json *root;
        bool modern;
        arena_init(&arena, NULL, 1 << 20);
        assert_int_equal(json_parse(&arena, str_from_c(rows[i].result), &json_limits_answer, &root, &error), 0);
        assert_int_equal(discover_result_read(root, &modern), rows[i].error);
        assert_int_equal(modern, rows[i].modern);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_era), cmocka_unit_test(what_modern_requests_say), cmocka_unit_test(results), cmocka_unit_test(errors),
        cmocka_unit_test(methods_and_statuses), cmocka_unit_test(discovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
