/* The gateway: made of its routes, started, stopped; what fronts call; what happens to many calls at once. */
#include "gate/gateway.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gate/gate.h"
#include "model/reason.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define GATEWAY_MAGIC 0x9a7e0a41u
#define SWEEP_MS 30000
#define SUMMARY_MS 60000
#define KEPT_ARENA_BLOCKS 512

/* ---- what fronts call ---- */

const struct grant *gateway_grant_behind(struct gateway *gateway, struct str token)
{
    struct str id, secret;
    if (grant_token_parse(token, &id, &secret) != 0)
        return NULL;
    const struct grant *grant = store_grant(gateway->store, id);
    if (!grant || !grant_secret_fits(gateway->hasher, grant, secret))
        return NULL;
    return grant_is_live(grant, clock_wall_ms(gateway->clock)) ? grant : NULL;
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
    struct call *call = exchange->owner;
    if (call && call->exchange == exchange)
        call_happened(call, CALL_EVENT_CLIENT_GONE);
}

static bool front_knows(void *arg, struct str token)
{
    struct gateway *gateway = arg;
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    if (gateway_grant_behind(gateway, token))
        return true;
    gateway->tally.unauthorized++;
    return false;
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
        .session = call->session ? session_id(call->session) : STR_EMPTY,
        .reason = reason,
        .count = 1,
    };
    gateway->tally.malformed++;
    store_record(gateway->store, &record);
}

void gateway_record_session(struct gateway *gateway, const struct session *session, struct str what)
{
    struct record record = {
        .kind = RECORD_SESSION,
        .at_ms = clock_wall_ms(gateway->clock),
        .server = session->route->server->name,
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

void gateway_end_session(struct gateway *gateway, struct session *session, enum call_event event, struct str why)
{
    while (!list_is_empty(&session->calls))
        call_happened(CONTAINER_OF(session->calls.next, struct call, session_link), event);
    gateway_record_session(gateway, session, why);
    if (session->route->server->isolation == ISOLATION_SESSION)
        upstream_close_instances(session->route->upstream, session_id(session), REASON_session_ended);
    session_end(&gateway->sessions, session);
}

static void sweep(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, sweep);
    struct session *session;
    while ((session = session_expired(&gateway->sessions, loop_now_ms(gateway->loop))) != NULL)
        gateway_end_session(gateway, session, CALL_EVENT_SESSION_ENDED, STR("expired"));
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
    for (size_t at = 0; at < gateway->route_count; at++)
        if (gateway->routes[at].server->isolation == ISOLATION_GRANT)
            upstream_close_instances(gateway->routes[at].upstream, grant_id, REASON_grant_revoked);
}

void gateway_call_count_changed(struct gateway *gateway)
{
    store_set_open_requests(gateway->store, gateway->call_count);
    if (gateway->stopping && gateway->call_count == 0)
        timer_start(&gateway->stop_deadline, 0);
}

/* ---- stop ---- */

static void upstream_has_stopped(void *arg)
{
    struct gateway *gateway = arg;
    CHECK(gateway->stops_left > 0);
    if (--gateway->stops_left == 0)
        gateway->stopped(gateway->stopped_arg);
}

/* No call is left, or their time is over: the servers end, and with them what they still had. */
static void stop_servers(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, stop_deadline);
    if (gateway->stops_left)
        return;
    timer_stop(&gateway->sweep);
    record_unauthorized(gateway);
    gateway->stops_left = gateway->route_count;
    if (gateway->route_count == 0) {
        gateway->stopped(gateway->stopped_arg);
        return;
    }
    for (size_t at = 0; at < gateway->route_count; at++)
        upstream_stop(gateway->routes[at].upstream, REASON_shutting_down, upstream_has_stopped, gateway);
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
    LIST_EACH (&gateway->calls, link, after)
        call_happened(CONTAINER_OF(link, struct call, link), CALL_EVENT_STOP);
}

/* ---- life ---- */

struct route *gateway_route(struct gateway *gateway, struct str name)
{
    return map_get(&gateway->routes_by_name, name);
}

