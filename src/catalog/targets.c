/* One small document a server, read as a configuration: a fault in one server is that server's alone. */
#include "catalog/targets.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/mask.h"
#include "catalog/saved.h"
#include "config/file.h"
#include "config/toml.h"
#include "json/json.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>

#define TARGETS_BYTES ((size_t)512 << 20)
#define SHOWN_BYTES 4096
#define TOKEN_LEAST 24 /* bytes of an argument that is taken for a token */

void targets_init(struct targets *targets, const struct environment *environment)
{
    *targets = (struct targets){ .environment = environment };
    arena_init(&targets->arena, NULL, TARGETS_BYTES);
    buf_init(&targets->problem, 1 << 16);
}

void targets_release(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        config_unref(targets->items[i].config);
        definitions_unref(targets->items[i].definitions);
    }
    free(targets->items);
    buf_release(&targets->problem);
    arena_release(&targets->arena);
}

/* ---- one more ---- */

static bool is_taken(const struct targets *targets, struct str name)
{
    for (size_t i = 0; i < targets->count; i++)
        if (str_eq(targets->items[i].name, name))
            return true;
    return false;
}

/* The same name from two files is two servers: name, name-2, name-3 … */
static struct str own_name(struct targets *targets, struct str name)
{
    struct str made = name;
    size_t room = SERVER_NAME_MAX - sizeof("-999");
    for (unsigned n = 2; made.ptr && is_taken(targets, made); n++)
        made = arena_printf(&targets->arena, "%" STR_FMT "-%u", STR_ARG(str_slice(name, 0, room)), n);
    return made;
}

static struct target *find_alike(struct targets *targets, const struct server *server)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct target *target = &targets->items[i];
        struct server other = *server;
        if (!target->config)
            continue;
        other.name = target->config->servers[0].server.name; /* each file calls it as it likes */
        if (server_starts_alike(&target->config->servers[0].server, &other))
            return target;
    }
    return NULL;
}

static int add(struct targets *targets, const struct target *target)
{
    if (targets->count == LIMIT_scan_servers) {
        buf_printf(&targets->problem, "more than %d servers", LIMIT_scan_servers);
        return E_LIMIT;
    }
    if (targets->count == targets->capacity) {
        size_t capacity = targets->capacity ? 2 * targets->capacity : 8;
        struct target *items = realloc(targets->items, capacity * sizeof(*items));
        if (!items)
            return E_NOMEM;
        targets->items = items;
        targets->capacity = capacity;
    }
    struct target *made = &targets->items[targets->count];
    *made = *target;
    made->name = own_name(targets, target->name);
    if (!made->name.ptr)
        return E_NOMEM;
    targets->count++;
    return 0;
}

/* ---- what is shown of one ---- */

/* A long run of letters and digits is a token, not a name. */
static bool looks_random(struct str word)
{
    bool digit = false, letter = false;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        digit |= c >= '0' && c <= '9';
        letter |= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == '/' || c == '.' || c == '@' || c == ' ' || c == ':' || c == '$')
            return false;
    }
    return word.len >= TOKEN_LEAST && digit && letter;
}

static void show_word(struct buf *out, struct str word, bool hidden)
{
    size_t equals = str_find_byte(word, '='), colon = str_find_byte(word, ':');
    size_t end = equals < colon ? equals : colon;
    if (out->len)
        buf_append_byte(out, ' ');
    if (hidden || looks_random(word)) {
        buf_append_str(out, STR("***"));
    } else if (equals < word.len && mask_names_secret(str_slice(word, 0, equals))) {
        buf_append_str(out, str_slice(word, 0, equals + 1));
        buf_append_str(out, STR("***"));
    } else if (end < word.len && mask_names_secret(str_slice(word, 0, end))) {
        buf_append_str(out, str_slice(word, 0, end + 1));
        buf_append_str(out, STR("***"));
    } else {
        buf_append_str(out, word);
    }
}

