/* Pages through what a server declares, one page at a time, and puts the new table in force only when it is whole, or
 * when all that it lacks are prompts or resources that the server refused to list. The texts are the server's, and
 * never looked into here. Of what a client's own instance lists, names and pins are kept alone: its clients read the
 * control session's texts. */
#include "upstream/lists.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/writer.h"
#include "upstream/instance.h"

#include <inttypes.h>
#include <stdio.h>

#define ERROR_METHOD_NOT_FOUND (-32601)

static const struct list_row {
    enum method_id method;
    struct str member; /* of the result */
} rows[LIST_KIND_COUNT] = {
    [LIST_TOOLS] = { METHOD_TOOLS_LIST, { "tools", 5 } },
    [LIST_PROMPTS] = { METHOD_PROMPTS_LIST, { "prompts", 7 } },
    [LIST_RESOURCES] = { METHOD_RESOURCES_LIST, { "resources", 9 } },
    [LIST_TEMPLATES] = { METHOD_RESOURCES_TEMPLATES_LIST, { "resourceTemplates", 17 } },
};

static void timer_fired(struct timer *timer);
static void ask(struct listing *listing);

static int64_t now_of(const struct listing *listing)
{
    return loop_now_ms(listing->upstream->services.loop);
}

static bool is_own(const struct listing *listing)
{
    return !instance_is_control(listing->instance);
}

static struct str server_name(const struct listing *listing)
{
    return listing->upstream->server->name;
}

void listing_init(struct listing *listing, struct upstream *upstream, struct instance *instance)
{
    *listing = (struct listing){ .upstream = upstream, .instance = instance };
    buf_init(&listing->cursor, LIMIT_list_page);
    buf_init(&listing->instructions, LIMIT_instructions);
    timer_init(&listing->timer, upstream->services.loop, timer_fired);
}

/* What a walk needed, and the next one makes anew: a server may list as much as its ceiling allows, and only once. */
static void abandon(struct listing *listing)
{
    table_drop(listing->building);
    listing->building = NULL;
    listing->changed = false;
    buf_release(&listing->cursor);
}

void listing_release(struct listing *listing)
{
    timer_stop(&listing->timer);
    abandon(listing);
    buf_release(&listing->instructions);
}

/* ---- the walk ---- */

static void look_in(struct listing *listing, int64_t after_ms)
{
    timer_start(&listing->timer, after_ms > 0 ? after_ms : 0);
}

static void look_later(struct listing *listing)
{
    listing->retry_ms = listing->retry_ms ? 2 * listing->retry_ms : LIMIT_restart_first_ms;
    if (listing->retry_ms > LIMIT_restart_most_ms)
        listing->retry_ms = LIMIT_restart_most_ms;
    look_in(listing, listing->retry_ms);
}

static void fail(struct listing *listing, const char *why)
{
    snprintf(listing->fault, sizeof(listing->fault), "its %" STR_FMT " cannot be read: %s",
             STR_ARG(method_row(rows[listing->kind].method)->name), why);
    log_warn(listing->upstream->services.log, "server '%" STR_FMT "': %s", STR_ARG(server_name(listing)),
             listing->fault);
    abandon(listing);
    if (is_own(listing)) {
        instance_not_listed(listing->instance, why);
        return;
    }
    look_later(listing);
    upstream_gives_up(listing->upstream);
}

static void finished(struct listing *listing)
{
    size_t unusable = listing->building->unusable;
    if (listing->building->fault) {
        fail(listing, listing->building->fault);
        return;
    }
    if (unusable && !is_own(listing))
        log_warn(listing->upstream->services.log,
                 "server %" STR_FMT ": %zu %s of its lists left out: without a name or schema, with a name that stands "
                 "twice, or behind %d others",
                 STR_ARG(server_name(listing)), unusable, unusable == 1 ? "entry" : "entries", LIMIT_list_entries);
    bool changed = listing->changed;
    struct definitions *definitions = table_take(listing->building);
    listing->building = NULL;
    buf_release(&listing->cursor);
    listing->fault[0] = 0;
    listing->changed = false;
    listing->told &= listing->refused;
    if (!listing->refused)
        listing->retry_ms = 0;
    if (changed)
        listing_again(listing);
    else if (listing->refused && !is_own(listing))
        look_later(listing);
    if (is_own(listing))
        instance_listed(listing->instance, definitions);
    else
        upstream_listed(listing->upstream, definitions);
}

