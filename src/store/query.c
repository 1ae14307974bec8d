/* Operators' questions to state.db, on a connection of their own that only reads. */
#include "store/store.h"

#include "base/check.h"
#include "base/encode.h"
#include "model/pin.h"
#include "store/database.h"
#include "store/projection.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROWS_DEFAULT 100
#define ROWS_MAX 10000
#define BUSY_MS 5000

static const char columns[] =
    "SELECT * FROM (SELECT r.seq, r.at, r.kind, r.call, r.server, r.method, r.name, r.grant_id, r.session, r.client,"
    " r.reason, r.rule, r.text, r.count, o.outcome, o.reason, o.at, o.micros, o.given_back, g.label, r.revision"
    " FROM records r LEFT JOIN outcomes o ON r.kind = 'decision' AND o.call = r.call"
    " LEFT JOIN grants g ON g.id = r.grant_id WHERE 1";

/* Conditions are added as text that stands here; values are only ever bound. */
struct question {
    char sql[2048];
    struct str texts[8];
    size_t text_count;
    int64_t ints[5];
    size_t int_count;
    char call[2 * sizeof(struct id) + 2];
};

static void add(struct question *question, const char *sql)
{
    size_t len = strlen(question->sql);
    int added = snprintf(question->sql + len, sizeof question->sql - len, "%s", sql);
    CHECK(added >= 0 && (size_t)added < sizeof question->sql - len);
}

/* `before` and `behind` stand around the value's place; where the value is needed twice, `again` stands between. */
static void add_around(struct question *question, const char *before, const char *again, const char *behind,
                       struct str value)
{
    if (value.len == 0)
        return;
    CHECK(question->text_count < ARRAY_LEN(question->texts));
    char sql[256], twice[96] = "";
    size_t place = 1 + question->text_count;
    if (again != NULL)
        (void)snprintf(twice, sizeof twice, "%s?%zu", again, place);
    (void)snprintf(sql, sizeof sql, " AND %s?%zu%s%s", before, place, twice, behind);
    add(question, sql);
    question->texts[question->text_count++] = value;
}

static void add_text(struct question *question, const char *condition, struct str value)
{
    add_around(question, condition, NULL, "", value);
}

static void add_int(struct question *question, const char *condition, int64_t value)
{
    if (value == 0)
        return;
    CHECK(question->int_count < ARRAY_LEN(question->ints));
    char sql[96];
    (void)snprintf(sql, sizeof sql, " AND %s?%zu", condition, ARRAY_LEN(question->texts) + 1 + question->int_count);
    add(question, sql);
    question->ints[question->int_count++] = value;
}

/* "%" and the digits in upper case, for LIKE over hex(); nothing but digits and dashes is an id's end. */
static int add_call(struct question *question, struct str call)
{
    size_t len = 0;
    if (call.len == 0)
        return 0;
    question->call[len++] = '%';
    for (size_t i = 0; i < call.len; i++) {
        char c = call.ptr[i];
        if (c == '-')
            continue;
        if (c >= 'a' && c <= 'f')
            c = (char)(c - 'a' + 'A');
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')) || len == sizeof question->call - 1)
            return E_SYNTAX;
        question->call[len++] = c;
    }
    add_text(question, "hex(r.call) LIKE ", str_of(question->call, len));
    return 0;
}

static int question_make(const struct store_query *query, struct question *question)
{
    static const char *const verdicts[] = {
        [QUERY_EVERYTHING] = "",
        [QUERY_DECISIONS] = " AND r.kind IN ('decision', 'denials')",
        [QUERY_ALLOWED] = " AND r.kind = 'decision' AND r.reason = 'allowed'",
        [QUERY_DENIED] = " AND r.kind IN ('decision', 'denials') AND r.reason <> 'allowed'",
    };
    add(question, columns);
    add(question, verdicts[query->verdict]);
    add_text(question, "r.kind = ", query->kind);
    add_around(question, "(r.grant_id = ", " OR r.grant_id IN (SELECT id FROM grants WHERE label = ", "))",
               query->grant);
    add_around(question, "(r.rule = ", " OR instr(r.rule, ", " || '/') = 1)", query->rule);
    add_text(question, "r.server = ", query->server);
    add_text(question, "r.name = ", query->name);
    add_text(question, "r.reason = ", query->reason);
    add_int(question, "r.at >= ", query->since_ms);
    add_int(question, "r.at < ", query->until_ms);
    add_int(question, "r.seq < ", (int64_t)query->before);
    add_int(question, "r.seq > ", (int64_t)query->after);
    int error = add_call(question, query->call);
    unsigned limit = query->limit == 0 ? ROWS_DEFAULT : query->limit < ROWS_MAX ? query->limit : ROWS_MAX;
    char tail[64];
    (void)snprintf(tail, sizeof tail, " ORDER BY r.seq %s LIMIT %u) ORDER BY seq", query->after > 0 ? "ASC" : "DESC",
                   limit);
    add(question, tail);
    return error;
}