/* Without user information and query, either of which may be a secret. */
static struct str show_url(struct arena *arena, struct str url)
{
    url = str_slice(url, 0, str_find_byte(url, '?'));
    size_t host = str_find(url, STR("://"));
    if (host == url.len)
        return url;
    host += 3;
    struct str rest = str_slice(url, host, url.len), authority = str_slice(rest, 0, str_find_byte(rest, '/'));
    size_t at = str_find_byte(authority, '@');
    if (at == authority.len)
        return url;
    struct str shown = arena_printf(arena, "%" STR_FMT "***%" STR_FMT, STR_ARG(str_slice(url, 0, host)),
                                    STR_ARG(str_slice(rest, at, rest.len)));
    return shown.ptr ? shown : STR_EMPTY;
}

/* `words` as they are written: a ${NAME} stays one. */
static struct str show_command(struct arena *arena, struct str program, const struct json *args)
{
    struct buf out;
    struct json_iter iter;
    const struct json *arg;
    struct str key;
    bool secret = false;
    buf_init(&out, SHOWN_BYTES);
    show_word(&out, program, false);
    json_iter_init(&iter, args);
    while (json_iter_next(&iter, &key, &arg)) {
        struct str word = json_is(arg, JSON_STRING) ? json_string(arg) : STR_EMPTY;
        show_word(&out, word, secret);
        secret = str_starts_with(word, STR("-")) && str_find_byte(word, '=') == word.len && mask_names_secret(word);
    }
    struct str shown = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return shown.ptr ? shown : STR_EMPTY;
}

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

/* The members that clients call their servers' addresses by. */
static struct str url_of(const struct json *entry)
{
    static const struct str names[] = { { "httpUrl", 7 }, { "serverUrl", 9 }, { "url", 3 } };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str url = text_of(entry, names[i]);
        if (url.len > 0)
            return url;
    }
    return STR_EMPTY;
}

static struct str show(struct arena *arena, const struct json *entry)
{
    struct str url = url_of(entry);
    if (url.len > 0)
        return show_url(arena, url);
    return show_command(arena, text_of(entry, STR("command")), json_get(entry, STR("args")));
}

/* ---- the document of one ---- */

static bool is_url_member(struct str key)
{
    return str_eq(key, STR("url")) || str_eq(key, STR("httpUrl")) || str_eq(key, STR("serverUrl"));
}

static void write_inherited(struct json_writer *writer, const struct json *given, const char *const *more)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    json_write_key(writer, STR("inherit"));
    json_write_array(writer);
    json_iter_init(&iter, given);
    while (json_iter_next(&iter, &key, &value))
        json_write_node(writer, value);
    for (; *more; more++)
        json_write_string(writer, str_from_c(*more));
    json_write_array_end(writer);
}

/* "servers" says whose it is: a client's other members are let be. */
static void write_document(struct json_writer *writer, struct str name, const struct json *entry, bool is_clients,
                           const char *const *inherit)
{
    struct str url = is_clients ? url_of(entry) : STR_EMPTY, key;
    struct json_iter iter;
    const struct json *value, *given = json_get(entry, STR("inherit"));
    bool inherits = inherit && *inherit && json_get(entry, STR("command")) && (!given || json_is(given, JSON_ARRAY));
    json_write_object(writer);
    json_write_key(writer, is_clients ? STR("servers") : STR("mcpServers"));
    json_write_object(writer);
    json_write_key(writer, name);
    json_write_object(writer);
    if (url.len > 0)
        json_write_member_string(writer, STR("url"), url);
    json_iter_init(&iter, entry);
    while (json_iter_next(&iter, &key, &value)) {
        bool spoken = (url.len > 0 && is_url_member(key)) || (inherits && str_eq(key, STR("inherit")));
        if (!spoken && !str_eq(key, STR("policy"))) /* a scan calls nothing */
            json_write_member_node(writer, key, value);
    }
    if (inherits)
        write_inherited(writer, given, inherit);
    json_write_object_end(writer);
    json_write_object_end(writer);
    json_write_object_end(writer);
}

