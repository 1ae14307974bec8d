/* The catalogue's index: one SQLite file of servers, their tools with what each was judged to be, a full-text index,
 * and what the site was last built from. Texts in it are servers' own words: untrusted.
 * One thread an index; strings of a row live until its callback returns. */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"
#include "classify/classify.h"

#include <stdbool.h>
#include <stdint.h>

struct catalog;

struct catalog_server {
    int64_t    id;
    struct str name, slug, title, description;
    struct str registry;    /* "npm", "pypi", another registry's type, "remote", or empty: unknown */
    struct str package, version, url;
    struct str scanned;     /* as it was given; empty: nobody said when */
    bool       listed;      /* its tools are known; false: it is known by a registry's word alone */
    int64_t    tool_count;
};

struct catalog_tool {
    int64_t         id, server;
    struct str      name, slug;
    struct str      home;        /* the slug of its server */
    struct str      home_name;   /* and that server's name, where a query says so; else empty */
    struct str      kind;        /* first and last word of its name */
    enum tool_class class;
    enum severity   severity;
    unsigned        confidence;
    uint32_t        signals;
    struct str      definition;  /* JSON: name, title, description, inputSchema, annotations */
    struct str      verdict;     /* JSON, as write_verdict writes it */
};

/* The file and its folder are made where `create`. E_NOT_FOUND; E_CORRUPT: no index of this version; E_IO. */
int  catalog_open(const char *path, bool create, struct catalog **out) NODISCARD;
void catalog_close(struct catalog *catalog);
/* What SQLite says of the last failure; empty: it was not SQLite's. */
const char *catalog_why(const struct catalog *catalog);
int  catalog_begin(struct catalog *catalog) NODISCARD;
int  catalog_commit(struct catalog *catalog) NODISCARD;
void catalog_rollback(struct catalog *catalog);

/* ---- in: within a transaction ---- */

/* A server by its name; what is new of it replaces what was there. Its tools follow, one by one; *id names it. */
int catalog_put_server(struct catalog *catalog, const struct catalog_server *server, int64_t *id) NODISCARD;
/* One that is known: its list is there now. Its tools follow. */
int catalog_put_listed(struct catalog *catalog, int64_t id, struct str scanned) NODISCARD;
/* Its pages may differ. */
int catalog_mark(struct catalog *catalog, int64_t id) NODISCARD;
/* `id`, `slug`, `home` and `kind` of `tool` are the index's own affair. `description`: for the search alone. */
int catalog_put_tool(struct catalog *catalog, int64_t server, const struct catalog_tool *tool, struct str description) NODISCARD;
/* `whole`: tools that were not put since catalog_put_server are gone. */
int catalog_put_end(struct catalog *catalog, int64_t server, bool whole) NODISCARD;

/* ---- out: a callback's error ends the query and is its answer ---- */

typedef int catalog_each_server(void *arg, const struct catalog_server *server);
typedef int catalog_each_tool(void *arg, const struct catalog_tool *tool);

/* E_NOT_FOUND */
int catalog_server(struct catalog *catalog, int64_t id, catalog_each_server *each, void *arg) NODISCARD;
/* Servers whose pages may differ from what was built, or all, by slug. */
int catalog_servers(struct catalog *catalog, bool dirty, catalog_each_server *each, void *arg) NODISCARD;
/* Those whose slug begins with this byte ('#': with no letter). */
int catalog_servers_at(struct catalog *catalog, char initial, catalog_each_server *each, void *arg) NODISCARD;
/* A server's tools, with or without their texts, the riskiest first. */
int catalog_tools_of(struct catalog *catalog, int64_t server, bool texts, catalog_each_tool *each, void *arg) NODISCARD;
/* The tails of its tools' addresses, in their order. */
typedef int catalog_each_path(void *arg, struct str path);
int catalog_slugs_of(struct catalog *catalog, int64_t server, catalog_each_path *each, void *arg) NODISCARD;
/* Every server's own, in their order. */
typedef int catalog_each_slug(void *arg, int64_t server, struct str slug);
int catalog_server_slugs(struct catalog *catalog, catalog_each_slug *each, void *arg) NODISCARD;
/* Tools of a class (-1: of any) whose slug begins so, by slug; without texts. */
int catalog_tools_at(struct catalog *catalog, int class, char initial, catalog_each_tool *each, void *arg) NODISCARD;
#define ALIKE_MOST 6 /* tools of other servers that a page names: one that comes or goes marks as many servers */
/* The next tools of other servers whose names begin and end alike, by server, the first behind the last, at most
 * ALIKE_MOST: each is named by its neighbours, and none by all. Without texts. */
