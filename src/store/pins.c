/* Pins: what was accepted of each server, and what is listed where that is something else. */
#include "store/store_types.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/json.h"

/* The canonical text of a definition, while there is room for texts; else nothing. */
static void text_of(struct pin_server *server, enum pin_kind kind, struct str definition_text, struct buf *out)
{
    const struct json *definition;
    struct json_error fault;
    struct arena arena;
    if (definition_text.len == 0 || definition_text.len > LIMIT_pin_text || definition_text.len > server->texts_left)
        return;
    arena_init(&arena, NULL, LIMIT_answer_memory);
    if (json_parse(&arena, definition_text, &json_limits_answer, &definition, &fault) != 0 ||
        pin_text(kind, definition, &arena, out) != 0 || out->len > server->texts_left)
        buf_reset(out);
    arena_release(&arena);
    server->texts_left -= out->len;
}

static void record_pin(struct store *store, struct pin_server *server, const struct pinned *pinned, struct str what,
                       struct ledger_wait *wait)
{
    struct buf text, blob;
    buf_init(&text, 2 * (size_t)LIMIT_pin_text);
    buf_init(&blob, 3 * (size_t)LIMIT_pin_text);
    text_of(server, pinned->kind, pinned->definition, &text);
    pin_write(pinned->pin, buf_str(&text), &blob);
    if (!buf_ok(&blob))
        WRONG("no memory for a record that must be written");
    struct record record = {
        .kind = RECORD_PIN,
        .at_ms = store_now_ms(store),
        .server = server->name,
        .method = pin_kind_recorded(pinned->kind),
        .name = pinned->name,
        .digest = pinned->pin->digest,
        .class = pinned->pin->class,
        .text = what,
        .blob = buf_str(&blob),
    };
    store_write(store, &record, wait);
    buf_release(&blob);
    buf_release(&text);
}

/* ---- what servers list ---- */

static bool has_room(const struct pin_server *server, enum pin_kind kind, struct str name)
{
    if (kind == PIN_TOOL)
        return server->counts[kind] < LIMIT_pins_per_server;
    return server->counts[kind] < LIMIT_pinned_items && name.len <= LIMIT_pinned_name &&
           server->name_bytes + name.len <= LIMIT_pinned_names;
}

static void say_full(struct store *store, struct pin_server *server, enum pin_kind kind)
{
    if (!(server->full & 1u << kind))
        log_warn(store->options.log,
                 "server '%" STR_FMT "': it lists more than is accepted: some %" STR_FMT "s do not exist for clients; "
                 "warder help pins forget",
                 STR_ARG(server->name), STR_ARG(pin_kind_word(kind)));
    server->full |= 1u << kind;
}

static void record_change(struct store *store, struct pin_server *server, const struct pinned *pinned, struct str what)
{
    if (server->changes_left == 0)
        return;
    server->changes_left--;
    record_pin(store, server, pinned, what, NULL);
}

/* Instructions are one thing, which there may be none of: a server that is known and begins to give some changes them.
 */
static bool was_none(const struct pin_server *server, enum pin_kind kind)
{
    return kind == PIN_INSTRUCTIONS && server->count > 0;
}

/* The record goes first: a segment that begins with it must hold the state from before. */
static enum pin_state first_look(struct store *store, struct pin_server *server, const struct pinned *pinned)
{
    if (pinned->kind == PIN_INSTRUCTIONS && pin_is_none(pinned->pin))
        return PIN_ACCEPTED;
    if (!has_room(server, pinned->kind, pinned->name)) {
        say_full(store, server, pinned->kind);
        return PIN_NEVER;
    }
    bool changed = was_none(server, pinned->kind);
    record_pin(store, server, pinned, changed ? PIN_MOVED : PIN_FIRST, NULL);
    struct pin_entry *entry = pin_entry_make(server, pinned->kind, pinned->name);
    AN(entry); /* it is recorded */
    if (changed)
        pin_entry_change(entry, pinned->pin, store_now_ms(store));
    else
        pin_entry_accept(entry, pinned->pin, store_now_ms(store));
    return changed ? PIN_CHANGED : PIN_ACCEPTED;
}

enum pin_state store_pin_state(const struct store *store, struct str server, enum pin_kind kind, struct str name,
                               const struct pin *pin)
{
    const struct pin_entry *entry = pin_entry_of(state_pin_server(&store->state, server), kind, name);
    if (entry == NULL)
        return PIN_NEVER;
    return pin_eq(&entry->accepted, pin) ? PIN_ACCEPTED : PIN_CHANGED;
}

bool store_pin_wants_class(const struct store *store, struct str server, const struct tool *tool)
{
    const struct pin_entry *entry = pin_entry_of(state_pin_server(&store->state, server), PIN_TOOL, tool->name);
    if (entry != NULL && pin_eq(&entry->accepted, &tool->pin))
        return !entry->accepted.class.known;
    return entry == NULL || !entry->changed || !pin_eq(&entry->seen, &tool->pin) || !entry->seen.class.known;
}

