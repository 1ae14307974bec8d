/* A turn: wait in the one epoll set; tell the batch; timers; further batches until nothing is ready; the quiet hooks;
 * what was deferred. libuv's set is one descriptor among the others: its pool and signals come in through it, and a
 * turn in which neither has anything to say makes no call to libuv at all. */
#include "io/loop_types.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#define BATCHES_A_TURN 8    /* then timers get their chance, however busy the descriptors are */
#define WAIT_MAX_MS 3600000 /* an int of milliseconds; a turn in which nothing happens is harmless */

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_EVENTS] = "events",
    [PHASE_TIMERS] = "timers",
    [PHASE_QUIET] = "quiet",
    [PHASE_DEFERRED] = "deferred",
};

/* ---- measuring ---- */

static void turn_begins(struct loop *loop)
{
    loop->in_turn = true;
    loop->now_ms = clock_mono_ms(loop->clock);
    loop->turn_began_ms = loop->phase_began_ms = loop->now_ms;
    for (int i = 0; i < PHASE_COUNT; i++)
        loop->phase_ms[i] = 0;
}

static void phase_ends(struct loop *loop, enum loop_phase phase)
{
    loop->now_ms = clock_mono_ms(loop->clock);
    loop->phase_ms[phase] += loop->now_ms - loop->phase_began_ms;
    loop->phase_began_ms = loop->now_ms;
}

static void note_slow_turn(struct loop *loop, int64_t took_ms)
{
    enum loop_phase longest = PHASE_EVENTS;

    loop->stats.slow_turns++;
    loop->slow_unsaid++;
    if (took_ms > loop->stats.worst_ms)
        loop->stats.worst_ms = took_ms;
    if (loop->slow_said_ms != 0 && loop->now_ms - loop->slow_said_ms < 1000)
        return;
    for (enum loop_phase phase = PHASE_EVENTS; phase < PHASE_COUNT; phase++) {
        if (loop->phase_ms[phase] > loop->phase_ms[longest])
            longest = phase;
    }
    log_warn(loop->log,
             "a turn of the loop took %" PRId64 " ms, most of it in %s (slow turns since the last such line: %" PRIu64
             ")",
             took_ms, phase_names[longest], loop->slow_unsaid);
    loop->slow_unsaid = 0;
    loop->slow_said_ms = loop->now_ms;
}

static void turn_ends(struct loop *loop)
{
    int64_t took_ms = loop->now_ms - loop->turn_began_ms;

    loop->stats.turns++;
    if (took_ms > LIMIT_loop_turn_ms)
        note_slow_turn(loop, took_ms);
    loop->in_turn = false;
}

/* ---- a turn ---- */

static void run_deferred(struct loop *loop)
{
    struct list batch;

    if (list_is_empty(&loop->deferred))
        return;
    list_init(&batch);
    list_append(&loop->deferred, &batch);
    list_remove(&loop->deferred);
    while (!list_is_empty(&batch)) {
        struct deferred *deferred = CONTAINER_OF(batch.next, struct deferred, link);
        list_remove(&deferred->link);
        deferred->run(deferred);
    }
    loop->worked = true;
    phase_ends(loop, PHASE_DEFERRED);
}

static void tell(struct loop *loop)
{
    poller_tell(&loop->poller);
    loop->worked = true;
    phase_ends(loop, PHASE_EVENTS);
}

/* True if nothing was left ready. */
static bool run_batches(struct loop *loop)
{
    for (int i = 0; i < BATCHES_A_TURN; i++) {
        if (!poller_wait(&loop->poller, 0))
            return true;
        tell(loop);
        run_deferred(loop);
    }
    return false;
}

static void run_quiet(struct loop *loop)
{
    struct list waiting; /* each hook is called once, though it may take itself or another off */

    loop->worked = false;
    if (list_is_empty(&loop->quiet))
        return;
    list_init(&waiting);
    list_append(&loop->quiet, &waiting);
    list_remove(&loop->quiet);
    while (!list_is_empty(&waiting)) {
        struct quiet *quiet = CONTAINER_OF(waiting.next, struct quiet, link);
        list_remove(&quiet->link);
        list_append(&loop->quiet, &quiet->link);
        quiet->quiet(quiet);
    }
    phase_ends(loop, PHASE_QUIET);
}

