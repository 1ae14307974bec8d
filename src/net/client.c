/* Connections to one server, and the way of a request through one of them. */
#include "net/client.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/stream.h"
#include "io/tls.h"
#include "net/http1_write.h"

#include <stdlib.h>

#define CLIENT_MAGIC 0x436c6e74u
#define CONNECTION_MAGIC 0x436c6363u
#define READ_BYTES 65536
#define KEPT_BYTES 4096 /* a larger buffer goes back to the heap when it has been emptied */
#define STEPS_A_RUN 16  /* reads before other streams get their turn */
#define REQUEST_MAX \
    ((size_t)LIMIT_header_bytes + 2 * LIMIT_request_body) /* what we write may be longer than what we read */
#define NO_DEADLINE INT64_MAX

enum connection_state {
    CONN_CONNECTING, /* its name is looked up, or one of its addresses is tried */
    CONN_BUSY,       /* with a request */
    CONN_IDLE,
    CONN_DEAD, /* freed at the end of the turn */
};

struct client_connection {
    unsigned magic;
    enum connection_state state;
    struct client *client;
    struct list link;      /* the client's idle or busy */
    struct stream *stream; /* NULL: dead, or the name is looked up */
    struct lookup lookup;
    struct addresses addresses;
    size_t next_address;
    int64_t old_ms;           /* from then on it takes no further request */
    struct timer timer;       /* may fire early: it looks at the deadline and sleeps on */
    int64_t deadline_ms;      /* connecting, writing or idle: the wait for an answer is the owner's */
    struct deferred deferred; /* goes on reading, or frees */
    struct client_request *request;
    bool reused;
    bool paused;
    struct buf out; /* the request, until all of it has been written */
    struct http1 http1;
};

struct client {
    unsigned magic;
    struct loop *loop;
    struct str address, host; /* in the same memory, behind this */
    struct tls *tls;
    struct resolver *resolver;
    struct list idle, busy; /* idle: the last used first */
    unsigned idle_count, count;
    struct buf out;           /* the request that is being written; swapped with its connection's */
    struct deferred deferred; /* frees */
    char read[READ_BYTES];
};

/* --- what is known of a request --- */

enum client_sent client_request_sent(const struct client_request *request)
{
    if (request->sent == 0)
        return CLIENT_SENT_NONE;
    return request->sent < request->total ? CLIENT_SENT_SOME : CLIENT_SENT_ALL;
}

static void attach(struct client_connection *connection, struct client_request *request)
{
    connection->request = request;
    request->connection = connection;
}

static void detach(struct client_connection *connection)
{
    connection->request->connection = NULL;
    connection->request = NULL;
}

static void wait_for(struct client_connection *connection, int64_t ms)
{
    connection->deadline_ms = loop_now_ms(connection->client->loop) + ms;
    if (!connection->timer.running || connection->timer.due_ms > connection->deadline_ms)
        timer_start(&connection->timer, ms);
}

/* --- a connection's end --- */

static void deferred_run(struct deferred *deferred);

static void run_later(struct client_connection *connection)
{
    if (list_is_empty(&connection->deferred.link))
        loop_defer(connection->client->loop, &connection->deferred);
}

/* Closes it, whatever it is doing; its request is the caller's to tell. */
static void drop(struct client_connection *connection)
{
    CHECK_OBJ(connection, CONNECTION_MAGIC);
    CHECK(connection->state != CONN_DEAD);
    if (connection->state == CONN_IDLE)
        connection->client->idle_count--;
    connection->client->count--;
    connection->state = CONN_DEAD;
    list_remove(&connection->link);
    lookup_cancel(&connection->lookup);
    timer_stop(&connection->timer);
    stream_close(connection->stream);
    connection->stream = NULL;
    run_later(connection);
}

/* The request's one bad end. */
static void fail(struct client_connection *connection, int error)
{
    struct client_request *request = connection->request;

    if (connection->stream)
        request->fault = stream_tls_fault(connection->stream);
    drop(connection);
    detach(connection);
    request->events->failed(request, client_request_sent(request), error);
}

static int place(struct client *client, struct client_request *request, struct buf *out, bool fresh);
static int try_addresses(struct client_connection *connection);

