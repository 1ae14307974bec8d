/* A server's lists: whole tables only, nothing ambiguous in them, and no server that keeps us busy for ever. */
#include "memory.h"

#include "base/digest.h"

static struct memory *begin(struct rig *rig, const char *capabilities)
{
    char hello[256];
    rig_init(rig, NULL);
    assert_int_equal(upstream_new_with_back(&rig->services, &rig->server, &rig->events, &memory_back, &rig->upstream),
                     0);
    upstream_start(rig->upstream);
    snprintf(hello, sizeof(hello),
             "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":%s,\"instructions\":\"Do \\\"this\\\".\"}",
             capabilities);
    return memory_shake(rig, hello);
}

static void test_all_lists(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control =
        begin(&rig, "{\"tools\":{\"listChanged\":true},\"prompts\":{},\"resources\":{},\"completions\":{}}");
    assert_string_equal(control->last, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\",\"params\":{}}");
    memory_answer(
        control,
        "{\"tools\":[ {\"name\":\"b\", \"inputSchema\":{\"type\":\"object\"}, \"x\":1.50} ],\"nextCursor\":\"\"}");
    assert_string_equal(control->last,
                        "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/list\",\"params\":{\"cursor\":\"\"}}");
    memory_answer(control, "{\"tools\":[{\"name\":\"a\\u0062\",\"inputSchema\":{}}],\"nextCursor\":\"c\\\"d\\n\"}");
    assert_string_equal(
        control->last,
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/list\",\"params\":{\"cursor\":\"c\\\"d\\n\"}}");
    memory_answer(control, "{\"tools\":[],\"nextCursor\":null}");
    assert_non_null(strstr(control->last, "\"method\":\"prompts/list\""));
    memory_answer(control, "{\"prompts\":[{\"name\":\"p\"}]}");
    assert_non_null(strstr(control->last, "\"method\":\"resources/list\""));
    memory_answer(control, "{\"resources\":[{\"uri\":\"file:///a\",\"name\":\"a\"}]}");
    assert_non_null(strstr(control->last, "\"method\":\"resources/templates/list\""));
    assert_int_equal(rig.tables, 0);
    assert_null(upstream_definitions(rig.upstream));
    memory_answer(control, "{\"resourceTemplates\":[{\"uriTemplate\":\"file:///{p}\"}]}");

    assert_int_equal(rig.tables, 1);
    const struct definitions *definitions = upstream_definitions(rig.upstream);
    assert_int_equal(definitions->tool_count, 2);
    assert_int_equal(definitions->prompt_count, 1);
    assert_int_equal(definitions->resource_count, 1);
    assert_int_equal(definitions->template_count, 1);
    assert_true(definitions->has_tools && definitions->has_prompts && definitions->has_resources &&
                definitions->has_completions);
    assert_true(str_eq(definitions->instructions, STR("Do \"this\".")));
    assert_true(str_eq(definitions->instructions_item.definition, STR("{\"instructions\":\"Do \\\"this\\\".\"}")));
    assert_false(pin_is_none(definitions->instructions_item.pin));
    assert_false(pin_is_none(definitions_pin(definitions, PIN_PROMPT, STR("p"))));
    assert_false(pin_is_none(definitions_pin(definitions, PIN_RESOURCE, STR("file:///a"))));
    assert_true(str_eq(definitions->tools[0].name, STR("b")));
    assert_true(str_eq(definitions->tools[0].definition,
                       STR("{\"name\":\"b\",\"inputSchema\":{\"type\":\"object\"},\"x\":1.50}")));
    assert_ptr_equal(definitions_tool(definitions, STR("ab")), &definitions->tools[1]);
    assert_true(str_eq(definitions->templates[0].name, STR("file:///{p}")));
    static const char canonical[] = "{\"inputSchema\":{\"type\":\"object\"},\"name\":\"b\",\"x\":1.50}";
    struct hasher *hasher;
    struct sha256 digest;
    assert_int_equal(hasher_new(&hasher), 0);
    hasher_begin(hasher);
    hasher_add(hasher, canonical, sizeof(canonical) - 1);
    hasher_end(hasher, &digest);
    hasher_free(hasher);
    assert_memory_equal(&digest, &definitions->tools[0].pin.digest, sizeof(digest));
    assert_int_equal(rig.warnings, 0);
    memory_finish(&rig);
}

