/* MCP 2025-03-26 to 2025-11-25: what a message says is known from its session. */
#include "mcp/era.h"

static const struct str meta_version = { "io.modelcontextprotocol/protocolVersion", 39 };

const struct era *era_of(const struct message *message, struct str version)
{
    if (json_get(json_get(message->params, STR("_meta")), meta_version))
        return &era_modern;
    if (message->method_id == METHOD_INITIALIZE)
        return &era_legacy;
    return str_eq(version, STR(MCP_VERSION_MODERN)) ? &era_modern : &era_legacy;
}

bool era_has_version(const struct era *era, struct str version)
{
    return era->id == ERA_MODERN ? str_eq(version, STR(MCP_VERSION_MODERN)) : mcp_version_is_supported(version);
}

static int check(const struct message *message, const struct mirror *mirror, struct arena *arena, struct str *client,
                 enum reason *why)
{
    (void)message, (void)arena;
    *client = STR_EMPTY;
    *why = REASON_version_unsupported;
    return str_is_empty(mirror->version) || mcp_version_is_supported(mirror->version) ? 0 : E_INVALID;
}

static int status(enum reason reason)
{
    return reason_row(reason)->http_status;
}

static void write_result_members(struct json_writer *writer, enum method_id method)
{
    (void)writer, (void)method;
}

static void write_leg(struct buf *out, uint64_t id, struct str method, struct str members, bool progress)
{
    message_write_leg(out, id, method, members, STR_EMPTY, progress);
}

static enum reason judge(const struct message *answer)
{
    (void)answer;
    return REASON_allowed;
}

static void write_result(struct buf *out, struct str id, enum method_id method, const struct json *result)
{
    (void)method;
    message_write_result(out, id, result);
}

#define QUOTED(version) ",\"" version "\""

const struct era era_legacy = {
    .id = ERA_LEGACY,
    .versions = &MCP_VERSIONS(QUOTED)[1], /* without the first comma */
    .has_sessions = true,
    .server_may_ask = true,
    .check = check,
    .status = status,
    .write_result_members = write_result_members,
    .write_leg = write_leg,
    .judge = judge,
    .write_result = write_result,
};
