/* What counts as a change, and what as a risk. */
#include "catalog/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void sides(void **state)
{
    (void)state;
    const struct change_side then = { 2, 1, 6, STR("a") };
    static const struct { struct change_side now; enum change change; } cases[] = {
        { { 2, 1, 6, { "a", 1 } }, CHANGE_NONE }, { { 2, 1, 6, { "b", 1 } }, CHANGE_TEXT },
        { { 3, 1, 6, { "b", 1 } }, CHANGE_RISK }, { { 2, 2, 6, { "b", 1 } }, CHANGE_RISK },
        { { 2, 1, 7, { "b", 1 } }, CHANGE_RISK }, { { 2, 1, 7, { "a", 1 } }, CHANGE_RISK },
        { { 1, 0, 0, { "b", 1 } }, CHANGE_TEXT }, { { 1, 0, 8, { "b", 1 } }, CHANGE_RISK },
        { { 2, 1, 6, { "", 0 } }, CHANGE_TEXT },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(change_between(&then, &cases[i].now), cases[i].change);
    assert_int_equal(change_between(NULL, &then), CHANGE_NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sides) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
