/* The index's tables and statements, and how values go in and out: for index*.c alone. */
#pragma once

#include "catalog/index.h"

#include <sqlite3.h>

#define INDEX_BEGINNINGS 3 /* letters: shorter beginnings of words, and such, have lists of their own */
#define TOOL_COLUMNS "t.id, t.server, t.name, t.slug, t.home, t.kind, t.class, t.severity, t.confidence, t.signals"
#define SERVER_COLUMNS "id, name, slug, title, description, registry, package, version, url, scanned, listed, tools"
#define SERVER_NAME "(SELECT name FROM servers WHERE id = t.server)"

/* name, SQL */
#define STATEMENTS(S)                                                                                                  \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                                        \
    S(COMMIT, "COMMIT")                                                                                                \
    S(ROLLBACK, "ROLLBACK")                                                                                            \
    S(SERVER_ID, "SELECT id, slug, listed FROM servers WHERE name = ?1")                                               \
    S(SERVER_SLUG, "SELECT 1 FROM servers WHERE slug = ?1")                                                            \
    S(SERVER_ADD, "INSERT INTO servers(name, slug, initial, dirty) VALUES(?1, ?2, ?3, 1)")                             \
    S(SERVER_SET, "UPDATE servers SET title = ?2, description = ?3, registry = ?4, package = ?5, version = ?6, "       \
                  "url = ?7, scanned = ?8, listed = max(listed, ?9), run = run + 1, dirty = 1 WHERE id = ?1")          \
    S(SERVER_RUN, "SELECT run, slug, (SELECT compared FROM scans WHERE server = ?1) FROM servers WHERE id = ?1")       \
    S(SERVER_ROW, "SELECT 1 FROM servers WHERE id = ?1 AND listed >= ?2 AND package IS ?3 AND url IS ?4")              \
    S(SERVER_TOUCH, "INSERT OR IGNORE INTO touched SELECT -2, initial FROM servers WHERE id = ?1")                     \
    S(SERVER_COUNTED, "SELECT 1 FROM servers WHERE id = ?1 AND tools = (SELECT count(*) FROM tools WHERE server = ?1)") \
    S(SERVER_COUNT, "UPDATE servers SET tools = (SELECT count(*) FROM tools WHERE server = ?1) WHERE id = ?1")         \
    S(TOOL_ID, "SELECT id, digest, class, slug, severity, signals, definition FROM tools WHERE server = ?1 AND name = ?2") \
    S(TOOL_SLUG, "SELECT 1 FROM tools WHERE server = ?1 AND slug = ?2")                                                \
    S(TOOL_ADD, "INSERT INTO tools(server, name, slug, home, initial, kind, class, severity, confidence, signals, "    \
                "definition, verdict, digest, run) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)") \
    S(TOOL_SET, "UPDATE tools SET class = ?2, severity = ?3, confidence = ?4, signals = ?5, definition = ?6, "         \
                "verdict = ?7, digest = ?8, run = ?9 WHERE id = ?1")                                                   \
    S(TOOL_SEEN, "UPDATE tools SET run = ?2 WHERE id = ?1")                                                            \
    S(TOOL_STALE, "SELECT id, slug, home, initial, kind, class, name, signals FROM tools WHERE server = ?1 AND run <> ?2 LIMIT 1") \
    S(TOOL_REMOVE, "DELETE FROM tools WHERE id = ?1")                                                                  \
    S(KIND_BEFORE, "SELECT home FROM tools WHERE kind = ?1 AND home < ?2 ORDER BY home DESC, slug DESC LIMIT ?3")     \
    S(KIND_LAST, "SELECT home FROM tools WHERE kind = ?1 AND home > ?2 ORDER BY home DESC, slug DESC LIMIT ?3")       \
    S(NAMES_ADD, "INSERT INTO names(rowid, name) VALUES(?1, ?2)")                                                      \
    S(NAMES_REMOVE, "INSERT INTO names(names, rowid, name) VALUES('delete', ?1, ?2)")                                  \
    S(TEXTS_ADD, "INSERT INTO texts(rowid, name, description, server) VALUES(?1, ?2, ?3, ?4)")                         \
    S(TEXTS_REMOVE, "DELETE FROM texts WHERE rowid = ?1")                                                              \
    S(TOUCH, "INSERT OR IGNORE INTO touched VALUES(?1, ?2)")                                                           \
    S(TOUCHED, "SELECT 1 FROM touched WHERE class = -2 AND initial = ?1")                                              \
    S(TOUCHED_SERVERS, "SELECT initial FROM touched WHERE class = -3 ORDER BY initial")                                \
    S(COUNT_TOOL, "INSERT INTO counts VALUES(?1, ?2, ?3, ?4, 1) ON CONFLICT DO UPDATE SET tools = tools + ?4, touched = 1")  \
    S(COUNTS, "SELECT class, initial, signals, tools, touched FROM counts ORDER BY class, initial, signals")           \
    S(COUNTS_DONE, "UPDATE counts SET touched = 0 WHERE touched")                                                      \
    S(COUNTS_NONE, "DELETE FROM counts WHERE tools = 0")                                                               \
    S(TOUCHED_NONE, "DELETE FROM touched")                                                                             \
    S(GONE_ADD, "INSERT OR IGNORE INTO gone VALUES(?1)")                                                               \
    S(GONE, "SELECT path FROM gone ORDER BY path")                                                                     \
    S(GONE_NONE, "DELETE FROM gone")                                                                                   \
    S(PAGE, "SELECT digest FROM pages WHERE path = ?1")                                                                \
    S(PAGE_SET, "INSERT OR REPLACE INTO pages VALUES(?1, ?2)")                                                         \
    S(PAGE_DROP, "DELETE FROM pages WHERE path = ?1")                                                                  \
    S(PAGES_NONE, "DELETE FROM pages")                                                                                 \
    S(ALL_DIRTY, "UPDATE servers SET dirty = 1")                                                                       \
    S(ALL_CLEAN, "UPDATE servers SET dirty = 0 WHERE dirty")                                                           \
    S(NOTE, "SELECT value FROM notes WHERE key = ?1")                                                                  \
    S(NOTE_SET, "INSERT OR REPLACE INTO notes VALUES(?1, ?2)")                                                         \
    S(QUEUE_PUT, "INSERT INTO queue VALUES(?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT(server) DO UPDATE SET kind = ?2, "        \
                 "start = ?3, state = ?4, why = ?5, tries = 0 WHERE start <> ?3 OR kind <> ?2 OR (kind = 0 AND why <> ?5)") \
    S(QUEUE_NEXT, "SELECT q.server, q.kind, q.start, q.state, q.why, q.tries, s.name, s.slug FROM queue q JOIN servers s "  \
                  "ON s.id = q.server WHERE q.state = ?1 AND q.kind BETWEEN ?2 AND ?3 AND q.server > ?4 "              \
                  "ORDER BY q.server LIMIT ?5")                                                                        \
    S(QUEUE_TRIED, "UPDATE queue SET tries = tries + 1 WHERE server = ?1")                                             \
    S(QUEUE_DONE, "UPDATE queue SET state = ?2, why = ?3 WHERE server = ?1")                                           \
    S(QUEUE_AGAIN, "UPDATE queue SET state = 0, why = '', tries = 0 WHERE state = 2 AND kind > 0")                     \
    S(QUEUE_COUNT, "SELECT state, kind, count(*) FROM queue GROUP BY state, kind")                                     \
    S(QUEUE_OF, "SELECT q.server, q.kind, q.start, q.state, q.why, q.tries, s.name, s.slug FROM queue q JOIN servers s "    \
                "ON s.id = q.server WHERE q.server = ?1")                                                              \
    S(SERVER_LISTED, "UPDATE servers SET listed = 1, scanned = ?2, run = run + 1, dirty = 1 WHERE id = ?1")            \
    S(SERVER_MARK, "UPDATE servers SET dirty = 1 WHERE id = ?1 AND NOT dirty")                                                       \
    S(SERVER_MARK_SLUG, "UPDATE servers SET dirty = 1 WHERE slug = ?1 AND NOT dirty")                                  \
    S(SHARD_ADD, "INSERT OR IGNORE INTO shards VALUES(?1)")                                                            \
    S(SHARDS, "SELECT prefix FROM shards ORDER BY prefix")                                                             \
    S(SHARDS_ALL, "SELECT 1 FROM shards WHERE prefix = '*'")                                                           \
    S(SHARDS_NONE, "DELETE FROM shards")                                                                               \
    S(TWOS, "SELECT DISTINCT substr(term, 1, 2) FROM name_counts")                                                     \
    S(TERMS, "SELECT term, doc FROM name_counts WHERE term >= ?1 AND term < ?2 ORDER BY term")                         \
    S(PAGES_IN, "SELECT path FROM pages WHERE path >= ?1 AND path < ?2 AND path NOT IN (SELECT path FROM gone) "       \
                "ORDER BY path")                                                                                       \
    S(SCAN_BEGIN, "INSERT INTO scans VALUES(?1, (SELECT coalesce(scanned, '') FROM servers WHERE id = ?1), ?2, 0) "   \
                  "ON CONFLICT(server) DO UPDATE SET before = excluded.before, "                                       \
                  "compared = CASE WHEN classifier = ?2 THEN 2 ELSE 0 END, classifier = ?2")                           \
    S(SCAN_END, "UPDATE scans SET compared = ?2 WHERE server = ?1 AND compared = 2")                                   \
    S(SCAN_OF, "SELECT before FROM scans WHERE server = ?1 AND compared = 1")                                          \
    S(CHANGES_NONE, "DELETE FROM changes WHERE server = ?1")                                                           \
    S(CHANGES_NONE_OF, "DELETE FROM changes WHERE server = ?1 AND EXISTS (SELECT 1 FROM scans WHERE server = ?1 AND "  \
                       "compared = 0)")                                                                                \
    S(CHANGE_ADD, "INSERT OR REPLACE INTO changes VALUES(?1, ?2, ?3)")                                                 \
    S(CHANGES_OF, "SELECT c.change, c.name, t.slug FROM changes c LEFT JOIN tools t ON t.server = c.server AND "       \
                  "t.name = c.name WHERE c.server = ?1 ORDER BY c.change = 3 DESC, c.change, c.name")                  \
    S(SIZE, "SELECT (SELECT count(*) FROM servers), (SELECT count(*) FROM servers WHERE listed), "                     \
            "(SELECT coalesce(sum(tools), 0) FROM counts)")                                                                           \
    S(ONE_SERVER, "SELECT " SERVER_COLUMNS " FROM servers WHERE id = ?1")                                              \
    S(EACH_SERVER, "SELECT " SERVER_COLUMNS " FROM servers ORDER BY slug")                                             \
    S(DIRTY_SERVERS, "SELECT " SERVER_COLUMNS " FROM servers WHERE dirty ORDER BY slug")                               \
    S(SERVERS_AT, "SELECT " SERVER_COLUMNS " FROM servers WHERE initial = ?1 ORDER BY slug")                           \
    S(TOOLS_OF, "SELECT " TOOL_COLUMNS ", '', t.definition, t.verdict FROM tools t WHERE server = ?1 "                 \
                "ORDER BY severity DESC, class DESC, slug")                                                            \
    S(TOOLS_BARE, "SELECT " TOOL_COLUMNS " FROM tools t WHERE server = ?1 ORDER BY severity DESC, class DESC, slug")     \
    S(SERVER_SLUGS, "SELECT id, slug FROM servers ORDER BY slug")                                                      \
    S(SLUGS_OF, "SELECT slug FROM tools WHERE server = ?1 ORDER BY slug")                                              \
    S(TOOLS_AT, "SELECT " TOOL_COLUMNS ", " SERVER_NAME " FROM tools t WHERE initial = ?1 ORDER BY slug, home")        \
    S(TOOLS_AT_CLASS, "SELECT " TOOL_COLUMNS ", " SERVER_NAME                                                          \
                      " FROM tools t WHERE class = ?2 AND initial = ?1 ORDER BY slug, home")                           \
    S(ALIKE_BEHIND, "SELECT " TOOL_COLUMNS ", " SERVER_NAME                                                            \
                    " FROM tools t WHERE kind = ?1 AND home > ?2 ORDER BY home, slug LIMIT ?3")                        \
    S(ALIKE_FIRST, "SELECT " TOOL_COLUMNS ", " SERVER_NAME                                                             \
                   " FROM tools t WHERE kind = ?1 AND home < ?2 ORDER BY home, slug LIMIT ?3")                         \
    S(EXPOSED, "SELECT " TOOL_COLUMNS ", " SERVER_NAME " FROM tools t INDEXED BY tools_grave WHERE "                   \
               "(?1 >> class) & 1 AND (?2 = 0 OR signals & ?2) ORDER BY severity DESC, class DESC, slug, home LIMIT ?3") \
    S(NAME_WORD, "SELECT term FROM name_words WHERE term >= ?1 LIMIT 1")                                               \
    S(TEXT_WORD, "SELECT term FROM text_words WHERE term >= ?1 LIMIT 1")                                               \
    S(SEARCH_SLUGS, "SELECT " TOOL_COLUMNS ", " SERVER_NAME " FROM tools t WHERE initial = ?1 AND slug >= ?2 AND "     \
                    "slug < ?3 ORDER BY slug, home LIMIT ?4")                                                          \
    S(SEARCH_NAMES, "SELECT " TOOL_COLUMNS ", " SERVER_NAME " FROM (SELECT rowid FROM names WHERE names MATCH ?1 "     \
                    "LIMIT ?2) f JOIN tools t ON t.id = f.rowid")                                                      \
    S(SEARCH_TEXTS, "SELECT " TOOL_COLUMNS ", " SERVER_NAME " FROM (SELECT rowid FROM texts WHERE texts MATCH ?1 "     \
                    "LIMIT ?2) f JOIN tools t ON t.id = f.rowid")                                                      \
    S(COUNT_SERVERS, "SELECT initial, count(*) FROM servers GROUP BY initial")

