/* The writer: its forms, its failures, and that what it wrote is read as what was meant, over random trees. */
#include "json/writer.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "parsed.h"

#define CEILING ((size_t)64 << 20)

static void every_kind_has_its_form(void **state)
{
    (void)state;
    struct json_writer writer;
    struct buf out;
    struct arena arena;

    arena_init(&arena, NULL, CEILING);
    buf_init(&out, CEILING);
    json_write_init(&writer, &out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("text"), STR("a\"b\\c/d\b\f\n\r\t\x01\x1f\x7f\0é😀\u2028"));
    json_write_key(&writer, STR("k\"ey"));
    json_write_array(&writer);
    json_write_int(&writer, 0);
    json_write_int(&writer, INT64_MIN);
    json_write_int(&writer, INT64_MAX);
    json_write_bool(&writer, true);
    json_write_bool(&writer, false);
    json_write_null(&writer);
    json_write_array(&writer);
    json_write_array_end(&writer);
    json_write_object(&writer);
    json_write_object_end(&writer);
    json_write_string(&writer, STR_EMPTY);
    json_write_raw(&writer, STR("{\"raw\":1}"));
    json_write_node(&writer, parsed(&arena, STR(" [ 1.50 , {\"x\" : \"\\u0041\\/\"} ] ")));
    json_write_array_end(&writer);
    json_write_member_int(&writer, STR("int"), -7);
    json_write_member_bool(&writer, STR("bool"), true);
    json_write_member_node(&writer, STR("node"), parsed(&arena, STR("-0.0e-10")));
    json_write_object_end(&writer);
    assert_true(buf_ok(&out));
    assert_true(
        str_eq(buf_str(&out), STR("{\"text\":\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000é😀\u2028\","
                                  "\"k\\\"ey\":[0,-9223372036854775808,9223372036854775807,true,false,null,[],{},\"\","
                                  "{\"raw\":1},[1.50,{\"x\":\"A/\"}]],\"int\":-7,\"bool\":true,\"node\":-0.0e-10}")));
    buf_release(&out);
    arena_release(&arena);
}

/* An escape at every place of strings of every length around the writer's step. */
static void escapes_are_seen_at_every_place(void **state)
{
    (void)state;
    static const char special[] = { '"', '\\', '\n', '\0', '\x1f' };

    for (size_t len = 1; len < 40; len++)
        for (size_t place = 0; place < len; place++)
            for (size_t i = 0; i < ARRAY_LEN(special); i++) {
                char text[40];
                struct buf out;
                struct json_writer writer;
                struct arena arena;

                memset(text, 'x', sizeof(text));
                text[place] = special[i];
                buf_init(&out, CEILING);
                arena_init(&arena, NULL, CEILING);
                json_write_init(&writer, &out);
                json_write_string(&writer, str_of(text, len));
                assert_true(str_eq(json_string(parsed(&arena, buf_str(&out))), str_of(text, len)));
                arena_release(&arena);
                buf_release(&out);
            }
}

static void what_is_not_utf8_is_not_written(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        { "\xff", 1 }, { "\xc0\xaf", 2 }, { "a\xed\xa0\x80", 4 }, { "12345678\xe2\x82", 10 }
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct json_writer writer;
        struct buf out;

        buf_init(&out, CEILING);
        json_write_init(&writer, &out);
        json_write_string(&writer, wrong[i]);
        assert_false(buf_ok(&out));
        buf_reset(&out);
        json_write_init(&writer, &out);
        json_write_object(&writer);
        json_write_member_int(&writer, wrong[i], 1);
        json_write_object_end(&writer);
        assert_false(buf_ok(&out));
        buf_release(&out);
    }
}

