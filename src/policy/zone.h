/* A time zone out of its table (TZif, RFC 9636): from Unix time to local hour and weekday. The table is handed in as
 * bytes; nothing here opens a file. Immutable. Pure. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct zone;

/* Version 2 or later, without leap seconds, whole and with nothing behind it; the version 1 block is only measured.
 * E_SYNTAX with *why (static), E_NOMEM. Copies what it keeps into the arena. */
int zone_read(struct str bytes, struct arena *arena, struct zone **out, const char **why) NODISCARD;
/* Seconds east of UTC at a Unix time in seconds. NULL is UTC, in all three. */
int32_t  zone_offset(const struct zone *zone, int64_t unix_s);
unsigned zone_hour(const struct zone *zone, int64_t unix_ms);    /* 0 to 23 */
unsigned zone_weekday(const struct zone *zone, int64_t unix_ms); /* Monday is 1, Sunday 7 */
