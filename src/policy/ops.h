/* What conditions compare: values out of a call, operands out of the policy, and the operators of ops.def between
 * them. Pure. */
#pragma once

#include "base/arena.h"
#include "base/decimal.h"
#include "base/str.h"
#include "json/json.h"
#include "policy/select.h"

#include <stdbool.h>
#include <stddef.h>

/* Kleene's three values in their order: `all` is the least, `any` the greatest, `not` the mirror. */
enum answer { ANSWER_FALSE, ANSWER_UNUSABLE, ANSWER_TRUE };

static inline enum answer answer_of(bool holds) { return holds ? ANSWER_TRUE : ANSWER_FALSE; }
static inline enum answer answer_not(enum answer a) { return (enum answer)(ANSWER_TRUE - a); }
const char *answer_name(enum answer answer); /* "false", "unusable", "true" */

/* One bit a kind, so that an operator's row can name several. */
enum arg_kind {
    ARG_MISSING = 1,
    ARG_BOOL = 2,
    ARG_NUMBER = 4,
    ARG_STRING = 8,
    ARG_ARRAY = 16,
    ARG_OBJECT = 32,
    ARG_SCALAR = ARG_BOOL | ARG_NUMBER | ARG_STRING,
    ARG_ANY = ARG_SCALAR | ARG_ARRAY | ARG_OBJECT,
};
/* "nothing", "a boolean", "a number" …, for one bit. */
const char *arg_kind_text(unsigned kind);

struct value {
    unsigned           kind;    /* one bit of enum arg_kind */
    bool               boolean;
    struct str         text;    /* a string's bytes, a number's digits */
    const struct json *json;    /* an array or object of the arguments; NULL for a list of the call's own: */
    const struct str  *items;
    size_t             count;
};
struct value value_of_json(const struct json *node); /* NULL and null are missing */
struct value value_of_str(struct str text);

enum operand_kind {
    OPERAND_SCALAR_OR_NULL,
    OPERAND_NUMBER,
    OPERAND_LIST,
    OPERAND_BOOL,
    OPERAND_REGEX,
    OPERAND_CONTAINED, /* a scalar; a string that is not empty */
    OPERAND_TEXT,      /* a string that is not empty */
    OPERAND_GLOB,
    OPERAND_LENGTH,    /* a whole number */
    OPERAND_TYPE,      /* the name of a type, or a list of them */
    OPERAND_ROOTS,     /* absolute paths */
    OPERAND_HOSTS,     /* names, "*." and a name, addresses */
    OPERAND_COMMAND,   /* a pattern for each word; the last may be "..." */
};

struct scalar {
    unsigned       kind; /* ARG_BOOL, ARG_NUMBER or ARG_STRING */
    bool           boolean;
    struct str     text;
    struct decimal number;
};
/* False when it is no scalar, or a number that cannot be compared. Borrows from the value. */
bool scalar_read(const struct value *value, struct scalar *out);
/* -1, 0, 1 between two of one kind. */
int scalar_cmp(const struct scalar *a, const struct scalar *b);

#define TYPE_INTEGER 64 /* beside the bits of enum arg_kind, for `type`: a number without a fraction */

struct words { /* glob: one pattern; command: one a word */
    struct pattern *patterns;
    size_t          count;
    bool            rest;          /* it ended in "..." */
    struct pattern *no_words;
    size_t          no_word_count;
};

struct regex;
struct operand {
    bool                     null;    /* eq and neq: "value": null */
    bool                     boolean; /* exists */
    union {
        const struct regex  *regex;
        const struct words  *words;
        size_t               length;  /* length_lte, length_gte */
        unsigned             types;   /* type */
    };
    struct scalar           *items;   /* sorted, all of one kind; one of them unless the operand is a list */
    size_t                   count;
};
/* One of the operand's items, which are of the same kind. */
bool operand_has(const struct operand *operand, const struct scalar *item);
bool operand_has_text(const struct operand *operand, struct str text);

struct regex_scratch;
struct op_run { /* one operator on one value */
    const struct operand *operand;
    struct value          value;
    struct regex_scratch *scratch;
    const char           *why;   /* set where the answer is unusable */
    bool                  told;  /* the agent is told it too */
};
/* Why the two cannot be held against each other: for the operator alone. */
static inline enum answer op_unusable(struct op_run *run, const char *why)
{
    run->why = why;
    return ANSWER_UNUSABLE;
}
/* What is wrong with the argument itself ("it has a percent sign in it"): nothing of the policy is in it, so the agent
 * is told too. */
static inline enum answer op_unreadable(struct op_run *run, const char *why)
{
    run->told = true;
    return op_unusable(run, why);
}

/* For a buffer that is written before it is read: an array may have ten thousand elements, and to fill the buffer of
 * each with zeros would take longer than to judge them. */
#define OP_BUFFER __attribute__((uninitialized))

struct op {
    struct str        name;
    enum operand_kind operand;
    unsigned          takes; /* bits of enum arg_kind */
    enum answer     (*evaluate)(struct op_run *run);
    const char       *text;
};

const struct op *op_find(struct str name);
/* The operator that someone who wrote `name` means, by alias or by spelling; empty when none is near. */
struct str op_nearest(struct str name);
struct str op_list(void); /* "one of eq neq ..." */
const struct op *op_at(size_t index); /* NULL past the last */

/* The evaluators: enum answer op_eq(struct op_run *run) and so on, one a row. */
#define OP(name, operand, takes, evaluate, text) enum answer evaluate(struct op_run *run);
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
