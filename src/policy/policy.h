/* A loaded policy: immutable, shared by reference count across threads (atomic), made off the loop. Pure: no I/O, no
 * clock, no globals. */
#pragma once

#include "base/arena.h"
#include "base/decimal.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct policy;

struct problem {                    /* one load error or warning */
    size_t     line, column;        /* from 1 */
    struct str pointer;             /* JSON Pointer into the document */
    struct str text;                /* what is wrong */
    struct str fix;                 /* nearest valid spelling or what to write; may be empty */
    bool       warning;
};
struct problems {                   /* all of a document at once; in the arena given to policy_load */
    struct problem *items;
    size_t          count, capacity;
    size_t          errors;         /* those that are no warnings */
};

/* Where time zones come from: this folder opens no file. Called while a policy is loaded. */
struct zones {
    /* The TZif table of an IANA name, in the arena. E_NOT_FOUND: there is none of that name; another error: it cannot
     * be read. */
    int (*read)(void *arg, struct str name, struct arena *arena, struct str *out);
    void *arg;
};

/* E_INVALID with every error of the document in *problems (warnings too, also on success). One reference. */
int  policy_load(struct str source, struct arena *arena, struct problems *problems, struct policy **out) NODISCARD;
/* The same, for documents that may name a time zone; without `zones` only UTC is known. */
int  policy_load_with(struct str source, const struct zones *zones, struct arena *arena, struct problems *problems,
                      struct policy **out) NODISCARD;
/* Warnings that need the server's tools: exact names that are not there, tools that only `default` covers. They are
 * added to those in *problems, and all are put in order. */
struct definitions;
int  policy_check(const struct policy *policy, const struct definitions *definitions, struct arena *arena, struct problems *problems) NODISCARD;
/* Of the limits of the policy that name this counter the one with the least maximum, or false: none does. For people:
 * linear. */
struct counter_key;
struct policy_limit {
    amount     max;
    struct str by, cost; /* paths of arguments; empty: it is not counted by one, it counts calls. The policy's */
};
struct pinned_class;
bool policy_limit_of(const struct policy *policy, const struct counter_key *key, const struct pinned_class *class,
                     struct policy_limit *out); /* `class` is that of policy_limit_tool */
struct str policy_limit_tool(const struct counter_key *key); /* whose counter it is, by its name; empty: no tool's */
/* What an agent reads of such a limit that is reached, where the policy has no words of its own. A null `ptr`: no memory. */
struct str policy_limit_text(struct str cost, struct str by, struct arena *arena);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);         /* NULL is fine */
struct str policy_source(const struct policy *policy); /* lives as long as the policy */
const struct sha256 *policy_revision(const struct policy *policy); /* of the source's bytes */
