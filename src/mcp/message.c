/* The JSON-RPC envelope, read strictly: what is not exactly one request, notification, result or error is refused. */
#include "mcp/message.h"

#include "base/limits.h"

#define ID_MAX ((INT64_C(1) << 53) - 1) /* beyond it readers that use doubles see another id */

struct envelope {
    const struct json *jsonrpc, *id, *method, *params, *result, *error;
    bool unknown; /* some other member */
};

static void envelope_collect(const struct json *root, struct envelope *out)
{
    *out = (struct envelope){ 0 };
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, root);
    while (json_iter_next(&iter, &key, &value)) {
        if (str_eq(key, STR("jsonrpc")))
            out->jsonrpc = value;
        else if (str_eq(key, STR("id")))
            out->id = value;
        else if (str_eq(key, STR("method")))
            out->method = value;
        else if (str_eq(key, STR("params")))
            out->params = value;
        else if (str_eq(key, STR("result")))
            out->result = value;
        else if (str_eq(key, STR("error")))
            out->error = value;
        else
            out->unknown = true;
    }
}

static int refuse(enum reason *why, struct str *detail, enum reason reason, struct str sentence)
{
    *why = reason;
    *detail = sentence;
    return E_INVALID;
}

#define REFUSE(text) refuse(why, detail, REASON_invalid_request, STR(text))

static int read_call(const struct envelope *envelope, enum sender sender, struct message *out, enum reason *why,
                     struct str *detail)
{
    if (envelope->result || envelope->error)
        return REFUSE("A message has a method, or a result or an error.");
    if (!json_is(envelope->method, JSON_STRING))
        return REFUSE("The method is not a string.");
    out->method = json_string(envelope->method);
    out->method_id = method_find(out->method, sender);
    out->kind = envelope->id ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION;
    if (out->method_id != METHOD_UNKNOWN) {
        bool note = method_row(out->method_id)->kind == METHOD_NOTE;
        if (note && envelope->id)
            return REFUSE("A notification has no id.");
        if (!note && !envelope->id)
            return REFUSE("A request of this method needs an id.");
    }
    if (envelope->params && !json_is(envelope->params, JSON_OBJECT))
        return refuse(why, detail, REASON_invalid_params, STR("The params are not an object."));
    out->params = envelope->params;
    return 0;
}

static int read_error(const struct json *error, struct message *out, enum reason *why, struct str *detail)
{
    const struct json *code = NULL, *text = NULL;
    struct json_iter iter;
    struct str key;
    const struct json *value;
    if (!json_is(error, JSON_OBJECT))
        return REFUSE("The error is not an object.");
    json_iter_init(&iter, error);
    while (json_iter_next(&iter, &key, &value)) {
        if (str_eq(key, STR("code")))
            code = value;
        else if (str_eq(key, STR("message")))
            text = value;
        else if (str_eq(key, STR("data")))
            out->error_data = value;
        else
            return REFUSE("The error has an unknown member.");
    }
    if (!code || !json_int64(code, &out->error_code))
        return REFUSE("The error's code is not an integer.");
    if (!json_is(text, JSON_STRING))
        return REFUSE("The error's message is not a string.");
    out->error_message = json_string(text);
    return 0;
}

static int read_answer(const struct envelope *envelope, struct message *out, enum reason *why, struct str *detail)
{
    if (envelope->params)
        return REFUSE("An answer has no params.");
    if (envelope->result && envelope->error)
        return REFUSE("An answer has a result or an error, not both.");
    if (envelope->error) {
        out->kind = MESSAGE_ERROR;
        return read_error(envelope->error, out, why, detail);
    }
    if (!envelope->result)
        return REFUSE("A message needs a method, a result or an error.");
    out->kind = MESSAGE_RESULT;
    if (!out->id)
        return REFUSE("A result needs an id.");
    if (!json_is(envelope->result, JSON_OBJECT))
        return REFUSE("The result is not an object.");
    out->result = envelope->result;
    return 0;
}

bool message_id_is_valid(const struct json *id)
{
    if (json_is(id, JSON_NUMBER)) {
        int64_t value;
        return json_int64(id, &value) && value <= ID_MAX && value >= -ID_MAX && !str_eq(json_number(id), STR("-0"));
    }
    if (!json_is(id, JSON_STRING) || json_string(id).len > LIMIT_id_bytes)
        return false;
    struct str text = json_string(id);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool c1 = byte == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;
        if (byte < 0x20 || byte == 0x7f || c1)
            return false;
    }
    return true;
}

int message_read(const struct json *root, enum sender sender, struct message *out, enum reason *why, struct str *detail)
{
    *out = (struct message){ .kind = MESSAGE_RESULT, .method_id = METHOD_UNKNOWN };
    if (json_is(root, JSON_ARRAY))
        return refuse(why, detail, REASON_batch, STR("Batches are not accepted."));
    if (!json_is(root, JSON_OBJECT))
        return REFUSE("The message is not an object.");
    struct envelope envelope;
    envelope_collect(root, &envelope);
    if (envelope.method)
        out->kind = MESSAGE_REQUEST;
    /* Nothing is asked of clients, so they have nothing to answer; and an answer is not answered: no id is given out.
     */
    else if (sender == SENDER_CLIENT)
        return REFUSE("A client's message needs a method.");
    if (message_id_is_valid(envelope.id))
        out->id = envelope.id;
    if (envelope.unknown)
        return REFUSE("The message has an unknown member.");
    if (!json_is(envelope.jsonrpc, JSON_STRING) || !str_eq(json_string(envelope.jsonrpc), STR("2.0")))
        return REFUSE("The member jsonrpc is not \"2.0\".");
    /* JSON-RPC 2.0 §5: an error for a message whose id could not be read has the id null. */
    bool id_unread = !envelope.method && envelope.error && json_is(envelope.id, JSON_NULL);
    if (envelope.id && !out->id && !id_unread)
        return REFUSE("The id is not a string of at most 256 bytes without control characters, or a plain integer.");
    return envelope.method ? read_call(&envelope, sender, out, why, detail) : read_answer(&envelope, out, why, detail);
}
