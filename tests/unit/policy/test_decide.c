/* Decisions: the table of decisions.def, the order of the steps, lists, prompts, resources and methods. */
#include "rig.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct row {
    const char *policy, *tool, *args;
    enum verdict verdict;
    enum reason reason;
    const char *rule;
};

static const struct row rows[] = {
#define POLICY(text) { .policy = text },
#define CALL(tool, args, verdict, reason, rule) { NULL, tool, args, VERDICT_##verdict, REASON_##reason, rule },
#include "decisions.def"
#undef POLICY
#undef CALL
};

static void expect(const struct decision *decision, enum verdict verdict, enum reason reason, const char *rule)
{
    assert_int_equal(decision->verdict, verdict);
    assert_string_equal(reason_row(decision->reason)->name.ptr, reason_row(reason)->name.ptr);
    assert_int_equal(decision->rule.len, strlen(rule));
    assert_memory_equal(decision->rule.ptr, rule, decision->rule.len);
    if (verdict != VERDICT_ALLOW)
        assert_int_equal(decision->debit_count, 0);
}

static void test_rows(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].policy != NULL) {
            rig_load(&rig, rows[i].policy);
            continue;
        }
        const struct decision *decision = rig_call(&rig, rows[i].tool, rows[i].args);
        if (decision->verdict != rows[i].verdict || decision->reason != rows[i].reason ||
            !str_eq(decision->rule, str_from_c(rows[i].rule)))
            print_message("row %zu: %s %s: %s %s\n", i, rows[i].tool, rows[i].args,
                          reason_row(decision->reason)->name.ptr, decision->rule.ptr);
        expect(decision, rows[i].verdict, rows[i].reason, rows[i].rule);
    }
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
