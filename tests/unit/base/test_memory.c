/* Arenas and buffers: what they hold, their ceilings, and what goes back to the pool. */
#include "base/arena.h"
#include "base/buf.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    unsigned char *blocks[600];

    arena_init(&arena, NULL, 10 << 20);
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        size_t size = i * 13 % 5000;
        blocks[i] = arena_alloc(&arena, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        for (size_t at = 0; at < i * 13 % 5000; at++)
            assert_int_equal(blocks[i][at], i & 0xff);
    arena_release(&arena);
    assert_int_equal(arena.used, 0);
}

static void the_ceiling_is_in_bytes_of_blocks(void **state)
{
    (void)state;
    struct arena arena;

    for (size_t ceiling = 0; ceiling < 40000; ceiling += 333) {
        arena_init(&arena, NULL, ceiling);
        size_t size = 1;
        while (arena_alloc(&arena, size)) {
            assert_true(arena.used <= ceiling);
            size += 41;
        }
        assert_true(arena.used <= ceiling);
        arena_release(&arena);
    }
    arena_init(&arena, NULL, 1000); /* below one pooled block */
    assert_non_null(arena_alloc(&arena, 500));
    assert_null(arena_alloc(&arena, 500));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    arena_release(&arena);
}

static void blocks_go_back_to_the_pool(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena arena;

    arena_pool_init(&pool, 2);
    arena_init(&arena, &pool, 10 << 20);
    for (int i = 0; i < 50; i++)
        assert_non_null(arena_alloc(&arena, 1000));
    assert_non_null(arena_alloc(&arena, 100000));
    assert_int_equal(pool.count, 0);
    arena_release(&arena);
    assert_int_equal(pool.count, 2); /* as many as it keeps, and nothing large */

    arena_init(&arena, &pool, 10 << 20);
    assert_non_null(arena_alloc(&arena, 1));
    assert_int_equal(pool.count, 1);
    assert_int_equal(arena.used, ARENA_BLOCK_BYTES); /* a pooled block counts like any other */
    arena_release(&arena);
    arena_release(&arena);
    assert_int_equal(pool.count, 2);
    arena_pool_release(&pool);
    assert_int_equal(pool.count, 0);
}

static void a_reset_arena_keeps_one_block(void **state)
{
    (void)state;
    struct arena arena;

    arena_init(&arena, NULL, 10 << 20);
    arena_reset(&arena);
    for (int i = 0; i < 50; i++)
        assert_non_null(arena_alloc(&arena, 1000));
    assert_non_null(arena_alloc(&arena, 100000));
    arena_reset(&arena);
    assert_int_equal(arena.used, ARENA_BLOCK_BYTES);
    assert_non_null(arena_alloc(&arena, 1000));
    assert_int_equal(arena.used, ARENA_BLOCK_BYTES);
    arena_release(&arena);
}

static void realloc_keeps_the_bytes(void **state)
{
    (void)state;
    struct arena arena;
    size_t size = 0;
    unsigned char *bytes = NULL;

    arena_init(&arena, NULL, 10 << 20);
    for (size_t wanted = 1; wanted < 200000; wanted += wanted / 3 + 1) {
        bytes = arena_realloc(&arena, bytes, size, wanted);
        assert_non_null(bytes);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes[i], i * 7 % 251);
        for (size_t i = size; i < wanted; i++)
            bytes[i] = (unsigned char)(i * 7 % 251);
        size = wanted;
        if (wanted % 5 == 0)
            assert_non_null(arena_alloc(&arena, 10)); /* it is not the newest any more */
    }
    for (; size > 10; size /= 2) {
        bytes = arena_realloc(&arena, bytes, size, size / 2);
        assert_non_null(bytes);
        for (size_t i = 0; i < size / 2; i++)
            assert_int_equal(bytes[i], i * 7 % 251);
    }
    arena_release(&arena);
}

static void the_newest_grows_where_it_stands(void **state)
{
    (void)state;
    struct arena arena;

    arena_init(&arena, NULL, 10 << 20);
    char *small = arena_alloc(&arena, 100);
    assert_ptr_equal(arena_realloc(&arena, small, 100, 1000), small);
    assert_ptr_equal(arena_realloc(&arena, small, 1000, 10), small);
    char *large = arena_alloc(&arena, 100000);
    size_t used = arena.used;
    large = arena_realloc(&arena, large, 100000, 300000);
    assert_non_null(large);
    assert_int_equal(arena.used, used + 200000); /* moved, not copied beside */
    large = arena_realloc(&arena, large, 300000, 20000);
    assert_int_equal(arena.used, used - 80000);
    arena.ceiling = arena.used + 10;
    assert_null(arena_realloc(&arena, large, 20000, 30000));
    memset(large, 1, 20000); /* still there */
    arena_release(&arena);
}