/* Z37 and what else is left out: each with a warning, none with the rest. */
static void test_what_is_left_out(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{},\"prompts\":{}}");
    char long_name[LIMIT_tool_name + 2] = { 0 };
    memset(long_name, 'x', sizeof(long_name) - 1);
    memory_say(
        control,
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[{\"name\":\"twice\",\"inputSchema\":{}},{\"name\":"
        "\"good\",\"inputSchema\":{}},"
        "{\"name\":\"tw\\u0069ce\",\"inputSchema\":{},\"v\":2},{\"name\":\"no "
        "schema\"},{\"name\":\"bad\",\"inputSchema\":[]},"
        "{\"inputSchema\":{}},{\"name\":7,\"inputSchema\":{}},{\"name\":\"\",\"inputSchema\":{}},null,\"good\",[],"
        "{\"name\":\"%s\",\"inputSchema\":{}},{\"name\":\"twice\",\"inputSchema\":{}}]}}",
        long_name);
    memory_answer(control, "{\"prompts\":[{\"name\":\"p\"},{\"name\":\"q\"},{\"name\":\"p\"}]}");
    const struct definitions *definitions = upstream_definitions(rig.upstream);
    assert_int_equal(definitions->tool_count, 1);
    assert_non_null(definitions_tool(definitions, STR("good")));
    assert_null(definitions_tool(definitions, STR("twice")));
    assert_int_equal(definitions->prompt_count, 1);
    assert_true(str_eq(definitions->prompts[0].name, STR("q")));
    assert_int_equal(rig.warnings, 1);
    memory_finish(&rig);
}

static void test_twice_over_pages(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{}}");
    memory_answer(control, "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}],\"nextCursor\":\"2\"}");
    memory_answer(control, "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}");
    assert_int_equal(upstream_definitions(rig.upstream)->tool_count, 0);
    memory_finish(&rig);
}

static void test_lists_that_fail(void **state)
{
    (void)state;
    static const char *const results[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":{}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[],\"nextCursor\":3}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32603,\"message\":\"later\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":[]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        struct rig rig;
        struct memory *control = begin(&rig, "{\"tools\":{}}");
        memory_say(control, "%s", results[i]);
        assert_null(upstream_definitions(rig.upstream));
        assert_true(rig.warnings > 0);
        unsigned sent = control->sent;
        rig_pass(&rig, LIMIT_restart_first_ms + 200); /* asked again, on the same session */
        assert_int_equal(control->sent, sent + 1);
        memory_answer(control, ONE_TOOL);
        assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY);
        memory_finish(&rig);
    }
}

/* An error in the place of prompts or of resources takes neither the tools nor the other ones away. */
static void test_lists_that_are_refused(void **state)
{
    (void)state;
    static const char refused[] = "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32603,\"message\":\"later\"}}";
    static const char resources[] = "{\"resources\":[{\"uri\":\"file:///a\",\"name\":\"a\"}]}";
    static const char templates[] = "{\"resourceTemplates\":[{\"uriTemplate\":\"file:///{p}\"}]}";
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{},\"prompts\":{},\"resources\":{}}");
    memory_answer(control, ONE_TOOL);
    memory_say(control, refused, 4);
    memory_answer(control, resources);
    memory_say(control, refused, 6);
    const struct definitions *definitions = upstream_definitions(rig.upstream);
    assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY);
    assert_int_equal(definitions->tool_count, 1);
    assert_int_equal(definitions->prompt_count + definitions->resource_count + definitions->template_count, 0);
    assert_null(definitions_pin(definitions, PIN_RESOURCE, STR("file:///a")));
    assert_true(definitions->resources_refused);
    assert_int_equal(rig.warnings, 2);

    rig_pass(&rig, LIMIT_restart_first_ms + 200); /* asked again: now the resources are refused, and no template is asked for */
    memory_answer(control, ONE_TOOL);
    memory_answer(control, "{\"prompts\":[{\"name\":\"p\"}]}");
    memory_say(control, refused, 9);
    definitions = upstream_definitions(rig.upstream);
    assert_int_equal(rig.tables, 2);
    assert_int_equal(definitions->prompt_count, 1);
    assert_int_equal(definitions->resource_count + definitions->template_count, 0);
    assert_int_equal(rig.warnings, 3);

    rig_pass(&rig, 2 * LIMIT_restart_first_ms + 200);
    memory_answer(control, ONE_TOOL);
    memory_answer(control, "{\"prompts\":[{\"name\":\"p\"}]}");
    memory_answer(control, resources);
    memory_answer(control, templates);
    definitions = upstream_definitions(rig.upstream);
    assert_int_equal(definitions->resource_count + definitions->template_count, 2);
    assert_false(definitions->resources_refused);
    unsigned sent = control->sent;
    rig_pass(&rig, LIMIT_restart_most_ms + 200);
    assert_int_equal(control->sent, sent); /* nothing is missing any more */
    assert_int_equal(rig.warnings, 3);
    memory_finish(&rig);
}

