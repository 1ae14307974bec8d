/* The configurations of clients, where they usually stand. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "config/config.h"

#include <stddef.h>

struct client_file {
    const char *client; /* "Claude Code" */
    struct str  path;   /* absolute; in the arena */
};

#define CLIENT_FILES_MAX 32

/* Those that are there, each once, in the order of clients.def. `cwd`: absolute, or empty. E_NOMEM. */
int clients_find(const struct environment *environment, struct str cwd, struct arena *arena,
                 struct client_file out[CLIENT_FILES_MAX], size_t *count) NODISCARD;
