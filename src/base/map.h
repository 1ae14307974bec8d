/* A hash map from byte strings to pointers, keyed with a secret (SipHash), so that hostile keys cannot flood it.
 * The map owns its table and nothing else: keys are borrowed and must live as long as their entry. One thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct map_entry {
    struct str key;
    void      *value; /* NULL: the slot is free */
    uint64_t   hash;
};

struct map {
    struct map_entry *entries;
    size_t            count, capacity; /* capacity: zero or a power of two */
    uint64_t          key[2];
};

/* The process's secret; set once at start (random_bytes), before the first map. Zero in tests is fine. */
void  map_seed(const uint64_t key[2]);
void  map_init(struct map *map);
void  map_release(struct map *map);
void *map_get(const struct map *map, struct str key);
/* Sets or replaces; value is not NULL. */
int   map_set(struct map *map, struct str key, void *value) NODISCARD;
/* The value that was there, or NULL. */
void *map_remove(struct map *map, struct str key);
/* for (size_t at = 0; (entry = map_next(map, &at)) != NULL;). No changes meanwhile. */
const struct map_entry *map_next(const struct map *map, size_t *at);
/* SipHash-1-3. */
uint64_t siphash(const uint64_t key[2], struct str bytes);
