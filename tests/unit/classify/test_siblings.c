/* Siblings: what they back, what they cannot do, and that neither their order nor their number matters. */
#include "base/arena.h"
#include "base/limits.h"
#include "classify/siblings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct rig {
    struct classifier *classifier;
    struct arena       arena;
    struct siblings    siblings;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    assert_int_equal(classifier_new(&rig->classifier), 0);
    arena_init(&rig->arena, NULL, 64 << 20);
    siblings_init(&rig->siblings, rig->classifier, STR("crm"), &rig->arena);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    siblings_release(&rig->siblings);
    arena_release(&rig->arena);
    classifier_free(rig->classifier);
    free(rig);
    return 0;
}

static void add(struct rig *rig, const char *name)
{
    assert_int_equal(siblings_add(&rig->siblings, str_from_c(name)), 0);
}

static struct verdict_on_tool alone(const struct rig *rig, const char *name, const char *description)
{
    struct tool_facts facts = { .server = STR("crm"), .name = str_from_c(name), .description = str_from_c(description) };
    struct verdict_on_tool verdict;

    classify_tool(rig->classifier, &facts, &verdict);
    return verdict;
}

/* Quotes exactly `first` and `second` (NULL: none), gains that much, and leaves all else as it was. */
static void expect(const struct rig *rig, const char *name, const char *description, unsigned gain, const char *first,
                   const char *second)
{
    const char *const quoted[] = { first, second };
    struct verdict_on_tool before = alone(rig, name, description), after = before;
    size_t count = (first != NULL) + (second != NULL);

    siblings_speak(&rig->siblings, str_from_c(name), &after);
    assert_int_equal(after.class, before.class);
    assert_int_equal(after.severity, before.severity);
    assert_int_equal(after.signals, before.signals);
    assert_int_equal(after.evidence_count, before.evidence_count + count);
    assert_int_equal(after.confidence, before.confidence + gain);
    for (size_t i = 0; i < count; i++) {
        const struct evidence *evidence = &after.evidence[before.evidence_count + i];
        assert_int_equal(evidence->source, EVIDENCE_SIBLING);
        assert_int_equal(evidence->class, before.class);
        assert_true(str_eq(evidence->words, str_from_c(quoted[i])));
        assert_true(evidence->why.len > 0);
    }
}

static void those_that_differ_in_the_verb_are_siblings(void **state)
{
    struct rig *rig = *state;

    add(rig, "delete_user");
    expect(rig, "delete_user", "", 0, NULL, NULL);
    add(rig, "create_user");
    expect(rig, "delete_user", "", 3, "create_user", NULL);
    add(rig, "listUsers");
    expect(rig, "delete_user", "", 6, "create_user", "listUsers");
    add(rig, "deleteUser"); /* the same deed, spelled otherwise */
    expect(rig, "delete_user", "", 6, "create_user", "listUsers");
    expect(rig, "delete_group", "", 0, NULL, NULL);
    expect(rig, "user_delete", "", 0, NULL, NULL);
    add(rig, "list_policies");
    expect(rig, "delete_policy", "", 3, "list_policies", NULL);
}

static void a_word_that_may_be_a_noun_is_backed_and_backs_nobody(void **state)
{
    struct rig *rig = *state;

    add(rig, "archive_note");
    expect(rig, "delete_note", "", 0, NULL, NULL);
    add(rig, "delete_note");
    expect(rig, "archive_note", "", 5, "delete_note", NULL);
}

static void what_manages_is_backed_by_what_changes(void **state)
{
    struct rig *rig = *state;

    add(rig, "get_contact");
    add(rig, "list_contacts");
    expect(rig, "manage_contacts", "", 0, NULL, NULL);
    add(rig, "delete_contact");
    expect(rig, "manage_contacts", "", 8, "delete_contact", NULL);
    expect(rig, "handle_contacts", "", 0, NULL, NULL);
}

static void decoys_lower_nothing_and_never_back_a_read(void **state)
{
    struct rig *rig = *state;

    add(rig, "get_account");
    add(rig, "list_accounts");
    add(rig, "describe_account");
    add(rig, "create_account");
    expect(rig, "get_account", "", 0, NULL, NULL);
    expect(rig, "delete_account", "", 6, "create_account", "describe_account");
    /* its name says Read, its description the verdict: the name is not backed */
    assert_int_equal(alone(rig, "review_account", "Deletes an account for good").class, CLASS_DESTRUCTIVE);
    expect(rig, "review_account", "Deletes an account for good", 0, NULL, NULL);
    /* nothing is surer than the surest */
    struct verdict_on_tool verdict = alone(rig, "delete_account", "");
    verdict.confidence = CONFIDENCE_MOST - 1;
    siblings_speak(&rig->siblings, STR("delete_account"), &verdict);
    assert_int_equal(verdict.confidence, CONFIDENCE_MOST);
    /* nor is there room behind the last */
    verdict = alone(rig, "delete_account", "");
    while (verdict.evidence_count < EVIDENCE_MAX)
        verdict.evidence[verdict.evidence_count++] = verdict.evidence[0];
    unsigned confidence = verdict.confidence;
    siblings_speak(&rig->siblings, STR("delete_account"), &verdict);
    assert_int_equal(verdict.evidence_count, EVIDENCE_MAX);
    assert_int_equal(verdict.confidence, confidence);
}

static void hostile_names_have_no_siblings(void **state)
{
    static const char *const names[] = {
        "", "delete", "_", "*", "create", "delete_", "\xff\xfe", "delete_\xff", "create_(user", "delete_*",
        "delete_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "create_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "delete_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_b",
        "create_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_c",
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        add(rig, names[i]);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect(rig, names[i], "", 0, NULL, NULL);
}

static void their_order_does_not_matter(void **state)
{
    static const char *const names[] = { "update_deal", "create_deal", "get_deal",    "list_deals", "list_deal",
                                         "find_deal",   "read_deals",  "delete_deal", "addDeal" };
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    struct rig *rig = *state;

    for (size_t first = 0; first < COUNT; first++)
        for (size_t step = 1; step < COUNT; step++) {
            if (step % 3 == 0)
                continue; /* would not come to each of the nine */
            struct siblings siblings = rig->siblings;
            siblings_init(&rig->siblings, rig->classifier, STR("crm"), &rig->arena);
            for (size_t i = 0, at = first; i < COUNT; i++, at = (at + step) % COUNT)
                add(rig, names[at]);
            expect(rig, "delete_deal", "", 6, "addDeal", "create_deal");
            expect(rig, "create_deal", "", 6, "addDeal", "delete_deal");
            siblings_release(&rig->siblings);
            rig->siblings = siblings;
        }
}

static void those_past_the_ceiling_are_judged_alone(void **state)
{
    struct rig *rig = *state;
    char name[64];

    for (unsigned i = 0; i < LIMIT_sibling_tools; i++) {
        snprintf(name, sizeof(name), "create_thing_%u", i);
        struct str kept = arena_str(&rig->arena, str_from_c(name));
        assert_non_null(kept.ptr);
        assert_int_equal(siblings_add(&rig->siblings, kept), 0);
    }
    expect(rig, "delete_thing_9999", "", 3, "create_thing_9999", NULL);
    add(rig, "create_user");
    expect(rig, "delete_user", "", 0, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_that_differ_in_the_verb_are_siblings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_word_that_may_be_a_noun_is_backed_and_backs_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_manages_is_backed_by_what_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decoys_lower_nothing_and_never_back_a_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_names_have_no_siblings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(their_order_does_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_past_the_ceiling_are_judged_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
