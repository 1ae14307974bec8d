/* Operators' acts: grants, revisions, the clock, limits. Each is in memory at once and told when durable: a new token
 * is shown to nobody before that, and a revoked one is refused from the call on. */
#include "store/store_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "store/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#define RESETS_A_RECORD 64

struct act { /* waits for its record */
    struct ledger_wait wait;
    struct list link; /* on store->acts */
    store_done *done;
    void *arg;
};

static void act_free(struct act *act)
{
    list_remove(&act->link);
    free(act);
}

static void act_is_durable(struct ledger_wait *wait)
{
    struct act *act = CONTAINER_OF(wait, struct act, wait);
    store_done *done = act->done;
    void *arg = act->arg;
    act_free(act);
    if (done != NULL)
        done(arg, 0);
}

static int act_new(struct store *store, store_done *done, void *arg, struct act **out)
{
    *out = malloc(sizeof **out);
    if (*out == NULL)
        return E_NOMEM;
    **out = (struct act){ .wait = { .done = act_is_durable }, .done = done, .arg = arg };
    list_init(&(*out)->wait.link);
    list_init(&(*out)->link);
    list_append(&store->acts, &(*out)->link);
    return 0;
}

int act_begin(struct store *store, store_done *done, void *arg, struct ledger_wait **wait)
{
    struct act *act;
    int error = act_new(store, done, arg, &act);
    *wait = error < 0 ? NULL : &act->wait;
    return error;
}

void act_cancel(struct ledger_wait *wait)
{
    act_free(CONTAINER_OF(wait, struct act, wait));
}

static int flush_now(struct store *store)
{
    AZ(store->options.loop);
    return ledger_write_now(store->ledger);
}

static void bury(struct deferred *deferred)
{
    struct store *store = CONTAINER_OF(deferred, struct store, bury);
    LIST_EACH (&store->buried, link, after) {
        list_remove(link);
        grant_entry_free(CONTAINER_OF(link, struct grant_entry, link));
    }
}

/* Whoever looked a grant up in this turn may still hold it. */
static void bury_later(struct store *store, struct grant_entry *entry)
{
    if (entry == NULL)
        return;
    list_append(&store->buried, &entry->link);
    if (store->options.loop == NULL)
        bury(&store->bury);
    else if (list_is_empty(&store->bury.link))
        loop_defer(store->options.loop, &store->bury);
}

const struct grant *store_grant(struct store *store, struct str id)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct grant_entry *entry = state_grant(&store->state, id);
    return entry == NULL ? NULL : &entry->grant;
}

int store_grant_each(struct store *store, int (*each)(void *arg, const struct grant *grant), void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    int stop = 0;
    LIST_EACH (&store->state.grants, link, after) {
        stop = each(arg, &CONTAINER_OF(link, struct grant_entry, link)->grant);
        if (stop != 0)
            break;
    }
    return stop;
}

static int grant_put(struct store *store, const struct grant *grant, struct ledger_wait *wait)
{
    struct buf bytes;
    int error = 0;
    if (!ledger_has_disk(store->ledger))
        return E_NOSPACE;
    struct grant_entry *entry = grant_entry_new(grant), *old;
    if (entry == NULL)
        return E_NOMEM;
    buf_init(&bytes, LIMIT_ledger_record / 2);
    grant_write(grant, &bytes);
    if (buf_ok(&bytes)) {
        struct record record = { .kind = RECORD_GRANT,
                                 .at_ms = store_now_ms(store),
                                 .grant = grant->id,
                                 .text = grant->label,
                                 .blob = buf_str(&bytes) };
        store_write(store, &record, wait);
        if (state_set_grant(&store->state, entry, &old) < 0)
            WRONG("no memory for a grant that is recorded");
        bury_later(store, old);
    } else {
        error = E_NOMEM;
        grant_entry_free(entry);
    }
    buf_release(&bytes);
    return error;
}

static void record_revoked(struct store *store, struct grant *grant, struct ledger_wait *wait)
{
    struct record record = {
        .kind = RECORD_REVOKED, .at_ms = store_now_ms(store), .grant = grant->id, .text = grant->label
    };
    store_write(store, &record, wait);
    if (grant->revoked_ms == 0)
        grant->revoked_ms = record.at_ms;
}

/* Those below it first: whoever waits for its own record waits for theirs. */
static int grant_revoke(struct store *store, struct str id, struct ledger_wait *wait)
{
    struct grant_entry *entry = state_grant(&store->state, id);
    if (entry == NULL)
        return E_NOT_FOUND;
    LIST_EACH (&store->state.grants, link, after) {
        struct grant *grant = &CONTAINER_OF(link, struct grant_entry, link)->grant;
        if (grant != &entry->grant && grant->revoked_ms == 0 && state_is_under(&store->state, grant, id))
            record_revoked(store, grant, NULL);
    }
    record_revoked(store, &entry->grant, wait);
    return 0;
}

int store_grant_ancestors(struct store *store, const struct grant *grant, int64_t now_ms,
                          const struct grant *out[LIMIT_grant_depth], size_t *count)
{
    *count = 0;
    while (grant->parent.len > 0) {
        grant = store_grant(store, grant->parent);
        if (grant == NULL || !grant_is_live(grant, now_ms) || *count == LIMIT_grant_depth)
            return E_NOT_FOUND;
        out[(*count)++] = grant;
    }
    return 0;
}

bool store_grant_is_under(const struct store *store, const struct grant *grant, struct str id)
{
    return state_is_under(&store->state, grant, id);
}

