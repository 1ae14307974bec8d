/* warder recommend: the recommended policy of a server as it would be made now, and accepting it. */
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>

#define DIGITS_SHOWN 32 /* enough to accept by */

/* Names in it are the server's: what is no plain text stands as an escape, each line for itself. */
static void print_lines(struct str text)
{
    while (text.len > 0) {
        size_t end = str_find_byte(text, '\n');
        print_str(stdout, COLOUR_NONE, str_slice(text, 0, end));
        printf("\n");
        text = str_slice(text, end < text.len ? end + 1 : end, text.len);
    }
}

static void print_answer(const struct json *answer, struct str server, bool accepted)
{
    struct str in_force = answer_text(answer, "in_force"), proposed = answer_text(answer, "proposed");
    if (accepted) {
        printf("In force, and kept: %" STR_FMT "\n", STR_ARG(proposed));
        return;
    }
    print_lines(answer_text(answer, "proposal"));
    if (str_eq(in_force, proposed))
        printf("That is in force: %" STR_FMT "\n", STR_ARG(in_force));
    else
        printf("In force is %" STR_FMT ". To put exactly this in its place:\n  warder recommend %" STR_FMT
               " --accept %.*s\n",
               STR_ARG(in_force.len > 0 ? in_force : STR("none")), STR_ARG(server), DIGITS_SHOWN, proposed.ptr);
}

static int run(const struct invocation *invocation)
{
    struct str server = str_from_c(invocation->arguments[0]);
    const char *accept = option_value(invocation, "accept");
    struct question_to ask;
    int status = ask_begin(invocation, "recommend", &ask);
    if (!status) {
        json_write_member_string(&ask.writer, STR("server"), server);
        if (accept)
            json_write_member_string(&ask.writer, STR("accept"), str_from_c(accept));
        status = ask_send(invocation, &ask, true);
        if (ask.down)
            status = failure(invocation, "no gateway runs on %" STR_FMT ": start one with \"warder run\"",
                             STR_ARG(ask.data));
    }
    if (!status && option_value(invocation, "in-force"))
        printf("%" STR_FMT, STR_ARG(answer_text(ask.root, "policy")));
    else if (!status && invocation->json)
        printf("%" STR_FMT "\n", STR_ARG(buf_str(&ask.answer)));
    else if (!status)
        print_answer(ask.root, server, accept != NULL);
    ask_release(&ask);
    return status;
}

static const struct option options[] = {
    { "accept", 'a', "HEX", "put in force what was looked at: its first 32 digits or more", false },
    { "in-force", 'p', NULL, "the one in force, as a document", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_recommend = {
    .summary = "Shows or accepts a recommended policy",
    .arguments = "SERVER",
    .least = 1,
    .most = 1,
    .options = options,
    .json = true,
    .help = "A server with \"policy\": \"recommended\" has the policy that was made of its first list of tools, with "
            "their\n"
            "exact names. It never changes by itself: a tool that appears later is denied. This shows what would be\n"
            "recommended for what the server lists now, and puts it in force when it is accepted. It is recorded.\n\n"
            "  warder recommend github\n"
            "  warder recommend github --in-force > github.policy.json\n"
            "  warder recommend github --accept 3f9a2c77b01e5d208c4be6a1f07d93b2\n",
    .run = run,
};