/* "/servers/NAME/env/TOKEN" -> "env/TOKEN". */
static struct str setting_of(struct str pointer)
{
    for (int i = 0; i < 2; i++)
        pointer = str_slice(pointer, 1 + str_find_byte(str_slice(pointer, 1, pointer.len), '/'), pointer.len);
    return str_slice(pointer, 1, pointer.len);
}

static struct str first_error(struct targets *targets, const struct report *report, int error)
{
    char shown[512], setting[128];
    for (size_t i = 0; i < report->count; i++) {
        const struct problem *problem = &report->items[i].problem;
        if (problem->warning)
            continue;
        text_escape(problem->text, shown, sizeof(shown));
        text_escape(setting_of(problem->pointer), setting, sizeof(setting));
        bool named = !setting[0] || strstr(shown, setting) != NULL;
        return arena_printf(&targets->arena, "%s%s%s%s%" STR_FMT, named ? "" : setting, named ? "" : ": ", shown,
                            problem->fix.len > 0 ? "; " : "", STR_ARG(problem->fix));
    }
    return str_from_c(error_text(error));
}

static bool is_disabled(const struct json *entry)
{
    const struct json *disabled = json_get(entry, STR("disabled")), *enabled = json_get(entry, STR("enabled"));
    return (json_is(disabled, JSON_BOOL) && json_bool(disabled)) ||
           (json_is(enabled, JSON_BOOL) && !json_bool(enabled));
}

static struct str plain_name(struct targets *targets, struct str written)
{
    char made[SERVER_NAME_MAX];
    size_t len = 0;
    for (size_t i = 0; i < written.len && len < sizeof(made); i++) {
        char c = written.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && len > 0)) /* no file's name is an option */
            made[len++] = c;
        else if (len > 0 && made[len - 1] != '-')
            made[len++] = '-';
    }
    while (len > 0 && made[len - 1] == '-')
        len--;
    return len > 0 ? arena_str(&targets->arena, str_of(made, len)) : STR("server");
}

/* `source`: the file, or empty; relative paths of the entry are found from `path`. */
static int add_entry(struct targets *targets, struct str path, struct str source, struct str name,
                     const struct json *entry, bool is_clients)
{
    struct arena *arena = &targets->arena;
    struct target target = { .name = plain_name(targets, name), .source = source, .shown = show(arena, entry) };
    struct report report;
    struct buf text;
    struct json_writer writer;
    if (is_disabled(entry)) {
        target.disabled = true;
        target.why = STR("disabled in its file");
        return target.name.ptr ? add(targets, &target) : E_NOMEM;
    }
    buf_init(&text, 2 * (size_t)LIMIT_policy_body);
    json_write_init(&writer, &text);
    write_document(&writer, target.name.ptr ? target.name : STR_EMPTY, entry, is_clients,
                   source.len > 0 ? targets->inherit : NULL);
    struct str document = arena_str(arena, buf_str(&text));
    int error = buf_ok(&text) && target.name.ptr && document.ptr ? 0 : E_NOMEM;
    buf_release(&text);
    if (error)
        return error;
    report_init(&report);
    error = config_load_source(path, &document, targets->environment, &report, &target.config);
    if (error)
        target.why = first_error(targets, &report, error);
    report_release(&report);
    const struct server *server = target.config ? &target.config->servers[0].server : NULL;
    target.place = source.len > 0 ? file_absolute(arena, STR("."), source) : STR_EMPTY;
    if (source.len == 0 && server && server->transport == TRANSPORT_STDIO)
        target.place = server->argv[0];
    struct target *alike = server ? find_alike(targets, server) : NULL;
    if (alike) {
        targets->alike++;
        alike->source = arena_printf(arena, "%" STR_FMT ", %" STR_FMT, STR_ARG(alike->source), STR_ARG(source));
        config_unref(target.config);
        return alike->source.ptr ? 0 : E_NOMEM;
    }
    error = target.place.ptr ? add(targets, &target) : E_NOMEM;
    if (error)
        config_unref(target.config);
    return error;
}

