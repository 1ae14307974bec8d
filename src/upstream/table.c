/* Entries, arrays and the look-up; and their way into the pool. */
#include "upstream/table.h"

#include "base/check.h"
#include "json/writer.h"
#include "mcp/mirror.h"
#include "upstream/instance.h"

#include <stdlib.h>
#include <string.h>

static const struct entry_row {
    enum pin_kind pinned;
    struct str name; /* the member that names an entry */
} rows[LIST_KIND_COUNT] = {
    [LIST_TOOLS] = { PIN_TOOL, { "name", 4 } },
    [LIST_PROMPTS] = { PIN_PROMPT, { "name", 4 } },
    [LIST_RESOURCES] = { PIN_RESOURCE, { "uri", 3 } },
    [LIST_TEMPLATES] = { PIN_TEMPLATE, { "uriTemplate", 11 } },
};

struct entry { /* of a list under construction */
    struct item item;
    struct mirrored *mirrored;
    size_t mirrored_count;
};

/* ---- entries ---- */

/* What a list is read for at all: a name, and for a tool the object that its arguments must fit. */
static bool is_usable(const struct table *table, const struct json *entry, const struct json *name)
{
    if (!json_is(name, JSON_STRING) || str_is_empty(json_string(name)) ||
        table->entries.len / sizeof(struct entry) >= LIMIT_list_entries)
        return false;
    if (table->kind != LIST_TOOLS)
        return true;
    return json_string(name).len <= LIMIT_tool_name && json_is(json_get(entry, STR("inputSchema")), JSON_OBJECT);
}

/* A definition is pinned while its tree is there. NULL: no memory. */
static const struct pin *pin_of(struct table *table, const struct json *entry)
{
    struct pin *pin = arena_alloc(&table->definitions->arena, sizeof(*pin));
    struct arena scratch;
    struct buf text;
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    buf_init(&text, 2 * (size_t)LIMIT_list_page);
    if (pin && pin_make(rows[table->kind].pinned, entry, &scratch, table->hasher, &text, pin) != 0)
        pin = NULL;
    buf_release(&text);
    arena_release(&scratch);
    return pin;
}

/* A tool whose marks are wrong is not to be used where they count. */
static int read_marks(struct table *table, const struct json *tool, struct entry *entry)
{
    struct arena *arena = &table->definitions->arena;
    int error = mirror_scan(json_get(tool, STR("inputSchema")), arena, &entry->mirrored, &entry->mirrored_count);
    if (error != E_INVALID || !table->takes_marks || table->wrong_count == ARRAY_LEN(table->wrong))
        return error;
    struct str name = arena_str(arena, json_string(json_get(tool, STR("name"))));
    if (name.ptr)
        table->wrong[table->wrong_count++] = name;
    return error;
}

/* Marks are for those who send to a server over HTTP; nobody else is shown them. */
static int write_definition(struct table *table, const struct json *node, struct entry *entry)
{
    struct json_writer writer;
    int error = table->kind == LIST_TOOLS ? read_marks(table, node, entry) : 0;
    json_write_init(&writer, &table->out);
    if (error == E_NOMEM || (error && table->takes_marks))
        return error;
    if (table->names_only)
        return 0;
    if (!table->takes_marks && (error || entry->mirrored_count)) {
        mirror_write_unmarked(&writer, node);
        entry->mirrored_count = 0;
    } else {
        json_write_node(&writer, node);
    }
    return 0;
}

static int add_entry(struct table *table, const struct json *entry)
{
    struct arena *arena = &table->definitions->arena;
    struct entry made = { 0 };
    const struct json *name = json_get(entry, rows[table->kind].name);
    if (!is_usable(table, entry, name)) {
        table->unusable++;
        return 0;
    }
    int error = write_definition(table, entry, &made);
    if (error == E_INVALID) {
        table->unusable++;
        return 0;
    }
    made.item.name = arena_str(arena, json_string(name));
    if (!error && buf_ok(&table->out))
        made.item.definition = arena_str(arena, buf_str(&table->out));
    buf_reset(&table->out);
    made.item.pin = pin_of(table, entry);
    if (!made.item.pin)
        return E_LIMIT;
    buf_append(&table->entries, &made, sizeof(made));
    return made.item.name.ptr && made.item.definition.ptr && buf_ok(&table->entries) ? 0 : E_LIMIT;
}

