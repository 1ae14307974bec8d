/* Recovery and verification: what was acknowledged is there, what was not is cut, and damage is never passed over. */
#include "harness.h"

#include "base/check.h"
#include "store/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define CALLS 5u

static struct harness h;
static char segment[128];
static char *bytes;
static size_t len;

/* A ledger of several batches, stopped without its last words: as a crash leaves it. */
static int setup(void **state)
{
    (void)state;
    struct harness live;
    struct debit debit = debit_calls(100);
    harness_init(&live);
    assert_int_equal(harness_open(&live), 0);
    for (unsigned i = 1; i <= CALLS; i++)
        (void)admit_one(&live, i, &debit, 1);
    harness_init(&h);
    harness_copy_directory(&live, &h);
    harness_release(&live);
    harness_segment(&h, segment);
    bytes = file_read(segment, &len);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(bytes);
    harness_release(&h);
    return 0;
}

/* Where each batch begins; returns their number. */
static size_t batches_find(size_t offsets[32], struct batch_header headers[32])
{
    size_t count = 0;
    for (size_t at = BLOCK_BYTES; at < len && count < 32; count++) {
        if (!batch_is_whole(bytes + at, len - at, &headers[count]))
            break;
        offsets[count] = at;
        at += block_align(BATCH_HEADER_BYTES + headers[count].length);
    }
    return count;
}

static int count_decision(void *arg, uint64_t sequence, const struct record *record)
{
    (void)sequence;
    *(uint64_t *)arg += record->kind == RECORD_DECISION;
    return 0;
}

static uint64_t decisions(void)
{
    uint64_t count = 0;
    assert_int_equal(store_read(str_from_c(h.directory), 1, 0, count_decision, &count), 0);
    return count;
}

static void everything_acknowledged_is_there(void **state)
{
    (void)state;
    struct debit debit = debit_calls(CALLS);
    struct admit_result result;
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(decisions(), CALLS);
    assert_int_equal(count_records(&h, RECORD_OUTCOME), CALLS);
    assert_int_equal(admit_try(&h, 99, &debit, &result), E_LIMIT);
}

/* The last batch is cut at every byte: the rest is there, the cut is logged, and writing goes on. */
static void a_torn_last_batch_is_cut(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    size_t count = batches_find(offsets, headers);
    assert_true(count > 2);
    size_t at = offsets[count - 1], whole = BATCH_HEADER_BYTES + headers[count - 1].length;
    char *torn = malloc(len);
    assert_non_null(torn);
    for (size_t cut = 0; cut < whole; cut++) {
        memcpy(torn, bytes, len);
        memset(torn + at + cut, 0, whole - cut);
        file_write(segment, torn, len);
        h.lines[0] = '\0';
        assert_int_equal(harness_open_alone(&h), 0);
        assert_true(harness_logged(&h, " cut: a write") == (cut > 0));
        harness_close(&h);
        if (cut % 50 == 0)
            assert_int_equal(decisions(), CALLS - 1);
    }
    free(torn);
    struct verify_report report;
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), 0);
    assert_int_equal(harness_open(&h), 0);
    (void)admit_one(&h, 50, NULL, 0);
    harness_close(&h);
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), 0);
    assert_int_equal(decisions(), CALLS);
}

static void assert_refused(uint64_t sequence)
{
    char text[64];
    size_t now;
    char *before = file_read(segment, &now), *after;
    h.lines[0] = '\0';
    assert_int_equal(harness_open_alone(&h), E_CORRUPT);
    (void)snprintf(text, sizeof text, "record %llu in ledger/", (unsigned long long)sequence);
    assert_true(harness_logged(&h, text));
    assert_true(harness_logged(&h, "Restore"));
    after = file_read(segment, &now);
    assert_memory_equal(before, after, now); /* nothing was changed */
    free(before);
    free(after);

    struct verify_report report;
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), E_CORRUPT);
    assert_int_equal(report.bad_sequence, sequence);
    assert_true(report.what.len > 0);
}

static void damage_before_the_tail_stops_the_start(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    size_t count = batches_find(offsets, headers);
    for (size_t batch = 0; batch + 1 < count; batch++) {
        size_t whole = BATCH_HEADER_BYTES + headers[batch].length;
        for (size_t at = 0; at < whole; at += whole / 7) {
            bytes[offsets[batch] + at] ^= 0x20;
            file_write(segment, bytes, len);
            bytes[offsets[batch] + at] ^= 0x20;
            assert_refused(headers[batch].first_sequence);
        }
        char *zeroed = malloc(len);
        assert_non_null(zeroed);
        memcpy(zeroed, bytes, len);
        memset(zeroed + offsets[batch], 0, block_align(whole));
        file_write(segment, zeroed, len);
        free(zeroed);
        assert_refused(headers[batch].first_sequence);
    }
}

