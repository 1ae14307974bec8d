/* Children: how they start, what they are given, what they say, and that nothing of them is left. This program is also
 * the process over a server ("__exec") and the servers that misbehave: see `roles`. */
#include "child_roles.h"
#include "rig.h"

#include "base/limits.h"
#include "io/child.h"
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[PATH_MAX];

/* ---- the rig of a child ---- */

struct shifted { /* the system's clock, and what a test adds; or one that stands still */
    struct clock clock;
    int64_t      by, stands_ms; /* monotonic; 0: it goes */
};

static int64_t shifted_wall(struct clock *clock)
{
    return clock_wall_ms(clock_system()) + ((struct shifted *)(void *)clock)->by;
}

static int64_t shifted_mono(struct clock *clock)
{
    const struct shifted *shifted = (struct shifted *)(void *)clock;
    return (shifted->stands_ms ? shifted->stands_ms : clock_mono_ms(clock_system())) + shifted->by;
}

#define SAID_BYTES 70000

struct nursery {
    struct rig     rig;
    struct shifted clock;
    struct child  *child;
    struct stream *in, *out;
    char           said[SAID_BYTES];
    size_t         len;
    int            ended, status, out_ended;
    bool           has_secret;
};

static void out_readable(void *owner)
{
    struct nursery *nursery = owner;
    ssize_t got;
    while ((got = stream_read(nursery->out, nursery->said + nursery->len, SAID_BYTES - 1 - nursery->len)) > 0)
        nursery->len += (size_t)got;
    nursery->said[nursery->len] = '\0';
    if (got != E_AGAIN)
        nursery->out_ended = 1;
}

static void in_readable(void *owner)
{
    (void)owner; /* the other end is gone */
}

static void child_ended(void *owner, int status)
{
    struct nursery *nursery = owner;
    nursery->ended++;
    nursery->status = status;
    child_free(nursery->child);
    nursery->child = NULL;
}

static const struct stream_events out_events = { .readable = out_readable };
static const struct stream_events in_events = { .readable = in_readable };
static const struct child_events child_events = { child_ended };
static const char *const no_env[] = { "PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0", NULL };

static struct nursery *nursery_new(void)
{
    struct nursery *nursery = calloc(1, sizeof(*nursery));
    assert_non_null(nursery);
    nursery->clock.clock = (struct clock){ shifted_wall, shifted_mono };
    rig_init(&nursery->rig, &nursery->clock.clock);
    return nursery;
}

static int start(struct nursery *nursery, const char *const *argv, const char *const *env, const char *cwd)
{
    static const struct mask_word secret = { { "${TOY_KEY}", 10 }, { "bear-4711-rabbit", 16 } };
    const struct child_options options = {
        .self = self, .argv = argv, .env = env, .cwd = cwd, .name = STR("toys"), .secrets = &secret,
        .secret_count = nursery->has_secret ? 1 : 0,
    };
    int error = child_start(nursery->rig.loop, &nursery->rig.log, &options, &child_events, nursery, &nursery->child);
    if (error)
        return error;
    int in = child_take_stdin(nursery->child), out = child_take_stdout(nursery->child);
    assert_int_equal(stream_new(nursery->rig.loop, in, false, &in_events, nursery, &nursery->in), 0);
    assert_int_equal(stream_new(nursery->rig.loop, out, false, &out_events, nursery, &nursery->out), 0);
    assert_int_equal(child_take_stdin(nursery->child), -1);
    assert_int_equal(child_take_stdout(nursery->child), -1);
    return 0;
}

static struct nursery *start_role(const char *role)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { self, role, NULL };
    assert_int_equal(start(nursery, argv, no_env, NULL), 0);
    return nursery;
}

static struct nursery *start_shell(const char *script)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { "/bin/sh", "-c", script, NULL };
    assert_int_equal(start(nursery, argv, no_env, NULL), 0);
    return nursery;
}

/* However slow the machine is, no time passes but what the test adds. */
static void stand_still(struct nursery *nursery)
{
    nursery->clock.stands_ms = clock_mono_ms(clock_system());
}

