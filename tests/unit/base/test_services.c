/* Logs, clocks, chunks, randomness, errors. */
#include "base/check.h"
#include "base/chunk.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEW_YEAR 1767225600007 /* 2026-01-01T00:00:00.007Z */

/* What standard error gets while `act` runs, in a child of our own. */
static size_t stderr_of(void (*act)(void), char *out, size_t max, int *status)
{
    int ends[2];
    size_t len = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        act();
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], out + len, max - 1 - len)) > 0)
        len += (size_t)got;
    close(ends[0]);
    out[len] = '\0';
    assert_int_equal(waitpid(child, status, 0), child);
    return len;
}

static void log_three_lines(void)
{
    struct clock_manual clock;
    struct log log;

    clock_manual_init(&clock, NEW_YEAR);
    log_init_stderr(&log, &clock.clock, LOG_INFO);
    log_debug(&log, "not shown");
    log_info(&log, "grant %s revoked", "a\nb\x1b[31m\\\u202e\xff");
    clock_manual_advance(&clock, 60993);
    log_error(&log, "%s", "second");
}

static void lines_cannot_be_forged(void **state)
{
    (void)state;
    char text[1000];
    int status;

    stderr_of(log_three_lines, text, sizeof(text), &status);
    assert_string_equal(text, "2026-01-01T00:00:00.007Z info grant a\\nb\\x1b[31m\\\\\\u{202e}\\xff revoked\n"
                              "2026-01-01T00:01:01.000Z error second\n");
}

static void log_a_long_line(void)
{
    struct clock_manual clock;
    struct log log;
    static char text[20000];

    memset(text, '\n', sizeof(text) - 1);
    clock_manual_init(&clock, NEW_YEAR);
    log_init_stderr(&log, &clock.clock, LOG_INFO);
    log_warn(&log, "%s", text);
    memset(text, 'x', sizeof(text) - 1);
    log_warn(&log, "%s", text);
}

static void a_line_stays_one_line(void **state)
{
    (void)state;
    static char text[20000];
    int status;
    size_t len = stderr_of(log_a_long_line, text, sizeof(text), &status);
    struct str both = str_of(text, len);
    size_t first = str_find_byte(both, '\n');

    assert_true(first < 4096 && len - first - 1 <= 4096);
    assert_true(str_ends_with(str_slice(both, 0, first), STR("\\n…")));
    assert_true(str_ends_with(both, STR("x…\n")));
}

static void fail_a_check(void)
{
    CHECK(1 + 1 == 3);
}

static void a_failed_check_ends_the_process(void **state)
{
    (void)state;
    char text[1000];
    int status;

    stderr_of(fail_a_check, text, sizeof(text), &status);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "fail_a_check: check failed: 1 + 1 == 3\n"));
}

static void clocks_tell_the_time(void **state)
{
    (void)state;
    struct clock *clock = clock_system();
    struct clock_manual manual;
    int64_t mono = clock_mono_ms(clock);

    assert_true(clock_wall_ms(clock) > NEW_YEAR - (int64_t)366 * 86400000);
    assert_true(clock_mono_ms(clock) >= mono);
    clock_manual_init(&manual, NEW_YEAR);
    mono = clock_mono_ms(&manual.clock);
    clock_manual_advance(&manual, 1500);
    assert_true(clock_wall_ms(&manual.clock) == NEW_YEAR + 1500);
    assert_true(clock_mono_ms(&manual.clock) == mono + 1500);
}

static void chunks_live_as_long_as_their_references(void **state)
{
    (void)state;
    struct chunk *chunk = chunk_from(STR("bytes\0more"));

    assert_non_null(chunk);
    assert_int_equal(chunk->cap, 10);
    assert_ptr_equal(chunk_ref(chunk), chunk);
    chunk_unref(chunk);
    assert_true(str_eq(chunk_str(chunk), STR("bytes\0more")));
    chunk->len = 5;
    assert_true(str_eq(chunk_str(chunk), STR("bytes")));
    chunk_unref(chunk);
    chunk_unref(NULL);
    chunk = chunk_from(STR_EMPTY);
    assert_non_null(chunk);
    assert_int_equal(chunk_str(chunk).len, 0);
    chunk_unref(chunk);
    assert_null(chunk_new(SIZE_MAX));
}

static void random_bytes_differ(void **state)
{
    (void)state;
    static const size_t sizes[] = { 8, 10, 16, 32, 255, 256, 257, 511, 512, 513, 2000 };

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        unsigned char first[2000] = { 0 }, second[2000] = { 0 };
        for (int turn = 0; turn < 100; turn++) {
            random_bytes(first, sizes[i]);
            assert_memory_not_equal(first, second, sizes[i]);
            memcpy(second, first, sizes[i]);
        }
        if (sizes[i] < sizeof(first)) /* nothing behind the end */
            assert_int_equal(first[sizes[i]], 0);
    }
}

static void write_random_bytes(void)
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof(bytes));
    AN(write(STDERR_FILENO, bytes, sizeof(bytes)) == sizeof(bytes));
}

static void a_forked_child_draws_its_own(void **state)
{
    (void)state;
    char child[100], own[16];
    int status;

    random_bytes(own, sizeof(own)); /* now there is a block to inherit */
    assert_int_equal(stderr_of(write_random_bytes, child, sizeof(child), &status), 16);
    random_bytes(own, sizeof(own));
    assert_memory_not_equal(child, own, 16);
}

static void errors_have_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(error_name(E_SYNTAX), "SYNTAX");
    assert_string_equal(error_text(E_DENIED), "not permitted");
    assert_string_equal(error_text(E_NOMEM), "out of memory");
    assert_string_equal(error_name(0), "OK");
    assert_string_equal(error_text(-ERROR_COUNT - 1), "unknown error");
    assert_string_equal(error_text(1), "unknown error");
    assert_string_equal(error_name(E_TLS), "TLS"); /* the last row */
    assert_int_equal(E_TLS, -ERROR_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_cannot_be_forged),
        cmocka_unit_test(a_line_stays_one_line),
        cmocka_unit_test(a_failed_check_ends_the_process),
        cmocka_unit_test(clocks_tell_the_time),
        cmocka_unit_test(chunks_live_as_long_as_their_references),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(a_forked_child_draws_its_own),
        cmocka_unit_test(errors_have_names_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
