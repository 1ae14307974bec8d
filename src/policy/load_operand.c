/* Loading what an operator compares with: values, patterns, and named lists. */
#include "policy/load.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "policy/op_host.h"
#include "policy/op_path.h"

#include <stdlib.h>

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
        list->node = value;
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

/* {"$list": "name"}; NULL: it was reported. */
static struct named_list *find_list(struct loader *loader, const struct place *place, const struct json *node)
{
    const struct json *name = json_get(node, STR("$list"));
    if (json_count(node) != 1 || !json_is(name, JSON_STRING)) {
        report_error(&loader->report, place, SPOT_VALUE, STR("{\"$list\": \"name\"}"), "this object names no list");
        return NULL;
    }
    struct named_list *list = map_get(&loader->lists_by_name, json_string(name));
    if (list == NULL) {
        struct place at = place_member(place, STR("$list"));
        struct str guess = report_guess(&loader->report, list_nearest(loader, json_string(name)));
        report_error(&loader->report, &at, SPOT_VALUE, guess, "there is no list \"%" STR_FMT "\"",
                     STR_ARG(json_string(name)));
        return NULL;
    }
    list->used = true;
    return list->operand.count > 0 ? list : NULL;
}

static bool load_list(struct loader *loader, const struct place *place, const struct json *node, struct operand *out)
{
    if (!json_is(node, JSON_OBJECT))
        return schema_is(&loader->report, place, node, JSON_ARRAY) && load_array(loader, place, node, out);
    const struct named_list *list = find_list(loader, place, node);
    if (list == NULL)
        return false;
    out->items = list->operand.items;
    out->count = list->operand.count;
    return true;
}

/* An array of strings that each mean something to the operator, here or under a name: `read` makes an item of each,
 * or says false when it reported why not. */
typedef bool item_read(struct loader *loader, const struct place *place, struct str text, struct str *out);

static bool load_texts(struct loader *loader, const struct place *place, const struct json *node, item_read *read,
                       struct operand *out)
{
    static const struct place root = { .up = NULL };
    const struct place lists = place_member(&root, STR("lists"));
    struct place named;
    if (json_is(node, JSON_OBJECT)) {
        const struct named_list *list = find_list(loader, place, node);
        if (list == NULL)
            return false;
        named = place_member(&lists, list->name);
        place = &named;
        node = list->node;
    }
    if (!schema_is(&loader->report, place, node, JSON_ARRAY) || !load_array(loader, place, node, out))
        return false;
    struct json_iter iter;
    struct str key;
    const struct json *element;
    bool good = true;
    json_iter_init(&iter, node);
    for (size_t i = 0; json_iter_next(&iter, &key, &element); i++) {
        struct place at = place_element(place, i);
        out->items[i] = (struct scalar){ .kind = ARG_STRING };
        good = schema_is(&loader->report, &at, element, JSON_STRING) &&
               read(loader, &at, json_string(element), &out->items[i].text) && good;
    }
    if (good)
        qsort(out->items, out->count, sizeof *out->items, scalar_order);
    return good;
}

static bool keep(struct loader *loader, struct str text, struct str *out)
{
    *out = arena_str(loader->arena, text);
    if (out->ptr == NULL)
        loader->no_memory = true;
    return out->ptr != NULL;
}

static bool root_read(struct loader *loader, const struct place *place, struct str text, struct str *out)
{
    char bytes[LIMIT_path_bytes];
    struct str path;
    const char *fault = file_path_resolve(text, bytes, &path);
    if (fault != NULL) {
        report_error(&loader->report, place, SPOT_VALUE, STR("an absolute path, such as \"/srv/data\""),
                     "a root that no path is under: %s", fault);
        return false;
    }
    struct str written = text.len > 1 && str_ends_with(text, STR("/")) ? str_slice(text, 0, text.len - 1) : text;
    if (!str_eq(written, path)) {
        struct str fix = arena_printf(loader->report.arena, "write \"%" STR_FMT "\"", STR_ARG(path));
        report_error(&loader->report, place, SPOT_VALUE, fix.ptr != NULL ? fix : STR_EMPTY,
                     "a root is written as it is resolved");
        return false;
    }
    if (path.len == 1)
        report_warning(&loader->report, place, SPOT_VALUE, STR_EMPTY, "every absolute path is under this root");
    return keep(loader, path, out);
}

