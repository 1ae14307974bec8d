/* An entry of the MCP registry, read strictly: every member that the schema knows is held to it before any is used, and
 * a fault is named by where it stands. What an entry says how to start becomes a small document of ours, which is looked
 * at again before anything is started from it. Entries are hostile. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/json.h"

#include <stdbool.h>

enum start_kind { START_NONE, START_NPM, START_PYPI, START_REMOTE };

struct registry_entry {
    struct str      name, title, description, version;
    struct str      registry, package, url;    /* of the package and the remote that count */
    struct str      package_version;           /* empty: the package says none */
    bool            superseded;                /* the registry says: an older version, or one that was withdrawn */
    enum start_kind start;
    struct str      document;                  /* what would be started or reached; of START_NONE empty */
    const char     *unstarted;                 /* START_NONE: why */
};

struct registry_fault {
    struct buf  pointer;                       /* from the entry on, RFC 6901 */
    const char *why;
};

/* `row` is what a list holds ({"server": …, "_meta": …}) or a server.json. E_INVALID with *fault filled in; E_NOMEM.
 * Strings live as long as the tree and the arena. */
int registry_read(const struct json *row, struct arena *arena, struct registry_entry *out, struct registry_fault *fault) NODISCARD;

/* What a document starts, each part held to its grammar again. Strings live in the arena. */
struct start_variable { struct str name, value; };
struct start {
    enum start_kind        kind;
    struct str             base_url;           /* the registry that the entry names; empty: none */
    struct str            *argv;               /* npx or uvx, and what follows */
    size_t                 argc;
    struct start_variable *variables;          /* of the environment, or headers of a remote */
    size_t                 variable_count;
    struct str             url;
};
/* E_INVALID: not one of ours, or not one that may be started. */
int start_read(struct str document, struct arena *arena, struct start *out) NODISCARD;
