/* The schema as a table, walked with a pointer to where the walk is; then what the schema cannot say. */
#include "catalog/registry.h"

#include "base/check.h"
#include "catalog/registry_names.h"
#include "catalog/registry_start.h"

#include <stdio.h>

#define ELEMENTS_MAX 256
#define TEXT_CHARACTERS 100 /* of a title or a description, as the schema has it */

/* ---- checks of strings beside registry_names.h ---- */

static const char *fault_of_text(struct str text)
{
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++)
        characters += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return characters == 0 ? "is empty" : characters > TEXT_CHARACTERS ? "is longer than 100 characters" : NULL;
}

static const char *fault_of_description(struct str text)
{
    return fault_of_text(text);
}

static const char *fault_of_title(struct str text)
{
    return fault_of_text(text);
}

static bool is_word(struct str text)
{
    bool word = text.len > 0 && text.len <= 64 && text.ptr[0] != '-' && text.ptr[0] != '.';
    for (size_t i = 0; word && i < text.len; i++) {
        char c = text.ptr[i], letter = (char)(c | 0x20);
        word = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    }
    return word;
}

static const char *fault_of_word(struct str text)
{
    return is_word(text) ? NULL : "is no plain word";
}

static const char *fault_of_runtime(struct str text)
{
    return is_word(text) ? NULL : "is no runtime's plain name";
}

static const char *fault_of_identifier(struct str text)
{
    if (text.len == 0 || text.len > 1024 || text.ptr[0] == '-')
        return "is no package's name";
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return "holds a space or a control character";
    return NULL;
}

static const char *one_of(struct str text, const struct str *words, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(text, words[i]))
            return NULL;
    return why;
}

static const char *fault_of_transport(struct str text)
{
    static const struct str words[] = { { "stdio", 5 }, { "streamable-http", 15 }, { "sse", 3 } };
    return one_of(text, words, ARRAY_LEN(words), "is none of stdio, streamable-http, sse");
}

static const char *fault_of_remote(struct str text)
{
    static const struct str words[] = { { "streamable-http", 15 }, { "sse", 3 } };
    return one_of(text, words, ARRAY_LEN(words), "is none of streamable-http, sse");
}

static const char *fault_of_argument_type(struct str text)
{
    static const struct str words[] = { { "positional", 10 }, { "named", 5 } };
    return one_of(text, words, ARRAY_LEN(words), "is none of positional, named");
}

static const char *fault_of_format(struct str text)
{
    static const struct str words[] = { { "string", 6 }, { "number", 6 }, { "boolean", 7 }, { "filepath", 8 } };
    return one_of(text, words, ARRAY_LEN(words), "is none of string, number, boolean, filepath");
}

static const char *fault_of_theme(struct str text)
{
    static const struct str words[] = { { "light", 5 }, { "dark", 4 } };
    return one_of(text, words, ARRAY_LEN(words), "is neither light nor dark");
}

/* The whole may be a variable: "{base}/mcp". */
static const char *fault_of_template_url(struct str text)
{
    if (!str_starts_with(text, STR("{")))
        return fault_of_web_url(text);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return "holds what no URL may";
    return NULL;
}

/* ---- the table ---- */

enum scope {
    OF_NOTHING,
    OF_STRINGS,
    OF_SERVER,
    OF_REPOSITORY,
    OF_ICON,
    OF_PACKAGE,
    OF_TRANSPORT,
    OF_REMOTE,
    OF_ARGUMENT,
    OF_VARIABLE,
    OF_HEADER,
    OF_INPUT,
};

enum member_kind { IS_STRING, IS_BOOL, IS_OBJECT, IS_ARRAY, IS_MAP };

static const struct member {
    struct str name;
    const char *(*check)(struct str);
    enum scope of, holds;
    enum member_kind kind;
    bool required;
} members[] = {
#define MEMBER(of, name, kind, required, check, holds) \
    { { name, sizeof(name) - 1 }, check, OF_##of, OF_##holds, IS_##kind, required },
#include "catalog/registry.def"
#undef MEMBER
};

static const struct {
    enum json_kind kind;
    const char *wrong;
} kinds[] = {
    [IS_STRING] = { JSON_STRING, "is no string" }, [IS_BOOL] = { JSON_BOOL, "is neither true nor false" },
    [IS_OBJECT] = { JSON_OBJECT, "is no object" }, [IS_ARRAY] = { JSON_ARRAY, "is no array" },
    [IS_MAP] = { JSON_OBJECT, "is no object" },
};

static int say(struct registry_fault *fault, const char *why)
{
    fault->why = why;
    return E_INVALID;
}

static int walk(enum scope of, const struct json *node, struct registry_fault *fault);

/* Elements of an array, or values of a map. */
static int walk_all(enum scope of, const struct json *container, struct registry_fault *fault)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    char number[24];
    size_t base = fault->pointer.len, index = 0;
    if (json_count(container) > ELEMENTS_MAX)
        return say(fault, "holds more than 256");
    json_iter_init(&iter, container);
    for (; json_iter_next(&iter, &key, &value); index++) {
        fault->pointer.len = base;
        if (json_is(container, JSON_ARRAY)) {
            int len = snprintf(number, sizeof(number), "%zu", index);
            key = str_of(number, (size_t)len);
        }
        json_pointer_append(&fault->pointer, key);
        int error = of == OF_STRINGS && !json_is(value, JSON_STRING) ? say(fault, "is no string") : 0;
        if (!error && of > OF_STRINGS)
            error = walk(of, value, fault);
        if (error)
            return error;
    }
    fault->pointer.len = base;
    return 0;
}

