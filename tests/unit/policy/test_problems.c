/* What the loader says: every error of a document at once, each with line, column, pointer and fix. */
#include "rig.h"

#include "base/check.h"
#include "base/limits.h"
#include "policy/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
    const char *policy; /* or one problem of the policy above: */
    bool warning;
    size_t line, column;
    const char *pointer, *text, *fix;
};

static const struct row rows[] = {
#define LOAD(policy) { policy, false, 0, 0, NULL, NULL, NULL },
#define ERROR(line, column, pointer, text, fix) { NULL, false, line, column, pointer, text, fix },
#define WARNING(line, column, pointer, text, fix) { NULL, true, line, column, pointer, text, fix },
#include "problems.def"
#undef LOAD
#undef ERROR
#undef WARNING
};

static bool is_as_told(const struct problem *problem, const struct row *row)
{
    return problem->warning == row->warning && problem->line == row->line && problem->column == row->column &&
           str_eq(problem->pointer, str_from_c(row->pointer)) && strstr(problem->text.ptr, row->text) != NULL &&
           (row->fix[0] == 0 ? problem->fix.len == 0 : strstr(problem->fix.ptr, row->fix) != NULL);
}

static bool check(struct rig *rig, const struct row *load, size_t count)
{
    int rc = rig_try_load(rig, load->policy);
    size_t errors = 0;
    bool good = rig->problems.count == count;
    for (size_t i = 0; i < count; i++) {
        errors += !load[1 + i].warning;
        good = good && is_as_told(&rig->problems.items[i], &load[1 + i]);
    }
    good = good && rc == (errors > 0 ? E_INVALID : 0) && rig->problems.errors == errors;
    if (!good) {
        print_message("\n%s\n", load->policy);
        for (size_t i = 0; i < rig->problems.count; i++) {
            const struct problem *at = &rig->problems.items[i];
            print_message("%s(%zu, %zu, \"%s\", \"%s\", \"%s\")\n", at->warning ? "WARNING" : "ERROR", at->line,
                          at->column, at->pointer.ptr, at->text.ptr, at->fix.ptr);
        }
    }
    return good && (rig->policy != NULL) == (rc == 0);
}

static void test_rows(void **state)
{
    (void)state;
    bool good = true;
    for (size_t i = 0, count; i < ARRAY_LEN(rows); i += 1 + count) {
        struct rig rig;
        for (count = 0; i + 1 + count < ARRAY_LEN(rows) && rows[i + 1 + count].policy == NULL;)
            count++;
        rig_init(&rig);
        good = check(&rig, &rows[i], count) && good;
        rig_release(&rig);
    }
    assert_true(good);
}

/* Whether some document of problems.def gives an operator of this kind of operand a value that is an error. */
static bool is_refused_somewhere(enum operand_kind kind)
{
    for (size_t i = 0, load = 0; i < ARRAY_LEN(rows); i++) {
        char uses[64];
        const struct op *op;
        if (rows[i].policy != NULL) {
            load = i;
            continue;
        }
        if (rows[i].warning || strstr(rows[i].pointer, "/value") == NULL)
            continue;
        for (size_t at = 0; (op = op_at(at)) != NULL; at++) {
            snprintf(uses, sizeof uses, "'op':'%s'", op->name.ptr);
            if (op->operand == kind && strstr(rows[load].policy, uses) != NULL)
                return true;
        }
    }
    return false;
}

static void test_every_operand_is_checked(void **state)
{
    (void)state;
    const struct op *op;
    for (size_t at = 0; (op = op_at(at)) != NULL; at++)
        if (!is_refused_somewhere(op->operand))
            fail_msg("tests/unit/policy/problems.def: no ERROR of a wrong \"value\" of %s, or of an operator that takes the same",
                     op->name.ptr);
}

