/* The steps of a call, in their order. Each returns NEXT, WAIT or END; what a step reserves, call_end releases. */
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "front/exchange.h"
#include "gate/classes.h"
#include "gate/gate.h"
#include "gate/meter.h"
#include "gate/listen.h"
#include "gate/lists.h"
#include "gate/recommended.h"
#include "json/json.h"
#include "json/writer.h"
#include "model/reason.h"
#include "store/store.h"

#define RECORD_NAME_MAX 256 /* bytes of a name as asked that a record keeps */

static enum step_next end(struct call *call, enum reason reason)
{
    call_end(call, reason);
    return STEP_END;
}

/* ---- IDENTIFY ---- */

enum step_next step_identify(struct call *call)
{
    struct gateway *gateway = call->gateway;
    struct exchange *exchange = call->exchange;
    const struct grant *grant = gateway_identify(gateway, exchange);
    if (!grant)
        return end(call, REASON_unauthorized);
    const struct route *route = snapshot_route(gateway->snapshot, exchange->server);
    if (!route || !grant_reaches(grant, exchange->server))
        return end(call, REASON_not_found);
    call->snapshot = snapshot_ref(gateway->snapshot);
    call->route = route;
    call->backend = backend_ref(route->backend);
    if (gateway->bytes + exchange->body.len > LIMIT_process_bytes)
        return end(call, REASON_overloaded);
    call->grant = grant_use_get(&gateway->sessions, grant->id);
    if (!call->grant)
        return end(call, REASON_overloaded);
    call->grant->messages++;
    exchange->share = &call->grant->share;
    if (grant_use_bytes(call->grant) + exchange->body.len > LIMIT_grant_bytes)
        return end(call, REASON_overloaded);
    call->bytes = exchange->body.len;
    call->grant->bytes += call->bytes;
    gateway->bytes += call->bytes;
    return STEP_NEXT;
}

const struct grant *call_live_grant(const struct call *call)
{
    return gateway_live_grant(call->gateway, str_of(call->grant->id, GRANT_ID_LEN));
}

struct str call_session(const struct call *call)
{
    return call->session ? session_id(call->session) : STR_EMPTY;
}

struct str call_client(const struct call *call)
{
    return call->session ? session_client(call->session) : call->client;
}

/* ---- READ ---- */

static enum step_next malformed(struct call *call, enum reason reason)
{
    gateway_record_malformed(call->gateway, call, reason);
    return end(call, reason);
}

static enum step_next delete_session(struct call *call)
{
    const struct exchange *exchange = call->exchange;
    struct gateway *gateway = call->gateway;
    if (str_is_empty(exchange->session))
        return end(call, REASON_session_required);
    struct session *session = session_find(&gateway->sessions, exchange->session, call->route->server->name,
                                           str_of(call->grant->id, GRANT_ID_LEN), loop_now_ms(gateway->loop));
    if (!session)
        return end(call, REASON_session_unknown);
    gateway_end_session(gateway, session, CALL_EVENT_SESSION_ENDED, STR("deleted"));
    call->exchange->ops->end(call->exchange, REASON_answered);
    call->exchange = NULL;
    return end(call, REASON_answered);
}

static bool find_session(struct call *call, enum reason *why)
{
    const struct exchange *exchange = call->exchange;
    if (str_is_empty(exchange->session)) {
        *why = REASON_session_required;
        return false;
    }
    call->session = session_find(&call->gateway->sessions, exchange->session, call->route->server->name,
                                 str_of(call->grant->id, GRANT_ID_LEN), loop_now_ms(call->gateway->loop));
    if (!call->session) {
        *why = REASON_session_unknown;
        return false;
    }
    if (!str_is_empty(exchange->version) && !str_eq(exchange->version, call->session->version)) {
        *why = REASON_version_unsupported;
        return false;
    }
    return true;
}

/* GET (MCP 2025-11-25 transports): the session's stream for what belongs to no request. */
static enum step_next open_stream(struct call *call)
{
    enum reason why;
    struct listening *listening;
    if (!find_session(call, &why))
        return end(call, why);
    why = listen_open(call, LISTEN_ALL, &listening);
    if (why != REASON_allowed)
        return end(call, why);
    listen_catch_up(listening);
    return end(call, REASON_answered);
}

