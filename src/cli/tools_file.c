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
        if (!error)
            error = saved_definitions(root, out);
        if (!error && (error = classify(server, *out)) != 0)
            definitions_unref(*out);
        if (error)
            status = failure(invocation, "%s is no list of tools: %s", path, error_text(error));
    }
    arena_release(&arena);
    return status;
}
