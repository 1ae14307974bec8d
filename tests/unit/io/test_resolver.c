/* Names through a resolver of the test's own (-Wl,--wrap=getaddrinfo): what is asked once, what is kept, who loses
 * patience, and what comes too late. */
#include "rig.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int asked, inside, most_inside;
static atomic_bool held;

/* NAME-N has N addresses, 10.0.0.1 and on, every second one IPv6; "none" is unknown; "broken" has no answer. While
 * held, nobody gets one. */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    int now = ++inside;
    if (now > most_inside)
        most_inside = now;
    asked++;
    while (held)
        usleep(500);
    inside--;
    if (strcmp(host, "none") == 0)
        return EAI_NONAME;
    if (strcmp(host, "broken") == 0)
        return EAI_AGAIN;
    struct addrinfo wanted = { .ai_socktype = hints->ai_socktype, .ai_flags = AI_NUMERICHOST };
    struct addrinfo *last = NULL, *first = NULL;
    int count = atoi(strchr(host, '-') + 1);
    for (int i = 0; i < count; i++) {
        char text[64];
        struct addrinfo *one = calloc(1, sizeof(*one) + sizeof(struct sockaddr_storage));
        struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)(one + 1);
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)(one + 1);
        *one = wanted;
        one->ai_addr = (struct sockaddr *)(one + 1);
        snprintf(text, sizeof(text), i % 2 ? "fd00::%d" : "10.0.0.%d", i + 1);
        one->ai_family = i % 2 ? AF_INET6 : AF_INET;
        one->ai_addrlen = i % 2 ? sizeof(*in6) : sizeof(*in4);
        one->ai_addr->sa_family = (sa_family_t)one->ai_family;
        assert_int_equal(inet_pton(one->ai_family, text, i % 2 ? (void *)&in6->sin6_addr : (void *)&in4->sin_addr), 1);
        in4->sin_port = htons((uint16_t)atoi(port)); /* at the same place in both */
        if (last)
            last->ai_next = one;
        else
            first = one;
        last = one;
    }
    *out = first;
    return first ? 0 : EAI_NODATA;
}

void __wrap_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

struct asker {
    struct lookup lookup;
    struct addresses addresses;
    unsigned dones;
    int error;
    struct asker *cancels;
};

static void done(struct lookup *lookup, int error, const struct addresses *addresses)
{
    struct asker *asker = CONTAINER_OF(lookup, struct asker, lookup);
    asker->dones++;
    asker->error = error;
    if (!error)
        asker->addresses = *addresses;
    if (asker->cancels)
        lookup_cancel(&asker->cancels->lookup);
}

struct world {
    struct rig rig;
    struct clock_manual clock;
    struct resolver *resolver;
};

static void world_init(struct world *world)
{
    asked = most_inside = 0;
    held = false;
    clock_manual_init(&world->clock, 1700000000000);
    rig_init(&world->rig, &world->clock.clock);
    assert_int_equal(resolver_new(world->rig.loop, &world->resolver), 0);
}

static void world_release(struct world *world)
{
    resolver_free(world->resolver);
    held = false;
    rig_release(&world->rig);
}

static int ask(struct world *world, struct asker *asker, const char *address)
{
    *asker = (struct asker){ .lookup.done = done };
    list_init(&asker->lookup.link);
    return resolver_find(world->resolver, str_from_c(address), &asker->lookup, &asker->addresses);
}

static void wait_for(struct world *world, const struct asker *asker)
{
    for (int i = 0; i < 20000 && asker->dones == 0; i++) {
        loop_turn(world->rig.loop, false);
        usleep(500);
    }
    assert_int_equal(asker->dones, 1);
}

static void test_numeric(void **state)
{
    (void)state;
    static const char *const rows[] = { "127.0.0.1:80", "[::1]:443", "localhost:9" };
    struct world world;
    struct asker asker;
    world_init(&world);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(ask(&world, &asker, rows[i]), 0);
        assert_int_equal(asker.addresses.count, 1);
        assert_string_equal(asker.addresses.text[0], rows[i]);
        assert_int_equal(resolver_find(NULL, str_from_c(rows[i]), &asker.lookup, &asker.addresses), 0);
    }
    assert_int_equal(resolver_find(NULL, STR("x-1:80"), &asker.lookup, &asker.addresses), E_INVALID);
    assert_int_equal(ask(&world, &asker, "x-1"), E_INVALID);
    assert_int_equal(ask(&world, &asker, ":80"), E_INVALID);
    assert_int_equal(ask(&world, &asker, "x-1:"), E_INVALID);
    assert_int_equal(asked, 0);
    world_release(&world);
}

