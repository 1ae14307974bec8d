/* Pins: which definition of each tool was accepted, and which one is listed where that is another one. */
#include "store/store_types.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/json.h"
#include "model/wire.h"

#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_BYTES 262144u /* of pins in one record, about */
#define FLAG_CHANGED 1u
#define FLAG_CLASSES 2u /* three classes follow: the accepted one's, the seen one's, and the operator's */
#define FLAGS (FLAG_CHANGED | FLAG_CLASSES)

/* ---- the state's part ---- */

static struct pin_server *server_find(const struct state *state, struct str name)
{
    LIST_EACH (&state->pins, link, after) {
        struct pin_server *server = CONTAINER_OF(link, struct pin_server, link);
        if (str_eq(server->name, name))
            return server;
    }
    return NULL;
}

static struct pin_server *server_make(struct state *state, struct str name)
{
    struct pin_server *server = server_find(state, name);
    if (server != NULL)
        return server;
    server = malloc(sizeof *server + name.len);
    if (server == NULL)
        return NULL;
    *server = (struct pin_server){ .texts_left = LIMIT_pin_texts, .changes_left = LIMIT_pin_changes };
    if (name.len > 0)
        memcpy(server->bytes, name.ptr, name.len);
    server->name = str_of(server->bytes, name.len);
    list_init(&server->tools);
    map_init(&server->by_tool);
    list_append(&state->pins, &server->link);
    return server;
}

static struct pin_entry *entry_make(struct pin_server *server, struct str tool)
{
    struct pin_entry *entry = map_get(&server->by_tool, tool);
    if (entry != NULL)
        return entry;
    entry = malloc(sizeof *entry + tool.len);
    if (entry == NULL)
        return NULL;
    *entry = (struct pin_entry){ .changed = false };
    if (tool.len > 0)
        memcpy(entry->bytes, tool.ptr, tool.len);
    entry->tool = str_of(entry->bytes, tool.len);
    if (map_set(&server->by_tool, entry->tool, entry) < 0) {
        free(entry);
        return NULL;
    }
    list_append(&server->tools, &entry->link);
    server->count++;
    return entry;
}

struct pin_entry *state_pin(const struct state *state, struct str server, struct str tool)
{
    const struct pin_server *found = server_find(state, server);
    return found == NULL ? NULL : map_get(&found->by_tool, tool);
}

struct pin_entry *state_pin_make(struct state *state, struct str server, struct str tool)
{
    struct pin_server *found = server_make(state, server);
    return found == NULL ? NULL : entry_make(found, tool);
}

void state_pins_release(struct state *state)
{
    LIST_EACH (&state->pins, link, after) {
        struct pin_server *server = CONTAINER_OF(link, struct pin_server, link);
        LIST_EACH (&server->tools, tool, next)
            free(CONTAINER_OF(tool, struct pin_entry, link));
        map_release(&server->by_tool);
        free(server);
    }
    list_init(&state->pins);
}

static void entry_accept(struct pin_entry *entry, const struct pin *pin, int64_t now_ms)
{
    entry->accepted = entry->seen = *pin;
    entry->accepted_ms = now_ms;
    entry->changed = false;
}

static void entry_change(struct pin_entry *entry, const struct pin *pin, int64_t now_ms)
{
    entry->seen = *pin;
    entry->changed = true;
    entry->changed_ms = now_ms;
}

int state_pin_replay(struct state *state, const struct record *record)
{
    struct pin pin;
    struct str text;
    int error = pin_of_record(record, &pin, &text);
    struct pin_entry *entry = error < 0 ? NULL : state_pin_make(state, record->server, record->name);
    if (entry == NULL)
        return error < 0 ? error : E_NOMEM;
    if (str_eq(record->text, PIN_RULED))
        entry->ruled = record->class;
    else if (str_eq(record->text, PIN_CLASSED))
        entry->accepted.class = record->class;
    else if (str_eq(record->text, PIN_MOVED))
        entry_change(entry, &pin, record->at_ms);
    else if (str_eq(record->text, PIN_RETURNED))
        entry->changed = false;
    else
        entry_accept(entry, &pin, record->at_ms);
    return 0;
}

static bool has_classes(const struct pin_entry *entry)
{
    return entry->accepted.class.known || entry->seen.class.known || entry->ruled.known;
}

