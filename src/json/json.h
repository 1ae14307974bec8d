/* Strict JSON: one reader, one tree. What this accepts is RFC 8259 and I-JSON (RFC 7493): UTF-8 without BOM, no
 * duplicate member at any depth after unescaping, no lone surrogate, no U+0000 in a key, no depth, member count or size
 * above the ceilings (checked by a prescan before anything is allocated). Numbers keep their source digits.
 *
 * A tree lives in the arena it was parsed into and borrows nothing from the source bytes. Nodes are immutable. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct json; /* a node */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
    size_t bytes, members, depth;
};
extern const struct json_limits json_limits_request, json_limits_answer, json_limits_list, json_limits_policy;

#define JSON_FAULTS(F)                                                                             \
    F(NONE,       "no fault")                                                                      \
    F(SYNTAX,     "not JSON")                                                                      \
    F(EMPTY,      "empty: there is no JSON in it")                                                                         \
    F(UTF8,       "not UTF-8")                                                                     \
    F(BOM,        "begins with a byte order mark")                                                 \
    F(DUPLICATE,  "a member stands twice in one object")                                           \
    F(SURROGATE,  "a lone surrogate in a string")                                                  \
    F(NUL_KEY,    "U+0000 in a member's name")                                                     \
    F(TRAILING,   "something follows the value")                                                   \
    F(TOO_LARGE,  "too large")                                                                     \
    F(TOO_DEEP,   "nested too deep")                                                               \
    F(TOO_MANY,   "too many members")                                                              \
    F(MEMORY,     "out of memory")

enum json_fault {
#define F(name, text) JSON_FAULT_##name,
    JSON_FAULTS(F)
#undef F
};

struct json_error {
    enum json_fault fault;
    size_t          offset; /* bytes from the start of the source */
    struct str      key;    /* the member that stands twice, in the arena; else empty */
};

/* E_SYNTAX, E_LIMIT or E_NOMEM with *error filled in (never NULL). */
int json_parse(struct arena *arena, struct str source, const struct json_limits *limits, const struct json **root,
               struct json_error *error) NODISCARD;
const char *json_fault_text(enum json_fault fault);
/* A copy of the same length in the arena, with comments and a comma before a closing bracket as spaces: what some clients
 * write. Whether that is JSON, json_parse says. ptr NULL: no memory. */
struct str json_uncommented(struct arena *arena, struct str source) NODISCARD;
/* For files that people write: what was probably meant there ("JSON has no comments"), or empty. Never from the source. */
struct str json_fault_hint(struct str source, const struct json_error *error);

enum json_kind json_kind(const struct json *node);
const char    *json_kind_name(enum json_kind kind);        /* "null", "a boolean", "a number" … */
bool           json_is(const struct json *node, enum json_kind kind); /* false for NULL */
struct str     json_string(const struct json *node);       /* bytes after unescaping; a JSON_STRING only */
struct str     json_number(const struct json *node);       /* the source's digits; a JSON_NUMBER only */
bool           json_bool(const struct json *node);
size_t         json_count(const struct json *node);        /* elements or members */
/* Reads the members from the first on. NULL when there is no such member, or `object` is NULL or not an object. */
const struct json *json_get(const struct json *object, struct str key);
const struct json *json_at(const struct json *array, size_t index);
/* A plain integer lexeme (no fraction, no exponent) that fits. */
bool           json_int64(const struct json *node, int64_t *out);

struct json_iter {
    const struct json *at;
    size_t             left;
    bool               object;
};
void json_iter_init(struct json_iter *iter, const struct json *container); /* NULL: empty */
/* False at the end. For an array *key is empty. */
bool json_iter_next(struct json_iter *iter, struct str *key, const struct json **value);

/* Equal values: members in any order, numbers as decimals, strings as bytes. Where large objects differ in order an
 * index is made in the arena, never a search for each member. E_NOMEM when that fails. */
int json_equal(struct arena *arena, const struct json *a, const struct json *b, bool *equal) NODISCARD;

/* RFC 6901. NULL when nothing is there. */
const struct json *json_pointer(const struct json *root, struct str pointer);
/* Where the value (or, with `key`, the member's name) that a pointer names stands in a source that parsed:
 * line and column from 1, column in bytes. The document's start when the pointer leads nowhere. */
void json_locate(struct str source, struct str pointer, bool key, size_t *line, size_t *column);
void json_position(struct str source, size_t offset, size_t *line, size_t *column);
/* Appends "/" and the escaped token. */
void json_pointer_append(struct buf *pointer, struct str token);
