/* What a node is: yyjson's value in a document that nobody changes. Inside src/json only. */
#pragma once

#include "base/str.h"
#include "json/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

/* yyjson's readers take pointers that are not const; they write nothing. */
static inline yyjson_val *node_val(const struct json *node)
{
    return (yyjson_val *)(uintptr_t)node;
}

static inline const struct json *node_of(const yyjson_val *val)
{
    return (const struct json *)(const void *)val;
}

/* A string's bytes after unescaping, or a number's digits. */
static inline struct str val_text(yyjson_val *val)
{
    return str_of(unsafe_yyjson_get_raw(val), unsafe_yyjson_get_len(val));
}

/* A string that stood without an escape in its source: nothing in it needs one. */
static inline bool val_is_plain(yyjson_val *string)
{
    return unsafe_yyjson_get_subtype(string) == YYJSON_SUBTYPE_NOESC;
}

/* The values of a document stand in one row: a container, then what is in it, keys before their values. */
static inline yyjson_val *val_first(yyjson_val *container)
{
    return unsafe_yyjson_get_first(container);
}

static inline yyjson_val *val_next(yyjson_val *val)
{
    return unsafe_yyjson_get_next(val);
}

/* Where a member of an object is found by its name without reading the object again: an open table in the arena. */
struct json_index {
    yyjson_val **slots; /* keys */
    size_t capacity;    /* a power of two */
    uint64_t secret[2];
};

#define MEMBERS_INDEXED 16 /* objects with more members than this deserve an index */

/* Makes room for an object of `count` members and empties the table; one index serves many objects in turn. */
int json_index_begin(struct json_index *index, struct arena *arena, size_t count) NODISCARD;
/* The key that stands there already under this name, else NULL with the key taken up. */
yyjson_val *json_index_add(struct json_index *index, yyjson_val *key);
yyjson_val *json_index_find(const struct json_index *index, struct str name);

/* Ceilings of a source, seen before anything is allocated for it. */
enum json_fault json_prescan(struct str source, const struct json_limits *limits, size_t *offset);
/* The offset behind a string that begins at `at`, or the source's length when it does not end. */
size_t json_string_end(struct str source, size_t at);
/* The code unit of an escape ("\uXXXX") at `at`, or -1. */
int json_escaped_unit(struct str source, size_t at);
/* Finds the escape of a surrogate without its partner, or returns false. */
bool json_lone_surrogate(struct str source, size_t *offset);

/* Takes the first token, still escaped, off a pointer. */
bool json_pointer_next(struct str *pointer, struct str *token);
/* The token's next byte after unescaping, -1 at its end. */
int json_pointer_byte(struct str token, size_t *at);
