/* Freezes: in memory at once, so that no call is sent from then on; told when durable. */
#include "store/store_types.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

/* ---- the state's part ---- */

const struct freeze *state_freeze(const struct state *state, enum freeze_scope scope, struct str name)
{
    const struct freeze_entry *entry = map_get(&state->frozen[scope], name);
    return entry == NULL ? NULL : &entry->freeze;
}

int state_set_freeze(struct state *state, const struct freeze *freeze)
{
    const struct freeze *before = state_freeze(state, freeze->scope, freeze->name);
    struct str reason = before != NULL && freeze->reason.len == 0 ? before->reason : freeze->reason;
    struct freeze_entry *entry = malloc(sizeof *entry + freeze->name.len + reason.len);
    if (entry == NULL)
        return E_NOMEM;
    list_init(&entry->link);
    entry->freeze = *freeze;
    if (before != NULL)
        entry->freeze.since_ms = before->since_ms;
    if (freeze->name.len > 0)
        memcpy(entry->bytes, freeze->name.ptr, freeze->name.len);
    if (reason.len > 0)
        memcpy(entry->bytes + freeze->name.len, reason.ptr, reason.len);
    entry->freeze.name = str_of(entry->bytes, freeze->name.len);
    entry->freeze.reason = str_of(entry->bytes + freeze->name.len, reason.len);
    state_thaw(state, freeze->scope, freeze->name);
    int error = map_set(&state->frozen[freeze->scope], entry->freeze.name, entry);
    if (error < 0) {
        free(entry);
        return error;
    }
    list_append(&state->freezes, &entry->link);
    state->freeze_count++;
    return 0;
}

void state_thaw(struct state *state, enum freeze_scope scope, struct str name)
{
    struct freeze_entry *entry = map_remove(&state->frozen[scope], name);
    if (entry == NULL)
        return;
    list_remove(&entry->link);
    state->freeze_count--;
    free(entry);
}

void state_freezes_init(struct state *state)
{
    list_init(&state->freezes);
    for (int scope = 0; scope < FREEZE_SCOPE_COUNT; scope++)
        map_init(&state->frozen[scope]);
}

void state_freezes_release(struct state *state)
{
    LIST_EACH (&state->freezes, link, after)
        free(CONTAINER_OF(link, struct freeze_entry, link));
    for (int scope = 0; scope < FREEZE_SCOPE_COUNT; scope++)
        map_release(&state->frozen[scope]);
}

/* ---- the store's ---- */

/* A chain of parents is as long as it was checked to be when each was made. */
static bool grant_is_frozen(const struct store *store, struct str id)
{
    while (id.len > 0 && state_freeze(&store->state, FREEZE_GRANT, id) == NULL) {
        const struct grant_entry *entry = state_grant(&store->state, id);
        id = entry == NULL ? STR_EMPTY : entry->grant.parent;
    }
    return id.len > 0;
}

bool store_is_frozen(const struct store *store, struct str server, struct str grant)
{
    const struct state *state = &store->state;
    return state->freeze_count > 0 &&
           (state_freeze(state, FREEZE_ALL, STR_EMPTY) != NULL || state_freeze(state, FREEZE_SERVER, server) != NULL ||
            grant_is_frozen(store, grant));
}

const struct freeze *store_freeze_of(const struct store *store, enum freeze_scope scope, struct str name)
{
    return state_freeze(&store->state, scope, name);
}

int store_freeze_each(struct store *store, int (*each)(void *arg, const struct freeze *freeze), void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    int stop = 0;
    LIST_EACH (&store->state.freezes, link, after) {
        stop = each(arg, &CONTAINER_OF(link, struct freeze_entry, link)->freeze);
        if (stop != 0)
            break;
    }
    return stop;
}

static int freeze_set(struct store *store, const struct freeze *freeze, bool on, struct ledger_wait *wait)
{
    struct state *state = &store->state;
    bool is_frozen = state_freeze(state, freeze->scope, freeze->name) != NULL;
    struct freeze at = *freeze;
    if (!on && !is_frozen)
        return E_NOT_FOUND;
    if (on && !is_frozen && state->freeze_count >= LIMIT_freezes)
        return E_LIMIT;
    at.since_ms = store_now_ms(store);
    struct record record = { .kind = on ? RECORD_FROZEN : RECORD_THAWED, .at_ms = at.since_ms, .text = freeze->reason };
    freeze_to_record(freeze, &record);
    store_write(store, &record, wait);
    if (!on)
        state_thaw(state, freeze->scope, freeze->name);
    else if (state_set_freeze(state, &at) < 0)
        WRONG("no memory for a freeze that is recorded");
    return 0;
}

int store_freeze(struct store *store, const struct freeze *freeze, bool on, store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct ledger_wait *wait;
    int error = act_begin(store, done, arg, &wait);
    if (error < 0)
        return error;
    error = freeze_set(store, freeze, on, wait);
    if (error < 0)
        act_cancel(wait);
    return error;
}

int store_freeze_now(struct store *store, const struct freeze *freeze, bool on)
{
    CHECK_OBJ(store, STORE_MAGIC);
    AZ(store->options.loop);
    int error = freeze_set(store, freeze, on, NULL);
    return error < 0 ? error : ledger_write_now(store->ledger);
}
