/* What one decision costs at 1, 100 and 10,000 rules: exact names, patterns and conditions as in bench/run's policy.
 * The tool that is asked for moves through all of them; the arguments are parsed once. */
#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "json/json.h"
#include "policy/decide.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 20000
#define BATCHES 25 /* the fastest of them: others share the machine */

static const char *const rule =
    "{\"require\":[{\"conditions\":[{\"path\":\"args.reason\",\"op\":\"exists\",\"value\":true}]}],"
    "\"deny_if\":[{\"conditions\":[{\"path\":\"args.amount\",\"op\":\"gt\",\"value\":10000}]}],"
    "\"limits\":[{\"counter\":\"rate\",\"window\":\"hour\",\"max\":1000000000}]}";
static const char *const arguments =
    "{\"customer\":\"cus_9s6XKzkNRiz8i3\",\"amount\":42,\"currency\":\"eur\",\"reason\":\"the "
    "monthly refill\",\"lines\":[{\"sku\":\"A-1001\",\"count\":2},{\"sku\":\"B-2002\",\"count\":1}]}";

/* Nine in ten rules have an exact name, the tenth is a pattern. */
static void write_selector(struct buf *out, unsigned at, bool call)
{
    buf_printf(out, at % 10 == 9 ? call ? "group_%u_any" : "group_%u_*" : "tool_%u", at);
}

static struct policy *load(unsigned rules, struct arena *arena)
{
    struct buf text;
    struct policy *policy = NULL;
    struct problems problems = { 0 };
    buf_init(&text, (size_t)LIMIT_policy_body);
    buf_printf(&text, "{\"version\":\"1\",\"default\":\"deny\",\"tools\":{");
    for (unsigned i = 0; i < rules; i++) {
        buf_printf(&text, "%s\"", i ? "," : "");
        write_selector(&text, i, false);
        buf_printf(&text, "\":%s", rule);
    }
    buf_printf(&text, "}}");
    if (!buf_ok(&text) || policy_load(buf_str(&text), arena, &problems, &policy) != 0) {
        fprintf(stderr, "decide: the policy of %u rules does not load\n", rules);
        exit(1);
    }
    buf_release(&text);
    return policy;
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* The tools that are asked for: one for each rule, at most 1,000 of them. */
static size_t make_tools(struct tool *tools, unsigned rules, struct arena *arena)
{
    size_t count = rules < 1000 ? rules : 1000;
    for (size_t i = 0; i < count; i++) {
        struct buf name;
        buf_init(&name, 64);
        write_selector(&name, (unsigned)(i * (rules / count)), true);
        tools[i] = (struct tool){ .name = arena_str(arena, buf_str(&name)) };
        AN(tools[i].name.ptr);
        buf_release(&name);
    }
    return count;
}

static double measure(unsigned rules)
{
    static struct tool tools[1000];
    struct arena arena, scratch;
    struct json_error fault;
    const struct json *args;
    const struct server server = { .name = STR("bench") };
    const struct grant grant = { .id = STR("000000000000"), .label = STR("bench") };
    int64_t best = INT64_MAX;

    arena_init(&arena, NULL, (size_t)1 << 30);
    arena_init(&scratch, NULL, (size_t)1 << 20);
    struct policy *policy = load(rules, &arena);
    size_t count = make_tools(tools, rules, &arena);
    AZ(json_parse(&arena, str_from_c(arguments), &json_limits_request, &args, &fault));
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        int64_t start = now_ns();
        for (unsigned i = 0; i < BATCH; i++) {
            const struct tool *tool = &tools[(size_t)i * 7919 % count];
            struct question question = { .subject = SUBJECT_TOOL,
                                         .server = &server,
                                         .tool = tool,
                                         .name = tool->name,
                                         .args = args,
                                         .grant = &grant,
                                         .session = STR("session"),
                                         .client = STR("bench"),
                                         .now_ms = 1000 };
            struct decision decision;
            policy_decide(policy, &question, &scratch, NULL, &decision);
            CHECK(decision.verdict == VERDICT_ALLOW && decision.debit_count == 1);
            arena_reset(&scratch);
        }
        int64_t took = now_ns() - start;
        best = took < best ? took : best;
    }
    policy_unref(policy);
    arena_release(&scratch);
    arena_release(&arena);
    return (double)best / BATCH;
}

int main(void)
{
    static const unsigned rules[] = { 1, 100, 10000 };
    printf("One decision:");
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        printf("%s %.0f ns at %u rule%s", i ? "," : "", measure(rules[i]), rules[i], rules[i] == 1 ? "" : "s");
    printf(".\n");
    return 0;
}
