/* Names of one object in an open table: linear, however many members a hostile message brings. */
#include "json/node.h"

#include "base/map.h"

int json_index_begin(struct json_index *index, struct arena *arena, size_t count)
{
    size_t capacity = index->capacity ? index->capacity : (size_t)4 * MEMBERS_INDEXED;

    while (capacity < 2 * count)
        capacity *= 2;
    if (capacity > index->capacity) {
        struct map secret;
        map_init(&secret); /* the process's secret, so that names cannot be chosen to collide */
        memcpy(index->secret, secret.key, sizeof(index->secret));
        index->slots = arena_alloc(arena, capacity * sizeof(*index->slots));
        if (!index->slots) {
            index->capacity = 0;
            return E_NOMEM;
        }
        index->capacity = capacity;
    }
    memset(index->slots, 0, index->capacity * sizeof(*index->slots));
    return 0;
}

static size_t slot_of(const struct json_index *index, struct str name)
{
    size_t mask = index->capacity - 1, slot = siphash(index->secret, name) & mask;

    while (index->slots[slot] && !str_eq(val_text(index->slots[slot]), name))
        slot = (slot + 1) & mask;
    return slot;
}

yyjson_val *json_index_add(struct json_index *index, yyjson_val *key)
{
    size_t slot = slot_of(index, val_text(key));

    if (index->slots[slot])
        return index->slots[slot];
    index->slots[slot] = key;
    return NULL;
}

yyjson_val *json_index_find(const struct json_index *index, struct str name)
{
    return index->slots[slot_of(index, name)];
}
