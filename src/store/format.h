/* The ledger's bytes on disk, little-endian. A segment file is one header block, then batches, then zeros. A batch
 * begins at a block and never shares one with another, so that a torn write can harm no batch that was acknowledged.
 * A batch is a header and frames; a frame is one record with its sequence number and the SHA-256 of the frame before. Pure. */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES 4096u
#define BATCH_HEADER_BYTES 40u
#define FRAME_HEADER_BYTES 44u
#define SEGMENT_HEADER_BYTES 84u /* of the header block; the rest of it is zeros */

static inline uint64_t block_align(uint64_t bytes) { return (bytes + BLOCK_BYTES - 1) & ~(uint64_t)(BLOCK_BYTES - 1); }

struct segment_header {
    uint64_t      number;         /* from 1 */
    uint64_t      first_sequence; /* of the records in here; from 1 */
    struct sha256 before;         /* of the frame before the first one: zeros at the very beginning */
    int64_t       created_ms;
    uint64_t      size;           /* of the file, bytes */
};

void segment_header_put(const struct segment_header *header, void *block);          /* a whole block */
int  segment_header_get(const void *block, struct segment_header *out) NODISCARD;   /* E_CORRUPT; E_INVALID: of a later version */

struct batch_header {
    uint32_t length;         /* of the frames, bytes */
    uint32_t count;          /* of the frames */
    uint64_t first_sequence;
    uint64_t durable_before; /* the last sequence number known to be on the disk when this was written */
    uint64_t segment;
};

/* `batch`: header space and then the frames; the checksum is made over both. */
void batch_seal(const struct batch_header *header, void *batch);
/* Reads the header alone; false: no batch begins here. */
bool batch_peek(const void *block, struct batch_header *out);
/* The checksum over the whole; `available` bytes stand behind `batch`. */
bool batch_is_whole(const void *batch, size_t available, struct batch_header *out);

struct frame {
    uint64_t      sequence;
    struct sha256 before;
    struct str    record;    /* borrowed */
    struct str    bytes;     /* the whole frame: what is hashed */
};

void frame_header_put(void *to, uint32_t record_length, uint64_t sequence);         /* `before` stays zeros until frame_chain */
/* Sets the link to the frame before, and *last to this frame's own hash. Returns the frame's length. */
size_t frame_chain(struct hasher *hasher, void *frame, struct sha256 *last);
/* Takes a frame from the front; false: what is left is none. */
bool frame_next(struct str *frames, struct frame *out);
void frame_hash(struct hasher *hasher, const struct frame *frame, struct sha256 *out);
