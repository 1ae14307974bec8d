/* Loading rules: selectors, actions, checks, and who else goes with a name. */
#include "policy/load.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "model/server.h"

bool checks_always_deny(const struct checks *checks)
{
    for (size_t i = 0; i < checks->deny_if_count; i++)
        if (checks->deny_if[i].count == 0)
            return true;
    return false;
}

bool rule_always_denies(const struct rule *rule)
{
    return rule->action == ACTION_DENY || checks_always_deny(&rule->checks);
}

/* A class where `text` begins with '@'; it was checked then. */
static struct selector *add_selector(struct loader *loader, struct selectors *selectors, struct str text,
                                     struct str pointer, const void *value)
{
    struct selector *selector;
    enum tool_class class;
    bool is_class = selector_is_class(text) && class_of_word(str_slice(text, 1, text.len), &class);
    int error = is_class ? selectors_add_class(selectors, loader->arena, class, text, pointer, value, &selector)
                         : selectors_add(selectors, loader->arena, text, pointer, value, &selector);
    if (error == 0)
        return selector;
    loader->no_memory = true;
    return NULL;
}

/* Not empty, and with an '@' before it a class. */
static bool check_selector(struct loader *loader, const struct place *place, enum spot spot, struct str text)
{
    static const struct str classes[] = {
#define C(id, word) STR("@" word),
        TOOL_CLASSES(C)
#undef C
    };
    enum tool_class class;
    if (text.len == 0)
        report_error(&loader->report, place, spot, STR_EMPTY, "an empty name selects nothing");
    if (!selector_is_class(text))
        return text.len > 0;
    if (class_of_word(str_slice(text, 1, text.len), &class))
        return true;
    struct str guess = report_guess(&loader->report, nearest_word(text, classes, ARRAY_LEN(classes)));
    report_error(&loader->report, place, spot, guess, "there is no class \"%" STR_FMT "\"", STR_ARG(text));
    return false;
}

/* For prompts that are named like a tool. The tool of a class is found by its definition. */
static void add_prompt_selector(struct loader *loader, struct selectors *selectors, struct str text, struct str pointer)
{
    if (selector_is_class(text))
        return;
    struct str name = prompt_name(loader->arena, text);
    if (name.ptr == NULL)
        loader->no_memory = true;
    else
        (void)add_selector(loader, selectors, name, pointer, NULL);
}

void load_hide(struct loader *loader, const struct place *place, const struct json *array)
{
    struct policy *policy = loader->policy;
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, array);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        if (!schema_is(&loader->report, &at, node, JSON_STRING) ||
            !check_selector(loader, &at, SPOT_VALUE, json_string(node)))
            continue;
        struct str pointer = load_pointer(loader, &at);
        (void)add_selector(loader, &policy->hide, json_string(node), pointer, NULL);
        add_prompt_selector(loader, &policy->prompt_hide, json_string(node), pointer);
    }
    selectors_sort(&policy->hide);
    selectors_sort(&policy->prompt_hide);
}

static void load_names(struct loader *loader, const struct place *place, const struct json *array,
                       struct selectors *out)
{
    if (array == NULL)
        return;
    if (json_count(array) == 0)
        report_error(&loader->report, place, SPOT_VALUE, STR("leave the member out"), "an empty list is not accepted");
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, array);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        if (!schema_is(&loader->report, &at, node, JSON_STRING))
            continue;
        if (json_string(node).len == 0)
            report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "an empty name selects nothing");
        else
            (void)add_selector(loader, out, json_string(node), load_pointer(loader, &at), NULL);
    }
    selectors_sort(out);
}

/* What `deny` takes away whole is not allowed anywhere. */
static void warn_of_access(struct loader *loader, const struct place *place, const struct json *allow,
                           const struct selectors *denied)
{
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, allow);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        const struct selector *by = json_is(node, JSON_STRING) ? selectors_find(denied, json_string(node)) : NULL;
        if (by != NULL)
            report_warning(&loader->report, &at, SPOT_VALUE, STR_EMPTY,
                           "%" STR_FMT " denies all of this, so it never allows anything", STR_ARG(by->pointer));
    }
}

