/* One loop, at most LIMIT_scan_at_once servers on it. A server's place is free again once every process of it is gone.
 */
#include "catalog/scan.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/tls.h"
#include "model/reason.h"
#include "upstream/upstream.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRESS_MS 100
#define KEPT_BLOCKS 64

struct scan;
struct visit { /* one target */
    struct scan *scan;
    struct scanned *out;
    struct upstream *upstream; /* NULL: not begun, or over */
    struct log log;
    struct upstream_waiter waiter;
    bool waits, told_error;
    struct timer timeout;
    struct deferred finish; /* is not stopped in the midst of what it tells us */
    struct job sweep;
    int64_t began_ms;
};

struct scan {
    const struct scan_options *options;
    struct log log;
    struct loop *loop;
    struct resolver *resolver;
    struct tls_trust *trust;
    struct arena_pool arenas;
    char data[64]; /* of homes; empty: none was needed */
    struct scanned *out;
    struct visit *visits;
    size_t count, next, running;
    struct timer progress;
    bool interrupted;
    int failed; /* what options->done said */
};

const char *scan_outcome_name(enum scan_outcome outcome)
{
    static const char *const names[] = { "waiting", "running", "listed", "failed", "timed out", "disabled" };
    return names[outcome];
}

static void tell(struct scan *scan)
{
    if (scan->options->progress)
        scan->options->progress(scan->options->arg, scan->out, scan->count);
}

/* ---- what the log says of one ---- */

/* "server 'NAME': what happened" without its beginning. */
static const char *behind_name(const struct visit *visit, const char *text)
{
    struct str line = str_from_c(text);
    size_t behind = sizeof("server ''") - 1 + visit->out->target->name.len;
    if (!str_starts_with(line, STR("server ")) || line.len <= behind)
        return text;
    return text + behind + strspn(text + behind, ": ");
}

/* npm's last line of every failure says where the whole log is, and nothing of why. */
static bool is_of_use(const char *said)
{
    return strstr(said, "A complete log of this run can be found in") == NULL;
}

/* That it took too long is what came of it, not beside it. */
static bool is_outcome(const char *said)
{
    return strncmp(said, "was not ready after ", sizeof("was not ready after ") - 1) == 0;
}

static void take_line(struct log *log, enum log_level level, const char *text)
{
    struct visit *visit = CONTAINER_OF(log, struct visit, log);
    struct scanned *out = visit->out;
    const char *said = behind_name(visit, text);
    if (level == LOG_INFO) {
        bool is_error = strstr(said, "rror") != NULL; /* what runtimes say last is often their own version */
        if (is_of_use(said) && (is_error || !visit->told_error))
            snprintf(out->last_words, sizeof(out->last_words), "%s", said);
        visit->told_error |= is_error;
    } else if (level > LOG_INFO && !is_outcome(said) && out->note_count < SCAN_NOTES)
        snprintf(out->notes[out->note_count++], SCAN_WHY_MAX, "%s", said);
    if (visit->scan->options->verbose)
        log_at(&visit->scan->log, level, "%s", text);
}

static void say_nothing(struct log *log, enum log_level level, const char *text)
{
    (void)log, (void)level, (void)text;
}

/* ---- the end of one ---- */

static void begin_more(struct scan *scan);

static void look_whether_over(struct scan *scan)
{
    if (scan->running == 0 && (scan->interrupted || scan->next == scan->count))
        loop_stop(scan->loop);
}

static void interrupt(struct scan *scan);

static void over(struct visit *visit)
{
    struct scan *scan = visit->scan;
    if (scan->options->done && !scan->interrupted) {
        scan->failed = scan->options->done(scan->options->arg, visit->out);
        if (scan->failed)
            interrupt(scan);
    }
    scan->running--;
    begin_more(scan);
    look_whether_over(scan);
}

static void sweep(struct job *job)
{
    const struct visit *visit = CONTAINER_OF(job, struct visit, sweep);
    visit->scan->options->sweep(visit->scan->options->arg, visit->out->target);
}

static void swept(struct job *job)
{
    over(CONTAINER_OF(job, struct visit, sweep));
}

static void stopped(void *arg)
{
    struct visit *visit = arg;
    upstream_free(visit->upstream);
    visit->upstream = NULL;
    visit->sweep = (struct job){ .work = sweep, .done = swept };
    if (!visit->scan->options->sweep || loop_submit(visit->scan->loop, &visit->sweep) != 0)
        over(visit);
}

