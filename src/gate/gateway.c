/* The gateway: made of its routes, started, stopped; what fronts call; what happens to many calls at once. */
#include "gate/gateway.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "classify/classify.h"
#include "config/config.h"
#include "gate/classes.h"
#include "gate/gate.h"
#include "io/resolver.h"
#include "io/tls.h"
#include "gate/listen.h"
#include "gate/recommended.h"
#include "model/reason.h"
#include "policy/policy.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GATEWAY_MAGIC 0x9a7e0a41u
#define SWEEP_MS 30000
#define SUMMARY_MS 60000
#define KEPT_ARENA_BLOCKS 512

/* ---- what fronts call ---- */

/* Itself and every grant above it. */
static bool is_live(const struct gateway *gateway, const struct grant *grant)
{
    const struct grant *ancestors[LIMIT_grant_depth];
    size_t count;
    int64_t now_ms = clock_wall_ms(gateway->clock);
    return grant_is_live(grant, now_ms) && store_grant_ancestors(gateway->store, grant, now_ms, ancestors, &count) == 0;
}

const struct grant *gateway_live_grant(const struct gateway *gateway, struct str id)
{
    const struct grant *grant = store_grant(gateway->store, id);
    return grant && is_live(gateway, grant) ? grant : NULL;
}

static void say_unsaid(struct gateway *gateway)
{
    if (gateway->refusals.unsaid)
        log_warn(gateway->log, "refused: %" PRIu64 " more requests for want of a valid token",
                 gateway->refusals.unsaid);
    gateway->refusals.unsaid = 0;
}

/* For the operator alone, and never a part of a secret: a token's id is none. */
static void say_refused(struct gateway *gateway, struct exchange *exchange, const char *why, struct str id,
                        const struct grant *grant)
{
    struct refusals *refusals = &gateway->refusals;
    char peer[80];
    gateway->tally.unauthorized++;
    gateway->unauthorized++;
    if (loop_now_ms(gateway->loop) - refusals->since_ms >= 1000) {
        refusals->since_ms = loop_now_ms(gateway->loop);
        refusals->said = 0;
    }
    if (refusals->said == LIMIT_refusals_logged) {
        refusals->unsaid++;
        return;
    }
    refusals->said++;
    say_unsaid(gateway);
    exchange->ops->peer(exchange, peer, sizeof(peer));
    if (grant)
        log_warn(gateway->log, "refused: %s: %s: grant %" STR_FMT " '%" STR_FMT "'", peer, why, STR_ARG(grant->id),
                 STR_ARG(grant->label));
    else if (id.len)
        log_warn(gateway->log, "refused: %s: %s: %" STR_FMT, peer, why, STR_ARG(id));
    else
        log_warn(gateway->log, "refused: %s: %s", peer, why);
}

const struct grant *gateway_identify(struct gateway *gateway, struct exchange *exchange)
{
    struct str id = STR_EMPTY, secret;
    const struct grant *grant = NULL;
    const char *why;
    if (str_is_empty(exchange->token))
        why = "no bearer token";
    else if (grant_token_parse(exchange->token, &id, &secret) != 0)
        why = "not a token of Warder's form";
    else if ((grant = store_grant(gateway->store, id)) == NULL)
        why = "a token of no grant that is known here";
    else if (!grant_secret_fits(gateway->hasher, grant, secret))
        why = "a token with another secret than the grant's";
    else if (is_live(gateway, grant))
        return grant;
    else if (grant_is_live(grant, clock_wall_ms(gateway->clock)))
        why = "the token of a grant below one that is revoked or expired";
    else
        why = grant->revoked_ms ? "the token of a revoked grant" : "the token of an expired grant";
    say_refused(gateway, exchange, why, id, grant);
    return NULL;
}

static void front_message(void *arg, struct exchange *exchange)
{
    struct gateway *gateway = arg;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    call_begin(gateway, exchange);
}

