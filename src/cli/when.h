/* Times as people give them. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

/* RFC 3339: a date and time with its offset, or a date alone (midnight UTC); or a span before now: 90s, 15m, 2h, 30d,
 * 2w. Unix ms, above 0. E_SYNTAX. */
int when_parse(struct str text, int64_t now_ms, int64_t *out) NODISCARD;
