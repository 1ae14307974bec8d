/* The rig: one server, one grant, one policy. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static struct str tags[] = { STR("prod"), STR("team-a") };

void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .server = { .name = STR("pay") } };
    arena_init(&rig->arena, NULL, 64u << 20);
    rig->grant = (struct grant){ .id = STR("g1"), .label = STR("laptop"), .tags = tags, .tag_count = 2 };
    rig->question = (struct question){ .server = &rig->server, .grant = &rig->grant, .session = STR("s1"),
                                       .client = STR("agent"), .now_ms = 1000 };
}

void rig_release(struct rig *rig)
{
    policy_unref(rig->policy);
    arena_release(&rig->arena);
}

struct str rig_text(struct rig *rig, const char *text)
{
    struct str copy = arena_str(&rig->arena, str_from_c(text));
    assert_non_null(copy.ptr);
    char *bytes = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        bytes[i] = bytes[i] == '\'' ? '"' : bytes[i] == '`' ? '\'' : bytes[i];
    return copy;
}

int rig_try_load(struct rig *rig, const char *policy)
{
    policy_unref(rig->policy);
    rig->policy = NULL;
    return policy_load(rig_text(rig, policy), &rig->arena, &rig->problems, &rig->policy);
}

void rig_load(struct rig *rig, const char *policy)
{
    int rc = rig_try_load(rig, policy);
    for (size_t i = 0; rc != 0 && i < rig->problems.count; i++) {
        if (rig->problems.items[i].warning)
            continue;
        print_message("%zu:%zu: %s: %s (%s)\n", rig->problems.items[i].line, rig->problems.items[i].column,
                      rig->problems.items[i].pointer.ptr, rig->problems.items[i].text.ptr,
                      rig->problems.items[i].fix.ptr);
    }
    if (rc != 0)
        fail_msg("this policy does not load: %s", policy);
}

const struct json *rig_json(struct rig *rig, const char *text)
{
    const struct json *root;
    struct json_error error;
    int rc = json_parse(&rig->arena, rig_text(rig, text), &json_limits_request, &root, &error);
    if (rc != 0)
        print_message("not JSON: %s\n", text);
    assert_int_equal(rc, 0);
    return root;
}

static const struct decision *decide(struct rig *rig)
{
    policy_decide(rig->policy, &rig->question, &rig->arena, NULL, &rig->decision);
    return &rig->decision;
}

static void ask_tool(struct rig *rig, const char *tool)
{
    rig->tool.name = str_from_c(tool);
    rig->question.subject = SUBJECT_TOOL;
    rig->question.tool = &rig->tool;
    rig->question.name = rig->tool.name;
}

const struct decision *rig_call(struct rig *rig, const char *tool, const char *args)
{
    ask_tool(rig, tool);
    rig->question.args = args != NULL ? rig_json(rig, args) : NULL;
    rig->question.args_absent = args == NULL;
    return decide(rig);
}

const struct decision *rig_list(struct rig *rig, const char *tool)
{
    ask_tool(rig, tool);
    rig->question.args = NULL;
    rig->question.args_absent = false;
    return decide(rig);
}

const struct decision *rig_ask(struct rig *rig, enum subject subject, const char *name)
{
    rig->question.subject = subject;
    rig->question.tool = NULL;
    rig->question.args = NULL;
    rig->question.args_absent = false;
    rig->question.name = str_from_c(name);
    return decide(rig);
}