/* notifications/cancelled ends the call that it names, if that is this session's and still in flight. */
static void cancel_named(struct call *call)
{
    const struct json *id = json_get(call->message.params, STR("requestId"));
    if (!json_is(id, JSON_STRING) && !json_is(id, JSON_NUMBER))
        return;
    struct buf *wanted = &call->client_id;
    buf_reset(wanted);
    message_write_id(wanted, id);
    LIST_EACH (&call->session->calls, link, after) {
        struct call *other = CONTAINER_OF(link, struct call, session_link);
        if (buf_ok(wanted) && str_eq(buf_str(&other->client_id), buf_str(wanted))) {
            call_happened(other, CALL_EVENT_CANCELLED);
            break;
        }
    }
    buf_reset(wanted);
}

static enum step_next read_notification(struct call *call)
{
    if (call->method_id == METHOD_CANCELLED && call->session)
        cancel_named(call);
    call->exchange->ops->end(call->exchange, REASON_answered);
    call->exchange = NULL;
    return end(call, REASON_answered);
}

static bool id_is_in_flight(const struct call *call)
{
    LIST_EACH (&call->session->calls, link, after) {
        const struct call *other = CONTAINER_OF(link, struct call, session_link);
        if (str_eq(buf_str(&other->client_id), buf_str(&call->client_id)))
            return true;
    }
    return false;
}

static int read_operation(struct call *call, struct str *detail)
{
    switch (method_row(call->method_id)->subject) {
    case METHOD_SUBJECT_TOOL: return call_params_read(call->message.params, &call->params, detail);
    case METHOD_SUBJECT_PROMPT: return prompt_params_read(call->message.params, &call->params, detail);
    case METHOD_SUBJECT_RESOURCE: return resource_params_read(call->message.params, &call->params, detail);
    case METHOD_SUBJECT_NONE:
    case METHOD_SUBJECT_METHOD: break;
    }
    return E_INVALID;
}

/* From here on the call has a record, whatever becomes of it. */
static void name_call(struct call *call)
{
    uint8_t entropy[10];
    random_bytes(entropy, sizeof(entropy));
    entropy[0] = entropy[1] = 0; /* the node number */
    id_make(&call->id, clock_wall_ms(call->gateway->clock), 0, entropy);
    call->named = true;
}

static enum step_next read_request(struct call *call)
{
    const struct method_row *row = method_row(call->method_id);
    if (call->session) {
        if (id_is_in_flight(call))
            return malformed(call, REASON_duplicate_id);
        list_append(&call->session->calls, &call->session_link);
    }
    if (row->kind != METHOD_FORWARD)
        return STEP_NEXT;

    if (row->subject == METHOD_SUBJECT_METHOD || row->subject == METHOD_SUBJECT_NONE)
        return malformed(call, REASON_method_not_found);
    struct str detail;
    if (read_operation(call, &detail) != 0)
        return malformed(call, REASON_invalid_params);
    if (call->params.progress_token)
        message_write_id(&call->progress, call->params.progress_token);
    name_call(call);
    if (call->grant->calls >= LIMIT_calls_per_grant)
        return end(call, REASON_too_many_calls);
    call->grant->calls++;
    call->counted = true;
    return STEP_NEXT;
}

static enum reason fault_reason(enum json_fault fault)
{
    return fault == JSON_FAULT_TOO_LARGE ? REASON_too_large
           : fault == JSON_FAULT_MEMORY  ? REASON_overloaded
                                         : REASON_parse_error;
}

/* What the message says by itself of how it is to be read. */
static int read_era(struct call *call, enum reason *why)
{
    const struct exchange *exchange = call->exchange;
    const struct mirror mirror = {
        .required = exchange->ops->mirrored != NULL,
        .version = exchange->version,
        .method = exchange->mirrored_method,
        .name = exchange->mirrored_name,
    };
    int error = call->era->check(&call->message, &mirror, &call->arena, &call->client, why);
    call->client = str_slice(call->client, 0, SESSION_CLIENT_MAX);
    while (call->client.len && !str_is_utf8(call->client))
        call->client.len--; /* not in the middle of a character */
    return error;
}

