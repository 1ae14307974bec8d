/* warder check: every error of policies and configurations, with its place and how to write it. */
#include "base/digest.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/plural.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/kept.h"
#include "cli/terminal.h"
#include "cli/tools_file.h"
#include "config/config.h"
#include "config/file.h"
#include "config/zones.h"
#include "json/json.h"
#include "policy/policy.h"

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

/* Recommended policies are no problem, and are told beside them. */
struct checking {
    const struct invocation *invocation;
    const struct definitions *tools;
    struct report report;
    struct buf kept;           /* the array "recommended" of the document */
    struct json_writer writer; /* into it */
    size_t recommended;        /* its elements */
};

static void say_kept(struct checking *checking, struct str path, const struct config_server *server, struct str data,
                     const struct policy *policy)
{
    char hex[2 * SHA256_LEN];
    struct str revision = STR_EMPTY, name = server->server.name;
    if (policy) {
        hex_encode(policy_revision(policy)->bytes, SHA256_LEN, hex);
        revision = str_of(hex, sizeof(hex));
    }
    checking->recommended++;
    if (checking->invocation->json) {
        struct json_writer *writer = &checking->writer;
        json_write_object(writer);
        json_write_member_string(writer, STR("file"), path);
        json_write_member_string(writer, STR("server"), name);
        json_write_member_string(writer, STR("data"), data);
        if (policy)
            json_write_member_string(writer, STR("revision"), revision);
        json_write_object_end(writer);
        return;
    }
    print_str(stdout, COLOUR_BOLD, name);
    if (policy) {
        printf(" has the recommended policy, revision %" STR_FMT "\n", STR_ARG(revision));
        return;
    }
    printf(" has the recommended policy, and none is kept yet in ");
    print_str(stdout, COLOUR_NONE, data);
    printf(": the gateway makes it of the server's first list of tools\n");
}

/* None is kept before the gateway ran, which is no fault; one that cannot be used is. */
static void check_kept(struct checking *checking, struct arena *arena, struct str path, const struct config *config)
{
    for (size_t at = 0; at < config->server_count; at++) {
        const struct config_server *server = &config->servers[at];
        struct policy *policy = NULL;
        if (!server->recommended)
            continue;
        int error = kept_policy(config->data, server->server.name, arena, &policy);
        if (error && error != E_NOT_FOUND) {
            struct str text =
                arena_printf(arena, "the recommended policy of %" STR_FMT " cannot be taken from %" STR_FMT ": %s",
                             STR_ARG(server->server.name), STR_ARG(config->data), error_text(error));
            struct problem problem = { .line = 1, .column = 1, .pointer = STR_EMPTY, .fix = STR_EMPTY, .text = text };
            report_add(&checking->report, path, &problem);
        } else {
            say_kept(checking, path, server, config->data, policy);
        }
        policy_unref(policy);
    }
}

static void check_file(struct checking *checking, struct str path)
{
    struct report *report = &checking->report;
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
        if (config)
            check_kept(checking, &arena, path, config);
        config_unref(config);
    } else {
        check_policy(&arena, path, source, checking->tools, report);
    }
    arena_release(&arena);
}

static void say_result(const struct report *report, size_t files)
{
    size_t notes = report->notes;
    if (report->errors == 0)
        printf("%sfine%s: %zu file%s", colour_on(stdout, COLOUR_GREEN), colour_off(stdout), files, plural(files));
    else
        printf("%s%zu error%s%s", colour_on(stdout, COLOUR_RED), report->errors, plural(report->errors),
               colour_off(stdout));
    if (notes > 0)
        printf(", %zu note%s", notes, plural(notes));
    printf("\n");
}

static bool print_json(struct checking *checking, bool fine, size_t errors)
{
    struct json_output output;
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_member_bool(writer, STR("ok"), fine);
    json_write_member_int(writer, STR("errors"), (int64_t)errors);
    report_write(writer, &checking->report);
    json_write_array_end(&checking->writer);
    if (checking->recommended > 0) {
        json_write_key(writer, STR("recommended"));
        json_write_raw(writer, buf_str(&checking->kept));
    }
    json_write_object_end(writer);
    return json_output_end(&output);
}

static int run(const struct invocation *invocation)
{
    struct definitions *tools = NULL;
    struct checking checking = { .invocation = invocation };
    const char *tools_path = option_value(invocation, "tools");
    if (tools_path) {
        int status = tools_file_read(invocation, tools_path, STR_EMPTY, &tools);
        if (status)
            return status;
    }
    checking.tools = tools;
    report_init(&checking.report);
    buf_init(&checking.kept, CHECK_BYTES);
    json_write_init(&checking.writer, &checking.kept);
    json_write_array(&checking.writer);
    for (size_t i = 0; i < invocation->argument_count; i++)
        check_file(&checking, str_from_c(invocation->arguments[i]));
    const struct report *report = &checking.report;
    bool fine = report->errors == 0 && (report->notes == 0 || !option_value(invocation, "strict"));
    if (invocation->json) {
        fine &= print_json(&checking, fine, report->errors);
    } else {
        print_report(stdout, report);
        say_result(report, invocation->argument_count);
    }
    buf_release(&checking.kept);
    report_release(&checking.report);
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
