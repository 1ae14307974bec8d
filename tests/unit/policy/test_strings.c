/* Operators that read a string of their own: path_within, host_in, command. Each case from both sides, and under a
 * `not`: `require` passes only on true, `deny_if` only on false. */
#include "rig.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "json/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
    const char *value, *no_words; /* or one string of the value above: */
    char answer;
    const char *text;
};

#define USE(value, no_words) { value, no_words, 0, NULL },
#define IS(answer, text) { NULL, NULL, #answer[0], text },
static const struct row commands[] = {
#include "commands.def"
};
static const struct row hosts[] = {
#include "hosts.def"
};
static const struct row paths[] = {
#include "paths.def"
};

/* Four policies in one: tools r and n require, d and e deny_if; n and e look at it under a `not`. */
static void load(struct rig *rig, const char *op, const struct row *row)
{
    char test[512], policy[4096];
    snprintf(test, sizeof test, "{'path':'args.x','op':'%s','value':%s%s%s}", op, row->value,
             row->no_words != NULL ? ",'no_words':" : "", row->no_words != NULL ? row->no_words : "");
    snprintf(policy, sizeof policy,
             "{'version':'1','default':'deny','tools':{'r':{'require':[{'conditions':[%s]}]},"
             "'n':{'require':[{'conditions':[{'not':%s}]}]},'d':{'deny_if':[{'conditions':[%s]}]},"
             "'e':{'deny_if':[{'conditions':[{'not':%s}]}]}}}",
             test, test, test, test);
    rig_load(rig, policy);
}

static const struct json *args_of(struct rig *rig, struct str text)
{
    struct buf bytes;
    struct json_writer writer;
    const struct json *args;
    struct json_error error;
    buf_init(&bytes, 1 << 20);
    json_write_init(&writer, &bytes);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("x"), text);
    json_write_object_end(&writer);
    assert_true(buf_ok(&bytes));
    assert_int_equal(json_parse(&rig->arena, buf_str(&bytes), &json_limits_request, &args, &error), 0);
    buf_release(&bytes);
    return args;
}

static bool passes(struct rig *rig, const char *tool, const struct json *args)
{
    struct decision decision;
    struct tool asked = { .name = str_from_c(tool) };
    struct question question = rig->question;
    question.tool = &asked;
    question.name = asked.name;
    question.args = args;
    policy_decide(rig->policy, &question, &rig->arena, NULL, &decision);
    return decision.verdict == VERDICT_ALLOW;
}

static bool is(struct rig *rig, struct str text, char answer)
{
    const struct json *args = args_of(rig, text);
    return passes(rig, "r", args) == (answer == 'T') && passes(rig, "n", args) == (answer == 'F') &&
           passes(rig, "d", args) == (answer == 'F') && passes(rig, "e", args) == (answer == 'T');
}

static void check(const char *op, const struct row *rows, size_t count, size_t least)
{
    struct rig rig;
    size_t cases = 0;
    bool good = true;
    rig_init(&rig);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].value != NULL) {
            load(&rig, op, &rows[i]);
            continue;
        }
        cases++;
        if (is(&rig, str_from_c(rows[i].text), rows[i].answer))
            continue;
        print_message("%s on <%s> is not %c\n", op, rows[i].text, rows[i].answer);
        good = false;
    }
    assert_true(good);
    assert_true(cases >= least);
    rig_release(&rig);
}

static void test_commands(void **state)
{
    (void)state;
    check("command", commands, ARRAY_LEN(commands), 60);
}

static void test_hosts(void **state)
{
    (void)state;
    check("host_in", hosts, ARRAY_LEN(hosts), 40);
}

static void test_paths(void **state)
{
    (void)state;
    check("path_within", paths, ARRAY_LEN(paths), 30);
}

/* A NUL, which no C string of the tables can have, and lengths at their ceilings. */
static void test_bounds(void **state)
{
    (void)state;
    struct rig rig;
    static char text[LIMIT_command_bytes + 2];
    rig_init(&rig);
    load(&rig, "path_within", &(struct row){ .value = "['/a']" });
    assert_true(is(&rig, STR("/a/\0/../.."), 'U'));
    memset(text, 'x', sizeof text);
    memcpy(text, "/a/", 3);
    assert_true(is(&rig, str_of(text, LIMIT_path_bytes), 'T'));
    assert_true(is(&rig, str_of(text, LIMIT_path_bytes + 1), 'U'));
    load(&rig, "host_in", &(struct row){ .value = "['a']" });
    assert_true(is(&rig, STR("http://a\0b/"), 'U'));
    assert_true(is(&rig, STR("http://a/\0"), 'U'));
    memset(text, 'x', sizeof text);
    memcpy(text, "http://", 7);
    assert_true(is(&rig, str_of(text, 7 + 63), 'F'));
    assert_true(is(&rig, str_of(text, 7 + 64), 'U'));
    for (size_t i = 7 + 63; i < 400; i += 64)
        text[i] = '.';
    assert_true(is(&rig, str_of(text, 7 + 253), 'F'));
    assert_true(is(&rig, str_of(text, 7 + 254), 'U'));
    load(&rig, "command", &(struct row){ .value = "['a','...']", .no_words = "['b']" });
    assert_true(is(&rig, STR("a \0"), 'U'));
    memset(text, 'x', sizeof text);
    memcpy(text, "a ", 2);
    assert_true(is(&rig, str_of(text, LIMIT_command_bytes), 'T'));
    assert_true(is(&rig, str_of(text, LIMIT_command_bytes + 1), 'U'));
    rig_release(&rig);
}

/* A list of commands passes only if each does, and one string is judged alone: real tools take both. */
static void test_lists_of_commands(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, "{'version':'1','default':'deny','tools':{'call_aws':{'require':[{'conditions':[{'path':'args.cli_command[]',"
                   "'op':'command','value':['aws','s3api','list-*','...'],'no_words':['--endpoint-url*']}]}]}}}");
    static const struct { const char *args; bool passes; } rows[] = {
        { "{'cli_command':'aws s3api list-buckets'}", true },
        { "{'cli_command':['aws s3api list-buckets']}", true },
        { "{'cli_command':['aws s3api list-buckets','aws s3api list-objects --bucket b']}", true },
        { "{'cli_command':['aws s3api list-buckets','aws s3api delete-bucket --bucket b']}", false },
        { "{'cli_command':['aws s3api list-buckets',['aws s3api list-buckets']]}", false },
        { "{'cli_command':['aws s3api list-buckets',null]}", false },
        { "{'cli_command':['aws','s3api','list-buckets']}", false },
        { "{'cli_command':{'0':'aws s3api list-buckets'}}", false },
        { "{'cli_command':[]}", false },
        { "{}", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((rig_call(&rig, "call_aws", rows[i].args)->verdict == VERDICT_ALLOW) != rows[i].passes)
            fail_msg("%s", rows[i].args);
    const struct decision *decision = rig_call(&rig, "call_aws", "{'cli_command':'aws s3api list-buckets; rm x'}");
    assert_string_equal(decision->message.ptr, "args.cli_command[] cannot be judged: it has a byte outside quotes that "
                                               "a shell gives a meaning.");
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands), cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_lists_of_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
