/* Sessions of clients (MCP 2025-03-26 to 2025-11-25): minted here, bound to one grant and one server, never an
 * authentication. They are state, not trust: every message brings its token. Loop thread only. */
#pragma once

#include "base/encode.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "front/share.h"
#include "model/grant.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_ID_LEN 32    /* 192 random bits, base64url */
#define SESSION_CLIENT_MAX 64

/* What one grant uses now: made at its first message, dropped when nothing of it is left. */
struct grant_use {
    char        id[GRANT_ID_LEN + 1];
    size_t      messages, bytes;  /* being handled, and how much they hold */
    size_t      calls, sessions;  /* in flight, open */
    size_t      streams;          /* held open */
    struct share share;           /* its answers that wait for their readers */
};

struct session {
    unsigned          magic;
    struct list       link;          /* all sessions, longest unused first */
    struct list       calls;         /* of this session, in flight */
    struct list       listenings;    /* streams that it holds open, the newest last */
    unsigned          untold;        /* LISTEN_: what changed while it had no stream */
    struct grant_use *grant;
    int64_t           created_ms, used_ms; /* monotonic */
    struct str        version;       /* negotiated; static bytes */
    char              id[SESSION_ID_LEN + 1];
    char              client[SESSION_CLIENT_MAX + 1]; /* what the client says of itself, cut */
    size_t            client_len;
    char              server[SERVER_NAME_MAX + 1];
    bool              ending;        /* its server is gone: nothing finds it, and it ends with its last call */
};

struct sessions {
    struct map  by_id;
    struct map  uses;                /* grant id -> struct grant_use */
    struct list all;
    size_t      count;
};

void sessions_init(struct sessions *sessions);
/* No session has calls any more. */
void sessions_release(struct sessions *sessions);
/* E_LIMIT: the grant is at LIMIT_sessions_per_grant. */
int  session_new(struct sessions *sessions, struct str server, struct grant_use *grant, struct str version,
                 struct str client, int64_t now_ms, struct session **out) NODISCARD;
/* NULL where there is none of this id, or it is another grant's or another server's, or ending. Marks it used. */
struct session *session_find(struct sessions *sessions, struct str id, struct str server, struct str grant_id, int64_t now_ms);
/* Its calls and streams have ended. */
void session_end(struct sessions *sessions, struct session *session);
/* The longest unused one that is past its time-outs, or NULL. */
struct session *session_expired(struct sessions *sessions, int64_t now_ms);
struct str session_id(const struct session *session);
struct str session_client(const struct session *session);
struct str session_server(const struct session *session);

struct grant_use *grant_use_get(struct sessions *sessions, struct str grant_id) NODISCARD; /* NULL: no memory */
/* Messages and answers of this grant that are in memory. */
size_t grant_use_bytes(const struct grant_use *use);
/* Drops the entry when nothing is counted in it. */
void grant_use_put(struct sessions *sessions, struct grant_use *use);
