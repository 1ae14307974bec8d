/* Definitions without a server. */
#include "cli/tools_file.h"

#include "base/limits.h"
#include "catalog/saved.h"
#include "cli/command.h"
#include "config/file.h"
#include "json/json.h"

int tools_file_read(const struct invocation *invocation, const char *path, struct definitions **out)
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
        if (error)
            status = failure(invocation, "%s is no list of tools: %s", path, error_text(error));
    }
    arena_release(&arena);
    return status;
}
