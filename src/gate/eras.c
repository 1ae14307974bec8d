/* A call's era: whether its server can be spoken to in it, and what its HTTP fields must say. */
#include "base/check.h"
#include "front/exchange.h"
#include "gate/gate.h"
#include "json/writer.h"
#include "mcp/era.h"
#include "mcp/mirror.h"
#include "model/server.h"
#include "upstream/upstream.h"

/* An instance that was only asked for to learn whether the server opens sessions. */
static void tried(struct upstream_waiter *waiter, enum reason reason)
{
    struct call *call = CONTAINER_OF(waiter, struct call, waiter);
    (void)reason;
    call->waiting = false;
    if (upstream_speaks(call->backend->upstream, call->era->id) == SPEAKS_UNKNOWN)
        call_happened(call, CALL_EVENT_UPSTREAM_DOWN);
    else
        call_again(call);
}

static enum step_next refuse(struct call *call)
{
    call_end(call, call->era->id == ERA_MODERN ? REASON_protocol_unsupported : REASON_server_modern);
    return STEP_END;
}

enum step_next call_look_at_era(struct call *call)
{
    struct upstream *upstream = call->backend->upstream;
    struct instance *instance;
    switch (upstream_speaks(upstream, call->era->id)) {
    case SPEAKS_YES: return STEP_NEXT;
    case SPEAKS_NO: return refuse(call);
    case SPEAKS_UNKNOWN: break;
    }
    call->waiter.ready = tried;
    int error = upstream_open(upstream, call->era->id, str_of(call->grant->id, GRANT_ID_LEN), &call->waiter, &instance);
    if (error == 0)
        return STEP_NEXT;
    if (error != E_AGAIN) {
        call_end(call, REASON_upstream_unavailable);
        return STEP_END;
    }
    call->waiting = true;
    return STEP_WAIT;
}

bool call_fields_fit(struct call *call)
{
    struct exchange *exchange = call->exchange;
    if (call->era->id != ERA_MODERN || method_row(call->method_id)->subject != METHOD_SUBJECT_TOOL ||
        !exchange->ops->mirrored)
        return true;
    const struct tool *tool = definitions_tool(upstream_definitions(call->backend->upstream), call->params.name);
    for (size_t at = 0; tool && at < tool->mirrored_count; at++) {
        const struct json *argument = mirror_argument(&tool->mirrored[at], call->params.arguments);
        struct str value = STR_EMPTY;
        unsigned count = exchange->ops->mirrored(exchange, tool->mirrored[at].name, &value);
        if (count != (argument ? 1 : 0) || (argument && !mirror_fits(value, argument, &call->arena)))
            return false;
    }
    return true;
}

void call_write_versions(const struct call *call, struct str key, struct json_writer *writer)
{
    struct upstream *upstream = call->backend->upstream;
    bool known = upstream_definitions(upstream) != NULL;
    json_write_key(writer, key);
    json_write_array(writer);
    if (!known || upstream_speaks(upstream, ERA_MODERN) == SPEAKS_YES)
        json_write_raw(writer, str_from_c(era_modern.versions));
    if (!known || upstream_speaks(upstream, ERA_LEGACY) == SPEAKS_YES)
        json_write_raw(writer, str_from_c(era_legacy.versions));
    json_write_array_end(writer);
}

struct str call_asked_version(const struct call *call)
{
    const struct json *params = call->message.params;
    const struct json *version = json_get(params, STR("protocolVersion"));
    if (call->era->id == ERA_MODERN)
        version = json_get(json_get(params, STR("_meta")), STR("io.modelcontextprotocol/protocolVersion"));
    if (json_is(version, JSON_STRING))
        return json_string(version);
    return call->session ? call->session->version : STR_EMPTY;
}