static struct str column_text(sqlite3_stmt *statement, int at)
{
    const void *bytes = sqlite3_column_text(statement, at);
    int len = sqlite3_column_bytes(statement, at);
    return bytes == NULL || len <= 0 ? STR_EMPTY : str_of(bytes, (size_t)len);
}

static int tell_row(sqlite3_stmt *statement, store_each_row *each, void *arg)
{
    char call[ID_TEXT_LEN + 1] = "";
    if (sqlite3_column_bytes(statement, 3) == (int)sizeof(struct id)) {
        struct id id;
        memcpy(id.bytes, sqlite3_column_blob(statement, 3), sizeof id.bytes);
        id_print(&id, call);
    }
    struct store_row row = {
        .sequence = (uint64_t)sqlite3_column_int64(statement, 0),
        .at_ms = sqlite3_column_int64(statement, 1),
        .kind = column_text(statement, 2),
        .call = str_from_c(call),
        .server = column_text(statement, 4),
        .method = column_text(statement, 5),
        .name = column_text(statement, 6),
        .grant = column_text(statement, 7),
        .session = column_text(statement, 8),
        .client = column_text(statement, 9),
        .reason = column_text(statement, 10),
        .rule = column_text(statement, 11),
        .text = column_text(statement, 12),
        .count = (uint64_t)sqlite3_column_int64(statement, 13),
        .ended = sqlite3_column_type(statement, 14) != SQLITE_NULL,
        .outcome = column_text(statement, 14),
        .outcome_reason = column_text(statement, 15),
        .outcome_ms = sqlite3_column_int64(statement, 16),
        .micros = sqlite3_column_int64(statement, 17),
        .given_back = sqlite3_column_int(statement, 18) != 0,
        .label = column_text(statement, 19),
    };
    if (sqlite3_column_bytes(statement, 20) == SHA256_LEN)
        memcpy(row.revision.bytes, sqlite3_column_blob(statement, 20), SHA256_LEN);
    return each(arg, &row);
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

static int ask(sqlite3 *handle, const struct question *question, store_each_row *each, void *arg)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(handle, question->sql, -1, &statement, NULL) != SQLITE_OK)
        return E_IO;
    for (size_t i = 0; i < question->text_count; i++)
        (void)sqlite3_bind_text64(statement, (int)i + 1, question->texts[i].ptr, question->texts[i].len, SQLITE_STATIC,
                                  SQLITE_UTF8);
    for (size_t i = 0; i < question->int_count; i++)
        (void)sqlite3_bind_int64(statement, (int)(ARRAY_LEN(question->texts) + i) + 1, question->ints[i]);
    int stop = 0, code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && stop == 0)
        stop = tell_row(statement, each, arg);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE || stop != 0 ? 0 : E_IO;
}

static int open_projection(struct str directory, sqlite3 **handle)
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

int store_query(struct str directory, const struct store_query *query, store_each_row *each, void *arg, uint64_t *known)
{
    struct question question = { 0 };
    sqlite3 *handle = NULL;
    *known = 0;
    int error = question_make(query, &question);
    if (error == 0)
        error = open_projection(directory, &handle);
    if (error == 0)
        error = read_known(handle, known);
    if (error == 0)
        error = ask(handle, &question, each, arg);
    (void)sqlite3_close(handle);
    return error;
}

int store_query_known(struct str directory, uint64_t *known)
{
    sqlite3 *handle = NULL;
    *known = 0;
    int error = open_projection(directory, &handle);
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
    int error = open_projection(directory, &handle);
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
    int error = open_projection(directory, &handle);
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
    int error = open_projection(directory, &handle);
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
