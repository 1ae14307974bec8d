/* Who listens, until when, and which sessions hear of a change. */
#include "gate/listen.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "front/exchange.h"
#include "gate/gate.h"
#include "gate/lists.h"
#include "model/grant.h"
#include "store/store.h"
#include "upstream/upstream.h"

#include <stdio.h>
#include <stdlib.h>

#define LISTENING_MAGIC 0x115e115eu
#define VIEW_ARENA_MAX ((size_t)1 << 20)

static const struct notice {
    unsigned kind;
    enum method_id method;
} notices[] = {
    { LISTEN_TOOLS, METHOD_TOOLS_LIST_CHANGED },
    { LISTEN_PROMPTS, METHOD_PROMPTS_LIST_CHANGED },
    { LISTEN_RESOURCES, METHOD_RESOURCES_LIST_CHANGED },
};

static const struct list_kind {
    unsigned kind;
    enum method_id method;
} list_kinds[LIST_METHODS] = {
    { LISTEN_TOOLS, METHOD_TOOLS_LIST },
    { LISTEN_PROMPTS, METHOD_PROMPTS_LIST },
    { LISTEN_RESOURCES, METHOD_RESOURCES_LIST },
    { LISTEN_RESOURCES, METHOD_RESOURCES_TEMPLATES_LIST },
};

/* ---- life ---- */

static void forget(struct listening *listening)
{
    CHECK_OBJ(listening, LISTENING_MAGIC);
    struct gateway *gateway = listening->gateway;
    list_remove(&listening->link);
    list_remove(&listening->session_link);
    gateway->listening_count--;
    listening->grant->streams--;
    grant_use_put(&gateway->sessions, listening->grant);
    listening->magic = 0;
    free(listening);
}

void listen_gone(struct listening *listening)
{
    forget(listening);
}

#define SUBSCRIPTION_META "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%" STR_FMT "}"
#define SUBSCRIPTION_MAX (6 * LIMIT_id_bytes + 256)

static struct str listening_id(const struct listening *listening)
{
    return str_of(listening->id, listening->id_len);
}

void listen_end(struct listening *listening)
{
    CHECK_OBJ(listening, LISTENING_MAGIC);
    struct exchange *exchange = listening->exchange;
    struct buf *out = &listening->gateway->out;
    bool answers = listening->id_len > 0;
    buf_reset(out);
    if (answers) { /* MCP 2026-07-28 subscriptions, "Graceful Closure" */
        char result[SUBSCRIPTION_MAX];
        int len = snprintf(result, sizeof(result), "{\"resultType\":\"complete\"," SUBSCRIPTION_META "}",
                           STR_ARG(listening_id(listening)));
        message_write_result_raw(out, listening_id(listening), str_of(result, (size_t)len));
    }
    forget(listening);
    if (answers && buf_ok(out))
        exchange->ops->answer(exchange, 200, buf_str(out), STR_EMPTY);
    else
        exchange->ops->end(exchange, REASON_session_ended);
}

/* Wall clocks are set: what is missed is found by the sweep, and what is early is waited for again. */
static void watch_expiry(const struct listening *listening)
{
    struct gateway *gateway = listening->gateway;
    const struct grant *ancestors[LIMIT_grant_depth];
    size_t count = 0;
    int64_t now_ms = clock_wall_ms(gateway->clock);
    const struct grant *grant = store_grant(gateway->store, str_of(listening->grant->id, GRANT_ID_LEN));
    if (!grant || store_grant_ancestors(gateway->store, grant, now_ms, ancestors, &count) != 0)
        return;
    int64_t expires_ms = grant->expires_ms;
    for (size_t at = 0; at < count; at++)
        if (ancestors[at]->expires_ms && (!expires_ms || ancestors[at]->expires_ms < expires_ms))
            expires_ms = ancestors[at]->expires_ms;
    if (!expires_ms)
        return;
    int64_t after_ms = expires_ms > now_ms ? expires_ms - now_ms : 0;
    struct timer *timer = &gateway->expiry;
    if (!timer->running || timer->due_ms > loop_now_ms(gateway->loop) + after_ms)
        timer_start(timer, after_ms);
}

void listen_expiry(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, expiry);
    listen_end_expired(gateway);
    LIST_EACH (&gateway->listenings, link, after)
        watch_expiry(CONTAINER_OF(link, struct listening, link));
}

static struct listening *first_of(const struct session *session)
{
    return CONTAINER_OF(session->listenings.next, struct listening, session_link);
}

static void make_room(struct session *session)
{
    size_t count = 0;
    LIST_EACH (&session->listenings, link, after)
        count++;
    if (count >= LIMIT_streams_per_session)
        listen_end(first_of(session));
}

