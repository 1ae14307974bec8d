/* warder catalog add --start. */
#pragma once

#include "catalog/index_intake.h"
#include "cli/command.h"

/* Works the queue off as the options say. An exit status; what happened is said. *listed, *failed: for the result. */
int catalog_start(const struct invocation *invocation, const char *index, struct intake *intake, unsigned long *listed,
                  unsigned long *failed);
/* One line on what waits and what can be done about it, where anything does. */
void catalog_print_queue(struct catalog *catalog, bool started);

#define CATALOG_START_OPTIONS                                                                                          \
    { "start", 0, NULL, "start what the registry's entries name and nothing lists yet", false },                       \
    { "jobs", 'j', "COUNT", "of them at once: 1 to 64; without it 4", false },                                           \
    { "timeout", 't', "SECONDS", "for each, with its installation; without it 120", false },                             \
    { "remotes", 0, NULL, "also contact those that run elsewhere", false },                                        \
    { "insecure", 0, NULL, "remotes without TLS, or on this machine or network, are fine", false },                \
    { "retry", 0, NULL, "start once more what failed before", false },                                             \
    { "inherit", 0, "VARIABLE", "a variable of ours that they get too: where a mirror is, say", true },            \
    { "registry-url", 0, "URL", "a registry that entries name, and npx and uvx get packages from", true },         \
    { "verbose", 0, NULL, "show the log, with what servers write to standard error", false }
