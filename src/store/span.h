/* A span is a stretch of a thousand records or more in one segment, as the projection knows it: where it begins, between
 * which times its records are, and which words are in them. A question is answered from the ledger itself; spans that
 * lack one of its words are not read. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPAN_RECORDS 1024 /* then it ends with its batch */

struct span {
    uint64_t first, last;       /* sequence numbers; last 0: it holds none */
    uint64_t segment, offset;   /* of its first batch */
    int64_t  at_min, at_max;    /* of its rows; none: at_min above at_max */
};

/* What is asked for, and so what words are made of. */
enum span_field { SPAN_KIND = 1, SPAN_SERVER, SPAN_NAME, SPAN_GRANT, SPAN_REASON, SPAN_RULE, SPAN_DENIED, SPAN_CLASS };
/* A checksum: two texts may share a word, and a span is then read for nothing. Never 0. */
uint32_t span_word(enum span_field field, struct str text);
/* Of words as span_maker_words writes them. */
bool span_words_hold(struct str words, uint32_t word);

/* Records that questions are about: all but outcomes, which belong to their decisions, and checkpoints. */
bool record_is_row(enum record_kind kind);
/* A denial, or many. */
bool record_is_denied(const struct record *record);

/* Where a call stands in a hash set of `cap` slots, a power of two: the end of an id is random. */
size_t id_slot(const struct id *id, size_t cap);
bool id_is_none(const struct id *id); /* zeros */

struct span_maker {             /* of the span at the end; keeps its memory from one to the next */
    struct span span;
    uint32_t   *words;          /* a hash set; 0: free */
    size_t      word_count, word_cap;
    struct id  *calls;          /* decisions in here, a hash set; zeros: free */
    size_t      call_count, call_cap;
};

void span_maker_init(struct span_maker *maker);
void span_maker_release(struct span_maker *maker);
void span_maker_begin(struct span_maker *maker, uint64_t segment, uint64_t offset);
/* E_NOMEM. */
int  span_maker_add(struct span_maker *maker, uint64_t sequence, const struct record *record) NODISCARD;
size_t span_maker_count(const struct span_maker *maker);
/* Whether the decision of this call was added. */
bool span_maker_decided(const struct span_maker *maker, const struct id *call);
/* Ascending, four bytes each: all that `out` holds then. */
void span_maker_words(const struct span_maker *maker, struct buf *out);
