/* Two buffers: lines gather in one while the other is being written. A line that was cut off by a failure or by another
 * file is written again, whole. */
#include "admin/decisions.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/stream.h"
#include "json/writer.h"
#include "model/record.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DECISIONS_MAGIC 0xdec15105u
#define KEPT_BYTES 65536

struct decisions {
    unsigned magic;
    struct decisions_options options;
    struct store_watcher watcher;
    enum decisions_to to, next_to;
    char path[PATH_MAX], next_path[PATH_MAX]; /* next: given while the pool was writing */
    bool has_next;
    struct buf queue, writing;
    size_t at; /* of `writing`: before it all is written */
    uint64_t written, dropped, untold;
    struct timer retry;
    int64_t retry_ms; /* 0: the last try went well */
    const char *error;

    /* a file: the pool's while `busy` */
    int fd;
    struct job job;
    size_t wrote;
    const char *fault; /* NULL: it was written */
    bool busy, reopen, freed;

    struct stream *stream;
    bool connected;
};

static void pump(struct decisions *decisions);
static void take_next(struct decisions *decisions);

/* ---- lines ---- */

static bool append(struct decisions *decisions, const struct record *record, uint64_t sequence)
{
    struct buf *queue = &decisions->queue;
    struct json_writer writer;
    size_t before = queue->len;
    json_write_init(&writer, queue);
    if (record) {
        record_print_json(record, sequence, &writer);
    } else {
        json_write_object(&writer);
        json_write_member_int(&writer, STR("dropped"), (int64_t)decisions->untold);
        json_write_object_end(&writer);
    }
    buf_append_byte(queue, '\n');
    if (buf_ok(queue))
        return true;
    queue->failed = false; /* what was there is whole */
    queue->len = before;
    return false;
}

static void tell_dropped(struct decisions *decisions)
{
    if (decisions->untold && append(decisions, NULL, 0))
        decisions->untold = 0;
}

static int record_came(void *arg, uint64_t sequence, const struct record *record)
{
    struct decisions *decisions = arg;
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    tell_dropped(decisions);
    if (decisions->untold || !append(decisions, record, sequence)) {
        decisions->dropped++;
        decisions->untold++;
    }
    pump(decisions);
    return 0;
}

static void count_lines(struct decisions *decisions, size_t len)
{
    const char *from = decisions->writing.ptr + decisions->at, *end = from + len;
    while ((from = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        decisions->written++;
        from++;
    }
    decisions->at += len;
}

/* Who reads on elsewhere gets the line from its beginning. */
static void back_to_line(struct decisions *decisions)
{
    while (decisions->at > 0 && decisions->writing.ptr[decisions->at - 1] != '\n')
        decisions->at--;
}

/* False: nothing waits. */
static bool fill(struct decisions *decisions)
{
    if (decisions->at < decisions->writing.len)
        return true;
    struct buf empty = decisions->writing;
    buf_recycle(&empty, KEPT_BYTES);
    decisions->writing = decisions->queue;
    decisions->queue = empty;
    decisions->at = 0;
    tell_dropped(decisions);
    return decisions->writing.len > 0;
}

/* ---- failures ---- */

static void failed(struct decisions *decisions, const char *error)
{
    if (!decisions->retry_ms)
        log_warn(decisions->options.log, "decisions cannot be written to %s: %s; tried again", decisions->path, error);
    decisions->error = error;
    decisions->retry_ms = decisions->retry_ms ? decisions->retry_ms * 2 : LIMIT_decisions_retry_first_ms;
    if (decisions->retry_ms > LIMIT_decisions_retry_most_ms)
        decisions->retry_ms = LIMIT_decisions_retry_most_ms;
    timer_start(&decisions->retry, decisions->retry_ms);
}

static void went_well(struct decisions *decisions)
{
    if (decisions->retry_ms)
        log_info(decisions->options.log, "decisions are written to %s again; %" PRIu64 " were dropped since the start",
                 decisions->path, decisions->dropped);
    decisions->retry_ms = 0;
    decisions->error = NULL;
}

static void time_to_try(struct timer *timer)
{
    pump(CONTAINER_OF(timer, struct decisions, retry));
}

/* ---- a file ---- */

static const char *text_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT: return "the disk is full";
    case EFBIG: return "the file is at its largest size";
    case ENOENT:
    case ENOTDIR: return "there is no such directory";
    case EACCES:
    case EPERM: return "it may not be written";
    case EINVAL:
    case EISDIR:
    case ENXIO: return "it is no file";
    case ELOOP: return "it is a symbolic link, which is not followed: name the file itself";
    default: return "it cannot be written";
    }
}

