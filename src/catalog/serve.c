/* A connection carries one request at a time: read, answered from a file piece by piece or from a search, and read
 * again. */
#include "catalog/serve.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "catalog/page_search.h"
#include "catalog/serve_query.h"
#include "front/route.h"
#include "io/loop.h"
#include "io/stream.h"
#include "model/reason.h"
#include "net/http1.h"
#include "net/http1_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVE_MAGIC 0x5e17e000u
#define PIECE_BYTES 65536
#define AHEAD_BYTES 16384
#define ANSWER_BYTES ((size_t)8 << 20)
#define ADDRESS_MAX 64
#define SHOWN 100
#define CONTENT_POLICY                                                                                  \
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; " \
    "base-uri 'none'; frame-ancestors 'none'"

enum phase { READING, SEARCHING, WRITING, LINGERING, PHASES };

struct serve {
    unsigned magic;
    struct serve_options options;
    struct listener *listener;
    struct route_rules rules;
    char address[ADDRESS_MAX];
    struct list connections[PHASES + 1];      /* by how long they have been there; the last: turned away */
    struct list searches;                     /* that wait */
    size_t count, search_count, turned_count; /* count: of all but those that are turned away */
    bool searching, stopping;
    struct timer stop;
    struct deferred stopped;
    void (*told)(void *arg);
    void *told_arg;
};

struct connection {
    struct serve *serve;
    struct list link, waiting;
    struct stream *stream;
    struct http1 http1;
    struct timer timer;
    struct deferred deferred;
    enum phase phase;
    int64_t since_ms;      /* in this phase */
    struct buf out, ahead; /* ahead: bytes behind the request in hand */
    struct str tag;        /* of what is about to be answered; with quotes */
    char tag_text[64];
    int file;      /* what is being sent of it, or -1 */
    uint64_t left; /* bytes of it */
    bool keep, wants_head, as_json, dead, in_pool;
    bool turned; /* away: all places are taken */
    struct job job;
    struct buf words, found; /* of the search */
    int search_error;
};

static void read_more(struct connection *connection);
static void search_next(struct serve *serve);

static void look_whether_stopped(struct serve *serve)
{
    if (serve->stopping && serve->count + serve->turned_count == 0 && !serve->searching &&
        list_is_empty(&serve->stopped.link))
        loop_defer(serve->options.loop, &serve->stopped);
}

static void enter(struct connection *connection, enum phase phase)
{
    struct serve *serve = connection->serve;
    connection->phase = phase;
    connection->since_ms = loop_now_ms(serve->options.loop);
    list_remove(&connection->link);
    list_append(&serve->connections[connection->turned ? PHASES : phase], &connection->link);
}

/* ---- the end of one ---- */

static void bury(struct deferred *deferred)
{
    struct connection *connection = CONTAINER_OF(deferred, struct connection, deferred);
    http1_release(&connection->http1);
    buf_release(&connection->out);
    buf_release(&connection->ahead);
    buf_release(&connection->words);
    buf_release(&connection->found);
    free(connection);
}

static void drop(struct connection *connection)
{
    struct serve *serve = connection->serve;
    if (connection->dead)
        return;
    connection->dead = true;
    timer_stop(&connection->timer);
    stream_close(connection->stream);
    list_remove(&connection->link);
    if (!list_is_empty(&connection->waiting)) {
        list_remove(&connection->waiting);
        serve->search_count--;
    }
    if (connection->file >= 0)
        (void)close(connection->file);
    connection->file = -1;
    if (connection->turned)
        serve->turned_count--;
    else
        serve->count--;
    if (!connection->in_pool) { /* else when the search is done with it */
        connection->deferred.run = bury;
        loop_defer(serve->options.loop, &connection->deferred);
    }
    look_whether_stopped(serve);
}

/* ---- writing ---- */

/* The next piece of the file; a file that became shorter cannot be told any more. */
static bool fill(struct connection *connection)
{
    size_t want = connection->left < PIECE_BYTES ? (size_t)connection->left : PIECE_BYTES;
    char *to = buf_reserve(&connection->out, want);
    ssize_t got = to ? read(connection->file, to, want) : -1;
    if (got <= 0)
        return false;
    connection->out.len += (size_t)got;
    connection->left -= (uint64_t)got;
    return true;
}

