/* initialize and notifications/initialized, as MCP revisions up to 2025-11-25 ask. No client capability is declared:
 * an instance may be shared, and nobody would answer the server's own requests. */
#include "upstream/handshake.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"

#define INITIALIZE_PARAMS                                                 \
    "\"protocolVersion\":\"" MCP_VERSION_LATEST "\",\"capabilities\":{}," \
    "\"clientInfo\":{\"name\":\"warder\",\"version\":\"" WARDER_VERSION "\"}"

/* What servers may answer: the revisions that are spoken to clients, and the first one. */
static bool version_is_spoken(struct str version)
{
    return mcp_version_is_supported(version) || str_eq(version, STR("2024-11-05"));
}

static bool has(const struct json *capabilities, struct str name)
{
    return json_is(json_get(capabilities, name), JSON_OBJECT);
}

static void keep_instructions(struct upstream *upstream, const struct json *result)
{
    const struct json *text = json_get(result, STR("instructions"));
    struct buf *kept = &upstream->listing.instructions;
    buf_reset(kept);
    if (!json_is(text, JSON_STRING))
        return;
    buf_append_str(kept, json_string(text));
    if (buf_ok(kept))
        return;
    log_warn(upstream->services.log, "server '%" STR_FMT "': its instructions are too long and are left out",
             STR_ARG(upstream->server->name));
    buf_reset(kept);
}

/* NULL, or what is wrong with the result of initialize. */
static const char *read_result(struct instance *instance, const struct json *result)
{
    const struct json *version = json_get(result, STR("protocolVersion"));
    const struct json *capabilities = json_get(result, STR("capabilities"));
    if (!json_is(version, JSON_STRING))
        return "its handshake names no protocol version";
    if (!version_is_spoken(json_string(version)))
        return "it speaks another protocol version";
    if (!json_is(capabilities, JSON_OBJECT))
        return "its handshake has no capabilities";
    CHECK(json_string(version).len < sizeof(instance->version));
    memcpy(instance->version, json_string(version).ptr, json_string(version).len);
    instance->version[json_string(version).len] = '\0';
    instance->capabilities = (struct capabilities){
        .tools = has(capabilities, STR("tools")),
        .prompts = has(capabilities, STR("prompts")),
        .resources = has(capabilities, STR("resources")),
        .completions = has(capabilities, STR("completions")),
    };
    if (instance_is_control(instance))
        keep_instructions(instance->upstream, result);
    return NULL;
}

static void handshake_answered(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct instance *instance = leg->owner;
    const char *fault = message->kind == MESSAGE_ERROR ? "it answered the handshake with an error"
                                                       : read_result(instance, message->result);
    arena_release(arena);
    if (fault) {
        log_warn(instance->upstream->services.log, "server '%" STR_FMT "': %s",
                 STR_ARG(instance->upstream->server->name), fault);
        instance_say_why(instance, "%s", fault);
        instance_lose(instance, REASON_upstream_malformed);
        return;
    }
    instance_notify(instance, method_row(METHOD_INITIALIZED)->name, STR_EMPTY);
    const struct back_ops *ops = instance->upstream->ops;
    if (instance->state == INSTANCE_STARTING && (!ops->settle || ops->settle(instance) == 0))
        instance_is_ready(instance);
}

/* Servers refuse what comes before notifications/initialized. */
void instance_settled(struct instance *instance)
{
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    if (instance->state == INSTANCE_STARTING)
        instance_is_ready(instance);
}

/* After this the connection is of no use; where it was lost before, that is nothing new. */
static void handshake_ended(struct leg *leg, enum reason reason)
{
    instance_lose(leg->owner, reason);
}

static const struct leg_events handshake_events = { .answer = handshake_answered, .ended = handshake_ended };

void handshake_begin(struct instance *instance)
{
    instance->handshake = (struct leg){
        .events = &handshake_events,
        .owner = instance,
        .deadline_ms = loop_now_ms(instance->upstream->services.loop) + LIMIT_server_start_ms,
    };
    instance->version[0] = '\0';
    int error =
        instance_send(instance, &instance->handshake, method_row(METHOD_INITIALIZE)->name, STR(INITIALIZE_PARAMS));
    if (error)
        instance_lose(instance, REASON_upstream_closed);
}
