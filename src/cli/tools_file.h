/* A server's tools out of a file: what tools/list answered, {"tools": [...]}, or the array alone. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/server.h"

struct invocation;

/* Their classes are filled in; a server's name may tell of them too, empty: it has none here. 0, or an exit_status with
 * the reason said. One reference. */
int tools_file_read(const struct invocation *invocation, const char *path, struct str server,
                    struct definitions **out) NODISCARD;