static bool is_address(struct str host)
{
    size_t digits = host.len;
    while (digits > 0 && host.ptr[digits - 1] >= '0' && host.ptr[digits - 1] <= '9')
        digits--;
    return host.ptr[0] == '[' || digits == 0 || (digits < host.len && host.ptr[digits - 1] == '.');
}

/* "*.example.com" becomes ".example.com". */
static bool host_item_read(struct loader *loader, const struct place *place, struct str text, struct str *out)
{
    static const char *const fix = "a host alone: \"example.com\", \"*.example.com\", \"192.0.2.1\", \"[2001:db8::1]\"";
    char key[HOST_KEY_MAX];
    struct str host;
    bool below = str_starts_with(text, STR("*."));
    const char *fault = host_read(str_slice(text, below ? 2 : 0, text.len), key, &host);
    if (fault == NULL && below && is_address(host))
        fault = "an address has no names below it";
    if (fault != NULL) {
        report_error(&loader->report, place, SPOT_VALUE, str_from_c(fix), "\"%" STR_FMT "\" is no host: %s",
                     STR_ARG(text), fault);
        return false;
    }
    if (!below)
        return keep(loader, host, out);
    *out = arena_printf(loader->arena, ".%" STR_FMT, STR_ARG(host));
    if (out->ptr == NULL)
        loader->no_memory = true;
    return out->ptr != NULL;
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

static bool load_text_value(struct loader *loader, const struct place *place, const struct json *node,
                            struct operand *out)
{
    return schema_is(&loader->report, place, node, JSON_STRING) && load_text_operand(loader, place, node) &&
           load_one(loader, place, node, out);
}

static bool is_all_stars(struct str text)
{
    return text.len > 0 && pattern_of(text).literal == 0;
}

static bool load_pattern(struct loader *loader, const struct place *place, const struct json *node, struct pattern *out)
{
    if (!schema_is(&loader->report, place, node, JSON_STRING) || !load_text_operand(loader, place, node))
        return false;
    *out = pattern_of(json_string(node));
    return true;
}

/* What other globs give a meaning has none here, and would be taken for more than it says. */
static bool load_glob(struct loader *loader, const struct place *place, const struct json *node, struct operand *out)
{
    struct words *words = load_alloc(loader, sizeof *words);
    out->words = words;
    if (words == NULL || (words->patterns = load_alloc(loader, sizeof *words->patterns)) == NULL ||
        !load_pattern(loader, place, node, words->patterns))
        return false;
    words->count = 1;
    struct str text = json_string(node);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != 0 && strchr("?[]{}\\", text.ptr[i]) != NULL) {
            report_error(&loader->report, place, SPOT_VALUE, STR("write it with \"regex\""),
                         "in a glob only * stands for something else: no ?, [], {} or backslash");
            return false;
        }
    if (!is_all_stars(text))
        return true;
    report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "this matches everything and is not accepted");
    return false;
}

static bool load_length(struct loader *loader, const struct place *place, const struct json *node, struct operand *out)
{
    unsigned long long length;
    if (!schema_is(&loader->report, place, node, JSON_NUMBER))
        return false;
    if (!str_to_u64(json_number(node), LIMIT_request_body, &length)) {
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "must be a whole number from 0 to %d",
                     LIMIT_request_body);
        return false;
    }
    out->length = (size_t)length;
    return true;
}

static bool load_type_name(struct loader *loader, const struct place *place, const struct json *node, unsigned *types)
{
    static const struct str names[] = { STR("string"),  STR("number"), STR("integer"),
                                        STR("boolean"), STR("array"),  STR("object") };
    static const unsigned bits[] = { ARG_STRING, ARG_NUMBER, TYPE_INTEGER, ARG_BOOL, ARG_ARRAY, ARG_OBJECT };
    size_t word;
    if (json_is(node, JSON_STRING) && str_eq(json_string(node), STR("null"))) {
        report_error(&loader->report, place, SPOT_VALUE, STR("\"op\": \"exists\", \"value\": false"),
                     "null is no type here: it is what is missing");
        return false;
    }
    if (!load_word(loader, place, node, names, ARRAY_LEN(names), &word))
        return false;
    *types |= bits[word];
    return true;
}

