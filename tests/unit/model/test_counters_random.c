/* Counters against a slow reference that remembers every take: whatever happens in whatever order, with whatever clock, no
 * maximum is passed, no call is refused without reason, and replaying what was recorded gives the same counters back. */
#include "model/counters.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define NOON INT64_C(1767268800000) /* 2026-01-01T12:00:00Z */
#define RUNS 400
#define STEPS 400
#define DEBITS 5

static const struct counter_key keys[] = {
    { SCOPE_GRANT, STR("g1"), STR("a"), STR("minute"), { WINDOW_SECONDS, 60, WINDOW_FIXED } },
    { SCOPE_GRANT, STR("g2"), STR("a"), STR("minute"), { WINDOW_SECONDS, 60, WINDOW_FIXED } },
    { SCOPE_GRANT, STR("g1"), STR("a"), STR("minute"), { WINDOW_SECONDS, 60, WINDOW_SLIDING } },
    { SCOPE_ARGS, STR("\"x\""), STR("a"), STR("mails"), { WINDOW_SECONDS, 7, WINDOW_SLIDING } },
    { SCOPE_ARGS, STR("1"), STR("a"), STR("mails"), { WINDOW_SECONDS, 7, WINDOW_FIXED } },
    { SCOPE_SERVER, STR("a"), STR("a"), STR("week"), { WINDOW_WEEK, 0, WINDOW_FIXED } },
    { SCOPE_GLOBAL, STR(""), STR(""), STR("month"), { WINDOW_MONTH, 0, WINDOW_FIXED } },
    { SCOPE_SESSION, STR("s"), STR("a"), STR("total"), { WINDOW_TOTAL, 0, WINDOW_FIXED } },
    { SCOPE_GRANT, STR("g1"), STR("a"), STR("tool"), { WINDOW_CONCURRENT, 0, WINDOW_FIXED } },
};
#define KEYS ARRAY_LEN(keys)

struct take { /* what the reference remembers of one debit */
    size_t  key;
    amount  cost;
    int64_t window_ms;
    bool    counts; /* not given back, released or reset */
};

struct call { /* open: it can be given back or settled */
    struct debit       debits[DEBITS];
    struct reservation taken[DEBITS];
    size_t             keys[DEBITS], takes[DEBITS], count;
};

enum entry_kind { ENTRY_TAKE, ENTRY_BACK, ENTRY_RESET };
struct entry { enum entry_kind kind; size_t key; amount cost; int64_t window_ms; }; /* of the ledger */

static struct {
    struct counters *counters;
    int64_t now_ms, floor_ms;
    struct take takes[STEPS * DEBITS];
    struct call open[STEPS];
    struct entry ledger[3 * STEPS * DEBITS];
    size_t take_count, open_count, entry_count;
    uint64_t seed;
    unsigned admitted, refused;
} w;

static uint32_t draw(uint32_t below)
{
    w.seed = w.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(w.seed >> 33) % below;
}

static bool is_sliding(size_t key)
{
    return keys[key].window.algorithm == WINDOW_SLIDING;
}

static void record(enum entry_kind kind, size_t key, amount cost, int64_t window_ms)
{
    assert_true(w.entry_count < ARRAY_LEN(w.ledger));
    w.ledger[w.entry_count++] = (struct entry){ kind, key, cost, window_ms };
}

/* The window or moment that a call at this time is counted in, as far as takes can tell. */
static int64_t window_now(size_t key)
{
    int64_t now_ms = w.now_ms > w.floor_ms ? w.now_ms : w.floor_ms, start_ms = now_ms, end_ms, latest = INT64_MIN;
    if (!is_sliding(key))
        window_bounds(&keys[key].window, now_ms, &start_ms, &end_ms);
    for (size_t i = 0; i < w.take_count; i++)
        if (w.takes[i].key == key && w.takes[i].window_ms > latest)
            latest = w.takes[i].window_ms;
    return start_ms > latest ? start_ms : latest;
}