static void definitions_changed(void *arg, struct upstream *upstream)
{
    struct route *route = arg;
    const struct definitions *definitions = upstream_definitions(upstream);
    log_info(route->gateway->log, "server '%" STR_FMT "': %zu tools, %zu prompts, %zu resources",
             STR_ARG(route->server->name), definitions->tool_count, definitions->prompt_count,
             definitions->resource_count);
}

static int route_init(struct route *route, struct gateway *gateway, const struct gateway_options *options, size_t at)
{
    const struct gateway_server *from = &options->servers[at];
    struct upstream_services services = {
        .loop = options->loop,
        .clock = options->clock,
        .log = options->log,
        .arenas = &gateway->arenas,
        .self = options->self,
        .data = options->data,
    };
    struct upstream_events events = { .definitions = definitions_changed, .arg = route };
    route->gateway = gateway;
    route->server = from->server;
    int error = upstream_new(&services, from->server, &events, &route->upstream);
    if (error)
        return error;
    if (from->policy) {
        route->policy = policy_ref(from->policy);
        route->revision = *policy_revision(from->policy);
        store_revision(gateway->store, from->server->name, from->policy_source, &route->revision);
    }
    return map_set(&gateway->routes_by_name, from->server->name, route);
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
    gateway->events = (struct front_events){ front_message, front_gone, front_knows, front_ready, gateway };
    arena_pool_init(&gateway->arenas, KEPT_ARENA_BLOCKS);
    map_init(&gateway->routes_by_name);
    sessions_init(&gateway->sessions);
    list_init(&gateway->calls);
    list_init(&gateway->idle_calls);
    buf_init(&gateway->out, 2 * (size_t)LIMIT_list_total);
    timer_init(&gateway->sweep, gateway->loop, sweep);
    timer_init(&gateway->stop_deadline, gateway->loop, stop_servers);

    int error = hasher_new(&gateway->hasher);
    if (!error) {
        gateway->routes = calloc(options->server_count ? options->server_count : 1, sizeof(*gateway->routes));
        error = gateway->routes ? 0 : E_NOMEM;
    }
    for (size_t at = 0; !error && at < options->server_count; at++) {
        gateway->route_count = at + 1;
        error = route_init(&gateway->routes[at], gateway, options, at);
    }
    if (error) {
        gateway_free(gateway);
        return error;
    }
    *out = gateway;
    return 0;
}

void gateway_start(struct gateway *gateway)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    gateway->summary_ms = loop_now_ms(gateway->loop);
    timer_start(&gateway->sweep, SWEEP_MS);
    for (size_t at = 0; at < gateway->route_count; at++)
        upstream_start(gateway->routes[at].upstream);
}

void gateway_free(struct gateway *gateway)
{
    CHECK_OBJ(gateway, GATEWAY_MAGIC);
    CHECK(list_is_empty(&gateway->calls));
    timer_stop(&gateway->sweep);
    timer_stop(&gateway->stop_deadline);
    sessions_release(&gateway->sessions);
    for (size_t at = 0; at < gateway->route_count; at++) {
        if (gateway->routes[at].upstream)
            upstream_free(gateway->routes[at].upstream);
        policy_unref(gateway->routes[at].policy);
    }
    free(gateway->routes);
    map_release(&gateway->routes_by_name);
    LIST_EACH (&gateway->idle_calls, link, after)
        call_free(CONTAINER_OF(link, struct call, link));
    buf_release(&gateway->out);
    arena_pool_release(&gateway->arenas);
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
    };
}

size_t gateway_server_count(const struct gateway *gateway)
{
    return gateway->route_count;
}

void gateway_server_status(const struct gateway *gateway, size_t index, struct gateway_server_status *out)
{
    CHECK(index < gateway->route_count);
    const struct route *route = &gateway->routes[index];
    const struct definitions *definitions = upstream_definitions(route->upstream);
    *out = (struct gateway_server_status){
        .name = route->server->name,
        .state = upstream_state(route->upstream),
        .tools = definitions ? definitions->tool_count : 0,
        .has_policy = route->policy != NULL,
    };
}