struct pinned_class store_pin_class(const struct store *store, struct str server, struct str tool)
{
    const struct pin_entry *entry = pin_entry_of(state_pin_server(&store->state, server), PIN_TOOL, tool);
    if (entry == NULL)
        return (struct pinned_class){ .known = false };
    return entry->ruled.known ? entry->ruled : entry->accepted.class;
}

static void record_class(struct store *store, struct pin_server *server, const struct pin_entry *entry,
                         struct pinned_class class, struct str what)
{
    struct pin pin = entry->accepted;
    const struct pinned pinned = { entry->kind, entry->name, STR_EMPTY, &pin };
    pin.class = class;
    record_pin(store, server, &pinned, what, NULL);
}

/* Of the accepted definition, where an older gateway accepted it without a class. */
static void learn_class(struct store *store, struct pin_server *server, struct pin_entry *entry,
                        struct pinned_class class)
{
    if (!class.known || entry->accepted.class.known)
        return;
    record_class(store, server, entry, class, PIN_CLASSED);
    entry->accepted.class = class;
}

static bool rule_class(struct store *store, struct pin_server *server, struct pin_entry *entry,
                       struct pinned_class ruled)
{
    if (ruled.known == entry->ruled.known && (!ruled.known || ruled.class == entry->ruled.class))
        return false;
    record_class(store, server, entry, ruled, PIN_RULED);
    entry->ruled = ruled;
    return true;
}

bool store_pins_rule(struct store *store, struct str server_name,
                     struct pinned_class (*ruled)(const void *arg, struct str tool), const void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct pin_server *server = state_pin_server(&store->state, server_name);
    bool differs = false;
    if (server == NULL)
        return false;
    LIST_EACH (&server->entries, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        if (entry->kind == PIN_TOOL)
            differs |= rule_class(store, server, entry, ruled(arg, entry->name));
    }
    return differs;
}

enum pin_state store_pin_look(struct store *store, struct str server_name, const struct pinned *pinned)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct pin_server *server = state_pin_server_make(&store->state, server_name);
    if (server == NULL)
        return PIN_NEVER;
    struct pin_entry *entry = pin_entry_of(server, pinned->kind, pinned->name);
    if (entry == NULL)
        return first_look(store, server, pinned);
    bool same = pin_eq(&entry->accepted, pinned->pin),
         known = same || (entry->changed && pin_eq(&entry->seen, pinned->pin));
    if (same ? entry->changed : !known) {
        struct pinned recorded = *pinned;
        recorded.name = entry->name;
        if (same) /* its text was kept */
            recorded.definition = STR_EMPTY;
        record_change(store, server, &recorded, same ? PIN_RETURNED : PIN_MOVED);
    }
    if (same)
        entry->changed = false;
    else if (!known || (pinned->pin->class.known && !entry->seen.class.known))
        pin_entry_change(entry, pinned->pin, known ? entry->changed_ms : store_now_ms(store));
    if (same)
        learn_class(store, server, entry, pinned->pin->class);
    return same ? PIN_ACCEPTED : PIN_CHANGED;
}

/* ---- what operators do ---- */

/* Which pin is accepted now where an operator accepts it. */
static const struct pin *listed_pin(const struct pin_entry *entry)
{
    return entry->changed ? &entry->seen : &entry->accepted;
}

struct chosen { /* of one server: entries that are marked, in their order */
    struct pin_server *server;
    struct pin_entry *last;
    size_t count;
};

/* Those that are named, or all of the kinds, `changed` only those that changed. E_NOT_FOUND: *missing says which. */
static int choose_all(struct store *store, const struct pin_choice *choice, bool changed, struct str *missing,
                      struct chosen *out)
{
    *out = (struct chosen){ .server = state_pin_server(&store->state, choice->server) };
    *missing = choice->server;
    if (out->server == NULL)
        return E_NOT_FOUND;
    for (size_t i = 0; i < choice->count; i++) {
        *missing = choice->names[i];
        if (pin_entry_of(out->server, choice->kind, choice->names[i]) == NULL)
            return E_NOT_FOUND;
    }
    *missing = STR_EMPTY;
    LIST_EACH (&out->server->entries, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        entry->chosen =
            choice->count == 0 && (choice->all_kinds || entry->kind == choice->kind) && (entry->changed || !changed);
    }
    for (size_t i = 0; i < choice->count; i++)
        pin_entry_of(out->server, choice->kind, choice->names[i])->chosen = true;
    LIST_EACH (&out->server->entries, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        if (entry->chosen) {
            out->last = entry;
            out->count++;
        }
    }
    return out->count > 0 ? 0 : E_NOT_FOUND;
}

