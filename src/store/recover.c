/* Recovery: what was acknowledged is taken, what never was is cut, and any doubt stops the start. */
#include "store/recover.h"

#include "base/log.h"
#include "base/plural.h"
#include "store/chain.h"
#include "store/directory.h"
#include "store/segment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct recovery {
    int ledger;
    struct log *log;
    struct segment_reader reader;
    struct chain chain;
    recover_record *each;
    void *arg;
    int64_t last_ms;
};

static void say_what_to_do(struct recovery *recovery, const char *why)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(recovery->reader.header.number, name);
    log_error(recovery->log,
              "ledger: record %llu in ledger/%s is damaged: %s. Nothing was changed and the gateway does not start. "
              "Restore the data directory from a copy, or move it away to begin a new ledger; `warder audit verify` "
              "shows what can still be read",
              (unsigned long long)recovery->chain.next, name, why);
}

static int take_batch(struct recovery *recovery, const struct batch_header *header, struct str frames)
{
    const char *why = NULL;
    if (header->first_sequence != recovery->chain.next) {
        say_what_to_do(recovery, "it is missing: another sequence number stands in its place");
        return E_CORRUPT;
    }
    for (uint32_t i = 0; i < header->count; i++) {
        struct record record;
        uint64_t sequence = recovery->chain.next;
        int error = chain_next(&recovery->chain, &frames, &record, &why);
        if (error < 0) {
            say_what_to_do(recovery, why);
            return error;
        }
        if (record.at_ms > recovery->last_ms)
            recovery->last_ms = record.at_ms;
        error = recovery->each(recovery->arg, sequence, &record);
        if (error < 0)
            return error;
    }
    if (frames.len > 0) {
        say_what_to_do(recovery, "more stands in its batch than the batch counts");
        return E_CORRUPT;
    }
    return 0;
}

static int take_batches(struct recovery *recovery)
{
    for (;;) {
        struct batch_header header;
        struct str frames;
        int error = segment_reader_next(&recovery->reader, &header, &frames);
        if (error == E_NOT_FOUND)
            return 0;
        if (error == 0)
            error = take_batch(recovery, &header, frames);
        if (error < 0)
            return error;
    }
}

/* Zeros over what was cut: no later, shorter batch may leave a part of it standing. */
static int wipe(struct recovery *recovery, uint64_t end)
{
    static const char zeros[BLOCK_BYTES];
    char name[SEGMENT_NAME_MAX];
    segment_name(recovery->reader.header.number, name);
    int fd = openat(recovery->ledger, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return E_IO;
    int number = 0;
    for (uint64_t at = recovery->reader.offset; at < end && number == 0; at += BLOCK_BYTES)
        number = segment_write(fd, zeros, BLOCK_BYTES, at);
    if (number == 0)
        number = segment_sync(fd, fdatasync);
    close(fd);
    return number == 0 ? 0 : E_IO;
}

static int cut_tail(struct recovery *recovery)
{
    struct segment_rest rest;
    int error = segment_reader_rest(&recovery->reader, &rest);
    if (error < 0)
        return error;
    if (rest.dirty_end == recovery->reader.offset)
        return 0;
    if (recovery->reader.offset == BLOCK_BYTES) {
        say_what_to_do(recovery, "its segment's first batch is not whole");
        return E_CORRUPT;
    }
    if (rest.batch_follows && rest.durable_before >= recovery->chain.next) {
        say_what_to_do(recovery, "its batch is not whole, and later records follow it");
        return E_CORRUPT;
    }
    log_warn(recovery->log,
             "ledger: %llu byte%s behind record %llu cut: a write that the last stop interrupted, "
             "never acknowledged",
             (unsigned long long)(rest.dirty_end - recovery->reader.offset),
             plural(rest.dirty_end - recovery->reader.offset), (unsigned long long)(recovery->chain.next - 1));
    return wipe(recovery, rest.dirty_end);
}

static int read_segment(struct recovery *recovery, uint64_t number)
{
    int error = segment_reader_open(&recovery->reader, recovery->ledger, number);
    if (error < 0) {
        char name[SEGMENT_NAME_MAX];
        segment_name(number, name);
        log_error(
            recovery->log,
            "ledger: the head of ledger/%s %s. Nothing was changed and the gateway does not start. Restore the data "
            "directory from a copy, or move it away to begin a new ledger",
            name, error == E_INVALID ? "was written by a later version" : "is damaged");
        return error == E_NOT_FOUND ? E_IO : error;
    }
    chain_begin(&recovery->chain, recovery->reader.header.first_sequence, &recovery->reader.header.before);
    error = take_batches(recovery);
    if (error == 0)
        error = cut_tail(recovery);
    if (error == 0 && recovery->reader.offset == BLOCK_BYTES) {
        say_what_to_do(recovery, "its segment begins with nothing");
        error = E_CORRUPT;
    }
    return error;
}

int recover(int ledger, struct log *log, recover_record *each, void *arg, struct ledger_tail *tail)
{
    uint64_t *numbers;
    size_t count;
    int error = segment_list(ledger, &numbers, &count);
    if (error < 0)
        return error;
    uint64_t last = count > 0 ? numbers[count - 1] : 0;
    free(numbers);
    if (count == 0)
        return E_NOT_FOUND;

    struct recovery recovery = { .ledger = ledger, .log = log, .reader = { .fd = -1 }, .each = each, .arg = arg };
    error = chain_init(&recovery.chain);
    if (error == 0)
        error = read_segment(&recovery, last);
    if (error == 0)
        *tail = (struct ledger_tail){
            .segment = last,
            .segment_size = recovery.reader.size,
            .offset = recovery.reader.offset,
            .next_sequence = recovery.chain.next,
            .last = recovery.chain.last,
            .last_ms = recovery.last_ms,
        };
    segment_reader_close(&recovery.reader);
    chain_release(&recovery.chain);
    return error;
}
