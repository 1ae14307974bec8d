/* What SQLite's result codes mean here: one table for whoever has a database. Any thread. */
#pragma once

#include "base/error.h"

/* Of a plain or an extended code: 0 where it went well, a row or the end among that; E_NOSPACE; E_NOMEM; E_TIMEOUT: another
 * connection held the database for longer than the busy time-out; E_LIMIT: a value that is too large; E_CORRUPT: what is
 * there is not what this version makes; E_IO: all else. */
int error_of_sqlite(int code);