static void test_kept(void **state)
{
    (void)state;
    struct world world;
    struct asker asker, other;
    world_init(&world);
    assert_int_equal(ask(&world, &asker, "a-3:443"), E_AGAIN);
    assert_int_equal(ask(&world, &other, "A-3:443"), E_AGAIN); /* the same one */
    wait_for(&world, &asker);
    assert_int_equal(other.dones, 1);
    assert_int_equal(asked, 1);
    assert_int_equal(asker.error, 0);
    assert_int_equal(asker.addresses.count, 3);
    assert_string_equal(asker.addresses.text[0], "10.0.0.1:443");
    assert_string_equal(asker.addresses.text[1], "[fd00::2]:443");
    assert_int_equal(ask(&world, &asker, "a-3:443"), 0);
    assert_int_equal(asker.addresses.count, 3);
    clock_manual_advance(&world.clock, LIMIT_dns_kept_ms);
    assert_int_equal(ask(&world, &asker, "a-3:443"), E_AGAIN);
    wait_for(&world, &asker);
    assert_int_equal(asked, 2);
    assert_int_equal(ask(&world, &asker, "a-100:1"), E_AGAIN);
    wait_for(&world, &asker);
    assert_int_equal(asker.addresses.count, LIMIT_dns_addresses);
    world_release(&world);
}

static void test_failures_are_not_kept(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        int error;
    } rows[] = { { "none:1", E_NOT_FOUND }, { "broken:1", E_IO }, { "x-0:1", E_NOT_FOUND } };
    struct world world;
    struct asker asker;
    world_init(&world);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int round = 1; round <= 2; round++) {
            assert_int_equal(ask(&world, &asker, rows[i].address), E_AGAIN);
            wait_for(&world, &asker);
            assert_int_equal(asker.error, rows[i].error);
            assert_int_equal(asked, (int)i * 2 + round);
        }
    }
    world_release(&world);
}

static void test_patience(void **state)
{
    (void)state;
    struct world world;
    struct asker early, late, third;
    world_init(&world);
    held = true;
    assert_int_equal(ask(&world, &early, "a-1:1"), E_AGAIN);
    clock_manual_advance(&world.clock, LIMIT_dns_ms - 1);
    assert_int_equal(ask(&world, &late, "a-1:1"), E_AGAIN);
    loop_turn(world.rig.loop, false);
    assert_int_equal(early.dones, 0);
    clock_manual_advance(&world.clock, 1);
    loop_turn(world.rig.loop, false);
    assert_int_equal(early.dones, 1);
    assert_int_equal(early.error, E_TIMEOUT);
    assert_int_equal(late.dones, 0);
    held = false;
    wait_for(&world, &late);
    assert_int_equal(late.error, 0);
    assert_int_equal(ask(&world, &third, "a-1:1"), 0);
    assert_int_equal(asked, 1);
    world_release(&world);
}

static void test_two_at_once(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    struct world world;
    struct asker askers[COUNT];
    char address[16];
    world_init(&world);
    held = true;
    for (int i = 0; i < COUNT; i++) {
        snprintf(address, sizeof(address), "n%d-1:1", i);
        assert_int_equal(ask(&world, &askers[i], address), E_AGAIN);
    }
    usleep(20000);
    held = false;
    for (int i = 0; i < COUNT; i++)
        wait_for(&world, &askers[i]);
    assert_int_equal(asked, COUNT);
    assert_true(most_inside <= LIMIT_dns_at_once);
    /* One that waits for its turn in vain is not looked up. */
    held = true;
    asked = 0;
    for (int i = 0; i < 3; i++) {
        snprintf(address, sizeof(address), "m%d-1:1", i);
        assert_int_equal(ask(&world, &askers[i], address), E_AGAIN);
    }
    clock_manual_advance(&world.clock, LIMIT_dns_ms);
    loop_turn(world.rig.loop, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(askers[i].error, E_TIMEOUT);
    held = false;
    for (int i = 0; i < 20; i++) {
        loop_turn(world.rig.loop, false);
        usleep(1000);
    }
    assert_int_equal(asked, 2);
    world_release(&world);
}

static void test_cancelled_and_closed(void **state)
{
    (void)state;
    struct world world;
    struct asker first, second, third;
    world_init(&world);
    held = true;
    assert_int_equal(ask(&world, &first, "a-1:1"), E_AGAIN);
    assert_int_equal(ask(&world, &second, "a-1:1"), E_AGAIN);
    assert_int_equal(ask(&world, &third, "b-1:1"), E_AGAIN);
    first.cancels = &second;
    lookup_cancel(&third.lookup);
    lookup_cancel(&third.lookup);
    held = false;
    wait_for(&world, &first);
    assert_int_equal(second.dones + third.dones, 0);
    held = true;
    assert_int_equal(ask(&world, &third, "c-1:1"), E_AGAIN);
    lookup_cancel(&third.lookup);
    world_release(&world); /* while it is looked up */
    assert_int_equal(third.dones, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_failures_are_not_kept),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_cancelled_and_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