static amount used_in(size_t key, int64_t window_ms)
{
    amount used = 0;
    for (size_t i = 0; i < w.take_count; i++) {
        const struct take *take = &w.takes[i];
        bool inside = is_sliding(key) ? take->window_ms > window_ms - (int64_t)keys[key].window.seconds * 1000 &&
                                            take->window_ms <= window_ms
                                      : take->window_ms == window_ms;
        if (take->key == key && take->counts && inside)
            used += take->cost;
    }
    return used;
}

static void admitted(struct call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (call->taken[i].joined)
            continue;
        int64_t window_ms = call->taken[i].window_ms, start_ms = w.now_ms, end_ms;
        size_t key = call->keys[i];
        if (!is_sliding(key))
            window_bounds(&keys[key].window, w.now_ms, &start_ms, &end_ms);
        assert_true(window_ms >= start_ms);         /* never in a window before that of now */
        assert_true(window_ms >= window_now(key));  /* nor before the highest that was seen */
        call->takes[i] = w.take_count;
        w.takes[w.take_count++] = (struct take){ key, call->debits[i].cost, window_ms, true };
        if (keys[key].window.kind != WINDOW_CONCURRENT)
            record(ENTRY_TAKE, key, call->debits[i].cost, window_ms);
    }
    for (size_t i = 0; i < call->count; i++) { /* each identity took once, the greatest cost, and every maximum holds */
        size_t takers = 0;
        for (size_t j = 0; j < call->count; j++) {
            bool same = call->keys[j] == call->keys[i];
            takers += same && !call->taken[j].joined;
            assert_true(!same || call->taken[j].joined || call->debits[j].cost >= call->debits[i].cost);
        }
        assert_int_equal(takers, 1);
        assert_true(used_in(call->keys[i], call->taken[i].window_ms) <= call->debits[i].max);
    }
}

static void refused(const struct call *call, const struct over *over)
{
    size_t key = call->keys[over->debit];
    amount cost = 0;
    for (size_t i = 0; i < call->count; i++)
        if (call->keys[i] == key && call->debits[i].cost > cost)
            cost = call->debits[i].cost;
    assert_false(over->full);
    if (cost > call->debits[over->debit].max)
        return; /* it never fits, also in a window that a call has seen that took nothing */
    assert_true(over->used == used_in(key, window_now(key)));
    assert_true(over->used + cost > call->debits[over->debit].max);
}

static void call_now(void)
{
    struct call *call = &w.open[w.open_count];
    struct over over;
    *call = (struct call){ .count = 1 + draw(DEBITS) };
    for (size_t i = 0; i < call->count; i++) {
        size_t key = call->keys[i] = draw(KEYS);
        bool one = is_sliding(key) || keys[key].window.kind == WINDOW_CONCURRENT || draw(2) == 0;
        call->debits[i] = (struct debit){ .key = keys[key],
                                          .cost = one ? AMOUNT_ONE : 1 + draw(3) * AMOUNT_ONE / 2,
                                          .max = (1 + draw(6)) * AMOUNT_ONE };
    }
    int error = counters_reserve(w.counters, call->debits, call->count, w.now_ms, call->taken, &over);
    if (error == 0) {
        admitted(call);
        w.open_count++;
        w.admitted++;
    } else {
        assert_int_equal(error, E_LIMIT);
        refused(call, &over);
        w.refused++;
    }
}

/* A call that is open ends: its bytes had left, or none had. */
static void end_one(bool give_back)
{
    if (w.open_count == 0)
        return;
    size_t which = draw((uint32_t)w.open_count);
    struct call call = w.open[which];
    w.open[which] = w.open[--w.open_count];
    if (give_back) {
        counters_settle_resets(w.counters, call.debits, call.count, call.taken);
        counters_give_back(w.counters, call.debits, call.count, call.taken);
    } else {
        counters_release(w.counters, call.debits, call.count);
    }
    for (size_t i = 0; i < call.count; i++) {
        bool in_flight = keys[call.keys[i]].window.kind == WINDOW_CONCURRENT;
        if (call.taken[i].joined || (!give_back && !in_flight))
            continue;
        w.takes[call.takes[i]].counts = false;
        if (!in_flight)
            record(ENTRY_BACK, call.keys[i], call.debits[i].cost, call.taken[i].window_ms);
    }
}