static void turn_a_while(struct nursery *nursery)
{
    for (int i = 0; i < 10; i++) {
        loop_turn(nursery->rig.loop, false);
        usleep(5000);
    }
}

static void close_in(struct nursery *nursery)
{
    stream_close(nursery->in);
    nursery->in = NULL;
}

static void nursery_free(struct nursery *nursery)
{
    assert_null(nursery->child);
    stream_close(nursery->in);
    stream_close(nursery->out);
    rig_release(&nursery->rig);
    free(nursery);
}

static unsigned lines_said(const struct nursery *nursery)
{
    unsigned lines = 0;
    for (const char *at = nursery->said; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

/* Of the numbers in `text`, one a line, how many are processes that live. */
static unsigned count_living(const char *text)
{
    unsigned living = 0;
    for (char *end; *text; text = end + 1) {
        char path[64], stat[512] = "";
        long pid = strtol(text, &end, 10);
        assert_true(pid > 1 && *end == '\n');
        snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t got = read(fd, stat, sizeof(stat) - 1);
        close(fd);
        const char *behind = got > 0 ? strrchr(stat, ')') : NULL;
        living += behind && behind[2] != 'Z';
    }
    return living;
}

/* ---- starting ---- */

static void cat_says_what_it_hears_and_ends_with_its_input(void **state)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { "/bin/cat", NULL };
    char text[] = "one\ntwo\n";
    struct iovec part = { text, sizeof(text) - 1 };
    (void)state;
    assert_int_equal(start(nursery, argv, no_env, NULL), 0);
    assert_true(child_pid(nursery->child) > 1);
    assert_int_equal(stream_write(nursery->in, &part, 1), 8);
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 2);
    assert_string_equal(nursery->said, text);
    assert_int_equal(nursery->ended, 0);
    close_in(nursery);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1 && nursery->out_ended);
    assert_true(WIFEXITED(nursery->status) && WEXITSTATUS(nursery->status) == 0);
    assert_int_equal(nursery->rig.logged_len, 0);
    nursery_free(nursery);
}

static void the_status_is_the_servers(void **state)
{
    struct nursery *nursery = start_shell("exit 7");

    (void)state;
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_true(WIFEXITED(nursery->status) && WEXITSTATUS(nursery->status) == 7);
    nursery_free(nursery);
    nursery = start_shell("kill -USR1 $$");
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_true(WIFSIGNALED(nursery->status) && WTERMSIG(nursery->status) == SIGUSR1);
    nursery_free(nursery);
}

static void a_gateway_that_was_started_with_sigchld_ignored_sees_its_children_end(void **state)
{
    struct nursery *nursery;

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    nursery = start_shell("exit 3");
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(WEXITSTATUS(nursery->status), 3);
    nursery_free(nursery);
}

static void what_it_wrote_before_its_end_is_not_lost(void **state)
{
    struct nursery *nursery = start_shell("i=0; while [ $i -lt 2000 ]; do echo line-$i; i=$((i+1)); done");

    (void)state;
    RIG_UNTIL(&nursery->rig, nursery->ended == 1 && nursery->out_ended);
    assert_int_equal(lines_said(nursery), 2000);
    nursery_free(nursery);
}

static void the_pipes_are_the_servers_alone(void **state)
{
    struct nursery *nursery = start_shell("exec <&- >&-; sleep 1000");
    struct iovec part = { (char[]){ 'x' }, 1 };

    (void)state;
    RIG_UNTIL(&nursery->rig, nursery->out_ended);
    assert_int_equal(stream_write(nursery->in, &part, 1), E_CLOSED);
    assert_int_equal(nursery->ended, 0);
    child_kill(nursery->child);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    nursery_free(nursery);
}

static void the_environment_is_what_was_given(void **state)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { "/usr/bin/env", NULL }, *const env[] = { "A=1", "ASAN_OPTIONS=detect_leaks=0", NULL };

    (void)state;
    assert_int_equal(setenv("SECRET_OF_THE_GATEWAY", "x", 1), 0);
    assert_int_equal(start(nursery, argv, env, NULL), 0);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1 && nursery->out_ended);
    assert_string_equal(nursery->said, "A=1\nASAN_OPTIONS=detect_leaks=0\n");
    nursery_free(nursery);
}

