/* What a call takes from counters, and who a counter is. Identity is a tuple, never a joined string. Pure. */
#pragma once

#include "base/buf.h"
#include "base/decimal.h"
#include "base/encode.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum scope_kind { SCOPE_GRANT, SCOPE_SESSION, SCOPE_SERVER, SCOPE_GLOBAL, SCOPE_ARGS };
enum window_kind { WINDOW_SECONDS, WINDOW_WEEK, WINDOW_MONTH, WINDOW_TOTAL, WINDOW_CONCURRENT };
enum window_algorithm { WINDOW_FIXED, WINDOW_SLIDING };

struct window {
    enum window_kind      kind;
    uint32_t              seconds;  /* WINDOW_SECONDS; aligned to the Unix epoch */
    enum window_algorithm algorithm;
};

struct counter_key {
    enum scope_kind scope;
    struct str      scope_value;  /* grant id, session id, server name, "" for global, the value's bytes for args */
    struct str      server;       /* empty for SCOPE_GLOBAL */
    struct str      counter;
    struct window   window;
};

struct debit {
    struct counter_key key;
    amount             cost, max; /* times 10^9 */
    struct str         rule;      /* JSON Pointer of the limit into its policy */
    struct str         message;   /* what the agent reads: on_deny, or what kind of limit it is */
    bool               counts_calls; /* false with a cost: the agent is never told the figures */
    bool               hints;     /* the policy lets the agent be told limit, remaining and time */
};

/* Years 1 to 9999: a clock outside of them is taken for its nearest end, so that no arithmetic on time overflows. */
#define TIME_MIN_MS INT64_C(-62135596800000)
#define TIME_MAX_MS INT64_C(253402300799999)

/* The window that `now_ms` is in: [start, end). WINDOW_TOTAL and WINDOW_CONCURRENT: 0 and INT64_MAX. UTC. */
void window_bounds(const struct window *window, int64_t now_ms, int64_t *start_ms, int64_t *end_ms);
/* "10 per minute" needs a word: "second" … "month", "total", "15m", "90 seconds". */
void window_print(const struct window *window, char out[32]);
/* With its preposition, behind a number: "per minute", "in any 15m", "in all", "in flight". */
void window_phrase(const struct window *window, char out[48]);
/* Length-prefixed bytes, unique a key: what maps and the ledger hold. */
void counter_key_write(const struct counter_key *key, struct buf *out);
size_t counter_key_length(const struct counter_key *key); /* of these bytes */
int  counter_key_read(struct str bytes, struct counter_key *out) NODISCARD; /* borrows from bytes */
