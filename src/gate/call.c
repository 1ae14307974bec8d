/* The run of a call through its steps, and its one exit. */
#include "gate/call.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "front/exchange.h"
#include "gate/gate.h"
#include "gate/meter.h"
#include "model/reason.h"
#include "store/store.h"

#include <stdlib.h>

#define CALL_MAGIC 0xca11ca11u
#define IDLE_CALLS_MAX 256
#define KEPT_BYTES 65536 /* no larger buffer is kept for the next call */

static enum step_next (*const steps[STEP_COUNT])(struct call *) = {
    [STEP_IDENTIFY] = step_identify, [STEP_READ] = step_read,   [STEP_ROUTE] = step_route,
    [STEP_DECIDE] = step_decide,     [STEP_OPEN] = step_open,   [STEP_ADMIT] = step_admit,
    [STEP_SEND] = step_send,         [STEP_AWAIT] = step_await, [STEP_ANSWER] = step_answer,
    [STEP_SETTLE] = step_settle,
};

static const char *const step_names[STEP_COUNT] = {
#define STEP(name, text) #name,
    CALL_STEPS(STEP)
#undef STEP
};

const char *call_step_name(enum call_step step)
{
    return step_names[step];
}

static struct call *call_take(struct gateway *gateway)
{
    if (!list_is_empty(&gateway->idle_calls)) {
        struct call *call = CONTAINER_OF(gateway->idle_calls.next, struct call, link);
        list_remove(&call->link);
        gateway->idle_count--;
        return call;
    }
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    buf_init(&call->client_id, 6 * LIMIT_id_bytes + 2);
    buf_init(&call->progress, 6 * LIMIT_id_bytes + 2);
    buf_init(&call->operation, 2 * (size_t)LIMIT_request_body);
    list_init(&call->link);
    return call;
}

static void call_give(struct call *call)
{
    struct gateway *gateway = call->gateway;
    list_remove(&call->link);
    gateway->call_count--;
    call->magic = 0;
    if (gateway->idle_count >= IDLE_CALLS_MAX) {
        call_free(call);
        return;
    }
    buf_recycle(&call->client_id, KEPT_BYTES);
    buf_recycle(&call->progress, KEPT_BYTES);
    buf_recycle(&call->operation, KEPT_BYTES);
    list_append(&gateway->idle_calls, &call->link);
    gateway->idle_count++;
}

void call_free(struct call *call)
{
    buf_release(&call->client_id);
    buf_release(&call->progress);
    buf_release(&call->operation);
    free(call);
}

/* Everything but the buffers, which a pooled record keeps. */
static void call_reset(struct call *call, struct gateway *gateway, struct exchange *exchange)
{
    struct buf client_id = call->client_id, progress = call->progress, operation = call->operation;
    *call = (struct call){
        .magic = CALL_MAGIC,
        .gateway = gateway,
        .exchange = exchange,
        .client_id = client_id,
        .progress = progress,
        .operation = operation,
        .started_ms = loop_now_ms(gateway->loop),
        .begun_us = clock_mono_us(gateway->clock),
        .outcome = OUTCOME_not_sent,
        .era = &era_legacy,
    };
    list_init(&call->link);
    list_init(&call->session_link);
    arena_init(&call->arena, &gateway->arenas, REQUEST_ARENA_MAX);
}

static void call_run(struct call *call)
{
    for (;;) {
        CHECK_OBJ(call, CALL_MAGIC);
        call->gateway->steps[call->step]++;
        switch (steps[call->step](call)) {
        case STEP_NEXT:
            call->step++;
            CHECK(call->step < STEP_COUNT);
            break;
        case STEP_WAIT:
        case STEP_END: return;
        }
    }
}

void call_begin(struct gateway *gateway, struct exchange *exchange)
{
    struct call *call = call_take(gateway);
    if (!call) {
        exchange->ops->end(exchange, REASON_overloaded);
        return;
    }
    call_reset(call, gateway, exchange);
    exchange->owner = call;
    list_append(&gateway->calls, &call->link);
    gateway->call_count++;
    gateway_call_count_changed(gateway);
    call_run(call);
}

