/* A connection's life: bytes to requests, requests to the gate, deadlines, and the one way out. */
#include "front/connection.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/tls.h"

#include <stdlib.h>
#include <unistd.h>

#define STEPS_A_RUN 16 /* reads before other connections get their turn */

static enum reason reason_of(enum http1_fault fault)
{
    switch (fault) {
    case HTTP1_FAULT_NONE: break;
    case HTTP1_FAULT_SYNTAX: return REASON_http_syntax;
    case HTTP1_FAULT_VERSION: return REASON_http_version;
    case HTTP1_FAULT_METHOD: return REASON_method_not_allowed;
    case HTTP1_FAULT_HEAD_SIZE: return REASON_header_too_large;
    case HTTP1_FAULT_BODY_SIZE: return REASON_too_large;
    case HTTP1_FAULT_MEMORY: return REASON_overloaded;
    }
    WRONG("a parser that did not fail");
}

static int64_t now_ms(const struct connection *connection)
{
    return loop_now_ms(connection->front->loop);
}

static void move_to(struct connection *connection, struct list *list)
{
    list_remove(&connection->link);
    list_append(list, &connection->link);
}

/* What request bodies hold in all connections together has a ceiling. */
static void count_body(struct connection *connection)
{
    struct front_http *front = connection->front;
    front->body_bytes += connection->http1.body.cap - connection->counted;
    connection->counted = connection->http1.body.cap;
    if (connection->expected)
        connection->over = !front->events->held(front->events->arg, &connection->exchange, connection->counted);
}

static void release_body(struct connection *connection)
{
    const struct front_events *events = connection->front->events;
    if (connection->expected)
        events->released(events->arg, &connection->exchange);
    connection->expected = connection->over = false;
}

/* --- deadlines --- */

void connection_arm(struct connection *connection)
{
    int64_t due = connection->deadline_ms;

    if (connection->queue.len && connection->stall_ms < due)
        due = connection->stall_ms;
    if (due == NO_DEADLINE || (connection->timer.running && connection->timer.due_ms <= due))
        return;
    int64_t now = now_ms(connection);
    timer_start(&connection->timer, due > now ? due - now : 0);
}

static void idle_is_over(struct connection *connection)
{
    if (connection->trimmed) {
        connection_kill(connection, "idle");
        return;
    }
    http1_trim(&connection->http1);
    count_body(connection);
    buf_release(&connection->queue);
    connection_count_queue(connection);
    buf_release(&connection->ahead);
    connection->trimmed = true;
    connection->deadline_ms = connection->idle_since_ms + LIMIT_keep_alive_ms;
}

static void deadline_is_over(struct connection *connection)
{
    switch (connection->state) {
    case CONN_READ:
        if (http1_is_between(&connection->http1))
            idle_is_over(connection);
        else
            connection_refuse(connection, REASON_request_timeout);
        return;
    case CONN_EVENTS: connection_comment(connection); return;
    case CONN_LINGER: connection_kill(connection, "lingered"); return;
    case CONN_CALL:
    case CONN_DRAIN:
    case CONN_DEAD: WRONG("a deadline in a state that has none");
    }
}

static void timer_fired(struct timer *timer)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);
    int64_t now = now_ms(connection);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->queue.len && now >= connection->stall_ms)
        connection_kill(connection, "does not read");
    else if (now >= connection->deadline_ms)
        deadline_is_over(connection);
    if (connection->state != CONN_DEAD)
        connection_arm(connection);
}

/* --- life --- */

static void bury(struct connection *connection)
{
    struct front_http *front = connection->front;

    release_body(connection);
    if (connection->exchange_out) {
        connection->exchange_out = false;
        front->events->gone(front->events->arg, &connection->exchange);
    }
    list_remove(&connection->link);
    http1_release(&connection->http1);
    buf_release(&connection->ahead);
    buf_release(&connection->queue);
    front->body_bytes -= connection->counted;
    front->queue_bytes -= connection->queue_counted;
    connection->magic = 0;
    if (front->spare_count == LIMIT_spare_connections) {
        free(connection);
        return;
    }
    list_append(&front->spare, &connection->link);
    front->spare_count++;
}

static void deferred_run(struct deferred *deferred)
{
    struct connection *connection = CONTAINER_OF(deferred, struct connection, deferred);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->state == CONN_DEAD)
        bury(connection);
    else
        connection_run(connection);
}

static void run_later(struct connection *connection)
{
    if (list_is_empty(&connection->deferred.link))
        loop_defer(connection->front->loop, &connection->deferred);
}

