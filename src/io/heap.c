/* Giving back walks over the whole heap, so it is the pool's work, and rare. Another library than glibc does as it
 * does. */
#include "io/heap.h"

#include "base/check.h"
#include "base/limits.h"

#include <malloc.h>
#include <stdlib.h>

static void trim(struct job *job)
{
    (void)job;
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

static void trimmed(struct job *job)
{
    free(job);
}

/* Best effort: the next large message comes here again. */
static void give_back(struct loop *loop)
{
    struct job *job = malloc(sizeof(*job));
    if (!job)
        return;
    *job = (struct job){ .work = trim, .done = trimmed };
    if (loop_submit(loop, job) != 0)
        free(job);
}

static void look_whether_calm(struct timer *timer)
{
    struct heap_watch *watch = CONTAINER_OF(timer, struct heap_watch, calm);
    if (watch->passed != watch->seen) {
        watch->seen = watch->passed;
        timer_start(timer, LIMIT_heap_calm_ms);
        return;
    }
    watch->passed = watch->seen = 0;
    give_back(watch->loop);
}

void heap_init(struct heap_watch *watch, struct loop *loop)
{
    *watch = (struct heap_watch){ .loop = loop };
    timer_init(&watch->calm, loop, look_whether_calm);
}

void heap_release(struct heap_watch *watch)
{
    timer_stop(&watch->calm);
}

void heap_passed(struct heap_watch *watch, size_t bytes)
{
    if (bytes < LIMIT_heap_large)
        return;
    watch->passed += bytes;
    if (watch->passed >= LIMIT_heap_worth && !watch->calm.running)
        timer_start(&watch->calm, LIMIT_heap_calm_ms);
}
