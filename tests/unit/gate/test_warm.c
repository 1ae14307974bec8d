/* A call of a warm gateway costs no allocation from the heap on the loop's thread, from its message to its outcome. */
#include "../heap_calls.h"
#include "world.h"

#include "base/check.h"

static const char call_free[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"free\","
                                "\"arguments\":{\"dataTypeName\":\"user\",\"outputFormat\":\"text/csv\",\"page\":12}}}";

static void call_one(struct world *world)
{
    struct heard heard;
    say(world, &heard, VERB_POST, call_free);
    for (int at = 0; !memory_leg() && at < 1000; at++)
        turns(world, 1);
    assert_non_null(memory_leg());
    memory_answer(memory_leg(), "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}");
    assert_true(heard.ended);
    assert_int_equal(heard.status, 200);
}

static void a_warm_call_costs_no_heap(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    heap_calls = 0;
    call_one(&world);
    assert_true(heap_calls > 0); /* the first one is seen to cost */
    for (int at = 0; at < 20; at++)
        call_one(&world);
    heap_calls = 0;
    for (int at = 0; at < 100; at++)
        call_one(&world);
    assert_int_equal(heap_calls, 0);
    close_world(&world);
    remove_world(world.directory);
}

static const char limited[] =
    "{\"version\":\"1\",\"default\":\"deny\",\"all_tools\":{\"concurrent\":9,\"limits\":["
    "{\"counter\":\"calls\",\"window\":\"minute\",\"max\":100000,\"scope\":\"global\"},"
    "{\"counter\":\"calls\",\"window\":\"day\",\"max\":100000,\"scope\":\"session\"}]},"
    "\"tools\":{\"free\":{\"rate_limit\":\"100000/hour\",\"concurrent\":3,\"timeout\":\"9s\",\"limits\":["
    "{\"counter\":\"types\",\"window\":\"month\",\"max\":100000,\"scope\":\"args.dataTypeName\"},"
    "{\"counter\":\"pages\",\"window\":\"day\",\"max\":1e9,\"cost\":\"args.page\",\"scope\":\"args.page\"},"
    "{\"counter\":\"slide\",\"window\":\"hour\",\"max\":1000,\"algorithm\":\"sliding\"}]}}}";

/* The same under every kind of limit. A sliding counter's memory grows by doubling: 150 calls make room for 256. */
static void a_warm_call_under_limits_costs_no_heap(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct config *config = make_config(&world, limited);
    assert_int_equal(gateway_reload(world.gateway, config), 0);
    config_unref(config);
    for (int at = 0; at < 150; at++)
        call_one(&world);
    heap_calls = 0;
    for (int at = 0; at < 100; at++)
        call_one(&world);
    assert_int_equal(heap_calls, 0);
    close_world(&world);
    remove_world(world.directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_call_costs_no_heap),
        cmocka_unit_test(a_warm_call_under_limits_costs_no_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
