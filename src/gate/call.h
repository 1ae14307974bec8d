/* One message from a client, from its first step to its one exit. The table of steps is the path that every message
 * takes; docs/life-of-a-call.md tells it as a story. A call owns its record; everything else is borrowed from the
 * gateway. Loop thread only. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/list.h"
#include "mcp/era.h"
#include "mcp/message.h"
#include "model/grant.h"
#include "model/record.h"
#include "policy/decide.h"
#include "upstream/upstream.h"

#include <stdbool.h>
#include <stdint.h>

struct admission;
struct backend;
struct exchange;
struct gateway;
struct grant_use;
struct route;
struct session;
struct snapshot;
struct tool_meter;

#define CALL_STEPS(STEP)                                                                           \
    STEP(IDENTIFY, "the grant behind the token; unknown, expired or revoked: 401")                 \
    STEP(READ,     "one message, parsed strictly, in its session")                                 \
    STEP(ROUTE,    "the server's definitions; the name by exact look-up")                          \
    STEP(DECIDE,   "policy_decide(), pure; messages that go to no server are answered here")       \
    STEP(OPEN,     "an instance of the server, started where there is none")                       \
    STEP(ADMIT,    "all debits and the record, durable, or denied")                                \
    STEP(SEND,     "grant and generation looked at again, then our bytes")                         \
    STEP(AWAIT,    "progress, then the answer")                                                    \
    STEP(ANSWER,   "the answer written from our tree")                                             \
    STEP(SETTLE,   "the outcome queued, the client answered")

#define REQUEST_ARENA_MAX ((size_t)64 << 20) /* bytes: the tree of one message and all that is decided on it */

enum call_step {
#define STEP(name, text) STEP_##name,
    CALL_STEPS(STEP)
#undef STEP
    STEP_COUNT
};
const char *call_step_name(enum call_step step);

enum step_next {
    STEP_NEXT, /* on to the next step */
    STEP_WAIT, /* something will call call_again or call_resume */
    STEP_END   /* call_end was called; the call is gone */
};

#define CALL_EVENTS(E)                                                                             \
    E(CLIENT_GONE) E(CLIENT_CLOSED) E(CANCELLED) E(UPSTREAM_DOWN) E(REVOKED) E(SESSION_ENDED) E(REMOVED) E(STOP)
enum call_event {
#define E(name) CALL_EVENT_##name,
    CALL_EVENTS(E)
#undef E
    CALL_EVENT_COUNT
};

struct call {
    unsigned           magic;
    enum call_step     step;
    bool               counted;      /* one of its grant's calls in flight */
    bool               named;        /* for a server: it has a name, an id and a digest, and will have a record */
    bool               was_admitted;
    bool               sent;         /* the leg is with the server */
    struct gateway    *gateway;
    struct list        link;         /* the gateway's calls */
    struct list        session_link; /* the session's calls */
    struct exchange   *exchange;     /* NULL once it is answered or the client is gone */
    struct snapshot   *snapshot;     /* in force when it came */
    const struct route *route;       /* of it */
    struct backend    *backend;      /* the server behind the route */
    struct grant_use  *grant;
    const struct era  *era;          /* of its client */
    struct session    *session;      /* NULL before one is known, and where the era has none */
    struct str         client;       /* where there is no session: what the client says of itself, in the arena */
    uint64_t           generation;   /* the gateway's, when the call was decided */
    int64_t            started_ms;   /* monotonic */
    int64_t            begun_us, admitted_us; /* monotonic: for the metrics */
    struct tool_meter *tool;         /* its server's; NULL: no tool was decided on */
    size_t             bytes;        /* counted against its grant and the process */

    /* the message: alive until SEND has written it */
    struct arena       arena;
    struct message     message;
    struct call_params params;
    struct buf         client_id;    /* the id as written JSON, for the answer */
    struct buf         progress;     /* the client's progressToken as written JSON; empty: none asked */
    struct buf         operation;    /* params' members as they go to the server */
    enum method_id     method_id;

    /* the decision */
    struct id          id;
    struct sha256      digest;       /* of the canonical operation */
    struct decision    decision;
    struct pinned_class class;       /* of its tool, as it was judged */
    struct over        over;         /* of a limit that is full */
    const struct debit *over_debit;

    /* the server's side */
    struct upstream_waiter waiter;
    bool               waiting;      /* the waiter is queued */
    struct instance   *instance;
    struct admission  *admission;
    struct leg         leg;
    struct message     answer;       /* from the leg, in answer_arena, until ANSWER has written it */
    struct arena       answer_arena;
    bool               answered;     /* answer_arena is ours to release */
    enum outcome       outcome;
};

/* The front's message enters here; the call lives until call_end. */
void call_begin(struct gateway *gateway, struct exchange *exchange);
/* From the step that waited: the same step again, or the next one. */
void call_again(struct call *call);
void call_resume(struct call *call);
/* What happened meanwhile, by call_events.def. The call may be gone afterwards. */
void call_happened(struct call *call, enum call_event event);
/* The one exit: releases what is held, settles what was admitted, records what was denied, answers the client. */
void call_end(struct call *call, enum reason reason);

/* What a record says of any message for a server; the caller adds the reason. Borrows from the call. */
void call_fill_record(struct call *call, struct record *record);
/* Empty where there is none. */
struct str call_session(const struct call *call);
struct str call_client(const struct call *call);
/* What the instance for this client lists itself; NULL: not known yet, or the server's one instance is everybody's. */
const struct definitions *call_own(const struct call *call);
/* The call's grant as it is now; NULL: gone, revoked or expired. */
const struct grant *call_live_grant(const struct call *call);
void call_free(struct call *call); /* the pool's alone */

/* eras.c: whether the server can be spoken to in the client's era; as a step. And what its HTTP fields must say of its
 * arguments, once its tool is known. */
enum step_next call_look_at_era(struct call *call);
bool call_fields_fit(struct call *call);

/* steps.c, lists.c, local.c */
enum step_next step_identify(struct call *call);
enum step_next step_read(struct call *call);
enum step_next step_route(struct call *call);
enum step_next step_decide(struct call *call);
enum step_next step_open(struct call *call);
enum step_next step_admit(struct call *call);
enum step_next step_send(struct call *call);
enum step_next step_await(struct call *call);
enum step_next step_answer(struct call *call);
enum step_next step_settle(struct call *call);
enum step_next call_answer_local(struct call *call);
enum step_next call_answer_list(struct call *call);
