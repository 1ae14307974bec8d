/* Pins in requests and answers. */
#include "admin/pins.h"

#include "base/encode.h"
#include "base/limits.h"

#define PAGE_PINS 1000
#define PAGE_BYTES ((size_t)1 << 20)
#define PAGE_FULL 1
#define DIGITS_LEAST 32 /* that pins list shows: a server could make two definitions that agree in fewer */
#define DIGITS_LEAST_TEXT "32"

/* The kind that is asked for; without one all, where `all`, else tools. */
static int read_kind(const struct json *request, bool all, struct pin_choice *out, struct str *why)
{
    const struct json *kind = json_get(request, STR("kind"));
    *why = STR("a kind is tool, prompt, resource, template or instructions");
    out->all_kinds = !kind && all;
    out->kind = PIN_TOOL;
    if (!kind)
        return 0;
    return json_is(kind, JSON_STRING) && pin_kind_of_word(json_string(kind), &out->kind) ? 0 : E_INVALID;
}

int pins_read_list(const struct json *request, struct operation *out, struct str *why)
{
    const struct json *server = json_get(request, STR("server")), *from = json_get(request, STR("from"));
    const struct json *changed = json_get(request, STR("changed"));
    int64_t first = 0;
    *why = STR("a server's name is of a-z, 0-9 and -");
    if (server && (!json_is(server, JSON_STRING) || !operation_is_server_name(json_string(server))))
        return E_INVALID;
    *why = STR("changed is true or false");
    if (changed && !json_is(changed, JSON_BOOL))
        return E_INVALID;
    *why = STR("from is the number of an entry");
    if (from && (!json_int64(from, &first) || first < 0))
        return E_INVALID;
    out->pins.server = server ? json_string(server) : STR_EMPTY;
    out->changed = changed && json_bool(changed);
    out->from = (size_t)first;
    return read_kind(request, true, &out->pins, why);
}

static int read_names(const struct json *list, struct arena *arena, struct pin_choice *out, struct str *why)
{
    struct json_iter iter;
    const struct json *name;
    struct str key, *names = arena_alloc(arena, (json_count(list) + 1) * sizeof(*names));
    *why = STR("a name is 1 to 2048 bytes");
    if (!names)
        return E_NOMEM;
    out->names = names;
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &name)) {
        if (!json_is(name, JSON_STRING) || json_string(name).len == 0 || json_string(name).len > LIMIT_pinned_name)
            return E_INVALID;
        names[out->count++] = json_string(name);
    }
    return 0;
}

static int read_listed(const struct json *listed, struct operation *out, struct str *why)
{
    *why = STR("what was looked at is at least " DIGITS_LEAST_TEXT
               " hexadecimal digits, as warder pins list --changed shows them");
    if (!json_is(listed, JSON_STRING) || json_string(listed).len < DIGITS_LEAST)
        return E_INVALID;
    out->listed = json_string(listed);
    return 0;
}

int pins_read_choice(const struct json *request, struct arena *arena, struct operation *out, struct str *why)
{
    static const struct str instructions = { "", 0 };
    const struct json *server = json_get(request, STR("server")), *names = json_get(request, STR("names"));
    const struct json *all = json_get(request, STR("all"));
    struct pin_choice *pins = &out->pins;
    *why = STR("a server's name is needed");
    if (!json_is(server, JSON_STRING) || !operation_is_server_name(json_string(server)))
        return E_INVALID;
    pins->server = json_string(server);
    if (read_kind(request, all != NULL, pins, why) != 0)
        return E_INVALID;
    bool is_one = pins->kind == PIN_INSTRUCTIONS && !pins->all_kinds && !all;
    *why = is_one ? STR("instructions have no names") : STR("names are needed, or all");
    if ((names && (all || is_one)) || (!names && !all && !is_one) ||
        (all && (!json_is(all, JSON_BOOL) || !json_bool(all))) ||
        (names && (!json_is(names, JSON_ARRAY) || json_count(names) == 0)))
        return E_INVALID;
    if (is_one) {
        pins->names = &instructions;
        pins->count = 1;
    }
    int error = names ? read_names(names, arena, pins, why) : 0;
    if (!error && out->kind == OPERATION_PINS_ACCEPT)
        error = read_listed(json_get(request, STR("listed")), out, why);
    return error;
}

/* A sentence on E_NOT_FOUND; `missing` is what the store said. */
static struct str what_is_missing(const struct operation *operation, struct str missing)
{
    const struct pin_choice *pins = &operation->pins;
    if (missing.len == 0 && pins->count == 0)
        return operation->kind == OPERATION_PINS_ACCEPT
                   ? STR("nothing of this server changed: there is nothing to accept")
                   : STR("nothing of this server is accepted: there is nothing to forget");
    if (missing.ptr == pins->server.ptr)
        return STR("nothing of such a server was ever accepted; warder pins list shows what was");
    return STR("one of these was never seen; warder pins list shows what was");
}