/* The connection broke. Where nothing had left and the connection was an old one, that is no fault of the request's. */
static void broken(struct client_connection *connection, int error)
{
    struct client_request *request = connection->request;

    if (!request) {
        drop(connection);
        return;
    }
    if (connection->state == CONN_CONNECTING && connection->next_address < connection->addresses.count &&
        error != E_TLS) { /* who is not who he should be is so at each address */
        stream_close(connection->stream);
        connection->stream = NULL;
        if (try_addresses(connection) == 0)
            return;
    }
    if (!connection->reused || request->sent > 0) {
        fail(connection, error);
        return;
    }
    drop(connection);
    detach(connection);
    error = place(connection->client, request, &connection->out, true);
    if (error)
        request->events->failed(request, CLIENT_SENT_NONE, error);
}

/* --- idle connections --- */

static void make_idle(struct client_connection *connection)
{
    struct client *client = connection->client;

    if (loop_now_ms(client->loop) >= connection->old_ms) {
        drop(connection);
        return;
    }
    if (client->idle_count == LIMIT_client_idle)
        drop(CONTAINER_OF(client->idle.previous, struct client_connection, link));
    connection->state = CONN_IDLE;
    connection->reused = true;
    list_remove(&connection->link);
    list_append(client->idle.next, &connection->link); /* before the first */
    client->idle_count++;
    wait_for(connection, LIMIT_keep_alive_ms);
}

static void make_busy(struct client_connection *connection)
{
    connection->client->idle_count--;
    connection->state = CONN_BUSY;
    list_remove(&connection->link);
    list_append(&connection->client->busy, &connection->link);
    connection->deadline_ms = NO_DEADLINE;
}

/* --- writing --- */

/* Writes what it can. 0: all, or the stream will say when to go on. */
static int write_some(struct client_connection *connection)
{
    struct client_request *request = connection->request;

    if (request->sent == request->total)
        return 0;
    struct iovec part = { connection->out.ptr + request->sent, request->total - request->sent };
    ssize_t written = stream_write(connection->stream, &part, 1);
    if (written < 0 && written != E_AGAIN)
        return (int)written;
    if (written > 0)
        request->sent += (size_t)written;
    if (request->sent < request->total) {
        wait_for(connection, LIMIT_write_stall_ms);
    } else {
        connection->deadline_ms = NO_DEADLINE;
        buf_recycle(&connection->out, KEPT_BYTES);
    }
    return 0;
}

static void writable(void *owner)
{
    struct client_connection *connection = owner;

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->state != CONN_CONNECTING && connection->state != CONN_BUSY)
        return;
    int error = write_some(connection);
    if (error)
        broken(connection, error);
    else
        connection->state = CONN_BUSY;
}

/* --- reading --- */

/* The answer is whole, and so is what we wanted to say. */
static void finish(struct client_connection *connection)
{
    struct client_request *request = connection->request;
    bool clean = connection->http1.keep_alive && request->sent == request->total && !connection->paused;

    detach(connection);
    if (clean) {
        http1_next(&connection->http1);
        make_idle(connection);
    } else {
        drop(connection);
    }
    request->events->done(request);
}

/* RFC 9110 §8.4: we asked for no coding, so there is none to undo. */
static bool is_plain(const struct http1 *answer)
{
    struct str coding;
    unsigned count = http1_find(answer, STR("Content-Encoding"), &coding);
    return count == 0 || (count == 1 && str_eq_nocase(coding, STR("identity")));
}

static void give_body(struct client_connection *connection)
{
    struct client_request *request = connection->request;

    request->events->body(request, buf_str(&connection->http1.body));
    buf_recycle(&connection->http1.body, KEPT_BYTES);
}

/* What was read becomes events, until the answer ends or the owner has had enough. */
static void take(struct client_connection *connection, struct str bytes)
{
    while (connection->state == CONN_BUSY) {
        size_t used;
        enum http1_event event = http1_feed(&connection->http1, bytes, &used);
        bytes = str_slice(bytes, used, bytes.len);
        switch (event) {
        case HTTP1_MORE: return;
        case HTTP1_HEAD:
            if (!is_plain(&connection->http1)) {
                fail(connection, E_SYNTAX);
                return;
            }
            connection->request->events->head(connection->request, &connection->http1);
            break;
        case HTTP1_BODY: give_body(connection); break;
        case HTTP1_DONE:
            if (bytes.len) /* more than was asked for */
                fail(connection, E_SYNTAX);
            else
                finish(connection);
            return;
        case HTTP1_FAILED: fail(connection, connection->http1.fault == HTTP1_FAULT_MEMORY ? E_NOMEM : E_SYNTAX); return;
        }
    }
}

