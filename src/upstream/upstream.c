/* One server with its control session and its instances: who waits for what, and the way to its end. */
#include "upstream/upstream.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/tls.h"
#include "upstream/instance.h"

#include <stdio.h>
#include <stdlib.h>

#define INSTANCE_KEY_MAX 144
#define OUT_MAX (2 * (size_t)LIMIT_request_body)

/* ---- waiters ---- */

void upstream_wake_waiters(struct list *waiters, enum reason reason)
{
    struct list woken;
    list_init(&woken);
    while (!list_is_empty(waiters)) {
        struct list *link = waiters->next;
        list_remove(link);
        list_append(&woken, link);
    }
    while (!list_is_empty(&woken)) {
        struct upstream_waiter *waiter = CONTAINER_OF(woken.next, struct upstream_waiter, link);
        list_remove(&waiter->link);
        waiter->ready(waiter, reason);
    }
}

int64_t upstream_late_waiters(struct list *waiters, int64_t now_ms, struct list *late)
{
    int64_t next_ms = INT64_MAX;
    LIST_EACH (waiters, link, after) {
        struct upstream_waiter *waiter = CONTAINER_OF(link, struct upstream_waiter, link);
        if (waiter->deadline_ms <= now_ms) {
            list_remove(link);
            list_append(late, link);
        } else if (waiter->deadline_ms < next_ms) {
            next_ms = waiter->deadline_ms;
        }
    }
    return next_ms;
}

int64_t upstream_hurry_waiters(struct list *waiters, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    LIST_EACH (waiters, link, after) {
        struct upstream_waiter *waiter = CONTAINER_OF(link, struct upstream_waiter, link);
        if (waiter->deadline_ms > now_ms + LIMIT_doubt_ms)
            waiter->deadline_ms = now_ms + LIMIT_doubt_ms;
        if (waiter->deadline_ms < next_ms)
            next_ms = waiter->deadline_ms;
    }
    return next_ms;
}

static void watch_waiters(struct upstream *upstream, int64_t deadline_ms)
{
    int64_t after_ms = deadline_ms - loop_now_ms(upstream->services.loop);
    if (!upstream->waiters_timer.running || upstream->waiters_timer.due_ms > deadline_ms)
        timer_start(&upstream->waiters_timer, after_ms > 0 ? after_ms : 0);
}

void upstream_doubts(struct upstream *upstream)
{
    int64_t next_ms = upstream_hurry_waiters(&upstream->waiters, loop_now_ms(upstream->services.loop));
    if (next_ms != INT64_MAX)
        watch_waiters(upstream, next_ms);
}

void upstream_gives_up(struct upstream *upstream)
{
    if (!upstream->definitions)
        upstream_wake_waiters(&upstream->waiters, REASON_upstream_unavailable);
}

static bool is_given_up(const struct upstream *upstream)
{
    return !upstream->definitions && upstream->control && instance_is_given_up(upstream->control);
}

static void first_list_is_late(struct timer *timer)
{
    struct upstream *upstream = CONTAINER_OF(timer, struct upstream, waiters_timer);
    int64_t now_ms = loop_now_ms(upstream->services.loop);
    struct list late;
    list_init(&late);
    int64_t next_ms = upstream_late_waiters(&upstream->waiters, now_ms, &late);
    if (next_ms != INT64_MAX)
        timer_start(timer, next_ms - now_ms);
    upstream_wake_waiters(&late, REASON_upstream_unavailable);
}

static void wake(struct deferred *deferred)
{
    struct upstream *upstream = CONTAINER_OF(deferred, struct upstream, wake);
    upstream->wake_due = false;
    if (upstream->stopping)
        upstream_wake_waiters(&upstream->waiters, upstream->stop_reason);
    else if (upstream->known)
        upstream_wake_waiters(&upstream->waiters, REASON_allowed);
    else if (is_given_up(upstream))
        upstream_gives_up(upstream);
}