int catalog_tools_alike(struct catalog *catalog, const struct catalog_tool *tool, catalog_each_tool *each, void *arg) NODISCARD;
/* The gravest tools of the classes (bits) with any of the signals (0: whatever their signals); without texts. */
int catalog_tools_exposed(struct catalog *catalog, unsigned classes, uint32_t signals, int most, catalog_each_tool *each,
                          void *arg) NODISCARD;
/* Searches: the first `most` candidates, in an order that is the same for the same index and means nothing. */
/* Tools whose slug begins as this text's does: names that begin so are among them. */
int catalog_search_beginning(struct catalog *catalog, struct str text, int most, catalog_each_tool *each, void *arg) NODISCARD;
/* Tools that have every word of the query as a word or as the beginning of one: in their names alone, or in their names,
 * the beginnings of their descriptions, and the slugs of their servers, where fillers ("the") count only by themselves. */
int catalog_search(struct catalog *catalog, struct str query, bool names, int most, catalog_each_tool *each, void *arg) NODISCARD;

/* How many tools of a class have these signals and slugs that begin so. */
struct catalog_count {
    int      class;
    char     initial;
    uint32_t signals;
    int64_t  tools;   /* may be 0 */
    bool     touched; /* one of them came, went or changed what others say of it, since the last build */
};
typedef int catalog_each_count(void *arg, const struct catalog_count *count);
int catalog_counts(struct catalog *catalog, catalog_each_count *each, void *arg) NODISCARD;
typedef int catalog_each_letter(void *arg, char initial, int64_t servers);
int catalog_count_servers(struct catalog *catalog, catalog_each_letter *each, void *arg) NODISCARD;
struct catalog_size { int64_t servers, listed, tools; };
int catalog_size(struct catalog *catalog, struct catalog_size *out) NODISCARD;

/* ---- what was built ---- */

/* The bytes that stand at a path of the site are these already; NULL: any. */
bool catalog_page_is(struct catalog *catalog, struct str path, const struct sha256 *digest);
int  catalog_page_set(struct catalog *catalog, struct str path, const struct sha256 *digest) NODISCARD;
/* Pages whose subject is gone. */
int  catalog_gone(struct catalog *catalog, catalog_each_path *each, void *arg) NODISCARD;
int  catalog_gone_add(struct catalog *catalog, struct str path) NODISCARD;
/* The list of servers with this letter changed. */
int  catalog_servers_touched(struct catalog *catalog, char initial, bool *touched) NODISCARD;
/* Nothing stands there: another folder. */
int  catalog_forget_pages(struct catalog *catalog) NODISCARD;
/* Every server's pages may differ: another form of pages. */
int  catalog_all_dirty(struct catalog *catalog) NODISCARD;
int  catalog_build_done(struct catalog *catalog) NODISCARD;
/* Paths that stand, from one to before another. The callback changes no page. */
int  catalog_pages_in(struct catalog *catalog, struct str from, struct str to, catalog_each_path *each, void *arg) NODISCARD;
/* Slugs of servers whose pages came or went. */
int  catalog_addresses_touched(struct catalog *catalog, catalog_each_path *each, void *arg) NODISCARD;
/* A text kept under a key; empty where there is none. */
int  catalog_note(struct catalog *catalog, struct str key, struct buf *out) NODISCARD;
int  catalog_note_set(struct catalog *catalog, struct str key, struct str value) NODISCARD;