/* A generator that gives the same on every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15;
    uint64_t z = *seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static unsigned below(uint64_t *seed, unsigned limit)
{
    return (unsigned)(next_random(seed) % limit);
}

static struct str random_text(uint64_t *seed, char *out, size_t max)
{
    static const char *const pieces[] = { "a",      "Z",    "7",    "\"", "\\",     "/",      "\n", "\t",
                                          "\x01",   "\x1f", "\x7f", "é",  "\u2028", "漢",     "😀",  "\ufeff",
                                          "\u202e", " ",    "{",    "]",  ",",      "\\u0041" };
    size_t len = 0, wanted = below(seed, (unsigned)max - 8);

    while (len < wanted) {
        const char *piece = pieces[below(seed, ARRAY_LEN(pieces))];
        size_t size = strlen(piece);
        memcpy(out + len, piece, size);
        len += size;
    }
    if (below(seed, 8) == 0)
        out[len++] = '\0';
    return str_of(out, len);
}

static void write_random(struct json_writer *writer, uint64_t *seed, unsigned depth)
{
    static const char *const numbers[] = { "0",        "-0",
                                           "1",        "-1.50",
                                           "1e400",    "1E-7",
                                           "0.1",      "9007199254740993",
                                           "1e999999", "123456789012345678901234567890.5" };
    char text[64];
    unsigned count;

    switch (below(seed, depth > 6 ? 6 : 8)) {
    case 0: json_write_null(writer); return;
    case 1: json_write_bool(writer, below(seed, 2)); return;
    case 2: json_write_int(writer, (int64_t)next_random(seed)); return;
    case 3: json_write_raw(writer, str_from_c(numbers[below(seed, ARRAY_LEN(numbers))])); return;
    case 4:
    case 5: json_write_string(writer, random_text(seed, text, 40)); return;
    case 6:
        json_write_array(writer);
        for (count = below(seed, 5); count > 0; count--)
            write_random(writer, seed, depth + 1);
        json_write_array_end(writer);
        return;
    default:
        json_write_object(writer);
        for (count = below(seed, below(seed, 10) ? 5 : 40); count > 0; count--) {
            struct str name = random_text(seed, text, 40);
            if (name.len > 0 && name.ptr[name.len - 1] == '\0')
                name.len--;
            name.len += (size_t)snprintf(text + name.len, sizeof(text) - name.len, "%u", count); /* no name twice */
            json_write_key(writer, name);
            write_random(writer, seed, depth + 1);
        }
        json_write_object_end(writer);
    }
}

/* The same tree, members of each object turned round. */
static void write_turned(struct json_writer *writer, const struct json *node)
{
    struct json_iter iter;
    struct str key;
    const struct json *value;

    if (!json_is(node, JSON_OBJECT) && !json_is(node, JSON_ARRAY)) {
        json_write_node(writer, node);
    } else if (json_is(node, JSON_ARRAY)) {
        json_write_array(writer);
        json_iter_init(&iter, node);
        while (json_iter_next(&iter, &key, &value))
            write_turned(writer, value);
        json_write_array_end(writer);
    } else {
        json_write_object(writer);
        for (size_t left = json_count(node); left > 0; left--) {
            json_iter_init(&iter, node);
            for (size_t i = 0; i < left; i++)
                assert_true(json_iter_next(&iter, &key, &value));
            json_write_key(writer, key);
            write_turned(writer, value);
        }
        json_write_object_end(writer);
    }
}

static void random_trees_go_through(void **state)
{
    (void)state;
    struct buf first, second;
    struct arena_pool pool;
    struct arena arena;
    struct json_writer writer;

    buf_init(&first, CEILING);
    buf_init(&second, CEILING);
    arena_pool_init(&pool, 4);
    arena_init(&arena, &pool, CEILING);
    for (uint64_t round = 0; round < 3000; round++) {
        uint64_t seed = round;

        buf_reset(&first);
        json_write_init(&writer, &first);
        write_random(&writer, &seed, 0);
        assert_true(buf_ok(&first));
        const struct json *root = parsed(&arena, buf_str(&first));
        buf_reset(&second);
        json_write_init(&writer, &second);
        json_write_node(&writer, root);
        if (!str_eq(buf_str(&first), buf_str(&second)))
            fail_msg("round %u: %" STR_FMT, (unsigned)round, STR_ARG(buf_str(&first)));

        buf_reset(&second);
        json_write_init(&writer, &second);
        write_turned(&writer, root);
        const struct json *turned = parsed(&arena, buf_str(&second));
        assert_true(are_equal(&arena, root, turned));
        assert_true(are_equal(&arena, turned, root));
        arena_reset(&arena);
    }
    arena_release(&arena);
    arena_pool_release(&pool);
    buf_release(&first);
    buf_release(&second);
}

static void a_ceiling_stops_the_writer_for_good(void **state)
{
    (void)state;
    struct arena arena;
    struct buf whole;
    struct json_writer writer;

    arena_init(&arena, NULL, CEILING);
    buf_init(&whole, CEILING);
    const struct json *root = parsed(&arena, STR("{\"a\":[1,\"two\\n\",null,true],\"b\":{\"c\":\"ddddddddddd\"}}"));
    json_write_init(&writer, &whole);
    json_write_node(&writer, root);
    for (size_t max = 0; max <= whole.len + 1; max++) {
        struct buf out;
        buf_init(&out, max);
        json_write_init(&writer, &out);
        json_write_node(&writer, root);
        assert_int_equal(buf_ok(&out), max >= whole.len);
        assert_true(out.len <= max);
        assert_memory_equal(buf_str(&out).ptr, whole.ptr, out.len);
        buf_release(&out);
    }
    buf_release(&whole);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_form),
        cmocka_unit_test(escapes_are_seen_at_every_place),
        cmocka_unit_test(what_is_not_utf8_is_not_written),
        cmocka_unit_test(random_trees_go_through),
        cmocka_unit_test(a_ceiling_stops_the_writer_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
