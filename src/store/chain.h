/* Reading frames in order: sequence numbers without a gap, each linked to the one before. */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "model/record.h"
#include "store/format.h"

/* A record and its hash: a point of the chain that somebody knows. */
struct chain_head { uint64_t sequence; struct sha256 hash; };

struct chain {
    struct hasher *hasher;
    struct arena   arena;       /* of the record at hand */
    uint64_t       next;        /* the sequence number that must come */
    struct sha256  last;
    struct str     frame;       /* the last one, borrowed from what it was read from */
};

int  chain_init(struct chain *chain) NODISCARD;
void chain_release(struct chain *chain);
/* Where a segment begins. */
void chain_begin(struct chain *chain, uint64_t first_sequence, const struct sha256 *before);
/* One frame and its record, which lives until the next call. E_CORRUPT with *why, a static sentence; E_INVALID: written
 * by a later version; E_NOMEM. */
int  chain_next(struct chain *chain, struct str *frames, struct record *record, const char **why) NODISCARD;