void upstream_wait(struct upstream *upstream, struct upstream_waiter *waiter)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    struct instance *control = upstream->control;
    if (control && upstream->started && !upstream->definitions && !upstream->stopping)
        instance_hurry(control);
    bool doubtful = control && (control->noisy || control->failures >= LIMIT_starts_waited);
    doubtful |= upstream->listing.retry_ms > 0;
    waiter->deadline_ms = loop_now_ms(upstream->services.loop) + (doubtful ? LIMIT_doubt_ms : LIMIT_first_list_ms);
    list_append(&upstream->waiters, &waiter->link);
    if (upstream->known || upstream->stopping || is_given_up(upstream)) {
        if (!upstream->wake_due)
            loop_defer(upstream->services.loop, &upstream->wake);
        upstream->wake_due = true;
    } else {
        watch_waiters(upstream, waiter->deadline_ms);
    }
}

void upstream_wait_cancel(struct upstream_waiter *waiter)
{
    list_remove(&waiter->link);
}

/* ---- life ---- */

static void has_stopped(struct deferred *deferred)
{
    struct upstream *upstream = CONTAINER_OF(deferred, struct upstream, stopped);
    upstream->done(upstream->done_arg); /* which may free it */
}

int upstream_new_with_back(const struct upstream_services *services, const struct server *server,
                           const struct upstream_events *events, const struct back_ops *back, struct upstream **out)
{
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (!upstream)
        return E_NOMEM;
    *upstream = (struct upstream){
        .magic = UPSTREAM_MAGIC,
        .services = *services,
        .events = *events,
        .server = server,
        .ops = back,
        .wake.run = wake,
        .stopped.run = has_stopped,
    };
    list_init(&upstream->instances);
    list_init(&upstream->waiters);
    map_init(&upstream->by_isolation);
    timer_init(&upstream->waiters_timer, services->loop, first_list_is_late);
    buf_init(&upstream->out, OUT_MAX);
    buf_init(&upstream->id, 6 * LIMIT_id_bytes + 2);
    listing_init(&upstream->listing, upstream, NULL);
    subscription_init(&upstream->subscription, upstream);
    int error = instance_new(upstream, &era_legacy, STR_EMPTY, true, &upstream->control);
    if (error) {
        upstream_free(upstream);
        return error;
    }
    upstream->listing.instance = upstream->control;
    list_append(&upstream->instances, &upstream->control->link);
    upstream->instance_count = 1;
    *out = upstream;
    return 0;
}

int upstream_new(const struct upstream_services *services, const struct server *server,
                 const struct upstream_events *events, struct upstream **out)
{
    const struct back_ops *back = server->transport == TRANSPORT_HTTP ? &http_back : &stdio_back;
    return upstream_new_with_back(services, server, events, back, out);
}

void upstream_start(struct upstream *upstream)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    CHECK(!upstream->started && !upstream->stopping);
    upstream->started = true;
    instance_want(upstream->control);
}

static void look_whether_stopped(struct upstream *upstream)
{
    if (!upstream->stopping || upstream->stopped_due || upstream->instance_count > 0 || upstream->jobs > 0)
        return;
    upstream->stopped_due = true;
    loop_defer(upstream->services.loop, &upstream->stopped);
}

void upstream_job_done(struct upstream *upstream)
{
    upstream->jobs--;
    look_whether_stopped(upstream);
}

void upstream_drop_instance(struct upstream *upstream, struct instance *instance)
{
    list_remove(&instance->link);
    upstream->instance_count--;
    if (instance == upstream->control)
        upstream->control = upstream->listing.instance = NULL;
    else
        CHECK(map_remove(&upstream->by_isolation, str_from_c(instance->isolation)) == instance);
    look_whether_stopped(upstream);
}

static struct instance *first_running(struct upstream *upstream)
{
    LIST_EACH (&upstream->instances, link, after) {
        struct instance *instance = CONTAINER_OF(link, struct instance, link);
        if (instance->state != INSTANCE_ENDING)
            return instance;
    }
    return NULL;
}

void upstream_stop(struct upstream *upstream, enum reason reason, void (*done)(void *arg), void *arg)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    CHECK(!upstream->stopping);
    upstream->stopping = true;
    upstream->stop_reason = reason;
    upstream->done = done;
    upstream->done_arg = arg;
    timer_stop(&upstream->waiters_timer);
    listing_stop(&upstream->listing);
    timer_stop(&upstream->subscription.again);
    struct instance *instance;
    while ((instance = first_running(upstream)) != NULL)
        instance_end(instance, reason);
    upstream_wake_waiters(&upstream->waiters, reason);
    look_whether_stopped(upstream);
}

