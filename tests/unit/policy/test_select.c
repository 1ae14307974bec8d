/* Selectors against a naive model: matching, meeting, and finding, over all short patterns of a small alphabet. */
#include "base/arena.h"
#include "base/check.h"
#include "policy/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define NAME_MAX_LEN 7

static bool model_match(const char *pattern, const char *name)
{
    if (*pattern == 0)
        return *name == 0;
    if (*pattern == '*')
        return model_match(pattern + 1, name) || (*name != 0 && model_match(pattern, name + 1));
    return *pattern == *name && model_match(pattern + 1, name + 1);
}

static size_t model_literal(const char *pattern)
{
    size_t literal = 0;
    for (; *pattern != 0; pattern++)
        literal += *pattern != '*';
    return literal;
}

/* The index-th string over the letters, from the empty one on; false past those of max bytes. */
static bool nth(const char *letters, size_t index, size_t max, char *out)
{
    size_t base = strlen(letters), count = 1, len = 0;
    while (index >= count) {
        index -= count;
        count *= base;
        if (++len > max)
            return false;
    }
    out[len] = 0;
    for (size_t i = len; i > 0; i--, index /= base)
        out[i - 1] = letters[index % base];
    return true;
}

static const struct selector *add(struct selectors *selectors, struct arena *arena, const char *text)
{
    struct selector *selector;
    struct str copy = arena_str(arena, str_from_c(text));
    assert_non_null(copy.ptr);
    assert_int_equal(selectors_add(selectors, arena, copy, copy, NULL, &selector), 0);
    return selector;
}

/* Every pattern of up to four bytes on every name of up to five. */
static void test_match(void **state)
{
    (void)state;
    struct arena arena;
    struct selectors selectors;
    arena_init(&arena, NULL, 16 << 20);
    selectors_init(&selectors);
    char pattern[8], name[8];
    for (size_t p = 0; nth("ab*", p, 4, pattern); p++) {
        if (strchr(pattern, '*') == NULL)
            continue;
        const struct selector *selector = add(&selectors, &arena, pattern);
        for (size_t n = 0; nth("ab", n, 5, name); n++)
            if (pattern_match(&selector->pattern, str_from_c(name)) != model_match(pattern, name))
                fail_msg("%s on %s", pattern, name);
    }
    selectors_release(&selectors);
    arena_release(&arena);
}

/* Two patterns meet if and only if some name matches both; seven bytes are enough for patterns of up to four. */
static void test_meets(void **state)
{
    (void)state;
    struct arena arena;
    struct selectors selectors;
    arena_init(&arena, NULL, 64 << 20);
    selectors_init(&selectors);
    char pattern[8], name[NAME_MAX_LEN + 1];
    for (size_t p = 0; nth("ab*", p, 4, pattern); p++)
        if (strchr(pattern, '*') != NULL)
            (void)add(&selectors, &arena, pattern);
    static bool matches[256][256];
    size_t names = 0;
    assert_true(selectors.count <= ARRAY_LEN(matches));
    for (size_t n = 0; nth("ab", n, NAME_MAX_LEN, name); n++, names++)
        for (size_t i = 0; i < selectors.count && n < 256; i++)
            matches[i][n] = model_match(selectors.patterns[i]->text.ptr, name);
    assert_true(names < 256);
    for (size_t i = 0; i < selectors.count; i++)
        for (size_t j = 0; j < selectors.count; j++) {
            bool both = false;
            for (size_t n = 0; n < names && !both; n++)
                both = matches[i][n] && matches[j][n];
            const struct pattern *a = &selectors.patterns[i]->pattern, *b = &selectors.patterns[j]->pattern;
            if (pattern_meets(a, b) != both)
                fail_msg("%s and %s", a->text.ptr, b->text.ptr);
            if (both)
                assert_non_null(pattern_witness(a, b, &arena).ptr); /* which checks itself */
        }
    selectors_release(&selectors);
    arena_release(&arena);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void count_overlap(void *arg, const struct selector *a, const struct selector *b)
{
    assert_true(a != b && pattern_meets(&a->pattern, &b->pattern));
    ++*(size_t *)arg;
}

static void check_set(struct arena *arena, unsigned *seed)
{
    struct selectors selectors;
    char texts[24][8], name[8];
    size_t count = 0, wanted = next_random(seed) % ARRAY_LEN(texts), overlaps = 0, model_overlaps = 0;
    selectors_init(&selectors);
    while (count < wanted) {
        assert_true(nth("ab*", 1 + next_random(seed) % 1092, 6, texts[count]));
        (void)add(&selectors, arena, texts[count]);
        count++;
    }
    selectors_sort(&selectors);
    for (size_t n = 0; nth("ab", n, 6, name); n++) {
        const struct selector *found = selectors_find(&selectors, str_from_c(name));
        bool exact = false, any = false;
        size_t literal = 0;
        for (size_t i = 0; i < count; i++) {
            exact = exact || strcmp(texts[i], name) == 0;
            if (strchr(texts[i], '*') == NULL || !model_match(texts[i], name))
                continue;
            any = true;
            literal = model_literal(texts[i]) > literal ? model_literal(texts[i]) : literal;
        }
        assert_int_equal(found != NULL, exact || any);
        if (found == NULL)
            continue;
        assert_int_equal(found->exact, exact);
        assert_true(model_match(found->text.ptr, name));
        assert_true(exact || found->pattern.literal == literal);
    }
    for (size_t i = 0; i < selectors.count; i++)
        for (size_t j = i + 1; j < selectors.count; j++)
            model_overlaps += pattern_meets(&selectors.patterns[i]->pattern, &selectors.patterns[j]->pattern);
    selectors_overlaps(&selectors, count_overlap, &overlaps);
    assert_int_equal(overlaps, model_overlaps);
    selectors_release(&selectors);
}

static void test_find(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 300; round++) {
        struct arena arena;
        arena_init(&arena, NULL, 16 << 20);
        check_set(&arena, &seed);
        arena_release(&arena);
    }
}

/* A hostile name costs no more than its length. */
static void test_long_name(void **state)
{
    (void)state;
    struct arena arena;
    struct selectors selectors;
    arena_init(&arena, NULL, 16 << 20);
    selectors_init(&selectors);
    const struct selector *selector = add(&selectors, &arena, "*a*a*a*a*a*a*a*a*a*a*b");
    size_t len = 1 << 20;
    char *name = arena_alloc(&arena, len);
    assert_non_null(name);
    memset(name, 'a', len);
    assert_false(pattern_match(&selector->pattern, str_of(name, len)));
    name[len - 1] = 'b';
    assert_true(pattern_match(&selector->pattern, str_of(name, len)));
    selectors_release(&selectors);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_meets),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_long_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
