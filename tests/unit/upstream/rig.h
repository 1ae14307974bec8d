/* An upstream on a loop of its own: a clock and a log that the test owns, and legs and waiters that remember what they
 * heard. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/loop.h"
#include "upstream/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig {
    struct clock_manual clock;
    struct log          log;
    struct loop        *loop;
    struct arena_pool   arenas;
    struct server       server;
    struct upstream    *upstream;
    struct upstream_services services;
    struct upstream_events events;
    unsigned            tables;      /* how often the definitions changed */
    unsigned            warnings;
    bool                stopped;
};

struct ask { /* a leg and what became of it */
    struct leg       leg;
    unsigned         ends, notes;
    bool             answered;
    enum reason      reason;
    enum message_kind kind;
    int64_t          code;
    char             result[256];    /* the result, written again, cut */
    struct leg      *cancels;        /* cancelled as soon as this one ended */
};

struct wait {
    struct upstream_waiter waiter;
    unsigned    calls;
    enum reason reason;
};

static inline void rig_line(struct log *log, enum log_level level, const char *text)
{
    struct rig *rig = CONTAINER_OF(log, struct rig, log);
    if (level >= LOG_WARN)
        rig->warnings++;
    if (getenv("RIG_LOG"))
        fprintf(stderr, "log: %s\n", text);
}

static inline void rig_definitions(void *arg, struct upstream *upstream)
{
    struct rig *rig = arg;
    assert_ptr_equal(upstream, rig->upstream);
    assert_non_null(upstream_definitions(upstream));
    rig->tables++;
}

static inline void rig_init(struct rig *rig, struct clock *clock)
{
    *rig = (struct rig){ 0 };
    clock_manual_init(&rig->clock, 1700000000000);
    if (!clock)
        clock = &rig->clock.clock;
    rig->log = (struct log){ .least = LOG_DEBUG, .clock = clock, .line = rig_line };
    arena_pool_init(&rig->arenas, 16);
    assert_int_equal(loop_new(clock, &rig->log, &rig->loop), 0);
    rig->server = (struct server){ .name = STR("srv"), .transport = TRANSPORT_STDIO, .isolation = ISOLATION_GRANT, .call_ms = 5000 };
    rig->services = (struct upstream_services){
        .loop = rig->loop, .clock = clock, .log = &rig->log, .arenas = &rig->arenas, .self = STR("/proc/self/exe"), .data = STR("/tmp"),
    };
    rig->events = (struct upstream_events){ .definitions = rig_definitions, .arg = rig };
}

static inline void rig_stopped(void *arg)
{
    struct rig *rig = arg;
    rig->stopped = true;
}

static inline void rig_turn(struct rig *rig)
{
    for (int i = 0; i < 4; i++)
        loop_turn(rig->loop, false);
}

/* Time goes on, in steps small enough for every timer to fire at its time. */
static inline void rig_pass(struct rig *rig, int64_t ms)
{
    while (ms > 0) {
        int64_t step = ms < 100 ? ms : 100;
        clock_manual_advance(&rig->clock, step);
        rig_turn(rig);
        ms -= step;
    }
}

static inline void rig_release(struct rig *rig)
{
    upstream_free(rig->upstream);
    loop_free(rig->loop);
    arena_pool_release(&rig->arenas);
}

static inline void ask_note(struct leg *leg, const struct message *message)
{
    struct ask *ask = leg->owner;
    assert_int_equal(message->method_id, METHOD_PROGRESS);
    ask->notes++;
}

static inline void ask_over(struct ask *ask)
{
    ask->ends++;
    if (ask->cancels)
        upstream_cancel(ask->cancels, REASON_cancelled);
}

static inline void ask_answer(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct ask *ask = leg->owner;
    struct buf out;
    ask->answered = true;
    ask->kind = message->kind;
    ask->code = message->error_code;
    buf_init(&out, 1 << 25);
    if (message->kind == MESSAGE_RESULT) {
        struct json_writer writer;
        json_write_init(&writer, &out);
        json_write_node(&writer, message->result);
        snprintf(ask->result, sizeof(ask->result), "%.*s", STR_ARG(buf_str(&out)));
    }
    buf_release(&out);
    arena_release(arena);
    ask_over(ask);
}

static inline void ask_ended(struct leg *leg, enum reason reason)
{
    struct ask *ask = leg->owner;
    ask->reason = reason;
    ask_over(ask);
}

static const struct leg_events ask_events = { .note = ask_note, .answer = ask_answer, .ended = ask_ended };

static inline int ask_send(struct rig *rig, struct ask *ask, struct instance *instance, const char *params, int64_t within_ms)
{
    *ask = (struct ask){ .leg = { .events = &ask_events, .owner = ask, .progress = true } };
    ask->leg.deadline_ms = loop_now_ms(rig->loop) + within_ms;
    return upstream_send(instance, &ask->leg, STR("tools/call"), str_from_c(params));
}

static inline void wait_ready(struct upstream_waiter *waiter, enum reason reason)
{
    struct wait *wait = CONTAINER_OF(waiter, struct wait, waiter);
    wait->calls++;
    wait->reason = reason;
}

static inline void wait_init(struct wait *wait)
{
    *wait = (struct wait){ .waiter = { .ready = wait_ready } };
}
