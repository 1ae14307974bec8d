/* The stdio back: a child process, one message a line. What its pipe takes at once is written at once; the rest waits
 * in a queue with ceilings. A line that was begun is finished, or the child is killed. */
#include "upstream/instance.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/child.h"
#include "io/stream.h"
#include "net/lines.h"
#include "upstream/home.h"
#include "upstream/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define STDIO_MAGIC 0x53544449u
#define READ_BYTES 65536
#define READS_A_TURN 16 /* then others have their turn */

struct waiting { /* a message that waits for the pipe */
    struct list link;
    struct leg *leg; /* NULL: nobody asks after it any more */
    size_t len, written;
    char bytes[];
};

struct stdio {
    unsigned magic;
    struct instance *instance;
    struct child *child;     /* NULL: not started yet */
    struct stream *in, *out; /* the child's; NULL: closed */
    struct lines lines;
    struct list queue; /* struct waiting */
    size_t queued_bytes, queued_messages;
    struct timer stall;
    bool closing;      /* no message is handed over any more */
    bool ended_itself; /* it closed its output first */
    struct job job;    /* makes the home ready */
    char home[PATH_MAX];
    int job_error;
    struct deferred begun, broken, dead; /* told at the end of the turn: started; the pipe broke; to be freed */
    bool broken_due;
    char buffer[READ_BYTES];
};

static void read_some(void *owner);
static void write_some(void *owner);
static void input_ready(void *owner);
static void child_ended(void *owner, int status);

static const struct stream_events output_events = { .readable = read_some };
static const struct stream_events input_events = { .readable = input_ready, .writable = write_some };
static const struct child_events child_events = { .ended = child_ended };

static struct log *log_of(const struct stdio *stdio)
{
    return stdio->instance->upstream->services.log;
}

static struct str name_of(const struct stdio *stdio)
{
    return stdio->instance->upstream->server->name;
}

/* ---- the queue ---- */

static void drop_waiting(struct stdio *stdio, struct waiting *waiting)
{
    if (waiting->leg)
        waiting->leg->transport = NULL;
    stdio->queued_bytes -= waiting->len;
    stdio->queued_messages--;
    list_remove(&waiting->link);
    free(waiting);
}

static struct waiting *first_waiting(const struct stdio *stdio)
{
    return list_is_empty(&stdio->queue) ? NULL : CONTAINER_OF(stdio->queue.next, struct waiting, link);
}

static void drop_queue(struct stdio *stdio)
{
    LIST_EACH (&stdio->queue, link, after)
        drop_waiting(stdio, CONTAINER_OF(link, struct waiting, link));
    timer_stop(&stdio->stall);
}

/* `written` bytes of the message and its line feed have left already. */
static int enqueue(struct stdio *stdio, struct leg *leg, struct str message, size_t written)
{
    size_t len = message.len + 1;
    if (stdio->queued_messages >= LIMIT_stream_queue_messages || len > LIMIT_stream_queue_bytes - stdio->queued_bytes)
        return E_FULL;
    struct waiting *waiting = malloc(sizeof(*waiting) + len);
    if (!waiting)
        return E_NOMEM;
    *waiting = (struct waiting){ .leg = leg, .len = len, .written = written };
    memcpy(waiting->bytes, message.ptr, message.len);
    waiting->bytes[message.len] = '\n';
    if (list_is_empty(&stdio->queue))
        timer_start(&stdio->stall, LIMIT_write_stall_ms);
    list_append(&stdio->queue, &waiting->link);
    stdio->queued_bytes += len;
    stdio->queued_messages++;
    if (leg)
        leg->transport = waiting;
    return 0;
}

static void stalled(struct timer *timer)
{
    struct stdio *stdio = CONTAINER_OF(timer, struct stdio, stall);
    log_warn(log_of(stdio), "server '%" STR_FMT "' has not read its input for %d s and is killed",
             STR_ARG(name_of(stdio)), LIMIT_write_stall_ms / 1000);
    instance_lose(stdio->instance, REASON_upstream_full);
}

