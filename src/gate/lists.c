/* Answers to lists, page by page, and the tools as operators see them. */
#include "gate/lists.h"

#include "base/check.h"
#include "base/clock.h"
#include "front/exchange.h"
#include "gate/classes.h"
#include "gate/gate.h"
#include "json/writer.h"
#include "model/server.h"
#include "policy/decide.h"
#include "store/store.h"

#include <stdio.h>

#define PAGE_ITEMS 1000
#define PAGE_BYTES ((size_t)1 << 20)

static struct listing items_of(struct definitions *definitions, struct str member, enum subject subject,
                               enum pin_kind kind, const struct item *items, size_t count)
{
    return (struct listing){
        .member = member, .subject = subject, .kind = kind, .count = count, .items = items, .definitions = definitions
    };
}

struct listing listing_of(enum method_id method, struct definitions *definitions)
{
    switch ((int)method) {
    case METHOD_TOOLS_LIST:
        return (struct listing){ .member = STR("tools"),
                                 .subject = SUBJECT_TOOL,
                                 .kind = PIN_TOOL,
                                 .count = definitions->tool_count,
                                 .tools = definitions->tools,
                                 .definitions = definitions };
    case METHOD_PROMPTS_LIST:
        return items_of(definitions, STR("prompts"), SUBJECT_PROMPT, PIN_PROMPT, definitions->prompts,
                        definitions->prompt_count);
    case METHOD_RESOURCES_LIST:
        return items_of(definitions, STR("resources"), SUBJECT_RESOURCE, PIN_RESOURCE, definitions->resources,
                        definitions->resource_count);
    case METHOD_RESOURCES_TEMPLATES_LIST:
        return items_of(definitions, STR("resourceTemplates"), SUBJECT_RESOURCE, PIN_TEMPLATE, definitions->templates,
                        definitions->template_count);
    default: WRONG("a list without a listing");
    }
}

struct str listing_name(const struct listing *listing, size_t at)
{
    return listing->tools ? listing->tools[at].name : listing->items[at].name;
}

struct str listing_definition(const struct listing *listing, size_t at)
{
    return listing->tools ? listing->tools[at].definition : listing->items[at].definition;
}

static const struct pin *listing_pin(const struct listing *listing, size_t at)
{
    return listing->tools ? &listing->tools[at].pin : listing->items[at].pin;
}

bool pin_as_listed(const struct gateway *gateway, struct str server, enum pin_kind kind, struct str name,
                   const struct pin *pin, const struct definitions *own, enum pin_state *state)
{
    *state = store_pin_state(gateway->store, server, kind, name, pin);
    if (!own)
        return true;
    const struct pin *listed = definitions_pin(own, kind, name);
    if (!listed)
        return false;
    if (*state == PIN_ACCEPTED && listed != pin)
        *state = store_pin_state(gateway->store, server, kind, name, listed);
    return true;
}

bool resource_as_listed(const struct gateway *gateway, struct str server, const struct definitions *definitions,
                        struct str uri, const struct definitions *own, enum pin_state *state)
{
    const struct pin *pin = definitions_pin(definitions, PIN_RESOURCE, uri);
    *state = PIN_NEVER;
    if (definitions->resources_refused || (own && own->resources_refused))
        return false;
    if (pin)
        return pin_as_listed(gateway, server, PIN_RESOURCE, uri, pin, own, state);
    bool listed = true;
    *state = PIN_ACCEPTED;
    for (size_t at = 0; at < definitions->template_count; at++) {
        const struct item *template = &definitions->templates[at];
        enum pin_state its;
        if (!template_may_make(template->name, uri))
            continue;
        listed &= pin_as_listed(gateway, server, PIN_TEMPLATE, template->name, template->pin, own, &its);
        if (*state == PIN_ACCEPTED || its == PIN_NEVER)
            *state = its;
    }
    return listed;
}

/* Whoever asks, and with the arguments left open. */
static struct question question_of(struct gateway *gateway, const struct route *route, const struct listing *listing,
                                   size_t at, const struct grant *grant, struct arena *arena)
{
    struct str server = route->server->name, name = listing_name(listing, at);
    return (struct question){
        .subject = listing->subject,
        .server = route->server,
        .tool = listing->tools ? &listing->tools[at] : NULL,
        .definitions = listing->definitions,
        .name = name,
        .grant = grant,
        .class = listing->subject == SUBJECT_TOOL ? store_pin_class(gateway->store, server, name)
                 : listing->subject == SUBJECT_PROMPT
                     ? class_of_prompt(gateway, server, listing->definitions, name, arena)
                     : (struct pinned_class){ .known = false },
        .pin = store_pin_state(gateway->store, server, listing->kind, name, listing_pin(listing, at)),
        .now_ms = clock_wall_ms(gateway->clock),
    };
}

bool listing_shows(const struct listing *listing, size_t at, struct gateway *gateway, const struct route *route,
                   const struct asker *asker, struct arena *arena)
{
    struct question question = question_of(gateway, route, listing, at, asker->grant, arena);
    struct decision decision;
    if (!pin_as_listed(gateway, route->server->name, listing->kind, question.name, listing_pin(listing, at), asker->own,
                       &question.pin))
        return false;
    question.session = asker->session;
    question.client = asker->client;
    policy_decide(route->policy, &question, arena, NULL, &decision);
    bool listed = decision_is_listed(&decision);
    arena_reset(arena);
    return listed;
}

