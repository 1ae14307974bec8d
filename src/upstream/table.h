/* The table that a server's lists become: the entries of each page are written anew by our writer, pinned, and put behind
 * those before. Where there is much to do it is done in the pool, on memory that is the table's own meanwhile; what comes
 * then runs on the loop. An upstream that stops waits for the pool. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/limits.h"
#include "io/loop.h"
#include "json/json.h"
#include "model/server.h"

#include <stdatomic.h>

struct listing;
struct upstream;

enum list_kind { LIST_TOOLS, LIST_PROMPTS, LIST_RESOURCES, LIST_TEMPLATES, LIST_KIND_COUNT };

struct table {
    struct job          job;
    struct upstream    *upstream;
    struct listing     *listing;     /* whose it is; NULL: nobody's any more */
    bool                in_pool;
    atomic_bool         dropped;     /* so that the pool is soon done with it */
    struct definitions *definitions; /* one reference */
    bool                names_only;  /* no texts are kept, names and pins alone */
    bool                takes_marks; /* MCP 2026-07-28 transports: x-mcp-header counts, and is shown */
    struct hasher      *hasher;
    struct buf          entries;     /* what the list has so far; strings in the definitions' arena */
    struct buf          out;         /* one definition */
    size_t              bytes;       /* of all pages */
    size_t              unusable;    /* entries that are left out */
    enum list_kind      kind;        /* of the page */
    bool                has_page;
    struct arena        page;        /* holds its tree */
    const struct json  *list;        /* its entries; NULL: none */
    bool                whole;       /* it is the last one of its kind */
    struct str          wrong[LIMIT_wrong_marks]; /* tools of the page whose marks are wrong; in the definitions' arena */
    size_t              wrong_count;
    void              (*then)(struct listing *listing);
    const char         *fault;       /* for `then`; NULL: none */
};

int  table_new(struct upstream *upstream, struct listing *listing, bool names_only, bool takes_marks, struct table **out) NODISCARD;
void table_drop(struct table *table); /* NULL is fine; `then` is not called any more */
/* A page of `bytes` bytes: takes the arena over, which holds the entries' array (NULL: none are there). `whole`: the
 * list of this kind ends with it. `then` runs at once or later. */
void table_add(struct table *table, enum list_kind kind, struct arena *page, const struct json *entries, size_t bytes,
               bool whole, void (*then)(struct listing *listing));
/* The list of this kind was refused, and there is nothing of it; of resources and templates, of both. */
void table_leave_out(struct table *table, enum list_kind kind);
/* All lists are there; so are the instructions of the handshake. */
void table_finish(struct table *table, struct str instructions, void (*then)(struct listing *listing));
/* Of a table that is finished; the table is gone. */
struct definitions *table_take(struct table *table);
