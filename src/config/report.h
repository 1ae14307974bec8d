/* Everything that is wrong with the files that were read, all at once: what `check` prints and `run` starts with.
 * The report owns its texts. One thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/file_stamp.h"
#include "base/str.h"
#include "policy/policy.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct finding {
    struct str     file;
    struct problem problem;
};

/* A file that was looked for, under the stamp that it was read with. */
struct read_file {
    struct str        path;
    struct file_stamp stamp;
};

struct report {
    struct arena    arena;
    struct finding *items;
    size_t          count, capacity;
    size_t          errors, notes; /* all: also those that are not listed */
    struct read_file *files;  /* whatever came of them */
    size_t          file_count, file_capacity;
};

void report_init(struct report *report);
void report_release(struct report *report);
/* Texts are copied. What no longer fits is counted all the same. */
void report_add(struct report *report, struct str file, const struct problem *problem);
/* One more of a file that has many: counted alone. */
void report_count(struct report *report, bool warning);
/* "problems": [...], one file's or all. */
struct json_writer;
void report_write(struct json_writer *writer, const struct report *report);
/* E_NOMEM. */
int  report_file(struct report *report, struct str path, const struct file_stamp *stamp) NODISCARD;
/* Those from `first` on: of `file` in the order of its text, behind them the others as they came. */
void report_order(struct report *report, size_t first, struct str file);
/* All of a policy's problems, but those that another server with this policy brought already. */
void report_add_problems(struct report *report, struct str file, const struct problems *problems);
