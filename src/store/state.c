/* The store's memory: grants and revisions, and what each record does to them. */
#include "store/state.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

int state_init(struct state *state)
{
    *state = (struct state){ 0 };
    map_init(&state->grants_by_id);
    list_init(&state->grants);
    list_init(&state->revisions);
    list_init(&state->open);
    list_init(&state->pins);
    state_freezes_init(state);
    return counters_new(&state->counters);
}

void state_release(struct state *state)
{
    LIST_EACH (&state->grants, link, after) {
        list_remove(link);
        grant_entry_free(CONTAINER_OF(link, struct grant_entry, link));
    }
    LIST_EACH (&state->revisions, link, after) {
        list_remove(link);
        free(CONTAINER_OF(link, struct revision_entry, link));
    }
    map_release(&state->grants_by_id);
    state_freezes_release(state);
    state_pins_release(state);
    counters_free(state->counters);
    state->counters = NULL;
}

static bool strs_copy(struct arena *arena, const struct str *from, size_t count, struct str **out)
{
    *out = NULL;
    if (count == 0)
        return true;
    *out = arena_zalloc(arena, count * sizeof **out);
    if (*out == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = arena_str(arena, from[i]);
        if ((*out)[i].ptr == NULL)
            return false;
    }
    return true;
}

struct grant_entry *grant_entry_new(const struct grant *grant)
{
    struct grant_entry *entry = malloc(sizeof *entry);
    if (entry == NULL)
        return NULL;
    list_init(&entry->link);
    arena_init(&entry->arena, NULL, GRANT_BYTES);
    entry->grant = *grant;
    entry->grant.id = arena_str(&entry->arena, grant->id);
    entry->grant.label = arena_str(&entry->arena, grant->label);
    entry->grant.parent = arena_str(&entry->arena, grant->parent);
    if (entry->grant.id.ptr == NULL || entry->grant.label.ptr == NULL || entry->grant.parent.ptr == NULL ||
        !strs_copy(&entry->arena, grant->tags, grant->tag_count, &entry->grant.tags) ||
        !strs_copy(&entry->arena, grant->servers, grant->server_count, &entry->grant.servers)) {
        grant_entry_free(entry);
        return NULL;
    }
    return entry;
}

void grant_entry_free(struct grant_entry *entry)
{
    if (entry == NULL)
        return;
    arena_release(&entry->arena);
    free(entry);
}

struct grant_entry *state_grant(const struct state *state, struct str id)
{
    return map_get(&state->grants_by_id, id);
}

int state_set_grant(struct state *state, struct grant_entry *entry, struct grant_entry **old)
{
    *old = state_grant(state, entry->grant.id);
    if (*old != NULL) {
        map_remove(&state->grants_by_id, entry->grant.id); /* its key goes with the old entry */
        list_remove(&(*old)->link);
    }
    int error = map_set(&state->grants_by_id, entry->grant.id, entry);
    if (error == 0)
        list_append(&state->grants, &entry->link);
    return error;
}

bool state_is_under(const struct state *state, const struct grant *grant, struct str id)
{
    for (size_t depth = 0; depth <= LIMIT_grant_depth; depth++) {
        if (str_eq(grant->id, id))
            return true;
        const struct grant_entry *parent = grant->parent.len > 0 ? state_grant(state, grant->parent) : NULL;
        if (parent == NULL)
            return false;
        grant = &parent->grant;
    }
    return false;
}

void state_revoke(struct state *state, struct str id, int64_t at_ms)
{
    LIST_EACH (&state->grants, link, after) {
        struct grant *grant = &CONTAINER_OF(link, struct grant_entry, link)->grant;
        if (grant->revoked_ms == 0 && state_is_under(state, grant, id))
            grant->revoked_ms = at_ms;
    }
}

static struct revision_entry *revision_find(const struct state *state, struct str server, bool recommended)
{
    LIST_EACH (&state->revisions, link, after) {
        struct revision_entry *entry = CONTAINER_OF(link, struct revision_entry, link);
        if (entry->recommended == recommended && str_eq(entry->server, server))
            return entry;
    }
    return NULL;
}

const struct revision_entry *state_revision(const struct state *state, struct str server, bool recommended)
{
    return revision_find(state, server, recommended);
}

int state_set_revision(struct state *state, struct str server, bool recommended, struct str policy,
                       const struct sha256 *revision)
{
    struct revision_entry *entry = malloc(sizeof *entry + server.len + policy.len);
    if (entry == NULL)
        return E_NOMEM;
    if (server.len > 0)
        memcpy(entry->bytes, server.ptr, server.len);
    if (policy.len > 0)
        memcpy(entry->bytes + server.len, policy.ptr, policy.len);
    entry->server = str_of(entry->bytes, server.len);
    entry->policy = str_of(entry->bytes + server.len, policy.len);
    entry->revision = *revision;
    entry->recommended = recommended;
    struct revision_entry *old = revision_find(state, server, recommended);
    if (old != NULL) {
        list_remove(&old->link);
        free(old);
    }
    list_append(&state->revisions, &entry->link);
    return 0;
}
