/* Lines of a server's standard error. A line feed ends one, and so does a NUL, which no text has. Nothing of a server
 * holds the loop: past some bytes a callback lets others have their turn. */
#include "io/child_stderr.h"

#include "io/stream.h"

#include "base/check.h"
#include "base/log.h"

#include <inttypes.h>
#include <string.h>

#define LINE_COST 64     /* what a line costs besides its bytes: time, level, name */
#define SHOWN_BYTES 8192 /* of one line without its secrets; the log takes less */
#define PART_BYTES 16384 /* one read */
#define PARTS_A_TURN 8
#define REST_BYTES 1048576 /* a pipe's largest content */
#define TRACE_LINES 64     /* that a runtime writes behind an error: where it was, its own version */

/* A line that tells of an error is not displaced by what runtimes write behind it. */
static void keep_last(struct child_stderr *err, struct str line)
{
    static const struct str marks[] = { { "Error", 5 }, { "error", 5 }, { "ERROR", 5 } };
    bool tells = false;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        tells |= str_find(line, marks[i]) < line.len;
    if (tells)
        err->behind_error = TRACE_LINES;
    else if (err->behind_error > 0) {
        err->behind_error--;
        return;
    }
    err->last_len = line.len < sizeof(err->last) ? line.len : sizeof(err->last);
    memcpy(err->last, line.ptr, err->last_len);
}

static void show(struct child_stderr *err, struct str line)
{
    while (line.len > 0 && strchr("\r \t", line.ptr[line.len - 1]))
        line.len--;
    if (line.len == 0)
        return;
    keep_last(err, line);
    if (!err->window.running)
        timer_start(&err->window, 1000);
    if (err->spent + line.len + LINE_COST > LIMIT_stderr_per_second) {
        err->dropped += line.len;
        return;
    }
    err->spent += line.len + LINE_COST;
    log_info(err->log, "server '%" STR_FMT "': %" STR_FMT, STR_ARG(err->name), STR_ARG(line));
}

/* What of the line is decided, at its end all of it, goes to the log. */
static void show_line(struct child_stderr *err, bool end)
{
    struct str line = str_of(err->line, err->len);
    size_t done = line.len;

    if (err->mask) {
        buf_reset(&err->shown);
        done = mask_part(err->mask, &err->state, line, end, &err->shown);
        line = buf_str(&err->shown);
    }
    show(err, line);
    err->len -= done;
    memmove(err->line, err->line + done, err->len);
    if (end)
        err->state = (struct mask_state){ 0 };
}

static void feed(struct child_stderr *err, struct str bytes)
{
    for (size_t at = 0; at < bytes.len; at++) {
        char byte = bytes.ptr[at];
        if (byte == '\n' || byte == '\0') {
            show_line(err, true);
            continue;
        }
        if (err->len == sizeof(err->line))
            show_line(err, false);
        err->line[err->len++] = byte;
    }
}

static void say_dropped(struct child_stderr *err)
{
    if (err->dropped)
        log_warn(err->log, "server '%" STR_FMT "': %" PRIu64 " bytes of standard error dropped", STR_ARG(err->name),
                 err->dropped);
    err->dropped = 0;
    err->spent = 0;
}

static void window_ends(struct timer *timer)
{
    say_dropped(CONTAINER_OF(timer, struct child_stderr, window));
}

/* False when nothing is left to be read now. */
static bool read_part(struct child_stderr *err)
{
    char bytes[PART_BYTES];
    ssize_t got = stream_read(err->stream, bytes, sizeof(bytes));

    if (got > 0) {
        feed(err, str_of(bytes, (size_t)got));
        return true;
    }
    if (got != E_AGAIN) {
        show_line(err, true);
        stream_close(err->stream);
        err->stream = NULL;
    }
    return false;
}

static void on_readable(void *owner)
{
    struct child_stderr *err = owner;

    for (int i = 0; i < PARTS_A_TURN; i++) {
        if (!read_part(err))
            return;
    }
    stream_pause(err->stream);
    stream_resume(err->stream); /* told again in the next batch */
}

static const struct stream_events events = { .readable = on_readable };

int child_stderr_init(struct child_stderr *err, struct loop *loop, struct log *log, struct str name, struct mask *mask,
                      int fd)
{
    *err = (struct child_stderr){ .log = log, .name = name, .mask = mask };
    buf_init(&err->shown, SHOWN_BYTES);
    timer_init(&err->window, loop, window_ends);
    return stream_new(loop, fd, false, &events, err, &err->stream);
}

void child_stderr_finish(struct child_stderr *err)
{
    for (size_t got = 0; err->stream && got < REST_BYTES; got += PART_BYTES) {
        if (!read_part(err))
            break;
    }
    show_line(err, true);
    say_dropped(err);
    child_stderr_release(err);
}

void child_stderr_release(struct child_stderr *err)
{
    timer_stop(&err->window);
    stream_close(err->stream);
    err->stream = NULL;
    mask_free(err->mask);
    err->mask = NULL;
    buf_release(&err->shown);
}
