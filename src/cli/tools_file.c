/* Definitions without a server. */
#include "cli/tools_file.h"

#include "base/limits.h"
#include "cli/command.h"
#include "config/file.h"
#include "json/json.h"

static const struct json *find_tools(const struct json *root)
{
    if (json_is(root, JSON_ARRAY))
        return root;
    const struct json *result = json_get(root, STR("result"));
    const struct json *tools = json_get(result ? result : root, STR("tools"));
    return json_is(tools, JSON_ARRAY) ? tools : NULL;
}

/* The tree's strings live in the definitions' own arena. */
static int take_tools(struct definitions *definitions, const struct json *tools)
{
    struct json_iter iter;
    const struct json *entry;
    struct str key;
    size_t dropped;
    definitions->tools = arena_zalloc(&definitions->arena, (json_count(tools) + 1) * sizeof(*definitions->tools));
    if (!definitions->tools)
        return E_NOMEM;
    json_iter_init(&iter, tools);
    while (json_iter_next(&iter, &key, &entry)) {
        const struct json *name = json_get(entry, STR("name"));
        if (!json_is(name, JSON_STRING))
            return E_INVALID;
        definitions->tools[definitions->tool_count++] =
            (struct tool){ .name = json_string(name), .definition = STR("{}") };
    }
    definitions->has_tools = true;
    return definitions_index(definitions, &dropped);
}

int tools_file_read(const struct invocation *invocation, const char *path, struct definitions **out)
{
    struct json_error fault;
    const struct json *root, *tools;
    struct str source;
    struct definitions *definitions = definitions_new(LIMIT_list_total * 4UL);
    if (!definitions)
        return failure(invocation, "%s", error_text(E_NOMEM));
    int error = file_read(&definitions->arena, str_from_c(path), LIMIT_list_total, &source);
    if (error) {
        definitions_unref(definitions);
        return failure(invocation, "cannot read %s: %s", path, file_error_text(error));
    }
    error = json_parse(&definitions->arena, source, &json_limits_list, &root, &fault);
    tools = error ? NULL : find_tools(root);
    if (!error)
        error = tools ? take_tools(definitions, tools) : E_INVALID;
    if (error) {
        definitions_unref(definitions);
        return failure(invocation, "%s is no list of tools: %s", path, error_text(error));
    }
    *out = definitions;
    return 0;
}