/* ---- the command line ---- */

/* "${" is no reference here: the shell had its say. */
static void write_literal(struct json_writer *writer, struct arena *arena, struct str word)
{
    struct buf out;
    buf_init(&out, 2 * (size_t)LIMIT_child_words);
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '$' && i + 1 < word.len && word.ptr[i + 1] == '{')
            buf_append_byte(&out, '$');
        buf_append_byte(&out, word.ptr[i]);
    }
    struct str made = arena_str(arena, buf_str(&out));
    json_write_string(writer, made.ptr ? made : STR_EMPTY);
    buf_release(&out);
}

static bool is_launcher(struct str program)
{
    static const struct str launchers[] = { { "npx", 3 },    { "uvx", 3 },     { "bunx", 4 }, { "node", 4 },
                                            { "python", 6 }, { "python3", 7 }, { "pnpm", 4 }, { "deno", 4 },
                                            { "bun", 3 },    { "docker", 6 },  { "env", 3 } };
    for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++)
        if (str_eq(program, launchers[i]))
            return true;
    return false;
}

static struct str without_ending(struct str name)
{
    static const struct str endings[] = { { ".mjs", 4 }, { ".cjs", 4 },         { ".js", 3 },  { ".py", 3 },
                                          { ".ts", 3 },  { ".tools.json", 11 }, { ".json", 5 } };
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (str_ends_with(name, endings[i]))
            return str_slice(name, 0, name.len - endings[i].len);
    return name;
}

/* "npx -y @vendor/mcp@1.2" is vendor-mcp; a program's own name else. */
static struct str name_of_command(const char *const *words, size_t count)
{
    struct str program = file_base_name(str_from_c(words[0]));
    for (size_t i = 1; is_launcher(program) && i < count; i++) {
        struct str word = str_from_c(words[i]);
        if (word.len == 0 || word.ptr[0] == '-' || str_find_byte(word, '=') < word.len)
            continue;
        if (word.ptr[0] == '@')
            return str_slice(word, 1, 1 + str_find_byte(str_slice(word, 1, word.len), '@'));
        word = file_base_name(word);
        return without_ending(str_slice(word, 0, str_find_byte(word, '@')));
    }
    return without_ending(program);
}

static void write_list(struct json_writer *writer, struct str key, const char *const *list)
{
    json_write_key(writer, key);
    json_write_array(writer);
    for (; list && *list; list++)
        json_write_string(writer, str_from_c(*list));
    json_write_array_end(writer);
}

static int add_written(struct targets *targets, struct str name, struct buf *text)
{
    struct json_error fault = { .fault = JSON_FAULT_NONE };
    const struct json *entry;
    struct str cwd = file_absolute(&targets->arena, STR("."), STR("servers"));
    int error = buf_ok(text) && cwd.ptr ? 0 : E_NOMEM;
    if (!error)
        error = json_parse(&targets->arena, buf_str(text), &json_limits_list, &entry, &fault);
    if (error)
        buf_printf(&targets->problem, "the words cannot be a server's: %s",
                   error == E_NOMEM ? error_text(error) : json_fault_text(fault.fault));
    return error ? error : add_entry(targets, cwd, STR_EMPTY, name, entry, true);
}

static void write_variables(struct json_writer *writer, struct arena *arena, const struct target_extras *extras)
{
    for (size_t i = 0; i < extras->variable_count; i++) {
        json_write_key(writer, extras->variables[i].name);
        write_literal(writer, arena, extras->variables[i].value);
    }
}

