/* The control socket's server side: connections, requests, and what waits for the ledger. */
#include "admin/control.h"

#include "admin/counters.h"
#include "admin/freeze.h"
#include "admin/operation.h"
#include "admin/pins.h"
#include "admin/recommend.h"
#include "admin/socket.h"
#include "admin/status.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "gate/gateway.h"
#include "gate/reload.h"
#include "io/loop.h"
#include "io/stream.h"
#include "net/lines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_MAGIC 0x434f4e54u
#define CONNECTION_MAGIC 0x434f4e4eu
#define PAGE_TOOLS 1000
#define PAGE_BYTES ((size_t)1 << 20) /* with what the connection has not read yet: far below its ceiling */

struct connection {
    unsigned magic;
    struct control *control;
    struct list link;
    struct stream *stream;
    struct lines lines;
    struct buf out;
    bool busy;    /* a request waits for the ledger */
    bool follows; /* gets every record */
    struct timer idle;
    struct reload_waiter reload;
};

struct pending { /* an operation that waits for the ledger; the connection may be gone meanwhile */
    struct list link;
    struct control *control;
    struct connection *connection;
    enum operation_kind kind;
    size_t resets; /* counters */
    char id[GRANT_ID_LEN + 1];
    char token[GRANT_TOKEN_MAX];
};

struct control {
    unsigned magic;
    struct control_options options;
    struct listener *listener;
    struct list connections; /* the one whose last request is the oldest first */
    struct list pending;
    struct store_watcher watcher;
    size_t connection_count, followers;
    int64_t started_ms;
    int directory; /* keeps the socket's path good */
};

static void drop(struct connection *connection)
{
    struct control *control = connection->control;
    LIST_EACH (&control->pending, link, after) {
        struct pending *pending = CONTAINER_OF(link, struct pending, link);
        if (pending->connection == connection)
            pending->connection = NULL;
    }
    reload_waiter_cancel(&connection->reload);
    if (connection->follows && --control->followers == 0)
        store_unwatch(&control->watcher);
    control->connection_count--;
    timer_stop(&connection->idle);
    list_remove(&connection->link);
    stream_close(connection->stream);
    lines_release(&connection->lines);
    buf_release(&connection->out);
    connection->magic = 0;
    free(connection);
}

/* E_CLOSED: the connection was dropped. */
static int flush(struct connection *connection)
{
    while (buf_ok(&connection->out) && connection->out.len > 0) {
        struct iovec part = { connection->out.ptr, connection->out.len };
        ssize_t written = stream_write(connection->stream, &part, 1);
        if (written == E_AGAIN)
            return 0;
        if (written < 0)
            break;
        buf_consume(&connection->out, (size_t)written);
    }
    if (buf_ok(&connection->out) && connection->out.len == 0)
        return 0;
    drop(connection); /* broken, or it does not read */
    return E_CLOSED;
}

/* ---- what is answered at once ---- */

struct page {
    struct json_writer *writer;
    size_t count;
};

#define PAGE_FULL 1

static int write_tool(void *arg, const struct gateway_tool *tool)
{
    static const char *const words[] = {
#define S(name, word) word,
        TOOL_STANDINGS(S)
#undef S
    };
    struct page *page = arg;
    if (page->count == PAGE_TOOLS || (page->count > 0 && page->writer->out->len >= PAGE_BYTES))
        return PAGE_FULL;
    page->count++;
    json_write_object(page->writer);
    json_write_member_string(page->writer, STR("name"), tool->name);
    json_write_member_string(page->writer, STR("class"), pinned_class_word(&tool->class));
    json_write_member_bool(page->writer, STR("class_overruled"), tool->class.overruled);
    json_write_member_string(page->writer, STR("verdict"), str_from_c(words[tool->standing]));
    json_write_member_string(page->writer, STR("rule"), tool->rule);
    json_write_member_bool(page->writer, STR("listed"), tool->is_listed);
    json_write_object_end(page->writer);
    return 0;
}

static bool find_server(const struct gateway *gateway, struct str name, struct gateway_server_status *out,
                        size_t *index)
{
    for (*index = 0; *index < gateway_server_count(gateway); ++*index) {
        gateway_server_status(gateway, *index, out);
        if (str_eq(out->name, name))
            return true;
    }
    return false;
}

