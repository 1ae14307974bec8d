/* Types told from schemas: a set of the seven that JSON Schema knows, and of what the elements of an array are. */
#include "catalog/facts_types.h"

#include "base/check.h"

#define REFERENCES_FOLLOWED 8

static const char *const names[] = { "string", "integer", "number", "boolean", "object", "array", "null" };
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))
#define ARRAY_BIT (1U << 5)

struct types {
    unsigned self, elements; /* bits by `names`; nothing: it is not told */
};

static unsigned bit_of(struct str name)
{
    for (unsigned i = 0; i < NAME_COUNT; i++)
        if (str_eq(name, str_from_c(names[i])))
            return 1U << i;
    return 0;
}

static unsigned bit_of_value(const struct json *value)
{
    int64_t integer;
    switch (json_kind(value)) {
    case JSON_STRING: return bit_of(STR("string"));
    case JSON_NUMBER: return bit_of(json_int64(value, &integer) ? STR("integer") : STR("number"));
    case JSON_BOOL: return bit_of(STR("boolean"));
    case JSON_OBJECT: return bit_of(STR("object"));
    case JSON_ARRAY: return ARRAY_BIT;
    case JSON_NULL: return bit_of(STR("null"));
    }
    WRONG("a kind that is none");
}

static void read_types(const struct json *root, const struct json *schema, unsigned depth, struct types *out);

static void read_each(const struct json *root, const struct json *list, unsigned depth, struct types *out)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    json_iter_init(&iter, json_is(list, JSON_ARRAY) ? list : NULL);
    while (json_iter_next(&iter, &key, &value))
        read_types(root, value, depth, out);
}

static void read_named(const struct json *type, struct types *out)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    if (json_is(type, JSON_STRING))
        out->self |= bit_of(json_string(type));
    json_iter_init(&iter, json_is(type, JSON_ARRAY) ? type : NULL);
    while (json_iter_next(&iter, &key, &value))
        if (json_is(value, JSON_STRING))
            out->self |= bit_of(json_string(value));
}

static void read_values(const struct json *schema, struct types *out)
{
    const struct json *value = json_get(schema, STR("const")), *values = json_get(schema, STR("enum"));
    struct json_iter iter;
    struct str key;
    if (value)
        out->self |= bit_of_value(value);
    json_iter_init(&iter, json_is(values, JSON_ARRAY) ? values : NULL);
    while (json_iter_next(&iter, &key, &value))
        out->self |= bit_of_value(value);
}

static void read_types(const struct json *root, const struct json *schema, unsigned depth, struct types *out)
{
    const struct json *reference = json_get(schema, STR("$ref")), *items = json_get(schema, STR("items"));
    if (depth == 0 || !json_is(schema, JSON_OBJECT))
        return;
    if (json_is(reference, JSON_STRING) && str_starts_with(json_string(reference), STR("#"))) {
        struct str pointer = json_string(reference);
        read_types(root, json_pointer(root, str_slice(pointer, 1, pointer.len)), depth - 1, out);
    }
    unsigned before = out->self;
    out->self = 0;
    read_named(json_get(schema, STR("type")), out);
    if (!out->self)
        read_values(schema, out);
    out->self |= before;
    if (out->self & ARRAY_BIT && json_is(items, JSON_OBJECT)) {
        struct types inner = { 0, 0 };
        read_types(root, items, depth - 1, &inner);
        out->elements |= inner.self;
    }
    read_each(root, json_get(schema, STR("anyOf")), depth - 1, out);
    read_each(root, json_get(schema, STR("oneOf")), depth - 1, out);
    read_each(root, json_get(schema, STR("allOf")), depth - 1, out);
}

/* Whether it is one type alone. */
static bool is_one(unsigned types)
{
    return types != 0 && (types & (types - 1)) == 0;
}

void type_of_schema(const struct json *root, const struct json *schema, struct buf *out)
{
    struct types types = { 0, 0 };
    size_t start = out->len;
    read_types(root, schema, REFERENCES_FOLLOWED, &types);
    for (unsigned i = 0; i < NAME_COUNT; i++) {
        if (!(types.self & 1U << i))
            continue;
        if (out->len > start)
            buf_append_byte(out, '|');
        if (1U << i != ARRAY_BIT || !is_one(types.elements) || types.elements == ARRAY_BIT) {
            buf_append_str(out, str_from_c(names[i]));
            continue;
        }
        for (unsigned of = 0; of < NAME_COUNT; of++)
            if (types.elements == 1U << of)
                buf_append_str(out, str_from_c(names[of]));
        buf_append_str(out, STR("[]"));
    }
    if (out->len == start)
        buf_append_str(out, STR("any"));
}

/* The next of the words between '|', in the order of `names`, and what its elements are. */
static bool next_word(struct str *rest, unsigned *self, unsigned *elements)
{
    size_t end = str_find_byte(*rest, '|');
    struct str word = str_slice(*rest, 0, end);
    *rest = end < rest->len ? str_slice(*rest, end + 1, rest->len) : STR_EMPTY;
    *elements = 0;
    if (str_ends_with(word, STR("[]"))) {
        *self = ARRAY_BIT;
        *elements = bit_of(str_slice(word, 0, word.len - 2));
        return *elements != 0 && *elements != ARRAY_BIT;
    }
    *self = bit_of(word);
    return *self != 0;
}

bool type_is_word(struct str type)
{
    unsigned self, elements, seen = 0;
    if (str_eq(type, STR("any")))
        return true;
    if (type.len == 0 || type.ptr[type.len - 1] == '|')
        return false;
    while (type.len > 0) {
        if (!next_word(&type, &self, &elements) || self <= seen)
            return false;
        seen = self;
    }
    return true;
}

static void write_one(struct json_writer *writer, unsigned self, unsigned elements)
{
    for (unsigned i = 0; i < NAME_COUNT; i++)
        if (self == 1U << i)
            json_write_member_string(writer, STR("type"), str_from_c(names[i]));
    if (!elements)
        return;
    json_write_key(writer, STR("items"));
    json_write_object(writer);
    write_one(writer, elements, 0);
    json_write_object_end(writer);
}

void type_write_schema(struct json_writer *writer, struct str type)
{
    unsigned self, elements;
    CHECK(type_is_word(type));
    json_write_object(writer);
    if (str_find_byte(type, '|') == type.len) {
        if (!str_eq(type, STR("any")) && next_word(&type, &self, &elements))
            write_one(writer, self, elements);
    } else {
        json_write_key(writer, STR("anyOf"));
        json_write_array(writer);
        while (type.len > 0 && next_word(&type, &self, &elements)) {
            json_write_object(writer);
            write_one(writer, self, elements);
            json_write_object_end(writer);
        }
        json_write_array_end(writer);
    }
    json_write_object_end(writer);
}
