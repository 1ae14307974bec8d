/* The gateway's side of a child: starts the process that stands over the server, watches it by a descriptor, so that no
 * signal ever meets a number that is another's by now, and hears from it why the server did not start or how it ended.
 */
#include "io/child.h"

#include "io/child_stderr.h"
#include "io/child_wire.h"
#include "base/failure.h"
#include "io/loop_types.h"
#include "io/processes.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_MAGIC 0x4348494cu
#define PIPE_BYTES 262144 /* more would soon use up what the pipes of one user may hold together (pipe(7)) */
#define LOWEST_FD 10      /* ours stay clear of 0 to 3, where the child's are put */
#define ORPHAN_LOOKS 100  /* at /proc, while each finds more */
#define STUCK_MS 5000     /* from "kill everything" to killing who should have */

enum child_stage { STAGE_RUNS, STAGE_WAITS_FOR_TERM, STAGE_WAITS_FOR_KILL, STAGE_KILLED };

struct child {
    unsigned magic;
    struct list link; /* the loop's children, until `ended` */
    struct loop *loop;
    struct log *log;
    const struct child_events *events;
    void *owner;
    char *name, *program, *directory;
    pid_t pid; /* ours to wait for until `ended` */
    struct watch exit, control;
    int in, out; /* until they are taken */
    struct child_stderr err;
    struct timer timer;
    struct deferred deferred;
    enum child_stage stage;
    int status;
    bool reported, failed, ended;
};

/* The ends of a child's pipes: ours and its. */
struct ends {
    int in[2], out[2], err[2], control[2];
};

/* ---- what it reports ---- */

static void say_failure(const struct child *child, const struct child_report *report)
{
    const char *why = strerror(report->value);

    switch (report->kind) {
    case CHILD_FAILED_CONFINE:
        log_error(child->log, "server '%s': cannot confine a process: %s", child->name, why);
        break;
    case CHILD_FAILED_FORK: log_error(child->log, "server '%s': cannot make a process: %s", child->name, why); break;
    case CHILD_FAILED_CHDIR:
        log_error(child->log, "server '%s': cannot start in %s: %s", child->name, child->directory, why);
        break;
    default: log_error(child->log, "server '%s': cannot start %s: %s", child->name, child->program, why); break;
    }
}

static void read_reports(struct child *child)
{
    struct child_report report;

    while (recv(child->control.fd, &report, sizeof(report), MSG_DONTWAIT) == sizeof(report)) {
        if (report.kind == CHILD_ENDED) {
            child->reported = true;
            child->status = report.value;
        } else {
            child->failed = true;
            say_failure(child, &report);
        }
    }
}

static void on_control(struct watch *watch, unsigned ready)
{
    (void)ready;
    read_reports(CONTAINER_OF(watch, struct child, control));
}

/* ---- its end ---- */

static void drop(struct child *child, struct watch *watch)
{
    int fd = watch->fd;

    poller_remove(&child->loop->poller, watch);
    if (fd >= 0)
        close(fd);
}

static void release_all(struct child *child)
{
    timer_stop(&child->timer);
    drop(child, &child->exit);
    drop(child, &child->control);
    child_stderr_release(&child->err);
    if (child->in >= 0)
        close(child->in);
    if (child->out >= 0)
        close(child->out);
    child->in = child->out = -1;
}

static bool is_own(void *arg, pid_t pid)
{
    const struct list *children = arg;
    LIST_EACH (children, link, after)
        if (CONTAINER_OF(link, struct child, link)->pid == pid)
            return true;
    return false;
}

/* The server died with it; who was below them is now below us, whatever session they made for themselves. */
static void end_orphans(struct child *child)
{
    log_error(child->log, "server '%s': the process that stands over it was killed", child->name);
    for (int i = 0; i < ORPHAN_LOOKS && processes_kill_adopted(is_own, &child->loop->children) > 0; i++)
        ;
}

static void on_exit_ready(struct watch *watch, unsigned ready)
{
    struct child *child = CONTAINER_OF(watch, struct child, exit);
    siginfo_t info = { 0 };
    int status;

    (void)ready;
    CHECK_OBJ(child, CHILD_MAGIC);
    AZ(waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT | WNOHANG));
    if (info.si_pid == 0)
        return;
    read_reports(child);
    if (!child->reported && !child->failed)
        end_orphans(child);
    CHECK(waitpid(child->pid, &status, 0) == child->pid);
    if (!child->reported)
        child->status = status;
    child_stderr_finish(&child->err);
    release_all(child);
    list_remove(&child->link);
    child->ended = true;
    child->events->ended(child->owner, child->status);
}

