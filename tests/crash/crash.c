/* Runs the driver under the shim, lets it die or fail at each point of a short scenario, and joins what the server got
 * with what a recovered ledger says.
 *
 *   crash order|points|retention|faults|powercut DRIVER SHIM [long]
 *
 * Exit status 77: skipped, with the reason. Each check: what was sent is recorded; each admission has one outcome; the
 * ledger verifies; the counter has at least as many calls as the server got. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS 10
#define CALLS_MAX 10000
#define START_POINTS 16 /* and some more */
#define STATUS_SKIP 77
#define STATUS_KILLED 137
#define STATUS_BREACH 99
#define SERVER_FD 3
#define WAIT_MS 30000

struct crash {
    const char *driver, *shim;
    bool        is_long;
    char        work[64];           /* a directory of our own */
};

struct run {                        /* one life of the driver */
    pid_t  pid;
    int    pipe;
    char   line[64];
    size_t line_len;
    bool   got[CALLS_MAX];          /* what the server received */
    size_t got_count;
    int    status;
};

struct ledger_view {                /* what a recovered ledger says */
    unsigned decisions[CALLS_MAX], outcomes[CALLS_MAX];
};

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("crash: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static _Noreturn void skip(const char *why)
{
    (void)printf("SKIP %s\n", why);
    exit(STATUS_SKIP);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path) { (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

/* ---- the driver ---- */

struct fault {
    const char *what;               /* CRASH_FAULT, or NULL */
    int         at, times;
    const char *from;               /* CRASH_FROM, or NULL */
};

static void set_number(const char *name, int value)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", value);
    (void)setenv(name, text, 1);
}

struct scenario {                   /* what the driver does */
    const char *audit;
    int         calls, first;
    const char *mode;               /* fill, retain, or NULL */
};

static _Noreturn void become_driver(const struct crash *crash, const char *data, const struct scenario *scenario,
                                    const struct fault *fault, int server)
{
    char ledger[256], count[16], first[16];
    (void)snprintf(ledger, sizeof ledger, "%s/ledger", data);
    if (server != SERVER_FD && dup2(server, SERVER_FD) < 0)
        _exit(98);
    if (crash->shim != NULL) {
        (void)setenv("LD_PRELOAD", crash->shim, 1);
        (void)setenv("ASAN_OPTIONS", "verify_asan_link_order=0:handle_abort=0:detect_leaks=0", 1);
        (void)setenv("CRASH_LEDGER", ledger, 1);
        (void)setenv("CRASH_MARK", "crash-call-", 1);
        (void)setenv("CRASH_UPSTREAM", "pipe", 1);
    }
    if (fault->what != NULL) {
        (void)setenv("CRASH_FAULT", fault->what, 1);
        set_number("CRASH_AT", fault->at);
        set_number("CRASH_TIMES", fault->times);
        if (fault->from != NULL)
            (void)setenv("CRASH_FROM", fault->from, 1);
    }
    (void)snprintf(count, sizeof count, "%d", scenario->calls);
    (void)snprintf(first, sizeof first, "%d", scenario->first);
    (void)execl(crash->driver, crash->driver, data, scenario->audit, count, first, scenario->mode,
                (char *)NULL);
    _exit(98);
}

static void run_start(struct run *run, const struct crash *crash, const char *data, const struct scenario *scenario,
                      const struct fault *fault)
{
    int ends[2];
    memset(run, 0, sizeof *run);
    if (pipe2(ends, O_CLOEXEC) < 0)
        fail("no pipe");
    run->pid = fork();
    if (run->pid < 0)
        fail("no process");
    if (run->pid == 0)
        become_driver(crash, data, scenario, fault, ends[1]);
    close(ends[1]);
    run->pipe = ends[0];
}

static void take_line(struct run *run)
{
    run->line[run->line_len] = '\0';
    char *end;
    if (strncmp(run->line, "crash-call-", 11) != 0)
        fail("the server got \"%s\"", run->line);
    unsigned long call = strtoul(run->line + 11, &end, 10);
    if (*end != '\0' || call >= CALLS_MAX)
        fail("the server got \"%s\"", run->line);
    run->got[call] = true;
    run->got_count++;
    run->line_len = 0;
}

/* False at the end of the pipe, or after `ms` without a byte. */
static bool run_read(struct run *run, int ms)
{
    struct pollfd ready = { .fd = run->pipe, .events = POLLIN };
    char bytes[4096];
    if (poll(&ready, 1, ms) <= 0)
        return false;
    ssize_t len = read(run->pipe, bytes, sizeof bytes);
    for (ssize_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            take_line(run);
        else if (run->line_len + 1 < sizeof run->line)
            run->line[run->line_len++] = bytes[i];
    }
    return len > 0;
}

static void run_end(struct run *run)
{
    struct pollfd ready = { .fd = run->pipe, .events = POLLIN };
    while (run_read(run, WAIT_MS))
        ;
    if (poll(&ready, 1, 0) == 0) {
        (void)kill(run->pid, SIGKILL);
        fail("the driver stands still");
    }
    close(run->pipe);
    int status;
    if (waitpid(run->pid, &status, 0) != run->pid)
        fail("the driver is lost");
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run_whole(struct run *run, const struct crash *crash, const char *data, const char *audit, const struct fault *fault)
{
    const struct scenario scenario = { .audit = audit, .calls = CALLS };
    run_start(run, crash, data, &scenario, fault);
    run_end(run);
}

/* ---- the ledger afterwards ---- */

static int view_record(void *arg, uint64_t sequence, const struct record *record)
{
    struct ledger_view *view = arg;
    unsigned call;
    (void)sequence;
    if (record->kind != RECORD_DECISION && record->kind != RECORD_OUTCOME)
        return 0;
    memcpy(&call, record->call.bytes, sizeof call);
    if (call >= CALLS_MAX)
        return 0;
    if (record->kind == RECORD_DECISION)
        view->decisions[call]++;
    else
        view->outcomes[call]++;
    return 0;
}

struct used { amount calls, above, tenths; }; /* by the driver's counters; tenths: of all values together */

static int view_used(void *arg, const struct counter_key *key, amount used, int64_t window_ms)
{
    struct used *sums = arg;
    (void)window_ms;
    if (str_eq(key->counter, STR("calls")))
        sums->calls += used;
    else if (str_eq(key->counter, STR("above")))
        sums->above += used;
    else
        sums->tenths += used;
    return 0;
}

static struct store *open_recovered(const char *data, struct log *log)
{
    struct store_options options = { .directory = str_from_c(data), .clock = clock_system(), .log = log };
    struct store *store;
    log_init_stderr(log, clock_system(), LOG_ERROR);
    int error = store_open(&options, &store);
    if (error < 0)
        fail("%s: recovery says %s", data, error_name(error));
    return store;
}

/* `sent`: what the server had when the process or the power went. */
static void check(const char *data, const bool sent[CALLS_MAX], size_t sent_count, const char *what)
{
    static struct ledger_view view;
    struct verify_report report;
    struct log log;
    struct used used = { 0 };
    struct store *store = open_recovered(data, &log);
    (void)store_limits_each(store, view_used, &used);
    store_close(store);
    if (store_verify(str_from_c(data), NULL, &report) < 0)
        fail("%s: record %llu: %.*s", what, (unsigned long long)report.bad_sequence, STR_ARG(report.what));
    memset(&view, 0, sizeof view);
    if (store_read(str_from_c(data), 1, 0, view_record, &view) < 0)
        fail("%s: the ledger cannot be read", what);
    for (size_t call = 0; call < CALLS_MAX; call++) {
        if (sent[call] && view.decisions[call] == 0)
            fail("%s: call %zu was sent and has no record", what, call);
        if (view.decisions[call] > 1 || view.outcomes[call] != view.decisions[call])
            fail("%s: call %zu has %u decisions and %u outcomes", what, call, view.decisions[call], view.outcomes[call]);
    }
    if (used.calls < sent_count * AMOUNT_ONE)
        fail("%s: the server got %zu calls, the counter fewer", what, sent_count);
    if (used.above != used.calls || used.tenths * 10 != used.calls)
        fail("%s: the counters of one call are not all taken", what);
}

static void data_directory(const struct crash *crash, char data[128])
{
    (void)snprintf(data, 128, "%s/data", crash->work);
    remove_tree(data);
}

/* ---- the tests ---- */

static const struct fault no_fault = { .what = NULL };

static void test_order(struct crash *crash)
{
    char data[128];
    struct run run;
    data_directory(crash, data);
    run_whole(&run, crash, data, "durable", &no_fault);
    if (run.status != 0 || run.got_count != CALLS)
        fail("durable: status %d, %zu calls sent", run.status, run.got_count);
    check(data, run.got, run.got_count, "durable");

    data_directory(crash, data);
    run_whole(&run, crash, data, "process", &no_fault);
    if (run.status != STATUS_BREACH)
        fail("process: the recorder must tell that nothing was flushed, but the status is %d", run.status);
    data_directory(crash, data);
    run_whole(&run, crash, data, "off", &no_fault);
    if (run.status != STATUS_BREACH)
        fail("off: the recorder must tell that nothing was recorded, but the status is %d", run.status);
    data_directory(crash, data);
    (void)setenv("CRASH_BLIND", "1", 1);
    run_whole(&run, crash, data, "durable", &no_fault);
    (void)unsetenv("CRASH_BLIND");
    if (run.status != STATUS_BREACH)
        fail("durable, and no directory synced: the recorder must tell, but the status is %d", run.status);
    (void)printf("order: each of %d records, and the name of its file, was flushed before its call left; `process` and `off` "
                 "are told apart\n", CALLS);
}

/* Ends the process at every point, and then lets it run on from what is left: at its start, where the files get their
 * names, always. */
static int points(struct crash *crash, const char *what, const char *mode)
{
    const struct scenario scenario = { .audit = "durable", .calls = CALLS, .mode = mode };
    char data[128], name[64];
    struct run run;
    for (int at = 1;; at++) {
        struct fault fault = { what, at, 1 };
        (void)snprintf(name, sizeof name, "%s %s at %d", mode ? mode : "calls", what, at);
        data_directory(crash, data);
        run_start(&run, crash, data, &scenario, &fault);
        run_end(&run);
        if (run.status == 0)
            return at - 1;
        if (run.status != STATUS_KILLED)
            fail("%s: status %d", name, run.status);
        check(data, run.got, run.got_count, name);
        if (crash->is_long || at % 5 == 0 || at <= START_POINTS) {
            struct run again;
            run_whole(&again, crash, data, "durable", &no_fault);
            if (again.status != 0 || again.got_count != CALLS)
                fail("%s, started again: status %d, %zu calls sent", name, again.status, again.got_count);
        }
    }
}

static void test_points(struct crash *crash)
{
    int before = points(crash, "kill-before", NULL), after = points(crash, "kill-after", NULL);
    int filled = points(crash, "kill-before", "fill");
    (void)printf("points: the process ended before and after each of %d and %d calls; nothing sent was unrecorded\n", before,
                 after);
    (void)printf("points: and before each of %d calls where a stop ends the segment\n", filled);
    if (before < 3 * CALLS || after < 3 * CALLS || filled < 3 * CALLS)
        fail("so few points: the shim does not see the ledger");
}

/* ---- a drop by retention ---- */

#define SEGMENTS 4 /* each clean stop ends one */

/* What is dropped and what is kept do not overlap: recovery takes the rest, and the next look finishes the drop. */
static void after_drop(struct crash *crash, const char *data, const struct run *run, const char *name)
{
    static struct run again;
    const struct scenario scenario = { .audit = "durable", .calls = CALLS, .first = 9000, .mode = "retain" };
    check(data, run->got, run->got_count, name);
    run_start(&again, crash, data, &scenario, &no_fault);
    run_end(&again);
    if (again.status != 0 || again.got_count != CALLS)
        fail("%s, started again: status %d, %zu calls sent", name, again.status, again.got_count);
    check(data, again.got, again.got_count, name);
}

/* The process ends at every point from the record of the drop on; its calls were sent before. */
static int drops(struct crash *crash, const char *what)
{
    char data[128], name[64];
    static struct run run;
    for (int at = 1;; at++) {
        const struct fault fault = { what, at, 1, "retention" };
        (void)snprintf(name, sizeof name, "drop: %s at %d", what, at);
        data_directory(crash, data);
        for (int life = 0; life <= SEGMENTS; life++) {
            const struct scenario scenario = { "durable", CALLS, 100 * life, life == SEGMENTS ? "retain" : "fill" };
            run_start(&run, crash, data, &scenario, life == SEGMENTS ? &fault : &no_fault);
            run_end(&run);
            if (run.status != (life == SEGMENTS ? STATUS_KILLED : 0) && !(life == SEGMENTS && run.status == 0))
                fail("%s: status %d", name, run.status);
        }
        if (run.status == 0)
            return at - 1;
        if (run.got_count != CALLS)
            fail("%s: %zu calls were sent before the drop", name, run.got_count);
        after_drop(crash, data, &run, name);
    }
}

static void test_retention(struct crash *crash)
{
    int count = drops(crash, "kill-before");
    if (crash->is_long)
        (void)drops(crash, "kill-after");
    (void)printf("retention: the process ended at each of %d points from the record of a drop on; nothing kept was lost\n",
                 count);
    if (count <= SEGMENTS) /* the record, and a file each */
        fail("so few points: the shim does not see the drop");
}

static void expect_all_sent(const char *name, const struct run *run)
{
    if (run->status != 0 || run->got_count != CALLS)
        fail("%s: status %d, %zu calls sent", name, run->status, run->got_count);
}

/* One kind of fault at every point; returns how many points there were. */
static int faults(struct crash *crash, const char *what, int times, int step, bool must_pass, bool may_abort)
{
    char data[128], name[64];
    struct run run;
    int hit = 0;
    for (int at = 1; at < 200; at += step) {
        struct fault fault = { what, at, times };
        (void)snprintf(name, sizeof name, "%s at %d", what, at);
        data_directory(crash, data);
        run_whole(&run, crash, data, "durable", &fault);
        if (run.status != 0 && run.status != 1 && !(may_abort && run.status == 128 + SIGABRT))
            fail("%s: status %d", name, run.status);
        if (must_pass)
            expect_all_sent(name, &run);
        if (may_abort && run.status == 0 && run.got_count == CALLS)
            return hit; /* past the last point */
        hit++;
        check(data, run.got, run.got_count, name);
        if (must_pass && at > 60)
            return hit;
    }
    return hit;
}

static void full_disk(struct crash *crash, const char *what, int at)
{
    char data[128], name[64];
    struct run run;
    struct fault passing = { what, at, 3 }, lasting = { what, at, 0 };
    (void)snprintf(name, sizeof name, "%s for a while at %d", what, at);
    data_directory(crash, data);
    run_whole(&run, crash, data, "durable", &passing);
    if (run.status != 0 || run.got_count < CALLS / 2)
        fail("%s: status %d, %zu calls sent", name, run.status, run.got_count);
    check(data, run.got, run.got_count, name);

    (void)snprintf(name, sizeof name, "%s for good at %d", what, at);
    data_directory(crash, data);
    run_whole(&run, crash, data, "durable", &lasting);
    if (run.got_count == CALLS)
        fail("%s: every call was sent all the same", name);
    check(data, run.got, run.got_count, name);
}

static void test_faults(struct crash *crash)
{
    int interrupted = faults(crash, "EINTR", 1, crash->is_long ? 1 : 3, true, false);
    int cut = faults(crash, "short", 1, crash->is_long ? 1 : 3, true, false);
    int broken = faults(crash, "EIO", 1, 1, false, true);
    if (broken < CALLS)
        fail("EIO ended the process at %d points only", broken);
    (void)printf("faults: EINTR %d and short writes %d points passed over, EIO ended the process at %d\n", interrupted, cut,
                 broken);

    for (int at = 11; at < 14; at += crash->is_long ? 1 : 2) { /* the first ten open the ledger */
        full_disk(crash, "ENOSPC", at);
        if (crash->is_long)
            full_disk(crash, "EDQUOT", at);
    }
    (void)printf("faults: a full disk denied, and let go on when there was room\n");
}

/* ---- power cut ---- */

static int run_tool(const char *const argv[])
{
    pid_t pid = fork();
    if (pid == 0) {
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(nowhere, 1);
        (void)dup2(nowhere, 2);
        union { const char *const *from; char *const *to; } words = { .from = argv };
        (void)execvp(argv[0], words.to);
        _exit(127);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int mount_image(const char *image, const char *at)
{
    const char *const argv[] = { "mount", "-o", "loop", image, at, NULL };
    (void)mkdir(at, 0700);
    return run_tool(argv);
}

static void unmount(const char *at)
{
    const char *const argv[] = { "umount", at, NULL };
    if (run_tool(argv) != 0)
        fail("%s cannot be unmounted", at);
}

static void sleep_ms(int64_t ms)
{
    struct timespec time = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}

static void copy_file(const char *from, const char *to)
{
    const char *const argv[] = { "cp", "--sparse=always", from, to, NULL };
    if (run_tool(argv) != 0)
        fail("%s cannot be copied", from);
}

static void make_image(const char *image)
{
    const char *const argv[] = { "mkfs.ext4", "-q", "-F", image, NULL };
    int fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 64 << 20) < 0)
        fail("%s cannot be made", image);
    close(fd);
    if (run_tool(argv) != 0)
        skip("powercut: mkfs.ext4 is missing");
}

/* The process is stopped while the image is copied, so that the copy is one moment's; what the file system had not
 * written to its device by then is not in it. */
static void cut_power(struct run *run, const char *image, const char *copy, struct run *seen)
{
    uint8_t random;
    random_bytes(&random, 1);
    for (int64_t left = 20 + random; left > 0; left -= 10) {
        while (run_read(run, 0))
            ;
        sleep_ms(10);
    }
    (void)kill(run->pid, SIGSTOP);
    while (run_read(run, 20))
        ;
    *seen = *run;
    copy_file(image, copy);
    (void)kill(run->pid, SIGCONT);
}

static void test_powercut(struct crash *crash)
{
    char image[128], copy[128], live[128], after[128], data[160], cut_data[160], name[64];
    static struct run run, seen;
    if (geteuid() != 0)
        skip("powercut: needs root to mount images");
    (void)snprintf(image, sizeof image, "%s/image", crash->work);
    (void)snprintf(copy, sizeof copy, "%s/copy", crash->work);
    (void)snprintf(live, sizeof live, "%s/live", crash->work);
    (void)snprintf(after, sizeof after, "%s/after", crash->work);
    (void)snprintf(cut_data, sizeof cut_data, "%s/data", after);
    make_image(image);
    if (mount_image(image, live) != 0)
        skip("powercut: no loop devices");

    int cuts = crash->is_long ? 100 : 20;
    size_t acknowledged = 0;
    crash->shim = NULL;
    for (int cut = 0; cut < cuts; cut++) {
        (void)snprintf(data, sizeof data, "%s/data", live);
        remove_tree(data);
        (void)snprintf(name, sizeof name, "power cut %d", cut);
        const struct scenario endless = { .audit = cut % 4 == 3 ? "process" : "durable" };
        run_start(&run, crash, data, &endless, &no_fault);
        cut_power(&run, image, copy, &seen);
        (void)kill(run.pid, SIGKILL);
        run_end(&run);
        if (mount_image(copy, after) != 0)
            fail("%s: the copy cannot be mounted", name);
        if (cut % 4 == 3) { /* `process` may lose the last moments; it must still start, and have no garbage */
            memset(seen.got, 0, sizeof seen.got);
            seen.got_count = 0;
        }
        acknowledged += seen.got_count;
        if (access(cut_data, F_OK) == 0)
            check(cut_data, seen.got, seen.got_count < CALLS_MAX ? seen.got_count : CALLS_MAX, name);
        else if (seen.got_count > 0)
            fail("%s: everything is gone", name);
        unmount(after);
    }
    unmount(live);
    (void)printf("powercut: %d cuts, %zu acknowledged calls, none lost\n", cuts, acknowledged);
    if (acknowledged == 0)
        fail("no call was ever acknowledged: the test tested nothing");
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(struct crash *); } tests[] = {
        { "order", test_order }, { "points", test_points }, { "retention", test_retention },
        { "faults", test_faults }, { "powercut", test_powercut },
    };
    struct crash crash = { .work = "/tmp/warder-crash-XXXXXX" };
    if (argc < 4)
        fail("usage: crash order|points|retention|faults|powercut DRIVER SHIM [long]");
    (void)signal(SIGPIPE, SIG_IGN);
    crash.driver = argv[2];
    crash.shim = argv[3];
    crash.is_long = argc > 4 && strcmp(argv[4], "long") == 0;
    if (mkdtemp(crash.work) == NULL)
        fail("no directory to work in");
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (strcmp(argv[1], tests[i].name) == 0) {
            tests[i].run(&crash);
            remove_tree(crash.work);
            return 0;
        }
    }
    fail("no such test: %s", argv[1]);
}
