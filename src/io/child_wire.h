/* Between child.c in the gateway and child_exec.c in the process that stands over a server: a socket of packets, which
 * is that process's descriptor 3. A byte to it, or the socket's end, means: kill everything now. */
#pragma once

#include <stdint.h>

#define CHILD_COMMAND    "__exec" /* self __exec DIRECTORY -- PROGRAM ARGUMENT...; an empty directory: stay */
#define CHILD_CONTROL_FD 3

enum child_report_kind {
    CHILD_FAILED_CONFINE, /* value: errno; nothing was started */
    CHILD_FAILED_FORK,
    CHILD_FAILED_CHDIR,
    CHILD_FAILED_EXEC,
    CHILD_ENDED,          /* value: waitpid's status of the server; no descendant is left */
};

struct child_report {
    int32_t kind, value;
};
