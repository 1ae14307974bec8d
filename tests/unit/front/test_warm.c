/* A request on a connection that has served one before costs no allocation from the heap, neither its reading nor its
 * answer. The heap's functions are wrapped by the linker (-Wl,--wrap) and counted. */
#include "../heap_calls.h"
#include "rig.h"

/* One request; what comes back goes nowhere. */
static void serve_one(struct rig *rig, struct client *client)
{
    char bytes[4096];
    unsigned wanted = rig->messages + 1;

    client_send(client, STR(POST("echo", 285, "                                                                       "
                                 "                                                                              "
                                 "                                                                              "
                                 "                                                          ")));
    RIG_UNTIL(rig, rig->messages == wanted && recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 285);
}

static void a_warm_request_costs_no_heap(void **state)
{
    (void)state;
    struct rig rig;
    struct client client;

    rig_init(&rig);
    client_open(&client, &rig);
    heap_calls = 0;
    serve_one(&rig, &client);
    assert_true(heap_calls > 0); /* the first one is seen to cost */
    heap_calls = 0;
    for (int i = 0; i < 100; i++)
        serve_one(&rig, &client);
    assert_int_equal(heap_calls, 0);
    client_close(&client);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_warm_request_costs_no_heap) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
