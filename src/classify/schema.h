/* A JSON Schema taken apart: the schema itself, what its anyOf, oneOf and allOf hold, and what its "$ref" lead to within
 * the same document. Whoever wrote it may mean harm: each "$ref" is followed once, so that a cycle ends, nothing remote is
 * followed, and all of it together takes LIMIT_schema_steps. */
#pragma once

#include "base/limits.h"
#include "json/json.h"

struct schema_walk {
    const struct json *root; /* where "#/…" begins */
    size_t             left; /* steps; who visits may take some */
    const struct json *followed[LIMIT_schema_refs];
    size_t             count;
    bool               items; /* an array's elements, too */
    bool               cut;   /* there is more than was looked at */
};

typedef void schema_visit(void *arg, struct schema_walk *walk, const struct json *schema);

void schema_walk_init(struct schema_walk *walk, const struct json *root);
/* One after the other, first the schema itself. */
void schema_walk(struct schema_walk *walk, const struct json *schema, schema_visit *visit, void *arg);
/* One step. False: there are no more; then `cut` is set. */
bool schema_step(struct schema_walk *walk);
/* What a schema that is only a "$ref" stands for; else itself. */
const struct json *schema_resolve(const struct json *root, const struct json *schema);
