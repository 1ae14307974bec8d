/* The table fits its columns; documents are well formed; no text of a server is more than text in any of them. */
#include "catalog/columns.h"
#include "cli/scan_table.h"
#include "found.h"

static const char hostile[] =
    "[{\"name\":\"\\u001b[31mred\",\"description\":\"\\u202e<script>alert(1)</script>\\u001b]0;x\\u0007\",\"inputSchema\":{\"type\":\"object\"}},"
    "{\"name\":\"delete_\\u5220\\u9664\\u6240\\u6709\\u7528\\u6237\\u5220\\u9664\\u6240\\u6709\\u7528\\u6237\\u5220\\u9664\\u6240\\u6709\\u7528\\u6237\",\"description\":\"Delete \\\"><img src=x>\",\"inputSchema\":{\"type\":\"object\"}},"
    "{\"name\":\"get_a_very_long_name_that_goes_on_and_on_and_on_and_on_and_on\",\"description\":\"Get & go\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"<b>\":{}}}}]";

static void columns_are_counted(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        size_t columns;
    } cases[] = {
        { { "abc", 3 }, 3 },          { { "", 0 }, 0 },          { { "\u5220\u9664", 6 }, 4 }, { { "e\u0301", 3 }, 1 },
        { { "\U0001f600", 4 }, 2 }, { { "\u00e9", 2 }, 1 },     { { "\u2026", 3 }, 1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(columns_of(cases[i].text), cases[i].columns);
}

static void texts_are_cut_and_filled(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
        bool pad;
        const char *made;
    } cases[] = {
        { "abc", 5, true, "abc  " }, { "abc", 5, false, "abc" }, { "abcdef", 4, false, "abc…" }, { "abcd", 4, false, "abcd" },
        { "删除所有", 6, false, "删除…" }, { "删除所有", 6, true, "删除… " }, { "abc", 0, true, "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 64);
        columns_append(&out, str_from_c(cases[i].text), cases[i].columns, cases[i].pad);
        assert_true(str_eq(buf_str(&out), str_from_c(cases[i].made)));
        buf_release(&out);
    }
}

static void every_line_fits(void **state)
{
    (void)state;
    struct found found;
    find(&found, hostile);
    for (size_t columns = 10; columns < 230; columns++) {
        const struct table_options options = { .columns = columns };
        size_t most = columns < 60 ? 60 : columns > 200 ? 200 : columns;
        struct buf out;
        buf_init(&out, 1 << 20);
        scan_table(&found.report, &options, &out);
        assert_true(buf_ok(&out));
        for (struct str rest = buf_str(&out); rest.len > 0;) {
            size_t end = str_find_byte(rest, '\n');
            assert_true(columns_of(str_slice(rest, 0, end)) <= most);
            rest = str_slice(rest, end + 1, rest.len);
        }
        assert_int_equal(str_find_byte(buf_str(&out), 0x1b), out.len);
        buf_release(&out);
    }
    forget(&found);
}

static void colours_alone_are_escapes(void **state)
{
    (void)state;
    struct found found;
    struct buf plain, coloured, bare;
    struct table_options options = { .columns = 80 };
    find(&found, hostile);
    buf_init(&plain, 1 << 20);
    buf_init(&coloured, 1 << 20);
    buf_init(&bare, 1 << 20);
    scan_table(&found.report, &options, &plain);
    options.colours = true;
    scan_table(&found.report, &options, &coloured);
    assert_true(coloured.len > plain.len);
    for (size_t i = 0; i < coloured.len; i++) {
        if (coloured.ptr[i] == 0x1b)
            while (coloured.ptr[i] != 'm')
                i++;
        else if (coloured.ptr[i] != ' ')
            buf_append_byte(&bare, coloured.ptr[i]);
    }
    for (size_t i = 0, at = 0; i < plain.len; i++) /* but for spaces in front of a colour's end */
        if (plain.ptr[i] != ' ')
            assert_int_equal(plain.ptr[i], bare.ptr[at++]);
    buf_release(&plain);
    buf_release(&coloured);
    buf_release(&bare);
    forget(&found);
}

static void documents_are_json(void **state)
{
    (void)state;
    static int (*const makers[])(const struct scan_report *, struct buf *) = { report_scan_json, report_scan_sarif };
    struct found found;
    find(&found, hostile);
    for (size_t i = 0; i < 2; i++) {
        struct buf out, small;
        struct json_error fault;
        const struct json *root;
        buf_init(&out, 1 << 20);
        buf_init(&small, 100);
        assert_int_equal(makers[i](&found.report, &out), 0);
        assert_int_equal(makers[i](&found.report, &small), E_LIMIT);
        assert_int_equal(json_parse(&found.arena, buf_str(&out), &json_limits_list, &root, &fault), 0);
        if (i == 0)
            assert_int_equal(json_count(json_pointer(root, STR("/servers/0/tools"))), 3);
        else
            assert_true(json_count(json_pointer(root, STR("/runs/0/results"))) >= 3);
        buf_release(&out);
        buf_release(&small);
    }
    forget(&found);
}

/* The server's markup is text, and what cannot be seen is visible. */
static void the_page_is_inert(void **state)
{
    (void)state;
    static const char *const never[] = { "<script", "<img", "http:", "https:", "href", "src=\"", "url(", "@import", "\x1b", "\u202e" };
    struct found found;
    struct buf out, small;
    find(&found, hostile);
    buf_init(&out, 1 << 20);
    buf_init(&small, 100);
    assert_int_equal(report_scan_html(&found.report, &out), 0);
    assert_int_equal(report_scan_html(&found.report, &small), E_LIMIT);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        assert_int_equal(str_find(buf_str(&out), str_from_c(never[i])), out.len);
    assert_true(str_find(buf_str(&out), STR("&lt;script&gt;alert(1)&lt;/script&gt;")) < out.len);
    assert_true(str_find(buf_str(&out), STR("\\u{202e}")) < out.len);
    assert_true(str_find(buf_str(&out), STR("&quot;&gt;&lt;img src=x&gt;")) < out.len);
    assert_true(str_find(buf_str(&out), STR("<code class=\"tag\">&lt;b&gt;</code>")) < out.len);
    buf_release(&out);
    buf_release(&small);
    forget(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_counted),       cmocka_unit_test(texts_are_cut_and_filled),
        cmocka_unit_test(every_line_fits),           cmocka_unit_test(colours_alone_are_escapes),
        cmocka_unit_test(documents_are_json),        cmocka_unit_test(the_page_is_inert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
