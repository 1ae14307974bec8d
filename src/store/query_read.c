/* Reads spans of the ledger for a question, and finds what stands behind the last one that the projection knows. */
#include "store/query_types.h"

#include "base/limits.h"
#include "model/grant.h"
#include "store/directory.h"

#include <stdlib.h>
#include <string.h>

#define SPANS_FIRST 64

int spans_add(struct spans *spans, const struct span *span)
{
    if (spans->count == spans->cap) {
        size_t cap = spans->cap == 0 ? SPANS_FIRST : spans->cap * 2;
        struct span *all = realloc(spans->all, cap * sizeof *all);
        if (all == NULL)
            return E_NOMEM;
        spans->all = all;
        spans->cap = cap;
    }
    spans->all[spans->count++] = *span;
    return 0;
}

static int open_segment(struct question *question, uint64_t number)
{
    if (question->segment.fd >= 0 && question->segment.header.number == number)
        return 0;
    segment_reader_close(&question->segment);
    return segment_reader_open(&question->segment, question->ledger, number);
}

/* A gateway may have written since the window was read. */
static int next_batch(struct question *question, struct batch_header *header, struct str *frames)
{
    int error = segment_reader_next(&question->segment, header, frames);
    if (error == E_NOT_FOUND) {
        segment_reader_refresh(&question->segment);
        error = segment_reader_next(&question->segment, header, frames);
    }
    return error;
}

static int walk_batch(struct question *question, uint64_t first, struct str frames, question_see *see)
{
    struct frame frame;
    for (uint64_t sequence = first; frame_next(&frames, &frame); sequence++) {
        struct record record;
        if (frame.sequence != sequence || record_skim(frame.record, &record) < 0)
            return E_CORRUPT;
        int result = see(question, sequence, &record);
        if (result != 0)
            return result;
    }
    return 0;
}

int question_walk(struct question *question, const struct span *span, question_see *see)
{
    int result = open_segment(question, span->segment);
    if (result == E_NOT_FOUND)
        return 0; /* retention took it */
    question->segment.offset = span->offset;
    for (uint64_t next = span->first; result == 0 && next <= span->last;) {
        struct batch_header header;
        struct str frames;
        result = next_batch(question, &header, &frames);
        if (result == E_NOT_FOUND || (result == 0 && header.first_sequence != next))
            result = E_CORRUPT;
        if (result != 0)
            break;
        next += header.count;
        result = walk_batch(question, header.first_sequence, frames, see);
    }
    return result;
}

/* ---- the tail ---- */

static int note_grant(struct question *question, const struct record *record)
{
    struct grant grant;
    struct arena arena;
    arena_init(&arena, NULL, LIMIT_ledger_record);
    int error = grant_read(record->blob, &arena, &grant);
    struct str *label = error == 0 ? arena_alloc(&question->arena, sizeof *label) : NULL;
    if (error == 0 && label == NULL)
        error = E_NOMEM;
    if (error == 0) {
        struct str id = arena_str(&question->arena, grant.id);
        *label = arena_str(&question->arena, grant.label);
        error = id.ptr == NULL || label->ptr == NULL ? E_NOMEM : map_set(&question->labels, id, label);
    }
    arena_release(&arena);
    return error;
}

static int note_grants(struct question *question, struct str frames)
{
    struct frame frame;
    int error = 0;
    while (error == 0 && frame_next(&frames, &frame)) {
        struct record record;
        if (frame.record.len < 2 || (unsigned char)frame.record.ptr[1] != RECORD_GRANT)
            continue;
        error = record_skim(frame.record, &record);
        if (error == 0)
            error = note_grant(question, &record);
    }
    return error;
}

/* From where the segment's reader stands to the segment's end. */
static int read_tail(struct question *question)
{
    struct span span = { .at_min = INT64_MIN, .at_max = INT64_MAX };
    for (;;) {
        struct batch_header header;
        struct str frames;
        uint64_t offset = question->segment.offset;
        int error = next_batch(question, &header, &frames);
        if (error == E_NOT_FOUND)
            return span.last != 0 ? spans_add(&question->tail, &span) : 0;
        if (error == 0 && header.first_sequence <= question->known)
            continue;
        if (error == 0)
            error = note_grants(question, frames);
        if (error < 0)
            return error;
        if (span.last == 0) {
            span.first = header.first_sequence;
            span.segment = question->segment.header.number;
            span.offset = offset;
        }
        span.last = question->known = header.first_sequence + header.count - 1;
        if (span.last - span.first + 1 < SPAN_RECORDS)
            continue;
        error = spans_add(&question->tail, &span);
        if (error < 0)
            return error;
        span.last = 0;
    }
}

/* The first segment that holds something behind what is known. */
static int first_segment(struct question *question)
{
    uint64_t *numbers;
    size_t count;
    int error = segment_list(question->ledger, &numbers, &count);
    if (error < 0)
        return error;
    error = E_NOT_FOUND;
    for (size_t at = count; at > 0; at--) {
        error = open_segment(question, numbers[at - 1]);
        if (error < 0 || question->segment.header.first_sequence <= question->known + 1)
            break;
    }
    free(numbers);
    return error;
}

int question_find_tail(struct question *question, const struct span *from)
{
    int error = E_NOT_FOUND;
    question->known = question->applied;
    if (from != NULL)
        error = open_segment(question, from->segment);
    if (error == 0)
        question->segment.offset = from->offset;
    else if (error == E_NOT_FOUND)
        error = first_segment(question);
    while (error == 0) {
        error = read_tail(question);
        if (error == 0)
            error = open_segment(question, question->segment.header.number + 1);
    }
    return error == E_NOT_FOUND ? 0 : error;
}
