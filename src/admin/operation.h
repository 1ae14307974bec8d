/* What an operator asks of a gateway, as one JSON object a line: {"op": "grant.create", ...}. The same object is
 * carried out over the control socket by a running gateway, or by a subcommand itself when none runs. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "json/json.h"
#include "json/writer.h"
#include "model/freeze.h"
#include "model/grant.h"
#include "model/pin.h"

#include <stdbool.h>
#include <stdint.h>

#define OPERATIONS(O)                                                                              \
    O(STATUS,        "status")                                                                     \
    O(TOOLS,         "tools")                                                                      \
    O(GRANT_CREATE,  "grant.create")                                                               \
    O(GRANT_LIST,    "grant.list")                                                                 \
    O(GRANT_REVOKE,  "grant.revoke")                                                               \
    O(GRANT_ROTATE,  "grant.rotate")                                                               \
    O(AUDIT_CATCH_UP, "audit.catch-up")                                                            \
    O(AUDIT_FOLLOW,  "audit.follow")                                                               \
    O(CONFIRM_CLOCK, "limits.confirm-clock")                                                       \
    O(LIMITS_SHOW,   "limits.show")                                                                \
    O(LIMITS_RESET,  "limits.reset")                                                               \
    O(FREEZE,        "freeze")                                                                     \
    O(THAW,          "thaw")                                                                       \
    O(FREEZE_LIST,   "freeze.list")                                                                \
    O(PINS_LIST,     "pins.list")                                                                  \
    O(PINS_ACCEPT,   "pins.accept")                                                                \
    O(PINS_FORGET,   "pins.forget")                                                                \
    O(RECOMMEND,     "recommend")                                                                  \
    O(RELOAD,        "reload")                                                                     \
    O(STOP,          "stop")

enum operation_kind {
#define O(name, word) OPERATION_##name,
    OPERATIONS(O)
#undef O
    OPERATION_COUNT
};

struct limits_filter { /* empty: any */
    struct str grant;  /* its id */
    struct str server, counter, value;
    bool       all;    /* reset: more than one too */
};

struct operation {
    enum operation_kind kind;
    struct str          which;       /* create: the parent's id or label; revoke, rotate, freeze, thaw, limits: a grant's;
                                        tools, recommend: a server's name */
    struct limits_filter limits;     /* limits.show, limits.reset: the grant is left to find */
    size_t              from;        /* tools, pins: the first entry of this page */
    struct pin_choice   pins;        /* pins.list: its server may be empty */
    bool                changed;     /* pins.list: only those */
    struct str          listed;      /* pins.accept, recommend: the first digits of what was looked at */
    struct freeze       freeze;      /* freeze, thaw: of a grant the name is left to find */
    struct grant        grant;       /* create: label, tags, servers, expires_ms (a span until it is made), unattended */
};

#define OPERATION_MAX   65536 /* bytes of one request */
#define OPERATION_BYTES ((size_t)64 << 20) /* what carrying one out may take: a reset holds what it sets back */
#define LABEL_MAX       64
#define REASON_MAX      256   /* bytes of an operator's words */
#define GRANT_NAMES_MAX 64    /* tags, and servers, of one grant */

/* Borrows from the tree and the arena. E_INVALID with a sentence in *why. */
int operation_read(const struct json *request, struct arena *arena, struct operation *out, struct str *why) NODISCARD;

/* 1 to `max` bytes of UTF-8 without control characters. */
bool operation_is_plain(struct str s, size_t max);
bool operation_is_server_name(struct str s);

/* {"ok": true, ...} and {"ok": false, "error": "..."}. */
void reply_begin(struct json_writer *writer);
void reply_end(struct json_writer *writer);
void reply_error(struct json_writer *writer, struct str text);

struct store;
/* The grant of this id, or the one live grant of this label. NULL with a sentence in *why. */
const struct grant *operation_find_grant(struct store *store, struct str which, int64_t now_ms, struct str *why);
/* Gives a new grant its id, token and times, and what it has from its parent (NULL: none), which it outlives by nothing.
 * E_EXISTS: a live grant has this label already. E_INVALID: no child of this parent can be like that. A sentence in *why.
 * Borrows from the parent. */
int operation_make_grant(struct store *store, const struct grant *parent, struct grant *grant, int64_t now_ms,
                         char token[GRANT_TOKEN_MAX], struct str *why) NODISCARD;
/* A new secret for the same grant, so that its limits go on counting. */
void operation_renew_grant(struct grant *grant, char token[GRANT_TOKEN_MAX]);
/* {"ok", "id", "label", ..., "token"}; a grant as operators see it, never its secret. `token` NULL: none. */
void reply_grant(struct json_writer *writer, const struct grant *grant, const char *token, int64_t now_ms);
void reply_grants(struct json_writer *writer, struct store *store, int64_t now_ms);
