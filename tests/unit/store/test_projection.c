/* state.db says what the ledger says, however it came to be. */
#include "harness.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct harness h;
static struct grant grant;
static char token[GRANT_TOKEN_MAX];

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    grant = (struct grant){ .label = STR("ci"), .created_ms = NOON };
    grant_make(&grant, token);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_release(&h);
    return 0;
}

static void ignore(void *arg, int error)
{
    (void)arg;
    assert_int_equal(error, 0);
}

/* Every kind of thing that leaves a trace, over two windows and two segments. */
static void live(void)
{
    static char large[65536];
    struct debit debits[] = { debit_calls(1000), debit_calls(1000), debit_calls(1000), debit_calls(1000) };
    struct sha256 revision = { { 1 } };
    memset(large, 'x', sizeof large);
    debits[1].key.window = (struct window){ WINDOW_SECONDS, 60, WINDOW_SLIDING };
    debits[2].key.window = (struct window){ .kind = WINDOW_TOTAL };
    debits[3].key.window = (struct window){ .kind = WINDOW_CONCURRENT };
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(store_grant_put(h.store, &grant, ignore, NULL), 0);
    store_revision(h.store, STR("stripe"), STR("{}"), &revision);
    for (unsigned i = 0; i < 60; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(large, sizeof large) };
        store_record(h.store, &record);
        struct admission *admission = admit_one(&h, i, debits, ARRAY_LEN(debits));
        store_settle(h.store, admission, i % 3 == 0 ? OUTCOME_not_sent : OUTCOME_ok, REASON_answered, i % 3 == 0);
        clock_manual_advance(&h.clock, i == 40 ? 3600000 : 1500);
    }
    assert_int_equal(store_grant_revoke(h.store, grant.id, ignore, NULL), 0);
    struct record denial = { .kind = RECORD_DECISION, .call = id_of(900), .reason = REASON_deny_if, .grant = STR("g1"),
                             .server = STR("stripe"), .name = STR("rm"), .rule = STR("/tools/rm") };
    store_record(h.store, &denial);
}

static sqlite3 *open_database(void)
{
    char path[128];
    sqlite3 *handle;
    (void)snprintf(path, sizeof path, "%s/state.db", h.directory);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return handle;
}

/* One value, as text. */
static char *ask(const char *sql)
{
    sqlite3 *handle = open_database();
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const unsigned char *text = sqlite3_column_text(statement, 0);
    char *copy = strdup(text == NULL ? "" : (const char *)text);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(handle);
    assert_non_null(copy);
    return copy;
}

static void assert_says(const char *sql, const char *wanted)
{
    char *got = ask(sql);
    assert_string_equal(got, wanted);
    free(got);
}

static char *whole_database(void)
{
    return ask("SELECT (SELECT group_concat(first||'-'||last||'@'||segment||'+'||place||':'||at_min||hex(words)) FROM spans) ||"
               " coalesce((SELECT group_concat(hex(call)||outcome||given_back) FROM outcomes), '') ||"
               " (SELECT group_concat(id||revoked||hex(body)) FROM grants) ||"
               " (SELECT group_concat(server||seq||hex(revision)) FROM revisions) || (SELECT applied||hex(hash) FROM meta)");
}

static int see_row(void *arg, const struct store_row *row)
{
    struct store_row *last = arg;
    last->count++;
    last->sequence = row->sequence;
    last->ended = row->ended && str_eq(row->outcome, STR("ok"));
    last->micros += row->ended && row->given_back ? 1 : 0;
    return 0;
}

static uint64_t rows(const struct store_query *query, struct store_row *last)
{
    uint64_t known;
    *last = (struct store_row){ 0 };
    assert_int_equal(store_query(str_from_c(h.directory), query, see_row, last, &known), 0);
    assert_true(known > 0);
    return last->count;
}

