/* The process that stands over a server. It confines itself (what it gives up, the server never had), forks the server,
 * and then does one thing: when the server ends, SIGTERM comes or the gateway is gone, it leaves no descendant behind.
 * As their subreaper it is the parent of every orphan among them, also of those that made a session of their own; while
 * waitpid() knows of a child, somebody is left. It has one thread and allocates nothing but what the look at /proc
 * needs. */
#include "io/child.h"

#include "io/child_wire.h"
#include "io/processes.h"

#include "base/check.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_AGAIN_MS 10 /* while killing; doubled while nobody dies: one that the kernel holds may take its time */
#define LOOK_AGAIN_MAX_MS 320
#define EXIT_NOT_STARTED 127 /* as shells say it */

struct supervisor {
    pid_t server; /* -1: it was reaped, and its number may be another's */
    int status;   /* waitpid's, from then on */
    int signals;  /* signalfd */
    bool stopping, killing;
    int look_again_ms;  /* while killing */
    int64_t kill_at_ms; /* while stopping */
};

static void report(enum child_report_kind kind, int value)
{
    struct child_report report = { (int32_t)kind, value };

    (void)send(CHILD_CONTROL_FD, &report, sizeof(report), MSG_NOSIGNAL); /* who is gone needs no report */
}

static int64_t now_ms(void)
{
    struct timespec now;

    AZ(clock_gettime(CLOCK_MONOTONIC, &now));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- before the server is there ---- */

static int lower_limit(int resource, rlim_t wanted)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0)
        return -1;
    if (limit.rlim_max > wanted) /* RLIM_INFINITY is above all */
        limit.rlim_max = wanted;
    if (limit.rlim_cur > limit.rlim_max || resource == RLIMIT_NOFILE)
        limit.rlim_cur = limit.rlim_max;
    return setrlimit(resource, &limit);
}

static bool set(int option, unsigned long value)
{
    return prctl(option, value, 0UL, 0UL, 0UL) == 0;
}

/* All of it or nothing starts. */
static bool confine(void)
{
    return set(PR_SET_NO_NEW_PRIVS, 1) && set(PR_SET_CHILD_SUBREAPER, 1) && set(PR_SET_DUMPABLE, 0) &&
           close_range(CHILD_CONTROL_FD + 1, ~0U, 0) == 0 && fcntl(CHILD_CONTROL_FD, F_SETFD, FD_CLOEXEC) == 0 &&
           set(PR_SET_PDEATHSIG, SIGCONT) && /* a server that stopped us does not outlive the gateway by that */
           lower_limit(RLIMIT_CORE, 0) == 0 && lower_limit(RLIMIT_NOFILE, LIMIT_child_files) == 0 &&
           lower_limit(RLIMIT_FSIZE, (rlim_t)LIMIT_child_file_mib << 20) == 0;
}

static void reset_signals(sigset_t *all)
{
    struct sigaction action = { .sa_handler = SIG_DFL };

    sigemptyset(&action.sa_mask);
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL); /* not for SIGKILL, SIGSTOP and libc's own */
    sigfillset(all);
    AZ(sigprocmask(SIG_SETMASK, all, NULL)); /* those that mean something come through signalfd, the others never */
}

static bool open_signals(struct supervisor *supervisor)
{
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    sigaddset(&wanted, SIGQUIT);
    supervisor->signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    return supervisor->signals >= 0;
}

_Noreturn static void become_server(pid_t supervisor, const char *directory, char **argv)
{
    sigset_t none;

    /* Should the server kill the one above it, it goes with it. */
    CHECK(set(PR_SET_PDEATHSIG, SIGKILL));
    if (getppid() != supervisor)
        _exit(EXIT_NOT_STARTED);
    AZ(setpgid(0, 0));
    sigemptyset(&none);
    AZ(sigprocmask(SIG_SETMASK, &none, NULL));
    if (*directory && chdir(directory) != 0) {
        report(CHILD_FAILED_CHDIR, errno);
    } else {
        execve(argv[0], argv, environ);
        report(CHILD_FAILED_EXEC, errno);
    }
    _exit(EXIT_NOT_STARTED);
}

/* The pipes are the server's alone: their other ends must see it end. */
static void let_go_of_pipes(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (null < 0 || dup2(null, fd) < 0)
            close(fd);
    }
    if (null > STDERR_FILENO)
        close(null);
}

/* ---- while it runs ---- */

/* False when no child of any generation is left. */
static bool reap(struct supervisor *supervisor)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0)
            return true;
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return false;
        supervisor->look_again_ms = LOOK_AGAIN_MS;
        if (pid == supervisor->server) {
            supervisor->server = -1;
            supervisor->status = status;
            supervisor->killing = true;
        }
    }
}

static void stop(struct supervisor *supervisor)
{
    if (supervisor->stopping || supervisor->killing)
        return;
    supervisor->stopping = true;
    supervisor->kill_at_ms = now_ms() + LIMIT_child_kill_ms - LIMIT_child_term_ms;
    processes_signal_descendants(SIGTERM);
    processes_signal_descendants(SIGCONT); /* who is stopped hears it too */
}

static void read_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;

    while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGCHLD)
            stop(supervisor);
    }
}

static void wait_for_news(struct supervisor *supervisor)
{
    struct pollfd fds[2] = {
        { .fd = supervisor->signals, .events = POLLIN },
        { .fd = supervisor->killing ? -1 : CHILD_CONTROL_FD, .events = POLLIN },
    };
    int timeout = -1;

    if (supervisor->killing) {
        timeout = supervisor->look_again_ms;
        if (supervisor->look_again_ms < LOOK_AGAIN_MAX_MS)
            supervisor->look_again_ms *= 2;
    } else if (supervisor->stopping) {
        int64_t left = supervisor->kill_at_ms - now_ms();
        timeout = left > 0 ? (int)left : 0;
    }
    if (poll(fds, 2, timeout) < 0)
        CHECK(errno == EINTR);
    if (fds[0].revents)
        read_signals(supervisor);
    if (fds[1].revents || (supervisor->stopping && now_ms() >= supervisor->kill_at_ms))
        supervisor->killing = true;
}

static void stand_over(struct supervisor *supervisor)
{
    while (reap(supervisor)) {
        if (supervisor->killing && processes_signal_descendants(SIGKILL) == 0 && supervisor->server > 0)
            (void)kill(supervisor->server, SIGKILL); /* where /proc cannot be read: at least this one */
        wait_for_news(supervisor);
    }
}

int child_exec_main(int argc, char **argv)
{
    struct supervisor supervisor = { .server = -1, .look_again_ms = LOOK_AGAIN_MS };
    pid_t self = getpid();
    sigset_t all;
    int type = 0;
    socklen_t len = sizeof(type);

    if (argc < 5 || strcmp(argv[3], "--") != 0 || getsockopt(CHILD_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        type != SOCK_SEQPACKET) {
        fprintf(stderr, "%s is how the gateway starts servers; it is not for people\n", CHILD_COMMAND);
        return 2;
    }
    reset_signals(&all);
    if (!confine() || !open_signals(&supervisor)) {
        report(CHILD_FAILED_CONFINE, errno);
        _exit(EXIT_NOT_STARTED);
    }
    supervisor.server = fork();
    if (supervisor.server < 0) {
        report(CHILD_FAILED_FORK, errno);
        _exit(EXIT_NOT_STARTED);
    }
    if (supervisor.server == 0)
        become_server(self, argv[2], argv + 4);
    let_go_of_pipes();
    stand_over(&supervisor);
    report(CHILD_ENDED, supervisor.status);
    _exit(0);
}
