/* Everything that is wrong with the files that were read, all at once: what `check` prints and `run` starts with.
 * The report owns its texts. One thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "policy/policy.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct finding {
    struct str     file;
    struct problem problem;
};

struct report {
    struct arena    arena;
    struct finding *items;
    size_t          count, capacity;
    size_t          errors;   /* those that are no warnings */
};

void report_init(struct report *report);
void report_release(struct report *report);
/* Texts are copied. What no longer fits is counted in `errors` all the same. */
void report_add(struct report *report, struct str file, const struct problem *problem);
/* All of a policy's problems. */
void report_add_problems(struct report *report, struct str file, const struct problems *problems);
