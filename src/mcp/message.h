/* JSON-RPC messages as MCP allows them, read from a tree and written from values. Pure.
 * What message_read refuses is never forwarded: unknown members, ids that are null, fractions or too long, a batch. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "json/json.h"
#include "json/writer.h"
#include "model/reason.h"

#include <stdbool.h>
#include <stdint.h>

enum message_kind { MESSAGE_REQUEST, MESSAGE_NOTIFICATION, MESSAGE_RESULT, MESSAGE_ERROR };
enum sender { SENDER_CLIENT, SENDER_SERVER };

enum method_kind { METHOD_LOCAL, METHOD_LIST, METHOD_FORWARD, METHOD_NOTE, METHOD_ASK };
enum method_id {
    METHOD_UNKNOWN,
#define METHOD(id, name, sender, eras, kind, subject, record) METHOD_##id,
#include "mcp/methods.def"
#undef METHOD
    METHOD_COUNT
};
enum method_subject { METHOD_SUBJECT_NONE, METHOD_SUBJECT_TOOL, METHOD_SUBJECT_PROMPT, METHOD_SUBJECT_RESOURCE, METHOD_SUBJECT_METHOD };
/* Bits, by enum era_id of mcp/era.h. */
enum method_eras { METHOD_ERAS_LEGACY = 1, METHOD_ERAS_MODERN = 2, METHOD_ERAS_BOTH = 3 };
enum method_record { METHOD_RECORD_AWAIT, METHOD_RECORD_WRITE, METHOD_RECORD_COUNT };

struct method_row {
    struct str          name;
    enum sender         sender;
    enum method_eras    eras;
    enum method_kind    kind;
    enum method_subject subject;
    enum method_record  record;
};
/* Any id but METHOD_UNKNOWN. */
const struct method_row *method_row(enum method_id id);
/* Exact bytes after unescaping; METHOD_UNKNOWN for anything else, and for a method that this sender may not send. */
enum method_id method_find(struct str name, enum sender sender);

struct message {
    enum message_kind  kind;
    const struct json *id;       /* a string or a plain integer; NULL for notifications, and for an error without id */
    struct str         method;   /* requests and notifications */
    enum method_id     method_id;
    const struct json *params;   /* an object or NULL */
    const struct json *result;   /* MESSAGE_RESULT: an object */
    int64_t            error_code;
    struct str         error_message;
    const struct json *error_data;
};

/* A string of at most LIMIT_id_bytes without control characters, or an integer of at most 2^53-1 in size written
 * without fraction and exponent. False for NULL. */
bool message_id_is_valid(const struct json *id);
/* E_INVALID with *why (invalid_request, invalid_params or batch) and *detail (a static sentence). *out then holds the
 * id when one could be read, for the answer to a client or to end the leg that a server answered; and its kind is
 * MESSAGE_REQUEST or MESSAGE_NOTIFICATION if and only if the message has a method. A client's answers are refused. */
int message_read(const struct json *root, enum sender sender, struct message *out, enum reason *why, struct str *detail) NODISCARD;

/* params of tools/call: {name, arguments?, _meta?}; everything else in there is refused. */
struct call_params {
    struct str         name;
    const struct json *arguments;      /* an object, or NULL when absent */
    const struct json *progress_token; /* of _meta, or NULL */
};
int call_params_read(const struct json *params, struct call_params *out, struct str *detail) NODISCARD;
/* params of prompts/get ({name, arguments?: strings}), resources/read ({uri}): the name and the arguments. */
int prompt_params_read(const struct json *params, struct call_params *out, struct str *detail) NODISCARD;
int resource_params_read(const struct json *params, struct call_params *out, struct str *detail) NODISCARD;
/* params of a list: {cursor?}. *cursor empty ptr NULL when absent. */
int list_params_read(const struct json *params, struct str *cursor, struct str *detail) NODISCARD;

/* Revisions that open a session; the newest first. */
#define MCP_VERSIONS(V) V("2025-11-25") V("2025-06-18") V("2025-03-26")
#define MCP_VERSION_LATEST "2025-11-25"
/* The revision that has none: mcp/era.h. */
#define MCP_VERSION_MODERN "2026-07-28"
bool mcp_version_is_supported(struct str version);

struct initialize_params {
    struct str version;                /* as asked */
    struct str client_name, client_version;
};
int initialize_params_read(const struct json *params, struct initialize_params *out, struct str *detail) NODISCARD;

/* An id as written JSON (at most 6 * LIMIT_id_bytes + 2 bytes); NULL is "null". */
void message_write_id(struct buf *out, const struct json *id);
/* Writers: whole messages into `out`, no newline. `id` is written JSON, as message_write_id makes it: a call keeps
 * those bytes after its request's tree is gone; empty writes null. Written params and results are whole objects of our
 * writer, or empty: no params. An empty reason word: no data. */
void message_write_result(struct buf *out, struct str id, const struct json *result);
void message_write_result_raw(struct buf *out, struct str id, struct str written_result);
void message_write_error(struct buf *out, struct str id, int code, struct str text, struct str reason_word);
/* The server's own error passed on: code, message and data from its tree. */
void message_write_server_error(struct buf *out, struct str id, const struct message *error);
void message_write_request(struct buf *out, uint64_t id, struct str method, struct str written_params);
void message_write_notification(struct buf *out, struct str method, struct str written_params);
/* As message_write_request with `members` of the params (an object's inside, without _meta), and a _meta of the members
 * `meta` and, with `progress`, a progressToken equal to the id. */
void message_write_leg(struct buf *out, uint64_t id, struct str method, struct str members, struct str meta, bool progress);
