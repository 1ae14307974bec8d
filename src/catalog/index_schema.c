/* The index's tables, and how an index of an older version comes to them. */
#include "catalog/index_sql.h"

#include "base/check.h"
#include "store/sqlite_error.h"

#include <stdio.h>

#define INDEX_VERSION 4

static const char version_1[] =
    "CREATE TABLE servers(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE, initial TEXT "
    "NOT NULL,"
    " title TEXT, description TEXT, registry TEXT, package TEXT, version TEXT, url TEXT, scanned TEXT,"
    " listed INTEGER NOT NULL DEFAULT 0, tools INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL DEFAULT 0,"
    " dirty INTEGER NOT NULL);"
    "CREATE INDEX servers_dirty ON servers(slug) WHERE dirty;"
    "CREATE INDEX servers_initial ON servers(initial, slug);"
    "CREATE TABLE tools(id INTEGER PRIMARY KEY, server INTEGER NOT NULL, name TEXT NOT NULL, slug TEXT NOT NULL,"
    " home TEXT NOT NULL, initial TEXT NOT NULL, kind TEXT NOT NULL, class INTEGER NOT NULL, severity INTEGER NOT NULL,"
    " confidence INTEGER NOT NULL, signals INTEGER NOT NULL, definition TEXT NOT NULL, verdict TEXT NOT NULL,"
    " digest BLOB NOT NULL, run INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX tools_name ON tools(server, name);"
    "CREATE UNIQUE INDEX tools_slug ON tools(server, slug);"
    "CREATE INDEX tools_kind ON tools(kind, home, slug);"
    "CREATE INDEX tools_class ON tools(class, initial, slug, home);"
    "CREATE INDEX tools_initial ON tools(initial, slug, home);"
    "CREATE INDEX tools_grave ON tools(severity DESC, class DESC, slug, home, signals);"
    "CREATE INDEX tools_exposed ON tools(class, signals);"
    "CREATE TABLE touched(class INTEGER NOT NULL, initial TEXT NOT NULL, PRIMARY KEY(class, initial)) WITHOUT ROWID;"
    "CREATE TABLE pages(path TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE gone(path TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE notes(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

static const char version_2[] =
    "CREATE TABLE queue(server INTEGER PRIMARY KEY, kind INTEGER NOT NULL, start TEXT NOT NULL, state INTEGER NOT NULL,"
    " why TEXT NOT NULL, tries INTEGER NOT NULL);"
    "CREATE INDEX queue_state ON queue(state, kind, server);"
    "CREATE TABLE scans(server INTEGER PRIMARY KEY, before TEXT NOT NULL, classifier INTEGER NOT NULL,"
    " compared INTEGER NOT NULL);"
    "CREATE TABLE changes(server INTEGER NOT NULL, name TEXT NOT NULL, change INTEGER NOT NULL,"
    " PRIMARY KEY(server, name)) WITHOUT ROWID;"
    "CREATE TABLE shards(prefix TEXT PRIMARY KEY) WITHOUT ROWID;";

/* Rows alone, without where in the text a word stands; the beginnings of words up to three letters have lists of their
 * own. `names` keeps no text: what goes out of it is told as it went in. */
#define WORDS "tokenize='unicode61 remove_diacritics 2', detail=none, columnsize=0, prefix='1 2 3'"
static const char version_3[] = "CREATE VIRTUAL TABLE names USING fts5(name, content='', " WORDS ");"
                                "CREATE VIRTUAL TABLE texts USING fts5(name, description, server, " WORDS ");"
                                "CREATE VIRTUAL TABLE name_counts USING fts5vocab(names, row);"
                                "CREATE VIRTUAL TABLE name_words USING fts5vocab(names, instance);"
                                "CREATE VIRTUAL TABLE text_words USING fts5vocab(texts, instance);";

static const char from_2_to_3[] =
    "INSERT INTO names(rowid, name) SELECT rowid, name FROM words WHERE rowid > 0;"
    "INSERT INTO texts(rowid, name, description, server) SELECT rowid, name, description, server FROM words "
    "WHERE rowid > 0;"
    "DROP TABLE words;";

/* How many tools there are of what lists and pages of attacks are about, and where one came, went or changed since the
 * last build: nobody counts 800,000 of them again for one. */
static const char version_4[] =
    "CREATE TABLE counts(class INTEGER NOT NULL, initial TEXT NOT NULL, signals INTEGER NOT NULL, tools INTEGER NOT "
    "NULL,"
    " touched INTEGER NOT NULL, PRIMARY KEY(class, initial, signals)) WITHOUT ROWID;"
    "INSERT INTO counts SELECT class, initial, signals, count(*), 1 FROM tools GROUP BY class, initial, signals;"
    "DROP INDEX tools_exposed;";

static int version_of(struct catalog *catalog)
{
    sqlite3_stmt *pragma;
    int version = -1;
    int code = sqlite3_prepare_v2(catalog->handle, "PRAGMA user_version", -1, &pragma, NULL);
    if (code == SQLITE_OK && sqlite3_step(pragma) == SQLITE_ROW)
        version = sqlite3_column_int(pragma, 0);
    (void)sqlite3_finalize(pragma);
    return version;
}

static int raise_version(struct catalog *catalog, int version)
{
    char set[64];
    (void)snprintf(set, sizeof(set), "PRAGMA user_version=%d", INDEX_VERSION);
    const struct {
        bool due;
        const char *sql;
    } steps[] = {
        { version < 1, version_1 }, { version < 2, version_2 },
        { version < 3, version_3 }, { version == 1 || version == 2, from_2_to_3 },
        { version < 4, version_4 }, { true, set },
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int code = steps[i].due ? sqlite3_exec(catalog->handle, steps[i].sql, NULL, NULL, NULL) : SQLITE_OK;
        if (code != SQLITE_OK)
            return error_of_sqlite(code);
    }
    return 0;
}

int schema_make(struct catalog *catalog)
{
    int version = version_of(catalog);
    if (version == INDEX_VERSION)
        return 0;
    if (version < 0 || version > INDEX_VERSION)
        return E_CORRUPT;
    int error = catalog_begin(catalog);
    if (error)
        return error;
    version = version_of(catalog); /* another may have been before us */
    error = version == INDEX_VERSION                 ? 0
            : version < 0 || version > INDEX_VERSION ? E_CORRUPT
                                                     : raise_version(catalog, version);
    if (!error)
        error = catalog_commit(catalog);
    if (error)
        catalog_rollback(catalog);
    return error;
}
