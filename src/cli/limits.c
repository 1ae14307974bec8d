/* warder limits confirm-clock: the operator's word that the clock is right. */
#include "cli/ask.h"
#include "cli/command.h"

#include <stdio.h>

static int confirm(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "limits.confirm-clock", &ask);
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status)
        printf("%s\n",
               invocation->json ? "{\"ok\":true}" : "Confirmed: calls with limits are decided by this clock again.");
    ask_release(&ask);
    return status;
}

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_limits_confirm_clock = {
    .summary = "Says that the clock is right after it jumped ahead",
    .arguments = "",
    .options = options,
    .json = true,
    .help = "A clock that jumps ahead by more than an hour would empty every limit's window, so calls with limits are\n"
            "denied (clock_jump) until an operator has looked at it. This is recorded.\n\n"
            "  date; warder limits confirm-clock\n",
    .run = confirm,
};
