/* The control plane's own listener, on loopback alone: GET /metrics. Host and Origin are checked as on the data plane;
 * each connection carries one request. Loop thread only. */
#pragma once

#include "admin/metrics.h"
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct admin_http;
struct log;

struct admin_http_options {
    struct loop           *loop;
    struct log            *log;
    struct str             address; /* numeric, loopback; port 0 picks one. Borrowed during admin_http_open */
    struct metrics_sources sources;
};

/* E_EXISTS: something else listens there; and what else listener_open says. */
int      admin_http_open(const struct admin_http_options *options, struct admin_http **out) NODISCARD;
uint16_t admin_http_port(const struct admin_http *http);
void     admin_http_close(struct admin_http *http); /* NULL is fine */
