/* A subcommand's side of operations: over the control socket when a gateway runs, else on the store itself, under its
 * lock. Blocking; never in a gateway. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>

struct log;

/* A connection to the running gateway. E_NOT_FOUND: none runs on this data directory. */
int  control_connect(struct str data, int *fd) NODISCARD;
int  control_send(int fd, struct str line) NODISCARD;
/* One line without its end, appended to `line`; what follows it stays in `rest`. E_CLOSED, E_TIMEOUT (LIMIT_control_ms,
 * unless `forever`). */
int  control_receive(int fd, struct buf *rest, bool forever, struct buf *line) NODISCARD;

/* Carries out one request, {"op": ...} with its newline, and appends the answer. *running says which way it went.
 * E_NOT_FOUND: no such directory, or no gateway where the request needs one; E_LOCKED: a gateway holds the directory
 * and does not answer. */
int  admin_call(struct str data, struct log *log, struct str request, bool *running, struct buf *answer) NODISCARD;
