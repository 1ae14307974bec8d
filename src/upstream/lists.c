/* Pages through what a server declares, one page at a time, and puts the new table in force only when it is whole, or
 * when all that it lacks are prompts or resources that the server refused to list. The texts are
 * the server's: they are written anew by our writer, pinned, and never looked into here. Of what a client's own
 * instance lists, names and pins are kept alone: its clients read the control session's texts. */
#include "upstream/lists.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/writer.h"
#include "mcp/mirror.h"
#include "upstream/instance.h"

#include <inttypes.h>
#include <stdio.h>

#define ERROR_METHOD_NOT_FOUND (-32601)

static const struct list_row {
    enum method_id method;
    enum pin_kind pinned;
    struct str member, name; /* of the result; of an entry */
} rows[LIST_KIND_COUNT] = {
    [LIST_TOOLS] = { METHOD_TOOLS_LIST, PIN_TOOL, { "tools", 5 }, { "name", 4 } },
    [LIST_PROMPTS] = { METHOD_PROMPTS_LIST, PIN_PROMPT, { "prompts", 7 }, { "name", 4 } },
    [LIST_RESOURCES] = { METHOD_RESOURCES_LIST, PIN_RESOURCE, { "resources", 9 }, { "uri", 3 } },
    [LIST_TEMPLATES] = { METHOD_RESOURCES_TEMPLATES_LIST,
                         PIN_TEMPLATE,
                         { "resourceTemplates", 17 },
                         { "uriTemplate", 11 } },
};

struct entry { /* of a list under construction */
    struct item item;
    struct mirrored *mirrored;
    size_t mirrored_count;
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
    buf_init(&listing->entries, LIMIT_list_total);
    buf_init(&listing->instructions, LIMIT_instructions);
    timer_init(&listing->timer, upstream->services.loop, timer_fired);
}

/* What a walk needed, and the next one makes anew: a server may list as much as its ceiling allows, and only once. */
static void let_go(struct listing *listing)
{
    buf_release(&listing->entries);
    buf_release(&listing->cursor);
}

static void abandon(struct listing *listing)
{
    definitions_unref(listing->building);
    listing->building = NULL;
    listing->changed = false;
    let_go(listing);
}

void listing_release(struct listing *listing)
{
    timer_stop(&listing->timer);
    abandon(listing);
    buf_release(&listing->instructions);
}

/* ---- the table under construction ---- */

/* What a list is read for at all: a name, and for a tool the object that its arguments must fit. */
static bool is_usable(const struct listing *listing, const struct json *entry, const struct json *name)
{
    if (!json_is(name, JSON_STRING) || str_is_empty(json_string(name)))
        return false;
    if (listing->kind != LIST_TOOLS)
        return true;
    return json_string(name).len <= LIMIT_tool_name && json_is(json_get(entry, STR("inputSchema")), JSON_OBJECT);
}

/* A definition is pinned while its tree is there. NULL: no memory. */
static const struct pin *pin_of(struct listing *listing, const struct json *entry)
{
    struct pin *pin = arena_alloc(&listing->building->arena, sizeof(*pin));
    struct arena scratch;
    struct buf text;
    arena_init(&scratch, listing->upstream->services.arenas, LIMIT_answer_memory);
    buf_init(&text, 2 * (size_t)LIMIT_list_page);
    if (pin && pin_make(rows[listing->kind].pinned, entry, &scratch, listing->upstream->hasher, &text, pin) != 0)
        pin = NULL;
    buf_release(&text);
    arena_release(&scratch);
    return pin;
}

/* MCP 2026-07-28 transports: marks are for those who send to a server over HTTP; nobody else is shown them. A tool
 * whose marks are wrong is not to be used there. */
static bool takes_marks(const struct listing *listing)
{
    return listing->upstream->server->transport == TRANSPORT_HTTP && !listing->instance->era->has_sessions;
}

static int read_marks(struct listing *listing, const struct json *tool, struct entry *entry)
{
    char name[64];
    int error = mirror_scan(json_get(tool, STR("inputSchema")), &listing->building->arena, &entry->mirrored,
                            &entry->mirrored_count);
    if (error != E_INVALID || !takes_marks(listing))
        return error;
    text_escape(json_string(json_get(tool, STR("name"))), name, sizeof(name));
    log_warn(listing->upstream->services.log,
             "server '%" STR_FMT "': the tool '%s' is left out: its x-mcp-header is wrong",
             STR_ARG(server_name(listing)), name);
    return error;
}