/* ---- writing ---- */

static void lose_later(struct stdio *stdio)
{
    if (!stdio->broken_due && !stdio->closing)
        loop_defer(stdio->instance->upstream->services.loop, &stdio->broken);
    stdio->broken_due = true;
}

static int stdio_send(struct instance *instance, struct leg *leg, struct str message)
{
    struct stdio *stdio = instance->back;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    if (!stdio->in || stdio->closing || stdio->broken_due)
        return E_CLOSED;
    if (!list_is_empty(&stdio->queue))
        return enqueue(stdio, leg, message, 0);
    char line_feed = '\n';
    struct iovec parts[2];
    memcpy(&parts[0].iov_base, &message.ptr, sizeof(message.ptr)); /* only read from, but not const there */
    parts[0].iov_len = message.len;
    parts[1] = (struct iovec){ &line_feed, 1 };
    ssize_t put = stream_write(stdio->in, parts, 2);
    if (put < 0 && put != E_AGAIN) {
        lose_later(stdio);
        return E_CLOSED;
    }
    size_t written = put > 0 ? (size_t)put : 0;
    if (leg)
        leg->sent = written > message.len ? SENT_ALL : written ? SENT_SOME : SENT_NONE;
    if (written > message.len)
        return 0;
    int error = enqueue(stdio, leg, message, written);
    if (error && written)
        lose_later(stdio); /* a line that cannot be finished */
    return error;
}

static void note_written(struct waiting *waiting, size_t written)
{
    waiting->written += written;
    if (waiting->leg && waiting->written)
        waiting->leg->sent = waiting->written == waiting->len ? SENT_ALL : SENT_SOME;
}

/* False: the pipe takes no more now. */
static bool write_one(struct stdio *stdio, struct waiting *waiting)
{
    struct iovec rest = { waiting->bytes + waiting->written, waiting->len - waiting->written };
    ssize_t put = stream_write(stdio->in, &rest, 1);
    if (put < 0) {
        if (put != E_AGAIN)
            lose_later(stdio);
        return false;
    }
    note_written(waiting, (size_t)put);
    if (put > 0)
        timer_start(&stdio->stall, LIMIT_write_stall_ms);
    if (waiting->written < waiting->len)
        return false;
    drop_waiting(stdio, waiting);
    return true;
}

static void write_some(void *owner)
{
    struct stdio *stdio = owner;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    LIST_EACH (&stdio->queue, link, after)
        if (!write_one(stdio, CONTAINER_OF(link, struct waiting, link)))
            return;
    timer_stop(&stdio->stall);
}

static void stdio_forget(struct instance *instance, struct leg *leg)
{
    struct stdio *stdio = instance->back;
    struct waiting *waiting = leg->transport;
    if (!waiting)
        return;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    leg->transport = NULL;
    waiting->leg = NULL;
    if (waiting->written == 0)
        drop_waiting(stdio, waiting);
    if (list_is_empty(&stdio->queue))
        timer_stop(&stdio->stall);
}

/* ---- reading ---- */

static int on_line(void *arg, struct str line)
{
    struct stdio *stdio = arg;
    instance_receive(stdio->instance, line, NULL);
    return stdio->closing ? E_CLOSED : 0;
}

/* Reads until the pipe is empty (true: it has ended) or for `most` times. What comes while closing is read and dropped,
 * so that a server can write its last words and end. */
static bool read_most(struct stdio *stdio, int most)
{
    for (int i = 0; i < most; i++) {
        ssize_t got = stream_read(stdio->out, stdio->buffer, sizeof(stdio->buffer));
        if (got == E_AGAIN)
            return false;
        if (got <= 0)
            return true;
        if (stdio->closing)
            continue;
        int error = lines_feed(&stdio->lines, str_of(stdio->buffer, (size_t)got), on_line, stdio);
        if (!error || stdio->closing)
            continue;
        log_warn(log_of(stdio), "server '%" STR_FMT "' wrote a line above %d bytes and is killed",
                 STR_ARG(name_of(stdio)), LIMIT_answer_body);
        instance_lose(stdio->instance, REASON_upstream_malformed);
    }
    stream_pause(stdio->out); /* what is left is told again in the next turn */
    stream_resume(stdio->out);
    return false;
}