void call_again(struct call *call)
{
    call_run(call);
}

void call_resume(struct call *call)
{
    call->step++;
    call_run(call);
}

/* A message for a server that did not go there has a record of its own; what was admitted has its outcome. */
static void call_record_refusal(struct call *call, enum reason reason)
{
    struct gateway *gateway = call->gateway;
    if (call->was_admitted || !call->named || reason == REASON_answered)
        return;
    struct record record;
    call_fill_record(call, &record);
    record.reason = reason;
    record.rule = call->decision.rule;
    if (reason == REASON_rate_limited || reason == REASON_concurrent)
        record.rule = call->over_debit->rule;
    store_record(gateway->store, &record);
    gateway->denied++;
}

static void call_meter(const struct call *call, enum reason reason)
{
    if (!call->named)
        return;
    struct meter *meter = call->route->meter;
    size_t class = meter_class(&call->class);
    int64_t now_us = clock_mono_us(call->gateway->clock);
    histogram_add(&meter->total, now_us - call->begun_us);
    if (call->was_admitted) {
        meter->allowed[reason][class]++;
        histogram_add(&meter->server, now_us - call->admitted_us);
    } else {
        meter->denied[reason][class]++;
    }
    if (call->tool)
        *(call->was_admitted ? &call->tool->allowed : &call->tool->denied) += 1;
}

static void call_answer(struct call *call, enum reason reason)
{
    const struct reason_row *row = reason_row(reason);
    if (!call->exchange)
        return;
    if (reason == REASON_answered) {
        answer_send(call, 200, STR_EMPTY);
        return;
    }
    switch (row->family) {
    case REASON_FAMILY_POLICY:
        answer_denial(call, reason);
        answer_send(call, call->era->status(reason), STR_EMPTY);
        return;
    case REASON_FAMILY_UNKNOWN:
        answer_unknown_tool(call);
        answer_send(call, call->era->status(reason), STR_EMPTY);
        return;
    case REASON_FAMILY_RPC:
        answer_error(call, reason);
        answer_send(call, call->era->status(reason), STR_EMPTY);
        return;
    case REASON_FAMILY_HTTP:
        if (call->client_id.len) {
            answer_error(call, reason);
            answer_send(call, call->era->status(reason), STR_EMPTY);
        } else {
            call->exchange->ops->end(call->exchange, reason);
        }
        return;
    case REASON_FAMILY_NONE: call->exchange->ops->end(call->exchange, REASON_internal); return;
    }
}

void call_end(struct call *call, enum reason reason)
{
    CHECK_OBJ(call, CALL_MAGIC);
    struct gateway *gateway = call->gateway;

    if (call->waiting)
        upstream_wait_cancel(&call->waiter);
    if (call->sent)
        upstream_cancel(&call->leg, reason);
    if (call->admission) {
        bool none_left = call->leg.sent == SENT_NONE;
        store_settle(gateway->store, call->admission, none_left ? OUTCOME_not_sent : call->outcome, reason, none_left);
        call->admission = NULL;
    }
    call_record_refusal(call, reason);
    call_meter(call, reason);
    call_answer(call, reason);

    list_remove(&call->session_link);
    if (call->session && call->session->ending && list_is_empty(&call->session->calls))
        gateway_end_session(gateway, call->session, CALL_EVENT_SESSION_ENDED, STR("server removed"));
    buf_recycle(&gateway->out, KEPT_BYTES); /* written, or in vain where the client is gone */
    heap_passed(&gateway->heap, call->bytes);
    arena_release(&call->arena);
    if (call->answered)
        arena_release(&call->answer_arena);
    if (call->grant) {
        call->grant->messages--;
        call->grant->bytes -= call->bytes;
        gateway->bytes -= call->bytes;
        if (call->counted)
            call->grant->calls--;
        grant_use_put(&gateway->sessions, call->grant);
    }
    backend_unref(call->backend);
    snapshot_unref(call->snapshot);
    call_give(call);
    gateway_call_count_changed(gateway);
}
