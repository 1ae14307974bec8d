/* What a scan found, as documents: JSON for programs, SARIF 2.1.0 for code hosts, HTML for people. The same scan gives the
 * same bytes but for times. Texts of servers are data in each of them, never markup. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "catalog/judge.h"
#include "catalog/past.h"
#include "catalog/scan.h"

#include <stdint.h>

struct report_server {
    const struct scanned   *scanned;
    const struct judgement *judgement; /* NULL: not listed */
    const struct past      *past;      /* NULL: nobody looked */
    struct str              policy;    /* the recommended document; empty: none */
};

struct scan_report {
    const struct report_server *servers;
    size_t                      count;
    int64_t                     at_ms;  /* Unix time */
};

/* Appended, with a line end. E_LIMIT: beyond the buffer's ceiling. */
int report_scan_json(const struct scan_report *report, struct buf *out) NODISCARD;
int report_scan_sarif(const struct scan_report *report, struct buf *out) NODISCARD;
/* No script, nothing fetched, no link: one file that can be kept. */
int report_scan_html(const struct scan_report *report, struct buf *out) NODISCARD;

/* The classes, gravest first. */
extern const enum tool_class report_classes[CLASS_COUNT];
#define REPORT_TIME 24
/* "2026-01-31 09:30:00Z" */
void report_time(int64_t at_ms, char out[REPORT_TIME]);
