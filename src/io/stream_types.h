/* A stream's inside, for the kinds of streams in src/io only. One ops struct a kind; the state machine of edges is
 * stream.c's alone. */
#pragma once

#include "io/poller.h"
#include "io/stream.h"

#include "io/loop.h"

#define STREAM_MAGIC 0x5354524du

struct stream_ops {
    /* Like stream_read and stream_write, and each is called only while the kernel may say yes. A write sets want_write
     * when it could not take all. */
    ssize_t (*read)(struct stream *stream, void *into, size_t max);
    ssize_t (*write)(struct stream *stream, const struct iovec *parts, int count);
    void    (*shutdown_write)(struct stream *stream);
    /* The rest may be NULL. Sees each edge first and returns what it means to the owner (READY_ bits). */
    unsigned (*edge)(struct stream *stream, unsigned ready);
    bool    (*flushed)(const struct stream *stream);
    void    (*close)(struct stream *stream); /* before the descriptor is closed */
    void    (*free)(struct stream *stream);  /* at the end of that turn */
};

struct stream {
    unsigned                    magic;
    struct loop                *loop;
    const struct stream_ops    *ops;
    const struct stream_events *events;
    void                       *owner;
    void                       *kind;       /* the ops' own state */
    struct watch                watch;
    struct deferred             deferred;
    int                         fd;
    bool                        may_read;   /* no E_AGAIN since the last edge */
    bool                        ended;      /* the kernel said that no more than what it holds will come */
    bool                        want_write; /* nothing is written before the next edge */
    bool                        connecting;
    bool                        paused, closed;
};

/* Takes `fd` over, also on failure. */
int stream_open(struct loop *loop, int fd, const struct stream_ops *ops, const struct stream_events *events,
                void *owner, bool connecting, struct stream **out) NODISCARD;
void socket_tune(int fd);
/* A socket on its way to a numeric address. stream_connect's errors. */
int  connect_socket(struct str address, int *out) NODISCARD;
extern const struct stream_ops socket_ops, pipe_ops;
