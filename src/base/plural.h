/* Counts in words: "%zu tool%s". */
#pragma once

#include <stdint.h>

static inline const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }
