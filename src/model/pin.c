/* Pins of definitions. */
#include "model/pin.h"

#include "json/json.h"
#include "json/writer.h"
#include "model/record.h"

#include <stdlib.h>
#include <string.h>

#define TIME_MAX 40 /* bytes of a time as text */

static const struct str part_names[PIN_PART_COUNT] = {
#define P(name) [PIN_PART_##name] = { #name, sizeof(#name) - 1 },
    PIN_PARTS(P)
#undef P
};

struct str pin_part_name(enum pin_part part)
{
    return part_names[part];
}

static const struct str kind_words[PIN_KIND_COUNT] = {
#define K(name, word) [PIN_##name] = { #word, sizeof(#word) - 1 },
    PIN_KINDS(K)
#undef K
};

struct str pin_kind_word(enum pin_kind kind)
{
    return kind_words[kind];
}

bool pin_kind_of_word(struct str word, enum pin_kind *out)
{
    for (unsigned kind = 0; kind < PIN_KIND_COUNT; kind++) {
        *out = (enum pin_kind)kind;
        if (str_eq(word, kind_words[kind]))
            return true;
    }
    return false;
}

static enum pin_part part_of(struct str key)
{
    int part = 0;
    while (part < PIN_PART_other && !str_eq(key, part_names[part]))
        part++;
    return (enum pin_part)part;
}

/* What has no part of its own is hashed together, each behind its name. */
static void add_part(struct hasher *hasher, struct str key, struct str value, struct pin *out)
{
    enum pin_part part = part_of(key);
    struct sha256 digest;
    hasher_begin(hasher);
    hasher_add(hasher, out->parts[part], PIN_PART_BYTES);
    hasher_add_field(hasher, key);
    hasher_add_field(hasher, value);
    hasher_end(hasher, &digest);
    memcpy(out->parts[part], digest.bytes, PIN_PART_BYTES);
}

struct member {
    struct str key;
    const struct json *value;
};

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* In the order of their names. */
static struct member *members_of(const struct json *definition, struct arena *scratch, size_t *count)
{
    size_t room = json_count(definition) + 1;
    struct member *members = arena_alloc(scratch, room * sizeof *members);
    struct json_iter iter;
    *count = 0;
    json_iter_init(&iter, definition);
    while (members != NULL && json_iter_next(&iter, &members[*count].key, &members[*count].value))
        (*count)++;
    if (members != NULL)
        qsort(members, *count, sizeof *members, by_key);
    return members;
}

static bool is_time(const struct json *value)
{
    if (!json_is(value, JSON_STRING) || json_string(value).len > TIME_MAX)
        return false;
    struct str text = json_string(value);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || strchr("0123456789-+:.TZ", text.ptr[i]) == NULL)
            return false;
    return true;
}

static bool is_passing(enum pin_kind kind, const struct member *member)
{
    return kind == PIN_RESOURCE && str_eq(member->key, STR("size")) && json_is(member->value, JSON_NUMBER);
}

/* In canonical form, without the time at which the content changed. */
static int write_annotations(struct json_writer *writer, struct arena *scratch, const struct json *annotations)
{
    size_t count;
    struct member *members = members_of(annotations, scratch, &count);
    int error = members == NULL ? E_NOMEM : 0;
    json_write_object(writer);
    for (size_t i = 0; error == 0 && i < count; i++) {
        if (str_eq(members[i].key, STR("lastModified")) && is_time(members[i].value))
            continue;
        json_write_key(writer, members[i].key);
        error = json_write_canonical(writer, scratch, members[i].value);
    }
    json_write_object_end(writer);
    return error;
}

static int write_value(struct json_writer *writer, struct arena *scratch, enum pin_kind kind,
                       const struct member *member)
{
    bool is_content = kind == PIN_RESOURCE || kind == PIN_TEMPLATE;
    if (is_content && str_eq(member->key, STR("annotations")) && json_is(member->value, JSON_OBJECT))
        return write_annotations(writer, scratch, member->value);
    return json_write_canonical(writer, scratch, member->value);
}

