/* JSONTestSuite: every case of it, from the module that script/setup installs, with its raw bytes where it has lost
 * them. A case that is accepted is also written and read again. */
#include "json/json.h"

#include "base/check.h"
#include "base/encode.h"
#include "json/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CEILING ((size_t)64 << 20)
#define RAW_MAX 64

static const struct json_limits wide = { (size_t)1 << 24, 100000, 64 };

static const struct {
    const char *name;
    const char *hex;
} raw_cases[] = {
#define RAW(name, hex) { name, hex },
#include "json_test_suite_raw.def"
#undef RAW
};

static const struct {
    const char *name;
    enum json_fault fault;
} our_cases[] = {
#define OURS(name, fault, why) { name, JSON_FAULT_##fault },
#include "json_test_suite_ours.def"
#undef OURS
};

static const char *module_path;

struct suite {
    struct arena arena;
    struct buf file;
    const struct json *cases;
};

static int read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char *to;
    size_t got = 0;

    if (!file)
        return E_IO;
    while ((to = buf_reserve(out, 65536)) != NULL && (got = fread(to, 1, 65536, file)) > 0)
        out->len += got;
    int failed = ferror(file) || !buf_ok(out);
    fclose(file);
    return failed ? E_IO : 0;
}

/* The module is "export default", and then JSON. */
static int set_up(void **state)
{
    static struct suite suite;
    struct json_error error;

    buf_init(&suite.file, CEILING);
    arena_init(&suite.arena, NULL, CEILING);
    if (read_file(module_path, &suite.file) != 0) {
        print_error("%s is not there: run script/setup --test\n", module_path);
        return -1;
    }
    struct str text = buf_str(&suite.file);
    text = str_slice(text, str_find_byte(text, '['), text.len);
    if (json_parse(&suite.arena, text, &wide, &suite.cases, &error) != 0) {
        print_error("%s: %s\n", module_path, json_fault_text(error.fault));
        return -1;
    }
    *state = &suite;
    return 0;
}

static int tear_down(void **state)
{
    struct suite *suite = *state;

    if (!suite)
        return 0;
    arena_release(&suite->arena);
    buf_release(&suite->file);
    return 0;
}

/* The case's name without ".json". */
static struct str name_of(const struct json *one)
{
    struct str name = json_string(json_get(one, STR("name")));
    assert_true(str_ends_with(name, STR(".json")));
    return str_slice(name, 0, name.len - 5);
}

static struct str source_of(const struct json *one, char raw[RAW_MAX])
{
    struct str name = name_of(one);

    for (size_t i = 0; i < ARRAY_LEN(raw_cases); i++)
        if (str_eq(name, str_from_c(raw_cases[i].name))) {
            struct str hex = str_from_c(raw_cases[i].hex);
            assert_int_equal(hex_decode(hex, raw, hex.len / 2), 0);
            return str_of(raw, hex.len / 2);
        }
    return json_string(json_get(one, STR("input")));
}

/* What is expected: a fault, or -1 for any. */
static int expected_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(our_cases); i++)
        if (str_eq(name, str_from_c(our_cases[i].name)))
            return (int)our_cases[i].fault;
    if (name.ptr[0] == 'i')
        fail_msg("%" STR_FMT " is in no table", STR_ARG(name));
    return name.ptr[0] == 'y' ? JSON_FAULT_NONE : -1;
}

/* Read from memory of just its size, so that a step beyond the end is seen. */
static int parse_exact(struct arena *arena, struct str source, const struct json **root, struct json_error *error)
{
    char *exact = malloc(source.len > 0 ? source.len : 1);

    assert_non_null(exact);
    if (source.len > 0)
        memcpy(exact, source.ptr, source.len);
    int status = json_parse(arena, str_of(exact, source.len), &wide, root, error);
    free(exact);
    return status;
}

