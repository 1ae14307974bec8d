/* What the index is filled from: saved lists of tools, lines of tools, facts, and the MCP registry's entries. What is malformed
 * is named and counted, and the rest goes in. */
#pragma once

#include "catalog/index.h"

struct intake {
    struct catalog *catalog;
    const struct classifier *classifier;
    struct str server, registry, package, version, scanned; /* of a saved list; a line or an entry says its own */
    bool texts;          /* descriptions are kept */
    unsigned long from;  /* entries to leave out at the start */
    /* Each thing that was left out: where, and why. */
    void (*bad)(void *arg, unsigned long at, struct str name, const char *why);
    void (*progress)(void *arg, const struct intake *intake);
    void *arg;
    unsigned long entries, servers, tools, malformed; /* so far */
};

/* One file, its form told by what it holds. Commits as it goes: `entries` are in. E_INVALID: none of the forms, with *why
 * filled in; or what reading and the index say. */
int intake_file(struct intake *intake, const char *path, const char **why) NODISCARD;
/* The same from bytes: one JSON document, no lines. */
int intake_document(struct intake *intake, struct str source, const char **why) NODISCARD;
