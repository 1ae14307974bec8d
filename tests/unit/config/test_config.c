/* warder.json and clients' files: what is wrong is named with its place and how to write it, all at once; what is
 * right comes out whole. */
#include "base/buf.h"
#include "base/limits.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/warder-config-XXXXXX";
static char path_variable[256];

static const char *variable(void *arg, const char *name)
{
    (void)arg;
    static const char *const set[][2] = { { "KEY", "s3cret" }, { "HOST_1", "h" }, { "EMPTY", "" } };
    for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        if (strcmp(name, set[i][0]) == 0)
            return set[i][1];
    }
    return strcmp(name, "PATH") == 0 ? path_variable : NULL;
}
static const struct environment environment = { .get = variable };

static struct str file_named(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return str_from_c(path);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(file_named(name).ptr, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(file_named(name).ptr, mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path_variable, sizeof(path_variable), "relative:%s/nowhere:%s:", directory, directory);
    write_file("server", "#!/bin/sh\n", 0755);
    write_file("plain", "not a program", 0644);
    write_file("token", "from-file\r\n", 0600);
    write_file("good.json", "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{\"t\":{}}}", 0600);
    write_file("bad.json", "{\n \"version\": \"2\", \"default\": \"deny\"}", 0600);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = { "server", "plain", "token", "good.json", "bad.json", "c.json", ".mcp.json", "mcp.json" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(file_named(names[i]).ptr);
    return rmdir(directory);
}

/* One line a finding: LINE:COLUMN POINTER TEXT [FIX], warnings with a leading '~', joined by '\n'. */
static void print_report(const struct report *report, char *out, size_t max)
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < report->count && len < max; i++) {
        const struct problem *p = &report->items[i].problem;
        len += (size_t)snprintf(out + len, max - len, "%s%s%zu:%zu %" STR_FMT " %" STR_FMT "%s%" STR_FMT "%s", i ? "\n" : "",
                                p->warning ? "~" : "", p->line, p->column, STR_ARG(p->pointer), STR_ARG(p->text),
                                p->fix.len ? " [" : "", STR_ARG(p->fix), p->fix.len ? "]" : "");
    }
}

#define SERVER(members) "{\"mcpServers\": {\"a\": {\"command\": \"server\"" members "}}}"

