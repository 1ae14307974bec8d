/* Snapshots and the backends that go from one to the next. */
#include "gate/snapshot.h"

#include "base/check.h"
#include "base/log.h"
#include "base/plural.h"
#include "config/config.h"
#include "gate/gate.h"
#include "gate/meter.h"
#include "gate/listen.h"
#include "gate/recommended.h"
#include "model/reason.h"
#include "policy/policy.h"
#include "store/store.h"
#include "upstream/upstream.h"

#include <stdlib.h>

#define SERVER_BYTES ((size_t)64 << 20) /* a ceiling over what is kept of one server's configuration */

/* ---- backends ---- */

/* What changed is denied from now on, and what is new is not there before it was looked at. */
static void definitions_changed(void *arg, struct upstream *upstream)
{
    struct backend *backend = arg;
    const struct definitions *definitions = upstream_newest(upstream);
    log_info(backend->gateway->log, "server '%" STR_FMT "': %zu tool%s, %zu prompt%s, %zu resource%s",
             STR_ARG(backend->server.name), definitions->tool_count, plural(definitions->tool_count),
             definitions->prompt_count, plural(definitions->prompt_count), definitions->resource_count,
             plural(definitions->resource_count));
    backend->gateway->generation++; /* what was decided and not sent is decided again */
    look_start(backend);
}

static size_t own_item_changes(const struct backend *backend, enum pin_kind kind, const struct item *items,
                               size_t count)
{
    size_t changed = 0;
    for (size_t at = 0; at < count; at++)
        changed += store_pin_state(backend->gateway->store, backend->server.name, kind, items[at].name,
                                   items[at].pin) == PIN_CHANGED;
    return changed;
}

static size_t own_changes(const struct backend *backend, const struct definitions *own)
{
    size_t changed = 0;
    for (size_t at = 0; at < own->tool_count; at++)
        changed += store_pin_state(backend->gateway->store, backend->server.name, PIN_TOOL, own->tools[at].name,
                                   &own->tools[at].pin) == PIN_CHANGED;
    return changed + own_item_changes(backend, PIN_PROMPT, own->prompts, own->prompt_count) +
           own_item_changes(backend, PIN_RESOURCE, own->resources, own->resource_count) +
           own_item_changes(backend, PIN_TEMPLATE, own->templates, own->template_count);
}

/* A client's own instance lists otherwise than was accepted: that is denied to this client, and it is said. */
static void own_listed(void *arg, struct upstream *upstream, struct str value, const struct definitions *before,
                       const struct definitions *own)
{
    struct backend *backend = arg;
    struct gateway *gateway = backend->gateway;
    const struct definitions *definitions = upstream_definitions(upstream);
    size_t changed = 0;
    if (definitions && own != definitions)
        changed = own_changes(backend, own);
    gateway->generation++;
    const struct route *route = snapshot_route(gateway->snapshot, backend->server.name);
    if (route && route->backend == backend)
        listen_own_changed(gateway, route, value, before, own);
    if (changed > 0)
        log_warn(gateway->log,
                 "server '%" STR_FMT "': a client's own instance lists %zu definition%s not as accepted: "
                 "denied to that client",
                 STR_ARG(backend->server.name), changed, plural(changed));
}

static void backend_free(struct backend *backend)
{
    list_remove(&backend->link);
    if (backend->upstream)
        upstream_free(backend->upstream);
    looking_release(&backend->looking);
    arena_release(&backend->arena);
    free(backend);
}

static int backend_new(struct gateway *gateway, const struct server *server, struct backend **out)
{
    struct backend *backend = calloc(1, sizeof(*backend));
    if (!backend)
        return E_NOMEM;
    backend->refs = 1;
    backend->gateway = gateway;
    list_append(&gateway->backends, &backend->link);
    looking_init(&backend->looking, gateway->loop);
    arena_init(&backend->arena, NULL, SERVER_BYTES);
    int error = server_copy(&backend->arena, server, &backend->server);
    if (!error) {
        const struct upstream_services services = {
            .loop = gateway->loop,
            .clock = gateway->clock,
            .log = gateway->log,
            .arenas = &gateway->arenas,
            .heap = &gateway->heap,
            .self = gateway->self,
            .data = gateway->data,
            .resolver = gateway->resolver,
            .trust = gateway->trust,
        };
        const struct upstream_events events = {
            .definitions = definitions_changed, .keeps_first = true, .own = own_listed, .arg = backend
        };
        error = upstream_new(&services, &backend->server, &events, &backend->upstream);
    }
    if (error) {
        backend_free(backend);
        return error;
    }
    *out = backend;
    return 0;
}