static void a_damaged_head_stops_the_start(void **state)
{
    (void)state;
    for (size_t at = 0; at < SEGMENT_HEADER_BYTES; at += 5) {
        bytes[at] ^= 1;
        file_write(segment, bytes, len);
        bytes[at] ^= 1;
        assert_int_equal(harness_open_alone(&h), E_CORRUPT);
        assert_true(harness_logged(&h, "the head of ledger/"));
    }
    file_write(segment, bytes, len / 2);
    assert_int_equal(harness_open_alone(&h), E_CORRUPT);
    file_write(segment, bytes, 100);
    assert_int_equal(harness_open_alone(&h), E_CORRUPT);
    assert_int_equal(unlink(segment), 0);
    assert_int_equal(mkfifo(segment, 0600), 0); /* nobody will ever write to it */
    assert_int_equal(harness_open_alone(&h), E_CORRUPT);
}

/* A later writer's forgery: the batch's checksum is right, the link to the record before is not. */
static void reseal(size_t at)
{
    struct batch_header header;
    assert_true(batch_peek(bytes + at, &header));
    batch_seal(&header, bytes + at);
}

static void an_edit_breaks_the_chain(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    assert_true(batches_find(offsets, headers) > 3);
    char *name = memmem(bytes + offsets[2], BATCH_HEADER_BYTES + headers[2].length, "create_charge", 13);
    assert_non_null(name);
    name[0] = 'C';
    reseal(offsets[2]);
    file_write(segment, bytes, len);
    assert_refused(headers[2].first_sequence + headers[2].count); /* the next one's link tells */
}

static void a_removal_breaks_the_chain(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    size_t count = batches_find(offsets, headers);
    memmove(bytes + offsets[2], bytes + offsets[3], len - offsets[3]);
    file_write(segment, bytes, len);
    assert_refused(headers[2].first_sequence);
    assert_true(count > 3);
}

static void an_insertion_breaks_the_chain(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    assert_true(batches_find(offsets, headers) > 3);
    size_t block = offsets[3] - offsets[2];
    memmove(bytes + offsets[3], bytes + offsets[2], len - offsets[2] - block); /* the batch stands twice */
    file_write(segment, bytes, len);
    assert_refused(headers[3].first_sequence);
}

static void a_reordering_breaks_the_chain(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    assert_true(batches_find(offsets, headers) > 4);
    size_t first = offsets[3] - offsets[2], second = offsets[4] - offsets[3];
    char *saved = malloc(first);
    assert_non_null(saved);
    memcpy(saved, bytes + offsets[2], first);
    memmove(bytes + offsets[2], bytes + offsets[3], second);
    memcpy(bytes + offsets[2] + second, saved, first);
    free(saved);
    file_write(segment, bytes, len);
    assert_refused(headers[2].first_sequence);
}

/* With sequence numbers and links put right as well, only a record's own hash in the next link is left; an edit of the
 * last record of all is what the chain cannot show. */
static void a_renumbered_batch_is_told_by_its_link(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    assert_true(batches_find(offsets, headers) > 3);
    char *link = bytes + offsets[2] + BATCH_HEADER_BYTES + 12;
    link[5] ^= 1;
    reseal(offsets[2]);
    file_write(segment, bytes, len);
    assert_refused(headers[2].first_sequence);
}

/* Written without a sync, later batches may reach the disk before an earlier one: that is a loss which `process`
 * announces, not damage. */
static void what_was_never_synced_may_be_missing(void **state)
{
    (void)state;
    size_t offsets[32];
    struct batch_header headers[32];
    size_t count = batches_find(offsets, headers);
    assert_true(count > 4);
    for (size_t batch = 2; batch < count; batch++) {
        headers[batch].durable_before = headers[2].first_sequence - 1;
        batch_seal(&headers[batch], bytes + offsets[batch]);
    }
    memset(bytes + offsets[2], 0, offsets[3] - offsets[2]);
    file_write(segment, bytes, len);
    assert_int_equal(harness_open(&h), 0);
    assert_true(harness_logged(&h, " cut: a write"));
    (void)admit_one(&h, 50, NULL, 0);
    harness_close(&h);
    struct verify_report report;
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), 0);
}

static void a_segment_that_is_missing_is_told(void **state)
{
    (void)state;
    struct harness live;
    struct verify_report report;
    static char large[65536];
    char path[128];
    memset(large, 'x', sizeof large);
    harness_init(&live);
    assert_int_equal(harness_open(&live), 0);
    for (int i = 0; i < 100; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(large, sizeof large) };
        store_record(live.store, &record);
        harness_run_ms(&live, 7);
    }
    harness_close(&live);
    assert_int_equal(store_verify(str_from_c(live.directory), NULL, &report), 0);
    assert_true(report.segments > 2);
    (void)snprintf(path, sizeof path, "%s/ledger/%016x.seg", live.directory, 2);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_verify(str_from_c(live.directory), NULL, &report), E_CORRUPT);
    assert_true(str_find(report.what, STR("does not follow")) < report.what.len);
    harness_release(&live);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_acknowledged_is_there),
        TEST(a_torn_last_batch_is_cut),
        TEST(damage_before_the_tail_stops_the_start),
        TEST(a_damaged_head_stops_the_start),
        TEST(an_edit_breaks_the_chain),
        TEST(a_removal_breaks_the_chain),
        TEST(an_insertion_breaks_the_chain),
        TEST(a_reordering_breaks_the_chain),
        TEST(a_renumbered_batch_is_told_by_its_link),
        TEST(what_was_never_synced_may_be_missing),
        TEST(a_segment_that_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
