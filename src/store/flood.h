/* Equal denials above a rate become one record with a count. A table of fixed size: a denial that falls on another's
 * place sends that one's count out first. */
#pragma once

#include "model/record.h"

#include <stdbool.h>
#include <stdint.h>

struct flood;
typedef void flood_write(void *arg, const struct record *record); /* a DENIALS record; borrowed */

int  flood_new(flood_write *write, void *arg, struct flood **out) NODISCARD;
void flood_free(struct flood *flood);
/* True: to be recorded by itself. False: counted. `mono_ms` never goes back. */
bool flood_admits(struct flood *flood, const struct record *record, int64_t mono_ms);
/* Writes what was counted in seconds that are over, or with `all` everything. True while counts are left. */
bool flood_flush(struct flood *flood, int64_t mono_ms, bool all);
