/* Time zones: tables made here byte by byte, their rules, and what a policy sees of them. */
#include "rig.h"

#include "base/buf.h"
#include "base/check.h"
#include "policy/zone.h"
#include "policy/zone_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void put_u32(struct buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_byte(out, (char)(value >> shift));
}

struct made { /* a table; what is 0 or NULL is left out */
    char           version;
    const int64_t *times;
    const uint8_t *indices;
    uint32_t       time_count;
    const int32_t *offsets; /* of the types; all are called "ABC" */
    uint32_t       type_count;
    uint32_t       leap_count;
    const char    *footer;
};

static void put_header(struct buf *out, const struct made *made, bool whole)
{
    buf_append(out, "TZif", 4);
    buf_append_byte(out, made->version);
    for (int i = 0; i < 15; i++)
        buf_append_byte(out, 0);
    uint32_t counts[] = { 0, 0, made->leap_count, made->time_count, made->type_count, 4 };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        put_u32(out, whole ? counts[i] : i == 4 ? 1 : i == 5 ? 2 : 0);
}

static struct str make(struct buf *out, const struct made *made)
{
    buf_init(out, 1 << 20);
    put_header(out, made, false);
    buf_append(out, "\0\0\0\0\0\0X\0", 8); /* one type and its name, for readers of version 1 */
    put_header(out, made, true);
    for (uint32_t i = 0; i < made->time_count; i++) {
        put_u32(out, (uint32_t)((uint64_t)made->times[i] >> 32));
        put_u32(out, (uint32_t)made->times[i]);
    }
    if (made->time_count > 0)
        buf_append(out, made->indices, made->time_count);
    for (uint32_t i = 0; i < made->type_count; i++) {
        put_u32(out, (uint32_t)made->offsets[i]);
        buf_append(out, "\0\0", 2);
    }
    buf_append(out, "ABC\0", 4);
    for (uint32_t i = 0; i < made->leap_count; i++)
        buf_append(out, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    buf_printf(out, "\n%s\n", made->footer);
    assert_true(buf_ok(out));
    return buf_str(out);
}

static const int32_t berlin_offsets[] = { 3208, 3600, 7200 };
static const int64_t berlin_times[] = { -2422054408, 1743296400, 1761440400 }; /* 1893, 30 March and 26 October 2025 */
static const uint8_t berlin_indices[] = { 1, 2, 1 };
static const struct made berlin = { .version = '2', .times = berlin_times, .indices = berlin_indices, .time_count = 3,
                                    .offsets = berlin_offsets, .type_count = 3,
                                    .footer = "CET-1CEST,M3.5.0,M10.5.0/3" };

static void test_table(void **state)
{
    (void)state;
    static const struct { int64_t at; int32_t offset; } rows[] = {
        { INT64_MIN / 2000, 3208 }, { -2422054409, 3208 }, { -2422054408, 3600 }, { 0, 3600 },
        { 1743296399, 3600 },       { 1743296400, 7200 },  { 1761440399, 7200 },  { 1761440400, 3600 },
        { 1774745999, 3600 },       { 1774746000, 7200 },  { 1792889999, 7200 },  { 1792890000, 3600 }, /* 2026, by the rule */
        { 4078000800, 3600 },       { 4089000000, 7200 },
    };
    struct buf bytes;
    struct arena arena;
    struct zone *zone;
    const char *why;
    arena_init(&arena, NULL, 1 << 20);
    assert_int_equal(zone_read(make(&bytes, &berlin), &arena, &zone, &why), 0);
    buf_release(&bytes); /* nothing is borrowed */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (zone_offset(zone, rows[i].at) != rows[i].offset)
            fail_msg("%lld: %d", (long long)rows[i].at, (int)zone_offset(zone, rows[i].at));
    /* Sunday 29 March 2026, 01:59:59.999 is followed by 03:00. */
    assert_int_equal(zone_hour(zone, 1774745999999), 1);
    assert_int_equal(zone_hour(zone, 1774746000000), 3);
    assert_int_equal(zone_weekday(zone, 1774746000000), 7);
    assert_int_equal(zone_weekday(zone, 1774821599999), 7); /* 23:59:59.999 */
    assert_int_equal(zone_weekday(zone, 1774821600000), 1);
    /* Sunday 25 October 2026: the hour from 2 to 3 comes twice. */
    assert_int_equal(zone_hour(zone, 1792886400000), 2);
    assert_int_equal(zone_hour(zone, 1792890000000), 2);
    assert_int_equal(zone_hour(zone, 1792893600000), 3);
    assert_int_equal(zone_hour(NULL, 0), 0);
    assert_int_equal(zone_weekday(NULL, 0), 4);
    assert_int_equal(zone_hour(NULL, -1), 23);
    assert_int_equal(zone_weekday(NULL, -1), 3);
    arena_release(&arena);
}

/* What holds where, by the rule alone. */
static void test_rules(void **state)
{
    (void)state;
    static const struct { const char *rule; int64_t at; int32_t offset; } rows[] = {
        { "UTC0", 0, 0 },
        { "<+0330>-3:30", 1774746000, 12600 },
        { "IST-5:30", INT64_MAX / 1000, 19800 },
        { "EST5EDT,M3.2.0,M11.1.0", 1772953199, -18000 },        /* 8 March 2026, 02:00 EST */
        { "EST5EDT,M3.2.0,M11.1.0", 1772953200, -14400 },
        { "EST5EDT,M3.2.0,M11.1.0", 1793512799, -14400 },        /* 1 November 2026, 02:00 EDT */
        { "EST5EDT,M3.2.0,M11.1.0", 1793512800, -18000 },
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600, 39600 },   /* summer at new year */
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", 1775318399, 39600 },   /* 5 April 2026, 03:00 AEDT */
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", 1775318400, 36000 },
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", 1791043199, 36000 },   /* 4 October 2026, 02:00 AEST */
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", 1791043200, 39600 },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774745999, -7200 },/* 28 March 2026, 23:00 local */
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774746000, -3600 },
        { "WGT3WGST4,0/0,J365/23", 1767225600, -14400 },          /* summer time all year */
        { "WGT3WGST4,0/0,J365/23", 1782864000, -14400 },
        { "WGT3WGST4,0/0,J365/23", 1798761599, -14400 },
        { "AAA0BBB,J60/0,J61/0", 1835481599, 0 },                /* J60 is 1 March, in 2028 too */
        { "AAA0BBB,J60/0,J61/0", 1835481600, 3600 },
        { "AAA0BBB,59/0,60/0", 1835395200, 3600 },               /* 59 is 29 February there */
        { "LHST-10:30LHDT-11,M10.1.0,M4.1.0", 1767225600, 39600 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct zone_rule rule;
        assert_true(zone_rule_read(str_from_c(rows[i].rule), true, &rule));
        if (zone_rule_offset(&rule, rows[i].at) != rows[i].offset)
            fail_msg("%s at %lld: %d", rows[i].rule, (long long)rows[i].at, (int)zone_rule_offset(&rule, rows[i].at));
    }
}

