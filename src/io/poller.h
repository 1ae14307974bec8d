/* Readiness of descriptors, edge-triggered, behind four calls, so that another system's way can stand beside epoll.
 * A watch is embedded in its owner, who frees it only at the end of a turn (loop_defer): the batch may still name it.
 * Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/list.h"

#include <stdbool.h>

enum { /* bits */
    READY_READ  = 1,
    READY_WRITE = 2,
    READY_ENDED = 4, /* the other side closed its half, hung up, or the descriptor is broken: comes with READY_READ */
};

struct watch {
    void (*ready)(struct watch *watch, unsigned ready);
    struct list again;
    int         fd; /* -1: not watched */
};

struct poller {
    struct list again; /* watches to be told READY_READ without an edge of the kernel's */
    int         fd;    /* readable while something is ready */
};

int  poller_init(struct poller *poller) NODISCARD;
void poller_release(struct poller *poller);
/* What is ready already is told too. */
int  poller_add(struct poller *poller, struct watch *watch, int fd, void (*ready)(struct watch *, unsigned)) NODISCARD;
/* No event comes afterwards, not even out of the batch that is under way. Twice is fine. */
void poller_remove(struct poller *poller, struct watch *watch);
/* READY_READ once more, in the next batch: for who stopped reading before E_AGAIN. */
void poller_again(struct poller *poller, struct watch *watch);
static inline bool poller_has_again(const struct poller *poller) { return !list_is_empty(&poller->again); }
/* Tells one batch, waiting for nothing. Events told; 0: nothing was ready. */
unsigned poller_poll(struct poller *poller);
