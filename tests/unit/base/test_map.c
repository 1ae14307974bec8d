/* The hash map against a plain table, and SipHash against its paper. */
#include "base/map.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

/* The reference vectors of SipHash-1-3: key 00..0f, message 00, 01, 02 … */
static void siphash_is_the_reference(void **state)
{
    (void)state;
    static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    char message[15];

    for (int i = 0; i < 15; i++)
        message[i] = (char)i;
    assert_true(siphash(key, str_of(message, 15)) == 0xd320d86d2a519956);
    assert_true(siphash(key, STR_EMPTY) == 0xabac0158050fc4dc);
    assert_true(siphash(key, str_of(message, 8)) == 0x369095118d299a8e);
}

static void the_process_has_one_secret(void **state)
{
    (void)state;
    static const uint64_t secret[2] = { 1, 2 }, zero[2] = { 0, 0 };
    struct map map;

    map_seed(secret);
    map_init(&map);
    assert_memory_equal(map.key, secret, sizeof(secret));
    map_seed(zero);
    map_release(&map);
}

#define KEYS 700

static void a_map_is_a_table(void **state)
{
    (void)state;
    struct map map;
    static char names[KEYS][16];
    static size_t values[KEYS + 1];
    static void *expected[KEYS];
    size_t count = 0;
    uint64_t seed = 42;

    map_init(&map);
    assert_null(map_get(&map, STR("nothing")));
    assert_null(map_remove(&map, STR("nothing")));
    for (size_t i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof(names[i]), "key %zu", i);
    for (size_t turn = 0; turn < 60000; turn++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        size_t which = (size_t)(seed >> 33) % KEYS;
        struct str key = str_from_c(names[which]);
        /* Grows for a while, shrinks for a while. */
        if ((seed >> 20) % 100 < (turn / 10000 % 2 ? 30 : 70)) {
            void *value = &values[turn % KEYS];
            assert_int_equal(map_set(&map, key, value), 0);
            count += expected[which] == NULL;
            expected[which] = value;
        } else {
            assert_ptr_equal(map_remove(&map, key), expected[which]);
            count -= expected[which] != NULL;
            expected[which] = NULL;
        }
        assert_int_equal(map.count, count);
        which = (size_t)(seed >> 13) % KEYS;
        assert_ptr_equal(map_get(&map, str_from_c(names[which])), expected[which]);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&map, str_from_c(names[i])), expected[i]);
    size_t at = 0, seen = 0;
    for (const struct map_entry *entry; (entry = map_next(&map, &at)) != NULL; seen++)
        assert_ptr_equal(entry->value, map_get(&map, entry->key));
    assert_int_equal(seen, count);
    map_release(&map);
    assert_null(map_get(&map, STR("key 1")));
}

static void keys_are_bytes(void **state)
{
    (void)state;
    struct map map;
    int one, two, three;

    map_init(&map);
    assert_int_equal(map_set(&map, STR(""), &one), 0);
    assert_int_equal(map_set(&map, STR("a"), &two), 0);
    assert_int_equal(map_set(&map, STR("a\0"), &three), 0);
    assert_ptr_equal(map_get(&map, STR("")), &one);
    assert_ptr_equal(map_get(&map, STR("a")), &two);
    assert_ptr_equal(map_get(&map, STR("a\0")), &three);
    assert_null(map_get(&map, STR("A")));
    map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_is_the_reference),
        cmocka_unit_test(the_process_has_one_secret),
        cmocka_unit_test(a_map_is_a_table),
        cmocka_unit_test(keys_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