/* Who may write there could hide lines among ours, and a file of another user's is theirs to take away; a link leads
 * wherever they want us to write. NULL: it is fine. */
static const char *fault_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return text_of_errno(EINVAL);
    if (status.st_uid != geteuid())
        return "it belongs to another user";
    if (status.st_mode & (S_IWGRP | S_IRWXO))
        return "others may write it, or everybody read it: chmod 640 it, or 600";
    return NULL;
}

static const char *open_file(struct decisions *decisions)
{
    decisions->fd =
        open(decisions->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0600);
    if (decisions->fd < 0)
        return text_of_errno(errno);
    const char *fault = fault_of(decisions->fd);
    if (fault) {
        close(decisions->fd);
        decisions->fd = -1;
    }
    return fault;
}

static void write_file(struct job *job)
{
    struct decisions *decisions = CONTAINER_OF(job, struct decisions, job);
    const struct buf *writing = &decisions->writing;
    decisions->wrote = 0;
    decisions->fault = decisions->fd < 0 ? open_file(decisions) : NULL;
    while (!decisions->fault && decisions->at + decisions->wrote < writing->len) {
        size_t from = decisions->at + decisions->wrote;
        ssize_t put = write(decisions->fd, writing->ptr + from, writing->len - from);
        if (put >= 0)
            decisions->wrote += (size_t)put;
        if (put == 0 || (put < 0 && errno != EINTR))
            decisions->fault = text_of_errno(put == 0 ? EIO : errno);
    }
}

static void close_file(struct decisions *decisions)
{
    if (decisions->fd >= 0)
        close(decisions->fd);
    decisions->fd = -1;
    decisions->reopen = false;
    back_to_line(decisions);
}

static void release(struct decisions *decisions)
{
    if (decisions->fd >= 0)
        close(decisions->fd);
    buf_release(&decisions->queue);
    buf_release(&decisions->writing);
    decisions->magic = 0;
    free(decisions);
}

static void write_last(struct decisions *decisions)
{
    for (int turn = 0; turn < 2 && decisions->to == DECISIONS_FILE && fill(decisions); turn++) {
        write_file(&decisions->job);
        count_lines(decisions, decisions->wrote);
        if (decisions->fault)
            return;
    }
}

static void file_written(struct job *job)
{
    struct decisions *decisions = CONTAINER_OF(job, struct decisions, job);
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    decisions->busy = false;
    count_lines(decisions, decisions->wrote);
    if (decisions->reopen)
        close_file(decisions);
    if (decisions->freed) {
        write_last(decisions);
        release(decisions);
        return;
    }
    if (decisions->has_next) {
        take_next(decisions);
        return;
    }
    if (decisions->fault) {
        failed(decisions, decisions->fault);
        return;
    }
    went_well(decisions);
    pump(decisions);
}

static void begin_file(struct decisions *decisions)
{
    if (decisions->reopen)
        close_file(decisions);
    decisions->job = (struct job){ .work = write_file, .done = file_written };
    decisions->busy = loop_submit(decisions->options.loop, &decisions->job) == 0;
    if (!decisions->busy)
        failed(decisions, "the gateway is at a ceiling");
}

/* ---- a socket ---- */

static void disconnect(struct decisions *decisions, const char *why)
{
    stream_close(decisions->stream);
    decisions->stream = NULL;
    decisions->connected = false;
    back_to_line(decisions);
    if (why)
        failed(decisions, why);
}

static void write_socket(struct decisions *decisions)
{
    while (fill(decisions)) {
        struct iovec part = { decisions->writing.ptr + decisions->at, decisions->writing.len - decisions->at };
        ssize_t put = stream_write(decisions->stream, &part, 1);
        if (put == E_AGAIN)
            return;
        if (put < 0) {
            disconnect(decisions, "nobody reads there any more");
            return;
        }
        went_well(decisions);
        count_lines(decisions, (size_t)put);
    }
}

static void socket_writable(void *owner)
{
    struct decisions *decisions = owner;
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    decisions->connected = true;
    write_socket(decisions);
}

