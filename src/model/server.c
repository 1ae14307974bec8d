/* The definitions that a server lists: shared by reference, looked up by exact name. */
#include "model/server.h"

#include "base/check.h"
#include "base/error.h"

#include <stdlib.h>

/* ---- servers ---- */

/* A member more: it is copied and compared below. */
_Static_assert(sizeof(struct server) == 232, "struct server changed: server_copy and server_starts_alike must know");

bool server_always_inherits(struct str name)
{
    static const char *const names[] = { "HOME", "LOGNAME", "USER", "PATH", "SHELL", "LANG", "TZ", "TERM", "TMPDIR" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_from_c(names[i])))
            return true;
    return str_starts_with(name, STR("LC_"));
}

static struct str *copy_strings(struct arena *arena, const struct str *from, size_t count)
{
    struct str *out = arena_zalloc(arena, (count + 1) * sizeof(*out));
    for (size_t i = 0; out && i < count; i++) {
        out[i] = arena_str(arena, from[i]);
        if (!out[i].ptr)
            return NULL;
    }
    return out;
}

static struct variable *copy_variables(struct arena *arena, const struct variable *from, size_t count)
{
    struct variable *out = arena_zalloc(arena, (count + 1) * sizeof(*out));
    for (size_t i = 0; out && i < count; i++) {
        out[i] = (struct variable){ arena_str(arena, from[i].name), arena_str(arena, from[i].value) };
        if (!out[i].name.ptr || !out[i].value.ptr)
            return NULL;
    }
    return out;
}

static struct mask_word *copy_secrets(struct arena *arena, const struct mask_word *from, size_t count)
{
    struct mask_word *out = arena_zalloc(arena, (count + 1) * sizeof(*out));
    for (size_t i = 0; out && i < count; i++) {
        out[i] = (struct mask_word){ arena_str(arena, from[i].shown), arena_str(arena, from[i].value) };
        if (!out[i].shown.ptr || !out[i].value.ptr)
            return NULL;
    }
    return out;
}

int server_copy(struct arena *arena, const struct server *from, struct server *out)
{
    *out = *from;
    out->name = arena_str(arena, from->name);
    out->cwd = arena_str(arena, from->cwd);
    out->url = arena_str(arena, from->url);
    out->tls.ca = arena_str(arena, from->tls.ca);
    out->tls.cert = arena_str(arena, from->tls.cert);
    out->tls.key = arena_str(arena, from->tls.key);
    out->argv = copy_strings(arena, from->argv, from->argc);
    out->inherit = copy_strings(arena, from->inherit, from->inherit_count);
    out->env = copy_variables(arena, from->env, from->env_count);
    out->headers = copy_variables(arena, from->headers, from->header_count);
    out->secrets = copy_secrets(arena, from->secrets, from->secret_count);
    bool whole = out->name.ptr && out->cwd.ptr && out->url.ptr && out->tls.ca.ptr && out->tls.cert.ptr &&
                 out->tls.key.ptr && out->argv && out->inherit && out->env && out->headers && out->secrets;
    return whole ? 0 : E_NOMEM;
}

static bool are_strings_equal(const struct str *a, size_t a_count, const struct str *b, size_t b_count)
{
    bool equal = a_count == b_count;
    for (size_t i = 0; equal && i < a_count; i++)
        equal = str_eq(a[i], b[i]);
    return equal;
}

static bool are_variables_equal(const struct variable *a, size_t a_count, const struct variable *b, size_t b_count)
{
    bool equal = a_count == b_count;
    for (size_t i = 0; equal && i < a_count; i++)
        equal = str_eq(a[i].name, b[i].name) && str_eq(a[i].value, b[i].value);
    return equal;
}

static bool are_secrets_equal(const struct server *a, const struct server *b)
{
    bool equal = a->secret_count == b->secret_count;
    for (size_t i = 0; equal && i < a->secret_count; i++)
        equal = str_eq(a->secrets[i].shown, b->secrets[i].shown) && str_eq(a->secrets[i].value, b->secrets[i].value);
    return equal;
}

bool server_starts_alike(const struct server *a, const struct server *b)
{
    return str_eq(a->name, b->name) && a->transport == b->transport && str_eq(a->cwd, b->cwd) && a->home == b->home &&
           str_eq(a->url, b->url) && str_eq(a->tls.ca, b->tls.ca) && str_eq(a->tls.cert, b->tls.cert) &&
           str_eq(a->tls.key, b->tls.key) && a->tls.only_1_3 == b->tls.only_1_3 && a->isolation == b->isolation &&
           a->instances == b->instances && a->idle_ms == b->idle_ms && a->exact_numbers == b->exact_numbers &&
           are_strings_equal(a->argv, a->argc, b->argv, b->argc) &&
           are_strings_equal(a->inherit, a->inherit_count, b->inherit, b->inherit_count) &&
           are_variables_equal(a->env, a->env_count, b->env, b->env_count) &&
           are_variables_equal(a->headers, a->header_count, b->headers, b->header_count) && are_secrets_equal(a, b);
}

/* ---- definitions ---- */

struct definitions *definitions_new(size_t ceiling)
{
    struct definitions *definitions = calloc(1, sizeof *definitions);
    if (definitions == NULL)
        return NULL;
    definitions->refs = 1;
    arena_init(&definitions->arena, NULL, ceiling);
    map_init(&definitions->tools_by_name);
    map_init(&definitions->tools_by_prompt);
    for (unsigned kind = 0; kind < PIN_KIND_COUNT; kind++)
        map_init(&definitions->items[kind]);
    return definitions;
}

