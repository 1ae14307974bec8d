/* A turn: libuv waits and calls wake-ups, jobs and signals; then, in its check phase, timers, batches of descriptors
 * until none is ready, the quiet hooks, and what was deferred. */
#include "io/loop_types.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#define BATCHES_A_TURN 8 /* then timers and wake-ups get their chance, however busy the descriptors are */

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_WAKEUPS] = "wake-ups", [PHASE_TIMERS] = "timers",     [PHASE_STREAMS] = "streams",
    [PHASE_QUIET] = "quiet",      [PHASE_DEFERRED] = "deferred",
};

/* ---- measuring ---- */

void loop_enter(struct loop *loop)
{
    if (loop->in_turn)
        return;
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
    enum loop_phase longest = PHASE_WAKEUPS;

    loop->stats.slow_turns++;
    loop->slow_unsaid++;
    if (took_ms > loop->stats.worst_ms)
        loop->stats.worst_ms = took_ms;
    if (loop->slow_said_ms != 0 && loop->now_ms - loop->slow_said_ms < 1000)
        return;
    for (enum loop_phase phase = PHASE_WAKEUPS; phase < PHASE_COUNT; phase++) {
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

/* True if nothing was left ready. */
static bool run_streams(struct loop *loop)
{
    for (int i = 0; i < BATCHES_A_TURN; i++) {
        if (poller_poll(&loop->poller) == 0 && !poller_has_again(&loop->poller))
            return true;
        loop->worked = true;
        phase_ends(loop, PHASE_STREAMS);
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

static void after_wait(uv_check_t *check)
{
    struct loop *loop = check->data;

    loop_enter(loop);
    phase_ends(loop, PHASE_WAKEUPS);
    if (timers_fire(loop)) {
        loop->worked = true;
        phase_ends(loop, PHASE_TIMERS);
    }
    run_deferred(loop);
    if (run_streams(loop) && loop->worked)
        run_quiet(loop);
    run_deferred(loop);
    turn_ends(loop);
}

static void alarm_rang(uv_timer_t *alarm)
{
    (void)alarm; /* the heap is looked at in after_wait */
}

/* When must the loop wake by itself? An alarm that is set too early costs one empty turn later; setting it anew costs
 * now. */
static void before_wait(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    int64_t due_ms, now_ms = clock_mono_ms(loop->clock);

    if (loop->worked || !list_is_empty(&loop->deferred) || poller_has_again(&loop->poller))
        due_ms = now_ms;
    else if (loop->heap.count > 0)
        due_ms = loop->heap.timers[0]->due_ms;
    else
        return;
    if (due_ms > now_ms && loop->alarm_due_ms <= due_ms && uv_is_active((uv_handle_t *)&loop->alarm))
        return;
    loop->alarm_due_ms = due_ms;
    AZ(uv_timer_start(&loop->alarm, alarm_rang, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0));
}

static void descriptors_ready(uv_poll_t *polled, int status, int events)
{
    struct loop *loop = polled->data;

    (void)status;
    (void)events;
    loop_enter(loop); /* they are read in after_wait */
}

/* ---- life ---- */

static void ignore_sigpipe(void)
{
    struct sigaction action = { .sa_handler = SIG_IGN };

    sigemptyset(&action.sa_mask);
    AZ(sigaction(SIGPIPE, &action, NULL));
}

static void init_handles(struct loop *loop)
{
    loop->before_wait.data = loop->after_wait.data = loop->alarm.data = loop->polled.data = loop;
    AZ(uv_prepare_init(&loop->uv, &loop->before_wait));
    AZ(uv_check_init(&loop->uv, &loop->after_wait));
    AZ(uv_timer_init(&loop->uv, &loop->alarm));
    AZ(uv_prepare_start(&loop->before_wait, before_wait));
    AZ(uv_check_start(&loop->after_wait, after_wait));
}

int loop_new(struct clock *clock, struct log *log, struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    int error;

    if (!loop)
        return E_NOMEM;
    loop->magic = LOOP_MAGIC;
    loop->clock = clock;
    loop->log = log;
    list_init(&loop->deferred);
    list_init(&loop->quiet);
    list_init(&loop->signals);
    error = poller_init(&loop->poller);
    if (error)
        goto no_poller;
    if (uv_loop_init(&loop->uv) != 0) {
        error = E_IO;
        goto no_uv;
    }
    init_handles(loop);
    AZ(uv_poll_init(&loop->uv, &loop->polled, loop->poller.fd));
    AZ(uv_poll_start(&loop->polled, UV_READABLE, descriptors_ready));
    loop->now_ms = clock_mono_ms(clock);
    ignore_sigpipe();
    *out = loop;
    return 0;

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
    CHECK(!loop->in_turn);
    do { /* streams that were closed are freed by a turn; jobs end in one */
        loop_turn(loop, loop->jobs > 0 && list_is_empty(&loop->deferred));
    } while (loop->jobs > 0 || !list_is_empty(&loop->deferred));
    loop_close_signals(loop);
    uv_close((uv_handle_t *)&loop->polled, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    uv_close((uv_handle_t *)&loop->after_wait, NULL);
    for (int i = 0; i < 16 && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; i++)
        ;
    AZ(uv_loop_close(&loop->uv)); /* else a wake-up was not freed */
    poller_release(&loop->poller);
    timers_release(loop);
    loop->magic = 0;
    free(loop);
}

void loop_run(struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    CHECK(!loop->in_turn);
    loop->running = true;
    while (loop->running)
        uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    loop->running = false;
    uv_stop(&loop->uv);
}

void loop_turn(struct loop *loop, bool wait)
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    CHECK(!loop->in_turn);
    uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
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
