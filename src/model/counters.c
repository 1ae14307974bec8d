/* Counters by identity. A reservation first looks at every debit and only then takes, so it is all or nothing. */
#include "model/counters.h"

#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRE_AT_ONCE 1024 /* counters looked at by one counters_expire: a turn of the loop stays short */
#define IDLE_MS                                                                                          \
    60000 /* an empty counter is kept so long after its last use: a busy one is not made again and again \
           */

struct family { /* the counters that differ in their scope's value alone: their number has a ceiling */
    size_t live;
    struct str key;
    char bytes[];
};

struct counter {
    struct list link; /* the least recently used first */
    struct family *family;
    struct window window;
    amount used;
    int64_t window_ms; /* the highest window seen; of a sliding counter the highest moment */
    int64_t *moments;  /* sliding: a ring, oldest first */
    uint32_t first, count, capacity;
    uint64_t turn; /* the reservation that looked at it last, and its debit that takes */
    size_t debit;
    uint64_t born; /* resets before it was made */
    int64_t touched_ms;
    bool fresh; /* nothing was ever taken from it */
    struct str key;
    char bytes[];
};

struct counters {
    struct map by_key, families;
    struct list all;
    struct buf key;             /* the key being looked up */
    struct counter **looked_at; /* of the debits of one reservation */
    size_t room;
    uint64_t turn, resets;
    int64_t floor_ms;
    int64_t latest_ms; /* of all windows and moments that were looked at */
};

int counters_new(struct counters **out)
{
    struct counters *counters = calloc(1, sizeof *counters);
    if (counters == NULL)
        return E_NOMEM;
    map_init(&counters->by_key);
    map_init(&counters->families);
    list_init(&counters->all);
    buf_init(&counters->key, LIMIT_counter_key);
    counters->floor_ms = counters->latest_ms = INT64_MIN;
    *out = counters;
    return 0;
}

static void counter_drop(struct counters *counters, struct counter *counter)
{
    AN(map_remove(&counters->by_key, counter->key));
    list_remove(&counter->link);
    struct family *family = counter->family;
    AN(family->live);
    if (--family->live == 0) {
        AN(map_remove(&counters->families, family->key));
        free(family);
    }
    free(counter->moments);
    free(counter);
}

void counters_free(struct counters *counters)
{
    if (counters == NULL)
        return;
    LIST_EACH (&counters->all, link, after)
        counter_drop(counters, CONTAINER_OF(link, struct counter, link));
    map_release(&counters->by_key);
    map_release(&counters->families);
    buf_release(&counters->key);
    free(counters->looked_at);
    free(counters);
}

static bool is_sliding(const struct window *window)
{
    return window->kind == WINDOW_SECONDS && window->algorithm == WINDOW_SLIDING;
}

/* false: it counts for good, or what is in flight, and no clock moves it. */
static bool has_clock(const struct window *window)
{
    return window->kind != WINDOW_TOTAL && window->kind != WINDOW_CONCURRENT;
}

static int64_t moment_at(const struct counter *counter, uint32_t index)
{
    return counter->moments[(counter->first + index) & (counter->capacity - 1)];
}

static int moments_make_room(struct counter *counter)
{
    if (counter->count < counter->capacity)
        return 0;
    uint32_t capacity = counter->capacity == 0 ? 8 : counter->capacity * 2;
    int64_t *moments = malloc(capacity * sizeof *moments);
    if (moments == NULL)
        return E_NOMEM;
    for (uint32_t i = 0; i < counter->count; i++)
        moments[i] = moment_at(counter, i);
    free(counter->moments);
    counter->moments = moments;
    counter->capacity = capacity;
    counter->first = 0;
    return 0;
}

/* There is room (moments_make_room). */
static void moment_add(struct counter *counter, int64_t moment_ms)
{
    CHECK(counter->count < counter->capacity);
    counter->moments[(counter->first + counter->count) & (counter->capacity - 1)] = moment_ms;
    counter->count++;
}

static void moment_drop_first(struct counter *counter)
{
    counter->first = (counter->first + 1) & (counter->capacity - 1);
    counter->count--;
}

/* One entry of that moment, if it is still remembered. */
static void moment_take_back(struct counter *counter, int64_t moment_ms)
{
    uint32_t at = counter->count;
    while (at > 0 && moment_at(counter, at - 1) > moment_ms)
        at--;
    if (at == 0 || moment_at(counter, at - 1) != moment_ms)
        return;
    for (uint32_t i = at; i < counter->count; i++)
        counter->moments[(counter->first + i - 1) & (counter->capacity - 1)] = moment_at(counter, i);
    counter->count--;
}

