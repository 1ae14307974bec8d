/* What a tool can do, as one word; and as a pin holds it: frozen when its definition was accepted. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of their gravity. Their numbers stand in ledgers: new ones go to the end. */
#define TOOL_CLASSES(C)                                                                            \
    C(OTHER,       "other")                                                                        \
    C(READ,        "read")                                                                         \
    C(WRITE,       "write")                                                                        \
    C(EXECUTE,     "execute")                                                                      \
    C(DESTRUCTIVE, "destructive")                                                                  \
    C(FINANCIAL,   "financial")

enum tool_class {
#define C(id, word) CLASS_##id,
    TOOL_CLASSES(C)
#undef C
};
#define CLASS_COUNT 6

/* As policies, records and commands write it: "read". */
struct str class_word(enum tool_class class);
/* Exactly such a word. */
bool class_of_word(struct str word, enum tool_class *out);

/* All zeros: nobody knows it, and it is judged as every class at once. */
struct pinned_class {
    bool            known, overruled; /* overruled: an operator says so, whatever the classifier said */
    enum tool_class class;
    unsigned        classifier;       /* the version of its tables that said so */
};
struct class_ruling { /* an operator's word on one tool */
    struct str      tool;
    enum tool_class class;
};

/* "read", or "unknown". */
struct str pinned_class_word(const struct pinned_class *class);
/* One integer, 0 for an unknown one. */
uint64_t pinned_class_pack(const struct pinned_class *class);
bool     pinned_class_unpack(uint64_t packed, struct pinned_class *out);
