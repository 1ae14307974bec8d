/* Rows of changes, and between which lists they lie. */
#include "catalog/changes.h"
#include "catalog/index_sql.h"

int changes_begin(struct catalog *catalog, int64_t server)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_SCAN_BEGIN);
    bind_int(to, 1, server);
    bind_int(to, 2, CLASSIFIER_VERSION);
    int error = run(catalog, STATEMENT_SCAN_BEGIN);
    bind_int(statement(catalog, STATEMENT_CHANGES_NONE), 1, server);
    return error ? error : run(catalog, STATEMENT_CHANGES_NONE);
}

int changes_note(struct catalog *catalog, int64_t server, struct str name, enum change change)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_CHANGE_ADD);
    bind_int(to, 1, server);
    bind_text(to, 2, name);
    bind_int(to, 3, change);
    return run(catalog, STATEMENT_CHANGE_ADD);
}

int changes_end(struct catalog *catalog, int64_t server, bool whole)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_SCAN_END);
    bind_int(to, 1, server);
    bind_int(to, 2, whole);
    int error = run(catalog, STATEMENT_SCAN_END);
    if (error || whole)
        return error;
    bind_int(statement(catalog, STATEMENT_CHANGES_NONE_OF), 1, server);
    return run(catalog, STATEMENT_CHANGES_NONE_OF);
}

int catalog_compared(struct catalog *catalog, int64_t server, bool *compared, struct buf *before)
{
    bind_int(statement(catalog, STATEMENT_SCAN_OF), 1, server);
    int found = read_text(catalog, STATEMENT_SCAN_OF, before);
    *compared = found == 1;
    return found < 0 ? found : 0;
}

int catalog_changes(struct catalog *catalog, int64_t server, catalog_each_change *each, void *arg)
{
    int error;
    sqlite3_stmt *row = statement(catalog, STATEMENT_CHANGES_OF);
    bind_int(row, 1, server);
    while ((error = step(catalog, STATEMENT_CHANGES_OF)) == 1) {
        error = each(arg, (enum change)sqlite3_column_int(row, 0), column_text(row, 1), column_text(row, 2));
        if (error)
            break;
    }
    reset(catalog, STATEMENT_CHANGES_OF);
    return error;
}
