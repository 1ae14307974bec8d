/* The store's insides, shared by its files. All of it is the loop's thread's. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"
#include "store/flood.h"
#include "store/ledger.h"
#include "store/state.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_MAGIC 0x53544f52u

struct store {
    unsigned            magic;
    struct store_options options;
    int                 data, lock, directory;  /* DATA, DATA/lock, DATA/ledger */
    struct state        state;
    struct ledger      *ledger;
    struct flood       *flood;
    struct projection  *projection;

    struct list         waiting;        /* admissions that nobody was told about yet, oldest first */
    struct list         instant;        /* audit off: they are told at the turn's end */
    struct list         unrecorded;     /* audit off: open calls that no checkpoint may name */
    struct admission   *free_admissions;
    size_t              free_count;
    size_t              queued;         /* what waits for the batch being filled: admissions and operators */
    size_t              open_requests;

    struct quiet        quiet;
    struct timer        hold, deadline, tick, retain;
    struct deferred     tell_instant, bury;
    struct list         acts;           /* operators' acts that are not durable yet */
    struct list         buried;         /* grants that were replaced in this turn */
    bool                active;         /* something was recorded since the last tick */
    uint64_t            dropped;        /* denials that found the backlog full */

    struct ledger_keep  keep;
    struct ledger_look  seen;           /* of the segments, the last time */
    struct ledger_wait  drop_wait;
    bool                dropping;       /* its record is on the way to the disk */

    int64_t             drift_ms;       /* wall clock less monotonic clock, as confirmed */
    struct list         watchers;
    struct arena        watch_arena;
};

/* store.c: every record goes through these. `store_room` begins a new segment when it must, so the state that the
 * record changes is changed only behind it. E_BACKLOG, E_NOMEM. */
int  store_room(struct store *store, size_t record_size) NODISCARD;
void store_append(struct store *store, const struct record *record, size_t record_size, struct ledger_wait *wait);
/* Both, for what must be recorded whatever the backlog: outcomes and operators' acts, which have ceilings of their own. */
void store_write(struct store *store, const struct record *record, struct ledger_wait *wait);
int64_t store_now_ms(const struct store *store);
/* True while calls with limits must wait for the operator. Looks at the clocks. */
bool store_clock_jumped(struct store *store);
bool store_clock_jumped_at(struct store *store, int64_t wall_ms, int64_t mono_ms); /* for who has looked already */
/* The hold rule: hands the batch over if enough waits in it. */
void store_submit_if_due(struct store *store, bool quiet);

/* admit.c */
void admissions_init(struct store *store);
void admissions_close(struct store *store);     /* while the ledger still takes records */
void admissions_release(struct store *store);

/* retention.c; applied and looked are the ledger's. */
void retention_init(struct store *store);
uint64_t retention_applied(void *arg);
void retention_looked(void *arg, const struct ledger_look *seen);

/* grants.c. An operator's act: `done` runs when the record that takes the wait is durable. */
int  act_begin(struct store *store, store_done *done, void *arg, struct ledger_wait **wait) NODISCARD;
void act_cancel(struct ledger_wait *wait); /* no record took it */
void grants_init(struct store *store);
void grants_release(struct store *store);
