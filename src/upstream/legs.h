/* An instance's legs in flight: a list in the order of sending, and a look-up by id. Owns no leg. And the ids of the last
 * that were given up, whose answers may still come. */
#pragma once

#include "base/error.h"
#include "base/limits.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leg;

struct leg_slot { struct leg *leg; };

struct legs {
    struct list      all;    /* leg->link */
    struct leg_slot *slots;  /* open addressing by leg->id; ids are minted one after another and hardly ever collide */
    size_t           count, capacity;
    uint64_t         given_up[LIMIT_given_up_legs]; /* a ring; 0: none */
    size_t           given_up_at;
};

void legs_init(struct legs *legs);
void legs_release(struct legs *legs);
/* E_FULL above LIMIT_legs_per_instance; E_NOMEM. */
int  legs_add(struct legs *legs, struct leg *leg) NODISCARD;
struct leg *legs_find(const struct legs *legs, uint64_t id); /* NULL: none */
void legs_remove(struct legs *legs, struct leg *leg);        /* also takes it off the list; twice is fine */
/* The server may have read it, and nobody waits for its answer any more. */
void legs_give_up(struct legs *legs, uint64_t id);
bool legs_were_given_up(struct legs *legs, uint64_t id);     /* once for each: a second answer is the server's fault */