static void record_act(struct store *store, const struct chosen *chosen, const struct pin_entry *entry,
                       const struct pin *pin, struct str what, struct ledger_wait *wait)
{
    const struct pinned pinned = { .kind = entry->kind, .name = entry->name, .definition = STR_EMPTY, .pin = pin };
    record_pin(store, chosen->server, &pinned, what, entry == chosen->last ? wait : NULL);
}

/* The wait goes with the last record. */
static int pins_accept(struct store *store, const struct pin_choice *choice, struct str *missing,
                       struct ledger_wait *wait)
{
    struct chosen chosen;
    int error = choose_all(store, choice, true, missing, &chosen);
    if (error < 0)
        return error;
    LIST_EACH (&chosen.server->entries, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        const struct pin pin = *listed_pin(entry);
        if (!entry->chosen)
            continue;
        record_act(store, &chosen, entry, &pin, PIN_OPERATOR, wait);
        pin_entry_accept(entry, &pin, store_now_ms(store));
    }
    return 0;
}

/* What changed is accepted or not, and never by the way. */
static int pins_forget(struct store *store, const struct pin_choice *choice, struct str *missing,
                       struct ledger_wait *wait)
{
    struct chosen chosen;
    int error = choose_all(store, choice, false, missing, &chosen);
    if (error < 0)
        return error;
    LIST_EACH (&chosen.server->entries, link, after) {
        const struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        *missing = entry->name;
        if (entry->chosen && entry->changed)
            return E_INVALID;
    }
    LIST_EACH (&chosen.server->entries, link, after) {
        struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        if (!entry->chosen)
            continue;
        record_act(store, &chosen, entry, &entry->accepted, PIN_FORGOTTEN, wait);
        pin_entry_forget(chosen.server, entry);
    }
    return 0;
}

typedef int pins_act(struct store *store, const struct pin_choice *choice, struct str *missing,
                     struct ledger_wait *wait);

static int act(struct store *store, pins_act *what, const struct pin_choice *choice, struct str *missing,
               store_done *done, void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct ledger_wait *wait;
    int error = act_begin(store, done, arg, &wait);
    if (error < 0)
        return error;
    error = what(store, choice, missing, wait);
    if (error < 0)
        act_cancel(wait);
    return error;
}

static int act_now(struct store *store, pins_act *what, const struct pin_choice *choice, struct str *missing)
{
    CHECK_OBJ(store, STORE_MAGIC);
    AZ(store->options.loop);
    int error = what(store, choice, missing, NULL);
    return error < 0 ? error : ledger_write_now(store->ledger);
}

int store_pins_accept(struct store *store, const struct pin_choice *choice, struct str *missing, store_done *done,
                      void *arg)
{
    return act(store, pins_accept, choice, missing, done, arg);
}

int store_pins_accept_now(struct store *store, const struct pin_choice *choice, struct str *missing)
{
    return act_now(store, pins_accept, choice, missing);
}

int store_pins_forget(struct store *store, const struct pin_choice *choice, struct str *missing, store_done *done,
                      void *arg)
{
    return act(store, pins_forget, choice, missing, done, arg);
}

int store_pins_forget_now(struct store *store, const struct pin_choice *choice, struct str *missing)
{
    return act_now(store, pins_forget, choice, missing);
}

int store_pins_digest(struct store *store, const struct pin_choice *choice, struct str *missing, struct sha256 *out)
{
    CHECK_OBJ(store, STORE_MAGIC);
    struct hasher *hasher;
    struct chosen chosen;
    int error = choose_all(store, choice, true, missing, &chosen);
    if (error < 0)
        return error;
    if (choice->count == 1) {
        *out = listed_pin(chosen.last)->digest;
        return 0;
    }
    error = hasher_new(&hasher);
    if (error < 0)
        return error;
    hasher_begin(hasher);
    LIST_EACH (&chosen.server->entries, link, after) {
        const struct pin_entry *entry = CONTAINER_OF(link, struct pin_entry, link);
        if (entry->chosen)
            pin_add(hasher, entry->kind, entry->name, &listed_pin(entry)->digest);
    }
    hasher_end(hasher, out);
    hasher_free(hasher);
    return 0;
}

int store_pin_each(struct store *store, struct str server, int (*each)(void *arg, const struct store_pin *pin),
                   void *arg)
{
    CHECK_OBJ(store, STORE_MAGIC);
    LIST_EACH (&store->state.pins, link, after) {
        const struct pin_server *at = CONTAINER_OF(link, struct pin_server, link);
        if (server.len > 0 && !str_eq(at->name, server))
            continue;
        LIST_EACH (&at->entries, one, next) {
            const struct pin_entry *entry = CONTAINER_OF(one, struct pin_entry, link);
            const struct store_pin pin = {
                .server = at->name,
                .kind = entry->kind,
                .name = entry->name,
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
