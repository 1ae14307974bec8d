/* Selectors: exact names in a hash, patterns with '*' in the order of their literal prefixes, so that a look-up costs
 * about the same at one selector and at ten thousand; classes by their number. Names are compared byte for byte. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/str.h"
#include "model/class.h"

#include <stdbool.h>
#include <stddef.h>

struct pattern { /* '*' stands for any run of bytes, also none */
    struct str text;
    size_t     prefix, suffix; /* bytes before the first '*', and behind the last */
    size_t     literal;        /* bytes that are no '*' */
};

struct selector {
    struct str     text;    /* as written */
    struct str     pointer; /* where it stands */
    const void    *value;   /* what it selects: a struct rule, or NULL */
    bool           exact;
    struct pattern pattern; /* unless exact */
};

struct selectors {
    struct map        exact;    /* name -> struct selector */
    struct selector **patterns; /* by prefix, longer ones behind what they begin with */
    size_t            count, capacity;
    struct selector  *classes[CLASS_COUNT]; /* "@read" ...; NULL: not there */
    bool              has_classes;
};

/* What selects a tool: its exact name alone, or the best pattern and its class, both. */
struct selection {
    const struct selector *items[1 + CLASS_COUNT];
    size_t                 count;
    bool                   open; /* its class is not known, and some class is not selected: nothing speaks of that one */
};

bool selector_is_pattern(struct str text);
/* True if it stands for a class, or tries to: a name that begins so can only be selected by a pattern. */
bool selector_is_class(struct str text);
/* Any text: one without a '*' stands for itself alone. */
struct pattern pattern_of(struct str text);
/* True if `name` is what the pattern describes. Linear in the name. */
bool pattern_match(const struct pattern *pattern, struct str name);
/* True if some name could match both; each has a '*'. */
bool pattern_meets(const struct pattern *a, const struct pattern *b);
/* A name that both match, in the arena; ptr NULL: no memory. They must meet. */
struct str pattern_witness(const struct pattern *a, const struct pattern *b, struct arena *arena);

void selectors_init(struct selectors *selectors);
void selectors_release(struct selectors *selectors);
/* Texts and pointer are borrowed for the life of the selectors. An exact name that is there already stays, and is what
 * *out says. `text` is not empty. */
int  selectors_add(struct selectors *selectors, struct arena *arena, struct str text, struct str pointer,
                   const void *value, struct selector **out) NODISCARD;
/* "@read"; else as selectors_add. */
int  selectors_add_class(struct selectors *selectors, struct arena *arena, enum tool_class class, struct str text,
                         struct str pointer, const void *value, struct selector **out) NODISCARD;
/* To be called once, when all are in. */
void selectors_sort(struct selectors *selectors);
/* The exact one, else the matching pattern with the most literal bytes; NULL: none. Not by class. */
const struct selector *selectors_find(const struct selectors *selectors, struct str name);
/* All that speak of a tool: a pattern goes before classes. One whose class is not known is selected by every class. */
void selectors_select(const struct selectors *selectors, struct str name, const struct pinned_class *class,
                      struct selection *out);
/* Calls `each` for every two patterns that some name could match together. */
void selectors_overlaps(const struct selectors *selectors,
                        void (*each)(void *arg, const struct selector *a, const struct selector *b), void *arg);
