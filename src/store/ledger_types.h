/* The ledger's insides, shared by the loop's side (ledger.c) and its threads (ledger_write.c, ledger_help.c). */
#pragma once

#include "base/digest.h"
#include "base/list.h"
#include "store/ledger.h"
#include "store/segment.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_MAGIC 0x4c454447u
#define FLUSHES_KEPT 255 /* of which the median is told */
#define NEXT_NAME "next.seg" /* made ready by the helper */
#define NEXT_UNFINISHED "next.tmp"
#define NEW_NAME "new.seg"   /* made by the ledger's thread, because the helper was not ready */

struct wakeup;

/* The one file that stands ready to be a segment, whose name is NEXT_NAME until it is one. */
enum next_state {
    NEXT_NONE,   /* -> ASKED: the loop */
    NEXT_ASKED,  /* -> READY, or NONE when it failed: the helper */
    NEXT_READY,  /* -> TAKEN: the loop, for a batch that will begin a segment in it */
    NEXT_TAKEN,  /* -> NONE: the loop, when that batch is done */
};

struct batch {
    struct list link;
    struct list waits;
    char       *bytes;          /* at a block; begins with room for the header */
    size_t      len, cap;
    uint64_t    first_sequence;
    uint32_t    count;
    uint64_t    segment, offset;
    /* a segment's first batch */
    bool        begins_segment, uses_next;
    uint64_t    segment_size;
    int64_t     created_ms;
};

struct ledger {
    unsigned              magic;
    struct ledger_options options;
    struct wakeup        *wakeup;

    /* the loop's side */
    struct batch         *filling;
    struct list           spare;            /* batches, kept for their memory */
    size_t                spares;
    size_t                outstanding;      /* batches sealed and not reaped */
    size_t                outstanding_bytes;
    uint64_t              next_sequence;
    uint64_t              segment, segment_size, segment_used;
    bool                  beginning;        /* a checkpoint is being appended */

    /* the writer's side: the thread's, or the caller's of ledger_write_now */
    int                   fd;
    enum segment_sync     sync;
    struct hasher        *hasher;
    struct sha256         last;
    uint64_t              written;          /* last sequence number written */
    bool                  dirty;            /* written and not synced */
    int64_t               synced_us;

    /* shared, under `mutex` */
    pthread_mutex_t       mutex;
    pthread_cond_t        work, help;
    struct list           sealed, done;
    bool                  stop;
    uint64_t              make_next;        /* size of the segment to make ready, or 0: asked of the helper */
    bool                  look;             /* at the disk */
    bool                  look_at_segments, looked_at_segments;
    struct ledger_keep    keep;             /* asked of the helper */
    struct ledger_look    seen;             /* its answer */
    uint64_t              drop;             /* asked of the helper; 0: nothing */
    uint32_t              flush_us[FLUSHES_KEPT];
    uint64_t              batches, records, bytes;
    bool                  direct;           /* of the last batch */

    atomic_bool           disk_full, disk_low;
    _Atomic enum next_state next_state;
    _Atomic uint64_t      next_size;        /* while NEXT_READY */
    _Atomic uint64_t      durable;
    pthread_t             writer, helper;
    bool                  started;
};

/* ledger_write.c: links, writes, flushes. 0, or the errno (ENOSPC, EDQUOT) that another try may get past; any other
 * failure ends the process. */
int  batch_write(struct ledger *ledger, struct batch *batch);
void ledger_sync(struct ledger *ledger);
void *ledger_writer(void *ledger);
int64_t monotonic_us(void);

/* ledger_help.c */
void *ledger_helper(void *ledger);
/* ledger_keep.c, on the helper's thread */
void ledger_helper_look(struct ledger *ledger, const struct ledger_keep *keep, struct ledger_look *out);
void ledger_helper_drop(struct ledger *ledger, uint64_t sequence);
void ledger_measure_disk(struct ledger *ledger);
