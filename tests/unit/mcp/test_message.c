/* The envelope: what is one message, and everything else that must be refused on its way to being one. */
#include "read.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define CALL_PARAMS "\"params\":{\"name\":\"t\",\"arguments\":{}}"
#define CALL(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\"," CALL_PARAMS "}"

struct refusal {
    const char *what, *bytes;
    size_t len; /* 0: up to the NUL */
    enum stage stage;
    enum reason reason;
};

#define PARSE(what, bytes)                                \
    {                                                     \
        what, "" bytes, sizeof(bytes) - 1, STAGE_PARSE, 0 \
    }
#define MESSAGE(what, bytes, why)                                      \
    {                                                                  \
        what, "" bytes, sizeof(bytes) - 1, STAGE_MESSAGE, REASON_##why \
    }
#define PARAMS(what, bytes)                                \
    {                                                      \
        what, "" bytes, sizeof(bytes) - 1, STAGE_PARAMS, 0 \
    }

/* Rows are named after SECURITY's list of ways around a gateway. */
static const struct refusal from_clients[] = {
    PARSE("Z01 name twice, harmless first",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"name\":\"b\"}}"),
    PARSE("Z02 method twice",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"tools/call\"," CALL_PARAMS "}"),
    PARSE("Z02 params twice",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"," CALL_PARAMS "," CALL_PARAMS "}"),
    PARSE("Z02 id twice", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}"),
    PARSE("Z02 jsonrpc twice", "{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}"),
    PARSE("Z02 arguments twice", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
                                 "\"arguments\":{},\"arguments\":{\"a\":1}}}"),
    PARSE("Z03 twice at depth", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
                                "\"arguments\":{\"a\":[{\"b\":{\"c\":1,\"c\":2}}]}}}"),
    MESSAGE("Z04 Method beside method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"Method\":\"tools/call\"}",
            invalid_request),
    MESSAGE("Z04 METHOD instead", "{\"jsonrpc\":\"2.0\",\"id\":1,\"METHOD\":\"tools/call\"," CALL_PARAMS "}",
            invalid_request),
    PARAMS("Z04 Name beside name", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
                                   "\"Name\":\"u\"}}"),
    MESSAGE("Z05 params with a long s",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"param\xc5\xbf\":{\"name\":\"t\"}}",
            invalid_request),
    PARAMS("Z05 arguments with a long s",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
           "\"t\",\"argument\xc5\xbf\":{}}}"),
    PARSE("Z06 name with U+0000",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\\u0000\":\"t\"}}"),
    PARSE("Z07 escaped name beside name",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
          "\"t\",\"na\\u006de\":\"u\"}}"),
    PARSE("Z08 lone surrogate in a key", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"a\\ud800\":1}"),
    PARSE("Z08 lone surrogate in a value", "{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"method\":\"ping\"}"),
    PARSE("Z09 raw line feed", "{\"jsonrpc\":\"2.0\",\"id\":\"a\nb\",\"method\":\"ping\"}"),
    PARSE("Z09 raw NUL", "{\"jsonrpc\":\"2.0\",\"id\":\"a\0b\",\"method\":\"ping\"}"),
    PARSE("Z09 raw CR in a key", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\r\":\"ping\"}"),
    PARSE("Z10 overlong", "{\"jsonrpc\":\"2.0\",\"id\":\"\xc0\xaf\",\"method\":\"ping\"}"),
    PARSE("Z10 cut short", "{\"jsonrpc\":\"2.0\",\"id\":\"\xe2\x82\",\"method\":\"ping\"}"),
    PARSE("Z10 surrogate", "{\"jsonrpc\":\"2.0\",\"id\":\"\xed\xa0\x80\",\"method\":\"ping\"}"),
    PARSE("Z10 above U+10FFFF", "{\"jsonrpc\":\"2.0\",\"id\":\"\xf4\x90\x80\x80\",\"method\":\"ping\"}"),
    PARSE("Z11 byte order mark", "\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"),
    PARSE("Z12 UTF-16", "{\0}\0"),
    PARSE("Z13 comment", "{\"jsonrpc\":\"2.0\",\"id\":1/**/,\"method\":\"ping\"}"),
    PARSE("Z13 single quotes", "{'jsonrpc':'2.0','id':1,'method':'ping'}"),
    PARSE("Z13 trailing comma", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",}"),
    PARSE("Z13 NaN", "{\"jsonrpc\":\"2.0\",\"id\":NaN,\"method\":\"ping\"}"),
    PARSE("Z14 leading zero", "{\"jsonrpc\":\"2.0\",\"id\":01,\"method\":\"ping\"}"),
    PARSE("Z14 plus", "{\"jsonrpc\":\"2.0\",\"id\":+1,\"method\":\"ping\"}"),
    PARSE("Z14 hexadecimal", "{\"jsonrpc\":\"2.0\",\"id\":0x10,\"method\":\"ping\"}"),
    PARSE("Z14 bare point", "{\"jsonrpc\":\"2.0\",\"id\":2.,\"method\":\"ping\"}"),
    PARSE("Z15 two values", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}{}"),
    PARSE("Z15 trailing NUL", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0"),
    PARSE("Z15 trailing form feed", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\f"),
    MESSAGE("Z16 empty batch", "[]", batch),
    MESSAGE("Z16 batch of one", "[" CALL("1") "]", batch),
    MESSAGE("Z16 nested batch", "[[" CALL("1") "]]", batch),
    MESSAGE("Z17 params an array", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":[]}",
            invalid_params),
    MESSAGE("Z17 params a string", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":\"{}\"}",
            invalid_params),
    MESSAGE("Z17 params null", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":null}",
            invalid_params),
    PARAMS("Z17 params missing", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}"),
    PARAMS("Z17 arguments an array",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
           "\"arguments\":[]}}"),
    PARAMS("Z17 arguments null", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
                                 "\"arguments\":null}}"),
    PARAMS("Z17 name a number", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":1}}"),
    PARAMS("Z17 name missing",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"arguments\":{}}}"),
    PARSE("Z18 not JSON", "tools/call"),
    PARSE("Z19 form feed as space", "{\"jsonrpc\":\"2.0\",\f\"id\":1,\"method\":\"ping\"}"),
    PARSE("Z19 U+2028 as space", "{\"jsonrpc\":\"2.0\",\xe2\x80\xa8\"id\":1,\"method\":\"ping\"}"),
    MESSAGE("Z20 id null", CALL("null"), invalid_request),
    MESSAGE("Z20 id true", CALL("true"), invalid_request),
    MESSAGE("Z20 id an object", CALL("{}"), invalid_request),
    MESSAGE("Z20 id 1.0", CALL("1.0"), invalid_request),
    MESSAGE("Z20 id 1e2", CALL("1e2"), invalid_request),
    MESSAGE("Z20 id -0", CALL("-0"), invalid_request),
    MESSAGE("Z20 id 2^53", CALL("9007199254740992"), invalid_request),
    MESSAGE("Z20 id -2^53", CALL("-9007199254740992"), invalid_request),
    MESSAGE("Z20 id of 30 digits", CALL("100000000000000000000000000000"), invalid_request),
    MESSAGE("Z20 id with a control character", CALL("\"a\\u0000b\""), invalid_request),
    MESSAGE("Z20 id with DEL", CALL("\"\x7f\""), invalid_request),
    MESSAGE("Z20 id with NEL", CALL("\"\xc2\x85\""), invalid_request),
    MESSAGE("Z21 a call without id", "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"," CALL_PARAMS "}",
            invalid_request),
    MESSAGE("Z21 a ping without id", "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}", invalid_request),
    MESSAGE("Z21 a notification with id", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/initialized\"}",
            invalid_request),
    MESSAGE("Z24 a client's result", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", invalid_request),
    MESSAGE("Z24 a client's error", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
            invalid_request),
    MESSAGE("result and method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}", invalid_request),
    MESSAGE("neither", "{\"jsonrpc\":\"2.0\",\"id\":1}", invalid_request),
    MESSAGE("a string", "\"ping\"", invalid_request),
    MESSAGE("null", "null", invalid_request),
    MESSAGE("no jsonrpc", "{\"id\":1,\"method\":\"ping\"}", invalid_request),
    MESSAGE("jsonrpc 2", "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", invalid_request),
    MESSAGE("jsonrpc 1.0", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", invalid_request),
    MESSAGE("jsonrpc 2.0 and a space", "{\"jsonrpc\":\"2.0 \",\"id\":1,\"method\":\"ping\"}", invalid_request),
    MESSAGE("method null", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", invalid_request),
    MESSAGE("_meta in the envelope", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"_meta\":{}}",
            invalid_request),
};

static void test_what_clients_may_not_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(from_clients); i++) {
        const struct refusal *row = &from_clients[i];
        struct arena arena;
        arena_init(&arena, NULL, 1 << 20);
        struct reading reading = read_bytes(&arena, str_of(row->bytes, row->len), SENDER_CLIENT);
        struct call_params params;
        if (reading.stage == STAGE_READ && reading.message.method_id == METHOD_TOOLS_CALL &&
            call_params_read(reading.message.params, &params, &reading.detail))
            reading.stage = STAGE_PARAMS;
        if (reading.stage != row->stage || (row->stage == STAGE_MESSAGE && reading.reason != row->reason))
            fail_msg("%s: stage %d, reason %d", row->what, reading.stage, reading.reason);
        if (row->stage >= STAGE_MESSAGE)
            assert_true(reading.detail.len > 0);
        arena_release(&arena);
    }
}

static void test_what_names_a_call(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum method_id id;
    } rows[] = {
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools\\/call\"}",
          METHOD_TOOLS_CALL }, /* Z22: the same bytes after unescaping */
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/\\u0063all\"}", METHOD_TOOLS_CALL },
        { "{\"id\":1,\"params\":{},\"method\":\"tools/call\",\"jsonrpc\":\"2.0\"}\r", METHOD_TOOLS_CALL },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Tools/Call\"}", METHOD_UNKNOWN },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call \"}", METHOD_UNKNOWN },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\\u0000\"}", METHOD_UNKNOWN },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", METHOD_UNKNOWN },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}",
          METHOD_UNKNOWN }, /* Z23: a server's */
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vendor/thing\"}", METHOD_UNKNOWN },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 1 << 16);
        struct reading reading = read_bytes(&arena, str_from_c(rows[i].bytes), SENDER_CLIENT);
        assert_int_equal(reading.stage, STAGE_READ);
        assert_int_equal(reading.message.kind, MESSAGE_REQUEST);
        assert_int_equal(reading.message.method_id, rows[i].id);
        arena_release(&arena);
    }
}

