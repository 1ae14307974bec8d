/* The metrics as text: Prometheus' format 0.0.4, or OpenMetrics 1.0. Loop thread only. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct decisions;
struct front_http;
struct gateway;
struct loop;
struct reloader;
struct store;

struct metrics_sources {
    const struct loop       *loop;
    const struct gateway    *gateway;
    const struct front_http *front;
    const struct reloader   *reloader;
    const struct decisions  *decisions;
    struct store            *store;
    int64_t                  started_ms; /* Unix time */
};

void metrics_write(const struct metrics_sources *sources, bool openmetrics, struct buf *out);
