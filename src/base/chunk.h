/* Ref-counted bytes that outlive the message that they came from: what waits in a stream's queue. One thread.
 * chunk_new returns one reference; the last chunk_unref frees. */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct chunk {
    unsigned refs;
    size_t   len;  /* bytes used; may be lowered by the one who filled it */
    size_t   cap;
    char     bytes[];
};

struct chunk *chunk_new(size_t cap) NODISCARD;
struct chunk *chunk_from(struct str bytes) NODISCARD;
struct chunk *chunk_ref(struct chunk *chunk);
void          chunk_unref(struct chunk *chunk); /* NULL is fine */
static inline struct str chunk_str(const struct chunk *chunk) { return (struct str){ chunk->bytes, chunk->len }; }
