/* What others wrote stays text, names become links that stay inside the site, and the table of attacks is whole. */
#include "base/check.h"
#include "catalog/attacks.h"
#include "catalog/index_words.h"
#include "catalog/page_html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HIDDEN(text) "<span class=\"escape\">" text "</span>"

static void assert_str(struct str got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr, wanted, got.len);
}

static void text_never_becomes_markup(void **state)
{
    (void)state;
    static const struct { struct str text; const char *wanted; } cases[] = {
        { { "plain", 5 }, "plain" },
        { { "<script>\"'&", 11 }, "&lt;script&gt;&quot;&#39;&amp;" },
        { { "a\x1b[2Jb", 6 }, "a" HIDDEN("\\x1b") "[2Jb" },
        { { "a\nb", 3 }, "a" HIDDEN("\\n") "b" },
        { { "x\xe2\x80\xae" "y", 5 }, "x" HIDDEN("\\u{202e}") "y" },
        { { "\xff<", 2 }, HIDDEN("\\xff") "&lt;" },
        { { "\0", 1 }, HIDDEN("\\x00") },
        { { "h\xc3\xa9 \\u{202e}", 12 }, "h\xc3\xa9 \\u{202e}" },
        { { "", 0 }, "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 4096);
        html_text(&out, cases[i].text);
        assert_str(buf_str(&out), cases[i].wanted);
        buf_release(&out);
    }
}

static void lines_stand_where_they_may(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    html_lines(&out, STR("a\n\tb\r<"));
    assert_str(buf_str(&out), "a\n\tb" HIDDEN("\\r") "&lt;");
    buf_release(&out);
}

static void numbers_and_names_in_a_format(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    html_put(&out, "<p>%q %n %n %s 100%%</p>", STR("<b>"), (int64_t)1234567, (int64_t)12, "ours");
    assert_str(buf_str(&out), "<p><code>&lt;b&gt;</code> 1,234,567 12 ours 100%</p>");
    buf_reset(&out);
    html_put(&out, "<title>%p</title>", STR("<\x1b"));
    assert_str(buf_str(&out), "<title>&lt;\\x1b</title>");
    buf_release(&out);
}

static void names_become_safe_links(void **state)
{
    (void)state;
    static const struct { const char *name, *slug; } cases[] = {
        { "cancel_export_job", "cancel_export_job" }, { "StartAHOReadSetExportJob", "startahoreadsetexportjob" },
        { "../../etc/passwd", "etc~passwd" },         { "..", "unnamed" },
        { "index", "index-" },                        { "a.html", "a-html" },
        { "io.github.x/y", "io.github.x~y" },         { "AWS Labs: S3!", "aws-labs-s3" },
        { "\xe6\x97\xa5", "unnamed" },                { ".hidden", "hidden" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char slug[SLUG_MAX + 1];
        assert_str(slug_of(str_from_c(cases[i].name), slug), cases[i].slug);
    }
}

static void kinds_are_shared(void **state)
{
    char a[KIND_MAX + 1], b[KIND_MAX + 1];
    (void)state;
    assert_str(kind_of(STR("start_export_job"), a), "start job");
    assert_true(str_eq(kind_of(STR("StartAHOReadSetExportJob"), a), kind_of(STR("start-export-jobs"), b)));
    assert_str(kind_of(STR("search"), a), "search");
    assert_str(kind_of(STR("_"), a), "");
}

/* Each line is a label and an address; none stands twice. */
static void check_sources(const char *sources)
{
    struct str seen[12];
    size_t count = 0;
    for (const char *at = sources; *at;) {
        size_t len = strcspn(at, "\n");
        struct str line = str_of(at, len);
        size_t bar = str_find_byte(line, '|');
        assert_true(bar > 0 && bar < len && count < ARRAY_LEN(seen));
        struct str address = str_slice(line, bar + 1, len);
        assert_true(str_starts_with(address, STR("https://")));
        assert_int_equal(str_find_byte(address, ' '), address.len);
        assert_int_equal(str_find_byte(address, '|'), address.len);
        for (size_t i = 0; i < count; i++)
            assert_false(str_eq(seen[i], address));
        seen[count++] = address;
        at += len + (at[len] == '\n');
    }
    assert_true(count > 0);
}

static void every_attack_has_its_row(void **state)
{
    (void)state;
    assert_int_equal(ATTACK_COUNT, 50);
    for (unsigned i = 0; i < ATTACK_COUNT; i++) {
        const struct attack *attack = attack_at((enum attack_id)i);
        char id[8], slug[SLUG_MAX + 1];
        snprintf(id, sizeof(id), "T%02u", i + 1);
        assert_string_equal(attack->id, id);
        assert_str(slug_of(str_from_c(attack->slug), slug), attack->slug);
        assert_true(strlen(attack->how) > 60 && strlen(attack->happened) > 20 && strlen(attack->control) > 30);
        assert_true(attack->classes != 0);
        check_sources(attack->sources);
        assert_int_equal(attack->told & ~attack->classes, 0);
        for (unsigned other = 0; other < i; other++) {
            assert_string_not_equal(attack_at((enum attack_id)other)->slug, attack->slug);
            assert_string_not_equal(attack_at((enum attack_id)other)->how, attack->how);
            assert_string_not_equal(attack_at((enum attack_id)other)->control, attack->control);
        }
    }
}

static void patterns_meet_the_tools_that_they_abuse(void **state)
{
    const uint32_t url = 1U << SIGNAL_URL, hidden = 1U << SIGNAL_HIDDEN_TEXT;
    (void)state;
    assert_true(attack_is_told(attack_at(ATTACK_T36), CLASS_READ, url));
    assert_false(attack_is_told(attack_at(ATTACK_T36), CLASS_READ, 0));
    assert_false(attack_is_told(attack_at(ATTACK_T25), CLASS_READ, url));
    assert_true(attack_is_told(attack_at(ATTACK_T25), CLASS_FINANCIAL, 0));
    assert_true(attack_is_told(attack_at(ATTACK_T01), CLASS_WRITE, hidden));
    assert_true(attack_exposes(attack_at(ATTACK_T39), CLASS_OTHER, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_never_becomes_markup),
        cmocka_unit_test(lines_stand_where_they_may),
        cmocka_unit_test(numbers_and_names_in_a_format),
        cmocka_unit_test(names_become_safe_links),
        cmocka_unit_test(kinds_are_shared),
        cmocka_unit_test(every_attack_has_its_row),
        cmocka_unit_test(patterns_meet_the_tools_that_they_abuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