enum step_next step_read(struct call *call)
{
    const struct exchange *exchange = call->exchange;
    if (exchange->verb == VERB_DELETE)
        return delete_session(call);
    if (exchange->verb == VERB_GET)
        return open_stream(call);

    const struct json *root;
    struct json_error fault;
    if (json_parse(&call->arena, exchange->body, &json_limits_request, &root, &fault) != 0)
        return malformed(call, fault_reason(fault.fault));

    enum reason why;
    struct str detail;
    int error = message_read(root, SENDER_CLIENT, &call->message, &why, &detail);
    if (call->message.id)
        message_write_id(&call->client_id, call->message.id);
    if (error)
        return malformed(call, why);
    if (call->message.kind == MESSAGE_RESULT || call->message.kind == MESSAGE_ERROR)
        return malformed(call, REASON_invalid_request); /* nothing was asked of the client */

    call->method_id = call->message.method_id;
    call->era = era_of(&call->message, exchange->version);
    if (read_era(call, &why) != 0)
        return malformed(call, why);
    if (call->era->has_sessions && call->method_id != METHOD_INITIALIZE && !find_session(call, &why))
        return end(call, why);
    if (call->message.kind == MESSAGE_NOTIFICATION)
        return read_notification(call);
    if (call->method_id == METHOD_UNKNOWN || !era_has_method(call->era, call->method_id))
        return malformed(call, REASON_method_not_found);
    return read_request(call);
}

/* ---- ROUTE ---- */

static void upstream_is_ready(struct upstream_waiter *waiter, enum reason reason)
{
    struct call *call = CONTAINER_OF(waiter, struct call, waiter);
    call->waiting = false;
    if (reason == REASON_allowed)
        call_again(call);
    else
        call_happened(call, CALL_EVENT_UPSTREAM_DOWN);
}

enum step_next step_route(struct call *call)
{
    if (call->method_id == METHOD_PING)
        return STEP_NEXT;
    if (call->gateway->stopping)
        return end(call, REASON_shutting_down);
    if (upstream_definitions(call->backend->upstream)) {
        recommended_arrived(call);
        return call_look_at_era(call);
    }
    call->waiter.ready = upstream_is_ready;
    call->waiting = true;
    upstream_wait(call->backend->upstream, &call->waiter);
    return STEP_WAIT;
}

/* ---- DECIDE ---- */

static const enum subject subject_of[] = {
    [METHOD_SUBJECT_NONE] = SUBJECT_METHOD,   [METHOD_SUBJECT_TOOL] = SUBJECT_TOOL,
    [METHOD_SUBJECT_PROMPT] = SUBJECT_PROMPT, [METHOD_SUBJECT_RESOURCE] = SUBJECT_RESOURCE,
    [METHOD_SUBJECT_METHOD] = SUBJECT_METHOD,
};

/* Looks up what is asked for in what the server lists, and in what the client's own instance does. False: a prompt or a
 * resource that is not there. */
static bool look_at_lists(struct call *call, const struct definitions *definitions, struct question *question)
{
    struct gateway *gateway = call->gateway;
    struct str server = call->route->server->name, name = call->params.name;
    const struct definitions *own = call_own(call);
    const struct pin *pin;
    switch (question->subject) {
    case SUBJECT_TOOL:
        question->tool = definitions_tool(definitions, name);
        if (question->tool &&
            !pin_as_listed(gateway, server, PIN_TOOL, name, &question->tool->pin, own, &question->pin))
            question->tool = NULL;
        return true;
    case SUBJECT_PROMPT:
        pin = definitions_pin(definitions, PIN_PROMPT, name);
        return pin && pin_as_listed(gateway, server, PIN_PROMPT, name, pin, own, &question->pin);
    case SUBJECT_RESOURCE: return resource_as_listed(gateway, server, definitions, name, own, &question->pin);
    case SUBJECT_METHOD: break;
    }
    return true;
}