static void test_bad_rules(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "UTC", "0", "AB0", "<AB>0", "<ABC0", "ABC+", "ABC25", "ABC1:60", "ABC1:", "ABC1:00:", "ABC1:00:60", "ABC1x", "ABC1 ",
        "A1C0", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/",
        "CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,M3.5.0,M10.5.0x", "CET-1CEST,J0,J10", "CET-1CEST,J366,J10",
        "CET-1CEST,366,10", "CET-1CEST,M3.5,M10.5.0", ":Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0,M1.1.1",
    };
    struct zone_rule rule;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (zone_rule_read(str_from_c(bad[i]), true, &rule))
            fail_msg("%s was read", bad[i]);
    assert_true(zone_rule_read(STR("A-B"), true, &rule) == false);
    assert_true(zone_rule_read(STR("CET-1CEST,M3.5.0/167,M10.5.0/-167"), true, &rule));
    assert_false(zone_rule_read(STR("CET-1CEST,M3.5.0/25,M10.5.0"), false, &rule));
    assert_false(zone_rule_read(STR("CET-1CEST,M3.5.0/-1,M10.5.0"), false, &rule));
    assert_true(zone_rule_read(STR("CET-1CEST,M3.5.0/24,M10.5.0"), false, &rule));
}

static bool reads(struct str bytes)
{
    struct arena arena;
    struct zone *zone;
    const char *why;
    arena_init(&arena, NULL, 1 << 20);
    int rc = zone_read(bytes, &arena, &zone, &why);
    assert_true(rc == 0 ? zone != NULL && why == NULL : rc == E_SYNTAX && zone == NULL && why != NULL);
    arena_release(&arena);
    return rc == 0;
}

static bool made_reads(struct made made)
{
    struct buf bytes;
    bool good = reads(make(&bytes, &made));
    buf_release(&bytes);
    return good;
}

