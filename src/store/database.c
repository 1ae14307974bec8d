/* Tables, statements, and what each kind of record does to them. */
#include "store/database.h"

#include "base/check.h"
#include "base/limits.h"
#include "model/grant.h"
#include "model/pin.h"
#include "store/checkpoint.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA_VERSION 4
#define TRIM_ROWS 1024
#define BUSY_MS 5000

static const char schema[] =
    "CREATE TABLE meta(applied INTEGER NOT NULL, hash BLOB NOT NULL, dropped INTEGER NOT NULL);"
    "INSERT INTO meta VALUES(0, zeroblob(32), 0);"
    "CREATE TABLE records(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, call BLOB, server TEXT,"
    " method TEXT, name TEXT, grant_id TEXT, session TEXT, client TEXT, digest BLOB, revision BLOB, reason TEXT, rule "
    "TEXT,"
    " text TEXT, count INTEGER NOT NULL);"
    "CREATE INDEX records_call ON records(call) WHERE call IS NOT NULL;"
    "CREATE INDEX records_grant ON records(grant_id, seq) WHERE grant_id IS NOT NULL;"
    "CREATE INDEX records_name ON records(server, name, seq) WHERE server IS NOT NULL;"
    "CREATE INDEX records_at ON records(at);"
    "CREATE TABLE outcomes(call BLOB PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, outcome TEXT NOT NULL,"
    " reason TEXT NOT NULL, micros INTEGER NOT NULL, given_back INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE grants(id TEXT PRIMARY KEY, label TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE revisions(server TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, revision BLOB NOT NULL,"
    " policy BLOB NOT NULL, PRIMARY KEY(server, seq)) WITHOUT ROWID;"
    "CREATE TABLE definitions(server TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,"
    " text BLOB NOT NULL, PRIMARY KEY(server, kind, name, digest)) WITHOUT ROWID;"
    "CREATE TABLE counters(key BLOB NOT NULL, window INTEGER NOT NULL, used BLOB NOT NULL, PRIMARY KEY(key, window))"
    " WITHOUT ROWID;";

/* name, SQL */
#define STATEMENTS(S)                                                                                                \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                                      \
    S(COMMIT, "COMMIT")                                                                                              \
    S(ROLLBACK, "ROLLBACK")                                                                                          \
    S(META, "UPDATE meta SET applied = ?1, hash = ?2")                                                               \
    S(RECORD, "INSERT INTO records VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)")   \
    S(OUTCOME, "INSERT OR REPLACE INTO outcomes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                 \
    S(GRANT, "INSERT OR REPLACE INTO grants VALUES(?1, ?2, ?3, ?4, ?5, ?6)")                                         \
    S(REVOKE, "UPDATE grants SET revoked = ?2 WHERE id = ?1 AND revoked = 0")                                        \
    S(REVISION, "INSERT OR REPLACE INTO revisions VALUES(?1, ?2, ?3, ?4, ?5)")                                       \
    S(DEFINE, "INSERT OR REPLACE INTO definitions VALUES(?1, ?2, ?3, ?4, ?5)")                                       \
    S(UNDEFINE, "DELETE FROM definitions WHERE server = ?1 AND kind = ?2 AND name = ?3 AND digest <> ?4")            \
    S(FORGET, "DELETE FROM definitions WHERE server = ?1 AND kind = ?2 AND name = ?3")                               \
    S(DROPPED, "UPDATE meta SET dropped = ?1 WHERE dropped < ?1")                                                    \
    S(TRIM_DUE, "SELECT 1 FROM records WHERE seq <= (SELECT dropped FROM meta) LIMIT 1")                             \
    S(TRIM_OUTCOMES, "DELETE FROM outcomes WHERE call IN (SELECT call FROM (SELECT call FROM records WHERE seq <= "  \
                     "(SELECT dropped FROM meta) ORDER BY seq LIMIT ?1))")                                           \
    S(TRIM_RECORDS, "DELETE FROM records WHERE seq IN (SELECT seq FROM records WHERE seq <= (SELECT dropped FROM "   \
                    "meta) ORDER BY seq LIMIT ?1)")                                                                  \
    S(TRIM_REVISIONS, "DELETE FROM revisions WHERE EXISTS (SELECT 1 FROM revisions later WHERE later.server = "      \
                      "revisions.server AND later.seq > revisions.seq AND later.seq <= (SELECT dropped FROM meta))") \
    S(USED, "SELECT used FROM counters WHERE key = ?1 AND window = ?2")                                              \
    S(LATER, "SELECT 1 FROM counters WHERE key = ?1 AND window > ?2")                                                \
    S(USE, "INSERT OR REPLACE INTO counters VALUES(?1, ?2, ?3)")                                                     \
    S(UNUSE, "DELETE FROM counters WHERE key = ?1 AND window = ?2")                                                  \
    S(CLOSE_WINDOWS, "DELETE FROM counters WHERE key = ?1 AND window <= ?2")                                         \
    S(RESET, "DELETE FROM counters WHERE key = ?1")

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
    struct buf key;
    uint64_t applied;
    struct sha256 hash;
};

