/* Forms told apart, tools judged on their way in. */
#include "catalog/index_intake.h"

#include "base/failure.h"
#include "base/limits.h"
#include "catalog/facts.h"
#include "classify/verdict_json.h"
#include "io/file.h"
#include "json/json.h"
#include "json/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES ((size_t)LIMIT_list_page)
#define TREE_BYTES ((size_t)512 << 20)
#define NAME_BYTES 256 /* of a server or a tool: a longer one is malformed */
#define SERVERS_A_COMMIT 500

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

static void say_bad(struct intake *intake, struct str name, const char *why)
{
    intake->malformed++;
    intake->bad(intake->arg, intake->entries, name, why);
}

static const char *name_fault(struct str name)
{
    return name.len == 0 ? "it has no name" : name.len > NAME_BYTES ? "its name is longer than 256 bytes" : NULL;
}

/* ---- one tool ---- */

/* A schema without the texts of others: `description` and `title` of every depth are left out. */
static void write_without_texts(struct json_writer *writer, const struct json *node, bool properties)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    if (!json_is(node, JSON_OBJECT) && !json_is(node, JSON_ARRAY)) {
        json_write_node(writer, node);
        return;
    }
    bool object = json_is(node, JSON_OBJECT);
    if (object)
        json_write_object(writer);
    else
        json_write_array(writer);
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        if (object && !properties && (str_eq(key, STR("description")) || str_eq(key, STR("title"))))
            continue;
        if (object)
            json_write_key(writer, key);
        write_without_texts(writer, value, object && !properties && str_eq(key, STR("properties")));
    }
    if (object)
        json_write_object_end(writer);
    else
        json_write_array_end(writer);
}

static int write_definition(struct buf *out, const struct tool_facts *facts, bool texts)
{
    struct json_writer writer;
    char digest[FACTS_DIGEST_LEN + 1];
    if (!texts && facts->description.len > 0 && facts_digest(facts->description, digest))
        return E_NOMEM;
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("name"), facts->name);
    if (facts->title.len > 0)
        json_write_member_string(&writer, STR("title"), facts->title);
    if (texts && facts->description.len > 0)
        json_write_member_string(&writer, STR("description"), facts->description);
    else if (facts->description.len > 0)
        json_write_member_string(&writer, FACTS_DIGEST_KEY, str_from_c(digest));
    if (facts->schema && texts) {
        json_write_member_node(&writer, STR("inputSchema"), facts->schema);
    } else if (facts->schema) {
        json_write_key(&writer, STR("inputSchema"));
        write_without_texts(&writer, facts->schema, false);
    }
    if (facts->annotations)
        json_write_member_node(&writer, STR("annotations"), facts->annotations);
    json_write_object_end(&writer);
    return buf_ok(out) ? 0 : E_LIMIT;
}

static void write_judgement(struct buf *out, const struct verdict_on_tool *verdict)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_object(&writer);
    write_verdict(&writer, verdict);
    json_write_object_end(&writer);
}

static int put_tool(struct intake *intake, int64_t server, const struct tool_facts *facts)
{
    struct verdict_on_tool verdict;
    struct buf definition, judgement;
    buf_init(&definition, LINE_BYTES * 2);
    buf_init(&judgement, 1 << 20);
    classify_tool(intake->classifier, facts, &verdict);
    int error = write_definition(&definition, facts, intake->texts);
    write_judgement(&judgement, &verdict);
    if (!error && !buf_ok(&judgement))
        error = E_LIMIT;
    struct catalog_tool tool = {
        .name = facts->name,
        .class = verdict.class,
        .severity = verdict.severity,
        .confidence = verdict.confidence,
        .signals = verdict.signals,
        .definition = buf_str(&definition),
        .verdict = buf_str(&judgement),
    };
    if (!error)
        error = catalog_put_tool(intake->catalog, server, &tool, intake->texts ? facts->description : STR_EMPTY);
    if (!error)
        intake->tools++;
    buf_release(&definition);
    buf_release(&judgement);
    return error;
}

