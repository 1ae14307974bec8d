/* Tables, statements, and what each kind of record does to them. */
#include "store/database.h"

#include "base/check.h"
#include "base/limits.h"
#include "model/grant.h"
#include "model/pin.h"
#include "store/checkpoint.h"
#include "store/sqlite_error.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA_VERSION 6
#define TRIM_ROWS 1024
#define BUSY_MS 5000

static const char schema[] =
    "CREATE TABLE meta(applied INTEGER NOT NULL, hash BLOB NOT NULL, dropped INTEGER NOT NULL);"
    "INSERT INTO meta VALUES(0, zeroblob(32), 0);"
    "CREATE TABLE spans(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, segment INTEGER NOT NULL,"
    " place INTEGER NOT NULL, at_min INTEGER NOT NULL, at_max INTEGER NOT NULL, words BLOB NOT NULL);"
    "CREATE TABLE outcomes(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, call BLOB NOT NULL UNIQUE,"
    " outcome TEXT NOT NULL, reason TEXT NOT NULL, micros INTEGER NOT NULL, given_back INTEGER NOT NULL);"
    "CREATE TABLE grants(id TEXT PRIMARY KEY, label TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE revisions(server TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, revision BLOB NOT NULL,"
    " policy BLOB NOT NULL, PRIMARY KEY(server, seq)) WITHOUT ROWID;"
    "CREATE TABLE definitions(server TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,"
    " text BLOB NOT NULL, PRIMARY KEY(server, kind, name, digest)) WITHOUT ROWID;";

/* name, SQL */
#define STATEMENTS(S)                                                                                             \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                                   \
    S(COMMIT, "COMMIT")                                                                                           \
    S(ROLLBACK, "ROLLBACK")                                                                                       \
    S(META, "UPDATE meta SET applied = ?1, hash = ?2")                                                            \
    S(SPAN, "INSERT OR REPLACE INTO spans VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                    \
    S(LAST_SPAN, "SELECT first, last, segment, place FROM spans ORDER BY first DESC LIMIT 1")                     \
    S(OUTCOME, "INSERT OR REPLACE INTO outcomes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                              \
    S(GRANT, "INSERT OR REPLACE INTO grants VALUES(?1, ?2, ?3, ?4, ?5, ?6)")                                      \
    S(REVOKE, "UPDATE grants SET revoked = ?2 WHERE id = ?1 AND revoked = 0")                                     \
    S(REVISION, "INSERT OR REPLACE INTO revisions VALUES(?1, ?2, ?3, ?4, ?5)")                                    \
    S(DEFINE, "INSERT OR REPLACE INTO definitions VALUES(?1, ?2, ?3, ?4, ?5)")                                    \
    S(UNDEFINE, "DELETE FROM definitions WHERE server = ?1 AND kind = ?2 AND name = ?3 AND digest <> ?4")         \
    S(FORGET, "DELETE FROM definitions WHERE server = ?1 AND kind = ?2 AND name = ?3")                            \
    S(DROPPED, "UPDATE meta SET dropped = ?1 WHERE dropped < ?1")                                                 \
    S(TRIM_DUE, "SELECT 1 FROM (SELECT min(first) AS first, last FROM spans) WHERE last <= (SELECT dropped FROM " \
                "meta) AND first < (SELECT max(first) FROM spans)")                                               \
    S(TRIM_OUTCOMES, "DELETE FROM outcomes WHERE seq IN (SELECT seq FROM outcomes WHERE seq <= (SELECT dropped "  \
                     "FROM meta) ORDER BY seq LIMIT ?1)")                                                         \
    S(TRIM_SPANS, "DELETE FROM spans WHERE first IN (SELECT first FROM spans WHERE last <= (SELECT dropped FROM " \
                  "meta) AND first < (SELECT max(first) FROM spans) ORDER BY first LIMIT ?1)")                    \
    S(TRIM_REVISIONS, "DELETE FROM revisions WHERE EXISTS (SELECT 1 FROM revisions later WHERE later.server = "   \
                      "revisions.server AND later.seq > revisions.seq AND later.seq <= (SELECT dropped FROM meta))")

enum statement {
#define S(name, sql) STATEMENT_##name,
    STATEMENTS(S)
#undef S
        STATEMENT_COUNT
};

static const char *const statement_texts[STATEMENT_COUNT] = {
#define S(name, sql) [STATEMENT_##name] = sql,
    STATEMENTS(S)
#undef S
};

struct database {
    sqlite3 *handle;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t applied;
    struct sha256 hash;
};

/* ---- values ---- */

static void bind_text(sqlite3_stmt *statement, int at, struct str value)
{
    if (value.len > 0)
        (void)sqlite3_bind_text64(statement, at, value.ptr, value.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(sqlite3_stmt *statement, int at, const void *bytes, size_t len)
{
    (void)sqlite3_bind_blob64(statement, at, bytes, len, SQLITE_STATIC);
}

static void bind_int(sqlite3_stmt *statement, int at, int64_t value)
{
    (void)sqlite3_bind_int64(statement, at, value);
}

/* Runs a statement that returns no row. Bindings do not outlive it. */
static int run(struct database *database, enum statement which)
{
    sqlite3_stmt *statement = database->statements[which];
    int code = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return error_of_sqlite(code);
}

/* ---- spans ---- */

int database_last_span(struct database *database, struct span *out)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_LAST_SPAN];
    int code = sqlite3_step(statement);
    int error = code == SQLITE_DONE ? E_NOT_FOUND : error_of_sqlite(code);
    if (code == SQLITE_ROW)
        *out = (struct span){ .first = (uint64_t)sqlite3_column_int64(statement, 0),
                              .last = (uint64_t)sqlite3_column_int64(statement, 1),
                              .segment = (uint64_t)sqlite3_column_int64(statement, 2),
                              .offset = (uint64_t)sqlite3_column_int64(statement, 3) };
    (void)sqlite3_reset(statement);
    return error;
}

int database_put_span(struct database *database, const struct span *span, struct str words)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_SPAN];
    bind_int(statement, 1, (int64_t)span->first);
    bind_int(statement, 2, (int64_t)span->last);
    bind_int(statement, 3, (int64_t)span->segment);
    bind_int(statement, 4, (int64_t)span->offset);
    bind_int(statement, 5, span->at_min);
    bind_int(statement, 6, span->at_max);
    bind_blob(statement, 7, words.len > 0 ? words.ptr : "", words.len);
    return run(database, STATEMENT_SPAN);
}

