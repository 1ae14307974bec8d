/* The gateway's inside, shared by the files of this folder alone. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "gate/call.h"
#include "gate/gateway.h"
#include "gate/session.h"
#include "gate/snapshot.h"
#include "io/heap.h"
#include "io/loop.h"

struct classifier;
struct json_writer;

struct tally {                   /* unauthenticated or unparsable: counted, one summary record a minute */
    uint64_t unauthorized, malformed;
};

struct refusals {                /* of tokens, for the log */
    int64_t  since_ms;           /* monotonic: the second that is counted */
    unsigned said;               /* in it */
    uint64_t unsaid;             /* since the last one that was said */
};

struct gateway {
    unsigned            magic;
    struct loop        *loop;
    struct clock       *clock;
    struct log         *log;
    struct store       *store;
    struct hasher      *hasher;
    struct classifier  *classifier;   /* NULL until a tool's class is to be told */
    struct front_events events;
    struct arena_pool   arenas;
    struct resolver    *resolver;
    struct tls_trust   *trust;
    struct str          self, data;   /* for what starts servers; borrowed */
    struct snapshot    *snapshot;     /* in force */
    char                stale[256];   /* why the newest configuration is not; empty: it is */
    struct list         backends;     /* of it, and those that end */
    bool                started;
    struct sessions     sessions;
    struct list         calls;        /* in any step */
    struct list         listenings;   /* streams that clients hold open */
    size_t              listening_count, streams_max, streams_per_grant_max;
    struct list         idle_calls;   /* records kept for the next message */
    size_t              call_count, idle_count;
    size_t              bytes;        /* of all messages in memory */
    uint64_t            generation;   /* moves with revocations, freezes, pins and definitions: SEND looks at it again */
    struct buf          out;          /* one message being written for a client */
    struct timer        sweep;        /* sessions that expired, tallies */
    struct heap_watch   heap;
    struct timer        expiry;       /* the first grant, or one above it, of those that hold streams open */
    int64_t             summary_ms;   /* monotonic: the last summary of tallies */
    struct tally        tally;
    struct refusals     refusals;
    uint64_t            allowed, denied;
    uint64_t            unauthorized, malformed; /* since the start */
    uint64_t            steps[STEP_COUNT]; /* how often each was entered */

    bool                stopping;
    struct timer        stop_deadline;
    bool                ending;       /* so are the servers */
    void              (*stopped)(void *arg);
    void               *stopped_arg;
};

/* answer.c: what clients read, written into gateway->out. */
void answer_denial(struct call *call, enum reason reason);
void answer_error(struct call *call, enum reason reason);
void answer_unknown_tool(struct call *call);
/* A result of our own: everything up to its first member, and the braces behind its last. */
void answer_result(struct call *call, struct json_writer *writer);
void answer_result_end(struct call *call, struct json_writer *writer);
/* Delivers gateway->out as the final message. */
void answer_send(struct call *call, int status, struct str session);

/* eras.c: the revisions that the call's server can be reached in, as a member; and the one that the client asked for. */
void call_write_versions(const struct call *call, struct str key, struct json_writer *writer);
struct str call_asked_version(const struct call *call);

/* lists.c: whether this grant is shown anything of the list. */
bool list_shows_any(struct call *call, enum method_id method, const struct grant *grant);

/* gateway.c */
/* The live grant of the exchange's token; else NULL, counted, and the log says why. Whoever asks hears one and the same
 * 401. */
const struct grant *gateway_identify(struct gateway *gateway, struct exchange *exchange);
/* As it is now; NULL: gone, revoked or expired, or one above it is. */
const struct grant *gateway_live_grant(const struct gateway *gateway, struct str id);
/* A message of a known grant that was refused before it had a name. */
void gateway_record_malformed(struct gateway *gateway, const struct call *call, enum reason reason);
void gateway_record_session(struct gateway *gateway, const struct session *session, struct str what);
/* One of the servers that were ended, or were taken out of the configuration, is gone. */
void gateway_backend_ended(struct gateway *gateway);
/* Its calls meet `event`, then it is gone. */
void gateway_end_session(struct gateway *gateway, struct session *session, enum call_event event, struct str why);
/* The hold rule compares queued admissions with the open requests; a stop waits for the last. */
void gateway_call_count_changed(struct gateway *gateway);
