/* A call and its answer over stdio, once warm, cost no allocation from the heap. Its functions are wrapped by the
 * linker
 * (-Wl,--wrap) and counted. */
#include "../heap_calls.h"
#include "children.h"

static void answered(struct leg *leg, const struct message *message, struct arena *arena)
{
    unsigned *left = leg->owner;
    (void)message;
    arena_release(arena);
    --*left;
}

static void ended(struct leg *leg, enum reason reason)
{
    (void)leg;
    fail_msg("ended: %d", reason);
}

static void calls(struct rig *rig, struct instance *instance, unsigned count)
{
    static const struct leg_events events = { .answer = answered, .ended = ended };
    struct leg legs[8];
    unsigned left = count;
    AN(count <= ARRAY_LEN(legs));
    for (unsigned i = 0; i < count; i++) {
        legs[i] = (struct leg){ .events = &events, .owner = &left, .deadline_ms = loop_now_ms(rig->loop) + 5000 };
        assert_int_equal(
            upstream_send(instance, &legs[i], STR("tools/call"), STR("\"name\":\"t\",\"arguments\":{\"a\":[1,2]}")), 0);
    }
    UNTIL(rig, left == 0);
}

static void test_warm(void **state)
{
    (void)state;
    struct rig rig;
    struct instance *instance = begin(&rig, "good");
    calls(&rig, instance, 8);
    for (int i = 0; i < 20; i++)
        rig_turn(&rig);
    size_t before = heap_calls;
    assert_true(before > 0); /* they are counted */
    for (int i = 0; i < 50; i++)
        calls(&rig, instance, 8);
    assert_int_equal(heap_calls - before, 0);
    finish(&rig);
}

int main(int argc, char **arguments)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_warm) };
    int status = children_main(argc, arguments);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
