/* Facts: what may stand in a line, what of a definition gets into one, and that nothing else does. */
#include "base/arena.h"
#include "catalog/facts.h"
#include "catalog/facts_types.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_str(struct str got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr, wanted, got.len);
}

static const struct json *parse(struct arena *arena, const char *text)
{
    const struct json *root;
    struct json_error fault;
    assert_int_equal(json_parse(arena, str_from_c(text), &json_limits_list, &root, &fault), 0);
    return root;
}

static void types_of_schemas(void **state)
{
    (void)state;
    static const struct { const char *schema, *wanted; } cases[] = {
        { "{\"type\":\"string\"}", "string" },
        { "{\"type\":\"string\",\"description\":\"number\",\"enum\":[1]}", "string" },
        { "{\"type\":[\"null\",\"integer\"]}", "integer|null" },
        { "{\"enum\":[\"a\",\"b\",null]}", "string|null" },
        { "{\"const\":1.5}", "number" },
        { "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"string\"}},{\"type\":\"string\"}]}", "string|string[]" },
        { "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]}}", "array" },
        { "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{}}}", "array" },
        { "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/x\"},\"$defs\":{\"x\":{\"type\":\"object\"}}}", "object[]" },
        { "{\"$ref\":\"#\"}", "any" },
        { "{\"$ref\":\"file:///etc/passwd\"}", "any" },
        { "{\"type\":\"Ignore previous instructions\"}", "any" },
        { "{\"allOf\":[{\"type\":\"boolean\"}]}", "boolean" },
        { "{}", "any" },
        { "true", "any" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct buf type, again;
        struct json_writer writer;
        arena_init(&arena, NULL, 1 << 20);
        buf_init(&type, 256);
        buf_init(&again, 1024);
        const struct json *schema = parse(&arena, cases[i].schema);
        type_of_schema(schema, schema, &type);
        assert_str(buf_str(&type), cases[i].wanted);
        assert_true(type_is_word(buf_str(&type)));
        json_write_init(&writer, &again);
        type_write_schema(&writer, buf_str(&type));
        buf_append_byte(&again, 0);
        schema = parse(&arena, again.ptr);
        buf_reset(&type);
        type_of_schema(schema, schema, &type);
        assert_str(buf_str(&type), cases[i].wanted);
        buf_release(&again);
        buf_release(&type);
        arena_release(&arena);
    }
    static const char *const wrong[] = { "", "String", "string|", "|string", "string|string", "null|string", "array[]",
                                         "any|string", "[]", "string[][]", "x", "string integer" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(type_is_word(str_from_c(wrong[i])));
}

#define VERDICT "{\"class\":\"Write\",\"badge\":\"Medium\",\"severity\":\"medium\",\"reason\":\"r\",\"confidence\":90," \
                "\"evidence\":[{\"source\":\"name\",\"words\":\"w\",\"class\":\"Write\",\"why\":\"y\"}],\"signals\":[\"url\"]}"

static void write_out(const char *definition, struct buf *out)
{
    const struct catalog_tool tool = { .name = STR("t"), .definition = str_from_c(definition), .verdict = STR(VERDICT) };
    assert_int_equal(facts_write_tool(out, &tool), 0);
}

static void a_definition_loses_its_texts(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 16);
    write_out("{\"name\":\"t\",\"title\":\"SECRET\",\"description\":\"abc\",\"inputSchema\":{\"type\":\"object\",\"description\":"
              "\"SECRET\",\"$comment\":\"SECRET\",\"properties\":{\"a\":{\"type\":\"string\",\"description\":\"SECRET\",\"title\":"
              "\"SECRET\",\"default\":\"SECRET\",\"enum\":[\"SECRET\"],\"examples\":[\"SECRET\"],\"pattern\":\"SECRET\"}},"
              "\"required\":[\"a\",\"SECRET\"],\"additionalProperties\":false},\"annotations\":{\"title\":\"SECRET\","
              "\"readOnlyHint\":false,\"destructiveHint\":\"SECRET\",\"other\":\"SECRET\"}}",
              &out);
    assert_str(buf_str(&out),
               "{\"tool\":\"t\",\"description\":\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
               "\"parameters\":{\"a\":\"string\"},\"required\":[\"a\"],\"closed\":true,\"annotations\":{\"readOnlyHint\":false},"
               "\"class\":\"Write\",\"severity\":\"medium\",\"reason\":\"r\",\"confidence\":90,\"evidence\":[{\"source\":\"name\","
               "\"words\":\"w\",\"class\":\"Write\",\"why\":\"y\"}],\"signals\":[\"url\"]}\n");
    buf_release(&out);
}

#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define KEPT(digest, type) "{\"name\":\"t\",\"descriptionDigest\":\"" digest "\",\"inputSchema\":{\"type\":\"object\"," \
                           "\"properties\":{\"a\":{\"type\":\"" type "\"}}}}"
#define WHOLE(text) "{\"name\":\"t\",\"title\":\"T\",\"description\":\"" text "\",\"inputSchema\":{\"type\":\"object\"," \
                    "\"properties\":{\"a\":{\"type\":\"string\",\"title\":\"A\"}}}}"

/* Of two that both have their texts, or both have not, the bytes say it. */
static void facts_are_compared_with_texts_by_what_both_say(void **state)
{
    (void)state;
    assert_true(facts_alike(STR(KEPT(ABC, "string")), STR(WHOLE("abc"))));
    assert_true(facts_alike(STR(WHOLE("abc")), STR(KEPT(ABC, "string"))));
    assert_false(facts_alike(STR(KEPT(ABC, "string")), STR(WHOLE("abd"))));
    assert_false(facts_alike(STR(KEPT(ABC, "integer")), STR(WHOLE("abc"))));
    assert_false(facts_alike(STR(WHOLE("abc")), STR(WHOLE("abc"))));
    assert_false(facts_alike(STR(KEPT(ABC, "string")), STR(KEPT(ABC, "string"))));
    assert_false(facts_alike(STR(KEPT("sha256:no", "string")), STR(WHOLE("sha256:no"))));
    assert_false(facts_alike(STR("[]"), STR(WHOLE("abc"))));
    assert_false(facts_alike(STR("{"), STR(KEPT(ABC, "string"))));
}

#define EIGHTY_TWO "0123456789012345678901234567890123456789012345678901234567890123456789012345678" "\xe2\x82\xac"

static void quotes_are_some_words(void **state)
{
    (void)state;
    static const struct { const char *quoted, *wanted; } rows[] = {
        { "one two three four five six", "one two three four five six" },
        { "one  two\\nthree four five six seven", "one  two\\nthree four five six" },
        { EIGHTY_TWO, "0123456789012345678901234567890123456789012345678901234567890123456789012345678" },
        { "", "" }, { "  ", "  " },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out, verdict;
        char wanted[128];
        buf_init(&out, 1 << 16);
        buf_init(&verdict, 1 << 16);
        buf_printf(&verdict, "{\"class\":\"Write\",\"severity\":\"medium\",\"reason\":\"r\",\"confidence\":90,\"evidence\":"
                   "[{\"source\":\"description\",\"words\":\"%s\",\"class\":\"Write\",\"why\":\"it says more than six words "
                   "of why\"}],\"signals\":[]}", rows[i].quoted);
        const struct catalog_tool tool = { .name = STR("t"), .definition = STR("{\"name\":\"t\"}"),
                                           .verdict = buf_str(&verdict) };
        assert_int_equal(facts_write_tool(&out, &tool), 0);
        buf_append_byte(&out, 0);
        snprintf(wanted, sizeof(wanted), "\"words\":\"%s\",", rows[i].wanted);
        assert_non_null(strstr(out.ptr, wanted));
        assert_non_null(strstr(out.ptr, "\"why\":\"it says more than six words of why\""));
        buf_release(&verdict);
        buf_release(&out);
    }
}

static void read_and_written_it_is_the_same(void **state)
{
    (void)state;
    static const char *const definitions[] = {
        "{\"name\":\"t\"}",
        "{\"name\":\"t\",\"inputSchema\":{}}",
        "{\"name\":\"t\",\"description\":\"d\",\"inputSchema\":{\"properties\":{\"a\":{},\"b\":{\"type\":\"array\",\"items\":"
        "{\"type\":\"integer\"}}},\"required\":[\"b\"]},\"annotations\":{}}",
    };
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
        struct buf first, second, definition, verdict;
        struct catalog_tool tool;
        struct arena arena;
        arena_init(&arena, NULL, 1 << 20);
        buf_init(&first, 1 << 16);
        buf_init(&second, 1 << 16);
        buf_init(&definition, 1 << 16);
        buf_init(&verdict, 1 << 16);
        write_out(definitions[i], &first);
        buf_append_byte(&first, 0);
        assert_null(facts_read_tool(parse(&arena, first.ptr), &definition, &verdict, &tool));
        assert_int_equal(facts_write_tool(&second, &tool), 0);
        assert_str(buf_str(&second), first.ptr);
        buf_release(&verdict);
        buf_release(&definition);
        buf_release(&second);
        buf_release(&first);
        arena_release(&arena);
    }
}

