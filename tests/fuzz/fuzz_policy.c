/* A policy, a NUL, the arguments of a call: whatever loads decides the same whether it is watched or not. */
#include "base/arena.h"
#include "base/check.h"
#include "base/limits.h"
#include "json/json.h"
#include "policy/decide.h"
#include "policy/policy.h"
#include "policy/trace.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        CHECK(problem->line > 0 && problem->column > 0 && problem->text.len > 0);
        CHECK(str_is_utf8(problem->text) && str_is_utf8(problem->fix));
    }
}

static void check_decision(const struct decision *decision, const struct question *question)
{
    CHECK((decision->verdict == VERDICT_ALLOW) == (decision->reason == REASON_allowed));
    CHECK(decision->rule.len > 0);
    CHECK(decision->verdict == VERDICT_ALLOW || (decision->debit_count == 0 && decision->message.len > 0));
    CHECK(decision->verdict == VERDICT_ALLOW || decision->reason != REASON_internal);
    CHECK(question->args != NULL || question->args_absent || decision->debit_count == 0);
    for (size_t i = 0; i < decision->debit_count; i++)
        CHECK(decision->debits[i].max > 0 && decision->debits[i].key.counter.len > 0);
}

static void ask(const struct policy *policy, const struct question *question, struct arena *arena)
{
    struct decision plain, watched;
    struct trace trace;
    struct buf text;
    policy_decide(policy, question, arena, NULL, &plain);
    check_decision(&plain, question);
    trace_init(&trace, arena);
    policy_decide(policy, question, arena, &trace, &watched);
    CHECK(watched.verdict == plain.verdict && watched.reason == plain.reason && str_eq(watched.rule, plain.rule));
    CHECK(str_eq(watched.message, plain.message) && watched.debit_count == plain.debit_count);
    buf_init(&text, 1 << 26);
    trace_print(&trace, &text);
    CHECK(buf_ok(&text));
    buf_release(&text);
}

static void ask_all(const struct policy *policy, const struct json *args, struct arena *arena)
{
    static const struct str names[] = { STR("t"), STR("create_charge"), STR("admin_x_safe"), STR("a/b~c") };
    static struct str tags[] = { STR("prod"), STR("team-a") };
    static const struct server server = { .name = STR("pay") };
    static const struct grant grant = { .id = STR("g1"), .label = STR("laptop"), .tags = tags, .tag_count = 2 };
    struct question question = { .server = &server, .grant = &grant, .session = STR("s1"), .client = STR("agent") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct tool tool = { .name = names[i] };
        question.name = names[i];
        for (enum subject subject = SUBJECT_TOOL; subject <= SUBJECT_METHOD; subject++) {
            question.subject = subject;
            question.tool = subject == SUBJECT_TOOL ? &tool : NULL;
            question.args = NULL;
            question.args_absent = false;
            ask(policy, &question, arena);
            question.args = args;
            question.args_absent = args == NULL;
            ask(policy, &question, arena);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_of((const char *)data, size);
    size_t end = str_find_byte(input, 0);
    struct arena arena;
    struct problems problems;
    struct policy *policy;
    struct json_error error;
    const struct json *args = NULL;

    arena_init(&arena, NULL, 1 << 28);
    int rc = policy_load(str_slice(input, 0, end), &arena, &problems, &policy);
    check_problems(&problems);
    CHECK((rc == 0) == (policy != NULL) && (rc != E_INVALID || problems.errors > 0));
    if (rc == 0) {
        if (end < size && json_parse(&arena, str_slice(input, end + 1, size), &json_limits_request, &args, &error) != 0)
            args = NULL;
        ask_all(policy, args, &arena);
    }
    policy_unref(policy);
    arena_release(&arena);
    return 0;
}
