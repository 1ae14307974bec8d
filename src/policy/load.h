/* Inside of the loader: what its parts share. Everything wrong is reported and the rest is read on, so that one run
 * finds all errors. Memory that ran out sticks in `no_memory`. */
#pragma once

#include "base/arena.h"
#include "json/json.h"
#include "policy/compiled.h"
#include "policy/problems.h"
#include "policy/schema.h"

struct named_list { /* a member of `lists` */
    struct str         name;
    const struct json *node;
    struct operand     operand; /* count 0: it was wrong */
    bool               used;
};

struct loader {
    struct policy     *policy;
    struct arena      *arena; /* the policy's */
    struct reporter    report;
    struct named_list *lists;
    size_t             list_count;
    struct map         lists_by_name; /* -> struct named_list */
    const struct zones *zones;  /* NULL: none */
    bool               uses_time;
    bool               no_memory;
};

/* load.c */
void      *load_alloc(struct loader *loader, size_t size);                        /* zeroed; NULL: no_memory is set */
struct str load_pointer(struct loader *loader, const struct place *place);        /* in the policy's arena */
/* Which of the words a string is; reports and returns false when it is none. */
bool       load_word(struct loader *loader, const struct place *place, const struct json *node,
                     const struct str *words, size_t count, size_t *index);
struct str load_text(const struct json *node, enum schema_object object, struct str name); /* empty when absent */

/* load_operand.c */
void load_lists(struct loader *loader, const struct place *place, const struct json *node);
void load_lists_unused(struct loader *loader, const struct place *place);
/* False when it was reported. */
bool load_operand(struct loader *loader, const struct place *place, const struct json *node, enum operand_kind kind,
                  struct operand *out);
/* The same of the condition `place`, whose "value" is `node` and whose "no_words" may be NULL. */
bool load_command(struct loader *loader, const struct place *place, const struct json *node,
                  const struct json *no_words, struct operand *out);

/* load_condition.c */
void load_entries(struct loader *loader, const struct place *place, const struct json *array, bool deny_if,
                  struct entry **out, size_t *count);

/* load_limits.c: `limits`, `rate_limit` and `concurrent` of `all_tools`, and then of each rule, whose key `place` is. */
void load_limits(struct loader *loader, const struct place *place, const struct json *node, enum schema_object object,
                 struct checks *out);
/* The limits of classes, which a call can meet beside those of a pattern, or of another class. `place` is `tools`. */
void load_class_costs(struct loader *loader, const struct place *place);
void load_timeout(struct loader *loader, const struct place *place, const struct json *node, struct rule *rule);

/* load_rule.c */
void load_all_tools(struct loader *loader, const struct place *place, const struct json *node);
void load_tools(struct loader *loader, const struct place *place, const struct json *node);
void load_hide(struct loader *loader, const struct place *place, const struct json *array);
void load_access(struct loader *loader, const struct place *place, const struct json *node, struct access *out);