/* The server will say no more: it gets time to end by itself, and its legs do not wait for that. */
static void output_has_ended(struct stdio *stdio)
{
    stream_close(stdio->out);
    stdio->out = NULL;
    if (stdio->closing)
        return;
    log_debug(log_of(stdio), "server '%" STR_FMT "' closed its output", STR_ARG(name_of(stdio)));
    stdio->ended_itself = true;
    instance_lose(stdio->instance, REASON_upstream_closed);
}

static void read_some(void *owner)
{
    struct stdio *stdio = owner;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    if (read_most(stdio, READS_A_TURN))
        output_has_ended(stdio);
}

/* Its answers may stand in the other pipe still. */
static void input_is_broken(struct deferred *deferred)
{
    struct stdio *stdio = CONTAINER_OF(deferred, struct stdio, broken);
    if (stdio->closing)
        return;
    if (stdio->out && read_most(stdio, READS_A_TURN))
        output_has_ended(stdio);
    instance_lose(stdio->instance, REASON_upstream_closed);
}

/* Nothing can be read there: the server closed its side. */
static void input_ready(void *owner)
{
    struct stdio *stdio = owner;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    lose_later(stdio);
}

/* ---- the end ---- */

static void free_stdio(struct deferred *deferred)
{
    struct stdio *stdio = CONTAINER_OF(deferred, struct stdio, dead);
    stdio->magic = 0;
    free(stdio);
}

static void closed(struct stdio *stdio)
{
    struct instance *instance = stdio->instance;
    stdio->closing = true;
    drop_queue(stdio);
    stream_close(stdio->in);
    stream_close(stdio->out);
    stdio->in = stdio->out = NULL;
    lines_release(&stdio->lines);
    if (stdio->child)
        child_free(stdio->child);
    stdio->child = NULL;
    instance_closed(instance);
    loop_defer(instance->upstream->services.loop, &stdio->dead);
}

static void log_status(struct stdio *stdio, int status)
{
    struct instance *instance = stdio->instance;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    const char *how = WIFSIGNALED(status) ? "was ended by signal" : "ended with status";
    instance_say_why(instance, "it %s %d", how, number);
    struct str words = str_slice(child_last_words(stdio->child), 0, sizeof(instance->last_words) - 1);
    snprintf(instance->last_words, sizeof(instance->last_words), "%" STR_FMT, STR_ARG(words));
    log_warn(log_of(stdio), "server '%" STR_FMT "' %s %d", STR_ARG(name_of(stdio)), how, number);
}

/* Every writer of the pipe is gone: what it holds is read first. */
static void child_ended(void *owner, int status)
{
    struct stdio *stdio = owner;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    if (!stdio->closing || stdio->ended_itself)
        log_status(stdio, status);
    if (stdio->out)
        (void)read_most(stdio, LIMIT_answer_body / READ_BYTES);
    closed(stdio);
}

static void end_child(struct stdio *stdio, bool at_once)
{
    stdio->closing = true;
    drop_queue(stdio);
    stream_close(stdio->in);
    stdio->in = NULL;
    if (stdio->child && at_once)
        child_kill(stdio->child);
    else if (stdio->child)
        child_stop(stdio->child);
}

static void stdio_close(struct instance *instance)
{
    struct stdio *stdio = instance->back;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    const struct waiting *first = first_waiting(stdio);
    end_child(stdio, first && first->written > 0); /* a line that was cut must not be taken for a whole one */
}

static void stdio_kill(struct instance *instance)
{
    struct stdio *stdio = instance->back;
    CHECK_OBJ(stdio, STDIO_MAGIC);
    end_child(stdio, stdio->out != NULL); /* one that has closed its output is ending by itself */
}

/* ---- the beginning ---- */