/* Stopped, or never started. */
void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    CHECK(upstream->stopped_due || !upstream->started);
    CHECK(list_is_empty(&upstream->waiters) && !upstream->wake_due);
    if (upstream->control) {
        list_remove(&upstream->control->link);
        instance_free(upstream->control);
    }
    CHECK(list_is_empty(&upstream->instances));
    timer_stop(&upstream->waiters_timer);
    listing_release(&upstream->listing);
    subscription_release(&upstream->subscription);
    definitions_unref(upstream->definitions);
    map_release(&upstream->by_isolation);
    buf_release(&upstream->out);
    buf_release(&upstream->id);
    tls_unref(upstream->tls);
    upstream->magic = 0;
    free(upstream);
}

/* ---- definitions ---- */

struct definitions *upstream_definitions(struct upstream *upstream)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    return upstream->known ? upstream->definitions : NULL;
}

struct definitions *upstream_newest(struct upstream *upstream)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    return upstream->definitions;
}

void upstream_know(struct upstream *upstream)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    AN(upstream->definitions);
    upstream->known = true;
    timer_stop(&upstream->waiters_timer);
    upstream_wake_waiters(&upstream->waiters, REASON_allowed);
}

enum upstream_state upstream_state(const struct upstream *upstream)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    const struct instance *control = upstream->control;
    if (!control || upstream->stopping)
        return UPSTREAM_DOWN;
    if (control->state == INSTANCE_READY && upstream->known)
        return UPSTREAM_READY;
    return control->backoff_ms ? UPSTREAM_DOWN : UPSTREAM_STARTING;
}

void upstream_trouble(const struct upstream *upstream, struct upstream_trouble *out)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    const struct instance *control = upstream->control;
    *out = (struct upstream_trouble){ .why = STR_EMPTY, .last_words = STR_EMPTY, .next_ms = -1 };
    if (!control)
        return;
    if (upstream_state(upstream) != UPSTREAM_DOWN) {
        if (!upstream->definitions)
            out->why = str_from_c(upstream->listing.fault);
        return;
    }
    out->why = str_from_c(control->why);
    out->last_words = str_from_c(control->last_words);
    out->tries = !is_given_up(upstream);
    if (control->state == INSTANCE_RESTING) {
        int64_t rest_ms = control->not_before_ms - loop_now_ms(upstream->services.loop);
        out->next_ms = rest_ms > 0 ? rest_ms : 0;
    }
}

void upstream_stats(const struct upstream *upstream, struct upstream_stats *out)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    *out = (struct upstream_stats){ .starts = upstream->starts, .losses = upstream->losses };
    LIST_EACH (&upstream->instances, link, after) {
        const struct instance *instance = CONTAINER_OF(link, struct instance, link);
        out->instances += instance->state == INSTANCE_STARTING || instance->state == INSTANCE_READY;
        out->legs += instance->legs.count;
    }
}

void upstream_control_ready(struct upstream *upstream)
{
    subscription_start(&upstream->subscription);
    if (upstream->ops->listen)
        upstream->ops->listen(upstream->control);
    listing_start(&upstream->listing);
}

void upstream_listed(struct upstream *upstream, struct definitions *definitions)
{
    definitions_unref(upstream->definitions);
    upstream->definitions = definitions;
    if (upstream->control)
        upstream->control->failures = 0;
    LIST_EACH (&upstream->instances, link, after)
        instance_look_again(CONTAINER_OF(link, struct instance, link));
    upstream->known |= !upstream->events.keeps_first;
    if (upstream->events.definitions)
        upstream->events.definitions(upstream->events.arg, upstream);
    if (upstream->known)
        upstream_know(upstream);
}

/* ---- instances ---- */

enum speaks upstream_speaks(const struct upstream *upstream, enum era_id era)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    if (!upstream->era)
        return SPEAKS_UNKNOWN;
    if (upstream->era->id == era)
        return SPEAKS_YES;
    return era == ERA_LEGACY ? upstream->opens_sessions : SPEAKS_NO;
}

