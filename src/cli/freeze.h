/* Freezes as people read them. */
#pragma once

#include "json/json.h"

#include <stddef.h>

/* A line for each freeze of an answer's "frozen"; returns how many. */
size_t print_freezes(const struct json *frozen);