/* What a reader says is dropped; its end is the end. */
static void socket_readable(void *owner)
{
    struct decisions *decisions = owner;
    char bytes[512];
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    for (;;) {
        ssize_t got = stream_read(decisions->stream, bytes, sizeof(bytes));
        if (got == E_AGAIN)
            return;
        if (got <= 0) {
            disconnect(decisions, "nobody reads there any more");
            return;
        }
    }
}

static const struct stream_events socket_events = { .readable = socket_readable, .writable = socket_writable };

static void begin_socket(struct decisions *decisions)
{
    int error = stream_connect_unix(decisions->options.loop, str_from_c(decisions->path), &socket_events, decisions,
                                    &decisions->stream);
    if (!error)
        return;
    decisions->stream = NULL;
    failed(decisions, "nobody listens there");
}

/* ---- the outside ---- */

/* Goes on where it can. */
static void pump(struct decisions *decisions)
{
    if (decisions->busy || decisions->retry.running)
        return;
    switch (decisions->to) {
    case DECISIONS_NOWHERE: return;
    case DECISIONS_FILE:
        if (fill(decisions))
            begin_file(decisions);
        return;
    case DECISIONS_SOCKET:
        if (!decisions->stream)
            begin_socket(decisions);
        else if (decisions->connected)
            write_socket(decisions);
        return;
    }
}

int decisions_new(const struct decisions_options *options, struct decisions **out)
{
    struct decisions *decisions = calloc(1, sizeof(*decisions));
    if (!decisions)
        return E_NOMEM;
    decisions->magic = DECISIONS_MAGIC;
    decisions->options = *options;
    decisions->fd = -1;
    decisions->watcher.each = record_came;
    decisions->watcher.arg = decisions;
    list_init(&decisions->watcher.link);
    buf_init(&decisions->queue, LIMIT_decisions_queue);
    buf_init(&decisions->writing, LIMIT_decisions_queue);
    timer_init(&decisions->retry, options->loop, time_to_try);
    *out = decisions;
    return 0;
}

static void take_next(struct decisions *decisions)
{
    decisions->has_next = false;
    if (decisions->stream)
        disconnect(decisions, NULL);
    close_file(decisions);
    timer_stop(&decisions->retry);
    decisions->retry_ms = 0;
    decisions->error = NULL;
    decisions->to = decisions->next_to;
    memcpy(decisions->path, decisions->next_path, sizeof(decisions->path));
    store_unwatch(&decisions->watcher);
    if (decisions->to != DECISIONS_NOWHERE)
        store_watch(decisions->options.store, &decisions->watcher);
    pump(decisions);
}

void decisions_to(struct decisions *decisions, enum decisions_to to, struct str path)
{
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    bool fits = path.len < sizeof(decisions->next_path);
    if (!fits)
        log_error(decisions->options.log, "decisions go nowhere: the path is too long");
    decisions->next_to = fits ? to : DECISIONS_NOWHERE;
    memcpy(decisions->next_path, path.ptr, fits ? path.len : 0);
    decisions->next_path[fits ? path.len : 0] = 0;
    decisions->has_next = decisions->next_to != decisions->to || strcmp(decisions->next_path, decisions->path) != 0;
    if (decisions->has_next && !decisions->busy) /* else behind the pool, which reads the path */
        take_next(decisions);
}

void decisions_reopen(struct decisions *decisions)
{
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    if (decisions->to != DECISIONS_FILE)
        return;
    decisions->reopen = true;
    timer_stop(&decisions->retry);
    if (!decisions->busy)
        begin_file(decisions); /* also without a line: the file is there when the signal was heard */
}

void decisions_free(struct decisions *decisions)
{
    if (!decisions)
        return;
    CHECK_OBJ(decisions, DECISIONS_MAGIC);
    store_unwatch(&decisions->watcher);
    timer_stop(&decisions->retry);
    stream_close(decisions->stream);
    decisions->stream = NULL;
    decisions->freed = true;
    if (decisions->busy)
        return;
    write_last(decisions);
    release(decisions);
}

void decisions_status(const struct decisions *decisions, struct decisions_status *out)
{
    *out = (struct decisions_status){
        .to = decisions->to,
        .path = str_from_c(decisions->path),
        .failing = decisions->retry_ms > 0,
        .error = decisions->error,
        .written = decisions->written,
        .dropped = decisions->dropped,
        .queued = decisions->queue.len + decisions->writing.len - decisions->at,
    };
}
