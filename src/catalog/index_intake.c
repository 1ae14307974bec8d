/* Forms told apart, tools judged on their way in. */
#include "catalog/index_intake.h"

#include "base/failure.h"
#include "base/limits.h"
#include "catalog/facts.h"
#include "catalog/queue.h"
#include "catalog/registry.h"
#include "catalog/saved.h"
#include "classify/siblings.h"
#include "classify/verdict_json.h"
#include "io/file.h"
#include "io/file_line.h"
#include "json/json.h"
#include "json/writer.h"

#include <stdio.h>

#define LINE_BYTES ((size_t)LIMIT_list_page)
#define TREE_BYTES ((size_t)512 << 20)
#define NAME_BYTES 256 /* of a server or a tool: a longer one is malformed */
#define SERVERS_A_COMMIT 500
#define POINTER_BYTES 65536
#define LOOKED_MOST \
    ((size_t)4 << 30) /* bytes read to tell lines of faults: of a document full of them the first ones */

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

/* Where the intake is: the document or the line, and a pointer into it. */
struct intake_place {
    struct str source; /* of a document; empty: lines are counted */
    const struct json *root;
    size_t line;
    size_t indent; /* of the line */
    size_t looked; /* bytes of the source that were read to find lines */
    struct buf pointer;
};

/* Of what is missing, its parent's. */
static size_t line_of(struct intake_place *place, struct str pointer)
{
    size_t line, column;
    if (!place->root)
        return place->line;
    if (place->looked > LOOKED_MOST)
        return 0;
    while (pointer.len > 0 && !json_pointer(place->root, pointer))
        do
            pointer.len--;
        while (pointer.len > 0 && pointer.ptr[pointer.len] != '/');
    place->looked += place->source.len;
    json_locate(place->source, pointer, false, &line, &column);
    return line;
}

static void say_bad_at(struct intake *intake, struct str name, const char *why, size_t column)
{
    struct intake_place *place = intake->place;
    struct str pointer = buf_str(&place->pointer);
    struct intake_fault fault = {
        .at = intake->entries,
        .line = line_of(place, pointer),
        .column = column,
        .pointer = pointer,
        .name = name,
        .why = why,
    };
    intake->malformed++;
    intake->bad(intake->arg, &fault);
}

static void say_bad(struct intake *intake, struct str name, const char *why)
{
    say_bad_at(intake, name, why, 0);
}

