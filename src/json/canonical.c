/* One form for values that differ in the order of their members alone. */
#include "json/json.h"
#include "json/writer.h"

#include <stdlib.h>

struct member {
    struct str key;
    const struct json *value;
};

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static int write_object(struct json_writer *writer, struct arena *arena, const struct json *object)
{
    size_t count = json_count(object), at = 0;
    struct member *members = arena_alloc(arena, (count ? count : 1) * sizeof(*members));
    struct json_iter iter;
    int error = 0;
    if (!members)
        return E_NOMEM;
    json_iter_init(&iter, object);
    while (json_iter_next(&iter, &members[at].key, &members[at].value))
        if (++at == count)
            break;
    qsort(members, count, sizeof(*members), by_key);
    json_write_object(writer);
    for (at = 0; !error && at < count; at++) {
        json_write_key(writer, members[at].key);
        error = json_write_canonical(writer, arena, members[at].value);
    }
    json_write_object_end(writer);
    return error;
}

/* As deep as the tree, whose depth had a ceiling when it was parsed. */
int json_write_canonical(struct json_writer *writer, struct arena *arena, const struct json *node)
{
    struct json_iter iter;
    const struct json *element;
    struct str key;
    int error = 0;
    if (json_is(node, JSON_OBJECT))
        return write_object(writer, arena, node);
    if (!json_is(node, JSON_ARRAY)) {
        json_write_node(writer, node);
        return 0;
    }
    json_write_array(writer);
    json_iter_init(&iter, node);
    while (!error && json_iter_next(&iter, &key, &element))
        error = json_write_canonical(writer, arena, element);
    json_write_array_end(writer);
    return error;
}
