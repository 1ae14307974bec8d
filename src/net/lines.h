/* Splits a byte stream into lines for stdio transports. Only 0x0A ends a line (MCP 2025-11-25 transports, stdio): a CR
 * stays in the line, where JSON takes it as space. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct lines {
    struct buf partial; /* the beginning of a line whose end has not come; its max is the ceiling of a line */
    int        failed;  /* 0, or the error that every later feed returns */
};

/* `max`: bytes of one line without its LF. */
void lines_init(struct lines *lines, size_t max);
void lines_release(struct lines *lines);
/* Calls `line` for each whole line that is not blank (spaces, tabs and CRs only), without its LF; borrowed until it
 * returns. A result other than 0 stops at once, drops the rest and is returned: `lines` is not touched any more, so
 * `line` may have released it. E_LIMIT: a line above the ceiling; it sticks, for what follows has lost its framing. */
int lines_feed(struct lines *lines, struct str bytes, int (*line)(void *arg, struct str line), void *arg) NODISCARD;
/* Bytes that wait for the end of their line. */
size_t lines_pending(const struct lines *lines);
