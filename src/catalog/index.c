/* The file, its tables, and what goes in. */
#include "catalog/index.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/failure.h"
#include "catalog/changes.h"
#include "catalog/facts.h"
#include "catalog/index_sql.h"
#include "catalog/index_words.h"
#include "store/sqlite_error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BUSY_MS 5000
#define WORDS_OF_DESCRIPTION 600 /* bytes that the search looks in */

static const char *const statement_texts[STATEMENT_COUNT] = {
#define S(name, sql) [STATEMENT_##name] = sql,
    STATEMENTS(S)
#undef S
};

/* ---- statements ---- */

sqlite3_stmt *statement(struct catalog *catalog, enum statement which)
{
    sqlite3_stmt **made = &catalog->statements[which];
    if (!*made) {
        int code =
            sqlite3_prepare_v3(catalog->handle, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, made, NULL);
        if (code != SQLITE_OK)
            catalog->broken = error_of_sqlite(code);
    }
    return *made; /* SQLite takes NULL and answers SQLITE_MISUSE; step() says why */
}

void bind_text(sqlite3_stmt *to, int at, struct str value)
{
    (void)sqlite3_bind_text64(to, at, value.len > 0 ? value.ptr : "", value.len, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_int(sqlite3_stmt *to, int at, int64_t value)
{
    (void)sqlite3_bind_int64(to, at, value);
}

struct str column_text(sqlite3_stmt *from, int at)
{
    const char *text = (const char *)sqlite3_column_text(from, at);
    return text ? str_of(text, (size_t)sqlite3_column_bytes(from, at)) : STR_EMPTY;
}

int step(struct catalog *catalog, enum statement which)
{
    if (!catalog->statements[which])
        return catalog->broken ? catalog->broken : E_CORRUPT;
    int code = sqlite3_step(catalog->statements[which]);
    return code == SQLITE_ROW ? 1 : error_of_sqlite(code);
}

void reset(struct catalog *catalog, enum statement which)
{
    if (!catalog->statements[which])
        return;
    (void)sqlite3_reset(catalog->statements[which]);
    (void)sqlite3_clear_bindings(catalog->statements[which]);
}

int run(struct catalog *catalog, enum statement which)
{
    int error;
    (void)statement(catalog, which);
    do
        error = step(catalog, which);
    while (error == 1);
    reset(catalog, which);
    return error;
}

int read_text(struct catalog *catalog, enum statement which, struct buf *out)
{
    int found = step(catalog, which);
    if (found == 1)
        buf_append_str(out, column_text(catalog->statements[which], 0));
    reset(catalog, which);
    return found;
}

/* ---- the file ---- */

static int folder_make(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    if ((size_t)(slash - path) >= sizeof(folder))
        return E_INVALID;
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    return mkdir(folder, 0777) == 0 || errno == EEXIST ? 0 : error_of_errno(errno);
}

int catalog_open(const char *path, bool create, struct catalog **out)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    struct stat found;
    int error = create ? folder_make(path) : stat(path, &found) == 0 ? 0 : error_of_errno(errno);
    if (error)
        return error;
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    if (!catalog)
        return E_NOMEM;
    catalog->magic = CATALOG_MAGIC;
    error = hasher_new(&catalog->hasher);
    if (!error)
        error =
            error_of_sqlite(sqlite3_open_v2(path, &catalog->handle, flags | (create ? SQLITE_OPEN_CREATE : 0), NULL));
    if (!error) {
        (void)sqlite3_busy_timeout(catalog->handle, BUSY_MS);
        error = error_of_sqlite(sqlite3_exec(catalog->handle,
                                             "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                                             "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY",
                                             NULL, NULL, NULL));
    }
    if (!error)
        error = schema_make(catalog);
    if (error) {
        catalog_close(catalog);
        return error;
    }
    *out = catalog;
    return 0;
}

void catalog_close(struct catalog *catalog)
{
    if (!catalog)
        return;
    CHECK_OBJ(catalog, CATALOG_MAGIC);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(catalog->statements[i]);
    (void)sqlite3_close(catalog->handle);
    hasher_free(catalog->hasher);
    free(catalog);
}

const char *catalog_why(const struct catalog *catalog)
{
    return error_of_sqlite(sqlite3_errcode(catalog->handle)) == 0 ? "" : sqlite3_errmsg(catalog->handle);
}

int catalog_begin(struct catalog *catalog)
{
    return run(catalog, STATEMENT_BEGIN);
}

int catalog_commit(struct catalog *catalog)
{
    return run(catalog, STATEMENT_COMMIT);
}

void catalog_rollback(struct catalog *catalog)
{
    if (!sqlite3_get_autocommit(catalog->handle))
        (void)run(catalog, STATEMENT_ROLLBACK);
}

/* ---- in ---- */

static int touch_key(struct catalog *catalog, int class, struct str key)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_TOUCH);
    bind_int(to, 1, class);
    bind_text(to, 2, key);
    return run(catalog, STATEMENT_TOUCH);
}

