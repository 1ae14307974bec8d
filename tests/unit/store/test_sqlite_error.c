/* What a database's owner is told, of plain and extended codes, and of a real database that another connection holds. */
#include "store/sqlite_error.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

static void codes(void **state)
{
    (void)state;
    static const struct {
        int code, error;
    } cases[] = {
        { SQLITE_OK, 0 },
        { SQLITE_ROW, 0 },
        { SQLITE_DONE, 0 },
        { SQLITE_FULL, E_NOSPACE },
        { SQLITE_NOMEM, E_NOMEM },
        { SQLITE_IOERR_NOMEM, E_IO },
        { SQLITE_BUSY, E_TIMEOUT },
        { SQLITE_BUSY_SNAPSHOT, E_TIMEOUT },
        { SQLITE_LOCKED, E_TIMEOUT },
        { SQLITE_TOOBIG, E_LIMIT },
        { SQLITE_CORRUPT_VTAB, E_CORRUPT },
        { SQLITE_NOTADB, E_CORRUPT },
        { SQLITE_CONSTRAINT_UNIQUE, E_CORRUPT },
        { SQLITE_ERROR, E_CORRUPT },
        { SQLITE_IOERR_READ, E_IO },
        { SQLITE_CANTOPEN, E_IO },
        { SQLITE_MISUSE, E_IO },
        { SQLITE_INTERRUPT, E_IO },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (error_of_sqlite(cases[i].code) != cases[i].error)
            fail_msg("%d is %s", cases[i].code, error_name(error_of_sqlite(cases[i].code)));
}

static void a_held_database(void **state)
{
    (void)state;
    sqlite3 *one, *other;
    char path[] = "/tmp/warder-sqlite-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
    assert_int_equal(sqlite3_open(path, &one), SQLITE_OK);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(one, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(error_of_sqlite(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL)), E_TIMEOUT);
    (void)sqlite3_limit(one, SQLITE_LIMIT_LENGTH, 1000);
    assert_int_equal(error_of_sqlite(sqlite3_exec(one, "SELECT zeroblob(2000)", NULL, NULL, NULL)), E_LIMIT);
    assert_int_equal(sqlite3_close(one), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(codes), cmocka_unit_test(a_held_database) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
