/* What is to be scanned: commands, URLs, the servers of configurations, and saved lists of tools. Everything goes through
 * the configuration's own reader, so that a scan starts only what a gateway would start, and in the same way. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "config/config.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>

struct target {
    struct str          name;        /* a-z0-9-, of no other target of this scan */
    struct str          source;      /* the file that names it; empty: the command line */
    struct str          place;       /* where it is found, absolute: the file, or the program; empty: a URL */
    struct str          shown;       /* what is started or reached, without what may be a secret; raw text */
    struct config      *config;      /* of this server alone; NULL: nothing is started */
    struct definitions *definitions; /* of a saved list; else NULL */
    struct str          why;         /* neither: what is wrong with it, escaped */
    bool                disabled;    /* its file says so, and it is left alone */
};

struct targets {
    struct arena              arena;
    const struct environment *environment;
    struct target            *items;
    size_t                    count, capacity;
    size_t                    alike;   /* entries that were one of the items again */
    const char *const        *inherit; /* variables that the commands of files get too, NULL-terminated; NULL: none */
    struct buf                problem; /* why a file could not be read at all; raw text */
};

void targets_init(struct targets *targets, const struct environment *environment);
void targets_release(struct targets *targets);

/* What the command line says besides. */
struct target_extras {
    struct str        name;          /* empty: one is made of the words */
    const char *const *inherit;      /* names of variables, NULL-terminated */
    const char *const *headers;      /* "Name: value", NULL-terminated; ${NAME} in a value is expanded */
    bool              insecure;
    const struct variable *variables; /* of a command's environment, or a URL's fields: others' words, nothing is expanded */
    size_t            variable_count;
    struct str        cwd;           /* of a command; empty: ours */
};

/* 0: one more target, which may be one that cannot be scanned and says why. E_NOMEM; E_INVALID with `problem`. */
int targets_add_command(struct targets *targets, const char *const *words, size_t count, const struct target_extras *extras) NODISCARD;
int targets_add_url(struct targets *targets, struct str url, const struct target_extras *extras) NODISCARD;

/* Every server of a configuration, what a client's file names for the directory `cwd` too, or the one saved list. Where the same server stands in two files it is one target.
 * E_NOT_FOUND, E_DENIED, E_INVALID … with `problem`. */
int targets_add_file(struct targets *targets, struct str path, struct str cwd) NODISCARD;
bool is_target_url(struct str word);