static void put_classes(struct buf *out, const struct pin_entry *entry)
{
    wire_put_uint(out, pinned_class_pack(&entry->accepted.class));
    wire_put_uint(out, pinned_class_pack(&entry->seen.class));
    wire_put_uint(out, pinned_class_pack(&entry->ruled));
}

static bool get_class(struct str *in, struct pinned_class *class)
{
    uint64_t packed;
    return wire_get_uint(in, &packed) && pinned_class_unpack(packed, class);
}

static bool get_classes(struct str *in, struct pinned_class *accepted, struct pinned_class *seen,
                        struct pinned_class *ruled)
{
    return get_class(in, accepted) && get_class(in, seen) && get_class(in, ruled);
}

static void put_pin(struct buf *out, const struct pin *pin, int64_t at_ms)
{
    buf_append(out, pin->digest.bytes, SHA256_LEN);
    buf_append(out, pin->parts, sizeof pin->parts);
    wire_put_int(out, at_ms);
}

static bool get_bytes(struct str *in, void *out, size_t len)
{
    if (in->len < len)
        return false;
    memcpy(out, in->ptr, len);
    *in = str_slice(*in, len, in->len);
    return true;
}

static bool get_pin(struct str *in, struct pin *pin, int64_t *at_ms)
{
    return get_bytes(in, pin->digest.bytes, SHA256_LEN) && get_bytes(in, pin->parts, sizeof pin->parts) &&
           wire_get_int(in, at_ms);
}

void state_pins_write(const struct pin_server *server, struct list **at, struct buf *out)
{
    while (*at != &server->tools && out->len < CHECKPOINT_BYTES) {
        const struct pin_entry *entry = CONTAINER_OF(*at, struct pin_entry, link);
        wire_put_str(out, entry->tool);
        bool classes = has_classes(entry);
        buf_append_byte(out, (char)((entry->changed ? FLAG_CHANGED : 0) | (classes ? FLAG_CLASSES : 0)));
        if (classes)
            put_classes(out, entry);
        put_pin(out, &entry->accepted, entry->accepted_ms);
        if (entry->changed)
            put_pin(out, &entry->seen, entry->changed_ms);
        *at = entry->link.next;
    }
    if (*at == &server->tools)
        *at = NULL;
}

int state_pins_read(struct state *state, struct str server, struct str bytes)
{
    while (bytes.len > 0) {
        struct pin accepted = { 0 }, seen = { 0 };
        struct pinned_class ruled = { 0 };
        int64_t accepted_ms, changed_ms = 0;
        struct str tool;
        uint8_t flags;
        if (!wire_get_str(&bytes, &tool) || !get_bytes(&bytes, &flags, 1) || (flags & ~FLAGS) != 0 ||
            ((flags & FLAG_CLASSES) != 0 && !get_classes(&bytes, &accepted.class, &seen.class, &ruled)) ||
            !get_pin(&bytes, &accepted, &accepted_ms) ||
            ((flags & FLAG_CHANGED) != 0 && !get_pin(&bytes, &seen, &changed_ms)))
            return E_CORRUPT;
        struct pin_entry *entry = state_pin_make(state, server, tool);
        if (entry == NULL)
            return E_NOMEM;
        entry_accept(entry, &accepted, accepted_ms);
        entry->ruled = ruled;
        if ((flags & FLAG_CHANGED) != 0)
            entry_change(entry, &seen, changed_ms);
    }
    return 0;
}

/* ---- the store's ---- */

/* The canonical text of a definition, while there is room for texts; else nothing. */
static void text_of(struct pin_server *server, const struct tool *tool, struct buf *out)
{
    const struct json *definition;
    struct json_error fault;
    struct hasher *hasher = NULL;
    struct arena arena;
    struct pin pin;
    if (tool == NULL || tool->definition.len > LIMIT_pin_text)
        return;
    arena_init(&arena, NULL, LIMIT_answer_memory);
    if (json_parse(&arena, tool->definition, &json_limits_answer, &definition, &fault) != 0 ||
        hasher_new(&hasher) != 0 || pin_make(definition, &arena, hasher, out, &pin) != 0 ||
        out->len > server->texts_left)
        buf_reset(out);
    hasher_free(hasher);
    arena_release(&arena);
    server->texts_left -= out->len;
}

