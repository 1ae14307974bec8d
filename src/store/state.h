/* What replaying the ledger gives: counters, grants, policies' revisions, calls that are open. Every change of it has a
 * record; a checkpoint is the same state as records, so that a segment can be read without the ones before it. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "model/counters.h"
#include "model/freeze.h"
#include "model/grant.h"
#include "model/pin.h"
#include "model/record.h"
#include "store/chain.h"

#include <stdbool.h>
#include <stdint.h>

#define GRANT_BYTES 262144 /* one grant's strings and lists in memory */

struct open_call {          /* admitted, without an outcome yet; on state->open */
    struct list link;
    struct id   id;
};

struct grant_entry {
    struct list  link;      /* on state->grants, oldest first */
    struct grant grant;
    struct arena arena;     /* owns the grant's strings and lists */
};

struct revision_entry {     /* the policy that is live for a server, or the recommended one that it keeps */
    struct list   link;
    bool          recommended;
    struct str    server, policy;
    struct sha256 revision;
    char          bytes[];
};

struct freeze_entry {
    struct list   link;
    struct freeze freeze;
    char          bytes[];
};

struct pin_entry {          /* what was accepted of a server: a tool, a prompt ... */
    struct list link;       /* on its pin_server */
    enum pin_kind kind;
    struct pin  accepted, seen;
    bool        changed;    /* `seen` is listed, and another one */
    struct pinned_class ruled; /* by an operator; unknown: nothing */
    bool        chosen;     /* by the operator, within one call */
    int64_t     accepted_ms, changed_ms;
    struct str  name;
    char        bytes[];
};

struct pin_server {
    struct list link;       /* on state->pins */
    struct list entries;    /* oldest first */
    struct map  by_name[PIN_KIND_COUNT];
    size_t      counts[PIN_KIND_COUNT], count;
    size_t      name_bytes; /* of all but tools */
    size_t      texts_left, changes_left; /* to be recorded in this run */
    unsigned    full;       /* a bit for each kind of which it was said that there is no more room */
    struct str  name;
    char        bytes[];
};

struct state {
    struct counters *counters;
    struct map       grants_by_id;
    struct list      grants, revisions, open, freezes, pins;
    struct map       frozen[FREEZE_SCOPE_COUNT]; /* by name */
    size_t           freeze_count;
    struct chain_head dropped;       /* the last record that retention let go of; sequence 0: none */
    bool             clock_jumped;   /* calls with limits wait for the operator */
};

int  state_init(struct state *state) NODISCARD;
void state_release(struct state *state);

struct grant_entry *grant_entry_new(const struct grant *grant) NODISCARD; /* a copy; NULL: no memory */
void grant_entry_free(struct grant_entry *entry);
struct grant_entry *state_grant(const struct state *state, struct str id);
/* Takes the entry; *old is what it replaces, for the caller to free when nobody looks at it any more, or NULL. */
int  state_set_grant(struct state *state, struct grant_entry *entry, struct grant_entry **old) NODISCARD;
/* True if the grant is the one of this id, or was made under it. */
bool state_is_under(const struct state *state, const struct grant *grant, struct str id);
/* With all that were made under it. */
void state_revoke(struct state *state, struct str id, int64_t at_ms);
const struct revision_entry *state_revision(const struct state *state, struct str server, bool recommended);
int  state_set_revision(struct state *state, struct str server, bool recommended, struct str policy,
                        const struct sha256 *revision) NODISCARD;

/* freezes.c. Setting copies. What is frozen already stays so since its first time, and keeps its reason where the new
 * one has none. Thawing what is not frozen does nothing. */
void state_freezes_init(struct state *state);
void state_freezes_release(struct state *state);
const struct freeze *state_freeze(const struct state *state, enum freeze_scope scope, struct str name);
int  state_set_freeze(struct state *state, const struct freeze *freeze) NODISCARD;
void state_thaw(struct state *state, enum freeze_scope scope, struct str name);

/* pin_state.c. What is not there is made; NULL: no memory. */
void state_pins_release(struct state *state);
struct pin_server *state_pin_server(const struct state *state, struct str name); /* NULL: nothing of it was accepted */
struct pin_server *state_pin_server_make(struct state *state, struct str name);
struct pin_entry *pin_entry_of(const struct pin_server *server, enum pin_kind kind, struct str name); /* NULL: never accepted */
struct pin_entry *pin_entry_make(struct pin_server *server, enum pin_kind kind, struct str name);
void pin_entry_accept(struct pin_entry *entry, const struct pin *pin, int64_t now_ms);
void pin_entry_change(struct pin_entry *entry, const struct pin *pin, int64_t now_ms);
void pin_entry_forget(struct pin_server *server, struct pin_entry *entry);
int  state_pin_replay(struct state *state, const struct record *record) NODISCARD;
/* A server's pins in a checkpoint: some of them as bytes, from *at on, which moves; NULL at the end. */
void state_pins_write(const struct pin_server *server, struct list **at, struct buf *out);
int  state_pins_read(struct state *state, struct str server, struct str bytes) NODISCARD;

/* One record of a segment that is read at start. Open calls are collected by state_replay_begin/_end. */
struct replay {
    struct state *state;
    struct map    open;     /* by call id */
};
void state_replay_begin(struct replay *replay, struct state *state);
int  state_replay(struct replay *replay, const struct record *record) NODISCARD;
/* Open calls now stand on state->open; each was allocated with malloc. */
void state_replay_end(struct replay *replay);

/* The whole state as CHECKPOINT records, in an order that replays. `each` returns negative to end it. */
typedef int state_each(void *arg, const struct record *record);
int  state_checkpoint(struct state *state, int64_t now_ms, state_each *each, void *arg) NODISCARD;
