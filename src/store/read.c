/* Reading the ledger's files: for people, from any thread, beside a running gateway. */
#include "store/store.h"

#include "base/check.h"
#include "store/chain.h"
#include "store/checkpoint.h"
#include "store/directory.h"
#include "store/projection.h"
#include "store/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct reading {
    int ledger;
    uint64_t *numbers;
    size_t count, begin, at; /* segments; the one it began with, the one being read */
    struct segment_reader segment;
    struct chain chain;
    const char *why;            /* of damage */
    uint64_t records, segments; /* read whole so far */
    uint64_t from, end;         /* records [from, end) are told */
    store_each_record *each;    /* or each_frame */
    store_each_frame *each_frame;
    void *arg;
    const struct chain_head *heads[2]; /* what others know of the chain; NULL: nothing */
    struct chain_head beginning;       /* what is before the first segment */
    bool begins_well;                  /* nothing, or what retention dropped */
};

static int reading_open(struct reading *reading, struct str directory)
{
    *reading = (struct reading){ .ledger = -1, .segment = { .fd = -1 } };
    int error = directory_open_ledger(directory, &reading->ledger);
    if (error < 0)
        return error;
    (void)flock(reading->ledger,
                LOCK_SH); /* no segment goes meanwhile; where it cannot be had, one that is gone is told */
    error = segment_list(reading->ledger, &reading->numbers, &reading->count);
    if (error == 0)
        error = chain_init(&reading->chain);
    return error;
}

static void reading_close(struct reading *reading)
{
    segment_reader_close(&reading->segment);
    chain_release(&reading->chain);
    free(reading->numbers);
    if (reading->ledger >= 0)
        close(reading->ledger);
}

static int tell(struct reading *reading, uint64_t sequence, const struct record *record)
{
    if (sequence < reading->from || sequence >= reading->end)
        return 0;
    if (reading->each_frame != NULL)
        return reading->each_frame(reading->arg, sequence, record, reading->chain.frame, &reading->chain.last);
    return reading->each == NULL ? 0 : reading->each(reading->arg, sequence, record);
}

/* Whoever lets go of a beginning says so in what follows, with its hash. */
static void note_drop(struct reading *reading, const struct record *record)
{
    bool in_checkpoint = record->kind == RECORD_CHECKPOINT && str_eq(record->text, CHECKPOINT_DROPPED);
    if (record->kind != RECORD_DROPPED && !in_checkpoint)
        return;
    if (record->count > reading->beginning.sequence ||
        (record->count == reading->beginning.sequence &&
         memcmp(&record->digest, &reading->beginning.hash, sizeof record->digest) == 0))
        reading->begins_well = true;
}

static int check_heads(struct reading *reading, uint64_t sequence)
{
    for (size_t i = 0; i < ARRAY_LEN(reading->heads); i++) {
        const struct chain_head *head = reading->heads[i];
        if (head == NULL || head->sequence != sequence ||
            memcmp(&head->hash, &reading->chain.last, sizeof head->hash) == 0)
            continue;
        reading->chain.next = sequence;
        reading->why =
            i == 0 ? "its hash is not the one that state.db knows" : "its hash is not the one that was noted";
        return E_CORRUPT;
    }
    return 0;
}

/* What was written once stands behind the end. */
static int check_heads_at_end(struct reading *reading)
{
    for (size_t i = 0; i < ARRAY_LEN(reading->heads); i++) {
        const struct chain_head *head = reading->heads[i];
        if (head == NULL || head->sequence < reading->chain.next)
            continue;
        reading->why = i == 0 ? "it is missing: the ledger ends before it, and state.db knows of more"
                              : "it is missing: the ledger ends before the record that was noted";
        return E_CORRUPT;
    }
    return 0;
}