static void test_a_list_that_never_comes(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{}}");
    unsigned long long id = memory_id(control);
    rig_pass(&rig, LIMIT_first_list_ms + LIMIT_restart_first_ms + 300);
    assert_true(memory_id(control) > id);
    memory_answer(control, ONE_TOOL);
    assert_int_equal(rig.tables, 1);
    memory_finish(&rig);
}

static void test_endless_pages(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{}}");
    unsigned pages = 0;
    while (rig.warnings == 0) {
        memory_answer(control, "{\"tools\":[],\"nextCursor\":\"same\"}");
        assert_true(++pages <= LIMIT_list_pages);
    }
    assert_int_equal(pages, LIMIT_list_pages);
    assert_null(upstream_definitions(rig.upstream));
    memory_finish(&rig);
}

/* A capability that is declared, and a method that is not there. */
static void test_declared_only(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"resources\":{}}");
    memory_answer(control, "{\"resources\":[{\"uri\":\"a:b\"}]}");
    memory_say(control,
               "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}",
               memory_id(control));
    assert_int_equal(rig.tables, 1);
    assert_int_equal(upstream_definitions(rig.upstream)->resource_count, 1);
    assert_int_equal(upstream_definitions(rig.upstream)->template_count, 0);
    assert_int_equal(rig.warnings, 0);
    memory_finish(&rig);
}

static void test_list_changed(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{}}");
    const char *changed = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";
    memory_answer(control, ONE_TOOL);
    unsigned sent = control->sent;
    for (int i = 0; i < 50; i++)
        memory_say(control, "%s", changed);
    rig_pass(&rig, LIMIT_list_again_ms + 200);
    assert_int_equal(control->sent, sent + 1); /* once, not fifty times */
    struct definitions *old = definitions_ref(upstream_definitions(rig.upstream));
    memory_say(control, "%s", changed); /* while the list is under way: once more afterwards */
    assert_ptr_equal(upstream_definitions(rig.upstream), old);
    memory_answer(control, "{\"tools\":[{\"name\":\"u\",\"inputSchema\":{}}]}");
    assert_int_equal(rig.tables, 2);
    assert_null(definitions_tool(upstream_definitions(rig.upstream), STR("t")));
    assert_non_null(definitions_tool(old, STR("t"))); /* whoever holds it keeps it */
    definitions_unref(old);
    rig_pass(&rig, LIMIT_list_again_ms + 200);
    assert_int_equal(control->sent, sent + 2);
    memory_answer(control, ONE_TOOL);
    assert_int_equal(rig.tables, 3);
    memory_finish(&rig);
}

/* The old table stays in force until the new one is whole, also over a restart in the middle of a list. */
static void test_a_restart(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{}}");
    memory_answer(control, ONE_TOOL);
    memory_say(control, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    rig_pass(&rig, LIMIT_list_again_ms + 200);
    memory_answer(control, "{\"tools\":[],\"nextCursor\":\"n\"}");
    memory_end(control);
    assert_int_equal(upstream_state(rig.upstream), UPSTREAM_DOWN);
    assert_non_null(definitions_tool(upstream_definitions(rig.upstream), STR("t")));
    rig_pass(&rig, LIMIT_restart_first_ms + 200);
    struct memory *next = memory_shake(&rig, HELLO("{\"tools\":{}}"));
    assert_ptr_not_equal(next, control);
    memory_answer(next, "{\"tools\":[{\"name\":\"u\",\"inputSchema\":{}}]}");
    assert_int_equal(upstream_state(rig.upstream), UPSTREAM_READY);
    assert_null(definitions_tool(upstream_definitions(rig.upstream), STR("t")));
    memory_finish(&rig);
}

static void test_a_page_too_large(void **state)
{
    (void)state;
    struct rig rig;
    struct memory *control = begin(&rig, "{\"tools\":{}}");
    size_t len = LIMIT_list_page + 200;
    char *page = malloc(len);
    int head = snprintf(page, len, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[],\"x\":\"");
    memset(page + head, 'x', len - (size_t)head);
    memcpy(page + len - 3, "\"}}", 3);
    instance_receive(control->instance, str_of(page, len), NULL);
    free(page);
    assert_null(upstream_definitions(rig.upstream));
    assert_int_equal(rig.warnings, 1);
    memory_finish(&rig);
}

/* ---- what a client's own instance lists ---- */

static const struct tool *own_tool(struct rig *rig, struct str name)
{
    const struct definitions *own = upstream_own(rig->upstream, ERA_LEGACY, STR("g1"));
    return own ? definitions_tool(own, name) : NULL;
}

