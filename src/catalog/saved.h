/* Definitions without a server: what tools/list answered, {"tools": [...]}, or the array alone. */
#pragma once

#include "base/error.h"
#include "json/json.h"
#include "model/server.h"

/* The array of tools, borrowed, with its JSON Pointer where `pointer` is not NULL; NULL: there is none. */
const struct json *saved_tools(const struct json *root, const char **pointer);
/* Whose list a file holds, by its name: warder scan --lists writes SERVER.tools.json. Empty: it does not say. */
struct str saved_server(const char *path);
/* Nothing of `root` is kept. One reference. E_INVALID: no such list, or a tool without a name; E_LIMIT; E_NOMEM. */
int saved_definitions(const struct json *root, struct definitions **out) NODISCARD;
