/* The only clock. A service of struct gateway, so that tests own it. Thread-safe. */
#pragma once

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(struct clock *clock);   /* Unix time, UTC, milliseconds: windows of limits, records */
    int64_t (*mono_ms)(struct clock *clock);   /* never goes back: time-outs */
    int64_t (*mono_us)(struct clock *clock);   /* the same, finer: durations that are shown */
};

static inline int64_t clock_wall_ms(struct clock *clock) { return clock->wall_ms(clock); }
static inline int64_t clock_mono_ms(struct clock *clock) { return clock->mono_ms(clock); }
static inline int64_t clock_mono_us(struct clock *clock) { return clock->mono_us(clock); }

struct clock *clock_system(void);              /* static; CLOCK_REALTIME and CLOCK_BOOTTIME */

struct clock_manual {                          /* stands still until a test moves it */
    struct clock clock;
    int64_t      wall, mono;                   /* milliseconds */
};
void clock_manual_init(struct clock_manual *clock, int64_t wall_ms);
void clock_manual_advance(struct clock_manual *clock, int64_t ms); /* both */
