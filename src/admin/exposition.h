/* One document of metrics, family by family: every value of a label is escaped, and nothing but numbers and names
 * leaves. Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_row {
    enum metric_type type;
    const char      *name, *unit, *labels, *help;
};

struct label { const char *name; struct str value; };

struct exposition {
    struct buf              *out;
    bool                     openmetrics;
    const struct metric_row *row; /* of the family that is being written */
};

void exposition_family(struct exposition *to, const struct metric_row *row);
void exposition_count(struct exposition *to, const struct label *labels, size_t count, uint64_t value);
/* Microseconds, as seconds. */
void exposition_seconds(struct exposition *to, const struct label *labels, size_t count, int64_t us);
struct histogram;
void exposition_histogram(struct exposition *to, struct label label, const struct histogram *histogram);
void exposition_end(struct exposition *to);