static void moments_prune(struct counter *counter, int64_t now_ms)
{
    int64_t length = (int64_t)counter->window.seconds * 1000;
    while (counter->count > 0 && moment_at(counter, 0) <= now_ms - length)
        moment_drop_first(counter);
}

/* The key's bytes, in a buffer that the next look-up overwrites; ptr NULL: too long. */
static struct str key_bytes(struct counters *counters, const struct counter_key *key)
{
    buf_reset(&counters->key);
    counter_key_write(key, &counters->key);
    return buf_ok(&counters->key) ? buf_str(&counters->key) : (struct str){ NULL, 0 };
}

static struct counter *counter_find(struct counters *counters, const struct counter_key *key)
{
    struct str bytes = key_bytes(counters, key);
    return bytes.ptr == NULL ? NULL : map_get(&counters->by_key, bytes);
}

static int family_of(struct counters *counters, const struct counter_key *key, struct family **out)
{
    struct counter_key any_value = *key;
    any_value.scope_value = STR_EMPTY;
    struct str bytes = key_bytes(counters, &any_value);
    if (bytes.ptr == NULL)
        return E_LIMIT;
    *out = map_get(&counters->families, bytes);
    if (*out != NULL)
        return 0;

    struct family *family = malloc(sizeof *family + bytes.len);
    if (family == NULL)
        return E_NOMEM;
    memcpy(family->bytes, bytes.ptr, bytes.len);
    family->live = 0;
    family->key = str_of(family->bytes, bytes.len);
    int error = map_set(&counters->families, family->key, family);
    if (error < 0) {
        free(family);
        return error;
    }
    *out = family;
    return 0;
}

static void family_drop_if_empty(struct counters *counters, struct family *family)
{
    if (family->live > 0)
        return;
    AN(map_remove(&counters->families, family->key));
    free(family);
}

static int counter_make(struct counters *counters, struct family *family, const struct counter_key *key,
                        struct counter **out)
{
    struct str bytes = key_bytes(counters, key);
    if (bytes.ptr == NULL)
        return E_LIMIT;
    struct counter *counter = calloc(1, sizeof *counter + bytes.len);
    if (counter == NULL)
        return E_NOMEM;
    memcpy(counter->bytes, bytes.ptr, bytes.len);
    counter->key = str_of(counter->bytes, bytes.len);
    counter->window = key->window;
    counter->window_ms = TIME_MIN_MS;
    counter->family = family;
    counter->born = counters->resets;
    counter->fresh = true;
    int error = map_set(&counters->by_key, counter->key, counter);
    if (error < 0) {
        free(counter);
        return error;
    }
    family->live++;
    list_append(&counters->all, &counter->link);
    *out = counter;
    return 0;
}

static bool counter_is_over(const struct counter *counter, int64_t now_ms)
{
    if (is_sliding(&counter->window)) {
        int64_t length = (int64_t)counter->window.seconds * 1000;
        return counter->window_ms <= now_ms - length; /* what it has seen, even where nothing of it is left */
    }
    if (!has_clock(&counter->window))
        return counter->used == 0;
    int64_t start_ms, end_ms;
    window_bounds(&counter->window, counter->window_ms, &start_ms, &end_ms);
    return end_ms <= now_ms;
}

/* Never drops a counter of the reservation under way. */
static void expire(struct counters *counters, int64_t now_ms, int64_t idle_ms)
{
    if (now_ms < TIME_MIN_MS || now_ms > TIME_MAX_MS)
        return;
    if (now_ms > counters->floor_ms)
        counters->floor_ms = now_ms;
    size_t looks = counters->by_key.count < EXPIRE_AT_ONCE ? counters->by_key.count : EXPIRE_AT_ONCE;
    for (; looks > 0; looks--) {
        struct counter *counter = CONTAINER_OF(counters->all.next, struct counter, link);
        bool wanted = counter->turn == counters->turn || counters->floor_ms - counter->touched_ms < idle_ms;
        if (!wanted && counter_is_over(counter, counters->floor_ms)) {
            counter_drop(counters, counter);
        } else {
            list_remove(&counter->link);
            list_append(&counters->all, &counter->link);
        }
    }
}

