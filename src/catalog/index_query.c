/* What comes out of the index, and what the site was built from. */
#include "catalog/index.h"

#include "base/check.h"
#include "catalog/index_sql.h"

static void read_server(sqlite3_stmt *row, struct catalog_server *out)
{
    *out = (struct catalog_server){
        .id = sqlite3_column_int64(row, 0),
        .name = column_text(row, 1),
        .slug = column_text(row, 2),
        .title = column_text(row, 3),
        .description = column_text(row, 4),
        .registry = column_text(row, 5),
        .package = column_text(row, 6),
        .version = column_text(row, 7),
        .url = column_text(row, 8),
        .scanned = column_text(row, 9),
        .listed = sqlite3_column_int(row, 10) != 0,
        .tool_count = sqlite3_column_int64(row, 11),
    };
}

/* A class or severity out of a file that others could have written to. */
static int bounded(int value, int most)
{
    return value < 0 || value > most ? 0 : value;
}

static void read_tool(sqlite3_stmt *row, struct catalog_tool *out)
{
    int columns = sqlite3_column_count(row);
    *out = (struct catalog_tool){
        .id = sqlite3_column_int64(row, 0),
        .server = sqlite3_column_int64(row, 1),
        .name = column_text(row, 2),
        .slug = column_text(row, 3),
        .home = column_text(row, 4),
        .kind = column_text(row, 5),
        .class = (enum tool_class)bounded(sqlite3_column_int(row, 6), CLASS_FINANCIAL),
        .severity = (enum severity)bounded(sqlite3_column_int(row, 7), SEVERITY_CRITICAL),
        .confidence = (unsigned)sqlite3_column_int(row, 8),
        .signals = (uint32_t)sqlite3_column_int64(row, 9),
        .home_name = columns > 10 ? column_text(row, 10) : STR_EMPTY,
        .definition = columns > 11 ? column_text(row, 11) : STR_EMPTY,
        .verdict = columns > 12 ? column_text(row, 12) : STR_EMPTY,
    };
}

/* The statement is bound already. */
static int each_server(struct catalog *catalog, enum statement which, catalog_each_server *each, void *arg)
{
    struct catalog_server server;
    int error;
    while ((error = step(catalog, which)) == 1) {
        read_server(catalog->statements[which], &server);
        error = each(arg, &server);
        if (error)
            break;
    }
    reset(catalog, which);
    return error;
}

int each_tool(struct catalog *catalog, enum statement which, catalog_each_tool *each, void *arg)
{
    struct catalog_tool tool;
    int error;
    while ((error = step(catalog, which)) == 1) {
        read_tool(catalog->statements[which], &tool);
        error = each(arg, &tool);
        if (error)
            break;
    }
    reset(catalog, which);
    return error;
}

struct first_server {
    catalog_each_server *each;
    void *arg;
    bool found;
};

static int take_first(void *arg, const struct catalog_server *server)
{
    struct first_server *first = arg;
    first->found = true;
    return first->each(first->arg, server);
}

int catalog_server(struct catalog *catalog, int64_t id, catalog_each_server *each, void *arg)
{
    struct first_server first = { each, arg, false };
    bind_int(statement(catalog, STATEMENT_ONE_SERVER), 1, id);
    int error = each_server(catalog, STATEMENT_ONE_SERVER, take_first, &first);
    return error || first.found ? error : E_NOT_FOUND;
}

int catalog_servers(struct catalog *catalog, bool dirty, catalog_each_server *each, void *arg)
{
    enum statement which = dirty ? STATEMENT_DIRTY_SERVERS : STATEMENT_EACH_SERVER;
    (void)statement(catalog, which);
    return each_server(catalog, which, each, arg);
}

int catalog_servers_at(struct catalog *catalog, char initial, catalog_each_server *each, void *arg)
{
    bind_text(statement(catalog, STATEMENT_SERVERS_AT), 1, str_of(&initial, 1));
    return each_server(catalog, STATEMENT_SERVERS_AT, each, arg);
}

int catalog_tools_of(struct catalog *catalog, int64_t server, bool texts, catalog_each_tool *each, void *arg)
{
    enum statement which = texts ? STATEMENT_TOOLS_OF : STATEMENT_TOOLS_BARE;
    bind_int(statement(catalog, which), 1, server);
    return each_tool(catalog, which, each, arg);
}

