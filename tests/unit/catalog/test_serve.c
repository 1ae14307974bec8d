/* What a request for the catalogue may ask, before any file or index is looked at. */
#include "base/check.h"
#include "catalog/serve_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void targets(void **state)
{
    (void)state;
    static const char *const fine[] = { "/", "/index.html", "/servers/a~b/", "/a/b-c_d.html?x=../..", "/a?", "/A" };
    static const char *const wrong[] = { "", "a", "?q=1", "//a", "/a//b", "/..", "/../a", "/a/../b", "/.", "/./a", "/.hidden", "/a/.b",
                                         "/%2e", "/a%00", "/a;b", "/a\\b", "/a b", "/\xc3\xa5", "/a#b", "/a:b", "/a*" };
    struct str path, query;
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        if (!serve_split(str_from_c(fine[i]), &path, &query))
            fail_msg("%s is refused", fine[i]);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (serve_split(str_from_c(wrong[i]), &path, &query))
            fail_msg("%s passed", wrong[i]);
    assert_true(serve_split(STR("/a/b?q=1?2"), &path, &query));
    assert_true(str_eq(path, STR("/a/b")) && str_eq(query, STR("q=1?2")));
}

static void words(void **state)
{
    (void)state;
    static const struct { const char *query, *words; } fine[] = {
        { "", "" }, { "q=", "" }, { "q=a+b", "a b" }, { "x=1&q=a%2Bb&y", "a+b" }, { "q=%C3%A5", "\xc3\xa5" }, { "Q=a", "" }, { "q=a=b", "a=b" },
    };
    static const char *const wrong[] = { "q=%", "q=%4", "q=%zz", "q=%ff", "q=%00", "q=a&q=b", "q=%c3%28" };
    struct buf out;
    char long_one[400] = "q=";
    buf_init(&out, 256);
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        assert_int_equal(serve_words(str_from_c(fine[i].query), &out), 0);
        assert_true(str_eq(buf_str(&out), str_from_c(fine[i].words)));
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (serve_words(str_from_c(wrong[i]), &out) == 0)
            fail_msg("%s passed", wrong[i]);
        buf_release(&out);
        buf_init(&out, 256);
    }
    memset(long_one + 2, 'a', 300);
    assert_int_equal(serve_words(str_from_c(long_one), &out), E_INVALID);
    buf_release(&out);
}

static void tags(void **state)
{
    (void)state;
    static const struct str tag = { "\"a-1\"", 5 };
    static const char *const fine[] = { "\"a-1\"", "W/\"a-1\"", "\"x\", \"a-1\"", " \"a-1\" ", "*", "\"x\",W/\"a-1\",\"y\"" };
    static const char *const wrong[] = { "", "a-1", "\"a-1", "\"A-1\"", "\"a-11\"", "w/\"a-1\"", ",", "\"*\"" };
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        assert_true(serve_matches(str_from_c(fine[i]), tag));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(serve_matches(str_from_c(wrong[i]), tag));
}

static void types(void **state)
{
    (void)state;
    assert_true(str_eq(serve_type(STR("/a.html")), STR("text/html; charset=utf-8")));
    assert_true(str_eq(serve_type(STR("/a.js")), STR("text/javascript; charset=utf-8")));
    assert_true(str_eq(serve_type(STR("/search/ab.json")), STR("application/json")));
    assert_null(serve_type(STR("/a.db")).ptr);
    assert_null(serve_type(STR("/a")).ptr);
    assert_null(serve_type(STR("/a.HTML")).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(targets), cmocka_unit_test(words), cmocka_unit_test(tags),
                                        cmocka_unit_test(types) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
