/* Child processes, started through our own `__exec` (never a shell): new session, no inherited descriptors, resource
 * limits, no_new_privs, and a subreaper that kills every descendant when the server ends, when it gets SIGTERM, or
 * when its pipe to the gateway closes, so also after kill -9 of the gateway. Loop thread only, but child_exec_main. */
#pragma once

#include "base/error.h"
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
};

struct child_events {
    void (*ended)(void *owner, int status);  /* waitpid's; every descendant is gone. The child may be freed. */
};

/* Standard error goes to the log line by line, escaped, LIMIT_stderr_per_second. */
int  child_start(struct loop *loop, struct log *log, const struct child_options *options, const struct child_events *events,
                 void *owner, struct child **out) NODISCARD;
/* Descriptors of the child's standard input and output, handed over once: -1 afterwards. Wrap with stream_new. */
int  child_take_stdin(struct child *child);
int  child_take_stdout(struct child *child);
int64_t child_pid(const struct child *child);
/* The owner has closed the child's standard input: SIGTERM after LIMIT_child_term_ms, SIGKILL after LIMIT_child_kill_ms. `ended` will come. */
void child_stop(struct child *child);
void child_kill(struct child *child);    /* at once; `ended` will come */
void child_free(struct child *child);    /* only after `ended` */

/* What `warder __exec` runs; arguments are child.c's own. Returns the exit status. */
int  child_exec_main(int argc, char **argv);
