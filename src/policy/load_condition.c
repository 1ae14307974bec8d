/* Loading conditions: forms, paths, operators, and what is probably not meant. */
#include "policy/load.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/nearest.h"
#include "json/writer.h"

#define TEST_TEXT_MAX 120 /* bytes of an operand that explain shows */

struct around { /* what stands around a condition */
    bool deny_if;
    bool under_not, odd; /* any `not`, an odd number of them */
};

/* A value of the policy as JSON, "..." where it is long. */
static struct str short_json(struct loader *loader, const struct json *value)
{
    struct buf text;
    struct json_writer writer;
    buf_init(&text, TEST_TEXT_MAX);
    json_write_init(&writer, &text);
    json_write_node(&writer, value);
    struct str copy = arena_str(loader->arena, buf_ok(&text) ? buf_str(&text) : STR("..."));
    buf_release(&text);
    return copy;
}

/* "args.amount gt 10000": for people, so what is not plain ASCII is escaped, and what is long is cut. */
static struct str test_text(struct loader *loader, const struct condition *test, const struct json *node)
{
    const struct json *no_words = json_get(node, STR("no_words"));
    struct str operand = short_json(loader, json_get(node, STR("value")));
    struct str forbidden = no_words != NULL ? short_json(loader, no_words) : STR_EMPTY;
    struct str whole = STR_EMPTY;
    if (operand.ptr != NULL && forbidden.ptr != NULL)
        whole = arena_printf(loader->arena, "%" STR_FMT " %" STR_FMT " %" STR_FMT "%s%" STR_FMT,
                             STR_ARG(test->path.text), STR_ARG(test->op->name), STR_ARG(operand),
                             no_words != NULL ? " no_words " : "", STR_ARG(forbidden));
    for (size_t i = 0; whole.ptr != NULL && i < whole.len; i++)
        if (whole.ptr[i] < ' ' || whole.ptr[i] > '~') {
            char escaped[4 * TEST_TEXT_MAX];
            (void)text_escape(whole, escaped, sizeof escaped);
            whole = arena_str(loader->arena, str_from_c(escaped));
            break;
        }
    if (operand.ptr != NULL && forbidden.ptr != NULL && whole.ptr != NULL)
        return whole;
    loader->no_memory = true;
    return STR_EMPTY;
}

static bool load_path(struct loader *loader, const struct place *place, const struct json *node,
                      const struct around *around, struct path *out)
{
    struct path_error error;
    int rc = path_parse(json_string(node), loader->arena, out, &error);
    if (rc == E_NOMEM)
        loader->no_memory = true;
    if (rc == E_INVALID)
        report_error(&loader->report, place, SPOT_VALUE, report_guess(&loader->report, error.guess),
                     "the path \"%" STR_FMT "\" %s", STR_ARG(json_string(node)), error.text);
    if (rc != 0)
        return false;
    if (out->root != ROOT_CLIENT_NAME || (around->deny_if && !around->under_not))
        return true;
    report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                 "client.name is what the client says of itself: only deny_if may look at it, and not under \"not\"");
    return false;
}

static struct str guess_op(struct loader *loader, struct str name)
{
    struct str nearest = op_nearest(name);
    return nearest.len > 0 ? report_guess(&loader->report, nearest) : op_list();
}

static const struct op *load_op(struct loader *loader, const struct place *place, const struct json *node)
{
    struct str name = json_string(node);
    const struct op *op = op_find(name);
    if (op == NULL)
        report_error(&loader->report, place, SPOT_VALUE, guess_op(loader, name),
                     "there is no operator \"%" STR_FMT "\"", STR_ARG(name));
    return op;
}

static void check_time(struct loader *loader, const struct place *place, const struct condition *test)
{
    bool hour = test->path.root == ROOT_TIME_HOUR;
    int64_t low = hour ? 0 : 1, high = hour ? 23 : 7;
    for (size_t i = 0; i < test->operand.count; i++) {
        unsigned long long number;
        if (str_to_u64(test->operand.items[i].text, (unsigned long long)high, &number) && (int64_t)number >= low)
            continue;
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "%" STR_FMT " is a whole number from %s",
                     STR_ARG(test->path.text), hour ? "0 to 23" : "1, Monday, to 7, Sunday");
        return;
    }
}