static void decide(struct call *call, const struct grant *grant)
{
    struct gateway *gateway = call->gateway;
    const struct grant *ancestors[LIMIT_grant_depth];
    const struct definitions *definitions = upstream_definitions(call->backend->upstream);
    struct question question = {
        .subject = subject_of[method_row(call->method_id)->subject],
        .server = call->route->server,
        .definitions = definitions,
        .name = call->params.name,
        .args = call->params.arguments,
        .args_absent = call->params.arguments == NULL,
        .grant = grant,
        .ancestors = ancestors,
        .pin = PIN_ACCEPTED,
        .frozen = store_is_frozen(gateway->store, call->route->server->name, grant->id),
        .session = call_session(call),
        .client = call_client(call),
        .now_ms = clock_wall_ms(gateway->clock),
    };
    if (store_grant_ancestors(gateway->store, grant, question.now_ms, ancestors, &question.ancestor_count) != 0) {
        call->decision = (struct decision){ .verdict = VERDICT_DENY, .reason = REASON_grant_revoked };
        return;
    }
    for (size_t i = 0; i < question.ancestor_count && !question.frozen; i++)
        question.frozen = store_is_frozen(gateway->store, call->route->server->name, ancestors[i]->id);
    bool listed = look_at_lists(call, definitions, &question);
    if (question.tool)
        question.class = store_pin_class(gateway->store, call->route->server->name, question.name);
    call->class = question.class;
    if (question.subject == SUBJECT_PROMPT)
        question.class = class_of_prompt(gateway, call->route->server->name, definitions, question.name, &call->arena);
    if (question.subject == SUBJECT_TOOL)
        call->tool = meter_tool(call->route->meter, question.tool);
    call->generation = gateway->generation;
    if (!listed) {
        /* One answer, ours, for what is hidden and what is not there. */
        enum reason unknown = question.subject == SUBJECT_PROMPT ? REASON_unknown_prompt : REASON_unknown_resource;
        call->decision = (struct decision){ .verdict = VERDICT_HIDE, .reason = unknown };
        return;
    }
    policy_decide(call->route->policy, &question, &call->arena, NULL, &call->decision);
}

/* The bytes that the server will get, written once, and the digest over them. */
static int write_operation(struct call *call)
{
    struct buf *out = &call->operation;
    const struct method_row *row = method_row(call->method_id);
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_member_string(&writer, row->subject == METHOD_SUBJECT_RESOURCE ? STR("uri") : STR("name"),
                             call->params.name);
    struct str arguments = STR_EMPTY;
    if (call->params.arguments) {
        json_write_key(&writer, STR("arguments"));
        size_t start = out->len;
        json_write_node(&writer, call->params.arguments);
        arguments = str_slice(buf_str(out), start, out->len);
    }
    if (!buf_ok(out))
        return E_LIMIT;

    struct hasher *hasher = call->gateway->hasher;
    hasher_begin(hasher);
    hasher_add_field(hasher, call->route->server->name);
    hasher_add_field(hasher, row->name);
    hasher_add_field(hasher, call->params.name);
    hasher_add_field(hasher, arguments);
    hasher_end(hasher, &call->digest);
    return 0;
}

enum step_next step_decide(struct call *call)
{
    switch (method_row(call->method_id)->kind) {
    case METHOD_LOCAL: return call_answer_local(call);
    case METHOD_LIST: return call_answer_list(call);
    case METHOD_FORWARD: break;
    case METHOD_NOTE:
    case METHOD_ASK: WRONG("only requests that a client may send come here");
    }
    if (write_operation(call) != 0)
        return malformed(call, REASON_too_large);

    const struct grant *grant = call_live_grant(call);
    if (!grant)
        return end(call, REASON_grant_revoked);
    decide(call, grant);
    /* What is hidden has no fields that could be wrong. */
    if (call->decision.verdict != VERDICT_HIDE && !call_fields_fit(call))
        return end(call, REASON_mirror_mismatch);
    return call->decision.verdict == VERDICT_ALLOW ? STEP_NEXT : end(call, call->decision.reason);
}