static struct memory *begin_own(struct rig *rig, struct wait *wait)
{
    struct instance *instance;
    wait_init(wait);
    assert_int_equal(upstream_open(rig->upstream, ERA_LEGACY, STR("g1"), &wait->waiter, &instance), E_AGAIN);
    struct memory *memory = memory_shake(rig, HELLO("{\"tools\":{}}"));
    assert_int_equal(wait->calls, 0); /* of no use before its list is known */
    assert_null(upstream_own(rig->upstream, ERA_LEGACY, STR("g1")));
    return memory;
}

static void test_an_own_list(void **state)
{
    (void)state;
    struct rig rig;
    struct wait wait;
    memory_ready(&rig);
    struct memory *memory = begin_own(&rig, &wait);
    memory_list_own(&rig, memory, ONE_TOOL);
    assert_int_equal(wait.calls, 1);
    assert_ptr_equal(upstream_own(rig.upstream, ERA_LEGACY, STR("g1")), upstream_definitions(rig.upstream)); /* shared */
    assert_null(upstream_own(rig.upstream, ERA_LEGACY, STR("g2")));
    assert_null(upstream_own(rig.upstream, ERA_LEGACY, STR("../g")));
    unsigned sent = memory->sent;

    memory_say(memory, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    rig_pass(&rig, LIMIT_list_again_ms + 100);
    assert_int_equal(memory->sent, sent + 1); /* in two pages */
    memory_answer(memory, "{\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"x\":1}}],\"nextCursor\":\"2\"}");
    memory_list_own(&rig, memory, "{\"tools\":[{\"name\":\"u\",\"inputSchema\":{}}]}");
    const struct tool *known = &upstream_definitions(rig.upstream)->tools[0];
    assert_non_null(own_tool(&rig, STR("u")));
    assert_false(pin_eq(&own_tool(&rig, STR("t"))->pin, &known->pin));
    assert_true(str_is_empty(own_tool(&rig, STR("t"))->definition)); /* nobody is shown it */
    memory_finish(&rig);
}

#define LISTED_PROMPT "{\"prompts\":[{\"name\":\"p\",\"description\":\"d\"}]}"
#define LISTED_RESOURCE "{\"resources\":[{\"uri\":\"u:1\",\"size\":3}]}"
#define LISTED_TEMPLATE "{\"resourceTemplates\":[{\"uriTemplate\":\"t:{a}\"}]}"

/* Prompts, resources and templates too: shared where they are alike, and their own where one of them is not. */
static void test_own_items(void **state)
{
    (void)state;
    static const char *const lists[][4] = {
        { ONE_TOOL, LISTED_PROMPT, "{\"resources\":[{\"size\":4,\"uri\":\"u:1\"}]}", LISTED_TEMPLATE },
        { ONE_TOOL, "{\"prompts\":[{\"name\":\"p\",\"description\":\"e\"}]}", LISTED_RESOURCE, LISTED_TEMPLATE },
        { ONE_TOOL, "{\"prompts\":[]}", LISTED_RESOURCE, LISTED_TEMPLATE },
        { ONE_TOOL, LISTED_PROMPT, "{\"resources\":[{\"uri\":\"u:2\"}]}", LISTED_TEMPLATE },
        { ONE_TOOL, LISTED_PROMPT, LISTED_RESOURCE, "{\"resourceTemplates\":[{\"uriTemplate\":\"t:{b}\"}]}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct rig rig;
        struct wait wait;
        struct instance *instance;
        struct memory *control = begin(&rig, "{\"tools\":{},\"prompts\":{},\"resources\":{}}");
        for (size_t at = 0; at < 4; at++)
            memory_answer(control, at == 2 ? LISTED_RESOURCE : lists[0][at]);
        wait_init(&wait);
        assert_int_equal(upstream_open(rig.upstream, ERA_LEGACY, STR("g1"), &wait.waiter, &instance), E_AGAIN);
        struct memory *memory = memory_shake(&rig, HELLO("{\"tools\":{},\"prompts\":{},\"resources\":{}}"));
        for (size_t at = 0; at < 3; at++)
            memory_answer(memory, lists[i][at]);
        assert_int_equal(wait.calls, 0);
        memory_answer(memory, lists[i][3]);
        rig_turn(&rig);
        assert_int_equal(wait.calls, 1);
        const struct definitions *own = upstream_own(rig.upstream, ERA_LEGACY, STR("g1"));
        assert_int_equal(own == upstream_definitions(rig.upstream), i == 0);
        assert_int_equal(definitions_item(own, PIN_PROMPT, STR("p")) == NULL, i == 2);
        assert_int_equal(definitions_item(own, PIN_RESOURCE, STR("u:1")) == NULL, i == 3);
        assert_int_equal(definitions_item(own, PIN_TEMPLATE, STR("t:{a}")) == NULL, i == 4);
        memory_finish(&rig);
    }
}

/* The control session lists anew; servers may tell of a change there alone. */
static void test_an_own_list_is_asked_for_again(void **state)
{
    (void)state;
    struct rig rig;
    struct wait wait;
    struct memory *control = memory_ready(&rig);
    struct memory *memory = begin_own(&rig, &wait);
    memory_list_own(&rig, memory, ONE_TOOL);
    unsigned sent = memory->sent;
    memory_say(control, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    rig_pass(&rig, LIMIT_list_again_ms + 100);
    memory_answer(control, ONE_TOOL);
    rig_pass(&rig, LIMIT_list_again_ms + 100);
    assert_int_equal(memory->sent, sent); /* it lists what is listed there */
    assert_ptr_equal(upstream_own(rig.upstream, ERA_LEGACY, STR("g1")), upstream_definitions(rig.upstream));

    memory_say(control, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    rig_pass(&rig, LIMIT_list_again_ms + 100);
    memory_answer(control, "{\"tools\":[{\"name\":\"new\",\"inputSchema\":{}}]}");
    assert_null(own_tool(&rig, STR("new")));
    rig_pass(&rig, LIMIT_list_again_ms + 100);
    memory_list_own(&rig, memory, "{\"tools\":[{\"name\":\"new\",\"inputSchema\":{}}]}");
    assert_non_null(own_tool(&rig, STR("new")));
    memory_finish(&rig);
}

static void test_own_lists_that_fail(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "\"result\":{}", "\"result\":{\"tools\":[],\"nextCursor\":3}", "\"error\":{\"code\":-32603,\"message\":\"later\"}",
        "\"result\":[]", NULL,
    };
    for (size_t at = 0; at < ARRAY_LEN(answers); at++) {
        struct rig rig;
        struct wait wait;
        memory_ready(&rig);
        struct memory *memory = begin_own(&rig, &wait);
        if (answers[at])
            memory_say(memory, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", memory_id(memory), answers[at]);
        else
            rig_pass(&rig, LIMIT_server_start_ms + 100);
        assert_true(memory->killed);
        memory_end(memory);
        rig_turn(&rig);
        assert_int_equal(wait.calls, 1);
        assert_int_equal(wait.reason, REASON_upstream_unavailable);
        assert_null(upstream_own(rig.upstream, ERA_LEGACY, STR("g1")));
        assert_non_null(upstream_definitions(rig.upstream));
        memory_finish(&rig);
    }
}

/* What was listed belongs to its connection: the next one is looked at before it is used. */
static void test_an_own_list_of_the_next_connection(void **state)
{
    (void)state;
    struct rig rig;
    struct wait wait;
    memory_ready(&rig);
    struct memory *memory = begin_own(&rig, &wait);
    memory_list_own(&rig, memory, ONE_TOOL);
    memory_end(memory);
    assert_null(upstream_own(rig.upstream, ERA_LEGACY, STR("g1")));
    rig_pass(&rig, LIMIT_restart_first_ms + 100);
    memory = begin_own(&rig, &wait);
    memory_end(memory); /* in the middle of its list */
    rig_turn(&rig);
    assert_int_equal(wait.reason, REASON_upstream_unavailable);
    memory_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_lists, memory_setup),
        cmocka_unit_test_setup(test_what_is_left_out, memory_setup),
        cmocka_unit_test_setup(test_twice_over_pages, memory_setup),
        cmocka_unit_test_setup(test_lists_that_fail, memory_setup),
        cmocka_unit_test_setup(test_lists_that_are_refused, memory_setup),
        cmocka_unit_test_setup(test_a_list_that_never_comes, memory_setup),
        cmocka_unit_test_setup(test_endless_pages, memory_setup),
        cmocka_unit_test_setup(test_declared_only, memory_setup),
        cmocka_unit_test_setup(test_list_changed, memory_setup),
        cmocka_unit_test_setup(test_a_restart, memory_setup),
        cmocka_unit_test_setup(test_a_page_too_large, memory_setup),
        cmocka_unit_test_setup(test_an_own_list, memory_setup),
        cmocka_unit_test_setup(test_own_items, memory_setup),
        cmocka_unit_test_setup(test_an_own_list_is_asked_for_again, memory_setup),
        cmocka_unit_test_setup(test_own_lists_that_fail, memory_setup),
        cmocka_unit_test_setup(test_an_own_list_of_the_next_connection, memory_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
