/* Any bytes as a message of either side: what is read is written again and read again as the same. */
#include "base/arena.h"
#include "base/check.h"
#include "base/limits.h"
#include "json/json.h"
#include "mcp/message.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct message *message, struct buf *out)
{
    struct buf params;
    struct json_writer writer;
    struct buf id;
    buf_init(&params, 1 << 25);
    buf_init(&id, 6 * LIMIT_id_bytes + 2);
    message_write_id(&id, message->id);
    if (message->params) {
        json_write_init(&writer, &params);
        json_write_node(&writer, message->params);
    }
    switch (message->kind) {
    case MESSAGE_NOTIFICATION: message_write_notification(out, message->method, buf_str(&params)); break;
    case MESSAGE_REQUEST: message_write_request(out, 1, message->method, buf_str(&params)); break;
    case MESSAGE_RESULT: message_write_result(out, buf_str(&id), message->result); break;
    case MESSAGE_ERROR: message_write_server_error(out, buf_str(&id), message); break;
    }
    buf_release(&params);
    buf_release(&id);
}

static void check_same(struct arena *arena, const struct json *a, const struct json *b)
{
    bool equal = false;
    CHECK(!a == !b);
    if (a) {
        AZ(json_equal(arena, a, b, &equal));
        AN(equal);
    }
}

static void check_again(const struct message *message, enum sender sender, struct arena *arena)
{
    struct buf out;
    buf_init(&out, 1 << 25);
    write_again(message, &out);
    CHECK(buf_ok(&out));
    CHECK(str_find_byte(buf_str(&out), '\n') == out.len);
    const struct json *root;
    struct json_error error;
    struct message again;
    enum reason why;
    struct str detail;
    AZ(json_parse(arena, buf_str(&out), &json_limits_answer, &root, &error));
    AZ(message_read(root, sender, &again, &why, &detail));
    CHECK(again.kind == message->kind && again.method_id == message->method_id);
    CHECK(str_eq(again.method, message->method) && again.error_code == message->error_code);
    check_same(arena, message->params, again.params);
    check_same(arena, message->result, again.result);
    buf_release(&out);
}

static void read_params(const struct json *params)
{
    struct call_params call;
    struct initialize_params initialize;
    struct str cursor, detail;
    if (call_params_read(params, &call, &detail) == 0)
        CHECK(!call.arguments || json_is(call.arguments, JSON_OBJECT));
    if (resource_params_read(params, &call, &detail) == 0)
        AZ(call.arguments);
    if (prompt_params_read(params, &call, &detail) || list_params_read(params, &cursor, &detail) ||
        initialize_params_read(params, &initialize, &detail))
        AN(detail.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sender senders[] = { SENDER_CLIENT, SENDER_SERVER };
    struct arena arena;
    const struct json *root;
    struct json_error error;
    arena_init(&arena, NULL, (size_t)1 << 26);
    if (json_parse(&arena, str_of((const char *)data, size), &json_limits_request, &root, &error) == 0) {
        for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
            struct message message;
            enum reason why;
            struct str detail = { 0 };
            if (message_read(root, senders[i], &message, &why, &detail)) {
                AN(detail.len);
                continue;
            }
            check_again(&message, senders[i], &arena);
            read_params(message.params);
        }
    }
    arena_release(&arena);
    return 0;
}
