/* The system's clock, and one that a test moves. */
#include "base/clock.h"

#include "base/check.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    AZ(clock_gettime(id, &now));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(struct clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_mono_ms(struct clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_BOOTTIME); /* goes on while the machine sleeps: a nap is no jump of the wall clock */
}

static int64_t system_mono_us(struct clock *clock)
{
    struct timespec now;
    (void)clock;
    AZ(clock_gettime(CLOCK_BOOTTIME, &now));
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct clock *clock_system(void)
{
    static struct clock clock = { system_wall_ms, system_mono_ms, system_mono_us }; /* never written */
    return &clock;
}

static int64_t manual_wall_ms(struct clock *clock)
{
    return ((struct clock_manual *)clock)->wall;
}

static int64_t manual_mono_ms(struct clock *clock)
{
    return ((struct clock_manual *)clock)->mono;
}

static int64_t manual_mono_us(struct clock *clock)
{
    return ((struct clock_manual *)clock)->mono * 1000;
}

void clock_manual_init(struct clock_manual *clock, int64_t wall_ms)
{
    *clock = (struct clock_manual){ .clock = { manual_wall_ms, manual_mono_ms, manual_mono_us }, .wall = wall_ms };
}

void clock_manual_advance(struct clock_manual *clock, int64_t ms)
{
    clock->wall += ms;
    clock->mono += ms;
}
