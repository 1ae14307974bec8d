/* Few and short connections: a request is read strictly, answered whole, and the connection ends. */
#include "admin/http.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "front/route.h"
#include "io/loop.h"
#include "io/stream.h"
#include "model/reason.h"
#include "net/http1.h"
#include "net/http1_write.h"

#include <stdlib.h>
#include <unistd.h>

#define ADMIN_HTTP_MAGIC 0xad317777u
#define ADDRESS_MAX 64

struct admin_http {
    unsigned magic;
    struct admin_http_options options;
    struct listener *listener;
    struct route_rules rules;
    char address[ADDRESS_MAX];
    struct list connections;
    size_t count;
};

struct connection {
    struct admin_http *http;
    struct list link;
    struct stream *stream;
    struct http1 http1;
    struct timer timer; /* for the request, then for its reader, then for its end */
    struct deferred deferred;
    struct buf out;
    bool answered, dead;
};

static void bury(struct deferred *deferred)
{
    struct connection *connection = CONTAINER_OF(deferred, struct connection, deferred);
    http1_release(&connection->http1);
    buf_release(&connection->out);
    free(connection);
}

static void drop(struct connection *connection)
{
    if (connection->dead)
        return;
    connection->dead = true;
    timer_stop(&connection->timer);
    stream_close(connection->stream);
    list_remove(&connection->link);
    connection->http->count--;
    connection->deferred.run = bury;
    loop_defer(connection->http->options.loop, &connection->deferred);
}

static void time_is_over(struct timer *timer)
{
    drop(CONTAINER_OF(timer, struct connection, timer));
}

static void flush(struct connection *connection)
{
    while (connection->out.len > 0) {
        struct iovec part = { connection->out.ptr, connection->out.len };
        ssize_t written = stream_write(connection->stream, &part, 1);
        if (written == E_AGAIN)
            return;
        if (written < 0) {
            drop(connection);
            return;
        }
        buf_consume(&connection->out, (size_t)written);
        timer_start(&connection->timer, LIMIT_write_stall_ms);
    }
    stream_shutdown_write(connection->stream);
    timer_start(&connection->timer, LIMIT_linger_ms);
}

/* ---- answers ---- */

static void answer(struct connection *connection, unsigned status, struct str type, struct str body)
{
    struct buf *out = &connection->out;
    http1_write_answer(out, status);
    http1_write_field(out, STR("Content-Type"), type);
    http1_write_field(out, STR("Cache-Control"), STR("no-store"));
    http1_write_field(out, STR("X-Content-Type-Options"), STR("nosniff"));
    if (status == 405)
        http1_write_field(out, STR("Allow"), STR("GET"));
    http1_write_field(out, STR("Connection"), STR("close"));
    http1_write_length(out, body.len);
    http1_write_end(out);
    buf_append_str(out, body);
    connection->answered = true;
    if (!buf_ok(out)) {
        drop(connection);
        return;
    }
    timer_start(&connection->timer, LIMIT_write_stall_ms);
    flush(connection);
}

static void refuse(struct connection *connection, unsigned status, struct str text)
{
    answer(connection, status, STR("text/plain; charset=utf-8"), text);
}

static void answer_metrics(struct connection *connection)
{
    static const struct str prometheus = { "text/plain; version=0.0.4; charset=utf-8", 40 };
    static const struct str open_text = { "application/openmetrics-text", 28 };
    static const struct str open = { "application/openmetrics-text; version=1.0.0; charset=utf-8", 58 };
    struct str accept;
    struct buf body;
    buf_init(&body, LIMIT_metrics_bytes);
    (void)http1_find(&connection->http1, STR("Accept"), &accept);
    bool openmetrics = str_find(accept, open_text) < accept.len;
    metrics_write(&connection->http->options.sources, openmetrics, &body);
    if (buf_ok(&body))
        answer(connection, 200, openmetrics ? open : prometheus, buf_str(&body));
    else
        refuse(connection, 503, STR("more than fits into an answer\n"));
    buf_release(&body);
}

