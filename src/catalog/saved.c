/* A saved list becomes what a server's own list becomes: names, definitions written anew, pins. */
#include "catalog/saved.h"

#include "base/limits.h"
#include "config/file.h"
#include "json/writer.h"
#include "model/pin.h"

const struct json *saved_tools(const struct json *root, const char **pointer)
{
    const struct json *result = json_get(root, STR("result"));
    const struct json *tools = json_get(result ? result : root, STR("tools"));
    if (pointer)
        *pointer = json_is(root, JSON_ARRAY) ? "" : result ? "/result/tools" : "/tools";
    if (json_is(root, JSON_ARRAY))
        return root;
    return json_is(tools, JSON_ARRAY) ? tools : NULL;
}

struct str saved_server(const char *path)
{
    struct str name = file_base_name(str_from_c(path)), ending = STR(".tools.json");
    return str_ends_with(name, ending) ? str_slice(name, 0, name.len - ending.len) : STR_EMPTY;
}

static int pin(const struct json *entry, struct hasher *hasher, struct pin *out)
{
    struct arena scratch;
    struct buf text;
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    buf_init(&text, 2 * (size_t)LIMIT_list_total);
    int error = pin_make(PIN_TOOL, entry, &scratch, hasher, &text, out);
    buf_release(&text);
    arena_release(&scratch);
    return error;
}

static int take_tool(struct definitions *definitions, const struct json *entry, struct hasher *hasher, struct buf *text)
{
    const struct json *name = json_get(entry, STR("name"));
    struct tool *tool = &definitions->tools[definitions->tool_count];
    struct json_writer writer;
    if (!json_is(name, JSON_STRING))
        return E_INVALID;
    buf_reset(text);
    json_write_init(&writer, text);
    json_write_node(&writer, entry);
    *tool = (struct tool){ .name = arena_str(&definitions->arena, json_string(name)) };
    if (buf_ok(text))
        tool->definition = arena_str(&definitions->arena, buf_str(text));
    if (!tool->name.ptr || !tool->definition.ptr)
        return E_LIMIT;
    definitions->tool_count++;
    return pin(entry, hasher, &tool->pin);
}

static int take_tools(struct definitions *definitions, const struct json *tools, struct hasher *hasher)
{
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    struct buf text;
    size_t dropped;
    int error = 0;
    definitions->tools = arena_zalloc(&definitions->arena, (json_count(tools) + 1) * sizeof(*definitions->tools));
    if (!definitions->tools)
        return E_NOMEM;
    buf_init(&text, 2 * (size_t)LIMIT_list_total);
    json_iter_init(&iter, tools);
    while (!error && json_iter_next(&iter, &key, &entry))
        error = take_tool(definitions, entry, hasher, &text);
    buf_release(&text);
    definitions->has_tools = true;
    return error ? error : definitions_index(definitions, &dropped);
}

int saved_definitions(const struct json *root, struct definitions **out)
{
    const struct json *tools = saved_tools(root, NULL);
    struct hasher *hasher;
    if (!tools)
        return E_INVALID;
    struct definitions *definitions = definitions_new(LIMIT_list_total * 4UL);
    int error = definitions ? hasher_new(&hasher) : E_NOMEM;
    if (!error) {
        error = take_tools(definitions, tools, hasher);
        hasher_free(hasher);
    }
    if (error) {
        definitions_unref(definitions);
        return error;
    }
    *out = definitions;
    return 0;
}