/* A word that no class is would never be equal, and a gate would stand open. */
static void check_class(struct loader *loader, const struct place *place, const struct place *at_value,
                        const struct condition *test)
{
    static const struct str words[] = {
#define C(id, word) STR(word),
        TOOL_CLASSES(C)
#undef C
    };
    enum tool_class class;
    if (test->op->operand != OPERAND_LIST && test->op->operand != OPERAND_SCALAR_OR_NULL)
        report_error(&loader->report, place, SPOT_VALUE, STR("\"eq\", \"neq\", \"in\" or \"not_in\""),
                     "class is one of six words: \"%" STR_FMT "\" is not for it", STR_ARG(test->op->name));
    else if (test->operand.null)
        report_error(&loader->report, at_value, SPOT_VALUE, STR_EMPTY, "every tool has a class");
    for (size_t i = 0; i < test->operand.count; i++)
        if (test->operand.items[i].kind == ARG_STRING && !class_of_word(test->operand.items[i].text, &class))
            report_error(
                &loader->report, at_value, SPOT_VALUE,
                report_guess(&loader->report, nearest_word(test->operand.items[i].text, words, ARRAY_LEN(words))),
                "there is no class \"%" STR_FMT "\"", STR_ARG(test->operand.items[i].text));
}

/* What the call itself says has a known type: an operator that can never be used on it is a mistake. */
static void check_types(struct loader *loader, const struct place *place, const struct place *at_value,
                        const struct condition *test)
{
    unsigned kinds = path_kinds(&test->path);
    unsigned items = kinds == ARG_ARRAY ? ARG_STRING : kinds;
    if ((test->op->takes & kinds) == 0)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "\"%" STR_FMT "\" cannot be used on %" STR_FMT ", which is %s", STR_ARG(test->op->name),
                     STR_ARG(test->path.text), arg_kind_text(kinds));
    else if (test->operand.count > 0 && (test->operand.items[0].kind & items) == 0)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "%" STR_FMT " is %s, and this compares it with something else", STR_ARG(test->path.text),
                     items == ARG_NUMBER ? "a number" : "text");
    else if (kinds == ARG_NUMBER)
        check_time(loader, at_value, test);
    else if (test->path.root == ROOT_CLASS)
        check_class(loader, place, at_value, test);
}

static bool is_op(const struct condition *test, struct str name)
{
    return str_eq(test->op->name, name);
}

/* `every` is also what tells a test that has to hold for a call to pass from one that stops it. */
static void warn_of_command(struct loader *loader, const struct place *place, const struct condition *test)
{
    if (!test->every)
        report_warning(
            &loader->report, place, SPOT_VALUE, STR("\"require\" the commands that may run"),
            "this stops one spelling of a command: with an option before its words, or the program's path, it passes");
    else if (test->operand.words->rest && test->operand.words->no_word_count == 0)
        report_warning(&loader->report, place, SPOT_VALUE, STR("\"no_words\": [\"--e*\", \"--pr*\"]"),
                       "\"...\" lets every further word pass, options that change where a command goes among them, "
                       "also shortened");
}

/* The beginning of a text tells little where the text is read as a path or a URL. */
static void warn_of_prefix(struct loader *loader, const struct place *place, const struct condition *test)
{
    bool glob = is_op(test, STR("glob"));
    if (!test->every || (!glob && !is_op(test, STR("starts_with"))))
        return;
    struct str text = glob ? test->operand.words->patterns->text : test->operand.items[0].text;
    bool url = str_starts_with(text, STR("http://")) || str_starts_with(text, STR("https://"));
    if (!url && (text.len < 2 || text.ptr[0] != '/'))
        return;
    report_warning(&loader->report, place, SPOT_VALUE,
                   url ? STR("\"op\": \"host_in\"") : STR("\"op\": \"path_within\""),
                   url ? "a URL can begin like this and lead to another host"
                       : "a path can begin like this and lead elsewhere by \"..\"");
}

static bool load_value(struct loader *loader, const struct place *place, const struct json *node, struct condition *out)
{
    const struct json *value = schema_get(node, SCHEMA_CONDITION, STR("value"));
    const struct json *no_words = schema_get(node, SCHEMA_CONDITION, STR("no_words"));
    struct place at = place_member(place, STR("no_words")), at_value = place_member(place, STR("value"));
    if (value == NULL)
        return false;
    if (out->op->operand == OPERAND_COMMAND)
        return load_command(loader, place, value, no_words, &out->operand);
    if (json_get(node, STR("no_words")) != NULL)
        report_error(&loader->report, &at, SPOT_KEY, STR_EMPTY, "only \"command\" takes no_words");
    return load_operand(loader, &at_value, value, out->op->operand, &out->operand);
}

