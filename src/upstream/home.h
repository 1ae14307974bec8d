/* Directories that are a server's HOME: DATA/homes/SERVER, or below it one for each of its instances. Blocks on files:
 * for the pool, never for the loop. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <limits.h>
#include <stdbool.h>

/* Makes what is missing, mode 0700. `instance` empty: the server's own. `fresh`: emptied. Names are one component
 * each; no symbolic link is followed below DATA. `path`: absolute. */
int home_prepare(struct str data, struct str server, struct str instance, bool fresh, char path[PATH_MAX]) NODISCARD;
/* What a server left in its own directory goes, and the directory with it; `server` empty: those of all. Missing is fine. */
int home_remove(struct str data, struct str server) NODISCARD;
