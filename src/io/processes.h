/* Signals to many processes, found in /proc. Each process is signalled through a descriptor that is proven to be its
 * own, so that no process which took over a number is hit. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Children of this process, theirs, and so on. How many were signalled; 0 also when /proc cannot be read. */
unsigned processes_signal_descendants(int signal_number);
/* Kills children that this process did not start itself (it became their subreaper), and all below them; the dead among
 * them are waited for. How many were not waited for: look again until it is 0. */
unsigned processes_kill_adopted(bool (*is_own)(void *arg, pid_t pid), void *arg);
