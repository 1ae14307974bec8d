/* Our answers' heads, and the one form of an error that belongs to no request. */
#include "front/reply.h"

#include "json/writer.h"
#include "net/http1_write.h"

static void write_body_fields(struct buf *out, const struct reply *reply)
{
    switch (reply->body) {
    case REPLY_JSON:
        buf_append_str(out, STR("Content-Type: application/json\r\n"));
        http1_write_length(out, reply->length);
        break;
    case REPLY_EVENTS: /* X-Accel-Buffering: no proxy in between may hold events back */
        buf_append_str(out, STR("Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
                                "Transfer-Encoding: chunked\r\n"));
        break;
    case REPLY_EMPTY:
        if (reply->status != 204) /* RFC 9110 §8.6 */
            http1_write_length(out, 0);
        break;
    }
}

static void write_origin_fields(struct buf *out, const struct reply *reply)
{
    http1_write_field(out, STR("Access-Control-Allow-Origin"), reply->origin);
    buf_append_str(out, STR("Access-Control-Expose-Headers: Mcp-Session-Id\r\nVary: Origin\r\n"));
    if (reply->preflight) {
        http1_write_field(out, STR("Access-Control-Allow-Methods"), reply->allow);
        buf_append_str(
            out, STR("Access-Control-Allow-Headers: Authorization, Content-Type, Accept, Mcp-Session-Id, "
                     "MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID\r\nAccess-Control-Max-Age: 600\r\n"));
    }
}

void reply_write(struct buf *out, const struct reply *reply)
{
    http1_write_answer(out, reply->status);
    write_body_fields(out, reply);
    buf_append_str(out, STR("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"));
    if (reply->session.len)
        http1_write_field(out, STR("Mcp-Session-Id"), reply->session);
    if (reply->allow.len)
        http1_write_field(out, STR("Allow"), reply->allow);
    if (reply->authenticate)
        buf_append_str(out, STR("WWW-Authenticate: Bearer\r\n"));
    if (reply->origin.len)
        write_origin_fields(out, reply);
    if (reply->close)
        buf_append_str(out, STR("Connection: close\r\n"));
    http1_write_end(out);
}

void reply_write_error(struct buf *out, enum reason reason)
{
    const struct reason_row *row = reason_row(reason);
    struct json_writer writer;

    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("jsonrpc"), STR("2.0"));
    json_write_key(&writer, STR("id"));
    json_write_null(&writer);
    json_write_key(&writer, STR("error"));
    json_write_object(&writer);
    json_write_member_int(&writer, STR("code"), row->rpc_code);
    json_write_member_string(&writer, STR("message"), row->text);
    json_write_key(&writer, STR("data"));
    json_write_object(&writer);
    json_write_member_string(&writer, STR("reason"), row->name);
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    json_write_object_end(&writer);
}
