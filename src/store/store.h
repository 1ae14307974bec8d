/* The truth: a ledger in segment files, its counters and grants in memory, its projection in SQLite. Called on the
 * loop's thread; `done` callbacks run there too. The ledger writes on a thread of its own. */
#pragma once

#include "base/error.h"
#include "base/list.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/counters.h"
#include "model/freeze.h"
#include "model/grant.h"
#include "model/pin.h"
#include "model/record.h"
#include "model/server.h"
#include "store/chain.h"

#include <stdbool.h>
#include <stdint.h>

struct clock;
struct log;
struct loop;
struct store;
struct admission;

enum audit_mode { AUDIT_DURABLE, AUDIT_PROCESS, AUDIT_OFF };

struct store_options {
    struct str      directory;     /* made when missing, 0700; locked by DATA/lock */
    enum audit_mode audit;
    struct loop    *loop;          /* NULL: a subcommand without a loop; only the *_now calls then */
    struct clock   *clock;
    struct log     *log;
};

/* Takes the lock, recovers, replays. E_LOCKED, E_CORRUPT (logged with the sequence number and what to do), E_IO, E_NOSPACE. */
int  store_open(const struct store_options *options, struct store **out) NODISCARD;
/* Everything queued is written and synced before it returns. */
void store_close(struct store *store);

enum admitted { ADMITTED, ADMIT_OVER, ADMIT_CLOCK_JUMP, ADMIT_FAILED };
struct admit_result {
    enum admitted     what;
    struct admission *admission;   /* ADMITTED: settle it exactly once */
    enum reason       reason;      /* else: rate_limited, concurrent, clock_jump, audit_unavailable */
    struct over       over;        /* ADMIT_OVER */
};
typedef void admit_done(void *arg, const struct admit_result *result);

/* Reserves every debit and queues the record (kind DECISION, allowed), one entry; `done` runs once it is durable (never
 * inside this call), or with ADMIT_FAILED after LIMIT_admission_ms. What record and debits point at is copied. A refusal that is known at once (over,
 * clock jump, backlog, disk) is returned as E_LIMIT with *result filled in, and `done` is not called. 0: `done` will run. */
int  store_admit(struct store *store, const struct record *record, const struct debit *debits, size_t count,
                 admit_done *done, void *arg, struct admission **out, struct admit_result *result) NODISCARD;
/* `done` will not run; the admission settles itself not_sent and gives back as soon as it is known. */
void store_admit_abandon(struct store *store, struct admission *admission, enum reason reason);
/* Writes the outcome (not waited for) and frees the admission. `give_back` only if no byte left. */
void store_settle(struct store *store, struct admission *admission, enum outcome outcome, enum reason reason, bool give_back);
/* Denials and everything else that is not waited for. Equal denials of one grant and rule above the ceiling a second
 * become one record with a count. */
void store_record(struct store *store, const struct record *record);
/* Number of requests that are open at the gateway: what the hold rule compares queued admissions with. */
void store_set_open_requests(struct store *store, size_t open);
/* False while records cannot be written: /readyz. */
bool store_is_ready(const struct store *store);

/* Grants are in memory; pointers are good until the next turn of the loop. */
const struct grant *store_grant(struct store *store, struct str id);             /* NULL: none of this id */
int  store_grant_each(struct store *store, int (*each)(void *arg, const struct grant *grant), void *arg);
/* Durable when `done` runs. `grant`'s id and secret_hash are filled in by the caller (grant_make). In memory it is put or
 * revoked when the call returns, with all that were made under it: a revoked grant admits nothing from then on. E_NOT_FOUND, E_NOSPACE, E_NOMEM. */
typedef void store_done(void *arg, int error);
int  store_grant_put(struct store *store, const struct grant *grant, store_done *done, void *arg) NODISCARD;
int  store_grant_revoke(struct store *store, struct str id, store_done *done, void *arg) NODISCARD;
int  store_clock_confirm(struct store *store, store_done *done, void *arg) NODISCARD;
/* The same without a loop: written and synced before they return. */
int  store_grant_put_now(struct store *store, const struct grant *grant) NODISCARD;
int  store_grant_revoke_now(struct store *store, struct str id) NODISCARD;
int  store_clock_confirm_now(struct store *store) NODISCARD;

/* Freezes. One of a grant is of those made under it too. `freeze` says whose, and why; since_ms is filled in here. In memory it is done when the call returns: SEND and
 * every decision see it. `on` false thaws. E_NOT_FOUND: it is not frozen; E_LIMIT: LIMIT_freezes. */
int  store_freeze(struct store *store, const struct freeze *freeze, bool on, store_done *done, void *arg) NODISCARD;
int  store_freeze_now(struct store *store, const struct freeze *freeze, bool on) NODISCARD;
bool store_is_frozen(const struct store *store, struct str server, struct str grant);
const struct freeze *store_freeze_of(const struct store *store, enum freeze_scope scope, struct str name); /* NULL: it is not */
int  store_freeze_each(struct store *store, int (*each)(void *arg, const struct freeze *freeze), void *arg);

