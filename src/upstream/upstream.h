/* Legs to servers. A server has one control session (handshake, all pages of its lists) and, by its isolation, one
 * instance a grant, a session, or for all. The gate hands over a leg with its bytes and hears what became of it; it
 * knows neither pipes nor sockets. Loop thread only. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "json/json.h"
#include "mcp/era.h"
#include "mcp/message.h"
#include "model/reason.h"
#include "model/server.h"

struct arena_pool;
struct clock;
struct heap_watch;
struct leg;
struct log;
struct loop;
struct resolver;
struct tls_trust;
struct upstream;       /* one server of the configuration with all its instances */
struct instance;       /* one running child or one HTTP session */

enum sent { SENT_NONE, SENT_SOME, SENT_ALL };

struct leg_events {
    /* A notification that belongs to this leg (progress). Borrowed until it returns. */
    void (*note)(struct leg *leg, const struct message *message);
    /* The answer: a result or an error, parsed strictly; `arena` owns the tree. Its content now belongs to the callee, who
     * releases it or copies the struct and keeps it. The leg has ended and may be freed. */
    void (*answer)(struct leg *leg, const struct message *message, struct arena *arena);
    /* Ended without an answer. The leg may be freed. */
    void (*ended)(struct leg *leg, enum reason reason);
};

/* Embedded in its owner (a call). upstream_send takes it over until answer or ended was called, or upstream_cancel. */
struct leg {
    const struct leg_events *events;
    void            *owner;
    struct instance *instance;
    struct list      link;          /* the instance's legs in flight */
    uint64_t         id;            /* JSON-RPC id on this connection, set by upstream_send */
    enum sent        sent;          /* how much of it left; a debit is given back only on SENT_NONE */
    bool             progress;      /* asks the server for progress; the token is the leg's id */
    int64_t          deadline_ms;   /* monotonic */
    /* What HTTP fields repeat of it (MCP 2026-07-28); borrowed until upstream_send returns. */
    struct str       method;        /* set by upstream_send */
    struct str       name;          /* the tool, prompt or resource; ptr NULL: none */
    const struct tool *tool;        /* whose marked arguments are repeated; NULL: none */
    const struct json *arguments;
    void            *transport;     /* the back's own state of this leg */
};

struct upstream_services {
    struct loop       *loop;
    struct clock      *clock;
    struct log        *log;
    struct arena_pool *arenas;
    struct heap_watch *heap;        /* is told of large messages; NULL: nobody is */
    struct str         self;        /* path of our own binary, for `__exec` */
    struct str         data;        /* the data directory: homes */
    struct resolver   *resolver;    /* of servers that a name service knows; NULL: there is none */
    struct tls_trust  *trust;       /* of https servers without authorities of their own; NULL: they are not trusted */
    int64_t            start_ms;    /* for a start that takes longer, an installation perhaps, than LIMIT_server_start_ms */
};

struct upstream_events {
    /* The definitions changed (first list, list_changed, reconnect). Borrowed: upstream_newest is the new one. */
    void (*definitions)(void *arg, struct upstream *upstream);
    bool keeps_first;  /* the first ones are nobody's, and waited for, until upstream_know */
    /* What the instance of an isolation value lists is known, or known anew (`before` NULL: they were not).
     * All borrowed. */
    void (*own)(void *arg, struct upstream *upstream, struct str value, const struct definitions *before,
                const struct definitions *own);
    void  *arg;
};

/* Nothing is started before upstream_start. `server` outlives it. */
int  upstream_new(const struct upstream_services *services, const struct server *server, const struct upstream_events *events,
                  struct upstream **out) NODISCARD;
void upstream_start(struct upstream *upstream);
/* Asks every instance to end (stdin closed, SIGTERM, SIGKILL by limits.def); legs end with `reason`; then `done`. */
void upstream_stop(struct upstream *upstream, enum reason reason, void (*done)(void *arg), void *arg);
/* Stopped (also from `done`), or never started. */
void upstream_free(struct upstream *upstream);

