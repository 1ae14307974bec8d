/* Admissions: reserved and recorded in one step, told when durable, settled once. */
#include "store/store_types.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

#define ADMISSION_MAGIC 0x41444d49u
#define INLINE_BYTES 1024 /* debits of one call; more of them stand on the heap */
#define HEAP_KEPT 8192    /* of which a free admission keeps so much for the next call */
#define FREE_KEPT 1024

enum admission_state {
    ADMISSION_QUEUED,   /* on store->waiting; `done` will run */
    ADMISSION_GIVEN_UP, /* failed or abandoned; settles itself when it is durable */
    ADMISSION_TAKEN,    /* the caller's */
};

struct admission {
    unsigned magic;
    enum admission_state state;
    struct store *store;
    struct ledger_wait wait;
    struct list link; /* on store->waiting, or on store->instant */
    struct open_call open;
    admit_done *done;
    void *arg;
    enum reason reason;            /* why it was given up */
    int64_t deadline_ms, begun_ms; /* monotonic */
    struct debit *debits;
    struct reservation *taken;
    size_t debit_count;
    struct admission *next_free;
    void *heap; /* what did not fit into `bytes`; kept while it is free */
    size_t heap_size;
    _Alignas(16) char bytes[INLINE_BYTES];
};

static size_t debits_size(const struct debit *debits, size_t count)
{
    size_t size = count * (sizeof *debits + sizeof(struct reservation));
    for (size_t i = 0; i < count; i++)
        size += debits[i].key.scope_value.len + debits[i].key.server.len + debits[i].key.counter.len;
    return size;
}

static struct str str_put(char **at, struct str s)
{
    struct str put = str_of(*at, s.len);
    if (s.len > 0)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return put;
}

/* What giving back and releasing need of them; rule and message stay with the caller. */
static int debits_copy(struct admission *admission, const struct debit *debits, size_t count)
{
    size_t size = debits_size(debits, count);
    char *at = admission->bytes;
    if (size > INLINE_BYTES) {
        if (size > admission->heap_size) {
            free(admission->heap);
            admission->heap = malloc(size);
            admission->heap_size = admission->heap == NULL ? 0 : size;
        }
        if (admission->heap == NULL)
            return E_NOMEM;
        at = admission->heap;
    }
    admission->debits = (struct debit *)(void *)at;
    admission->taken = (struct reservation *)(void *)(at + count * sizeof *debits);
    admission->debit_count = count;
    at += count * (sizeof *debits + sizeof *admission->taken);
    for (size_t i = 0; i < count; i++) {
        struct debit *copy = &admission->debits[i];
        *copy = debits[i];
        copy->rule = copy->message = STR_EMPTY;
        copy->key.scope_value = str_put(&at, debits[i].key.scope_value);
        copy->key.server = str_put(&at, debits[i].key.server);
        copy->key.counter = str_put(&at, debits[i].key.counter);
    }
    return 0;
}

static void queued_done(struct ledger_wait *wait);

static struct admission *admission_take(struct store *store)
{
    struct admission *admission = store->free_admissions;
    if (admission != NULL) {
        store->free_admissions = admission->next_free;
        store->free_count--;
    } else {
        admission = malloc(sizeof *admission);
        if (admission == NULL)
            return NULL;
        admission->heap = NULL;
        admission->heap_size = 0;
    }
    memset(admission, 0, offsetof(struct admission, heap));
    admission->magic = ADMISSION_MAGIC;
    admission->store = store;
    admission->wait.done = queued_done;
    list_init(&admission->wait.link);
    list_init(&admission->link);
    list_init(&admission->open.link);
    return admission;
}

static void admission_free(struct admission *admission)
{
    struct store *store = admission->store;
    admission->magic = 0;
    if (store->free_count == FREE_KEPT || admission->heap_size > HEAP_KEPT) {
        free(admission->heap);
        admission->heap = NULL;
        admission->heap_size = 0;
    }
    if (store->free_count == FREE_KEPT) {
        free(admission);
        return;
    }
    admission->next_free = store->free_admissions;
    store->free_admissions = admission;
    store->free_count++;
}

