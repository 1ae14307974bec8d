/* warder classify: what tools can do, told from their definitions; JSON lines in, JSON lines out. */
#include "base/limits.h"
#include "classify/classify.h"
#include "classify/verdict_json.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES ((size_t)8 << 20)

struct classifying {
    const struct invocation *invocation;
    struct classifier *classifier;
    const char *path;
    unsigned long line, bad;
};

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

static void complain(struct classifying *classifying, const char *text)
{
    classifying->bad++;
    fprintf(stderr, "%s:%lu: %s; expected {\"server\", \"tool\", \"description\", \"inputSchema\", \"annotations\"}\n",
            classifying->path, classifying->line, text);
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

static int classify_line(struct classifying *classifying, struct arena *arena, struct str line)
{
    struct json_error fault;
    struct verdict_on_tool verdict;
    const struct json *root;

    if (json_parse(arena, line, &json_limits_list, &root, &fault)) {
        complain(classifying, json_fault_text(fault.fault));
        return 0;
    }
    struct tool_facts facts = {
        .server = text_of(root, STR("server")),
        .name = text_of(root, json_get(root, STR("tool")) ? STR("tool") : STR("name")),
        .title = text_of(root, STR("title")),
        .description = text_of(root, STR("description")),
        .schema = json_get(root, STR("inputSchema")),
        .annotations = json_get(root, STR("annotations")),
    };
    if (facts.name.len == 0) {
        complain(classifying, "no tool is named");
        return 0;
    }
    classify_tool(classifying->classifier, &facts, &verdict);
    return write_line(&facts, &verdict) ? 0 : failure(classifying->invocation, "cannot write: %s", strerror(errno));
}

static int classify_stream(struct classifying *classifying, FILE *from)
{
    struct arena arena;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int status = 0;

    arena_init(&arena, NULL, LINE_BYTES * 8);
    while (!status && (len = getline(&line, &capacity, from)) >= 0) {
        struct str text = str_trim(str_of(line, (size_t)len), " \t\r\n");
        classifying->line++;
        if (text.len == 0)
            continue;
        if (text.len > LINE_BYTES)
            complain(classifying, "longer than 8 MiB");
        else
            status = classify_line(classifying, &arena, text);
        arena_reset(&arena);
    }
    free(line);
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
        "Reads JSON lines from FILE or standard input, one tool a line, and writes one verdict a line. Whatever is\n"
        "there is used: server, tool (or name), title, description, inputSchema, annotations.\n\n"
        "A verdict has class, badge, severity with its reason, confidence in per cent, the evidence with the words\n"
        "that made it, signals of risk, and where the server's hints contradict its words. The same input gives the\n"
        "same verdict everywhere: there is no network in it, no model and no clock. Each line is judged alone;\n"
        "warder scan, which has a server's whole list, also counts what its other tools are named.\n\n"
        "  echo '{\"tool\": \"cancel_job\", \"description\": \"Cancels it\"}' | warder classify\n"
        "  jq -c '.result.tools[]' tools.json | warder classify | jq -r '.class, .tool'\n",
    .run = run,
};
