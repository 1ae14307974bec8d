/* What is counted of one server's calls, for the metrics. It outlives reloads as long as the configuration names the
 * server. Its tools are those that the server lists, up to LIMIT_metered_tools; all else is counted together. Loop
 * thread only. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "model/class.h"
#include "model/reason.h"
#include "model/record.h"
#include "model/server.h"

#include <stdbool.h>
#include <stdint.h>

/* Upper bounds in microseconds, and as seconds are written. */
#define DURATION_BOUNDS(B)                                                                         \
    B(100, "0.0001") B(250, "0.00025") B(500, "0.0005") B(1000, "0.001") B(2500, "0.0025") B(5000, "0.005")        \
    B(10000, "0.01") B(25000, "0.025") B(50000, "0.05") B(100000, "0.1") B(250000, "0.25") B(500000, "0.5")        \
    B(1000000, "1") B(2500000, "2.5") B(5000000, "5") B(10000000, "10") B(30000000, "30") B(60000000, "60")        \
    B(300000000, "300")

enum {
#define B(us, text) DURATION_BOUND_##us,
    DURATION_BOUNDS(B)
#undef B
    DURATION_BOUND_COUNT
};

struct histogram {
    uint64_t within[DURATION_BOUND_COUNT + 1]; /* each for itself; the last: above every bound */
    uint64_t sum_us;
};
void histogram_add(struct histogram *histogram, int64_t us);

struct tool_meter {
    struct list link;
    struct str  name;                  /* empty: all that have none of their own */
    uint64_t    allowed, denied;
};

#define METER_CLASS_COUNT (CLASS_COUNT + 1) /* the last: unknown, and what is no tool */

struct meter {
    unsigned         refs;
    uint64_t         allowed[REASON_COUNT][METER_CLASS_COUNT]; /* by how the call ended, and its tool's class */
    uint64_t         denied[REASON_COUNT][METER_CLASS_COUNT];
    struct histogram total, admission, server; /* arrival to answer; to the durable record; from there to the answer */
    struct list      tools;                 /* struct tool_meter */
    struct map       tools_by_name;
    size_t           tool_count;
    struct tool_meter other;
    struct arena     arena;
};

int  meter_new(struct meter **out) NODISCARD;
struct meter *meter_ref(struct meter *meter);
void meter_unref(struct meter *meter);  /* NULL is fine */
size_t meter_class(const struct pinned_class *class);
struct str meter_class_word(size_t class);
/* `tool` NULL: one that the server does not list. */
struct tool_meter *meter_tool(struct meter *meter, const struct tool *tool);