static void front_gone(void *arg, struct exchange *exchange)
{
    struct gateway *gateway = arg;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    if (exchange->listening) {
        listen_gone(exchange->owner);
        return;
    }
    struct call *call = exchange->owner;
    if (call && call->exchange == exchange)
        call_happened(call, call->era->gone_is_cancelled ? CALL_EVENT_CLIENT_CLOSED : CALL_EVENT_CLIENT_GONE);
}

/* ---- bodies under way ---- */

static enum reason front_expect(void *arg, struct exchange *exchange)
{
    struct gateway *gateway = arg;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    const struct grant *grant = gateway_identify(gateway, exchange);
    if (!grant)
        return REASON_unauthorized;
    struct grant_use *use = grant_use_get(&gateway->sessions, grant->id);
    if (!use)
        return REASON_overloaded;
    use->messages++;
    exchange->owner = use;
    return REASON_allowed;
}

static bool front_held(void *arg, struct exchange *exchange, size_t bytes)
{
    struct gateway *gateway = arg;
    struct grant_use *use = exchange->owner;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    use->bytes += bytes - exchange->held;
    gateway->bytes += bytes - exchange->held;
    exchange->held = bytes;
    return grant_use_bytes(use) <= LIMIT_grant_bytes && gateway->bytes <= LIMIT_process_bytes;
}

static void front_released(void *arg, struct exchange *exchange)
{
    struct gateway *gateway = arg;
    struct grant_use *use = exchange->owner;
    (void)front_held(arg, exchange, 0);
    exchange->owner = NULL;
    use->messages--;
    grant_use_put(&gateway->sessions, use);
}

static void front_unshared(void *arg, struct share *share)
{
    struct gateway *gateway = arg;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    heap_passed(&gateway->heap, share->most);
    share->most = 0;
    grant_use_put(&gateway->sessions, CONTAINER_OF(share, struct grant_use, share));
}

static bool front_ready(void *arg, char *out, size_t max)
{
    struct gateway *gateway = arg;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    if (gateway->stopping) {
        snprintf(out, max, "stopping");
        return false;
    }
    if (!store_is_ready(gateway->store)) {
        snprintf(out, max, "decisions cannot be recorded: calls are denied");
        return false;
    }
    snprintf(out, max, "ready");
    return true;
}

static void front_stale(void *arg, char *out, size_t max)
{
    const struct gateway *gateway = arg;
    snprintf(out, max, "%s", gateway->stale);
}

void gateway_set_stale(struct gateway *gateway, struct str text)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    snprintf(gateway->stale, sizeof(gateway->stale), "%" STR_FMT, STR_ARG(text));
}

const struct front_events *gateway_front_events(struct gateway *gateway)
{
    return &gateway->events;
}

/* ---- records ---- */

void gateway_record_malformed(struct gateway *gateway, const struct call *call, enum reason reason)
{
    struct record record = {
        .kind = RECORD_MALFORMED,
        .at_ms = clock_wall_ms(gateway->clock),
        .server = call->route->server->name,
        .grant = str_of(call->grant->id, GRANT_ID_LEN),
        .session = call_session(call),
        .reason = reason,
        .count = 1,
    };
    gateway->tally.malformed++;
    gateway->malformed++;
    store_record(gateway->store, &record);
}

void gateway_record_session(struct gateway *gateway, const struct session *session, struct str what)
{
    struct record record = {
        .kind = RECORD_SESSION,
        .at_ms = clock_wall_ms(gateway->clock),
        .server = session_server(session),
        .grant = str_of(session->grant->id, GRANT_ID_LEN),
        .session = session_id(session),
        .client = session_client(session),
        .text = what,
    };
    store_record(gateway->store, &record);
}

static void record_unauthorized(struct gateway *gateway)
{
    if (!gateway->tally.unauthorized)
        return;
    struct record record = {
        .kind = RECORD_MALFORMED,
        .at_ms = clock_wall_ms(gateway->clock),
        .reason = REASON_unauthorized,
        .count = gateway->tally.unauthorized,
    };
    gateway->tally.unauthorized = 0;
    store_record(gateway->store, &record);
}

/* ---- many calls at once ---- */