void listen_set_ceilings(struct gateway *gateway, unsigned connections)
{
    size_t most = (size_t)(connections ? connections : LIMIT_connections) * 4 / 5;
    gateway->streams_max = most < LIMIT_streams ? most : LIMIT_streams;
    size_t share = gateway->streams_max / 4;
    gateway->streams_per_grant_max = share < LIMIT_streams_per_grant ? share : LIMIT_streams_per_grant;
}

enum reason listen_open(struct call *call, unsigned kinds, struct listening **out)
{
    struct gateway *gateway = call->gateway;
    struct exchange *exchange = call->exchange;
    if (call->session)
        make_room(call->session);
    if (gateway->stopping || gateway->listening_count >= gateway->streams_max ||
        call->grant->streams >= gateway->streams_per_grant_max)
        return REASON_overloaded;
    struct str id = call->session ? STR_EMPTY : buf_str(&call->client_id), client = call_client(call);
    struct listening *listening = malloc(sizeof(*listening) + id.len);
    if (!listening)
        return REASON_overloaded;
    int error = exchange->ops->listen(exchange, LIMIT_listen_queue_bytes);
    if (error) {
        free(listening);
        return error == E_INVALID ? REASON_not_acceptable : REASON_client_gone;
    }
    *listening = (struct listening){
        .magic = LISTENING_MAGIC,
        .kinds = kinds,
        .gateway = gateway,
        .exchange = exchange,
        .grant = call->grant,
        .session = call->session,
        .id_len = id.len,
    };
    memcpy(listening->id, id.ptr, id.len);
    memcpy(listening->client, client.ptr, client.len);
    memcpy(listening->server, call->route->server->name.ptr, call->route->server->name.len);
    list_append(&gateway->listenings, &listening->link);
    list_init(&listening->session_link);
    if (call->session)
        list_append(&call->session->listenings, &listening->session_link);
    gateway->listening_count++;
    call->grant->streams++;
    call->exchange = NULL;
    exchange->owner = listening;
    watch_expiry(listening);
    *out = listening;
    return REASON_allowed;
}

void listen_end_session(struct session *session)
{
    while (!list_is_empty(&session->listenings))
        listen_end(first_of(session));
}

void listen_end_all(struct gateway *gateway, struct str grant_id)
{
    LIST_EACH (&gateway->listenings, link, after) {
        struct listening *listening = CONTAINER_OF(link, struct listening, link);
        if (str_is_empty(grant_id) || str_eq(str_of(listening->grant->id, GRANT_ID_LEN), grant_id))
            listen_end(listening);
    }
}

void listen_end_removed(struct gateway *gateway)
{
    LIST_EACH (&gateway->listenings, link, after) {
        struct listening *listening = CONTAINER_OF(link, struct listening, link);
        if (!snapshot_route(gateway->snapshot, str_from_c(listening->server)))
            listen_end(listening);
    }
}

static const struct grant *live_grant(const struct gateway *gateway, const struct grant_use *use)
{
    return gateway_live_grant(gateway, str_of(use->id, GRANT_ID_LEN));
}

void listen_end_expired(struct gateway *gateway)
{
    LIST_EACH (&gateway->sessions.all, link, after) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (!list_is_empty(&session->listenings) && !live_grant(gateway, session->grant))
            gateway_end_session(gateway, session, CALL_EVENT_REVOKED, STR("expired"));
    }
    LIST_EACH (&gateway->listenings, link, after) {
        struct listening *listening = CONTAINER_OF(link, struct listening, link);
        if (!listening->session && !live_grant(gateway, listening->grant))
            listen_end(listening);
    }
}

/* ---- telling ---- */

/* A client that does not read loses its stream; its next one asks for the lists anew. */
static void tell(struct listening *listening, unsigned kinds)
{
    struct buf *out = &listening->gateway->out;
    struct exchange *exchange = listening->exchange;
    for (size_t at = 0; at < ARRAY_LEN(notices); at++) {
        if (!(kinds & listening->kinds & notices[at].kind))
            continue;
        char params[SUBSCRIPTION_MAX];
        int len = listening->id_len
                      ? snprintf(params, sizeof(params), "{" SUBSCRIPTION_META "}", STR_ARG(listening_id(listening)))
                      : 0;
        buf_reset(out);
        message_write_notification(out, method_row(notices[at].method)->name, str_of(params, (size_t)len));
        if (!buf_ok(out) || exchange->ops->event(exchange, buf_str(out)) != 0) {
            log_debug(listening->gateway->log, "a client does not read its event stream: it is ended");
            if (listening->session)
                listening->session->untold |= kinds;
            listen_end(listening);
            return;
        }
    }
}