static void finish(struct deferred *deferred)
{
    struct visit *visit = CONTAINER_OF(deferred, struct visit, finish);
    upstream_stop(visit->upstream, REASON_shutting_down, stopped, visit);
}

static void end(struct visit *visit, enum scan_outcome outcome)
{
    struct scanned *out = visit->out;
    if (out->outcome != SCAN_RUNNING)
        return;
    out->outcome = outcome;
    out->took_ms = loop_now_ms(visit->scan->loop) - visit->began_ms;
    timer_stop(&visit->timeout);
    if (visit->waits)
        upstream_wait_cancel(&visit->waiter);
    visit->waits = false;
    loop_defer(visit->scan->loop, &visit->finish);
    tell(visit->scan);
}

/* The log's word for what went wrong is better than none. */
static void fail(struct visit *visit, const char *why)
{
    struct scanned *out = visit->out;
    const char *last = out->note_count ? out->notes[out->note_count - 1] : "it could not be reached";
    snprintf(out->why, sizeof(out->why), "%s", why[0] ? why : last);
    out->note_count = 0; /* they tell of the same */
    end(visit, SCAN_FAILED);
}

static void timed_out(struct timer *timer)
{
    struct visit *visit = CONTAINER_OF(timer, struct visit, timeout);
    struct scanned *out = visit->out;
    struct upstream_trouble trouble;
    upstream_trouble(visit->upstream, &trouble);
    snprintf(out->why, sizeof(out->why), "not listed within %lld s%s%" STR_FMT,
             (long long)(visit->scan->options->timeout_ms / 1000), trouble.why.len > 0 ? ": " : "",
             STR_ARG(trouble.why));
    end(visit, SCAN_TIMED_OUT);
}

static void definitions(void *arg, struct upstream *upstream)
{
    struct visit *visit = arg;
    if (visit->out->outcome != SCAN_RUNNING)
        return;
    visit->out->definitions = definitions_ref(upstream_definitions(upstream));
    end(visit, SCAN_LISTED);
}

static void given_up(struct upstream_waiter *waiter, enum reason reason)
{
    struct visit *visit = CONTAINER_OF(waiter, struct visit, waiter);
    struct upstream_trouble trouble;
    char why[SCAN_WHY_MAX];
    visit->waits = false;
    if (visit->out->outcome != SCAN_RUNNING || reason == REASON_allowed)
        return;
    upstream_trouble(visit->upstream, &trouble);
    if (trouble.why.len > 0 && !trouble.tries) {
        snprintf(why, sizeof(why), "%" STR_FMT, STR_ARG(trouble.why));
        fail(visit, why);
    } else { /* it is slow, or noisy: our own time counts */
        visit->waits = true;
        upstream_wait(visit->upstream, &visit->waiter);
    }
}

/* ---- its beginning ---- */

/* Homes of a server's own are made somewhere else than a gateway's, and go with the scan. */
static int need_data(struct scan *scan, const struct server *server)
{
    if (server->home == HOME_SHARED || scan->data[0])
        return 0;
    snprintf(scan->data, sizeof(scan->data), "/tmp/warder-scan-XXXXXX");
    if (mkdtemp(scan->data))
        return 0;
    scan->data[0] = 0;
    return E_IO;
}

static int start(struct visit *visit)
{
    struct scan *scan = visit->scan;
    const struct server *server = &visit->out->target->config->servers[0].server;
    int error = need_data(scan, server);
    const struct upstream_services services = {
        .loop = scan->loop,
        .clock = clock_system(),
        .log = &visit->log,
        .arenas = &scan->arenas,
        .self = scan->options->self,
        .data = str_from_c(scan->data),
        .resolver = scan->resolver,
        .trust = scan->trust,
        .start_ms = scan->options->timeout_ms,
    };
    const struct upstream_events events = { .definitions = definitions, .arg = visit };
    return error ? error : upstream_new(&services, server, &events, &visit->upstream);
}

