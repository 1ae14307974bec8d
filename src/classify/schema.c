/* References wait in a list until what refers to them has been visited, so that nothing recurses through one. */
#include "classify/schema.h"

#include "base/encode.h"

#define POINTER_BYTES 256 /* of a "$ref" after decoding; a longer one leads nowhere */
#define HOPS 8            /* from one "$ref" to the next, where a schema is nothing else */

void schema_walk_init(struct schema_walk *walk, const struct json *root)
{
    *walk = (struct schema_walk){ .root = root, .left = LIMIT_schema_steps };
}

bool schema_step(struct schema_walk *walk)
{
    if (walk->left == 0)
        walk->cut = true;
    else
        walk->left--;
    return !walk->cut;
}

/* RFC 6901 §6: a URI fragment, percent-encoded. */
static bool decode(struct str text, char *out, size_t *len)
{
    *len = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.ptr[at];
        if (*len == POINTER_BYTES)
            return false;
        if (byte == '%') {
            if (at + 2 >= text.len || hex_decode(str_of(text.ptr + at + 1, 2), &byte, 1))
                return false;
            at += 2;
        }
        out[(*len)++] = (char)byte;
    }
    return true;
}

/* NULL: none, remote, or nothing is there. */
static const struct json *target_of(const struct json *root, const struct json *schema)
{
    const struct json *ref = json_get(schema, STR("$ref"));
    char pointer[POINTER_BYTES];
    size_t len;

    if (!json_is(ref, JSON_STRING) || !str_starts_with(json_string(ref), STR("#")))
        return NULL;
    struct str text = json_string(ref);
    return decode(str_slice(text, 1, text.len), pointer, &len) ? json_pointer(root, str_of(pointer, len)) : NULL;
}

const struct json *schema_resolve(const struct json *root, const struct json *schema)
{
    for (int i = 0; i < HOPS; i++) {
        const struct json *target = target_of(root, schema);
        if (!target)
            break;
        schema = target;
    }
    return schema;
}

static void remember(struct schema_walk *walk, const struct json *target)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->followed[i] == target)
            return;
    }
    if (walk->count == LIMIT_schema_refs)
        walk->cut = true;
    else
        walk->followed[walk->count++] = target;
}

static const struct str variants[] = { STR("anyOf"), STR("oneOf"), STR("allOf") };

/* As deep as the document, which its parser bounds. */
static void take_apart(struct schema_walk *walk, const struct json *schema, schema_visit *visit, void *arg)
{
    const struct json *value;
    struct json_iter iter;
    struct str key;

    if (!json_is(schema, JSON_OBJECT) || !schema_step(walk))
        return;
    visit(arg, walk, schema);
    value = target_of(walk->root, schema);
    if (value)
        remember(walk, value);
    if (walk->items)
        take_apart(walk, json_get(schema, STR("items")), visit, arg);
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        const struct json *list = json_get(schema, variants[i]);
        json_iter_init(&iter, json_is(list, JSON_ARRAY) ? list : NULL);
        while (!walk->cut && json_iter_next(&iter, &key, &value))
            take_apart(walk, value, visit, arg);
    }
}

void schema_walk(struct schema_walk *walk, const struct json *schema, schema_visit *visit, void *arg)
{
    walk->count = 0;
    take_apart(walk, schema, visit, arg);
    for (size_t i = 0; i < walk->count && !walk->cut; i++)
        take_apart(walk, walk->followed[i], visit, arg);
}
