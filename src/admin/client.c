/* Requests over the control socket, or carried out here. */
#include "admin/client.h"

#include "admin/counters.h"
#include "admin/freeze.h"
#include "admin/operation.h"
#include "admin/pins.h"
#include "admin/socket.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCKED_TRIES 20
#define LOCKED_PAUSE_MS 100

int control_connect(struct str data, int *fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char path[CONTROL_PATH_MAX];
    int directory;
    int error = control_path(data, &directory, path);
    if (error)
        return error;
    memcpy(address.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    error = *fd < 0 ? E_IO : 0;
    if (!error && connect(*fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        error = errno == ENOENT || errno == ECONNREFUSED ? E_NOT_FOUND : errno == EACCES ? E_DENIED : E_IO;
        close(*fd);
    }
    close(directory);
    return error;
}

int control_send(int fd, struct str line)
{
    while (line.len > 0) {
        ssize_t sent = send(fd, line.ptr, line.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return E_CLOSED;
        line = str_slice(line, (size_t)sent, line.len);
    }
    return 0;
}

int control_receive(int fd, struct buf *rest, bool forever, struct buf *line)
{
    for (;;) {
        size_t end = str_find_byte(buf_str(rest), '\n');
        if (end < rest->len) {
            buf_append(line, rest->ptr, end);
            buf_consume(rest, end + 1);
            return buf_ok(line) ? 0 : E_LIMIT;
        }
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        int count = poll(&ready, 1, forever ? -1 : LIMIT_control_ms);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count == 0 ? E_TIMEOUT : E_IO;
        char *room = buf_reserve(rest, 65536);
        if (!room)
            return E_LIMIT;
        ssize_t got = recv(fd, room, 65536, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return E_CLOSED;
        rest->len += (size_t)got;
    }
}

static int call_gateway(int fd, struct str request, struct buf *answer)
{
    struct buf rest;
    buf_init(&rest, LIMIT_control_queue);
    int error = control_send(fd, request);
    if (!error)
        error = control_receive(fd, &rest, false, answer);
    buf_release(&rest);
    return error;
}

static int change_grant(struct store *store, const struct operation *operation, int64_t now_ms,
                        struct json_writer *writer)
{
    char token[GRANT_TOKEN_MAX] = "", id[GRANT_ID_LEN + 1] = "";
    struct grant grant = operation->grant;
    struct str why = STR_EMPTY;
    int error = 0;
    if (operation->kind == OPERATION_GRANT_CREATE) {
        const struct grant *parent = NULL;
        if (operation->which.len > 0)
            parent = operation_find_grant(store, operation->which, now_ms, &why);
        error = operation->which.len > 0 && !parent ? E_NOT_FOUND
                                                    : operation_make_grant(store, parent, &grant, now_ms, token, &why);
    } else {
        const struct grant *known = operation_find_grant(store, operation->which, now_ms, &why);
        error = known ? 0 : E_NOT_FOUND;
        if (known)
            grant = *known;
        if (known && operation->kind == OPERATION_GRANT_ROTATE) {
            why = STR("a revoked grant stays revoked: create a new one");
            error = known->revoked_ms ? E_INVALID : 0;
            operation_renew_grant(&grant, token);
        }
    }
    if (!error && grant.id.len < sizeof(id)) {
        memcpy(id, grant.id.ptr, grant.id.len);
        error = operation->kind == OPERATION_GRANT_REVOKE ? store_grant_revoke_now(store, str_from_c(id))
                                                          : store_grant_put_now(store, &grant);
    }
    const struct grant *changed = error ? NULL : store_grant(store, str_from_c(id));
    if (error)
        reply_error(writer, why.len > 0 ? why : str_from_c(error_text(error)));
    else if (changed)
        reply_grant(writer, changed, token[0] ? token : NULL, now_ms);
    explicit_bzero(token, sizeof(token));
    return 0;
}

static int change_freeze(struct store *store, const struct operation *operation, int64_t now_ms,
                         struct json_writer *writer)
{
    struct freeze freeze = operation->freeze;
    struct str why = STR_EMPTY;
    int error = 0;
    if (freeze.scope == FREEZE_GRANT) {
        const struct grant *known = operation_find_grant(store, operation->which, now_ms, &why);
        error = known ? 0 : E_NOT_FOUND;
        freeze.name = known ? known->id : STR_EMPTY;
    }
    if (!error) {
        error = store_freeze_now(store, &freeze, operation->kind == OPERATION_FREEZE);
        why = error == E_NOT_FOUND ? STR("it is not frozen") : STR_EMPTY;
    }
    if (error)
        reply_error(writer, why.len > 0 ? why : str_from_c(error_text(error)));
    else
        reply_freezes(writer, store);
    return 0;
}

static int change_pins(struct store *store, const struct operation *operation, struct json_writer *writer)
{
    struct str why;
    int error = pins_carry_out(store, operation, NULL, NULL, &why);
    if (error) {
        reply_error(writer, why.len > 0 ? why : str_from_c(error_text(error)));
        return 0;
    }
    reply_begin(writer);
    reply_end(writer);
    return 0;
}

static int limits(struct store *store, const struct operation *operation, int64_t now_ms, struct json_writer *writer)
{
    struct limits_filter filter = operation->limits;
    struct counter_view *views;
    struct arena arena;
    struct str why = STR_EMPTY;
    size_t count = 0;
    int error = 0;
    if (operation->which.len > 0) {
        const struct grant *known = operation_find_grant(store, operation->which, now_ms, &why);
        error = known ? 0 : E_NOT_FOUND;
        filter.grant = known ? known->id : STR_EMPTY;
    }
    if (!error && operation->kind == OPERATION_LIMITS_SHOW) {
        reply_limits(writer, store, NULL, &filter);
        return 0;
    }
    arena_init(&arena, NULL, OPERATION_BYTES);
    if (!error)
        error = limits_find(store, &filter, &arena, &views, &count, &why);
    if (!error)
        error = store_limits_reset_now(store, views, count);
    if (error)
        reply_error(writer, why.len > 0 ? why : str_from_c(error_text(error)));
    else
        reply_reset(writer, count);
    arena_release(&arena);
    return 0;
}

static int carry_out(struct store *store, const struct operation *operation, struct json_writer *writer)
{
    int64_t now_ms = clock_wall_ms(clock_system());
    int error = 0;
    switch (operation->kind) {
    case OPERATION_GRANT_CREATE:
    case OPERATION_GRANT_REVOKE:
    case OPERATION_GRANT_ROTATE: return change_grant(store, operation, now_ms, writer);
    case OPERATION_FREEZE:
    case OPERATION_THAW: return change_freeze(store, operation, now_ms, writer);
    case OPERATION_FREEZE_LIST: reply_freezes(writer, store); return 0;
    case OPERATION_PINS_LIST: reply_pins(writer, store, operation); return 0;
    case OPERATION_PINS_ACCEPT:
    case OPERATION_PINS_FORGET: return change_pins(store, operation, writer);
    case OPERATION_LIMITS_SHOW:
    case OPERATION_LIMITS_RESET: return limits(store, operation, now_ms, writer);
    case OPERATION_GRANT_LIST: reply_grants(writer, store, now_ms); return 0;
    case OPERATION_CONFIRM_CLOCK:
        error = store_clock_confirm_now(store);
        if (error)
            return error;
        reply_begin(writer);
        reply_end(writer);
        return 0;
    case OPERATION_STATUS:
    case OPERATION_TOOLS:
    case OPERATION_AUDIT_CATCH_UP:
    case OPERATION_AUDIT_FOLLOW:
    case OPERATION_RECOMMEND:
    case OPERATION_RELOAD:
    case OPERATION_STOP:
    case OPERATION_COUNT: break;
    }
    return E_NOT_FOUND;
}

static int call_store(struct str data, struct log *log, const struct operation *operation, struct buf *answer)
{
    struct store_options options = { .directory = data, .audit = AUDIT_DURABLE, .clock = clock_system(), .log = log };
    struct json_writer writer;
    struct store *store;
    int error = store_open(&options, &store);
    if (error)
        return error;
    json_write_init(&writer, answer);
    error = carry_out(store, operation, &writer);
    store_close(store);
    if (!error && answer->len > 0)
        answer->len--; /* its newline */
    return error ? error : buf_ok(answer) ? 0 : E_NOMEM;
}

static bool needs_gateway(enum operation_kind kind)
{
    return kind == OPERATION_STATUS || kind == OPERATION_TOOLS || kind == OPERATION_STOP ||
           kind == OPERATION_AUDIT_CATCH_UP || kind == OPERATION_AUDIT_FOLLOW || kind == OPERATION_RELOAD;
}

static int call(struct str data, struct log *log, struct str request, const struct operation *operation, bool *running,
                struct buf *answer)
{
    const struct timespec pause = { .tv_nsec = LOCKED_PAUSE_MS * 1000000L };
    char path[CONTROL_PATH_MAX];
    int fd, error = control_path(data, &fd, path);
    if (error == 0)
        close(fd);
    else if (error != E_NOT_FOUND || operation->kind != OPERATION_GRANT_CREATE) /* only this one makes the directory */
        return error;
    error = E_LOCKED;
    /* A gateway that has just started holds the lock a moment before its socket is there. */
    for (int tries = 0; tries < LOCKED_TRIES && error == E_LOCKED; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        error = control_connect(data, &fd);
        *running = error == 0;
        if (error == 0) {
            error = call_gateway(fd, request, answer);
            close(fd);
            return error;
        }
        if (error != E_NOT_FOUND || needs_gateway(operation->kind))
            return error;
        error = call_store(data, log, operation, answer);
    }
    return error;
}

int admin_call(struct str data, struct log *log, struct str request, bool *running, struct buf *answer)
{
    const struct json_limits limits = { OPERATION_MAX, 1000, 8 };
    struct operation operation;
    struct json_error fault;
    const struct json *root;
    struct json_writer writer;
    struct arena arena;
    struct str why = STR("not JSON");
    int error = 0;

    *running = false;
    arena_init(&arena, NULL, OPERATION_BYTES);
    if (json_parse(&arena, request, &limits, &root, &fault) || operation_read(root, &arena, &operation, &why)) {
        json_write_init(&writer, answer);
        reply_error(&writer, why);
        if (answer->len > 0)
            answer->len--; /* its newline */
    } else {
        error = call(data, log, request, &operation, running, answer);
    }
    arena_release(&arena);
    return error;
}
