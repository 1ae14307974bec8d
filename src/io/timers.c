/* Timers: a binary heap of pointers. Starting and stopping touches memory only; the kernel hears of the earliest one
 * when the loop is about to wait, and not even then if it already wakes us earlier. */
#include "io/loop_types.h"

#include "base/check.h"
#include "base/clock.h"

#include <stdlib.h>

static void heap_put(struct timer_heap *heap, size_t at, struct timer *timer)
{
    heap->timers[at] = timer;
    timer->heap_at = (uint32_t)at;
}

/* Of those that are due in one millisecond, who was started in an earlier round. */
static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : (int32_t)(a->round - b->round) < 0;
}

static void heap_up(struct timer_heap *heap, size_t at, struct timer *timer)
{
    while (at > 0 && is_before(timer, heap->timers[(at - 1) / 2])) {
        heap_put(heap, at, heap->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(heap, at, timer);
}

static void heap_down(struct timer_heap *heap, size_t at, struct timer *timer)
{
    for (;;) {
        size_t below = 2 * at + 1;
        if (below + 1 < heap->count && is_before(heap->timers[below + 1], heap->timers[below]))
            below++;
        if (below >= heap->count || !is_before(heap->timers[below], timer))
            break;
        heap_put(heap, at, heap->timers[below]);
        at = below;
    }
    heap_put(heap, at, timer);
}

/* Into the place `at`, which is free or the timer's own. */
static void heap_settle(struct timer_heap *heap, size_t at, struct timer *timer)
{
    if (at > 0 && is_before(timer, heap->timers[(at - 1) / 2]))
        heap_up(heap, at, timer);
    else
        heap_down(heap, at, timer);
}

static void heap_add(struct timer_heap *heap, struct timer *timer)
{
    if (heap->count == heap->capacity) {
        size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
        CHECK(capacity <= UINT32_MAX);
        heap->timers = realloc(heap->timers, capacity * sizeof *heap->timers);
        AN(heap->timers); /* a timer that does not start is a wait without a limit */
        heap->capacity = capacity;
    }
    heap_up(heap, heap->count++, timer);
}

static void heap_remove(struct timer_heap *heap, struct timer *timer)
{
    size_t at = timer->heap_at;
    struct timer *last;

    CHECK(at < heap->count && heap->timers[at] == timer);
    last = heap->timers[--heap->count];
    if (last != timer)
        heap_settle(heap, at, last);
}

void timer_init(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer))
{
    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(fired);
    *timer = (struct timer){ .loop = loop, .fired = fired };
}

void timer_start(struct timer *timer, int64_t after_ms)
{
    struct loop *loop = timer->loop;

    CHECK_OBJ(loop, LOOP_MAGIC);
    CHECK(after_ms >= 0);
    if (!loop->in_turn)
        loop->now_ms = clock_mono_ms(loop->clock);
    timer->due_ms = loop->now_ms + after_ms;
    timer->round = loop->timer_round;
    if (timer->running) {
        heap_settle(&loop->heap, timer->heap_at, timer);
    } else {
        timer->running = true;
        heap_add(&loop->heap, timer);
    }
}

void timer_stop(struct timer *timer)
{
    if (!timer->running)
        return;
    heap_remove(&timer->loop->heap, timer);
    timer->running = false;
}

bool timers_fire(struct loop *loop)
{
    struct timer_heap *heap = &loop->heap;
    bool fired = false;

    /* One that is started by these waits for the next round, so that none holds the loop. */
    loop->timer_round++;
    while (heap->count > 0 && heap->timers[0]->due_ms <= loop->now_ms && heap->timers[0]->round != loop->timer_round) {
        struct timer *timer = heap->timers[0];
        timer_stop(timer);
        timer->fired(timer);
        fired = true;
    }
    return fired;
}

void timers_release(struct loop *loop)
{
    free(loop->heap.timers);
    loop->heap = (struct timer_heap){ 0 };
}