/* ---- stopping ---- */

static void signal_child(struct child *child, int signal_number)
{
    (void)pidfd_send_signal(child->exit.fd, signal_number, NULL, 0); /* it may have ended a moment ago */
}

static void on_timer(struct timer *timer)
{
    struct child *child = CONTAINER_OF(timer, struct child, timer);

    switch (child->stage) {
    case STAGE_WAITS_FOR_TERM:
        child->stage = STAGE_WAITS_FOR_KILL;
        signal_child(child, SIGTERM);
        timer_start(&child->timer, LIMIT_child_kill_ms - LIMIT_child_term_ms);
        break;
    case STAGE_WAITS_FOR_KILL: child_kill(child); break;
    case STAGE_KILLED: signal_child(child, SIGKILL); break; /* it was told, and does not do it */
    case STAGE_RUNS: WRONG("a timer that nobody started");
    }
}

void child_stop(struct child *child)
{
    CHECK_OBJ(child, CHILD_MAGIC);
    if (child->ended || child->stage != STAGE_RUNS)
        return;
    child->stage = STAGE_WAITS_FOR_TERM;
    timer_start(&child->timer, LIMIT_child_term_ms);
}

void child_kill(struct child *child)
{
    CHECK_OBJ(child, CHILD_MAGIC);
    if (child->ended || child->stage == STAGE_KILLED)
        return;
    child->stage = STAGE_KILLED;
    (void)send(child->control.fd, "k", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    signal_child(child, SIGCONT); /* the server may have stopped the one above it */
    timer_start(&child->timer, STUCK_MS);
}

/* ---- its start ---- */

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
        pair[i] = -1;
    }
}

static void close_ends(struct ends *ends)
{
    close_pair(ends->in);
    close_pair(ends->out);
    close_pair(ends->err);
    close_pair(ends->control);
}

/* Both above the numbers that the child's own get. */
static int raise_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        int fd = pair[i];
        if (fd >= LOWEST_FD)
            continue;
        pair[i] = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
        close(fd);
        if (pair[i] < 0)
            return error_of_errno(errno);
    }
    return 0;
}

static int open_pipe(int pair[2])
{
    return pipe2(pair, O_CLOEXEC) != 0 ? error_of_errno(errno) : raise_pair(pair);
}

static int open_ends(struct ends *ends)
{
    int error;

    *ends = (struct ends){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
    error = open_pipe(ends->in);
    if (!error)
        error = open_pipe(ends->out);
    if (!error)
        error = open_pipe(ends->err);
    if (!error && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->control) != 0)
        error = error_of_errno(errno);
    if (!error)
        error = raise_pair(ends->control);
    if (error) {
        close_ends(ends);
        return error;
    }
    /* Where the system allows it: fewer turns for a large message. */
    (void)fcntl(ends->in[0], F_SETPIPE_SZ, PIPE_BYTES);
    (void)fcntl(ends->out[0], F_SETPIPE_SZ, PIPE_BYTES);
    return 0;
}

