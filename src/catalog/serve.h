/* A built site over HTTP, and its search from the index. GET and HEAD alone; Host and Origin are held to what the
 * listener stands for, so that no page of elsewhere can ask through a name of its own. Files are read as they stand at
 * the time, below the site's folder and through no link. Loop thread only; searches run in the pool, one at a time. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "catalog/index.h"

#include <stdint.h>

struct loop;
struct serve;

struct serve_options {          /* borrowed for the server's life */
    struct loop      *loop;
    struct str        address;  /* numeric; port 0 picks one */
    const struct str *hosts;    /* allowed in Host beside the address' own */
    size_t            host_count;
    int               folder;   /* descriptor of the site's; stays the caller's */
    unsigned          connections; /* at once; 0: LIMIT_serve_connections */
    struct catalog   *catalog;  /* NULL: there is no index, and the page searches by its script */
};

/* What listener_open says. */
int      serve_open(const struct serve_options *options, struct serve **out) NODISCARD;
uint16_t serve_port(const struct serve *serve);
/* No new connections; `stopped` once the answers that were begun are out, or LIMIT_serve_stop_ms have passed. */
void     serve_stop(struct serve *serve, void (*stopped)(void *arg), void *arg);
void     serve_close(struct serve *serve); /* NULL is fine. Not while a search runs: serve_stop waits for it */