static struct str isolation_value(const struct call *call)
{
    switch (call->route->server->isolation) {
    case ISOLATION_SERVER: return STR_EMPTY;
    case ISOLATION_SESSION:
        if (call->session)
            return session_id(call->session);
        break; /* an era without sessions: the grant */
    case ISOLATION_GRANT: break;
    }
    return str_of(call->grant->id, GRANT_ID_LEN);
}

const struct definitions *call_own(const struct call *call)
{
    return upstream_own(call->backend->upstream, call->era->id, isolation_value(call));
}

/* ---- OPEN ---- */

/* The grant may have expired while the server started. Where the generation moved since the decision, the call is
 * decided again, under the admission that it may have. */
static bool still_allowed(struct call *call, enum reason *why)
{
    struct gateway *gateway = call->gateway;
    const struct grant *grant = call_live_grant(call);
    if (!grant) {
        *why = REASON_grant_revoked;
        return false;
    }
    if (call->generation == gateway->generation)
        return true;
    decide(call, grant);
    *why = call->decision.reason;
    return call->decision.verdict == VERDICT_ALLOW;
}

/* An instance that was started for this call has told what it lists, which the decision did not know. */
enum step_next step_open(struct call *call)
{
    call->waiter.ready = upstream_is_ready;
    int error =
        upstream_open(call->backend->upstream, call->era->id, isolation_value(call), &call->waiter, &call->instance);
    if (error == 0) {
        enum reason why;
        bool known = call->generation == call->gateway->generation;
        return known || still_allowed(call, &why) ? STEP_NEXT : end(call, why);
    }
    if (error == E_LIMIT)
        return end(call, REASON_upstream_instances);
    if (error != E_AGAIN)
        return end(call, REASON_upstream_unavailable);
    call->waiting = true;
    return STEP_WAIT;
}

/* ---- ADMIT ---- */

void call_fill_record(struct call *call, struct record *record)
{
    *record = (struct record){
        .kind = RECORD_DECISION,
        .at_ms = clock_wall_ms(call->gateway->clock),
        .call = call->id,
        .server = call->route->server->name,
        .method = method_row(call->method_id)->name,
        .name = str_slice(call->params.name, 0, RECORD_NAME_MAX),
        .grant = str_of(call->grant->id, GRANT_ID_LEN),
        .session = call_session(call),
        .client = call_client(call),
        .digest = call->digest,
        .revision = call->route->revision,
        .class = call->class,
    };
}

static void admitted(void *arg, const struct admit_result *result)
{
    struct call *call = arg;
    if (result->what != ADMITTED) {
        call->admission = NULL; /* the store settles what became durable too late */
        call_end(call, result->reason);
        return;
    }
    call->was_admitted = true;
    call->admitted_us = clock_mono_us(call->gateway->clock);
    histogram_add(&call->route->meter->admission, call->admitted_us - call->begun_us);
    call->gateway->allowed++;
    call_resume(call);
}

enum step_next step_admit(struct call *call)
{
    struct gateway *gateway = call->gateway;
    struct record record;
    call_fill_record(call, &record);
    record.reason = REASON_allowed;
    record.rule = call->decision.rule;

    struct admit_result result;
    int error = store_admit(gateway->store, &record, call->decision.debits, call->decision.debit_count, admitted, call,
                            &call->admission, &result);
    if (error == 0)
        return STEP_WAIT;
    call->admission = NULL;
    if (result.what == ADMIT_OVER) {
        call->over = result.over;
        call->over_debit = &call->decision.debits[result.over.debit];
    }
    return end(call, result.reason);
}

/* ---- SEND ---- */

static void leg_note(struct leg *leg, const struct message *message);
static void leg_answer(struct leg *leg, const struct message *message, struct arena *arena);
static void leg_ended(struct leg *leg, enum reason reason);
static const struct leg_events leg_events = { .note = leg_note, .answer = leg_answer, .ended = leg_ended };