/* A positive errno or 0. vfork's way: nothing of our memory is touched, and other threads' locks do not matter. */
static int spawn(const struct child_options *options, char *const *argv, const struct ends *ends, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    AZ(posix_spawn_file_actions_init(&actions));
    AZ(posix_spawnattr_init(&attributes));
    AZ(posix_spawnattr_setsigmask(&attributes, &none));
    AZ(posix_spawnattr_setsigdefault(&attributes, &all));
    AZ(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID));
    error = posix_spawn_file_actions_adddup2(&actions, ends->in[0], STDIN_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, ends->out[1], STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, ends->err[1], STDERR_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, ends->control[1], CHILD_CONTROL_FD);
    if (!error)
        error = posix_spawn(pid, options->self, &actions, &attributes, argv, (char *const *)(uintptr_t)options->env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int spawn_over(const struct child_options *options, const struct ends *ends, pid_t *pid)
{
    const char *argv[LIMIT_child_args + 5] = { options->self, CHILD_COMMAND, options->cwd ? options->cwd : "", "--" };

    for (size_t i = 0; options->argv[i]; i++) {
        if (i == LIMIT_child_args)
            return E2BIG;
        argv[4 + i] = options->argv[i];
    }
    return spawn(options, (char *const *)(uintptr_t)argv, ends, pid);
}

static struct child *allocate(struct loop *loop, struct log *log, const struct child_options *options,
                              const struct child_events *events, void *owner)
{
    struct child *child = calloc(1, sizeof(*child));

    if (!child)
        return NULL;
    child->magic = CHILD_MAGIC;
    list_init(&child->link);
    child->loop = loop;
    child->log = log;
    child->events = events;
    child->owner = owner;
    child->in = child->out = child->exit.fd = child->control.fd = -1;
    child->name = strndup(options->name.ptr, options->name.len);
    child->program = strdup(options->argv[0]);
    child->directory = strdup(options->cwd ? options->cwd : "");
    timer_init(&child->timer, loop, on_timer);
    return child;
}

static void deallocate(struct child *child)
{
    free(child->name);
    free(child->program);
    free(child->directory);
    child->magic = 0;
    free(child);
}

/* Descriptors and watches that need no process yet. */
static int prepare(struct child *child, const struct child_options *options, struct ends *ends)
{
    struct mask *mask;
    int fd = ends->err[0], error;

    if (!child->name || !child->program || !child->directory)
        return E_NOMEM;
    error = mask_new(options->secrets, options->secret_count, &mask);
    if (error)
        return error;
    ends->err[0] = -1;
    error = child_stderr_init(&child->err, child->loop, child->log, str_from_c(child->name), mask, fd);
    if (error)
        return error;
    error = poller_add(&child->loop->poller, &child->control, ends->control[0], WATCH_READ, on_control);
    if (!error)
        ends->control[0] = -1;
    return error;
}

/* A process that cannot be watched is not kept: its socket closes with this gateway's end, and it is waited for. */
static int watch_exit(struct child *child)
{
    int fd = pidfd_open(child->pid, 0), error = E_LIMIT;

    if (fd >= 0)
        error = poller_add(&child->loop->poller, &child->exit, fd, WATCH_READ, on_exit_ready);
    if (!error)
        return 0;
    if (fd >= 0)
        close(fd);
    drop(child, &child->control);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return error;
}

int child_start(struct loop *loop, struct log *log, const struct child_options *options,
                const struct child_events *events, void *owner, struct child **out)
{
    struct child *child;
    struct ends ends;
    int error, number;

    CHECK_OBJ(loop, LOOP_MAGIC);
    CHECK(options->self[0] == '/' && options->argv[0][0] == '/');
    AN(events->ended);
    AZ(prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL)); /* who loses the one above it comes to us */
    error = open_ends(&ends);
    if (error)
        return error;
    child = allocate(loop, log, options, events, owner);
    error = child ? prepare(child, options, &ends) : E_NOMEM;
    if (error)
        goto failed;
    number = spawn_over(options, &ends, &child->pid);
    if (number) {
        log_error(log, "server '%s': cannot start %s: %s", child->name, options->self, strerror(number));
        error = error_of_errno(number);
        goto failed;
    }
    error = watch_exit(child);
    if (error)
        goto failed;
    list_append(&loop->children, &child->link);
    child->in = ends.in[1];
    child->out = ends.out[0];
    ends.in[1] = ends.out[0] = -1;
    close_ends(&ends);
    *out = child;
    return 0;

failed:
    close_ends(&ends);
    if (child) {
        release_all(child);
        deallocate(child);
    }
    return error;
}

/* ---- the rest ---- */

static int take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

int child_take_stdin(struct child *child)
{
    CHECK_OBJ(child, CHILD_MAGIC);
    return take(&child->in);
}

int child_take_stdout(struct child *child)
{
    CHECK_OBJ(child, CHILD_MAGIC);
    return take(&child->out);
}

struct str child_last_words(const struct child *child)
{
    CHECK_OBJ(child, CHILD_MAGIC);
    return str_of(child->err.last, child->err.last_len);
}

int64_t child_pid(const struct child *child)
{
    CHECK_OBJ(child, CHILD_MAGIC);
    return child->pid;
}

static void on_child_end_of_turn(struct deferred *deferred)
{
    deallocate(CONTAINER_OF(deferred, struct child, deferred));
}

void child_free(struct child *child)
{
    if (!child)
        return;
    CHECK_OBJ(child, CHILD_MAGIC);
    CHECK(child->ended);
    child->ended = false; /* twice is caught */
    child->deferred.run = on_child_end_of_turn;
    loop_defer(child->loop, &child->deferred);
}
