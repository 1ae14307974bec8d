/* The queue, worked off: each waiting server is started from its package, or reached, its list is taken into the index,
 * and what came of it is recorded, one transaction a server. Each runs in a home of its own that goes with it, with none
 * of the user's environment but what is named, side by side with others and with a time-out of its own. */
#pragma once

#include "base/error.h"
#include "catalog/index_intake.h"
#include "catalog/queue.h"
#include "config/config.h"

struct start_options {
    const struct environment *environment;
    const char         *index;       /* its path: homes are made beside it, "INDEX.homes" */
    struct str          self;        /* path of our own binary */
    size_t              jobs;        /* at once */
    int64_t             timeout_ms;  /* of each */
    bool                remotes;     /* those too that run elsewhere */
    bool                insecure;    /* of remotes: plain http, and addresses that are not of the public internet */
    bool                verbose;
    const char *const  *inherit;     /* variables of ours, NULL-terminated */
    const char *const  *base_urls;   /* registries that npx and uvx get packages from, as entries name them */
    /* After each; `why` NULL: it was listed. */
    void              (*told)(void *arg, struct str name, int64_t tools, const char *why);
    void               *arg;
};

struct start_result { unsigned long listed, failed, without_program; };

/* E_CLOSED: interrupted; what had no outcome waits still. E_LOCKED: someone else works the queue off. `why`: of an error. */
int start_queue(struct intake *intake, const struct start_options *options, struct start_result *out, char why[256]) NODISCARD;