static void test_ids_that_are_taken(void **state)
{
    (void)state;
    static const char *const ids[] = { "0",    "-1",    "7",           "9007199254740991", "-9007199254740991",
                                       "\"\"", "\"7\"", "\"\xc3\xa9\"" };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char bytes[128];
        struct arena arena;
        arena_init(&arena, NULL, 1 << 16);
        snprintf(bytes, sizeof(bytes), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}", ids[i]);
        struct reading reading = read_bytes(&arena, str_from_c(bytes), SENDER_CLIENT);
        assert_int_equal(reading.stage, STAGE_READ);
        assert_non_null(reading.message.id);
        arena_release(&arena);
    }
}

static void test_the_longest_id(void **state)
{
    (void)state;
    for (size_t len = 256; len <= 257; len++) {
        char bytes[400];
        char id[300] = { 0 };
        struct arena arena;
        arena_init(&arena, NULL, 1 << 16);
        memset(id, 'i', len);
        snprintf(bytes, sizeof(bytes), "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"method\":\"ping\"}", id);
        assert_int_equal(read_bytes(&arena, str_from_c(bytes), SENDER_CLIENT).stage,
                         len == 256 ? STAGE_READ : STAGE_MESSAGE);
        arena_release(&arena);
    }
}

/* A refused request keeps its id for the answer; a refused answer of a client has none to give. */
static void test_the_id_of_what_was_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 1 << 16);
    struct reading reading =
        read_bytes(&arena, STR("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"ping\",\"extra\":1}"), SENDER_CLIENT);
    assert_int_equal(reading.stage, STAGE_MESSAGE);
    assert_true(str_eq(json_string(reading.message.id), STR("x")));
    reading = read_bytes(&arena, STR("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{},\"extra\":1}"), SENDER_CLIENT);
    assert_int_equal(reading.stage, STAGE_MESSAGE);
    assert_null(reading.message.id);
    arena_release(&arena);
}