/* The statement is bound already. */
static int each_text(struct catalog *catalog, enum statement which, catalog_each_path *each, void *arg)
{
    int error;
    while ((error = step(catalog, which)) == 1) {
        error = each(arg, column_text(catalog->statements[which], 0));
        if (error)
            break;
    }
    reset(catalog, which);
    return error;
}

int catalog_slugs_of(struct catalog *catalog, int64_t server, catalog_each_path *each, void *arg)
{
    bind_int(statement(catalog, STATEMENT_SLUGS_OF), 1, server);
    return each_text(catalog, STATEMENT_SLUGS_OF, each, arg);
}

int catalog_server_slugs(struct catalog *catalog, catalog_each_slug *each, void *arg)
{
    int error;
    sqlite3_stmt *row = statement(catalog, STATEMENT_SERVER_SLUGS);
    while ((error = step(catalog, STATEMENT_SERVER_SLUGS)) == 1) {
        error = each(arg, sqlite3_column_int64(row, 0), column_text(row, 1));
        if (error)
            break;
    }
    reset(catalog, STATEMENT_SERVER_SLUGS);
    return error;
}

int catalog_tools_at(struct catalog *catalog, int class, char initial, catalog_each_tool *each, void *arg)
{
    enum statement which = class < 0 ? STATEMENT_TOOLS_AT : STATEMENT_TOOLS_AT_CLASS;
    sqlite3_stmt *to = statement(catalog, which);
    bind_text(to, 1, str_of(&initial, 1));
    if (class >= 0)
        bind_int(to, 2, class);
    return each_tool(catalog, which, each, arg);
}

struct alike {
    catalog_each_tool *each;
    void *arg;
    int left;
};

static int take_alike(void *arg, const struct catalog_tool *tool)
{
    struct alike *alike = arg;
    alike->left--;
    return alike->each(alike->arg, tool);
}

int catalog_tools_alike(struct catalog *catalog, const struct catalog_tool *tool, catalog_each_tool *each, void *arg)
{
    static const enum statement parts[] = { STATEMENT_ALIKE_BEHIND, STATEMENT_ALIKE_FIRST };
    struct alike alike = { each, arg, ALIKE_MOST };
    int error = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts) && !error && alike.left > 0; i++) {
        sqlite3_stmt *to = statement(catalog, parts[i]);
        bind_text(to, 1, tool->kind);
        bind_text(to, 2, tool->home);
        bind_int(to, 3, alike.left);
        error = each_tool(catalog, parts[i], take_alike, &alike);
    }
    return error;
}

int catalog_tools_exposed(struct catalog *catalog, unsigned classes, uint32_t signals, int most,
                          catalog_each_tool *each, void *arg)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_EXPOSED);
    bind_int(to, 1, classes);
    bind_int(to, 2, signals);
    bind_int(to, 3, most);
    return each_tool(catalog, STATEMENT_EXPOSED, each, arg);
}

static char first_byte(struct str text)
{
    return text.len > 0 ? text.ptr[0] : '#';
}

int catalog_counts(struct catalog *catalog, catalog_each_count *each, void *arg)
{
    sqlite3_stmt *row = statement(catalog, STATEMENT_COUNTS);
    int error;
    while ((error = step(catalog, STATEMENT_COUNTS)) == 1) {
        const struct catalog_count count = {
            .class = bounded(sqlite3_column_int(row, 0), CLASS_FINANCIAL),
            .initial = first_byte(column_text(row, 1)),
            .signals = (uint32_t)sqlite3_column_int64(row, 2),
            .tools = sqlite3_column_int64(row, 3),
            .touched = sqlite3_column_int(row, 4) != 0,
        };
        error = each(arg, &count);
        if (error)
            break;
    }
    reset(catalog, STATEMENT_COUNTS);
    return error;
}

int catalog_count_servers(struct catalog *catalog, catalog_each_letter *each, void *arg)
{
    sqlite3_stmt *row = statement(catalog, STATEMENT_COUNT_SERVERS);
    int error;
    while ((error = step(catalog, STATEMENT_COUNT_SERVERS)) == 1) {
        error = each(arg, first_byte(column_text(row, 0)), sqlite3_column_int64(row, 1));
        if (error)
            break;
    }
    reset(catalog, STATEMENT_COUNT_SERVERS);
    return error;
}

