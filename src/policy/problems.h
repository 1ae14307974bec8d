/* Load errors and warnings: where they stand, what is wrong, and what was probably meant. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

struct place { /* where the loader is: a path back to the root, on the stack */
    const struct place *up;
    struct str          key;   /* ptr NULL: an element of an array */
    size_t              index;
};
static inline struct place place_member(const struct place *up, struct str key)
{
    return (struct place){ .up = up, .key = key.ptr != NULL ? key : STR_EMPTY };
}
static inline struct place place_element(const struct place *up, size_t index)
{
    return (struct place){ .up = up, .index = index };
}
/* The JSON Pointer, in the arena; ptr NULL: no memory. The root is "". */
struct str place_pointer(const struct place *place, struct arena *arena);

enum spot { SPOT_VALUE, SPOT_KEY }; /* of the place: its value, or the name of the member */

struct reporter {
    struct str       source;
    struct arena    *arena;   /* the problems' */
    struct problems *problems;
    size_t           dropped; /* above LIMIT_policy_problems */
    bool             no_memory;
};
/* `fix` may be empty; it and the text are copied. */
void report_error(struct reporter *reporter, const struct place *place, enum spot spot, struct str fix,
                  const char *format, ...) PRINTF_LIKE(5, 6);
void report_warning(struct reporter *reporter, const struct place *place, enum spot spot, struct str fix,
                    const char *format, ...) PRINTF_LIKE(5, 6);
/* At a byte of a source that did not parse. */
void report_at_offset(struct reporter *reporter, size_t offset, struct str text, struct str fix);
/* Enough were reported: no more will be listed. */
bool report_is_full(const struct reporter *reporter);
/* In the order of the source, and a last word on those that were dropped. */
void report_finish(struct reporter *reporter);
/* "did you mean "WORD"?", or empty for an empty word. */
struct str report_guess(struct reporter *reporter, struct str word);