static bool is_declared(const struct listing *listing)
{
    const struct capabilities *declared = &listing->instance->capabilities;
    switch (listing->kind) {
    case LIST_TOOLS: return declared->tools;
    case LIST_PROMPTS: return declared->prompts;
    case LIST_RESOURCES:
    case LIST_TEMPLATES: return declared->resources;
    case LIST_KIND_COUNT: break;
    }
    WRONG("no such list");
}

static void next_kind(struct listing *listing)
{
    listing->more = false;
    listing->pages = 0;
    while (listing->kind < LIST_KIND_COUNT && !is_declared(listing))
        listing->kind++;
    if (listing->kind < LIST_KIND_COUNT)
        ask(listing);
    else
        table_finish(listing->building, buf_str(&listing->instructions), finished);
}

static void say_wrong(const struct listing *listing)
{
    const struct table *table = listing->building;
    for (size_t at = 0; at < table->wrong_count; at++) {
        char name[64];
        text_escape(table->wrong[at], name, sizeof(name));
        log_warn(listing->upstream->services.log,
                 "server '%" STR_FMT "': the tool '%s' is left out: its x-mcp-header is wrong",
                 STR_ARG(server_name(listing)), name);
    }
}

static void page_added(struct listing *listing)
{
    say_wrong(listing);
    if (listing->building->fault) {
        fail(listing, listing->building->fault);
    } else if (listing->more) {
        ask(listing);
    } else {
        listing->kind++;
        next_kind(listing);
    }
}

/* An error instead of prompts or resources: there are none of them until it lists them, and its tools are there all the
 * same. A resource is read by its own entry or by a template, and what neither names is the policy's alone: without one
 * of these lists nobody knows which of them is meant, and none is read. */
static void leave_out(struct listing *listing)
{
    unsigned bit = 1u << listing->kind;
    if (!(listing->told & bit) && !is_own(listing))
        log_warn(listing->upstream->services.log,
                 "server '%" STR_FMT "': it answered %" STR_FMT " with an error: it has no %s until it lists them",
                 STR_ARG(server_name(listing)), STR_ARG(method_row(rows[listing->kind].method)->name),
                 listing->kind == LIST_PROMPTS ? "prompts" : "resources");
    listing->told |= bit;
    listing->refused |= bit;
    table_leave_out(listing->building, listing->kind);
    if (listing->kind != LIST_PROMPTS)
        listing->kind = LIST_TEMPLATES;
    listing->kind++;
    next_kind(listing);
}

/* NULL, or why not. */
static const char *look_at_page(struct listing *listing, const struct message *answer, const struct json **entries)
{
    const struct json *cursor = json_get(answer->result, STR("nextCursor"));
    size_t bytes = listing->instance->received;
    *entries = json_get(answer->result, rows[listing->kind].member);
    if (bytes > LIMIT_list_page || listing->building->bytes + bytes > LIMIT_list_total)
        return "too large";
    if (listing->instance->era->judge(answer) != REASON_allowed)
        return "it is not a complete answer";
    if (!json_is(*entries, JSON_ARRAY))
        return "it has no array of them";
    listing->more = json_is(cursor, JSON_STRING);
    if (!listing->more)
        return cursor && !json_is(cursor, JSON_NULL) ? "its nextCursor is not a string" : NULL;
    if (++listing->pages >= LIMIT_list_pages)
        return "too many pages";
    buf_reset(&listing->cursor);
    buf_append_str(&listing->cursor, json_string(cursor));
    return buf_ok(&listing->cursor) ? NULL : "its nextCursor is too long";
}