/* More problems than are listed: all are counted, the last line says so. */
static void test_many(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    size_t wrong = 3 * (size_t)LIMIT_policy_problems, at = 0;
    char *text = malloc(64 + 8 * wrong);
    assert_non_null(text);
    at += (size_t)sprintf(text, "{'version':'1','default':'deny','hide':[5");
    for (size_t i = 1; i < wrong; i++)
        at += (size_t)sprintf(text + at, ",\n5");
    (void)sprintf(text + at, "]}");
    assert_int_equal(rig_try_load(&rig, text), E_INVALID);
    assert_int_equal(rig.problems.count, LIMIT_policy_problems);
    assert_int_equal(rig.problems.errors, wrong);
    assert_non_null(strstr(rig.problems.items[LIMIT_policy_problems - 1].text.ptr, "513 more problems"));
    free(text);
    rig_release(&rig);
}

/* Whatever memory is missing, the loader ends with E_NOMEM or does its work. */
static void test_small_arenas(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct str bad = rig_text(&rig, "{'version':'1','default':'x','tools':{'a*':{},'*a':{'actoin':5}},'hide':[5]}");
    for (size_t ceiling = 0; ceiling < 70000; ceiling += 512) {
        struct arena arena;
        struct problems problems;
        struct policy *policy;
        arena_init(&arena, NULL, ceiling);
        int rc = policy_load(bad, &arena, &problems, &policy);
        assert_true(rc == E_NOMEM || (rc == E_INVALID && problems.errors == 4));
        assert_null(policy);
        arena_release(&arena);
    }
    rig_release(&rig);
}

static void test_revision(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny'}");
    static const uint8_t sha256[SHA256_LEN] = {
        0xae, 0xaf, 0x06, 0x70, 0x01, 0x26, 0x85, 0x4b, 0x91, 0x86, 0x96, 0x66, 0x05, 0xaf, 0x6b, 0xd2,
        0x00, 0x42, 0xae, 0x56, 0xbe, 0x77, 0x53, 0xf9, 0x40, 0x96, 0x26, 0x6d, 0xbc, 0xf2, 0xd4, 0xf3
    };
    assert_memory_equal(policy_revision(rig.policy)->bytes, sha256, SHA256_LEN);
    struct policy *again = policy_ref(rig.policy);
    policy_unref(again);
    assert_memory_equal(policy_revision(rig.policy)->bytes, sha256, SHA256_LEN);
    rig_release(&rig);
}

static void test_check(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','hide':['delete_al',\n'drop_*'],\n'tools':{'get_jobs':{},\n"
                   "'get_job':{},'list_*':{},'gone_*':{}}}");
    struct definitions *definitions = definitions_new(1 << 20);
    assert_non_null(definitions);
    static struct tool tools[] = { { .name = STR("get_jobs") }, { .name = STR("delete_all") },
                                   { .name = STR("drop_table") }, { .name = STR("list_users") } };
    definitions->tools = tools;
    definitions->tool_count = ARRAY_LEN(tools);
    size_t dropped;
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    assert_int_equal(policy_check(rig.policy, definitions, &rig.arena, &rig.problems), 0);
    static const struct row expected[] = {
        { NULL, true, 1, 26, "/default", "nothing but the default speaks of the tool \"delete_all\", and it denies it", "" },
        { NULL, true, 1, 41, "/hide/0", "the server has no tool \"delete_al\"", "did you mean \"delete_all\"?" },
        { NULL, true, 4, 1, "/tools/get_job", "the server has no tool \"get_job\"", "did you mean \"get_jobs\"?" },
        { NULL, true, 4, 26, "/tools/gone_*", "this decides for no tool that the server has", "" },
    };
    assert_int_equal(rig.problems.count, ARRAY_LEN(expected));
    assert_int_equal(rig.problems.errors, 0);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(is_as_told(&rig.problems.items[i], &expected[i]));
    definitions_unref(definitions);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_every_operand_is_checked),
        cmocka_unit_test(test_many),     cmocka_unit_test(test_small_arenas),
        cmocka_unit_test(test_revision), cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