static void backend_ended(void *arg)
{
    struct backend *backend = arg;
    struct gateway *gateway = backend->gateway;
    backend->ended = true;
    if (backend->refs == 0)
        backend_free(backend);
    gateway_backend_ended(gateway);
}

static void end_backend(struct backend *backend, enum reason reason)
{
    if (backend->ending)
        return;
    backend->ending = true;
    looking_stop(&backend->looking);
    upstream_stop(backend->upstream, reason, backend_ended, backend);
}

void backend_stop(struct backend *backend)
{
    end_backend(backend, REASON_shutting_down);
}

struct backend *backend_ref(struct backend *backend)
{
    AN(backend->refs);
    backend->refs++;
    return backend;
}

void backend_unref(struct backend *backend)
{
    if (!backend)
        return;
    AN(backend->refs);
    if (--backend->refs > 0)
        return;
    if (!backend->started || backend->ended)
        backend_free(backend);
    else
        end_backend(backend, REASON_server_removed);
}

/* ---- snapshots ---- */

static int find_backend(struct gateway *gateway, const struct server *server, const struct snapshot *before,
                        struct backend **out)
{
    const struct route *route = before ? snapshot_route(before, server->name) : NULL;
    if (!route || !server_starts_alike(&route->backend->server, server)) {
        int error = backend_new(gateway, server, out);
        if (!error && route && route->backend->looking.told)
            (*out)->looking.told = definitions_ref(route->backend->looking.told);
        return error;
    }
    *out = backend_ref(route->backend);
    return 0;
}

static int route_init(struct route *route, struct gateway *gateway, const struct config_server *from,
                      const struct snapshot *before)
{
    int error = find_backend(gateway, &from->server, before, &route->backend);
    if (error)
        return error;
    const struct route *was = before ? snapshot_route(before, from->server.name) : NULL;
    if (was)
        route->meter = meter_ref(was->meter);
    else
        error = meter_new(&route->meter);
    if (error) {
        backend_unref(route->backend);
        return error;
    }
    route->server = &from->server;
    route->config = from;
    if (from->recommended)
        route->policy = recommended_policy(gateway, from, was);
    else if (from->policy)
        route->policy = policy_ref(from->policy);
    if (route->policy)
        route->revision = *policy_revision(route->policy);
    return 0;
}

int snapshot_new(struct gateway *gateway, struct config *config, const struct snapshot *before, struct snapshot **out)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return E_NOMEM;
    snapshot->refs = 1;
    snapshot->config = config_ref(config);
    map_init(&snapshot->by_name);
    snapshot->routes = calloc(config->server_count ? config->server_count : 1, sizeof(*snapshot->routes));
    int error = snapshot->routes ? 0 : E_NOMEM;
    for (size_t at = 0; !error && at < config->server_count; at++) {
        struct route *route = &snapshot->routes[at];
        error = route_init(route, gateway, &config->servers[at], before);
        if (error)
            break;
        snapshot->route_count++;
        error = map_set(&snapshot->by_name, route->server->name, route);
    }
    if (error) {
        snapshot_retire(snapshot);
        return error;
    }
    *out = snapshot;
    return 0;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    AN(snapshot->refs);
    snapshot->refs++;
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    AN(snapshot->refs);
    if (--snapshot->refs > 0)
        return;
    map_release(&snapshot->by_name);
    for (size_t at = 0; at < snapshot->route_count; at++) {
        meter_unref(snapshot->routes[at].meter);
        policy_unref(snapshot->routes[at].policy);
    }
    free(snapshot->routes);
    config_unref(snapshot->config);
    free(snapshot);
}

void snapshot_start(struct snapshot *snapshot)
{
    for (size_t at = 0; at < snapshot->route_count; at++) {
        struct backend *backend = snapshot->routes[at].backend;
        if (backend->started)
            continue;
        backend->started = true;
        upstream_start(backend->upstream);
    }
}

void snapshot_retire(struct snapshot *snapshot)
{
    for (size_t at = 0; at < snapshot->route_count; at++) {
        struct backend *backend = snapshot->routes[at].backend;
        snapshot->routes[at].backend = NULL;
        backend_unref(backend);
    }
    snapshot_unref(snapshot);
}

struct route *snapshot_route(const struct snapshot *snapshot, struct str name)
{
    return map_get(&snapshot->by_name, name);
}
