/* The look-up over a server's list: exact names, and none that stands twice. */
#include "model/reason.h"
#include "model/server.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct definitions *made_of(const char *const *names, size_t count)
{
    struct definitions *definitions = definitions_new(1 << 20);
    assert_non_null(definitions);
    definitions->tools = arena_zalloc(&definitions->arena, count * sizeof *definitions->tools);
    assert_non_null(definitions->tools);
    definitions->tool_count = count;
    for (size_t i = 0; i < count; i++)
        definitions->tools[i].name = str_from_c(names[i]);
    return definitions;
}

static void a_name_that_stands_twice_is_in_none(void **state)
{
    (void)state;
    const char *const names[] = { "b", "a", "b", "c", "b" };
    struct definitions *definitions = made_of(names, 5);
    size_t dropped;
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    assert_int_equal(dropped, 3);
    assert_int_equal(definitions->tool_count, 2);
    assert_null(definitions_tool(definitions, STR("b")));
    assert_ptr_equal(definitions_tool(definitions, STR("a")), &definitions->tools[0]);
    assert_ptr_equal(definitions_tool(definitions, STR("c")), &definitions->tools[1]);
    assert_null(definitions_tool(definitions, STR("A")));
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    assert_int_equal(dropped, 0);
    assert_ptr_equal(definitions_tool(definitions, STR("c")), &definitions->tools[1]);
    definitions_unref(definitions_ref(definitions));
    definitions_unref(definitions);
    definitions_unref(NULL);
}

static void a_prompt_finds_the_tool_of_its_name(void **state)
{
    (void)state;
    const char *const names[] = { "get_jobs", "Send-All", "x_y", "X-y" };
    struct definitions *definitions = made_of(names, 4);
    struct str name = prompt_name(&definitions->arena, STR("Get-Jobs"));
    size_t dropped;
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    assert_ptr_equal(definitions_tool_of_prompt(definitions, name), &definitions->tools[0]);
    assert_ptr_equal(definitions_tool_of_prompt(definitions, STR("send_all")), &definitions->tools[1]);
    assert_null(definitions_tool_of_prompt(definitions, STR("send-all")));
    assert_int_equal(definitions_tool_of_prompt(definitions, STR("x_y"))->name.len, 0);
    assert_null(definitions_tool_of_prompt(definitions, STR("other")));
    definitions_unref(definitions);
}

static void a_prompt_is_there_under_its_very_name(void **state)
{
    (void)state;
    struct item prompts[] = { { .name = STR("guide") }, { .name = STR("send-all") } };
    struct definitions *definitions = definitions_new(1 << 20);
    definitions->prompts = prompts;
    definitions->prompt_count = 2;
    size_t dropped;
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    assert_non_null(definitions_item(definitions, PIN_PROMPT, STR("send-all")));
    assert_null(definitions_item(definitions, PIN_PROMPT, STR("send_all")));
    assert_null(definitions_item(definitions, PIN_PROMPT, STR("")));
    assert_null(definitions_item(definitions, PIN_RESOURCE, STR("send-all")));
    definitions_unref(definitions);
}

static void a_template_may_make_a_uri(void **state)
{
    (void)state;
    static const struct {
        const char *template, *uri;
        bool may;
    } cases[] = {
        { "file:///{path}", "file:///a/b", true },
        { "file:///{path}", "file:///", true },
        { "file:///{path}", "file://a", false },
        { "db://{table}/rows/{id}.json", "db://t/rows/1.json", true },
        { "db://{table}/rows/{id}.json", "db://t/rows/1.xml", false },
        { "a{x}a", "a", false }, /* not one byte for both */
        { "a{x}a", "aa", true },
        { "{+all}", "anything", true },
        { "plain", "plain", true },
        { "plain", "plain2", false },
        { "a{open", "b", true },
        { "}a{b", "x", true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(template_may_make(str_from_c(cases[i].template), str_from_c(cases[i].uri)), cases[i].may);
}

static void an_empty_list_has_nothing(void **state)
{
    (void)state;
    struct definitions *definitions = definitions_new(1 << 20);
    size_t dropped;
    assert_int_equal(definitions_index(definitions, &dropped), 0);
    assert_null(definitions_tool(definitions, STR("a")));
    definitions_unref(definitions);
}

static void every_reason_is_found_by_its_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        enum reason found;
        assert_true(reason_parse(reason_row((enum reason)i)->name, &found));
        assert_int_equal(found, i);
        assert_true(reason_row(found)->text.len > 0);
    }
    enum reason none;
    assert_false(reason_parse(STR("rate_limite"), &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_stands_twice_is_in_none),
        cmocka_unit_test(a_prompt_finds_the_tool_of_its_name),
        cmocka_unit_test(a_prompt_is_there_under_its_very_name),
        cmocka_unit_test(an_empty_list_has_nothing),
        cmocka_unit_test(a_template_may_make_a_uri),
        cmocka_unit_test(every_reason_is_found_by_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
