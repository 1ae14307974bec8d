/* One epoll set. Each descriptor is added once, for both directions, and never modified: the edges say what changed,
 * and whoever is not interested just notes it. */
#include "io/poller.h"

#include "base/check.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH_EVENTS 256

int poller_init(struct poller *poller)
{
    list_init(&poller->again);
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

int poller_add(struct poller *poller, struct watch *watch, int fd, void (*ready)(struct watch *, unsigned))
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = watch };

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

/* Only those that asked before this call: one that asks again inside its callback waits for the next batch. */
static unsigned poll_again(struct poller *poller)
{
    struct list batch;
    unsigned told = 0;

    if (list_is_empty(&poller->again))
        return 0;
    list_init(&batch);
    list_append(&poller->again, &batch);
    list_remove(&poller->again);
    while (!list_is_empty(&batch)) {
        struct watch *watch = CONTAINER_OF(batch.next, struct watch, again);
        list_remove(&watch->again);
        watch->ready(watch, READY_READ);
        told++;
    }
    return told;
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

unsigned poller_poll(struct poller *poller)
{
    struct epoll_event events[BATCH_EVENTS];
    unsigned told = poll_again(poller);
    int count;

    do {
        count = epoll_wait(poller->fd, events, BATCH_EVENTS, 0);
    } while (count < 0 && errno == EINTR);
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch->fd >= 0)
            watch->ready(watch, ready_bits(events[i].events));
    }
    return told + (unsigned)count;
}