static void answered(struct connection *connection)
{
    if (connection->file >= 0)
        (void)close(connection->file);
    connection->file = -1;
    if (!connection->keep || connection->serve->stopping) {
        enter(connection, LINGERING);
        stream_shutdown_write(connection->stream);
        timer_start(&connection->timer, LIMIT_linger_ms);
        return;
    }
    http1_next(&connection->http1);
    enter(connection, READING);
    buf_recycle(&connection->out, PIECE_BYTES);
    timer_start(&connection->timer, LIMIT_keep_alive_ms);
}

static void flush(struct connection *connection)
{
    while (connection->out.len > 0 || connection->left > 0) {
        if (connection->out.len == 0 && !fill(connection)) {
            drop(connection);
            return;
        }
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
    answered(connection);
}

/* ---- answers ---- */

static void begin_answer(struct connection *connection, unsigned status, struct str type, const char *cached)
{
    static const struct {
        struct str name, value;
    } always[] = {
        { { "Content-Security-Policy", 23 }, { CONTENT_POLICY, sizeof(CONTENT_POLICY) - 1 } },
        { { "X-Content-Type-Options", 22 }, { "nosniff", 7 } },
        { { "Referrer-Policy", 15 }, { "no-referrer", 11 } },
        { { "Cross-Origin-Opener-Policy", 26 }, { "same-origin", 11 } },
        { { "Cross-Origin-Resource-Policy", 28 }, { "same-origin", 11 } },
    };
    struct buf *out = &connection->out;
    http1_write_answer(out, status);
    if (type.len > 0)
        http1_write_field(out, STR("Content-Type"), type);
    http1_write_field(out, STR("Cache-Control"), str_from_c(cached));
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        http1_write_field(out, always[i].name, always[i].value);
    if (status == 405)
        http1_write_field(out, STR("Allow"), STR("GET, HEAD"));
    if (status == 503)
        http1_write_field(out, STR("Retry-After"), STR("1"));
    if (!connection->keep)
        http1_write_field(out, STR("Connection"), STR("close"));
}

/* The head is written; a body of `length` bytes belongs to it, of which `body` is here. */
static void end_answer(struct connection *connection, uint64_t length, struct str body)
{
    struct buf *out = &connection->out;
    http1_write_length(out, length);
    http1_write_end(out);
    if (!connection->wants_head)
        buf_append_str(out, body);
    enter(connection, WRITING);
    if (!buf_ok(out)) {
        drop(connection);
        return;
    }
    timer_start(&connection->timer, LIMIT_write_stall_ms);
    flush(connection);
}

static void refuse(struct connection *connection, unsigned status, struct str text)
{
    begin_answer(connection, status, STR("text/plain; charset=utf-8"), "no-store");
    end_answer(connection, text.len, text);
}

/* The last answer on its connection. */
static void refuse_for(struct connection *connection, enum reason reason)
{
    connection->keep = false;
    refuse(connection, (unsigned)reason_row(reason)->http_status, reason_row(reason)->text);
}

static void not_found(struct connection *connection)
{
    refuse(connection, 404, STR("There is no such page.\n"));
}

static void unchanged(struct connection *connection)
{
    struct buf *out = &connection->out;
    begin_answer(connection, 304, STR_EMPTY, "no-cache");
    http1_write_field(out, STR("ETag"), connection->tag);
    http1_write_end(out);
    enter(connection, WRITING);
    timer_start(&connection->timer, LIMIT_write_stall_ms);
    flush(connection);
}

static void move_to_folder(struct connection *connection, struct str path)
{
    char to[PATH_MAX];
    int len = snprintf(to, sizeof(to), "%" STR_FMT "/", STR_ARG(path));
    begin_answer(connection, 308, STR_EMPTY, "no-cache");
    http1_write_field(&connection->out, STR("Location"),
                      str_of(to, len > 0 && (size_t)len < sizeof(to) ? (size_t)len : 0));
    end_answer(connection, 0, STR_EMPTY);
}

/* ---- files ---- */

/* Each part of the path by itself: no link is followed, and nothing above the folder is reached. E_NOT_FOUND. */
static int open_below(int folder, struct str path, int *out)
{
    char part[NAME_MAX + 1];
    int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    path = str_trim(path, "/");
    while (at >= 0 && path.len > 0) {
        struct str name = str_slice(path, 0, str_find_byte(path, '/'));
        bool last = name.len == path.len;
        if (name.len > NAME_MAX) {
            (void)close(at);
            return E_NOT_FOUND;
        }
        memcpy(part, name.ptr, name.len);
        part[name.len] = '\0';
        int below = openat(at, part, (last ? O_NONBLOCK : O_DIRECTORY | O_PATH) | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        (void)close(at);
        at = below;
        path = str_slice(path, name.len + 1, path.len);
    }
    *out = at;
    return at >= 0 ? 0 : E_NOT_FOUND;
}

static bool asks_for_known(struct connection *connection)
{
    struct str field;
    return http1_find(&connection->http1, STR("If-None-Match"), &field) == 1 && serve_matches(field, connection->tag);
}

static void answer_file(struct connection *connection, struct str path)
{
    struct stat status;
    char index[PATH_MAX];
    if (str_ends_with(path, STR("/"))) {
        int len = snprintf(index, sizeof(index), "%" STR_FMT "index.html", STR_ARG(path));
        path = str_of(index, len > 0 && (size_t)len < sizeof(index) ? (size_t)len : 0);
    }
    if (open_below(connection->serve->options.folder, path, &connection->file) != 0 ||
        fstat(connection->file, &status) != 0) {
        not_found(connection);
        return;
    }
    struct str type = serve_type(path);
    if (!S_ISREG(status.st_mode) || !type.ptr) {
        (void)close(connection->file);
        connection->file = -1;
        if (S_ISDIR(status.st_mode))
            move_to_folder(connection, path);
        else
            not_found(connection);
        return;
    }
    int len = snprintf(connection->tag_text, sizeof(connection->tag_text), "\"%llx-%llx-%lx\"",
                       (unsigned long long)status.st_size, (unsigned long long)status.st_mtim.tv_sec,
                       (unsigned long)status.st_mtim.tv_nsec);
    connection->tag = str_of(connection->tag_text, (size_t)len);
    if (asks_for_known(connection)) {
        unchanged(connection);
        return;
    }
    connection->left = connection->wants_head ? 0 : (uint64_t)status.st_size;
    begin_answer(connection, 200, type, "no-cache");
    http1_write_field(&connection->out, STR("ETag"), connection->tag);
    end_answer(connection, (uint64_t)status.st_size, STR_EMPTY);
}

/* ---- searches ---- */

static void look_up(struct job *job)
{
    struct connection *connection = CONTAINER_OF(job, struct connection, job);
    struct search search;
    search_init(&search);
    connection->search_error =
        search_run(&search, connection->serve->options.catalog, buf_str(&connection->words), SHOWN);
    if (!connection->search_error)
        connection->search_error = connection->as_json ? page_search_json(&connection->found, &search)
                                                       : page_search(&connection->found, NULL, &search);
    search_release(&search);
}

static void looked_up(struct job *job)
{
    struct connection *connection = CONTAINER_OF(job, struct connection, job);
    struct serve *serve = connection->serve;
    connection->in_pool = false;
    serve->searching = false;
    if (connection->dead) {
        connection->deferred.run = bury;
        loop_defer(serve->options.loop, &connection->deferred);
    } else if (connection->search_error) {
        refuse(connection, 503, STR("The index cannot be read now.\n"));
    } else {
        begin_answer(connection, 200, connection->as_json ? STR("application/json") : STR("text/html; charset=utf-8"),
                     "no-store");
        end_answer(connection, connection->found.len, buf_str(&connection->found));
        buf_recycle(&connection->found, 0);
        if (!connection->dead)
            read_more(connection);
    }
    search_next(serve);
    look_whether_stopped(serve);
}

static void search_next(struct serve *serve)
{
    while (!serve->searching && !list_is_empty(&serve->searches)) {
        struct connection *connection = CONTAINER_OF(serve->searches.next, struct connection, waiting);
        list_remove(&connection->waiting);
        serve->search_count--;
        connection->job = (struct job){ .work = look_up, .done = looked_up };
        if (loop_submit(serve->options.loop, &connection->job) == 0)
            connection->in_pool = serve->searching = true;
        else
            refuse(connection, 503, STR("Too many searches at once.\n"));
    }
}

static void answer_search(struct connection *connection, struct str query, bool as_json)
{
    struct serve *serve = connection->serve;
    connection->as_json = as_json;
    if (serve_words(query, &connection->words) != 0) {
        refuse(connection, 400, STR("q= takes up to 256 bytes of UTF-8, once.\n"));
    } else if (serve->search_count >= LIMIT_serve_searches) {
        connection->keep = false;
        refuse(connection, 503, STR("Too many searches at once.\n"));
    } else {
        enter(connection, SEARCHING);
        timer_start(&connection->timer, LIMIT_body_ms);
        list_append(&serve->searches, &connection->waiting);
        serve->search_count++;
        search_next(serve);
    }
}

/* ---- requests ---- */

static void answer(struct connection *connection)
{
    const struct http1 *request = &connection->http1;
    struct str target, path, query;
    connection->keep = request->keep_alive && !request->has_body;
    connection->wants_head = request->wants_head;
    enum reason reason = route_admit(&connection->serve->rules, request, &target);
    if (reason != REASON_allowed) {
        refuse_for(connection, reason);
    } else if (connection->turned) {
        connection->keep = false;
        refuse(connection, 503, STR("Too many connections at once.\n"));
    } else if (request->method != HTTP1_GET) {
        connection->keep = false;
        refuse(connection, 405, STR("GET and HEAD only\n"));
    } else if (request->has_body) {
        refuse(connection, 413, STR("no body is taken here\n"));
    } else if (!serve_split(target, &path, &query)) {
        not_found(connection);
    } else if (connection->serve->options.catalog &&
               (str_eq(path, STR("/" SEARCH_PAGE)) || str_eq(path, STR("/search")))) {
        answer_search(connection, query, false);
    } else if (connection->serve->options.catalog && str_eq(path, STR("/search.json"))) {
        answer_search(connection, query, true);
    } else {
        answer_file(connection, path);
    }
}

/* Bytes of the next requests, from where the last one ended. */
static void take(struct connection *connection)
{
    size_t used = 0;
    while (!connection->dead && connection->phase == READING && connection->ahead.len > 0) {
        if (http1_is_between(&connection->http1))
            timer_start(&connection->timer, LIMIT_head_ms); /* of a head, from its first byte */
        enum http1_event event = http1_feed(&connection->http1, buf_str(&connection->ahead), &used);
        buf_consume(&connection->ahead, used);
        if (event == HTTP1_FAILED) {
            connection->keep = connection->wants_head = false;
            refuse(connection, http1_fault_status(connection->http1.fault), STR("refused\n"));
        } else if (event == HTTP1_HEAD) {
            if (!connection->http1.has_body) {
                event = http1_feed(&connection->http1, STR_EMPTY, &used);
                CHECK(event == HTTP1_DONE);
            }
            answer(connection);
        } else if (event == HTTP1_DONE) {
            answer(connection);
        }
    }
}

static void read_more(struct connection *connection)
{
    char bytes[4096];
    for (;;) {
        take(connection);
        if (connection->dead || connection->phase == SEARCHING || connection->phase == WRITING)
            return;
        ssize_t got = stream_read(connection->stream, bytes, sizeof(bytes));
        if (got == E_AGAIN)
            return;
        if (got <= 0) {
            drop(connection);
            return;
        }
        if (connection->phase == READING) /* what comes behind the last answer is dropped */
            buf_append(&connection->ahead, bytes, (size_t)got);
    }
}

static void readable(void *owner)
{
    struct connection *connection = owner;
    if (!connection->dead)
        read_more(connection);
}

static void writable(void *owner)
{
    struct connection *connection = owner;
    if (!connection->dead && connection->phase == WRITING)
        flush(connection);
    if (!connection->dead && connection->phase != WRITING)
        read_more(connection);
}

static const struct stream_events stream_events = { .readable = readable, .writable = writable };

/* Half a request is told why, once; of all else nobody waits for an answer. */
static void time_is_over(struct timer *timer)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);
    if (connection->phase != READING || http1_is_between(&connection->http1))
        drop(connection);
    else
        refuse_for(connection, REASON_request_timeout);
}