static void it_starts_in_its_directory(void **state)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { "/bin/sh", "-c", "pwd -P", NULL };

    (void)state;
    assert_int_equal(start(nursery, argv, no_env, "/usr/bin"), 0);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1 && nursery->out_ended);
    assert_string_equal(nursery->said, "/usr/bin\n");
    nursery_free(nursery);
}

static void what_cannot_start_says_why(void **state)
{
    static const struct {
        const char *program, *directory, *text;
    } cases[] = {
        { "/nowhere/server", NULL, "server 'toys': cannot start /nowhere/server: No such file or directory" },
        { "/etc/passwd", NULL, "server 'toys': cannot start /etc/passwd: Permission denied" },
        { "/bin/cat", "/nowhere", "server 'toys': cannot start in /nowhere: No such file or directory" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nursery *nursery = nursery_new();
        const char *const argv[] = { cases[i].program, NULL };
        assert_int_equal(start(nursery, argv, no_env, cases[i].directory), 0);
        RIG_UNTIL(&nursery->rig, nursery->ended == 1);
        assert_int_equal(WEXITSTATUS(nursery->status), 127);
        if (!rig_logged(&nursery->rig, cases[i].text))
            fail_msg("not in the log: %s\nbut: %s", cases[i].text, nursery->rig.logged);
        assert_int_equal(rig_logged_times(&nursery->rig, "\n"), 1);
        nursery_free(nursery);
    }
}

static void without_ourselves_nothing_starts(void **state)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { "/bin/cat", NULL };
    const char *many[LIMIT_child_args + 2] = { NULL };
    struct child_options options = { .self = "/nowhere/warder", .argv = argv, .env = no_env, .name = STR("toys") };

    (void)state;
    struct loop *loop = nursery->rig.loop;
    struct log *log = &nursery->rig.log;
    assert_int_equal(child_start(loop, log, &options, &child_events, nursery, &nursery->child), E_NOT_FOUND);
    assert_true(rig_logged(&nursery->rig, "server 'toys': cannot start /nowhere/warder: No such file"));
    for (int i = 0; i <= LIMIT_child_args; i++)
        many[i] = "/bin/cat";
    options.self = self;
    options.argv = many;
    assert_int_equal(child_start(loop, log, &options, &child_events, nursery, &nursery->child), E_LIMIT);
    nursery_free(nursery);
}

static void people_are_told_that_it_is_not_for_them(void **state)
{
    char *argv[] = { self, (char[]){ "__exec" }, (char[]){ "" }, (char[]){ "--" }, (char[]){ "/bin/true" }, NULL };

    (void)state;
    int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, 2);
    int three = fcntl(3, F_DUPFD_CLOEXEC, 10); /* whatever it is, it is no socket of packets meanwhile */
    dup2(null, 3);
    int status = child_exec_main(5, argv);
    close(3);
    if (three >= 0) {
        dup2(three, 3);
        close(three);
    }
    dup2(saved, 2);
    close(saved);
    close(null);
    assert_int_equal(status, 2);
}

static void a_server_is_confined(void **state)
{
    struct nursery *nursery;
    struct rlimit files;
    sigset_t usr1;
    char wanted[256];

    (void)state;
    /* What the gateway ignores, blocks or holds open is not the server's. */
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    int leaked = open("/dev/null", O_RDONLY);
    assert_true(fcntl(leaked, F_DUPFD, 200) >= 200);
    nursery = start_role("confined");
    RIG_UNTIL(&nursery->rig, nursery->ended == 1 && nursery->out_ended);
    getrlimit(RLIMIT_NOFILE, &files);
    unsigned long most = files.rlim_max < LIMIT_child_files ? (unsigned long)files.rlim_max : LIMIT_child_files;
    snprintf(wanted, sizeof(wanted),
             "privileges=1 core=0/0 files=%lu/%lu size=%d session=1 group=1 fd=0 fd=1 fd=2\n", most, most,
             LIMIT_child_file_mib);
    assert_string_equal(nursery->said, wanted);
    close(leaked);
    close(200);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    signal(SIGUSR2, SIG_DFL);
    nursery_free(nursery);
}

