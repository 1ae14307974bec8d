/* What leaves a connection: answers, event streams, refusals; written at once, and what the socket does not take waits
 * in a queue with a ceiling. */
#include "front/connection.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/writer.h"
#include "mcp/mirror.h"
#include "net/sse.h"

#include <inttypes.h>
#include <stdio.h>

#define MAX_PARTS 4
#define PROBES_MAX 4
#define KEPT_QUEUE_BYTES 2048
#define READY_LINE_BYTES 256
#define COPIED_BYTES 2048 /* a body that stands behind its head in one buffer: cheaper than two for the kernel */

static int64_t now_ms(const struct connection *connection)
{
    return loop_now_ms(connection->front->loop);
}

/* --- writing --- */

static struct iovec part_of(struct str bytes)
{
    struct iovec part = { .iov_len = bytes.len };
    memcpy(&part.iov_base, &bytes.ptr, sizeof(bytes.ptr)); /* only read, but not const there */
    return part;
}

static void queue_rest(struct connection *connection, const struct str *parts, unsigned count, size_t written)
{
    connection_waits(connection);
    if (connection->queue.len == 0)
        connection_reads_on(connection);
    for (unsigned i = 0; i < count; i++) {
        size_t skip = written < parts[i].len ? written : parts[i].len;
        written -= skip;
        buf_append_str(&connection->queue, str_slice(parts[i], skip, parts[i].len));
    }
    connection_count_queue(connection);
    connection->queue_messages++;
    connection_arm(connection);
}

/* Writes or queues all of it. E_CLOSED: the connection died of it. */
static int put(struct connection *connection, const struct str *parts, unsigned count)
{
    struct iovec vector[MAX_PARTS];
    size_t total = 0;
    ssize_t written = 0;

    CHECK(count <= MAX_PARTS);
    for (unsigned i = 0; i < count; i++) {
        vector[i] = part_of(parts[i]);
        total += parts[i].len;
    }
    if (connection->queue.len == 0) {
        written = stream_write(connection->stream, vector, (int)count);
        if (written < 0 && written != E_AGAIN) {
            connection_kill(connection, "reset");
            return E_CLOSED;
        }
        if (written < 0)
            written = 0;
        connection->front->sent += (size_t)written;
    }
    if ((size_t)written == total)
        return 0;
    queue_rest(connection, parts, count, (size_t)written);
    if (buf_ok(&connection->queue) && connection_make_room(connection))
        return 0;
    connection_kill(connection, "an answer above the ceiling of what may wait");
    return E_CLOSED;
}

static void queue_is_empty(struct connection *connection)
{
    buf_recycle(&connection->queue, connection->exchange.listening ? 0 : KEPT_QUEUE_BYTES);
    connection_count_queue(connection);
    connection_waits_no_more(connection);
    connection->queue_at = 0;
    connection->queue_messages = 0;
    connection_written(connection);
}

void connection_flush(struct connection *connection)
{
    while (connection->queue.len) {
        struct str rest = str_slice(buf_str(&connection->queue), connection->queue_at, connection->queue.len);
        struct iovec part = part_of(rest);
        ssize_t written = stream_write(connection->stream, &part, 1);
        if (written == E_AGAIN)
            return;
        if (written < 0) {
            connection_kill(connection, "reset");
            return;
        }
        connection_reads_on(connection);
        connection->queue_at += (size_t)written;
        connection->front->sent += (size_t)written;
        if (connection->queue_at == connection->queue.len) {
            queue_is_empty(connection);
        } else if (connection->queue_at > connection->queue.len / 2) {
            buf_consume(&connection->queue, connection->queue_at);
            connection->queue_at = 0;
        }
    }
}

/* --- heads --- */

static struct buf *scratch(struct buf *buf)
{
    buf_reset(buf);
    return buf;
}

/* A head and a body, whole; the connection lives on as `keep` says. */
static void send_reply(struct connection *connection, struct reply *reply, struct str body, bool keep)
{
    struct buf *head = scratch(&connection->front->head);

    reply->close = !keep;
    reply->origin = connection->route.origin;
    reply->length = body.len;
    reply_write(head, reply);
    bool together = body.len <= COPIED_BYTES;
    if (together)
        buf_append_str(head, body);
    if (!buf_ok(head)) {
        connection_kill(connection, "a field that cannot be written");
        connection_finish(connection, false);
        return;
    }
    const struct str parts[] = { buf_str(head), body };
    (void)put(connection, parts, together ? 1 : 2); /* a connection that died is finished like any other */
    connection_finish(connection, keep);
}

static void send_error(struct connection *connection, enum reason reason, bool keep)
{
    struct buf *body = scratch(&connection->front->body);
    unsigned status = (unsigned)reason_row(reason)->http_status;
    struct reply reply = { .status = status, .body = REPLY_JSON, .authenticate = status == 401 };

    if (status == 405) /* RFC 9110 §15.5.6 */
        reply.allow = connection->route.allow.len ? connection->route.allow : STR("GET, POST, DELETE, OPTIONS");
    reply_write_error(body, reason);
    send_reply(connection, &reply, buf_str(body), keep);
}

