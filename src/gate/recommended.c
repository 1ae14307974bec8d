/* Recommended policies, from pins to the snapshot in force. */
#include "gate/recommended.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/plural.h"
#include "classify/classify.h"
#include "config/config.h"
#include "config/zones.h"
#include "gate/gate.h"
#include "gate/snapshot.h"
#include "model/server.h"
#include "policy/policy.h"
#include "recommend/recommend.h"
#include "store/store.h"
#include "upstream/upstream.h"

#include <stdlib.h>
#include <string.h>

static struct policy *load(struct str source)
{
    struct problems problems;
    struct policy *policy = NULL;
    struct arena arena;
    arena_init(&arena, NULL, LIMIT_policy_compiled);
    int error = policy_load_with(source, config_zones(), &arena, &problems, &policy);
    arena_release(&arena);
    return error ? NULL : policy;
}

/* The one that goes in force now is compiled already. */
static struct policy *compiled(const struct route *was, const struct sha256 *revision)
{
    struct policy *made = was && was->backend ? was->backend->made : NULL;
    if (was && was->policy && memcmp(&was->revision, revision, sizeof(*revision)) == 0)
        return policy_ref(was->policy);
    return made && memcmp(policy_revision(made), revision, sizeof(*revision)) == 0 ? policy_ref(made) : NULL;
}

struct policy *recommended_policy(struct gateway *gateway, const struct config_server *server, const struct route *was)
{
    struct sha256 revision;
    struct str source = store_recommended(gateway->store, server->server.name, &revision);
    if (source.len == 0)
        return NULL;
    struct policy *policy = compiled(was, &revision);
    if (!policy)
        policy = load(source);
    if (!policy)
        log_error(gateway->log, "server '%" STR_FMT "': its recommended policy does not load: everything is denied",
                  STR_ARG(server->server.name));
    return policy;
}

/* ---- made ---- */

void recommendation_init(struct recommendation *recommendation)
{
    *recommendation = (struct recommendation){ .policy = NULL };
    buf_init(&recommendation->text, LIMIT_policy_body);
}

void recommendation_release(struct recommendation *recommendation)
{
    buf_release(&recommendation->text);
    policy_unref(recommendation->policy);
    recommendation->policy = NULL;
}

void recommendation_make(struct str server, const struct classed_tool *tools, size_t count, struct recommendation *out)
{
    out->error = recommend_policy(&out->text, PRESET_STRICT, server, tools, count);
    if (!out->error && !(out->policy = load(buf_str(&out->text))))
        out->error = E_INVALID;
}

/* It goes live as any other policy does: with a snapshot of its own. */
static int put_in_force(struct backend *backend, struct recommendation *made)
{
    struct gateway *gateway = backend->gateway;
    if (made->error)
        return made->error;
    store_recommend(gateway->store, backend->server.name, buf_str(&made->text), policy_revision(made->policy));
    backend->made = made->policy;
    int error = gateway_reload(gateway, gateway->snapshot->config);
    backend->made = NULL;
    return error;
}

/* ---- the first one ---- */

static const struct route *route_of(const struct backend *backend)
{
    const struct route *route = snapshot_route(backend->gateway->snapshot, backend->server.name);
    return route && route->backend == backend ? route : NULL;
}

bool recommended_is_wanted(const struct backend *backend)
{
    const struct route *route = route_of(backend);
    return route && route->config->recommended;
}

bool recommended_is_due(const struct backend *backend)
{
    struct sha256 revision;
    return !backend->gateway->stopping && recommended_is_wanted(backend) &&
           store_recommended(backend->gateway->store, backend->server.name, &revision).len == 0;
}

void recommend_first(struct backend *backend, struct recommendation *made, size_t tool_count)
{
    struct gateway *gateway = backend->gateway;
    if (!recommended_is_due(backend)) /* no longer, or an operator was faster */
        return;
    int error = put_in_force(backend, made);
    if (error)
        log_error(gateway->log,
                  "server '%" STR_FMT "': no recommended policy can be made of its tools, and everything "
                  "is denied: %s",
                  STR_ARG(backend->server.name), error_text(error));
    else
        log_info(gateway->log,
                 "server '%" STR_FMT "': the recommended policy for its %zu tool%s is in force, and stays "
                 "as it is",
                 STR_ARG(backend->server.name), tool_count, plural(tool_count));
}