/* "/…/7": `base` is the length of the pointer to the list. */
static void point_at(struct intake *intake, size_t base, size_t index)
{
    struct buf *pointer = &intake->place->pointer;
    pointer->len = base;
    buf_printf(pointer, "/%zu", index);
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

/* `siblings` NULL: it is judged alone. */
static int put_tool(struct intake *intake, int64_t server, const struct tool_facts *facts,
                    const struct siblings *siblings)
{
    struct verdict_on_tool verdict;
    struct buf definition, judgement;
    buf_init(&definition, LINE_BYTES * 2);
    buf_init(&judgement, 1 << 20);
    classify_tool(intake->classifier, facts, &verdict);
    if (siblings)
        siblings_speak(siblings, facts->name, &verdict);
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

static int take_tool(struct intake *intake, int64_t id, struct str server, const struct json *node, struct str name,
                     const struct siblings *siblings)
{
    const char *fault = json_is(node, JSON_OBJECT) ? name_fault(name) : "it is no object";
    struct tool_facts facts = tool_facts_of(server, name, node);
    if (!fault && facts.schema && !json_is(facts.schema, JSON_OBJECT))
        fault = "its inputSchema is no object";
    if (fault) {
        say_bad(intake, name, fault);
        return 0;
    }
    if (!json_is(facts.annotations, JSON_OBJECT))
        facts.annotations = NULL;
    return put_tool(intake, id, &facts, siblings);
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

/* ---- whole lists ---- */

/* A server's tools speak for one another, as they do in a scan: a list that is here again judges each anew. */
struct company {
    struct arena arena;
    struct siblings siblings;
};

static void company_init(struct company *company, const struct intake *intake, struct str server)
{
    arena_init(&company->arena, NULL, LIMIT_scan_file);
    siblings_init(&company->siblings, intake->classifier, server, &company->arena);
}

static void company_release(struct company *company)
{
    siblings_release(&company->siblings);
    arena_release(&company->arena);
}

static int take_tools(struct intake *intake, int64_t id, const struct json *tools)
{
    struct company company;
    struct json_iter iter;
    const struct json *node;
    struct str key;
    size_t base = intake->place->pointer.len;
    int error = 0;
    company_init(&company, intake, intake->server);
    json_iter_init(&iter, tools);
    while (!error && json_iter_next(&iter, &key, &node))
        error = siblings_add(&company.siblings, text_of(node, STR("name")));
    json_iter_init(&iter, tools);
    for (size_t i = 0; !error && json_iter_next(&iter, &key, &node); i++) {
        intake->entries++;
        point_at(intake, base, i);
        error = take_tool(intake, id, intake->server, node, text_of(node, STR("name")), &company.siblings);
    }
    company_release(&company);
    return error;
}

static int take_list(struct intake *intake, const struct json *tools, struct intake_refusal *refusal)
{
    int64_t id;
    if (name_fault(intake->server)) {
        refusal->why = "a list of tools does not say whose they are: --server NAME, or a file NAME.tools.json";
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
    if (!error)
        error = take_tools(intake, id, tools);
    return error ? error : server_done(intake, id, true);
}

/* ---- the registry's entries (server.json, schema 2025-12-11) ---- */

static int put_entry(struct intake *intake, const struct registry_entry *entry)
{
    int64_t id;
    struct catalog_server server = {
        .name = entry->name,
        .title = entry->title,
        .description = intake->texts ? entry->description : STR_EMPTY,
        .registry = entry->registry,
        .package = entry->package,
        .version = entry->package_version.len > 0 ? entry->package_version : entry->version,
        .url = entry->url,
        .scanned = intake->scanned,
    };
    int error = catalog_put_server(intake->catalog, &server, &id);
    if (!error)
        error = catalog_queue_put(intake->catalog, id, entry->start, entry->document,
                                  entry->unstarted ? str_from_c(entry->unstarted) : STR_EMPTY);
    return error ? error : server_done(intake, id, false);
}

static int take_entry(struct intake *intake, struct arena *arena, const struct json *row)
{
    struct registry_entry entry;
    struct registry_fault fault = { .why = NULL };
    size_t base = intake->place->pointer.len;
    if (intake->entries++ < intake->from)
        return 0;
    buf_init(&fault.pointer, POINTER_BYTES);
    int error = registry_read(row, arena, &entry, &fault);
    if (error == E_INVALID) {
        buf_append_str(&intake->place->pointer, buf_str(&fault.pointer));
        say_bad(intake, entry.name, fault.why);
        intake->place->pointer.len = base;
        error = 0;
    } else if (!error && entry.superseded) {
        intake->older++;
    } else if (!error) {
        error = put_entry(intake, &entry);
    }
    buf_release(&fault.pointer);
    return error;
}

static int take_registry(struct intake *intake, struct arena *arena, const struct json *servers)
{
    struct json_iter iter;
    const struct json *row;
    struct str key;
    int error = 0;
    json_iter_init(&iter, servers);
    for (size_t i = 0; !error && json_iter_next(&iter, &key, &row); i++) {
        buf_reset(&intake->place->pointer);
        buf_printf(&intake->place->pointer, "/servers/%zu", i);
        error = take_entry(intake, arena, row);
    }
    return error;
}

/* ---- documents ---- */

static int take_root(struct intake *intake, struct arena *arena, const struct json *root,
                     struct intake_refusal *refusal)
{
    const char *pointer;
    const struct json *servers = json_get(root, STR("servers")), *tools = saved_tools(root, &pointer);
    if (json_is(servers, JSON_ARRAY))
        return take_registry(intake, arena, servers);
    buf_append_str(&intake->place->pointer, str_from_c(tools ? pointer : ""));
    if (tools)
        return take_list(intake, tools, refusal);
    if (json_is(json_get(root, STR("server")), JSON_OBJECT) || json_get(root, STR("packages")) ||
        json_get(root, STR("remotes")) || (json_get(root, STR("name")) && json_get(root, STR("version"))))
        return take_entry(intake, arena, root);
    refusal->why = "it is neither a list of tools, nor lines of tools, nor the registry's servers, nor a server.json";
    return E_INVALID;
}

static void refuse(struct intake_refusal *refusal, struct str source, const struct json_error *fault)
{
    refusal->why = json_fault_text(fault->fault);
    refusal->fix = json_fault_hint(source, fault);
    json_position(source, fault->offset, &refusal->line, &refusal->column);
}

int intake_document(struct intake *intake, struct str source, struct intake_refusal *refusal)
{
    static const struct json_limits limits = { LIMIT_list_total, 4000000, LIMIT_json_depth };
    struct json_error fault;
    struct arena arena;
    struct intake_place place = { .source = source };
    arena_init(&arena, NULL, TREE_BYTES);
    buf_init(&place.pointer, POINTER_BYTES);
    intake->place = &place;
    int error = json_parse(&arena, source, &limits, &place.root, &fault);
    if (error)
        refuse(refusal, source, &fault);
    else
        error = catalog_begin(intake->catalog);
    if (!error) {
        error = take_root(intake, &arena, place.root, refusal);
        if (!error)
            error = commit(intake);
        else
            catalog_rollback(intake->catalog);
    }
    intake->place = NULL;
    buf_release(&place.pointer);
    arena_release(&arena);
    return error;
}

int intake_definitions(struct intake *intake, int64_t server, struct str name, const struct definitions *definitions)
{
    struct intake_place place = { .line = 0 };
    struct company company;
    struct json_error fault;
    struct arena arena;
    const struct json *root;
    int error = catalog_put_listed(intake->catalog, server, intake->scanned);
    company_init(&company, intake, name);
    for (size_t i = 0; !error && i < definitions->tool_count; i++)
        error = siblings_add(&company.siblings, definitions->tools[i].name);
    arena_init(&arena, NULL, TREE_BYTES);
    buf_init(&place.pointer, POINTER_BYTES);
    intake->place = &place;
    for (size_t i = 0; !error && i < definitions->tool_count; i++) {
        intake->entries++;
        error = json_parse(&arena, definitions->tools[i].definition, &json_limits_list, &root, &fault);
        if (!error)
            error = take_tool(intake, server, name, root, definitions->tools[i].name, &company.siblings);
        arena_reset(&arena);
    }
    intake->place = NULL;
    company_release(&company);
    buf_release(&place.pointer);
    arena_release(&arena);
    return error ? error : catalog_put_end(intake->catalog, server, true);
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

/* Facts bring their verdict, and who wrote them may lie: what a name shows by itself to be denied is not taken as less.
 */
static bool is_belittled(const struct intake *intake, const struct catalog_tool *tool)
{
    struct verdict_on_tool alone;
    struct tool_facts facts = { .name = tool->name };
    classify_tool(intake->classifier, &facts, &alone);
    return alone.class >= CLASS_DESTRUCTIVE && tool->class < CLASS_DESTRUCTIVE;
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
    if (!fault && is_belittled(intake, &tool))
        fault = "it is said to be less than its name shows";
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
    bool skipped =
        intake->entries < intake->from && !str_starts_with(line, STR("{\"facts\":")); /* whose tools follow is told */
    if (skipped) {
        intake->entries++;
        return 0;
    }
    int unread = line.len > LINE_BYTES ? E_LIMIT : json_parse(&lines->arena, line, &json_limits_list, &root, &fault);
    if (!unread && json_is(json_get(root, STR("server")), JSON_OBJECT)) {
        int error = lines_end_server(lines);
        return error ? error : take_entry(intake, &lines->arena, root);
    }
    intake->entries++;
    if (unread) {
        bool longer = line.len > LINE_BYTES;
        say_bad_at(intake, STR_EMPTY, longer ? "longer than 8 MiB" : json_fault_text(fault.fault),
                   longer ? 0 : intake->place->indent + fault.offset + 1);
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
    return error ? error : take_tool(intake, lines->id, server, root, text_of(root, key), NULL);
}

static int take_lines(struct intake *intake, FILE *from)
{
    struct lines lines = { .intake = intake };
    struct intake_place place = { .line = 0 };
    struct buf line;
    int found = FILE_LINE_END;
    buf_init(&line, LINE_BYTES + 2); /* what is cut is longer than what is taken */
    buf_init(&lines.name, NAME_BYTES);
    arena_init(&lines.arena, NULL, TREE_BYTES);
    buf_init(&place.pointer, POINTER_BYTES);
    intake->place = &place;
    int error = catalog_begin(intake->catalog);
    while (!error && (found = file_next_line(from, &line)) > FILE_LINE_END) {
        place.line++;
        struct str text = buf_str(&line);
        if (found == FILE_LINE_CUT)
            file_skip_line(from);
        else
            text = str_trim(text, " \t\r\n");
        place.indent = (size_t)(text.ptr - line.ptr);
        if (text.len > 0)
            error = take_line(&lines, text);
        arena_reset(&lines.arena);
    }
    if (!error)
        error = found < 0 ? found : lines_end_server(&lines);
    if (!error)
        error = commit(intake);
    else
        catalog_rollback(intake->catalog);
    buf_release(&line);
    intake->place = NULL;
    buf_release(&place.pointer);
    arena_release(&lines.arena);
    buf_release(&lines.name);
    return error;
}

/* The first line that is not blank is an object of its own that names a tool, or begins facts. */
static bool holds_lines(FILE *from)
{
    struct arena arena;
    struct json_error fault;
    const struct json *root;
    struct buf line;
    struct str text;
    int found;
    arena_init(&arena, NULL, TREE_BYTES);
    buf_init(&line, LINE_BYTES);
    do {
        found = file_next_line(from, &line);
        text = str_trim(buf_str(&line), " \t\r\n");
    } while (found == FILE_LINE_WHOLE && text.len == 0);
    bool lines =
        found == FILE_LINE_WHOLE && json_parse(&arena, text, &json_limits_list, &root, &fault) == 0 &&
        (facts_begin(root) || json_get(root, STR("tool")) || json_is(json_get(root, STR("server")), JSON_OBJECT) ||
         (json_get(root, STR("name")) && json_get(root, STR("server"))));
    arena_release(&arena);
    buf_release(&line);
    rewind(from);
    return lines;
}

int intake_file(struct intake *intake, const char *path, struct intake_refusal *refusal)
{
    struct buf source;
    FILE *from;
    int error = file_open_lines(path, &from);
    if (error)
        return error;
    bool lines = holds_lines(from);
    if (lines)
        error = take_lines(intake, from);
    (void)fclose(from);
    if (lines)
        return error;
    buf_init(&source, LIMIT_list_total);
    error = file_read_into(path, LIMIT_list_total, &source);
    if (!error)
        error = intake_document(intake, buf_str(&source), refusal);
    buf_release(&source);
    return error;
}