static int write_definition(struct listing *listing, const struct json *node, struct entry *entry)
{
    struct buf *out = &listing->upstream->out;
    struct json_writer writer;
    int error = listing->kind == LIST_TOOLS ? read_marks(listing, node, entry) : 0;
    json_write_init(&writer, out);
    if (error == E_NOMEM || (error && takes_marks(listing)))
        return error;
    if (is_own(listing))
        return 0;
    if (!takes_marks(listing) && (error || entry->mirrored_count)) {
        mirror_write_unmarked(&writer, node);
        entry->mirrored_count = 0;
    } else {
        json_write_node(&writer, node);
    }
    return 0;
}

static int add_entry(struct listing *listing, const struct json *entry)
{
    struct arena *arena = &listing->building->arena;
    struct buf *out = &listing->upstream->out;
    struct entry made = { 0 };
    const struct json *name = json_get(entry, rows[listing->kind].name);
    if (!is_usable(listing, entry, name)) {
        listing->unusable++;
        return 0;
    }
    int error = write_definition(listing, entry, &made);
    if (error == E_INVALID) {
        listing->unusable++;
        return 0;
    }
    made.item.name = arena_str(arena, json_string(name));
    if (!error && buf_ok(out))
        made.item.definition = arena_str(arena, buf_str(out));
    buf_reset(out);
    made.item.pin = pin_of(listing, entry);
    if (!made.item.pin)
        return E_LIMIT;
    buf_append(&listing->entries, &made, sizeof(made));
    return made.item.name.ptr && made.item.definition.ptr && buf_ok(&listing->entries) ? 0 : E_LIMIT;
}

/* A name that a server lists twice is in no table: whoever asks for it could not be told which one was meant. */
static int drop_doubles(struct listing *listing, struct entry *entries, size_t *count)
{
    struct map seen;
    bool *twice = arena_zalloc(&listing->building->arena, *count ? *count : 1);
    int error = twice ? 0 : E_NOMEM;
    map_init(&seen);
    for (size_t i = 0; !error && i < *count; i++) {
        bool *first = map_get(&seen, entries[i].item.name);
        if (first)
            *first = twice[i] = true;
        else
            error = map_set(&seen, entries[i].item.name, &twice[i]);
    }
    map_release(&seen);
    size_t kept = 0;
    for (size_t i = 0; !error && i < *count; i++)
        if (!twice[i])
            entries[kept++] = entries[i];
    listing->unusable += *count - kept;
    *count = kept;
    return error;
}

static int set_tools(struct listing *listing, const struct entry *entries, size_t count)
{
    struct definitions *building = listing->building;
    building->tools = arena_zalloc(&building->arena, (count ? count : 1) * sizeof(*building->tools));
    if (!building->tools)
        return E_NOMEM;
    building->tool_count = count;
    for (size_t i = 0; i < count; i++) {
        struct tool *tool = &building->tools[i];
        tool->name = entries[i].item.name;
        tool->definition = entries[i].item.definition;
        tool->pin = *entries[i].item.pin;
        tool->mirrored = entries[i].mirrored;
        tool->mirrored_count = entries[i].mirrored_count;
    }
    return 0;
}

static int set_items(struct listing *listing, const struct entry *entries, size_t count, struct item **array,
                     size_t *array_count)
{
    *array = arena_alloc(&listing->building->arena, (count ? count : 1) * sizeof(**array));
    if (!*array)
        return E_NOMEM;
    for (size_t i = 0; i < count; i++)
        (*array)[i] = entries[i].item;
    *array_count = count;
    return 0;
}

