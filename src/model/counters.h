/* The counters of limits: all debits of a call are reserved together or not at all. One code under the store, under
 * explain and under the tests. Time only comes in as an argument. One thread.
 * A clock that runs back leaves each counter in the highest window it has seen. */
#pragma once

#include "model/debit.h"

struct counters;

struct over {                /* what said no */
    size_t  debit;           /* index into the debits */
    amount  used;
    int64_t resets_ms;       /* Unix time; INT64_MAX: never by itself */
    bool    full;            /* too many live values of this counter */
};

struct reservation {         /* of one debit: which window it was taken from */
    int64_t  window_ms;      /* its start; of a sliding counter the moment itself */
    bool     joined;         /* another debit of the call has this identity: nothing was taken for this one */
    uint64_t age;            /* how many resets there were: what was taken before one is forgotten with it */
};

struct counter_view {        /* for people */
    struct counter_key key;
    amount             used; /* above 0 */
    int64_t            resets_ms; /* when some of it is free again; INT64_MAX: not by itself */
};

int  counters_new(struct counters **out) NODISCARD;
void counters_free(struct counters *counters);
/* 0: all are taken, taken[i] says from which window. E_LIMIT: nothing is taken, *over says why. Two debits with one
 * identity are debited once, with the greater cost, and must satisfy both maxima. */
int  counters_reserve(struct counters *counters, const struct debit *debits, size_t count, int64_t now_ms,
                      struct reservation *taken, struct over *over) NODISCARD;
/* Into the reservation's own window only; late, it changes nothing. A WINDOW_CONCURRENT one is released. */
void counters_give_back(struct counters *counters, const struct debit *debits, size_t count, const struct reservation *taken);
/* Marks as joined what a reset has forgotten: before a give-back is recorded, so that replaying it is the same. */
void counters_settle_resets(struct counters *counters, const struct debit *debits, size_t count, struct reservation *taken);
/* Releases WINDOW_CONCURRENT debits alone: the call ended. */
void counters_release(struct counters *counters, const struct debit *debits, size_t count);
/* Replaying a ledger: takes without asking. */
int  counters_replay(struct counters *counters, const struct counter_key *key, amount cost, int64_t window_ms) NODISCARD;
int  counters_replay_back(struct counters *counters, const struct counter_key *key, amount cost, int64_t window_ms) NODISCARD;
/* What is used now, for `limits show`: what no window holds any more is left out. Stops as counters_each does. */
int  counters_view(struct counters *counters, int64_t now_ms, int (*each)(void *arg, const struct counter_view *view), void *arg);
/* What is used now, for checkpoints: a fixed counter once, a sliding one once a moment that it
 * remembers, oldest first. Stops when `each` returns nonzero, and returns that. */
int  counters_each(struct counters *counters, int (*each)(void *arg, const struct counter_key *key, amount used, int64_t window_ms), void *arg);
size_t counters_count(const struct counters *counters);
/* Drops what no window holds any more, looking at a bounded number of counters a call, those longest unused first.
 * From then on no counter begins in a window before now_ms, so that a clock that runs back opens none again. */
void counters_expire(struct counters *counters, int64_t now_ms);
/* The highest time known: that counters_expire was given, or that a counter was looked at; INT64_MIN: none. A
 * checkpoint keeps it: of a counter that holds nothing it has nothing else that says which windows are over. */
int64_t counters_floor_ms(const struct counters *counters);
/* `limits reset`: forgets what this identity used. What is in flight stays counted. */
void counters_reset(struct counters *counters, const struct counter_key *key);
