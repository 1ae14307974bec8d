/* Jobs of the pool that a test holds until it lets them go: for executables that are linked with --wrap=loop_submit. */
#pragma once

#include "io/loop.h"

#include <stdbool.h>

static bool holding;     /* else the pool runs them */
static struct job *held; /* submitted, and not begun */
static int refuses;      /* as many jobs as this find no room */

int __real_loop_submit(struct loop *loop, struct job *job);
int __wrap_loop_submit(struct loop *loop, struct job *job);
int __wrap_loop_submit(struct loop *loop, struct job *job)
{
    if (!holding)
        return __real_loop_submit(loop, job);
    if (refuses > 0) {
        refuses--;
        return E_FULL;
    }
    assert_null(held); /* one at a time */
    held = job;
    return 0;
}

static inline void let_go(void)
{
    struct job *job = held;
    assert_non_null(job);
    held = NULL;
    job->work(job);
    job->done(job);
}