/* A page of a server's tools; "next" is where the one behind it begins, where there is one. */
static void reply_tools(struct control *control, const struct operation *operation, struct json_writer *writer)
{
    struct gateway *gateway = control->options.gateway;
    struct gateway_server_status server;
    struct page page = { writer, 0 };
    size_t index;
    if (!find_server(gateway, operation->which, &server, &index)) {
        reply_error(writer, STR("no such server"));
        return;
    }
    reply_begin(writer);
    reply_server(&server, writer);
    json_write_member_int(writer, STR("count"), (int64_t)server.tools);
    json_write_key(writer, STR("tools"));
    json_write_array(writer);
    int result = gateway_tools_each(gateway, index, operation->from, write_tool, &page);
    json_write_array_end(writer);
    if (result == PAGE_FULL)
        json_write_member_int(writer, STR("next"), (int64_t)(operation->from + page.count));
    reply_end(writer);
}

/* ---- what waits for the ledger ---- */

static struct str error_sentence(int error)
{
    return error == E_EXISTS ? STR("a grant in force has this label already") : str_from_c(error_text(error));
}

static void reply_done(struct pending *pending, int error, struct json_writer *writer)
{
    struct control *control = pending->control;
    const struct grant *grant = pending->id[0] ? store_grant(control->options.store, str_from_c(pending->id)) : NULL;
    if (error) {
        reply_error(writer, error_sentence(error));
    } else if (pending->kind == OPERATION_FREEZE || pending->kind == OPERATION_THAW) {
        reply_freezes(writer, control->options.store);
    } else if (pending->kind == OPERATION_LIMITS_RESET) {
        reply_reset(writer, pending->resets);
    } else if (grant) {
        reply_grant(writer, grant, pending->token[0] ? pending->token : NULL, clock_wall_ms(control->options.clock));
    } else {
        reply_begin(writer);
        reply_end(writer);
    }
}

static int end_uses_under(void *arg, const struct grant *grant)
{
    const struct pending *pending = arg;
    const struct control_options *options = &pending->control->options;
    if (store_grant_is_under(options->store, grant, str_from_c(pending->id)))
        gateway_grant_revoked(options->gateway, grant->id);
    return 0;
}

static void ledger_done(void *arg, int error)
{
    struct pending *pending = arg;
    struct control *control = pending->control;
    struct connection *connection = pending->connection;
    if (control) {
        if (!error && pending->kind == OPERATION_GRANT_ROTATE)
            gateway_grant_revoked(control->options.gateway, str_from_c(pending->id));
        if (pending->kind == OPERATION_GRANT_REVOKE) /* it is in force, even where it could not be recorded */
            AZ(store_grant_each(control->options.store, end_uses_under, pending));
        list_remove(&pending->link);
        if (connection) {
            struct json_writer writer;
            connection->busy = false;
            json_write_init(&writer, &connection->out);
            reply_done(pending, error, &writer);
            (void)flush(connection);
        }
    }
    explicit_bzero(pending, sizeof(*pending));
    free(pending);
}

/* In force when this returns, whatever becomes of the record. */
static int change_freeze(struct control *control, const struct operation *operation, struct str grant,
                         struct pending *pending, struct str *why)
{
    struct freeze freeze = operation->freeze;
    struct gateway_server_status server;
    bool on = operation->kind == OPERATION_FREEZE;
    size_t index;
    if (freeze.scope == FREEZE_GRANT)
        freeze.name = grant;
    *why = STR("no such server: warder status names them");
    if (on && freeze.scope == FREEZE_SERVER && !find_server(control->options.gateway, freeze.name, &server, &index))
        return E_NOT_FOUND;
    *why = on ? STR_EMPTY : STR("it is not frozen");
    int error = store_freeze(control->options.store, &freeze, on, ledger_done, pending);
    if (!error)
        gateway_freeze_changed(control->options.gateway);
    return error;
}

static int change_pins(struct control *control, const struct operation *operation, struct pending *pending,
                       struct str *why)
{
    int error = pins_carry_out(control->options.store, operation, ledger_done, pending, why);
    if (!error)
        gateway_pins_changed(control->options.gateway, operation->pins.server);
    return error;
}

