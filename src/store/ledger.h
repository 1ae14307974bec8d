/* The ledger's writer. The loop's thread encodes records into the batch that is being filled and decides when it is
 * sealed; the ledger's thread links, checksums, writes and flushes one batch after the other; what is durable comes back
 * to the loop in order. A helper at low priority makes the next segment ready and watches the disk.
 * All calls are the loop thread's. Before ledger_start, and without a loop, ledger_write_now writes in place. */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "base/list.h"
#include "model/record.h"
#include "store/chain.h"
#include "store/recover.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;
struct loop;
struct ledger;

enum ledger_mode { LEDGER_DURABLE, LEDGER_PROCESS }; /* done when flushed; done when written, flushed every LIMIT_ledger_sync_ms */

/* Embedded in its owner; stands on its record's batch until that is done. */
struct ledger_wait {
    struct list link;
    void      (*done)(struct ledger_wait *wait);
};

/* What may stay: segments are dropped whole, oldest first, when they are too old or too many bytes. 0: no bound. */
struct ledger_keep { int64_t age_ms; uint64_t bytes; int64_t now_ms; };
struct ledger_look {                /* of the helper at the segments */
    uint64_t          segments, bytes;
    uint64_t          first_sequence;
    struct chain_head drop;         /* the last record that may go; sequence 0: none */
};

struct ledger_options {
    int              directory;     /* DATA/ledger; borrowed */
    enum ledger_mode mode;
    struct log      *log;
    /* After each batch that is done, its frames, before its waits; NULL: nobody looks. */
    void           (*written)(void *arg, struct str frames);
    /* After the waits of a wake's last batch. */
    void           (*reaped)(void *arg);
    /* Up to which record the projection is: nothing behind it is dropped. On the helper's thread. */
    uint64_t       (*applied)(void *arg);
    void           (*looked)(void *arg, const struct ledger_look *look); /* on the loop, after ledger_look_at_segments */
    void            *arg;
};

/* `tail` NULL: nothing was written yet; the first thing to append is then a segment's beginning. */
int  ledger_open(const struct ledger_options *options, const struct ledger_tail *tail, struct ledger **out) NODISCARD;
int  ledger_start(struct ledger *ledger, struct loop *loop) NODISCARD;
/* Everything appended is written and flushed before it returns, unless the disk is full. Waits that are left do not run. */
void ledger_close(struct ledger *ledger);

/* Whether a record of this size (record_size_max) fits into the segment. If not, a new one must begin. */
bool ledger_fits(const struct ledger *ledger, size_t record_size);
/* What is appended between the two calls is the new segment's first batch: a checkpoint. Behind it there will be room
 * for a record of `record_size`. `last`: the gateway stops; the segment is small, and quickly read at the next start. */
void ledger_segment_begin(struct ledger *ledger);
void ledger_segment_end(struct ledger *ledger, int64_t now_ms, size_t record_size, bool last);
uint64_t ledger_segment_used(const struct ledger *ledger); /* bytes */
/* Memory for a record of this size; E_NOMEM. */
int  ledger_reserve(struct ledger *ledger, size_t record_size) NODISCARD;
/* Returns the sequence number. There must be memory and room. `wait` may be NULL. */
uint64_t ledger_append(struct ledger *ledger, const struct record *record, size_t record_size, struct ledger_wait *wait);
/* Hands what is filled to the thread; nothing there is fine. */
void ledger_seal(struct ledger *ledger);
bool ledger_is_idle(const struct ledger *ledger);       /* nothing sealed is on its way */
bool ledger_is_filling(const struct ledger *ledger);    /* something is appended and not sealed */
size_t ledger_backlog(const struct ledger *ledger);     /* bytes that are appended and not done */
/* Seals and writes in place, then runs the waits. E_NOSPACE, E_IO; what is not written stays queued. */
int  ledger_write_now(struct ledger *ledger) NODISCARD;

/* False while the disk is full, or has less free than LIMIT_disk_reserve. */
bool ledger_has_disk(const struct ledger *ledger);
/* Asks the helper to look at the disk again. */
void ledger_look_at_disk(struct ledger *ledger);
/* Asks the helper what could be dropped. */
void ledger_look_at_segments(struct ledger *ledger, const struct ledger_keep *keep);
/* Asks the helper to remove the segments of which every record is at or below this one. Its drop is recorded, durably. */
void ledger_drop(struct ledger *ledger, uint64_t sequence);
/* The last sequence number that was given. */
uint64_t ledger_last(const struct ledger *ledger);
/* The last sequence number that a power cut cannot take away. Any thread. */
uint64_t ledger_durable(const struct ledger *ledger);

struct ledger_stats {
    uint64_t batches, records, bytes;  /* since the start */
    uint32_t flush_p50_us;             /* of the last 255 batches; 0: none yet */
    bool     direct;                   /* written past the page cache */
};
void ledger_stats(struct ledger *ledger, struct ledger_stats *out);