static void test_bad_tables(void **state)
{
    (void)state;
    struct buf bytes;
    struct str whole = make(&bytes, &berlin);
    assert_true(reads(whole));
    for (size_t len = 0; len < whole.len; len++)
        assert_false(reads(str_slice(whole, 0, len)));
    buf_append_byte(&bytes, '\n');
    assert_false(reads(buf_str(&bytes)));
    buf_release(&bytes);

    static const int64_t same[] = { 5, 5, 6 }, back[] = { 5, 4, 6 };
    static const uint8_t beyond[] = { 1, 2, 3 };
    static const int32_t wild[] = { 0, 3600, 93600 };
    struct made made = berlin;
    made.version = '1';
    assert_false(made_reads(made));
    made.version = '5';
    assert_false(made_reads(made));
    made = berlin;
    made.times = same;
    assert_false(made_reads(made));
    made.times = back;
    assert_false(made_reads(made));
    made = berlin;
    made.indices = beyond;
    assert_false(made_reads(made));
    made = berlin;
    made.offsets = wild;
    assert_false(made_reads(made));
    made = berlin;
    made.leap_count = 1;
    assert_false(made_reads(made));
    made = berlin;
    made.type_count = 0;
    assert_false(made_reads(made));
    made = berlin;
    made.footer = "CET-1CEST";
    assert_false(made_reads(made));
    made.footer = "CET-1CEST,M3.5.0/-1,M10.5.0"; /* of version 3 */
    assert_false(made_reads(made));
    made.version = '3';
    assert_true(made_reads(made));
    made.footer = "";
    assert_true(made_reads(made));
}

static int zone_of(void *arg, struct str name, struct arena *arena, struct str *out)
{
    if (str_eq(name, STR("Test/Broken"))) {
        *out = STR("TZif");
        return 0;
    }
    if (!str_eq(name, STR("Europe/Berlin")))
        return str_eq(name, STR("Test/Denied")) ? E_DENIED : E_NOT_FOUND;
    *out = arena_str(arena, *(const struct str *)arg);
    return 0;
}

#define TIMED(zone, conditions) "{'version':'1','timezone':'" zone "','default':'allow','tools':{'t':{'require':[{'conditions':[" conditions "]}]}}}"
#define OFFICE "{'path':'time.hour','op':'gte','value':9},{'path':'time.hour','op':'lt','value':17},{'path':'time.weekday','op':'in','value':[1,2,3,4,5]}"

static int load_in(struct rig *rig, const char *text, const struct str *table)
{
    struct str copy = *table;
    struct zones zones = { .read = zone_of, .arg = &copy };
    policy_unref(rig->policy);
    rig->policy = NULL;
    return policy_load_with(rig_text(rig, text), &zones, &rig->arena, &rig->problems, &rig->policy);
}

static bool passes_at(struct rig *rig, int64_t now_s)
{
    rig->question.now_ms = now_s * 1000;
    return rig_call(rig, "t", "{}")->verdict == VERDICT_ALLOW;
}

static void test_policies(void **state)
{
    (void)state;
    struct rig rig;
    struct buf bytes;
    struct str table = make(&bytes, &berlin);
    rig_init(&rig);
    assert_int_equal(load_in(&rig, TIMED("Europe/Berlin", OFFICE), &table), 0);
    assert_int_equal(rig.problems.count, 0);
    assert_false(passes_at(&rig, 1774853999)); /* Monday 30 March 2026, 08:59:59 CEST */
    assert_true(passes_at(&rig, 1774854000));
    assert_true(passes_at(&rig, 1774882799));
    assert_false(passes_at(&rig, 1774882800));
    assert_false(passes_at(&rig, 1774778400)); /* Sunday, noon */
    assert_int_equal(load_in(&rig, TIMED("UTC", OFFICE), &table), 0);
    assert_false(passes_at(&rig, 1774854000)); /* 07:00 UTC */
    assert_true(passes_at(&rig, 1774854000 + 7200));

    static const struct { const char *policy, *text; } bad[] = {
        { TIMED("Europe/Berln", OFFICE), "there is no time zone \"Europe/Berln\"" },
        { TIMED("", OFFICE), "there is no time zone" },
        { TIMED("../etc/passwd", OFFICE), "there is no time zone" },
        { TIMED("Europe//Berlin", OFFICE), "there is no time zone" },
        { TIMED("/Europe/Berlin", OFFICE), "there is no time zone" },
        { TIMED("Europe/Berlin/", OFFICE), "there is no time zone" },
        { TIMED("Test/Broken", OFFICE), "cannot be used: it is no TZif table" },
        { TIMED("Test/Denied", OFFICE), "cannot be used" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(load_in(&rig, bad[i].policy, &table), E_INVALID);
        assert_int_equal(rig.problems.count, 1);
        assert_string_equal(rig.problems.items[0].pointer.ptr, "/timezone");
        if (strstr(rig.problems.items[0].text.ptr, bad[i].text) == NULL)
            fail_msg("%s", rig.problems.items[0].text.ptr);
    }
    buf_release(&bytes);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_rules),    cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_bad_tables), cmocka_unit_test(test_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