static const struct {
    const char *source, *report;
    int         error;
} bad[] = {
    { "", "1:1  empty: there is no JSON in it", E_INVALID },
    { "{", NULL, E_INVALID },
    { "[]", "1:1  must be an object, this is an array", E_INVALID },
    { "{}", "1:1  no server is configured [write \"mcpServers\": {\"NAME\": {\"command\": \"...\", \"policy\": \"...\"}}]", E_INVALID },
    { "{\"mcpServers\": []}", "1:16 /mcpServers must be an object, this is an array", E_INVALID },
    { "{\"mcpServers\": {}}",
      "1:16 /mcpServers no server is configured [write \"mcpServers\": {\"NAME\": {\"command\": \"...\", \"policy\": \"...\"}}]", E_INVALID },
    { "{\"mcpServers\": {\"a\": 1}}", "1:22 /mcpServers/a must be an object, this is a number", E_INVALID },
    { "{\"mcpServers\": {\"A b\": {\"command\": \"server\"}}}",
      "1:17 /mcpServers/A b \"A b\" is no name of a server: a-z, 0-9 and -, at most 64 bytes [did you mean \"a-b\"?]", E_INVALID },
    { "{\"mcpServers\": {\"\": {\"command\": \"server\"}}}",
      "1:17 /mcpServers/ \"\" is no name of a server: a-z, 0-9 and -, at most 64 bytes", E_INVALID },
    { "{\"lissten\": \"127.0.0.1:1\",\n \"mcpServers\": {\"a\": {\"comand\": \"server\", \"polcy\": \"x\", \"zzz\": 1}}}",
      "1:2 /lissten unknown setting \"lissten\" [did you mean \"listen\"?]\n"
      "2:23 /mcpServers/a/comand unknown setting \"comand\" [did you mean \"command\"?]\n"
      "2:43 /mcpServers/a/polcy unknown setting \"polcy\" [did you mean \"policy\"?]\n"
      "2:57 /mcpServers/a/zzz unknown setting \"zzz\"", E_INVALID },
    { "{\"mcpServers\": {\"a\": {}}}", "1:17 /mcpServers/a neither command nor url [write \"command\": \"...\"]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"server\", \"url\": \"http://127.0.0.1:1/\"}}}",
      "1:17 /mcpServers/a both command and url: a server is one or the other", E_INVALID },
    { SERVER(", \"command\": \"x\""), "1:44  the member \"command\" stands twice in one object", E_INVALID },
    { SERVER(", \"args\": \"x\""), "1:52 /mcpServers/a/args must be an array of strings, this is a string", E_INVALID },
    { SERVER(", \"args\": [\"x\", 1]"), "1:58 /mcpServers/a/args/1 an element must be a string, this is a number", E_INVALID },
    { SERVER(", \"args\": [\"\\u0000\"]"), "1:53 /mcpServers/a/args/0 U+0000 cannot be in an element", E_INVALID },
    /* What is wrong with one element hides nothing of the others. */
    { SERVER(", \"args\": [1, \"${NO}\"], \"env\": {\"A\": true, \"B\": \"${NO}\"}"),
      "1:53 /mcpServers/a/args/0 an element must be a string, this is a number\n"
      "1:56 /mcpServers/a/args/1 the environment has no variable NO [export NO=...]\n"
      "1:79 /mcpServers/a/env/A a value must be a string, this is a boolean\n"
      "1:90 /mcpServers/a/env/B the environment has no variable NO [export NO=...]", E_INVALID },
    /* A policy that two servers have is told about once, and neither server starts. */
    { "{\"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \"bad.json\"},\n \"b\": {\"command\": \"server\", \"policy\": \"bad.json\"}}}",
      "2:13 /version must be \"1\", this is \"2\" [\"1\"]", E_INVALID },
    { SERVER(", \"env\": {\"A\": true}"), "1:57 /mcpServers/a/env/A a value must be a string, this is a boolean", E_INVALID },
    { SERVER(", \"env\": {\"A=B\": \"\"}"),
      "1:52 /mcpServers/a/env/A=B not a variable's name: A-Z a-z 0-9 _, no digit first", E_INVALID },
    { SERVER(", \"inherit\": [\"1A\"]"), "1:56 /mcpServers/a/inherit/0 not a variable's name", E_INVALID },
    { SERVER(", \"env\": {\"A\": \"${B-C}\"}"),
      "1:57 /mcpServers/a/env/A \"${B-C}\" names no variable [write ${NAME} of A-Z a-z 0-9 _, or ${file:PATH}; a plain \"${\" is written \"$${\"]",
      E_INVALID },
    { SERVER(", \"env\": {\"A\": \"${KEY\"}"), "1:57 /mcpServers/a/env/A \"${\" is not closed [write }]", E_INVALID },
    { SERVER(", \"env\": {\"A\": \"${GONE}\"}"),
      "1:57 /mcpServers/a/env/A the environment has no variable GONE [export GONE=...]", E_INVALID },
    { SERVER(", \"env\": {\"A\": \"${file:/dev/null}\"}"), "1:57 /mcpServers/a/env/A the file /dev/null is empty", E_INVALID },
    { SERVER(", \"home\": \"frsh\""), "1:52 /mcpServers/a/home must be \"shared\", \"private\" or \"fresh\" [did you mean \"fresh\"?]", E_INVALID },
    { SERVER(", \"isolation\": 1"), "1:57 /mcpServers/a/isolation must be \"grant\", \"server\" or \"session\"", E_INVALID },
    { SERVER(", \"timeout\": 0"), "1:55 /mcpServers/a/timeout must be 1 to 3600 seconds: a whole number, or \"90s\", \"5m\"", E_INVALID },
    { SERVER(", \"timeout\": \"2h\""), "1:55 /mcpServers/a/timeout must be 1 to 3600 seconds: a whole number, or \"90s\", \"5m\"", E_INVALID },
    { SERVER(", \"instances\": 1"), "1:57 /mcpServers/a/instances must be a whole number from 2 to 1000", E_INVALID },
    { SERVER(", \"instances\": \"9\""), "1:57 /mcpServers/a/instances must be a whole number from 2 to 1000", E_INVALID },
    { SERVER(", \"idle\": 0"), "1:52 /mcpServers/a/idle must be 1 to 86400 seconds: a whole number, or \"90s\", \"5m\"", E_INVALID },
    { SERVER(", \"timeout\": 1.5"), "1:55 /mcpServers/a/timeout must be 1 to 3600 seconds: a whole number, or \"90s\", \"5m\"", E_INVALID },
    { SERVER(", \"headers\": {}"), "1:44 /mcpServers/a/headers only a server with a url has this", E_INVALID },
    { SERVER(", \"policy\": \"\""), "1:54 /mcpServers/a/policy must not be empty", E_INVALID },
    { SERVER(", \"policy\": \"recommended\", \"classes\": {\"t\": \"wirte\"}"),
      "1:86 /mcpServers/a/classes/t there is no class \"wirte\": read, write, execute, destructive, financial or other [did you mean \"write\"?]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"https://user:secret@example.com/\"}}}",
      "1:30 /mcpServers/a/url not the URL of a server [write \"https://HOST/PATH\", or \"http://127.0.0.1:PORT/PATH\"]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"http://example.com/\"}}}",
      "1:30 /mcpServers/a/url without TLS a server is reached on a loopback address only [write \"https://...\", or \"insecure\": true beside it]",
      E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"http://127.0.0.1:80@evil:80/\"}}}",
      "1:30 /mcpServers/a/url not the URL of a server [write \"https://HOST/PATH\", or \"http://127.0.0.1:PORT/PATH\"]",
      E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"http://127.0.0.1:80/a b\"}}}",
      "1:30 /mcpServers/a/url not the URL of a server [write \"https://HOST/PATH\", or \"http://127.0.0.1:PORT/PATH\"]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"http://127.0.0.1:80/\", \"args\": [], \"headers\": {\"a b\": \"\", \"Host\": \"x\", \"MCP-Session-Id\": \"1\", \"x\": \"a\\nb\"}}}}",
      "1:54 /mcpServers/a/args only a server with a command has this\n"
      "1:78 /mcpServers/a/headers/a b not the name of an HTTP field\n"
      "1:89 /mcpServers/a/headers/Host the gateway writes this field itself\n"
      "1:102 /mcpServers/a/headers/MCP-Session-Id the gateway writes this field itself\n"
      "1:130 /mcpServers/a/headers/x a control byte cannot be in an HTTP field", E_INVALID },
    { "{\"listen\": \"localhost:1\", \"audit\": \"of\", \"insecure\": 1, \"mcpServers\": {\"a\": {\"command\": \"server\"}}}",
      "1:12 /listen must be a numeric address and a port [write \"127.0.0.1:8808\"]\n"
      "1:36 /audit must be \"durable\", \"process\" or \"off\" [did you mean \"off\"?]\n"
      "1:54 /insecure must be true or false, this is a number\n"
      "~1:72 /mcpServers/a no policy: every call is denied [write \"policy\": \"recommended\", or a file's name]", E_INVALID },
    { "{\"listen\": \"0.0.0.0:1\", \"mcpServers\": {\"a\": {\"command\": \"server\"}}}",
      "1:12 /listen listening beyond loopback needs TLS "
      "[write \"tls\": {\"cert\": \"...\", \"key\": \"...\"}, or \"insecure\": true]\n"
      "~1:40 /mcpServers/a no policy: every call is denied [write \"policy\": \"recommended\", or a file's name]", E_INVALID },
    { "{\"hosts\": [\"a.example:80\", \"*\"], \"origins\": [\"*\", \"null\", \"https://*.example\", \"https://a.example/x\", \"a.example\", \"https://a.example:8443\"],"
      " \"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \"good.json\"}}}",
      "1:28 /hosts/1 not a name that clients may call the gateway by; patterns are not taken [write each name out: \"gateway.example\", \"gateway.example:443\"]\n"
      "1:46 /origins/0 not a web origin; patterns and paths are not taken [write each origin out: \"https://app.example\"]\n"
      "1:51 /origins/1 \"null\" is the origin of any file and any sandboxed page [write each origin out: \"https://app.example\"]\n"
      "1:59 /origins/2 not a web origin; patterns and paths are not taken [write each origin out: \"https://app.example\"]\n"
      "1:80 /origins/3 not a web origin; patterns and paths are not taken [write each origin out: \"https://app.example\"]\n"
      "1:103 /origins/4 not a web origin; patterns and paths are not taken [write each origin out: \"https://app.example\"]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"http://10.0.0.1/\", \"insecure\": true, \"headers\": {\"authorization\": \"x\", \"X-Key\": \"${KEY}\", \"X\": \"y\"}}}}",
      "1:80 /mcpServers/a/headers/authorization secrets are not sent without TLS beyond loopback\n"
      "1:102 /mcpServers/a/headers/X-Key secrets are not sent without TLS beyond loopback", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"http://127.0.0.1:1/\", \"tls\": {}}}}",
      "1:53 /mcpServers/a/tls only an https url has this", E_INVALID },
    { SERVER(", \"tls\": {}, \"insecure\": true"),
      "1:44 /mcpServers/a/tls only a server with a url has this\n"
      "1:55 /mcpServers/a/insecure only a server with a url has this", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"https://a.example/\", \"tls\": {\"crt\": \"x\", \"min\": \"1.1\", \"ca\": \"none.pem\"}}}}", NULL, E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"https://a.example/\", \"tls\": {\"ca\": \"good.json\"}}}}",
      "1:66 /mcpServers/a/tls/ca holds no PEM certificate of an authority", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"url\": \"https://a.example/\", \"tls\": {\"key\": \"good.json\"}}}}", NULL, E_INVALID },
    { "{\"tls\": {}, \"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \"good.json\"}}}",
      "1:2 /tls a listener needs a certificate and its key [write \"cert\": \"...\", \"key\": \"...\"]", E_INVALID },
    { "{\"tls\": {\"ca\": \"x\", \"cert\": \"good.json\", \"key\": \"good.json\"}, \"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \"good.json\"}}}", NULL, E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"absent\"}}}", "1:34 /mcpServers/a/command no program absent is in PATH", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"./plain\"}}}", NULL, E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"absent\"}, \"b\": {\"command\": \"server\"}}}",
      "1:34 /mcpServers/a/command no program absent is in PATH\n"
      "~1:45 /mcpServers/b no policy: every call is denied [write \"policy\": \"recommended\", or a file's name]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"server -k x\"}}}",
      "1:34 /mcpServers/a/command no program server -k x is in PATH [write the program alone, and in \"args\" what follows it]", E_INVALID },
    { "{\"mcpServers\": {\"A b\": {\"command\": \"absent\", \"polcy\": \"x\", \"policy\": \"good.json\"}}}",
      "1:17 /mcpServers/A b \"A b\" is no name of a server: a-z, 0-9 and -, at most 64 bytes [did you mean \"a-b\"?]\n"
      "1:36 /mcpServers/A b/command no program absent is in PATH\n"
      "1:46 /mcpServers/A b/polcy unknown setting \"polcy\" [did you mean \"policy\"?]", E_INVALID },
    { "{\"mcpServers\": {\"A b\": {\"command\": \"server\", \"policy\": \"good.json\"}, \"a\": {\"command\": \"server\", \"policy\": \"good.json\"}}}",
      "1:17 /mcpServers/A b \"A b\" is no name of a server: a-z, 0-9 and -, at most 64 bytes [did you mean \"a-b\"?]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"server\",}}}", "1:42  not JSON [no comma before a closing bracket]", E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \".\"}}}", NULL, E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \"bad.json\"}}}", NULL, E_INVALID },
    { "{\"mcpServers\": {\"a\": {\"command\": \"server\", \"policy\": \"none.json\"}}}", NULL, E_INVALID },
};

