/* Retention on the loop's side: a drop is recorded, with the chain's head at its end, before the first file goes. So a
 * ledger that begins later than it did says itself why. */
#include "store/store_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "store/projection.h"

#define FIRST_LOOK_MS 1000

uint64_t retention_applied(void *arg)
{
    const struct store *store = arg;
    return store->projection == NULL ? 0 : projection_applied(store->projection);
}

static void look(struct timer *timer)
{
    struct store *store = CONTAINER_OF(timer, struct store, retain);
    struct ledger_keep keep = store->keep;
    keep.now_ms = store_now_ms(store);
    ledger_look_at_segments(store->ledger, &keep);
    timer_start(timer, LIMIT_retention_ms);
}

static void drop_is_durable(struct ledger_wait *wait)
{
    struct store *store = CONTAINER_OF(wait, struct store, drop_wait);
    store->dropping = false;
    ledger_drop(store->ledger, store->state.dropped.sequence);
}

void retention_looked(void *arg, const struct ledger_look *seen)
{
    struct store *store = arg;
    struct chain_head *dropped = &store->state.dropped;
    store->seen = *seen;
    if (store->dropping)
        return;
    if (seen->drop.sequence > dropped->sequence) {
        struct record record = {
            .kind = RECORD_DROPPED,
            .at_ms = store_now_ms(store),
            .digest = seen->drop.hash,
            .count = seen->drop.sequence,
            .text = STR("retention"),
        };
        store->dropping = true;
        store_write(store, &record, &store->drop_wait);
        *dropped = seen->drop;
    } else if (seen->first_sequence > 0 && seen->first_sequence <= dropped->sequence) {
        ledger_drop(store->ledger, dropped->sequence); /* a stop or a reader came between */
    }
}

void store_retain(struct store *store, int64_t age_ms, uint64_t bytes)
{
    CHECK_OBJ(store, STORE_MAGIC);
    store->keep = (struct ledger_keep){ .age_ms = age_ms, .bytes = bytes };
    if (store->options.loop != NULL)
        timer_start(&store->retain, FIRST_LOOK_MS);
}

void retention_init(struct store *store)
{
    store->drop_wait.done = drop_is_durable;
    list_init(&store->drop_wait.link);
    if (store->options.loop != NULL)
        timer_init(&store->retain, store->options.loop, look);
}
