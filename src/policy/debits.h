/* What a call debits: the limits of the checks that apply to it, each with who is counted and what it takes. Pure. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "policy/compiled.h"

#include <stddef.h>

struct decision;
struct question;
struct trace;

struct debits_problem { /* why a call cannot be counted */
    struct str rule, message;
};

/* Fills in out->debits and out->debit_count; strings in the arena or the policy's. A list may be NULL. E_INVALID with
 * *problem: an argument that is counted by, or that is the cost, is not one that can be. E_NOMEM. */
int debits_make(const struct policy *policy, const struct question *question, const struct checks *const *lists,
                size_t count, struct arena *arena, struct trace *trace, struct decision *out,
                struct debits_problem *problem) NODISCARD;