/* ---- standard error ---- */

static void standard_error_goes_to_the_log_in_lines(void **state)
{
    struct nursery *nursery = start_shell("printf 'first\\n\\n  \\nsecond\\r\\n' >&2; "
                                          "printf 'a\\033[31mb\\000c\\n' >&2; printf 'no end' >&2");

    (void)state;
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_string_equal(nursery->rig.logged, "server 'toys': first\nserver 'toys': second\nserver 'toys': a\\x1b[31mb\n"
                                             "server 'toys': c\nserver 'toys': no end\n");
    nursery_free(nursery);
}

static void a_long_line_is_logged_in_parts(void **state)
{
    struct nursery *nursery = start_shell("head -c 5000 /dev/zero | tr '\\0' y >&2");

    (void)state;
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(rig_logged_times(&nursery->rig, "server 'toys': yyyy"), 3);
    assert_int_equal(rig_logged_times(&nursery->rig, "y"), 5000 + 3); /* and one in each "toys" */
    nursery_free(nursery);
}

/* However its bytes come: in one write, in two with time between them, and across the cut of a line that is too long. */
static void a_secret_is_not_logged(void **state)
{
    struct nursery *nursery = nursery_new();
    const char *const argv[] = { "/bin/sh", "-c",
                                 "echo key=bear-4711-rabbit >&2; printf 'in parts bear-47' >&2; sleep 0.1; echo 11-rabbit. >&2; "
                                 "for n in 2030 2035 2040 2047 2048; do head -c $n /dev/zero | tr '\\0' y >&2; "
                                 "printf bear-4711-rabbit >&2; head -c 2000 /dev/zero | tr '\\0' z >&2; echo >&2; done; "
                                 "printf 'last words: bear-4711-rabbit' >&2",
                                 NULL };

    (void)state;
    nursery->has_secret = true;
    stand_still(nursery);
    assert_int_equal(start(nursery, argv, no_env, NULL), 0);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_true(rig_logged(&nursery->rig, "server 'toys': key=${TOY_KEY}\n"));
    assert_true(rig_logged(&nursery->rig, "server 'toys': in parts ${TOY_KEY}.\n"));
    assert_true(rig_logged(&nursery->rig, "server 'toys': last words: ${TOY_KEY}\n"));
    assert_int_equal(rig_logged_times(&nursery->rig, "y${TOY_KEY}"), 5);
    assert_int_equal(rig_logged_times(&nursery->rig, "z"), 5 * 2000);
    assert_int_equal(rig_logged_times(&nursery->rig, "4711") + rig_logged_times(&nursery->rig, "bear") +
                         rig_logged_times(&nursery->rig, "rabbit"),
                     0);
    nursery_free(nursery);
}

static void a_flood_is_cut_and_said_once_a_second(void **state)
{
    struct nursery *nursery = start_role("flood");
    unsigned lines;
    char wanted[80];

    (void)state;
    stand_still(nursery);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_in_range(nursery->rig.logged_len, LIMIT_stderr_per_second / 2, sizeof(nursery->rig.logged) - 1);
    lines = rig_logged_times(&nursery->rig, "xxx\n");
    assert_int_equal(rig_logged_times(&nursery->rig, "dropped"), 1);
    snprintf(wanted, sizeof(wanted), "server 'toys': %u bytes of standard error dropped\n", 99 * (FLOOD_LINES - lines));
    assert_true(rig_logged(&nursery->rig, wanted));
    nursery_free(nursery);
}

/* ---- ending ---- */

