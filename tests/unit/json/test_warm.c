/* On the warm path a call's message costs no allocation from the heap: its arena's blocks come from the pool. The
 * heap's functions are wrapped by the linker (-Wl,--wrap) and counted. */
#include "../heap_calls.h"
#include "json/json.h"

#include "base/check.h"
#include "base/limits.h"
#include "json/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char call[] =
    "{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":{\"name\":\"create_charge\",\"arguments\":"
    "{\"amount\":129.95,\"currency\":\"EUR\",\"customer\":\"cus_9f8a7b6c5d\",\"description\":\"Order 4711\\ntwo "
    "items\","
    "\"metadata\":{\"source\":\"agent\",\"tags\":[\"a\",\"b\",\"c\"],\"m0\":0,\"m1\":1,\"m2\":2,\"m3\":3,\"m4\":4,"
    "\"m5\":5,"
    "\"m6\":6,\"m7\":7,\"m8\":8,\"m9\":9,\"ma\":10,\"mb\":11,\"mc\":12,\"md\":13,\"me\":14,\"mf\":15,\"mg\":16}}}}";

static void one_message(struct arena_pool *pool, struct buf *out)
{
    struct arena arena;
    struct json_error error;
    struct json_writer writer;
    const struct json *root;

    arena_init(&arena, pool, LIMIT_request_body);
    AZ(json_parse(&arena, str_of(call, sizeof(call) - 1), &json_limits_request, &root, &error));
    buf_reset(out);
    json_write_init(&writer, out);
    json_write_node(&writer, root);
    CHECK(str_eq(buf_str(out), str_of(call, sizeof(call) - 1)));
    arena_release(&arena);
}

static void a_warm_message_costs_no_heap(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct buf out;

    arena_pool_init(&pool, 2);
    buf_init(&out, LIMIT_request_body);
    heap_calls = 0;
    one_message(&pool, &out);
    assert_true(heap_calls > 0); /* the first one is seen to cost */
    heap_calls = 0;
    for (int i = 0; i < 100; i++)
        one_message(&pool, &out);
    assert_int_equal(heap_calls, 0);
    buf_release(&out);
    arena_pool_release(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_warm_message_costs_no_heap) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
