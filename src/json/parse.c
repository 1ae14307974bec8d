/* One strict reader: the prescan, then yyjson, then what yyjson lets pass and I-JSON (RFC 7493) does not. */
#include "json/json.h"

#include "base/check.h"
#include "base/limits.h"
#include "json/node.h"

const struct json_limits json_limits_request = { LIMIT_request_body, LIMIT_request_members, LIMIT_json_depth };
const struct json_limits json_limits_answer = { LIMIT_answer_body, LIMIT_answer_members, LIMIT_json_depth };
const struct json_limits json_limits_list = { LIMIT_list_page, LIMIT_answer_members, LIMIT_json_depth };
const struct json_limits json_limits_policy = { LIMIT_policy_body, LIMIT_policy_members, LIMIT_json_depth };

const char *json_fault_text(enum json_fault fault)
{
    static const char *const texts[] = {
#define F(name, text) text,
        JSON_FAULTS(F)
#undef F
    };
    CHECK((size_t)fault < ARRAY_LEN(texts));
    return texts[fault];
}

static void *alc_malloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void *alc_realloc(void *arena, void *ptr, size_t old_size, size_t size)
{
    return arena_realloc(arena, ptr, old_size, size);
}

static void alc_free(void *arena, void *ptr)
{
    (void)arena;
    (void)ptr;
}

static int failed(struct json_error *error, enum json_fault fault, size_t offset)
{
    error->fault = fault;
    error->offset = offset;
    switch (fault) {
    case JSON_FAULT_MEMORY: return E_NOMEM;
    case JSON_FAULT_TOO_LARGE:
    case JSON_FAULT_TOO_DEEP:
    case JSON_FAULT_TOO_MANY: return E_LIMIT;
    case JSON_FAULT_NONE:
    case JSON_FAULT_SYNTAX:
    case JSON_FAULT_EMPTY:
    case JSON_FAULT_UTF8:
    case JSON_FAULT_BOM:
    case JSON_FAULT_DUPLICATE:
    case JSON_FAULT_SURROGATE:
    case JSON_FAULT_NUL_KEY:
    case JSON_FAULT_TRAILING: return E_SYNTAX;
    }
    WRONG("a fault that is none of ours");
}

/* yyjson stopped; which of our faults it was. */
static int refused(struct json_error *error, struct str source, const yyjson_read_err *why)
{
    size_t at;

    if (why->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return failed(error, JSON_FAULT_MEMORY, 0);
    for (at = 0; at < source.len;) {
        unsigned point;
        size_t len = str_utf8_next(source, at, &point);
        if (len == 0)
            return failed(error, JSON_FAULT_UTF8, at);
        at += len;
    }
    if (why->code == YYJSON_READ_ERROR_EMPTY_CONTENT)
        return failed(error, JSON_FAULT_EMPTY, 0);
    if (why->code == YYJSON_READ_ERROR_INVALID_STRING && json_lone_surrogate(source, &at) && at <= why->pos)
        return failed(error, JSON_FAULT_SURROGATE, at);
    return failed(error, why->code == YYJSON_READ_ERROR_UNEXPECTED_CONTENT ? JSON_FAULT_TRAILING : JSON_FAULT_SYNTAX,
                  why->pos < source.len ? why->pos : source.len);
}

static bool stands_before(yyjson_val *object, yyjson_val *key)
{
    for (yyjson_val *before = val_first(object); before < key; before = val_next(before + 1))
        if (str_eq(val_text(before), val_text(key)))
            return true;
    return false;
}

/* A name that stood already in an object of few members, or NULL. */
static yyjson_val *duplicate_of_few(yyjson_val *object, size_t count)
{
    yyjson_val *key = val_first(object);
    uint64_t seen = 0; /* a bit for each sort of name that stood before: most names need no comparison */

    for (; count > 0; count--, key = val_next(key + 1)) {
        struct str name = val_text(key);
        unsigned char last = name.len > 0 ? (unsigned char)name.ptr[name.len - 1] : 0;
        uint64_t bit = (uint64_t)1 << ((name.len * 7 + last) % 64);
        if (seen & bit && stands_before(object, key))
            return key;
        seen |= bit;
    }
    return NULL;
}

static int duplicate_of_many(struct arena *arena, struct json_index *index, yyjson_val *object, size_t count,
                             yyjson_val **duplicate)
{
    int error = json_index_begin(index, arena, count);
    if (error)
        return error;
    yyjson_val *key = val_first(object);
    for (size_t i = 0; i < count; i++, key = val_next(key + 1))
        if (json_index_add(index, key)) {
            *duplicate = key;
            return 0;
        }
    return 0;
}

static yyjson_val *key_with_nul(yyjson_val *object, size_t count)
{
    yyjson_val *key = val_first(object);

    for (size_t i = 0; i < count; i++, key = val_next(key + 1))
        if (!val_is_plain(key) && memchr(unsafe_yyjson_get_str(key), 0, unsafe_yyjson_get_len(key)))
            return key;
    return NULL;
}

/* yyjson unescapes a copy of the source in place: a string there begins as far from the start as here, behind a quote.
 */
static size_t source_offset(const yyjson_doc *doc, yyjson_val *string)
{
    return (size_t)(unsafe_yyjson_get_str(string) - doc->str_pool) - 1;
}

static int check_names(struct arena *arena, const yyjson_doc *doc, struct json_error *error)
{
    struct json_index index = { 0 };
    yyjson_val *val = doc->root, *end = doc->root + doc->val_read;

    for (; val < end; val++) {
        if (!unsafe_yyjson_is_obj(val))
            continue;
        size_t count = unsafe_yyjson_get_len(val);
        yyjson_val *wrong = key_with_nul(val, count);
        if (wrong)
            return failed(error, JSON_FAULT_NUL_KEY, source_offset(doc, wrong));
        if (count <= MEMBERS_INDEXED)
            wrong = duplicate_of_few(val, count);
        else if (duplicate_of_many(arena, &index, val, count, &wrong) != 0)
            return failed(error, JSON_FAULT_MEMORY, 0);
        if (wrong) {
            error->key = val_text(wrong);
            return failed(error, JSON_FAULT_DUPLICATE, source_offset(doc, wrong));
        }
    }
    return 0;
}

int json_parse(struct arena *arena, struct str source, const struct json_limits *limits, const struct json **root,
               struct json_error *error)
{
    const yyjson_alc alc = { alc_malloc, alc_realloc, alc_free, arena };
    yyjson_read_err why;
    size_t offset;

    *error = (struct json_error){ .key = STR_EMPTY };
    *root = NULL;
    enum json_fault fault = json_prescan(source, limits, &offset);
    if (fault != JSON_FAULT_NONE)
        return failed(error, fault, offset);
    /* Not INSITU: the source is read, never written. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)source.ptr, source.len, YYJSON_READ_NUMBER_AS_RAW, &alc, &why);
    if (!doc)
        return refused(error, source, &why);
    int status = check_names(arena, doc, error);
    if (status == 0)
        *root = node_of(doc->root);
    return status;
}