/* Addresses of a server's pages came or went. */
static int touch_addresses(struct catalog *catalog, struct str slug)
{
    return touch_key(catalog, -3, slug);
}

/* So many more tools of this class and these signals, or none: one of them changed. Their lists are due. */
static int count_tools(struct catalog *catalog, int64_t class, char initial, int64_t signals, int more)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_COUNT_TOOL);
    bind_int(to, 1, class);
    bind_text(to, 2, str_of(&initial, 1));
    bind_int(to, 3, signals);
    bind_int(to, 4, more);
    return run(catalog, STATEMENT_COUNT_TOOL);
}

static int mark_slug(struct catalog *catalog, struct str slug)
{
    bind_text(statement(catalog, STATEMENT_SERVER_MARK_SLUG), 1, slug);
    return run(catalog, STATEMENT_SERVER_MARK_SLUG);
}

/* The servers whose pages name a tool of this kind and home, or would: those just before it, the last before the first.
 */
static int touch_alike(struct catalog *catalog, struct str kind, struct str home)
{
    static const enum statement parts[] = { STATEMENT_KIND_BEFORE, STATEMENT_KIND_LAST };
    int left = ALIKE_MOST, error = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts) && error == 0 && left > 0; i++) {
        sqlite3_stmt *row = statement(catalog, parts[i]);
        bind_text(row, 1, kind);
        bind_text(row, 2, home);
        bind_int(row, 3, left);
        for (; (error = step(catalog, parts[i])) == 1; left--) {
            error = mark_slug(catalog, column_text(row, 0));
            if (error)
                break;
        }
        reset(catalog, parts[i]);
    }
    return error;
}

/* Of a tool that came or goes: the addresses of its server's pages, and its neighbours. */
static int touch_tool(struct catalog *catalog, struct str kind, struct str home)
{
    int error = touch_addresses(catalog, home);
    return error ? error : touch_alike(catalog, kind, home);
}

/* A server that is not named by its slug does not get it bare: another's may be. Case, '/' and ' ' make no other name.
 */
static bool is_named_by(struct str name, struct str slug)
{
    if (name.len != slug.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (slug.ptr[i] != (c == '/' ? '~' : c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c))
            return false;
    }
    return true;
}

/* A slug that nobody has: with a piece of the name's digest where the plain one is taken, or is another server's to
 * take. `owner` 0: among servers. */
static int slug_free(struct catalog *catalog, int64_t owner, struct str name, char out[SLUG_MAX + 16])
{
    enum statement which = owner ? STATEMENT_TOOL_SLUG : STATEMENT_SERVER_SLUG;
    struct sha256 digest;
    struct str slug = slug_of(name, out);
    bool foreign = owner == 0 && !is_named_by(name, slug);
    for (int tries = 0;; tries++) {
        sqlite3_stmt *taken = statement(catalog, which);
        if (owner)
            bind_int(taken, 1, owner);
        bind_text(taken, owner ? 2 : 1, slug);
        int error = step(catalog, which);
        reset(catalog, which);
        if (error < 0 || (error != 1 && (tries > 0 || !foreign)))
            return error;
        if (tries == SHA256_LEN / 4)
            return E_EXISTS;
        hasher_begin(catalog->hasher);
        hasher_add(catalog->hasher, name.ptr, name.len);
        hasher_end(catalog->hasher, &digest);
        size_t len = slug_of(name, out).len;
        out[len++] = '-';
        hex_encode(digest.bytes + tries * 4, 4, out + len);
        out[len + 8] = '\0';
        slug = str_of(out, len + 8);
    }
}

