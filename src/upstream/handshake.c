/* The first words with a server. The control session asks with server/discover (MCP 2026-07-28) which era it speaks and
 * opens a session with initialize where it does not know that method, whatever it answers instead, or does not answer.
 * Other instances know. No client capability is declared: an instance may be shared, and nobody would answer what the
 * server asks. */
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

static bool tells(const struct json *capabilities, struct str name)
{
    const struct json *changes = json_get(json_get(capabilities, name), STR("listChanged"));
    return json_is(changes, JSON_BOOL) && json_bool(changes);
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

static void keep_capabilities(struct instance *instance, const struct json *capabilities)
{
    instance->capabilities = (struct capabilities){
        .tools = has(capabilities, STR("tools")),
        .prompts = has(capabilities, STR("prompts")),
        .resources = has(capabilities, STR("resources")),
        .completions = has(capabilities, STR("completions")),
        .tools_change = tells(capabilities, STR("tools")),
        .prompts_change = tells(capabilities, STR("prompts")),
        .resources_change = tells(capabilities, STR("resources")),
    };
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
    keep_capabilities(instance, capabilities);
    if (instance_is_control(instance))
        keep_instructions(instance->upstream, result);
    return NULL;
}

/* The server cannot be spoken to. */
static void give_up(struct instance *instance, const char *fault)
{
    log_warn(instance->upstream->services.log, "server '%" STR_FMT "': %s", STR_ARG(instance->upstream->server->name),
             fault);
    instance_say_why(instance, "%s", fault);
    instance_lose(instance, REASON_upstream_malformed);
}

/* What was found is the server's, and not of this connection alone. */
static void keep_era(struct instance *instance)
{
    struct upstream *upstream = instance->upstream;
    if (instance_is_control(instance)) {
        if (upstream->era != instance->era)
            upstream->opens_sessions = SPEAKS_UNKNOWN;
        upstream->era = instance->era;
    } else if (upstream->era == &era_modern && instance->era == &era_legacy) {
        upstream->opens_sessions = SPEAKS_YES;
    }
}

/* ---- initialize ---- */

static void handshake_answered(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct instance *instance = leg->owner;
    bool refused = message->kind == MESSAGE_ERROR;
    const char *fault = refused ? NULL : read_result(instance, message->result);
    arena_release(arena);
    instance->shaking = false;
    if (refused && instance->probing)
        return;
    if (refused && !instance_is_control(instance) && instance->upstream->era == &era_modern)
        instance->upstream->opens_sessions = SPEAKS_NO;
    if (refused || fault) {
        instance->upstream->unprobed = false;
        give_up(instance, fault ? fault : "it answered the handshake with an error");
        return;
    }
    if (instance->probing)
        upstream_cancel(&instance->probe, REASON_cancelled);
    instance->probing = false;
    instance->era = &era_legacy;
    keep_era(instance);
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

/* After this the connection is of no use; where it was lost before, that is nothing new. Where no probe was sent, none
 * was what broke it. */
static void handshake_ended(struct leg *leg, enum reason reason)
{
    struct instance *instance = leg->owner;
    instance->shaking = false;
    if (!instance->probed)
        instance->upstream->unprobed = false;
    instance_lose(instance, reason);
}

static const struct leg_events handshake_events = { .answer = handshake_answered, .ended = handshake_ended };

static void initialize(struct instance *instance)
{
    instance->handshake = (struct leg){
        .events = &handshake_events,
        .owner = instance,
        .deadline_ms = loop_now_ms(instance->upstream->services.loop) + instance_start_ms(instance),
    };
    instance->era = &era_legacy;
    instance->version[0] = '\0';
    instance->shaking = true;
    int error =
        instance_send(instance, &instance->handshake, method_row(METHOD_INITIALIZE)->name, STR(INITIALIZE_PARAMS));
    if (error) {
        instance->shaking = false;
        instance_lose(instance, REASON_upstream_closed);
    }
}

/* ---- server/discover ---- */

static void keep_discovery(struct instance *instance, const struct json *result)
{
    keep_capabilities(instance, json_get(result, STR("capabilities")));
    if (instance_is_control(instance))
        keep_instructions(instance->upstream, result);
    memcpy(instance->version, MCP_VERSION_MODERN, sizeof(MCP_VERSION_MODERN));
    instance->era = &era_modern;
    keep_era(instance);
}

/* Servers of the other era refuse the method, or answer what they do not know with something else: *modern is false
 * then. NULL, or why it cannot be spoken to. */
static const char *read_probe(struct instance *instance, const struct message *message, bool *modern)
{
    bool speaks;
    *modern = message->kind == MESSAGE_ERROR && error_is_modern(message->error_code);
    if (message->kind == MESSAGE_ERROR)
        return "it refuses server/discover";
    if (discover_result_read(message->result, &speaks) != 0)
        return "its answer to server/discover is none";
    *modern = true;
    if (!speaks)
        return "it speaks other protocol versions";
    keep_discovery(instance, message->result);
    return NULL;
}

static bool may_initialize(const struct instance *instance)
{
    return instance_is_control(instance) && instance->state == INSTANCE_STARTING;
}

static void probe_answered(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct instance *instance = leg->owner;
    bool modern;
    const char *fault = read_probe(instance, message, &modern);
    arena_release(arena);
    instance->probing = false;
    timer_stop(&instance->patience);
    if (!modern && may_initialize(instance)) {
        if (!instance->shaking)
            initialize(instance);
        return;
    }
    if (fault) {
        give_up(instance, fault);
        return;
    }
    if (instance->shaking)
        upstream_cancel(&instance->handshake, REASON_cancelled);
    instance->shaking = false;
    instance_is_ready(instance);
}

static void probe_ended(struct leg *leg, enum reason reason)
{
    struct instance *instance = leg->owner;
    instance->probing = false;
    timer_stop(&instance->patience);
    if (!may_initialize(instance)) { /* the connection broke, perhaps on a method that it does not know */
        instance->upstream->unprobed = true;
        instance_lose(instance, reason);
    } else if (!instance->shaking) {
        initialize(instance);
    }
}

static const struct leg_events probe_events = { .answer = probe_answered, .ended = probe_ended };

/* A server that starts slowly answers both in their order; one that is silent on what it does not know answers this. */
void handshake_is_slow(struct timer *timer)
{
    struct instance *instance = CONTAINER_OF(timer, struct instance, patience);
    if (instance->probing && !instance->shaking && may_initialize(instance))
        initialize(instance);
}

static void probe(struct instance *instance)
{
    instance->probe = (struct leg){
        .events = &probe_events,
        .owner = instance,
        .deadline_ms = loop_now_ms(instance->upstream->services.loop) + instance_start_ms(instance),
    };
    instance->era = &era_modern;
    memcpy(instance->version, MCP_VERSION_MODERN, sizeof(MCP_VERSION_MODERN));
    instance->probing = true;
    int error = instance_send(instance, &instance->probe, method_row(METHOD_SERVER_DISCOVER)->name, STR_EMPTY);
    if (error) {
        instance->probing = false;
        instance_lose(instance, REASON_upstream_closed);
    } else if (instance_is_control(instance)) {
        timer_start(&instance->patience, LIMIT_discover_ms);
    }
}

void handshake_begin(struct instance *instance)
{
    bool asks = instance_is_control(instance) ? !instance->upstream->unprobed : instance->era == &era_modern;
    instance->probing = instance->shaking = false;
    instance->probed = asks;
    if (asks)
        probe(instance);
    else
        initialize(instance);
}
