/* What became of a tool between two lists of its server: one meaning for scans and for the catalogue. Pure. */
#pragma once

#include "base/str.h"

#include <stdint.h>

enum change { CHANGE_NONE, CHANGE_NEW, CHANGE_TEXT, CHANGE_RISK, CHANGE_GONE };

struct change_side {
    int64_t    class, severity, signals;
    struct str definition; /* it, or its digest: the same kind on both sides */
};

/* A graver class, a higher severity or one more signal is a risk, whatever else changed. `then` NULL: it is new. */
enum change change_between(const struct change_side *then, const struct change_side *now);
const char *change_name(enum change change); /* "", "new", "changed", "risk", "gone" */