static void answer_head(struct connection *connection)
{
    const struct http1 *request = &connection->http1;
    struct str path;
    enum reason reason = route_admit(&connection->http->rules, request, &path);
    if (reason != REASON_allowed)
        refuse(connection, (unsigned)reason_row(reason)->http_status, reason_row(reason)->text);
    else if (!str_eq(path, STR("/metrics")))
        refuse(connection, 404, STR("GET /metrics is all that is here\n"));
    else if (request->method != HTTP1_GET)
        refuse(connection, 405, STR("GET only\n"));
    else if (request->has_body)
        refuse(connection, 413, STR("no body is taken here\n"));
    else
        answer_metrics(connection);
}

/* ---- connections ---- */

static void take(struct connection *connection, struct str bytes)
{
    size_t used;
    while (!connection->answered) {
        switch (http1_feed(&connection->http1, bytes, &used)) {
        case HTTP1_MORE: return;
        case HTTP1_HEAD:
        case HTTP1_DONE: answer_head(connection); return;
        case HTTP1_FAILED: refuse(connection, http1_fault_status(connection->http1.fault), STR("refused\n")); return;
        case HTTP1_BODY: WRONG("a server collects bodies");
        }
    }
}

static void readable(void *owner)
{
    struct connection *connection = owner;
    char bytes[4096];
    while (!connection->dead) {
        ssize_t got = stream_read(connection->stream, bytes, sizeof(bytes));
        if (got == E_AGAIN)
            return;
        if (got <= 0)
            drop(connection);
        else
            take(connection, str_of(bytes, (size_t)got)); /* what follows an answer is read and dropped */
    }
}

static void writable(void *owner)
{
    struct connection *connection = owner;
    if (!connection->dead && connection->answered)
        flush(connection);
}

static const struct stream_events stream_events = { .readable = readable, .writable = writable };

static void accepted(void *owner, int fd)
{
    struct admin_http *http = owner;
    CHECK_OBJ(http, ADMIN_HTTP_MAGIC);
    struct connection *connection = http->count < LIMIT_control_connections ? calloc(1, sizeof(*connection)) : NULL;
    if (!connection) {
        close(fd);
        return;
    }
    if (stream_new(http->options.loop, fd, true, &stream_events, connection, &connection->stream) != 0) {
        free(connection);
        return;
    }
    connection->http = http;
    http1_init(&connection->http1, HTTP1_SERVER, 0);
    buf_init(&connection->out, LIMIT_metrics_bytes + 4096);
    timer_init(&connection->timer, http->options.loop, time_is_over);
    timer_start(&connection->timer, LIMIT_head_ms);
    list_append(&http->connections, &connection->link);
    http->count++;
}

static const struct listener_events listener_events = { .accepted = accepted };

int admin_http_open(const struct admin_http_options *options, struct admin_http **out)
{
    if (options->address.len >= ADDRESS_MAX)
        return E_INVALID;
    struct admin_http *http = calloc(1, sizeof(*http));
    if (!http)
        return E_NOMEM;
    http->magic = ADMIN_HTTP_MAGIC;
    http->options = *options;
    memcpy(http->address, options->address.ptr, options->address.len);
    http->options.address = str_of(http->address, options->address.len);
    list_init(&http->connections);
    int error = listener_open(options->loop, options->address, &listener_events, http, &http->listener);
    if (error) {
        free(http);
        return error;
    }
    route_rules_init(&http->rules, http->options.address, listener_port(http->listener));
    *out = http;
    return 0;
}

uint16_t admin_http_port(const struct admin_http *http)
{
    CHECK_OBJ(http, ADMIN_HTTP_MAGIC);
    return http->rules.port;
}

void admin_http_close(struct admin_http *http)
{
    if (!http)
        return;
    CHECK_OBJ(http, ADMIN_HTTP_MAGIC);
    LIST_EACH (&http->connections, link, after)
        drop(CONTAINER_OF(link, struct connection, link));
    listener_close(http->listener);
    http->magic = 0;
    free(http);
}
