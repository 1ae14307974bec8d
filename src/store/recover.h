/* What start reads: the last segment, to the first batch that is not whole. */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "model/record.h"

#include <stdint.h>

struct log;

struct ledger_tail {            /* where writing goes on */
    uint64_t      segment, segment_size, offset;
    uint64_t      next_sequence;
    struct sha256 last;         /* hash of the last frame */
    int64_t       last_ms;      /* time of the last record */
};

/* Called for each record in order; its strings live until it returns. A negative value ends the reading. */
typedef int recover_record(void *arg, uint64_t sequence, const struct record *record);

/* Cuts a batch at the very end that was never acknowledged. E_NOT_FOUND: there is no ledger yet. E_CORRUPT: damage
 * anywhere else; it is logged with its sequence number and what to do, and nothing is changed. */
int recover(int ledger, struct log *log, recover_record *each, void *arg, struct ledger_tail *tail) NODISCARD;