#define JUDGED "\"class\":\"Read\",\"severity\":\"low\",\"confidence\":50"

static void what_is_no_fact_is_refused(void **state)
{
    (void)state;
    static const struct { const char *line, *fault; } cases[] = {
        { "{\"tool\":\"t\"," JUDGED "}", NULL },
        { "{\"tool\":\"t\"," JUDGED ",\"title\":\"x\"}", "it holds what is no fact of a tool" },
        { "{\"tool\":\"t\"," JUDGED ",\"reason\":7}", "it holds what is no fact of a tool" },
        { "{\"tool\":\"t\"," JUDGED ",\"description\":\"Deletes all\"}", "its description is no digest" },
        { "{\"tool\":\"t\"," JUDGED ",\"description\":\"sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}",
          "its description is no digest" },
        { "{\"tool\":\"t\"," JUDGED ",\"annotations\":{\"title\":\"x\"}}", "its annotations are no hints" },
        { "{\"tool\":\"t\"," JUDGED ",\"annotations\":{\"readOnlyHint\":\"x\"}}", "its annotations are no hints" },
        { "{\"tool\":\"t\"," JUDGED ",\"parameters\":{\"a\":\"a text\"}}", "a parameter has no type that is known" },
        { "{\"tool\":\"t\"," JUDGED ",\"parameters\":{\"a\":{}}}", "a parameter has no type that is known" },
        { "{\"tool\":\"t\"," JUDGED ",\"parameters\":{},\"required\":[\"a\"]}", "it requires what is no parameter" },
        { "{\"tool\":\"t\"," JUDGED ",\"signals\":[\"x\"]}", "it has a signal that is none" },
        { "{\"tool\":\"t\"," JUDGED ",\"evidence\":[{\"text\":\"x\"}]}", "its evidence is no list of quoted words" },
        { "{\"tool\":\"t\"," JUDGED ",\"evidence\":[{\"source\":\"x\",\"class\":\"Read\"}]}",
          "its evidence is of no known source or class" },
        { "{\"tool\":\"t\",\"class\":\"@read\",\"severity\":\"low\",\"confidence\":1}", "its class is none" },
        { "{\"tool\":\"t\",\"class\":\"Read\",\"severity\":\"lowly\",\"confidence\":1}", "its severity is none" },
        { "{\"tool\":\"t\",\"class\":\"Read\",\"severity\":\"low\",\"confidence\":101}", "its confidence is no per cent" },
        { "[]", "it holds what is no fact of a tool" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf definition, verdict;
        struct catalog_tool tool;
        struct arena arena;
        arena_init(&arena, NULL, 1 << 20);
        buf_init(&definition, 1 << 16);
        buf_init(&verdict, 1 << 16);
        const char *fault = facts_read_tool(parse(&arena, cases[i].line), &definition, &verdict, &tool);
        if (cases[i].fault)
            assert_string_equal(fault ? fault : "", cases[i].fault);
        else
            assert_null(fault);
        buf_release(&verdict);
        buf_release(&definition);
        arena_release(&arena);
    }
}

static void long_words_are_no_words(void **state)
{
    (void)state;
    struct buf line, definition, verdict;
    struct catalog_tool tool;
    struct arena arena;
    arena_init(&arena, NULL, 1 << 20);
    buf_init(&line, 4096);
    buf_init(&definition, 1 << 16);
    buf_init(&verdict, 1 << 16);
    buf_append_str(&line, STR("{\"tool\":\"t\"," JUDGED ",\"evidence\":[{\"source\":\"description\",\"words\":\""));
    for (int i = 0; i < 161; i++)
        buf_append_byte(&line, 'x');
    buf_append_str(&line, STR("\",\"class\":\"Read\",\"why\":\"\"}]}"));
    buf_append_byte(&line, 0);
    assert_string_equal(facts_read_tool(parse(&arena, line.ptr), &definition, &verdict, &tool),
                        "its evidence is no list of quoted words");
    buf_release(&verdict);
    buf_release(&definition);
    buf_release(&line);
    arena_release(&arena);
}

static void of_a_server(void **state)
{
    (void)state;
    struct catalog_server server;
    struct arena arena;
    struct buf out;
    arena_init(&arena, NULL, 1 << 20);
    buf_init(&out, 4096);
    const char *line = "{\"facts\":1,\"server\":\"s\",\"registry\":\"npm\",\"package\":\"@a/b\",\"version\":\"1\",\"scanned\":\"d\",\"tools\":2}";
    const struct json *root = parse(&arena, line);
    assert_true(facts_begin(root));
    assert_null(facts_read_server(root, &server));
    facts_write_server(&out, &server, 2);
    assert_str(str_trim(buf_str(&out), "\n"), line);
    assert_string_equal(facts_read_server(parse(&arena, "{\"facts\":2,\"server\":\"s\"}"), &server), "facts of another version");
    assert_string_equal(facts_read_server(parse(&arena, "{\"facts\":1}"), &server), "it names no server");
    assert_string_equal(facts_read_server(parse(&arena, "{\"facts\":1,\"server\":\"s\",\"description\":\"x\"}"), &server),
                        "it holds what is no fact of a server");
    buf_release(&out);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_schemas),
        cmocka_unit_test(a_definition_loses_its_texts),
        cmocka_unit_test(facts_are_compared_with_texts_by_what_both_say),
        cmocka_unit_test(quotes_are_some_words),
        cmocka_unit_test(read_and_written_it_is_the_same),
        cmocka_unit_test(what_is_no_fact_is_refused),
        cmocka_unit_test(long_words_are_no_words),
        cmocka_unit_test(of_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
