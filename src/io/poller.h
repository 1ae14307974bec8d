/* Readiness of descriptors, edge-triggered, behind a few calls, so that another system's way can stand beside epoll.
 * A watch is embedded in its owner, who frees it only at the end of a turn (loop_defer): the batch may still name it.
 * Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/list.h"

#include <stdbool.h>
#include <sys/epoll.h>

enum { /* bits */
    READY_READ  = 1,
    READY_WRITE = 2,
    READY_ENDED = 4, /* the other side closed its half, hung up, or the descriptor is broken: comes with READY_READ */
};

enum watch_kind {
    WATCH_BOTH, /* edges of both directions */
    WATCH_READ, /* edges of reading */
    WATCH_SET,  /* a set of descriptors: told as long as it can be read, not only when it becomes so */
};

struct watch {
    void (*ready)(struct watch *watch, unsigned ready);
    struct list again;
    int         fd; /* -1: not watched */
};

#define POLLER_BATCH 256

struct poller {
    struct list        again; /* watches to be told READY_READ without an edge of the kernel's */
    int                fd;
    unsigned           count; /* of the batch */
    struct epoll_event batch[POLLER_BATCH];
};

int  poller_init(struct poller *poller) NODISCARD;
void poller_release(struct poller *poller);
/* What is ready already is told too. */
int  poller_add(struct poller *poller, struct watch *watch, int fd, enum watch_kind kind,
                void (*ready)(struct watch *, unsigned)) NODISCARD;
/* No event comes afterwards, not even out of the batch that is under way. Twice is fine. */
void poller_remove(struct poller *poller, struct watch *watch);
/* READY_READ once more, in the next batch: for who stopped reading before E_AGAIN. */
void poller_again(struct poller *poller, struct watch *watch);
/* Waits for a batch, at most so many milliseconds (-1: as long as it takes). False: nothing is ready, or a signal came. */
bool poller_wait(struct poller *poller, int timeout_ms);
/* Tells the batch. */
void poller_tell(struct poller *poller);
