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

static enum answer unusable(struct op_run *run, const char *why)
{
    run->why = why;
    return ANSWER_UNUSABLE;
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

static enum answer op_eq(struct op_run *run)
{
    if (run->operand->null)
        return answer_of(run->value.kind == ARG_MISSING);
    struct scalar argument;
    if (!comparable(run, &argument))
        return ANSWER_UNUSABLE;
    return answer_of(scalar_cmp(&argument, &run->operand->items[0]) == 0);
}

static enum answer op_neq(struct op_run *run)
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

static enum answer op_lt(struct op_run *run)
{
    return op_order(run, true, false, false);
}

static enum answer op_lte(struct op_run *run)
{
    return op_order(run, true, true, false);
}

static enum answer op_gt(struct op_run *run)
{
    return op_order(run, false, false, true);
}

static enum answer op_gte(struct op_run *run)
{
    return op_order(run, false, true, true);
}

static enum answer op_in(struct op_run *run)
{
    struct scalar argument;
    if (!comparable(run, &argument))
        return ANSWER_UNUSABLE;
    size_t low = 0, high = run->operand->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = scalar_cmp(&argument, &run->operand->items[middle]);
        if (order == 0)
            return ANSWER_TRUE;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return ANSWER_FALSE;
}

static enum answer op_not_in(struct op_run *run)
{
    return answer_not(op_in(run));
}

static enum answer op_exists(struct op_run *run)
{
    return answer_of((run->value.kind != ARG_MISSING) == run->operand->boolean);
}

static enum answer op_regex(struct op_run *run)
{
    return regex_match(run->operand->regex, run->value.text, run->scratch, &run->why);
}

/* Any element that is equal makes it true; else one that cannot be compared makes it unusable. */
static enum answer contains_element(struct op_run *run)
{
    const struct scalar *wanted = &run->operand->items[0];
    enum answer answer = ANSWER_FALSE;
    struct scalar element;

    if (run->value.json == NULL) {
        for (size_t i = 0; i < run->value.count; i++) {
            struct value item = value_of_str(run->value.items[i]);
            if (!scalar_read(&item, &element) || element.kind != wanted->kind)
                return unusable(run, "the types differ");
            if (scalar_cmp(&element, wanted) == 0)
                return ANSWER_TRUE;
        }
        return ANSWER_FALSE;
    }
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_iter_init(&iter, run->value.json);
    while (json_iter_next(&iter, &key, &node)) {
        struct value item = value_of_json(node);
        if (!scalar_read(&item, &element) || element.kind != wanted->kind)
            answer = unusable(run, "an element has another type");
        else if (scalar_cmp(&element, wanted) == 0)
            return ANSWER_TRUE;
    }
    return answer;
}

static enum answer op_contains(struct op_run *run)
{
    if (run->value.kind == ARG_ARRAY)
        return contains_element(run);
    const struct scalar *wanted = &run->operand->items[0];
    if (wanted->kind != ARG_STRING)
        return unusable(run, "the types differ");
    return answer_of(str_find(run->value.text, wanted->text) < run->value.text.len);
}

static const struct op ops[] = {
#define OP(name, operand, takes, evaluate, text) { STR(#name), operand, takes, evaluate, text },
#define OP_LATER(name)
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_LATER
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

bool op_is_later(struct str name)
{
    static const struct str later[] = {
#define OP(name, operand, takes, evaluate, text)
#define OP_LATER(name) STR(#name),
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_LATER
#undef OP_ALIAS
    };
    for (size_t i = 0; i < ARRAY_LEN(later); i++)
        if (str_eq(later[i], name))
            return true;
    return false;
}

struct str op_list(void)
{
    static const char list[] = "one of"
#define OP(name, operand, takes, evaluate, text) " " #name
#define OP_LATER(name)
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_LATER
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
#define OP_LATER(name)
#define OP_ALIAS(alias, name) { STR(alias), STR(#name) },
#include "policy/ops.def"
#undef OP
#undef OP_LATER
#undef OP_ALIAS
    };
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (str_eq_nocase(aliases[i].alias, name))
            return aliases[i].name;
    static const struct str names[] = {
#define OP(name, operand, takes, evaluate, text) STR(#name),
#define OP_LATER(name)
#define OP_ALIAS(alias, name)
#include "policy/ops.def"
#undef OP
#undef OP_LATER
#undef OP_ALIAS
    };
    return nearest_word(name, names, ARRAY_LEN(names));
}
