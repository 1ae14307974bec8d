/* A back that answers from memory, in place of src/upstream: a test says when lists, instances and answers are there.
 */
#pragma once

#include "upstream/upstream.h"

#include <stdbool.h>

struct memory {
    struct definitions *definitions; /* owned; NULL: the first list is missing */
    struct arena_pool *arenas;       /* the gateway's: answers are parsed into them */
    bool known;                      /* the gateway has looked at the first list */
    bool instances_ready;
    enum era_id era; /* the one that the server speaks */
    struct list waiters, legs; /* what waits, what was sent */
    size_t sent, cancelled, closed_instances, made, started, ended;
    char last_params[4096]; /* of the newest leg */
    struct upstream_events events;   /* the gateway's, once it is made */
};

/* The one upstream that the gateway under test makes. */
extern struct memory memory;

void memory_init(void);
void memory_release(void);
/* Lists tools of these names (NULL ends); a gateway that is there hears of it. */
void memory_list(const char *const *names);
/* The same, each in its n-th version. */
void memory_list_as(const char *const *names, unsigned char version);
void memory_unlist(void);
/* Everyone who waits hears this. */
void memory_wake(enum reason reason);
struct leg *memory_leg(void); /* the oldest in flight, or NULL */
/* Answers it with this result object. */
void memory_answer(struct leg *leg, const char *result);
void memory_end(struct leg *leg, enum reason reason);
