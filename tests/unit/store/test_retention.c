/* Retention: whole segments go, oldest first, by age and by size; what is left verifies, replays and is asked of; any
 * moment between is a ledger. */
#include "harness.h"

#include "base/check.h"
#include "base/limits.h"
#include "store/directory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <cmocka.h>

#define DAY INT64_C(86400000)

static struct harness h;

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    assert_int_equal(harness_open(&h), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_release(&h);
    return 0;
}

static size_t segments(uint64_t *first)
{
    uint64_t *numbers;
    size_t count;
    int ledger;
    assert_int_equal(directory_open_ledger(str_from_c(h.directory), &ledger), 0);
    assert_int_equal(segment_list(ledger, &numbers, &count), 0);
    *first = count > 0 ? numbers[0] : 0;
    free(numbers);
    close(ledger);
    return count;
}

/* Records until there are `wanted` more segments, a day between each two. */
static void fill(size_t wanted)
{
    static char text[60000];
    uint64_t first;
    size_t count = segments(&first), end = count + wanted;
    memset(text, 'x', sizeof(text));
    for (int i = 0; count < end && i < 4000; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(text, sizeof(text)) };
        store_record(h.store, &record);
        harness_run_ms(&h, 1);
        size_t now = segments(&first);
        if (now > count)
            clock_manual_advance(&h.clock, DAY);
        count = now;
    }
    assert_int_equal(count, end);
}

static void verifies(bool fine)
{
    struct verify_report report;
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), fine ? 0 : E_CORRUPT);
}

/* Waits until the first segment is this one. */
static void until_first(uint64_t wanted)
{
    uint64_t first = 0;
    for (int i = 0; i < 500 && first != wanted; i++) {
        harness_run_ms(&h, 20);
        segments(&first);
    }
    assert_int_equal(first, wanted);
}

static void reopen(void)
{
    harness_close(&h);
    assert_int_equal(harness_open(&h), 0);
}

static void nothing_goes_without_a_word(void **state)
{
    (void)state;
    uint64_t first;
    fill(2);
    store_retain(h.store, 0, 0);
    harness_run_ms(&h, 1300);
    assert_int_equal(segments(&first), 3);
    struct store_stats stats;
    store_stats(h.store, &stats);
    assert_int_equal(stats.segments, 3);
    assert_true(stats.disk_bytes > 2000000);
    assert_int_equal(count_records(&h, RECORD_DROPPED), 0);
}

