/* The insides of a question: query.c says what is asked for, and answers; query_read.c reads the ledger for it. */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "store/segment.h"
#include "store/span.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/* One of these words is in each record that is asked for. */
struct clause { uint32_t *words; size_t count; };

struct ending {                 /* of a call whose decision is among the rows */
    struct id    call;          /* zeros: a free slot */
    bool         known;
    int64_t      at_ms, micros;
    enum outcome outcome;
    enum reason  reason;
    bool         given_back;
};

struct spans { struct span *all; size_t count, cap; };

struct question {
    const struct store_query *query;
    unsigned        limit;
    char            call[2 * sizeof(struct id)];    /* how it ends, in lower case */
    size_t          call_len;
    struct map      grants;     /* ids that are asked for; none: all */
    struct clause   clauses[8];
    size_t          clause_count;
    struct arena    arena;

    int             ledger;     /* locked, shared: no segment goes meanwhile */
    struct segment_reader segment;
    struct sqlite3 *handle;     /* NULL: there is no projection, and all is tail */
    struct sqlite3_stmt *label; /* of a grant */
    uint64_t        applied;    /* what the projection knows; the tail comes behind it */
    struct spans    tail;
    struct map      labels;     /* of grants that the tail holds: id to struct str */
    uint64_t        known;      /* the last record of all */

    struct spans    chosen;     /* which hold rows, in the order in which they were read */
    uint64_t        found;      /* rows in them */
    struct ending  *endings;    /* a hash set */
    size_t          ending_count, ending_cap, unknown;

    store_each_row *each;
    void           *arg;
    uint64_t        skip, told; /* rows */
};

/* query_read.c. All of them: 0, an error, or what `each` returned. */
typedef int question_see(struct question *question, uint64_t sequence, const struct record *record);
int  question_walk(struct question *question, const struct span *span, question_see *see) NODISCARD;
/* Finds the tail behind `from` (NULL: the ledger's beginning), which the projection knows last. */
int  question_find_tail(struct question *question, const struct span *from) NODISCARD;
int  spans_add(struct spans *spans, const struct span *span) NODISCARD;
