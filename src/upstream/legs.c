/* Legs in flight by id: linear probing with removal by shifting back, so there are no tombstones. */
#include "upstream/legs.h"

#include "base/check.h"
#include "base/limits.h"
#include "upstream/upstream.h"

#include <stdlib.h>

#define FIRST_CAPACITY 16

void legs_init(struct legs *legs)
{
    *legs = (struct legs){ 0 };
    list_init(&legs->all);
}

void legs_release(struct legs *legs)
{
    AZ(legs->count);
    free(legs->slots);
    legs->slots = NULL;
    legs->capacity = 0;
}

/* Ids are given one after the other; spread, or their run would be as long as the table is full. */
static size_t home_of(const struct legs *legs, uint64_t id)
{
    return (size_t)(id * 0x9e3779b97f4a7c15u >> 32) & (legs->capacity - 1);
}

static void place(struct legs *legs, struct leg *leg)
{
    size_t at = home_of(legs, leg->id);
    while (legs->slots[at].leg)
        at = (at + 1) & (legs->capacity - 1);
    legs->slots[at].leg = leg;
}

static int grow(struct legs *legs)
{
    struct leg_slot *slots = legs->slots;
    size_t capacity = legs->capacity;
    size_t wanted = capacity ? 2 * capacity : FIRST_CAPACITY;
    struct leg_slot *larger = calloc(wanted, sizeof(*larger));
    if (!larger)
        return E_NOMEM;
    legs->slots = larger;
    legs->capacity = wanted;
    for (size_t i = 0; i < capacity; i++)
        if (slots[i].leg)
            place(legs, slots[i].leg);
    free(slots);
    return 0;
}

int legs_add(struct legs *legs, struct leg *leg)
{
    if (legs->count >= LIMIT_legs_per_instance)
        return E_FULL;
    if (2 * (legs->count + 1) > legs->capacity) {
        int error = grow(legs);
        if (error)
            return error;
    }
    place(legs, leg);
    legs->count++;
    list_append(&legs->all, &leg->link);
    return 0;
}

/* The slot of an id, or capacity. */
static size_t slot_of(const struct legs *legs, uint64_t id)
{
    size_t mask = legs->capacity - 1;
    if (!legs->capacity)
        return 0;
    for (size_t at = home_of(legs, id); legs->slots[at].leg; at = (at + 1) & mask)
        if (legs->slots[at].leg->id == id)
            return at;
    return legs->capacity;
}

struct leg *legs_find(const struct legs *legs, uint64_t id)
{
    size_t at = slot_of(legs, id);
    return at < legs->capacity ? legs->slots[at].leg : NULL;
}

void legs_remove(struct legs *legs, struct leg *leg)
{
    list_remove(&leg->link);
    size_t mask = legs->capacity - 1, hole = slot_of(legs, leg->id);
    if (hole >= legs->capacity || legs->slots[hole].leg != leg)
        return;
    legs->slots[hole].leg = NULL;
    legs->count--;
    /* What stands behind the hole in its run moves up unless that would put it before its own place. */
    for (size_t at = (hole + 1) & mask; legs->slots[at].leg; at = (at + 1) & mask) {
        size_t home = home_of(legs, legs->slots[at].leg->id);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            legs->slots[hole] = legs->slots[at];
            legs->slots[at].leg = NULL;
            hole = at;
        }
    }
}

void legs_give_up(struct legs *legs, uint64_t id)
{
    legs->given_up[legs->given_up_at] = id;
    legs->given_up_at = (legs->given_up_at + 1) % LIMIT_given_up_legs;
}

bool legs_were_given_up(struct legs *legs, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < LIMIT_given_up_legs; i++)
        if (legs->given_up[i] == id) {
            legs->given_up[i] = 0;
            return true;
        }
    return false;
}
