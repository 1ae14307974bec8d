/* Each durable record as one line of JSON, as `audit tail --json` prints it, to a file (appended, 0600) or to a Unix
 * socket, for who collects them. The ledger is the truth: this never makes a call wait. What finds the queue full is
 * dropped, counted, and told by a line {"dropped": N} in its place. Loop thread only; files are written in the pool. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct decisions;
struct log;
struct loop;
struct store;

struct decisions_options {
    struct loop  *loop;
    struct log   *log;
    struct store *store;
};

int  decisions_new(const struct decisions_options *options, struct decisions **out) NODISCARD;
/* Where they go from now on, if that is another place than before; what waits goes there too. The path is copied. */
void decisions_to(struct decisions *decisions, enum decisions_to to, struct str path);
/* The file was moved away: it is made anew behind the line that is being written. */
void decisions_reopen(struct decisions *decisions);
/* What waits for a file is written before it returns, or by the job that is under way; what waits for a socket is lost. */
void decisions_free(struct decisions *decisions); /* NULL is fine */

struct decisions_status {
    enum decisions_to to;
    struct str        path;
    bool              failing;         /* and tried again */
    const char       *error;           /* of the last failure while it fails */
    uint64_t          written, dropped; /* lines, since the start */
    size_t            queued;          /* bytes */
};
void decisions_status(const struct decisions *decisions, struct decisions_status *out);
