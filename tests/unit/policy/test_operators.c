/* Every operator on every kind of argument, seen from both sides: `require` passes only on true, `deny_if` only on
 * false. */
#include "rig.h"

#include "base/check.h"
#include "policy/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const char *const arguments[] = { NULL, "null", "true", "false", "5", "20", "'abc'", "''", "[]", "['abc']", "{}" };

struct row {
    const char *op, *value, *answers, *negated; /* one letter an argument above */
    const char *argument;                       /* or one argument alone */
    char answer;
};

static const struct row rows[] = {
#define OP_ROW(op, value, answers, negated) { #op, value, answers, negated, NULL, 0 },
#define TEST(op, value, argument, answer) { #op, value, NULL, NULL, argument, #answer[0] },
#include "operators.def"
#undef OP_ROW
#undef TEST
};

static void load(struct rig *rig, const struct row *row, bool negate, bool deny_if)
{
    char policy[1200], test[512];
    snprintf(test, sizeof test, "{'path':'args.x','op':'%s','value':%s}", row->op, row->value);
    snprintf(policy, sizeof policy,
             "{'version':'1','default':'deny','lists':{'n':[20,30],'roots':['/srv/a','/tmp'],'hosts':['example.com','*.a.example']},'tools':{'t':{'%s':[{'conditions':[%s%s%s]}]}}}",
             deny_if ? "deny_if" : "require", negate ? "{'not':" : "", test, negate ? "}" : "");
    rig_load(rig, policy);
}

static bool passes(struct rig *rig, const char *argument)
{
    char args[512];
    snprintf(args, sizeof args, argument != NULL ? "{'x':%s}" : "{}", argument);
    return rig_call(rig, "t", args)->verdict == VERDICT_ALLOW;
}

static char answer(bool required_passes, bool denied_passes)
{
    if (required_passes)
        return denied_passes ? '?' : 'T';
    return denied_passes ? 'F' : 'U';
}

static void check_argument(struct rig *require, struct rig *deny_if, const struct row *row, bool negate,
                           const char *argument, char wanted)
{
    char got = answer(passes(require, argument), passes(deny_if, argument));
    if (got != wanted)
        fail_msg("operators.def: %s %s%s on %s is %c, its row says %c", row->op, row->value, negate ? ", under a not," : "",
                 argument != NULL ? argument : "nothing", got, wanted);
}

static char mirrored(char answer)
{
    return answer == 'T' ? 'F' : answer == 'F' ? 'T' : 'U';
}

static void check_row(const struct row *row, bool negate)
{
    struct rig require, deny_if;
    rig_init(&require);
    rig_init(&deny_if);
    require.server.exact_numbers = deny_if.server.exact_numbers = true; /* odd numbers get as far as the operator */
    load(&require, row, negate, false);
    load(&deny_if, row, negate, true);
    const char *answers = negate ? row->negated : row->answers; /* both NULL for a TEST */
    if (answers == NULL)
        check_argument(&require, &deny_if, row, negate, row->argument, negate ? mirrored(row->answer) : row->answer);
    for (size_t i = 0; answers != NULL && i < ARRAY_LEN(arguments); i++)
        check_argument(&require, &deny_if, row, negate, arguments[i], answers[i]);
    rig_release(&require);
    rig_release(&deny_if);
}

static void check_letters(const struct row *row, const char *letters)
{
    if (strlen(letters) != ARRAY_LEN(arguments) || strspn(letters, "FUT") != ARRAY_LEN(arguments))
        fail_msg("operators.def: %s %s: \"%s\" is not %zu letters F, U or T, one an argument", row->op, row->value, letters,
                 ARRAY_LEN(arguments));
}

static void test_rows_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (op_find(str_from_c(rows[i].op)) == NULL)
            fail_msg("operators.def: %s is no operator of src/policy/ops.def", rows[i].op);
        if (rows[i].answers == NULL)
            continue;
        check_letters(&rows[i], rows[i].answers);
        check_letters(&rows[i], rows[i].negated);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(&rows[i], false);
        check_row(&rows[i], true);
    }
}

static bool shows(const struct op *op, char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq(str_from_c(rows[i].op), op->name) &&
            (rows[i].answers != NULL ? strchr(rows[i].answers, letter) != NULL : rows[i].answer == letter))
            return true;
    }
    return false;
}

/* An operator whose rows never show one of its answers is not tested. Only one that speaks of what is missing is never
 * unusable. */
static void test_every_operator_has_rows(void **state)
{
    (void)state;
    const struct op *op;
    for (size_t at = 0; (op = op_at(at)) != NULL; at++) {
        size_t tables = 0;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            tables += rows[i].answers != NULL && str_eq(str_from_c(rows[i].op), op->name);
        if (tables < 2)
            fail_msg("tests/unit/policy/operators.def: %s has %zu OP_ROW, two or more are needed", op->name.ptr, tables);
        for (const char *letter = "TFU"; *letter != 0; letter++)
            if (!shows(op, *letter) && (*letter != 'U' || !(op->takes & ARG_MISSING)))
                fail_msg("tests/unit/policy/operators.def: no row of %s has the answer %c", op->name.ptr, *letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_can_be_read),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_operator_has_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
