/* The gate under test: the real one, over the real store, in front of memory_upstream. */
#pragma once

#include "front/exchange.h"
#include "gate/gateway.h"
#include "io/loop.h"
#include "base/log.h"
#include "memory_upstream.h"
#include "model/grant.h"
#include "config/config.h"
#include "policy/policy.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct heard { /* an exchange, and what came of it */
    struct exchange exchange;
    int status;
    bool ended, deaf; /* deaf: takes no event */
    int events;
    enum reason reason;
    char body[4096], session[64];
};

struct world {
    struct loop *loop;
    struct log log;
    struct store *store;
    struct gateway *gateway;
    struct config *config; /* that it was opened with */
    struct server server;
    char directory[64], token[GRANT_TOKEN_MAX], grant[GRANT_ID_LEN + 1], session[64];
    bool stopped;
};

/* A session of one grant, under a policy of two tools: "once" has a limit of one in all, "free" has none. */
void open_world(struct world *world);
/* Stopped, and its directory kept: the ledger may be read; then remove_world. */
void close_world(struct world *world);
void remove_world(const char *directory);
/* A configuration of the world's server under another policy; NULL: without one. */
struct config *make_config(const struct world *world, const char *policy);
/* Hands a message in; `heard` fills when it is answered. */
void say(struct world *world, struct heard *heard, enum exchange_verb verb, const char *body);
/* Turns of the loop, a millisecond apart. */
void turns(struct world *world, int count);
void world_stopped(void *arg);
