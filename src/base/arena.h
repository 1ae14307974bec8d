/* A message's memory: many small allocations, freed whole. The owner calls arena_release (memory back to the heap or
 * the pool) or arena_reset (one block kept for the next message). Only blocks of ARENA_BLOCK_BYTES are pooled, so a
 * large message leaves nothing behind. One thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

struct arena_block;

struct arena_pool { /* free blocks of one size, up to `keep`; shared by the arenas of one thread */
    struct arena_block *free;
    size_t count, keep;
};

struct arena {
    struct arena_pool *pool;    /* NULL: straight from the heap */
    struct arena_block *blocks; /* newest first; small allocations come from the newest */
    struct arena_block *large;  /* newest first; one allocation each */
    char *at, *end;             /* what is free in the newest of `blocks` */
    size_t used;                /* bytes of all its blocks */
    size_t ceiling;             /* bytes; an allocation that would pass it returns NULL */
};

#define ARENA_BLOCK_BYTES 8192 /* a pooled block */

void arena_pool_init(struct arena_pool *pool, size_t keep);
/* After the arenas that share it. */
void arena_pool_release(struct arena_pool *pool);
void arena_init(struct arena *arena, struct arena_pool *pool, size_t ceiling);
void arena_release(struct arena *arena);
void arena_reset(struct arena *arena);
/* Aligned for any type; not zeroed. NULL when the ceiling or the heap says no. */
void *arena_alloc(struct arena *arena, size_t size) NODISCARD;
void *arena_zalloc(struct arena *arena, size_t size) NODISCARD;
/* As realloc. The newest allocation grows and shrinks in place where there is room; any other is copied, and its old
 * bytes stay until the arena goes. On NULL the old allocation is as it was. */
void *arena_realloc(struct arena *arena, void *ptr, size_t old_size, size_t size) NODISCARD;
/* A copy in the arena, NUL-terminated beyond its length; ptr NULL on failure. */
struct str arena_str(struct arena *arena, struct str s) NODISCARD;
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