/* E_LIMIT: too many live values, or too long a key. `bounded` false: a ledger's truth is taken whatever its size. */
static int counter_add(struct counters *counters, const struct counter_key *key, bool bounded, int64_t now_ms,
                       struct counter **out)
{
    struct family *family;
    int error = family_of(counters, key, &family);
    if (error < 0)
        return error;
    if (bounded && family->live >= LIMIT_counter_values) {
        expire(counters, now_ms, 0);
        error = family_of(counters, key, &family); /* the sweep may have dropped it */
        if (error < 0)
            return error;
        if (family->live >= LIMIT_counter_values)
            return E_LIMIT;
    }
    error = counter_make(counters, family, key, out);
    if (error < 0)
        family_drop_if_empty(counters, family);
    return error;
}

static void counter_move(struct counters *counters, struct counter *counter, int64_t now_ms)
{
    if (now_ms < counters->floor_ms)
        now_ms = counters->floor_ms;
    counter->touched_ms = now_ms;
    if (is_sliding(&counter->window)) {
        if (now_ms > counter->window_ms)
            counter->window_ms = now_ms;
        moments_prune(counter, counter->window_ms);
        return;
    }
    int64_t start_ms, end_ms;
    window_bounds(&counter->window, now_ms, &start_ms, &end_ms);
    if (start_ms > counter->window_ms) {
        counter->window_ms = start_ms;
        if (has_clock(&counter->window))
            counter->used = 0;
    }
}

/* Brings a counter to the window of now, or of the highest moment seen if that is later. */
static void counter_advance(struct counters *counters, struct counter *counter, int64_t now_ms)
{
    counter_move(counters, counter, now_ms);
    if (has_clock(&counter->window) && counter->window_ms > counters->latest_ms)
        counters->latest_ms = counter->window_ms;
}

static amount counter_used(const struct counter *counter)
{
    return is_sliding(&counter->window) ? counter->count * AMOUNT_ONE : counter->used;
}

/* When `cost` fits again; INT64_MAX: not by waiting. */
static int64_t counter_resets(const struct counter *counter, amount cost, amount max)
{
    if (cost > max)
        return INT64_MAX;
    if (is_sliding(&counter->window)) {
        amount calls = max / AMOUNT_ONE;
        if (cost != AMOUNT_ONE || counter->count < calls || counter->count == 0)
            return INT64_MAX;
        amount too_many = counter->count - calls; /* that many and one more must go */
        return moment_at(counter, (uint32_t)too_many) + (int64_t)counter->window.seconds * 1000;
    }
    int64_t start_ms, end_ms;
    window_bounds(&counter->window, counter->window_ms, &start_ms, &end_ms);
    return end_ms;
}

static bool counter_fits(const struct counter *counter, amount cost, amount max)
{
    amount sum;
    if (is_sliding(&counter->window)) {
        if (cost != AMOUNT_ONE || counter->count >= LIMIT_sliding_moments)
            return false;
    }
    return amount_add(counter_used(counter), cost, &sum) == 0 && sum <= max;
}

static int make_room_for_debits(struct counters *counters, size_t count)
{
    if (count <= counters->room)
        return 0;
    struct counter **looked_at = realloc(counters->looked_at, count * sizeof(struct counter *));
    if (looked_at == NULL)
        return E_NOMEM;
    counters->looked_at = looked_at;
    counters->room = count;
    return 0;
}

/* One debit's counter, made if it must be, at its window of now. Of debits with one identity the dearest takes. */
static int look_at(struct counters *counters, const struct debit *debits, size_t at, int64_t now_ms, struct over *over)
{
    const struct debit *debit = &debits[at];
    struct counter *counter = counter_find(counters, &debit->key);
    counters->looked_at[at] = NULL;
    if (counter == NULL) {
        int error = counter_add(counters, &debit->key, true, now_ms, &counter);
        if (error < 0) {
            *over = (struct over){ .debit = at, .resets_ms = INT64_MAX, .full = error == E_LIMIT };
            return error;
        }
    }
    counters->looked_at[at] = counter;
    if (counter->turn == counters->turn) {
        if (debit->cost > debits[counter->debit].cost)
            counter->debit = at;
        return 0;
    }
    counter->turn = counters->turn;
    counter->debit = at;
    counter_advance(counters, counter, now_ms);
    return is_sliding(&counter->window) ? moments_make_room(counter) : 0;
}

static int fits(const struct counters *counters, const struct debit *debits, size_t at, struct over *over)
{
    const struct counter *counter = counters->looked_at[at];
    amount cost = debits[counter->debit].cost, max = debits[at].max;
    if (counter_fits(counter, cost, max))
        return 0;
    *over =
        (struct over){ .debit = at, .used = counter_used(counter), .resets_ms = counter_resets(counter, cost, max) };
    return E_LIMIT;
}

