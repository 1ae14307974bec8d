/* The shape of a policy's objects, from schema.def: which members there are, of what kind, and whether their time has
 * come. Meaning is the loader's. */
#pragma once

#include "json/json.h"
#include "policy/problems.h"

#include <stdbool.h>

#define SCHEMA_OBJECTS(O) O(POLICY) O(ALL_TOOLS) O(RULE) O(ENTRY) O(CONDITION) O(LIMIT) O(RATE_LIMIT) O(ACCESS)
enum schema_object {
#define O(name) SCHEMA_##name,
    SCHEMA_OBJECTS(O)
#undef O
};

/* Reports every member that is unknown, of a wrong kind, not yet supported or missing. False if `node` is no object. */
bool schema_check(struct reporter *reporter, const struct place *place, const struct json *node,
                  enum schema_object object);
/* The member if it is there and of a kind that the table allows: what is not was reported. */
const struct json *schema_get(const struct json *node, enum schema_object object, struct str name);
/* Reports and returns false unless `node` is of that kind. */
bool schema_is(struct reporter *reporter, const struct place *place, const struct json *node, enum json_kind kind);