static int reset_limits(struct control *control, const struct operation *operation, struct str grant,
                        struct arena *arena, struct pending *pending, struct str *why)
{
    struct limits_filter filter = operation->limits;
    struct counter_view *views;
    filter.grant = grant;
    int error = limits_find(control->options.store, &filter, arena, &views, &pending->resets, why);
    if (!error)
        error = store_limits_reset(control->options.store, views, pending->resets, ledger_done, pending);
    return error;
}

/* 0: `ledger_done` will come. Else an error, or E_INVALID with a sentence in *why. */
static int begin_operation(struct connection *connection, struct operation *operation, struct arena *arena,
                           struct str *why)
{
    struct control *control = connection->control;
    struct store *store = control->options.store;
    int64_t now_ms = clock_wall_ms(control->options.clock);
    struct grant grant = operation->grant;
    const struct grant *known = NULL;
    int error = 0;
    struct pending *pending = calloc(1, sizeof(*pending));
    if (!pending)
        return E_NOMEM;
    pending->kind = operation->kind;
    if (operation->which.len > 0) {
        known = operation_find_grant(store, operation->which, now_ms, why);
        error = known ? 0 : E_NOT_FOUND;
    }
    if (!error && operation->kind == OPERATION_GRANT_CREATE)
        error = operation_make_grant(store, known, &grant, now_ms, pending->token, why);
    if (known && operation->kind == OPERATION_GRANT_ROTATE) {
        grant = *known;
        *why = STR("a revoked grant stays revoked: create a new one");
        error = known->revoked_ms ? E_INVALID : 0;
        if (!error)
            operation_renew_grant(&grant, pending->token);
    }
    if (error) {
        free(pending);
        return error;
    }
    struct str id = known && operation->kind != OPERATION_GRANT_CREATE ? known->id : grant.id;
    if (id.len > 0 && id.len < sizeof(pending->id))
        memcpy(pending->id, id.ptr, id.len);
    pending->control = control;
    pending->connection = connection;
    list_append(&control->pending, &pending->link);
    switch (operation->kind) {
    case OPERATION_GRANT_CREATE:
    case OPERATION_GRANT_ROTATE: error = store_grant_put(store, &grant, ledger_done, pending); break;
    case OPERATION_GRANT_REVOKE: error = store_grant_revoke(store, id, ledger_done, pending); break;
    case OPERATION_CONFIRM_CLOCK: error = store_clock_confirm(store, ledger_done, pending); break;
    case OPERATION_FREEZE:
    case OPERATION_THAW: error = change_freeze(control, operation, id, pending, why); break;
    case OPERATION_PINS_ACCEPT:
    case OPERATION_PINS_FORGET: error = change_pins(control, operation, pending, why); break;
    case OPERATION_LIMITS_RESET: error = reset_limits(control, operation, id, arena, pending, why); break;
    case OPERATION_LIMITS_SHOW:
    case OPERATION_FREEZE_LIST:
    case OPERATION_STATUS:
    case OPERATION_TOOLS:
    case OPERATION_GRANT_LIST:
    case OPERATION_PINS_LIST:
    case OPERATION_AUDIT_CATCH_UP:
    case OPERATION_AUDIT_FOLLOW:
    case OPERATION_RECOMMEND:
    case OPERATION_RELOAD:
    case OPERATION_STOP:
    case OPERATION_COUNT: WRONG("an operation that does not wait");
    }
    if (error) {
        list_remove(&pending->link);
        explicit_bzero(pending, sizeof(*pending));
        free(pending);
        return error;
    }
    connection->busy = true;
    return 0;
}

/* ---- live records ---- */

static int record_came(void *arg, uint64_t sequence, const struct record *record)
{
    struct control *control = arg;
    LIST_EACH (&control->connections, link, after) {
        struct connection *connection = CONTAINER_OF(link, struct connection, link);
        struct json_writer writer;
        if (!connection->follows)
            continue;
        json_write_init(&writer, &connection->out);
        record_print_json(record, sequence, &writer);
        buf_append_byte(&connection->out, '\n');
        (void)flush(connection);
    }
    return 0;
}