static void take(struct counters *counters, const struct debit *debits, size_t at, struct reservation *taken)
{
    struct counter *counter = counters->looked_at[at];
    *taken = (struct reservation){ .window_ms = counter->window_ms,
                                   .joined = counter->debit != at,
                                   .age = counters->resets };
    counter->fresh = false;
    if (taken->joined)
        return;
    if (is_sliding(&counter->window))
        moment_add(counter, counter->window_ms);
    else
        AZ(amount_add(counter->used, debits[at].cost, &counter->used));
    list_remove(&counter->link);
    list_append(&counters->all, &counter->link);
}

/* A refused call leaves no counter behind that it alone brought up. */
static void drop_fresh(struct counters *counters, size_t seen)
{
    for (size_t at = 0; at < seen; at++) {
        struct counter *counter = counters->looked_at[at];
        if (counter != NULL && counter->debit != at)
            counters->looked_at[at] = NULL;
    }
    for (size_t at = 0; at < seen; at++) {
        struct counter *counter = counters->looked_at[at];
        if (counter != NULL && counter->fresh)
            counter_drop(counters, counter);
    }
}

int counters_reserve(struct counters *counters, const struct debit *debits, size_t count, int64_t now_ms,
                     struct reservation *taken, struct over *over)
{
    *over = (struct over){ .resets_ms = INT64_MAX };
    int error = make_room_for_debits(counters, count);
    if (error < 0)
        return error;
    counters->turn++;
    size_t seen = 0;
    while (seen < count && error == 0) {
        error = look_at(counters, debits, seen, now_ms, over);
        seen++;
    }
    for (size_t at = 0; at < count && error == 0; at++)
        error = fits(counters, debits, at, over);
    if (error < 0) {
        drop_fresh(counters, seen);
        return error;
    }
    for (size_t at = 0; at < count; at++)
        take(counters, debits, at, &taken[at]);
    return 0;
}

static void counter_give_back(struct counter *counter, amount cost, int64_t window_ms)
{
    if (is_sliding(&counter->window)) {
        moment_take_back(counter, window_ms);
        return;
    }
    if (counter->window_ms != window_ms)
        return;
    counter->used = counter->used > cost ? counter->used - cost : 0;
}

void counters_give_back(struct counters *counters, const struct debit *debits, size_t count,
                        const struct reservation *taken)
{
    for (size_t i = 0; i < count; i++) {
        if (taken[i].joined)
            continue;
        struct counter *counter = counter_find(counters, &debits[i].key);
        if (counter != NULL && counter->born <= taken[i].age)
            counter_give_back(counter, debits[i].cost, taken[i].window_ms);
    }
}

void counters_settle_resets(struct counters *counters, const struct debit *debits, size_t count,
                            struct reservation *taken)
{
    for (size_t i = 0; i < count; i++) {
        const struct counter *counter =
            taken[i].age == counters->resets ? NULL : counter_find(counters, &debits[i].key);
        if (counter != NULL && counter->born > taken[i].age)
            taken[i].joined = true;
    }
}

void counters_release(struct counters *counters, const struct debit *debits, size_t count)
{
    counters->turn++;
    for (size_t i = 0; i < count; i++) {
        if (debits[i].key.window.kind != WINDOW_CONCURRENT)
            continue;
        struct counter *counter = counter_find(counters, &debits[i].key);
        if (counter == NULL || counter->turn == counters->turn)
            continue;
        counter->turn = counters->turn; /* a second debit of the same identity took nothing */
        counter_give_back(counter, debits[i].cost, counter->window_ms);
    }
}

static bool time_is_sane(int64_t ms)
{
    return ms >= TIME_MIN_MS && ms <= TIME_MAX_MS;
}

static int sliding_replay(struct counter *counter, amount cost, int64_t moment_ms)
{
    if (moment_ms > counter->window_ms)
        counter->window_ms = moment_ms;
    moments_prune(counter, counter->window_ms);
    for (amount left = cost; left >= AMOUNT_ONE; left -= AMOUNT_ONE) {
        if (counter->count == LIMIT_sliding_moments)
            moment_drop_first(counter);
        int error = moments_make_room(counter);
        if (error < 0)
            return error;
        moment_add(counter, counter->window_ms);
    }
    return 0;
}