int database_put_outcome(struct database *database, uint64_t sequence, const struct record *record)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_OUTCOME];
    bind_int(statement, 1, (int64_t)sequence);
    bind_int(statement, 2, record->at_ms);
    bind_blob(statement, 3, record->call.bytes, sizeof record->call.bytes);
    bind_text(statement, 4, str_from_c(outcome_name(record->outcome)));
    bind_text(statement, 5, reason_row(record->reason)->name);
    bind_int(statement, 6, record->micros);
    bind_int(statement, 7, record->given_back ? 1 : 0);
    return run(database, STATEMENT_OUTCOME);
}

/* ---- the other tables ---- */

static int grant_apply(struct database *database, const struct record *record)
{
    struct arena arena;
    struct grant grant;
    arena_init(&arena, NULL, LIMIT_ledger_record);
    int error = grant_read(record->blob, &arena, &grant);
    if (error == 0) {
        sqlite3_stmt *statement = database->statements[STATEMENT_GRANT];
        bind_text(statement, 1, grant.id);
        bind_text(statement, 2, grant.label);
        bind_int(statement, 3, grant.created_ms);
        bind_int(statement, 4, grant.expires_ms);
        bind_int(statement, 5, grant.revoked_ms);
        bind_blob(statement, 6, record->blob.ptr, record->blob.len);
        error = run(database, STATEMENT_GRANT);
    }
    arena_release(&arena);
    return error;
}

static int revoke_apply(struct database *database, const struct record *record)
{
    bind_text(database->statements[STATEMENT_REVOKE], 1, record->grant);
    bind_int(database->statements[STATEMENT_REVOKE], 2, record->at_ms);
    return run(database, STATEMENT_REVOKE);
}

static int revision_apply(struct database *database, uint64_t sequence, const struct record *record)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_REVISION];
    (void)sqlite3_bind_text64(statement, 1, record->server.ptr != NULL ? record->server.ptr : "", record->server.len,
                              SQLITE_STATIC, SQLITE_UTF8);
    bind_int(statement, 2, (int64_t)sequence);
    bind_int(statement, 3, record->at_ms);
    bind_blob(statement, 4, record->revision.bytes, SHA256_LEN);
    (void)sqlite3_bind_blob64(statement, 5, record->blob.ptr != NULL ? record->blob.ptr : "", record->blob.len,
                              SQLITE_STATIC);
    return run(database, STATEMENT_REVISION);
}