void connection_refuse(struct connection *connection, enum reason reason)
{
    log_debug(connection->front->log, "http: refused: %" STR_FMT, STR_ARG(reason_row(reason)->name));
    send_error(connection, reason, connection_may_keep(connection));
}

void connection_continue(struct connection *connection)
{
    (void)put(connection, &STR("HTTP/1.1 100 Continue\r\n\r\n"), 1);
}

/* --- what the front answers itself --- */

static void answer_ready(struct connection *connection)
{
    struct front_http *front = connection->front;
    struct buf *body = scratch(&front->body);
    struct json_writer writer;
    char line[READY_LINE_BYTES] = "";
    bool ready = front->events->ready(front->events->arg, line, sizeof(line));
    struct reply reply = { .status = ready ? 200 : 503, .body = REPLY_JSON };

    json_write_init(&writer, body);
    json_write_object(&writer);
    json_write_member_bool(&writer, STR("ready"), ready);
    if (!ready)
        json_write_member_string(&writer, STR("reason"), str_from_c(line));
    line[0] = 0;
    if (front->events->stale)
        front->events->stale(front->events->arg, line, sizeof(line));
    if (line[0]) {
        json_write_key(&writer, STR("configuration"));
        json_write_object(&writer);
        json_write_member_string(&writer, STR("state"), STR("stale"));
        json_write_member_string(&writer, STR("error"), str_from_c(line));
        json_write_object_end(&writer);
    }
    json_write_object_end(&writer);
    send_reply(connection, &reply, buf_ok(body) ? buf_str(body) : STR("{\"ready\":false}"),
               connection_may_keep(connection));
}

void connection_answer_local(struct connection *connection)
{
    bool keep = connection_may_keep(connection);
    struct reply reply = { .status = 200, .body = REPLY_JSON };

    switch (connection->route.kind) {
    case ROUTE_HEALTH: send_reply(connection, &reply, connection->front->health, keep); return;
    case ROUTE_READY: answer_ready(connection); return;
    case ROUTE_OPTIONS:
        reply = (struct reply){ .status = 204, .allow = connection->route.allow, .preflight = true };
        send_reply(connection, &reply, STR_EMPTY, keep);
        return;
    case ROUTE_NONE:
    case ROUTE_MESSAGE:
    case ROUTE_STREAM:
    case ROUTE_DELETE: break;
    }
    WRONG("a route that the gate answers");
}

/* --- event streams --- */

/* One chunk of one event. */
static int put_event(struct connection *connection, struct str head, struct str message)
{
    char size[24];
    size_t event = sizeof(SSE_MESSAGE_BEGIN) - 1 + message.len + sizeof(SSE_MESSAGE_END) - 1;
    struct buf *begin = scratch(&connection->front->head);
    int len = snprintf(size, sizeof(size), "%zx\r\n", event);

    buf_append_str(begin, head);
    buf_append(begin, size, (size_t)len);
    buf_append_str(begin, STR(SSE_MESSAGE_BEGIN));
    if (!buf_ok(begin)) {
        connection_kill(connection, "out of memory");
        return E_CLOSED;
    }
    const struct str parts[] = { buf_str(begin), message, STR(SSE_MESSAGE_END "\r\n") };
    connection->deadline_ms = now_ms(connection) + LIMIT_sse_comment_ms;
    int error = put(connection, parts, 3);
    if (!error)
        connection_arm(connection);
    return error;
}

static int begin_events(struct connection *connection, struct str message)
{
    struct buf *head = scratch(&connection->front->body); /* put_event copies it behind its own */
    struct reply reply = { .status = 200, .body = REPLY_EVENTS, .origin = connection->route.origin };

    reply_write(head, &reply);
    connection->state = CONN_EVENTS;
    return put_event(connection, buf_str(head), message);
}

static bool queue_is_full(const struct connection *connection, size_t more)
{
    size_t most = connection->exchange.listening ? connection->listen_bytes : LIMIT_stream_queue_bytes;
    return connection->queue_messages >= LIMIT_stream_queue_messages ||
           connection->queue.len - connection->queue_at + more > most;
}

void connection_comment(struct connection *connection)
{
    connection->deadline_ms = now_ms(connection) + LIMIT_sse_comment_ms;
    if (connection->queue.len == 0) /* else there is enough to keep it alive */
        (void)put(connection, &STR("3\r\n" SSE_COMMENT "\r\n"), 1);
}

