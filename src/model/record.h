/* What the ledger holds: one record an event, written as versioned binary fields (tag, length, value). Pure.
 * Strings are borrowed both ways: by encoding from the caller, by decoding from the bytes. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/encode.h"
#include "model/class.h"
#include "model/counters.h"
#include "model/debit.h"
#include "model/reason.h"

/* Kinds and outcomes stand in ledgers as numbers: new ones go to the end. */
#define RECORD_KINDS(K)                                                                            \
    K(DECISION,   "decision")    /* an admission (allowed), or a denial */                         \
    K(OUTCOME,    "outcome")     /* how an admitted call ended; exactly one each */                \
    K(DENIALS,    "denials")     /* equal denials of a flood, with their count */                  \
    K(GRANT,      "grant")       /* created, rotated: the whole grant without its secret */        \
    K(REVOKED,    "revoked")                                                                       \
    K(REVISION,   "revision")    /* a policy's bytes went live for a server; name: RECOMMENDED */  \
    K(SESSION,    "session")     /* begun or ended */                                              \
    K(GATEWAY,    "gateway")     /* started, stopped */                                            \
    K(CLOCK,      "clock")       /* an operator confirmed the clock */                             \
    K(MALFORMED,  "malformed")   /* a message that did not parse, with its reason and count */     \
    K(CHECKPOINT, "checkpoint")  /* current state at the start of a segment */                     \
    K(LIST,       "list")        /* a list was answered; count: how many were shown */             \
    K(RESET,      "reset")       /* an operator set a limit's counter back */                      \
    K(FROZEN,     "frozen")      /* an operator froze a grant, a server or everything; text: why */ \
    K(THAWED,     "thawed")                                                                        \
    K(PIN,        "pin")         /* a definition was accepted, is another one, or is forgotten: pin.h */ \
    K(DROPPED,    "dropped")     /* retention lets go of the records up to `count`; digest: the last one's hash */

#define RECOMMENDED STR("recommended") /* made of classes, not read from a file */

enum record_kind {
#define K(name, word) RECORD_##name,
    RECORD_KINDS(K)
#undef K
    RECORD_KIND_COUNT
};
const char *record_kind_name(enum record_kind kind);

#define OUTCOMES(O) O(not_sent) O(ok) O(tool_error) O(rpc_error) O(transport_error) O(cancelled) O(unknown)
enum outcome {
#define O(name) OUTCOME_##name,
    OUTCOMES(O)
#undef O
    OUTCOME_COUNT
};
const char *outcome_name(enum outcome outcome);

struct record {
    enum record_kind    kind;
    int64_t             at_ms;      /* Unix time */
    struct id           call;       /* decision, outcome */
    struct str          server, method, name; /* name: the tool, prompt or URI as asked */
    struct str          grant, session, client;
    struct sha256       digest;     /* of the canonical operation */
    struct sha256       revision;   /* of the policy's bytes that decided */
    enum reason         reason;     /* decision: allowed, or why not; outcome: how it ended */
    enum outcome        outcome;    /* outcome records */
    struct str          rule;       /* JSON Pointer */
    struct str          text;       /* grant label, session's client …: by kind */
    struct str          blob;       /* by kind: encoded grant, policy bytes */
    uint64_t            count;      /* DENIALS, MALFORMED */
    struct pinned_class class;      /* DECISION, DENIALS: the tool's, as it was judged; PIN */
    int64_t             micros;     /* outcome: from admission to the answer */
    bool                given_back; /* outcome: the debits went back */
    const struct debit *debits;     /* DECISION: keys and costs */
    const struct reservation *taken;
    size_t              debit_count;
};

void record_write(const struct record *record, struct buf *out);
/* Never below what record_write will append, before it is known which windows the debits come from. */
size_t record_size_max(const struct record *record);
/* Debits and strings in the arena or borrowed from bytes. E_SYNTAX: not a record; E_INVALID: of a later version. */
int  record_read(struct str bytes, struct arena *arena, struct record *out) NODISCARD;
/* The same without the debits, and without an arena: for who goes through many. */
int  record_skim(struct str bytes, struct record *out) NODISCARD;
/* One JSON object a record, for people and `--json`. */
struct json_writer;
void record_print_json(const struct record *record, uint64_t sequence, struct json_writer *writer);