void listen_acknowledge(struct listening *listening)
{
    static const char *const words[] = { "toolsListChanged", "promptsListChanged", "resourcesListChanged" };
    struct buf *out = &listening->gateway->out;
    struct exchange *exchange = listening->exchange;
    struct buf params;
    const char *comma = "";
    buf_init(&params, SUBSCRIPTION_MAX);
    buf_printf(&params, "{" SUBSCRIPTION_META ",\"notifications\":{", STR_ARG(listening_id(listening)));
    for (size_t at = 0; at < ARRAY_LEN(notices); at++) {
        if (!(listening->kinds & notices[at].kind))
            continue;
        buf_printf(&params, "%s\"%s\":true", comma, words[at]);
        comma = ",";
    }
    buf_append_str(&params, STR("}}"));
    buf_reset(out);
    message_write_notification(out, method_row(METHOD_SUBSCRIPTIONS_ACKNOWLEDGED)->name, buf_str(&params));
    bool told = buf_ok(&params) && buf_ok(out) && exchange->ops->event(exchange, buf_str(out)) == 0;
    buf_release(&params);
    if (!told)
        listen_end(listening);
}

void listen_catch_up(struct listening *listening)
{
    unsigned untold = listening->session ? listening->session->untold : 0;
    if (!untold)
        return;
    listening->session->untold = 0;
    tell(listening, untold);
}

void listen_tell_session(struct session *session, unsigned kinds)
{
    if (list_is_empty(&session->listenings))
        session->untold |= kinds;
    else
        tell(CONTAINER_OF(session->listenings.previous, struct listening, session_link), kinds);
}

/* ---- what changed, and for whom ---- */

static int index_names(struct map *map, const struct listing *listing)
{
    int error = 0;
    for (size_t at = 0; !error && at < listing->count; at++)
        error = map_set(map, listing_name(listing, at),
                        listing->tools ? (void *)(uintptr_t)&listing->tools[at].definition
                                       : (void *)(uintptr_t)&listing->items[at].definition);
    return error;
}

static void add_change(struct changes *changes, const struct listing *listing, size_t at)
{
    if (changes->count < ARRAY_LEN(changes->judged))
        changes->judged[changes->count] = (struct change){ listing, at };
    changes->count++;
}

/* Entries of `one` that the other does not have in the same words. */
static void compare(struct changes *changes, const struct listing *one, const struct listing *other)
{
    struct map names;
    map_init(&names);
    changes->failed |= index_names(&names, other) != 0;
    for (size_t at = 0; !changes->failed && at < one->count; at++) {
        const struct str *there = map_get(&names, listing_name(one, at));
        if (!there || !str_eq(*there, listing_definition(one, at)))
            add_change(changes, one, at);
    }
    map_release(&names);
}

static bool sees(const struct changes *changes, struct gateway *gateway, const struct route *route,
                 const struct asker *asker, struct arena *arena)
{
    if (changes->failed || changes->count > ARRAY_LEN(changes->judged))
        return true;
    for (size_t at = 0; at < changes->count; at++)
        if (listing_shows(changes->judged[at].listing, changes->judged[at].at, gateway, route, asker, arena))
            return true;
    return false;
}

/* Of no session, and for this server. */
static bool is_lone(const struct listening *listening, struct str server)
{
    return !listening->session && str_eq(str_from_c(listening->server), server);
}

static void tell_all(struct gateway *gateway, const struct route *route, const struct list_changes *changes)
{
    struct arena arena;
    arena_init(&arena, &gateway->arenas, VIEW_ARENA_MAX);
    LIST_EACH (&gateway->sessions.all, link, after) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        bool is_its = str_eq(session_server(session), route->server->name);
        const struct grant *grant = is_its ? live_grant(gateway, session->grant) : NULL;
        const struct asker asker = { grant, session_id(session), session_client(session) };
        unsigned kinds = 0;
        for (size_t at = 0; grant && at < LIST_METHODS; at++)
            if (!(kinds & list_kinds[at].kind) && sees(&changes->kinds[at], gateway, route, &asker, &arena))
                kinds |= list_kinds[at].kind;
        if (kinds)
            listen_tell_session(session, kinds);
    }
    LIST_EACH (&gateway->listenings, link, after) {
        struct listening *listening = CONTAINER_OF(link, struct listening, link);
        const struct grant *grant =
            is_lone(listening, route->server->name) ? live_grant(gateway, listening->grant) : NULL;
        const struct asker asker = { grant, STR_EMPTY, str_from_c(listening->client) };
        unsigned kinds = 0;
        for (size_t at = 0; grant && at < LIST_METHODS; at++)
            if (!(kinds & list_kinds[at].kind) && sees(&changes->kinds[at], gateway, route, &asker, &arena))
                kinds |= list_kinds[at].kind;
        tell(listening, kinds);
    }
    arena_release(&arena);
}

