/* warder freeze | thaw | freeze list: no call of a grant, to a server, or at all, until it is taken back. */
#include "cli/freeze.h"

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>

static void print_freeze(const struct json *freeze)
{
    struct str label = answer_text(freeze, "label"), reason = answer_text(freeze, "reason");
    bool all = str_eq(answer_text(freeze, "scope"), STR("all"));
    char when[32];
    print_time(when, answer_int(freeze, "since_ms"));
    printf("  %s%" STR_FMT "%s", colour_on(stdout, COLOUR_RED),
           STR_ARG(all ? STR("everything") : answer_text(freeze, "scope")), colour_off(stdout));
    if (!all) {
        printf(" ");
        print_str(stdout, COLOUR_BOLD, label.len > 0 ? label : answer_text(freeze, "name"));
    }
    if (label.len > 0)
        printf(" (%" STR_FMT ")", STR_ARG(answer_text(freeze, "name")));
    printf("  since %s%s", when, reason.len > 0 ? "  " : "");
    print_str(stdout, COLOUR_NONE, reason);
    printf("\n");
}

size_t print_freezes(const struct json *frozen)
{
    struct json_iter iter;
    const struct json *freeze;
    struct str key;
    json_iter_init(&iter, frozen);
    while (json_iter_next(&iter, &key, &freeze))
        print_freeze(freeze);
    return json_count(frozen);
}

static int ask_which(const struct invocation *invocation, struct question_to *ask)
{
    const char *grant = option_value(invocation, "grant"), *server = option_value(invocation, "server");
    const char *reason = option_value(invocation, "reason");
    bool all = option_value(invocation, "all") != NULL;
    if ((grant != NULL) + (server != NULL) + all != 1)
        return usage_error(invocation, "one of --grant ID|LABEL, --server NAME and --all is needed, and no second one");
    if (grant)
        json_write_member_string(&ask->writer, STR("grant"), str_from_c(grant));
    if (server)
        json_write_member_string(&ask->writer, STR("server"), str_from_c(server));
    if (all)
        json_write_member_bool(&ask->writer, STR("all"), true);
    if (reason)
        json_write_member_string(&ask->writer, STR("reason"), str_from_c(reason));
    return 0;
}

static int change(const struct invocation *invocation, const char *op, const char *done)
{
    struct question_to ask;
    int status = ask_begin(invocation, op, &ask);
    if (!status)
        status = ask_which(invocation, &ask);
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status && invocation->json) {
        printf("%" STR_FMT "\n", STR_ARG(buf_str(&ask.answer)));
    } else if (!status) {
        const struct json *frozen = json_get(ask.root, STR("frozen"));
        printf("%s%s\n", done, json_count(frozen) > 0 ? " Frozen now:" : " Nothing is frozen now.");
        print_freezes(frozen);
    }
    ask_release(&ask);
    return status;
}

static int freeze(const struct invocation *invocation)
{
    return change(invocation, "freeze", "Frozen: no byte of such a call leaves from now on.");
}

static int thaw(const struct invocation *invocation)
{
    return change(invocation, "thaw", "Thawed.");
}

static int list(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "freeze.list", &ask);
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status && invocation->json)
        printf("%" STR_FMT "\n", STR_ARG(buf_str(&ask.answer)));
    else if (!status && print_freezes(json_get(ask.root, STR("frozen"))) == 0)
        printf("Nothing is frozen.\n");
    ask_release(&ask);
    return status;
}

static const struct option options[] = {
    { "grant", 'g', "ID|LABEL", "the calls of this grant", false },
    { "server", 's', "NAME", "the calls to this server", false },
    { "all", 'a', NULL, "every call", false },
    { "reason", 'r', "TEXT", "why: recorded, and shown to operators", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option list_options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_freeze = {
    .summary = "Stops calls: a grant's, to a server, or all",
    .arguments = "--grant ID|LABEL | --server NAME | --all",
    .options = options,
    .json = true,
    .help =
        "From then on such calls are denied (frozen), also those that are admitted and not sent yet; what a server\n"
        "has already got goes on. Lists are still answered. It is recorded, and outlives a restart.\n\n"
        "  warder freeze --server iterable --reason \"key leaked\"\n"
        "  warder freeze --all\n",
    .run = freeze,
};

const struct command command_freeze_list = {
    .summary = "Lists what is frozen",
    .arguments = "",
    .options = list_options,
    .json = true,
    .run = list,
};

const struct command command_thaw = {
    .summary = "Takes a freeze back",
    .arguments = "--grant ID|LABEL | --server NAME | --all",
    .options = options,
    .json = true,
    .help =
        "Each freeze is taken back by itself: --all takes back the freeze of everything, not those of single grants\n"
        "and servers. It says what is still frozen.\n\n"
        "  warder thaw --server iterable\n",
    .run = thaw,
};
