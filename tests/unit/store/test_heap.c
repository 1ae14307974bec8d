/* Once warm, admitting and settling take nothing from the heap on the loop's thread. malloc and its kin are wrapped by
 * the linker, so libraries that are linked dynamically are not counted. */
#include "../heap_calls.h"
#include "harness.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

int __real_posix_memalign(void **out, size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    heap_calls++;
    return __real_posix_memalign(out, alignment, size);
}

static struct harness h;

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    return harness_open(&h);
}

static int teardown(void **state)
{
    (void)state;
    harness_release(&h);
    return 0;
}

#define AT_ONCE 32

static void round_of_calls(unsigned from)
{
    struct debit debits[] = { debit_calls(1000000), debit_calls(1000000), debit_calls(1000000) };
    struct told told[AT_ONCE] = { 0 };
    debits[1].key.window = (struct window){ WINDOW_SECONDS, 1, WINDOW_FIXED };
    debits[2].key.window = (struct window){ .kind = WINDOW_CONCURRENT };
    store_set_open_requests(h.store, AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        struct record record = { .call = id_of(from + i), .server = STR("stripe"), .name = STR("create_charge") };
        struct admission *admission;
        struct admit_result result;
        assert_int_equal(store_admit(h.store, &record, debits, 3, told_done, &told[i], &admission, &result), 0);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        harness_until(&h, &told[i].count, 1);
        store_settle(h.store, told[i].result.admission, OUTCOME_ok, REASON_answered, i % 2 == 0);
    }
    clock_manual_advance(&h.clock, 100);
}

static void a_warm_call_takes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        round_of_calls(i * AT_ONCE);
    heap_calls = 0;
    for (unsigned i = 10; i < 60; i++)
        round_of_calls(i * AT_ONCE);
    assert_int_equal(heap_calls, 0);
}

/* The test must be able to fail: more debits than an admission has room for do go to the heap. */
static void the_wrapper_counts(void **state)
{
    (void)state;
    struct debit debits[40];
    char names[40][64];
    for (int i = 0; i < 40; i++) {
        debits[i] = debit_calls(10);
        debits[i].key.counter = str_of(names[i], (size_t)snprintf(names[i], sizeof names[i], "%060d", i));
    }
    heap_calls = 0;
    store_settle(h.store, admit_one(&h, 1, debits, 40), OUTCOME_ok, REASON_answered, false);
    assert_true(heap_calls > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(a_warm_call_takes_nothing), TEST(the_wrapper_counts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