void listen_compare(struct definitions *before, struct definitions *after, struct list_changes *out)
{
    for (size_t at = 0; at < LIST_METHODS; at++) {
        struct changes *one = &out->kinds[at];
        one->before = listing_of(list_kinds[at].method, before);
        one->after = listing_of(list_kinds[at].method, after);
        one->count = 0;
        one->failed = false;
        compare(one, &one->before, &one->after);
        compare(one, &one->after, &one->before);
    }
}

void listen_tell(struct gateway *gateway, const struct route *route, const struct list_changes *changes)
{
    bool any = false;
    for (size_t at = 0; at < LIST_METHODS; at++)
        any |= changes->kinds[at].failed || changes->kinds[at].count > 0;
    if (any)
        tell_all(gateway, route, changes);
}

struct own_change {
    struct gateway *gateway;
    const struct route *route;
    struct definitions *definitions; /* in force */
    const struct definitions *before, *after;
};

/* NULL in place of what an instance lists: not known, and so the server's own word. */
static bool is_listed_alike(const struct own_change *change, const struct listing *listing, size_t at)
{
    struct str name = listing_name(listing, at);
    const struct pin *then =
        definitions_pin(change->before ? change->before : change->definitions, listing->kind, name);
    const struct pin *now = definitions_pin(change->after, listing->kind, name);
    return then == now || (then && now && pin_eq(then, now));
}

static bool list_differs(const struct own_change *change, enum method_id method, const struct asker *asker,
                         struct arena *arena)
{
    struct listing listing = listing_of(method, change->definitions);
    struct asker then = *asker, now = *asker;
    then.own = change->before;
    now.own = change->after;
    for (size_t at = 0; at < listing.count; at++)
        if (!is_listed_alike(change, &listing, at) &&
            listing_shows(&listing, at, change->gateway, change->route, &then, arena) !=
                listing_shows(&listing, at, change->gateway, change->route, &now, arena))
            return true;
    return false;
}

/* The kinds of lists that are others now for this client. */
static unsigned own_kinds(const struct own_change *change, const struct grant *grant, struct str session,
                          struct str client)
{
    const struct asker asker = { grant, session, client, NULL };
    struct arena arena;
    unsigned kinds = 0;
    arena_init(&arena, &change->gateway->arenas, VIEW_ARENA_MAX);
    for (size_t at = 0; grant && at < ARRAY_LEN(list_kinds); at++)
        if (!(kinds & list_kinds[at].kind) && list_differs(change, list_kinds[at].method, &asker, &arena))
            kinds |= list_kinds[at].kind;
    arena_release(&arena);
    return kinds;
}

static bool is_whose(const struct own_change *change, struct str value, const struct grant_use *grant,
                     struct str session)
{
    return change->route->server->isolation == ISOLATION_SERVER || str_eq(value, session) ||
           str_eq(value, str_of(grant->id, GRANT_ID_LEN));
}

void listen_own_changed(struct gateway *gateway, const struct route *route, struct str value,
                        const struct definitions *before, const struct definitions *after)
{
    struct definitions *definitions = upstream_definitions(route->backend->upstream);
    if (!definitions || after == before || (!before && after == definitions))
        return;
    struct own_change change = {
        .gateway = gateway,
        .route = route,
        .definitions = definitions,
        .before = before,
        .after = after,
    };
    LIST_EACH (&gateway->sessions.all, link, later) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        unsigned kinds = 0;
        if (str_eq(session_server(session), route->server->name) &&
            is_whose(&change, value, session->grant, session_id(session)))
            kinds =
                own_kinds(&change, live_grant(gateway, session->grant), session_id(session), session_client(session));
        if (kinds)
            listen_tell_session(session, kinds);
    }
    LIST_EACH (&gateway->listenings, link, later) {
        struct listening *listening = CONTAINER_OF(link, struct listening, link);
        unsigned kinds = 0;
        if (is_lone(listening, route->server->name) && is_whose(&change, value, listening->grant, STR_EMPTY))
            kinds = own_kinds(&change, live_grant(gateway, listening->grant), STR_EMPTY, str_from_c(listening->client));
        if (kinds)
            tell(listening, kinds);
    }
}

void listen_policy_changed(struct gateway *gateway, struct str server)
{
    LIST_EACH (&gateway->sessions.all, link, after) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (str_eq(session_server(session), server) && live_grant(gateway, session->grant))
            listen_tell_session(session, LISTEN_ALL);
    }
    LIST_EACH (&gateway->listenings, link, after) {
        struct listening *listening = CONTAINER_OF(link, struct listening, link);
        if (is_lone(listening, server) && live_grant(gateway, listening->grant))
            tell(listening, LISTEN_ALL);
    }
}
