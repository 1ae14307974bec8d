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

static struct policy *load(struct gateway *gateway, struct str server, struct str source)
{
    struct problems problems;
    struct policy *policy = NULL;
    struct arena arena;
    arena_init(&arena, NULL, LIMIT_policy_compiled);
    int error = policy_load_with(source, config_zones(), &arena, &problems, &policy);
    arena_release(&arena);
    if (error)
        log_error(gateway->log, "server '%" STR_FMT "': its recommended policy does not load: everything is denied",
                  STR_ARG(server));
    return policy;
}

struct policy *recommended_policy(struct gateway *gateway, const struct config_server *server, const struct route *was)
{
    struct sha256 revision;
    struct str source = store_recommended(gateway->store, server->server.name, &revision);
    if (source.len == 0)
        return NULL;
    if (was && was->policy && memcmp(&was->revision, &revision, sizeof(revision)) == 0)
        return policy_ref(was->policy);
    return load(gateway, server->server.name, source);
}

/* What is listed as it was accepted, by its frozen class and what its texts show now; what nobody can class or read is
 * left to the default. */
static size_t accepted_tools(const struct gateway *gateway, struct str server, const struct definitions *definitions,
                             struct arena *scratch, struct classed_tool *out)
{
    struct verdict_on_tool verdict;
    size_t count = 0;
    for (size_t at = 0; at < definitions->tool_count; at++) {
        const struct tool *tool = &definitions->tools[at];
        struct pinned_class class = store_pin_class(gateway->store, server, tool->name);
        arena_reset(scratch);
        if (class.known && store_pin_state(gateway->store, server, PIN_TOOL, tool->name, &tool->pin) == PIN_ACCEPTED &&
            classify_definition(gateway->classifier, server, scratch, tool, &verdict))
            out[count++] = (struct classed_tool){ tool->name, class.class, verdict.signals };
    }
    return count;
}

static int propose(struct gateway *gateway, struct str server, const struct definitions *definitions, struct buf *out)
{
    if (!gateway->classifier && classifier_new(&gateway->classifier) != 0)
        return E_NOMEM;
    struct classed_tool *tools = calloc(definitions->tool_count + 1, sizeof(*tools));
    struct arena scratch;
    if (!tools)
        return E_NOMEM;
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    size_t count = accepted_tools(gateway, server, definitions, &scratch, tools);
    arena_release(&scratch);
    int error = recommend_policy(out, PRESET_STRICT, server, tools, count);
    free(tools);
    return error;
}

/* It goes live as any other policy does: with a snapshot of its own. */
static int put_in_force(struct gateway *gateway, struct str server, struct str source)
{
    struct policy *policy = load(gateway, server, source);
    if (!policy)
        return E_INVALID;
    store_recommend(gateway->store, server, source, policy_revision(policy));
    policy_unref(policy);
    return gateway_reload(gateway, gateway->snapshot->config);
}

void recommend_first(struct gateway *gateway, const struct backend *backend, const struct definitions *definitions)
{
    struct str server = backend->server.name;
    const struct route *route = snapshot_route(gateway->snapshot, server);
    struct sha256 revision;
    struct buf text;
    if (!route || route->backend != backend || !route->config->recommended || definitions->tool_count == 0 ||
        store_recommended(gateway->store, server, &revision).len > 0)
        return;
    buf_init(&text, LIMIT_policy_body);
    int error = propose(gateway, server, definitions, &text);
    if (!error)
        error = put_in_force(gateway, server, buf_str(&text));
    if (error)
        log_error(gateway->log,
                  "server '%" STR_FMT "': no recommended policy can be made of its tools, and everything "
                  "is denied: %s",
                  STR_ARG(server), error_text(error));
    else
        log_info(gateway->log,
                 "server '%" STR_FMT "': the recommended policy for its %zu tool%s is in force, and stays "
                 "as it is",
                 STR_ARG(server), definitions->tool_count, plural(definitions->tool_count));
    buf_release(&text);
}

static int look(struct gateway *gateway, const struct route *route, struct buf *text, struct gateway_recommended *out)
{
    const struct definitions *definitions = upstream_definitions(route->backend->upstream);
    if (!definitions)
        return E_AGAIN;
    int error = propose(gateway, route->server->name, definitions, text);
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
    error = put_in_force(gateway, server, buf_str(text));
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