static void reset_one(void)
{
    size_t key = draw(KEYS);
    counters_reset(w.counters, &keys[key]);
    if (keys[key].window.kind == WINDOW_CONCURRENT)
        return;
    for (size_t i = 0; i < w.take_count; i++)
        if (w.takes[i].key == key) {
            w.takes[i].counts = false;
            w.takes[i].window_ms = INT64_MIN; /* it is forgotten, and with it which windows were seen */
        }
    record(ENTRY_RESET, key, 0, 0);
}

static int replay_one(void *into, const struct counter_key *key, amount used, int64_t window_ms)
{
    return counters_replay(into, key, used, window_ms);
}

/* From the whole ledger, or from a checkpoint of now. Calls in flight are none any more, and none of them comes back. */
static void restart(bool checkpoint)
{
    struct counters *fresh;
    assert_int_equal(counters_new(&fresh), 0);
    if (checkpoint) {
        w.floor_ms = counters_floor_ms(w.counters);
        if (w.floor_ms != INT64_MIN)
            counters_expire(fresh, w.floor_ms);
        assert_int_equal(counters_each(w.counters, replay_one, fresh), 0);
    } else {
        w.floor_ms = INT64_MIN;
        for (size_t i = 0; i < w.entry_count; i++) {
            const struct entry *entry = &w.ledger[i];
            if (entry->kind == ENTRY_TAKE)
                assert_int_equal(counters_replay(fresh, &keys[entry->key], entry->cost, entry->window_ms), 0);
            else if (entry->kind == ENTRY_BACK)
                assert_int_equal(counters_replay_back(fresh, &keys[entry->key], entry->cost, entry->window_ms), 0);
            else
                counters_reset(fresh, &keys[entry->key]);
        }
    }
    counters_free(w.counters);
    w.counters = fresh;
    w.open_count = 0;
    for (size_t i = 0; i < w.take_count; i++)
        w.takes[i].counts = w.takes[i].counts && keys[w.takes[i].key].window.kind != WINDOW_CONCURRENT;
}

static void move_clock(void)
{
    static const int64_t strides[] = { 1, 500, 6999, 7000, 30000, 60000, 86400000, 700000000, 2700000000 };
    int64_t stride = strides[draw(ARRAY_LEN(strides))];
    w.now_ms += draw(4) == 0 ? -stride : stride;
}

static void step(void)
{
    switch (draw(24)) {
    case 0: reset_one(); return;
    case 1: restart(true); return;
    case 2: restart(false); return;
    case 3:
        counters_expire(w.counters, w.now_ms);
        w.floor_ms = w.now_ms > w.floor_ms ? w.now_ms : w.floor_ms;
        return;
    case 4:
    case 5: move_clock(); return;
    case 6:
    case 7: w.now_ms += draw(2000); return;
    case 8:
    case 9:
    case 10: end_one(true); return;
    case 11:
    case 12: end_one(false); return;
    default: call_now(); return;
    }
}

static void whatever_happens_the_maxima_hold(void **state)
{
    (void)state;
    unsigned admitted_calls = 0, refused_calls = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        w.now_ms = NOON;
        w.floor_ms = INT64_MIN;
        w.take_count = w.open_count = w.entry_count = 0;
        w.admitted = w.refused = 0;
        w.seed = run * 7919;
        assert_int_equal(counters_new(&w.counters), 0);
        for (int i = 0; i < STEPS; i++)
            step();
        counters_free(w.counters);
        admitted_calls += w.admitted;
        refused_calls += w.refused;
    }
    assert_true(admitted_calls > RUNS * 20 && refused_calls > RUNS * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_happens_the_maxima_hold) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