static int read_batch(struct reading *reading, const struct batch_header *header, struct str frames)
{
    for (uint32_t i = 0; i < header->count; i++) {
        struct record record;
        uint64_t sequence = reading->chain.next;
        int error = chain_next(&reading->chain, &frames, &record, &reading->why);
        if (error < 0)
            return error;
        reading->records++;
        note_drop(reading, &record);
        error = check_heads(reading, sequence);
        if (error == 0)
            error = tell(reading, sequence, &record);
        if (error != 0)
            return error;
    }
    if (frames.len == 0)
        return 0;
    reading->why = "more stands in its batch than the batch counts";
    return E_CORRUPT;
}

static int read_batches(struct reading *reading)
{
    for (;;) {
        struct batch_header batch;
        struct str frames;
        int error = segment_reader_next(&reading->segment, &batch, &frames);
        if (error == E_NOT_FOUND) { /* a gateway may have written since the window was read */
            segment_reader_refresh(&reading->segment);
            error = segment_reader_next(&reading->segment, &batch, &frames);
        }
        if (error == E_NOT_FOUND)
            return 0;
        if (error == 0)
            error = read_batch(reading, &batch, frames);
        if (error != 0)
            return error;
    }
}

/* Whether what stands behind the last whole batch is an end, or damage; a gateway may go on writing meanwhile. */
static int check_end(struct reading *reading, bool last)
{
    struct segment_rest rest;
    uint64_t offset = reading->segment.offset;
    int error = segment_reader_rest(&reading->segment, &rest);
    if (error < 0)
        return error;
    bool damaged = reading->segment.offset == BLOCK_BYTES;
    if (last)
        damaged = damaged || (rest.batch_follows && rest.durable_before >= reading->chain.next);
    else
        damaged = damaged || rest.dirty_end > reading->segment.offset;
    if (!damaged)
        return 0;
    error = last ? read_batches(reading) : 0;
    if (error != 0 || reading->segment.offset > offset)
        return error;
    reading->why = "its batch is not whole";
    return E_CORRUPT;
}

static int read_segment(struct reading *reading)
{
    uint64_t number = reading->numbers[reading->at];
    bool first = reading->at == reading->begin, last = reading->at + 1 == reading->count;
    int error = segment_reader_open(&reading->segment, reading->ledger, number);
    if (error < 0) {
        reading->why =
            error == E_INVALID ? "its segment was written by a later version" : "its segment's head is damaged";
        return error;
    }
    const struct segment_header *header = &reading->segment.header;
    if (first) {
        chain_begin(&reading->chain, header->first_sequence, &header->before);
        reading->beginning = (struct chain_head){ header->first_sequence - 1, header->before };
        reading->begins_well = header->first_sequence == 1;
    } else if (number != reading->numbers[reading->at - 1] + 1 || header->first_sequence != reading->chain.next ||
               memcmp(&header->before, &reading->chain.last, sizeof header->before) != 0) {
        reading->why = "its segment does not follow the one before";
        return E_CORRUPT;
    }
    error = read_batches(reading);
    if (error == 0)
        error = check_end(reading, last);
    if (error == 0)
        reading->segments++;
    segment_reader_close(&reading->segment);
    return error;
}

static int read_from(struct reading *reading, size_t at)
{
    int error = 0;
    for (reading->begin = reading->at = at; reading->at < reading->count && error == 0; reading->at++)
        error = read_segment(reading);
    return error;
}

/* The last segment that begins at or before a sequence number; the first one if all begin behind it. */
static int find_segment(struct reading *reading, uint64_t sequence, size_t *at)
{
    for (*at = reading->count; *at > 0;) {
        (*at)--;
        int error = segment_reader_open(&reading->segment, reading->ledger, reading->numbers[*at]);
        if (error < 0)
            return error;
        uint64_t first = reading->segment.header.first_sequence;
        segment_reader_close(&reading->segment);
        if (first <= sequence)
            return 0;
    }
    return 0;
}

