/* warder check: every error of policies and configurations, with its place and how to write it. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/terminal.h"
#include "cli/tools_file.h"
#include "config/config.h"
#include "config/file.h"
#include "config/zones.h"
#include "json/json.h"

#include <stdio.h>

#define CHECK_BYTES ((size_t)256 << 20)

static void unreadable(struct report *report, struct str path, int error)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "cannot be read: %s", file_error_text(error));
    struct problem problem = { .line = 1, .column = 1, .pointer = STR_EMPTY, .fix = STR_EMPTY };
    problem.text = str_of(text, (size_t)len);
    report_add(report, path, &problem);
}

static bool is_config(struct arena *arena, struct str source)
{
    struct json_error fault;
    const struct json *root;
    return json_parse(arena, source, &json_limits_policy, &root, &fault) == 0 && config_is_one(root);
}

static void check_policy(struct arena *arena, struct str path, struct str source, const struct definitions *tools,
                         struct report *report)
{
    struct problems problems = { .count = 0 };
    struct policy *policy = NULL;
    int error = policy_load_with(source, config_zones(), arena, &problems, &policy);
    if (!error && tools)
        error = policy_check(policy, tools, arena, &problems);
    report_add_problems(report, path, &problems);
    if (error && problems.errors == 0)
        unreadable(report, path, error);
    policy_unref(policy);
}

static void check_file(struct str path, const struct definitions *tools, struct report *report)
{
    struct arena arena;
    struct str source;
    arena_init(&arena, NULL, CHECK_BYTES);
    int error = file_read(&arena, path, LIMIT_policy_body, &source);
    if (error) {
        unreadable(report, path, error);
    } else if (is_config(&arena, source)) {
        struct config *config = NULL;
        error = config_load_source(path, &source, environment_of_process(), report, &config);
        if (error && report->errors == 0)
            unreadable(report, path, error);
        config_unref(config);
    } else {
        check_policy(&arena, path, source, tools, report);
    }
    arena_release(&arena);
}

static void say_result(const struct report *report, size_t files)
{
    size_t notes = report->notes;
    if (report->errors == 0)
        printf("%sfine%s: %zu file%s", colour_on(stdout, COLOUR_GREEN), colour_off(stdout), files,
               files == 1 ? "" : "s");
    else
        printf("%s%zu error%s%s", colour_on(stdout, COLOUR_RED), report->errors, report->errors == 1 ? "" : "s",
               colour_off(stdout));
    if (notes > 0)
        printf(", %zu note%s", notes, notes == 1 ? "" : "s");
    printf("\n");
}

static int run(const struct invocation *invocation)
{
    struct definitions *tools = NULL;
    struct report report;
    const char *tools_path = option_value(invocation, "tools");
    if (tools_path) {
        int status = tools_file_read(invocation, tools_path, STR_EMPTY, &tools);
        if (status)
            return status;
    }
    report_init(&report);
    for (size_t i = 0; i < invocation->argument_count; i++)
        check_file(str_from_c(invocation->arguments[i]), tools, &report);
    bool fine = report.errors == 0 && (report.notes == 0 || !option_value(invocation, "strict"));
    if (invocation->json) {
        struct json_output output;
        struct json_writer *writer = json_output_begin(&output);
        json_write_object(writer);
        json_write_member_bool(writer, STR("ok"), fine);
        json_write_member_int(writer, STR("errors"), (int64_t)report.errors);
        report_write(writer, &report);
        json_write_object_end(writer);
        fine &= json_output_end(&output);
    } else {
        print_report(stdout, &report);
        say_result(&report, invocation->argument_count);
    }
    report_release(&report);
    definitions_unref(tools);
    return fine ? EXIT_YES : EXIT_NO;
}

static const struct option options[] = {
    { "tools", 't', "FILE", "a server's answer to tools/list: names that it does not have are noted", false },
    { "strict", 's', NULL, "notes count as errors", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_check = {
    .summary = "Says what is wrong with a policy or configuration",
    .arguments = "FILE...",
    .least = 1,
    .most = 200,
    .options = options,
    .json = true,
    .help =
        "Every error of a file comes at once: file:line:column, what is wrong, where in the document, and the\n"
        "spelling that was probably meant. A file with mcpServers is read as a configuration, with its policies.\n\n"
        "  warder check iterable.policy.json\n"
        "  warder check warder.json                    with every policy that it names\n"
        "  warder check -t tools.json *.policy.json    notes names it does not list\n",
    .run = run,
};
