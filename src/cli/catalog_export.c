/* warder catalog export: what the index knows, as facts without texts, a file a server. */
#include "base/plural.h"
#include "catalog/facts.h"
#include "catalog/index.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES ((size_t)64 << 20)
#define PATH_BYTES 4096

struct line {
    struct str name, text;
};

struct exporting {
    const struct invocation *invocation;
    struct catalog *catalog;
    struct buf text, file; /* lines as they come, and in their order */
    struct {
        size_t name, name_len, end;
    } * spans;
    size_t count, capacity;
    size_t servers, tools;
    bool failed; /* and it was said why */
};

static int take_tool(void *arg, const struct catalog_tool *tool)
{
    struct exporting *exporting = arg;
    if (exporting->count == exporting->capacity) {
        size_t capacity = exporting->capacity ? exporting->capacity * 2 : 256;
        void *grown = reallocarray(exporting->spans, capacity, sizeof(*exporting->spans));
        if (!grown)
            return E_NOMEM;
        exporting->spans = grown;
        exporting->capacity = capacity;
    }
    size_t name = exporting->text.len;
    buf_append_str(&exporting->text, tool->name);
    int error = facts_write_tool(&exporting->text, tool);
    exporting->spans[exporting->count].name = name;
    exporting->spans[exporting->count].name_len = tool->name.len;
    exporting->spans[exporting->count++].end = exporting->text.len;
    return error;
}

static int by_name(const void *left, const void *right)
{
    return str_cmp(((const struct line *)left)->name, ((const struct line *)right)->name);
}

static int put_lines(struct exporting *exporting)
{
    struct line *lines = calloc(exporting->count ? exporting->count : 1, sizeof(*lines));
    if (!lines)
        return E_NOMEM;
    for (size_t i = 0; i < exporting->count; i++) {
        size_t name = exporting->spans[i].name, text = name + exporting->spans[i].name_len;
        lines[i].name = str_of(exporting->text.ptr + name, exporting->spans[i].name_len);
        lines[i].text = str_of(exporting->text.ptr + text, exporting->spans[i].end - text);
    }
    qsort(lines, exporting->count, sizeof(*lines), by_name);
    for (size_t i = 0; i < exporting->count; i++)
        buf_append_str(&exporting->file, lines[i].text);
    free(lines);
    return buf_ok(&exporting->file) ? 0 : E_LIMIT;
}

static int say(struct exporting *exporting, const char *path, int error)
{
    exporting->failed = true;
    (void)failure(exporting->invocation, "%s: %s", path, error_text(error));
    return error;
}

static int export_server(void *arg, const struct catalog_server *server)
{
    struct exporting *exporting = arg;
    char path[PATH_BYTES];
    if (!server->listed)
        return 0;
    buf_reset(&exporting->text);
    buf_reset(&exporting->file);
    exporting->count = 0;
    int len = snprintf(path, sizeof(path), "%s/%" STR_FMT ".jsonl", exporting->invocation->arguments[0],
                       STR_ARG(server->slug));
    if (len < 0 || (size_t)len >= sizeof(path))
        return say(exporting, exporting->invocation->arguments[0], E_LIMIT);
    int error = catalog_tools_of(exporting->catalog, server->id, true, take_tool, exporting);
    facts_write_server(&exporting->file, server, exporting->count);
    if (!error)
        error = put_lines(exporting);
    if (!error)
        error = file_write_atomic(path, buf_str(&exporting->file), 0666);
    if (error)
        return say(exporting, path, error);
    exporting->servers++;
    exporting->tools += exporting->count;
    return 0;
}

static int answer(const struct exporting *exporting)
{
    struct json_output output;
    if (!exporting->invocation->json) {
        printf("%zu server%s, %zu tool%s.\n", exporting->servers, plural(exporting->servers), exporting->tools,
               plural(exporting->tools));
        return EXIT_YES;
    }
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_member_int(writer, STR("servers"), (int64_t)exporting->servers);
    json_write_member_int(writer, STR("tools"), (int64_t)exporting->tools);
    json_write_object_end(writer);
    return json_output_end(&output) ? EXIT_YES : EXIT_NO;
}

static int run(const struct invocation *invocation)
{
    struct exporting exporting = { .invocation = invocation };
    const char *folder = invocation->arguments[0];
    int status = catalog_of(invocation, false, &exporting.catalog);
    if (status)
        return status;
    buf_init(&exporting.text, FILE_BYTES);
    buf_init(&exporting.file, FILE_BYTES);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        status = failure(invocation, "cannot make %s: %s", folder, strerror(errno));
    int error = status ? 0 : catalog_servers(exporting.catalog, false, export_server, &exporting);
    if (error)
        status = exporting.failed ? EXIT_NO : catalog_failed(invocation, exporting.catalog, error);
    if (!status)
        status = answer(&exporting);
    free(exporting.spans);
    buf_release(&exporting.text);
    buf_release(&exporting.file);
    catalog_close(exporting.catalog);
    return status;
}

static const struct option options[] = {
    CATALOG_INDEX_OPTION,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_catalog_export = {
    .summary = "Writes the index as facts, without texts",
    .arguments = "FOLDER",
    .least = 1,
    .most = 1,
    .options = options,
    .json = true,
    .help =
        "A file a server, with a line a tool: its name, its parameters with their types, its hints, a digest of its\n"
        "description, and its class, severity and signals with the words that made them. Nothing else that its author\n"
        "wrote is in it, so that it can be passed on. warder catalog add reads such files again. The same index gives\n"
        "the same bytes.\n\n"
        "  warder catalog export facts\n",
    .run = run,
};
