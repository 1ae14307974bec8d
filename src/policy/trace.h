/* What explain shows: each step of one decision with its verdict, in order. The same run as a call's, watched. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "json/writer.h"
#include "policy/condition.h"

#include <stdbool.h>
#include <stddef.h>

#define TRACE_ANSWERS(A)                                                                           \
    A(PASS,     "pass")     /* the step lets the call go on */                                     \
    A(STOP,     "stop")     /* the step ends the decision */                                       \
    A(TRUE,     "true")     /* a condition */                                                      \
    A(FALSE,    "false")                                                                           \
    A(UNUSABLE, "unusable")                                                                        \
    A(DEBIT,    "debit")    /* a limit that the call will be counted in */

enum trace_answer {
#define A(name, text) TRACE_##name,
    TRACE_ANSWERS(A)
#undef A
};

struct trace_step {
    unsigned          depth; /* 0: a step of the decision; deeper: what it looked at */
    enum trace_answer answer;
    struct str        rule;  /* JSON Pointer into the policy; may be empty */
    struct str        text;  /* escaped, for people */
};

struct trace {
    struct arena      *arena;
    struct trace_step *steps;
    size_t             count, capacity;
    bool               cut; /* steps are missing: the ceiling, or no memory */
};

void        trace_init(struct trace *trace, struct arena *arena);
const char *trace_answer_name(enum trace_answer answer);
/* One line a step: indented, verdict, text, rule. */
void trace_print(const struct trace *trace, struct buf *out);
/* An array of {"depth", "verdict", "text", "rule"}. */
void trace_print_json(const struct trace *trace, struct json_writer *writer);

/* For the decision itself. NULL is fine where nothing has to be made up for it. */
void trace_step(struct trace *trace, unsigned depth, enum trace_answer answer, struct str rule, const char *format, ...)
    PRINTF_LIKE(5, 6);
void trace_condition(struct trace *trace, unsigned depth, const struct condition *test, enum answer answer,
                     const struct blame *blame);
/* any, all, not: stands before its parts, and gets its answer after them. */
size_t trace_group(struct trace *trace, unsigned depth, enum condition_kind kind);
void   trace_group_answer(struct trace *trace, size_t slot, enum answer answer);
/* "args.amount gt 10000: 20000" or "args.amount gt 10000: a string of 3 bytes: unusable, the operator does not take
 * it". Strings of the arguments are not repeated. In the arena; empty without memory. */
struct str blame_text(const struct blame *blame, struct arena *arena);