/* ---- the ceiling ---- */

static struct connection *oldest(const struct list *list)
{
    return list_is_empty(list) ? NULL : CONTAINER_OF(list->next, struct connection, link);
}

/* The oldest that waits for a request. One that has come meanwhile is answered, not dropped. */
static struct connection *oldest_idle(struct serve *serve)
{
    struct connection *found;
    for (size_t tries = serve->count; (found = oldest(&serve->connections[READING])) != NULL && tries > 0; tries--) {
        read_more(found);
        if (found->dead || found == oldest(&serve->connections[READING]))
            break;
    }
    return found;
}

/* True where a place is free, or one was that nobody needs: of who has had his answer, who asks for nothing, or who
 * takes it in too slowly, in this order the one that has been so for the longest. */
static bool make_room(struct serve *serve)
{
    if (serve->count < serve->options.connections)
        return true;
    struct connection *found = oldest(&serve->connections[LINGERING]);
    if (!found)
        found = oldest_idle(serve);
    if (!found && (found = oldest(&serve->connections[WRITING])) != NULL &&
        loop_now_ms(serve->options.loop) - found->since_ms < LIMIT_serve_answer_ms)
        found = NULL;
    if (found)
        drop(found);
    return serve->count < serve->options.connections;
}

/* Its request is read and answered with 503: of these, too, the oldest makes room. */
static void turn_away(struct serve *serve)
{
    if (serve->turned_count >= LIMIT_serve_turned)
        drop(oldest(&serve->connections[PHASES]));
    serve->turned_count++;
}

