/* Names, versions and variables of a hostile registry, and what a command line is made of. */
#include "base/check.h"
#include "catalog/registry.h"
#include "catalog/registry_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct table {
    const char *(*check)(struct str);
    const char *fine[16], *wrong[24];
};

static void grammars(void **state)
{
    (void)state;
    static const struct table tables[] = {
        { fault_of_server_name, { "com.example/a", "a/b", "io.github.x-y/z_1.2" }, { "", "ab", "a/", "/a", "a b/c", "a/b/c", "a_b/c" } },
        { fault_of_npm_name,
          { "a", "@a/b", "left-pad", "a.b_c~d", "@Scope/Name", "0x" },
          { "", "-a", ".a", "_a", "@a", "@a/", "@/b", "a/b", "@a/-b", "@-a/b", "@a/../b", "a b", "a@1", "a:b", "..", "$(x)", "a\\b" } },
        { fault_of_pypi_name, { "a", "A.b_c-1", "9" }, { "", "-a", "a-", ".a", "a[b]", "a b", "a/b", "a==1", "a@b", "a;b" } },
        { fault_of_npm_version,
          { "1.2.3", "0.0.0", "1.2.3-a.1", "1.2.3+b.01", "1.2.3-x-y+z" },
          { "", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", "1.2.x", "^1.2.3", "*", "latest", "1.2.3 || 2", "-1.2.3", "1..3" } },
        { fault_of_pypi_version,
          { "1", "1.0", "2024.1.1", "1.0rc1", "1!2.0.post1", "1.0.dev3", "1.0+local.1", "v1.0" },
          { "", "latest", ">=1", "1.*", "1.0-", "-1", "1..0", "1 0", "1;x", "@x", "!1", "1!" } },
        { fault_of_version, { "1", "2024-01-01", "1.0.0-alpha" }, { "", "latest", "LATEST", "^1", "~1", ">1", "=1", "1.*", "1.x", "1 2" } },
        { fault_of_variable,
          { "A", "API_KEY", "_x", "NODE_ENV", "GIT_TOKEN", "SSH_HOST", "PROXY_HOST" },
          { "", "1A", "A-B", "A=B", "NODE_OPTIONS", "Node_Options", "LD_PRELOAD", "DYLD_X", "PYTHONPATH", "npm_config_a", "UV_INDEX", "PATH", "home",
            "http_proxy", "ALL_PROXY", "BASH_ENV", "ENV", "GIT_SSH_COMMAND", "SSL_CERT_DIR", "NODE_env", "WARDER_X" } },
        { fault_of_web_url,
          { "https://a.example", "http://a.example:80/x?y=1", "https://a.example/{t}/mcp", "https://a.example/x@y" },
          { "", "https://", "https:///x", "ftp://a", "javascript:alert(1)", "https://u@a.example", "https://u:p@a.example/", "https://a b", "https://a\\b", "HTTPS://a" } },
        { fault_of_subfolder, { "a", "a/b", "packages/@x/y" }, { "", "/a", "a/", "..", "a/../b", "./a", "a//b", "a\\b" } },
        { fault_of_header, { "X-A", "authorization" }, { "", "a b", "a:b", "a\r\nb" } },
        { fault_of_flag, { "--port", "-p", "x" }, { "", "--a=b", "a b", "$(x)" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const char *const *text = tables[i].fine; *text; text++)
            if (tables[i].check(str_from_c(*text)))
                fail_msg("table %zu: \"%s\" %s", i, *text, tables[i].check(str_from_c(*text)));
        for (const char *const *text = tables[i].wrong; *text; text++)
            if (!tables[i].check(str_from_c(*text)))
                fail_msg("table %zu: \"%s\" passed", i, *text);
    }
    assert_non_null(fault_of_variable(str_of("A\0B", 3)));
    assert_non_null(fault_of_npm_name(str_of("a\0", 2)));
    assert_non_null(fault_of_argument(str_of("a\0", 2)));
}

static void hosts(void **state)
{
    (void)state;
    static const char *const open[] = { "a.example", "mcp.made.example", "1.example" };
    static const char *const closed[] = { "",         "localhost", "intranet",   "127.0.0.1",  "169.254.169.254", "0x7f.1", "2130706433", "[::1]",
                                          "a.local",  "x.internal", "foo.localhost", "1.2.3.4", "a.",             ".a",     "a.0x7f",     "m.home" };
    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        assert_true(is_public_host(str_from_c(open[i])));
    for (size_t i = 0; i < ARRAY_LEN(closed); i++)
        if (is_public_host(str_from_c(closed[i])))
            fail_msg("%s is taken for public", closed[i]);
    assert_true(str_eq(url_host(STR("https://a.example:8/x@y")), STR("a.example")));
    assert_true(str_eq(url_host(STR("http://[::1]:8/")), STR("[::1]")));
}

/* "npx --yes -- a@1.0.0 …" as one text. */
static void assert_start(const char *entry, enum start_kind kind, const char *wanted)
{
    struct arena arena;
    struct json_error unread;
    struct registry_entry read;
    struct registry_fault fault = { .why = NULL };
    struct start start;
    struct buf made;
    const struct json *root;
    arena_init(&arena, NULL, 16 << 20);
    buf_init(&fault.pointer, 4096);
    buf_init(&made, 4096);
    assert_int_equal(json_parse(&arena, str_from_c(entry), &json_limits_request, &root, &unread), 0);
    int error = registry_read(root, &arena, &read, &fault);
    if (error)
        fail_msg("%.*s %s", STR_ARG(buf_str(&fault.pointer)), fault.why);
    assert_int_equal(read.start, kind);
    if (kind == START_NONE) {
        assert_string_equal(read.unstarted, wanted);
    } else {
        assert_int_equal(start_read(read.document, &arena, &start), 0);
        assert_int_equal(start.kind, kind);
        buf_append_str(&made, start.url);
        for (size_t i = 0; i < start.argc; i++)
            buf_printf(&made, "%s%.*s", i ? "|" : "", STR_ARG(start.argv[i]));
        for (size_t i = 0; i < start.variable_count; i++)
            buf_printf(&made, " %.*s=%.*s", STR_ARG(start.variables[i].name), STR_ARG(start.variables[i].value));
        assert_int_equal(made.len, strlen(wanted));
        assert_memory_equal(made.ptr, wanted, made.len);
    }
    buf_release(&made);
    buf_release(&fault.pointer);
    arena_release(&arena);
}

#define ENTRY(rest) "{\"name\":\"a.b/c\",\"description\":\"d\",\"version\":\"1\"," rest "}"
#define STDIO "\"transport\":{\"type\":\"stdio\"}"

static void command_lines(void **state)
{
    (void)state;
    assert_start(ENTRY("\"packages\":[{\"registryType\":\"npm\",\"identifier\":\"@a/b\",\"version\":\"1.0.0\"," STDIO "}]"), START_NPM,
                 "npx|--yes|--|@a/b@1.0.0");
    assert_start(ENTRY("\"packages\":[{\"registryType\":\"pypi\",\"identifier\":\"a-b\",\"version\":\"1.0\"," STDIO
                       ",\"runtimeArguments\":[{\"type\":\"named\",\"name\":\"--index-url\",\"value\":\"http://evil.example\"}]}]"),
                 START_PYPI, "uvx|a-b@1.0");
    assert_start(ENTRY("\"packages\":[{\"registryType\":\"npm\",\"identifier\":\"x\",\"version\":\"1.0.0\"," STDIO ",\"packageArguments\":["
                       "{\"type\":\"positional\",\"value\":\"-c\"},{\"type\":\"named\",\"name\":\"--dir\",\"value\":\"{d}/x{e}\",\"variables\":{\"d\":{\"default\":\"/v\"}}},"
                       "{\"type\":\"named\",\"name\":\"--verbose\",\"isRequired\":true},{\"type\":\"positional\",\"valueHint\":\"opt\"},"
                       "{\"type\":\"positional\",\"valueHint\":\"p\",\"isRequired\":true,\"format\":\"filepath\"}]"
                       ",\"environmentVariables\":[{\"name\":\"K\",\"isRequired\":true},{\"name\":\"O\"},{\"name\":\"C\",\"choices\":[\"a\",\"b\"]}]}]"),
                 START_NPM, "npx|--yes|--|x@1.0.0|-c|--dir|/v/x{e}|--verbose|. K=placeholder C=a");
    assert_start(ENTRY("\"remotes\":[{\"type\":\"sse\",\"url\":\"https://a.example/s\"},{\"type\":\"streamable-http\",\"url\":\"https://a.example/m\","
                       "\"headers\":[{\"name\":\"X\",\"value\":\"1\"}]}]"),
                 START_REMOTE, "https://a.example/m X=1");
}

static void not_started(void **state)
{
    (void)state;
    assert_start(ENTRY("\"title\":\"t\""), START_NONE, "it names neither a package nor a remote");
    assert_start(ENTRY("\"packages\":[{\"registryType\":\"oci\",\"identifier\":\"a/b:1\"," STDIO "}]"), START_NONE, "it is no package of npm or PyPI");
    assert_start(ENTRY("\"packages\":[{\"registryType\":\"npm\",\"identifier\":\"a\"," STDIO "}]"), START_NONE, "its package names no version");
    assert_start(ENTRY("\"packages\":[{\"registryType\":\"npm\",\"identifier\":\"a\",\"version\":\"1.0.0\",\"transport\":{\"type\":\"sse\",\"url\":\"http://localhost:1\"}}]"),
                 START_NONE, "its package listens for HTTP instead of speaking over stdio");
    assert_start(ENTRY("\"remotes\":[{\"type\":\"streamable-http\",\"url\":\"https://{t}.a.example/\"}]"), START_NONE,
                 "reaching it takes a value of its user's: an address or a header");
    assert_start(ENTRY("\"remotes\":[{\"type\":\"streamable-http\",\"url\":\"https://a.example/\",\"headers\":[{\"name\":\"A\",\"isRequired\":true}]}]"), START_NONE,
                 "reaching it takes a value of its user's: an address or a header");
}

/* The index is a file, and may be another's. */
static void documents_are_looked_at_again(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "", "{}", "[]", "null", "{\"registry\":\"npm\"}",
        "{\"registry\":\"npm\",\"package\":\"--x\",\"version\":\"1.0.0\",\"arguments\":[],\"variables\":[]}",
        "{\"registry\":\"npm\",\"package\":\"x\",\"version\":\"1.0.0 -c id\",\"arguments\":[],\"variables\":[]}",
        "{\"registry\":\"sh\",\"package\":\"x\",\"version\":\"1.0.0\",\"arguments\":[],\"variables\":[]}",
        "{\"registry\":\"npm\",\"package\":\"x\",\"version\":\"1.0.0\",\"arguments\":[1],\"variables\":[]}",
        "{\"registry\":\"npm\",\"package\":\"x\",\"version\":\"1.0.0\",\"arguments\":[\"a\\u0000\"],\"variables\":[]}",
        "{\"registry\":\"npm\",\"package\":\"x\",\"version\":\"1.0.0\",\"arguments\":[],\"variables\":[[\"NODE_OPTIONS\",\"x\"]]}",
        "{\"registry\":\"npm\",\"package\":\"x\",\"version\":\"1.0.0\",\"arguments\":[],\"variables\":[\"x\"]}",
        "{\"registry\":\"pypi\",\"package\":\"x\",\"version\":\"1.0\",\"arguments\":[],\"variables\":[[\"A\"]]}",
        "{\"registry\":\"remote\",\"url\":\"file:///x\",\"variables\":[]}",
        "{\"registry\":\"remote\",\"url\":\"https://a.example\",\"variables\":[[\"A\",\"b\\r\\nC: d\"]]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct arena arena;
        struct start start;
        arena_init(&arena, NULL, 1 << 20);
        if (start_read(str_from_c(hostile[i]), &arena, &start) != E_INVALID)
            fail_msg("%s would be started", hostile[i]);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammars),      cmocka_unit_test(hosts),
        cmocka_unit_test(command_lines), cmocka_unit_test(not_started),
        cmocka_unit_test(documents_are_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