/* The record goes first: a segment that begins with it must hold the state from before. */
static void settle(struct admission *admission, enum outcome outcome, enum reason reason, bool give_back)
{
    struct store *store = admission->store;
    if (give_back)
        counters_settle_resets(store->state.counters, admission->debits, admission->debit_count, admission->taken);
    if (store->options.audit != AUDIT_OFF) {
        struct record record = {
            .kind = RECORD_OUTCOME,
            .at_ms = store_now_ms(store),
            .call = admission->open.id,
            .outcome = outcome,
            .reason = reason,
            .given_back = give_back,
            .micros = (clock_mono_ms(store->options.clock) - admission->begun_ms) * 1000,
        };
        if (give_back) {
            record.debits = admission->debits;
            record.taken = admission->taken;
            record.debit_count = admission->debit_count;
        }
        store_write(store, &record, NULL);
    }
    if (give_back)
        counters_give_back(store->state.counters, admission->debits, admission->debit_count, admission->taken);
    else
        counters_release(store->state.counters, admission->debits, admission->debit_count);
    list_remove(&admission->open.link);
    admission_free(admission);
}

static void tell(struct admission *admission)
{
    if (admission->state == ADMISSION_GIVEN_UP) {
        settle(admission, OUTCOME_not_sent, admission->reason, true);
        return;
    }
    struct admit_result result = { .what = ADMITTED, .admission = admission, .reason = REASON_allowed };
    list_remove(&admission->link);
    admission->state = ADMISSION_TAKEN;
    admission->done(admission->arg, &result);
}

static void queued_done(struct ledger_wait *wait)
{
    tell(CONTAINER_OF(wait, struct admission, wait));
}

static void tell_instant(struct deferred *deferred)
{
    struct store *store = CONTAINER_OF(deferred, struct store, tell_instant);
    struct list now;
    list_init(&now);
    LIST_EACH (&store->instant, link, after) { /* what is admitted meanwhile waits for the next turn */
        list_remove(link);
        list_append(&now, link);
    }
    while (!list_is_empty(&now)) {
        struct list *first = now.next;
        list_remove(first);
        tell(CONTAINER_OF(first, struct admission, link));
    }
}

static void deadline_passed(struct timer *timer)
{
    struct store *store = CONTAINER_OF(timer, struct store, deadline);
    int64_t now_ms = loop_now_ms(store->options.loop);
    while (!list_is_empty(&store->waiting)) {
        struct admission *admission = CONTAINER_OF(store->waiting.next, struct admission, link);
        if (admission->deadline_ms > now_ms) {
            timer_start(timer, admission->deadline_ms - now_ms);
            return;
        }
        struct admit_result result = { .what = ADMIT_FAILED, .reason = REASON_audit_unavailable };
        list_remove(&admission->link);
        admission->state = ADMISSION_GIVEN_UP;
        admission->reason = REASON_audit_unavailable;
        admission->done(admission->arg, &result);
    }
}

static int refused(struct admit_result *result, enum admitted what, enum reason reason)
{
    result->what = what;
    result->reason = reason;
    result->admission = NULL;
    return E_LIMIT;
}

/* Concurrency alone has no window. */
static enum reason over_reason(const struct debit *debit)
{
    return debit->key.window.kind == WINDOW_CONCURRENT ? REASON_concurrent : REASON_rate_limited;
}

static int reserve(struct store *store, struct admission *admission, const struct debit *debits, size_t count,
                   int64_t now_ms, struct admit_result *result)
{
    if (debits_copy(admission, debits, count) < 0)
        return refused(result, ADMIT_FAILED, REASON_audit_unavailable);
    int error =
        counters_reserve(store->state.counters, admission->debits, count, now_ms, admission->taken, &result->over);
    if (error == E_LIMIT)
        return refused(result, ADMIT_OVER, over_reason(&debits[result->over.debit]));
    return error < 0 ? refused(result, ADMIT_FAILED, REASON_audit_unavailable) : 0;
}

static void enqueue(struct store *store, struct admission *admission, const struct record *record, size_t size)
{
    if (store->options.audit == AUDIT_OFF) {
        list_append(&store->unrecorded, &admission->open.link);
        list_append(&store->instant, &admission->link);
        if (list_is_empty(&store->tell_instant.link))
            loop_defer(store->options.loop, &store->tell_instant);
        return;
    }
    list_append(&store->state.open, &admission->open.link);
    list_append(&store->waiting, &admission->link);
    store_append(store, record, size, &admission->wait);
    if (!store->deadline.running)
        timer_start(&store->deadline, LIMIT_admission_ms);
    store_submit_if_due(store, false);
}

