/* What makes a definition the one that was accepted: a digest over its canonical text, in which members stand in the
 * order of their names. Every member counts: clients are shown all of them, and some give all of them to their agents,
 * icons and _meta too. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"
#include "model/class.h"

#include <stdbool.h>
#include <stdint.h>

struct json;
struct record;

enum pin_state { PIN_ACCEPTED, PIN_CHANGED, PIN_NEVER };

/* What is pinned of a server, each by its name: a resource's is its URI, a template's its URI template, and that of
 * instructions is empty. Their numbers stand in ledgers: new ones go to the end. */
#define PIN_KINDS(K) K(TOOL, tool) K(PROMPT, prompt) K(RESOURCE, resource) K(TEMPLATE, template) K(INSTRUCTIONS, instructions)
enum pin_kind {
#define K(name, word) PIN_##name,
    PIN_KINDS(K)
#undef K
    PIN_KIND_COUNT
};
struct str pin_kind_word(enum pin_kind kind);
/* False: no kind has this word. */
bool pin_kind_of_word(struct str word, enum pin_kind *out);

#define PIN_PARTS(P) P(title) P(description) P(inputSchema) P(outputSchema) P(annotations) P(other)
enum pin_part {
#define P(name) PIN_PART_##name,
    PIN_PARTS(P)
#undef P
    PIN_PART_COUNT
};
struct str pin_part_name(enum pin_part part);

#define PIN_PART_BYTES 8 /* enough to say which part differs; the digest decides */

struct pin {                                             /* zeros: there is nothing: instructions may be none */
    struct sha256 digest;
    uint8_t       parts[PIN_PART_COUNT][PIN_PART_BYTES]; /* zeros: no such member */
    struct pinned_class class; /* of this definition, if it was ever told; no part of what makes it the same */
};

struct pinned {             /* what a server lists; borrowed */
    enum pin_kind kind;
    struct str name;
    struct str definition;  /* as JSON; empty: it is not known */
    const struct pin *pin;
};

/* The canonical text of a definition goes behind what `text` holds. Of a resource, what moves with its content and holds
 * no words is left out: a `size` that is a number, and an annotation `lastModified` that is a time. E_NOMEM, E_LIMIT. */
int  pin_make(enum pin_kind kind, const struct json *definition, struct arena *scratch, struct hasher *hasher, struct buf *text, struct pin *out) NODISCARD;
/* The same of instructions, as an object of one member. None: zeros, and no text. */
int  pin_make_instructions(struct str instructions, struct hasher *hasher, struct buf *text, struct pin *out) NODISCARD;
/* The canonical text alone. */
int  pin_text(enum pin_kind kind, const struct json *definition, struct arena *scratch, struct buf *text) NODISCARD;
struct pin_choice {         /* which of a server's pins an operator means; borrowed */
    struct str        server;
    bool              all_kinds;
    enum pin_kind     kind;  /* else of this one */
    const struct str *names; /* none: all, where they are accepted all that changed */
    size_t            count;
};

bool pin_eq(const struct pin *a, const struct pin *b);
bool pin_is_none(const struct pin *pin);
/* A bit for each part in which they differ. */
unsigned pin_differs(const struct pin *a, const struct pin *b);

/* The digest over several pins, in their order: between hasher_begin and hasher_end. */
void pin_add(struct hasher *hasher, enum pin_kind kind, struct str name, const struct sha256 *digest);

/* What a PIN record tells, by its text; `method` is the kind's word (a tool: empty), `name` its name, `digest` the
 * definition's, the blob its parts and canonical text (left out where it is too long). */
#define PIN_FIRST    STR("first sight") /* accepted, because there was none before */
#define PIN_MOVED    STR("changed")     /* another one than the accepted one is listed */
#define PIN_RETURNED STR("returned")    /* the accepted one is listed again */
#define PIN_OPERATOR STR("accepted")    /* by an operator */
#define PIN_CLASSED  STR("classed")     /* the accepted one, whose class was not known */
#define PIN_RULED    STR("class")       /* an operator says the tool's class, or with an unknown one no longer does */
#define PIN_FORGOTTEN STR("forgotten")  /* by an operator: what is listed next is seen for the first time */
void pin_write(const struct pin *pin, struct str text, struct buf *out);
struct str pin_kind_recorded(enum pin_kind kind);
/* The text is borrowed from the record. E_SYNTAX. */
int  pin_of_record(const struct record *record, enum pin_kind *kind, struct pin *out, struct str *text) NODISCARD;
