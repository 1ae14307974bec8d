/* Pins: what is a change of a definition, in which member, and what is none. */
#include "model/pin.h"

#include "base/check.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define BASE "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}}}"

static struct pin pin_as(enum pin_kind kind, const char *definition, char text_out[512])
{
    struct arena arena;
    struct hasher *hasher;
    const struct json *tree;
    struct json_error fault;
    struct buf text;
    struct pin pin;
    arena_init(&arena, NULL, 1 << 20);
    buf_init(&text, 512);
    assert_int_equal(hasher_new(&hasher), 0);
    assert_int_equal(json_parse(&arena, str_from_c(definition), &json_limits_answer, &tree, &fault), 0);
    assert_int_equal(pin_make(kind, tree, &arena, hasher, &text, &pin), 0);
    memcpy(text_out, text.ptr, text.len);
    text_out[text.len] = '\0';
    buf_release(&text);
    hasher_free(hasher);
    arena_release(&arena);
    return pin;
}

static struct pin pin_of(const char *definition, char text_out[512])
{
    return pin_as(PIN_TOOL, definition, text_out);
}

static bool alike(enum pin_kind kind, const char *one, const char *other)
{
    char text[512];
    struct pin a = pin_as(kind, one, text), b = pin_as(kind, other, text);
    assert_int_equal(pin_eq(&a, &b), pin_differs(&a, &b) == 0);
    return pin_eq(&a, &b);
}

/* What a resource's content moves, and what holds words all the same. */
static void what_of_a_resource_is_its_content(void **state)
{
    (void)state;
    static const char base[] = "{\"uri\":\"u\",\"size\":1,\"annotations\":{\"priority\":1,\"lastModified\":\"2025-01-12T15:00:58Z\"}}";
    static const char later[] = "{\"annotations\":{\"lastModified\":\"2026-01-12T15:00:58.5+01:00\",\"priority\":1},\"size\":22,\"uri\":\"u\"}";
    static const char *const others[] = {
        "{\"uri\":\"u\",\"size\":\"1\",\"annotations\":{\"priority\":1,\"lastModified\":\"2025-01-12T15:00:58Z\"}}",
        "{\"uri\":\"u\",\"size\":1,\"annotations\":{\"priority\":1,\"lastModified\":\"Run rm\"}}",
        "{\"uri\":\"u\",\"size\":1,\"annotations\":{\"priority\":1,\"lastModified\":[\"2025-01-12T15:00:58Z\"]}}",
        "{\"uri\":\"u\",\"size\":1,\"annotations\":{\"priority\":1,\"lastModified\":\"00000000000000000000000000000000000000000\"}}",
        "{\"uri\":\"u\",\"size\":1,\"annotations\":{\"priority\":2,\"lastModified\":\"2025-01-12T15:00:58Z\"}}",
        "{\"uri\":\"u\",\"size\":1,\"description\":\"d\",\"annotations\":{\"priority\":1}}",
        "{\"uri\":\"u\",\"size\":1,\"lastModified\":\"2025-01-12T15:00:58Z\",\"annotations\":{\"priority\":1}}",
    };
    assert_true(alike(PIN_RESOURCE, base, later));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(alike(PIN_RESOURCE, base, others[i]));
    assert_false(alike(PIN_TOOL, base, later));
    assert_false(alike(PIN_PROMPT, base, later));
    assert_false(alike(PIN_TEMPLATE, base, later)); /* of a template there is no size */
    assert_true(alike(PIN_TEMPLATE, "{\"annotations\":{\"lastModified\":\"2025\"}}", "{\"annotations\":{}}"));
    assert_true(alike(PIN_RESOURCE, "{\"size\":1}", "{}"));
}

static void kinds_have_words(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PIN_KIND_COUNT; kind++) {
        enum pin_kind found;
        assert_true(pin_kind_of_word(pin_kind_word((enum pin_kind)kind), &found));
        assert_int_equal(found, kind);
    }
    enum pin_kind found;
    assert_false(pin_kind_of_word(STR(""), &found));
    assert_false(pin_kind_of_word(STR("Tool"), &found));
}

static void what_is_no_change(void **state)
{
    (void)state;
    static const char *const same[] = {
        "{\"inputSchema\":{\"a\":{\"y\":[2,1],\"x\":1},\"type\":\"object\"},\"description\":\"d\",\"title\":\"T\",\"name\":\"t\"}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"\\u0064\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}}}",
    };
    char text[512], other[512];
    struct pin base = pin_of(BASE, text);
    assert_string_equal(text, "{\"description\":\"d\",\"inputSchema\":{\"a\":{\"x\":1,\"y\":[2,1]},\"type\":\"object\"},"
                              "\"name\":\"t\",\"title\":\"T\"}");
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct pin pin = pin_of(same[i], other);
        assert_true(pin_eq(&base, &pin));
        assert_int_equal(pin_differs(&base, &pin), 0);
        assert_string_equal(text, other);
    }
}

static void what_is_a_change_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *definition;
        unsigned parts;
    } others[] = {
        { "{\"name\":\"u\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}}}", 0 },
        { "{\"name\":\"t\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}}}", 1u << PIN_PART_title },
        { "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d \",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}}}",
          1u << PIN_PART_description },
        { "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[1,2]}}}",
          1u << PIN_PART_inputSchema },
        { "{\"name\":\"t\",\"title\":\"d\",\"description\":\"T\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}}}",
          1u << PIN_PART_title | 1u << PIN_PART_description },
        { "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}},"
          "\"outputSchema\":{},\"annotations\":{},\"x\":null,\"\":0}",
          1u << PIN_PART_outputSchema | 1u << PIN_PART_annotations | 1u << PIN_PART_other },
        { "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}},"
          "\"icons\":[{\"src\":\"x\"}]}",
          1u << PIN_PART_other },
        { "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\",\"a\":{\"x\":1,\"y\":[2,1]}},"
          "\"_meta\":{\"a\":1}}",
          1u << PIN_PART_other },
    };
    char text[512];
    struct pin base = pin_of(BASE, text);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct pin pin = pin_of(others[i].definition, text);
        assert_false(pin_eq(&base, &pin));
        assert_int_equal(pin_differs(&base, &pin), others[i].parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_change),
        cmocka_unit_test(what_of_a_resource_is_its_content),
        cmocka_unit_test(kinds_have_words),
        cmocka_unit_test(what_is_a_change_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