int store_admit(struct store *store, const struct record *record, const struct debit *debits, size_t count,
                admit_done *done, void *arg, struct admission **out, struct admit_result *result)
{
    CHECK_OBJ(store, STORE_MAGIC);
    AN(store->options.loop);
    *out = NULL;
    *result = (struct admit_result){ .what = ADMIT_FAILED };
    int64_t now_ms = store_now_ms(store), mono_ms = clock_mono_ms(store->options.clock);
    if (count > 0 && store_clock_jumped_at(store, now_ms, mono_ms))
        return refused(result, ADMIT_CLOCK_JUMP, REASON_clock_jump);

    struct record whole = *record;
    whole.kind = RECORD_DECISION;
    whole.reason = REASON_allowed;
    whole.debits = debits;
    whole.debit_count = count;
    if (whole.at_ms == 0)
        whole.at_ms = now_ms;
    size_t size = record_size_max(&whole);
    if (!ledger_has_disk(store->ledger) || store_room(store, size) < 0)
        return refused(result, ADMIT_FAILED, REASON_audit_unavailable);

    struct admission *admission = admission_take(store);
    if (admission == NULL)
        return refused(result, ADMIT_FAILED, REASON_audit_unavailable);
    int error = reserve(store, admission, debits, count, now_ms, result);
    if (error < 0) {
        admission_free(admission);
        return error;
    }
    whole.taken = admission->taken;
    admission->done = done;
    admission->arg = arg;
    admission->open.id = whole.call;
    admission->begun_ms = mono_ms;
    admission->deadline_ms = loop_now_ms(store->options.loop) + LIMIT_admission_ms;
    *out = admission;
    enqueue(store, admission, &whole, size);
    return 0;
}

void store_admit_abandon(struct store *store, struct admission *admission, enum reason reason)
{
    CHECK_OBJ(store, STORE_MAGIC);
    CHECK_OBJ(admission, ADMISSION_MAGIC);
    CHECK(admission->state == ADMISSION_QUEUED);
    if (store->options.audit != AUDIT_OFF)
        list_remove(&admission->link);
    admission->state = ADMISSION_GIVEN_UP;
    admission->reason = reason;
}

void store_settle(struct store *store, struct admission *admission, enum outcome outcome, enum reason reason,
                  bool give_back)
{
    CHECK_OBJ(store, STORE_MAGIC);
    CHECK_OBJ(admission, ADMISSION_MAGIC);
    CHECK(admission->state == ADMISSION_TAKEN);
    settle(admission, outcome, reason, give_back);
}

void admissions_init(struct store *store)
{
    list_init(&store->waiting);
    list_init(&store->instant);
    list_init(&store->unrecorded);
    list_init(&store->tell_instant.link);
    store->tell_instant.run = tell_instant;
    if (store->options.loop != NULL)
        timer_init(&store->deadline, store->options.loop, deadline_passed);
}

/* Nobody was told about these, so nothing of them was sent. */
void admissions_close(struct store *store)
{
    timer_stop(&store->deadline);
    LIST_EACH (&store->state.open, link, after) {
        struct admission *admission = CONTAINER_OF(CONTAINER_OF(link, struct open_call, link), struct admission, open);
        CHECK_OBJ(admission, ADMISSION_MAGIC);
        if (admission->state == ADMISSION_TAKEN)
            continue;
        list_remove(&admission->wait.link);
        list_remove(&admission->link);
        settle(admission, OUTCOME_not_sent, REASON_shutting_down, true);
    }
}

static void open_release(struct list *open)
{
    LIST_EACH (open, link, after) {
        struct open_call *call = CONTAINER_OF(link, struct open_call, link);
        struct admission *admission = CONTAINER_OF(call, struct admission, open);
        CHECK_OBJ(admission, ADMISSION_MAGIC);
        list_remove(&admission->wait.link);
        list_remove(&admission->link);
        list_remove(&admission->open.link);
        admission_free(admission);
    }
}

/* Calls that are still under way at the end have no outcome; the next start records it as unknown. */
void admissions_release(struct store *store)
{
    if (!list_is_empty(&store->tell_instant.link))
        list_remove(&store->tell_instant.link);
    open_release(&store->state.open);
    open_release(&store->unrecorded);
    while (store->free_admissions != NULL) {
        struct admission *admission = store->free_admissions;
        store->free_admissions = admission->next_free;
        free(admission->heap);
        free(admission);
    }
}