static void test_bad_files(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char found[4096];
        struct report report;
        struct config *config = NULL;
        write_file("c.json", bad[i].source, 0600);
        report_init(&report);
        int error = config_load(file_named("c.json"), &environment, &report, &config);
        print_report(&report, found, sizeof(found));
        if (error != bad[i].error || report.errors == 0 || (bad[i].report && strcmp(found, bad[i].report) != 0)) {
            print_error("%s\n gives %s:\n%s\n", bad[i].source, error_name(error), found);
            wrong++;
        }
        config_unref(config);
        report_release(&report);
    }
    assert_int_equal(wrong, 0);
}

static void test_no_file(void **state)
{
    (void)state;
    struct report report;
    struct config *config = NULL;
    char found[1024];
    report_init(&report);
    assert_int_equal(config_load(file_named("no.json"), &environment, &report, &config), E_NOT_FOUND);
    print_report(&report, found, sizeof(found));
    assert_string_equal(found, "1:1  cannot be read: not found");
    report_release(&report);
}

static void assert_str(struct str s, const char *expected)
{
    assert_true(str_eq(s, str_from_c(expected)));
}

static void test_a_whole_file(void **state)
{
    (void)state;
    struct report report;
    struct config *config = NULL;
    char found[1024];
    write_file("c.json",
               "{\"$schema\": \"x\", \"listen\": \"[::1]:0\", \"data\": \"kept\", \"audit\": \"process\", \"log\": \"warn\", \"mcpServers\": {"
               "\"one\": {\"type\": \"stdio\", \"command\": \"server\", \"args\": [\"-k\", \"${KEY}\", \"$${KEY} $x\"], \"timeout\": \"5m\","
               " \"env\": {\"T\": \"<${file:token}>\", \"E\": \"${env:EMPTY}${HOST_1}\"}, \"inherit\": [\"DISPLAY\"], \"cwd\": \".\","
               " \"home\": \"fresh\", \"isolation\": \"session\", \"numbers\": \"exact\", \"policy\": \"good.json\","
               " \"classes\": {\"send\": \"write\"}},"
               "\"two\": {\"policy\": \"recommended\", \"url\": \"http://127.0.0.1:9/mcp?a=b\", \"headers\": {\"Authorization\": \"Bearer ${KEY}\"}}}}",
               0600);
    assert_int_equal(chmod(file_named("token").ptr, 0644), 0);
    report_init(&report);
    int error = config_load(file_named("c.json"), &environment, &report, &config);
    print_report(&report, found, sizeof(found));
    if (error)
        fail_msg("%s", found);
    assert_int_equal(report.errors, 0);
    assert_non_null(strstr(found, "~1:"));
    assert_non_null(strstr(found, "without meaning here: type"));
    assert_non_null(strstr(found, "/mcpServers/one/env/T others can read or write this secret [chmod 600 "));
    assert_int_equal(chmod(file_named("token").ptr, 0600), 0);
    assert_str(config->listen, "[::1]:0");
    assert_str(config->data, file_named("kept").ptr);
    assert_int_equal(config->audit, AUDIT_PROCESS);
    assert_int_equal(config->log, LOG_WARN);
    assert_int_equal(config->server_count, 2);
    assert_true(!config->servers[0].recommended && config->servers[0].policy && config->servers[0].class_count == 1);
    assert_str(config->servers[0].classes[0].tool, "send");
    assert_int_equal(config->servers[0].classes[0].class, CLASS_WRITE);
    assert_true(config->servers[1].recommended && !config->servers[1].policy && config->servers[1].class_count == 0);

    const struct server *one = &config->servers[0].server, *two = &config->servers[1].server;
    assert_str(one->name, "one");
    assert_int_equal(one->transport, TRANSPORT_STDIO);
    assert_int_equal(one->argc, 4);
    assert_str(one->argv[0], file_named("server").ptr);
    assert_str(one->argv[2], "s3cret");
    assert_str(one->argv[3], "${KEY} $x");
    assert_int_equal(one->env_count, 2);
    assert_str(one->env[0].name, "T");
    assert_str(one->env[0].value, "<from-file>");
    assert_str(one->env[1].value, "h");
    assert_int_equal(one->secret_count, 4); /* none where the value is what every server has anyway */
    assert_str(one->secrets[0].shown, "${KEY}");
    assert_str(one->secrets[0].value, "s3cret");
    assert_str(one->secrets[1].shown, "${file:token}");
    assert_str(one->secrets[1].value, "from-file");
    assert_str(one->secrets[3].shown, "${HOST_1}");
    assert_int_equal(one->inherit_count, 1);
    assert_str(one->inherit[0], "DISPLAY");
    assert_str(one->cwd, directory);
    assert_int_equal(one->home, HOME_FRESH);
    assert_int_equal(one->isolation, ISOLATION_SESSION);
    assert_true(one->exact_numbers);
    assert_int_equal(one->call_ms, 300000);
    assert_non_null(config->servers[0].policy);
    assert_true(config->servers[0].policy_source.len > 0);

    assert_int_equal(two->transport, TRANSPORT_HTTP);
    assert_str(two->url, "http://127.0.0.1:9/mcp?a=b");
    assert_str(two->headers[0].value, "Bearer s3cret");
    assert_int_equal(two->secret_count, 1);
    assert_str(two->secrets[0].value, "s3cret");
    assert_int_equal(two->isolation, ISOLATION_GRANT);
    assert_int_equal(two->call_ms, 300000);
    assert_false(two->exact_numbers);
    assert_null(config->servers[1].policy);
    config_unref(config);
    report_release(&report);
}

