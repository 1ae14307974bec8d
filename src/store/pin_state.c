/* Pins in the state: what replaying records gives, and a checkpoint holds. */
#include "store/state.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "model/wire.h"

#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_BYTES 262144u /* of pins in one record, about */
#define FLAG_CHANGED 1u
#define FLAG_CLASSES 2u /* three classes follow: the accepted one's, the seen one's, and the operator's */
#define FLAGS (FLAG_CHANGED | FLAG_CLASSES)
#define FLAG_BITS 4 /* behind them the kind */

struct pin_server *state_pin_server(const struct state *state, struct str name)
{
    LIST_EACH (&state->pins, link, after) {
        struct pin_server *server = CONTAINER_OF(link, struct pin_server, link);
        if (str_eq(server->name, name))
            return server;
    }
    return NULL;
}

struct pin_server *state_pin_server_make(struct state *state, struct str name)
{
    struct pin_server *server = state_pin_server(state, name);
    if (server != NULL)
        return server;
    server = malloc(sizeof *server + name.len);
    if (server == NULL)
        return NULL;
    *server = (struct pin_server){ .texts_left = LIMIT_pin_texts, .changes_left = LIMIT_pin_changes };
    if (name.len > 0)
        memcpy(server->bytes, name.ptr, name.len);
    server->name = str_of(server->bytes, name.len);
    list_init(&server->entries);
    for (unsigned kind = 0; kind < PIN_KIND_COUNT; kind++)
        map_init(&server->by_name[kind]);
    list_append(&state->pins, &server->link);
    return server;
}

struct pin_entry *pin_entry_of(const struct pin_server *server, enum pin_kind kind, struct str name)
{
    return server == NULL ? NULL : map_get(&server->by_name[kind], name);
}

struct pin_entry *pin_entry_make(struct pin_server *server, enum pin_kind kind, struct str name)
{
    struct pin_entry *entry = pin_entry_of(server, kind, name);
    if (entry != NULL)
        return entry;
    entry = malloc(sizeof *entry + name.len);
    if (entry == NULL)
        return NULL;
    *entry = (struct pin_entry){ .kind = kind };
    if (name.len > 0)
        memcpy(entry->bytes, name.ptr, name.len);
    entry->name = str_of(entry->bytes, name.len);
    if (map_set(&server->by_name[kind], entry->name, entry) < 0) {
        free(entry);
        return NULL;
    }
    list_append(&server->entries, &entry->link);
    server->counts[kind]++;
    server->count++;
    server->name_bytes += kind == PIN_TOOL ? 0 : name.len;
    return entry;
}

void pin_entry_accept(struct pin_entry *entry, const struct pin *pin, int64_t now_ms)
{
    entry->accepted = entry->seen = *pin;
    entry->accepted_ms = now_ms;
    entry->changed = false;
}

void pin_entry_change(struct pin_entry *entry, const struct pin *pin, int64_t now_ms)
{
    entry->seen = *pin;
    entry->changed = true;
    entry->changed_ms = now_ms;
}

void pin_entry_forget(struct pin_server *server, struct pin_entry *entry)
{
    (void)map_remove(&server->by_name[entry->kind], entry->name);
    list_remove(&entry->link);
    server->counts[entry->kind]--;
    server->count--;
    server->name_bytes -= entry->kind == PIN_TOOL ? 0 : entry->name.len;
    server->full &= ~(1u << entry->kind);
    free(entry);
}

void state_pins_release(struct state *state)
{
    LIST_EACH (&state->pins, link, after) {
        struct pin_server *server = CONTAINER_OF(link, struct pin_server, link);
        LIST_EACH (&server->entries, entry, next)
            free(CONTAINER_OF(entry, struct pin_entry, link));
        for (unsigned kind = 0; kind < PIN_KIND_COUNT; kind++)
            map_release(&server->by_name[kind]);
        free(server);
    }
    list_init(&state->pins);
}

int state_pin_replay(struct state *state, const struct record *record)
{
    enum pin_kind kind;
    struct pin pin;
    struct str text;
    int error = pin_of_record(record, &kind, &pin, &text);
    struct pin_server *server = error < 0 ? NULL : state_pin_server_make(state, record->server);
    struct pin_entry *entry = server == NULL ? NULL : pin_entry_make(server, kind, record->name);
    if (entry == NULL)
        return error < 0 ? error : E_NOMEM;
    if (str_eq(record->text, PIN_RULED))
        entry->ruled = record->class;
    else if (str_eq(record->text, PIN_CLASSED))
        entry->accepted.class = record->class;
    else if (str_eq(record->text, PIN_MOVED))
        pin_entry_change(entry, &pin, record->at_ms);
    else if (str_eq(record->text, PIN_RETURNED))
        entry->changed = false;
    else if (str_eq(record->text, PIN_FORGOTTEN))
        pin_entry_forget(server, entry);
    else
        pin_entry_accept(entry, &pin, record->at_ms);
    return 0;
}

/* ---- checkpoints ---- */

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
    while (*at != &server->entries && out->len < CHECKPOINT_BYTES) {
        const struct pin_entry *entry = CONTAINER_OF(*at, struct pin_entry, link);
        wire_put_str(out, entry->name);
        bool classes = has_classes(entry);
        buf_append_byte(out, (char)((unsigned)entry->kind << FLAG_BITS | (entry->changed ? FLAG_CHANGED : 0) |
                                    (classes ? FLAG_CLASSES : 0)));
        if (classes)
            put_classes(out, entry);
        put_pin(out, &entry->accepted, entry->accepted_ms);
        if (entry->changed)
            put_pin(out, &entry->seen, entry->changed_ms);
        *at = entry->link.next;
    }
    if (*at == &server->entries)
        *at = NULL;
}

static int entry_read(struct pin_server *server, struct str *bytes)
{
    struct pin accepted = { 0 }, seen = { 0 };
    struct pinned_class ruled = { 0 };
    int64_t accepted_ms, changed_ms = 0;
    struct str name;
    uint8_t flags;
    if (!wire_get_str(bytes, &name) || !get_bytes(bytes, &flags, 1) || flags >> FLAG_BITS >= PIN_KIND_COUNT ||
        (flags & ((1u << FLAG_BITS) - 1) & ~FLAGS) != 0 ||
        ((flags & FLAG_CLASSES) && !get_classes(bytes, &accepted.class, &seen.class, &ruled)) ||
        !get_pin(bytes, &accepted, &accepted_ms) || ((flags & FLAG_CHANGED) && !get_pin(bytes, &seen, &changed_ms)))
        return E_CORRUPT;
    struct pin_entry *entry = pin_entry_make(server, (enum pin_kind)(flags >> FLAG_BITS), name);
    if (entry == NULL)
        return E_NOMEM;
    pin_entry_accept(entry, &accepted, accepted_ms);
    entry->ruled = ruled;
    if (flags & FLAG_CHANGED)
        pin_entry_change(entry, &seen, changed_ms);
    return 0;
}

int state_pins_read(struct state *state, struct str server_name, struct str bytes)
{
    struct pin_server *server = state_pin_server_make(state, server_name);
    int error = server == NULL ? E_NOMEM : 0;
    while (error == 0 && bytes.len > 0)
        error = entry_read(server, &bytes);
    return error;
}