static int take_tool(struct intake *intake, int64_t id, struct str server, const struct json *node, struct str name)
{
    const char *fault = json_is(node, JSON_OBJECT) ? name_fault(name) : "it is no object";
    struct tool_facts facts = {
        .server = server,
        .name = name,
        .title = text_of(node, STR("title")),
        .description = text_of(node, STR("description")),
        .schema = json_get(node, STR("inputSchema")),
        .annotations = json_get(node, STR("annotations")),
    };
    if (!fault && facts.schema && !json_is(facts.schema, JSON_OBJECT))
        fault = "its inputSchema is no object";
    if (fault) {
        say_bad(intake, name, fault);
        return 0;
    }
    if (!json_is(facts.annotations, JSON_OBJECT))
        facts.annotations = NULL;
    return put_tool(intake, id, &facts);
}

/* ---- commits ---- */

static int commit(struct intake *intake)
{
    int error = catalog_commit(intake->catalog);
    if (!error && intake->progress)
        intake->progress(intake->arg, intake);
    return error;
}

static int server_done(struct intake *intake, int64_t id, bool whole)
{
    int error = catalog_put_end(intake->catalog, id, whole);
    intake->servers++;
    if (!error && intake->servers % SERVERS_A_COMMIT == 0) {
        error = commit(intake);
        if (!error)
            error = catalog_begin(intake->catalog);
    }
    return error;
}

/* ---- a saved list ---- */

static const struct json *find_tools(const struct json *root)
{
    if (json_is(root, JSON_ARRAY))
        return root;
    const struct json *result = json_get(root, STR("result"));
    const struct json *tools = json_get(result ? result : root, STR("tools"));
    return json_is(tools, JSON_ARRAY) ? tools : NULL;
}

static int take_list(struct intake *intake, const struct json *tools, const char **why)
{
    struct json_iter iter;
    const struct json *node;
    struct str key;
    int64_t id;
    if (name_fault(intake->server)) {
        *why = "a list of tools does not say whose they are: --server NAME";
        return E_INVALID;
    }
    struct catalog_server server = {
        .name = intake->server,
        .registry = intake->registry,
        .package = intake->package,
        .version = intake->version,
        .scanned = intake->scanned,
        .listed = true,
    };
    int error = catalog_put_server(intake->catalog, &server, &id);
    json_iter_init(&iter, tools);
    while (!error && json_iter_next(&iter, &key, &node)) {
        intake->entries++;
        error = take_tool(intake, id, intake->server, node, text_of(node, STR("name")));
    }
    return error ? error : server_done(intake, id, true);
}

/* ---- the registry's entries (server.json, schema 2025-12-11) ---- */

/* reverse.dns/name */
static bool is_registry_name(struct str name)
{
    size_t slash = str_find_byte(name, '/');
    if (name.len < 3 || name.len > 200 || slash == 0 || slash + 1 >= name.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        if (i != slash && !plain && !(c == '_' && i > slash))
            return false;
    }
    return true;
}

/* The first package that a registry of commands knows, or the first of all; then the first remote. */
static void take_place(const struct json *entry, struct catalog_server *out)
{
    const struct json *packages = json_get(entry, STR("packages")), *chosen = NULL, *package;
    const struct json *remotes = json_get(entry, STR("remotes"));
    struct json_iter iter;
    struct str key;
    json_iter_init(&iter, json_is(packages, JSON_ARRAY) ? packages : NULL);
    while (json_iter_next(&iter, &key, &package)) {
        struct str type = text_of(package, STR("registryType"));
        bool known = str_eq(type, STR("npm")) || str_eq(type, STR("pypi"));
        if (!chosen || (known && !str_eq(out->registry, STR("npm")) && !str_eq(out->registry, STR("pypi")))) {
            chosen = package;
            out->registry = type;
        }
    }
    out->package = text_of(chosen, STR("identifier"));
    if (text_of(chosen, STR("version")).len > 0)
        out->version = text_of(chosen, STR("version"));
    if (json_is(remotes, JSON_ARRAY))
        out->url = text_of(json_at(remotes, 0), STR("url"));
    if (!chosen && out->url.len > 0)
        out->registry = STR("remote");
}

