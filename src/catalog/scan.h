/* A scan: each target is started or reached as a gateway would, its lists are read to their last page, and it is ended
 * again. Side by side, each with its own time; what one does cannot hold up another. No tool is called. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "catalog/targets.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scan_outcome { SCAN_WAITING, SCAN_RUNNING, SCAN_LISTED, SCAN_FAILED, SCAN_TIMED_OUT, SCAN_DISABLED };

#define SCAN_WHY_MAX 512
#define SCAN_NOTES 4

struct scanned {
    const struct target *target;
    enum scan_outcome    outcome;
    struct definitions  *definitions;      /* listed: one reference */
    char                 why[SCAN_WHY_MAX];        /* failed, timed out, disabled; escaped */
    char                 last_words[SCAN_WHY_MAX]; /* the last line of its standard error that told of an error, else the last; escaped */
    char                 notes[SCAN_NOTES][SCAN_WHY_MAX]; /* what was odd about it; escaped */
    size_t               note_count;
    int64_t              took_ms;
};

struct scan_options {
    int64_t     timeout_ms; /* of each target */
    struct str  self;       /* path of our own binary */
    bool        verbose;    /* the log on standard error */
    /* From time to time, and after each change; NULL: nobody looks. */
    void      (*progress)(void *arg, const struct scanned *all, size_t count);
    void       *arg;
    /* Of each target that is started or reached; any may be NULL. */
    size_t      at_once;    /* 0: LIMIT_scan_at_once */
    void      (*begun)(void *arg, const struct scanned *scanned);
    void      (*sweep)(void *arg, const struct target *target); /* in the pool: its last process is gone, its place not yet free */
    int       (*done)(void *arg, struct scanned *scanned);      /* then this; an error ends the scan. Not of one that was interrupted */
};

/* One entry of `out` for each target, in their order; scan_release them, whatever came of it. E_CLOSED: it was interrupted (SIGINT or
 * SIGTERM), and nothing is left running; a second signal ends the process at once. */
int  scan_run(const struct scan_options *options, const struct targets *targets, struct scanned *out) NODISCARD;
void scan_release(struct scanned *scanned, size_t count);

const char *scan_outcome_name(enum scan_outcome outcome); /* "listed", "failed", "timed out", "disabled" */