/* A client's own file is read as it is. */
static void test_clients_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source, *server, *report;
    } files[] = {
        { ".mcp.json",
          "{\"numStartups\": 7, \"mcpServers\": {\"My Server\": {\"type\": \"stdio\", \"command\": \"server\", \"alwaysAllow\": [\"x\"], \"odd\": {}}}}",
          "my-server",
          "~1:1  the client's own, without meaning here: numStartups\n"
          "~1:35 /mcpServers/My Server is called my-server here\n"
          "~1:35 /mcpServers/My Server no policy: every call is denied [write \"policy\": \"recommended\", or a file's name]\n"
          "~1:48 /mcpServers/My Server the client's own, without meaning here: type, alwaysAllow, odd" },
        { "mcp.json", "{\"inputs\": [], \"servers\": {\"x\": {\"command\": \"server\"}, \"y\": {\"command\": \"server\", \"disabled\": true}}}", "x",
          "~1:1  the client's own, without meaning here: inputs\n"
          "~1:28 /servers/x no policy: every call is denied [write \"policy\": \"recommended\", or a file's name]\n"
          "~1:56 /servers/y left out: it is disabled in this file\n"
          "~1:61 /servers/y the client's own, without meaning here: disabled" },
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct report report;
        struct config *config = NULL;
        char found[1024];
        write_file(files[i].name, files[i].source, 0600);
        report_init(&report);
        int error = config_load(file_named(files[i].name), &environment, &report, &config);
        print_report(&report, found, sizeof(found));
        if (error || strcmp(found, files[i].report) != 0)
            fail_msg("%s gives %d\n%s", files[i].source, error, found);
        assert_int_equal(config->server_count, 1);
        assert_str(config->servers[0].server.name, files[i].server);
        config_unref(config);
        report_release(&report);
    }
}

