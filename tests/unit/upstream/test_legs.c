/* The look-up of legs by id against a plain array, in random order. */
#include "base/check.h"
#include "base/limits.h"
#include "upstream/legs.h"
#include "upstream/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT 600

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void test_against_an_array(void **state)
{
    (void)state;
    static struct leg legs[COUNT];
    static bool in[COUNT];
    struct legs table;
    uint64_t seed = 88172645463325252u, id = 1;
    legs_init(&table);
    assert_null(legs_find(&table, 1));
    for (int step = 0; step < 50000; step++) {
        size_t at = next_random(&seed) % COUNT;
        if (in[at]) {
            assert_ptr_equal(legs_find(&table, legs[at].id), &legs[at]);
            legs_remove(&table, &legs[at]);
            legs_remove(&table, &legs[at]);
            assert_null(legs_find(&table, legs[at].id));
        } else {
            id += next_random(&seed) % 40; /* gaps, so that runs of the table collide */
            legs[at].id = ++id;
            list_init(&legs[at].link);
            assert_int_equal(legs_add(&table, &legs[at]), 0);
        }
        in[at] = !in[at];
        if (step % 1000 == 0)
            for (size_t i = 0; i < COUNT; i++)
                if (in[i])
                    assert_ptr_equal(legs_find(&table, legs[i].id), &legs[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        if (in[i])
            legs_remove(&table, &legs[i]);
    assert_true(list_is_empty(&table.all));
    legs_release(&table);
}

static void test_given_up(void **state)
{
    (void)state;
    struct legs table;
    legs_init(&table);
    assert_false(legs_were_given_up(&table, 0));
    assert_false(legs_were_given_up(&table, 1));
    for (uint64_t id = 1; id <= LIMIT_given_up_legs + 2; id++)
        legs_give_up(&table, id);
    assert_false(legs_were_given_up(&table, 0));
    assert_false(legs_were_given_up(&table, 2)); /* so many came after it */
    assert_true(legs_were_given_up(&table, 3));
    assert_false(legs_were_given_up(&table, 3)); /* once */
    assert_true(legs_were_given_up(&table, LIMIT_given_up_legs + 2));
    legs_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_an_array), cmocka_unit_test(test_given_up) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
