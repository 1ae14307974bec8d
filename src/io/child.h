/* Child processes, started through our own `__exec` (never a shell): new session, no inherited descriptors, resource
 * limits, no_new_privs, and a subreaper that kills every descendant when the server ends, when it gets SIGTERM, or
 * when its pipe to the gateway closes, so also after kill -9 of the gateway. Where a server kills that one, the gateway
 * is the next subreaper and does the same. Loop thread only, but child_exec_main. */
#pragma once

#include "base/error.h"
#include "base/mask.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct child;
struct log;
struct loop;
struct stream;

struct child_options {
    const char        *self;         /* absolute path of this binary */
    const char *const *argv;         /* NULL-terminated; argv[0] absolute */
    const char *const *env;          /* NULL-terminated "NAME=value": all of it, nothing is added */
    const char        *cwd;          /* NULL: the gateway's */
    struct str         name;         /* for the log: the server's name */
    const struct mask_word *secrets; /* what the log does not show of what the server says; copied */
    size_t             secret_count;
};

struct child_events {
    /* waitpid's; every descendant is gone. What they wrote may still stand in the pipe of standard output. 127 as the
     * exit status: it could not be started, and the log says why. The child may be freed. */
    void (*ended)(void *owner, int status);
};

/* Standard error goes to the log line by line, escaped, LIMIT_stderr_per_second. That the program cannot be run is known
 * only later: `ended` comes. E_NOT_FOUND, E_DENIED: `self` cannot be run; E_LIMIT: arguments or descriptors; E_NOMEM; E_IO. */
int  child_start(struct loop *loop, struct log *log, const struct child_options *options, const struct child_events *events,
                 void *owner, struct child **out) NODISCARD;
/* Descriptors of the child's standard input and output, handed over once: -1 afterwards. Wrap with stream_new. */
int  child_take_stdin(struct child *child);
int  child_take_stdout(struct child *child);
int64_t child_pid(const struct child *child); /* of the process that stands over the server; its session's number too */
/* The last line of its standard error, or the one that told of an error a trace's length before; cut; hostile. Lives as long as the child. */
struct str child_last_words(const struct child *child);
/* The owner has closed the child's standard input: SIGTERM after LIMIT_child_term_ms, SIGKILL after
 * LIMIT_child_kill_ms. `ended` will come. */
void child_stop(struct child *child);
void child_kill(struct child *child);    /* at once; `ended` will come */
void child_free(struct child *child);    /* only after `ended` */

/* What `warder __exec` runs; argc and argv are those of main, whose first act this is. Returns an exit status when
 * somebody else than child.c started it, else ends the process itself. */
int  child_exec_main(int argc, char **argv);
