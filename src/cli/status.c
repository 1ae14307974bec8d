/* warder, bare: what runs here, and what to do next. */
#include "base/plural.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/freeze.h"
#include "cli/terminal.h"
#include "config/file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_decisions(const struct json *decisions)
{
    if (!decisions)
        return;
    bool file = json_get(decisions, STR("file")) != NULL;
    printf("Decisions go to the %s ", file ? "file" : "socket");
    print_str(stdout, COLOUR_NONE, answer_text(decisions, file ? "file" : "socket"));
    printf(": %lld written, %lld dropped", (long long)answer_int(decisions, "written"),
           (long long)answer_int(decisions, "dropped"));
    if (answer_bool(decisions, "failing"))
        printf("; %snow it fails: %" STR_FMT "%s", colour_on(stdout, COLOUR_RED),
               STR_ARG(answer_text(decisions, "error")), colour_off(stdout));
    printf(".\n");
}

/* Only what a person must know: that what is in the files is not what is in force. */
static void print_configuration(const struct json *configuration)
{
    if (str_eq(answer_text(configuration, "state"), STR("stale"))) {
        char since[32];
        print_time(since, answer_int(configuration, "live_ms"));
        printf("\n%sThe configuration has errors; that of %s is in force.%s\n", colour_on(stdout, COLOUR_RED), since,
               colour_off(stdout));
        print_reload(stdout, configuration);
    } else if (json_count(json_get(configuration, STR("needs_restart"))) > 0) {
        printf("\n");
        print_reload(stdout, configuration);
    }
}

/* Why a server is down, what it said last, and when it is tried again. */
static void print_trouble(const struct json *server)
{
    struct str why = answer_text(server, "why"), words = answer_text(server, "last_words");
    if (why.len == 0)
        return;
    printf("      ");
    print_str(stdout, COLOUR_YELLOW, why);
    if (json_get(server, STR("next_try_ms")))
        printf("; it is tried again in %lld s", (long long)(answer_int(server, "next_try_ms") + 999) / 1000);
    else
        printf("; it is being tried again");
    if (words.len > 0) {
        printf("\n      its last words: ");
        print_str(stdout, COLOUR_DIM, words);
    }
    printf("\n");
}

#define HINT_WIDTH 46 /* that of the longest of them as it is */

/* What the hints below must repeat to speak of the same gateway. */
static void print_hint(const struct invocation *invocation, const char *command, const char *text)
{
    const char *data = option_value(invocation, "data"), *config = option_value(invocation, "config");
    char line[PATH_MAX + 64];
    const char *option = data ? " -d " : config ? " -c " : "";
    int len = snprintf(line, sizeof(line), "%s%s%s", command, option, data ? data : config ? config : "");
    printf("  ");
    print_str(stdout, COLOUR_NONE, str_from_c(line));
    if (len > HINT_WIDTH)
        printf("\n%*s%s\n", HINT_WIDTH + 4, "", text);
    else
        printf("%*s  %s\n", HINT_WIDTH - len, "", text);
}

