/* The two eras of MCP. Legacy revisions (2025-03-26 to 2025-11-25) open a session by a handshake; the modern one
 * (2026-07-28) has none: each request says by itself what it speaks. An era is a set of functions over messages, and the
 * only place that knows how its revisions differ. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/writer.h"
#include "mcp/message.h"
#include "model/reason.h"

#include <stdbool.h>

enum era_id { ERA_LEGACY, ERA_MODERN };

/* What HTTP fields say of a message: ptr NULL where one did not come. */
struct mirror {
    bool       required;         /* the transport has fields */
    struct str version, method, name;
};

struct era {
    enum era_id id;
    const char *versions;        /* of it, as the members of a JSON array */
    bool        has_sessions;    /* a message belongs to a session; else it stands alone */
    bool        gone_is_cancelled; /* a client that closes its request has cancelled it */
    bool        server_may_ask;  /* a server may send requests of its own, which are answered */

    /* A client's message against its fields and against what every one of this era must say. *client: its name for
     * itself, or empty; in the message's tree. E_INVALID with *why. */
    int  (*check)(const struct message *message, const struct mirror *mirror, struct arena *arena, struct str *client,
                  enum reason *why);
    int  (*status)(enum reason reason);               /* HTTP's */
    /* What a result of the gateway's own says beside its content. */
    void (*write_result_members)(struct json_writer *writer, enum method_id method);
    /* A request of our own to a server; see message_write_leg. */
    void (*write_leg)(struct buf *out, uint64_t id, struct str method, struct str members, bool progress);
    /* REASON_allowed, or why a server's answer is not passed on. */
    enum reason (*judge)(const struct message *answer);
    /* A server's result for a client. */
    void (*write_result)(struct buf *out, struct str id, enum method_id method, const struct json *result);
};

extern const struct era era_legacy, era_modern;

/* The body decides (MCP 2026-07-28 versioning): a version in _meta is modern, whatever else the message is; initialize
 * without one is legacy; for the rest `version`, the field, is asked. */
const struct era *era_of(const struct message *message, struct str version);
static inline bool era_has_method(const struct era *era, enum method_id id)
{
    return (method_row(id)->eras & (1u << era->id)) != 0;
}
/* A revision that this era has. */
bool era_has_version(const struct era *era, struct str version);

/* The result of server/discover. E_INVALID: it is none. `modern`: it lists the revision that is spoken here. */
int  discover_result_read(const struct json *result, bool *modern) NODISCARD;
/* An error that only a server of the modern era gives; any other, or silence, is a legacy one's. */
bool error_is_modern(int64_t code);
/* A server misses fields that repeat arguments, or reads others in them: it may define the tool anew (MCP 2026-07-28
 * transports: whoever asked SHOULD read the list again). */
bool error_is_of_mirrors(int64_t code);
