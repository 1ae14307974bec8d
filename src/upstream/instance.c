/* One connection to a server through its states: started on demand, started again with a growing wait after it was
 * lost, ended when idle or asked to. Whatever happens, each leg hears of its end exactly once. */
#include "upstream/instance.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/handshake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_OUT_BYTES 65536 /* a larger buffer goes back to the heap after its message */

static void timer_fired(struct timer *timer);
static void deadline_fired(struct timer *timer);

/* ---- making and freeing ---- */

int instance_new(struct upstream *upstream, const struct era *era, struct str isolation, bool control,
                 struct instance **out)
{
    struct instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return E_NOMEM;
    instance->magic = INSTANCE_MAGIC;
    instance->upstream = upstream;
    instance->era = era;
    list_init(&instance->link);
    list_init(&instance->waiters);
    legs_init(&instance->legs);
    timer_init(&instance->timer, upstream->services.loop, timer_fired);
    timer_init(&instance->deadline, upstream->services.loop, deadline_fired);
    listing_init(&instance->listing, upstream, instance);
    timer_init(&instance->patience, upstream->services.loop, handshake_is_slow);
    if (!control) {
        instance->isolation = strndup(isolation.ptr, isolation.len);
        if (!instance->isolation) {
            free(instance);
            return E_NOMEM;
        }
    }
    *out = instance;
    return 0;
}

void instance_free(struct instance *instance)
{
    if (!instance)
        return;
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    CHECK(instance->state == INSTANCE_RESTING);
    CHECK(list_is_empty(&instance->waiters));
    timer_stop(&instance->timer);
    timer_stop(&instance->patience);
    timer_stop(&instance->deadline);
    listing_release(&instance->listing);
    definitions_unref(instance->own);
    legs_release(&instance->legs);
    instance->magic = 0;
    free(instance->isolation);
    free(instance);
}

static void free_deferred(struct deferred *deferred)
{
    instance_free(CONTAINER_OF(deferred, struct instance, deferred));
}

static void drop(struct instance *instance)
{
    instance->state = INSTANCE_RESTING;
    timer_stop(&instance->timer);
    timer_stop(&instance->deadline);
    listing_stop(&instance->listing);
    instance->deferred.run = free_deferred;
    loop_defer(instance->upstream->services.loop, &instance->deferred);
    upstream_drop_instance(instance->upstream, instance);
}

bool instance_is_control(const struct instance *instance)
{
    return instance->isolation == NULL;
}

void instance_say_why(struct instance *instance, const char *format, ...)
{
    va_list arguments;
    if (instance->explained)
        return;
    instance->explained = true;
    instance->last_words[0] = '\0';
    va_start(arguments, format);
    vsnprintf(instance->why, sizeof(instance->why), format, arguments);
    va_end(arguments);
}

static int64_t rest_left_ms(const struct instance *instance)
{
    return instance->not_before_ms - loop_now_ms(instance->upstream->services.loop);
}

static bool may_hurry(const struct instance *instance)
{
    return instance->upstream->ops->starts_cheaply && instance->state == INSTANCE_RESTING &&
           instance->backoff_ms - rest_left_ms(instance) >= LIMIT_hurried_start_ms;
}

bool instance_is_given_up(const struct instance *instance)
{
    return instance->state == INSTANCE_RESTING && instance->failures >= LIMIT_starts_waited &&
           rest_left_ms(instance) > 0 && !may_hurry(instance);
}

static void doubt(struct instance *instance);

/* The first, second, fourth … time. */
static bool is_worth_a_line(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

void instance_answered_late(struct instance *instance)
{
    uint64_t count = ++instance->late_answers;
    if (is_worth_a_line(count))
        log_info(instance->upstream->services.log,
                 "server '%" STR_FMT "': late answer %" PRIu64
                 ": its call had timed out or was cancelled, so it is dropped",
                 STR_ARG(instance->upstream->server->name), count);
}

void instance_complain(struct instance *instance, const char *what)
{
    if (instance->state == INSTANCE_STARTING)
        doubt(instance);
    uint64_t count = ++instance->faults;
    if (is_worth_a_line(count))
        log_warn(instance->upstream->services.log, "server '%" STR_FMT "': fault %" PRIu64 ": %s",
                 STR_ARG(instance->upstream->server->name), count, what);
}

/* ---- legs and waiters ---- */

static int64_t now_of(const struct instance *instance)
{
    return loop_now_ms(instance->upstream->services.loop);
}

static void watch_deadline(struct instance *instance, int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX || (instance->deadline.running && instance->deadline.due_ms <= deadline_ms))
        return;
    int64_t after_ms = deadline_ms - now_of(instance);
    timer_start(&instance->deadline, after_ms > 0 ? after_ms : 0);
}