/* The first two letters of each word of a tool's name: what the search without a server is cut by. */
static int touch_shards(struct catalog *catalog, struct str name)
{
    size_t at = 0;
    struct str word;
    int error = 0;
    for (size_t i = 0; i < name.len && !error; i++) {
        if ((name.ptr[i] & 0x80) == 0)
            continue;
        bind_text(statement(catalog, STATEMENT_SHARD_ADD), 1, STR("*"));
        return run(catalog, STATEMENT_SHARD_ADD);
    }
    while (!error && (word = next_word(name, &at)).len > 0) {
        char two[2];
        for (size_t i = 0; i < 2 && word.len > 1; i++)
            two[i] = (char)(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? word.ptr[i] | 0x20 : word.ptr[i]);
        if (word.len < 2)
            continue;
        bind_text(statement(catalog, STATEMENT_SHARD_ADD), 1, str_of(two, 2));
        error = run(catalog, STATEMENT_SHARD_ADD);
    }
    return error;
}

static int remove_by_id(struct catalog *catalog, enum statement which, int64_t id)
{
    bind_int(statement(catalog, which), 1, id);
    return run(catalog, which);
}

/* A tool's name as the search has it: the same when it goes as when it came. */
static int names_run(struct catalog *catalog, enum statement which, int64_t tool, struct str name)
{
    struct buf words;
    buf_init(&words, 64 << 10);
    append_words(&words, name);
    sqlite3_stmt *to = statement(catalog, which);
    bind_int(to, 1, tool);
    bind_text(to, 2, buf_str(&words));
    int error = buf_ok(&words) ? run(catalog, which) : E_LIMIT;
    buf_release(&words);
    return error ? error : touch_shards(catalog, name);
}

static int texts_add(struct catalog *catalog, int64_t tool, struct str name, struct str description, struct str home)
{
    struct buf words;
    buf_init(&words, 64 << 10);
    append_words(&words, name);
    sqlite3_stmt *to = statement(catalog, STATEMENT_TEXTS_ADD);
    bind_int(to, 1, tool);
    bind_text(to, 2, buf_str(&words));
    bind_text(to, 3, str_slice(description, 0, WORDS_OF_DESCRIPTION));
    bind_text(to, 4, home);
    int error = buf_ok(&words) ? run(catalog, STATEMENT_TEXTS_ADD) : E_LIMIT;
    buf_release(&words);
    return error;
}

static int server_find(struct catalog *catalog, struct str name, int64_t *id)
{
    sqlite3_stmt *found = statement(catalog, STATEMENT_SERVER_ID);
    bind_text(found, 1, name);
    int row = step(catalog, STATEMENT_SERVER_ID);
    *id = row == 1 ? sqlite3_column_int64(found, 0) : 0;
    reset(catalog, STATEMENT_SERVER_ID);
    return row;
}

static int server_add(struct catalog *catalog, struct str name, int64_t *id)
{
    char slug[SLUG_MAX + 16];
    int error = slug_free(catalog, 0, name, slug);
    if (error)
        return error;
    char initial = initial_of(str_from_c(slug));
    sqlite3_stmt *to = statement(catalog, STATEMENT_SERVER_ADD);
    bind_text(to, 1, name);
    bind_text(to, 2, str_from_c(slug));
    bind_text(to, 3, str_of(&initial, 1));
    error = run(catalog, STATEMENT_SERVER_ADD);
    *id = sqlite3_last_insert_rowid(catalog->handle);
    return error ? error : touch_addresses(catalog, str_from_c(slug));
}

/* 1: there is a row. The statement is bound already. */
static int finds(struct catalog *catalog, enum statement which)
{
    int found = step(catalog, which);
    reset(catalog, which);
    return found;
}