/* The list of this kind is whole: its entries become an array of the table. */
static int set_array(struct listing *listing)
{
    struct definitions *building = listing->building;
    struct entry *entries = (struct entry *)(void *)listing->entries.ptr; /* the heap aligns it */
    size_t count = listing->entries.len / sizeof(*entries);
    int error = drop_doubles(listing, entries, &count);
    if (error)
        return error;
    switch (listing->kind) {
    case LIST_TOOLS: return set_tools(listing, entries, count);
    case LIST_PROMPTS: return set_items(listing, entries, count, &building->prompts, &building->prompt_count);
    case LIST_RESOURCES: return set_items(listing, entries, count, &building->resources, &building->resource_count);
    case LIST_TEMPLATES: return set_items(listing, entries, count, &building->templates, &building->template_count);
    case LIST_KIND_COUNT: break;
    }
    WRONG("no such list");
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

/* A client's own instance has none: its clients read the control session's. */
static int set_instructions(struct listing *listing)
{
    struct definitions *building = listing->building;
    struct item *item = &building->instructions_item;
    struct pin *pin = arena_zalloc(&building->arena, sizeof(*pin));
    struct buf text;
    buf_init(&text, 8 * (size_t)LIMIT_instructions);
    building->instructions = arena_str(&building->arena, buf_str(&listing->instructions));
    int error = pin && building->instructions.ptr
                    ? pin_make_instructions(building->instructions, listing->upstream->hasher, &text, pin)
                    : E_NOMEM;
    *item = (struct item){ .name = STR_EMPTY, .definition = arena_str(&building->arena, buf_str(&text)), .pin = pin };
    buf_release(&text);
    return error < 0 || item->definition.ptr ? error : E_NOMEM;
}

static void finish(struct listing *listing)
{
    struct definitions *building = listing->building;
    size_t doubles;
    if (set_instructions(listing) != 0 || definitions_index(building, &doubles) != 0) {
        fail(listing, "out of memory");
        return;
    }
    if (listing->unusable + doubles && !is_own(listing))
        log_warn(listing->upstream->services.log,
                 "server %" STR_FMT
                 ": %zu %s of its lists left out: without a name or schema, or with a name that stands twice",
                 STR_ARG(server_name(listing)), listing->unusable + doubles,
                 listing->unusable + doubles == 1 ? "entry" : "entries");
    bool changed = listing->changed;
    let_go(listing);
    listing->building = NULL;
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
        instance_listed(listing->instance, building);
    else
        upstream_listed(listing->upstream, building);
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
    buf_reset(&listing->entries);
    listing->more = false;
    listing->pages = 0;
    while (listing->kind < LIST_KIND_COUNT && !is_declared(listing))
        listing->kind++;
    if (listing->kind < LIST_KIND_COUNT)
        ask(listing);
    else
        finish(listing);
}

static void kind_is_whole(struct listing *listing)
{
    if (set_array(listing) != 0) {
        fail(listing, "too large");
        return;
    }
    listing->kind++;
    next_kind(listing);
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
    if (listing->kind != LIST_PROMPTS) {
        listing->building->resource_count = 0;
        listing->building->resources_refused = true;
        listing->kind = LIST_TEMPLATES;
    }
    listing->kind++;
    next_kind(listing);
}

/* NULL, or why not. */
static const char *take_page(struct listing *listing, const struct message *answer)
{
    const struct json *result = answer->result;
    const struct json *entries = json_get(result, rows[listing->kind].member), *entry;
    const struct json *cursor = json_get(result, STR("nextCursor"));
    struct str key;
    struct json_iter iter;
    size_t bytes = listing->instance->received;
    listing->bytes += bytes;
    if (bytes > LIMIT_list_page || listing->bytes > LIMIT_list_total)
        return "too large";
    if (listing->instance->era->judge(answer) != REASON_allowed)
        return "it is not a complete answer";
    if (!json_is(entries, JSON_ARRAY))
        return "it has no array of them";
    json_iter_init(&iter, entries);
    while (json_iter_next(&iter, &key, &entry))
        if (add_entry(listing, entry) != 0)
            return "too large";
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
    const char *fault = NULL;
    bool refused = message->kind != MESSAGE_RESULT && message->error_code != ERROR_METHOD_NOT_FOUND;
    listing->more = false;
    if (message->kind == MESSAGE_RESULT)
        fault = take_page(listing, message);
    else if (refused && listing->kind == LIST_TOOLS)
        fault = "it answered with an error";
    arena_release(arena);
    if (refused && !fault)
        leave_out(listing);
    else if (fault)
        fail(listing, fault);
    else if (listing->more)
        ask(listing);
    else
        kind_is_whole(listing);
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

void listing_start(struct listing *listing)
{
    AZ(listing->building);
    timer_stop(&listing->timer);
    listing->began_ms = now_of(listing);
    listing->kind = LIST_TOOLS;
    listing->bytes = listing->unusable = 0;
    listing->refused = 0;
    listing->changed = false;
    listing->building = definitions_new(2 * (size_t)LIMIT_list_total);
    if (!listing->building && is_own(listing)) {
        instance_not_listed(listing->instance, error_text(E_NOMEM));
        return;
    }
    if (!listing->building) {
        look_in(listing, LIMIT_restart_most_ms);
        return;
    }
    const struct capabilities *declared = &listing->instance->capabilities;
    listing->building->has_tools = declared->tools;
    listing->building->has_prompts = declared->prompts;
    listing->building->has_resources = declared->resources;
    listing->building->has_completions = declared->completions;
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