int catalog_size(struct catalog *catalog, struct catalog_size *out)
{
    sqlite3_stmt *row = statement(catalog, STATEMENT_SIZE);
    int found = step(catalog, STATEMENT_SIZE);
    if (found == 1) {
        *out = (struct catalog_size){ sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1),
                                      sqlite3_column_int64(row, 2) };
    }
    reset(catalog, STATEMENT_SIZE);
    return found == 1 ? 0 : found < 0 ? found : E_CORRUPT;
}

/* ---- what was built ---- */

bool catalog_page_is(struct catalog *catalog, struct str path, const struct sha256 *digest)
{
    sqlite3_stmt *row = statement(catalog, STATEMENT_PAGE);
    bind_text(row, 1, path);
    bool same = step(catalog, STATEMENT_PAGE) == 1 && sqlite3_column_bytes(row, 0) == SHA256_LEN &&
                (!digest || memcmp(sqlite3_column_blob(row, 0), digest->bytes, SHA256_LEN) == 0);
    reset(catalog, STATEMENT_PAGE);
    return same;
}

int catalog_page_set(struct catalog *catalog, struct str path, const struct sha256 *digest)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_PAGE_SET);
    bind_text(to, 1, path);
    (void)sqlite3_bind_blob64(to, 2, digest->bytes, SHA256_LEN, SQLITE_STATIC);
    return run(catalog, STATEMENT_PAGE_SET);
}

static int by_path(struct catalog *catalog, enum statement which, struct str path)
{
    bind_text(statement(catalog, which), 1, path);
    return run(catalog, which);
}

int catalog_gone_add(struct catalog *catalog, struct str path)
{
    return by_path(catalog, STATEMENT_GONE_ADD, path);
}

int catalog_gone(struct catalog *catalog, catalog_each_path *each, void *arg)
{
    int error;
    (void)statement(catalog, STATEMENT_GONE);
    while ((error = step(catalog, STATEMENT_GONE)) == 1) {
        struct str path = column_text(catalog->statements[STATEMENT_GONE], 0);
        error = by_path(catalog, STATEMENT_PAGE_DROP, path);
        if (!error)
            error = each(arg, path);
        if (error)
            break;
    }
    reset(catalog, STATEMENT_GONE);
    return error ? error : run(catalog, STATEMENT_GONE_NONE);
}

int catalog_servers_touched(struct catalog *catalog, char initial, bool *touched)
{
    bind_text(statement(catalog, STATEMENT_TOUCHED), 1, str_of(&initial, 1));
    int found = step(catalog, STATEMENT_TOUCHED);
    *touched = found == 1;
    reset(catalog, STATEMENT_TOUCHED);
    return found < 0 ? found : 0;
}

int catalog_pages_in(struct catalog *catalog, struct str from, struct str to, catalog_each_path *each, void *arg)
{
    sqlite3_stmt *in = statement(catalog, STATEMENT_PAGES_IN);
    bind_text(in, 1, from);
    bind_text(in, 2, to);
    return each_text(catalog, STATEMENT_PAGES_IN, each, arg);
}

int catalog_addresses_touched(struct catalog *catalog, catalog_each_path *each, void *arg)
{
    (void)statement(catalog, STATEMENT_TOUCHED_SERVERS);
    return each_text(catalog, STATEMENT_TOUCHED_SERVERS, each, arg);
}

int catalog_forget_pages(struct catalog *catalog)
{
    return run(catalog, STATEMENT_PAGES_NONE);
}

int catalog_all_dirty(struct catalog *catalog)
{
    return run(catalog, STATEMENT_ALL_DIRTY);
}

int catalog_build_done(struct catalog *catalog)
{
    static const enum statement all[] = { STATEMENT_TOUCHED_NONE, STATEMENT_COUNTS_DONE, STATEMENT_COUNTS_NONE,
                                          STATEMENT_SHARDS_NONE, STATEMENT_ALL_CLEAN };
    int error = 0;
    for (size_t i = 0; i < ARRAY_LEN(all) && !error; i++)
        error = run(catalog, all[i]);
    return error;
}

int catalog_note(struct catalog *catalog, struct str key, struct buf *out)
{
    bind_text(statement(catalog, STATEMENT_NOTE), 1, key);
    int found = read_text(catalog, STATEMENT_NOTE, out);
    return found < 0 ? found : 0;
}

int catalog_note_set(struct catalog *catalog, struct str key, struct str value)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_NOTE_SET);
    bind_text(to, 1, key);
    bind_text(to, 2, value);
    return run(catalog, STATEMENT_NOTE_SET);
}