/* Also of servers that end behind their last call. */
static void close_instances(struct gateway *gateway, enum isolation isolation, struct str value, enum reason reason)
{
    LIST_EACH (&gateway->backends, link, after) {
        struct backend *backend = CONTAINER_OF(link, struct backend, link);
        if (backend->server.isolation == isolation && !backend->ending)
            upstream_close_instances(backend->upstream, value, reason);
    }
}

void gateway_end_session(struct gateway *gateway, struct session *session, enum call_event event, struct str why)
{
    while (!list_is_empty(&session->calls))
        call_happened(CONTAINER_OF(session->calls.next, struct call, session_link), event);
    listen_end_session(session);
    gateway_record_session(gateway, session, why);
    close_instances(gateway, ISOLATION_SESSION, session_id(session), REASON_session_ended);
    session_end(&gateway->sessions, session);
}

static void sweep(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, sweep);
    struct session *session;
    while ((session = session_expired(&gateway->sessions, loop_now_ms(gateway->loop))) != NULL)
        gateway_end_session(gateway, session, CALL_EVENT_SESSION_ENDED, STR("expired"));
    listen_end_expired(gateway);
    say_unsaid(gateway);
    if (loop_now_ms(gateway->loop) - gateway->summary_ms >= SUMMARY_MS) {
        gateway->summary_ms = loop_now_ms(gateway->loop);
        record_unauthorized(gateway);
    }
    timer_start(timer, SWEEP_MS);
}

void gateway_grant_revoked(struct gateway *gateway, struct str grant_id)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    gateway->generation++;
    LIST_EACH (&gateway->calls, link, after) {
        struct call *call = CONTAINER_OF(link, struct call, link);
        if (call->grant && str_eq(str_of(call->grant->id, GRANT_ID_LEN), grant_id))
            call_happened(call, CALL_EVENT_REVOKED);
    }
    LIST_EACH (&gateway->sessions.all, link, after) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (str_eq(str_of(session->grant->id, GRANT_ID_LEN), grant_id))
            gateway_end_session(gateway, session, CALL_EVENT_REVOKED, STR("revoked"));
    }
    listen_end_all(gateway, grant_id);
    close_instances(gateway, ISOLATION_GRANT, grant_id, REASON_grant_revoked);
    close_instances(gateway, ISOLATION_SESSION, grant_id, REASON_grant_revoked); /* clients without sessions */
}

void gateway_freeze_changed(struct gateway *gateway)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    gateway->generation++;
}

void gateway_pins_changed(struct gateway *gateway, struct str server)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    const struct route *route = snapshot_route(gateway->snapshot, server);
    gateway->generation++;
    listen_policy_changed(gateway, server);
    if (!route)
        return;
    route->backend->looking.views = true; /* what was forgotten and is listed is seen for the first time */
    look_start(route->backend);
}

void gateway_call_count_changed(struct gateway *gateway)
{
    store_set_open_requests(gateway->store, gateway->call_count);
    if (gateway->stopping && gateway->call_count == 0)
        timer_start(&gateway->stop_deadline, 0);
}

/* ---- stop ---- */

void gateway_backend_ended(struct gateway *gateway)
{
    if (!gateway->ending)
        return;
    LIST_EACH (&gateway->backends, link, after)
        if (!CONTAINER_OF(link, struct backend, link)->ended)
            return;
    gateway->stopped(gateway->stopped_arg);
}

/* No call is left, or their time is over: the servers end, and with them what they still had. */
static void stop_servers(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, stop_deadline);
    if (gateway->ending)
        return;
    timer_stop(&gateway->sweep);
    heap_release(&gateway->heap);
    timer_stop(&gateway->expiry);
    record_unauthorized(gateway);
    LIST_EACH (&gateway->backends, link, after)
        backend_stop(CONTAINER_OF(link, struct backend, link));
    gateway->ending = true;
    gateway_backend_ended(gateway);
}

