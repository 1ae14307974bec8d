/* What the writers make is read again as the same message, and has no line feed to end a line too early. */
#include "read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct bench {
    struct arena arena;
    struct buf out;
};

static int setup(void **state)
{
    static struct bench bench;
    arena_init(&bench.arena, NULL, 1 << 20);
    buf_init(&bench.out, 1 << 16);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    arena_release(&bench->arena);
    buf_release(&bench->out);
    return 0;
}

static const struct json *parse(struct bench *bench, const char *text)
{
    const struct json *root = NULL;
    struct json_error error;
    assert_int_equal(json_parse(&bench->arena, str_from_c(text), &json_limits_answer, &root, &error), 0);
    return root;
}

static void assert_same(struct bench *bench, const struct json *a, const struct json *b)
{
    bool equal = false;
    assert_int_equal(json_equal(&bench->arena, a, b, &equal), 0);
    assert_true(equal);
}

static struct message reread(struct bench *bench, enum sender sender, const char *wanted)
{
    assert_true(buf_ok(&bench->out));
    assert_int_equal(str_find_byte(buf_str(&bench->out), '\n'), bench->out.len);
    if (!str_eq(buf_str(&bench->out), str_from_c(wanted)))
        fail_msg("%.*s is not %s", STR_ARG(buf_str(&bench->out)), wanted);
    struct reading reading = read_bytes(&bench->arena, buf_str(&bench->out), sender);
    assert_int_equal(reading.stage, STAGE_READ);
    buf_reset(&bench->out);
    return reading.message;
}

static void test_results(void **state)
{
    struct bench *bench = *state;
    const struct json *result = parse(bench, " { \"a\" : [ 1.50, \"x\\/\\n\\u2028\" ] } ");
    const struct json *id = parse(bench, "\"i\\u0022d\"");
    message_write_id(&bench->out, id);
    char written[16];
    struct str id_bytes = str_of(written, bench->out.len);
    memcpy(written, bench->out.ptr, bench->out.len);
    buf_reset(&bench->out);
    message_write_result(&bench->out, id_bytes, result);
    struct message again =
        reread(bench, SENDER_SERVER,
               "{\"jsonrpc\":\"2.0\",\"id\":\"i\\\"d\",\"result\":{\"a\":[1.50,\"x/\\n\xe2\x80\xa8\"]}}");
    assert_same(bench, again.result, result);
    assert_same(bench, again.id, id);
    message_write_result_raw(&bench->out, STR("-3"), STR("{}"));
    again = reread(bench, SENDER_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":-3,\"result\":{}}");
    assert_int_equal(again.kind, MESSAGE_RESULT);
}

static void test_errors(void **state)
{
    struct bench *bench = *state;
    message_write_error(&bench->out, STR_EMPTY, -32700, STR("say \"no\""), STR("parse_error"));
    struct message again = reread(bench, SENDER_SERVER,
                                  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                                  "\"message\":\"say \\\"no\\\"\",\"data\":{\"reason\":\"parse_error\"}}}");
    assert_null(again.id);
    assert_int_equal(again.error_code, -32700);
    message_write_error(&bench->out, STR("1"), -32602, STR("Unknown tool: x"), STR_EMPTY);
    reread(bench, SENDER_SERVER,
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Unknown tool: x\"}}");

    struct reading server = read_bytes(&bench->arena,
                                       STR("{\"jsonrpc\":\"2.0\",\"id\":8,\"error\":{\"data\":{\"a\": "
                                           "1},\"message\":\"m\\u0001\",\"code\":9007199254740993}}"),
                                       SENDER_SERVER);
    assert_int_equal(server.stage, STAGE_READ);
    message_write_server_error(&bench->out, STR("\"c\""), &server.message);
    again = reread(bench, SENDER_SERVER,
                   "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":9007199254740993,"
                   "\"message\":\"m\\u0001\",\"data\":{\"a\":1}}}");
    assert_true(again.error_code == INT64_C(9007199254740993));
}

static void test_requests(void **state)
{
    struct bench *bench = *state;
    message_write_request(&bench->out, 12, STR("tools/list"), STR_EMPTY);
    struct message again = reread(bench, SENDER_CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"tools/list\"}");
    assert_int_equal(again.method_id, METHOD_TOOLS_LIST);
    message_write_request(&bench->out, 13, STR("tools/list"), STR("{\"cursor\":\"\"}"));
    again = reread(bench, SENDER_CLIENT,
                   "{\"jsonrpc\":\"2.0\",\"id\":13,\"method\":\"tools/list\",\"params\":{\"cursor\":\"\"}}");
    message_write_notification(&bench->out, STR("notifications/cancelled"), STR("{\"requestId\":4}"));
    again = reread(bench, SENDER_SERVER,
                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":4}}");
    assert_int_equal(again.method_id, METHOD_SERVER_CANCELLED);
    assert_null(again.id);
}

static void test_legs(void **state)
{
    struct bench *bench = *state;
    message_write_leg(&bench->out, 5, STR("tools/call"), STR("\"name\":\"t\""), STR_EMPTY, false);
    reread(bench, SENDER_CLIENT,
           "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}");
    message_write_leg(&bench->out, 6, STR("tools/call"), STR("\"name\":\"t\""), STR_EMPTY, true);
    struct message again = reread(bench, SENDER_CLIENT,
                                  "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"tools/call\",\"params\":"
                                  "{\"name\":\"t\",\"_meta\":{\"progressToken\":6}}}");
    struct call_params params;
    struct str detail;
    assert_int_equal(call_params_read(again.params, &params, &detail), 0);
    assert_same(bench, params.progress_token, again.id);
    message_write_leg(&bench->out, 7, STR("prompts/list"), STR_EMPTY, STR_EMPTY, true);
    reread(bench, SENDER_CLIENT,
           "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"prompts/list\",\"params\":{\"_meta\":{\"progressToken\":7}}}");
}

/* A buffer at its ceiling fails as a whole; no cut message looks complete. */
static void test_a_full_buffer(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 40);
    message_write_leg(&out, 5, STR("tools/call"), STR("\"name\":\"a long enough name\""), STR_EMPTY, true);
    assert_false(buf_ok(&out));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_results, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_legs, setup, teardown),
        cmocka_unit_test(test_a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