static void follow(struct connection *connection, struct json_writer *writer)
{
    struct control *control = connection->control;
    if (!connection->follows && control->followers >= LIMIT_control_followers) {
        reply_error(writer, STR("too many commands follow the audit already"));
        return;
    }
    if (!connection->follows) {
        connection->follows = true;
        if (control->followers++ == 0)
            store_watch(control->options.store, &control->watcher);
    }
    reply_begin(writer);
    reply_end(writer);
}

/* ---- another configuration ---- */

static void reloaded(struct reload_waiter *waiter, const struct reload_status *status)
{
    struct connection *connection = CONTAINER_OF(waiter, struct connection, reload);
    struct json_writer writer;
    connection->busy = false;
    json_write_init(&writer, &connection->out);
    reply_reload(status, &writer);
    (void)flush(connection);
}

/* ---- requests ---- */

static void show_limits(struct control *control, const struct operation *operation, struct json_writer *writer)
{
    struct limits_filter filter = operation->limits;
    struct str why = STR_EMPTY;
    const struct grant *known = NULL;
    if (operation->which.len > 0)
        known =
            operation_find_grant(control->options.store, operation->which, clock_wall_ms(control->options.clock), &why);
    if (operation->which.len > 0 && !known) {
        reply_error(writer, why);
        return;
    }
    filter.grant = known ? known->id : STR_EMPTY;
    reply_limits(writer, control->options.store, control->options.gateway, &filter);
}

static void carry_out(struct connection *connection, struct operation *operation, struct arena *arena,
                      struct json_writer *writer)
{
    struct control *control = connection->control;
    struct str why = STR_EMPTY;
    switch (operation->kind) {
    case OPERATION_STATUS: reply_status(&control->options, control->started_ms, writer); return;
    case OPERATION_RELOAD:
        connection->busy = true;
        connection->reload.done = reloaded;
        reloader_ask(control->options.reloader, &connection->reload);
        return;
    case OPERATION_TOOLS: reply_tools(control, operation, writer); return;
    case OPERATION_RECOMMEND: reply_recommend(writer, control->options.gateway, operation); return;
    case OPERATION_GRANT_LIST:
        reply_grants(writer, control->options.store, clock_wall_ms(control->options.clock));
        return;
    case OPERATION_FREEZE_LIST: reply_freezes(writer, control->options.store); return;
    case OPERATION_PINS_LIST: reply_pins(writer, control->options.store, operation); return;
    case OPERATION_LIMITS_SHOW: show_limits(control, operation, writer); return;
    case OPERATION_AUDIT_CATCH_UP:
        reply_begin(writer);
        json_write_member_int(writer, STR("sequence"), (int64_t)store_catch_up(control->options.store));
        reply_end(writer);
        return;
    case OPERATION_AUDIT_FOLLOW: follow(connection, writer); return;
    case OPERATION_STOP:
        log_info(control->options.log, "stopping: asked over the control socket");
        reply_begin(writer);
        reply_end(writer);
        control->options.stop(control->options.arg);
        return;
    case OPERATION_GRANT_CREATE:
    case OPERATION_GRANT_REVOKE:
    case OPERATION_GRANT_ROTATE:
    case OPERATION_CONFIRM_CLOCK:
    case OPERATION_LIMITS_RESET:
    case OPERATION_FREEZE:
    case OPERATION_THAW:
    case OPERATION_PINS_ACCEPT:
    case OPERATION_PINS_FORGET: {
        int error = begin_operation(connection, operation, arena, &why);
        if (error)
            reply_error(writer, why.len > 0 && error != E_EXISTS ? why : error_sentence(error));
        return;
    }
    case OPERATION_COUNT: break;
    }
    WRONG("an operation");
}

static int handle_line(void *arg, struct str line)
{
    struct connection *connection = arg;
    const struct json_limits limits = { OPERATION_MAX, 1000, 8 };
    struct operation operation;
    struct json_error fault;
    const struct json *root;
    struct json_writer writer;
    struct arena arena;
    struct str why = STR("not JSON");

    if (connection->busy) /* one at a time: a client of ours waits for the answer */
        return E_INVALID;
    list_remove(&connection->link);
    list_append(&connection->control->connections, &connection->link);
    timer_start(&connection->idle, LIMIT_control_idle_ms);
    arena_init(&arena, NULL, OPERATION_BYTES);
    json_write_init(&writer, &connection->out);
    if (json_parse(&arena, line, &limits, &root, &fault) || operation_read(root, &arena, &operation, &why))
        reply_error(&writer, why);
    else
        carry_out(connection, &operation, &arena, &writer);
    arena_release(&arena);
    return 0;
}

