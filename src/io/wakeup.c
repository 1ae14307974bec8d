/* What comes to the loop from other threads and from the system: wake-ups, finished jobs, signals. */
#include "io/loop_types.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>

static void enter_with_work(struct loop *loop)
{
    loop_enter(loop);
    loop->worked = true;
}

/* ---- wake-ups ---- */

#define WAKEUP_MAGIC 0x57414b45u

struct wakeup {
    unsigned magic;
    struct loop *loop;
    void (*woken)(void *arg);
    void *arg;
    uv_async_t async;
};

static void on_async(uv_async_t *async)
{
    struct wakeup *wakeup = async->data;

    CHECK_OBJ(wakeup, WAKEUP_MAGIC);
    enter_with_work(wakeup->loop);
    wakeup->woken(wakeup->arg);
}

int wakeup_new(struct loop *loop, void (*woken)(void *arg), void *arg, struct wakeup **out)
{
    struct wakeup *wakeup;

    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(woken);
    wakeup = calloc(1, sizeof *wakeup);
    if (!wakeup)
        return E_NOMEM;
    *wakeup = (struct wakeup){ .magic = WAKEUP_MAGIC, .loop = loop, .woken = woken, .arg = arg };
    if (uv_async_init(&loop->uv, &wakeup->async, on_async) != 0) {
        free(wakeup);
        return E_IO;
    }
    wakeup->async.data = wakeup;
    *out = wakeup;
    return 0;
}

void wakeup_wake(struct wakeup *wakeup)
{
    CHECK_OBJ(wakeup, WAKEUP_MAGIC);
    AZ(uv_async_send(&wakeup->async));
}

static void wakeup_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void wakeup_free(struct wakeup *wakeup)
{
    if (!wakeup)
        return;
    CHECK_OBJ(wakeup, WAKEUP_MAGIC);
    wakeup->magic = 0;
    uv_close((uv_handle_t *)&wakeup->async, wakeup_closed);
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

    AZ(status); /* nothing is ever cancelled */
    enter_with_work(request->loop);
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

    enter_with_work(handler->loop);
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
