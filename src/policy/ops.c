/* The operators' table and their evaluators. */
#include "policy/ops.h"

#include "base/check.h"
#include "base/nearest.h"
#include "policy/regex.h"

const char *answer_name(enum answer answer)
{
    static const char *const names[] = { "false", "unusable", "true" };
    return names[answer];
}

const char *arg_kind_text(unsigned kind)
{
    switch (kind) {
    case ARG_MISSING: return "nothing";
    case ARG_BOOL: return "a boolean";
    case ARG_NUMBER: return "a number";
    case ARG_STRING: return "a string";
    case ARG_ARRAY: return "an array";
    case ARG_OBJECT: return "an object";
    default: WRONG("not one kind");
    }
}

struct value value_of_json(const struct json *node)
{
    if (node == NULL)
        return (struct value){ .kind = ARG_MISSING };
    switch (json_kind(node)) {
    case JSON_NULL: return (struct value){ .kind = ARG_MISSING };
    case JSON_BOOL: return (struct value){ .kind = ARG_BOOL, .boolean = json_bool(node) };
    case JSON_NUMBER: return (struct value){ .kind = ARG_NUMBER, .text = json_number(node) };
    case JSON_STRING: return (struct value){ .kind = ARG_STRING, .text = json_string(node) };
    case JSON_ARRAY: return (struct value){ .kind = ARG_ARRAY, .json = node };
    case JSON_OBJECT: return (struct value){ .kind = ARG_OBJECT, .json = node };
    }
    WRONG("a kind of JSON that does not exist");
}

struct value value_of_str(struct str text)
{
    return (struct value){ .kind = ARG_STRING, .text = text };
}

bool scalar_read(const struct value *value, struct scalar *out)
{
    if (!(value->kind & ARG_SCALAR))
        return false;
    *out = (struct scalar){ .kind = value->kind, .boolean = value->boolean, .text = value->text };
    return value->kind != ARG_NUMBER || decimal_parse(value->text, &out->number) == 0;
}

int scalar_cmp(const struct scalar *a, const struct scalar *b)
{
    CHECK(a->kind == b->kind);
    switch (a->kind) {
    case ARG_BOOL: return a->boolean - b->boolean;
    case ARG_NUMBER: return decimal_cmp(&a->number, &b->number);
    default: return str_cmp(a->text, b->text);
    }
}

