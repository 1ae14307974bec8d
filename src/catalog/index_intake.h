/* What the index is filled from: saved lists of tools, lines of tools, facts, and the MCP registry's entries. What is malformed
 * is named and counted, and the rest goes in. */
#pragma once

#include "catalog/index.h"
#include "model/server.h"

/* What was left out, and where it stood. */
struct intake_fault {
    unsigned long at;      /* the entry, from 1 */
    size_t        line;    /* of the file; 0: not known */
    size_t        column;  /* in bytes, of what is no JSON; else 0 */
    struct str    pointer; /* into the document or the line, RFC 6901; empty: the whole */
    struct str    name;    /* what it calls itself: untrusted; may be empty */
    const char   *why;
};

struct intake {
    struct catalog *catalog;
    const struct classifier *classifier;
    struct str server, registry, package, version, scanned; /* of a saved list; a line or an entry says its own */
    bool texts;          /* descriptions are kept */
    unsigned long from;  /* entries to leave out at the start */
    void (*bad)(void *arg, const struct intake_fault *fault);
    void (*progress)(void *arg, const struct intake *intake);
    void *arg;
    unsigned long entries, servers, tools, malformed, older; /* so far; older: of versions that the registry has newer ones of */
    struct intake_place *place; /* index_intake.c's own */
};

/* Why none of a document was taken. */
struct intake_refusal {
    const char *why;          /* NULL: what reading and the index say */
    struct str  fix;          /* what was probably meant; may be empty */
    size_t      line, column; /* 0: of the whole */
};

/* One file, its form told by what it holds. Commits as it goes: `entries` are in. E_INVALID, E_SYNTAX, E_LIMIT: it is none
 * of the forms, with *refusal filled in (all zero before); or what reading and the index say. */
int intake_file(struct intake *intake, const char *path, struct intake_refusal *refusal) NODISCARD;
/* The same from bytes: one JSON document, no lines. */
int intake_document(struct intake *intake, struct str source, struct intake_refusal *refusal) NODISCARD;
/* What a server of the index listed, within a transaction: its whole list. */
int intake_definitions(struct intake *intake, int64_t server, struct str name, const struct definitions *definitions) NODISCARD;
