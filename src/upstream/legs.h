/* An instance's legs in flight: a list in the order of sending, and a look-up by id. Owns no leg. */
#pragma once

#include "base/error.h"
#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct leg;

struct leg_slot { struct leg *leg; };

struct legs {
    struct list      all;    /* leg->link */
    struct leg_slot *slots;  /* open addressing by leg->id; ids are minted one after another and hardly ever collide */
    size_t           count, capacity;
};

void legs_init(struct legs *legs);
void legs_release(struct legs *legs);
/* E_FULL above LIMIT_legs_per_instance; E_NOMEM. */
int  legs_add(struct legs *legs, struct leg *leg) NODISCARD;
struct leg *legs_find(const struct legs *legs, uint64_t id); /* NULL: none */
void legs_remove(struct legs *legs, struct leg *leg);        /* also takes it off the list; twice is fine */