int targets_add_command(struct targets *targets, const char *const *words, size_t count,
                        const struct target_extras *extras)
{
    struct json_writer writer;
    struct buf text;
    buf_init(&text, 8 * (size_t)LIMIT_child_words);
    json_write_init(&writer, &text);
    json_write_object(&writer);
    json_write_key(&writer, STR("command"));
    write_literal(&writer, &targets->arena, str_from_c(words[0]));
    json_write_key(&writer, STR("args"));
    json_write_array(&writer);
    for (size_t i = 1; i < count; i++)
        write_literal(&writer, &targets->arena, str_from_c(words[i]));
    json_write_array_end(&writer);
    write_list(&writer, STR("inherit"), extras->inherit);
    if (extras->variable_count > 0) {
        json_write_key(&writer, STR("env"));
        json_write_object(&writer);
        write_variables(&writer, &targets->arena, extras);
        json_write_object_end(&writer);
    }
    if (extras->cwd.len > 0) {
        json_write_key(&writer, STR("cwd"));
        write_literal(&writer, &targets->arena, extras->cwd);
    }
    json_write_object_end(&writer);
    int error = add_written(targets, extras->name.len > 0 ? extras->name : name_of_command(words, count), &text);
    buf_release(&text);
    return error;
}

bool is_target_url(struct str word)
{
    return str_starts_with(word, STR("https://")) || str_starts_with(word, STR("http://"));
}

static struct str host_of(struct str url)
{
    struct str rest = str_slice(url, str_find(url, STR("://")) + 3, url.len);
    return str_slice(rest, 0, str_find_byte(str_slice(rest, 0, str_find_byte(rest, '?')), '/'));
}

int targets_add_url(struct targets *targets, struct str url, const struct target_extras *extras)
{
    struct json_writer writer;
    struct buf text;
    buf_init(&text, 8 * (size_t)LIMIT_child_words);
    json_write_init(&writer, &text);
    json_write_object(&writer);
    json_write_key(&writer, STR("url"));
    write_literal(&writer, &targets->arena, url);
    if (extras->insecure)
        json_write_member_bool(&writer, STR("insecure"), true);
    json_write_key(&writer, STR("headers"));
    json_write_object(&writer);
    for (const char *const *header = extras->headers; header && *header; header++) {
        struct str line = str_from_c(*header);
        size_t colon = str_find_byte(line, ':');
        json_write_member_string(&writer, str_slice(line, 0, colon),
                                 str_trim(str_slice(line, colon + 1, line.len), " \t"));
    }
    write_variables(&writer, &targets->arena, extras);
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    int error = add_written(targets, extras->name.len > 0 ? extras->name : host_of(url), &text);
    buf_release(&text);
    return error;
}

/* ---- files ---- */

static int add_servers(struct targets *targets, struct str path, const struct json *servers, bool is_clients)
{
    struct json_iter iter;
    const struct json *entry;
    struct str name;
    int error = 0;
    json_iter_init(&iter, servers);
    while (!error && json_iter_next(&iter, &name, &entry)) {
        if (json_is(entry, JSON_OBJECT)) {
            error = add_entry(targets, path, path, name, entry, is_clients);
        } else {
            struct target target = { .name = plain_name(targets, name), .source = path, .why = STR("is no object") };
            error = target.name.ptr ? add(targets, &target) : E_NOMEM;
        }
    }
    return error;
}

static int add_definitions(struct targets *targets, struct str path, struct definitions *definitions)
{
    struct target target = { .name = plain_name(targets, without_ending(file_base_name(path))),
                             .source = path,
                             .place = file_absolute(&targets->arena, STR("."), path),
                             .shown = STR("a saved list"),
                             .definitions = definitions };
    int error = target.name.ptr && target.place.ptr ? add(targets, &target) : E_NOMEM;
    if (error)
        definitions_unref(definitions);
    return error;
}

static const struct json *object_of(const struct json *root, struct str key)
{
    const struct json *value = json_get(root, key);
    return json_is(value, JSON_OBJECT) ? value : NULL;
}

