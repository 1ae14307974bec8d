/* Documented attack patterns as a table, and which tools are open to which. Pure. */
#pragma once

#include "base/str.h"
#include "classify/classify.h"

struct attack {
    const char *id, *slug, *name;
    const char *brief, *how, *happened, *control;
    bool        partial;  /* a gateway alone cannot stop it */
    unsigned    classes;  /* bits of the classes that it abuses */
    unsigned    told;     /* bits of the classes whose tools' pages tell of it by their class */
    uint32_t    signals;  /* what a tool shows that it abuses; 0: any of those classes */
    const char *sources;  /* "label|address", a line each */
};

enum attack_id {
#define ATTACK(id, ...) ATTACK_##id,
#include "catalog/attacks.def"
#undef ATTACK
    ATTACK_COUNT
};

const struct attack *attack_at(enum attack_id id);
bool attack_exposes(const struct attack *attack, enum tool_class class, uint32_t signals);
/* Worth a line on such a tool's page: its class is named, and where the pattern needs a signal, the tool has it. */
bool attack_is_told(const struct attack *attack, enum tool_class class, uint32_t signals);