static void close_stream(struct connection *connection)
{
    struct front_http *front = connection->front;

    stream_close(connection->stream);
    connection->stream = NULL;
    timer_stop(&connection->timer);
    connection->state = CONN_DEAD;
    if (!list_is_empty(&connection->arrived)) { /* the gate has not seen it */
        list_remove(&connection->arrived);
        connection->exchange_out = false;
    }
    connection_waits_no_more(connection);
    move_to(connection, &front->dying);
    front->count--;
    if (front->listener)
        listener_resume(front->listener);
}

void connection_kill(struct connection *connection, const char *why)
{
    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->state == CONN_DEAD)
        return;
    log_debug(connection->front->log, "http: connection closed: %s", why);
    close_stream(connection);
    run_later(connection);
}

void connection_destroy(struct connection *connection)
{
    CHECK_OBJ(connection, CONNECTION_MAGIC);
    CHECK(!connection->running);
    if (connection->state != CONN_DEAD)
        close_stream(connection);
    list_remove(&connection->deferred.link);
    bury(connection);
}

static void readable(void *owner)
{
    struct connection *connection = owner;

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    connection->drained = false;
    if (connection->half_closed)
        connection_probe(connection);
    connection_run(connection);
}

static void writable(void *owner)
{
    CHECK_OBJ((struct connection *)owner, CONNECTION_MAGIC);
    connection_flush(owner);
}

static const struct stream_events stream_events = { readable, writable };

static struct connection *take_memory(struct front_http *front)
{
    if (list_is_empty(&front->spare))
        return malloc(sizeof(struct connection));
    struct list *link = front->spare.next;
    list_remove(link);
    front->spare_count--;
    return CONTAINER_OF(link, struct connection, link);
}

void connection_free_spare(struct front_http *front)
{
    LIST_EACH (&front->spare, link, after)
        free(CONTAINER_OF(link, struct connection, link));
    list_init(&front->spare);
    front->spare_count = 0;
}

void connection_start(struct front_http *front, int fd)
{
    struct connection *connection = take_memory(front);
    struct stream *stream;

    if (!connection) {
        close(fd);
        return;
    }
    int error = front->tls ? stream_new_tls(front->loop, fd, front->tls, &stream_events, connection, &stream)
                           : stream_new(front->loop, fd, true, &stream_events, connection, &stream);
    if (error) { /* has closed fd */
        free(connection);
        return;
    }
    *connection = (struct connection){
        .magic = CONNECTION_MAGIC,
        .front = front,
        .stream = stream,
        .deferred = { .run = deferred_run },
        .idle_since_ms = loop_now_ms(front->loop),
        .trimmed = true,
    };
    connection->deadline_ms = connection->idle_since_ms + LIMIT_head_ms;
    list_init(&connection->link);
    list_init(&connection->deferred.link);
    list_init(&connection->arrived);
    list_init(&connection->unread);
    timer_init(&connection->timer, front->loop, timer_fired);
    http1_init(&connection->http1, HTTP1_SERVER, LIMIT_request_body);
    buf_init(&connection->ahead, FRONT_READ_BYTES);
    buf_init(&connection->queue, (size_t)LIMIT_stream_queue_bytes + 2 * LIMIT_answer_body);
    list_append(&front->idle, &connection->link);
    front->count++;
    front->accepted++;
    connection_arm(connection);
}

void connection_listens(struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;

    exchange->server = exchange->token = exchange->session = exchange->version = exchange->body = STR_EMPTY;
    connection->route = (struct route){ 0 };
    http1_next(&connection->http1);
    http1_trim(&connection->http1);
    count_body(connection);
    connection->dropped = connection->ahead.len;
    buf_release(&connection->ahead);
}

bool connection_may_keep(const struct connection *connection)
{
    const struct http1 *http1 = &connection->http1;
    return http1_is_whole(http1) && http1->keep_alive && http1->minor == 1 && !connection->half_closed &&
           !connection->front->stopping;
}

/* Everything is written and nothing more will be: closes our side. */
static void linger(struct connection *connection)
{
    if (connection->half_closed && stream_is_flushed(connection->stream)) {
        connection_kill(connection, "answered");
        return;
    }
    stream_shutdown_write(connection->stream);
    connection->state = CONN_LINGER;
    connection->deadline_ms = now_ms(connection) + LIMIT_linger_ms;
    connection_arm(connection);
}

/* Between messages, and all is written. */
static void become_idle(struct connection *connection)
{
    struct front_http *front = connection->front;

    if (front->stopping) {
        connection_kill(connection, "the gateway stops");
        return;
    }
    connection->trimmed = false;
    connection->idle_since_ms = now_ms(connection);
    connection->deadline_ms = connection->idle_since_ms + LIMIT_idle_trim_ms;
    move_to(connection, &front->idle);
    connection_arm(connection);
    if (front->listener && front->count >= front->count_max)
        listener_resume(front->listener); /* here is one that can make room */
}

