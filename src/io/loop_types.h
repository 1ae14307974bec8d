/* The loop's inside, for the files of src/io only. */
#pragma once

#include "io/loop.h"
#include "io/poller.h"

#include <stddef.h>
#include <uv.h>

#define LOOP_MAGIC 0x4c4f4f50u

enum loop_phase { PHASE_EVENTS, PHASE_TIMERS, PHASE_QUIET, PHASE_DEFERRED, PHASE_COUNT };

struct timer_heap {
    struct timer **timers; /* timers[0] is due first */
    size_t         count, capacity;
};

struct loop {
    unsigned          magic;
    struct clock     *clock;
    struct log       *log;
    struct poller     poller;
    struct timer_heap heap;
    uint32_t          timer_round; /* of timers_fire */
    struct list       deferred, quiet, signals;
    struct list       children;   /* struct child, alive */
    uv_loop_t         uv;         /* its thread pool and its signals; never waits itself */
    struct watch      uv_watch;   /* on libuv's own set of descriptors */
    bool              uv_changed; /* libuv has something to tell the kernel, or a handle to close */
    size_t            jobs;
    int64_t           now_ms, turn_began_ms, phase_began_ms;
    int64_t           phase_ms[PHASE_COUNT];
    bool              in_turn, running;
    bool              worked;     /* something happened since the quiet hooks ran */
    struct loop_stats stats;
    uint64_t          slow_unsaid; /* slow turns since the last line in the log */
    int64_t           slow_said_ms;
};

/* timers.c */
bool timers_fire(struct loop *loop); /* true if one was due */
void timers_release(struct loop *loop);

/* handlers of signals live as long as their loop (wakeup.c) */
void loop_close_signals(struct loop *loop);
