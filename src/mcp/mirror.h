/* What HTTP fields mirror of a message (MCP 2026-07-28 transports, "Request Metadata"): names and values as fields carry
 * them, and the parameters that a tool's schema marks with x-mcp-header. Fields are compared with the body and never
 * decided on. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "json/json.h"
#include "json/writer.h"
#include "model/server.h"

#include <stdbool.h>

#define MIRROR_FIELD_PREFIX "Mcp-Param-"

/* The text that a field carries, decoded from =?base64?...?= where it is that. E_SYNTAX: marked so, and not base64. */
int  mirror_decode(struct str field, struct arena *arena, struct str *out) NODISCARD;
/* Whether the field carries exactly this text. No memory: false. */
bool mirror_says(struct str field, struct str text, struct arena *arena);
/* Text as a field carries it: as it is where a field can hold it, else in base64. */
void mirror_encode(struct buf *out, struct str text);

/* The marked properties of an inputSchema. E_INVALID: one is marked that may not be, or with a name that may not be;
 * such a tool is not to be shown. E_NOMEM. */
int  mirror_scan(const struct json *schema, struct arena *arena, struct mirrored **out, size_t *count) NODISCARD;
/* A tool's definition without the marks of its inputSchema. */
void mirror_write_unmarked(struct json_writer *writer, const struct json *tool);

/* The argument of a marked property; NULL when it is absent or null, and the field must be absent too. */
const struct json *mirror_argument(const struct mirrored *mirrored, const struct json *arguments);
/* Whether the field carries this argument: numbers by value, strings as bytes. */
bool mirror_fits(struct str field, const struct json *argument, struct arena *arena);
/* The argument as a field carries it. E_INVALID: an array or an object, which no field can carry. */
int  mirror_write(struct buf *out, const struct json *argument) NODISCARD;
