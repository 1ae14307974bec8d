/* Opening and closing of the store, and the one door through which every record goes to the ledger. */
#include "base/plural.h"
#include "store/store_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/checkpoint.h"
#include "store/directory.h"
#include "store/format.h"
#include "store/projection.h"
#include "store/segment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 1000
#define READ_AT_START_BYTES 524288u /* a stop leaves no more than about that to read at the next start */
#define JUMP_MS INT64_C(3600000)

int64_t store_now_ms(const struct store *store)
{
    return clock_wall_ms(store->options.clock);
}

static int64_t drift_now_ms(const struct store *store)
{
    return clock_wall_ms(store->options.clock) - clock_mono_ms(store->options.clock);
}

static int checkpoint_append(void *arg, const struct record *record)
{
    struct store *store = arg;
    size_t size = record_size_max(record);
    int error = ledger_reserve(store->ledger, size);
    if (error == 0)
        ledger_append(store->ledger, record, size, NULL);
    return error;
}

static int segment_begin(struct store *store, size_t record_size, bool last)
{
    int64_t now_ms = store_now_ms(store);
    ledger_segment_begin(store->ledger);
    store->queued = 0;
    int error = state_checkpoint(&store->state, now_ms, checkpoint_append, store);
    if (error < 0)
        return error;
    ledger_segment_end(store->ledger, now_ms, record_size, last);
    return 0;
}

static int room_whatever_waits(struct store *store, size_t record_size)
{
    if (!ledger_fits(store->ledger, record_size)) {
        /* Half a checkpoint cannot be taken back. */
        if (segment_begin(store, record_size, false) < 0)
            WRONG("no memory for a checkpoint");
    }
    return ledger_reserve(store->ledger, record_size);
}

int store_room(struct store *store, size_t record_size)
{
    if (ledger_backlog(store->ledger) + record_size > LIMIT_ledger_backlog)
        return E_BACKLOG;
    return room_whatever_waits(store, record_size);
}

void store_append(struct store *store, const struct record *record, size_t record_size, struct ledger_wait *wait)
{
    ledger_append(store->ledger, record, record_size, wait);
    if (wait != NULL)
        store->queued++;
    store->active = true;
    if (store->options.loop == NULL)
        return;
    if (!store->hold.running)
        timer_start(&store->hold, LIMIT_ledger_hold_ms);
    if (!store->tick.running)
        timer_start(&store->tick, TICK_MS);
}

void store_write(struct store *store, const struct record *record, struct ledger_wait *wait)
{
    size_t size = record_size_max(record);
    if (room_whatever_waits(store, size) < 0)
        WRONG("no memory for a record that must be written");
    store_append(store, record, size, wait);
}

void store_submit_if_due(struct store *store, bool quiet)
{
    if (store->queued == 0 || !ledger_is_idle(store->ledger))
        return;
    bool enough = store->open_requests > 0 && store->queued * 4 >= store->open_requests * 3;
    if (!quiet && !enough)
        return;
    store->queued = 0;
    ledger_seal(store->ledger);
}

static void quiet_now(struct quiet *quiet)
{
    store_submit_if_due(CONTAINER_OF(quiet, struct store, quiet), true);
}

static void reaped(void *arg)
{
    store_submit_if_due(arg, false);
}

/* What no admission took along goes by itself. */
static void hold_is_over(struct timer *timer)
{
    struct store *store = CONTAINER_OF(timer, struct store, hold);
    if (!ledger_is_filling(store->ledger))
        return;
    if (!ledger_is_idle(store->ledger)) {
        timer_start(timer, LIMIT_ledger_hold_ms);
        return;
    }
    store->queued = 0;
    ledger_seal(store->ledger);
}

bool store_clock_jumped(struct store *store)
{
    return store_clock_jumped_at(store, store_now_ms(store), clock_mono_ms(store->options.clock));
}

bool store_clock_jumped_at(struct store *store, int64_t wall_ms, int64_t mono_ms)
{
    if (store->state.clock_jumped)
        return true;
    int64_t ahead_ms = wall_ms - mono_ms - store->drift_ms;
    if (ahead_ms <= JUMP_MS)
        return false;
    log_error(store->options.log,
              "clock: it jumped %lld minute%s ahead; calls with limits are denied until `warder limits confirm-clock`",
              (long long)(ahead_ms / 60000), plural((uint64_t)ahead_ms / 60000));
    struct record record = { .kind = RECORD_CLOCK, .at_ms = store_now_ms(store), .text = CLOCK_JUMPED };
    store_write(store, &record, NULL);
    store->state.clock_jumped = true;
    return true;
}

static void write_summary(void *arg, const struct record *record)
{
    struct store *store = arg;
    struct record summary = *record;
    summary.at_ms = store_now_ms(store);
    size_t size = record_size_max(&summary);
    if (store_room(store, size) < 0)
        store->dropped += summary.count;
    else
        store_append(store, &summary, size, NULL);
}

