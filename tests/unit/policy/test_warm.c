/* A decision takes nothing from the heap once its arena's blocks come from a pool (the heap's functions are wrapped by
 * the linker and counted), and many threads may ask one policy at once. */
#include "rig.h"

#include "base/check.h"
#include "base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static atomic_size_t heap_calls;

void *__wrap_malloc(size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __real_realloc(ptr, size);
}

static const char policy[] =
    "{'version':'1','default':'deny','hide':['gone_*'],'all_tools':{'limits':[{'counter':'all','window':'minute','max':60}]},"
    "'tools':{'charge*':{'rate_limit':'10/minute','require':[{'conditions':[{'path':'args.reason','op':'regex','value':'^[a-z ]+$'},"
    "{'any':[{'path':'args.items[*].price','op':'lt','value':100},{'path':'grant.tags','op':'contains','value':'prod'}]}]}],"
    "'deny_if':[{'conditions':[{'path':'args.amount','op':'gt','value':10000}]}]}}}";

static void decide_four(const struct rig *rig, const struct json *good, const struct json *bad, struct arena_pool *pool)
{
    static const enum verdict wanted[] = { VERDICT_ALLOW, VERDICT_DENY, VERDICT_DENY, VERDICT_HIDE };
    static const struct tool tool = { .name = STR("charge_card") };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct arena arena;
        struct decision decision;
        struct question question = rig->question;
        arena_init(&arena, pool, LIMIT_request_body);
        question.tool = &tool;
        question.name = i == 2 ? STR("other") : i == 3 ? STR("gone_x") : tool.name;
        question.args = i == 1 ? bad : good;
        policy_decide(rig->policy, &question, &arena, NULL, &decision);
        CHECK(decision.verdict == wanted[i]);
        CHECK(decision.debit_count == (i == 0 ? 2 : 0));
        arena_release(&arena);
    }
}

static void load(struct rig *rig, const struct json **good, const struct json **bad)
{
    rig_init(rig);
    rig_load(rig, policy);
    *good = rig_json(rig, "{'reason':'a refill','amount':500,'items':[{'price':1},{'price':99.5}]}");
    *bad = rig_json(rig, "{'reason':'a refill','amount':20000}");
}

static void test_no_heap(void **state)
{
    (void)state;
    struct rig rig;
    struct arena_pool pool;
    const struct json *good, *bad;
    load(&rig, &good, &bad);
    arena_pool_init(&pool, 4);
    decide_four(&rig, good, bad, &pool);
    size_t before = atomic_load(&heap_calls);
    for (int i = 0; i < 100; i++)
        decide_four(&rig, good, bad, &pool);
    assert_int_equal(atomic_load(&heap_calls) - before, 0);
    arena_pool_release(&pool);
    rig_release(&rig);
}

struct asker {
    const struct rig  *rig;
    const struct json *good, *bad;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    for (int i = 0; i < 300; i++) {
        struct policy *shared = policy_ref(asker->rig->policy);
        decide_four(asker->rig, asker->good, asker->bad, NULL);
        policy_unref(shared);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct rig rig;
    struct asker asker = { .rig = &rig };
    pthread_t threads[4];
    load(&rig, &asker.good, &asker.bad);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asker), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_heap), cmocka_unit_test(test_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
