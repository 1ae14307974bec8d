/* What is to be started or reached, and what came of it: one row a server, kept in the index, so that whoever was
 * interrupted goes on where they were. A row is done when its outcome is committed, never before. */
#pragma once

#include "catalog/index.h"
#include "catalog/registry.h"

enum queue_state { QUEUE_WAITING, QUEUE_LISTED, QUEUE_FAILED };
#define QUEUE_TRIES 3 /* starts without any outcome: whoever started it did not survive them */

struct queued {
    int64_t          server;
    struct str       name, slug;  /* of the server */
    enum start_kind  kind;        /* START_NONE: can never be started, and `why` says why */
    struct str       document;    /* for start_read */
    enum queue_state state;
    struct str       why;         /* failed: ours, with what the server said escaped */
    int64_t          tries;
};

/* Within a transaction. What waits, or was done, with this very document stays as it is. `why`: of START_NONE. */
int catalog_queue_put(struct catalog *catalog, int64_t server, enum start_kind kind, struct str document, struct str why) NODISCARD;
typedef int catalog_each_queued(void *arg, const struct queued *queued);
/* Rows of a state by their server, behind `after`, at most `most`; without those of remotes, or with them. */
int catalog_queue(struct catalog *catalog, enum queue_state state, bool remotes, int64_t after, int most,
                  catalog_each_queued *each, void *arg) NODISCARD;
/* E_NOT_FOUND */
int catalog_queue_of(struct catalog *catalog, int64_t server, catalog_each_queued *each, void *arg) NODISCARD;
int catalog_queue_tried(struct catalog *catalog, int64_t server) NODISCARD;
int catalog_queue_done(struct catalog *catalog, int64_t server, enum queue_state state, struct str why) NODISCARD;
/* Those that failed wait again. */
int catalog_queue_again(struct catalog *catalog) NODISCARD;

struct queue_counts { int64_t waiting, remotes_waiting, listed, failed, never; };
int catalog_queue_count(struct catalog *catalog, struct queue_counts *out) NODISCARD;
