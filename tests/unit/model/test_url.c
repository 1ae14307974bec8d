/* URLs of servers: what is taken apart, and everything that somebody might read otherwise than we do. */
#include "model/url.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address, *host, *authority, *target;
        bool https, is_name;
    } rows[] = {
        { "http://127.0.0.1:8080/mcp", "127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080", "/mcp", false, false },
        { "HTTP://localhost", "localhost:80", "localhost", "localhost", "/", false, false },
        { "http://[::1]/a?b=c", "[::1]:80", "::1", "[::1]", "/a?b=c", false, false },
        { "http://[::1]:9/", "[::1]:9", "::1", "[::1]:9", "/", false, false },
        { "https://127.0.0.1/", "127.0.0.1:443", "127.0.0.1", "127.0.0.1", "/", true, false },
        { "https://mcp.example.com/v1/mcp?x", "mcp.example.com:443", "mcp.example.com", "mcp.example.com", "/v1/mcp?x",
          true, true },
        { "HTTPS://MCP.example.com:8443", "MCP.example.com:8443", "MCP.example.com", "MCP.example.com:8443", "/", true,
          true },
        { "https://a-b.c1.x/", "a-b.c1.x:443", "a-b.c1.x", "a-b.c1.x", "/", true, true },
        { "https://xn--bcher-kva.example/", "xn--bcher-kva.example:443", "xn--bcher-kva.example",
          "xn--bcher-kva.example", "/", true, true },
        { "https://box:1/", "box:1", "box", "box:1", "/", true, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url url;
        if (url_parse(str_from_c(rows[i].text), &url) != 0)
            fail_msg("%s", rows[i].text);
        assert_string_equal(url.address, rows[i].address);
        assert_true(str_eq(url.host, str_from_c(rows[i].host)));
        assert_true(str_eq(url.authority, str_from_c(rows[i].authority)));
        assert_true(str_eq(url.target, str_from_c(rows[i].target)));
        assert_int_equal(url.https, rows[i].https);
        assert_int_equal(url.is_name, rows[i].is_name);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "http:/",
        "http://",
        "http:///mcp",
        "ftp://a/",
        "//a/",
        "https:a",
        "a.example/mcp",
        "http://user@127.0.0.1/",
        "https://user:secret@a.example/",
        "https://a.example@evil.example/",
        "http://127.0.0.1?x",
        "http://127.0.0.1/a#b",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\xc3\xa9",
        "http://127.0.0.1\\@evil/",
        "https://a.example\t/",
        "https://a.example/\r\nX: y",
        /* Addresses to some, names to nobody. */
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.256/",
        "http://1.2.3.4.5/",
        "http://a.1/",
        "http://0x7f000001/",
        "https://-a.example/",
        "https://a-.example/",
        "https://a..example/",
        "https://a.example./",
        "https://.example/",
        "https://a_b.example/",
        "https://b\xc3\xbc"
        "cher.example/",
        "https://%61.example/",
        "https://a.example:/",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://a.example:1x/",
        "https://a.example:1:2/",
        "http://[::1/",
        "http://[]/",
        "http://[1]/",
        "http://[::1]x/",
        "http://[fe80::1%eth0]/",
        "http://::1/",
        "https://1234567890123456789012345678901234567890123456789012345678901234.example/",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url url;
        if (url_parse(str_from_c(rows[i]), &url) == 0)
            fail_msg("%s", rows[i]);
    }
    char text[600] = "https://";
    struct url url;
    for (size_t at = strlen(text); at < 500; at += 2)
        memcpy(text + at, "a.b/", 5);
    assert_int_equal(url_parse(str_from_c(text), &url), E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_urls), cmocka_unit_test(test_what_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