/* ---- arrays ---- */

/* A name that a server lists twice is in no table: whoever asks for it could not be told which one was meant. */
static int drop_doubles(struct table *table, struct entry *entries, size_t *count)
{
    struct map seen;
    bool *twice = arena_zalloc(&table->definitions->arena, *count ? *count : 1);
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
    table->unusable += *count - kept;
    *count = kept;
    return error;
}

static int set_tools(struct definitions *made, const struct entry *entries, size_t count)
{
    made->tools = arena_zalloc(&made->arena, (count ? count : 1) * sizeof(*made->tools));
    if (!made->tools)
        return E_NOMEM;
    made->tool_count = count;
    for (size_t i = 0; i < count; i++) {
        struct tool *tool = &made->tools[i];
        tool->name = entries[i].item.name;
        tool->definition = entries[i].item.definition;
        tool->pin = *entries[i].item.pin;
        tool->mirrored = entries[i].mirrored;
        tool->mirrored_count = entries[i].mirrored_count;
    }
    return 0;
}

static int set_items(struct definitions *made, const struct entry *entries, size_t count, struct item **array,
                     size_t *array_count)
{
    *array = arena_alloc(&made->arena, (count ? count : 1) * sizeof(**array));
    if (!*array)
        return E_NOMEM;
    for (size_t i = 0; i < count; i++)
        (*array)[i] = entries[i].item;
    *array_count = count;
    return 0;
}

/* The list of this kind is whole: its entries become an array of the table. */
static int set_array(struct table *table)
{
    struct definitions *made = table->definitions;
    struct entry *entries = (struct entry *)(void *)table->entries.ptr; /* the heap aligns it */
    size_t count = table->entries.len / sizeof(*entries);
    int error = drop_doubles(table, entries, &count);
    if (error)
        return error;
    switch (table->kind) {
    case LIST_TOOLS: return set_tools(made, entries, count);
    case LIST_PROMPTS: return set_items(made, entries, count, &made->prompts, &made->prompt_count);
    case LIST_RESOURCES: return set_items(made, entries, count, &made->resources, &made->resource_count);
    case LIST_TEMPLATES: return set_items(made, entries, count, &made->templates, &made->template_count);
    case LIST_KIND_COUNT: break;
    }
    WRONG("no such list");
}

/* ---- any thread ---- */

static void add_page(struct job *job)
{
    struct table *table = CONTAINER_OF(job, struct table, job);
    const struct json *entry;
    struct str key;
    struct json_iter iter;
    int error = 0;
    if (table->list)
        json_iter_init(&iter, table->list);
    while (table->list && !error && !atomic_load(&table->dropped) && json_iter_next(&iter, &key, &entry))
        error = add_entry(table, entry);
    if (!error && table->whole) {
        error = set_array(table);
        buf_reset(&table->entries);
    }
    table->fault = error ? "too large" : NULL;
}

/* A client's own instance has none: its clients read the control session's. */
static int pin_instructions(struct table *table)
{
    struct definitions *made = table->definitions;
    struct item *item = &made->instructions_item;
    struct pin *pin = arena_zalloc(&made->arena, sizeof(*pin));
    struct buf text;
    buf_init(&text, 8 * (size_t)LIMIT_instructions);
    int error =
        pin && made->instructions.ptr ? pin_make_instructions(made->instructions, table->hasher, &text, pin) : E_NOMEM;
    *item = (struct item){ .name = STR_EMPTY, .definition = arena_str(&made->arena, buf_str(&text)), .pin = pin };
    buf_release(&text);
    return error < 0 || item->definition.ptr ? error : E_NOMEM;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_LEN);
}

/* Adds one kind in the order of its digests. */
static void add_kind(struct hasher *hasher, struct sha256 *digests, size_t count)
{
    qsort(digests, count, sizeof(*digests), by_bytes);
    hasher_add_field(hasher, str_of((const char *)digests, count * sizeof(*digests)));
}