/* False: nothing more can be read now. */
static bool step(struct client_connection *connection)
{
    if (connection->state == CONN_DEAD || connection->paused)
        return false;
    ssize_t got = stream_read(connection->stream, connection->client->read, READ_BYTES);
    if (got == E_AGAIN)
        return false;
    if (got <= 0) {
        broken(connection, got == 0 ? E_CLOSED : (int)got);
        return false;
    }
    if (!connection->request) { /* nobody has asked anything */
        drop(connection);
        return false;
    }
    if (connection->request->sent == 0) { /* or not said yet what */
        fail(connection, E_SYNTAX);
        return false;
    }
    take(connection, str_of(connection->client->read, (size_t)got));
    return true;
}

static void readable(void *owner)
{
    struct client_connection *connection = owner;
    int steps = 0;

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    while (steps < STEPS_A_RUN && step(connection))
        steps++;
    if (steps == STEPS_A_RUN && connection->state != CONN_DEAD)
        run_later(connection);
}

static const struct stream_events stream_events = { readable, writable };

static void deferred_run(struct deferred *deferred)
{
    struct client_connection *connection = CONTAINER_OF(deferred, struct client_connection, deferred);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->state != CONN_DEAD) {
        readable(connection);
        return;
    }
    http1_release(&connection->http1);
    buf_release(&connection->out);
    connection->magic = 0;
    free(connection);
}

static void timer_fired(struct timer *timer)
{
    struct client_connection *connection = CONTAINER_OF(timer, struct client_connection, timer);
    int64_t left = connection->deadline_ms - loop_now_ms(connection->client->loop);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->deadline_ms == NO_DEADLINE)
        return;
    if (left > 0)
        timer_start(timer, left);
    else if (!connection->request)
        drop(connection);
    else if (connection->state == CONN_CONNECTING)
        broken(connection, E_TIMEOUT);
    else
        fail(connection, E_TIMEOUT);
}

/* --- a place for a request --- */

static int open_stream(struct client_connection *connection, struct str address)
{
    struct client *client = connection->client;
    if (client->tls)
        return stream_connect_tls(client->loop, address, client->tls, &stream_events, connection, &connection->stream);
    return stream_connect(client->loop, address, &stream_events, connection, &connection->stream);
}

/* The next address that does not fail at once. */
static int try_addresses(struct client_connection *connection)
{
    int error = E_NOT_FOUND;
    while (connection->next_address < connection->addresses.count) {
        error = open_stream(connection, str_from_c(connection->addresses.text[connection->next_address++]));
        if (error)
            continue;
        /* A stream of TLS has its own patience for each of the two. */
        wait_for(connection, connection->client->tls ? LIMIT_connect_ms + LIMIT_handshake_ms : LIMIT_connect_ms);
        return 0;
    }
    return error;
}

static void looked_up(struct lookup *lookup, int error, const struct addresses *addresses)
{
    struct client_connection *connection = CONTAINER_OF(lookup, struct client_connection, lookup);

    CHECK_OBJ(connection, CONNECTION_MAGIC);
    CHECK(connection->state == CONN_CONNECTING);
    connection->request->fault = error == E_NOT_FOUND ? "its name is not known"
                                 : error == E_TIMEOUT ? "its name was not found in time"
                                 : error              ? "its name cannot be looked up"
                                                      : NULL;
    if (!error) {
        connection->addresses = *addresses;
        error = try_addresses(connection);
    }
    if (error)
        fail(connection, error);
}

static int connect_new(struct client *client, struct client_connection **out)
{
    if (client->count >= LIMIT_client_connections)
        return E_LIMIT;
    struct client_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return E_NOMEM;
    connection->magic = CONNECTION_MAGIC;
    connection->state = CONN_CONNECTING;
    connection->client = client;
    connection->lookup.done = looked_up;
    list_init(&connection->lookup.link);
    timer_init(&connection->timer, client->loop, timer_fired);
    connection->deadline_ms = NO_DEADLINE; /* a look-up has its own */
    int error = resolver_find(client->resolver, client->address, &connection->lookup, &connection->addresses);
    if (!error)
        error = try_addresses(connection);
    if (error && error != E_AGAIN) {
        free(connection);
        return error;
    }
    connection->old_ms = loop_now_ms(client->loop) + LIMIT_client_age_ms;
    connection->deferred.run = deferred_run;
    list_init(&connection->deferred.link);
    buf_init(&connection->out, REQUEST_MAX);
    http1_init(&connection->http1, HTTP1_CLIENT, READ_BYTES);
    list_init(&connection->link);
    list_append(&client->busy, &connection->link);
    client->count++;
    *out = connection;
    return 0;
}