bool list_shows_any(struct call *call, enum method_id method, const struct grant *grant)
{
    struct listing listing = listing_of(method, upstream_definitions(call->backend->upstream));
    struct arena arena;
    bool any = false;
    const struct asker asker = { grant, call_session(call), call_client(call), call_own(call) };
    arena_init(&arena, &call->gateway->arenas, REQUEST_ARENA_MAX);
    for (size_t at = 0; !any && at < listing.count; at++)
        any = listing_shows(&listing, at, call->gateway, call->route, &asker, &arena);
    arena_release(&arena);
    return any;
}

/* A page of what this grant sees, from its entry `from` on: a place that counted what is hidden would tell of it.
 * E_INVALID: there is no such entry. */
static int write_page(struct call *call, const struct listing *listing, size_t from, const struct grant *grant,
                      size_t *written)
{
    size_t seen = 0;
    bool more = false;
    struct buf *out = &call->gateway->out;
    struct arena arena;
    struct json_writer writer;
    const struct asker asker = { grant, call_session(call), call_client(call), call_own(call) };
    arena_init(&arena, &call->gateway->arenas, REQUEST_ARENA_MAX);
    answer_result(call, &writer);
    json_write_key(&writer, listing->member);
    json_write_array(&writer);
    *written = 0;
    for (size_t at = 0; !more && at < listing->count; at++) {
        if (!listing_shows(listing, at, call->gateway, call->route, &asker, &arena) || seen++ < from)
            continue;
        more = *written == PAGE_ITEMS || out->len >= PAGE_BYTES;
        if (!more) {
            json_write_raw(&writer, listing_definition(listing, at));
            ++*written;
        }
    }
    json_write_array_end(&writer);
    if (more) {
        char cursor[24];
        snprintf(cursor, sizeof(cursor), "%zu", from + *written);
        json_write_member_string(&writer, STR("nextCursor"), str_from_c(cursor));
    }
    answer_result_end(call, &writer);
    arena_release(&arena);
    return from > 0 && *written == 0 ? E_INVALID : 0;
}

static void record_list(struct call *call, size_t shown)
{
    struct record record = {
        .kind = RECORD_LIST,
        .at_ms = clock_wall_ms(call->gateway->clock),
        .server = call->route->server->name,
        .method = method_row(call->method_id)->name,
        .grant = str_of(call->grant->id, GRANT_ID_LEN),
        .session = call_session(call),
        .client = call_client(call),
        .revision = call->route->revision,
        .count = shown,
    };
    store_record(call->gateway->store, &record);
}

static enum step_next refuse(struct call *call)
{
    gateway_record_malformed(call->gateway, call, REASON_invalid_params);
    call_end(call, REASON_invalid_params);
    return STEP_END;
}

enum step_next call_answer_list(struct call *call)
{
    struct definitions *definitions = upstream_definitions(call->backend->upstream);
    struct listing listing = listing_of(call->method_id, definitions);
    struct str cursor, detail;
    unsigned long long from = 0;
    size_t shown;
    if (list_params_read(call->message.params, &cursor, &detail) != 0 ||
        (cursor.ptr && !str_to_u64(cursor, listing.count, &from)))
        return refuse(call);
    const struct grant *grant = call_live_grant(call);
    if (!grant) {
        call_end(call, REASON_grant_revoked);
        return STEP_END;
    }
    if (write_page(call, &listing, (size_t)from, grant, &shown) != 0)
        return refuse(call);
    record_list(call, shown);
    call_end(call, REASON_answered);
    return STEP_END;
}

/* ---- for operators ---- */

static enum tool_standing standing_of(const struct decision *decision)
{
    static const enum tool_standing behind[] = {
        [OUTLOOK_ALLOWED] = TOOL_ALLOWED, [OUTLOOK_LIMITED] = TOOL_LIMITED, [OUTLOOK_DENIED] = TOOL_DENIED
    };
    switch (decision->verdict) {
    case VERDICT_ALLOW: return behind[decision->outlook];
    case VERDICT_APPROVE: return TOOL_LIMITED;
    case VERDICT_HIDE: return TOOL_HIDDEN;
    case VERDICT_DENY:
        if (decision->reason == REASON_pin_changed)
            return TOOL_CHANGED;
        return decision->reason == REASON_default_deny ? TOOL_DEFAULT_DENIED : TOOL_DENIED;
    }
    WRONG("a verdict that does not exist");
}

int gateway_tools_each(struct gateway *gateway, size_t index, size_t from,
                       int (*each)(void *arg, const struct gateway_tool *tool), void *arg)
{
    static const struct grant unnamed = { .id = STR("000000000000") };
    CHECK(index < gateway->snapshot->route_count);
    const struct route *route = &gateway->snapshot->routes[index];
    struct definitions *definitions = upstream_definitions(route->backend->upstream);
    struct arena arena;
    int result = 0;
    if (!definitions) /* the server has not answered yet */
        return 0;
    struct listing listing = listing_of(METHOD_TOOLS_LIST, definitions);
    arena_init(&arena, &gateway->arenas, REQUEST_ARENA_MAX);
    for (size_t at = from; result == 0 && at < listing.count; at++) {
        struct question question = question_of(gateway, route, &listing, at, &unnamed, &arena);
        struct decision decision;
        policy_decide(route->policy, &question, &arena, NULL, &decision);
        const struct gateway_tool tool = { question.name, decision.rule, question.class, standing_of(&decision),
                                           decision_is_listed(&decision) };
        result = each(arg, &tool);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return result;
}
