/* Fields that mirror a message. */
#include "mcp/mirror.h"

#include "base/decimal.h"
#include "base/encode.h"
#include "base/limits.h"

static const struct str encoded_head = { "=?base64?", 9 }, encoded_tail = { "?=", 2 };

static bool is_encoded(struct str field)
{
    return field.len >= encoded_head.len + encoded_tail.len && str_starts_with(field, encoded_head) &&
           str_ends_with(field, encoded_tail);
}

int mirror_decode(struct str field, struct arena *arena, struct str *out)
{
    *out = field;
    if (!is_encoded(field))
        return 0;
    struct str text = str_slice(field, encoded_head.len, field.len - encoded_tail.len);
    char *bytes = arena_alloc(arena, text.len + 1);
    if (!bytes)
        return E_NOMEM;
    size_t len;
    int error = base64_decode(text, bytes, text.len, &len);
    *out = str_of(bytes, error ? 0 : len);
    return error;
}

bool mirror_says(struct str field, struct str text, struct arena *arena)
{
    struct str said;
    return mirror_decode(field, arena, &said) == 0 && str_eq(said, text);
}

/* RFC 9110 §5.5, and no white space at the ends, which a reader drops. */
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool space = byte == ' ' || byte == '\t';
        if (space ? i == 0 || i + 1 == text.len : byte <= 0x20 || byte >= 0x7f)
            return false;
    }
    return text.len > 0 && !is_encoded(text);
}

void mirror_encode(struct buf *out, struct str text)
{
    if (is_plain(text)) {
        buf_append_str(out, text);
        return;
    }
    buf_append_str(out, encoded_head);
    size_t len = (text.len + 2) / 3 * 4;
    char *to = buf_reserve(out, len);
    if (to)
        out->len += base64_encode(text.ptr, text.len, to);
    buf_append_str(out, encoded_tail);
}

/* ---- what a schema marks ---- */

static const struct str mark = { "x-mcp-header", 12 };

/* What holds data and no schema. */
static bool is_data(struct str keyword)
{
    static const char *const words[] = { "const", "default", "enum", "example", "examples" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq(keyword, str_from_c(words[i])))
            return true;
    return false;
}

/* What holds schemas by names of its author's, which are no keywords. */
static bool holds_names(struct str keyword)
{
    static const char *const words[] = { "properties", "patternProperties", "$defs", "definitions",
                                         "dependentSchemas" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq(keyword, str_from_c(words[i])))
            return true;
    return false;
}

struct scan {
    struct arena *arena;
    struct mirrored *found;
    size_t count, room;
    struct str path[LIMIT_json_depth]; /* names of the properties that lead here */
    size_t depth;
};

static bool is_primitive(const struct json *schema)
{
    const struct json *type = json_get(schema, STR("type"));
    return json_is(type, JSON_STRING) &&
           (str_eq(json_string(type), STR("string")) || str_eq(json_string(type), STR("integer")) ||
            str_eq(json_string(type), STR("boolean")));
}

static int keep(struct scan *scan, const struct json *schema, const struct json *name)
{
    if (!json_is(name, JSON_STRING) || !str_is_token(json_string(name)) ||
        json_string(name).len > LIMIT_mirrored_name || scan->depth == 0 || !is_primitive(schema))
        return E_INVALID;
    for (size_t i = 0; i < scan->count; i++)
        if (str_eq_nocase(scan->found[i].name, json_string(name)))
            return E_INVALID;
    if (scan->count == LIMIT_mirrored_params)
        return E_INVALID;
    if (scan->count == scan->room) {
        size_t room = scan->room ? 2 * scan->room : 4;
        void *grown =
            arena_realloc(scan->arena, scan->found, scan->room * sizeof(*scan->found), room * sizeof(*scan->found));
        if (!grown)
            return E_NOMEM;
        scan->found = grown;
        scan->room = room;
    }
    struct mirrored *to = &scan->found[scan->count];
    to->name = arena_str(scan->arena, json_string(name));
    to->depth = scan->depth;
    to->path = arena_alloc(scan->arena, scan->depth * sizeof(*to->path));
    if (!to->name.ptr || !to->path)
        return E_NOMEM;
    for (size_t i = 0; i < scan->depth; i++) {
        to->path[i] = arena_str(scan->arena, scan->path[i]);
        if (!to->path[i].ptr)
            return E_NOMEM;
    }
    scan->count++;
    return 0;
}

static int scan_schema(struct scan *scan, const struct json *schema, bool reachable);