static int touch_server_list(struct catalog *catalog, int64_t id)
{
    bind_int(statement(catalog, STATEMENT_SERVER_TOUCH), 1, id);
    return run(catalog, STATEMENT_SERVER_TOUCH);
}

/* The list of servers, if what it shows of one will differ; its count of tools is looked at when they are in. */
static int touch_row(struct catalog *catalog, int64_t id, const struct catalog_server *server)
{
    sqlite3_stmt *same = statement(catalog, STATEMENT_SERVER_ROW);
    bind_int(same, 1, id);
    bind_int(same, 2, server->listed);
    bind_text(same, 3, server->package);
    bind_text(same, 4, server->url);
    int found = finds(catalog, STATEMENT_SERVER_ROW);
    return found == 0 ? touch_server_list(catalog, id) : found < 0 ? found : 0;
}

int catalog_put_server(struct catalog *catalog, const struct catalog_server *server, int64_t *id)
{
    int error = server_find(catalog, server->name, id);
    if (error == 0)
        error = server_add(catalog, server->name, id);
    if (error >= 0 && server->listed)
        error = changes_begin(catalog, *id);
    if (error >= 0)
        error = touch_row(catalog, *id, server);
    if (error < 0)
        return error;
    sqlite3_stmt *to = statement(catalog, STATEMENT_SERVER_SET);
    bind_int(to, 1, *id);
    bind_text(to, 2, server->title);
    bind_text(to, 3, server->description);
    bind_text(to, 4, server->registry);
    bind_text(to, 5, server->package);
    bind_text(to, 6, server->version);
    bind_text(to, 7, server->url);
    bind_text(to, 8, server->scanned);
    bind_int(to, 9, server->listed);
    return run(catalog, STATEMENT_SERVER_SET);
}

int catalog_put_listed(struct catalog *catalog, int64_t id, struct str scanned)
{
    int error = changes_begin(catalog, id);
    if (!error)
        error = touch_server_list(catalog, id);
    sqlite3_stmt *to = statement(catalog, STATEMENT_SERVER_LISTED);
    bind_int(to, 1, id);
    bind_text(to, 2, scanned);
    return error ? error : run(catalog, STATEMENT_SERVER_LISTED);
}

int catalog_mark(struct catalog *catalog, int64_t id)
{
    bind_int(statement(catalog, STATEMENT_SERVER_MARK), 1, id);
    return run(catalog, STATEMENT_SERVER_MARK);
}

struct server_state {
    int64_t run;
    bool compares; /* this list is held against the one before */
    char slug[SLUG_MAX + 16];
};

static int server_state(struct catalog *catalog, int64_t id, struct server_state *out)
{
    sqlite3_stmt *found = statement(catalog, STATEMENT_SERVER_RUN);
    bind_int(found, 1, id);
    int row = step(catalog, STATEMENT_SERVER_RUN);
    if (row == 1) {
        out->run = sqlite3_column_int64(found, 0);
        (void)snprintf(out->slug, sizeof(out->slug), "%" STR_FMT, STR_ARG(column_text(found, 1)));
        out->compares = sqlite3_column_int(found, 2) == 2;
    }
    reset(catalog, STATEMENT_SERVER_RUN);
    return row == 1 ? 0 : row < 0 ? row : E_NOT_FOUND;
}

static void bind_judged(sqlite3_stmt *to, int at, const struct catalog_tool *tool, const struct sha256 *digest,
                        int64_t run)
{
    bind_int(to, at, tool->class);
    bind_int(to, at + 1, tool->severity);
    bind_int(to, at + 2, tool->confidence);
    bind_int(to, at + 3, tool->signals);
    bind_text(to, at + 4, tool->definition);
    bind_text(to, at + 5, tool->verdict);
    (void)sqlite3_bind_blob64(to, at + 6, digest->bytes, SHA256_LEN, SQLITE_STATIC);
    bind_int(to, at + 7, run);
}

