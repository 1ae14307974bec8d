/* warder reload: the running gateway reads its files anew, and says what came of it. */
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "config/report.h"

#include <stdio.h>

/* The problems as they came over the socket. */
static void read_problems(const struct json *answer, struct report *report)
{
    struct json_iter iter;
    const struct json *item;
    struct str key;
    json_iter_init(&iter, json_get(answer, STR("problems")));
    while (json_iter_next(&iter, &key, &item)) {
        const struct problem problem = {
            .line = (size_t)answer_int(item, "line"),
            .column = (size_t)answer_int(item, "column"),
            .pointer = answer_text(item, "pointer"),
            .text = answer_text(item, "text"),
            .fix = answer_text(item, "fix"),
            .warning = str_eq(answer_text(item, "severity"), STR("note")),
        };
        report_add(report, answer_text(item, "file"), &problem);
    }
}

void print_reload(FILE *to, const struct json *answer)
{
    struct json_iter iter;
    const struct json *item;
    struct str key, error = answer_text(answer, "error");
    struct report report;
    report_init(&report);
    read_problems(answer, &report);
    print_report(to, &report);
    report_release(&report);
    if (error.len > 0)
        fprintf(to, "the configuration cannot be taken over: %" STR_FMT "\n", STR_ARG(error));
    json_iter_init(&iter, json_get(answer, STR("needs_restart")));
    while (json_iter_next(&iter, &key, &item))
        fprintf(to, "%s\"%" STR_FMT "\" changed: it is taken over when the gateway is started again%s\n",
                colour_on(to, COLOUR_YELLOW), STR_ARG(json_string(item)), colour_off(to));
}

static int reload(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "reload", &ask);
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status) {
        bool stale = str_eq(answer_text(ask.root, "state"), STR("stale"));
        status = stale ? EXIT_NO : EXIT_YES;
        if (invocation->json) {
            printf("%" STR_FMT "\n", STR_ARG(buf_str(&ask.answer)));
        } else {
            print_reload(stale ? stderr : stdout, ask.root);
            fprintf(stale ? stderr : stdout, "%s\n",
                    stale                                ? "Not taken over: what was in force stays in force."
                    : answer_bool(ask.root, "unchanged") ? "Nothing has changed."
                                                         : "In force.");
        }
    }
    ask_release(&ask);
    return status;
}

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_reload = {
    .summary = "Reads the configuration and policies anew",
    .arguments = "",
    .options = options,
    .json = true,
    .help =
        "Changed files are taken over by themselves; this says what came of it, as does SIGHUP in the log. Calls in\n"
        "flight finish under what they began with; servers whose entries did not change go on. Exit status 1: the\n"
        "files have errors, and what was in force stays in force.\n",
    .run = reload,
};
