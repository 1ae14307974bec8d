/* Questions have the answers that a reading of the whole ledger gives, whatever state.db knows of it. */
#include "harness.h"

#include "base/check.h"
#include "base/encode.h"

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

#define CALLS 2600 /* several spans */
#define RECORDS_MOST 16384

static struct harness h;
static struct admission *open_calls[CALLS];
static struct told told[CALLS];

static const char *const names[] = { "read", "write", "a/b", "list" };
static const char *const servers[] = { "files", "mail" };
static const char *const rules[] = { "/tools/read", "/tools/read/deny_if/0", "/tools/readme", "/default" };

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    h.audit = AUDIT_PROCESS;
    memset(told, 0, sizeof told);
    memset(open_calls, 0, sizeof open_calls);
    assert_int_equal(harness_open(&h), 0);
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

/* A name that only one call in 900 has, another that every call has. */
static const char *name_of(unsigned i)
{
    return i % 900 == 77 ? "rare" : names[i % ARRAY_LEN(names)];
}

static void make_grant(void)
{
    struct grant grant = { .id = STR("g3"), .label = STR("labelled"), .created_ms = NOON };
    assert_int_equal(store_grant_put(h.store, &grant, ignore, NULL), 0);
}

static void admit(unsigned i)
{
    struct record record = { .call = id_of(i + 1),
                             .server = str_from_c(servers[i % 2]),
                             .method = STR("tools/call"),
                             .name = str_from_c(name_of(i)),
                             .grant = i % 3 == 0 ? STR("g1") : STR("g2"),
                             .rule = STR("/tools/write") };
    struct admit_result result;
    assert_int_equal(store_admit(h.store, &record, NULL, 0, told_done, &told[i], &open_calls[i], &result), 0);
}

static void settle(unsigned i)
{
    if (open_calls[i] == NULL)
        return; /* it was under way at a stop: its end is unknown */
    harness_until(&h, &told[i].count, 1);
    store_settle(h.store, open_calls[i], i % 7 == 0 ? OUTCOME_tool_error : OUTCOME_ok, REASON_answered, false);
    open_calls[i] = NULL;
}

/* Calls [from, to). Of every hundred one ends a thousand calls later, and one never. */
static void live(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        admit(i);
        if (i % 50 == 49)
            harness_run_ms(&h, 3);
        clock_manual_advance(&h.clock, 997);
        if (i >= 20 && (i - 20) % 100 > 1)
            settle(i - 20);
        if (i >= 1020 && (i - 1020) % 100 == 0)
            settle(i - 1020);
        if (i % 40 != 0)
            continue;
        struct record denial = { .kind = RECORD_DECISION, .call = id_of(100000 + i), .reason = REASON_deny_if,
                                 .server = str_from_c(servers[i % 2]), .name = STR("rm"), .grant = STR("g3"),
                                 .rule = str_from_c(rules[i / 40 % ARRAY_LEN(rules)]) };
        store_record(h.store, &denial);
    }
    harness_run_ms(&h, 30);
}

/* ---- the whole ledger, read through ---- */

struct seen { uint64_t sequence; struct id call; };
static struct seen rows_seen[RECORDS_MOST];
static size_t seen_count;
static struct id ended_ok[RECORDS_MOST];
static size_t ended_count;
static const struct store_query *asked;

static bool fits(uint64_t sequence, const struct record *record)
{
    bool denied = record->reason != REASON_allowed;
    bool decision = record->kind == RECORD_DECISION || record->kind == RECORD_DENIALS;
    bool one = record->kind == RECORD_DECISION;
    struct buf below;
    if (record->kind == RECORD_OUTCOME || record->kind == RECORD_CHECKPOINT)
        return false;
    if ((asked->verdict == QUERY_DECISIONS && !decision) || (asked->verdict == QUERY_DENIED && !(decision && denied)) ||
        (asked->verdict == QUERY_ALLOWED && !(one && !denied)))
        return false;
    if (asked->kind.len > 0 && !str_eq(asked->kind, str_from_c(record_kind_name(record->kind))))
        return false;
    if (asked->grant.len > 0 && !str_eq(asked->grant, record->grant) &&
        !(str_eq(asked->grant, STR("labelled")) && str_eq(record->grant, STR("g3"))))
        return false;
    if ((asked->server.len > 0 && !str_eq(asked->server, record->server)) ||
        (asked->name.len > 0 && !str_eq(asked->name, record->name)) ||
        (asked->reason.len > 0 && !str_eq(asked->reason, reason_row(record->reason)->name)))
        return false;
    buf_init(&below, 1024);
    buf_append_str(&below, asked->rule);
    buf_append_byte(&below, '/');
    bool rule = asked->rule.len == 0 || str_eq(asked->rule, record->rule) ||
                str_starts_with(record->rule, buf_str(&below));
    buf_release(&below);
    return rule && !(asked->since_ms && record->at_ms < asked->since_ms) &&
           !(asked->until_ms && record->at_ms >= asked->until_ms) && !(asked->before && sequence >= asked->before) &&
           !(asked->after && sequence <= asked->after);
}

