/* warder explain: one decision, step by step, by the same function that decides calls. */
#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/limits.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/kept.h"
#include "cli/terminal.h"
#include "cli/tools_file.h"
#include "config/config.h"
#include "config/file.h"
#include "config/zones.h"
#include "json/json.h"
#include "policy/decide.h"
#include "policy/trace.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPLAIN_BYTES ((size_t)64 << 20)
#define TAGS_MAX 32
#define MOMENT_FORMAT "%Y-%m-%dT%H:%M:%SZ"

static const char *const verdict_names[] = { "allow", "deny", "hide", "approve" };

/* What decides, and how the server takes numbers. */
struct decider {
    struct policy *policy;
    bool recommended; /* kept by the gateway: its revision is told */
    bool exact_numbers;
};

static int load_policy(const struct invocation *invocation, struct arena *arena, struct str path, struct policy **out)
{
    struct problems problems = { .count = 0 };
    struct str source;
    int error = file_read(arena, path, LIMIT_policy_body, &source);
    if (error)
        return failure(invocation, "cannot read %s: %s", path.ptr, file_error_text(error));
    error = policy_load_with(source, config_zones(), arena, &problems, out);
    if (!error)
        return 0;
    struct report report;
    report_init(&report);
    report_add_problems(&report, path, &problems);
    print_report(stderr, &report);
    report_release(&report);
    return failure(invocation, "%s does not load", path.ptr);
}

/* The gateway made it, of the server's first list, and its data directory holds it. */
static int load_kept(const struct invocation *invocation, struct arena *arena, const char *file, const char *server,
                     struct decider *out)
{
    const char *named = option_value(invocation, "data");
    struct str data;
    int error = 0;
    if (named)
        data = file_absolute(arena, STR("."), str_from_c(named));
    else
        error = config_data_directory(str_from_c(file), arena, &data);
    if (error || !data.ptr)
        return failure(invocation, "%s names no data directory: %s (warder check says more)", file,
                       error_text(error ? error : E_NOMEM));
    error = kept_policy(data, str_from_c(server), arena, &out->policy);
    out->recommended = true;
    if (error == E_NOT_FOUND)
        return failure(invocation,
                       "%s has the recommended policy, and %" STR_FMT " keeps none yet: the gateway makes it "
                       "of the server's first list of tools, and until then every call is denied",
                       server, STR_ARG(data));
    if (error)
        return failure(invocation, "the recommended policy of %s cannot be taken from %" STR_FMT ": %s", server,
                       STR_ARG(data), error_text(error));
    return 0;
}

/* Named itself, or by the configuration for a server. */
static int find_policy(const struct invocation *invocation, struct arena *arena, struct decider *out)
{
    const char *policy = option_value(invocation, "policy"), *config = option_value(invocation, "config");
    struct str path;
    if (policy && (config || option_value(invocation, "data") || invocation->argument_count > 0))
        return usage_error(invocation, "a policy, or a configuration and a server, not both");
    if (policy)
        return load_policy(invocation, arena, str_from_c(policy), &out->policy);
    if (invocation->argument_count == 0)
        return usage_error(invocation, "--policy FILE is missing, or the name of a server in ./warder.json");
    const char *file = config ? config : "warder.json", *server = invocation->arguments[0];
    int error = config_policy_path(str_from_c(file), str_from_c(server), arena, &path, &out->exact_numbers);
    if (error == E_EXISTS)
        return load_kept(invocation, arena, file, server, out);
    if (error == E_NOT_FOUND && !config && access(file, F_OK) != 0)
        return failure(invocation, "there is no ./warder.json that names the policy of %s: name it with --policy FILE",
                       server);
    if (error == E_NOT_FOUND && access(file, F_OK) == 0)
        return failure(invocation, "%s has no server %s", file, server);
    if (error)
        return failure(invocation, "%s names no policy for %s: %s (warder check says more)", file, server,
                       error_text(error));
    if (path.len == 0)
        return failure(invocation,
                       "%s names no policy for %s: every call is denied, but by a gateway that runs with --preset",
                       file, server);
    return load_policy(invocation, arena, path, &out->policy);
}

static int parse_args(const struct invocation *invocation, struct arena *arena, const struct json **out)
{
    struct json_error fault;
    size_t line, column;
    const char *text = option_value(invocation, "args");
    if (!text)
        return 0;
    struct str source = str_from_c(text);
    if (text[0] == '@') {
        int error = file_read(arena, str_from_c(text + 1), LIMIT_request_body, &source);
        if (error)
            return failure(invocation, "cannot read %s: %s", text + 1, file_error_text(error));
    }
    if (json_parse(arena, source, &json_limits_request, out, &fault)) {
        json_position(source, fault.offset, &line, &column);
        struct str hint = json_fault_hint(source, &fault);
        return usage_error(invocation, "--args cannot be read at %zu:%zu: %s%s%" STR_FMT, line, column,
                           json_fault_text(fault.fault), hint.len ? ": " : "", STR_ARG(hint));
    }
    if (!json_is(*out, JSON_OBJECT))
        return usage_error(invocation, "--args must be an object, this is %s", json_kind_name(json_kind(*out)));
    return 0;
}

