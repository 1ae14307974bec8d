/* The reader against itself: what it accepts it writes, reads again as equal and finds by pointer, in its source too;
 * and the ceilings hold exactly. The first byte picks the ceilings, the rest is the source. */
#include "json/json.h"

#include "base/check.h"
#include "json/writer.h"

#include <stdint.h>
#include <stdio.h>

#define CEILING ((size_t)64 << 20)
#define NODES_LOCATED 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits tight = { 4096, 40, 8 }, wide = { (size_t)1 << 20, 100000, 64 };

struct measure {
    size_t members, depth;
};

static void measure(const struct json *node, size_t depth, struct measure *sum)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;

    if (json_is(node, JSON_ARRAY) || json_is(node, JSON_OBJECT))
        depth++;
    if (depth > sum->depth)
        sum->depth = depth;
    sum->members += json_count(node);
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        CHECK(str_is_utf8(key) && str_find_byte(key, '\0') == key.len);
        measure(value, depth, sum);
    }
}

static void ceilings_hold(struct arena *arena, struct str source, const struct json *root)
{
    struct measure sum = { 0, 0 };
    struct json_error error;
    const struct json *again;

    measure(root, 0, &sum);
    struct json_limits exact = { source.len, sum.members, sum.depth };
    AZ(json_parse(arena, source, &exact, &again, &error));
    if (sum.depth > 0) {
        exact.depth--;
        CHECK(json_parse(arena, source, &exact, &again, &error) == E_LIMIT && error.fault == JSON_FAULT_TOO_DEEP);
        exact.depth++;
    }
    if (sum.members > 0) {
        exact.members--;
        CHECK(json_parse(arena, source, &exact, &again, &error) == E_LIMIT && error.fault == JSON_FAULT_TOO_MANY);
    }
}

/* The byte that a value of this kind begins with. */
static bool begins(const struct json *node, char c)
{
    switch (json_kind(node)) {
    case JSON_NULL: return c == 'n';
    case JSON_BOOL: return c == (json_bool(node) ? 't' : 'f');
    case JSON_NUMBER: return c == json_number(node).ptr[0];
    case JSON_STRING: return c == '"';
    case JSON_ARRAY: return c == '[';
    case JSON_OBJECT: return c == '{';
    }
    return false;
}

static char byte_at_position(struct str source, size_t line, size_t column)
{
    size_t at = 0;

    for (; line > 1; line--)
        at += str_find_byte(str_slice(source, at, source.len), '\n') + 1;
    at += column - 1;
    CHECK(at < source.len);
    return source.ptr[at];
}

struct walk {
    struct str source;
    const struct json *root;
    struct buf pointer;
    size_t left;
};

static void locate_all(struct walk *walk, const struct json *node)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;
    size_t line, column, index = 0, stem = walk->pointer.len;

    if (walk->left == 0)
        return;
    walk->left--;
    CHECK(json_pointer(walk->root, buf_str(&walk->pointer)) == node);
    json_locate(walk->source, buf_str(&walk->pointer), false, &line, &column);
    CHECK(begins(node, byte_at_position(walk->source, line, column)));
    json_iter_init(&iter, node);
    for (; json_iter_next(&iter, &key, &value); index++) {
        char digits[24];
        struct str token = key;
        if (json_is(node, JSON_ARRAY))
            token = str_of(digits, (size_t)snprintf(digits, sizeof(digits), "%zu", index));
        json_pointer_append(&walk->pointer, token);
        locate_all(walk, value);
        if (json_is(node, JSON_OBJECT)) {
            json_locate(walk->source, buf_str(&walk->pointer), true, &line, &column);
            CHECK(byte_at_position(walk->source, line, column) == '"');
        }
        walk->pointer.len = stem;
    }
}

static void write_whole(struct buf *out, const struct json *root)
{
    struct json_writer writer;

    buf_init(out, CEILING);
    json_write_init(&writer, out);
    json_write_node(&writer, root);
    CHECK(buf_ok(out));
}

static void goes_through(struct arena *arena, const struct json *root)
{
    struct buf first, second;
    struct json_error error;
    const struct json *again;
    bool equal = false;

    write_whole(&first, root);
    CHECK(str_is_utf8(buf_str(&first)));
    const struct json_limits limits = { first.len, wide.members, wide.depth };
    AZ(json_parse(arena, buf_str(&first), &limits, &again, &error));
    write_whole(&second, again);
    CHECK(str_eq(buf_str(&first), buf_str(&second)));
    AZ(json_equal(arena, root, again, &equal));
    CHECK(equal);
    buf_release(&first);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct json_error error;
    const struct json *root;

    if (size == 0)
        return 0;
    struct str source = str_of((const char *)data + 1, size - 1);
    arena_init(&arena, NULL, CEILING);
    int status = json_parse(&arena, source, data[0] & 1 ? &tight : &wide, &root, &error);
    CHECK((status == 0) == (error.fault == JSON_FAULT_NONE) && (status == 0) == (root != NULL));
    CHECK(error.offset <= source.len);
    if (status == 0) {
        struct walk walk = { .source = source, .root = root, .left = NODES_LOCATED };
        goes_through(&arena, root);
        CHECK(str_eq(json_uncommented(&arena, source), source));
        ceilings_hold(&arena, source, root);
        buf_init(&walk.pointer, CEILING);
        locate_all(&walk, root);
        buf_release(&walk.pointer);
    } else {
        size_t line, column;
        json_position(source, error.offset, &line, &column);
        CHECK(json_uncommented(&arena, source).len == source.len);
        json_locate(source, STR("/a/0/b"), true, &line, &column);
    }
    arena_release(&arena);
    return 0;
}