static int error_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return 0;
    case SQLITE_FULL: return E_NOSPACE;
    case SQLITE_NOMEM: return E_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: return E_CORRUPT;
    default: return E_IO;
    }
}

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

static void bind_fixed(sqlite3_stmt *statement, int at, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            bind_blob(statement, at, bytes, len);
            return;
        }
    }
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
    return error_of(code);
}

/* ---- counters ---- */

static void amount_put(amount value, uint8_t out[16])
{
    for (int i = 15; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

static amount amount_get(const uint8_t *bytes)
{
    amount value = 0;
    for (int i = 0; i < 16; i++)
        value = value << 8 | bytes[i];
    return value;
}

static int used_get(struct database *database, int64_t window, amount *used)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_USED];
    bind_blob(statement, 1, database->key.ptr, database->key.len);
    bind_int(statement, 2, window);
    int code = sqlite3_step(statement);
    *used = 0;
    if (code == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == 16)
        *used = amount_get(sqlite3_column_blob(statement, 0));
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return error_of(code);
}

static int used_set(struct database *database, int64_t window, amount used)
{
    uint8_t bytes[16];
    enum statement which = used > 0 ? STATEMENT_USE : STATEMENT_UNUSE;
    sqlite3_stmt *statement = database->statements[which];
    amount_put(used, bytes);
    bind_blob(statement, 1, database->key.ptr, database->key.len);
    bind_int(statement, 2, window);
    if (used > 0)
        bind_blob(statement, 3, bytes, sizeof bytes);
    return run(database, which);
}

/* A fixed counter has one window, the highest; a sliding one forgets what is behind its length. */
static int windows_close(struct database *database, const struct window *window, int64_t at)
{
    bool sliding = window->kind == WINDOW_SECONDS && window->algorithm == WINDOW_SLIDING;
    sqlite3_stmt *statement = database->statements[STATEMENT_CLOSE_WINDOWS];
    bind_blob(statement, 1, database->key.ptr, database->key.len);
    bind_int(statement, 2, sliding ? at - (int64_t)window->seconds * 1000 : at - 1);
    return run(database, STATEMENT_CLOSE_WINDOWS);
}

static int has_later_window(struct database *database, int64_t window, bool *later)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_LATER];
    bind_blob(statement, 1, database->key.ptr, database->key.len);
    bind_int(statement, 2, window);
    int code = sqlite3_step(statement);
    *later = code == SQLITE_ROW;
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return error_of(code);
}

static int debit_apply(struct database *database, const struct debit *debit, int64_t window, bool back)
{
    amount used;
    bool later = false;
    if (debit->key.window.kind == WINDOW_CONCURRENT)
        return 0;
    buf_reset(&database->key);
    counter_key_write(&debit->key, &database->key);
    if (!buf_ok(&database->key))
        return E_NOMEM;
    if (debit->key.window.algorithm != WINDOW_SLIDING) {
        int error = has_later_window(database, window, &later);
        if (error < 0 || later)
            return error;
    }
    int error = used_get(database, window, &used);
    if (error < 0)
        return error;
    if (back)
        used = used > debit->cost ? used - debit->cost : 0;
    else if (amount_add(used, debit->cost, &used) < 0)
        used = ~(amount)0;
    error = used_set(database, window, used);
    return error < 0 || back ? error : windows_close(database, &debit->key.window, window);
}

static int debits_apply(struct database *database, const struct record *record, bool back)
{
    int error = 0;
    for (size_t i = 0; i < record->debit_count && error == 0; i++)
        error = debit_apply(database, &record->debits[i], record->taken[i].window_ms, back);
    return error;
}

static int resets_apply(struct database *database, const struct record *record)
{
    int error = 0;
    for (size_t i = 0; i < record->debit_count && error == 0; i++) {
        buf_reset(&database->key);
        counter_key_write(&record->debits[i].key, &database->key);
        bind_blob(database->statements[STATEMENT_RESET], 1, database->key.ptr, database->key.len);
        error = buf_ok(&database->key) ? run(database, STATEMENT_RESET) : E_NOMEM;
    }
    return error;
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

static int outcome_apply(struct database *database, uint64_t sequence, const struct record *record)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_OUTCOME];
    bind_blob(statement, 1, record->call.bytes, sizeof record->call.bytes);
    bind_int(statement, 2, (int64_t)sequence);
    bind_int(statement, 3, record->at_ms);
    bind_text(statement, 4, str_from_c(outcome_name(record->outcome)));
    bind_text(statement, 5, reason_row(record->reason)->name);
    bind_int(statement, 6, record->micros);
    bind_int(statement, 7, record->given_back ? 1 : 0);
    int error = run(database, STATEMENT_OUTCOME);
    return error < 0 || !record->given_back ? error : debits_apply(database, record, true);
}