static int add_instance(struct upstream *upstream, const struct era *era, struct str isolation, struct instance **out)
{
    size_t most = upstream->server->instances ? upstream->server->instances : LIMIT_instances_per_server;
    if (upstream->instance_count >= most)
        return E_LIMIT;
    struct instance *instance;
    int error = instance_new(upstream, era, isolation, false, &instance);
    if (error)
        return error;
    error = map_set(&upstream->by_isolation, str_from_c(instance->isolation), instance);
    if (error) {
        instance_free(instance);
        return error;
    }
    list_append(&upstream->instances, &instance->link);
    upstream->instance_count++;
    *out = instance;
    return 0;
}

/* Our own ids only: they become a directory's name. */
static bool isolation_is_plain(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     byte == '-' || byte == '_';
        if (!plain)
            return false;
    }
    return value.len > 0 && value.len <= 128;
}

/* A value has an instance of its own for each era, so that no connection changes it. */
static struct str instance_key(struct str value, enum era_id era, char buffer[INSTANCE_KEY_MAX])
{
    if (era == ERA_LEGACY)
        return value;
    int len = snprintf(buffer, INSTANCE_KEY_MAX, "%" STR_FMT ".modern", STR_ARG(value));
    CHECK(len > 0 && len < INSTANCE_KEY_MAX);
    return str_of(buffer, (size_t)len);
}

/* The instance that answers for this value and era. NULL: it is not there (yet); `key` is what it goes by, empty where
 * that is the control session. E_INVALID: not a plain value. */
static int find_instance(const struct upstream *upstream, enum era_id era, struct str isolation_value,
                         char buffer[INSTANCE_KEY_MAX], struct str *key, struct instance **out)
{
    const struct era *wanted = era == ERA_MODERN ? &era_modern : &era_legacy;
    bool shared = upstream->server->isolation == ISOLATION_SERVER;
    *key = STR_EMPTY;
    *out = upstream->control;
    if (shared && (!upstream->era || upstream->era == wanted))
        return 0;
    struct str value = shared ? STR("shared") : isolation_value;
    if (!isolation_is_plain(value))
        return E_INVALID;
    *key = instance_key(value, era, buffer);
    *out = map_get(&upstream->by_isolation, *key);
    return 0;
}

const struct definitions *upstream_own(const struct upstream *upstream, enum era_id era, struct str isolation_value)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    char buffer[INSTANCE_KEY_MAX];
    struct str key;
    struct instance *instance;
    int error = find_instance(upstream, era, isolation_value, buffer, &key, &instance);
    return !error && instance ? instance->own : NULL;
}

int upstream_open(struct upstream *upstream, enum era_id era, struct str isolation_value,
                  struct upstream_waiter *waiter, struct instance **out)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    if (upstream->stopping || !upstream->started || upstream_speaks(upstream, era) == SPEAKS_NO)
        return E_CLOSED;
    char buffer[INSTANCE_KEY_MAX];
    struct str key;
    struct instance *instance;
    int error = find_instance(upstream, era, isolation_value, buffer, &key, &instance);
    if (!error && !instance)
        error = add_instance(upstream, era == ERA_MODERN ? &era_modern : &era_legacy, key, &instance);
    if (error)
        return error;
    *out = instance;
    if (instance->state == INSTANCE_READY)
        return 0;
    if (instance_is_given_up(instance))
        return E_CLOSED;
    instance_wait(instance, waiter);
    instance_want(instance);
    instance_hurry(instance);
    if (upstream->control)
        instance_hurry(upstream->control); /* its list may be an old one */
    return E_AGAIN;
}

void upstream_close_instances(struct upstream *upstream, struct str isolation_value, enum reason reason)
{
    CHECK_OBJ(upstream, UPSTREAM_MAGIC);
    for (enum era_id era = ERA_LEGACY; era <= ERA_MODERN; era++) {
        char buffer[INSTANCE_KEY_MAX];
        struct instance *instance = map_get(&upstream->by_isolation, instance_key(isolation_value, era, buffer));
        if (instance)
            instance_end(instance, reason);
    }
}