/* Grants made under grants. The parent, its parent ..., nearest first. E_NOT_FOUND: one of them is not in force. */
int  store_grant_ancestors(struct store *store, const struct grant *grant, int64_t now_ms,
                           const struct grant *out[LIMIT_grant_depth], size_t *count) NODISCARD;
/* True if it is the grant of this id, or was made under it. */
bool store_grant_is_under(const struct store *store, const struct grant *grant, struct str id);

/* Pins. What a server lists now: it is accepted at first sight, and recorded; a change and a return are recorded too.
 * PIN_NEVER: there is no room for more of its kind. */
enum pin_state store_pin_look(struct store *store, struct str server, const struct pinned *pinned);
/* The same without a trace: PIN_NEVER of what was not looked at. */
enum pin_state store_pin_state(const struct store *store, struct str server, enum pin_kind kind, struct str name, const struct pin *pin);
/* True where nobody knows yet what a tool of this definition can do: tool->pin.class is then filled in before the look. */
bool store_pin_wants_class(const struct store *store, struct str server, const struct tool *tool);
/* Frozen when the definition was accepted, unless an operator says otherwise. */
struct pinned_class store_pin_class(const struct store *store, struct str server, struct str tool);
/* What an operator says of each tool of a server, unknown: nothing. What differs from before is recorded; true: some
 * does. */
bool store_pins_rule(struct store *store, struct str server,
                     struct pinned_class (*ruled)(const void *arg, struct str tool), const void *arg);
/* The definitions that are listed now are accepted. E_NOT_FOUND: one of them is not known (*missing says which), or none changed. */
int  store_pins_accept(struct store *store, const struct pin_choice *choice, struct str *missing, store_done *done, void *arg) NODISCARD;
int  store_pins_accept_now(struct store *store, const struct pin_choice *choice, struct str *missing) NODISCARD;
/* What it would accept: of one name the definition's digest; else that of all of them, as pin_add makes it. */
int  store_pins_digest(struct store *store, const struct pin_choice *choice, struct str *missing, struct sha256 *out) NODISCARD;
/* Nothing is known of them any more: what is listed next is accepted at first sight. E_NOT_FOUND as above. E_INVALID:
 * *missing changed, and none is forgotten. */
int  store_pins_forget(struct store *store, const struct pin_choice *choice, struct str *missing, store_done *done, void *arg) NODISCARD;
int  store_pins_forget_now(struct store *store, const struct pin_choice *choice, struct str *missing) NODISCARD;
struct store_pin { struct str server, name; enum pin_kind kind; struct pin accepted, seen; struct pinned_class ruled; bool changed; int64_t accepted_ms, changed_ms; };
/* Of one server, or with an empty name of all. Nonzero ends it and is returned. */
int  store_pin_each(struct store *store, struct str server, int (*each)(void *arg, const struct store_pin *pin), void *arg);
/* The text of a definition that a record kept: from the projection, and from the ledger behind it. Any thread.
 * E_NOT_FOUND: none is kept. */
int  store_definition(struct str directory, struct str server, enum pin_kind kind, struct str name, const struct sha256 *digest,
                      struct buf *out) NODISCARD;

/* Limits: what is used now (see counters_view, counters_each), and setting counters back: at least one, what is in
 * flight excepted. `views` say what is forgotten, for the record. */
int  store_limits_view(struct store *store, int (*each)(void *arg, const struct counter_view *view), void *arg);
int  store_limits_each(struct store *store, int (*each)(void *arg, const struct counter_key *key, amount used, int64_t window_ms),
                       void *arg);
int  store_limits_reset(struct store *store, const struct counter_view *views, size_t count, store_done *done, void *arg) NODISCARD;
int  store_limits_reset_now(struct store *store, const struct counter_view *views, size_t count) NODISCARD;

/* A policy is bytes to the store: its revision is recorded when it goes live. */
void store_revision(struct store *store, struct str server, struct str policy, const struct sha256 *revision);
/* The same of a policy that was made of classes: it stays a server's until another one is put in its place. Its record
 * goes before those of all that is decided under it. */
void store_recommend(struct store *store, struct str server, struct str policy, const struct sha256 *revision);
/* Empty: there is none. Borrowed until the next store_recommend. */
struct str store_recommended(const struct store *store, struct str server, struct sha256 *revision);
/* The same out of a directory's files, from any thread, also beside a running gateway. E_NOT_FOUND: there is none, or no
 * ledger yet. E_CORRUPT. */
int  store_read_recommended(struct str directory, struct str server, struct buf *out) NODISCARD;
/* The last of each server. */
void store_revision_each(struct store *store, void (*each)(void *arg, struct str server, struct str policy), void *arg);