static int digest_all(struct definitions *made, struct hasher *hasher)
{
    const struct {
        const struct item *items;
        size_t count;
    } kinds[] = {
        { made->prompts, made->prompt_count },
        { made->resources, made->resource_count },
        { made->templates, made->template_count },
    };
    struct sha256 *digests = malloc((LIMIT_list_entries + 1) * sizeof(*digests));
    if (!digests)
        return E_NOMEM;
    hasher_begin(hasher);
    for (size_t i = 0; i < made->tool_count; i++)
        digests[i] = made->tools[i].pin.digest;
    add_kind(hasher, digests, made->tool_count);
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        for (size_t i = 0; i < kinds[kind].count; i++)
            digests[i] = kinds[kind].items[i].pin->digest;
        add_kind(hasher, digests, kinds[kind].count);
    }
    hasher_end(hasher, &made->all);
    free(digests);
    return 0;
}

static void index_all(struct job *job)
{
    struct table *table = CONTAINER_OF(job, struct table, job);
    size_t doubles;
    int error = pin_instructions(table);
    if (!error)
        error = definitions_index(table->definitions, &doubles);
    if (!error)
        error = digest_all(table->definitions, table->hasher);
    if (!error)
        table->unusable += doubles;
    table->fault = error ? "out of memory" : NULL;
}

/* ---- the loop ---- */

static void table_free(struct table *table)
{
    AZ(table->has_page);
    definitions_unref(table->definitions);
    hasher_free(table->hasher);
    buf_release(&table->entries);
    buf_release(&table->out);
    free(table);
}

static void has_run(struct table *table)
{
    if (table->has_page)
        arena_release(&table->page);
    table->has_page = false;
    if (table->listing)
        table->then(table->listing); /* which may drop it */
    else
        table_free(table);
}

static void done(struct job *job)
{
    struct table *table = CONTAINER_OF(job, struct table, job);
    struct upstream *upstream = table->upstream;
    table->in_pool = false;
    has_run(table);
    upstream_job_done(upstream);
}

static void run(struct table *table, size_t bytes, void (*work)(struct job *job), void (*then)(struct listing *listing))
{
    struct upstream *upstream = table->upstream;
    table->job = (struct job){ .work = work, .done = done };
    table->then = then;
    int error = bytes > LIMIT_list_at_once ? loop_submit(upstream->services.loop, &table->job) : 0;
    table->in_pool = bytes > LIMIT_list_at_once && !error;
    if (table->in_pool) {
        upstream->jobs++;
        return;
    }
    if (error)
        table->fault = error_text(error);
    else
        work(&table->job);
    has_run(table);
}

void table_add(struct table *table, enum list_kind kind, struct arena *page, const struct json *entries, size_t bytes,
               bool whole, void (*then)(struct listing *listing))
{
    table->kind = kind;
    table->page = *page;
    table->has_page = true;
    table->list = entries;
    table->whole = whole;
    table->bytes += bytes;
    table->wrong_count = 0;
    run(table, whole ? table->bytes : bytes, add_page, then);
}

void table_leave_out(struct table *table, enum list_kind kind)
{
    AZ(table->in_pool);
    buf_reset(&table->entries);
    if (kind == LIST_PROMPTS)
        return;
    table->definitions->resource_count = 0;
    table->definitions->resources_refused = true;
}

void table_finish(struct table *table, struct str instructions, void (*then)(struct listing *listing))
{
    table->definitions->instructions = arena_str(&table->definitions->arena, instructions);
    run(table, table->bytes, index_all, then);
}

struct definitions *table_take(struct table *table)
{
    struct definitions *definitions = table->definitions;
    table->definitions = NULL;
    table_drop(table);
    return definitions;
}

int table_new(struct upstream *upstream, struct listing *listing, bool names_only, bool takes_marks, struct table **out)
{
    struct table *table = calloc(1, sizeof(*table));
    if (!table)
        return E_NOMEM;
    table->upstream = upstream;
    table->listing = listing;
    table->names_only = names_only;
    table->takes_marks = takes_marks;
    buf_init(&table->entries, LIMIT_list_total);
    buf_init(&table->out, 2 * (size_t)LIMIT_request_body);
    table->definitions = definitions_new(2 * (size_t)LIMIT_list_total);
    int error = table->definitions ? hasher_new(&table->hasher) : E_NOMEM;
    if (error) {
        table_free(table);
        return error;
    }
    *out = table;
    return 0;
}

void table_drop(struct table *table)
{
    if (!table)
        return;
    table->listing = NULL;
    atomic_store(&table->dropped, true);
    if (!table->in_pool)
        table_free(table);
}
