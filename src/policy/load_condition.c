/* Loading conditions: forms, paths, operators, operands, and named lists. */
#include "policy/load.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/nearest.h"
#include "json/writer.h"

#include <stdlib.h>

#define TEST_TEXT_MAX 120 /* bytes of an operand that explain shows */

struct around { /* what stands around a condition */
    bool deny_if;
    bool under_not, odd; /* any `not`, an odd number of them */
};

static int scalar_order(const void *left, const void *right)
{
    return scalar_cmp(left, right);
}

/* A string, number or boolean of the policy. */
static bool load_scalar(struct loader *loader, const struct place *place, const struct json *node, struct scalar *out)
{
    struct value value = value_of_json(node);
    if (!(value.kind & ARG_SCALAR)) {
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "must be a string, a number or a boolean, this is %s",
                     value.kind == ARG_MISSING ? "null" : arg_kind_text(value.kind));
        return false;
    }
    if (scalar_read(&value, out))
        return true;
    report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "this number's exponent is too large to be compared");
    return false;
}

/* One or more scalars of one type, sorted for the look-up. */
static bool load_array(struct loader *loader, const struct place *place, const struct json *array, struct operand *out)
{
    if (json_count(array) == 0) {
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "an empty list matches nothing and is not accepted");
        return false;
    }
    out->items = load_alloc(loader, json_count(array) * sizeof *out->items);
    if (out->items == NULL)
        return false;
    struct json_iter iter;
    struct str key;
    const struct json *node;
    bool good = true;
    json_iter_init(&iter, array);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        if (!load_scalar(loader, &at, node, &out->items[i])) {
            good = false;
        } else if (good && out->items[i].kind != out->items[0].kind) {
            report_error(&loader->report, &at, SPOT_VALUE, STR("write one condition a type, under \"any\""),
                         "the values of a list must be of one type");
            good = false;
        }
    }
    if (!good)
        return false;
    out->count = json_count(array);
    qsort(out->items, out->count, sizeof *out->items, scalar_order);
    return true;
}

void load_lists(struct loader *loader, const struct place *place, const struct json *node)
{
    if (node == NULL || json_count(node) == 0)
        return;
    loader->lists = load_alloc(loader, json_count(node) * sizeof *loader->lists);
    if (loader->lists == NULL)
        return;
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        struct place at = place_member(place, key);
        struct named_list *list = &loader->lists[loader->list_count++];
        list->name = key;
        if (map_set(&loader->lists_by_name, key, list) != 0)
            loader->no_memory = true;
        if (key.len == 0)
            report_error(&loader->report, &at, SPOT_KEY, STR_EMPTY, "a list has a name");
        if (schema_is(&loader->report, &at, value, JSON_ARRAY) && !load_array(loader, &at, value, &list->operand))
            list->operand.count = 0;
    }
}

void load_lists_unused(struct loader *loader, const struct place *place)
{
    for (size_t i = 0; i < loader->list_count; i++) {
        struct place at = place_member(place, loader->lists[i].name);
        if (!loader->lists[i].used)
            report_warning(&loader->report, &at, SPOT_KEY, STR_EMPTY, "nothing uses the list \"%" STR_FMT "\"",
                           STR_ARG(loader->lists[i].name));
    }
}

static struct str list_nearest(struct loader *loader, struct str name)
{
    struct str *names = load_alloc(loader, loader->list_count * sizeof *names);
    if (names == NULL)
        return STR_EMPTY;
    for (size_t i = 0; i < loader->list_count; i++)
        names[i] = loader->lists[i].name;
    return nearest_word(name, names, loader->list_count);
}

/* {"$list": "name"} */
static bool load_list_name(struct loader *loader, const struct place *place, const struct json *node,
                           struct operand *out)
{
    const struct json *name = json_get(node, STR("$list"));
    if (json_count(node) != 1 || !json_is(name, JSON_STRING)) {
        report_error(&loader->report, place, SPOT_VALUE, STR("{\"$list\": \"name\"}"), "this object names no list");
        return false;
    }
    struct named_list *list = map_get(&loader->lists_by_name, json_string(name));
    if (list != NULL) {
        list->used = true;
        out->items = list->operand.items;
        out->count = list->operand.count;
        return out->count > 0;
    }
    struct place at = place_member(place, STR("$list"));
    struct str guess = report_guess(&loader->report, list_nearest(loader, json_string(name)));
    report_error(&loader->report, &at, SPOT_VALUE, guess, "there is no list \"%" STR_FMT "\"",
                 STR_ARG(json_string(name)));
    return false;
}

static bool load_one(struct loader *loader, const struct place *place, const struct json *node, struct operand *out)
{
    out->items = load_alloc(loader, sizeof *out->items);
    out->count = 1;
    return out->items != NULL && load_scalar(loader, place, node, &out->items[0]);
}

/* "" is in every string. */
static bool load_text_operand(struct loader *loader, const struct place *place, const struct json *node)
{
    if (json_string(node).len > 0)
        return true;
    report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                 "an empty string matches everything and is not accepted");
    return false;
}