enum step_next step_send(struct call *call)
{
    enum reason why;
    if (!still_allowed(call, &why))
        return end(call, why);
    /* The instance that OPEN found may have ended while the record was written. */
    int error =
        upstream_open(call->backend->upstream, call->era->id, isolation_value(call), &call->waiter, &call->instance);
    if (error) {
        call->waiting = error == E_AGAIN;
        return end(call, REASON_upstream_unavailable);
    }
    int64_t call_ms = call->decision.timeout_ms ? call->decision.timeout_ms : call->route->server->call_ms;
    call->leg = (struct leg){
        .events = &leg_events,
        .owner = call,
        .progress = call->progress.len > 0 && call->exchange && call->exchange->takes_events,
        .deadline_ms = loop_now_ms(call->gateway->loop) + call_ms,
        .name = call->params.name,
        .arguments = call->params.arguments,
        .tool = definitions_tool(upstream_definitions(call->backend->upstream), call->params.name),
    };
    error = upstream_send(call->instance, &call->leg, method_row(call->method_id)->name, buf_str(&call->operation));
    if (error)
        return end(call, error == E_FULL ? REASON_upstream_full : REASON_upstream_closed);
    call->sent = true;
    arena_reset(&call->arena); /* the request is with the server: only its id is kept */
    call->message = (struct message){ 0 };
    call->params = (struct call_params){ 0 };
    call->decision = (struct decision){ 0 };
    return STEP_NEXT;
}

/* ---- AWAIT ---- */

enum step_next step_await(struct call *call)
{
    (void)call;
    return STEP_WAIT;
}

/* Progress is passed on with the client's own token; a client that does not read loses it, not the answer. */
static void leg_note(struct leg *leg, const struct message *message)
{
    struct call *call = leg->owner;
    if (message->method_id != METHOD_PROGRESS || !call->exchange || !call->progress.len)
        return;
    struct buf *out = &call->gateway->out;
    struct json_writer writer;
    buf_reset(out);
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("jsonrpc"), STR("2.0"));
    json_write_member_string(&writer, STR("method"), method_row(METHOD_PROGRESS)->name);
    json_write_key(&writer, STR("params"));
    json_write_object(&writer);
    json_write_key(&writer, STR("progressToken"));
    json_write_raw(&writer, buf_str(&call->progress));
    static const char *const passed_on[] = { "progress", "total", "message" };
    for (size_t at = 0; at < ARRAY_LEN(passed_on); at++) {
        const struct json *value = json_get(message->params, str_from_c(passed_on[at]));
        if (json_is(value, at < 2 ? JSON_NUMBER : JSON_STRING))
            json_write_member_node(&writer, str_from_c(passed_on[at]), value);
    }
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    if (buf_ok(out) && call->exchange->ops->event(call->exchange, buf_str(out)) != 0)
        log_debug(call->gateway->log, "a client does not read: progress dropped");
}

static void leg_answer(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct call *call = leg->owner;
    call->sent = false;
    call->answer = *message;
    call->answer_arena = *arena;
    call->answered = true;
    call_resume(call);
}

static void leg_ended(struct leg *leg, enum reason reason)
{
    struct call *call = leg->owner;
    call->sent = false;
    call->outcome = reason == REASON_upstream_full ? OUTCOME_transport_error : OUTCOME_unknown;
    call_end(call, reason);
}

/* ---- ANSWER, SETTLE ---- */

enum step_next step_answer(struct call *call)
{
    struct buf *out = &call->gateway->out;
    buf_reset(out);
    enum reason reason = call->era->judge(&call->answer);
    if (reason != REASON_allowed) {
        call->outcome = call->answer.kind == MESSAGE_ERROR ? OUTCOME_rpc_error : OUTCOME_unknown;
        return end(call, reason);
    }
    if (call->answer.kind == MESSAGE_RESULT) {
        const struct json *is_error = json_get(call->answer.result, STR("isError"));
        call->outcome = json_is(is_error, JSON_BOOL) && json_bool(is_error) ? OUTCOME_tool_error : OUTCOME_ok;
        call->era->write_result(out, buf_str(&call->client_id), call->method_id, call->answer.result);
    } else {
        call->outcome = OUTCOME_rpc_error;
        message_write_server_error(out, buf_str(&call->client_id), &call->answer);
    }
    if (!buf_ok(out)) {
        call->outcome = OUTCOME_unknown;
        return end(call, REASON_upstream_malformed);
    }
    return STEP_NEXT;
}

enum step_next step_settle(struct call *call)
{
    return end(call, REASON_answered);
}
