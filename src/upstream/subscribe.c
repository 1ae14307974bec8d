/* Listening to a server's lists. A stream that ends is opened again after a while, and the lists are looked at anew. */
#include "upstream/subscribe.h"

#include "base/check.h"
#include "base/limits.h"
#include "mcp/message.h"
#include "upstream/instance.h"

static void begin(struct subscription *subscription);

static bool is_due(const struct subscription *subscription)
{
    const struct instance *control = subscription->upstream->control;
    return control && control->state == INSTANCE_READY && !control->era->has_sessions && !subscription->open;
}

static void over(struct subscription *subscription)
{
    subscription->open = false;
    if (is_due(subscription) && !subscription->upstream->stopping)
        timer_start(&subscription->again, LIMIT_restart_most_ms);
}

/* A result is the end in order; a server that answers with an error does not tell. */
static void answered(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct subscription *subscription = leg->owner;
    bool refused = message->kind == MESSAGE_ERROR;
    arena_release(arena);
    subscription->open = false;
    if (!refused)
        over(subscription);
}

static void ended(struct leg *leg, enum reason reason)
{
    (void)reason;
    over(leg->owner);
}

static const struct leg_events events = { .answer = answered, .ended = ended };

static void begin_again(struct timer *timer)
{
    struct subscription *subscription = CONTAINER_OF(timer, struct subscription, again);
    if (!is_due(subscription))
        return;
    begin(subscription);
    listing_again(&subscription->upstream->listing);
}

void subscription_init(struct subscription *subscription, struct upstream *upstream)
{
    *subscription = (struct subscription){ .upstream = upstream };
    timer_init(&subscription->again, upstream->services.loop, begin_again);
}

void subscription_release(struct subscription *subscription)
{
    timer_stop(&subscription->again);
}

static void begin(struct subscription *subscription)
{
    struct instance *control = subscription->upstream->control;
    const struct capabilities *declared = &control->capabilities;
    if (!declared->tools_change && !declared->prompts_change && !declared->resources_change)
        return;
    struct buf params;
    buf_init(&params, 256);
    buf_printf(&params,
               "\"notifications\":{\"toolsListChanged\":%s,\"promptsListChanged\":%s,\"resourcesListChanged\":%s}",
               declared->tools_change ? "true" : "false", declared->prompts_change ? "true" : "false",
               declared->resources_change ? "true" : "false");
    subscription->leg = (struct leg){ .events = &events, .owner = subscription, .deadline_ms = INT64_MAX };
    subscription->open =
        buf_ok(&params) && upstream_send(control, &subscription->leg, method_row(METHOD_SUBSCRIPTIONS_LISTEN)->name,
                                         buf_str(&params)) == 0;
    buf_release(&params);
}

void subscription_start(struct subscription *subscription)
{
    timer_stop(&subscription->again);
    if (is_due(subscription))
        begin(subscription);
}

void subscription_cancelled(struct subscription *subscription, const struct message *message)
{
    int64_t id;
    const struct json *named = json_get(message->params, STR("requestId"));
    if (!subscription->open || !json_is(named, JSON_NUMBER) || !json_int64(named, &id) || id < 0 ||
        (uint64_t)id != subscription->leg.id)
        return;
    upstream_cancel(&subscription->leg, REASON_cancelled);
    over(subscription);
}
