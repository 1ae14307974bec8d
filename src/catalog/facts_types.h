/* A parameter's type as one word: out of a JSON Schema, and a schema out of it. For facts.c. Pure. */
#pragma once

#include "base/buf.h"
#include "json/json.h"
#include "json/writer.h"

/* "string", "integer|null", "string[]", "object"; "any": its schema does not tell. References are followed within
 * `root`. */
void type_of_schema(const struct json *root, const struct json *schema, struct buf *out);
/* One of the words that the above writes. */
bool type_is_word(struct str type);
void type_write_schema(struct json_writer *writer, struct str type);
