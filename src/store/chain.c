/* The links between frames, checked one by one. */
#include "store/chain.h"

#include "base/limits.h"

int chain_init(struct chain *chain)
{
    *chain = (struct chain){ .next = 1 };
    arena_init(&chain->arena, NULL, LIMIT_ledger_record);
    return hasher_new(&chain->hasher);
}

void chain_release(struct chain *chain)
{
    hasher_free(chain->hasher);
    arena_release(&chain->arena);
    chain->hasher = NULL;
}

void chain_begin(struct chain *chain, uint64_t first_sequence, const struct sha256 *before)
{
    chain->next = first_sequence;
    chain->last = *before;
}

int chain_next(struct chain *chain, struct str *frames, struct record *record, const char **why)
{
    struct frame frame;
    arena_reset(&chain->arena);
    if (!frame_next(frames, &frame)) {
        *why = "its batch holds something that is no record";
        return E_CORRUPT;
    }
    if (frame.sequence != chain->next) {
        *why = "it is missing: another sequence number stands in its place";
        return E_CORRUPT;
    }
    if (memcmp(&frame.before, &chain->last, sizeof frame.before) != 0) {
        *why = "its link does not fit the record before it";
        return E_CORRUPT;
    }
    int error = record_read(frame.record, &chain->arena, record);
    if (error == E_INVALID) {
        *why = "it was written by a later version";
        return error;
    }
    if (error == E_SYNTAX) {
        *why = "its fields cannot be read";
        return E_CORRUPT;
    }
    if (error < 0) {
        *why = "there is not enough memory to read it";
        return error;
    }
    frame_hash(chain->hasher, &frame, &chain->last);
    chain->frame = frame.bytes;
    chain->next++;
    return 0;
}
