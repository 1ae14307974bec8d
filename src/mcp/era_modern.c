/* MCP 2026-07-28: each request carries its version and its sender's capabilities in _meta, and over HTTP repeats parts
 * of itself in fields. Nothing of a client's _meta goes to a server: what we say there is ours. */
#include "mcp/era.h"
#include "mcp/mirror.h"

#define PREFIX "io.modelcontextprotocol/"
#define HEADER_MISMATCH (-32020)
#define MISSING_CAPABILITY (-32021)
#define UNSUPPORTED_VERSION (-32022)

/* Input that a server asks for is not passed on yet, so no capability for it is declared. */
#define OUR_META                                                         \
    "\"" PREFIX "protocolVersion\":\"" MCP_VERSION_MODERN "\",\"" PREFIX \
    "clientInfo\":{\"name\":\"warder\",\"version\":\"" WARDER_VERSION "\"},\"" PREFIX "clientCapabilities\":{}"

static bool is_level(const struct json *level)
{
    static const char *const words[] = {
        "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
    };
    for (size_t i = 0; json_is(level, JSON_STRING) && i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq(json_string(level), str_from_c(words[i])))
            return true;
    return false;
}

/* MCP 2026-07-28 basic, "Per-request protocol fields". */
static bool meta_is_whole(const struct json *meta, struct str *client)
{
    const struct json *info = json_get(meta, STR(PREFIX "clientInfo")), *name = json_get(info, STR("name"));
    const struct json *level = json_get(meta, STR(PREFIX "logLevel"));
    if (!json_is(json_get(meta, STR(PREFIX "clientCapabilities")), JSON_OBJECT))
        return false;
    if (info && (!json_is(name, JSON_STRING) || !json_is(json_get(info, STR("version")), JSON_STRING)))
        return false;
    *client = info ? json_string(name) : STR_EMPTY;
    return !level || is_level(level);
}

/* The body's side of Mcp-Name; NULL: the method has none. */
static const struct json *name_of(const struct message *message)
{
    if (message->method_id == METHOD_UNKNOWN)
        return NULL;
    switch (method_row(message->method_id)->subject) {
    case METHOD_SUBJECT_TOOL:
    case METHOD_SUBJECT_PROMPT: return json_get(message->params, STR("name"));
    case METHOD_SUBJECT_RESOURCE: return json_get(message->params, STR("uri"));
    case METHOD_SUBJECT_NONE:
    case METHOD_SUBJECT_METHOD: break;
    }
    return NULL;
}

static bool fields_fit(const struct message *message, const struct mirror *mirror, struct str version,
                       struct arena *arena)
{
    const struct json *name = name_of(message);
    bool named = json_is(name, JSON_STRING) && method_row(message->method_id)->kind == METHOD_FORWARD;
    if (!mirror->version.ptr || !str_eq(mirror->version, version))
        return false;
    if (!mirror->method.ptr || !str_eq(mirror->method, message->method))
        return false;
    if (named)
        return mirror->name.ptr && mirror_says(mirror->name, json_string(name), arena);
    return true;
}

/* Notifications: the revision has none over HTTP, and says nothing of their fields. */
static int check(const struct message *message, const struct mirror *mirror, struct arena *arena, struct str *client,
                 enum reason *why)
{
    const struct json *meta = json_get(message->params, STR("_meta"));
    const struct json *version = json_get(meta, STR(PREFIX "protocolVersion"));
    *client = STR_EMPTY;
    *why = REASON_meta_invalid;
    if (!version && message->kind == MESSAGE_NOTIFICATION)
        return 0;
    if (!json_is(version, JSON_STRING))
        return E_INVALID;
    if (mirror->required && message->kind == MESSAGE_REQUEST &&
        !fields_fit(message, mirror, json_string(version), arena)) {
        *why = REASON_mirror_mismatch;
        return E_INVALID;
    }
    if (!str_eq(json_string(version), STR(MCP_VERSION_MODERN))) {
        *why = REASON_protocol_unsupported;
        return E_INVALID;
    }
    if (message->kind == MESSAGE_NOTIFICATION)
        return 0;
    if (!meta_is_whole(meta, client))
        return E_INVALID;
    *why = REASON_input_response;
    return json_get(message->params, STR("inputResponses")) || json_get(message->params, STR("requestState"))
               ? E_INVALID
               : 0;
}

