/* docs/policy.md against the code: its examples load, and it names every member, operator and path of the tables.
 *   test_docs FILE */
#include "rig.h"

#include "base/buf.h"
#include "base/check.h"
#include "policy/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct buf page;

static void read_page(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    buf_init(&page, 1 << 20);
    char bytes[4096];
    for (size_t len; (len = fread(bytes, 1, sizeof bytes, file)) > 0;)
        buf_append(&page, bytes, len);
    buf_append_byte(&page, 0);
    fclose(file);
    assert_true(buf_ok(&page));
}

/* A whole document, or members of `tools`. */
static void load_example(struct rig *rig, struct str example)
{
    bool whole = example.ptr[0] == '{';
    struct str text = whole ? example
                            : arena_printf(&rig->arena, "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{%" STR_FMT "}}",
                                           STR_ARG(example));
    struct policy *policy = NULL;
    int rc = policy_load(text, &rig->arena, &rig->problems, &policy);
    if (rc != 0 || rig->problems.count > 0)
        fail_msg("%" STR_FMT "\n%s", STR_ARG(example), rig->problems.count > 0 ? rig->problems.items[0].text.ptr : "");
    policy_unref(policy);
}

static void test_examples(void **state)
{
    (void)state;
    static const struct str open = STR("```json\n"), close = STR("```");
    struct rig rig;
    struct str rest = buf_str(&page);
    size_t examples = 0;
    rig_init(&rig);
    for (size_t at; (at = str_find(rest, open)) < rest.len; examples++) {
        rest = str_slice(rest, at + open.len, rest.len);
        load_example(&rig, str_slice(rest, 0, str_find(rest, close)));
        rest = str_slice(rest, str_find(rest, close) + close.len, rest.len);
    }
    assert_true(examples >= 6);
    rig_release(&rig);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {
#define OP(name, operand, takes, evaluate, text) #name,
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
#define MEMBER(object, name, kinds, when, neutral, text) name,
#include "policy/schema.def"
#undef MEMBER
#define ROOT(name, text, kind) text,
        PATH_ROOTS(ROOT)
#undef ROOT
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char quoted[3][64];
        snprintf(quoted[0], sizeof quoted[0], "`%s`", names[i]);
        snprintf(quoted[1], sizeof quoted[1], "\"%s\"", names[i]);
        snprintf(quoted[2], sizeof quoted[2], "`%s.", names[i]);
        if (strstr(page.ptr, quoted[0]) == NULL && strstr(page.ptr, quoted[1]) == NULL &&
            strstr(page.ptr, quoted[2]) == NULL)
            fail_msg("docs/policy.md does not name %s", names[i]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    read_page(argv[1]);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples), cmocka_unit_test(test_names) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&page);
    return failed;
}
