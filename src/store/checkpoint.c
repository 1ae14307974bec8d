/* The state as records, bounded pieces each. */
#include "store/checkpoint.h"

#include "base/check.h"
#include "base/limits.h"
#include "store/state.h"

#include <string.h>

#define COUNTERS_A_RECORD 64
#define CALLS_A_RECORD 4096

struct writer {
    int64_t now_ms;
    state_each *each;
    void *arg;
    struct debit debits[COUNTERS_A_RECORD];
    struct reservation taken[COUNTERS_A_RECORD];
    size_t count;
};

static struct record part(const struct writer *writer, struct str text)
{
    return (struct record){ .kind = RECORD_CHECKPOINT, .at_ms = writer->now_ms, .text = text };
}

static int clock_write(struct writer *writer, struct state *state)
{
    struct record record = part(writer, CHECKPOINT_CLOCK);
    int64_t floor_ms = counters_floor_ms(state->counters);
    record.micros = floor_ms == INT64_MIN ? 0 : floor_ms;
    record.count = state->clock_jumped ? 1 : 0;
    return writer->each(writer->arg, &record);
}

static int dropped_write(struct writer *writer, struct state *state)
{
    struct record record = part(writer, CHECKPOINT_DROPPED);
    if (state->dropped.sequence == 0)
        return 0;
    record.count = state->dropped.sequence;
    record.digest = state->dropped.hash;
    return writer->each(writer->arg, &record);
}

static int grants_write(struct writer *writer, struct state *state)
{
    struct buf bytes;
    int error = 0;
    buf_init(&bytes, LIMIT_ledger_record / 2);
    LIST_EACH (&state->grants, link, after) {
        const struct grant *grant = &CONTAINER_OF(link, struct grant_entry, link)->grant;
        struct record record = part(writer, CHECKPOINT_GRANT);
        buf_reset(&bytes);
        grant_write(grant, &bytes);
        record.grant = grant->id;
        record.blob = buf_str(&bytes);
        error = buf_ok(&bytes) ? writer->each(writer->arg, &record) : E_NOMEM;
        if (error < 0)
            break;
    }
    buf_release(&bytes);
    return error;
}

static int revisions_write(struct writer *writer, struct state *state)
{
    LIST_EACH (&state->revisions, link, after) {
        const struct revision_entry *entry = CONTAINER_OF(link, struct revision_entry, link);
        struct record record = part(writer, CHECKPOINT_REVISION);
        record.server = entry->server;
        record.name = entry->recommended ? RECOMMENDED : STR_EMPTY;
        record.revision = entry->revision;
        record.blob = entry->policy;
        int error = writer->each(writer->arg, &record);
        if (error < 0)
            return error;
    }
    return 0;
}

static int freezes_write(struct writer *writer, struct state *state)
{
    LIST_EACH (&state->freezes, link, after) {
        const struct freeze *freeze = &CONTAINER_OF(link, struct freeze_entry, link)->freeze;
        struct record record = part(writer, CHECKPOINT_FREEZE);
        freeze_to_record(freeze, &record);
        record.micros = freeze->since_ms;
        record.blob = freeze->reason;
        int error = writer->each(writer->arg, &record);
        if (error < 0)
            return error;
    }
    return 0;
}

static int pins_write(struct writer *writer, struct state *state)
{
    struct buf bytes;
    int error = 0;
    buf_init(&bytes, LIMIT_ledger_record / 2);
    LIST_EACH (&state->pins, link, after) {
        const struct pin_server *server = CONTAINER_OF(link, struct pin_server, link);
        for (struct list *at = server->entries.next; error == 0 && at != NULL;) {
            struct record record = part(writer, CHECKPOINT_PINS);
            buf_reset(&bytes);
            state_pins_write(server, &at, &bytes);
            record.server = server->name;
            record.blob = buf_str(&bytes);
            if (bytes.len > 0)
                error = buf_ok(&bytes) ? writer->each(writer->arg, &record) : E_NOMEM;
        }
    }
    buf_release(&bytes);
    return error;
}

static int counters_flush(struct writer *writer)
{
    if (writer->count == 0)
        return 0;
    struct record record = part(writer, CHECKPOINT_COUNTERS);
    record.debits = writer->debits;
    record.taken = writer->taken;
    record.debit_count = writer->count;
    writer->count = 0;
    return writer->each(writer->arg, &record);
}

static int counter_write(void *arg, const struct counter_key *key, amount used, int64_t window_ms)
{
    struct writer *writer = arg;
    if (key->window.kind == WINDOW_CONCURRENT) /* 0 after a start */
        return 0;
    writer->debits[writer->count] = (struct debit){ .key = *key, .cost = used };
    writer->taken[writer->count] = (struct reservation){ .window_ms = window_ms };
    writer->count++;
    return writer->count == COUNTERS_A_RECORD ? counters_flush(writer) : 0;
}

static int open_flush(struct writer *writer, struct buf *ids)
{
    if (ids->len == 0)
        return 0;
    if (!buf_ok(ids))
        return E_NOMEM;
    struct record record = part(writer, CHECKPOINT_OPEN);
    record.blob = buf_str(ids);
    int error = writer->each(writer->arg, &record);
    buf_reset(ids);
    return error;
}

static int open_write(struct writer *writer, struct state *state)
{
    struct buf ids;
    int error = 0;
    buf_init(&ids, CALLS_A_RECORD * sizeof(struct id));
    LIST_EACH (&state->open, link, after) {
        const struct open_call *call = CONTAINER_OF(link, struct open_call, link);
        buf_append(&ids, call->id.bytes, sizeof call->id.bytes);
        if (ids.len == ids.max || !buf_ok(&ids))
            error = buf_ok(&ids) ? open_flush(writer, &ids) : E_NOMEM;
        if (error < 0)
            break;
    }
    if (error == 0)
        error = open_flush(writer, &ids);
    buf_release(&ids);
    return error;
}

int state_checkpoint(struct state *state, int64_t now_ms, state_each *each, void *arg)
{
    struct writer writer = { .now_ms = now_ms, .each = each, .arg = arg };
    int error = clock_write(&writer, state);
    if (error == 0)
        error = dropped_write(&writer, state);
    if (error == 0)
        error = grants_write(&writer, state);
    if (error == 0)
        error = revisions_write(&writer, state);
    if (error == 0)
        error = freezes_write(&writer, state);
    if (error == 0)
        error = pins_write(&writer, state);
    if (error == 0)
        error = counters_each(state->counters, counter_write, &writer);
    if (error == 0)
        error = counters_flush(&writer);
    if (error == 0)
        error = open_write(&writer, state);
    return error;
}