static int see_record(void *arg, uint64_t sequence, const struct record *record)
{
    (void)arg;
    assert_true(seen_count < RECORDS_MOST && ended_count < RECORDS_MOST);
    if (record->kind == RECORD_OUTCOME && record->outcome == OUTCOME_ok)
        ended_ok[ended_count++] = record->call;
    if (fits(sequence, record))
        rows_seen[seen_count++] = (struct seen){ sequence, record->call };
    return 0;
}

static bool ended_well(const struct id *call)
{
    for (size_t i = 0; i < ended_count; i++) {
        if (memcmp(&ended_ok[i], call, sizeof *call) == 0)
            return true;
    }
    return false;
}

static size_t row_at;

static int see_row(void *arg, const struct store_row *row)
{
    (void)arg;
    assert_true(row_at < seen_count);
    assert_int_equal(row->sequence, rows_seen[row_at].sequence);
    bool ok = row->ended && str_eq(row->outcome, STR("ok"));
    assert_int_equal(ok, str_eq(row->kind, STR("decision")) && ended_well(&rows_seen[row_at].call));
    if (str_eq(row->grant, STR("g3")))
        assert_true(str_eq(row->label, STR("labelled")));
    row_at++;
    return 0;
}

static void same(struct store_query query, unsigned limit)
{
    uint64_t known;
    asked = &query;
    query.limit = limit;
    seen_count = ended_count = row_at = 0;
    assert_int_equal(store_read(str_from_c(h.directory), 0, 0, see_record, NULL), 0);
    size_t all = seen_count;
    if (query.after == 0 && all > limit)
        row_at = all - limit;
    assert_int_equal(store_query(str_from_c(h.directory), &query, see_row, NULL, &known), 0);
    assert_int_equal(row_at, query.after > 0 && all > limit ? limit : all);
    assert_true(known > 0);
}

#define ASK(...) (struct store_query){ __VA_ARGS__ }

static void all_questions(void)
{
    static const unsigned limits[] = { 1, 100, 10000 };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        unsigned limit = limits[i];
        same(ASK(.verdict = QUERY_EVERYTHING), limit);
        same(ASK(.verdict = QUERY_DECISIONS), limit);
        same(ASK(.verdict = QUERY_ALLOWED, .grant = STR("g1")), limit);
        same(ASK(.verdict = QUERY_DENIED), limit);
        same(ASK(.verdict = QUERY_DENIED, .grant = STR("labelled")), limit);
        same(ASK(.name = STR("rare")), limit);
        same(ASK(.name = STR("rare"), .server = STR("files")), limit);
        same(ASK(.name = STR("none")), limit);
        same(ASK(.rule = STR("/tools/read")), limit);
        same(ASK(.rule = STR("/tools")), limit);
        same(ASK(.reason = STR("deny_if"), .server = STR("files")), limit);
        same(ASK(.kind = STR("gateway")), limit);
        same(ASK(.since_ms = NOON + 700000, .until_ms = NOON + 1500000), limit);
        same(ASK(.after = 2000, .name = STR("write")), limit);
        same(ASK(.after = 1, .before = 3000), limit);
        same(ASK(.before = 1500, .grant = STR("g2")), limit);
    }
}

static void forget_projection(void)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/state.db%s", h.directory, ends[i]);
        (void)unlink(path);
    }
}

static void project(void)
{
    assert_int_equal(store_project(str_from_c(h.directory), &h.log), 0);
}

static void whatever_is_projected(void **state)
{
    (void)state;
    make_grant();
    live(0, 900);
    all_questions(); /* a gateway runs; its projection is somewhere */
    harness_run_ms(&h, 1300);
    live(900, CALLS - 300);
    all_questions();
    harness_close(&h);
    memset(open_calls, 0, sizeof open_calls);
    project();
    all_questions(); /* nothing is left to read behind it */
    project();
    assert_int_equal(harness_open(&h), 0);
    live(CALLS - 300, CALLS);
    harness_run_ms(&h, 1300); /* goes on in the span where it ended */
    all_questions();
    harness_close(&h);
    forget_projection();
    all_questions(); /* nothing but the ledger */
    project();
    all_questions();
}

/* What stands in state.db is checked against the ledger, whoever wrote it. */
static void a_projection_that_lies_is_told(void **state)
{
    static const char *const lies[] = { "UPDATE spans SET place = place + 4096", "UPDATE spans SET first = first + 1",
                                        "UPDATE spans SET segment = 77", "UPDATE spans SET place = -4096" };
    (void)state;
    make_grant();
    live(0, 200);
    harness_close(&h);
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct store_query query = { .limit = 1000 };
        uint64_t known;
        char path[128];
        sqlite3 *handle;
        forget_projection();
        project();
        (void)snprintf(path, sizeof path, "%s/state.db", h.directory);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, lies[i], NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(handle);
        seen_count = 0; /* no row is told */
        row_at = 0;
        int error = store_query(str_from_c(h.directory), &query, see_row, NULL, &known);
        assert_true(error == E_CORRUPT || error == E_IO || error == 0);
        assert_int_equal(row_at, 0);
        project(); /* made again */
        same(ASK(.verdict = QUERY_EVERYTHING), 1000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(whatever_is_projected), TEST(a_projection_that_lies_is_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
