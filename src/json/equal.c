/* Equal values: members in any order, numbers as decimals. */
#include "json/json.h"

#include "base/decimal.h"
#include "json/node.h"

static bool numbers_equal(struct str a, struct str b)
{
    struct decimal left, right;

    if (str_eq(a, b))
        return true;
    /* What is too large to be compared equals only the same digits. */
    return decimal_parse(a, &left) == 0 && decimal_parse(b, &right) == 0 && decimal_cmp(&left, &right) == 0;
}

static int arrays_equal(struct arena *arena, const struct json *a, const struct json *b, bool *equal)
{
    struct json_iter left, right;
    struct str none;
    const struct json *from_a, *from_b;
    int error = 0;

    json_iter_init(&left, a);
    json_iter_init(&right, b);
    while (!error && *equal && json_iter_next(&left, &none, &from_a) && json_iter_next(&right, &none, &from_b))
        error = json_equal(arena, from_a, from_b, equal);
    return error;
}

static int index_members(struct json_index *index, struct arena *arena, const struct json *object)
{
    int error = json_index_begin(index, arena, json_count(object));
    if (error)
        return error;
    yyjson_val *key = val_first(node_val(object));
    for (size_t left = json_count(object); left > 0; left--, key = left > 0 ? val_next(key + 1) : key)
        json_index_add(index, key);
    return 0;
}

/* Both have as many members, and no name stands twice: it is enough that each of a's is in b. */
static int objects_equal(struct arena *arena, const struct json *a, const struct json *b, bool *equal)
{
    struct json_index index = { 0 };
    struct json_iter left, right;
    struct str key, key_b;
    const struct json *from_a, *from_b;
    int error = 0;

    json_iter_init(&left, a);
    json_iter_init(&right, b);
    while (!error && *equal && json_iter_next(&left, &key, &from_a)) {
        /* Mostly the order is the same. Where it is not, small objects are searched and large ones indexed, once. */
        if (!json_iter_next(&right, &key_b, &from_b) || !str_eq(key, key_b)) {
            if (json_count(b) <= MEMBERS_INDEXED) {
                from_b = json_get(b, key);
            } else {
                if (!index.slots && (error = index_members(&index, arena, b)) != 0)
                    break;
                yyjson_val *found = json_index_find(&index, key);
                from_b = found ? node_of(found + 1) : NULL;
            }
        }
        if (!from_b)
            *equal = false;
        else
            error = json_equal(arena, from_a, from_b, equal);
    }
    return error;
}

int json_equal(struct arena *arena, const struct json *a, const struct json *b, bool *equal)
{
    enum json_kind kind = json_kind(a);

    *equal = kind == json_kind(b) && json_count(a) == json_count(b);
    if (!*equal)
        return 0;
    switch (kind) {
    case JSON_NULL: break;
    case JSON_BOOL: *equal = json_bool(a) == json_bool(b); break;
    case JSON_NUMBER: *equal = numbers_equal(json_number(a), json_number(b)); break;
    case JSON_STRING: *equal = str_eq(json_string(a), json_string(b)); break;
    case JSON_ARRAY: return arrays_equal(arena, a, b, equal);
    case JSON_OBJECT: return objects_equal(arena, a, b, equal);
    }
    return 0;
}
