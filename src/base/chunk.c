/* Ref-counted bytes. */
#include "base/chunk.h"

#include "base/check.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

struct chunk *chunk_new(size_t cap)
{
    if (cap > SIZE_MAX - sizeof(struct chunk))
        return NULL;
    struct chunk *chunk = malloc(sizeof(*chunk) + cap);
    if (!chunk)
        return NULL;
    chunk->refs = 1;
    chunk->len = cap;
    chunk->cap = cap;
    return chunk;
}

struct chunk *chunk_from(struct str bytes)
{
    struct chunk *chunk = chunk_new(bytes.len);
    if (chunk && bytes.len > 0)
        memcpy(chunk->bytes, bytes.ptr, bytes.len);
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
    CHECK(chunk->refs > 0 && chunk->refs < UINT_MAX);
    chunk->refs++;
    return chunk;
}

void chunk_unref(struct chunk *chunk)
{
    if (!chunk)
        return;
    CHECK(chunk->refs > 0);
    if (--chunk->refs == 0)
        free(chunk);
}