static void write_and_read_again(struct arena *arena, const struct json *root)
{
    struct buf first, second;
    struct json_writer writer;
    struct json_error error;
    const struct json *again;
    bool equal = false;

    buf_init(&first, CEILING);
    buf_init(&second, CEILING);
    json_write_init(&writer, &first);
    json_write_node(&writer, root);
    assert_true(buf_ok(&first));
    assert_int_equal(parse_exact(arena, buf_str(&first), &again, &error), 0);
    json_write_init(&writer, &second);
    json_write_node(&writer, again);
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
    assert_int_equal(json_equal(arena, root, again, &equal), 0);
    assert_true(equal);
    buf_release(&first);
    buf_release(&second);
}

static void every_case_is_as_expected(void **state)
{
    struct suite *suite = *state;
    struct json_iter iter;
    struct str none;
    const struct json *one;
    size_t wrong = 0;

    json_iter_init(&iter, suite->cases);
    while (json_iter_next(&iter, &none, &one)) {
        struct str name = name_of(one);
        int expected = expected_of(name);
        char raw[RAW_MAX];
        struct arena arena;
        struct json_error error;
        const struct json *root;

        arena_init(&arena, NULL, CEILING);
        int status = parse_exact(&arena, source_of(one, raw), &root, &error);
        if (status == 0 ? expected != JSON_FAULT_NONE : expected != -1 && expected != (int)error.fault) {
            print_error("%" STR_FMT ": %s\n", STR_ARG(name), json_fault_text(error.fault));
            wrong++;
        }
        if (status == 0)
            write_and_read_again(&arena, root);
        arena_release(&arena);
    }
    assert_int_equal(wrong, 0);
}

static const struct json *case_named(const struct suite *suite, struct str name)
{
    struct json_iter iter;
    struct str none;
    const struct json *one;

    json_iter_init(&iter, suite->cases);
    while (json_iter_next(&iter, &none, &one))
        if (str_eq(name_of(one), name))
            return one;
    return NULL;
}

/* A renamed or lost case must not make a row idle, nor the suite smaller. */
static void the_suite_is_whole(void **state)
{
    const struct suite *suite = *state;
    size_t counts[3] = { 0 };
    struct json_iter iter;
    struct str none;
    const struct json *one;

    json_iter_init(&iter, suite->cases);
    while (json_iter_next(&iter, &none, &one))
        for (size_t i = 0; i < 3; i++)
            counts[i] += name_of(one).ptr[0] == "yni"[i];
    assert_int_equal(counts[0], 95);
    assert_int_equal(counts[1], 188);
    assert_int_equal(counts[2], 35);
    for (size_t i = 0; i < ARRAY_LEN(raw_cases); i++)
        if (!case_named(suite, str_from_c(raw_cases[i].name)))
            fail_msg("%s is no case", raw_cases[i].name);
    for (size_t i = 0; i < ARRAY_LEN(our_cases); i++)
        if (!case_named(suite, str_from_c(our_cases[i].name)))
            fail_msg("%s is no case", our_cases[i].name);
}

/* No other case lost bytes on its way into the module: the mark of a lost one stands in no other. */
static void no_case_has_lost_bytes(void **state)
{
    const struct suite *suite = *state;
    struct json_iter iter;
    struct str none;
    const struct json *one;
    char raw[RAW_MAX];

    json_iter_init(&iter, suite->cases);
    while (json_iter_next(&iter, &none, &one)) {
        struct str source = source_of(one, raw);
        if (str_find(source, STR("\ufffd")) < source.len)
            fail_msg("%" STR_FMT " has lost bytes", STR_ARG(name_of(one)));
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_as_expected),
        cmocka_unit_test(the_suite_is_whole),
        cmocka_unit_test(no_case_has_lost_bytes),
    };

    if (count != 2) {
        fprintf(stderr, "usage: %s PARSING.JS\n", arguments[0]);
        return 2;
    }
    module_path = arguments[1];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