/* What a client's file says for all directories, and for this one. */
static int add_document(struct targets *targets, struct str path, const struct json *root, struct str cwd)
{
    const struct json *servers = object_of(root, STR("mcpServers"));
    const struct json *here = object_of(object_of(object_of(root, STR("projects")), cwd), STR("mcpServers"));
    bool is_clients = config_is_clients(path, root);
    if (!servers)
        servers = object_of(root, STR("servers"));
    int error = servers ? add_servers(targets, path, servers, is_clients) : 0;
    if (!error && here)
        error = add_servers(targets, path, here, is_clients);
    return error;
}

static bool names_servers(const struct json *root)
{
    return object_of(root, STR("mcpServers")) || object_of(root, STR("servers")) || object_of(root, STR("projects"));
}

static int read_json(struct targets *targets, struct str path, struct str source, struct str cwd)
{
    struct definitions *definitions;
    struct json_error fault;
    const struct json *root;
    size_t line, column;
    int error = json_parse(&targets->arena, source, &json_limits_list, &root, &fault);
    if (error == E_SYNTAX) { /* VS Code and others take comments; where it is broken, the first fault is said */
        struct json_error other;
        struct str plain = json_uncommented(&targets->arena, source);
        if (plain.ptr && json_parse(&targets->arena, plain, &json_limits_list, &root, &other) == 0)
            error = 0;
    }
    if (error) {
        struct str hint = json_fault_hint(source, &fault);
        json_position(source, fault.offset, &line, &column);
        buf_printf(&targets->problem, "%" STR_FMT ":%zu:%zu: %s%s%" STR_FMT, STR_ARG(path), line, column,
                   json_fault_text(fault.fault), hint.len ? ": " : "", STR_ARG(hint));
        return error;
    }
    if (names_servers(root))
        return add_document(targets, path, root, cwd);
    error = saved_definitions(root, &definitions);
    if (error == E_INVALID && saved_tools(root, NULL))
        buf_printf(&targets->problem, "%" STR_FMT ": a tool of its list has no name", STR_ARG(path));
    else if (error == E_INVALID)
        buf_printf(&targets->problem,
                   "%" STR_FMT " names no servers (\"mcpServers\": {…}) and is no list of tools (\"tools\": […])",
                   STR_ARG(path));
    return error ? error : add_definitions(targets, path, definitions);
}

static int read_codex(struct targets *targets, struct str path, struct str source)
{
    struct toml_fault fault;
    struct buf text;
    struct json_error unread;
    const struct json *servers;
    buf_init(&text, 8 * (size_t)LIMIT_policy_body);
    int error = toml_servers(source, &text, &fault);
    if (error) {
        buf_printf(&targets->problem, "%" STR_FMT ":%zu: %s", STR_ARG(path), fault.line, fault.text);
    } else {
        error = json_parse(&targets->arena, buf_str(&text), &json_limits_list, &servers, &unread);
        if (error)
            buf_printf(&targets->problem, "%" STR_FMT ": mcp_servers: %s%s%" STR_FMT, STR_ARG(path),
                       json_fault_text(unread.fault), unread.key.len > 0 ? ": " : "", STR_ARG(unread.key));
        else
            error = add_servers(targets, path, servers, true);
    }
    buf_release(&text);
    return error;
}

int targets_add_file(struct targets *targets, struct str path, struct str cwd)
{
    struct str source, kept = arena_str(&targets->arena, path);
    int error = kept.ptr ? file_read(&targets->arena, kept, LIMIT_list_total, &source) : E_NOMEM;
    if (error)
        buf_printf(&targets->problem, "cannot read %" STR_FMT ": %s", STR_ARG(path), file_error_text(error));
    else if (str_ends_with(kept, STR(".toml")))
        error = read_codex(targets, kept, source);
    else
        error = read_json(targets, kept, source, cwd);
    if (error && targets->problem.len == 0)
        buf_printf(&targets->problem, "%" STR_FMT ": %s", STR_ARG(path), error_text(error));
    return error;
}
