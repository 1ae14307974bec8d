/* Messages written whole. What comes from trees goes through the JSON writer; frames around it are our own. */
#include "mcp/message.h"

static void write_head(struct buf *out, struct str id)
{
    buf_append_str(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append_str(out, str_is_empty(id) ? STR("null") : id);
}

static void write_string(struct buf *out, struct str text)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_string(&writer, text);
}

static void write_node(struct buf *out, const struct json *node)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_node(&writer, node);
}

void message_write_id(struct buf *out, const struct json *id)
{
    if (id)
        write_node(out, id);
    else
        buf_append_str(out, STR("null"));
}

void message_write_result(struct buf *out, struct str id, const struct json *result)
{
    write_head(out, id);
    buf_append_str(out, STR(",\"result\":"));
    write_node(out, result);
    buf_append_byte(out, '}');
}

void message_write_result_raw(struct buf *out, struct str id, struct str written_result)
{
    write_head(out, id);
    buf_append_str(out, STR(",\"result\":"));
    buf_append_str(out, written_result);
    buf_append_byte(out, '}');
}

static void write_error_head(struct buf *out, struct str id, int64_t code, struct str text)
{
    write_head(out, id);
    buf_printf(out, ",\"error\":{\"code\":%lld,\"message\":", (long long)code);
    write_string(out, text);
}

void message_write_error(struct buf *out, struct str id, int code, struct str text, struct str reason_word)
{
    write_error_head(out, id, code, text);
    if (!str_is_empty(reason_word)) {
        buf_append_str(out, STR(",\"data\":{\"reason\":"));
        write_string(out, reason_word);
        buf_append_byte(out, '}');
    }
    buf_append_str(out, STR("}}"));
}

void message_write_server_error(struct buf *out, struct str id, const struct message *error)
{
    write_error_head(out, id, error->error_code, error->error_message);
    if (error->error_data) {
        buf_append_str(out, STR(",\"data\":"));
        write_node(out, error->error_data);
    }
    buf_append_str(out, STR("}}"));
}

static void write_method(struct buf *out, struct str method)
{
    buf_append_str(out, STR("\"method\":"));
    write_string(out, method);
}

static void write_params(struct buf *out, struct str written_params)
{
    if (!str_is_empty(written_params)) {
        buf_append_str(out, STR(",\"params\":"));
        buf_append_str(out, written_params);
    }
    buf_append_byte(out, '}');
}

static void write_request_head(struct buf *out, uint64_t id, struct str method)
{
    buf_append_str(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append_decimal(out, id);
    buf_append_byte(out, ',');
    write_method(out, method);
}

void message_write_request(struct buf *out, uint64_t id, struct str method, struct str written_params)
{
    write_request_head(out, id, method);
    write_params(out, written_params);
}

void message_write_notification(struct buf *out, struct str method, struct str written_params)
{
    buf_append_str(out, STR("{\"jsonrpc\":\"2.0\","));
    write_method(out, method);
    write_params(out, written_params);
}

void message_write_leg(struct buf *out, uint64_t id, struct str method, struct str members, struct str meta,
                       bool progress)
{
    write_request_head(out, id, method);
    buf_append_str(out, STR(",\"params\":{"));
    buf_append_str(out, members);
    if (progress || meta.len) {
        buf_append_str(out, str_is_empty(members) ? STR("\"_meta\":{") : STR(",\"_meta\":{"));
        buf_append_str(out, meta);
        if (progress) {
            buf_append_str(out, meta.len ? STR(",\"progressToken\":") : STR("\"progressToken\":"));
            buf_append_decimal(out, id);
        }
        buf_append_byte(out, '}');
    }
    buf_append_str(out, STR("}}"));
}
