/* What the gateway answers itself: the handshake and ping. */
#include "base/check.h"
#include "base/clock.h"
#include "front/exchange.h"
#include "gate/gate.h"
#include "json/writer.h"
#include "store/store.h"

static void write_capability(struct json_writer *writer, struct str name, bool declared)
{
    if (!declared)
        return;
    json_write_key(writer, name);
    json_write_object(writer);
    json_write_member_bool(writer, STR("listChanged"), true); /* ours to say, whatever the server does */
    json_write_object_end(writer);
}

/* Our own handshake: the server's capabilities that this gateway carries, and none of its words. */
static void write_initialize(struct call *call)
{
    const struct definitions *definitions = upstream_definitions(call->backend->upstream);
    struct json_writer writer;
    answer_result(call, &writer);
    json_write_member_string(&writer, STR("protocolVersion"), call->session->version);
    json_write_key(&writer, STR("capabilities"));
    json_write_object(&writer);
    write_capability(&writer, STR("tools"), definitions->has_tools);
    write_capability(&writer, STR("prompts"), definitions->has_prompts);
    write_capability(&writer, STR("resources"), definitions->has_resources);
    json_write_object_end(&writer);
    json_write_key(&writer, STR("serverInfo"));
    json_write_object(&writer);
    json_write_member_string(&writer, STR("name"), STR("warder"));
    json_write_member_string(&writer, STR("title"), call->route->server->name);
    json_write_member_string(&writer, STR("version"), STR(WARDER_VERSION));
    json_write_object_end(&writer);
    answer_result_end(&writer);
}

static struct str negotiated(struct str asked)
{
#define V(version)                   \
    if (str_eq(asked, STR(version))) \
        return STR(version);
    MCP_VERSIONS(V)
#undef V
    return STR(MCP_VERSION_LATEST);
}

static enum step_next initialize(struct call *call)
{
    struct gateway *gateway = call->gateway;
    struct initialize_params params;
    struct str detail;
    if (initialize_params_read(call->message.params, &params, &detail) != 0) {
        gateway_record_malformed(gateway, call, REASON_invalid_params);
        call_end(call, REASON_invalid_params);
        return STEP_END;
    }
    int error = session_new(&gateway->sessions, call->route->server->name, call->grant, negotiated(params.version),
                            params.client_name, loop_now_ms(gateway->loop), &call->session);
    if (error) {
        call_end(call, REASON_overloaded);
        return STEP_END;
    }
    gateway_record_session(gateway, call->session, STR("begun"));
    write_initialize(call);
    answer_send(call, 200, session_id(call->session));
    call_end(call, REASON_answered);
    return STEP_END;
}

enum step_next call_answer_local(struct call *call)
{
    switch ((int)call->method_id) {
    case METHOD_INITIALIZE: return initialize(call);
    case METHOD_PING:
        buf_reset(&call->gateway->out);
        message_write_result_raw(&call->gateway->out, buf_str(&call->client_id), STR("{}"));
        call_end(call, REASON_answered);
        return STEP_END;
    default: /* known, and not offered: server/discover and what came after 2025-11-25 */
        call_end(call, REASON_method_not_found);
        return STEP_END;
    }
}
