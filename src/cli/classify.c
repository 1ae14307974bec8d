/* warder classify: what tools can do, told from their definitions: JSON lines, or a server's whole list; JSON lines
 * out. */
#include "base/limits.h"
#include "catalog/saved.h"
#include "classify/classify.h"
#include "classify/siblings.h"
#include "classify/verdict_json.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "io/file_line.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>

#define LINE_BYTES ((size_t)8 << 20)
#define TREE_BYTES ((size_t)512 << 20) /* of a whole list */
#define LONGER "longer than 8 MiB"
#define EXPECTED "{\"server\", \"tool\", \"description\", \"inputSchema\", \"annotations\"}"

struct classifying {
    const struct invocation *invocation;
    struct classifier *classifier;
    const char *path;
    unsigned long line, bad;
    size_t at; /* in a list, from 1; 0: in none */
};

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

static void complain(struct classifying *classifying, const char *text)
{
    classifying->bad++;
    if (classifying->at > 0)
        fprintf(stderr, "%s: tool %zu of the list: %s\n", classifying->path, classifying->at, text);
    else
        fprintf(stderr, "%s:%lu: %s; expected " EXPECTED ", or what tools/list answers\n", classifying->path,
                classifying->line, text);
}

static bool write_line(const struct tool_facts *facts, const struct verdict_on_tool *verdict)
{
    struct buf out;
    struct json_writer writer;
    bool fine;

    buf_init(&out, LINE_BYTES);
    json_write_init(&writer, &out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("server"), facts->server);
    json_write_member_string(&writer, STR("tool"), facts->name);
    write_verdict(&writer, verdict);
    json_write_object_end(&writer);
    buf_append_byte(&out, '\n');
    fine = buf_ok(&out) && fwrite(out.ptr, 1, out.len, stdout) == out.len;
    buf_release(&out);
    return fine;
}

/* `siblings` NULL: it is judged alone. */
static int classify_one(struct classifying *classifying, struct str server, const struct json *tool,
                        const struct siblings *siblings)
{
    struct verdict_on_tool verdict;
    struct tool_facts facts =
        tool_facts_of(server, text_of(tool, json_get(tool, STR("tool")) ? STR("tool") : STR("name")), tool);

    if (facts.name.len == 0) {
        complain(classifying, "no tool is named");
        return 0;
    }
    classify_tool(classifying->classifier, &facts, &verdict);
    if (siblings)
        siblings_speak(siblings, facts.name, &verdict);
    return write_line(&facts, &verdict) ? 0 : failure(classifying->invocation, "cannot write: %s", strerror(errno));
}

/* ---- a whole list ---- */

static int classify_list(struct classifying *classifying, struct arena *arena, struct str server,
                         const struct json *tools)
{
    struct siblings siblings;
    struct json_iter iter;
    const struct json *tool;
    struct str key;
    int status = 0, error = 0;

    siblings_init(&siblings, classifying->classifier, server, arena);
    json_iter_init(&iter, tools);
    while (!error && json_iter_next(&iter, &key, &tool))
        error = siblings_add(&siblings, text_of(tool, STR("name")));
    if (error)
        status = failure(classifying->invocation, "%s", error_text(error));
    json_iter_init(&iter, tools);
    while (!status && json_iter_next(&iter, &key, &tool)) {
        classifying->at++;
        status = classify_one(classifying, server, tool, &siblings);
    }
    classifying->at = 0;
    siblings_release(&siblings);
    return status;
}

static bool is_tool(const struct json *root)
{
    return text_of(root, STR("tool")).len > 0 || text_of(root, STR("name")).len > 0;
}

static int classify_root(struct classifying *classifying, struct arena *arena, const struct json *root)
{
    const struct json *tools = is_tool(root) ? NULL : saved_tools(root, NULL);
    struct str server = text_of(root, STR("server"));

    if (!tools)
        return classify_one(classifying, server, root, NULL);
    return classify_list(classifying, arena, server.len > 0 ? server : saved_server(classifying->path), tools);
}

/* ---- lines ---- */

static int classify_line(struct classifying *classifying, struct arena *arena, struct str line)
{
    struct json_error fault;
    const struct json *root;
    int status = 0;

    classifying->line++;
    line = str_trim(line, " \t\r\n");
    if (line.len > LINE_BYTES)
        complain(classifying, LONGER);
    else if (line.len > 0 && json_parse(arena, line, &json_limits_list, &root, &fault))
        complain(classifying, json_fault_text(fault.fault));
    else if (line.len > 0)
        status = classify_root(classifying, arena, root);
    arena_reset(arena);
    return status;
}

static struct str next_line(struct str *rest)
{
    struct str line = str_slice(*rest, 0, str_find_byte(*rest, '\n') + 1);
    *rest = str_slice(*rest, line.len, rest->len);
    return line;
}

static int classify_lines(struct classifying *classifying, struct arena *arena, struct str rest)
{
    int status = 0;
    while (!status && rest.len > 0)
        status = classify_line(classifying, arena, next_line(&rest));
    return status;
}

