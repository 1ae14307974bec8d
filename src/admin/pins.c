/* Pins in requests and answers. */
#include "admin/pins.h"

#include "base/encode.h"
#include "base/limits.h"

#define PAGE_PINS 1000
#define PAGE_BYTES ((size_t)1 << 20)
#define PAGE_FULL 1
#define DIGITS_LEAST 32 /* that pins list shows: a server could make two definitions that agree in fewer */
#define DIGITS_LEAST_TEXT "32"

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
    out->which = server ? json_string(server) : STR_EMPTY;
    out->changed = changed && json_bool(changed);
    out->from = (size_t)first;
    return 0;
}

static int read_definition(const struct json *definition, struct operation *out, struct str *why)
{
    if (!definition)
        return 0;
    *why = STR("a definition is of one tool, and at least " DIGITS_LEAST_TEXT
               " hexadecimal digits, as warder pins list shows them");
    if (out->tool_count != 1 || !json_is(definition, JSON_STRING) || json_string(definition).len < DIGITS_LEAST)
        return E_INVALID;
    out->definition = json_string(definition);
    return 0;
}

int pins_read_accept(const struct json *request, struct arena *arena, struct operation *out, struct str *why)
{
    const struct json *server = json_get(request, STR("server")), *tools = json_get(request, STR("tools"));
    const struct json *all = json_get(request, STR("all")), *tool;
    struct json_iter iter;
    struct str key;
    *why = STR("a server's name is needed");
    if (!json_is(server, JSON_STRING) || !operation_is_server_name(json_string(server)))
        return E_INVALID;
    out->which = json_string(server);
    *why = STR("names of tools are needed, or all");
    if (!tools == !all || (all && (!json_is(all, JSON_BOOL) || !json_bool(all))) ||
        (tools && (!json_is(tools, JSON_ARRAY) || json_count(tools) == 0)))
        return E_INVALID;
    out->tools = arena_alloc(arena, (json_count(tools) + 1) * sizeof(*out->tools));
    if (!out->tools)
        return E_NOMEM;
    json_iter_init(&iter, tools);
    while (json_iter_next(&iter, &key, &tool)) {
        if (!json_is(tool, JSON_STRING) || json_string(tool).len == 0 || json_string(tool).len > LIMIT_tool_name)
            return E_INVALID;
        out->tools[out->tool_count++] = json_string(tool);
    }
    return read_definition(json_get(request, STR("definition")), out, why);
}

/* What an operator has looked at may be another one by now. */
int pins_still_listed(const struct store *store, const struct operation *operation, struct str *why)
{
    if (operation->definition.len == 0 ||
        store_pin_begins(store, operation->which, operation->tools[0], operation->definition))
        return 0;
    *why = STR("the server lists another definition by now: look again, with warder pins list --changed");
    return E_INVALID;
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

static int write_pin(void *arg, const struct store_pin *pin)
{
    struct page *page = arg;
    struct json_writer *writer = page->writer;
    if ((page->operation->changed && !pin->changed) || page->at++ < page->operation->from)
        return 0;
    if (page->count == PAGE_PINS || (page->count > 0 && writer->out->len >= PAGE_BYTES))
        return PAGE_FULL;
    page->count++;
    json_write_object(writer);
    json_write_member_string(writer, STR("server"), pin->server);
    json_write_member_string(writer, STR("tool"), pin->tool);
    json_write_member_string(writer, STR("state"), pin->changed ? STR("changed") : STR("accepted"));
    write_digest(writer, STR("digest"), &pin->accepted.digest);
    json_write_member_int(writer, STR("accepted_ms"), pin->accepted_ms);
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
    int result = store_pin_each(store, operation->which, write_pin, &page);
    json_write_array_end(writer);
    if (result == PAGE_FULL)
        json_write_member_int(writer, STR("next"), (int64_t)(operation->from + page.count));
    reply_end(writer);
}

struct str pins_why(const struct operation *operation, struct str missing)
{
    if (missing.len == 0)
        return STR("no definition of this server changed: there is nothing to accept");
    return operation->tool_count == 0 || missing.ptr == operation->which.ptr
               ? STR("no definition of such a server was ever accepted; warder pins list shows those that were")
               : STR("one of these tools was never seen; warder pins list shows those that were");
}