static void readable(void *owner)
{
    struct connection *connection = owner;
    char bytes[4096];
    CHECK_OBJ(connection, CONNECTION_MAGIC);
    for (;;) {
        ssize_t got = stream_read(connection->stream, bytes, sizeof(bytes));
        if (got == E_AGAIN)
            break;
        if (got <= 0 || lines_feed(&connection->lines, str_of(bytes, (size_t)got), handle_line, connection)) {
            drop(connection);
            return;
        }
    }
    (void)flush(connection);
}

static void writable(void *owner)
{
    struct connection *connection = owner;
    CHECK_OBJ(connection, CONNECTION_MAGIC);
    (void)flush(connection);
}

static const struct stream_events connection_events = { .readable = readable, .writable = writable };

/* ---- connections ---- */

static bool may_ask(int fd)
{
    struct ucred credentials;
    socklen_t len = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0 || len != sizeof(credentials))
        return false;
    return credentials.uid == geteuid() || credentials.uid == 0;
}

static void is_idle(struct timer *timer)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, idle);
    CHECK_OBJ(connection, CONNECTION_MAGIC);
    if (connection->busy)
        timer_start(timer, LIMIT_control_idle_ms);
    else if (!connection->follows)
        drop(connection);
}

/* Who holds a place and asks nothing keeps nobody out. */
static bool make_room(struct control *control)
{
    if (control->connection_count < LIMIT_control_connections)
        return true;
    LIST_EACH (&control->connections, link, after) {
        struct connection *connection = CONTAINER_OF(link, struct connection, link);
        if (connection->busy || connection->follows)
            continue;
        drop(connection);
        return true;
    }
    return false;
}

static void accepted(void *owner, int fd)
{
    struct control *control = owner;
    CHECK_OBJ(control, CONTROL_MAGIC);
    if (!may_ask(fd) || !make_room(control)) {
        close(fd);
        return;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return;
    }
    if (stream_new(control->options.loop, fd, true, &connection_events, connection, &connection->stream)) {
        free(connection);
        return;
    }
    connection->magic = CONNECTION_MAGIC;
    connection->control = control;
    list_init(&connection->reload.link);
    timer_init(&connection->idle, control->options.loop, is_idle);
    timer_start(&connection->idle, LIMIT_control_idle_ms);
    lines_init(&connection->lines, OPERATION_MAX);
    buf_init(&connection->out, LIMIT_control_queue);
    list_append(&control->connections, &connection->link);
    control->connection_count++;
}

static const struct listener_events listener_events = { .accepted = accepted };

int control_open(const struct control_options *options, struct control **out)
{
    char path[CONTROL_PATH_MAX];
    struct control *control = calloc(1, sizeof(*control));
    if (!control)
        return E_NOMEM;
    control->magic = CONTROL_MAGIC;
    control->options = *options;
    control->started_ms = clock_wall_ms(options->clock);
    list_init(&control->connections);
    list_init(&control->watcher.link);
    control->watcher.each = record_came;
    control->watcher.arg = control;
    list_init(&control->pending);
    int error = control_path(options->data, &control->directory, path);
    if (error) {
        free(control);
        return error;
    }
    error = listener_open_unix(options->loop, str_from_c(path), &listener_events, control, &control->listener);
    if (error) {
        close(control->directory);
        free(control);
        return error;
    }
    *out = control;
    return 0;
}

void control_close(struct control *control)
{
    if (!control)
        return;
    CHECK_OBJ(control, CONTROL_MAGIC);
    LIST_EACH (&control->connections, link, after)
        drop(CONTAINER_OF(link, struct connection, link));
    LIST_EACH (&control->pending, pending_link, pending_after) {
        struct pending *pending = CONTAINER_OF(pending_link, struct pending, link);
        list_remove(&pending->link);
        pending->control = NULL; /* ledger_done frees it */
        pending->connection = NULL;
    }
    listener_close(control->listener);
    close(control->directory);
    control->magic = 0;
    free(control);
}