static int tool_add(struct catalog *catalog, int64_t server, const struct server_state *state,
                    const struct catalog_tool *tool, const struct sha256 *digest, int64_t *id)
{
    char slug[SLUG_MAX + 16], kind[KIND_MAX + 1];
    int error = slug_free(catalog, server, tool->name, slug);
    if (error)
        return error;
    char initial = initial_of(str_from_c(slug));
    struct str kinded = kind_of(tool->name, kind);
    sqlite3_stmt *to = statement(catalog, STATEMENT_TOOL_ADD);
    bind_int(to, 1, server);
    bind_text(to, 2, tool->name);
    bind_text(to, 3, str_from_c(slug));
    bind_text(to, 4, str_from_c(state->slug));
    bind_text(to, 5, str_of(&initial, 1));
    bind_text(to, 6, kinded);
    bind_judged(to, 7, tool, digest, state->run);
    error = run(catalog, STATEMENT_TOOL_ADD);
    *id = sqlite3_last_insert_rowid(catalog->handle);
    if (!error)
        error = count_tools(catalog, tool->class, initial, tool->signals, 1);
    return error ? error : touch_tool(catalog, kinded, str_from_c(state->slug));
}

struct tool_state {
    int64_t id;
    bool found;
    int class, severity;
    int64_t signals;
    char initial;
    bool same;
    enum change change; /* from then to now */
};

/* What other pages say of a tool, beside its name, is its class and its severity; its signals make it one of those that
 * an attack is about. */
static int tool_set(struct catalog *catalog, const struct server_state *state, const struct catalog_tool *tool,
                    const struct sha256 *digest, const struct tool_state *old)
{
    char kind[KIND_MAX + 1];
    sqlite3_stmt *to = statement(catalog, STATEMENT_TOOL_SET);
    bind_int(to, 1, old->id);
    bind_judged(to, 2, tool, digest, state->run);
    int error = run(catalog, STATEMENT_TOOL_SET);
    bool reclassed = old->class != (int)tool->class, counted = reclassed || old->signals != (int64_t)tool->signals;
    if (error || (!counted && old->severity == (int)tool->severity))
        return error;
    if (counted)
        error = count_tools(catalog, old->class, old->initial, old->signals, -1);
    if (!error)
        error = count_tools(catalog, tool->class, old->initial, tool->signals, counted);
    if (!error)
        error = touch_shards(catalog, tool->name);
    return error || !reclassed ? error : touch_alike(catalog, kind_of(tool->name, kind), str_from_c(state->slug));
}

static int tool_find(struct catalog *catalog, int64_t server, const struct catalog_tool *tool,
                     const struct sha256 *digest, struct tool_state *out)
{
    const struct change_side now = { tool->class, tool->severity, tool->signals, tool->definition };
    sqlite3_stmt *found = statement(catalog, STATEMENT_TOOL_ID);
    bind_int(found, 1, server);
    bind_text(found, 2, tool->name);
    int row = step(catalog, STATEMENT_TOOL_ID);
    if (row == 1) {
        out->found = true;
        out->id = sqlite3_column_int64(found, 0);
        out->same = sqlite3_column_bytes(found, 1) == SHA256_LEN &&
                    memcmp(sqlite3_column_blob(found, 1), digest->bytes, SHA256_LEN) == 0;
        out->class = sqlite3_column_int(found, 2);
        out->severity = sqlite3_column_int(found, 4);
        out->initial = initial_of(column_text(found, 3));
        out->signals = sqlite3_column_int64(found, 5);
        const struct change_side then = { out->class, out->severity, out->signals, column_text(found, 6) };
        out->change = change_between(out->same ? &now : &then, &now);
        if (out->change == CHANGE_TEXT && facts_alike(then.definition, now.definition))
            out->change = CHANGE_NONE;
    } else {
        out->change = CHANGE_NEW;
    }
    reset(catalog, STATEMENT_TOOL_ID);
    return row;
}

