/* The subscription of a control session: a server without sessions (MCP 2026-07-28) tells of changed lists only to who
 * listens. */
#pragma once

#include "io/loop.h"
#include "upstream/upstream.h"

struct instance;
struct message;

struct subscription {
    struct upstream *upstream;
    struct leg       leg;
    bool             open;   /* the leg is in flight */
    struct timer     again;
};

void subscription_init(struct subscription *subscription, struct upstream *upstream);
void subscription_release(struct subscription *subscription);
/* The control session is ready: where the server tells of changes, it is asked to. */
void subscription_start(struct subscription *subscription);
/* notifications/cancelled of the control session's server: it may have ended the subscription. */
void subscription_cancelled(struct subscription *subscription, const struct message *message);
