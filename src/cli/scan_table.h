/* What a scan found, as a table that fits a terminal: nothing wraps, what is cut ends with "…", what is left out is
 * counted. Every text of a server is escaped. Pure. */
#pragma once

#include "base/buf.h"
#include "catalog/report.h"

#include <stdbool.h>
#include <stddef.h>

struct table_options {
    size_t columns;   /* of the terminal; 60 at least are used */
    bool   colours;
    bool   all;       /* every tool; else a long list shows its riskiest */
};

void scan_table(const struct scan_report *report, const struct table_options *options, struct buf *out);
/* One line, escaped and cut to fit, without its end: what is under way. */
void scan_progress_line(const struct scanned *all, size_t count, size_t columns, struct buf *out);