static const struct {
    const char *bytes;
    bool read, method; /* method: kind says request or notification, also of what was refused */
    bool id;
} from_servers[] = {
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", true, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}", true, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\",\"data\":[1]}}", true, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}", true, false, false },
    { "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"no\"}}", true, false, false },
    { "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}", true, true, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}", true, true, true },
    { "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}", true, true, false },
    /* Z36 */
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"no\"}}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", false, false, false },
    { "{\"jsonrpc\":\"2.0\",\"result\":{}}", false, false, false },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"params\":{}}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"Result\":{}}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"no\"}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1.5,\"message\":\"no\"}}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"no\",\"more\":1}}", false, false, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", false, true, true },
    { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}", false, true, true },
};

static void test_what_servers_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(from_servers); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 1 << 16);
        struct reading reading = read_bytes(&arena, str_from_c(from_servers[i].bytes), SENDER_SERVER);
        bool method = reading.message.kind == MESSAGE_REQUEST || reading.message.kind == MESSAGE_NOTIFICATION;
        if ((reading.stage == STAGE_READ) != from_servers[i].read || method != from_servers[i].method ||
            (reading.message.id != NULL) != from_servers[i].id)
            fail_msg("%s", from_servers[i].bytes);
        arena_release(&arena);
    }
}

static void test_rows_of_methods(void **state)
{
    (void)state;
    for (int id = METHOD_UNKNOWN + 1; id < METHOD_COUNT; id++) {
        const struct method_row *row = method_row((enum method_id)id);
        assert_int_equal(method_find(row->name, row->sender), id);
        bool note = str_starts_with(row->name, STR("notifications/"));
        assert_int_equal(note, row->kind == METHOD_NOTE);
        /* What reaches a server or is asked of a client is recorded before. */
        if (row->kind == METHOD_FORWARD || row->kind == METHOD_ASK) {
            assert_int_equal(row->record, METHOD_RECORD_AWAIT);
            assert_int_not_equal(row->subject, METHOD_SUBJECT_NONE);
        }
    }
    assert_int_equal(method_find(STR("tools/call"), SENDER_SERVER), METHOD_UNKNOWN);
    assert_int_equal(method_find(STR("elicitation/create"), SENDER_CLIENT), METHOD_UNKNOWN);
    assert_int_equal(method_find(STR("elicitation/create"), SENDER_SERVER), METHOD_ELICITATION);
    assert_int_equal(method_find(STR("tools/callx"), SENDER_CLIENT), METHOD_UNKNOWN);
}

static void test_versions(void **state)
{
    (void)state;
    assert_true(mcp_version_is_supported(STR(MCP_VERSION_LATEST)));
    assert_true(mcp_version_is_supported(STR("2025-03-26")));
    assert_false(mcp_version_is_supported(STR("2024-11-05")));
    assert_false(mcp_version_is_supported(STR("2026-07-28")));
    assert_false(mcp_version_is_supported(STR("2025-11-25 ")));
    assert_false(mcp_version_is_supported(STR_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_clients_may_not_send),
        cmocka_unit_test(test_what_names_a_call),
        cmocka_unit_test(test_ids_that_are_taken),
        cmocka_unit_test(test_the_longest_id),
        cmocka_unit_test(test_the_id_of_what_was_refused),
        cmocka_unit_test(test_what_servers_send),
        cmocka_unit_test(test_rows_of_methods),
        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
