/* A scan without an argument: what clients of this machine are configured to start. */
#pragma once

#include "base/arena.h"
#include "catalog/targets.h"
#include "cli/command.h"

/* Adds what they name, says what is about to be started, and asks on a terminal; elsewhere --yes is needed. 0, or an
 * exit status with the reason said. */
int scan_clients(const struct invocation *invocation, struct arena *arena, struct targets *targets) NODISCARD;
