/* From classes to a policy: what each class of tools is allowed by default, as a document that people read and edit.
 * Deterministic and pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "classify/classify.h"

#include <stdbool.h>
#include <stdint.h>

struct classed_tool {
    struct str      name;
    enum tool_class class;
    uint32_t        signals; /* bits, by enum signal */
};

/* Presets of recommendations. `strict`: default deny; each class by its row of classes.def. */
#define PRESETS(P) P(STRICT, "strict", "deny by default; a rule for each tool by its class")

enum preset {
#define P(id, name, text) PRESET_##id,
    PRESETS(P)
#undef P
};
bool preset_from_name(struct str name, enum preset *out);

/* Appends a whole policy document with the tools' exact names, in their order. A name that stands twice is written once,
 * with the graver class; one that a policy would read as a pattern or a
 * class, or that has hidden or look-alike characters, is left to the default, which denies; so is a tool that is withheld,
 * and the description names it.
 * E_NOMEM, E_LIMIT (the buffer's ceiling); E_INVALID: a name that is not UTF-8. */
int recommend_policy(struct buf *out, enum preset preset, struct str server, const struct classed_tool *tools, size_t count)
    NODISCARD;
/* One tool's part of it: the document that rules this tool alone. */
int recommend_for_tool(struct buf *out, enum preset preset, const struct classed_tool *tool) NODISCARD;
/* One sentence on what that does to a tool of the class, with these signals. */
struct str recommend_effect(enum preset preset, enum tool_class class, uint32_t signals);