static void it_says_what_the_ledger_says(void **state)
{
    (void)state;
    struct store_row last;
    live();
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    for (int projected = 1; projected >= 0; projected--) { /* and the same without it */
        struct store_query query = { .verdict = QUERY_ALLOWED, .limit = 1000 };
        assert_int_equal(rows(&query, &last), 60);
        assert_int_equal(last.micros, 20);
        query.verdict = QUERY_DENIED;
        assert_int_equal(rows(&query, &last), 1);
        query = (struct store_query){ .kind = STR("session"), .limit = 1000 };
        assert_int_equal(rows(&query, &last), 60);
        query = (struct store_query){ .grant = STR("ci") };
        assert_int_equal(rows(&query, &last), 2); /* made and revoked */
        if (projected == 1) {
            char path[128];
            assert_says("SELECT count(*) FROM grants WHERE revoked > 0", "1");
            assert_says("SELECT hex(policy) FROM revisions", "7B7D");
            (void)snprintf(path, sizeof path, "%s/state.db", h.directory);
            assert_int_equal(unlink(path), 0);
        }
    }
}

static void it_is_made_again_from_nothing(void **state)
{
    (void)state;
    char path[128];
    live();
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    char *before = whole_database();
    (void)snprintf(path, sizeof path, "%s/state.db", h.directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    char *after = whole_database();
    assert_string_equal(before, after);
    file_write(path, "this is not a database, whatever its name says", 40);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    free(after);
    after = whole_database();
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* The first segment was dropped: the second one's checkpoint stands for it. */
static void a_rebuild_starts_at_any_segment(void **state)
{
    (void)state;
    char path[128];
    live();
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    (void)snprintf(path, sizeof path, "%s/ledger/%016x.seg", h.directory, 1);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/state.db", h.directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    assert_says("SELECT count(*) > 0 FROM spans WHERE segment = 2", "1");
    assert_says("SELECT count(*) FROM spans WHERE segment = 1", "0");
    assert_says("SELECT count(*) FROM grants WHERE revoked > 0", "1");
    assert_says("SELECT hex(policy) FROM revisions", "7B7D");
}

static void another_ledgers_projection_is_replaced(void **state)
{
    (void)state;
    char path[128];
    live();
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    for (int i = 1; i < 20; i++) {
        (void)snprintf(path, sizeof path, "%s/ledger/%016x.seg", h.directory, i);
        (void)unlink(path);
    }
    assert_int_equal(harness_open_alone(&h), 0);
    harness_close(&h);
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
    assert_says("SELECT first||'-'||last FROM spans", "1-1");
    assert_says("SELECT applied FROM meta", "1");
}

static void operators_ask_a_running_gateway(void **state)
{
    (void)state;
    struct store_row last;
    uint64_t known = 0;
    struct store_query query = { .limit = 10000 };
    assert_int_equal(store_query(str_from_c(h.directory), &query, see_row, &last, &known), E_NOT_FOUND);
    live();
    for (int i = 0; i < 100 && known < 180; i++) {
        harness_run_ms(&h, 100);
        last.count = 0;
        if (store_query(str_from_c(h.directory), &query, see_row, &last, &known) < 0)
            known = 0;
    }
    query = (struct store_query){ .kind = STR("decision"), .name = STR("create_charge") };
    assert_int_equal(rows(&query, &last), 60);
    query.limit = 5;
    assert_int_equal(rows(&query, &last), 5);
    query.before = last.sequence;
    assert_int_equal(rows(&query, &last), 5);
    query = (struct store_query){ .kind = STR("decision"), .reason = STR("deny_if"), .grant = STR("g1"), .server = STR("stripe") };
    assert_int_equal(rows(&query, &last), 1);
    query = (struct store_query){ .call = STR("0001-0000000000000000-07000000"), .kind = STR("decision") };
    assert_int_equal(rows(&query, &last), 0);
    query = (struct store_query){ .call = STR("00-07000000"), .kind = STR("decision") };
    assert_int_equal(rows(&query, &last), 1);
    assert_true(last.ended);
    query = (struct store_query){ .since_ms = NOON + 3600000, .kind = STR("decision") };
    assert_true(rows(&query, &last) < 30);
    query = (struct store_query){ .call = STR("%") };
    assert_int_equal(store_query(str_from_c(h.directory), &query, see_row, &last, &known), E_SYNTAX);
    query = (struct store_query){ .name = STR("x' OR 1=1 --") };
    assert_int_equal(rows(&query, &last), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_says_what_the_ledger_says),
        TEST(it_is_made_again_from_nothing),
        TEST(a_rebuild_starts_at_any_segment),
        TEST(another_ledgers_projection_is_replaced),
        TEST(operators_ask_a_running_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