static void run_uv(struct loop *loop)
{
    loop->uv_changed = false;
    (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
}

static void on_uv_ready(struct watch *watch, unsigned ready)
{
    (void)ready;
    run_uv(CONTAINER_OF(watch, struct loop, uv_watch));
}

static int wait_ms(struct loop *loop)
{
    int64_t left_ms;

    if (loop->worked || !list_is_empty(&loop->deferred))
        return 0;
    if (loop->heap.count == 0)
        return -1;
    left_ms = loop->heap.timers[0]->due_ms - clock_mono_ms(loop->clock);
    return left_ms <= 0 ? 0 : left_ms < WAIT_MAX_MS ? (int)left_ms : WAIT_MAX_MS;
}

void loop_turn(struct loop *loop, bool wait)
{
    bool ready;

    CHECK_OBJ(loop, LOOP_MAGIC);
    CHECK(!loop->in_turn);
    if (loop->uv_changed)
        run_uv(loop);
    ready = poller_wait(&loop->poller, wait ? wait_ms(loop) : 0);
    turn_begins(loop);
    if (ready)
        tell(loop);
    if (timers_fire(loop)) {
        loop->worked = true;
        phase_ends(loop, PHASE_TIMERS);
    }
    run_deferred(loop);
    if (run_batches(loop) && loop->worked)
        run_quiet(loop);
    run_deferred(loop);
    turn_ends(loop);
}

/* ---- life ---- */

/* A closed pipe is an error of the write. SIGCHLD may have been ignored by who started us: children would vanish before
 * they are waited for. */
static void settle_signals(void)
{
    struct sigaction ignored = { .sa_handler = SIG_IGN }, standard = { .sa_handler = SIG_DFL }, before;

    sigemptyset(&ignored.sa_mask);
    sigemptyset(&standard.sa_mask);
    AZ(sigaction(SIGPIPE, &ignored, NULL));
    AZ(sigaction(SIGCHLD, NULL, &before));
    if (before.sa_handler == SIG_IGN)
        AZ(sigaction(SIGCHLD, &standard, NULL));
}

int loop_new(struct clock *clock, struct log *log, struct loop **out)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    int error;

    if (!loop)
        return E_NOMEM;
    loop->magic = LOOP_MAGIC;
    loop->clock = clock;
    loop->log = log;
    list_init(&loop->deferred);
    list_init(&loop->quiet);
    list_init(&loop->signals);
    list_init(&loop->children);
    error = poller_init(&loop->poller);
    if (error)
        goto no_poller;
    error = E_IO;
    if (uv_loop_init(&loop->uv) != 0)
        goto no_uv;
    error = poller_add(&loop->poller, &loop->uv_watch, uv_backend_fd(&loop->uv), WATCH_SET, on_uv_ready);
    if (error)
        goto no_watch;
    loop->now_ms = clock_mono_ms(clock);
    settle_signals();
    *out = loop;
    return 0;

no_watch:
    AZ(uv_loop_close(&loop->uv));
no_uv:
    poller_release(&loop->poller);
no_poller:
    free(loop);
    return error;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    CHECK_OBJ(loop, LOOP_MAGIC);
    do { /* what was closed is freed by a turn, and jobs end in one */
        loop_turn(loop, loop->jobs > 0);
    } while (loop->jobs > 0 || !list_is_empty(&loop->deferred));
    loop_close_signals(loop);
    for (int i = 0; i < 16 && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; i++)
        ;
    poller_remove(&loop->poller, &loop->uv_watch);
    AZ(uv_loop_close(&loop->uv));
    poller_release(&loop->poller);
    timers_release(loop);
    loop->magic = 0;
    free(loop);
}

void loop_run(struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    loop->running = true;
    while (loop->running)
        loop_turn(loop, true);
}

void loop_stop(struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    loop->running = false;
}

int64_t loop_now_ms(const struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    return loop->in_turn ? loop->now_ms : clock_mono_ms(loop->clock);
}

struct log *loop_log(const struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    return loop->log;
}

struct loop_stats loop_stats(const struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    return loop->stats;
}

void loop_defer(struct loop *loop, struct deferred *deferred)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(deferred->run);
    list_append(&loop->deferred, &deferred->link);
}

void loop_on_quiet(struct loop *loop, struct quiet *quiet)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(quiet->quiet);
    list_append(&loop->quiet, &quiet->link);
}

void loop_off_quiet(struct quiet *quiet)
{
    list_remove(&quiet->link);
}
