/* What makes a tool's definition the one that was accepted: a digest over its canonical text, in which members stand in
 * the order of their names. Every member counts: clients are shown all of them, and some give all of them to their
 * agents, icons and _meta too. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"
#include "model/class.h"

#include <stdint.h>

struct json;
struct record;

enum pin_state { PIN_ACCEPTED, PIN_CHANGED, PIN_NEVER };

#define PIN_PARTS(P) P(title) P(description) P(inputSchema) P(outputSchema) P(annotations) P(other)
enum pin_part {
#define P(name) PIN_PART_##name,
    PIN_PARTS(P)
#undef P
    PIN_PART_COUNT
};
struct str pin_part_name(enum pin_part part);

#define PIN_PART_BYTES 8 /* enough to say which part differs; the digest decides */

struct pin {
    struct sha256 digest;
    uint8_t       parts[PIN_PART_COUNT][PIN_PART_BYTES]; /* zeros: no such member */
    struct pinned_class class; /* of this definition, if it was ever told; no part of what makes it the same */
};

/* The canonical text of a definition goes behind what `text` holds. E_NOMEM, E_LIMIT. */
int  pin_make(const struct json *definition, struct arena *scratch, struct hasher *hasher, struct buf *text, struct pin *out) NODISCARD;
bool pin_eq(const struct pin *a, const struct pin *b);
/* A bit for each part in which they differ. */
unsigned pin_differs(const struct pin *a, const struct pin *b);

/* What a PIN record tells, by its text; `name` is the tool, `digest` the definition's, the blob its parts and canonical
 * text (left out where it is too long). */
#define PIN_FIRST    STR("first sight") /* accepted, because there was none before */
#define PIN_MOVED    STR("changed")     /* another one than the accepted one is listed */
#define PIN_RETURNED STR("returned")    /* the accepted one is listed again */
#define PIN_OPERATOR STR("accepted")    /* by an operator */
#define PIN_CLASSED  STR("classed")     /* the accepted one, whose class was not known */
#define PIN_RULED    STR("class")       /* an operator says the tool's class, or with an unknown one no longer does */
void pin_write(const struct pin *pin, struct str text, struct buf *out);
/* The text is borrowed from the record. E_SYNTAX. */
int  pin_of_record(const struct record *record, struct pin *out, struct str *text) NODISCARD;