static void write_dropped(struct store *store)
{
    if (store->dropped == 0 || !ledger_has_disk(store->ledger) ||
        ledger_backlog(store->ledger) > LIMIT_ledger_backlog / 2)
        return;
    struct record record = { .kind = RECORD_DENIALS,
                             .at_ms = store_now_ms(store),
                             .reason = REASON_audit_unavailable,
                             .text = STR("denied while nothing could be recorded"),
                             .count = store->dropped };
    store->dropped = 0;
    store_write(store, &record, NULL);
}

static void ticked(struct timer *timer)
{
    struct store *store = CONTAINER_OF(timer, struct store, tick);
    bool again = store->active;
    store->active = false;
    ledger_look_at_disk(store->ledger);
    if (!store_clock_jumped(store))
        counters_expire(store->state.counters, store_now_ms(store));
    if (flood_flush(store->flood, clock_mono_ms(store->options.clock), false))
        again = true;
    write_dropped(store);
    projection_look(store->projection, ledger_durable(store->ledger));
    if ((again || store->dropped > 0 || !ledger_has_disk(store->ledger)) && !timer->running)
        timer_start(timer, TICK_MS);
}

/* Live tail: the records of a batch that is written. */
static void batch_written(void *arg, struct str frames)
{
    struct store *store = arg;
    struct frame frame;
    while (!list_is_empty(&store->watchers) && frame_next(&frames, &frame)) {
        struct record record;
        arena_reset(&store->watch_arena);
        AZ(record_read(frame.record, &store->watch_arena, &record));
        LIST_EACH (&store->watchers, link, after) {
            const struct store_watcher *watcher = CONTAINER_OF(link, struct store_watcher, link);
            (void)watcher->each(watcher->arg, frame.sequence, &record);
        }
    }
}

void store_watch(struct store *store, struct store_watcher *watcher)
{
    CHECK_OBJ(store, STORE_MAGIC);
    list_append(&store->watchers, &watcher->link);
}

void store_unwatch(struct store_watcher *watcher)
{
    list_remove(&watcher->link);
}

struct replaying {
    struct store *store;
    struct replay replay;
};

static int replay_record(void *arg, uint64_t sequence, const struct record *record)
{
    struct replaying *replaying = arg;
    int error = state_replay(&replaying->replay, record);
    if (error < 0)
        log_error(replaying->store->options.log,
                  "ledger: record %llu (%s) cannot be taken: %s. Nothing was changed and the gateway does not start. "
                  "Restore the data directory from a copy, or move it away to begin a new ledger",
                  (unsigned long long)sequence, record_kind_name(record->kind), error_text(error));
    return error == 0 || error == E_NOMEM ? error : E_CORRUPT;
}

/* A call that was admitted and has no outcome: its bytes may have left. */
static void close_open_calls(struct store *store)
{
    size_t count = 0;
    LIST_EACH (&store->state.open, link, after) {
        struct open_call *call = CONTAINER_OF(link, struct open_call, link);
        struct record record = { .kind = RECORD_OUTCOME,
                                 .at_ms = store_now_ms(store),
                                 .call = call->id,
                                 .outcome = OUTCOME_unknown,
                                 .reason = REASON_internal };
        store_write(store, &record, NULL);
        list_remove(link);
        free(call);
        count++;
    }
    if (count > 0)
        log_warn(store->options.log,
                 "ledger: %zu call%s under way at the last stop: how %s ended is recorded as unknown", count,
                 count == 1 ? " was" : "s were", count == 1 ? "it" : "they");
}

static void free_open_calls(struct store *store)
{
    LIST_EACH (&store->state.open, link, after) {
        list_remove(link);
        free(CONTAINER_OF(link, struct open_call, link));
    }
}

static int recover_state(struct store *store, struct ledger_tail *tail)
{
    struct replaying replaying = { .store = store };
    state_replay_begin(&replaying.replay, &store->state);
    int error = recover(store->directory, store->options.log, replay_record, &replaying, tail);
    state_replay_end(&replaying.replay);
    if (error < 0)
        free_open_calls(store);
    return error;
}

static int open_ledger(struct store *store)
{
    struct ledger_tail tail;
    int recovered = recover_state(store, &tail);
    if (recovered < 0 && recovered != E_NOT_FOUND)
        return recovered;
    struct ledger_options options = {
        .directory = store->directory,
        .log = store->options.log,
        .mode = store->options.audit == AUDIT_DURABLE ? LEDGER_DURABLE : LEDGER_PROCESS,
        .written = batch_written,
        .reaped = reaped,
        .applied = retention_applied,
        .looked = retention_looked,
        .arg = store,
    };
    int error = ledger_open(&options, recovered == 0 ? &tail : NULL, &store->ledger);
    if (error < 0) {
        free_open_calls(store);
        return error;
    }
    if (recovered == E_NOT_FOUND)
        error = segment_begin(store, 0, false);
    close_open_calls(store);
    return error;
}