static void nobody_survives_a_kill(void **state)
{
    struct nursery *nursery = start_role("stubborn");
    int64_t began;

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 4);
    assert_int_equal(count_living(nursery->said), 4);
    began = clock_mono_ms(clock_system());
    child_kill(nursery->child);
    child_kill(nursery->child);
    child_stop(nursery->child);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(count_living(nursery->said), 0);
    assert_true(clock_mono_ms(clock_system()) - began < LIMIT_child_kill_ms - LIMIT_child_term_ms); /* no grace */
    assert_true(WIFSIGNALED(nursery->status) && WTERMSIG(nursery->status) == SIGKILL);
    nursery_free(nursery);
}

static void nobody_survives_the_server(void **state)
{
    struct nursery *nursery = start_role("leaver");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 4);
    close_in(nursery);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(count_living(nursery->said), 0);
    assert_int_equal(WEXITSTATUS(nursery->status), 5);
    nursery_free(nursery);
}

static void nobody_survives_a_storm_of_forks(void **state)
{
    struct nursery *nursery = start_role("storm");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 1);
    rig_pass(&nursery->rig, 30);
    child_kill(nursery->child);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1); /* which comes when no child of any generation is left */
    RIG_UNTIL(&nursery->rig, nursery->out_ended);  /* each of them held the pipe */
    nursery_free(nursery);
}

static void a_stop_waits_then_asks(void **state)
{
    struct nursery *nursery = start_role("gentle");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 1);
    close_in(nursery);
    stand_still(nursery);
    child_stop(nursery->child);
    turn_a_while(nursery);
    assert_int_equal(nursery->ended, 0);
    nursery->clock.by += LIMIT_child_term_ms - 1;
    turn_a_while(nursery);
    assert_int_equal(nursery->ended, 0);
    nursery->clock.by += 1;
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_true(WIFEXITED(nursery->status) && WEXITSTATUS(nursery->status) == 42);
    nursery_free(nursery);
}

static void a_stop_asks_then_kills(void **state)
{
    struct nursery *nursery = start_role("stubborn");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 4);
    close_in(nursery);
    child_stop(nursery->child);
    nursery->clock.by += LIMIT_child_term_ms;
    rig_pass(&nursery->rig, 100);
    assert_int_equal(count_living(nursery->said), 4);
    nursery->clock.by += LIMIT_child_kill_ms - LIMIT_child_term_ms;
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(count_living(nursery->said), 0);
    nursery_free(nursery);
}

static void sigterm_from_outside_is_passed_on(void **state)
{
    struct nursery *nursery = start_role("gentle");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 1);
    assert_int_equal(kill((pid_t)child_pid(nursery->child), SIGTERM), 0);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(WEXITSTATUS(nursery->status), 42);
    nursery_free(nursery);
}

/* Nobody but the process over it counts the seconds here. */
static void who_ignores_sigterm_from_outside_is_killed_after_the_grace(void **state)
{
    struct nursery *nursery = start_role("stubborn");
    int64_t began = clock_mono_ms(clock_system());

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 4);
    assert_int_equal(kill((pid_t)child_pid(nursery->child), SIGTERM), 0);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_true(clock_mono_ms(clock_system()) - began >= LIMIT_child_kill_ms - LIMIT_child_term_ms);
    assert_int_equal(count_living(nursery->said), 0);
    nursery_free(nursery);
}

static void who_kills_the_one_above_it_dies_with_it(void **state)
{
    struct nursery *nursery = start_role("regicide");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 3);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    RIG_UNTIL(&nursery->rig, nursery->out_ended);
    assert_int_equal(count_living(nursery->said), 0);
    assert_true(WIFSIGNALED(nursery->status));
    assert_true(rig_logged(&nursery->rig, "server 'toys': the process that stands over it was killed"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left to be waited for */
    nursery_free(nursery);
}

/* Also when no gateway does anything about it. */
static void the_server_dies_with_the_one_above_it(void **state)
{
    struct nursery *nursery = start_role("gentle");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 1);
    assert_int_equal(kill((pid_t)child_pid(nursery->child), SIGKILL), 0);
    for (int i = 0; i < 2000 && count_living(nursery->said) > 0; i++)
        usleep(10000);
    assert_int_equal(count_living(nursery->said), 0);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    nursery_free(nursery);
}

