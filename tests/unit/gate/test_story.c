/* docs/life-of-a-call.md against the code: its picture and its table have the steps of CALL_STEPS in their order, its
 * words are reasons, a call waits where call_events.def has rows, and what it names by a path is there.
 *   test_story SOURCE_ROOT */
#include "base/buf.h"
#include "base/check.h"
#include "gate/call.h"
#include "model/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define PAGE "docs/life-of-a-call.md"

static struct buf page;

static const struct str steps[] = {
#define STEP(name, text) STR(#name),
    CALL_STEPS(STEP)
#undef STEP
};

static bool next_line(struct str *rest, struct str *line)
{
    if (str_is_empty(*rest))
        return false;
    size_t end = str_find_byte(*rest, '\n');
    *line = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end < rest->len ? end + 1 : end, rest->len);
    return true;
}

/* The next word of capital letters. */
static bool next_capitals(struct str *rest, struct str *word)
{
    size_t start = 0, end;
    while (start < rest->len && !(rest->ptr[start] >= 'A' && rest->ptr[start] <= 'Z'))
        start++;
    for (end = start; end < rest->len && rest->ptr[end] >= 'A' && rest->ptr[end] <= 'Z';)
        end++;
    *word = str_slice(*rest, start, end);
    *rest = str_slice(*rest, end, rest->len);
    return word->len > 0;
}

static int step_index(struct str word)
{
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (str_eq(steps[i], word))
            return (int)i;
    return -1;
}

/* Where arrows lead to the left the steps are read from the right: none may be left out, none stand twice. */
static void test_picture(void **state)
{
    (void)state;
    struct str rest = buf_str(&page), line, word;
    int wanted = 0;
    while (wanted < STEP_COUNT && next_line(&rest, &line)) {
        bool backwards = str_find(line, STR("◀")) < line.len;
        int found[STEP_COUNT], count = 0;
        if (!str_starts_with(line, STR("    ")))
            continue;
        while (count < STEP_COUNT && next_capitals(&line, &word))
            if (step_index(word) >= 0)
                found[count++] = step_index(word);
        for (int i = 0; i < count; i++, wanted++) {
            int step = found[backwards ? count - 1 - i : i];
            if (step != wanted)
                fail_msg(PAGE ": in the picture %s is not where CALL_STEPS (src/gate/call.h) has it", steps[step].ptr);
        }
    }
    if (wanted < STEP_COUNT)
        fail_msg(PAGE ": %s is not in the picture", steps[wanted].ptr);
}

/* What stands between two `; false: nothing more does. */
static bool next_quoted(struct str *rest, struct str *out)
{
    size_t start = str_find_byte(*rest, '`');
    if (start == rest->len)
        return false;
    struct str after = str_slice(*rest, start + 1, rest->len);
    size_t end = str_find_byte(after, '`');
    *out = str_slice(after, 0, end);
    *rest = str_slice(after, end < after.len ? end + 1 : end, after.len);
    return true;
}

static void check_ends(struct str step, struct str cell)
{
    struct str word;
    enum reason reason;
    while (next_quoted(&cell, &word))
        if (!reason_parse(word, &reason))
            fail_msg(PAGE ": %s cannot end with %.*s: src/model/reasons.def has no such row", step.ptr, (int)word.len,
                     word.ptr);
}

static void test_table(void **state)
{
    (void)state;
    struct str rest = buf_str(&page), line, word;
    int wanted = 0;
    while (next_line(&rest, &line)) {
        struct str cells = line;
        if (!str_starts_with(line, STR("| ")) || !next_capitals(&cells, &word) || word.ptr != line.ptr + 2)
            continue;
        if (wanted == STEP_COUNT || !str_eq(word, steps[wanted]))
            fail_msg(PAGE ": the table's row %.*s is not where CALL_STEPS (src/gate/call.h) has it", (int)word.len,
                     word.ptr);
        size_t what = str_find(cells, STR(" | "));
        cells = str_slice(cells, what < cells.len ? what + 3 : what, cells.len);
        size_t ends = str_find(cells, STR(" | "));
        check_ends(steps[wanted], str_slice(cells, ends, cells.len));
        wanted++;
    }
    if (wanted < STEP_COUNT)
        fail_msg(PAGE ": the table has no row %s", steps[wanted].ptr);
}

static void test_waits(void **state)
{
    (void)state;
    static const enum call_step waiting[] = {
#define CALL_EVENT(step, event, action, reason, outcome) STEP_##step,
#include "gate/call_events.def"
#undef CALL_EVENT
    };
    bool waits[STEP_COUNT] = { false };
    char sentence[256] = "A call waits in ", *at = sentence + strlen(sentence);
    size_t count = 0, written = 0;
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        waits[waiting[i]] = true;
    for (size_t i = 0; i < STEP_COUNT; i++)
        count += waits[i];
    for (size_t i = 0; i < STEP_COUNT; i++) {
        if (!waits[i])
            continue;
        written++;
        at += snprintf(at, (size_t)(sentence + sizeof sentence - at), "%s%s", steps[i].ptr,
                       written == count ? "." : written + 1 == count ? " and " : ", ");
    }
    if (str_find(buf_str(&page), str_from_c(sentence)) == page.len)
        fail_msg(PAGE " does not say \"%s\", as src/gate/call_events.def has it", sentence);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct str folders[] = { STR("src/"), STR("docs/"), STR("tests/"), STR("script/") };
    struct str rest = buf_str(&page), word;
    size_t paths = 0;
    while (next_quoted(&rest, &word)) {
        bool is_path = false;
        for (size_t i = 0; i < ARRAY_LEN(folders); i++)
            is_path |= str_starts_with(word, folders[i]) && str_find_byte(word, ' ') == word.len;
        char path[256];
        snprintf(path, sizeof path, "%.*s", (int)word.len, word.ptr);
        paths += is_path;
        if (is_path && access(path, F_OK) != 0)
            fail_msg(PAGE " names %s, which is not there", path);
    }
    assert_true(paths > 10);
}

int main(int argc, char **argv)
{
    char bytes[4096];
    if (argc != 2 || chdir(argv[1]) != 0)
        return 2;
    FILE *file = fopen(PAGE, "rb");
    if (file == NULL)
        return 2;
    buf_init(&page, 1 << 20);
    for (size_t len; (len = fread(bytes, 1, sizeof bytes, file)) > 0;)
        buf_append(&page, bytes, len);
    fclose(file);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_paths),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&page);
    return failed;
}