static void print_running(const struct invocation *invocation, const struct question_to *ask)
{
    struct json_iter iter;
    const struct json *server;
    struct str key, url = answer_text(ask->root, "url");
    char since[32];
    print_time(since, answer_int(ask->root, "started_ms"));
    printf("A gateway runs on %s%" STR_FMT "%s since %s, process %lld.\nEverything it keeps: %" STR_FMT "\n\n",
           colour_on(stdout, COLOUR_BOLD), STR_ARG(url), colour_off(stdout), since,
           (long long)answer_int(ask->root, "pid"), STR_ARG(ask->data));
    if (answer_text(ask->root, "admin_url").len > 0)
        printf("Metrics: %" STR_FMT "/metrics\n\n", STR_ARG(answer_text(ask->root, "admin_url")));
    json_iter_init(&iter, json_get(ask->root, STR("servers")));
    while (json_iter_next(&iter, &key, &server)) {
        struct str state = answer_text(server, "state");
        printf("  %s%-20" STR_FMT "%s %" STR_FMT, colour_on(stdout, COLOUR_BOLD), STR_ARG(answer_text(server, "name")),
               colour_off(stdout), STR_ARG(state));
        if (str_eq(state, STR("ready")))
            printf(", %lld tool%s", (long long)answer_int(server, "tools"),
                   plural((uint64_t)answer_int(server, "tools")));
        printf("%s%s%s\n", colour_on(stdout, COLOUR_YELLOW), answer_policy_note(server), colour_off(stdout));
        print_trouble(server);
    }
    long long allowed = answer_int(ask->root, "allowed"), sessions = answer_int(ask->root, "sessions");
    long long calls = answer_int(ask->root, "calls");
    printf("\n%lld call%s allowed, %lld denied; %lld session%s, %lld call%s in flight.\n", allowed,
           plural((uint64_t)allowed), (long long)answer_int(ask->root, "denied"), sessions, plural((uint64_t)sessions),
           calls, plural((uint64_t)calls));
    if (!answer_bool(ask->root, "recording"))
        printf("%sNothing can be recorded now, so every call is denied.%s\n", colour_on(stdout, COLOUR_RED),
               colour_off(stdout));
    long long bytes = answer_int(ask->root, "ledger_bytes"), segments = answer_int(ask->root, "ledger_segments");
    if (bytes > 0)
        printf("The ledger has %lld MiB in %lld segment%s; \"retention\" says how much is kept.\n",
               (bytes + (1 << 20) - 1) >> 20, segments, plural((uint64_t)segments));
    print_decisions(json_get(ask->root, STR("decisions")));
    const struct json *frozen = json_get(ask->root, STR("frozen"));
    if (json_count(frozen) > 0)
        printf("\n%sFrozen%s, until \"warder thaw\":\n", colour_on(stdout, COLOUR_RED), colour_off(stdout));
    print_freezes(frozen);
    print_configuration(json_get(ask->root, STR("configuration")));
    printf("\nNext:\n");
    print_hint(invocation, "warder tools", "what servers list, and policies say");
    print_hint(invocation, "warder grant create --label NAME --server NAME", "a token for a client");
    print_hint(invocation, "warder audit tail", "what was decided");
}

static void print_next(const struct question_to *ask)
{
    printf("No gateway runs on %" STR_FMT ".\n\nNext:\n", STR_ARG(ask->data));
    if (access("warder.json", F_OK) == 0)
        printf("  warder check warder.json    whether the configuration and its policies are right\n"
               "  warder run                  start the gateway\n");
    else if (access(".mcp.json", F_OK) == 0)
        printf("  warder scan .mcp.json       what the tools of its servers can do\n"
               "  warder run -c .mcp.json     start the gateway in front of them\n");
    else
        printf("  warder scan                 what the tools of your clients' servers can do\n"
               "  warder help configuration   what to write into warder.json\n"
               "  warder run -c FILE          start the gateway with it, or with a client's own\n");
    printf("  warder --help               every command\n");
}

static int run(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "status", &ask);
    bool known = status == 0;
    if (known)
        status = ask_send(invocation, &ask, true);
    if (invocation->json && known) {
        if (status == EXIT_YES)
            printf("%" STR_FMT "\n", STR_ARG(buf_str(&ask.answer)));
        else if (ask.down)
            printf("{\"ok\":false,\"error\":\"no gateway runs\"}\n");
    } else if (known && status == EXIT_YES) {
        print_running(invocation, &ask);
    } else if (ask.down) {
        print_next(&ask);
    }
    ask_release(&ask);
    return status;
}

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_status = {
    .summary = "Says what runs, and what to do next",
    .arguments = "",
    .options = options,
    .json = true,
    .help = "\"warder\" alone does the same. Exit status 0: a gateway runs; 1: none does.\n",
    .run = run,
};
