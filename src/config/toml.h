/* The part of TOML that a client's configuration names servers in: tables [mcp_servers.NAME], and in them strings,
 * booleans, integers, arrays of strings and tables of strings, as JSON. Everything else of the file is read past, and
 * what cannot be read for sure is an error with its line. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct toml_fault {
    size_t line; /* from 1 */
    char   text[160];
};

/* Appends {"NAME": {"command": …, "args": […]}, …}; `http_headers` is `headers`, `bearer_token_env_var` a header with a
 * reference, `env_vars` is `inherit`. E_SYNTAX, E_LIMIT, E_NOMEM with *fault filled. */
int toml_servers(struct str source, struct buf *out, struct toml_fault *fault) NODISCARD;