/* The connection owns the request's bytes from now on, and gives its own buffer for them. */
static void swap(struct buf *a, struct buf *b)
{
    struct buf was = *a;
    *a = *b;
    *b = was;
}

/* On an idle connection, unless it must be a fresh one; those that turn out to be broken are dropped. */
static int place(struct client *client, struct client_request *request, struct buf *out, bool fresh)
{
    struct client_connection *connection;

    while (!fresh && !list_is_empty(&client->idle)) {
        connection = CONTAINER_OF(client->idle.next, struct client_connection, link);
        make_busy(connection);
        attach(connection, request);
        swap(&connection->out, out);
        if (write_some(connection) == 0)
            return 0;
        AZ(request->sent);
        swap(&connection->out, out);
        drop(connection);
        detach(connection);
    }
    int error = connect_new(client, &connection);
    if (error)
        return error;
    attach(connection, request);
    swap(&connection->out, out);
    return 0;
}

static bool write_request(struct client *client, struct str method, struct str target,
                          const struct client_field *fields, size_t count, struct str body)
{
    struct buf *out = &client->out;

    buf_recycle(out, KEPT_BYTES);
    http1_write_request(out, method, target);
    http1_write_field(out, STR("Host"), client->host);
    buf_append_str(out, STR("Accept-Encoding: identity\r\n"));
    for (size_t i = 0; i < count; i++)
        http1_write_field(out, fields[i].name, fields[i].value);
    if (body.len || str_eq(method, STR("POST"))) /* RFC 9110 §8.6 */
        http1_write_length(out, body.len);
    http1_write_end(out);
    buf_append_str(out, body);
    return buf_ok(out);
}

int client_start(struct client *client, struct client_request *request, struct str method, struct str target,
                 const struct client_field *fields, size_t count, struct str body)
{
    CHECK_OBJ(client, CLIENT_MAGIC);
    AN(request->events);
    AZ(request->connection);
    if (!write_request(client, method, target, fields, count, body))
        return E_INVALID;
    request->sent = 0;
    request->fault = NULL;
    request->total = client->out.len;
    return place(client, request, &client->out, false);
}

enum client_sent client_cancel(struct client_request *request)
{
    struct client_connection *connection = request->connection;

    if (!connection)
        return CLIENT_SENT_NONE;
    drop(connection);
    detach(connection);
    return client_request_sent(request);
}

void client_pause(struct client_request *request)
{
    AN(request->connection);
    request->connection->paused = true;
    stream_pause(request->connection->stream);
}

void client_resume(struct client_request *request)
{
    AN(request->connection);
    request->connection->paused = false;
    stream_resume(request->connection->stream);
}

/* --- life --- */

static void free_later(struct deferred *deferred)
{
    struct client *client = CONTAINER_OF(deferred, struct client, deferred);

    buf_release(&client->out);
    tls_unref(client->tls);
    free(client);
}

int client_new(const struct client_options *options, struct client **out)
{
    struct str address = options->address, host = str_is_empty(options->host) ? address : options->host;
    struct client *client = malloc(sizeof(*client) + address.len + host.len);

    if (!client)
        return E_NOMEM;
    client->magic = CLIENT_MAGIC;
    client->loop = options->loop;
    client->resolver = options->resolver;
    client->tls = options->tls ? tls_ref(options->tls) : NULL;
    client->idle_count = client->count = 0;
    client->deferred.run = free_later;
    list_init(&client->idle);
    list_init(&client->busy);
    list_init(&client->deferred.link);
    buf_init(&client->out, REQUEST_MAX);
    char *text = (char *)(client + 1);
    memcpy(text, address.ptr, address.len);
    memcpy(text + address.len, host.ptr, host.len);
    client->address = str_of(text, address.len);
    client->host = str_of(text + address.len, host.len);
    *out = client;
    return 0;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    CHECK_OBJ(client, CLIENT_MAGIC);
    while (!list_is_empty(&client->busy)) {
        struct client_connection *connection = CONTAINER_OF(client->busy.next, struct client_connection, link);
        (void)client_cancel(connection->request);
    }
    while (!list_is_empty(&client->idle))
        drop(CONTAINER_OF(client->idle.next, struct client_connection, link));
    client->magic = 0;
    loop_defer(client->loop, &client->deferred);
}

unsigned client_open_connections(const struct client *client)
{
    CHECK_OBJ(client, CLIENT_MAGIC);
    return client->count;
}

unsigned client_idle_connections(const struct client *client)
{
    CHECK_OBJ(client, CLIENT_MAGIC);
    return client->idle_count;
}
