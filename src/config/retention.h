/* "90d", "10GiB", "90d 10GiB": how much of the ledger is kept. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct retention {
    int64_t  age_ms;  /* 0: however old */
    uint64_t bytes;   /* 0: however much */
};

/* An age (s, m, h, d, w), a size (MiB, GiB, TiB), or both in either order; empty: everything is kept. */
bool retention_parse(struct str text, struct retention *out);