/* Sets `from` so that `last` records are left up to the end as it is now. */
static int count_back(struct reading *reading, uint64_t last)
{
    int error = read_from(reading, reading->count - 1);
    if (error != 0)
        return error;
    uint64_t end = reading->chain.next;
    if (end > last && end - last > reading->from)
        reading->from = end - last;
    reading->end = end;
    return 0;
}

int store_read(struct str directory, uint64_t from, uint64_t last, store_each_record *each, void *arg)
{
    struct reading reading;
    size_t at = 0;
    int error = reading_open(&reading, directory);
    if (error == 0 && reading.count > 0) {
        reading.from = from;
        reading.end = UINT64_MAX;
        if (last > 0)
            error = count_back(&reading, last);
        if (error == 0)
            error = find_segment(&reading, reading.from, &at);
        reading.each = each;
        reading.arg = arg;
        if (error == 0)
            error = read_from(&reading, at);
    }
    reading_close(&reading);
    return error > 0 ? 0 : error;
}

struct wanted_policy {
    struct str server;
    struct buf *out;
    bool found;
};

static int see_recommended(void *arg, uint64_t sequence, const struct record *record)
{
    struct wanted_policy *wanted = arg;
    (void)sequence;
    bool in_checkpoint = record->kind == RECORD_CHECKPOINT && str_eq(record->text, CHECKPOINT_REVISION);
    if ((record->kind != RECORD_REVISION && !in_checkpoint) || !str_eq(record->name, RECOMMENDED) ||
        !str_eq(record->server, wanted->server))
        return 0;
    buf_reset(wanted->out);
    buf_append_str(wanted->out, record->blob);
    wanted->found = true;
    return buf_ok(wanted->out) ? 0 : E_NOMEM;
}

/* A segment begins with all that is in force: the last one is enough. */
int store_read_recommended(struct str directory, struct str server, struct buf *out)
{
    struct reading reading;
    struct wanted_policy wanted = { .server = server, .out = out };
    int error = reading_open(&reading, directory);
    reading.end = UINT64_MAX;
    reading.each = see_recommended;
    reading.arg = &wanted;
    if (error == 0 && reading.count > 0)
        error = read_from(&reading, reading.count - 1);
    reading_close(&reading);
    return error == 0 && !wanted.found ? E_NOT_FOUND : error;
}

int store_read_frames(struct str directory, uint64_t from, store_each_frame *each, void *arg)
{
    struct reading reading;
    size_t at = 0;
    int error = reading_open(&reading, directory);
    reading.from = from;
    reading.end = UINT64_MAX;
    if (error == 0)
        error = find_segment(&reading, from, &at);
    reading.each_frame = each;
    reading.arg = arg;
    if (error == 0)
        error = read_from(&reading, at);
    reading_close(&reading);
    return error > 0 ? 0 : error;
}

int store_verify(struct str directory, const struct chain_head *head, struct verify_report *report)
{
    struct reading reading;
    struct chain_head projected;
    *report = (struct verify_report){ .what = STR_EMPTY };
    bool is_projected = projection_head(directory, &projected) == 0; /* first: the ledger only grows meanwhile */
    int error = reading_open(&reading, directory);
    reading.heads[0] = is_projected && projected.sequence > 0 ? &projected : NULL;
    reading.heads[1] = head != NULL && head->sequence > 0 ? head : NULL;
    if (error == 0)
        error = read_from(&reading, 0);
    if (error == 0)
        error = check_heads_at_end(&reading);
    if (error == 0 && reading.count > 0 && !reading.begins_well) {
        reading.chain.next = reading.beginning.sequence;
        reading.why = "it is missing, with all before it: no record says that retention dropped them";
        error = E_CORRUPT;
    }
    report->head = (struct chain_head){ reading.chain.next - 1, reading.chain.last };
    report->records = reading.records;
    report->segments = reading.segments;
    if (error < 0) {
        report->bad_sequence = reading.chain.next;
        report->what = str_from_c(reading.why != NULL ? reading.why : error_text(error));
    }
    reading_close(&reading);
    return error;
}
