/* Open addressing with linear probing; removal shifts back what follows, so there are no tombstones. */
#include "base/map.h"

#include "base/check.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

static uint64_t process_key[2]; /* the one secret, written once before the first map */

void map_seed(const uint64_t key[2])
{
    process_key[0] = key[0];
    process_key[1] = key[1];
}

void map_init(struct map *map)
{
    *map = (struct map){ .key = { process_key[0], process_key[1] } };
}

void map_release(struct map *map)
{
    free(map->entries);
    map->entries = NULL;
    map->count = map->capacity = 0;
}

/* The entry of the key, or the free slot where it would stand. */
static size_t slot_of(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->capacity - 1, slot = hash & mask;

    while (map->entries[slot].value && (map->entries[slot].hash != hash || !str_eq(map->entries[slot].key, key)))
        slot = (slot + 1) & mask;
    return slot;
}

void *map_get(const struct map *map, struct str key)
{
    if (map->count == 0)
        return NULL;
    return map->entries[slot_of(map, key, siphash(map->key, key))].value;
}

static int grow(struct map *map)
{
    struct map bigger = *map;

    bigger.capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY;
    bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
    if (!bigger.entries)
        return E_NOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].value)
            bigger.entries[slot_of(&bigger, map->entries[i].key, map->entries[i].hash)] = map->entries[i];
    free(map->entries);
    *map = bigger;
    return 0;
}

int map_set(struct map *map, struct str key, void *value)
{
    uint64_t hash = siphash(map->key, key);

    AN(value);
    if (map->count + 1 > map->capacity - map->capacity / 4) {
        int error = grow(map);
        if (error)
            return error;
    }
    struct map_entry *entry = &map->entries[slot_of(map, key, hash)];
    if (!entry->value)
        map->count++;
    *entry = (struct map_entry){ key, value, hash };
    return 0;
}

void *map_remove(struct map *map, struct str key)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->capacity - 1, hole = slot_of(map, key, siphash(map->key, key));
    void *value = map->entries[hole].value;
    if (!value)
        return NULL;
    for (size_t at = (hole + 1) & mask; map->entries[at].value; at = (at + 1) & mask) {
        size_t home = map->entries[at].hash & mask;
        /* An entry may fill the hole if its home is not between the hole and itself. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->entries[hole] = map->entries[at];
            hole = at;
        }
    }
    map->entries[hole] = (struct map_entry){ 0 };
    map->count--;
    return value;
}

const struct map_entry *map_next(const struct map *map, size_t *at)
{
    while (*at < map->capacity) {
        const struct map_entry *entry = &map->entries[(*at)++];
        if (entry->value)
            return entry;
    }
    return NULL;
}

/* SipHash by its paper's definition (Aumasson and Bernstein, 2012), with one round a word and three at the end: what is
 * asked of it is that names cannot be chosen to collide in a table whose secret nobody sees. */
struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t load_le(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

/* The last one to seven bytes, or none. */
static inline uint64_t load_rest(struct str bytes)
{
    size_t rest = bytes.len % 8;
    uint64_t word = 0;

    if (rest > 0 && bytes.len > 8)
        return load_le(bytes.ptr + bytes.len - 8) >> (64 - 8 * rest);
    for (size_t i = 0; i < rest; i++)
        word |= (uint64_t)(unsigned char)bytes.ptr[i] << (8 * i);
    return word;
}

uint64_t siphash(const uint64_t key[2], struct str bytes)
{
    struct sip s = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                     key[1] ^ 0x7465646279746573 };

    for (size_t at = 0; at + 8 <= bytes.len; at += 8)
        sip_word(&s, load_le(bytes.ptr + at));
    sip_word(&s, (uint64_t)bytes.len << 56 | load_rest(bytes));
    s.v2 ^= 0xff;
    for (unsigned i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
