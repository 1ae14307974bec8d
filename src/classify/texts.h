/* What a tool's texts do to who reads them: hidden characters, instructions to the model, letters of scripts that are not
 * read here. A model reads all of a definition, so all of it is looked at: names, titles, descriptions, and every name and
 * value in the schemas. Linear in the definition. */
#pragma once

#include "classify/classify.h"

/* Where a signal was found, the first place of each. */
struct finding {
    enum evidence_source source;
    struct str           where; /* the nearest parameter's name, or empty */
    struct str           words; /* as they stand there, cut */
};

struct text_findings {
    uint32_t       signals;
    struct finding hidden, instructs; /* where their signals are set */
};

/* `described`: the description says more than the name. */
void look_through_texts(const struct tool_facts *facts, bool described, struct text_findings *out);
/* Most of its letters are of scripts whose words the lexicon does not have. */
bool is_foreign(struct str text);
/* The beginning of a text, as long as evidence is. */
struct str beginning_of(struct str text);
