/* A disk that is full: calls are denied, nothing is lost, and the store goes on by itself when there is room. Runs on a
 * small file system in memory, which takes root to mount. */
#include "harness.h"

#include "base/check.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <cmocka.h>

static struct harness h;
static bool mounted;

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    mounted = mount("tmpfs", h.directory, "tmpfs", 0, "size=24m,mode=0700") == 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_close(&h);
    if (mounted)
        (void)umount2(h.directory, MNT_DETACH);
    harness_release(&h);
    return 0;
}

static void need_mount(void)
{
    if (mounted)
        return;
    (void)printf("SKIP a small file system cannot be mounted here\n");
    skip();
}

/* Takes all but `left` bytes; 0: takes every byte. */
static void fill(size_t left)
{
    char path[128];
    static char zeros[65536];
    (void)snprintf(path, sizeof path, "%s/filler", h.directory);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    setbuf(file, NULL);
    while (fwrite(zeros, 1, sizeof zeros, file) == sizeof zeros)
        ;
    while (fwrite(zeros, 1, 4096, file) == 4096)
        ;
    assert_true((size_t)ftell(file) > left);
    if (left > 0)
        assert_int_equal(ftruncate(fileno(file), ftell(file) - (long)left), 0);
    (void)fclose(file);
}

static void make_room(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/filler", h.directory);
    assert_int_equal(unlink(path), 0);
}

static void wait_until_ready(bool ready)
{
    for (int i = 0; i < 100 && store_is_ready(h.store) != ready; i++)
        harness_run_ms(&h, 50);
    assert_int_equal(store_is_ready(h.store), ready);
}

static void assert_verifies(void)
{
    struct verify_report report;
    harness_close(&h);
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), 0);
}

static void below_the_reserve_calls_are_denied(void **state)
{
    (void)state;
    struct debit debit = debit_calls(5);
    struct admit_result result;
    need_mount();
    assert_int_equal(harness_open(&h), 0);
    (void)admit_one(&h, 1, &debit, 1);
    assert_true(store_is_ready(h.store));
    fill(LIMIT_disk_reserve / 2);
    (void)admit_one(&h, 2, &debit, 1); /* nobody has looked yet */
    wait_until_ready(false);
    assert_true(harness_logged(&h, "calls are denied until there is room"));
    assert_int_equal(admit_try(&h, 3, &debit, &result), E_LIMIT);
    assert_int_equal(result.what, ADMIT_FAILED);
    assert_int_equal(result.reason, REASON_audit_unavailable);
    struct record denial = { .kind = RECORD_DECISION, .call = id_of(3), .reason = REASON_audit_unavailable };
    store_record(h.store, &denial); /* there is still room for that */
    make_room();
    wait_until_ready(true);
    assert_int_equal(admit_try(&h, 4, &debit, &result), 0);
    assert_verifies();
    assert_int_equal(count_records(&h, RECORD_DECISION), 4);
}

/* The admission that needs a new segment finds no byte left for one: it fails after its time, and when there is room
 * again it is recorded, and given back. */
static void an_admission_that_is_late_gives_itself_back(void **state)
{
    (void)state;
    static char large[2 << 20]; /* more than the first segment holds */
    struct debit debit = debit_calls(1);
    struct record record = { .call = id_of(1), .server = STR("stripe") };
    struct told told = { 0 };
    struct admission *admission;
    struct admit_result result;
    need_mount();
    memset(large, 'x', sizeof large);
    record.name = str_of(large, sizeof large);
    assert_int_equal(harness_open(&h), 0);
    fill(0); /* and nobody has looked yet */
    assert_int_equal(store_admit(h.store, &record, &debit, 1, told_done, &told, &admission, &result), 0);
    harness_until(&h, &told.count, 1);
    assert_int_equal(told.result.what, ADMIT_FAILED);
    assert_int_equal(told.result.reason, REASON_audit_unavailable);
    assert_false(store_is_ready(h.store));
    assert_int_equal(admit_try(&h, 9, &debit, &result), E_LIMIT);
    assert_int_equal(result.what, ADMIT_FAILED);

    make_room();
    wait_until_ready(true);
    harness_run_ms(&h, 100);
    assert_int_equal(admit_try(&h, 10, &debit, &result), 0); /* it was given back */
    assert_verifies();
    assert_int_equal(count_records(&h, RECORD_DECISION), count_records(&h, RECORD_OUTCOME));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(below_the_reserve_calls_are_denied),
        TEST(an_admission_that_is_late_gives_itself_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
