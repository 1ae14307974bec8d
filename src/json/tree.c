/* Reading a tree. */
#include "json/json.h"

#include "base/check.h"
#include "json/node.h"

enum json_kind json_kind(const struct json *node)
{
    static const unsigned char kinds[] = {
        [YYJSON_TYPE_NULL] = JSON_NULL + 1,  [YYJSON_TYPE_BOOL] = JSON_BOOL + 1,
        [YYJSON_TYPE_RAW] = JSON_NUMBER + 1, /* numbers keep their digits */
        [YYJSON_TYPE_STR] = JSON_STRING + 1, [YYJSON_TYPE_ARR] = JSON_ARRAY + 1,
        [YYJSON_TYPE_OBJ] = JSON_OBJECT + 1,
    };
    size_t type = unsafe_yyjson_get_type(node_val(node));
    CHECK(type < ARRAY_LEN(kinds) && kinds[type]);
    return (enum json_kind)(kinds[type] - 1);
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = { "null", "a boolean", "a number", "a string", "an array", "an object" };
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
    enum json_kind kind = container ? json_kind(container) : JSON_NULL;

    *iter = (struct json_iter){ .object = kind == JSON_OBJECT };
    if (kind == JSON_OBJECT || kind == JSON_ARRAY)
        iter->left = unsafe_yyjson_get_len(node_val(container));
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
