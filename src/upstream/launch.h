/* What a child is started with: arguments, the environment from its closed list, and a home of its own. Owns all of
 * it; the environment holds secrets and is wiped. */
#pragma once

#include "base/error.h"
#include "model/server.h"

struct launch {
    char **argv, **env;   /* NULL-terminated */
    char  *cwd;           /* NULL: the gateway's */
};

/* `home` NULL: the gateway's HOME. E_INVALID: a name or value that an environment cannot hold. */
int  launch_init(struct launch *launch, const struct server *server, const char *home) NODISCARD;
void launch_release(struct launch *launch); /* of a zeroed one too */