static void texts_end_with_nul(void **state)
{
    (void)state;
    struct arena arena;
    char big[1000];

    memset(big, 'b', sizeof(big));
    arena_init(&arena, NULL, 10 << 20);
    struct str copy = arena_str(&arena, STR("text"));
    assert_string_equal(copy.ptr, "text");
    assert_int_equal(arena_str(&arena, str_of(NULL, 0)).len, 0);
    assert_string_equal(arena_printf(&arena, "%d %s", 7, "seven").ptr, "7 seven");
    struct str printed = arena_printf(&arena, "%.*s!", 1000, big);
    assert_int_equal(printed.len, 1001);
    assert_int_equal(printed.ptr[1001], '\0');
    assert_memory_equal(printed.ptr, big, 1000);
    arena_release(&arena);
    arena_init(&arena, NULL, 10);
    assert_null(arena_str(&arena, STR("too long for this")).ptr);
    assert_null(arena_printf(&arena, "%s", "too long for this").ptr);
    assert_null(arena_zalloc(&arena, 100));
    arena_release(&arena);
}

static void buffers_grow_up_to_their_ceiling(void **state)
{
    (void)state;
    struct buf buf;

    buf_init(&buf, 1000);
    assert_int_equal(buf_str(&buf).len, 0);
    for (int i = 0; i < 1000; i++)
        buf_append_byte(&buf, (char)i);
    assert_true(buf_ok(&buf));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf.ptr[i], (char)i);
    assert_non_null(buf_reserve(&buf, 0));
    assert_null(buf_reserve(&buf, 1));
    assert_false(buf_ok(&buf));
    buf_release(&buf);
    buf_release(&buf);
    assert_null(buf.ptr);
}

static void a_failure_sticks(void **state)
{
    (void)state;
    struct buf buf;

    buf_init(&buf, 10);
    buf_append_str(&buf, STR("12345678"));
    buf_append_str(&buf, STR("901"));
    assert_false(buf_ok(&buf));
    buf_append_byte(&buf, 'x');
    buf_printf(&buf, "%d", 1);
    assert_true(str_eq(buf_str(&buf), STR("12345678")));
    buf_reset(&buf);
    buf_append_str(&buf, STR("1234567890"));
    assert_true(buf_ok(&buf));
    buf_append(&buf, NULL, 0);
    assert_true(buf_ok(&buf));
    const volatile size_t all = SIZE_MAX; /* or the compiler sees the mistake */
    buf_append(&buf, "x", all);
    assert_false(buf_ok(&buf));
    buf_release(&buf);
}

static void printf_fits_exactly(void **state)
{
    (void)state;
    for (size_t max = 0; max < 600; max++) {
        struct buf buf;
        buf_init(&buf, max);
        buf_printf(&buf, "%0300d", 7);
        assert_int_equal(buf_ok(&buf), max >= 300);
        assert_int_equal(buf.len, max >= 300 ? 300 : 0);
        buf_printf(&buf, "%s", "");
        assert_int_equal(buf_ok(&buf), max >= 300);
        buf_release(&buf);
    }
}

static void consumed_bytes_go(void **state)
{
    (void)state;
    struct buf buf;

    buf_init(&buf, 100);
    buf_append_str(&buf, STR("first second"));
    buf_consume(&buf, 6);
    assert_true(str_eq(buf_str(&buf), STR("second")));
    buf_consume(&buf, 0);
    buf_consume(&buf, 6);
    assert_int_equal(buf.len, 0);
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(the_ceiling_is_in_bytes_of_blocks),
        cmocka_unit_test(blocks_go_back_to_the_pool),
        cmocka_unit_test(a_reset_arena_keeps_one_block),
        cmocka_unit_test(realloc_keeps_the_bytes),
        cmocka_unit_test(the_newest_grows_where_it_stands),
        cmocka_unit_test(texts_end_with_nul),
        cmocka_unit_test(buffers_grow_up_to_their_ceiling),
        cmocka_unit_test(a_failure_sticks),
        cmocka_unit_test(printf_fits_exactly),
        cmocka_unit_test(consumed_bytes_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