static int scan_named(struct scan *scan, const struct json *schemas, bool reachable)
{
    struct json_iter iter;
    struct str name;
    const struct json *schema;
    int error = 0;
    json_iter_init(&iter, schemas);
    while (!error && json_iter_next(&iter, &name, &schema)) {
        scan->path[scan->depth++] = name;
        error = scan_schema(scan, schema, reachable);
        scan->depth--;
    }
    return error;
}

/* The nesting is bounded: LIMIT_json_depth holds for what was parsed. */
static int scan_schema(struct scan *scan, const struct json *schema, bool reachable)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;
    int error = 0;
    if (!json_is(schema, JSON_OBJECT) && !json_is(schema, JSON_ARRAY))
        return 0;
    json_iter_init(&iter, schema);
    while (!error && json_iter_next(&iter, &key, &value)) {
        if (str_eq(key, mark))
            error = reachable ? keep(scan, schema, value) : E_INVALID;
        else if (str_eq(key, STR("properties")) && json_is(value, JSON_OBJECT))
            error = scan_named(scan, value, reachable);
        else if (holds_names(key) && json_is(value, JSON_OBJECT))
            error = scan_named(scan, value, false);
        else if (!is_data(key))
            error = scan_schema(scan, value, false);
    }
    return error;
}

int mirror_scan(const struct json *schema, struct arena *arena, struct mirrored **out, size_t *count)
{
    struct scan scan = { .arena = arena };
    int error = scan_schema(&scan, schema, true);
    *out = scan.found;
    *count = error ? 0 : scan.count;
    return error;
}

static void write_unmarked(struct json_writer *writer, const struct json *schema);

static void write_named(struct json_writer *writer, const struct json *schemas)
{
    struct json_iter iter;
    struct str name;
    const struct json *schema;
    json_write_object(writer);
    json_iter_init(&iter, schemas);
    while (json_iter_next(&iter, &name, &schema)) {
        json_write_key(writer, name);
        write_unmarked(writer, schema);
    }
    json_write_object_end(writer);
}

static void write_unmarked(struct json_writer *writer, const struct json *schema)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, schema);
    if (json_is(schema, JSON_ARRAY)) {
        json_write_array(writer);
        while (json_iter_next(&iter, &key, &value))
            write_unmarked(writer, value);
        json_write_array_end(writer);
        return;
    }
    if (!json_is(schema, JSON_OBJECT)) {
        json_write_node(writer, schema);
        return;
    }
    json_write_object(writer);
    while (json_iter_next(&iter, &key, &value)) {
        if (str_eq(key, mark))
            continue;
        json_write_key(writer, key);
        if (holds_names(key) && json_is(value, JSON_OBJECT))
            write_named(writer, value);
        else if (is_data(key))
            json_write_node(writer, value);
        else
            write_unmarked(writer, value);
    }
    json_write_object_end(writer);
}

void mirror_write_unmarked(struct json_writer *writer, const struct json *tool)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_write_object(writer);
    json_iter_init(&iter, tool);
    while (json_iter_next(&iter, &key, &value)) {
        json_write_key(writer, key);
        if (str_eq(key, STR("inputSchema")))
            write_unmarked(writer, value);
        else
            json_write_node(writer, value);
    }
    json_write_object_end(writer);
}

/* ---- arguments ---- */

const struct json *mirror_argument(const struct mirrored *mirrored, const struct json *arguments)
{
    const struct json *at = arguments;
    for (size_t i = 0; at && i < mirrored->depth; i++)
        at = json_get(at, mirrored->path[i]);
    return json_is(at, JSON_NULL) ? NULL : at;
}

static bool same_number(struct str field, struct str number)
{
    struct decimal a, b;
    return decimal_parse(field, &a) == 0 && decimal_parse(number, &b) == 0 && decimal_cmp(&a, &b) == 0;
}

bool mirror_fits(struct str field, const struct json *argument, struct arena *arena)
{
    struct str said;
    if (mirror_decode(field, arena, &said) != 0)
        return false;
    switch (json_kind(argument)) {
    case JSON_STRING: return str_eq(said, json_string(argument));
    case JSON_NUMBER: return same_number(said, json_number(argument));
    case JSON_BOOL: return str_eq(said, json_bool(argument) ? STR("true") : STR("false"));
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return false;
}

int mirror_write(struct buf *out, const struct json *argument)
{
    switch (json_kind(argument)) {
    case JSON_STRING: mirror_encode(out, json_string(argument)); return 0;
    case JSON_NUMBER: buf_append_str(out, json_number(argument)); return 0;
    case JSON_BOOL: buf_append_str(out, json_bool(argument) ? STR("true") : STR("false")); return 0;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return E_INVALID;
}
