/* A child's standard error, on its way to the log: in lines, without the secrets that its server was given, within a
 * ceiling a second, what is dropped counted and said.
 * Loop thread only. Embedded in its owner, who frees it at the end of a turn. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mask.h"
#include "base/str.h"
#include "io/loop.h"

#include <stddef.h>
#include <stdint.h>

struct log;
struct stream;

struct child_stderr {
    struct log    *log;
    struct str     name;      /* the server's; borrowed */
    struct stream *stream;    /* NULL: its end was seen */
    struct timer   window;    /* runs from the first line of a second to the second's end */
    size_t         spent;     /* of LIMIT_stderr_per_second, in this window */
    uint64_t       dropped;   /* bytes, in this window */
    size_t         last_len;
    unsigned       behind_error; /* so many lines more do not displace `last` */
    char           last[200];    /* of the last line, or the last that told of an error: its beginning */
    struct mask   *mask;      /* NULL: nothing is hidden */
    struct mask_state state;  /* of the line */
    struct buf     shown;     /* of the line, scratch */
    size_t         len;
    char           line[LIMIT_stderr_line];
};

/* Takes the descriptor and the mask over, also on failure. */
int  child_stderr_init(struct child_stderr *err, struct loop *loop, struct log *log, struct str name, struct mask *mask, int fd) NODISCARD;
/* The rest, when nobody is left who could write; then as after child_stderr_release. */
void child_stderr_finish(struct child_stderr *err);
void child_stderr_release(struct child_stderr *err);
