/* What each record does to the state when a segment is read at start. */
#include "store/state.h"

#include "base/check.h"
#include "store/checkpoint.h"

#include <stdlib.h>
#include <string.h>

void state_replay_begin(struct replay *replay, struct state *state)
{
    replay->state = state;
    map_init(&replay->open);
}

static struct str id_key(const struct id *id)
{
    return str_of((const char *)id->bytes, sizeof id->bytes);
}

/* A call that is admitted twice is open once: each has one outcome, and the last word is its outcome's. */
static int call_opened(struct replay *replay, const struct id *id)
{
    if (map_get(&replay->open, id_key(id)) != NULL)
        return 0;
    struct open_call *call = malloc(sizeof *call);
    if (call == NULL)
        return E_NOMEM;
    list_init(&call->link);
    call->id = *id;
    int error = map_set(&replay->open, id_key(&call->id), call);
    if (error < 0)
        free(call);
    else
        list_append(&replay->state->open, &call->link);
    return error;
}

static void call_closed(struct replay *replay, const struct id *id)
{
    struct open_call *call = map_remove(&replay->open, id_key(id));
    if (call == NULL)
        return;
    list_remove(&call->link);
    free(call);
}

static int debits_taken(struct counters *counters, const struct record *record)
{
    int error = 0;
    for (size_t i = 0; i < record->debit_count && error == 0; i++)
        error = counters_replay(counters, &record->debits[i].key, record->debits[i].cost, record->taken[i].window_ms);
    return error;
}

static int decision(struct replay *replay, const struct record *record)
{
    if (record->reason != REASON_allowed)
        return 0;
    int error = call_opened(replay, &record->call);
    return error < 0 ? error : debits_taken(replay->state->counters, record);
}

static int outcome(struct replay *replay, const struct record *record)
{
    int error = 0;
    call_closed(replay, &record->call);
    for (size_t i = 0; record->given_back && i < record->debit_count && error == 0; i++)
        error = counters_replay_back(replay->state->counters, &record->debits[i].key, record->debits[i].cost,
                                     record->taken[i].window_ms);
    return error;
}

static int grant_replayed(struct state *state, const struct record *record)
{
    struct arena arena;
    struct grant grant;
    struct grant_entry *old = NULL;
    arena_init(&arena, NULL, GRANT_BYTES);
    int error = grant_read(record->blob, &arena, &grant);
    if (error == 0) {
        struct grant_entry *entry = grant_entry_new(&grant);
        error = entry == NULL ? E_NOMEM : state_set_grant(state, entry, &old);
        if (error < 0)
            grant_entry_free(entry);
        grant_entry_free(old);
    }
    arena_release(&arena);
    return error;
}

static int open_calls_replayed(struct replay *replay, struct str ids)
{
    struct id id;
    if (ids.len % sizeof id.bytes != 0)
        return E_CORRUPT;
    int error = 0;
    for (size_t at = 0; at < ids.len && error == 0; at += sizeof id.bytes) {
        memcpy(id.bytes, ids.ptr + at, sizeof id.bytes);
        error = call_opened(replay, &id);
    }
    return error;
}

static int freeze_replayed(struct state *state, const struct record *record, struct str reason, int64_t since_ms)
{
    struct freeze freeze;
    freeze_of_record(record, &freeze);
    freeze.reason = reason;
    freeze.since_ms = since_ms;
    return state_set_freeze(state, &freeze);
}

static void thaw_replayed(struct state *state, const struct record *record)
{
    struct freeze freeze;
    freeze_of_record(record, &freeze);
    state_thaw(state, freeze.scope, freeze.name);
}

static int revision_replayed(struct state *state, const struct record *record)
{
    return state_set_revision(state, record->server, str_eq(record->name, RECOMMENDED), record->blob,
                              &record->revision);
}

static int checkpoint_replayed(struct replay *replay, const struct record *record)
{
    struct state *state = replay->state;
    if (str_eq(record->text, CHECKPOINT_CLOCK)) {
        if (record->micros != 0)
            counters_expire(state->counters, record->micros);
        state->clock_jumped = record->count != 0;
        return 0;
    }
    if (str_eq(record->text, CHECKPOINT_GRANT))
        return grant_replayed(state, record);
    if (str_eq(record->text, CHECKPOINT_REVISION))
        return revision_replayed(state, record);
    if (str_eq(record->text, CHECKPOINT_COUNTERS))
        return debits_taken(state->counters, record);
    if (str_eq(record->text, CHECKPOINT_FREEZE))
        return freeze_replayed(state, record, record->blob, record->micros);
    if (str_eq(record->text, CHECKPOINT_PINS))
        return state_pins_read(state, record->server, record->blob);
    if (str_eq(record->text, CHECKPOINT_DROPPED)) {
        state->dropped = (struct chain_head){ record->count, record->digest };
        return 0;
    }
    if (str_eq(record->text, CHECKPOINT_OPEN))
        return open_calls_replayed(replay, record->blob);
    return E_CORRUPT;
}

static int reset_replayed(struct state *state, const struct record *record)
{
    for (size_t i = 0; i < record->debit_count; i++)
        counters_reset(state->counters, &record->debits[i].key);
    return 0;
}

int state_replay(struct replay *replay, const struct record *record)
{
    struct state *state = replay->state;
    switch (record->kind) {
    case RECORD_DECISION: return decision(replay, record);
    case RECORD_OUTCOME: return outcome(replay, record);
    case RECORD_GRANT: return grant_replayed(state, record);
    case RECORD_REVOKED: state_revoke(state, record->grant, record->at_ms); return 0;
    case RECORD_REVISION: return revision_replayed(state, record);
    case RECORD_CLOCK: state->clock_jumped = str_eq(record->text, CLOCK_JUMPED); return 0;
    case RECORD_CHECKPOINT: return checkpoint_replayed(replay, record);
    case RECORD_RESET: return reset_replayed(state, record);
    case RECORD_FROZEN: return freeze_replayed(state, record, record->text, record->at_ms);
    case RECORD_THAWED: thaw_replayed(state, record); return 0;
    case RECORD_DROPPED: state->dropped = (struct chain_head){ record->count, record->digest }; return 0;
    case RECORD_PIN: return state_pin_replay(state, record);
    case RECORD_DENIALS:
    case RECORD_SESSION:
    case RECORD_GATEWAY:
    case RECORD_MALFORMED:
    case RECORD_LIST: return 0;
    case RECORD_KIND_COUNT: break;
    }
    WRONG("a record of no kind");
}

void state_replay_end(struct replay *replay)
{
    map_release(&replay->open);
}
