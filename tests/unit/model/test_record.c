/* Records: each kind there and back, one form only, nothing read that was not written. */
#include "model/record.h"

#include "base/check.h"
#include "json/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;
static struct buf bytes;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 1 << 20);
    buf_init(&bytes, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&bytes);
    return 0;
}

static const struct debit debits[] = {
    { .key = { SCOPE_ARGS, { "a\0b", 3 }, { "stripe", 6 }, { "spend", 5 }, { WINDOW_MONTH, 0, WINDOW_FIXED } },
      .cost = (amount)UINT64_MAX * 1000 },
    { .key = { SCOPE_GLOBAL, { "", 0 }, { "", 0 }, { "calls", 5 }, { WINDOW_SECONDS, 60, WINDOW_SLIDING } },
      .cost = 1000000000 },
};
static const struct reservation taken[] = { { .window_ms = -86400000 }, { .window_ms = 1767268800123 } };

static struct record whole(enum record_kind kind)
{
    struct record record = {
        .kind = kind, .at_ms = 1767268800123, .server = STR("stripe"), .method = STR("tools/call"),
        .name = STR("create_charge"), .grant = STR("abcdefghijkl"), .session = STR("s"), .client = STR("agent \xff"),
        .reason = REASON_rate_limited, .outcome = OUTCOME_unknown, .rule = STR("/tools/create_charge/limits/0"),
        .text = STR("t"), .blob = { "\0\1\2", 3 }, .count = UINT64_MAX, .micros = INT64_MIN, .given_back = true,
        .debits = debits, .taken = taken, .debit_count = 2,
        .class = { .known = true, .overruled = true, .class = CLASS_FINANCIAL, .classifier = 0xffff },
    };
    memset(record.call.bytes, 0xab, sizeof record.call.bytes);
    memset(record.digest.bytes, 1, SHA256_LEN);
    memset(record.revision.bytes, 2, SHA256_LEN);
    return record;
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_true(a->kind == b->kind && a->at_ms == b->at_ms && a->reason == b->reason && a->outcome == b->outcome);
    assert_true(pinned_class_pack(&a->class) == pinned_class_pack(&b->class));
    assert_true(a->count == b->count && a->micros == b->micros && a->given_back == b->given_back);
    assert_memory_equal(&a->call, &b->call, sizeof a->call);
    assert_memory_equal(&a->digest, &b->digest, sizeof a->digest);
    assert_memory_equal(&a->revision, &b->revision, sizeof a->revision);
    assert_true(str_eq(a->server, b->server) && str_eq(a->method, b->method) && str_eq(a->name, b->name));
    assert_true(str_eq(a->grant, b->grant) && str_eq(a->session, b->session) && str_eq(a->client, b->client));
    assert_true(str_eq(a->rule, b->rule) && str_eq(a->text, b->text) && str_eq(a->blob, b->blob));
    assert_int_equal(a->debit_count, b->debit_count);
    for (size_t i = 0; i < a->debit_count; i++) {
        assert_true(a->debits[i].cost == b->debits[i].cost);
        assert_true(a->taken[i].window_ms == b->taken[i].window_ms);
        assert_true(str_eq(a->debits[i].key.scope_value, b->debits[i].key.scope_value));
        assert_true(str_eq(a->debits[i].key.counter, b->debits[i].key.counter));
        assert_true(a->debits[i].key.scope == b->debits[i].key.scope);
        assert_memory_equal(&a->debits[i].key.window, &b->debits[i].key.window, sizeof(struct window));
    }
}

static void every_kind_goes_both_ways(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        struct record records[] = { whole((enum record_kind)kind), { .kind = (enum record_kind)kind }, { 0 } };
        for (size_t i = 0; i < 2; i++) {
            buf_reset(&bytes);
            record_write(&records[i], &bytes);
            assert_true(buf_ok(&bytes));
            assert_true(bytes.len <= record_size_max(&records[i]));
            assert_int_equal(record_read(buf_str(&bytes), &arena, &records[2]), 0);
            assert_same(&records[i], &records[2]);
        }
    }
}

static void every_outcome_and_reason_goes_both_ways(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        struct record read, record = { .kind = RECORD_OUTCOME, .reason = (enum reason)i,
                                       .outcome = (enum outcome)(i % OUTCOME_COUNT) };
        buf_reset(&bytes);
        record_write(&record, &bytes);
        assert_int_equal(record_read(buf_str(&bytes), &arena, &read), 0);
        assert_same(&record, &read);
    }
}

