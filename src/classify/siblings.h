/* The other tools of a server as evidence: those whose names differ from a tool's in the verb alone, as delete_user and
 * create_user do. They are the server's own words like all else, and it may list decoys: so they only make a verdict
 * surer that its own name made, of something that changes the world; they never move a class or a severity, and never
 * speak for Read. Time is linear in the tools. One thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/str.h"
#include "classify/classify.h"

#include <stddef.h>

struct siblings {
    const struct classifier *classifier;
    struct arena            *arena;  /* keeps what they have in common; outlives the siblings */
    struct str               server;
    struct map               groups; /* by the name with its verb left out */
    size_t                   count;
};
void siblings_init(struct siblings *siblings, const struct classifier *classifier, struct str server,
                   struct arena *arena);
void siblings_release(struct siblings *siblings);
/* A tool's name, borrowed. Those past LIMIT_sibling_tools are not looked at. E_NOMEM. */
int  siblings_add(struct siblings *siblings, struct str name) NODISCARD;
/* Raises the confidence of the verdict on the tool of that name, with the siblings' names as evidence behind the rest.
 * The same for the same names, in whichever order they were added. */
void siblings_speak(const struct siblings *siblings, struct str name, struct verdict_on_tool *verdict);