static int run(struct stdio *stdio, const char *home)
{
    const struct upstream_services *services = &stdio->instance->upstream->services;
    const struct server *server = stdio->instance->upstream->server;
    struct launch launch;
    int error = launch_init(&launch, server, home);
    if (error)
        return error;
    char *self = strndup(services->self.ptr, services->self.len);
    struct child_options options = {
        .self = self,
        .argv = (const char *const *)launch.argv,
        .env = (const char *const *)launch.env,
        .cwd = launch.cwd,
        .name = name_of(stdio),
        .secrets = server->secrets,
        .secret_count = server->secret_count,
    };
    error = self ? child_start(services->loop, services->log, &options, &child_events, stdio, &stdio->child) : E_NOMEM;
    free(self);
    launch_release(&launch);
    return error;
}

/* From here on the child's end is what tells that it is over. */
static void connect_pipes(struct stdio *stdio)
{
    struct loop *loop = stdio->instance->upstream->services.loop;
    int in = child_take_stdin(stdio->child), out = child_take_stdout(stdio->child);
    int error = stream_new(loop, in, false, &input_events, stdio, &stdio->in);
    if (error)
        stdio->in = NULL;
    if (stream_new(loop, out, false, &output_events, stdio, &stdio->out) != 0) {
        stdio->out = NULL;
        error = E_NOMEM;
    }
    if (error)
        lose_later(stdio);
}

static void opened(struct deferred *deferred)
{
    struct stdio *stdio = CONTAINER_OF(deferred, struct stdio, begun);
    if (!stdio->closing)
        instance_opened(stdio->instance);
}

static void make_home(struct job *job)
{
    struct stdio *stdio = CONTAINER_OF(job, struct stdio, job);
    const struct instance *instance = stdio->instance;
    const struct server *server = instance->upstream->server;
    struct str below = STR_EMPTY;
    if (server->isolation != ISOLATION_SERVER || !instance_is_control(instance))
        below = instance_is_control(instance) ? STR(".control") : str_from_c(instance->isolation);
    stdio->job_error =
        home_prepare(instance->upstream->services.data, server->name, below, server->home == HOME_FRESH, stdio->home);
}

static void home_is_made(struct job *job)
{
    struct stdio *stdio = CONTAINER_OF(job, struct stdio, job);
    int error = stdio->job_error;
    if (!error && !stdio->closing)
        error = run(stdio, stdio->home);
    if (error)
        log_warn(log_of(stdio), "server '%" STR_FMT "' cannot be started: %s", STR_ARG(name_of(stdio)),
                 error_text(error));
    if (error)
        instance_say_why(stdio->instance, "it cannot be started: %s", error_text(error));
    if (error || stdio->closing) {
        closed(stdio);
        return;
    }
    connect_pipes(stdio);
    instance_opened(stdio->instance);
}

static int stdio_open(struct instance *instance)
{
    struct loop *loop = instance->upstream->services.loop;
    struct stdio *stdio = calloc(1, sizeof(*stdio));
    if (!stdio)
        return E_NOMEM;
    stdio->magic = STDIO_MAGIC;
    stdio->instance = instance;
    stdio->job = (struct job){ .work = make_home, .done = home_is_made };
    stdio->begun.run = opened;
    stdio->broken.run = input_is_broken;
    stdio->dead.run = free_stdio;
    list_init(&stdio->queue);
    timer_init(&stdio->stall, loop, stalled);
    lines_init(&stdio->lines, LIMIT_answer_body);
    bool own_home = instance->upstream->server->home != HOME_SHARED;
    int error = own_home ? loop_submit(loop, &stdio->job) : run(stdio, NULL);
    if (error) {
        free(stdio);
        return error;
    }
    instance->back = stdio;
    if (own_home)
        return 0;
    connect_pipes(stdio);
    loop_defer(loop, &stdio->begun);
    return 0;
}

const struct back_ops stdio_back = {
    .open = stdio_open,
    .send = stdio_send,
    .forget = stdio_forget,
    .close = stdio_close,
    .kill = stdio_kill,
};
