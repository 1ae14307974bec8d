/* The loop's inside, for the files of src/io only. */
#pragma once

#include "io/loop.h"
#include "io/poller.h"

#include <stddef.h>
#include <uv.h>

#define LOOP_MAGIC 0x4c4f4f50u

enum loop_phase { PHASE_WAKEUPS, PHASE_TIMERS, PHASE_STREAMS, PHASE_QUIET, PHASE_DEFERRED, PHASE_COUNT };

struct timer_heap {
    struct timer **timers; /* timers[0] is due first */
    size_t         count, capacity;
};

struct loop {
    unsigned          magic;
    struct clock     *clock;
    struct log       *log;
    uv_loop_t         uv;
    uv_poll_t         polled;     /* the poller's descriptor */
    uv_timer_t        alarm;      /* only wakes the loop; the heap is looked at in every turn */
    uv_prepare_t      before_wait;
    uv_check_t        after_wait;
    struct poller     poller;
    struct timer_heap heap;
    struct list       deferred, quiet, signals;
    size_t            jobs;
    int64_t           now_ms, turn_began_ms, phase_began_ms, alarm_due_ms;
    int64_t           phase_ms[PHASE_COUNT];
    bool              in_turn, worked, running;
    struct loop_stats stats;
    uint64_t          slow_unsaid;  /* slow turns since the last line in the log */
    int64_t           slow_said_ms;
};

/* Every callback of libuv's enters through here: the first of a turn begins it. */
void loop_enter(struct loop *loop);

/* timers.c */
bool timers_fire(struct loop *loop); /* true if one was due */
void timers_release(struct loop *loop);

/* signal handlers live as long as their loop (wakeup.c) */
void loop_close_signals(struct loop *loop);