void connection_written(struct connection *connection)
{
    if (connection->state == CONN_DRAIN)
        linger(connection);
    else if (connection->state == CONN_READ && http1_is_between(&connection->http1))
        become_idle(connection);
    if (connection->state != CONN_DEAD && !connection->running && (connection->ahead.len || !connection->drained))
        run_later(connection); /* reading goes on, but not inside the gate's call */
}

void connection_finish(struct connection *connection, bool keep)
{
    struct front_http *front = connection->front;

    release_body(connection);
    connection->exchange_out = false;
    connection->route = (struct route){ 0 };
    if (connection->state == CONN_DEAD)
        return;
    if (!keep) {
        connection->state = CONN_DRAIN;
        connection->deadline_ms = NO_DEADLINE;
        move_to(connection, &front->busy);
        buf_release(&connection->http1.body);
        count_body(connection);
    } else {
        http1_next(&connection->http1);
        count_body(connection);
        connection->state = CONN_READ;
        connection->deadline_ms = NO_DEADLINE;
    }
    if (connection->queue.len == 0)
        connection_written(connection);
}

/* --- from request to exchange --- */

/* A body that did not come with its head is waited for, and kept, only for who has a grant. */
static enum reason may_send_more(struct connection *connection, size_t here)
{
    const struct front_http *front = connection->front;
    const struct http1 *http1 = &connection->http1;
    const struct route *route = &connection->route;

    if (!http1->has_body || (!http1->chunked && http1->remaining <= here))
        return REASON_allowed;
    if (route->kind != ROUTE_MESSAGE)
        return REASON_too_large;
    connection->exchange = (struct exchange){ .ops = &http_front_ops, .server = route->server, .token = route->token };
    enum reason reason = front->events->expect(front->events->arg, &connection->exchange);
    connection->expected = reason == REASON_allowed;
    return reason;
}

/* `here`: bytes of the body that came with the head. False: refused. */
static bool take_head(struct connection *connection, size_t here)
{
    enum reason reason = route_request(&connection->front->rules, &connection->http1, &connection->route);

    if (reason == REASON_allowed)
        reason = may_send_more(connection, here);
    if (reason != REASON_allowed) {
        connection_refuse(connection, reason);
        return false;
    }
    connection->deadline_ms = now_ms(connection) + LIMIT_body_ms;
    if (connection->http1.expects && connection->http1.has_body && here == 0)
        connection_continue(connection);
    return connection->state == CONN_READ;
}

/* Bytes used, up to the end of one message or a refusal. */
static size_t take_bytes(struct connection *connection, struct str bytes)
{
    size_t total = 0;

    for (;;) {
        size_t used;
        struct str rest = str_slice(bytes, total, bytes.len);
        enum http1_event event = http1_feed(&connection->http1, rest, &used);
        total += used;
        switch (event) {
        case HTTP1_MORE:
        case HTTP1_DONE: return total;
        case HTTP1_HEAD:
            if (!take_head(connection, bytes.len - total))
                return total;
            break;
        case HTTP1_FAILED: connection_refuse(connection, reason_of(connection->http1.fault)); return total;
        case HTTP1_BODY: WRONG("a server collects bodies");
        }
    }
}

static void dispatch(struct connection *connection)
{
    struct front_http *front = connection->front;
    const struct route *route = &connection->route;

    connection->deadline_ms = NO_DEADLINE;
    if (route->kind != ROUTE_MESSAGE && route->kind != ROUTE_DELETE && route->kind != ROUTE_STREAM) {
        connection_answer_local(connection);
        return;
    }
    release_body(connection);
    connection->state = CONN_CALL;
    connection->exchange_out = true;
    connection->exchange = (struct exchange){
        .ops = &http_front_ops,
        .verb = route->kind == ROUTE_DELETE   ? VERB_DELETE
                : route->kind == ROUTE_STREAM ? VERB_GET
                                              : VERB_POST,
        .server = route->server,
        .token = route->token,
        .session = route->session,
        .version = route->version,
        .mirrored_method = route->mirrored_method,
        .mirrored_name = route->mirrored_name,
        .body = route->kind == ROUTE_MESSAGE ? buf_str(&connection->http1.body) : STR_EMPTY,
        .takes_events = route->kind != ROUTE_DELETE && connection->http1.minor == 1,
    };
    list_append(&front->arrived, &connection->arrived);
    if (list_is_empty(&front->hand_over.link))
        loop_defer(front->loop, &front->hand_over);
}