static void old_segments_go_and_the_rest_is_whole(void **state)
{
    (void)state;
    struct debit debit = debit_calls(2);
    store_settle(h.store, admit_one(&h, 1, &debit, 1), OUTCOME_ok, REASON_answered, false);
    struct freeze freeze = { .scope = FREEZE_SERVER, .name = STR("a"), .reason = STR("r") };
    assert_int_equal(store_freeze(h.store, &freeze, true, NULL, NULL), 0);
    fill(4);
    harness_run_ms(&h, 1200); /* the projection follows */
    verifies(true);
    store_retain(h.store, 2 * DAY + DAY / 2, 0);
    until_first(3); /* what the third and later ones hold is younger */
    verifies(true);
    assert_int_equal(count_records(&h, RECORD_DROPPED), 1);
    for (int round = 0; round < 2; round++) {
        reopen();
        verifies(true);
        assert_true(store_is_frozen(h.store, STR("a"), STR("g")));
    }
    /* A projection that is made again begins at what is left. */
    harness_close(&h);
    char path[128];
    snprintf(path, sizeof(path), "%s/state.db", h.directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    verifies(true);
    assert_int_equal(harness_open(&h), 0);
}

static void too_many_bytes_go(void **state)
{
    (void)state;
    uint64_t first;
    fill(4);
    harness_run_ms(&h, 1200);
    size_t before = segments(&first);
    store_retain(h.store, 0, 1); /* never the last one */
    for (int i = 0; i < 500 && segments(&first) > 1; i++)
        harness_run_ms(&h, 20);
    assert_int_equal(segments(&first), 1);
    assert_int_equal(first, before);
    verifies(true);
    fill(1);
    verifies(true);
}

static void not_while_somebody_reads(void **state)
{
    (void)state;
    uint64_t first;
    int reader;
    fill(2);
    harness_run_ms(&h, 1200);
    assert_int_equal(directory_open_ledger(str_from_c(h.directory), &reader), 0);
    assert_int_equal(flock(reader, LOCK_SH), 0);
    store_retain(h.store, 0, 1);
    harness_run_ms(&h, 1500);
    assert_int_equal(segments(&first), 3);
    close(reader);
    store_retain(h.store, 0, 1); /* the next look */
    until_first(3);
    verifies(true);
}

/* The record is durable and no file has gone, or only some: each is a ledger, and the next start goes on. */
static void every_moment_between_is_a_ledger(void **state)
{
    (void)state;
    int reader;
    fill(4);
    harness_run_ms(&h, 1200);
    assert_int_equal(directory_open_ledger(str_from_c(h.directory), &reader), 0);
    assert_int_equal(flock(reader, LOCK_SH), 0); /* nothing is removed */
    store_retain(h.store, 0, 1);
    for (int i = 0; i < 500 && count_records(&h, RECORD_DROPPED) == 0; i++)
        harness_run_ms(&h, 10);
    harness_close(&h);
    close(reader);
    for (unsigned gone = 0; gone <= 4; gone++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/ledger/%016x.seg", h.directory, gone);
        assert_true(gone == 0 || unlink(path) == 0);
        verifies(true);
        assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
        assert_int_equal(harness_open(&h), 0);
        if (gone == 2) {
            store_retain(h.store, 0, 0);
            until_first(5);
            break;
        }
        harness_close(&h);
    }
    verifies(true);
}

/* A beginning that nobody let go of, and a hash that is not the one that was recorded. */
static void what_was_not_dropped_is_missed(void **state)
{
    (void)state;
    char path[128];
    fill(3);
    harness_run_ms(&h, 1200);
    harness_close(&h);
    snprintf(path, sizeof(path), "%s/ledger/%016x.seg", h.directory, 1);
    assert_int_equal(unlink(path), 0);
    struct verify_report report;
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), E_CORRUPT);
    assert_true(report.bad_sequence > 1);
    assert_true(str_find(report.what, STR("retention")) < report.what.len);
    assert_int_equal(harness_open(&h), 0); /* a gateway starts from its last segment */
    store_retain(h.store, 0, 1);
    harness_run_ms(&h, 1500);
}

static int count_row(void *arg, const struct store_row *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static int rows_of(const char *server)
{
    struct store_query query = { .kind = STR("list"), .server = str_from_c(server), .limit = 10000 };
    uint64_t known;
    int count = 0;
    assert_int_equal(store_query(str_from_c(h.directory), &query, count_row, &count, &known), 0);
    return count;
}

/* Rows of what was dropped leave the projection, in steps; what is left stays, and the policies that it names. */
static void the_projection_lets_go_too(void **state)
{
    (void)state;
    struct sha256 revision = { { 1 } };
    store_revision(h.store, STR("a"), STR("{\"old\":1}"), &revision);
    for (unsigned i = 0; i < 3000; i++) {
        struct record record = { .kind = RECORD_LIST, .server = STR("a"), .count = i };
        store_record(h.store, &record);
    }
    fill(2);
    for (int i = 0; i < 100; i++) {
        struct record record = { .kind = RECORD_LIST, .server = STR("b"), .count = 1 };
        store_record(h.store, &record);
    }
    harness_run_ms(&h, 2500);
    assert_int_equal(rows_of("a"), 3000);
    store_retain(h.store, 0, 1);
    until_first(3);
    harness_run_ms(&h, 500);
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    assert_int_equal(rows_of("a"), 0);
    assert_int_equal(rows_of("b"), 100);
    struct buf text;
    buf_init(&text, 4096);
    assert_int_equal(store_policy(str_from_c(h.directory), STR("a"), &revision, &text), 0); /* still in force */
    buf_release(&text);
    verifies(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_goes_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(old_segments_go_and_the_rest_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_bytes_go, setup, teardown),
        cmocka_unit_test_setup_teardown(not_while_somebody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(every_moment_between_is_a_ledger, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_dropped_is_missed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_projection_lets_go_too, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