static int accept(struct store *store, const struct operation *operation, store_done *done, void *arg,
                  struct str *missing, struct str *why)
{
    struct sha256 digest;
    char hex[2 * SHA256_LEN];
    int error = store_pins_digest(store, &operation->pins, missing, &digest);
    if (error)
        return error;
    hex_encode(digest.bytes, SHA256_LEN, hex);
    if (!str_starts_with(str_of(hex, sizeof(hex)), operation->listed)) {
        *why = STR("this is not what the server lists by now: look again, with warder pins list --changed");
        return E_INVALID;
    }
    return done ? store_pins_accept(store, &operation->pins, missing, done, arg)
                : store_pins_accept_now(store, &operation->pins, missing);
}

static int forget(struct store *store, const struct operation *operation, store_done *done, void *arg,
                  struct str *missing, struct str *why)
{
    int error = done ? store_pins_forget(store, &operation->pins, missing, done, arg)
                     : store_pins_forget_now(store, &operation->pins, missing);
    if (error == E_INVALID)
        *why = STR("what changed is not forgotten: accept it first; warder pins list --changed shows it");
    return error;
}

int pins_carry_out(struct store *store, const struct operation *operation, store_done *done, void *arg, struct str *why)
{
    struct str missing = STR_EMPTY;
    *why = STR_EMPTY;
    int error = operation->kind == OPERATION_PINS_ACCEPT ? accept(store, operation, done, arg, &missing, why)
                                                         : forget(store, operation, done, arg, &missing, why);
    if (error == E_NOT_FOUND)
        *why = what_is_missing(operation, missing);
    return error;
}

struct page {
    struct json_writer *writer;
    const struct operation *operation;
    size_t at, count; /* entries seen; written */
};

static void write_digest(struct json_writer *writer, struct str key, const struct sha256 *digest)
{
    char hex[2 * SHA256_LEN];
    hex_encode(digest->bytes, SHA256_LEN, hex);
    json_write_member_string(writer, key, str_of(hex, sizeof(hex)));
}

static void write_differs(struct json_writer *writer, const struct store_pin *pin)
{
    unsigned differs = pin_differs(&pin->accepted, &pin->seen);
    json_write_key(writer, STR("differs"));
    json_write_array(writer);
    for (int part = 0; part < PIN_PART_COUNT; part++)
        if (differs & 1u << part)
            json_write_string(writer, pin_part_name((enum pin_part)part));
    json_write_array_end(writer);
}

static bool is_asked_for(const struct operation *operation, const struct store_pin *pin)
{
    return (operation->pins.all_kinds || operation->pins.kind == pin->kind) && (pin->changed || !operation->changed);
}

static void write_class(struct json_writer *writer, const struct store_pin *pin)
{
    const struct pinned_class *class = pin->ruled.known ? &pin->ruled : &pin->accepted.class;
    json_write_member_string(writer, STR("class"), pinned_class_word(class));
    if (pin->ruled.known) /* what the classifier said */
        json_write_member_string(writer, STR("class_told"), pinned_class_word(&pin->accepted.class));
    if (pin->changed)
        json_write_member_string(writer, STR("class_listed"), pinned_class_word(&pin->seen.class));
}

static int write_pin(void *arg, const struct store_pin *pin)
{
    struct page *page = arg;
    struct json_writer *writer = page->writer;
    if (!is_asked_for(page->operation, pin) || page->at++ < page->operation->from)
        return 0;
    if (page->count == PAGE_PINS || (page->count > 0 && writer->out->len >= PAGE_BYTES))
        return PAGE_FULL;
    page->count++;
    json_write_object(writer);
    json_write_member_string(writer, STR("server"), pin->server);
    json_write_member_string(writer, STR("kind"), pin_kind_word(pin->kind));
    json_write_member_string(writer, STR("name"), pin->name);
    json_write_member_string(writer, STR("state"), pin->changed ? STR("changed") : STR("accepted"));
    if (pin->kind == PIN_TOOL)
        write_class(writer, pin);
    if (!pin_is_none(&pin->accepted)) {
        write_digest(writer, STR("digest"), &pin->accepted.digest);
        json_write_member_int(writer, STR("accepted_ms"), pin->accepted_ms);
    }
    if (pin->changed) {
        write_digest(writer, STR("listed"), &pin->seen.digest);
        json_write_member_int(writer, STR("changed_ms"), pin->changed_ms);
        write_differs(writer, pin);
    }
    json_write_object_end(writer);
    return 0;
}

void reply_pins(struct json_writer *writer, struct store *store, const struct operation *operation)
{
    struct page page = { .writer = writer, .operation = operation };
    reply_begin(writer);
    json_write_key(writer, STR("pins"));
    json_write_array(writer);
    int result = store_pin_each(store, operation->pins.server, write_pin, &page);
    json_write_array_end(writer);
    if (result == PAGE_FULL)
        json_write_member_int(writer, STR("next"), (int64_t)(operation->from + page.count));
    reply_end(writer);
}
