/* What comes to the loop from other threads and from the system: wake-ups, finished jobs, signals. */
#include "io/loop_types.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- wake-ups ---- */

#define WAKEUP_MAGIC 0x57414b45u

/* Its descriptor is never read: each write is an edge. `pending` saves all writes but the first before the loop looks.
 */
struct wakeup {
    unsigned magic;
    struct loop *loop;
    void (*woken)(void *arg);
    void *arg;
    struct watch watch;
    struct deferred deferred;
    atomic_bool pending;
    int fd;
};

static void on_wakeup(struct watch *watch, unsigned ready)
{
    struct wakeup *wakeup = CONTAINER_OF(watch, struct wakeup, watch);

    (void)ready;
    CHECK_OBJ(wakeup, WAKEUP_MAGIC);
    if (atomic_exchange(&wakeup->pending, false)) /* before the call: what is said from now on is another wake */
        wakeup->woken(wakeup->arg);
}

int wakeup_new(struct loop *loop, void (*woken)(void *arg), void *arg, struct wakeup **out)
{
    struct wakeup *wakeup;
    int error;

    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(woken);
    wakeup = calloc(1, sizeof(*wakeup));
    if (!wakeup)
        return E_NOMEM;
    wakeup->magic = WAKEUP_MAGIC;
    wakeup->loop = loop;
    wakeup->woken = woken;
    wakeup->arg = arg;
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    error = wakeup->fd < 0 ? E_LIMIT : poller_add(&loop->poller, &wakeup->watch, wakeup->fd, WATCH_READ, on_wakeup);
    if (error) {
        if (wakeup->fd >= 0)
            close(wakeup->fd);
        free(wakeup);
        return error;
    }
    *out = wakeup;
    return 0;
}

void wakeup_wake(struct wakeup *wakeup)
{
    static const uint64_t one = 1;

    CHECK_OBJ(wakeup, WAKEUP_MAGIC);
    if (!atomic_exchange(&wakeup->pending, true))
        CHECK(write(wakeup->fd, &one, sizeof(one)) == sizeof(one));
}

static void on_wakeup_end_of_turn(struct deferred *deferred)
{
    struct wakeup *wakeup = CONTAINER_OF(deferred, struct wakeup, deferred);

    wakeup->magic = 0;
    free(wakeup);
}

void wakeup_free(struct wakeup *wakeup)
{
    if (!wakeup)
        return;
    CHECK_OBJ(wakeup, WAKEUP_MAGIC);
    poller_remove(&wakeup->loop->poller, &wakeup->watch);
    close(wakeup->fd);
    wakeup->deferred.run = on_wakeup_end_of_turn;
    loop_defer(wakeup->loop, &wakeup->deferred);
}

/* ---- jobs ---- */

struct request {
    uv_work_t work;
    struct loop *loop;
    struct job *job;
};

static void on_work(uv_work_t *work)
{
    struct request *request = work->data;

    request->job->work(request->job);
}

static void on_work_done(uv_work_t *work, int status)
{
    struct request *request = work->data;
    struct job *job = request->job;

    AZ(status);                   /* nothing is ever cancelled */
    request->loop->worked = true; /* libuv may have been called before the wait, not by it */
    request->loop->jobs--;
    job->request = NULL;
    free(request);
    job->done(job); /* may free the job */
}

int loop_submit(struct loop *loop, struct job *job)
{
    struct request *request;

    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(job->work);
    AN(job->done);
    if (loop->jobs >= LIMIT_jobs)
        return E_FULL;
    request = malloc(sizeof *request);
    if (!request)
        return E_NOMEM;
    *request = (struct request){ .loop = loop, .job = job };
    request->work.data = request;
    job->request = request;
    AZ(uv_queue_work(&loop->uv, &request->work, on_work, on_work_done));
    loop->jobs++;
    loop->uv_changed = true;
    return 0;
}

/* ---- signals ---- */

struct handler {
    struct list link; /* on loop->signals */
    uv_signal_t signal;
    struct loop *loop;
    void (*caught)(void *arg, int signal_number);
    void *arg;
};

static void on_signal(uv_signal_t *signal, int signal_number)
{
    struct handler *handler = signal->data;

    handler->loop->worked = true;
    handler->caught(handler->arg, signal_number);
}

static void handler_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int loop_on_signal(struct loop *loop, int signal_number, void (*caught)(void *arg, int signal_number), void *arg)
{
    struct handler *handler;

    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(caught);
    handler = calloc(1, sizeof *handler);
    if (!handler)
        return E_NOMEM;
    handler->loop = loop;
    handler->caught = caught;
    handler->arg = arg;
    AZ(uv_signal_init(&loop->uv, &handler->signal));
    handler->signal.data = handler;
    list_append(&loop->signals, &handler->link);
    loop->uv_changed = true;
    return uv_signal_start(&handler->signal, on_signal, signal_number) == 0 ? 0 : E_INVALID;
}

void loop_close_signals(struct loop *loop)
{
    LIST_EACH (&loop->signals, link, after) {
        struct handler *handler = CONTAINER_OF(link, struct handler, link);
        list_remove(link);
        uv_close((uv_handle_t *)&handler->signal, handler_closed);
    }
}