static int status(enum reason reason)
{
    return reason == REASON_method_not_found ? 404 : reason_row(reason)->http_status;
}

static bool is_cacheable(enum method_id method)
{
    switch ((int)method) {
    case METHOD_SERVER_DISCOVER:
    case METHOD_TOOLS_LIST:
    case METHOD_PROMPTS_LIST:
    case METHOD_RESOURCES_LIST:
    case METHOD_RESOURCES_TEMPLATES_LIST:
    case METHOD_RESOURCES_READ: return true;
    default: return false;
    }
}

/* A policy decides who sees what, and may be another one at once: nothing is kept, and nothing is shared. */
static void write_result_members(struct json_writer *writer, enum method_id method)
{
    json_write_member_string(writer, STR("resultType"), STR("complete"));
    if (is_cacheable(method)) {
        json_write_member_int(writer, STR("ttlMs"), 0);
        json_write_member_string(writer, STR("cacheScope"), STR("private"));
    }
}

static void write_leg(struct buf *out, uint64_t id, struct str method, struct str members, bool progress)
{
    message_write_leg(out, id, method, members, STR(OUR_META), progress);
}

/* MCP 2026-07-28 schema, Result: absent is complete. A capability that a server misses is one that we do not declare,
 * whatever the client does. */
static enum reason judge(const struct message *answer)
{
    if (answer->kind == MESSAGE_ERROR)
        return answer->error_code == MISSING_CAPABILITY ? REASON_input_required : REASON_allowed;
    const struct json *type = json_get(answer->result, STR("resultType"));
    if (!type)
        return REASON_allowed;
    if (!json_is(type, JSON_STRING))
        return REASON_upstream_malformed;
    if (str_eq(json_string(type), STR("complete")))
        return REASON_allowed;
    return str_eq(json_string(type), STR("input_required")) ? REASON_input_required : REASON_result_type;
}

static void write_result(struct buf *out, struct str id, enum method_id method, const struct json *result)
{
    struct json_writer writer;
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("jsonrpc"), STR("2.0"));
    json_write_key(&writer, STR("id"));
    json_write_raw(&writer, id);
    json_write_key(&writer, STR("result"));
    json_write_object(&writer);
    write_result_members(&writer, method);
    json_iter_init(&iter, result);
    while (json_iter_next(&iter, &key, &value)) {
        bool ours = str_eq(key, STR("resultType")) ||
                    (is_cacheable(method) && (str_eq(key, STR("ttlMs")) || str_eq(key, STR("cacheScope"))));
        if (!ours)
            json_write_member_node(&writer, key, value);
    }
    json_write_object_end(&writer);
    json_write_object_end(&writer);
}

const struct era era_modern = {
    .id = ERA_MODERN,
    .versions = "\"" MCP_VERSION_MODERN "\"",
    .gone_is_cancelled = true,
    .check = check,
    .status = status,
    .write_result_members = write_result_members,
    .write_leg = write_leg,
    .judge = judge,
    .write_result = write_result,
};

int discover_result_read(const struct json *result, bool *modern)
{
    const struct json *versions = json_get(result, STR("supportedVersions")), *version;
    struct json_iter iter;
    struct str key;
    *modern = false;
    if (!json_is(versions, JSON_ARRAY) || !json_is(json_get(result, STR("capabilities")), JSON_OBJECT))
        return E_INVALID;
    json_iter_init(&iter, versions);
    while (json_iter_next(&iter, &key, &version))
        if (json_is(version, JSON_STRING) && str_eq(json_string(version), STR(MCP_VERSION_MODERN)))
            *modern = true;
    return 0;
}

bool error_is_modern(int64_t code)
{
    return code == HEADER_MISMATCH || code == MISSING_CAPABILITY || code == UNSUPPORTED_VERSION;
}

bool error_is_of_mirrors(int64_t code)
{
    return code == HEADER_MISMATCH;
}
