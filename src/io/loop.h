/* The kernel of the process: one loop thread, timers, wake-ups from other threads, work for the pool, and the place at
 * a turn's end where the dead are freed. libuv is behind this; no uv_ name stands above src/io. */
#pragma once

#include "base/error.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct log;
struct loop;

int  loop_new(struct clock *clock, struct log *log, struct loop **out) NODISCARD;
/* Jobs under way are waited for, and their `done` runs; all else that lives on the loop was freed before. NULL is fine. */
void loop_free(struct loop *loop);
/* Runs until a callback says loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn, waiting at most until something happens: for tests. */
void loop_turn(struct loop *loop, bool wait);
/* Monotonic milliseconds as of this turn's start. */
int64_t loop_now_ms(const struct loop *loop);
struct log *loop_log(const struct loop *loop);

struct loop_stats {
    uint64_t turns;
    uint64_t slow_turns; /* above LIMIT_loop_turn_ms; each second's are logged in one line, with the longest phase */
    int64_t  worst_ms;
};
struct loop_stats loop_stats(const struct loop *loop);

/* Embedded in its owner; starting a running timer moves it. The callback runs on the loop. */
struct timer {
    struct loop *loop;
    void       (*fired)(struct timer *timer);
    int64_t      due_ms;
    uint32_t     heap_at, round; /* the loop's own */
    bool         running;
};
void timer_init(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer));
/* Never runs inside this call; 0 means at the next occasion: a later turn, if it is a timer that does this. */
void timer_start(struct timer *timer, int64_t after_ms);
void timer_stop(struct timer *timer); /* one that stands still is fine */

/* Runs once at the end of this turn, after every event of the batch: where objects that died are freed. What is
 * deferred by a deferred waits for the next turn, which comes at once. Deferring twice before it ran is an error:
 * list_init the link first, and list_is_empty(&link) says that it is not waiting. */
struct deferred {
    struct list link;
    void      (*run)(struct deferred *deferred);
};
void loop_defer(struct loop *loop, struct deferred *deferred);

/* Called whenever something had happened and a zero-timeout poll found nothing else ready, before the loop waits (the
 * hold rule's moment). A hook with nothing to do must do nothing: what it defers counts as something that happened. */
struct quiet {
    struct list link;
    void      (*quiet)(struct quiet *quiet);
};
void loop_on_quiet(struct loop *loop, struct quiet *quiet);
void loop_off_quiet(struct quiet *quiet);

/* From any thread: `woken` runs on the loop, once for any number of wakes before it. */
struct wakeup;
int  wakeup_new(struct loop *loop, void (*woken)(void *arg), void *arg, struct wakeup **out) NODISCARD;
void wakeup_wake(struct wakeup *wakeup);
void wakeup_free(struct wakeup *wakeup);

/* `work` runs in the pool, then `done` on the loop. Embedded in its owner until done. */
struct job {
    void (*work)(struct job *job);
    void (*done)(struct job *job);
    void  *request; /* the loop's own */
};
/* E_FULL: LIMIT_jobs are waiting. */
int  loop_submit(struct loop *loop, struct job *job) NODISCARD;

/* For the life of the loop. SIGTERM, SIGINT, SIGHUP, SIGUSR1 … as events; SIGPIPE is ignored from loop_new on, SIGCHLD is not. */
int  loop_on_signal(struct loop *loop, int signal_number, void (*caught)(void *arg, int signal_number), void *arg) NODISCARD;