/* A server that declares a capability and does not know its list has an empty one. */
static void page_answered(struct leg *leg, const struct message *message, struct arena *arena)
{
    struct listing *listing = leg->owner;
    const struct json *entries = NULL;
    const char *fault = NULL;
    bool refused = message->kind != MESSAGE_RESULT && message->error_code != ERROR_METHOD_NOT_FOUND;
    listing->more = false;
    if (message->kind == MESSAGE_RESULT)
        fault = look_at_page(listing, message, &entries);
    else if (refused && listing->kind == LIST_TOOLS)
        fault = "it answered with an error";
    if (!fault && !refused) {
        table_add(listing->building, listing->kind, arena, entries, listing->instance->received, !listing->more,
                  page_added);
        return;
    }
    arena_release(arena);
    if (fault)
        fail(listing, fault);
    else
        leave_out(listing);
}

static void page_ended(struct leg *leg, enum reason reason)
{
    struct listing *listing = leg->owner;
    enum instance_state state = listing->instance->state;
    if (state == INSTANCE_READY || (is_own(listing) && state == INSTANCE_STARTING))
        fail(listing, reason_row(reason)->text.ptr);
    else
        listing_stop(listing);
}

static const struct leg_events page_events = { .answer = page_answered, .ended = page_ended };

static void ask(struct listing *listing)
{
    struct buf params;
    struct json_writer writer;
    buf_init(&params, 6 * (size_t)LIMIT_list_page);
    if (listing->more) {
        buf_append_str(&params, STR("\"cursor\":"));
        json_write_init(&writer, &params);
        json_write_string(&writer, buf_str(&listing->cursor));
    }
    listing->leg = (struct leg){
        .events = &page_events,
        .owner = listing,
        .deadline_ms = listing->began_ms + LIMIT_first_list_ms,
    };
    int error = buf_ok(&params) ? instance_send(listing->instance, &listing->leg,
                                                method_row(rows[listing->kind].method)->name, buf_str(&params))
                                : E_NOMEM;
    buf_release(&params);
    if (error)
        fail(listing, error_text(error));
}

/* MCP 2026-07-28 transports: where the marks of parameters count. */
static bool takes_marks(const struct listing *listing)
{
    return listing->upstream->server->transport == TRANSPORT_HTTP && !listing->instance->era->has_sessions;
}

void listing_start(struct listing *listing)
{
    AZ(listing->building);
    timer_stop(&listing->timer);
    listing->began_ms = now_of(listing);
    listing->kind = LIST_TOOLS;
    listing->refused = 0;
    listing->changed = false;
    int error = table_new(listing->upstream, listing, is_own(listing), takes_marks(listing), &listing->building);
    if (error && is_own(listing)) {
        instance_not_listed(listing->instance, error_text(error));
        return;
    }
    if (error) {
        look_in(listing, LIMIT_restart_most_ms);
        return;
    }
    const struct capabilities *declared = &listing->instance->capabilities;
    struct definitions *definitions = listing->building->definitions;
    definitions->has_tools = declared->tools;
    definitions->has_prompts = declared->prompts;
    definitions->has_resources = declared->resources;
    definitions->has_completions = declared->completions;
    next_kind(listing);
}

static void timer_fired(struct timer *timer)
{
    struct listing *listing = CONTAINER_OF(timer, struct listing, timer);
    if (listing->instance && listing->instance->state == INSTANCE_READY && !listing->building)
        listing_start(listing);
}

void listing_again(struct listing *listing)
{
    if (listing->building)
        listing->changed = true;
    else if (!listing->timer.running)
        look_in(listing, listing->began_ms + LIMIT_list_again_ms - now_of(listing));
}

void listing_stop(struct listing *listing)
{
    timer_stop(&listing->timer);
    abandon(listing);
}
