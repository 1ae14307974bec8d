/* What the gateway answers itself: the handshake, discovery, subscriptions and ping. */
#include "base/check.h"
#include "base/clock.h"
#include "front/exchange.h"
#include "gate/gate.h"
#include "gate/listen.h"
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

static void write_server_info(struct json_writer *writer, const struct call *call, struct str key)
{
    json_write_key(writer, key);
    json_write_object(writer);
    json_write_member_string(writer, STR("name"), STR("warder"));
    json_write_member_string(writer, STR("title"), call->route->server->name);
    json_write_member_string(writer, STR("version"), STR(WARDER_VERSION));
    json_write_object_end(writer);
}

struct shown { /* whether the policy leaves this grant anything of a kind */
    bool tools, prompts, resources;
};

static struct shown what_is_shown(struct call *call, const struct grant *grant)
{
    const struct definitions *definitions = upstream_definitions(call->backend->upstream);
    return (struct shown){
        .tools = definitions->has_tools && list_shows_any(call, METHOD_TOOLS_LIST, grant),
        .prompts = definitions->has_prompts && list_shows_any(call, METHOD_PROMPTS_LIST, grant),
        .resources = definitions->has_resources && (list_shows_any(call, METHOD_RESOURCES_LIST, grant) ||
                                                    list_shows_any(call, METHOD_RESOURCES_TEMPLATES_LIST, grant)),
    };
}

/* What the server says of itself, as it was accepted, to whom the policy leaves anything of it. What changed since is
 * given to nobody, and nor is the older text: it speaks of a server that is another one now. */
static bool gives_instructions(const struct call *call)
{
    const struct definitions *definitions = upstream_definitions(call->backend->upstream);
    const struct item *item = &definitions->instructions_item;
    return definitions->instructions.len > 0 &&
           store_pin_state(call->gateway->store, call->route->server->name, PIN_INSTRUCTIONS, item->name, item->pin) ==
               PIN_ACCEPTED;
}

static void write_instructions(const struct call *call, const struct shown *shown, struct json_writer *writer)
{
    if (shown->tools || shown->prompts || shown->resources)
        json_write_member_string(writer, STR("instructions"),
                                 upstream_definitions(call->backend->upstream)->instructions);
}

/* Our own handshake: the server's capabilities that this gateway carries, and of its words the instructions alone. */
static void write_initialize(struct call *call, const struct grant *grant)
{
    const struct definitions *definitions = upstream_definitions(call->backend->upstream);
    struct shown shown = { .tools = false };
    struct json_writer writer;
    if (gives_instructions(call))
        shown = what_is_shown(call, grant);
    answer_result(call, &writer);
    json_write_member_string(&writer, STR("protocolVersion"), call->session->version);
    json_write_key(&writer, STR("capabilities"));
    json_write_object(&writer);
    write_capability(&writer, STR("tools"), definitions->has_tools);
    write_capability(&writer, STR("prompts"), definitions->has_prompts);
    write_capability(&writer, STR("resources"), definitions->has_resources);
    json_write_object_end(&writer);
    write_server_info(&writer, call, STR("serverInfo"));
    write_instructions(call, &shown, &writer);
    answer_result_end(call, &writer);
}

/* MCP 2026-07-28 server/discover: as far as the policy leaves anything of it to this grant. */
static enum step_next discover(struct call *call)
{
    const struct grant *grant = call_live_grant(call);
    struct json_writer writer;
    if (!grant) {
        call_end(call, REASON_grant_revoked);
        return STEP_END;
    }
    struct shown shown = what_is_shown(call, grant);
    answer_result(call, &writer);
    call_write_versions(call, STR("supportedVersions"), &writer);
    json_write_key(&writer, STR("capabilities"));
    json_write_object(&writer);
    write_capability(&writer, STR("tools"), shown.tools);
    write_capability(&writer, STR("prompts"), shown.prompts);
    write_capability(&writer, STR("resources"), shown.resources);
    json_write_object_end(&writer);
    if (gives_instructions(call))
        write_instructions(call, &shown, &writer);
    json_write_key(&writer, STR("_meta"));
    json_write_object(&writer);
    write_server_info(&writer, call, STR("io.modelcontextprotocol/serverInfo"));
    json_write_object_end(&writer);
    answer_result_end(call, &writer);
    call_end(call, REASON_answered);
    return STEP_END;
}

/* What of it is listened to; what a client may not ask for in so many words is not taken. */
static int read_filter(const struct call *call, unsigned *kinds)
{
    static const struct {
        struct str name;
        unsigned kind;
    } lists[] = { { { "toolsListChanged", 16 }, LISTEN_TOOLS },
                  { { "promptsListChanged", 18 }, LISTEN_PROMPTS },
                  { { "resourcesListChanged", 20 }, LISTEN_RESOURCES } };
    const struct json *filter = json_get(call->message.params, STR("notifications"));
    const struct json *resources = json_get(filter, STR("resourceSubscriptions"));
    *kinds = 0;
    if (!json_is(filter, JSON_OBJECT) || (resources && !json_is(resources, JSON_ARRAY)))
        return E_INVALID;
    for (size_t at = 0; at < ARRAY_LEN(lists); at++) {
        const struct json *wanted = json_get(filter, lists[at].name);
        if (wanted && !json_is(wanted, JSON_BOOL))
            return E_INVALID;
        if (wanted && json_bool(wanted))
            *kinds |= lists[at].kind;
    }
    return 0;
}

/* MCP 2026-07-28 subscriptions: the lists that change, as this grant sees them. Resources are not followed. */
static enum step_next listen(struct call *call)
{
    const struct definitions *definitions = upstream_definitions(call->backend->upstream);
    struct listening *listening;
    unsigned kinds;
    if (read_filter(call, &kinds) != 0) {
        gateway_record_malformed(call->gateway, call, REASON_invalid_params);
        call_end(call, REASON_invalid_params);
        return STEP_END;
    }
    kinds &= (definitions->has_tools ? LISTEN_TOOLS : 0u) | (definitions->has_prompts ? LISTEN_PROMPTS : 0u) |
             (definitions->has_resources ? LISTEN_RESOURCES : 0u);
    enum reason why = listen_open(call, kinds, &listening);
    if (why == REASON_allowed)
        listen_acknowledge(listening);
    call_end(call, why == REASON_allowed ? REASON_answered : why);
    return STEP_END;
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
    const struct grant *grant = call_live_grant(call);
    if (!grant) {
        call_end(call, REASON_grant_revoked);
        return STEP_END;
    }
    int error = session_new(&gateway->sessions, call->route->server->name, call->grant, negotiated(params.version),
                            params.client_name, loop_now_ms(gateway->loop), &call->session);
    if (error) {
        call_end(call, REASON_overloaded);
        return STEP_END;
    }
    gateway_record_session(gateway, call->session, STR("begun"));
    write_initialize(call, grant);
    answer_send(call, 200, session_id(call->session));
    call_end(call, REASON_answered);
    return STEP_END;
}

enum step_next call_answer_local(struct call *call)
{
    switch ((int)call->method_id) {
    case METHOD_INITIALIZE: return initialize(call);
    case METHOD_SERVER_DISCOVER: return discover(call);
    case METHOD_SUBSCRIPTIONS_LISTEN: return listen(call);
    case METHOD_PING:
        buf_reset(&call->gateway->out);
        message_write_result_raw(&call->gateway->out, buf_str(&call->client_id), STR("{}"));
        call_end(call, REASON_answered);
        return STEP_END;
    default: /* known, and not offered */ call_end(call, REASON_method_not_found); return STEP_END;
    }
}