static int take_entry(struct intake *intake, const struct json *entry)
{
    struct str name = text_of(entry, STR("name"));
    int64_t id;
    const char *fault = !json_is(entry, JSON_OBJECT)                  ? "it is no object"
                        : !is_registry_name(name)                     ? "its name is not of the form reverse.dns/name"
                        : text_of(entry, STR("description")).len == 0 ? "it has no description"
                        : text_of(entry, STR("version")).len == 0     ? "it has no version"
                                                                      : NULL;
    if (intake->entries++ < intake->from)
        return 0;
    if (fault) {
        say_bad(intake, name, fault);
        return 0;
    }
    struct catalog_server server = {
        .name = name,
        .title = text_of(entry, STR("title")),
        .description = text_of(entry, STR("description")),
        .version = text_of(entry, STR("version")),
        .scanned = intake->scanned,
    };
    if (!intake->texts)
        server.description = STR_EMPTY;
    take_place(entry, &server);
    int error = catalog_put_server(intake->catalog, &server, &id);
    return error ? error : server_done(intake, id, false);
}

static int take_registry(struct intake *intake, const struct json *servers)
{
    struct json_iter iter;
    const struct json *row;
    struct str key;
    int error = 0;
    json_iter_init(&iter, servers);
    while (!error && json_iter_next(&iter, &key, &row)) {
        const struct json *inner = json_get(row, STR("server"));
        error = take_entry(intake, inner ? inner : row);
    }
    return error;
}

/* ---- documents ---- */

static int take_root(struct intake *intake, const struct json *root, const char **why)
{
    const struct json *servers = json_get(root, STR("servers")), *tools = find_tools(root);
    if (json_is(servers, JSON_ARRAY))
        return take_registry(intake, servers);
    if (tools)
        return take_list(intake, tools, why);
    if (json_get(root, STR("name")) && json_get(root, STR("version")))
        return take_entry(intake, root);
    *why = "it is neither a list of tools, nor lines of tools, nor the registry's servers, nor a server.json";
    return E_INVALID;
}

int intake_document(struct intake *intake, struct str source, const char **why)
{
    static const struct json_limits limits = { LIMIT_list_total, 4000000, LIMIT_json_depth };
    struct json_error fault;
    struct arena arena;
    const struct json *root;
    arena_init(&arena, NULL, TREE_BYTES);
    int error = json_parse(&arena, source, &limits, &root, &fault);
    if (error)
        *why = json_fault_text(fault.fault);
    else
        error = catalog_begin(intake->catalog);
    if (!error) {
        error = take_root(intake, root, why);
        if (!error)
            error = commit(intake);
        else
            catalog_rollback(intake->catalog);
    }
    arena_release(&arena);
    return error;
}

/* ---- lines ---- */

struct lines {
    struct intake *intake;
    struct buf name; /* of the server whose lines these are */
    int64_t id;      /* 0: none yet */
    bool facts;      /* its lines are facts: it is that server's whole list */
    struct arena arena;
};

static int lines_end_server(struct lines *lines)
{
    int64_t id = lines->id;
    bool whole = lines->facts && lines->intake->from == 0;
    lines->id = 0;
    lines->facts = false;
    return id ? server_done(lines->intake, id, whole) : 0;
}

/* ---- lines of facts ---- */

static int facts_server(struct lines *lines, const struct json *line)
{
    struct catalog_server server;
    int error = lines_end_server(lines);
    const char *fault = facts_read_server(line, &server);
    if (error)
        return error;
    lines->facts = true;
    if (fault) {
        say_bad(lines->intake, text_of(line, STR("server")), fault);
        return 0;
    }
    return catalog_put_server(lines->intake->catalog, &server, &lines->id);
}

static int facts_tool(struct lines *lines, const struct json *line)
{
    struct intake *intake = lines->intake;
    struct buf definition, verdict;
    struct catalog_tool tool;
    buf_init(&definition, LINE_BYTES * 2);
    buf_init(&verdict, LINE_BYTES);
    struct str name = text_of(line, STR("tool"));
    const char *fault = !lines->id ? "its server was left out" : name_fault(name);
    if (!fault)
        fault = facts_read_tool(line, &definition, &verdict, &tool);
    int error = buf_ok(&definition) && buf_ok(&verdict) ? 0 : E_LIMIT;
    if (fault)
        say_bad(intake, name, fault);
    else if (!error)
        error = catalog_put_tool(intake->catalog, lines->id, &tool, STR_EMPTY);
    if (!fault && !error)
        intake->tools++;
    buf_release(&definition);
    buf_release(&verdict);
    return error;
}

