/* A policy as the loader leaves it and the decision reads it. Immutable once loaded; all of it lives in the policy's
 * own arena, but for the tables of the maps and what PCRE2 allocates. */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/str.h"
#include "model/debit.h"
#include "policy/condition.h"
#include "policy/path.h"
#include "policy/select.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct entry { /* of `require` or `deny_if`: its conditions hold together */
    struct str        pointer, on_deny;
    struct condition *conditions;
    size_t            count;
};

enum naming {         /* of a limit's counter */
    NAMED_BY_POLICY,
    NAMED_TOOL_RATE,  /* <tool>_rate, after the tool that is called */
    NAMED_TOOL,       /* `concurrent`: the tool that is called */
};

struct limit { /* of `limits`, a `rate_limit`, or `concurrent`: a debit without a window */
    struct str      pointer, counter;
    struct str      on_deny;  /* without one the text of its kind; of `concurrent`: empty, for its reason has one */
    enum naming     naming;
    struct window   window;
    enum scope_kind scope;
    struct path     by;       /* SCOPE_ARGS: whose value is counted by; one value */
    bool            has_cost;
    struct path     cost;     /* has_cost: what a call takes, an argument; else it takes 1 */
    amount          max;
    bool            in_array; /* of `limits`, at its place */
};

struct checks { /* what `all_tools` and a tool's rule have in common */
    struct entry *require, *deny_if;
    size_t        require_count, deny_if_count;
    struct limit *limits;
    size_t        limit_count;
};

enum action { ACTION_ALLOW, ACTION_DENY };

struct rule { /* a member of `tools` */
    struct str    pointer, reason;
    enum action   action;
    int64_t       timeout_ms; /* for the server's answer; 0: the server's own */
    struct checks checks;
};

struct access { /* `resources` or `prompts` */
    bool             allow_default;
    struct str       default_pointer;
    struct selectors allow, deny;
};

struct zone;

struct method { /* a member of `methods` */
    struct str pointer;
    bool       allow;
};

#define POLICY_MAGIC 0x9d3b71c4u

struct policy {
    unsigned         magic;
    atomic_uint      refs;
    struct arena     arena;
    struct str       source;
    struct sha256    revision;
    bool             allow_default, hints;
    const struct zone *zone;       /* of time.* paths; NULL: UTC */
    struct selectors hide;
    struct selectors tools;        /* selector -> struct rule */
    struct selectors prompt_hide;  /* the same under prompt_name(), for prompts that are named like tools: */
    struct selectors prompt_tools; /* all of `tools`, */
    struct selectors prompt_denied;/* and of them the rules that no call can pass */
    struct checks    all_tools;
    struct access    resources, prompts;
    struct map       methods;      /* name -> struct method */
    struct regex    *regexes;      /* all of them, to be freed */
};

/* True if a `deny_if` always holds. */
bool checks_always_deny(const struct checks *checks);
/* True if no call that this rule selects can pass: `action` deny, or a `deny_if` that always holds. */
bool rule_always_denies(const struct rule *rule);