static void record_gateway(struct store *store, struct str what)
{
    if (store->options.loop == NULL)
        return;
    struct record record = { .kind = RECORD_GATEWAY, .at_ms = store_now_ms(store), .text = what };
    store_write(store, &record, NULL);
}

static int start(struct store *store)
{
    struct loop *loop = store->options.loop;
    if (loop == NULL)
        return 0;
    int error = ledger_start(store->ledger, loop);
    if (error == 0)
        error = projection_start(store->data, store->directory, store->options.directory, store->options.log,
                                 &store->projection);
    if (error < 0)
        return error;
    projection_look(store->projection, ledger_durable(store->ledger));
    store_retain(store, 0, 0);
    store->quiet.quiet = quiet_now;
    loop_on_quiet(loop, &store->quiet);
    return 0;
}

int store_open(const struct store_options *options, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return E_NOMEM;
    store->magic = STORE_MAGIC;
    store->options = *options;
    store->data = store->lock = store->directory = -1;
    list_init(&store->quiet.link);
    list_init(&store->watchers);
    arena_init(&store->watch_arena, NULL, LIMIT_ledger_record);
    if (options->loop != NULL) {
        timer_init(&store->hold, options->loop, hold_is_over);
        timer_init(&store->tick, options->loop, ticked);
    }
    admissions_init(store);
    grants_init(store);
    retention_init(store);
    store->drift_ms = drift_now_ms(store);

    int error = state_init(&store->state);
    if (error == 0)
        error = flood_new(write_summary, store, &store->flood);
    if (error == 0)
        error = directory_open(options->directory, options->log, &store->data, &store->lock);
    if (error == 0)
        error = directory_make_ledger(store->data, &store->directory);
    if (error == 0)
        error = open_ledger(store);
    if (error == 0) {
        record_gateway(store, STR("started"));
        error = ledger_write_now(store->ledger);
    }
    if (error == 0 && segment_sync(store->data, fsync) != 0)
        error = E_IO;
    if (error == 0)
        error = start(store);
    if (error < 0) {
        store->options.loop = NULL; /* nothing is recorded on the way out */
        store_close(store);
        return error;
    }
    *out = store;
    return 0;
}

static void write_last_words(struct store *store)
{
    if (store->ledger == NULL || store->options.loop == NULL)
        return;
    admissions_close(store);
    (void)flood_flush(store->flood, 0, true);
    write_dropped(store);
    if (ledger_segment_used(store->ledger) > READ_AT_START_BYTES && ledger_has_disk(store->ledger))
        (void)segment_begin(store, 0, true);
    record_gateway(store, STR("stopped"));
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    CHECK_OBJ(store, STORE_MAGIC);
    if (!list_is_empty(&store->quiet.link))
        loop_off_quiet(&store->quiet);
    write_last_words(store);
    admissions_release(store);
    timer_stop(&store->hold);
    timer_stop(&store->tick);
    timer_stop(&store->retain);
    ledger_close(store->ledger);
    projection_stop(store->projection);
    grants_release(store);
    flood_free(store->flood);
    state_release(&store->state);
    arena_release(&store->watch_arena);
    if (store->directory >= 0)
        close(store->directory);
    if (store->data >= 0)
        close(store->data);
    if (store->lock >= 0)
        close(store->lock);
    store->magic = 0;
    free(store);
}

void store_record(struct store *store, const struct record *record)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct record whole = *record;
    if (whole.at_ms == 0)
        whole.at_ms = store_now_ms(store);
    bool denial = whole.kind == RECORD_DECISION && whole.reason != REASON_allowed;
    if (denial && !flood_admits(store->flood, &whole, clock_mono_ms(store->options.clock)))
        return;
    size_t size = record_size_max(&whole);
    if (store_room(store, size) < 0) {
        store->dropped++;
        return;
    }
    store_append(store, &whole, size, NULL);
}

void store_set_open_requests(struct store *store, size_t open)
{
    store->open_requests = open;
}

bool store_is_ready(const struct store *store)
{
    return ledger_has_disk(store->ledger) && ledger_backlog(store->ledger) <= LIMIT_ledger_backlog;
}

uint64_t store_catch_up(struct store *store)
{
    CHECK_OBJ(store, STORE_MAGIC);
    projection_look(store->projection, ledger_durable(store->ledger));
    return ledger_last(store->ledger);
}

void store_stats(struct store *store, struct store_stats *out)
{
    struct ledger_stats ledger;
    ledger_stats(store->ledger, &ledger);
    *out = (struct store_stats){
        .batches = ledger.batches,
        .records = ledger.records,
        .bytes = ledger.bytes,
        .flush_p50_us = ledger.flush_p50_us,
        .direct = ledger.direct,
        .backlog = ledger_backlog(store->ledger),
        .dropped = store->dropped,
        .segments = store->seen.segments,
        .disk_bytes = store->seen.bytes,
    };
}