/* `tool` NULL: without a text. */
static void record_pin(struct store *store, struct pin_server *server, struct str name, const struct pin *pin,
                       struct str what, const struct tool *tool, struct ledger_wait *wait)
{
    struct buf text, blob;
    buf_init(&text, 2 * (size_t)LIMIT_pin_text);
    buf_init(&blob, 3 * (size_t)LIMIT_pin_text);
    text_of(server, tool, &text);
    pin_write(pin, buf_str(&text), &blob);
    if (!buf_ok(&blob))
        WRONG("no memory for a record that must be written");
    struct record record = {
        .kind = RECORD_PIN,
        .at_ms = store_now_ms(store),
        .server = server->name,
        .name = name,
        .digest = pin->digest,
        .class = pin->class,
        .text = what,
        .blob = buf_str(&blob),
    };
    store_write(store, &record, wait);
    buf_release(&blob);
    buf_release(&text);
}

/* The record goes first: a segment that begins with it must hold the state from before. */
static enum pin_state first_look(struct store *store, struct pin_server *server, const struct tool *tool)
{
    if (server->count >= LIMIT_pins_per_server) {
        if (!server->full)
            log_warn(store->options.log,
                     "server '%" STR_FMT "': it lists more than %d tools; those behind them do not exist for clients",
                     STR_ARG(server->name), LIMIT_pins_per_server);
        server->full = true;
        return PIN_NEVER;
    }
    record_pin(store, server, tool->name, &tool->pin, PIN_FIRST, tool, NULL);
    struct pin_entry *entry = entry_make(server, tool->name);
    AN(entry); /* it is recorded */
    entry_accept(entry, &tool->pin, store_now_ms(store));
    return PIN_ACCEPTED;
}

enum pin_state store_pin_state(const struct store *store, struct str server, const struct tool *tool)
{
    const struct pin_entry *entry = state_pin(&store->state, server, tool->name);
    if (entry == NULL)
        return PIN_NEVER;
    return pin_eq(&entry->accepted, &tool->pin) ? PIN_ACCEPTED : PIN_CHANGED;
}

bool store_pin_wants_class(const struct store *store, struct str server, const struct tool *tool)
{
    const struct pin_entry *entry = state_pin(&store->state, server, tool->name);
    if (entry != NULL && pin_eq(&entry->accepted, &tool->pin))
        return !entry->accepted.class.known;
    return entry == NULL || !entry->changed || !pin_eq(&entry->seen, &tool->pin) || !entry->seen.class.known;
}

struct pinned_class store_pin_class(const struct store *store, struct str server, struct str tool)
{
    const struct pin_entry *entry = state_pin(&store->state, server, tool);
    if (entry == NULL)
        return (struct pinned_class){ .known = false };
    return entry->ruled.known ? entry->ruled : entry->accepted.class;
}

/* Of the accepted definition, where an older gateway accepted it without a class. */
static void learn_class(struct store *store, struct pin_server *server, struct pin_entry *entry, const struct pin *pin)
{
    if (!pin->class.known || entry->accepted.class.known)
        return;
    record_pin(store, server, entry->tool, pin, PIN_CLASSED, NULL, NULL);
    entry->accepted.class = pin->class;
}

static void rule_class(struct store *store, struct pin_server *server, struct pin_entry *entry,
                       struct pinned_class ruled)
{
    struct pin pin = entry->accepted;
    if (ruled.known == entry->ruled.known && (!ruled.known || ruled.class == entry->ruled.class))
        return;
    pin.class = ruled;
    record_pin(store, server, entry->tool, &pin, PIN_RULED, NULL, NULL);
    entry->ruled = ruled;
}

void store_pins_rule(struct store *store, struct str server_name,
                     struct pinned_class (*ruled)(void *arg, struct str tool), void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct pin_server *server = server_find(&store->state, server_name);
    if (server == NULL)
        return;
    LIST_EACH (&server->tools, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        rule_class(store, server, entry, ruled(arg, entry->tool));
    }
}