static void a_joined_debit_is_not_written(void **state)
{
    (void)state;
    struct record read, record = whole(RECORD_DECISION);
    struct reservation second_joined[] = { taken[0], { .window_ms = 5, .joined = true } };
    record.taken = second_joined;
    record_write(&record, &bytes);
    assert_int_equal(record_read(buf_str(&bytes), &arena, &read), 0);
    assert_int_equal(read.debit_count, 1);
    assert_true(str_eq(read.debits[0].key.counter, STR("spend")));
}

/* Whatever is cut off, what is left is no record, or another one that is whole: never the same. */
static void a_cut_record_is_never_the_whole_one(void **state)
{
    (void)state;
    struct record read, record = whole(RECORD_DECISION);
    record_write(&record, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        int error = record_read(str_of(bytes.ptr, len), &arena, &read);
        assert_true(error == E_SYNTAX || (error == 0 && read.debit_count < 2));
    }
    buf_append_byte(&bytes, 0);
    assert_int_equal(record_read(buf_str(&bytes), &arena, &read), E_SYNTAX);
}

static void a_record_has_one_form(void **state)
{
    (void)state;
    static const struct str refused[] = {
        { "\1\0\3\1a\3\1b", 8 },          /* a field twice */
        { "\1\0\4\1a\3\1b", 8 },          /* descending */
        { "\1\0\3\0", 4 },                /* an empty field */
        { "\1\0\1\1\0", 5 },              /* zero */
        { "\1\0\1\2\x82\0", 6 },          /* an integer that is not in its shortest form */
        { "\1\0\1\3\2\2\2", 7 },          /* an integer, and more */
        { "\1\0\x15\1a", 5 },             /* no such tag */
        { "\1\0\x14\1\7", 5 },            /* no such class */
        { "\1\0\0\1a", 5 },               /* no such tag */
        { "\1\x7f", 2 },                  /* no such kind */
        { "\0\0", 2 },                    /* no such format */
        { "\1\0\x0b\7allowed", 11 },      /* the reason that is left out */
        { "\1\0\x0b\3xyz", 7 },           /* no such reason */
        { "\1\1\x0c\1\x7f", 5 },          /* no such outcome */
        { "\1\0\2\1a", 5 },               /* an id of one byte */
        { "\1\0\x12\1\2", 5 },            /* a flag that is 2 */
        { "\1\0\3\x85\x80\x80\x80\x80\x80\x80\x80\x80\x80\1a", 14 }, /* a length beyond 64 bits */
    };
    struct record read;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_equal(record_read(refused[i], &arena, &read), E_SYNTAX);
    assert_int_equal(record_read((struct str){ "\2\0", 2 }, &arena, &read), E_INVALID);
}

static void print(const struct record *record, struct buf *out)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    record_print_json(record, 42, &writer);
}

static void people_read_json(void **state)
{
    (void)state;
    struct record record = { .kind = RECORD_OUTCOME, .at_ms = 1767268800123, .server = STR("mail"), .name = STR("a\"b\n"),
                             .outcome = OUTCOME_not_sent, .reason = REASON_upstream_timeout, .micros = 12, .given_back = true };
    print(&record, &bytes);
    assert_true(buf_ok(&bytes));
    assert_true(str_eq(buf_str(&bytes),
                       STR("{\"sequence\":42,\"time\":\"2026-01-01T12:00:00.123Z\",\"kind\":\"outcome\",\"server\":\"mail\","
                           "\"name\":\"a\\\"b\\n\",\"outcome\":\"not_sent\",\"reason\":\"upstream_timeout\",\"micros\":12,"
                           "\"given_back\":true}")));
}

static void names_of_any_bytes_are_still_json(void **state)
{
    (void)state;
    struct record record = whole(RECORD_DECISION);
    const struct json *root;
    struct json_error error;
    print(&record, &bytes);
    assert_true(buf_ok(&bytes));
    assert_int_equal(json_parse(&arena, buf_str(&bytes), &json_limits_request, &root, &error), 0);
    assert_int_equal(json_count(json_get(root, STR("debits"))), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_goes_both_ways),
        TEST(every_outcome_and_reason_goes_both_ways),
        TEST(a_joined_debit_is_not_written),
        TEST(a_cut_record_is_never_the_whole_one),
        TEST(a_record_has_one_form),
        TEST(people_read_json),
        TEST(names_of_any_bytes_are_still_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
