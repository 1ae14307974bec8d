/* What an https server must show, and what we show it: made in the pool when its first connection is to be
 * opened, and kept for the upstream's life. Loop thread only. */
#pragma once

#include "base/error.h"
#include "io/loop.h"
#include "io/tls.h"

struct upstream;

struct secure {
    struct job         job;
    void             (*done)(struct secure *secure); /* `error` says whether upstream->tls is there now */
    struct upstream   *upstream;
    struct tls_options options;
    struct tls_problem problem;
    struct tls        *made;
    int                error;
    bool               running;
};

/* 0: upstream->tls is there already. E_AGAIN: `done` comes, never inside; until then *secure and the upstream must stay.
 * Otherwise loop_submit's. `host` is kept until `done`. */
int secure_prepare(struct secure *secure, struct upstream *upstream, struct str host, void (*done)(struct secure *)) NODISCARD;