bool operand_has(const struct operand *operand, const struct scalar *item)
{
    size_t low = 0, high = operand->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = scalar_cmp(item, &operand->items[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

bool operand_has_text(const struct operand *operand, struct str text)
{
    struct scalar item = { .kind = ARG_STRING, .text = text };
    return operand_has(operand, &item);
}

/* The argument as a scalar of the operand's kind, or false with the reason. */
static bool comparable(struct op_run *run, struct scalar *out)
{
    if (!scalar_read(&run->value, out)) {
        run->why = "the number cannot be compared";
        return false;
    }
    if (out->kind != run->operand->items[0].kind) {
        run->why = "the types differ";
        return false;
    }
    return true;
}

enum answer op_eq(struct op_run *run)
{
    if (run->operand->null)
        return answer_of(run->value.kind == ARG_MISSING);
    struct scalar argument;
    if (!comparable(run, &argument))
        return ANSWER_UNUSABLE;
    return answer_of(scalar_cmp(&argument, &run->operand->items[0]) == 0);
}

enum answer op_neq(struct op_run *run)
{
    return answer_not(op_eq(run));
}

/* The order of two numbers: true if it is one of those that `low`, `same` and `high` name. */
static enum answer op_order(struct op_run *run, bool low, bool same, bool high)
{
    struct scalar argument;
    if (!comparable(run, &argument))
        return ANSWER_UNUSABLE;
    int order = scalar_cmp(&argument, &run->operand->items[0]);
    return answer_of(order < 0 ? low : order == 0 ? same : high);
}

enum answer op_lt(struct op_run *run)
{
    return op_order(run, true, false, false);
}

enum answer op_lte(struct op_run *run)
{
    return op_order(run, true, true, false);
}

enum answer op_gt(struct op_run *run)
{
    return op_order(run, false, false, true);
}

enum answer op_gte(struct op_run *run)
{
    return op_order(run, false, true, true);
}

enum answer op_in(struct op_run *run)
{
    struct scalar argument;
    if (!comparable(run, &argument))
        return ANSWER_UNUSABLE;
    return answer_of(operand_has(run->operand, &argument));
}

enum answer op_not_in(struct op_run *run)
{
    return answer_not(op_in(run));
}

enum answer op_exists(struct op_run *run)
{
    return answer_of((run->value.kind != ARG_MISSING) == run->operand->boolean);
}

enum answer op_regex(struct op_run *run)
{
    return regex_match(run->operand->regex, run->value.text, run->scratch, &run->why);
}

struct elements { /* of an array, whoever holds it */
    const struct value *array;
    struct json_iter iter;
    size_t at;
};

static struct elements elements_of(const struct value *array)
{
    struct elements elements = { .array = array };
    json_iter_init(&elements.iter, array->json);
    return elements;
}

static bool next_element(struct elements *elements, struct value *out)
{
    struct str key;
    const struct json *node;
    if (elements->array->json != NULL) {
        if (!json_iter_next(&elements->iter, &key, &node))
            return false;
        *out = value_of_json(node);
        return true;
    }
    if (elements->at == elements->array->count)
        return false;
    *out = value_of_str(elements->array->items[elements->at++]);
    return true;
}

/* Any element that is equal makes it true; else one that cannot be compared makes it unusable. */
static enum answer contains_element(struct op_run *run)
{
    const struct scalar *wanted = &run->operand->items[0];
    enum answer answer = ANSWER_FALSE;
    struct elements elements = elements_of(&run->value);
    struct value item;
    while (next_element(&elements, &item)) {
        struct scalar element;
        if (!scalar_read(&item, &element) || element.kind != wanted->kind)
            answer = op_unusable(run, "an element has another type");
        else if (scalar_cmp(&element, wanted) == 0)
            return ANSWER_TRUE;
    }
    return answer;
}

enum answer op_contains(struct op_run *run)
{
    if (run->value.kind == ARG_ARRAY)
        return contains_element(run);
    const struct scalar *wanted = &run->operand->items[0];
    if (wanted->kind != ARG_STRING)
        return op_unusable(run, "the types differ");
    return answer_of(str_find(run->value.text, wanted->text) < run->value.text.len);
}

/* One element that is not in the list makes it false; else one that cannot be compared makes it unusable. So does an
 * empty array: many a server takes that for everything. */
enum answer op_subset_of(struct op_run *run)
{
    unsigned kind = run->operand->items[0].kind;
    enum answer answer = ANSWER_TRUE;
    struct elements elements = elements_of(&run->value);
    struct value item;
    size_t count = 0;
    for (; next_element(&elements, &item); count++) {
        struct scalar element;
        if (!scalar_read(&item, &element) || element.kind != kind)
            answer = op_unusable(run, "an element has another type");
        else if (!operand_has(run->operand, &element))
            return ANSWER_FALSE;
    }
    return count > 0 ? answer : op_unreadable(run, "it is an empty array");
}

enum answer op_type(struct op_run *run)
{
    unsigned types = run->operand->types;
    if (run->value.kind != ARG_NUMBER || !(types & (ARG_NUMBER | TYPE_INTEGER)))
        return answer_of((types & run->value.kind) != 0);
    struct decimal number;
    if (decimal_parse(run->value.text, &number) != 0)
        return op_unusable(run, "the number cannot be compared");
    return answer_of((types & ARG_NUMBER) != 0 || decimal_is_integer(&number));
}

static const struct op ops[] = {
#define OP(name, operand, takes, evaluate, text) { STR(#name), operand, takes, evaluate, text },
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
};

const struct op *op_at(size_t index)
{
    return index < ARRAY_LEN(ops) ? &ops[index] : NULL;
}

const struct op *op_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_eq(ops[i].name, name))
            return &ops[i];
    return NULL;
}

struct str op_list(void)
{
    static const char list[] = "one of"
#define OP(name, operand, takes, evaluate, text) " " #name
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
        ;
    return str_of(list, sizeof(list) - 1);
}

struct str op_nearest(struct str name)
{
    static const struct {
        struct str alias, name;
    } aliases[] = {
#define OP(name, operand, takes, evaluate, text)
#define OP_ALIAS(alias, name) { STR(alias), STR(#name) },
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
    };
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (str_eq_nocase(aliases[i].alias, name))
            return aliases[i].name;
    static const struct str names[] = {
#define OP(name, operand, takes, evaluate, text) STR(#name),
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
    };
    return nearest_word(name, names, ARRAY_LEN(names));
}