static bool load_types(struct loader *loader, const struct place *place, const struct json *node, struct operand *out)
{
    if (!json_is(node, JSON_ARRAY))
        return load_type_name(loader, place, node, &out->types);
    if (json_count(node) == 0)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY,
                     "an empty list matches nothing and is not accepted");
    struct json_iter iter;
    struct str key;
    const struct json *element;
    bool good = json_count(node) > 0;
    json_iter_init(&iter, node);
    for (size_t i = 0; json_iter_next(&iter, &key, &element); i++) {
        struct place at = place_element(place, i);
        good = load_type_name(loader, &at, element, &out->types) && good;
    }
    return good;
}

/* Patterns in their order; false when one of them is none. */
static bool load_patterns(struct loader *loader, const struct place *place, const struct json *array,
                          struct pattern **out, size_t *count)
{
    if (!schema_is(&loader->report, place, array, JSON_ARRAY))
        return false;
    if (json_count(array) == 0)
        report_error(&loader->report, place, SPOT_VALUE, STR_EMPTY, "an empty list is not accepted");
    *out = load_alloc(loader, json_count(array) * sizeof **out);
    if (*out == NULL)
        return false;
    struct json_iter iter;
    struct str key;
    const struct json *node;
    bool good = json_count(array) > 0;
    json_iter_init(&iter, array);
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++) {
        struct place at = place_element(place, i);
        good = load_pattern(loader, &at, node, &(*out)[i]) && good;
        if (json_is(node, JSON_STRING) && str_find_byte(json_string(node), ' ') < json_string(node).len)
            report_warning(&loader->report, &at, SPOT_VALUE, STR("an element for each word"),
                           "a pattern is for one word, and this has a space in it");
    }
    *count = json_count(array);
    return good;
}

/* The patterns but for the "..." behind them. */
static bool load_command_words(struct loader *loader, const struct place *place, const struct json *node,
                               struct words *out)
{
    if (!load_patterns(loader, place, node, &out->patterns, &out->count))
        return false;
    for (size_t i = 0; i < out->count; i++) {
        struct place at = place_element(place, i);
        if (!str_eq(out->patterns[i].text, STR("...")))
            continue;
        out->rest = i + 1 == out->count;
        if (out->rest)
            continue;
        report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "\"...\" is for the rest, so it stands last");
        return false;
    }
    out->count -= out->rest;
    struct place first = place_element(place, 0);
    if (out->count > 0 && !is_all_stars(out->patterns[0].text))
        return true;
    report_error(&loader->report, &first, SPOT_VALUE, STR_EMPTY,
                 "the first word names the program: this matches every one and is not accepted");
    return false;
}

static void load_no_words(struct loader *loader, const struct place *place, const struct json *node, struct words *out)
{
    if (!load_patterns(loader, place, node, &out->no_words, &out->no_word_count))
        return;
    for (size_t i = 0; i < out->no_word_count; i++) {
        struct place at = place_element(place, i);
        if (is_all_stars(out->no_words[i].text))
            report_error(&loader->report, &at, SPOT_VALUE, STR_EMPTY, "this forbids every word and is not accepted");
    }
}

bool load_command(struct loader *loader, const struct place *place, const struct json *node,
                  const struct json *no_words, struct operand *out)
{
    struct place value = place_member(place, STR("value")), at = place_member(place, STR("no_words"));
    struct words *words = load_alloc(loader, sizeof *words);
    out->words = words;
    if (words == NULL)
        return false;
    bool good = load_command_words(loader, &value, node, words);
    if (no_words != NULL)
        load_no_words(loader, &at, no_words, words);
    return good;
}

bool load_operand(struct loader *loader, const struct place *place, const struct json *node, enum operand_kind kind,
                  struct operand *out)
{
    switch (kind) {
    case OPERAND_SCALAR_OR_NULL:
        out->null = json_is(node, JSON_NULL);
        return out->null || load_one(loader, place, node, out);
    case OPERAND_NUMBER:
        return schema_is(&loader->report, place, node, JSON_NUMBER) && load_one(loader, place, node, out);
    case OPERAND_LIST: return load_list(loader, place, node, out);
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
    case OPERAND_TEXT: return load_text_value(loader, place, node, out);
    case OPERAND_GLOB: return load_glob(loader, place, node, out);
    case OPERAND_LENGTH: return load_length(loader, place, node, out);
    case OPERAND_TYPE: return load_types(loader, place, node, out);
    case OPERAND_ROOTS: return load_texts(loader, place, node, root_read, out);
    case OPERAND_HOSTS: return load_texts(loader, place, node, host_item_read, out);
    case OPERAND_COMMAND: break; /* load_command */
    }
    WRONG("a kind of operand that does not exist");
}