static void who_stops_the_one_above_it_is_killed_all_the_same(void **state)
{
    struct nursery *nursery = start_role("stop-it");

    (void)state;
    RIG_UNTIL(&nursery->rig, lines_said(nursery) == 1);
    child_kill(nursery->child);
    RIG_UNTIL(&nursery->rig, nursery->ended == 1);
    assert_int_equal(count_living(nursery->said), 0);
    nursery_free(nursery);
}

/* A gateway in a process of its own, which says through a pipe who lives below it, and then is killed. */
_Noreturn static void be_gateway(const char *role, unsigned lines, int report)
{
    struct nursery *nursery = start_role(role);

    while (lines_said(nursery) < lines)
        loop_turn(nursery->rig.loop, true);
    if (write(report, nursery->said, nursery->len) != (ssize_t)nursery->len)
        _exit(1);
    for (;;)
        loop_turn(nursery->rig.loop, true);
}

static void assert_nobody_survives(const char *role, unsigned lines)
{
    char said[256];
    int report[2];

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid_t gateway = fork();
    if (gateway == 0)
        be_gateway(role, lines, report[1]);
    ssize_t got = read(report[0], said, sizeof(said) - 1);
    assert_true(got > 0);
    said[got] = '\0';
    assert_int_equal(count_living(said), lines);
    assert_int_equal(kill(gateway, SIGKILL), 0);
    assert_int_equal(waitpid(gateway, NULL, 0), gateway);
    for (int i = 0; i < 2000 && count_living(said) > 0; i++)
        usleep(10000);
    assert_int_equal(count_living(said), 0);
    close(report[0]);
    close(report[1]);
}

static void nobody_survives_kill_9_of_the_gateway(void **state)
{
    (void)state;
    assert_nobody_survives("stubborn", 4);
    assert_nobody_survives("stop-it", 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cat_says_what_it_hears_and_ends_with_its_input),
        cmocka_unit_test(the_status_is_the_servers),
        cmocka_unit_test(a_gateway_that_was_started_with_sigchld_ignored_sees_its_children_end),
        cmocka_unit_test(what_it_wrote_before_its_end_is_not_lost),
        cmocka_unit_test(the_pipes_are_the_servers_alone),
        cmocka_unit_test(the_environment_is_what_was_given),
        cmocka_unit_test(it_starts_in_its_directory),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(without_ourselves_nothing_starts),
        cmocka_unit_test(people_are_told_that_it_is_not_for_them),
        cmocka_unit_test(a_server_is_confined),
        cmocka_unit_test(standard_error_goes_to_the_log_in_lines),
        cmocka_unit_test(a_long_line_is_logged_in_parts),
        cmocka_unit_test(a_secret_is_not_logged),
        cmocka_unit_test(a_flood_is_cut_and_said_once_a_second),
        cmocka_unit_test(nobody_survives_a_kill),
        cmocka_unit_test(nobody_survives_the_server),
        cmocka_unit_test(nobody_survives_a_storm_of_forks),
        cmocka_unit_test(a_stop_waits_then_asks),
        cmocka_unit_test(a_stop_asks_then_kills),
        cmocka_unit_test(sigterm_from_outside_is_passed_on),
        cmocka_unit_test(who_ignores_sigterm_from_outside_is_killed_after_the_grace),
        cmocka_unit_test(who_kills_the_one_above_it_dies_with_it),
        cmocka_unit_test(the_server_dies_with_the_one_above_it),
        cmocka_unit_test(who_stops_the_one_above_it_is_killed_all_the_same),
        cmocka_unit_test(nobody_survives_kill_9_of_the_gateway),
    };

    if (argc > 1 && strcmp(argv[1], "__exec") == 0)
        return child_exec_main(argc, argv);
    for (size_t i = 0; argc > 1 && i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(argv[1], roles[i].name) == 0)
            roles[i].run();
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return 1;
    self[len] = '\0';
    return cmocka_run_group_tests(tests, NULL, NULL);
}