/* A misspelled setting of ours is an error in a client's file too: "polcy" must not mean "no policy". */
static void test_misspelling_in_a_clients_file(void **state)
{
    (void)state;
    struct report report;
    struct config *config = NULL;
    char found[1024];
    write_file(".mcp.json", "{\"mcpServers\": {\"x\": {\"command\": \"server\", \"polcy\": \"p\"}}}", 0600);
    report_init(&report);
    assert_int_equal(config_load(file_named(".mcp.json"), &environment, &report, &config), E_INVALID);
    print_report(&report, found, sizeof(found));
    assert_string_equal(found, "1:44 /mcpServers/x/polcy unknown setting \"polcy\" [did you mean \"policy\"?]");
    report_release(&report);
}

static struct buf text;

static int load_text(struct report *report, struct config **out)
{
    FILE *file = fopen(file_named("c.json").ptr, "w");
    assert_non_null(file);
    assert_true(buf_ok(&text));
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    buf_release(&text);
    report_init(report);
    return config_load(file_named("c.json"), &environment, report, out);
}

static void test_ceilings_of_what_a_server_is_started_with(void **state)
{
    (void)state;
    static const struct {
        const char *member, *element;
        size_t count, bytes, errors;
    } rows[] = {
        { "args", NULL, LIMIT_child_args - 1, 1, 0 },       { "args", NULL, LIMIT_child_args, 1, 1 },
        { "args", NULL, 1, LIMIT_child_word, 0 },           { "args", NULL, 1, LIMIT_child_word + 1, 1 },
        { "args", NULL, 7, LIMIT_child_word, 0 },           { "args", NULL, 9, LIMIT_child_word, 1 },
        { "env", "V", LIMIT_child_variables, 1, 0 },        { "env", "V", LIMIT_child_variables + 1, 1, 1 },
        { "env", "V", 1, LIMIT_child_word + 1, 1 },         { "env", "V", 9, LIMIT_child_word, 1 },
    };
    static char word[LIMIT_child_word + 1];
    memset(word, 'x', sizeof(word));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config *config = NULL;
        struct report report;
        bool map = rows[i].element != NULL;
        buf_init(&text, 16 << 20);
        buf_printf(&text, "{\"mcpServers\":{\"a\":{\"command\":\"server\",\"policy\":\"good.json\",\"%s\":%c",
                   rows[i].member, map ? '{' : '[');
        for (size_t at = 0; at < rows[i].count; at++) {
            buf_printf(&text, at ? "," : "");
            if (map)
                buf_printf(&text, "\"%s%zu\":", rows[i].element, at);
            buf_printf(&text, "\"%.*s\"", (int)rows[i].bytes, word);
        }
        buf_printf(&text, "%c}}}", map ? '}' : ']');
        int error = load_text(&report, &config);
        if (report.errors != rows[i].errors || (error == 0) != (rows[i].errors == 0))
            fail_msg("row %zu: %zu errors", i, report.errors);
        report_release(&report);
        config_unref(config);
    }
}

/* As many servers as a file holds, in a time that grows with them; the report lists the first problems alone. */
static void test_many_servers(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct report report;
    size_t count = 20000;
    buf_init(&text, 16 << 20);
    buf_printf(&text, "{\"mcpServers\":{");
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s\"s%zu\":{\"command\":\"server\"%s}", i ? "," : "", i,
                   i % 2 ? "" : ",\"policy\":\"good.json\"");
    buf_printf(&text, "}}");
    assert_int_equal(load_text(&report, &config), 0);
    assert_int_equal(config->server_count, count);
    assert_int_equal(report.notes, count / 2);
    assert_int_equal(report.count, LIMIT_policy_problems);
    report_release(&report);
    config_unref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),     cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_a_whole_file),  cmocka_unit_test(test_clients_files),
        cmocka_unit_test(test_misspelling_in_a_clients_file),
        cmocka_unit_test(test_ceilings_of_what_a_server_is_started_with),
        cmocka_unit_test(test_many_servers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
