/* Records of a ledger, each behind its length (two bytes), replayed into a state: whatever is taken is written into a
 * checkpoint, and a state that is read from that checkpoint writes the same one. What replay refuses leaves the state
 * whole. */
#include "store/state.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1790000000000)

struct copy {
    struct replay *replay;
    struct buf *text;
};

static int keep(void *arg, const struct record *record)
{
    struct copy *copy = arg;
    record_write(record, copy->text);
    CHECK(buf_ok(copy->text));
    return copy->replay ? state_replay(copy->replay, record) : 0;
}

/* The checkpoint of `from` as bytes, replayed into `to` where that is one. */
static void checkpoint(struct state *from, struct state *to, struct buf *text)
{
    struct replay replay;
    struct copy copy = { to ? &replay : NULL, text };
    if (to)
        state_replay_begin(&replay, to);
    AZ(state_checkpoint(from, NOW_MS, keep, &copy));
    if (to)
        state_replay_end(&replay);
}

static void release(struct state *state)
{
    while (!list_is_empty(&state->open)) {
        struct open_call *call = CONTAINER_OF(state->open.next, struct open_call, link);
        list_remove(&call->link);
        free(call);
    }
    state_release(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state state, again;
    struct replay replay;
    struct buf one, two;
    AZ(state_init(&state));
    AZ(state_init(&again));
    buf_init(&one, (size_t)64 << 20);
    buf_init(&two, (size_t)64 << 20);
    state_replay_begin(&replay, &state);
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        struct arena arena;
        struct record record;
        data += 2, size -= 2;
        len = len < size ? len : size;
        arena_init(&arena, NULL, (size_t)1 << 22);
        if (record_read(str_of((const char *)data, len), &arena, &record) == 0) {
            int error = state_replay(&replay, &record);
            CHECK(error <= 0);
        }
        arena_release(&arena);
        data += len, size -= len;
    }
    state_replay_end(&replay);
    checkpoint(&state, &again, &one);
    checkpoint(&again, NULL, &two);
    CHECK(str_eq(buf_str(&one), buf_str(&two)));
    buf_release(&one);
    buf_release(&two);
    release(&state);
    release(&again);
    return 0;
}