static void accepted(void *owner, int fd)
{
    struct serve *serve = owner;
    CHECK_OBJ(serve, SERVE_MAGIC);
    struct connection *connection = serve->stopping ? NULL : calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return;
    }
    if (stream_new(serve->options.loop, fd, true, &stream_events, connection, &connection->stream) != 0) {
        free(connection);
        return;
    }
    connection->serve = serve;
    connection->file = -1;
    http1_init(&connection->http1, HTTP1_SERVER, 0);
    connection->http1.takes_head = true;
    buf_init(&connection->out, ANSWER_BYTES + PIECE_BYTES);
    buf_init(&connection->ahead, AHEAD_BYTES);
    buf_init(&connection->words, SEARCH_QUERY_BYTES);
    buf_init(&connection->found, ANSWER_BYTES);
    list_init(&connection->waiting);
    timer_init(&connection->timer, serve->options.loop, time_is_over);
    timer_start(&connection->timer, LIMIT_head_ms);
    list_init(&connection->link);
    connection->turned = !make_room(serve);
    if (connection->turned)
        turn_away(serve);
    else
        serve->count++;
    enter(connection, READING);
}

static const struct listener_events listener_events = { .accepted = accepted };

/* ---- the whole ---- */

static void stopped(struct deferred *deferred)
{
    struct serve *serve = CONTAINER_OF(deferred, struct serve, stopped);
    timer_stop(&serve->stop);
    serve->told(serve->told_arg);
}