void load_access(struct loader *loader, const struct place *place, const struct json *node, struct access *out)
{
    struct place at = place_member(place, STR("allow"));
    load_names(loader, &at, schema_get(node, SCHEMA_ACCESS, STR("allow")), &out->allow);
    at = place_member(place, STR("deny"));
    load_names(loader, &at, schema_get(node, SCHEMA_ACCESS, STR("deny")), &out->deny);
    at = place_member(place, STR("allow"));
    warn_of_access(loader, &at, schema_get(node, SCHEMA_ACCESS, STR("allow")), &out->deny);
}

static void load_checks(struct loader *loader, const struct place *place, const struct json *node,
                        enum schema_object object, struct checks *out)
{
    struct place at = place_member(place, STR("require"));
    load_entries(loader, &at, schema_get(node, object, STR("require")), false, &out->require, &out->require_count);
    at = place_member(place, STR("deny_if"));
    load_entries(loader, &at, schema_get(node, object, STR("deny_if")), true, &out->deny_if, &out->deny_if_count);
}

void load_all_tools(struct loader *loader, const struct place *place, const struct json *node)
{
    struct checks *checks = &loader->policy->all_tools;
    if (node == NULL || !schema_check(&loader->report, place, node, SCHEMA_ALL_TOOLS))
        return;
    load_checks(loader, place, node, SCHEMA_ALL_TOOLS, checks);
    load_limits(loader, place, node, SCHEMA_ALL_TOOLS, checks);
    if (checks_always_deny(checks)) {
        struct place at = place_member(place, STR("deny_if"));
        report_warning(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "this denies every call of every tool");
    }
}

static void load_action(struct loader *loader, const struct place *place, const struct json *node, struct rule *rule)
{
    static const struct str words[] = { [ACTION_ALLOW] = STR("allow"), [ACTION_DENY] = STR("deny") };
    struct place at = place_member(place, STR("action"));
    const struct json *action = schema_get(node, SCHEMA_RULE, STR("action"));
    size_t word;
    if (action != NULL && str_eq(json_string(action), STR("approve"))) {
        report_error(&loader->report, &at, SPOT_VALUE, STR("\"deny\" until then"),
                     "the action \"approve\" is not yet supported");
        return;
    }
    if (action != NULL && load_word(loader, &at, action, words, ARRAY_LEN(words), &word))
        rule->action = (enum action)word;
    rule->reason = load_text(node, SCHEMA_RULE, STR("reason"));
    at = place_member(place, STR("reason"));
    if (rule->action == ACTION_ALLOW && json_get(node, STR("reason")) != NULL)
        report_error(&loader->report, &at, SPOT_KEY, STR("\"action\": \"deny\""),
                     "a reason without an action that denies: this rule allows the tool");
}

/* What hides everything that a key selects; NULL: nothing does. */
static const struct selector *hides_all_of(const struct selectors *hide, struct str key)
{
    enum tool_class class;
    if (!selector_is_class(key))
        return selectors_find(hide, key); /* a '*' of the key is matched by one of a pattern */
    if (class_of_word(str_slice(key, 1, key.len), &class) && hide->classes[class] != NULL)
        return hide->classes[class];
    for (size_t i = 0; i < hide->count; i++)
        if (hide->patterns[i]->pattern.literal == 0)
            return hide->patterns[i];
    return NULL;
}

/* What can never decide is probably not what was meant. */
static void warn_of_rule(struct loader *loader, const struct place *place, const struct rule *rule)
{
    const struct checks *checks = &rule->checks;
    if (rule->action == ACTION_DENY && checks->require_count + checks->deny_if_count + checks->limit_count > 0) {
        struct place at = place_member(place, STR("action"));
        report_warning(&loader->report, &at, SPOT_VALUE, STR_EMPTY,
                       "this denies every call, so the conditions and limits beside it never decide");
    }
    for (size_t i = 0; i < checks->deny_if_count; i++) {
        if (checks->deny_if[i].count > 0 || (i + 1 == checks->deny_if_count && checks->limit_count == 0))
            continue;
        struct place at = place_member(place, STR("deny_if")), entry = place_element(&at, i);
        report_warning(&loader->report, &entry, SPOT_VALUE, STR_EMPTY,
                       "this always denies, so the entries and limits behind it never decide");
        break;
    }
    const struct selector *hidden = hides_all_of(&loader->policy->hide, place->key);
    if (hidden != NULL)
        report_warning(&loader->report, place, SPOT_KEY, STR_EMPTY,
                       "%" STR_FMT " hides what this selects, so its rule never decides", STR_ARG(hidden->pointer));
}

