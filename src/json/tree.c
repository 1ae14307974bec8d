/* Reading a tree. */
#include "json/json.h"

#include "base/check.h"
#include "json/node.h"

enum json_kind json_kind(const struct json *node)
{
    switch (unsafe_yyjson_get_type(node_val(node))) {
    case YYJSON_TYPE_NULL: return JSON_NULL;
    case YYJSON_TYPE_BOOL: return JSON_BOOL;
    case YYJSON_TYPE_RAW: return JSON_NUMBER; /* numbers keep their digits */
    case YYJSON_TYPE_STR: return JSON_STRING;
    case YYJSON_TYPE_ARR: return JSON_ARRAY;
    case YYJSON_TYPE_OBJ: return JSON_OBJECT;
    default: WRONG("a node of no kind");
    }
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = { "null", "boolean", "number", "string", "array", "object" };
    CHECK((size_t)kind < ARRAY_LEN(names));
    return names[kind];
}

bool json_is(const struct json *node, enum json_kind kind)
{
    return node && json_kind(node) == kind;
}

struct str json_string(const struct json *node)
{
    CHECK(json_is(node, JSON_STRING));
    return val_text(node_val(node));
}

struct str json_number(const struct json *node)
{
    CHECK(json_is(node, JSON_NUMBER));
    return val_text(node_val(node));
}

bool json_bool(const struct json *node)
{
    CHECK(json_is(node, JSON_BOOL));
    return unsafe_yyjson_get_bool(node_val(node));
}

size_t json_count(const struct json *node)
{
    return json_is(node, JSON_ARRAY) || json_is(node, JSON_OBJECT) ? unsafe_yyjson_get_len(node_val(node)) : 0;
}

const struct json *json_get(const struct json *object, struct str key)
{
    struct json_iter iter;
    struct str name;
    const struct json *value;

    if (!json_is(object, JSON_OBJECT))
        return NULL;
    json_iter_init(&iter, object);
    while (json_iter_next(&iter, &name, &value))
        if (str_eq(name, key))
            return value;
    return NULL;
}

const struct json *json_at(const struct json *array, size_t index)
{
    return json_is(array, JSON_ARRAY) ? node_of(yyjson_arr_get(node_val(array), index)) : NULL;
}

bool json_int64(const struct json *node, int64_t *out)
{
    unsigned long long magnitude;

    if (!json_is(node, JSON_NUMBER))
        return false;
    struct str digits = json_number(node);
    bool negative = digits.ptr[0] == '-';
    if (!str_to_u64(str_slice(digits, negative, digits.len), (unsigned long long)INT64_MAX + negative, &magnitude))
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

void json_iter_init(struct json_iter *iter, const struct json *container)
{
    *iter =
        (struct json_iter){ .left = container ? json_count(container) : 0, .object = json_is(container, JSON_OBJECT) };
    if (iter->left > 0)
        iter->at = node_of(val_first(node_val(container)));
}

bool json_iter_next(struct json_iter *iter, struct str *key, const struct json **value)
{
    if (iter->left == 0)
        return false;
    iter->left--;
    yyjson_val *val = node_val(iter->at);
    *key = STR_EMPTY;
    if (iter->object)
        *key = val_text(val++);
    *value = node_of(val);
    if (iter->left > 0) /* behind the last there may be nothing to look at */
        iter->at = node_of(val_next(val));
    return true;
}