int catalog_put_tool(struct catalog *catalog, int64_t server, const struct catalog_tool *tool, struct str description)
{
    struct server_state state;
    struct tool_state old = { 0 };
    struct sha256 digest;
    hasher_begin(catalog->hasher);
    hasher_add_field(catalog->hasher, tool->definition);
    hasher_add_field(catalog->hasher, tool->verdict);
    hasher_end(catalog->hasher, &digest);
    int error = server_state(catalog, server, &state);
    if (!error)
        error = tool_find(catalog, server, tool, &digest, &old);
    if (error < 0)
        return error;
    if (old.found && old.same) {
        sqlite3_stmt *to = statement(catalog, STATEMENT_TOOL_SEEN);
        bind_int(to, 1, old.id);
        bind_int(to, 2, state.run);
        return run(catalog, STATEMENT_TOOL_SEEN);
    }
    error = old.found ? tool_set(catalog, &state, tool, &digest, &old)
                      : tool_add(catalog, server, &state, tool, &digest, &old.id);
    if (!error && state.compares && old.change != CHANGE_NONE)
        error = changes_note(catalog, server, tool->name, old.change);
    if (!error)
        error = old.found ? remove_by_id(catalog, STATEMENT_TEXTS_REMOVE, old.id)
                          : names_run(catalog, STATEMENT_NAMES_ADD, old.id, tool->name);
    return error ? error : texts_add(catalog, old.id, tool->name, description, str_from_c(state.slug));
}

/* 1: one was removed. */
static int remove_stale(struct catalog *catalog, int64_t server, const struct server_state *state)
{
    char path[SLUG_MAX * 2 + 64], kind[KIND_MAX + 1], home[SLUG_MAX + 16];
    sqlite3_stmt *stale = statement(catalog, STATEMENT_TOOL_STALE);
    bind_int(stale, 1, server);
    bind_int(stale, 2, state->run);
    int row = step(catalog, STATEMENT_TOOL_STALE);
    if (row != 1) {
        reset(catalog, STATEMENT_TOOL_STALE);
        return row;
    }
    int64_t id = sqlite3_column_int64(stale, 0);
    int error = names_run(catalog, STATEMENT_NAMES_REMOVE, id, column_text(stale, 6));
    if (!error && state->compares)
        error = changes_note(catalog, server, column_text(stale, 6), CHANGE_GONE);
    char initial = initial_of(column_text(stale, 1));
    int64_t class = sqlite3_column_int(stale, 5), signals = sqlite3_column_int64(stale, 7);
    (void)snprintf(home, sizeof(home), "%" STR_FMT, STR_ARG(column_text(stale, 2)));
    (void)snprintf(kind, sizeof(kind), "%" STR_FMT, STR_ARG(column_text(stale, 4)));
    (void)snprintf(path, sizeof(path), "servers/%s/%" STR_FMT ".html", home, STR_ARG(column_text(stale, 1)));
    reset(catalog, STATEMENT_TOOL_STALE);
    if (!error)
        error = count_tools(catalog, class, initial, signals, -1);
    if (!error)
        error = touch_tool(catalog, str_from_c(kind), str_from_c(home));
    if (!error)
        error = catalog_gone_add(catalog, str_from_c(path));
    if (!error)
        error = remove_by_id(catalog, STATEMENT_TEXTS_REMOVE, id);
    if (!error)
        error = remove_by_id(catalog, STATEMENT_TOOL_REMOVE, id);
    return error ? error : 1;
}

int catalog_put_end(struct catalog *catalog, int64_t server, bool whole)
{
    struct server_state state;
    int error = server_state(catalog, server, &state);
    int removed = error || !whole ? 0 : 1;
    while (removed == 1)
        removed = remove_stale(catalog, server, &state);
    if (!error)
        error = removed;
    bind_int(statement(catalog, STATEMENT_SERVER_COUNTED), 1, server);
    int counted = error ? 1 : finds(catalog, STATEMENT_SERVER_COUNTED);
    if (counted < 0)
        error = counted;
    if (!error && counted == 0)
        error = touch_server_list(catalog, server);
    if (!error && counted == 0)
        error = remove_by_id(catalog, STATEMENT_SERVER_COUNT, server);
    return error ? error : changes_end(catalog, server, whole);
}