struct str prompt_name(struct arena *arena, struct str name)
{
    char *out = arena_alloc(arena, name.len + 1);
    if (out == NULL)
        return (struct str){ NULL, 0 };
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        if (byte >= 'A' && byte <= 'Z')
            byte = (char)(byte - 'A' + 'a');
        out[i] = byte == '-' ? '_' : byte;
    }
    return str_of(out, name.len);
}

static int index_for_prompts(struct definitions *definitions)
{
    struct tool *several = arena_zalloc(&definitions->arena, sizeof *several);
    if (several == NULL)
        return E_NOMEM;
    several->name = STR_EMPTY;
    for (size_t i = 0; i < definitions->tool_count; i++) {
        struct str name = prompt_name(&definitions->arena, definitions->tools[i].name);
        if (name.ptr == NULL)
            return E_NOMEM;
        struct tool *tool = map_get(&definitions->tools_by_prompt, name) != NULL ? several : &definitions->tools[i];
        int error = map_set(&definitions->tools_by_prompt, name, tool);
        if (error < 0)
            return error;
    }
    return 0;
}

static int mark_doubles(struct definitions *definitions, bool *is_double)
{
    for (size_t i = 0; i < definitions->tool_count; i++) {
        struct tool *tool = &definitions->tools[i];
        const struct tool *first = map_get(&definitions->tools_by_name, tool->name);
        if (first != NULL) {
            is_double[first - definitions->tools] = true;
            is_double[i] = true;
        } else {
            int error = map_set(&definitions->tools_by_name, tool->name, tool);
            if (error < 0)
                return error;
        }
    }
    return 0;
}

static int index_items(struct definitions *definitions)
{
    const struct {
        enum pin_kind kind;
        const struct item *items;
        size_t count;
    } all[] = {
        { PIN_PROMPT, definitions->prompts, definitions->prompt_count },
        { PIN_RESOURCE, definitions->resources, definitions->resource_count },
        { PIN_TEMPLATE, definitions->templates, definitions->template_count },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct map *map = &definitions->items[all[i].kind];
        map_release(map);
        map_init(map);
        for (size_t at = 0; at < all[i].count; at++) {
            int error = map_set(map, all[i].items[at].name, (void *)(uintptr_t)&all[i].items[at]);
            if (error < 0)
                return error;
        }
    }
    return 0;
}

static int index_tools(struct definitions *definitions, size_t *dropped)
{
    map_release(&definitions->tools_by_name);
    map_init(&definitions->tools_by_name);
    map_release(&definitions->tools_by_prompt);
    map_init(&definitions->tools_by_prompt);
    if (definitions->tool_count == 0)
        return 0;

    bool *is_double = arena_zalloc(&definitions->arena, definitions->tool_count * sizeof *is_double);
    if (is_double == NULL)
        return E_NOMEM;
    int error = mark_doubles(definitions, is_double);
    if (error < 0)
        return error;

    /* The tools move together, so the look-up is made anew. */
    map_release(&definitions->tools_by_name);
    map_init(&definitions->tools_by_name);
    size_t kept = 0;
    for (size_t i = 0; i < definitions->tool_count; i++) {
        if (!is_double[i])
            definitions->tools[kept++] = definitions->tools[i];
    }
    *dropped = definitions->tool_count - kept;
    definitions->tool_count = kept;
    for (size_t i = 0; i < kept; i++) {
        error = map_set(&definitions->tools_by_name, definitions->tools[i].name, &definitions->tools[i]);
        if (error < 0)
            return error;
    }
    return index_for_prompts(definitions);
}

int definitions_index(struct definitions *definitions, size_t *dropped)
{
    *dropped = 0;
    int error = index_items(definitions);
    return error < 0 ? error : index_tools(definitions, dropped);
}

struct definitions *definitions_ref(struct definitions *definitions)
{
    AN(definitions->refs);
    definitions->refs++;
    return definitions;
}

void definitions_unref(struct definitions *definitions)
{
    if (definitions == NULL)
        return;
    AN(definitions->refs);
    if (--definitions->refs > 0)
        return;
    map_release(&definitions->tools_by_name);
    map_release(&definitions->tools_by_prompt);
    for (unsigned kind = 0; kind < PIN_KIND_COUNT; kind++)
        map_release(&definitions->items[kind]);
    arena_release(&definitions->arena);
    free(definitions);
}

const struct tool *definitions_tool(const struct definitions *definitions, struct str name)
{
    return map_get(&definitions->tools_by_name, name);
}

const struct item *definitions_item(const struct definitions *definitions, enum pin_kind kind, struct str name)
{
    return map_get(&definitions->items[kind], name);
}

const struct pin *definitions_pin(const struct definitions *definitions, enum pin_kind kind, struct str name)
{
    const struct tool *tool = kind == PIN_TOOL ? definitions_tool(definitions, name) : NULL;
    const struct item *item = kind == PIN_TOOL ? NULL : definitions_item(definitions, kind, name);
    return tool != NULL ? &tool->pin : item != NULL ? item->pin : NULL;
}

bool template_may_make(struct str template, struct str uri)
{
    size_t first = str_find_byte(template, '{'), last = template.len;
    if (first == template.len)
        return str_eq(template, uri);
    while (last > 0 && template.ptr[last - 1] != '}')
        last--;
    if (last <= first) /* no expression ends: whatever it may mean */
        return true;
    struct str before = str_slice(template, 0, first), behind = str_slice(template, last, template.len);
    return uri.len >= before.len + behind.len && str_starts_with(uri, before) &&
           str_eq(str_slice(uri, uri.len - behind.len, uri.len), behind);
}

const struct tool *definitions_tool_of_prompt(const struct definitions *definitions, struct str name)
{
    return map_get(&definitions->tools_by_prompt, name);
}
