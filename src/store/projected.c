/* What state.db is asked for by itself: policies, definitions, and its own head. */
#include "store/store.h"

#include "base/check.h"
#include "model/pin.h"
#include "store/database.h"
#include "store/projection.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000

int database_open_to_read(struct str directory, sqlite3 **handle)
{
    char path[PATH_MAX];
    *handle = NULL;
    if (snprintf(path, sizeof path, "%" STR_FMT "/" DATABASE_NAME, STR_ARG(directory)) >= (int)sizeof path)
        return E_INVALID;
    if (access(path, R_OK) < 0)
        return E_NOT_FOUND;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, handle, flags, NULL) != SQLITE_OK)
        return E_IO;
    (void)sqlite3_busy_timeout(*handle, BUSY_MS);
    return 0;
}

static int read_known(sqlite3 *handle, uint64_t *known)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(handle, "SELECT applied FROM meta", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *known = (uint64_t)sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : E_NOT_FOUND;
}

int store_query_known(struct str directory, uint64_t *known)
{
    sqlite3 *handle = NULL;
    *known = 0;
    int error = database_open_to_read(directory, &handle);
    if (error == 0)
        error = read_known(handle, known);
    (void)sqlite3_close(handle);
    return error;
}

static int read_policy(sqlite3 *handle, struct str server, const struct sha256 *revision, struct buf *out)
{
    static const char sql[] = "SELECT policy FROM revisions WHERE server = ?1 AND revision = ?2 LIMIT 1";
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return E_IO;
    (void)sqlite3_bind_text64(statement, 1, server.ptr, server.len, SQLITE_STATIC, SQLITE_UTF8);
    (void)sqlite3_bind_blob64(statement, 2, revision->bytes, SHA256_LEN, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        buf_append(out, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
    (void)sqlite3_finalize(statement);
    if (code != SQLITE_ROW)
        return code == SQLITE_DONE ? E_NOT_FOUND : E_IO;
    return buf_ok(out) ? 0 : E_NOMEM;
}

int store_policy(struct str directory, struct str server, const struct sha256 *revision, struct buf *out)
{
    sqlite3 *handle = NULL;
    int error = database_open_to_read(directory, &handle);
    if (error == 0)
        error = read_policy(handle, server, revision, out);
    (void)sqlite3_close(handle);
    return error;
}

int projection_head(struct str directory, struct chain_head *out)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    *out = (struct chain_head){ 0 };
    int error = database_open_to_read(directory, &handle);
    if (error == 0 && sqlite3_prepare_v2(handle, "SELECT applied, hash FROM meta", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 1) == SHA256_LEN) {
        out->sequence = (uint64_t)sqlite3_column_int64(statement, 0);
        memcpy(out->hash.bytes, sqlite3_column_blob(statement, 1), SHA256_LEN);
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(handle);
    return error;
}

/* ---- texts of definitions ---- */

struct wanted {
    struct str server, name;
    enum pin_kind kind;
    const struct sha256 *digest;
    struct buf *out;
    bool found;
};

static int projected_text(sqlite3 *handle, struct wanted *wanted)
{
    static const char sql[] =
        "SELECT text FROM definitions WHERE server = ?1 AND kind = ?2 AND name = ?3 AND digest = ?4";
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return E_IO;
    (void)sqlite3_bind_text64(statement, 1, wanted->server.ptr, wanted->server.len, SQLITE_STATIC, SQLITE_UTF8);
    struct str word = pin_kind_word(wanted->kind);
    (void)sqlite3_bind_text64(statement, 2, word.ptr, word.len, SQLITE_STATIC, SQLITE_UTF8);
    (void)sqlite3_bind_text64(statement, 3, wanted->name.len > 0 ? wanted->name.ptr : "", wanted->name.len,
                              SQLITE_STATIC, SQLITE_UTF8);
    (void)sqlite3_bind_blob64(statement, 4, wanted->digest->bytes, SHA256_LEN, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    wanted->found = code == SQLITE_ROW;
    if (wanted->found)
        buf_append(wanted->out, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : E_IO;
}

static int recorded_text(void *arg, uint64_t sequence, const struct record *record)
{
    struct wanted *wanted = arg;
    enum pin_kind kind;
    struct pin pin;
    struct str text;
    (void)sequence;
    if (record->kind != RECORD_PIN || !str_eq(record->server, wanted->server) || !str_eq(record->name, wanted->name) ||
        pin_of_record(record, &kind, &pin, &text) < 0 || kind != wanted->kind || text.len == 0 ||
        memcmp(&pin.digest, wanted->digest, sizeof pin.digest) != 0)
        return 0;
    wanted->found = true;
    buf_append_str(wanted->out, text);
    return 1;
}

int store_definition(struct str directory, struct str server, enum pin_kind kind, struct str name,
                     const struct sha256 *digest, struct buf *out)
{
    struct wanted wanted = { .server = server, .kind = kind, .name = name, .digest = digest, .out = out };
    sqlite3 *handle = NULL;
    uint64_t known = 0;
    int error = database_open_to_read(directory, &handle);
    if (error == 0)
        error = read_known(handle, &known);
    if (error == 0)
        error = projected_text(handle, &wanted);
    (void)sqlite3_close(handle);
    if (!wanted.found) /* newer than the projection, or there is none that can be read */
        error = store_read(directory, error == 0 ? known + 1 : 0, 0, recorded_text, &wanted);
    if (error == 0 && !wanted.found)
        error = E_NOT_FOUND;
    return error == 0 && !buf_ok(out) ? E_NOMEM : error;
}
