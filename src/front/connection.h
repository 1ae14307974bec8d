/* The inside of the HTTP front, for its files alone: a connection's states, and what connections share.
 * http.c: listener and life; connection.c: reading, time-outs, the way from request to exchange; answer.c: writing;
 * share.c: what waits to be read. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "front/exchange.h"
#include "front/http.h"
#include "front/reply.h"
#include "front/route.h"
#include "io/loop.h"
#include "io/stream.h"
#include "net/http1.h"

#define CONNECTION_MAGIC 0x436f6e6eu
#define FRONT_MAGIC 0x46726f6eu
#define FRONT_READ_BYTES 65536 /* read at once; also the most that is kept of what came behind a message */
#define NO_DEADLINE INT64_MAX

enum connection_state {
    CONN_READ,   /* between requests, or inside one */
    CONN_CALL,   /* the exchange is with the gate, nothing of its answer is out */
    CONN_EVENTS, /* the answer has begun as an event stream */
    CONN_DRAIN,  /* the last answer waits to be written */
    CONN_LINGER, /* our side is closed; what comes is dropped, so that no reset takes the answer from the client */
    CONN_DEAD,   /* closed; freed at the end of the turn */
};

struct connection {
    unsigned              magic;
    enum connection_state state;
    struct front_http    *front;
    struct list           link;           /* the front's idle, busy or dying */
    struct stream        *stream;
    struct timer          timer;          /* may fire early: it looks at the deadlines below and sleeps on */
    struct deferred       deferred;       /* goes on reading, or frees */
    struct list           arrived;        /* the front's, while its message waits for the gate */
    struct list           unread;         /* the share's, while the queue holds something */
    struct share         *share;          /* then: whose answer that is */
    int64_t               deadline_ms;    /* of the state; NO_DEADLINE: none */
    int64_t               stall_ms;       /* of the queue: by then something must have been written */
    int64_t               idle_since_ms;
    bool                  trimmed;        /* idle, and its buffers are given back */
    bool                  running;        /* connection_run is on the stack */
    bool                  drained;        /* the stream said E_AGAIN since it was readable */
    bool                  half_closed;    /* the client will send no more */
    bool                  expected;       /* the gate counts the body under way */
    bool                  over;           /* and said that it is above a ceiling */
    bool                  exchange_out;   /* with the gate: it must be answered, or gone */
    unsigned char         probes;         /* sent since the client half-closed */
    size_t                counted;        /* of http1.body, in the front's body_bytes */
    size_t                queue_counted;  /* of queue, in the front's queue_bytes */
    size_t                dropped;        /* bytes read after the last answer */
    struct http1          http1;
    struct route          route;
    struct exchange       exchange;
    size_t                listen_bytes;   /* of queue, where the exchange stays open */
    struct buf            ahead;          /* bytes behind the message in hand */
    struct buf            queue;          /* bytes that wait to be written, from queue_at on */
    size_t                queue_at;
    unsigned              queue_messages;
};

struct front_http {
    unsigned                   magic;
    struct loop               *loop;
    struct log                *log;
    const struct front_events *events;
    struct listener           *listener;  /* NULL: stopped */
    struct tls                *tls;       /* NULL: plain */
    uint16_t                   port;
    struct route_rules         rules;
    struct str                 health;
    struct list                idle;      /* between messages and with nothing to write, the longest idle first */
    struct list                busy, dying, spare;
    struct list                arrived;   /* whose message has been read, in this batch of events */
    struct list                shares;    /* struct share: of those whose answers wait */
    struct share               nobody;    /* of answers to nobody that is known */
    struct deferred            hand_over; /* of them to the gate, all together */
    unsigned                   count;     /* idle and busy */
    unsigned                   count_max;
    unsigned                   spare_count;
    bool                       stopping;
    size_t                     body_bytes; /* of requests, in all connections */
    size_t                     queue_bytes; /* that wait to be written, in all connections */
    uint64_t                   received, sent; /* bytes since the start */
    uint64_t                   accepted; /* connections since the start */
    struct buf                 head, body; /* what is being written; never kept over a call to the gate */
    char                       read[FRONT_READ_BYTES];
};

/* connection.c */
void connection_start(struct front_http *front, int fd);
/* Reads and serves until nothing more can be done now. */
void connection_run(struct connection *connection);
/* The one way out. A gate that still holds the exchange hears `gone` at the end of the turn. */
void connection_kill(struct connection *connection, const char *why);
/* At once, from front_http_close. */
void connection_destroy(struct connection *connection);
void connection_free_spare(struct front_http *front);
void connection_hand_over(struct deferred *hand_over); /* the front's */
/* Behind an answer that is whole in the queue or out: the next request, or the end. */
void connection_finish(struct connection *connection, bool keep);
/* The queue is empty. */
void connection_written(struct connection *connection);
/* The exchange stays open: nothing of the request is needed any more, nor will another be read. */
void connection_listens(struct connection *connection);
bool connection_may_keep(const struct connection *connection);
void connection_arm(struct connection *connection);

/* share.c */
/* Behind each change of what the queue holds. */
void connection_count_queue(struct connection *connection);
/* More is put into the queue. */
void connection_waits(struct connection *connection);
/* The queue holds something since now, or some of it was read. */
void connection_reads_on(struct connection *connection);
/* The queue is empty, or of no use any more. */
void connection_waits_no_more(struct connection *connection);
/* Above the ceiling for all answers, others go; false: there is no room all the same. */
bool connection_make_room(struct connection *connection);

/* answer.c */
extern const struct front_ops http_front_ops;
/* A refusal by the front itself. */
void connection_refuse(struct connection *connection, enum reason reason);
void connection_answer_local(struct connection *connection); /* health, ready, options: of connection->route */
void connection_continue(struct connection *connection);     /* "100 Continue" */
void connection_probe(struct connection *connection);
void connection_comment(struct connection *connection);
/* The stream is writable again. */
void connection_flush(struct connection *connection);
