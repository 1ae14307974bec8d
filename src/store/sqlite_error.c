/* One row a code. */
#include "store/sqlite_error.h"

#include <sqlite3.h>

int error_of_sqlite(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return 0;
    case SQLITE_FULL: return E_NOSPACE;
    case SQLITE_NOMEM: return E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return E_TIMEOUT;
    case SQLITE_TOOBIG: return E_LIMIT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: return E_CORRUPT;
    default: return E_IO;
    }
}
