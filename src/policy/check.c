/* Warnings that need to know what tools the server has. */
#include "policy/policy.h"

#include "base/check.h"
#include "base/nearest.h"
#include "model/server.h"
#include "policy/compiled.h"
#include "policy/problems.h"

struct checker {
    const struct policy *policy;
    const struct definitions *definitions;
    const struct str *names; /* of the server's tools */
    struct reporter report;
};

static void warn_unknown(struct checker *checker, const struct place *place, enum spot spot, struct str name)
{
    struct str near = nearest_word(name, checker->names, checker->definitions->tool_count);
    report_warning(&checker->report, place, spot, report_guess(&checker->report, near),
                   "the server has no tool \"%" STR_FMT "\"", STR_ARG(name));
}

/* A pointer of hide is "/hide/N". */
static void check_hidden(struct checker *checker, const struct selector *selector)
{
    unsigned long long index = 0;
    struct str digits = str_slice(selector->pointer, STR("/hide/").len, selector->pointer.len);
    CHECK(str_to_u64(digits, SIZE_MAX, &index));
    struct place root = { .up = NULL }, hide = place_member(&root, STR("hide")),
                 at = place_element(&hide, (size_t)index);
    warn_unknown(checker, &at, SPOT_VALUE, selector->text);
}

static void check_names(struct checker *checker)
{
    struct place root = { .up = NULL }, tools = place_member(&root, STR("tools"));
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&checker->policy->tools.exact, &at)) != NULL;) {
        struct place place = place_member(&tools, entry->key);
        if (definitions_tool(checker->definitions, entry->key) == NULL)
            warn_unknown(checker, &place, SPOT_KEY, entry->key);
    }
    for (size_t at = 0; (entry = map_next(&checker->policy->hide.exact, &at)) != NULL;)
        if (definitions_tool(checker->definitions, entry->key) == NULL)
            check_hidden(checker, entry->value);
}

/* Patterns that decide nothing: no tool has such a name, or better rules speak of each that has. */
static void check_patterns(struct checker *checker, const struct selector *const *deciding)
{
    const struct selectors *selectors = &checker->policy->tools;
    struct place root = { .up = NULL }, tools = place_member(&root, STR("tools"));
    for (size_t i = 0; i < selectors->count; i++) {
        const struct selector *pattern = selectors->patterns[i];
        struct place place = place_member(&tools, pattern->text);
        size_t tool = 0;
        while (tool < checker->definitions->tool_count && deciding[tool] != pattern)
            tool++;
        if (tool == checker->definitions->tool_count)
            report_warning(&checker->report, &place, SPOT_KEY, STR_EMPTY,
                           "this decides for no tool that the server has");
    }
}

/* `deciding` gets the rule of each tool, or NULL. */
static void check_tools(struct checker *checker, const struct selector **deciding)
{
    struct place root = { .up = NULL }, place = place_member(&root, STR("default"));
    for (size_t i = 0; i < checker->definitions->tool_count; i++) {
        struct str name = checker->names[i];
        deciding[i] = selectors_find(&checker->policy->tools, name);
        if (deciding[i] == NULL && selectors_find(&checker->policy->hide, name) == NULL)
            report_warning(&checker->report, &place, SPOT_VALUE, STR_EMPTY,
                           "nothing but the default speaks of the tool \"%" STR_FMT "\", and it %s", STR_ARG(name),
                           checker->policy->allow_default ? "allows it" : "denies it");
    }
}

int policy_check(const struct policy *policy, const struct definitions *definitions, struct arena *arena,
                 struct problems *problems)
{
    CHECK_OBJ(policy, POLICY_MAGIC);
    struct str *names = arena_alloc(arena, (definitions->tool_count + 1) * sizeof *names);
    const struct selector **deciding = arena_alloc(arena, (definitions->tool_count + 1) * sizeof(struct selector *));
    if (names == NULL || deciding == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < definitions->tool_count; i++)
        names[i] = definitions->tools[i].name;
    struct checker checker = { .policy = policy, .definitions = definitions, .names = names };
    checker.report = (struct reporter){ .source = policy->source, .arena = arena, .problems = problems };
    check_names(&checker);
    check_tools(&checker, deciding);
    check_patterns(&checker, deciding);
    report_finish(&checker.report);
    return checker.report.no_memory ? E_NOMEM : 0;
}