/* NULL until the first whole list is there, and known. */
struct definitions *upstream_definitions(struct upstream *upstream);
/* The same, known or not. */
struct definitions *upstream_newest(struct upstream *upstream);
/* What is listed may be used from now on, whatever it is: who waits for it hears so. */
void upstream_know(struct upstream *upstream);
enum upstream_state { UPSTREAM_STARTING, UPSTREAM_READY, UPSTREAM_DOWN };
enum upstream_state upstream_state(const struct upstream *upstream);
struct upstream_stats {
    size_t   instances, legs;    /* now: with a connection, and calls in flight */
    uint64_t starts, losses;     /* since it was made: starts of instances, those that were ready and ended by themselves */
};
void upstream_stats(const struct upstream *upstream, struct upstream_stats *out);
/* What became of the last start, where the server is down, or why its first lists could not be read. Borrowed until the
 * loop turns. */
struct upstream_trouble {
    struct str why;        /* empty: nothing to tell */
    struct str last_words; /* the last line of its standard error, or the last that told of an error; hostile, for escaping */
    int64_t    next_ms;    /* until it is tried again; -1: it is being tried */
    bool       tries;      /* what failed is tried again before waiters are told */
};
void upstream_trouble(const struct upstream *upstream, struct upstream_trouble *out);
/* `waiter.ready` runs on the loop (never inside the call) when the first list is there, or with upstream_unavailable
 * after LIMIT_first_list_ms, or when LIMIT_starts_waited starts have failed one after another. */
struct upstream_waiter {
    struct list link;
    void      (*ready)(struct upstream_waiter *waiter, enum reason reason); /* REASON_allowed: ready */
    int64_t     deadline_ms;
};
void upstream_wait(struct upstream *upstream, struct upstream_waiter *waiter);
void upstream_wait_cancel(struct upstream_waiter *waiter);

/* Whether a server can be spoken to in an era, once its definitions are there. A server that answers server/discover may
 * open sessions all the same: UNKNOWN until an instance of that era was asked for. */
enum speaks { SPEAKS_NO, SPEAKS_YES, SPEAKS_UNKNOWN };
enum speaks upstream_speaks(const struct upstream *upstream, enum era_id era);

/* The instance for an era and an isolation value (the grant's or session's id; ignored for "server"), started when there
 * is none. `waiter.ready` as above, once its handshake is done. E_LIMIT: too many instances. 0 with *out ready: no
 * waiting; E_AGAIN: the waiter was queued, for LIMIT_server_start_ms at most. E_INVALID: not a plain id. E_CLOSED:
 * stopping, not started, SPEAKS_NO, or it has failed so often that it is left alone for a while. *out stays valid while
 * it has legs or until the end of this turn. */
int  upstream_open(struct upstream *upstream, enum era_id era, struct str isolation_value, struct upstream_waiter *waiter,
                   struct instance **out) NODISCARD;
/* What the instance that upstream_open would give lists itself: names and pins alone. Known as long as it is
 * ready. NULL: it is not, or it is the control session, whose lists are the definitions. Borrowed until the loop turns. */
const struct definitions *upstream_own(const struct upstream *upstream, enum era_id era, struct str isolation_value);
/* Writes {"jsonrpc","id","method","params"}; `params` is made by our writer: an object's members without its braces
 * and without _meta, which is added here from a closed list (progressToken, and what the era asks for). Bytes are
 * copied. E_CLOSED: the instance is gone; E_FULL: it does not read, or has LIMIT_legs_per_instance already. On failure the leg was not taken; leg->sent
 * says whether a part of it left all the same. */
int  upstream_send(struct instance *instance, struct leg *leg, struct str method, struct str params) NODISCARD;
/* Tells the server (notifications/cancelled) where bytes left already; where none had, none will. leg->sent is true
 * afterwards. No event follows. */
void upstream_cancel(struct leg *leg, enum reason reason);
/* The instances of this isolation value end: a grant was revoked, a session ended. */
void upstream_close_instances(struct upstream *upstream, struct str isolation_value, enum reason reason);