static int clock_confirm(struct store *store, struct ledger_wait *wait)
{
    struct record record = { .kind = RECORD_CLOCK, .at_ms = store_now_ms(store), .text = CLOCK_CONFIRMED };
    store_write(store, &record, wait);
    store->state.clock_jumped = false;
    store->drift_ms = clock_wall_ms(store->options.clock) - clock_mono_ms(store->options.clock);
    return 0;
}

/* The record says what was forgotten. */
static void limits_reset(struct store *store, const struct counter_view *views, size_t count, struct ledger_wait *wait)
{
    struct debit debits[RESETS_A_RECORD];
    struct reservation taken[RESETS_A_RECORD] = { 0 };
    for (size_t from = 0; from < count; from += RESETS_A_RECORD) {
        size_t some = count - from < RESETS_A_RECORD ? count - from : RESETS_A_RECORD;
        for (size_t i = 0; i < some; i++)
            debits[i] = (struct debit){ .key = views[from + i].key, .cost = views[from + i].used };
        struct record record = {
            .kind = RECORD_RESET, .at_ms = store_now_ms(store), .debits = debits, .taken = taken, .debit_count = some
        };
        store_write(store, &record, from + some == count ? wait : NULL);
        for (size_t i = 0; i < some; i++)
            counters_reset(store->state.counters, &debits[i].key);
    }
}

int store_grant_put(struct store *store, const struct grant *grant, store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct act *act;
    int error = act_new(store, done, arg, &act);
    if (error < 0)
        return error;
    error = grant_put(store, grant, &act->wait);
    if (error < 0)
        act_free(act);
    return error;
}

int store_grant_revoke(struct store *store, struct str id, store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct act *act;
    int error = act_new(store, done, arg, &act);
    if (error < 0)
        return error;
    error = grant_revoke(store, id, &act->wait);
    if (error < 0)
        act_free(act);
    return error;
}

int store_clock_confirm(struct store *store, store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct act *act;
    int error = act_new(store, done, arg, &act);
    return error < 0 ? error : clock_confirm(store, &act->wait);
}

int store_limits_reset(struct store *store, const struct counter_view *views, size_t count, store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    AN(count);
    struct act *act;
    int error = act_new(store, done, arg, &act);
    if (error == 0)
        limits_reset(store, views, count, &act->wait);
    return error;
}

int store_grant_put_now(struct store *store, const struct grant *grant)
{
    CHECK_OBJ(store, STORE_MAGIC);
    int error = grant_put(store, grant, NULL);
    return error < 0 ? error : flush_now(store);
}

int store_grant_revoke_now(struct store *store, struct str id)
{
    CHECK_OBJ(store, STORE_MAGIC);
    int error = grant_revoke(store, id, NULL);
    return error < 0 ? error : flush_now(store);
}

int store_clock_confirm_now(struct store *store)
{
    CHECK_OBJ(store, STORE_MAGIC);
    int error = clock_confirm(store, NULL);
    return error < 0 ? error : flush_now(store);
}

int store_limits_reset_now(struct store *store, const struct counter_view *views, size_t count)
{
    CHECK_OBJ(store, STORE_MAGIC);
    limits_reset(store, views, count, NULL);
    return flush_now(store);
}

int store_limits_view(struct store *store, int (*each)(void *arg, const struct counter_view *view), void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    return counters_view(store->state.counters, store_now_ms(store), each, arg);
}

void store_revision_each(struct store *store, void (*each)(void *arg, struct str server, struct str policy), void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    LIST_EACH (&store->state.revisions, link, after) {
        const struct revision_entry *entry = CONTAINER_OF(link, struct revision_entry, link);
        each(arg, entry->server, entry->policy);
    }
}

int store_limits_each(struct store *store,
                      int (*each)(void *arg, const struct counter_key *key, amount used, int64_t window_ms), void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    return counters_each(store->state.counters, each, arg);
}

static void put_revision(struct store *store, struct str server, bool recommended, struct str policy,
                         const struct sha256 *revision)
{
    CHECK_OBJ(store, STORE_MAGIC);
    const struct revision_entry *live = state_revision(&store->state, server, recommended);
    if (live != NULL && memcmp(&live->revision, revision, sizeof *revision) == 0)
        return;
    struct record record = {
        .kind = RECORD_REVISION, .at_ms = store_now_ms(store), .server = server, .revision = *revision, .blob = policy
    };
    if (recommended)
        record.name = RECOMMENDED;
    store_write(store, &record, NULL);
    if (state_set_revision(&store->state, server, recommended, policy, revision) < 0)
        WRONG("no memory for a revision that is recorded");
}

void store_revision(struct store *store, struct str server, struct str policy, const struct sha256 *revision)
{
    put_revision(store, server, false, policy, revision);
}

void store_recommend(struct store *store, struct str server, struct str policy, const struct sha256 *revision)
{
    put_revision(store, server, true, policy, revision);
}

struct str store_recommended(const struct store *store, struct str server, struct sha256 *revision)
{
    const struct revision_entry *entry = state_revision(&store->state, server, true);
    if (entry != NULL)
        *revision = entry->revision;
    return entry != NULL ? entry->policy : STR_EMPTY;
}

void grants_init(struct store *store)
{
    list_init(&store->acts);
    list_init(&store->buried);
    list_init(&store->bury.link);
    store->bury.run = bury;
}

/* Acts that are left were written with the last batch; whoever waited for them is gone. */
void grants_release(struct store *store)
{
    LIST_EACH (&store->acts, link, after)
        act_free(CONTAINER_OF(link, struct act, link));
    if (!list_is_empty(&store->bury.link))
        list_remove(&store->bury.link);
    bury(&store->bury);
}