/* What is no message where its first one is due: a program that is no MCP server, or one that chatters first. It has
 * its time, but nobody is kept waiting for it. */
static void doubt(struct instance *instance)
{
    if (instance->noisy)
        return;
    instance->noisy = true;
    int64_t next_ms = upstream_hurry_waiters(&instance->waiters, now_of(instance));
    if (next_ms != INT64_MAX)
        watch_deadline(instance, next_ms);
    if (instance_is_control(instance))
        upstream_doubts(instance->upstream);
}

static int write_out(struct instance *instance, struct leg *leg)
{
    struct upstream *upstream = instance->upstream;
    int error = buf_ok(&upstream->out) ? upstream->ops->send(instance, leg, buf_str(&upstream->out)) : E_LIMIT;
    buf_recycle(&upstream->out, KEPT_OUT_BYTES);
    return error;
}

int instance_send(struct instance *instance, struct leg *leg, struct str method, struct str params)
{
    leg->instance = instance;
    leg->id = ++instance->last_id;
    leg->sent = SENT_NONE;
    leg->transport = NULL;
    list_init(&leg->link);
    int error = legs_add(&instance->legs, leg);
    if (error)
        return error;
    leg->method = method;
    instance->era->write_leg(&instance->upstream->out, leg->id, method, params, leg->progress);
    error = write_out(instance, leg);
    if (error) {
        legs_remove(&instance->legs, leg);
        return error;
    }
    instance->used_ms = now_of(instance);
    watch_deadline(instance, leg->deadline_ms);
    return 0;
}

int upstream_send(struct instance *instance, struct leg *leg, struct str method, struct str params)
{
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    AN(leg->events);
    if (instance->state != INSTANCE_READY)
        return E_CLOSED;
    return instance_send(instance, leg, method, params);
}

void instance_notify(struct instance *instance, struct str method, struct str params)
{
    message_write_notification(&instance->upstream->out, method, params);
    if (write_out(instance, NULL) != 0)
        log_debug(instance->upstream->services.log, "server '%" STR_FMT "' took no notification",
                  STR_ARG(instance->upstream->server->name));
}

void instance_answer(struct instance *instance)
{
    if (write_out(instance, NULL) != 0)
        instance_complain(instance, "it asks and does not read the answers");
}

/* MCP 2025-11-25 cancellation: never for initialize, whose leg ends only together with its connection. */
static void notify_cancelled(struct instance *instance, const struct leg *leg, enum reason reason)
{
    char params[128];
    if (leg->sent == SENT_NONE || instance->state != INSTANCE_READY)
        return;
    if (instance->era->gone_is_cancelled && instance->upstream->ops->forgets_aloud)
        return;
    snprintf(params, sizeof(params), "{\"requestId\":%" PRIu64 ",\"reason\":\"%" STR_FMT "\"}", leg->id,
             STR_ARG(reason_row(reason)->name));
    instance_notify(instance, method_row(METHOD_CANCELLED)->name, str_from_c(params));
}

/* Off the table and off the transport; its owner has not been told. */
static void take_off(struct instance *instance, struct leg *leg)
{
    legs_remove(&instance->legs, leg);
    instance->used_ms = now_of(instance);
    instance->upstream->ops->forget(instance, leg);
}

/* Nobody waits for its answer any more. */
static void give_up(struct instance *instance, struct leg *leg, enum reason reason)
{
    take_off(instance, leg);
    if (leg->sent != SENT_NONE)
        legs_give_up(&instance->legs, leg->id);
    notify_cancelled(instance, leg, reason);
}