/* The accepted text is kept, and what is listed instead of it. */
static int pin_apply(struct database *database, const struct record *record)
{
    enum pin_kind kind;
    struct pin pin;
    struct str text;
    if (pin_of_record(record, &kind, &pin, &text) < 0)
        return E_CORRUPT;
    enum statement which = STATEMENT_DEFINE;
    if (str_eq(record->text, PIN_OPERATOR))
        which = STATEMENT_UNDEFINE;
    else if (str_eq(record->text, PIN_FORGOTTEN))
        which = STATEMENT_FORGET;
    else if (text.len == 0)
        return 0;
    sqlite3_stmt *statement = database->statements[which];
    struct str word = pin_kind_word(kind);
    bind_text(statement, 1, record->server);
    bind_text(statement, 2, word);
    (void)sqlite3_bind_text64(statement, 3, record->name.len > 0 ? record->name.ptr : "", record->name.len,
                              SQLITE_STATIC, SQLITE_UTF8);
    if (which != STATEMENT_FORGET)
        bind_blob(statement, 4, record->digest.bytes, SHA256_LEN);
    if (which == STATEMENT_DEFINE)
        bind_blob(statement, 5, text.ptr, text.len);
    return run(database, which);
}

static int dropped_apply(struct database *database, const struct record *record)
{
    bind_int(database->statements[STATEMENT_DROPPED], 1, (int64_t)record->count);
    return run(database, STATEMENT_DROPPED);
}

static int checkpoint_apply(struct database *database, uint64_t sequence, const struct record *record)
{
    if (str_eq(record->text, CHECKPOINT_DROPPED))
        return dropped_apply(database, record);
    if (str_eq(record->text, CHECKPOINT_GRANT))
        return grant_apply(database, record);
    if (str_eq(record->text, CHECKPOINT_REVISION))
        return revision_apply(database, sequence, record);
    return 0;
}

int database_apply(struct database *database, uint64_t sequence, const struct record *record, bool fresh)
{
    switch (record->kind) {
    case RECORD_CHECKPOINT: return fresh ? checkpoint_apply(database, sequence, record) : 0;
    case RECORD_GRANT: return grant_apply(database, record);
    case RECORD_REVOKED: return revoke_apply(database, record);
    case RECORD_REVISION: return revision_apply(database, sequence, record);
    case RECORD_PIN: return pin_apply(database, record);
    case RECORD_DROPPED: return dropped_apply(database, record);
    case RECORD_DECISION:
    case RECORD_OUTCOME:
    case RECORD_DENIALS:
    case RECORD_SESSION:
    case RECORD_GATEWAY:
    case RECORD_CLOCK:
    case RECORD_MALFORMED:
    case RECORD_LIST:
    case RECORD_RESET:
    case RECORD_FROZEN:
    case RECORD_THAWED: return 0;
    case RECORD_KIND_COUNT: break;
    }
    WRONG("a record of no kind");
}

/* ---- the file ---- */

void database_remove(int data)
{
    (void)unlinkat(data, DATABASE_NAME, 0);
    (void)unlinkat(data, DATABASE_NAME "-wal", 0);
    (void)unlinkat(data, DATABASE_NAME "-shm", 0);
}

static int pragma_int(sqlite3 *handle, const char *sql, int *out)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return error_of_sqlite(code);
}

static int schema_make(struct database *database)
{
    int version = 0;
    int error = pragma_int(database->handle, "PRAGMA user_version", &version);
    if (error < 0)
        return error;
    if (version == SCHEMA_VERSION)
        return 0;
    if (version != 0)
        return E_CORRUPT;
    char pragma[64];
    (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", SCHEMA_VERSION);
    static const char begin[] = "BEGIN IMMEDIATE", commit[] = "COMMIT";
    const char *const steps[] = { begin, schema, pragma, commit };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        error = error_of_sqlite(sqlite3_exec(database->handle, steps[i], NULL, NULL, NULL));
        if (error < 0)
            return error;
    }
    return 0;
}