enum pin_state store_pin_look(struct store *store, struct str server_name, const struct tool *tool)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct pin_server *server = server_make(&store->state, server_name);
    if (server == NULL)
        return PIN_NEVER;
    struct pin_entry *entry = map_get(&server->by_tool, tool->name);
    if (entry == NULL)
        return first_look(store, server, tool);
    bool same = pin_eq(&entry->accepted, &tool->pin),
         known = same || (entry->changed && pin_eq(&entry->seen, &tool->pin));
    bool moved = same ? entry->changed : !known;
    if (moved && server->changes_left > 0) {
        server->changes_left--;
        record_pin(store, server, entry->tool, &tool->pin, same ? PIN_RETURNED : PIN_MOVED, same ? NULL : tool, NULL);
    }
    if (same)
        entry->changed = false;
    else if (!known || (tool->pin.class.known && !entry->seen.class.known))
        entry_change(entry, &tool->pin, known ? entry->changed_ms : store_now_ms(store));
    if (same)
        learn_class(store, server, entry, &tool->pin);
    return same ? PIN_ACCEPTED : PIN_CHANGED;
}

bool store_pin_begins(const struct store *store, struct str server, struct str tool, struct str digits)
{
    const struct pin_entry *entry = state_pin(&store->state, server, tool);
    char hex[2 * SHA256_LEN];
    if (entry == NULL)
        return false;
    hex_encode(entry->changed ? entry->seen.digest.bytes : entry->accepted.digest.bytes, SHA256_LEN, hex);
    return str_starts_with(str_of(hex, sizeof hex), digits);
}

static void accept(struct store *store, struct pin_server *server, struct pin_entry *entry, struct ledger_wait *wait)
{
    struct pin pin = entry->changed ? entry->seen : entry->accepted;
    record_pin(store, server, entry->tool, &pin, PIN_OPERATOR, NULL, wait);
    entry_accept(entry, &pin, store_now_ms(store));
}

static struct pin_entry *last_changed(struct pin_server *server)
{
    struct pin_entry *last = NULL;
    LIST_EACH (&server->tools, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        if (entry->changed)
            last = entry;
    }
    return last;
}

/* The wait goes with the last record. */
static int pins_accept(struct store *store, struct str server_name, const struct str *tools, size_t count,
                       struct str *missing, struct ledger_wait *wait)
{
    struct pin_server *server = server_find(&store->state, server_name);
    *missing = server_name;
    if (server == NULL)
        return E_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        *missing = tools[i];
        if (map_get(&server->by_tool, tools[i]) == NULL)
            return E_NOT_FOUND;
    }
    *missing = STR_EMPTY;
    for (size_t i = 0; i < count; i++)
        accept(store, server, map_get(&server->by_tool, tools[i]), i + 1 == count ? wait : NULL);
    if (count > 0)
        return 0;
    const struct pin_entry *last = last_changed(server);
    if (last == NULL)
        return E_NOT_FOUND;
    LIST_EACH (&server->tools, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        if (entry->changed)
            accept(store, server, entry, entry == last ? wait : NULL);
    }
    return 0;
}

int store_pins_accept(struct store *store, struct str server, const struct str *tools, size_t count,
                      struct str *missing, store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct ledger_wait *wait;
    int error = act_begin(store, done, arg, &wait);
    if (error < 0)
        return error;
    error = pins_accept(store, server, tools, count, missing, wait);
    if (error < 0)
        act_cancel(wait);
    return error;
}

int store_pins_accept_now(struct store *store, struct str server, const struct str *tools, size_t count,
                          struct str *missing)
{
    CHECK_OBJ(store, STORE_MAGIC);
    AZ(store->options.loop);
    int error = pins_accept(store, server, tools, count, missing, NULL);
    return error < 0 ? error : ledger_write_now(store->ledger);
}

int store_pin_each(struct store *store, struct str server, int (*each)(void *arg, const struct store_pin *pin),
                   void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    LIST_EACH (&store->state.pins, link, after) {
        const struct pin_server *at = CONTAINER_OF(link, struct pin_server, link);
        if (server.len > 0 && !str_eq(at->name, server))
            continue;
        LIST_EACH (&at->tools, tool, next) {
            const struct pin_entry *entry = CONTAINER_OF(tool, struct pin_entry, link);
            const struct store_pin pin = {
                .server = at->name,
                .tool = entry->tool,
                .accepted = entry->accepted,
                .seen = entry->seen,
                .ruled = entry->ruled,
                .changed = entry->changed,
                .accepted_ms = entry->accepted_ms,
                .changed_ms = entry->changed_ms,
            };
            int stop = each(arg, &pin);
            if (stop != 0)
                return stop;
        }
    }
    return 0;
}
