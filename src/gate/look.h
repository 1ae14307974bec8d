/* The look at what a server lists: what its new tools can do is told in the pool, pins are looked at and recorded on the
 * loop, so many in a turn, and where a recommended policy is due it is made in the pool. Until a definition was looked
 * at it has no pin, and is not called; one that differs from its pin is denied from the moment it is listed. A list
 * that comes meanwhile waits for the end of the look before it. Loop thread only. */
#pragma once

#include "io/loop.h"
#include "model/class.h"

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct definitions;
struct look;
struct classed_tool;

struct glance {                  /* at one tool: what its definition shows */
    bool            wanted;      /* to be taken in the pool */
    bool            known;       /* `class` and `signals` are there; else it was not needed, or it cannot be read */
    enum tool_class class;
    uint32_t        signals;     /* bits, by enum signal */
};

/* What a recommended policy makes of an accepted tool; false: nobody can class it, and it is left to the default. A tool
 * that misleads has no class, and is named as one that gets no rule. */
bool classed_tool_of(struct str name, struct pinned_class class, const struct glance *glance, struct classed_tool *out);

struct looking {                 /* embedded in a backend */
    struct look        *look;    /* under way; NULL: none */
    struct timer        turn;    /* its next turn, or the next try to begin one */
    bool                again;   /* there is something new since it began */
    bool                views;   /* an operator changed pins: behind it all clients hear that their lists may be others */
    struct definitions *told;    /* what clients know of the server; NULL: nothing yet */
    struct glance      *glances; /* at the tools of `told`; NULL: none were taken */
};

void looking_init(struct looking *looking, struct loop *loop);
/* Nothing comes of a look that is under way. What its job still reads lives until the job ends. */
void looking_stop(struct looking *looking);
void looking_release(struct looking *looking);
/* At the newest list of the server, or at it again. The first list is in force behind the first look. */
void look_start(struct backend *backend);
/* The same in a turn to come. */
void look_soon(struct backend *backend);