static int meta_read(struct database *database)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(database->handle, "SELECT applied, hash FROM meta", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    int error = error_of_sqlite(code);
    if (code == SQLITE_ROW && sqlite3_column_bytes(statement, 1) == SHA256_LEN) {
        database->applied = (uint64_t)sqlite3_column_int64(statement, 0);
        memcpy(database->hash.bytes, sqlite3_column_blob(statement, 1), SHA256_LEN);
    } else if (error == 0) {
        error = E_CORRUPT;
    }
    (void)sqlite3_finalize(statement);
    return error;
}

static int prepare_all(struct database *database)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        int code = sqlite3_prepare_v3(database->handle, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &database->statements[i], NULL);
        if (code != SQLITE_OK)
            return error_of_sqlite(code);
    }
    return 0;
}

static int open_file(int data, struct str path, struct database *database)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%" STR_FMT "/" DATABASE_NAME, STR_ARG(path)) >= (int)sizeof name)
        return E_INVALID;
    int fd = openat(data, DATABASE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return E_IO;
    close(fd); /* SQLite gives its other files the same mode */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int error = error_of_sqlite(sqlite3_open_v2(name, &database->handle, flags, NULL));
    if (error < 0)
        return error;
    (void)sqlite3_busy_timeout(database->handle, BUSY_MS);
    error = error_of_sqlite(sqlite3_exec(database->handle,
                                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-512;"
                                         "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=512",
                                         NULL, NULL, NULL));
    if (error == 0)
        error = schema_make(database);
    if (error == 0)
        error = meta_read(database);
    if (error == 0)
        error = prepare_all(database);
    return error;
}

int database_open(int data, struct str path, struct database **out)
{
    int error = E_CORRUPT;
    for (int tries = 0; tries < 2 && error == E_CORRUPT; tries++) {
        if (tries > 0)
            database_remove(data);
        struct database *database = calloc(1, sizeof *database);
        if (database == NULL)
            return E_NOMEM;
        error = open_file(data, path, database);
        if (error == 0)
            *out = database;
        else
            database_close(database);
    }
    return error;
}

void database_close(struct database *database)
{
    if (database == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(database->statements[i]);
    (void)sqlite3_close(database->handle);
    free(database);
}

uint64_t database_applied(const struct database *database, struct sha256 *hash)
{
    *hash = database->hash;
    return database->applied;
}

int database_begin(struct database *database)
{
    return run(database, STATEMENT_BEGIN);
}

int database_commit(struct database *database, uint64_t applied, const struct sha256 *hash)
{
    bind_int(database->statements[STATEMENT_META], 1, (int64_t)applied);
    bind_blob(database->statements[STATEMENT_META], 2, hash->bytes, SHA256_LEN);
    int error = run(database, STATEMENT_META);
    if (error == 0)
        error = run(database, STATEMENT_COMMIT);
    if (error < 0)
        return error;
    database->applied = applied;
    database->hash = *hash;
    return 0;
}

/* Up to TRIM_ROWS of them; *more: there may be others. */
static int trim_rows(struct database *database, enum statement which, bool *more)
{
    bind_int(database->statements[which], 1, TRIM_ROWS);
    int error = run(database, which);
    *more = error == 0 && sqlite3_changes(database->handle) == TRIM_ROWS;
    return error;
}

/* Spans go last: they are what says that something is due. */
static int trim_some(struct database *database, bool *more)
{
    int error = database_begin(database);
    if (error == 0)
        error = trim_rows(database, STATEMENT_TRIM_OUTCOMES, more);
    if (error == 0 && !*more)
        error = trim_rows(database, STATEMENT_TRIM_SPANS, more);
    if (error == 0 && !*more)
        error = run(database, STATEMENT_TRIM_REVISIONS);
    if (error == 0)
        error = run(database, STATEMENT_COMMIT);
    return error;
}

int database_trim(struct database *database)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_TRIM_DUE];
    bool more = false, due = sqlite3_step(statement) == SQLITE_ROW;
    (void)sqlite3_reset(statement);
    if (!due)
        return 0;
    int error = trim_some(database, &more);
    return error < 0 ? error : more;
}

void database_rollback(struct database *database)
{
    if (!sqlite3_get_autocommit(database->handle))
        (void)run(database, STATEMENT_ROLLBACK);
}

void database_rest(struct database *database)
{
    (void)sqlite3_db_release_memory(database->handle);
}