static int record_insert(struct database *database, uint64_t sequence, const struct record *record)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_RECORD];
    bind_int(statement, 1, (int64_t)sequence);
    bind_int(statement, 2, record->at_ms);
    bind_text(statement, 3, str_from_c(record_kind_name(record->kind)));
    bind_fixed(statement, 4, record->call.bytes, sizeof record->call.bytes);
    bind_text(statement, 5, record->server);
    bind_text(statement, 6, record->method);
    bind_text(statement, 7, record->name);
    bind_text(statement, 8, record->grant);
    bind_text(statement, 9, record->session);
    bind_text(statement, 10, record->client);
    bind_fixed(statement, 11, record->digest.bytes, SHA256_LEN);
    bind_fixed(statement, 12, record->revision.bytes, SHA256_LEN);
    bind_text(statement, 13, reason_row(record->reason)->name);
    bind_text(statement, 14, record->rule);
    bind_text(statement, 15, record->text);
    bind_int(statement, 16, (int64_t)record->count);
    return run(database, STATEMENT_RECORD);
}

static int checkpoint_apply(struct database *database, uint64_t sequence, const struct record *record)
{
    if (str_eq(record->text, CHECKPOINT_DROPPED))
        return dropped_apply(database, record);
    if (str_eq(record->text, CHECKPOINT_GRANT))
        return grant_apply(database, record);
    if (str_eq(record->text, CHECKPOINT_REVISION))
        return revision_apply(database, sequence, record);
    if (str_eq(record->text, CHECKPOINT_COUNTERS))
        return debits_apply(database, record, false);
    return 0;
}

int database_apply(struct database *database, uint64_t sequence, const struct record *record, bool fresh)
{
    int error = 0;
    switch (record->kind) {
    case RECORD_CHECKPOINT: return fresh ? checkpoint_apply(database, sequence, record) : 0;
    case RECORD_OUTCOME: return outcome_apply(database, sequence, record);
    case RECORD_DECISION:
        if (record->reason == REASON_allowed)
            error = debits_apply(database, record, false);
        break;
    case RECORD_GRANT: error = grant_apply(database, record); break;
    case RECORD_REVOKED: error = revoke_apply(database, record); break;
    case RECORD_REVISION: error = revision_apply(database, sequence, record); break;
    case RECORD_RESET: error = resets_apply(database, record); break;
    case RECORD_PIN: error = pin_apply(database, record); break;
    case RECORD_DROPPED: error = dropped_apply(database, record); break;
    case RECORD_DENIALS:
    case RECORD_SESSION:
    case RECORD_GATEWAY:
    case RECORD_CLOCK:
    case RECORD_MALFORMED:
    case RECORD_LIST:
    case RECORD_FROZEN:
    case RECORD_THAWED: break;
    case RECORD_KIND_COUNT: WRONG("a record of no kind");
    }
    return error < 0 ? error : record_insert(database, sequence, record);
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
    return error_of(code);
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
        error = error_of(sqlite3_exec(database->handle, steps[i], NULL, NULL, NULL));
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
    int error = error_of(code);
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
            return error_of(code);
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
    int error = error_of(sqlite3_open_v2(name, &database->handle, flags, NULL));
    if (error < 0)
        return error;
    (void)sqlite3_busy_timeout(database->handle, BUSY_MS);
    error = error_of(sqlite3_exec(database->handle,
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
        buf_init(&database->key, LIMIT_counter_key);
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
    buf_release(&database->key);
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

static int trim_some(struct database *database, int *removed)
{
    static const enum statement steps[] = { STATEMENT_TRIM_OUTCOMES, STATEMENT_TRIM_RECORDS };
    int error = database_begin(database);
    for (size_t i = 0; error == 0 && i < ARRAY_LEN(steps); i++) {
        bind_int(database->statements[steps[i]], 1, TRIM_ROWS);
        error = run(database, steps[i]);
        *removed = sqlite3_changes(database->handle);
    }
    if (error == 0 && *removed < TRIM_ROWS)
        error = run(database, STATEMENT_TRIM_REVISIONS);
    if (error == 0)
        error = run(database, STATEMENT_COMMIT);
    return error;
}

int database_trim(struct database *database)
{
    sqlite3_stmt *statement = database->statements[STATEMENT_TRIM_DUE];
    int removed = 0;
    bool due = sqlite3_step(statement) == SQLITE_ROW;
    (void)sqlite3_reset(statement);
    if (!due)
        return 0;
    int error = trim_some(database, &removed);
    return error < 0 ? error : removed == TRIM_ROWS;
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