int counters_replay(struct counters *counters, const struct counter_key *key, amount cost, int64_t window_ms)
{
    if (!time_is_sane(window_ms))
        return E_INVALID;
    if (key->window.kind == WINDOW_CONCURRENT)
        return 0;
    struct counter *counter = counter_find(counters, key);
    if (counter == NULL) {
        int error = counter_add(counters, key, false, window_ms, &counter);
        if (error < 0)
            return error;
    }
    counter->fresh = false;
    if (has_clock(&counter->window) && window_ms > counters->latest_ms)
        counters->latest_ms = window_ms;
    if (is_sliding(&counter->window)) {
        if (cost > LIMIT_sliding_moments * AMOUNT_ONE)
            return E_INVALID;
        return sliding_replay(counter, cost, window_ms);
    }
    if (window_ms < counter->window_ms)
        return 0;
    if (window_ms > counter->window_ms) {
        counter->window_ms = window_ms;
        counter->used = 0;
    }
    if (amount_add(counter->used, cost, &counter->used) < 0)
        counter->used = ~(amount)0; /* no sum of ours comes here; whatever wrote it, nothing fits any more */
    return 0;
}

int counters_replay_back(struct counters *counters, const struct counter_key *key, amount cost, int64_t window_ms)
{
    struct counter *counter = counter_find(counters, key);
    if (counter != NULL)
        counter_give_back(counter, cost, window_ms);
    return 0;
}

static int each_moment(struct counter *counter, const struct counter_key *key,
                       int (*each)(void *arg, const struct counter_key *key, amount used, int64_t window_ms), void *arg)
{
    int stop = 0;
    for (uint32_t i = 0; i < counter->count && stop == 0; i++)
        stop = each(arg, key, AMOUNT_ONE, moment_at(counter, i));
    return stop;
}

int counters_each(struct counters *counters,
                  int (*each)(void *arg, const struct counter_key *key, amount used, int64_t window_ms), void *arg)
{
    LIST_EACH (&counters->all, link, after) {
        struct counter *counter = CONTAINER_OF(link, struct counter, link);
        struct counter_key key;
        AZ(counter_key_read(counter->key, &key));
        int stop = 0;
        if (is_sliding(&counter->window))
            stop = each_moment(counter, &key, each, arg);
        else if (counter->used > 0)
            stop = each(arg, &key, counter->used, counter->window_ms);
        if (stop != 0)
            return stop;
    }
    return 0;
}

/* False: it holds nothing at that time. */
static bool view_of(const struct counter *counter, int64_t now_ms, struct counter_view *out)
{
    int64_t length = (int64_t)counter->window.seconds * 1000, start_ms;
    out->resets_ms = INT64_MAX;
    out->used = counter->used;
    if (is_sliding(&counter->window)) {
        uint32_t gone = 0;
        while (gone < counter->count && moment_at(counter, gone) <= now_ms - length)
            gone++;
        out->used = (counter->count - gone) * AMOUNT_ONE;
        if (out->used > 0)
            out->resets_ms = moment_at(counter, gone) + length;
    } else if (has_clock(&counter->window)) {
        window_bounds(&counter->window, counter->window_ms, &start_ms, &out->resets_ms);
        if (out->resets_ms <= now_ms)
            return false;
    }
    return out->used > 0;
}

int counters_view(struct counters *counters, int64_t now_ms, int (*each)(void *arg, const struct counter_view *view),
                  void *arg)
{
    if (now_ms < counters->floor_ms)
        now_ms = counters->floor_ms;
    LIST_EACH (&counters->all, link, after) {
        const struct counter *counter = CONTAINER_OF(link, struct counter, link);
        struct counter_view view;
        if (!view_of(counter, now_ms, &view))
            continue;
        AZ(counter_key_read(counter->key, &view.key));
        int stop = each(arg, &view);
        if (stop != 0)
            return stop;
    }
    return 0;
}

size_t counters_count(const struct counters *counters)
{
    return counters->by_key.count;
}

int64_t counters_floor_ms(const struct counters *counters)
{
    return counters->floor_ms > counters->latest_ms ? counters->floor_ms : counters->latest_ms;
}

void counters_expire(struct counters *counters, int64_t now_ms)
{
    counters->turn++;
    expire(counters, now_ms, IDLE_MS);
}

void counters_reset(struct counters *counters, const struct counter_key *key)
{
    struct counter *counter = counter_find(counters, key);
    if (counter == NULL || counter->window.kind == WINDOW_CONCURRENT)
        return;
    counters->resets++;
    counter_drop(counters, counter);
}
