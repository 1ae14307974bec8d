/* Definitions without a server: what tools/list answered, {"tools": [...]}, or the array alone. */
#pragma once

#include "base/error.h"
#include "json/json.h"
#include "model/server.h"

/* Nothing of `root` is kept. One reference. E_INVALID: no such list, or a tool without a name; E_LIMIT; E_NOMEM. */
int saved_definitions(const struct json *root, struct definitions **out) NODISCARD;
