/* Names of hosts to addresses, by the system's resolver in the pool: LIMIT_dns_at_once look-ups at most, each asker told
 * after LIMIT_dns_ms at the latest, what was found kept for LIMIT_dns_kept_ms. Numeric addresses and localhost are never
 * looked up. Loop thread only. */
#pragma once

#include "base/error.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT_MAX 64 /* "[IPv6]:port" */

struct loop;
struct resolver;

struct addresses { /* to be tried in this order; a copy, the asker's */
    size_t count;
    char   text[LIMIT_dns_addresses][ADDRESS_TEXT_MAX]; /* what stream_connect takes */
};

struct lookup {
    struct list link;
    /* 0, or E_NOT_FOUND: no such name; E_TIMEOUT; E_IO: no answer. Never runs inside resolver_find. */
    void      (*done)(struct lookup *lookup, int error, const struct addresses *addresses);
    int64_t     due_ms; /* the resolver's own */
};

int  resolver_new(struct loop *loop, struct resolver **out) NODISCARD;
/* Nobody asks any more; look-ups under way end by themselves. NULL is fine. */
void resolver_free(struct resolver *resolver);
/* `address`: "HOST:PORT". 0: *out is filled. E_AGAIN: `done` will be called, unless lookup_cancel comes before. E_INVALID,
 * E_LIMIT, E_NOMEM. `resolver` NULL: only what needs no look-up. */
int  resolver_find(struct resolver *resolver, struct str address, struct lookup *lookup, struct addresses *out) NODISCARD;
void lookup_cancel(struct lookup *lookup); /* one that does not wait is fine, if its link was made */
