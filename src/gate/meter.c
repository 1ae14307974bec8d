/* Counting calls. */
#include "gate/meter.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>

#define METER_BYTES ((size_t)1 << 20)

void histogram_add(struct histogram *histogram, int64_t us)
{
    static const int64_t bounds[] = {
#define B(us, text) us,
        DURATION_BOUNDS(B)
#undef B
    };
    size_t at = 0;
    if (us < 0)
        us = 0;
    while (at < ARRAY_LEN(bounds) && us > bounds[at])
        at++;
    histogram->within[at]++;
    histogram->sum_us += (uint64_t)us;
}

int meter_new(struct meter **out)
{
    struct meter *meter = calloc(1, sizeof(*meter));
    if (!meter)
        return E_NOMEM;
    meter->refs = 1;
    list_init(&meter->tools);
    list_init(&meter->other.link);
    map_init(&meter->tools_by_name);
    meter->other.name = STR_EMPTY;
    arena_init(&meter->arena, NULL, METER_BYTES);
    *out = meter;
    return 0;
}

struct meter *meter_ref(struct meter *meter)
{
    AN(meter->refs);
    meter->refs++;
    return meter;
}

void meter_unref(struct meter *meter)
{
    if (!meter)
        return;
    AN(meter->refs);
    if (--meter->refs > 0)
        return;
    map_release(&meter->tools_by_name);
    arena_release(&meter->arena);
    free(meter);
}

size_t meter_class(const struct pinned_class *class)
{
    return class->known ? (size_t) class->class : CLASS_COUNT;
}

struct str meter_class_word(size_t class)
{
    const struct pinned_class shown = { .known = class < CLASS_COUNT, .class = (enum tool_class)(class % CLASS_COUNT) };
    return pinned_class_word(&shown);
}

static struct tool_meter *add_tool(struct meter *meter, struct str name)
{
    struct tool_meter *tool = arena_zalloc(&meter->arena, sizeof(*tool));
    if (!tool)
        return NULL;
    tool->name = arena_str(&meter->arena, name);
    if (!tool->name.ptr || map_set(&meter->tools_by_name, tool->name, tool) != 0)
        return NULL;
    list_append(&meter->tools, &tool->link);
    meter->tool_count++;
    return tool;
}

/* A name is a label only if it is short and text; a server may list anything. */
struct tool_meter *meter_tool(struct meter *meter, const struct tool *tool)
{
    if (!tool)
        return &meter->other;
    struct tool_meter *known = map_get(&meter->tools_by_name, tool->name);
    if (known)
        return known;
    bool fits = meter->tool_count < LIMIT_metered_tools && tool->name.len > 0 && tool->name.len <= LIMIT_tool_name &&
                str_is_utf8(tool->name);
    struct tool_meter *added = fits ? add_tool(meter, tool->name) : NULL;
    return added ? added : &meter->other;
}