/* Whether an object or a list begins here that goes on in the next line. */
static bool goes_on(struct arena *arena, struct str line)
{
    struct json_error fault;
    const struct json *root;

    line = str_trim(line, " \t\r\n");
    bool broken = line.len <= LINE_BYTES && json_parse(arena, line, &json_limits_list, &root, &fault) == E_SYNTAX;
    arena_reset(arena);
    return broken && (line.ptr[0] == '{' || line.ptr[0] == '[') && fault.offset >= line.len;
}

static bool is_object(struct arena *arena, struct str line)
{
    struct json_error fault;
    const struct json *root;
    bool found = json_parse(arena, line, &json_limits_list, &root, &fault) == 0 && json_is(root, JSON_OBJECT);
    arena_reset(arena);
    return found;
}

/* What began as a document of several lines is one, or lines of which the first was cut off. */
static int classify_gathered(struct classifying *classifying, struct arena *arena, struct str source)
{
    static const struct json_limits limits = { LIMIT_list_total, 4000000, LIMIT_json_depth };
    struct json_error fault;
    const struct json *root;
    struct str rest = source;
    size_t line, column;

    if (json_parse(arena, source, &limits, &root, &fault) == 0)
        return classify_root(classifying, arena, root);
    arena_reset(arena);
    (void)next_line(&rest);
    if (is_object(arena, str_trim(next_line(&rest), " \t\r\n")))
        return classify_lines(classifying, arena, source);
    struct str hint = json_fault_hint(source, &fault);
    json_position(source, fault.offset, &line, &column);
    return failure(classifying->invocation, "%s:%zu:%zu: %s%s%" STR_FMT, classifying->path, classifying->line + line,
                   column, json_fault_text(fault.fault), hint.len > 0 ? ": " : "", STR_ARG(hint));
}

static void skip_line(struct classifying *classifying, FILE *from)
{
    file_skip_line(from);
    classifying->line++;
    complain(classifying, LONGER);
}

static int classify_stream(struct classifying *classifying, FILE *from)
{
    struct buf gathered, bytes;
    struct arena arena;
    bool begun = false, gathers = false;
    int status = 0, found = FILE_LINE_END;

    arena_init(&arena, NULL, TREE_BYTES);
    buf_init(&gathered, LIMIT_list_total);
    buf_init(&bytes, LIMIT_list_total);
    while (!status && (found = file_next_line(from, &bytes)) > FILE_LINE_END) {
        struct str line = buf_str(&bytes);
        if (!begun && str_trim(line, " \t\r\n").len > 0) {
            begun = true;
            gathers = goes_on(&arena, line);
        }
        if (gathers && gathered.len + line.len > LIMIT_list_total) { /* no list is so long */
            gathers = false;
            status = classify_lines(classifying, &arena, buf_str(&gathered));
        }
        if (gathers)
            buf_append_str(&gathered, line);
        else if (!status && found == FILE_LINE_CUT)
            skip_line(classifying, from);
        else if (!status)
            status = classify_line(classifying, &arena, line);
    }
    if (!status && found < 0)
        status = failure(classifying->invocation, "cannot read %s: %s", classifying->path, error_text(found));
    if (!status && gathers)
        status = buf_ok(&gathered) ? classify_gathered(classifying, &arena, buf_str(&gathered))
                                   : failure(classifying->invocation, "%s", error_text(E_NOMEM));
    buf_release(&bytes);
    buf_release(&gathered);
    arena_release(&arena);
    return status;
}

static int run(const struct invocation *invocation)
{
    struct classifying classifying = { .invocation = invocation, .path = "(standard input)" };
    FILE *from = stdin;
    int status;

    if (invocation->argument_count > 0) {
        classifying.path = invocation->arguments[0];
        from = fopen(classifying.path, "re");
        if (!from)
            return failure(invocation, "cannot read %s: %s", classifying.path, strerror(errno));
    }
    status = classifier_new(&classifying.classifier);
    status = status ? failure(invocation, "%s", error_text(status)) : classify_stream(&classifying, from);
    classifier_free(classifying.classifier);
    if (from != stdin)
        (void)fclose(from);
    if (fflush(stdout) != 0 && !status)
        status = failure(invocation, "cannot write: %s", strerror(errno));
    return status ? status : classifying.bad ? EXIT_NO : EXIT_YES;
}

static const struct option options[] = { { NULL, 0, NULL, NULL, false } };

const struct command command_classify = {
    .summary = "Says what tools can do: read, write, destroy ...",
    .arguments = "[FILE]",
    .most = 1,
    .options = options,
    .help =
        "Reads FILE or standard input: JSON lines with a tool each, or what a server answered to tools/list. Writes "
        "one\n"
        "verdict a line. Of a tool whatever is there is used: server, tool (or name), title, description, "
        "inputSchema,\n"
        "outputSchema, annotations.\n\n"
        "A verdict has class, badge, severity with its reason, confidence in per cent, the evidence with the words\n"
        "that made it, signals of risk, and where the server's hints contradict its words. The same input gives the\n"
        "same verdict everywhere: there is no network in it, no model and no clock. A line is judged alone; of a "
        "whole\n"
        "list, as in warder scan, what the other tools are named can make a verdict surer.\n\n"
        "  echo '{\"tool\": \"cancel_job\", \"description\": \"Cancels it\"}' | warder classify\n"
        "  warder classify tools.json | jq -r '.class, .tool'\n",
    .run = run,
};
