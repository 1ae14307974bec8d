/* Conditions: a path, an operator and a value, or any, all, not over others. Three answers, after Kleene. Pure. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "policy/ops.h"
#include "policy/path.h"
#include "policy/regex.h"

#include <stdbool.h>
#include <stddef.h>

enum condition_kind { CONDITION_TEST, CONDITION_ANY, CONDITION_ALL, CONDITION_NOT };

struct condition {
    enum condition_kind kind;
    bool                under_not; /* any number of them around it: what is missing is unusable */
    bool                every;     /* [*] and [] mean every element, else one is enough */
    struct condition   *parts;     /* of any, all, not */
    size_t              count;
    struct path         path;      /* of a test, with the two below */
    const struct op    *op;
    struct operand      operand;
    struct str          text;      /* "args.amount gt 10000", for explain; printable */
};

struct blame { /* the test that an answer came from */
    const struct condition *test;
    struct value            value;
    const char             *why; /* of an unusable one */
    bool                    told; /* to the agent too */
};

struct question;
struct trace;
struct zone;
struct evaluation { /* of one decision */
    const struct question *question;
    const struct zone     *zone;  /* NULL: UTC */
    struct trace          *trace; /* NULL: none */
    struct regex_scratch   scratch;
    struct blame           last, unusable; /* since evaluation_clear */
};

/* All of a list together; an empty list is true. `depth` is for the trace. */
enum answer conditions_hold(struct evaluation *evaluation, const struct condition *conditions, size_t count,
                            unsigned depth);
