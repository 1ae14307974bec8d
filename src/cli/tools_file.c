/* Definitions without a server. */
#include "cli/tools_file.h"

#include "base/limits.h"
#include "catalog/saved.h"
#include "classify/classify.h"
#include "cli/command.h"
#include "config/file.h"
#include "json/json.h"

static int classify(struct str server, struct definitions *definitions)
{
    struct classifier *classifier;
    struct arena scratch;
    int error = classifier_new(&classifier);
    if (error)
        return error;
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    for (size_t i = 0; i < definitions->tool_count; i++) {
        classify_listed(classifier, server, &scratch, &definitions->tools[i]);
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    classifier_free(classifier);
    return 0;
}

static int unreadable(const struct invocation *invocation, const char *path, struct str source,
                      const struct json_error *fault)
{
    struct str hint = json_fault_hint(source, fault);
    size_t line, column;
    json_position(source, fault->offset, &line, &column);
    return failure(invocation, "%s:%zu:%zu: %s%s%" STR_FMT, path, line, column, json_fault_text(fault->fault),
                   hint.len > 0 ? ": " : "", STR_ARG(hint));
}

static int take(const struct invocation *invocation, const char *path, struct str server, const struct json *root,
                struct definitions **out)
{
    int error = saved_definitions(root, out);
    if (error == E_INVALID)
        return failure(invocation, "%s is no list of tools (\"tools\": [...]), or one of its tools has no name", path);
    if (!error && (error = classify(server, *out)) != 0)
        definitions_unref(*out);
    return error ? failure(invocation, "%s: %s", path, error_text(error)) : 0;
}

int tools_file_read(const struct invocation *invocation, const char *path, struct str server, struct definitions **out)
{
    struct json_error fault;
    const struct json *root;
    struct arena arena;
    struct str source;
    int status = 0;
    arena_init(&arena, NULL, LIMIT_list_total * 4UL);
    int error = file_read(&arena, str_from_c(path), LIMIT_list_total, &source);
    if (error) {
        status = failure(invocation, "cannot read %s: %s", path, file_error_text(error));
    } else {
        error = json_parse(&arena, source, &json_limits_list, &root, &fault);
        if (error)
            status = unreadable(invocation, path, source, &fault);
        else
            status = take(invocation, path, server, root, out);
    }
    arena_release(&arena);
    return status;
}