static void load_rule(struct loader *loader, const struct place *place, const struct json *node, struct rule *rule)
{
    size_t errors = loader->report.problems->errors;
    rule->pointer = load_pointer(loader, place);
    if (!schema_check(&loader->report, place, node, SCHEMA_RULE))
        return;
    load_action(loader, place, node, rule);
    load_checks(loader, place, node, SCHEMA_RULE, &rule->checks);
    load_limits(loader, place, node, SCHEMA_RULE, &rule->checks);
    load_timeout(loader, place, node, rule);
    if (errors == loader->report.problems->errors)
        warn_of_rule(loader, place, rule);
}

/* Every name that `b` matches is matched by `a` too. */
static bool covers(const struct selector *a, const struct selector *b)
{
    return pattern_match(&a->pattern, b->text);
}

/* Equally good ones are an error. Of others the better one decides: no news where one is a part of the other. */
static void report_overlap(void *arg, const struct selector *a, const struct selector *b)
{
    struct loader *loader = arg;
    struct place root = { .up = NULL }, tools = place_member(&root, STR("tools")), at = place_member(&tools, b->text);
    bool equal = a->pattern.literal == b->pattern.literal;
    if (report_is_full(&loader->report) || (!equal && (covers(a, b) || covers(b, a))))
        return;
    struct str witness = pattern_witness(&a->pattern, &b->pattern, loader->report.arena);
    if (witness.ptr == NULL) {
        loader->no_memory = true;
        return;
    }
    if (equal)
        report_error(&loader->report, &at, SPOT_KEY, STR("make one of them longer, or name the tools"),
                     "\"%" STR_FMT "\" and \"%" STR_FMT "\" have equally many literal bytes, and both match \"%" STR_FMT
                     "\"",
                     STR_ARG(a->text), STR_ARG(b->text), STR_ARG(witness));
    else
        report_warning(&loader->report, &at, SPOT_KEY, STR_EMPTY,
                       "\"%" STR_FMT "\" and \"%" STR_FMT "\" both match \"%" STR_FMT "\": \"%" STR_FMT
                       "\", which has more literal bytes, decides",
                       STR_ARG(a->text), STR_ARG(b->text), STR_ARG(witness),
                       STR_ARG(a->pattern.literal > b->pattern.literal ? a->text : b->text));
}

void load_tools(struct loader *loader, const struct place *place, const struct json *node)
{
    struct policy *policy = loader->policy;
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        struct place at = place_member(place, key);
        struct rule *rule = load_alloc(loader, sizeof *rule);
        if (rule == NULL)
            return;
        bool good = check_selector(loader, &at, SPOT_KEY, key);
        load_rule(loader, &at, value, rule);
        if (!good)
            continue;
        (void)add_selector(loader, &policy->tools, key, rule->pointer, rule);
        add_prompt_selector(loader, &policy->prompt_tools, key, rule->pointer);
        if (rule_always_denies(rule))
            add_prompt_selector(loader, &policy->prompt_denied, key, rule->pointer);
    }
    load_class_costs(loader, place);
    selectors_sort(&policy->tools);
    selectors_sort(&policy->prompt_tools);
    selectors_sort(&policy->prompt_denied);
    if (policy->tools.count > LIMIT_policy_patterns)
        report_error(&loader->report, place, SPOT_KEY, STR_EMPTY, "more than %d patterns", LIMIT_policy_patterns);
    else
        selectors_overlaps(&policy->tools, report_overlap, loader);
}
