/* warder stop: the running gateway ends as on SIGTERM, and this returns when it is gone. */
#include "admin/client.h"
#include "base/limits.h"
#include "cli/ask.h"
#include "cli/command.h"

#include <stdio.h>
#include <unistd.h>

static int stop(const struct invocation *invocation)
{
    struct question_to ask;
    struct buf rest;
    int fd = -1, status = ask_begin(invocation, "stop", &ask);
    buf_init(&rest, LIMIT_control_queue);
    if (!status && control_connect(ask.data, &fd) != 0) /* closes when the gateway has ended */
        fd = -1;
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status) {
        while (fd >= 0 && control_receive(fd, &rest, true, &ask.answer) == 0)
            buf_reset(&ask.answer);
        printf("%s\n", invocation->json ? "{\"ok\":true}" : "Stopped.");
    }
    if (fd >= 0)
        close(fd);
    buf_release(&rest);
    ask_release(&ask);
    return status;
}

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_stop = {
    .summary = "Stops the running gateway",
    .arguments = "",
    .options = options,
    .json = true,
    .help = "Calls in flight are finished, new ones are refused, servers are ended; SIGTERM does the same. Returns "
            "when it\n"
            "is gone.\n",
    .run = stop,
};