void upstream_cancel(struct leg *leg, enum reason reason)
{
    struct instance *instance = leg->instance;
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    give_up(instance, leg, reason);
}

void instance_end_leg(struct leg *leg, enum reason reason)
{
    struct instance *instance = leg->instance;
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    take_off(instance, leg);
    leg->events->ended(leg, reason);
}

static void end_legs(struct instance *instance, enum reason reason)
{
    while (!list_is_empty(&instance->legs.all))
        instance_end_leg(CONTAINER_OF(instance->legs.all.next, struct leg, link), reason);
}

/* Moves those whose time is over; the earliest deadline of the others, or INT64_MAX. */
static int64_t collect_late_legs(struct instance *instance, int64_t now_ms, struct list *late)
{
    int64_t next_ms = INT64_MAX;
    LIST_EACH (&instance->legs.all, link, after) {
        struct leg *leg = CONTAINER_OF(link, struct leg, link);
        if (leg->deadline_ms <= now_ms) {
            legs_remove(&instance->legs, leg);
            list_append(late, link);
        } else if (leg->deadline_ms < next_ms) {
            next_ms = leg->deadline_ms;
        }
    }
    return next_ms;
}

/* Callbacks may cancel other legs and take them off `late`, so its first one is always looked for anew. */
static void deadline_fired(struct timer *timer)
{
    struct instance *instance = CONTAINER_OF(timer, struct instance, deadline);
    int64_t now_ms = now_of(instance);
    struct list late, tired;
    list_init(&late);
    list_init(&tired);
    int64_t legs_ms = collect_late_legs(instance, now_ms, &late);
    int64_t waiters_ms = upstream_late_waiters(&instance->waiters, now_ms, &tired);
    int64_t next_ms = legs_ms < waiters_ms ? legs_ms : waiters_ms;
    if (next_ms != INT64_MAX)
        watch_deadline(instance, next_ms);
    while (!list_is_empty(&late)) {
        struct leg *leg = CONTAINER_OF(late.next, struct leg, link);
        give_up(instance, leg, REASON_upstream_timeout);
        leg->events->ended(leg, REASON_upstream_timeout);
    }
    upstream_wake_waiters(&tired, REASON_upstream_unavailable);
}

void instance_wait(struct instance *instance, struct upstream_waiter *waiter)
{
    bool doubtful = instance->noisy || instance->failures >= LIMIT_starts_waited;
    waiter->deadline_ms = now_of(instance) + (doubtful ? LIMIT_doubt_ms : LIMIT_server_start_ms);
    list_append(&instance->waiters, &waiter->link);
    watch_deadline(instance, waiter->deadline_ms);
}

/* ---- states ---- */

/* A start that failed inside the call is told as one that failed later. */
static void start_failed(struct deferred *deferred)
{
    instance_closed(CONTAINER_OF(deferred, struct instance, deferred));
}

/* What it listed belongs to its connection. */
static void forget_own(struct instance *instance)
{
    listing_stop(&instance->listing);
    definitions_unref(instance->own);
    instance->own = NULL;
}

static void stop_starting(struct instance *instance)
{
    timer_stop(&instance->timer);
    timer_stop(&instance->patience);
}

int64_t instance_start_ms(const struct instance *instance)
{
    int64_t ms = instance->upstream->services.start_ms;
    return ms > LIMIT_server_start_ms ? ms : LIMIT_server_start_ms;
}

static void start(struct instance *instance)
{
    struct upstream *upstream = instance->upstream;
    instance->state = INSTANCE_STARTING;
    upstream->starts++;
    instance->was_ready = instance->noisy = instance->explained = instance->hurried = false;
    instance->capabilities = (struct capabilities){ 0 };
    timer_start(&instance->timer, instance_start_ms(instance));
    int error = upstream->ops->open(instance);
    if (!error)
        return;
    log_warn(upstream->services.log, "server '%" STR_FMT "' cannot be started: %s", STR_ARG(upstream->server->name),
             error_text(error));
    instance_say_why(instance, "it cannot be started: %s", error_text(error));
    instance->state = INSTANCE_LOST;
    timer_stop(&instance->timer);
    instance->deferred.run = start_failed;
    loop_defer(upstream->services.loop, &instance->deferred);
}