void gateway_stop(struct gateway *gateway, void (*done)(void *arg), void *arg)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    if (gateway->stopping) { /* asked twice: at once */
        timer_start(&gateway->stop_deadline, 0);
        return;
    }
    gateway->stopping = true;
    gateway->stopped = done;
    gateway->stopped_arg = arg;
    timer_start(&gateway->stop_deadline, gateway->call_count ? LIMIT_stop_ms : 0);
    listen_end_all(gateway, STR_EMPTY);
    LIST_EACH (&gateway->calls, link, after)
        call_happened(CONTAINER_OF(link, struct call, link), CALL_EVENT_STOP);
}

/* ---- life ---- */

/* Each policy that was not in force before is recorded with its bytes. */
static void record_revisions(struct gateway *gateway, const struct snapshot *before)
{
    for (size_t at = 0; at < gateway->snapshot->route_count; at++) {
        const struct route *route = &gateway->snapshot->routes[at];
        const struct route *was = before ? snapshot_route(before, route->server->name) : NULL;
        bool is_known = was && was->policy && memcmp(&was->revision, &route->revision, sizeof(route->revision)) == 0;
        if (route->policy && !is_known && !route->config->recommended)
            store_revision(gateway->store, route->server->name, policy_source(route->policy), &route->revision);
    }
}

int gateway_new(const struct gateway_options *options, struct gateway **out)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    if (!gateway)
        return E_NOMEM;
    gateway->magic = GATEWAY_MAGIC;
    gateway->loop = options->loop;
    gateway->clock = options->clock;
    gateway->log = options->log;
    gateway->store = options->store;
    gateway->self = options->self;
    gateway->data = options->data;
    gateway->events = (struct front_events){
        .message = front_message,
        .gone = front_gone,
        .expect = front_expect,
        .held = front_held,
        .released = front_released,
        .unshared = front_unshared,
        .ready = front_ready,
        .stale = front_stale,
        .arg = gateway,
    };
    arena_pool_init(&gateway->arenas, KEPT_ARENA_BLOCKS);
    list_init(&gateway->backends);
    sessions_init(&gateway->sessions);
    list_init(&gateway->calls);
    list_init(&gateway->listenings);
    listen_set_ceilings(gateway, options->connections);
    list_init(&gateway->idle_calls);
    buf_init(&gateway->out, 2 * (size_t)LIMIT_list_total);
    timer_init(&gateway->sweep, gateway->loop, sweep);
    heap_init(&gateway->heap, gateway->loop);
    timer_init(&gateway->expiry, gateway->loop, listen_expiry);
    timer_init(&gateway->stop_deadline, gateway->loop, stop_servers);

    int error = hasher_new(&gateway->hasher);
    if (!error)
        error = resolver_new(gateway->loop, &gateway->resolver);
    if (!error)
        error = tls_trust_new(&gateway->trust);
    if (!error)
        error = snapshot_new(gateway, options->config, NULL, &gateway->snapshot);
    if (error) {
        gateway_free(gateway);
        return error;
    }
    record_revisions(gateway, NULL);
    for (size_t at = 0; at < gateway->snapshot->route_count; at++)
        (void)rule_classes(gateway, &gateway->snapshot->routes[at]);
    *out = gateway;
    return 0;
}

void gateway_start(struct gateway *gateway)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    gateway->summary_ms = loop_now_ms(gateway->loop);
    timer_start(&gateway->sweep, SWEEP_MS);
    gateway->started = true;
    snapshot_start(gateway->snapshot);
}

/* What is not decided waits for a server that will not come; what is decided finishes. */
static void end_removed(struct gateway *gateway)
{
    LIST_EACH (&gateway->calls, link, after) {
        struct call *call = CONTAINER_OF(link, struct call, link);
        if (call->route && !snapshot_route(gateway->snapshot, call->route->server->name))
            call_happened(call, CALL_EVENT_REMOVED);
    }
    LIST_EACH (&gateway->sessions.all, link, after) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (session->ending || snapshot_route(gateway->snapshot, session_server(session)))
            continue;
        session->ending = true;
        if (list_is_empty(&session->calls))
            gateway_end_session(gateway, session, CALL_EVENT_REMOVED, STR("server removed"));
    }
    listen_end_removed(gateway);
}

