/* The inside of an upstream, for the files of src/upstream only: one struct upstream a server, one struct instance a
 * connection to it. An instance outlives its connections: it is started again after its server ended. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "io/loop.h"
#include "upstream/back.h"
#include "upstream/legs.h"
#include "upstream/lists.h"
#include "upstream/subscribe.h"
#include "upstream/upstream.h"

#define UPSTREAM_MAGIC 0x5550535au
#define INSTANCE_MAGIC 0x494e5354u

#define INSTANCE_LAST_WORDS 200 /* bytes that are kept */

enum instance_state {
    INSTANCE_RESTING,   /* not running; its timer starts it again if anyone waits */
    INSTANCE_STARTING,  /* from open to the end of the handshake, and of its first list where that is its own */
    INSTANCE_READY,
    INSTANCE_LOST,      /* its connection is being taken down; then it rests */
    INSTANCE_ENDING,    /* its end was asked for; then it is freed, or started if anyone waits */
};

struct capabilities {
    bool tools, prompts, resources, completions;
    bool tools_change, prompts_change, resources_change; /* it tells of them */
};

struct instance {
    unsigned         magic;
    struct upstream *upstream;
    struct list      link;         /* upstream->instances */
    char            *isolation;    /* the value and era that it stands for; NULL: the control session */
    enum instance_state state;
    void            *back;         /* the transport's own state */
    struct legs      legs;
    struct list      waiters;
    struct timer     timer;        /* by state: the next start, the handshake's end, idleness */
    struct timer     deadline;     /* the first deadline of legs and waiters, or earlier */
    uint64_t         last_id;
    bool             was_ready;    /* since its last start */
    int64_t          backoff_ms;   /* the wait before the next start; 0: it has not failed */
    unsigned         failures;     /* starts that failed, or ended before they were of use, one after another */
    bool             explained;    /* `why` is of its last start */
    bool             hurried;      /* a client brought its last start about */
    bool             noisy;        /* says what is no message in its handshake */
    char             why[128];     /* the last end that nobody asked for; our own words */
    char             last_words[INSTANCE_LAST_WORDS]; /* child_last_words then; hostile */
    int64_t          not_before_ms, ready_ms, used_ms;
    const struct era *era;         /* that is spoken on its connection */
    struct leg       handshake;    /* initialize */
    struct leg       probe;        /* server/discover */
    bool             probing, shaking; /* these are in flight */
    bool             probed;       /* on this connection */
    struct timer     patience;     /* with a server that does not answer the probe */
    struct capabilities capabilities;
    char             version[16];  /* of the protocol, as the server answered */
    struct listing   listing;      /* of its own tools; not the control session's, which is the upstream's */
    struct definitions *own;       /* names and pins of the tools that it lists; NULL: not known, or the control session */
    size_t           received;     /* bytes of the message that is being looked at */
    uint64_t         faults;       /* what it did wrong, over all its connections */
    uint64_t         late_answers; /* to calls that had ended here: no fault of its own */
    struct deferred  deferred;     /* the end of a start that failed at once; its own freeing */
};

struct upstream {
    unsigned               magic;
    struct upstream_services services;
    struct upstream_events events;
    const struct server   *server;
    const struct back_ops *ops;
    struct instance       *control;       /* NULL once it ended for good */
    const struct era      *era;           /* that its last handshake found; NULL: none yet */
    enum speaks            opens_sessions; /* where that is the modern one */
    bool                   unprobed;      /* it broke on the last probe: initialize goes first */
    struct list            instances;
    size_t                 instance_count;
    struct map             by_isolation;  /* all but the control session */
    struct definitions    *definitions;
    bool                   known;         /* they may be used */
    struct listing         listing;
    struct subscription    subscription;
    struct list            waiters;       /* for the first list */
    struct timer           waiters_timer;
    struct deferred        wake;          /* waiters that came when the list was there */
    bool                   wake_due;
    struct buf             out, id;       /* the message that is being written; the id that is echoed in it */
    size_t                 jobs;          /* tables in the pool */
    struct tls            *tls;           /* of an https server; NULL: not yet needed */
    bool                   started, stopping, stopped_due;
    uint64_t               starts, losses;
    enum reason            stop_reason;
    void                 (*done)(void *arg);
    void                  *done_arg;
    struct deferred        stopped;
};

/* instance.c */
int  instance_new(struct upstream *upstream, const struct era *era, struct str isolation, bool control,
                  struct instance **out) NODISCARD;
void instance_free(struct instance *instance);              /* resting only, and of no upstream any more */
/* Starts it if it rests; while it must rest longer, the timer does. */
void instance_want(struct instance *instance);
/* A client asks for it: where a start is cheap its rest ends now, if it has rested for LIMIT_hurried_start_ms. */
void instance_hurry(struct instance *instance);
void instance_wait(struct instance *instance, struct upstream_waiter *waiter);
/* For good: legs and waiters end with `reason`. */
void instance_end(struct instance *instance, enum reason reason);
/* As upstream_send, in any state that has a connection. */
int  instance_send(struct instance *instance, struct leg *leg, struct str method, struct str params) NODISCARD;
bool instance_is_control(const struct instance *instance);
int64_t instance_start_ms(const struct instance *instance); /* from a start to the end of the handshake, at most */
/* Why it ends, in our own words: the first in one life of a connection is kept. */
void instance_say_why(struct instance *instance, const char *format, ...) PRINTF_LIKE(2, 3);
/* No wait for it is worth while: it has failed too often, and rests, and cannot be hurried yet. */
bool instance_is_given_up(const struct instance *instance);
/* Its own list is whole (takes the reference over), or cannot be had: then it is of no use. */
void instance_listed(struct instance *instance, struct definitions *own);
/* The control session lists anew: an instance that does not list the same is asked again, for servers may tell of a
 * change on one connection alone. */
void instance_look_again(struct instance *instance);
void instance_not_listed(struct instance *instance, const char *why);
/* Logs what a server did wrong, at the first, second, fourth … time. */
void instance_complain(struct instance *instance, const char *what);
/* The same of an answer to a leg that was given up. */
void instance_answered_late(struct instance *instance);

/* upstream.c */
void upstream_control_ready(struct upstream *upstream);
void upstream_listed(struct upstream *upstream, struct definitions *definitions); /* takes the reference over */
/* Takes an instance off its upstream, which may have been the last one to stop for. */
void upstream_drop_instance(struct upstream *upstream, struct instance *instance);
/* The pool is done with one of its tables. */
void upstream_job_done(struct upstream *upstream);
/* Moves the waiters whose time is over; the earliest deadline of the others, or INT64_MAX. */
int64_t upstream_late_waiters(struct list *waiters, int64_t now_ms, struct list *late);
/* Nobody waits longer than LIMIT_doubt_ms from now. The earliest deadline, or INT64_MAX. */
int64_t upstream_hurry_waiters(struct list *waiters, int64_t now_ms);
/* The control session's start is in doubt, or has failed so often that nobody is kept waiting for the first list. */
void upstream_doubts(struct upstream *upstream);
void upstream_gives_up(struct upstream *upstream);
/* Calls each waiter's ready and takes it off the list. */
void upstream_wake_waiters(struct list *waiters, enum reason reason);