static bool load_regex(struct loader *loader, const struct place *place, const struct json *node, struct operand *out)
{
    if (!schema_is(&loader->report, place, node, JSON_STRING) || !load_text_operand(loader, place, node))
        return false;
    char why[REGEX_ERROR_MAX];
    struct regex *regex;
    int rc = regex_compile(json_string(node), loader->policy->regexes, &regex, why);
    if (rc == E_INVALID)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "not a usable pattern: %s", why);
    else if (rc != 0)
        loader->no_memory = true;
    if (rc != 0)
        return false;
    out->regex = loader->policy->regexes = regex;
    return true;
}

static bool load_operand(struct loader *loader, const struct place *place, const struct json *node,
                         enum operand_kind kind, struct operand *out)
{
    switch (kind) {
    case OPERAND_SCALAR_OR_NULL:
        out->null = json_is(node, JSON_NULL);
        return out->null || load_one(loader, place, node, out);
    case OPERAND_NUMBER:
        return schema_is(&loader->report, place, node, JSON_NUMBER) && load_one(loader, place, node, out);
    case OPERAND_LIST:
        if (json_is(node, JSON_OBJECT))
            return load_list_name(loader, place, node, out);
        return schema_is(&loader->report, place, node, JSON_ARRAY) && load_array(loader, place, node, out);
    case OPERAND_BOOL:
        if (!schema_is(&loader->report, place, node, JSON_BOOL))
            return false;
        out->boolean = json_bool(node);
        return true;
    case OPERAND_REGEX: return load_regex(loader, place, node, out);
    case OPERAND_CONTAINED:
        if (json_is(node, JSON_STRING) && !load_text_operand(loader, place, node))
            return false;
        return load_one(loader, place, node, out);
    }
    WRONG("a kind of operand that does not exist");
}

/* "args.amount gt 10000": for people, so what is not plain ASCII is escaped, and what is long is cut. */
static struct str test_text(struct loader *loader, const struct condition *test, const struct json *value)
{
    struct buf text;
    buf_init(&text, TEST_TEXT_MAX);
    struct json_writer writer;
    json_write_init(&writer, &text);
    json_write_node(&writer, value);
    struct str operand = buf_ok(&text) ? buf_str(&text) : STR("...");
    struct str whole = arena_printf(loader->arena, "%" STR_FMT " %" STR_FMT " %" STR_FMT, STR_ARG(test->path.text),
                                    STR_ARG(test->op->name), STR_ARG(operand));
    buf_release(&text);
    for (size_t i = 0; whole.ptr != NULL && i < whole.len; i++)
        if (whole.ptr[i] < ' ' || whole.ptr[i] > '~') {
            char escaped[3 * TEST_TEXT_MAX];
            (void)text_escape(whole, escaped, sizeof escaped);
            whole = arena_str(loader->arena, str_from_c(escaped));
            break;
        }
    if (whole.ptr == NULL)
        loader->no_memory = true;
    return whole.ptr != NULL ? whole : STR_EMPTY;
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
    if (op == NULL && op_is_later(name))
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "the operator \"%" STR_FMT "\" is not yet supported", STR_ARG(name));
    else if (op == NULL)
        report_error(&loader->report, place, SPOT_VALUE, guess_op(loader, name),
                     "there is no operator \"%" STR_FMT "\"", STR_ARG(name));
    return op;
}

/* What the call itself says has a known type: an operator that can never be used on it is a mistake. */
static void check_types(struct loader *loader, const struct place *place, const struct condition *test)
{
    unsigned kinds = path_kinds(&test->path);
    bool string_only = test->path.root != ROOT_ARGS && test->operand.count > 0;
    if ((test->op->takes & kinds) == 0)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "\"%" STR_FMT "\" cannot be used on %" STR_FMT ", which is %s", STR_ARG(test->op->name),
                     STR_ARG(test->path.text), arg_kind_text(kinds));
    else if (string_only && test->operand.items[0].kind != ARG_STRING)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "%" STR_FMT " is text, and this compares it with something else", STR_ARG(test->path.text));
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
    const struct json *value = schema_get(node, SCHEMA_CONDITION, STR("value"));
    struct place at_path = place_member(place, STR("path")), at_op = place_member(place, STR("op"));
    struct place at_value = place_member(place, STR("value"));

    out->kind = CONDITION_TEST;
    out->under_not = around->under_not;
    out->every = around->deny_if == around->odd;
    bool good = path != NULL && load_path(loader, &at_path, path, around, &out->path);
    if (op != NULL)
        out->op = load_op(loader, &at_op, op);
    if (out->op == NULL || value == NULL)
        return;
    good &= load_operand(loader, &at_value, value, out->op->operand, &out->operand);
    if (!good)
        return;
    check_types(loader, &at_op, out);
    out->text = test_text(loader, out, value);
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
                   json_get(node, STR("value")) != NULL;

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
