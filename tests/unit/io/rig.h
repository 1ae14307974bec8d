/* What the tests of src/io share: a loop with a log that is kept, and waiting with a limit. */
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct rig {
    struct log   log;
    struct loop *loop;
    char         logged[65536];
    size_t       logged_len;
    pthread_mutex_t lock;
};

static inline void rig_line(struct log *log, enum log_level level, const char *text)
{
    struct rig *rig = (struct rig *)(void *)((char *)log - offsetof(struct rig, log));

    (void)level;
    pthread_mutex_lock(&rig->lock);
    int len = snprintf(rig->logged + rig->logged_len, sizeof(rig->logged) - rig->logged_len, "%s\n", text);
    if ((size_t)len < sizeof(rig->logged) - rig->logged_len)
        rig->logged_len += (size_t)len;
    pthread_mutex_unlock(&rig->lock);
}

static inline void rig_init(struct rig *rig, struct clock *clock)
{
    *rig = (struct rig){ .log = { .least = LOG_DEBUG, .clock = clock, .line = rig_line } };
    pthread_mutex_init(&rig->lock, NULL);
    assert_int_equal(loop_new(clock, &rig->log, &rig->loop), 0);
}

static inline void rig_release(struct rig *rig)
{
    loop_free(rig->loop);
    pthread_mutex_destroy(&rig->lock);
}

static inline bool rig_logged(const struct rig *rig, const char *part)
{
    return strstr(rig->logged, part) != NULL;
}

static inline unsigned rig_logged_times(const struct rig *rig, const char *part)
{
    unsigned times = 0;
    for (const char *at = rig->logged; (at = strstr(at, part)) != NULL; at += strlen(part))
        times++;
    return times;
}

struct rig_limit {
    struct timer timer;
    bool         over;
};

static inline void rig_over(struct timer *timer)
{
    ((struct rig_limit *)(void *)timer)->over = true;
}

/* Turns until the condition holds; fails after twenty seconds. Only with the system's clock. */
#define RIG_UNTIL(rig, condition)                                                                                      \
    do {                                                                                                               \
        struct rig_limit limit_ = { .over = false };                                                                   \
        timer_init(&limit_.timer, (rig)->loop, rig_over);                                                              \
        timer_start(&limit_.timer, 20000);                                                                             \
        while (!(condition) && !limit_.over)                                                                           \
            loop_turn((rig)->loop, true);                                                                              \
        timer_stop(&limit_.timer);                                                                                     \
        if (!(condition))                                                                                              \
            fail_msg("not within twenty seconds: %s", #condition);                                                       \
    } while (0)

/* Turns for so long. */
static inline void rig_pass(struct rig *rig, int64_t ms)
{
    struct rig_limit limit = { .over = false };
    timer_init(&limit.timer, rig->loop, rig_over);
    timer_start(&limit.timer, ms);
    while (!limit.over)
        loop_turn(rig->loop, true);
}