/* "2026-03-30T09:00:00Z"; without it now. */
static int read_moment(const struct invocation *invocation, int64_t *now_ms)
{
    const char *text = option_value(invocation, "at");
    struct tm parts = { .tm_year = 0 };
    char again[32];
    if (!text)
        return 0;
    const char *end = strptime(text, MOMENT_FORMAT, &parts);
    time_t seconds = end && *end == '\0' ? timegm(&parts) : 0;
    struct tm *read = gmtime_r(&seconds, &parts);
    if (!read || strftime(again, sizeof(again), MOMENT_FORMAT, read) == 0 || strcmp(again, text) != 0)
        return usage_error(invocation, "--at takes a moment in UTC, such as 2026-03-30T09:00:00Z, not %s", text);
    *now_ms = (int64_t)seconds * 1000;
    return 0;
}

/* The one of tool, prompt, resource and method that was given. */
static int read_subject(const struct invocation *invocation, struct question *question)
{
    static const char *const words[] = { "tool", "resource", "prompt", "method" };
    const char *name = NULL;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const char *value = option_value(invocation, words[i]);
        if (value && name)
            return usage_error(invocation, "one of --tool, --prompt, --resource and --method, not two");
        if (value) {
            name = value;
            question->subject = (enum subject)i;
        }
    }
    if (!name)
        return usage_error(invocation, "--tool NAME is missing");
    question->name = str_from_c(name);
    return 0;
}

/* As --class says, or as the tool's definition does: a prompt is judged by the tool of its name. */
static int read_class(const struct invocation *invocation, struct arena *arena, struct question *question)
{
    const char *word = option_value(invocation, "class");
    const struct tool *tool = question->tool;
    if (word && !class_of_word(str_from_c(word), &question->class.class))
        return usage_error(invocation, "--class takes read, write, execute, destructive, financial or other, not %s",
                           word);
    question->class.known = word != NULL;
    if (question->subject == SUBJECT_PROMPT && question->definitions) {
        struct str name = prompt_name(arena, question->name);
        tool = name.ptr ? definitions_tool_of_prompt(question->definitions, name) : NULL;
    }
    if (!word && tool)
        question->class = tool->pin.class;
    return 0;
}

/* ---- what the running gateway knows of the tool ---- */

static bool gateway_has(const struct invocation *invocation, struct str server)
{
    struct question_to known;
    struct json_iter iter;
    const struct json *one;
    struct str key;
    bool has = false;
    int status = ask_begin(invocation, "status", &known);
    if (!status)
        status = ask_send(invocation, &known, true);
    json_iter_init(&iter, status ? NULL : json_get(known.root, STR("servers")));
    while (json_iter_next(&iter, &key, &one))
        has |= str_eq(answer_text(one, "name"), server);
    ask_release(&known);
    return has;
}

/* Of one page of its list; *next: where the one behind it begins, or 0. */
static int look_in_page(const struct invocation *invocation, struct question *question, bool *found, int64_t *next)
{
    struct question_to page;
    struct json_iter iter;
    const struct json *tool;
    struct str key;
    int64_t from = *next;
    *next = 0;
    int status = ask_begin(invocation, "tools", &page);
    if (!status) {
        json_write_member_string(&page.writer, STR("server"), str_from_c(invocation->arguments[0]));
        json_write_member_int(&page.writer, STR("from"), from);
        status = ask_send(invocation, &page, true);
    }
    json_iter_init(&iter, status ? NULL : json_get(page.root, STR("tools")));
    while (json_iter_next(&iter, &key, &tool)) {
        if (!str_eq(answer_text(tool, "name"), question->name))
            continue;
        *found = true;
        question->class.known = class_of_word(answer_text(tool, "class"), &question->class.class);
        question->class.overruled = answer_bool(tool, "class_overruled");
    }
    if (!status && answer_int(page.root, "next") > from)
        *next = answer_int(page.root, "next");
    if (!status && answer_int(page.root, "count") == 0)
        status = EXIT_NO; /* it lists nothing yet */
    ask_release(&page);
    return status;
}

