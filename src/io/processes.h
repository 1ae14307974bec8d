/* Signals to many processes, found in /proc. Each process is signalled through a descriptor that is proven to be its
 * own, so that no process which took over a number is hit. */
#pragma once

#include <sys/types.h>

/* Children of this process, theirs, and so on. How many were signalled; 0 also when /proc cannot be read. */
unsigned processes_signal_descendants(int signal_number);
/* Those of one session, but its leader. */
unsigned processes_signal_session(pid_t session, int signal_number);
