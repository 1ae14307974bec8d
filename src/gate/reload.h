/* The configuration while the gateway runs: read anew when a file that it was made from changes, or when asked to. It is
 * read and its policies are compiled in the pool; then all of it goes live at once on the loop, or, with any error,
 * none of it, and what was in force stays in force: stale. Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/list.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct config;
struct environment;
struct gateway;
struct log;
struct loop;
struct reloader;
struct report;

struct reloader_options {            /* what it points at outlives the reloader */
    struct loop              *loop;
    struct clock             *clock;
    struct log               *log;
    struct gateway           *gateway;
    const struct environment *environment;
    struct config            *config; /* in force; a reference is taken */
    const struct report      *report; /* of its reading; during reloader_new */
    /* `config` is in force; what is not the gateway's takes its settings. The one before lives until it returns. */
    void                    (*live)(void *arg, struct config *config);
    void                     *arg;
};

#define RESTART_MAX 8

struct reload_status {
    bool                 stale;        /* the newest files have errors: an older configuration is in force */
    bool                 unchanged;    /* the last try found nothing new */
    struct str           path;         /* of the configuration */
    int64_t              live_ms;      /* Unix time: since when the one in force is */
    int64_t              tried_ms;     /* of the last try; 0: none since the start */
    uint64_t             succeeded, failed;
    int64_t              succeeded_ms, failed_ms; /* of the last ones; 0: none */
    const struct report *report;       /* of the last try; NULL: none */
    const char          *error;        /* of a try that failed without a problem in a file; NULL: none */
    const char          *restart[RESTART_MAX]; /* settings that differ from those that the gateway started with */
    size_t               restart_count;
};

struct reload_waiter {               /* embedded in its owner */
    struct list link;                /* list_init before its first use */
    void      (*done)(struct reload_waiter *waiter, const struct reload_status *status);
};

int  reloader_new(const struct reloader_options *options, struct reloader **out) NODISCARD;
void reloader_free(struct reloader *reloader); /* NULL is fine; nobody is told */
/* Reads all files from now on; `waiter` (NULL: nobody) hears what came of it. */
void reloader_ask(struct reloader *reloader, struct reload_waiter *waiter);
void reload_waiter_cancel(struct reload_waiter *waiter); /* one that does not wait is fine */
const struct reload_status *reloader_status(const struct reloader *reloader);
