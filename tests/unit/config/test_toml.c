/* Servers out of a client's TOML: what is read, what is read past, and the line of what cannot be. */
#include "config/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void servers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *toml, *json;
    } cases[] = {
        { "", "{}" },
        { "a = 1\n[b]\nc = \"[mcp_servers.no]\"\n", "{}" },
        { "[mcp_servers.one]\ncommand = \"npx\"\nargs = [\"-y\", 'a\\b'] # c\n", "{\"one\":{\"command\":\"npx\",\"args\":[\"-y\",\"a\\\\b\"]}}" },
        { "[mcp_servers.one]\r\ncommand = \"x\"\r\n", "{\"one\":{\"command\":\"x\"}}" },
        { "[mcp_servers.\"a b\"]\ncommand=\"\\u00e9\\t\"", "{\"a b\":{\"command\":\"\u00e9\\t\"}}" },
        { "[mcp_servers.one]\nargs = [ # first\n \"a\",\n\n \"b\",\n]\n", "{\"one\":{\"args\":[\"a\",\"b\"]}}" },
        { "[mcp_servers.one]\ncommand = \"\"\"\na\nb\\\n   c\"\"\"\n", "{\"one\":{\"command\":\"a\\nbc\"}}" },
        { "[mcp_servers.one]\ncommand = '''a'b'''\n", "{\"one\":{\"command\":\"a'b\"}}" },
        { "[mcp_servers.one]\nenv = { A = \"1\", \"B\" = '2' }\ncommand = \"x\"\n[mcp_servers.one.env]\nC = \"3\"\n",
          "{\"one\":{\"command\":\"x\",\"env\":{\"A\":\"1\",\"B\":\"2\",\"C\":\"3\"}}}" },
        { "[mcp_servers.one]\nurl = \"https://h/\"\nbearer_token_env_var = \"TOK\"\n[mcp_servers.one.http_headers]\nX = \"y\"\n",
          "{\"one\":{\"url\":\"https://h/\",\"headers\":{\"Authorization\":\"Bearer ${TOK}\",\"X\":\"y\"}}}" },
        { "[mcp_servers.one]\nenabled = false\nstartup_timeout_sec = 10.5\ntool_timeout_sec = 60\nenv_vars = [\"A\"]\n",
          "{\"one\":{\"enabled\":false,\"inherit\":[\"A\"]}}" },
        { "[mcp_servers.one.tools.x]\ny = 1\n[mcp_servers.one]\ncommand = \"x\"\n[[p]]\nq.r = { s = [ { t = 1 } ] }\n", "{\"one\":{\"command\":\"x\"}}" },
        { "[mcp_servers.one]\n[mcp_servers.two]\n", "{\"one\":{},\"two\":{}}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct toml_fault fault;
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(toml_servers(str_from_c(cases[i].toml), &out, &fault), 0);
        buf_append_byte(&out, 0);
        assert_string_equal(out.ptr, cases[i].json);
        buf_release(&out);
    }
}

static void faults_name_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *toml;
        size_t line;
        const char *text;
    } cases[] = {
        { "a = 1\nb\n", 2, "= is missing" },
        { "a = \"x\n", 1, "not closed" },
        { "\n\na = \"\\q\"\n", 3, "an escape that TOML does not have" },
        { "a = \"\\ud800\"\n", 1, "no character" },
        { "a = \"\\u12\"\n", 1, "4 hexadecimal digits" },
        { "a = [1 2]\n", 1, ", or ]" },
        { "a = [\n1,\n", 3, "a value is missing" },
        { "a = { b = 1 c = 2 }\n", 1, ", or }" },
        { "a = 1 b = 2\n", 1, "something follows" },
        { "[a\n", 1, "] is missing" },
        { "[a.]\n", 1, "a key is missing" },
        { "[[mcp_servers]]\n", 1, "write [mcp_servers.NAME]" },
        { "mcp_servers.a.command = \"x\"\n", 1, "write [mcp_servers.NAME]" },
        { "[mcp_servers.a]\nenv.B = \"x\"\n", 2, "write a table" },
        { "[mcp_servers.a]\nenv = 3\n", 2, "table of strings" },
        { "[mcp_servers.a]\nenv = { A = \"1\" }\ncommand = \"x\n", 3, "not closed" }, /* with a value due */
        { "a = \"\x01\"\n", 1, "control byte" },
        { "a = \"\xff\"\n", 1, "not UTF-8" },
        { "a = [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n", 1, "too deep" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct toml_fault fault;
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(toml_servers(str_from_c(cases[i].toml), &out, &fault), E_SYNTAX);
        assert_int_equal(fault.line, cases[i].line);
        assert_non_null(strstr(fault.text, cases[i].text));
        buf_release(&out);
    }
}

static void what_is_too_large_is_said(void **state)
{
    (void)state;
    struct toml_fault fault;
    struct buf out;
    buf_init(&out, 8);
    assert_int_equal(toml_servers(STR("[mcp_servers.one]\ncommand = \"npx\"\n"), &out, &fault), E_LIMIT);
    assert_string_equal(fault.text, "too large");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_read),
        cmocka_unit_test(faults_name_their_line),
        cmocka_unit_test(what_is_too_large_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