/* ---- another one, by an operator ---- */

/* What its texts show; the look at the list has told it, unless the server came to a recommended policy later. */
static struct glance glance_of(struct gateway *gateway, const struct looking *looking, size_t at, struct arena *scratch,
                               struct str server)
{
    struct verdict_on_tool verdict;
    if (looking->glances[at].known)
        return looking->glances[at];
    arena_reset(scratch);
    if (!classify_definition(gateway->classifier, server, scratch, &looking->told->tools[at], &verdict))
        return (struct glance){ .known = false };
    return (struct glance){ .known = true, .class = verdict.class, .signals = verdict.signals };
}

static size_t accepted_tools(struct gateway *gateway, const struct backend *backend, struct arena *scratch,
                             struct classed_tool *out)
{
    const struct looking *looking = &backend->looking;
    struct str server = backend->server.name;
    size_t count = 0;
    for (size_t at = 0; at < looking->told->tool_count; at++) {
        const struct tool *tool = &looking->told->tools[at];
        struct pinned_class class = store_pin_class(gateway->store, server, tool->name);
        if (store_pin_state(gateway->store, server, PIN_TOOL, tool->name, &tool->pin) != PIN_ACCEPTED)
            continue;
        struct glance glance = glance_of(gateway, looking, at, scratch, server);
        count += classed_tool_of(tool->name, class, &glance, &out[count]);
    }
    return count;
}

static int propose(struct gateway *gateway, const struct backend *backend, struct buf *out)
{
    if (!gateway->classifier && classifier_new(&gateway->classifier) != 0)
        return E_NOMEM;
    struct classed_tool *tools = calloc(backend->looking.told->tool_count + 1, sizeof(*tools));
    struct arena scratch;
    if (!tools)
        return E_NOMEM;
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    size_t count = accepted_tools(gateway, backend, &scratch, tools);
    arena_release(&scratch);
    int error = recommend_policy(out, PRESET_STRICT, backend->server.name, tools, count);
    free(tools);
    return error;
}

static int look(struct gateway *gateway, const struct route *route, struct buf *text, struct gateway_recommended *out)
{
    if (!route->backend->looking.glances)
        return E_AGAIN;
    int error = propose(gateway, route->backend, text);
    if (error)
        return error;
    hasher_begin(gateway->hasher);
    hasher_add(gateway->hasher, text->ptr, text->len);
    hasher_end(gateway->hasher, &out->proposed);
    out->has_policy = route->policy != NULL;
    out->in_force = route->revision;
    out->policy = route->policy ? policy_source(route->policy) : STR_EMPTY;
    return 0;
}

static int accept_proposal(struct backend *backend, struct str text)
{
    struct recommendation made;
    recommendation_init(&made);
    buf_append_str(&made.text, text);
    made.policy = buf_ok(&made.text) ? load(text) : NULL;
    made.error = made.policy ? 0 : E_INVALID;
    int error = put_in_force(backend, &made);
    recommendation_release(&made);
    return error;
}

int gateway_recommend(struct gateway *gateway, struct str server, struct str accept, struct buf *text,
                      struct gateway_recommended *out)
{
    const struct route *route = snapshot_route(gateway->snapshot, server);
    char hex[2 * SHA256_LEN];
    if (!route)
        return E_NOT_FOUND;
    if (!route->config->recommended)
        return E_DENIED;
    int error = look(gateway, route, text, out);
    if (error || accept.len == 0)
        return error;
    hex_encode(out->proposed.bytes, SHA256_LEN, hex);
    if (!str_starts_with(str_of(hex, sizeof(hex)), accept))
        return E_INVALID;
    error = accept_proposal(route->backend, buf_str(text));
    if (error)
        return error;
    gateway->generation++; /* what was decided and not sent is decided again */
    out->has_policy = true;
    out->in_force = out->proposed;
    return 0;
}

void recommended_arrived(struct call *call)
{
    struct gateway *gateway = call->gateway;
    const struct route *now = snapshot_route(gateway->snapshot, call->route->server->name);
    if (!call->route->config->recommended || call->route->policy || !now || now->backend != call->backend)
        return;
    struct snapshot *before = call->snapshot;
    call->snapshot = snapshot_ref(gateway->snapshot);
    call->route = now;
    snapshot_unref(before);
}