static void load_test(struct loader *loader, const struct place *place, const struct json *node,
                      const struct around *around, struct condition *out)
{
    static const struct str needed[] = { STR("path"), STR("op"), STR("value") };
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (json_get(node, needed[i]) == NULL)
            report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "the member \"%" STR_FMT "\" is missing",
                         STR_ARG(needed[i]));
    const struct json *path = schema_get(node, SCHEMA_CONDITION, STR("path"));
    const struct json *op = schema_get(node, SCHEMA_CONDITION, STR("op"));
    struct place at_path = place_member(place, STR("path")), at_op = place_member(place, STR("op"));
    struct place at_value = place_member(place, STR("value"));

    out->kind = CONDITION_TEST;
    out->under_not = around->under_not;
    out->every = around->deny_if == around->odd;
    bool good = path != NULL && load_path(loader, &at_path, path, around, &out->path);
    if (op != NULL)
        out->op = load_op(loader, &at_op, op);
    if (out->op == NULL)
        return;
    if (!load_value(loader, place, node, out) || !good)
        return;
    loader->uses_time |= out->path.root == ROOT_TIME_HOUR || out->path.root == ROOT_TIME_WEEKDAY;
    check_types(loader, &at_op, &at_value, out);
    warn_of_prefix(loader, &at_op, out);
    if (out->op->operand == OPERAND_COMMAND)
        warn_of_command(loader, &at_value, out);
    out->text = test_text(loader, out, node);
}

static void load_condition(struct loader *loader, const struct place *place, const struct json *node,
                           struct around around, struct condition *out);

static void load_conditions(struct loader *loader, const struct place *place, const struct json *array,
                            struct around around, struct condition **out, size_t *count)
{
    *out = load_alloc(loader, json_count(array) * sizeof **out);
    if (*out == NULL)
        return;
    *count = json_count(array);
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, array);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        load_condition(loader, &at, node, around, &(*out)[i]);
    }
}

static void load_group(struct loader *loader, const struct place *place, const struct json *node, struct str name,
                       struct around around, struct condition *out)
{
    struct place at = place_member(place, name);
    const struct json *parts = schema_get(node, SCHEMA_CONDITION, name);
    if (parts == NULL)
        return;
    if (str_eq(name, STR("not"))) {
        out->kind = CONDITION_NOT;
        around = (struct around){ .deny_if = around.deny_if, .under_not = true, .odd = !around.odd };
        out->parts = load_alloc(loader, sizeof *out->parts);
        out->count = 1;
        if (out->parts != NULL)
            load_condition(loader, &at, parts, around, out->parts);
        return;
    }
    out->kind = str_eq(name, STR("any")) ? CONDITION_ANY : CONDITION_ALL;
    if (json_count(parts) == 0)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "an empty \"%" STR_FMT "\" is not accepted",
                     STR_ARG(name));
    load_conditions(loader, &at, parts, around, &out->parts, &out->count);
}

/* The recursion is as deep as the document's JSON. */
static void load_condition(struct loader *loader, const struct place *place, const struct json *node,
                           struct around around, struct condition *out)
{
    static const struct str groups[] = { STR("any"), STR("all"), STR("not") };
    struct str group = STR_EMPTY;
    size_t forms = json_get(node, STR("path")) != NULL || json_get(node, STR("op")) != NULL ||
                   json_get(node, STR("value")) != NULL || json_get(node, STR("no_words")) != NULL;

    if (!schema_check(&loader->report, place, node, SCHEMA_CONDITION))
        return;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (json_get(node, groups[i]) != NULL) {
            group = groups[i];
            forms++;
        }
    if (forms != 1)
        report_error(&loader->report, place, SPOT_VALUE, STR("{\"path\": ..., \"op\": ..., \"value\": ...}"),
                     "a condition is one of a test, \"any\", \"all\" or \"not\"");
    else if (group.len > 0)
        load_group(loader, place, node, group, around, out);
    else
        load_test(loader, place, node, &around, out);
}

static void load_entry(struct loader *loader, const struct place *place, const struct json *node, bool deny_if,
                       struct entry *out)
{
    if (!schema_check(&loader->report, place, node, SCHEMA_ENTRY))
        return;
    out->pointer = load_pointer(loader, place);
    out->on_deny = load_text(node, SCHEMA_ENTRY, STR("on_deny"));
    const struct json *conditions = schema_get(node, SCHEMA_ENTRY, STR("conditions"));
    if (conditions == NULL)
        return;
    struct place at = place_member(place, STR("conditions"));
    if (!deny_if && json_count(conditions) == 0)
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY,
                     "a requirement without conditions is not accepted (only in deny_if an empty list always holds)");
    load_conditions(loader, &at, conditions, (struct around){ .deny_if = deny_if }, &out->conditions, &out->count);
}

void load_entries(struct loader *loader, const struct place *place, const struct json *array, bool deny_if,
                  struct entry **out, size_t *count)
{
    if (array == NULL)
        return;
    *out = load_alloc(loader, json_count(array) * sizeof **out);
    if (*out == NULL)
        return;
    *count = json_count(array);
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, array);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        load_entry(loader, &at, node, deny_if, &(*out)[i]);
    }
}