/* Of a server that a running gateway has; where none runs, or it lists nothing, the tool is taken to be there. */
static void ask_gateway(const struct invocation *invocation, struct question *question)
{
    bool found = false;
    int64_t next = 0;
    int status = 0;
    if (!gateway_has(invocation, str_from_c(invocation->arguments[0])))
        return;
    do {
        status = look_in_page(invocation, question, &found, &next);
    } while (!status && !found && next > 0);
    if (!status && !found)
        question->tool = NULL;
}

static void write_debits(struct json_writer *writer, const struct decision *decision)
{
    char text[48];
    json_write_key(writer, STR("debits"));
    json_write_array(writer);
    for (size_t i = 0; i < decision->debit_count; i++) {
        const struct debit *debit = &decision->debits[i];
        char window[32];
        json_write_object(writer);
        json_write_member_string(writer, STR("counter"), debit->key.counter);
        window_print(&debit->key.window, window);
        json_write_member_string(writer, STR("window"), str_from_c(window));
        amount_print(debit->cost, text);
        json_write_member_string(writer, STR("cost"), str_from_c(text));
        amount_print(debit->max, text);
        json_write_member_string(writer, STR("max"), str_from_c(text));
        json_write_member_string(writer, STR("rule"), debit->rule);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}

static bool write_json(const struct decider *decider, const struct question *question, const struct decision *decision,
                       const struct trace *trace)
{
    struct json_output output;
    struct json_writer *writer = json_output_begin(&output);
    char hex[2 * SHA256_LEN];
    json_write_object(writer);
    if (decider->recommended) {
        hex_encode(policy_revision(decider->policy)->bytes, SHA256_LEN, hex);
        json_write_member_string(writer, STR("policy"), STR("recommended"));
        json_write_member_string(writer, STR("revision"), str_of(hex, sizeof(hex)));
    }
    json_write_member_string(writer, STR("decision"), str_from_c(verdict_names[decision->verdict]));
    json_write_member_string(writer, STR("code"), reason_row(decision->reason)->name);
    json_write_member_string(writer, STR("rule"), decision->rule);
    json_write_member_string(writer, STR("message"), decision->message);
    if (decision->detail.len > 0)
        json_write_member_string(writer, STR("detail"), decision->detail);
    if (question->subject == SUBJECT_TOOL)
        json_write_member_string(writer, STR("class"), pinned_class_word(&question->class));
    write_debits(writer, decision);
    json_write_key(writer, STR("steps"));
    trace_print_json(trace, writer);
    json_write_object_end(writer);
    return json_output_end(&output);
}

static void print_text(const struct decider *decider, const struct question *question, const struct decision *decision,
                       const struct trace *trace)
{
    char hex[2 * SHA256_LEN];
    struct buf steps;
    if (decider->recommended) {
        hex_encode(policy_revision(decider->policy)->bytes, SHA256_LEN, hex);
        printf("policy    recommended, revision %.*s\n", (int)sizeof(hex), hex);
    }
    if (question->subject == SUBJECT_TOOL)
        printf("class     %" STR_FMT "%s\n", STR_ARG(pinned_class_word(&question->class)),
               question->class.known || !question->tool ? "" : ": a running gateway says it, --class, or --tools");
    buf_init(&steps, EXPLAIN_BYTES);
    trace_print(trace, &steps);
    fwrite(steps.ptr, 1, steps.len, stdout);
    buf_release(&steps);
    printf("%s%s%s", colour_on(stdout, decision->verdict == VERDICT_ALLOW ? COLOUR_GREEN : COLOUR_RED),
           verdict_names[decision->verdict], colour_off(stdout));
    if (decision->verdict != VERDICT_ALLOW) {
        printf(" (%" STR_FMT ")", STR_ARG(reason_row(decision->reason)->name));
        if (decision->rule.len > 0) {
            printf(" by ");
            print_str(stdout, COLOUR_BOLD, decision->rule);
        }
        if (decision->verdict != VERDICT_HIDE && decision->message.len > 0) {
            printf(": ");
            print_str(stdout, COLOUR_NONE, decision->message);
        }
    }
    printf("\n");
    if (decision->detail.len > 0) {
        printf("  ");
        print_str(stdout, COLOUR_DIM, decision->detail);
        printf("\n");
    }
}

/* As it is named for conditions, or in the configuration; empty: not at all. */
static struct str server_name(const struct invocation *invocation)
{
    const char *name = option_value(invocation, "server");
    if (!name && invocation->argument_count > 0)
        name = invocation->arguments[0];
    return name ? str_from_c(name) : STR_EMPTY;
}

static int explain(const struct invocation *invocation, struct arena *arena, const struct decider *decider,
                   const struct definitions *tools)
{
    struct str tags[TAGS_MAX];
    const char *label = option_value(invocation, "grant"), *session = option_value(invocation, "session");
    const char *client = option_value(invocation, "client"), *tag;
    struct str name = server_name(invocation);
    struct server server = { .name = name.len > 0 ? name : STR("server") };
    struct grant grant = { .id = STR("000000000000"), .label = label ? str_from_c(label) : STR("test"), .tags = tags };
    struct tool known = { .definition = STR("{}") };
    struct question question = { .server = &server, .grant = &grant, .now_ms = clock_wall_ms(clock_system()) };
    struct decision decision;
    struct trace trace;

    int status = read_subject(invocation, &question);
    if (status)
        return status;
    status = parse_args(invocation, arena, &question.args);
    if (!status)
        status = read_moment(invocation, &question.now_ms);
    if (status)
        return status;
    while (grant.tag_count < TAGS_MAX && (tag = option_nth(invocation, "tag", grant.tag_count)) != NULL)
        tags[grant.tag_count++] = str_from_c(tag);
    question.session = session ? str_from_c(session) : STR("test");
    question.client = client ? str_from_c(client) : STR("test");
    question.args_absent = !question.args;
    server.exact_numbers = decider->exact_numbers || option_value(invocation, "exact-numbers") != NULL;
    known.name = question.name;
    question.definitions = tools;
    if (question.subject == SUBJECT_TOOL)
        question.tool = tools ? definitions_tool(tools, question.name) : &known;
    status = read_class(invocation, arena, &question);
    if (status)
        return status;
    if (question.subject == SUBJECT_TOOL && !tools && !question.class.known && invocation->argument_count > 0)
        ask_gateway(invocation, &question);

    trace_init(&trace, arena);
    policy_decide(decider->policy, &question, arena, &trace, &decision);
    bool written = true;
    if (invocation->json)
        written = write_json(decider, &question, &decision, &trace);
    else
        print_text(decider, &question, &decision, &trace);
    return decision.verdict == VERDICT_ALLOW && written ? EXIT_YES : EXIT_NO;
}

static int run(const struct invocation *invocation)
{
    struct arena arena;
    struct decider decider = { .policy = NULL };
    struct definitions *tools = NULL;
    const char *tools_path = option_value(invocation, "tools");

    arena_init(&arena, NULL, EXPLAIN_BYTES);
    int status = find_policy(invocation, &arena, &decider);
    if (!status && tools_path)
        status = tools_file_read(invocation, tools_path, server_name(invocation), &tools);
    if (!status)
        status = explain(invocation, &arena, &decider, tools);
    policy_unref(decider.policy);
    definitions_unref(tools);
    arena_release(&arena);
    return status;
}

static const struct option options[] = {
    { "policy", 'p', "FILE", "the policy that decides", false },
    { "config", 'c', "FILE", "the configuration that names the policy of SERVER; without it ./warder.json", false },
    { "data", 'd', "DIR", "where the gateway keeps a recommended policy; without it what the configuration names",
      false },
    { "tool", 't', "NAME", "the tool that is called", false },
    { "args", 'a', "JSON", "its arguments, or @FILE; without it a call that has none", false },
    { "prompt", 0, "NAME", "a prompt instead of a tool", false },
    { "resource", 0, "URI", "a resource instead of a tool", false },
    { "method", 0, "NAME", "a method instead of a tool", false },
    { "class", 0, "CLASS", "the tool's class; without it what --tools or the running gateway says, or unknown", false },
    { "server", 0, "NAME", "the server's name, for conditions on it", false },
    { "grant", 'g', "LABEL", "the grant's label", false },
    { "tag", 0, "TAG", "a tag of the grant", true },
    { "session", 0, "ID", "the session", false },
    { "client", 0, "NAME", "what the client says of itself", false },
    { "at", 0, "TIME", "when it is called, such as 2026-03-30T09:00:00Z; without it now", false },
    { "exact-numbers", 0, NULL, "the server is configured \"numbers\": \"exact\"", false },
    { "tools", 0, "FILE", "a server's answer to tools/list: names that it does not have are unknown", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_explain = {
    .summary = "Shows step by step how a policy decides one call",
    .arguments = "(--policy FILE | [-c FILE] SERVER) --tool NAME",
    .most = 1,
    .options = options,
    .json = true,
    .help =
        "The function that decides calls, watched: each step with its verdict, then the decision and the rule that\n"
        "made it. Limits are shown, not counted. A recommended policy is taken from the gateway's data directory, as "
        "it is\n"
        "kept there. Of a SERVER that a running gateway has, which tools there are, and their classes, are asked of "
        "it.\n"
        "Exit status 0: allowed, 1: not.\n\n"
        "  warder explain iterable --tool get_export_jobs      by ./warder.json\n"
        "  warder explain -p iterable.policy.json --tool get_export_jobs\n"
        "  warder explain -p pay.policy.json --tool charge --args '{\"amount\": 20000}'\n",
    .run = run,
};