/* One call after the other has the gate's code in the processor's cache; between two reads it would be the kernel's. */
void connection_hand_over(struct deferred *hand_over)
{
    struct front_http *front = CONTAINER_OF(hand_over, struct front_http, hand_over);

    while (!list_is_empty(&front->arrived)) {
        struct connection *connection = CONTAINER_OF(front->arrived.next, struct connection, arrived);
        CHECK_OBJ(connection, CONNECTION_MAGIC);
        list_remove(&connection->arrived);
        front->events->message(front->events->arg, &connection->exchange);
    }
}

/* Bytes behind a message wait in `ahead`; those of a refused connection are dropped. */
static void keep_rest(struct connection *connection, struct str bytes, size_t used, bool from_ahead)
{
    if (connection->state != CONN_READ)
        buf_reset(&connection->ahead);
    else if (from_ahead)
        buf_consume(&connection->ahead, used);
    else if (used < bytes.len)
        buf_append_str(&connection->ahead, str_slice(bytes, used, bytes.len));
}

static void take(struct connection *connection, struct str bytes, bool from_ahead)
{
    bool between = http1_is_between(&connection->http1);

    if (between) {
        connection->deadline_ms = now_ms(connection) + LIMIT_head_ms;
        move_to(connection, &connection->front->busy);
    }
    size_t used = take_bytes(connection, bytes);
    count_body(connection);
    keep_rest(connection, bytes, used, from_ahead);
    if (connection->state != CONN_READ)
        return;
    if (!buf_ok(&connection->ahead)) {
        connection_kill(connection, "out of memory");
    } else if (http1_is_whole(&connection->http1)) {
        dispatch(connection);
    } else if ((connection->over || connection->front->body_bytes > LIMIT_process_bytes) &&
               connection->http1.body.len) {
        connection_refuse(connection, REASON_overloaded);
    } else {
        connection_arm(connection);
    }
}

/* --- reading --- */

/* The client sends no more, and may or may not read on. */
static void client_ended(struct connection *connection)
{
    if (connection->state == CONN_CALL || connection->state == CONN_EVENTS)
        connection_probe(connection);
    else if (connection->queue.len == 0) /* else our last answer is still on its way */
        connection_kill(connection, "closed by the client");
}

/* Bytes, or a result of 0 when there is nothing to do with what the stream said. */
static size_t read_some(struct connection *connection)
{
    ssize_t got = stream_read(connection->stream, connection->front->read, FRONT_READ_BYTES);

    if (got > 0) {
        connection->front->received += (size_t)got;
        return (size_t)got;
    }
    if (got == E_AGAIN) {
        connection->drained = true;
    } else if (got < 0) {
        connection_kill(connection, "reset");
    } else {
        connection->drained = connection->half_closed = true;
        client_ended(connection);
    }
    return 0;
}

/* Behind the last message of a connection: read and forgotten. */
static bool drop_some(struct connection *connection)
{
    size_t got = connection->half_closed ? 0 : read_some(connection);

    connection->dropped += got;
    if (connection->dropped > LIMIT_request_body && connection->state != CONN_DEAD)
        connection_kill(connection, "sends on after its last message");
    return got > 0;
}

/* One read, and what it leads to. False: nothing more can be done now. */
static bool step(struct connection *connection)
{
    size_t got;

    switch (connection->state) {
    case CONN_READ:
        if (connection->queue.len) /* who does not read its answer gets no other */
            return false;
        if (connection->ahead.len) {
            take(connection, buf_str(&connection->ahead), true);
            return true;
        }
        got = read_some(connection);
        if (got)
            take(connection, str_of(connection->front->read, got), false);
        return got > 0;
    case CONN_CALL:
    case CONN_EVENTS: /* one message at a time: what comes ahead waits, mostly in the kernel */
        if (connection->exchange.listening)
            return drop_some(connection);
        got = connection->ahead.len || connection->half_closed ? 0 : read_some(connection);
        if (got)
            buf_append(&connection->ahead, connection->front->read, got);
        return false;
    case CONN_DRAIN:
    case CONN_LINGER: return drop_some(connection);
    case CONN_DEAD: return false;
    }
    WRONG("no such state");
}

void connection_run(struct connection *connection)
{
    if (connection->running)
        return;
    connection->running = true;
    unsigned steps = 0;
    while (steps < STEPS_A_RUN && step(connection))
        steps++;
    connection->running = false;
    if (steps == STEPS_A_RUN && connection->state != CONN_DEAD)
        run_later(connection);
}