static void drop_all(struct serve *serve)
{
    struct connection *connection;
    for (size_t i = 0; i <= PHASES; i++)
        while ((connection = oldest(&serve->connections[i])) != NULL)
            drop(connection);
}

static void stop_is_over(struct timer *timer)
{
    struct serve *serve = CONTAINER_OF(timer, struct serve, stop);
    drop_all(serve);
    look_whether_stopped(serve);
}

int serve_open(const struct serve_options *options, struct serve **out)
{
    if (options->address.len >= ADDRESS_MAX)
        return E_INVALID;
    struct serve *serve = calloc(1, sizeof(*serve));
    if (!serve)
        return E_NOMEM;
    serve->magic = SERVE_MAGIC;
    serve->options = *options;
    memcpy(serve->address, options->address.ptr, options->address.len);
    serve->options.address = str_of(serve->address, options->address.len);
    if (serve->options.connections == 0)
        serve->options.connections = LIMIT_serve_connections;
    for (size_t i = 0; i <= PHASES; i++)
        list_init(&serve->connections[i]);
    list_init(&serve->searches);
    list_init(&serve->stopped.link);
    serve->stopped.run = stopped;
    timer_init(&serve->stop, options->loop, stop_is_over);
    int error = listener_open(options->loop, options->address, &listener_events, serve, &serve->listener);
    if (error) {
        free(serve);
        return error;
    }
    route_rules_init(&serve->rules, serve->options.address, listener_port(serve->listener));
    serve->rules.hosts = options->hosts;
    serve->rules.host_count = options->host_count;
    *out = serve;
    return 0;
}

uint16_t serve_port(const struct serve *serve)
{
    CHECK_OBJ(serve, SERVE_MAGIC);
    return serve->rules.port;
}

void serve_stop(struct serve *serve, void (*told)(void *arg), void *arg)
{
    CHECK_OBJ(serve, SERVE_MAGIC);
    if (serve->stopping)
        return;
    serve->stopping = true;
    serve->told = told;
    serve->told_arg = arg;
    listener_pause(serve->listener);
    struct connection *connection;
    for (size_t i = 0; i <= PHASES; i++)
        while ((i == READING || i >= LINGERING) && (connection = oldest(&serve->connections[i])) != NULL)
            drop(connection);
    timer_start(&serve->stop, LIMIT_serve_stop_ms);
    look_whether_stopped(serve);
}

void serve_close(struct serve *serve)
{
    if (!serve)
        return;
    CHECK_OBJ(serve, SERVE_MAGIC);
    drop_all(serve);
    timer_stop(&serve->stop);
    listener_close(serve->listener);
    serve->magic = 0;
    free(serve);
}
