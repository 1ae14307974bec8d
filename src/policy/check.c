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

static bool decides(const struct selector *selector, const struct selection *deciding, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < deciding[i].count; j++)
            if (deciding[i].items[j] == selector)
                return true;
    return false;
}

static void warn_idle(struct checker *checker, const struct selector *selector, const struct selection *deciding)
{
    struct place root = { .up = NULL }, tools = place_member(&root, STR("tools"));
    struct place place = place_member(&tools, selector->text);
    if (!decides(selector, deciding, checker->definitions->tool_count))
        report_warning(&checker->report, &place, SPOT_KEY, STR_EMPTY, "this decides for no tool that the server has");
}

/* Patterns and classes that decide nothing: no tool has such a name, or better rules speak of each that has. */
static void check_patterns(struct checker *checker, const struct selection *deciding)
{
    const struct selectors *selectors = &checker->policy->tools;
    for (size_t i = 0; i < selectors->count; i++)
        warn_idle(checker, selectors->patterns[i], deciding);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (selectors->classes[i] != NULL)
            warn_idle(checker, selectors->classes[i], deciding);
}

/* `deciding` gets the rules of each tool. */
static void check_tools(struct checker *checker, struct selection *deciding)
{
    struct place root = { .up = NULL }, place = place_member(&root, STR("default"));
    for (size_t i = 0; i < checker->definitions->tool_count; i++) {
        const struct pinned_class *class = &checker->definitions->tools[i].pin.class;
        struct str name = checker->names[i];
        struct selection hidden;
        selectors_select(&checker->policy->hide, name, class, &hidden);
        selectors_select(&checker->policy->tools, name, class, &deciding[i]);
        if (hidden.count == 0 && (deciding[i].count == 0 || deciding[i].open))
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
    struct selection *deciding = arena_alloc(arena, (definitions->tool_count + 1) * sizeof *deciding);
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