static void begin(struct scan *scan, struct visit *visit)
{
    struct scanned *out = visit->out;
    const struct target *target = out->target;
    if (target->definitions) {
        out->definitions = definitions_ref(target->definitions);
        out->outcome = SCAN_LISTED;
        return;
    }
    int error = target->config ? start(visit) : 0;
    if (!target->config || error) {
        out->outcome = target->disabled ? SCAN_DISABLED : SCAN_FAILED;
        snprintf(out->why, sizeof(out->why), "%" STR_FMT, STR_ARG(error ? str_from_c(error_text(error)) : target->why));
        return;
    }
    out->outcome = SCAN_RUNNING;
    scan->running++;
    if (scan->options->begun)
        scan->options->begun(scan->options->arg, out);
    visit->began_ms = loop_now_ms(scan->loop);
    visit->waits = true;
    timer_start(&visit->timeout, scan->options->timeout_ms);
    upstream_start(visit->upstream);
    upstream_wait(visit->upstream, &visit->waiter);
}

static void begin_more(struct scan *scan)
{
    size_t at_once = scan->options->at_once ? scan->options->at_once : LIMIT_scan_at_once;
    while (!scan->interrupted && scan->running < at_once && scan->next < scan->count)
        begin(scan, &scan->visits[scan->next++]);
    tell(scan);
}

/* ---- the whole ---- */

static void interrupt(struct scan *scan)
{
    scan->interrupted = true;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->visits[i].upstream && scan->out[i].outcome == SCAN_RUNNING)
            fail(&scan->visits[i], "interrupted");
}

static void caught(void *arg, int signal_number)
{
    struct scan *scan = arg;
    if (scan->interrupted) /* every server's guard sees our pipe close, and kills it */
        _exit(128 + signal_number);
    interrupt(scan);
    look_whether_over(scan);
}

static void show_progress(struct timer *timer)
{
    struct scan *scan = CONTAINER_OF(timer, struct scan, progress);
    tell(scan);
    timer_start(timer, PROGRESS_MS);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    (void)remove(path); /* what stays is in a directory of the system's for such things */
    return 0;
}

static void release(struct scan *scan)
{
    timer_stop(&scan->progress);
    resolver_free(scan->resolver);
    loop_free(scan->loop);
    tls_trust_free(scan->trust);
    arena_pool_release(&scan->arenas);
    free(scan->visits);
    if (scan->data[0])
        (void)nftw(scan->data, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void make_visit(struct scan *scan, const struct target *target, size_t at)
{
    struct visit *visit = &scan->visits[at];
    scan->out[at] = (struct scanned){ .target = target };
    *visit = (struct visit){ .scan = scan, .out = &scan->out[at] };
    visit->log = (struct log){ .least = LOG_INFO, .clock = clock_system(), .line = take_line };
    visit->waiter.ready = given_up;
    visit->finish.run = finish;
    list_init(&visit->finish.link);
    list_init(&visit->waiter.link);
    timer_init(&visit->timeout, scan->loop, timed_out);
}

int scan_run(const struct scan_options *options, const struct targets *targets, struct scanned *out)
{
    struct scan scan = { .options = options, .out = out, .count = targets->count };
    memset(out, 0, targets->count * sizeof(*out));
    arena_pool_init(&scan.arenas, KEPT_BLOCKS);
    log_init_stderr(&scan.log, clock_system(), LOG_INFO);
    if (!options->verbose)
        scan.log.line = say_nothing;
    int error = loop_new(clock_system(), &scan.log, &scan.loop);
    if (error)
        return error;
    timer_init(&scan.progress, scan.loop, show_progress);
    scan.visits = calloc(targets->count ? targets->count : 1, sizeof(*scan.visits));
    error = scan.visits ? resolver_new(scan.loop, &scan.resolver) : E_NOMEM;
    if (!error)
        error = tls_trust_new(&scan.trust);
    if (!error)
        error = loop_on_signal(scan.loop, SIGINT, caught, &scan);
    if (!error)
        error = loop_on_signal(scan.loop, SIGTERM, caught, &scan);
    if (!error) {
        for (size_t i = 0; i < scan.count; i++)
            make_visit(&scan, &targets->items[i], i);
        timer_start(&scan.progress, PROGRESS_MS);
        begin_more(&scan);
        if (scan.running > 0)
            loop_run(scan.loop);
        tell(&scan);
    }
    release(&scan);
    return error ? error : scan.failed ? scan.failed : scan.interrupted ? E_CLOSED : 0;
}

void scan_release(struct scanned *scanned, size_t count)
{
    for (size_t i = 0; i < count; i++)
        definitions_unref(scanned[i].definitions);
}
