/* The definitions that a server lists: shared by reference, looked up by exact name. */
#include "model/server.h"

#include "base/check.h"
#include "base/error.h"

#include <stdlib.h>

struct definitions *definitions_new(size_t ceiling)
{
    struct definitions *definitions = calloc(1, sizeof *definitions);
    if (definitions == NULL)
        return NULL;
    definitions->refs = 1;
    arena_init(&definitions->arena, NULL, ceiling);
    map_init(&definitions->tools_by_name);
    map_init(&definitions->tools_by_prompt);
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

int definitions_index(struct definitions *definitions, size_t *dropped)
{
    *dropped = 0;
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
    arena_release(&definitions->arena);
    free(definitions);
}

const struct tool *definitions_tool(const struct definitions *definitions, struct str name)
{
    return map_get(&definitions->tools_by_name, name);
}

bool definitions_has_prompt(const struct definitions *definitions, struct str name)
{
    for (size_t at = 0; at < definitions->prompt_count; at++)
        if (str_eq(definitions->prompts[at].name, name))
            return true;
    return false;
}

const struct tool *definitions_tool_of_prompt(const struct definitions *definitions, struct str name)
{
    return map_get(&definitions->tools_by_prompt, name);
}