/* From now on segments whose records are all older, or that make the ledger larger, are dropped whole, oldest first; 0: no
 * bound. Never the last one, and none that the projection does not hold or that somebody reads. */
void store_retain(struct store *store, int64_t age_ms, uint64_t bytes);

/* Records in order from the ledger's files, beginning at sequence number `from`; with `last` only that many, up to the
 * ledger's end. For people and for verify; any thread, also beside a running gateway. `each` ends it with a nonzero
 * value; a negative one is returned. E_NOT_FOUND: no ledger. E_CORRUPT. */
typedef int store_each_record(void *arg, uint64_t sequence, const struct record *record);
int  store_read(struct str directory, uint64_t from, uint64_t last, store_each_record *each, void *arg) NODISCARD;
/* The same with each frame's bytes: its record behind 44 bytes of length, sequence number and the hash of the frame
 * before; `hash` is the SHA-256 of all of them. */
typedef int store_each_frame(void *arg, uint64_t sequence, const struct record *record, struct str frame, const struct sha256 *hash);
int  store_read_frames(struct str directory, uint64_t from, store_each_frame *each, void *arg) NODISCARD;
/* Reads everything. E_CORRUPT: bad_sequence is the first record that is damaged or missing, and `what` says how. What
 * ends early is told by the projection, and by a `head` (sequence 0: none) that the operator noted: a record and its hash. */
struct verify_report { uint64_t records, segments, bad_sequence; struct str what; struct chain_head head; };
int  store_verify(struct str directory, const struct chain_head *head, struct verify_report *report) NODISCARD;
/* Each record once it is durable: live tail. */
struct store_watcher {           /* embedded in its owner; list_init its link first */
    struct list        link;
    store_each_record *each;     /* its result is not looked at; it may take itself away, and no other */
    void              *arg;
};
void store_watch(struct store *store, struct store_watcher *watcher);
void store_unwatch(struct store_watcher *watcher); /* one that does not watch is fine */

/* Questions to the ledger, by way of its projection: for operators, never on a call's path. Any thread. */
struct store_query {             /* what is empty or zero asks for everything */
    struct str kind, grant, server, name, reason, class; /* grant: an id, or a label that one has or had */
    struct str rule;             /* a JSON Pointer, and what is below it */
    enum { QUERY_EVERYTHING, QUERY_DECISIONS, QUERY_ALLOWED, QUERY_DENIED } verdict;
    struct str call;             /* a call's id, or how it ends: hexadecimal digits, dashes or not */
    int64_t    since_ms, until_ms;
    uint64_t   before, after;    /* sequence numbers: to read on where an answer ended */
    unsigned   limit;            /* rows at most; 0: 100. Never above 10,000 */
};
struct store_row {               /* strings live until the callback returns */
    uint64_t   sequence, count;
    int64_t    at_ms;
    struct str kind, call, server, method, name, grant, label, session, client, reason, rule, text, class;
    bool       class_overruled;
    struct sha256 revision;      /* zeros: none */
    bool       ended;            /* an outcome is known: the members below */
    struct str outcome, outcome_reason;
    int64_t    outcome_ms, micros;
    bool       given_back;
};
typedef int store_each_row(void *arg, const struct store_row *row); /* nonzero ends it */
/* The last of them, oldest first; with `after` the first. *known: the ledger's last record. E_NOT_FOUND: no ledger. E_CORRUPT:
 * the ledger and its projection disagree, which the next start or store_project mends. */
int  store_query(struct str directory, const struct store_query *query, store_each_row *each, void *arg, uint64_t *known) NODISCARD;
/* A policy's text as it went live for a server. E_NOT_FOUND. */
int  store_policy(struct str directory, struct str server, const struct sha256 *revision, struct buf *out) NODISCARD;
/* The last record that the projection holds. E_NOT_FOUND: there is no projection yet. */
int  store_query_known(struct str directory, uint64_t *known) NODISCARD;
/* Of a store on a loop: the projection takes up what is durable now, and not with the next tick. Returns the number of
 * the last record, durable or not. */
uint64_t store_catch_up(struct store *store);
/* Brings the projection up to the ledger's end. E_LOCKED: a gateway runs, and does it. */
int  store_project(struct str directory, struct log *log) NODISCARD;

struct store_stats {
    uint64_t batches, records, bytes; /* written since the start */
    uint64_t backlog;                 /* bytes that wait to be durable */
    uint64_t dropped;                 /* records that found no room, to be recorded as one count */
    uint32_t flush_p50_us;            /* of the last batches: what a lone call waits for */
    bool     direct;                  /* written past the page cache */
    uint64_t segments, disk_bytes;    /* of the ledger, at the last look; 0: none yet */
};
void store_stats(struct store *store, struct store_stats *out);
