/* The queue's rows. */
#include "catalog/index_sql.h"
#include "catalog/queue.h"

int catalog_queue_put(struct catalog *catalog, int64_t server, enum start_kind kind, struct str document,
                      struct str why)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_QUEUE_PUT);
    bind_int(to, 1, server);
    bind_int(to, 2, kind);
    bind_text(to, 3, document);
    bind_int(to, 4, kind == START_NONE ? QUEUE_FAILED : QUEUE_WAITING);
    bind_text(to, 5, kind == START_NONE ? why : STR_EMPTY);
    return run(catalog, STATEMENT_QUEUE_PUT);
}

static int each_row(struct catalog *catalog, enum statement which, catalog_each_queued *each, void *arg)
{
    int error;
    sqlite3_stmt *row = statement(catalog, which);
    bool any = false;
    while ((error = step(catalog, which)) == 1) {
        struct queued queued = {
            .server = sqlite3_column_int64(row, 0),
            .kind = (enum start_kind)sqlite3_column_int(row, 1),
            .document = column_text(row, 2),
            .state = (enum queue_state)sqlite3_column_int(row, 3),
            .why = column_text(row, 4),
            .tries = sqlite3_column_int64(row, 5),
            .name = column_text(row, 6),
            .slug = column_text(row, 7),
        };
        any = true;
        error = each(arg, &queued);
        if (error)
            break;
    }
    reset(catalog, which);
    return error ? error : any ? 0 : E_NOT_FOUND;
}

int catalog_queue(struct catalog *catalog, enum queue_state state, bool remotes, int64_t after, int most,
                  catalog_each_queued *each, void *arg)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_QUEUE_NEXT);
    bind_int(to, 1, state);
    bind_int(to, 2, state == QUEUE_WAITING ? START_NPM : START_NONE);
    bind_int(to, 3, remotes ? START_REMOTE : START_PYPI);
    bind_int(to, 4, after);
    bind_int(to, 5, most);
    int error = each_row(catalog, STATEMENT_QUEUE_NEXT, each, arg);
    return error == E_NOT_FOUND ? 0 : error;
}

int catalog_queue_of(struct catalog *catalog, int64_t server, catalog_each_queued *each, void *arg)
{
    bind_int(statement(catalog, STATEMENT_QUEUE_OF), 1, server);
    return each_row(catalog, STATEMENT_QUEUE_OF, each, arg);
}

int catalog_queue_tried(struct catalog *catalog, int64_t server)
{
    bind_int(statement(catalog, STATEMENT_QUEUE_TRIED), 1, server);
    return run(catalog, STATEMENT_QUEUE_TRIED);
}

int catalog_queue_done(struct catalog *catalog, int64_t server, enum queue_state state, struct str why)
{
    sqlite3_stmt *to = statement(catalog, STATEMENT_QUEUE_DONE);
    bind_int(to, 1, server);
    bind_int(to, 2, state);
    bind_text(to, 3, why);
    return run(catalog, STATEMENT_QUEUE_DONE);
}

int catalog_queue_again(struct catalog *catalog)
{
    return run(catalog, STATEMENT_QUEUE_AGAIN);
}

int catalog_queue_count(struct catalog *catalog, struct queue_counts *out)
{
    int error;
    sqlite3_stmt *row = statement(catalog, STATEMENT_QUEUE_COUNT);
    *out = (struct queue_counts){ 0 };
    while ((error = step(catalog, STATEMENT_QUEUE_COUNT)) == 1) {
        int state = sqlite3_column_int(row, 0), kind = sqlite3_column_int(row, 1);
        int64_t *to = state == QUEUE_LISTED                         ? &out->listed
                      : state == QUEUE_FAILED && kind == START_NONE ? &out->never
                      : state == QUEUE_FAILED                       ? &out->failed
                      : kind == START_REMOTE                        ? &out->remotes_waiting
                                                                    : &out->waiting;
        *to += sqlite3_column_int64(row, 2);
    }
    reset(catalog, STATEMENT_QUEUE_COUNT);
    return error;
}
