/* state.db, the ledger's projection in SQLite: where records stand (span.h), and what is asked for by itself: grants,
 * policies, definitions. It holds nothing that the ledger does not hold, so it is thrown away when it does not fit, and
 * made again. One thread a database. */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "model/record.h"
#include "store/span.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct database;

#define DATABASE_NAME "state.db"

/* `data` is DATA, of which `path` is the path. A database of another version, or one that cannot be read, is replaced. */
int  database_open(int data, struct str path, struct database **out) NODISCARD;
void database_close(struct database *database);
/* A connection that only reads, for sqlite3_close; any process. E_NOT_FOUND: there is none. */
int  database_open_to_read(struct str directory, struct sqlite3 **handle) NODISCARD;
/* Removes its files, before database_open. */
void database_remove(int data);
/* Up to which record it is; 0: it is empty. */
uint64_t database_applied(const struct database *database, struct sha256 *hash);

/* E_IO, E_NOSPACE: nothing is changed, and database_rollback is due. E_CORRUPT: it must be made again. */
int  database_begin(struct database *database) NODISCARD;
/* The span at the end as it is now, in place of the one that begins with the same record. */
int  database_put_span(struct database *database, const struct span *span, struct str words) NODISCARD;
/* Without its times. E_NOT_FOUND. */
int  database_last_span(struct database *database, struct span *out) NODISCARD;
/* An outcome whose decision stands in an earlier span. */
int  database_put_outcome(struct database *database, uint64_t sequence, const struct record *record) NODISCARD;
/* What a record says of grants, policies and definitions; its debits are not looked at.
 * `fresh`: the database was empty when this ledger began to be read, so a checkpoint is taken in as well. */
int  database_apply(struct database *database, uint64_t sequence, const struct record *record, bool fresh) NODISCARD;
int  database_commit(struct database *database, uint64_t applied, const struct sha256 *hash) NODISCARD;
/* Takes out some rows of records that retention dropped, in a transaction of its own. 1: there may be more; 0: none. */
int  database_trim(struct database *database) NODISCARD;
void database_rollback(struct database *database);
/* Its page cache goes back to the heap. */
void database_rest(struct database *database);
