/* Streams that clients hold open to hear what belongs to no request of theirs: a registry by session, and what they are
 * told. A message goes to one stream of a session alone, the newest (MCP 2025-11-25 transports, "Multiple
 * Connections"); what changed while a session had none is told to its next one. A listening is owned by the gateway
 * from listen_open until its end. Loop thread only. */
#pragma once

#include "base/limits.h"
#include "base/list.h"
#include "base/str.h"
#include "gate/lists.h"
#include "gate/session.h"
#include "model/reason.h"
#include "model/server.h"

struct call;
struct exchange;
struct gateway;
struct route;
struct timer;

#define LIST_METHODS 4 /* tools/list, prompts/list, resources/list, resources/templates/list */

enum { LISTEN_TOOLS = 1, LISTEN_PROMPTS = 2, LISTEN_RESOURCES = 4, LISTEN_ALL = 7 }; /* lists that change */

struct listening {
    unsigned          magic;
    unsigned          kinds;        /* LISTEN_: what it is told */
    struct list       link;         /* the gateway's */
    struct list       session_link; /* the session's */
    struct gateway   *gateway;
    struct exchange  *exchange;
    struct grant_use *grant;
    struct session   *session;      /* NULL: of none, and then a request's that has an id */
    char              server[SERVER_NAME_MAX + 1];
    char              client[SESSION_CLIENT_MAX + 1]; /* what a client without a session says of itself */
    size_t            id_len;
    char              id[];         /* of subscriptions/listen, as written JSON; empty: of a GET */
};

/* How many there may be where the fronts accept so many connections (0: LIMIT_connections): no grant, and all together,
 * leave others without. */
void listen_set_ceilings(struct gateway *gateway, unsigned connections);
/* REASON_allowed: the call's exchange now belongs to the listening, of the call's session or of none. Else why not. */
enum reason listen_open(struct call *call, unsigned kinds, struct listening **out);
/* The stream ends in order. */
void listen_end(struct listening *listening);
void listen_end_session(struct session *session);
/* All of one grant; of every grant where the id is empty. */
void listen_end_all(struct gateway *gateway, struct str grant_id);
/* Those to a server that is not in the snapshot in force. */
void listen_end_removed(struct gateway *gateway);
/* Those whose grant lives no more, with their sessions. */
void listen_end_expired(struct gateway *gateway);
/* The timer of the gateway that does so when the first of them, or a grant above it, expires. */
void listen_expiry(struct timer *timer);
/* The front says that the client is gone: its exchange is not used any more. */
void listen_gone(struct listening *listening);

/* MCP 2026-07-28 subscriptions: the first message. It may be the end of the listening. */
void listen_acknowledge(struct listening *listening);
/* What the session missed. It may be the end of the listening. */
void listen_catch_up(struct listening *listening);
/* What a session sees changed: its newest stream is told, or its next one. */
void listen_tell_session(struct session *session, unsigned kinds);
/* What differs between two lists of a server; they outlive it. Any thread. */
struct list_changes {
    struct changes {                 /* of one kind */
        struct listing before, after;
        struct change {
            const struct listing *listing; /* before or after */
            size_t                at;
        } judged[LIMIT_changes_judged];
        size_t         count;        /* above the ceiling: everybody is told */
        bool           failed;
    } kinds[LIST_METHODS];
};
void listen_compare(struct definitions *before, struct definitions *after, struct list_changes *out);
/* A server's definitions are not what they were: the sessions whose own view of them changed are told. */
void listen_tell(struct gateway *gateway, const struct route *route, const struct list_changes *changes);
/* What the instance of an isolation value (a grant's or session's id; of everybody: any other) lists is not what it was:
 * those of its clients are told whose own view changed. `before` NULL: it was not known. */
void listen_own_changed(struct gateway *gateway, const struct route *route, struct str value,
                        const struct definitions *before, const struct definitions *after);
/* The policy of a server is another, or other definitions of its tools are accepted. */
void listen_policy_changed(struct gateway *gateway, struct str server);