enum statement {
#define S(name, sql) STATEMENT_##name,
    STATEMENTS(S)
#undef S
        STATEMENT_COUNT
};

struct catalog {
    unsigned magic;
    sqlite3 *handle;
    struct hasher *hasher;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* made when first used */
    int broken;                                /* why one could not be made */
};
#define CATALOG_MAGIC 0xca7a106u

/* Makes the tables, or those that an older version lacks. E_CORRUPT: a newer version, or something else. */
int schema_make(struct catalog *catalog) NODISCARD;
/* Ready to be bound; never NULL. */
sqlite3_stmt *statement(struct catalog *catalog, enum statement which);
void bind_text(sqlite3_stmt *to, int at, struct str value);
void bind_int(sqlite3_stmt *to, int at, int64_t value);
struct str column_text(sqlite3_stmt *from, int at);
/* 1: a row; 0: none; or an error. */
int step(struct catalog *catalog, enum statement which);
/* Runs to the end and resets. */
int run(struct catalog *catalog, enum statement which);
void reset(struct catalog *catalog, enum statement which);
/* The text of the one row that a bound statement may have, and resets. 1: there was one; 0: none; or an error. */
int read_text(struct catalog *catalog, enum statement which, struct buf *out);
/* Reads a tool of TOOL_COLUMNS from each row. The statement is bound already. */
int each_tool(struct catalog *catalog, enum statement which, catalog_each_tool *each, void *arg) NODISCARD;
