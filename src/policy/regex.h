/* Patterns over strings: PCRE2 with a bound on every match. A pattern is immutable and may be matched on any thread;
 * what a match needs comes out of the decision's arena. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "policy/ops.h"

#include <stddef.h>

struct regex;

struct regex_scratch { /* of one decision; zeroed but for the arena */
    struct arena *arena;
    void         *general, *match; /* PCRE2's, in the arena */
    unsigned      matches, overruns;
};

#define REGEX_ERROR_MAX 160
/* E_INVALID with a text for people, E_NOMEM. The caller links and frees it (regex_free frees the whole list). */
int  regex_compile(struct str pattern, struct regex *next, struct regex **out, char why[REGEX_ERROR_MAX]) NODISCARD;
void regex_free(struct regex *first); /* with all that follow; NULL is fine */
/* Unusable, with *why: a subject above the ceiling, a match that ran into its limits, any error of PCRE2. */
enum answer regex_match(const struct regex *regex, struct str subject, struct regex_scratch *scratch, const char **why);
