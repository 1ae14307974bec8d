/* Manual pages on standard output, for man(1). */
#pragma once

#include <stdbool.h>

/* "warder", "warder.json" or "warder-policy"; false: there is no such page. */
bool manual_print(const char *name);
