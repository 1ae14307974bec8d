/* The last scan of each target, kept in small files that only their owner reads, and what changed since. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "catalog/judge.h"
#include "catalog/targets.h"

struct past { /* of one target */
    bool        known;    /* there was a scan before this one */
    int64_t     at_ms;    /* when, Unix time */
    struct str *gone;     /* tools of then; untrusted text, in the judgement's arena */
    size_t      gone_count;
    size_t      changes[CHANGE_RISK + 1]; /* of each kind */
};

/* ${XDG_STATE_HOME:-~/.local/state}/warder/scans, in `out`. E_NOT_FOUND: neither variable is an absolute path. */
int past_directory(const struct environment *environment, struct buf *out) NODISCARD;
/* Marks the tools that are new, changed or riskier. A target that was not scanned before, or whose file is not one of
 * ours, is not known. `directory` ends with NUL. */
void past_compare(struct str directory, const struct target *target, struct judgement *judgement, struct past *out);
/* 0600, and atomic. E_IO, E_DENIED, E_NOSPACE … */
int  past_write(struct str directory, const struct target *target, const struct judgement *judgement, int64_t now_ms) NODISCARD;
