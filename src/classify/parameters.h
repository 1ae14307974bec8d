/* What a tool's parameters say: their names and types, as far as the schema tells. */
#pragma once

#include "classify/classify.h"
#include "classify/reading.h"
#include "classify/words.h"

struct parameters {
    uint32_t        signals;
    enum tool_class class;  /* what they speak for where nothing else does; OTHER: nothing */
    struct str      words;  /* the parameter's name */
    const char     *why;
    size_t          count;
};
void read_parameters(const struct lexicon *lexicon, const struct json *schema, struct parameters *out);
/* A tool that is told by a parameter what to do ("action": list, create, delete): the gravest of what it can be told.
 * STRENGTH_NONE: there is no such parameter, or its values say nothing. */
void read_actions(const struct lexicon *lexicon, const struct json *schema, const struct subject *subject, struct reading *out);
/* The same of a tool that only seems to look, out of everything that the schema has: destroying and paying alone.
 * `alone`: nothing else says what the tool does. */
void read_choices(const struct lexicon *lexicon, const struct json *schema, const struct subject *subject, bool alone,
                  struct reading *out);
