/* One epoll set. Each descriptor is added once, for both directions, and never modified: the edges say what changed,
 * and whoever is not interested just notes it. */
#include "io/poller.h"

#include "base/check.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

int poller_init(struct poller *poller)
{
    list_init(&poller->again);
    poller->count = 0;
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    return poller->fd < 0 ? E_IO : 0;
}

void poller_release(struct poller *poller)
{
    CHECK(list_is_empty(&poller->again));
    if (poller->fd >= 0)
        close(poller->fd);
    poller->fd = -1;
}

int poller_add(struct poller *poller, struct watch *watch, int fd, enum watch_kind kind,
               void (*ready)(struct watch *, unsigned))
{
    static const uint32_t wanted[] = {
        [WATCH_BOTH] = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        [WATCH_READ] = EPOLLIN | EPOLLET,
        [WATCH_SET] = EPOLLIN,
    };
    struct epoll_event event = { .events = wanted[kind], .data.ptr = watch };

    CHECK(fd >= 0);
    watch->fd = -1;
    watch->ready = ready;
    list_init(&watch->again);
    if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return errno == ENOMEM || errno == ENOSPC ? E_NOMEM : E_INVALID;
    watch->fd = fd;
    return 0;
}

void poller_remove(struct poller *poller, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    /* Not left to close(): a process between fork and exec may hold a second reference to the open file. */
    AZ(epoll_ctl(poller->fd, EPOLL_CTL_DEL, watch->fd, NULL));
    list_remove(&watch->again);
    watch->fd = -1;
}

void poller_again(struct poller *poller, struct watch *watch)
{
    CHECK(watch->fd >= 0);
    if (list_is_empty(&watch->again))
        list_append(&poller->again, &watch->again);
}

bool poller_wait(struct poller *poller, int timeout_ms)
{
    int count = epoll_wait(poller->fd, poller->batch, POLLER_BATCH, list_is_empty(&poller->again) ? timeout_ms : 0);

    CHECK(count >= 0 || errno == EINTR);
    poller->count = count > 0 ? (unsigned)count : 0;
    return poller->count > 0 || !list_is_empty(&poller->again);
}

/* Only those that asked before this batch: one that asks again inside its callback waits for the next. */
static void tell_again(struct poller *poller)
{
    struct list batch;

    list_init(&batch);
    list_append(&poller->again, &batch);
    list_remove(&poller->again);
    while (!list_is_empty(&batch)) {
        struct watch *watch = CONTAINER_OF(batch.next, struct watch, again);
        list_remove(&watch->again);
        watch->ready(watch, READY_READ);
    }
}

static unsigned ready_bits(uint32_t events)
{
    unsigned ready = 0;

    if (events & (EPOLLHUP | EPOLLERR))
        ready |= READY_READ | READY_WRITE | READY_ENDED;
    if (events & EPOLLRDHUP)
        ready |= READY_READ | READY_ENDED;
    if (events & EPOLLIN)
        ready |= READY_READ;
    if (events & EPOLLOUT)
        ready |= READY_WRITE;
    return ready;
}

void poller_tell(struct poller *poller)
{
    if (!list_is_empty(&poller->again))
        tell_again(poller);
    for (unsigned i = 0; i < poller->count; i++) {
        struct watch *watch = poller->batch[i].data.ptr;
        if (watch->fd >= 0)
            watch->ready(watch, ready_bits(poller->batch[i].events));
    }
    poller->count = 0;
}