void instance_want(struct instance *instance)
{
    if (instance->state != INSTANCE_RESTING)
        return;
    int64_t rest_ms = rest_left_ms(instance);
    if (rest_ms > 0)
        timer_start(&instance->timer, rest_ms);
    else
        start(instance);
}

void instance_hurry(struct instance *instance)
{
    if (rest_left_ms(instance) <= 0 || !may_hurry(instance))
        return;
    start(instance);
    instance->hurried = true;
}

static bool is_wanted(const struct instance *instance)
{
    return !instance->upstream->stopping && (instance_is_control(instance) || !list_is_empty(&instance->waiters));
}

/* A failed instance without waiters is kept for a while, so that its next start still waits. */
static void rest_is_over(struct instance *instance)
{
    int64_t rested_ms = now_of(instance) - instance->not_before_ms;
    if (is_wanted(instance))
        instance_want(instance);
    else if (rested_ms < LIMIT_healthy_ms)
        timer_start(&instance->timer, LIMIT_healthy_ms - rested_ms);
    else
        drop(instance);
}

static int64_t most_idle_ms(const struct instance *instance)
{
    int64_t idle_ms = instance->upstream->server->idle_ms;
    return idle_ms ? idle_ms : LIMIT_instance_idle_ms;
}

static void is_idle(struct instance *instance)
{
    int64_t idle_ms = now_of(instance) - instance->used_ms;
    if (!list_is_empty(&instance->legs.all))
        idle_ms = 0;
    if (idle_ms < most_idle_ms(instance))
        timer_start(&instance->timer, most_idle_ms(instance) - idle_ms);
    else
        instance_end(instance, REASON_session_ended);
}

static void is_not_ready(struct instance *instance)
{
    long long seconds = instance_start_ms(instance) / 1000;
    log_warn(instance->upstream->services.log, "server '%" STR_FMT "' was not ready after %lld s",
             STR_ARG(instance->upstream->server->name), seconds);
    instance_say_why(instance,
                     instance->noisy ? "it was not ready after %lld s, and says what is no MCP message"
                                     : "it was not ready after %lld s",
                     seconds);
    instance_lose(instance, REASON_upstream_timeout);
}

static void timer_fired(struct timer *timer)
{
    struct instance *instance = CONTAINER_OF(timer, struct instance, timer);
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    switch (instance->state) {
    case INSTANCE_RESTING: rest_is_over(instance); break;
    case INSTANCE_STARTING: is_not_ready(instance); break;
    case INSTANCE_READY: is_idle(instance); break;
    case INSTANCE_LOST:
    case INSTANCE_ENDING: break;
    }
}

void instance_opened(struct instance *instance)
{
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    if (instance->state == INSTANCE_STARTING)
        handshake_begin(instance);
}

static void is_ready(struct instance *instance)
{
    instance->state = INSTANCE_READY;
    instance->was_ready = true;
    instance->ready_ms = instance->used_ms = now_of(instance);
    instance->noisy = false;
    if (!instance_is_control(instance) || instance->upstream->definitions)
        instance->failures = 0;
    stop_starting(instance);
    if (instance_is_control(instance))
        upstream_control_ready(instance->upstream);
    else
        timer_start(&instance->timer, most_idle_ms(instance));
    upstream_wake_waiters(&instance->waiters, REASON_allowed);
}

/* A client's own instance is of no use before it is known what it lists. */
void instance_is_ready(struct instance *instance)
{
    if (instance_is_control(instance))
        is_ready(instance);
    else if (!instance->listing.building)
        listing_start(&instance->listing);
}

/* Many instances list what the control session lists: they share its table. */
static bool lists_the_same(const struct definitions *own, const struct definitions *known)
{
    return known && own->resources_refused == known->resources_refused &&
           memcmp(&own->all, &known->all, sizeof(own->all)) == 0;
}

static bool share(struct instance *instance)
{
    struct definitions *own = instance->own, *known = instance->upstream->definitions;
    if (own == known)
        return true;
    if (!lists_the_same(own, known))
        return false;
    instance->own = definitions_ref(known);
    definitions_unref(own);
    return true;
}

