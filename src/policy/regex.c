/* PCRE2: compiled with JIT at load, matched under limits, every error of a match is unusable. */
#include "policy/regex.h"

#include "base/check.h"
#include "base/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#define MATCH_LIMIT 30000 /* about a millisecond of the worst pattern */
#define HEAP_LIMIT 1024   /* KiB, for the interpreter where JIT is not to be had */
#define OVERRUNS_MAX 8    /* of one decision; from then on patterns are unusable without a try */

struct regex {
    pcre2_code *code;
    pcre2_match_context *context;
    struct regex *next;
};

int regex_compile(struct str pattern, struct regex *next, struct regex **out, char why[REGEX_ERROR_MAX])
{
    if (str_starts_with(pattern, STR("(*"))) {
        (void)snprintf(why, REGEX_ERROR_MAX, "verbs at the start of a pattern are not accepted");
        return E_INVALID;
    }
    struct regex *regex = calloc(1, sizeof *regex);
    if (regex == NULL)
        return E_NOMEM;
    int error;
    PCRE2_SIZE offset;
    regex->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                                PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &error, &offset, NULL);
    if (regex->code == NULL) {
        PCRE2_UCHAR text[REGEX_ERROR_MAX - 32];
        if (pcre2_get_error_message(error, text, sizeof text) < 0)
            text[0] = 0;
        (void)snprintf(why, REGEX_ERROR_MAX, "%s, at byte %zu", (const char *)text, (size_t)offset + 1);
        free(regex);
        return E_INVALID;
    }
    regex->context = pcre2_match_context_create(NULL);
    if (regex->context == NULL) {
        pcre2_code_free(regex->code);
        free(regex);
        return E_NOMEM;
    }
    pcre2_set_match_limit(regex->context, MATCH_LIMIT);
    pcre2_set_depth_limit(regex->context, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->context, HEAP_LIMIT);
    (void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* without it the interpreter matches the same */
    regex->next = next;
    *out = regex;
    return 0;
}

void regex_free(struct regex *first)
{
    while (first != NULL) {
        struct regex *next = first->next;
        pcre2_match_context_free(first->context);
        pcre2_code_free(first->code);
        free(first);
        first = next;
    }
}

static void *scratch_alloc(PCRE2_SIZE size, void *arena)
{
    return arena_alloc(arena, size);
}

static void scratch_free(void *memory, void *arena)
{
    (void)memory;
    (void)arena;
}

static bool scratch_ready(struct regex_scratch *scratch)
{
    if (scratch->general == NULL)
        scratch->general = pcre2_general_context_create(scratch_alloc, scratch_free, scratch->arena);
    if (scratch->general != NULL && scratch->match == NULL)
        scratch->match = pcre2_match_data_create(1, scratch->general);
    return scratch->match != NULL;
}

enum answer regex_match(const struct regex *regex, struct str subject, struct regex_scratch *scratch, const char **why)
{
    if (subject.len > LIMIT_regex_subject) {
        *why = "the string is too long for a pattern";
        return ANSWER_UNUSABLE;
    }
    if (scratch->overruns >= OVERRUNS_MAX || scratch->matches >= LIMIT_regex_matches) {
        *why = "too much matching in one call";
        return ANSWER_UNUSABLE;
    }
    scratch->matches++;
    if (!scratch_ready(scratch)) {
        *why = "no memory to match in";
        return ANSWER_UNUSABLE;
    }
    int found = pcre2_match(regex->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, scratch->match, regex->context);
    if (found >= 0)
        return ANSWER_TRUE;
    if (found == PCRE2_ERROR_NOMATCH)
        return ANSWER_FALSE;
    scratch->overruns++;
    *why = "matching ran into its limits";
    return ANSWER_UNUSABLE;
}