/* `hasher` NULL: the text alone. */
static int write_text(enum pin_kind kind, const struct json *definition, struct arena *scratch, struct hasher *hasher,
                      struct buf *text, struct pin *out)
{
    struct json_writer writer;
    size_t count;
    struct member *members = members_of(definition, scratch, &count);
    if (members == NULL)
        return E_NOMEM;
    json_write_init(&writer, text);
    json_write_object(&writer);
    for (size_t i = 0; i < count; i++) {
        if (is_passing(kind, &members[i]))
            continue;
        json_write_key(&writer, members[i].key);
        size_t from = text->len;
        int error = write_value(&writer, scratch, kind, &members[i]);
        if (error < 0)
            return error;
        if (hasher != NULL && buf_ok(text) && !str_eq(members[i].key, STR("name")))
            add_part(hasher, members[i].key, str_slice(buf_str(text), from, text->len), out);
    }
    json_write_object_end(&writer);
    return buf_ok(text) ? 0 : E_LIMIT;
}

int pin_text(enum pin_kind kind, const struct json *definition, struct arena *scratch, struct buf *text)
{
    return write_text(kind, definition, scratch, NULL, text, NULL);
}

int pin_make(enum pin_kind kind, const struct json *definition, struct arena *scratch, struct hasher *hasher,
             struct buf *text, struct pin *out)
{
    size_t start = text->len;
    *out = (struct pin){ .digest = { { 0 } } };
    int error = write_text(kind, definition, scratch, hasher, text, out);
    if (error < 0)
        return error;
    hasher_begin(hasher);
    hasher_add(hasher, text->ptr + start, text->len - start);
    hasher_end(hasher, &out->digest);
    return 0;
}

int pin_make_instructions(struct str instructions, struct hasher *hasher, struct buf *text, struct pin *out)
{
    struct json_writer writer;
    size_t start = text->len;
    *out = (struct pin){ .digest = { { 0 } } };
    if (instructions.len == 0)
        return 0;
    json_write_init(&writer, text);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("instructions"), instructions);
    json_write_object_end(&writer);
    if (!buf_ok(text))
        return E_LIMIT;
    add_part(hasher, STR("instructions"), instructions, out);
    hasher_begin(hasher);
    hasher_add(hasher, text->ptr + start, text->len - start);
    hasher_end(hasher, &out->digest);
    return 0;
}

bool pin_eq(const struct pin *a, const struct pin *b)
{
    return memcmp(&a->digest, &b->digest, sizeof a->digest) == 0;
}

bool pin_is_none(const struct pin *pin)
{
    static const struct pin none;
    return pin_eq(pin, &none);
}

void pin_add(struct hasher *hasher, enum pin_kind kind, struct str name, const struct sha256 *digest)
{
    hasher_add_field(hasher, kind_words[kind]);
    hasher_add_field(hasher, name);
    hasher_add(hasher, digest->bytes, sizeof digest->bytes);
}

unsigned pin_differs(const struct pin *a, const struct pin *b)
{
    unsigned differs = 0;
    for (unsigned part = 0; part < PIN_PART_COUNT; part++)
        if (memcmp(a->parts[part], b->parts[part], PIN_PART_BYTES) != 0)
            differs |= 1u << part;
    return differs;
}

void pin_write(const struct pin *pin, struct str text, struct buf *out)
{
    buf_append(out, pin->parts, sizeof pin->parts);
    buf_append_str(out, text);
}

struct str pin_kind_recorded(enum pin_kind kind)
{
    return kind == PIN_TOOL ? STR_EMPTY : kind_words[kind];
}

int pin_of_record(const struct record *record, enum pin_kind *kind, struct pin *out, struct str *text)
{
    *kind = PIN_TOOL;
    if (record->blob.len < sizeof out->parts || (record->method.len > 0 && !pin_kind_of_word(record->method, kind)))
        return E_SYNTAX;
    out->digest = record->digest;
    out->class = record->class;
    memcpy(out->parts, record->blob.ptr, sizeof out->parts);
    *text = str_slice(record->blob, sizeof out->parts, record->blob.len);
    return 0;
}
