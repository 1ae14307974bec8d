/* Verdicts on all that a server lists, riskiest first, with a grade for the whole. Deterministic. Every text in it is the
 * server's, untrusted and raw: whoever shows it escapes it. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "catalog/change.h"
#include "classify/classify.h"
#include "model/server.h"

#include <stddef.h>
#include <stdint.h>

#define SEVERITY_COUNT (SEVERITY_CRITICAL + 1)

struct judged {
    const struct tool     *tool;
    struct str             title, description; /* cut at LIMIT_scan_text */
    struct verdict_on_tool verdict;
    struct str            *parameters;         /* names */
    size_t                 parameter_count;    /* of those that are kept */
    bool                   overruled;          /* by the configuration: verdict.class is the operator's word */
    enum change            change;             /* since the last scan */
};

struct judgement {
    struct arena   arena;
    struct judged *tools;            /* riskiest first: class, severity, name */
    size_t         count;
    size_t         of_class[CLASS_COUNT], of_severity[SEVERITY_COUNT];
    size_t         of_signal[SIGNAL_COUNT];
    char           grade;            /* 'A' to 'F'; 0: no tools */
    struct str     grade_why;        /* ours */
};

/* E_NOMEM, E_LIMIT. `definitions` outlive it. judgement_release, whatever came of it. */
int  judge(const struct classifier *classifier, struct str server, const struct definitions *definitions,
           struct judgement *out) NODISCARD;
/* What the configuration says of tools goes before the verdicts. */
void judgement_overrule(struct judgement *judgement, const struct class_ruling *rulings, size_t count);
void judgement_release(struct judgement *judgement);
/* What is riskier stands first; of equals the name in byte order. */
int  judged_order(const struct judged *a, const struct judged *b);