/* ---- lines of tools ---- */

static int lines_server(struct lines *lines, struct str name, const struct json *node)
{
    struct intake *intake = lines->intake;
    if (lines->id && str_eq(buf_str(&lines->name), name))
        return 0;
    int error = lines_end_server(lines);
    if (error)
        return error;
    buf_reset(&lines->name);
    buf_append_str(&lines->name, name);
    struct catalog_server server = {
        .name = name,
        .registry = text_of(node, STR("registry")),
        .package = text_of(node, STR("package")),
        .version = text_of(node, STR("version")),
        .scanned = intake->scanned,
        .listed = true,
    };
    return buf_ok(&lines->name) ? catalog_put_server(intake->catalog, &server, &lines->id) : E_NOMEM;
}

static int take_line(struct lines *lines, struct str line)
{
    struct intake *intake = lines->intake;
    const struct json *root;
    struct json_error fault;
    if (intake->entries++ < intake->from && !str_starts_with(line, STR("{\"facts\":"))) /* whose tools follow is told */
        return 0;
    if (line.len > LINE_BYTES || json_parse(&lines->arena, line, &json_limits_list, &root, &fault)) {
        say_bad(intake, STR_EMPTY, line.len > LINE_BYTES ? "longer than 8 MiB" : json_fault_text(fault.fault));
        return 0;
    }
    if (facts_begin(root))
        return facts_server(lines, root);
    if (lines->facts)
        return facts_tool(lines, root);
    struct str server = text_of(root, STR("server"));
    if (server.len == 0)
        server = intake->server;
    if (name_fault(server)) {
        say_bad(intake, text_of(root, STR("tool")), "it names no server");
        return 0;
    }
    int error = lines_server(lines, server, root);
    struct str key = json_get(root, STR("tool")) ? STR("tool") : STR("name");
    return error ? error : take_tool(intake, lines->id, server, root, text_of(root, key));
}

static int take_lines(struct intake *intake, FILE *from)
{
    struct lines lines = { .intake = intake };
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    buf_init(&lines.name, NAME_BYTES);
    arena_init(&lines.arena, NULL, TREE_BYTES);
    int error = catalog_begin(intake->catalog);
    while (!error && (len = getline(&line, &capacity, from)) >= 0) {
        struct str text = str_trim(str_of(line, (size_t)len), " \t\r\n");
        if (text.len > 0)
            error = take_line(&lines, text);
        arena_reset(&lines.arena);
    }
    if (!error)
        error = ferror(from) ? E_IO : lines_end_server(&lines);
    if (!error)
        error = commit(intake);
    else
        catalog_rollback(intake->catalog);
    free(line);
    arena_release(&lines.arena);
    buf_release(&lines.name);
    return error;
}

/* The first line is an object of its own that names a tool, or begins facts. */
static bool holds_lines(FILE *from)
{
    struct arena arena;
    struct json_error fault;
    const struct json *root;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len = getline(&line, &capacity, from);
    arena_init(&arena, NULL, TREE_BYTES);
    bool lines =
        len > 0 && (size_t)len <= LINE_BYTES &&
        json_parse(&arena, str_trim(str_of(line, (size_t)len), " \t\r\n"), &json_limits_list, &root, &fault) == 0 &&
        (facts_begin(root) || json_get(root, STR("tool")) || (json_get(root, STR("name")) && json_get(root, STR("server"))));
    arena_release(&arena);
    free(line);
    rewind(from);
    return lines;
}

int intake_file(struct intake *intake, const char *path, const char **why)
{
    struct buf source;
    FILE *from = fopen(path, "re");
    if (!from)
        return error_of_errno(errno);
    if (holds_lines(from)) {
        int error = take_lines(intake, from);
        (void)fclose(from);
        return error;
    }
    (void)fclose(from);
    buf_init(&source, LIMIT_list_total);
    int error = file_read_into(path, LIMIT_list_total, &source);
    if (!error)
        error = intake_document(intake, buf_str(&source), why);
    buf_release(&source);
    return error;
}