static int walk_member(const struct member *member, const struct json *object, struct registry_fault *fault)
{
    const struct json *value = json_get(object, member->name);
    size_t base = fault->pointer.len;
    if (!value)
        return 0;
    json_pointer_append(&fault->pointer, member->name);
    if (!json_is(value, kinds[member->kind].kind))
        return say(fault, kinds[member->kind].wrong);
    const char *why = member->check ? member->check(json_string(value)) : NULL;
    if (why)
        return say(fault, why);
    int error = 0;
    if (member->kind == IS_ARRAY || member->kind == IS_MAP)
        error = walk_all(member->holds, value, fault);
    else if (member->kind == IS_OBJECT && member->holds > OF_STRINGS)
        error = walk(member->holds, value, fault);
    if (!error)
        fault->pointer.len = base;
    return error;
}

static bool has(const struct json *object, struct str name)
{
    return json_get(object, name) != NULL;
}

/* What one member asks of another. */
static int walk_together(enum scope of, const struct json *object, struct registry_fault *fault)
{
    if (of == OF_ARGUMENT && str_eq(json_text(object, STR("type")), STR("named")) && !has(object, STR("name")))
        return say(fault, "is named and has no name");
    if (of == OF_ARGUMENT && str_eq(json_text(object, STR("type")), STR("positional")) && !has(object, STR("value")) &&
        !has(object, STR("valueHint")))
        return say(fault, "has neither a value nor a valueHint");
    if (of == OF_TRANSPORT && !str_eq(json_text(object, STR("type")), STR("stdio")) && !has(object, STR("url")))
        return say(fault, "is spoken over HTTP and has no url");
    return 0;
}

static int walk_package(const struct json *package, struct registry_fault *fault)
{
    struct str type = json_text(package, STR("registryType")), version = json_text(package, STR("version"));
    bool npm = str_eq(type, STR("npm")), pypi = str_eq(type, STR("pypi"));
    if (!npm && !pypi)
        return 0;
    struct str name = json_text(package, STR("identifier"));
    const char *why = npm ? fault_of_npm_name(name) : fault_of_pypi_name(name);
    if (why) {
        json_pointer_append(&fault->pointer, STR("identifier"));
        return say(fault, why);
    }
    if (!has(package, STR("version")))
        return 0;
    why = npm ? fault_of_npm_version(version) : fault_of_pypi_version(version);
    if (why)
        json_pointer_append(&fault->pointer, STR("version"));
    return why ? say(fault, why) : 0;
}

static int walk(enum scope of, const struct json *node, struct registry_fault *fault)
{
    if (!json_is(node, JSON_OBJECT))
        return say(fault, "is no object");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].of != of)
            continue;
        if (members[i].required && !has(node, members[i].name)) {
            json_pointer_append(&fault->pointer, members[i].name);
            return say(fault, "is missing");
        }
        int error = walk_member(&members[i], node, fault);
        if (error)
            return error;
    }
    int error = walk_together(of, node, fault);
    return error || of != OF_PACKAGE ? error : walk_package(node, fault);
}

/* ---- the whole ---- */

static const struct json *official_meta(const struct json *row, const struct json *entry)
{
    static const struct str key = { "io.modelcontextprotocol.registry/official", 41 };
    const struct json *meta = json_get(json_get(row, STR("_meta")), key);
    return meta ? meta : json_get(json_get(entry, STR("_meta")), key);
}

static bool is_superseded(const struct json *meta)
{
    const struct json *latest = json_get(meta, STR("isLatest"));
    return (json_is(latest, JSON_BOOL) && !json_bool(latest)) || str_eq(json_text(meta, STR("status")), STR("deleted"));
}

int registry_read(const struct json *row, struct arena *arena, struct registry_entry *out, struct registry_fault *fault)
{
    const struct json *inner = json_get(row, STR("server")), *entry = inner ? inner : row;
    *out = (struct registry_entry){ .name = json_text(entry, STR("name")) };
    buf_reset(&fault->pointer);
    if (inner)
        json_pointer_append(&fault->pointer, STR("server"));
    int error = walk(OF_SERVER, entry, fault);
    if (error)
        return error;
    out->title = json_text(entry, STR("title"));
    out->description = json_text(entry, STR("description"));
    out->version = json_text(entry, STR("version"));
    out->superseded = is_superseded(official_meta(row, entry));
    return start_make(entry, arena, out);
}
