/* Bump allocation in blocks of one size; what does not fit into a quarter of one has a block of its own. */
#include "base/arena.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size) __asan_poison_memory_region(ptr, size)
#define UNPOISON(ptr, size) __asan_unpoison_memory_region(ptr, size)
#define GAP 16 /* left poisoned behind each allocation, so that an overrun is seen */
#else
#define POISON(ptr, size) ((void)(ptr), (void)(size))
#define UNPOISON(ptr, size) ((void)(ptr), (void)(size))
#define GAP 0
#endif

#define ALIGNMENT _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size; /* with this head */
    _Alignas(max_align_t) char bytes[];
};

#define HEAD sizeof(struct arena_block)
#define LARGE ((ARENA_BLOCK_BYTES - HEAD) / 4)

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

void arena_pool_init(struct arena_pool *pool, size_t keep)
{
    *pool = (struct arena_pool){ .keep = keep };
}

void arena_pool_release(struct arena_pool *pool)
{
    while (pool->free) {
        struct arena_block *block = pool->free;
        pool->free = block->next;
        free(block);
    }
    pool->count = 0;
}

void arena_init(struct arena *arena, struct arena_pool *pool, size_t ceiling)
{
    *arena = (struct arena){ .pool = pool, .ceiling = ceiling };
}

static bool within_ceiling(const struct arena *arena, size_t more)
{
    return arena->used <= arena->ceiling && more <= arena->ceiling - arena->used;
}

static struct arena_block *block_take(struct arena *arena, size_t size)
{
    struct arena_pool *pool = arena->pool;
    struct arena_block *block;

    if (!within_ceiling(arena, size))
        return NULL;
    if (size == ARENA_BLOCK_BYTES && pool && pool->free) {
        block = pool->free;
        pool->free = block->next;
        pool->count--;
    } else {
        block = malloc(size);
        if (!block)
            return NULL;
        block->size = size;
    }
    arena->used += size;
    return block;
}

static void block_give(struct arena *arena, struct arena_block *block)
{
    struct arena_pool *pool = arena->pool;

    UNPOISON(block->bytes, block->size - HEAD);
    arena->used -= block->size;
    if (pool && block->size == ARENA_BLOCK_BYTES && pool->count < pool->keep) {
        block->next = pool->free;
        pool->free = block;
        pool->count++;
    } else {
        free(block);
    }
}

static void blocks_give(struct arena *arena, struct arena_block **list)
{
    while (*list) {
        struct arena_block *block = *list;
        *list = block->next;
        block_give(arena, block);
    }
}

void arena_release(struct arena *arena)
{
    blocks_give(arena, &arena->large);
    blocks_give(arena, &arena->blocks);
    arena->at = arena->end = NULL;
}

static void block_open(struct arena *arena, struct arena_block *block)
{
    arena->at = block->bytes;
    arena->end = (char *)block + block->size;
    POISON(arena->at, (size_t)(arena->end - arena->at));
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;

    blocks_give(arena, &arena->large);
    if (!kept)
        return;
    blocks_give(arena, &kept->next);
    block_open(arena, kept);
}

static void *bump(struct arena *arena, size_t size, size_t wanted)
{
    char *ptr = arena->at;
    arena->at += size;
    UNPOISON(ptr, wanted);
    return ptr;
}

static void *alloc_large(struct arena *arena, size_t size)
{
    struct arena_block *block = block_take(arena, HEAD + size);
    if (!block)
        return NULL;
    block->next = arena->large;
    arena->large = block;
    return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = round_up(size ? size : 1) + GAP;

    if (rounded <= (size_t)(arena->end - arena->at))
        return bump(arena, rounded, size);
    /* Near the ceiling a small allocation may still have a block of just its size. */
    if (rounded > LARGE || !within_ceiling(arena, ARENA_BLOCK_BYTES))
        return alloc_large(arena, size ? size : 1);
    struct arena_block *block = block_take(arena, ARENA_BLOCK_BYTES);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    block_open(arena, block);
    return bump(arena, rounded, size);
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *ptr = arena_alloc(arena, size);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

static void *realloc_large(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->large;
    size_t total = HEAD + size;

    if (total > block->size && !within_ceiling(arena, total - block->size))
        return NULL;
    struct arena_block *moved = realloc(block, total);
    if (!moved)
        return NULL;
    arena->used = arena->used - moved->size + total;
    moved->size = total;
    arena->large = moved;
    return moved->bytes;
}

void *arena_realloc(struct arena *arena, void *ptr, size_t old_size, size_t size)
{
    if (!ptr)
        return arena_alloc(arena, size);
    if (size > SIZE_MAX / 2)
        return NULL;
    if (arena->large && ptr == arena->large->bytes)
        return realloc_large(arena, size ? size : 1);

    size_t old_rounded = round_up(old_size ? old_size : 1) + GAP, rounded = round_up(size ? size : 1) + GAP;
    char *start = ptr;
    if (start + old_rounded == arena->at && rounded <= (size_t)(arena->end - start)) {
        POISON(start, old_rounded);
        arena->at = start;
        return bump(arena, rounded, size);
    }
    if (size <= old_size)
        return ptr;
    void *copy = arena_alloc(arena, size);
    if (copy)
        memcpy(copy, ptr, old_size);
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (!copy)
        return (struct str){ NULL, 0 };
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return str_of(copy, s.len);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    char first[256];

    va_start(arguments, format);
    int len = vsnprintf(first, sizeof(first), format, arguments);
    va_end(arguments);
    CHECK(len >= 0);
    if ((size_t)len < sizeof(first))
        return arena_str(arena, str_of(first, (size_t)len));
    char *text = arena_alloc(arena, (size_t)len + 1);
    if (!text)
        return (struct str){ NULL, 0 };
    va_start(arguments, format);
    vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    return str_of(text, (size_t)len);
}
