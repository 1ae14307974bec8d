/* What happens to a call while it waits: one look-up in call_events.def. */
#include "base/check.h"
#include "base/clock.h"
#include "gate/call.h"
#include "gate/gate.h"
#include "model/reason.h"
#include "store/store.h"

enum event_action { ACTION_IMPOSSIBLE, ACTION_END, ACTION_ABANDON, ACTION_CUT, ACTION_STAY };

struct event_row {
    enum event_action action;
    enum reason reason;
    enum outcome outcome;
};

static const struct event_row event_rows[STEP_COUNT][CALL_EVENT_COUNT] = {
#define CALL_EVENT(step, event, action, reason, outcome) \
    [STEP_##step][CALL_EVENT_##event] = { ACTION_##action, REASON_##reason, OUTCOME_##outcome },
#include "gate/call_events.def"
#undef CALL_EVENT
};

void call_happened(struct call *call, enum call_event event)
{
    const struct event_row *row = &event_rows[call->step][event];
    if (event == CALL_EVENT_CLIENT_GONE || event == CALL_EVENT_CLIENT_CLOSED)
        call->exchange = NULL;
    switch (row->action) {
    case ACTION_STAY: return;
    case ACTION_ABANDON:
        store_admit_abandon(call->gateway->store, call->admission, row->reason);
        call->admission = NULL;
        call->was_admitted = true; /* its record is on the way */
        call->admitted_us = clock_mono_us(call->gateway->clock);
        call_end(call, row->reason);
        return;
    case ACTION_CUT:
        call->outcome = row->outcome;
        call_end(call, row->reason);
        return;
    case ACTION_END: call_end(call, row->reason); return;
    case ACTION_IMPOSSIBLE: break;
    }
    WRONG("an event met a call in a step that does not wait");
}