void connection_probe(struct connection *connection)
{
    if (connection->probes == PROBES_MAX)
        return;
    connection->probes++;
    if (connection->state == CONN_EVENTS)
        connection_comment(connection);
    else if (connection->state == CONN_CALL && connection->http1.minor == 1)
        connection_continue(connection); /* RFC 9110 §15.2.1: to be dropped by who did not ask for it */
}

static void end_events(struct connection *connection, struct str message)
{
    if (put_event(connection, STR_EMPTY, message) == 0)
        (void)put(connection, &STR("0\r\n\r\n"), 1);
    connection_finish(connection, connection_may_keep(connection));
}

/* --- what the gate calls --- */

static struct connection *connection_of(struct exchange *exchange)
{
    struct connection *connection = CONTAINER_OF(exchange, struct connection, exchange);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    CHECK(connection->exchange_out);
    return connection;
}

static int front_event(struct exchange *exchange, struct str message)
{
    struct connection *connection = connection_of(exchange);

    if (connection->state == CONN_DEAD)
        return E_CLOSED;
    if (!exchange->takes_events || !sse_is_one_line(message))
        return E_INVALID;
    if (queue_is_full(connection, message.len))
        return E_FULL;
    return connection->state == CONN_EVENTS ? put_event(connection, STR_EMPTY, message)
                                            : begin_events(connection, message);
}

static int front_listen(struct exchange *exchange, size_t queue_bytes)
{
    struct connection *connection = connection_of(exchange);
    struct buf *head = scratch(&connection->front->head);
    struct reply reply = { .status = 200, .body = REPLY_EVENTS, .origin = connection->route.origin, .close = true };

    if (connection->state == CONN_DEAD)
        return E_CLOSED;
    if (!exchange->takes_events || connection->state != CONN_CALL)
        return E_INVALID;
    reply_write(head, &reply);
    if (!buf_ok(head)) {
        connection_kill(connection, "a field that cannot be written");
        return E_CLOSED;
    }
    const struct str begin = buf_str(head);
    if (put(connection, &begin, 1) != 0)
        return E_CLOSED;
    connection->state = CONN_EVENTS;
    connection->deadline_ms = now_ms(connection) + LIMIT_sse_comment_ms;
    connection->listen_bytes = queue_bytes;
    exchange->listening = true;
    connection_listens(connection);
    connection_arm(connection);
    return 0;
}

static void front_peer(struct exchange *exchange, char *out, size_t max)
{
    struct connection *connection = CONTAINER_OF(exchange, struct connection, exchange);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    snprintf(out, max, "a closed connection");
    if (connection->stream)
        stream_peer(connection->stream, out, max);
}

static void front_end(struct exchange *exchange, enum reason reason)
{
    struct connection *connection = connection_of(exchange);

    if (connection->state == CONN_DEAD) {
        connection_finish(connection, false);
    } else if (exchange->listening && exchange->verb == VERB_GET) {
        (void)put(connection, &STR("0\r\n\r\n"), 1);
        connection_finish(connection, false);
    } else if (connection->state == CONN_EVENTS) {
        struct buf *body = scratch(&connection->front->body);
        reply_write_error(body, reason);
        end_events(connection, buf_str(body));
    } else if (reason == REASON_answered) {
        struct reply reply = { .status = exchange->verb == VERB_DELETE ? 204 : 202 };
        send_reply(connection, &reply, STR_EMPTY, connection_may_keep(connection));
    } else {
        send_error(connection, reason, connection_may_keep(connection));
    }
}

static void front_answer(struct exchange *exchange, int status, struct str message, struct str session)
{
    struct connection *connection = connection_of(exchange);

    if (connection->state == CONN_DEAD) {
        connection_finish(connection, false);
    } else if (connection->state != CONN_EVENTS) {
        struct reply reply = { .status = (unsigned)status, .body = REPLY_JSON, .session = session };
        reply.authenticate = status == 401;
        send_reply(connection, &reply, message, connection_may_keep(connection));
    } else if (sse_is_one_line(message)) {
        end_events(connection, message);
    } else {
        front_end(exchange, REASON_internal);
    }
}

static unsigned front_mirrored(struct exchange *exchange, struct str name, struct str *value)
{
    struct connection *connection = CONTAINER_OF(exchange, struct connection, exchange);
    const struct http1 *request = &connection->http1;
    static const struct str prefix = { MIRROR_FIELD_PREFIX, sizeof(MIRROR_FIELD_PREFIX) - 1 };
    unsigned count = 0;
    for (unsigned i = 0; i < request->field_count; i++) {
        struct str field = http1_field_name(request, i);
        if (field.len != prefix.len + name.len || !str_eq_nocase(str_slice(field, 0, prefix.len), prefix) ||
            !str_eq_nocase(str_slice(field, prefix.len, field.len), name))
            continue;
        *value = http1_field_value(request, i);
        count++;
    }
    return count;
}

const struct front_ops http_front_ops = {
    front_event, front_answer, front_end, front_listen, front_peer, front_mirrored
};