static void tell_of_policies(struct gateway *gateway, const struct snapshot *before)
{
    for (size_t at = 0; at < gateway->snapshot->route_count; at++) {
        const struct route *route = &gateway->snapshot->routes[at];
        const struct route *was = snapshot_route(before, route->server->name);
        bool classes = rule_classes(gateway, route);
        if (was && (classes || memcmp(&was->revision, &route->revision, sizeof(route->revision)) != 0))
            listen_policy_changed(gateway, route->server->name);
    }
}

/* A server that listed before it came to a recommended policy. */
static void recommend_more(struct gateway *gateway)
{
    for (size_t at = 0; at < gateway->snapshot->route_count; at++) {
        struct backend *backend = gateway->snapshot->routes[at].backend;
        if (backend->looking.told && recommended_is_due(backend))
            look_soon(backend);
    }
}

int gateway_reload(struct gateway *gateway, struct config *config)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    struct snapshot *before = gateway->snapshot, *made;
    if (gateway->stopping)
        return E_CLOSED;
    int error = snapshot_new(gateway, config, before, &made);
    if (error)
        return error;
    gateway->snapshot = made;
    record_revisions(gateway, before);
    if (gateway->started)
        snapshot_start(made);
    end_removed(gateway);
    tell_of_policies(gateway, before);
    snapshot_retire(before);
    recommend_more(gateway);
    return 0;
}

void gateway_free(struct gateway *gateway)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    CHECK(list_is_empty(&gateway->calls) && list_is_empty(&gateway->listenings));
    timer_stop(&gateway->sweep);
    heap_release(&gateway->heap);
    timer_stop(&gateway->expiry);
    timer_stop(&gateway->stop_deadline);
    sessions_release(&gateway->sessions);
    if (gateway->snapshot)
        snapshot_retire(gateway->snapshot);
    CHECK(list_is_empty(&gateway->backends));
    LIST_EACH (&gateway->idle_calls, link, after)
        call_free(CONTAINER_OF(link, struct call, link));
    buf_release(&gateway->out);
    arena_pool_release(&gateway->arenas);
    classifier_free(gateway->classifier);
    resolver_free(gateway->resolver);
    tls_trust_free(gateway->trust);
    if (gateway->hasher)
        hasher_free(gateway->hasher);
    gateway->magic = 0;
    free(gateway);
}

/* ---- status ---- */

void gateway_status(const struct gateway *gateway, struct gateway_status *out)
{
    *out = (struct gateway_status){
        .calls = gateway->call_count,
        .sessions = gateway->sessions.count,
        .allowed = gateway->allowed,
        .denied = gateway->denied,
        .stopping = gateway->stopping,
        .unauthorized = gateway->unauthorized,
        .malformed = gateway->malformed,
        .bytes = gateway->bytes,
        .streams = gateway->listening_count,
    };
}

size_t gateway_server_count(const struct gateway *gateway)
{
    return gateway->snapshot->route_count;
}

void gateway_server_status(const struct gateway *gateway, size_t index, struct gateway_server_status *out)
{
    CHECK(index < gateway->snapshot->route_count);
    const struct route *route = &gateway->snapshot->routes[index];
    const struct definitions *definitions = upstream_definitions(route->backend->upstream);
    struct upstream_stats stats;
    upstream_stats(route->backend->upstream, &stats);
    *out = (struct gateway_server_status){
        .upstream = stats,
        .name = route->server->name,
        .state = upstream_state(route->backend->upstream),
        .tools = definitions ? definitions->tool_count : 0,
        .has_policy = route->policy != NULL,
        .recommended = route->config->recommended,
        .revision = route->revision,
        .meter = route->meter,
    };
    upstream_trouble(route->backend->upstream, &out->trouble);
}

const struct policy *gateway_policy(const struct gateway *gateway, size_t index)
{
    CHECK(index < gateway->snapshot->route_count);
    return gateway->snapshot->routes[index].policy;
}

uint64_t gateway_step_entered(const struct gateway *gateway, unsigned step)
{
    CHECK(step < STEP_COUNT);
    return gateway->steps[step];
}
