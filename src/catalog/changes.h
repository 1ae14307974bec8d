/* What the last list of each server changed, against the one before it: kept in the index for its page. Lists alone are
 * compared, whole ones, judged by one classifier. */
#pragma once

#include "catalog/change.h"
#include "catalog/index.h"

/* Within a transaction, by the index's own intake: before the server's row is written; for a tool; at the list's end. */
int changes_begin(struct catalog *catalog, int64_t server) NODISCARD;
int changes_note(struct catalog *catalog, int64_t server, struct str name, enum change change) NODISCARD;
int changes_end(struct catalog *catalog, int64_t server, bool whole) NODISCARD;

/* There was a list before the last one; *before gets when it was taken, as it was given. */
int catalog_compared(struct catalog *catalog, int64_t server, bool *compared, struct buf *before) NODISCARD;
/* `slug`: of its page; empty: it is gone. */
typedef int catalog_each_change(void *arg, enum change change, struct str name, struct str slug);
/* The gravest first, then by name. */
int catalog_changes(struct catalog *catalog, int64_t server, catalog_each_change *each, void *arg) NODISCARD;