void instance_look_again(struct instance *instance)
{
    if (instance->own && !share(instance))
        listing_again(&instance->listing);
}

void instance_listed(struct instance *instance, struct definitions *own)
{
    struct upstream *upstream = instance->upstream;
    struct definitions *before = instance->own;
    struct str key = str_from_c(instance->isolation);
    instance->own = own;
    share(instance);
    if (upstream->events.own)
        upstream->events.own(upstream->events.arg, upstream, str_slice(key, 0, str_find_byte(key, '.')), before,
                             instance->own);
    definitions_unref(before);
    if (instance->state == INSTANCE_STARTING)
        is_ready(instance);
}

void instance_not_listed(struct instance *instance, const char *why)
{
    instance_say_why(instance, "what a client's own instance lists cannot be read: %s", why);
    instance_lose(instance, REASON_upstream_malformed);
}

void instance_lose(struct instance *instance, enum reason reason)
{
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    if (instance->state != INSTANCE_STARTING && instance->state != INSTANCE_READY)
        return;
    instance->state = INSTANCE_LOST;
    stop_starting(instance);
    forget_own(instance);
    instance->upstream->ops->kill(instance);
    end_legs(instance, reason);
}

void instance_end(struct instance *instance, enum reason reason)
{
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    enum instance_state was = instance->state;
    if (was == INSTANCE_RESTING) {
        upstream_wake_waiters(&instance->waiters, reason);
        drop(instance);
        return;
    }
    instance->state = INSTANCE_ENDING;
    if (was == INSTANCE_STARTING || was == INSTANCE_READY) {
        stop_starting(instance);
        forget_own(instance);
        end_legs(instance, reason);
        instance->upstream->ops->close(instance);
    }
    upstream_wake_waiters(&instance->waiters, reason);
}

/* How long until the next start: longer each time, unless it ran well for a while. */
static void set_rest(struct instance *instance)
{
    int64_t now_ms = now_of(instance);
    bool was_healthy = instance->was_ready && now_ms - instance->ready_ms >= LIMIT_healthy_ms;
    if (was_healthy || !instance->backoff_ms)
        instance->backoff_ms = LIMIT_restart_first_ms;
    else if (!instance->hurried) /* that one came out of turn: no reason to wait longer */
        instance->backoff_ms =
            instance->backoff_ms < LIMIT_restart_most_ms / 2 ? 2 * instance->backoff_ms : LIMIT_restart_most_ms;
    instance->not_before_ms = now_ms + instance->backoff_ms;
}

static void failed(struct instance *instance)
{
    instance->state = INSTANCE_RESTING;
    instance->failures++;
    instance_say_why(instance, instance->was_ready ? "its connection ended" : "it did not become ready");
    set_rest(instance);
    log_at(instance->upstream->services.log, instance->hurried ? LOG_DEBUG : LOG_WARN,
           "server '%" STR_FMT "': %s %s; it may start again in %" PRId64 " ms",
           STR_ARG(instance->upstream->server->name), instance_is_control(instance) ? "it" : "a client's own instance",
           instance->was_ready ? "ended" : "did not become ready", instance->backoff_ms);
    timer_start(&instance->timer, instance->backoff_ms);
    if (!instance->was_ready)
        upstream_wake_waiters(&instance->waiters, REASON_upstream_unavailable);
    if (instance_is_control(instance) && instance_is_given_up(instance))
        upstream_gives_up(instance->upstream);
}

void instance_closed(struct instance *instance)
{
    CHECK_OBJ(instance, INSTANCE_MAGIC);
    if (instance->state == INSTANCE_STARTING || instance->state == INSTANCE_READY) {
        instance->state = INSTANCE_LOST;
        stop_starting(instance);
        forget_own(instance);
        end_legs(instance, REASON_upstream_closed);
    }
    if (instance_is_control(instance))
        listing_stop(&instance->upstream->listing);
    if (instance->state == INSTANCE_LOST) {
        instance->upstream->losses += instance->was_ready;
        failed(instance);
    } else if (!list_is_empty(&instance->waiters) && !instance->upstream->stopping) {
        start(instance);
    } else {
        drop(instance);
    }
}
