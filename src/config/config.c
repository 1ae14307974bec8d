/* The document: its settings, its servers, and whose file it is. */
#include "config/config.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/nearest.h"
#include "config/file.h"
#include "config/reader.h"
#include "io/tls.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES ((size_t)256 << 20) /* a ceiling over all that a configuration and its policies hold */
#define POINTER_MAX 4096
#define SOCKET_PATH_MAX 108 /* of a sockaddr_un, with its end */

bool config_is_clients(struct str path, const struct json *root)
{
    static const char *const names[] = { ".mcp.json",
                                         "mcp.json",
                                         ".claude.json",
                                         "claude_desktop_config.json",
                                         "mcp_config.json",
                                         "mcp_settings.json",
                                         "cline_mcp_settings.json",
                                         "settings.json" };
    struct str name = file_base_name(path);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq(name, str_from_c(names[i])))
            return true;
    }
    return json_get(root, STR("servers")) && !json_get(root, STR("mcpServers"));
}

/* "mcpServer": a configuration with a slip in it is told what is wrong with a configuration. "servers" is no slip. */
static bool names_servers_nearly(const struct json *root)
{
    const struct str word = STR("mcpServers");
    struct json_iter iter;
    const struct json *value;
    struct str key;
    json_iter_init(&iter, root);
    while (json_iter_next(&iter, &key, &value)) {
        if (!str_eq(key, STR("servers")) && nearest_word(key, &word, 1).len > 0)
            return true;
    }
    return false;
}

bool config_is_one(const struct json *root)
{
    if (!json_is(root, JSON_OBJECT) || json_get(root, STR("default")))
        return false;
    return names_servers_nearly(root) ||
           (json_is(json_get(root, STR("servers")), JSON_OBJECT) && !json_get(root, STR("version")));
}

static bool is_server_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_server_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_server_byte(name.ptr[i]))
            return false;
    }
    return name.len > 0 && name.len <= SERVER_NAME_MAX;
}

/* The nearest name that is one: "My Server" is my-server. */
static struct str made_name(struct reader *reader, struct str name)
{
    char made[SERVER_NAME_MAX];
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < sizeof(made); i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (is_server_byte(c))
            made[len++] = c;
        else if (len > 0 && made[len - 1] != '-')
            made[len++] = '-';
    }
    while (len > 0 && made[len - 1] == '-')
        len--;
    return len ? reader_text(reader, "%" STR_FMT, (int)len, made) : STR_EMPTY;
}

static bool name_server(struct reader *reader, struct str written, struct str *out)
{
    *out = written;
    if (is_server_name(written))
        return true;
    struct str made = made_name(reader, written);
    if (reader->client_file && made.len > 0) {
        *out = made;
        reader_warning(reader, AT_NAME, STR_EMPTY, "is called %" STR_FMT " here", STR_ARG(made));
        return true;
    }
    reader_problem(reader, AT_NAME, reader_guess(reader, made),
                   "\"%" STR_FMT "\" is no name of a server: a-z, 0-9 and -, at most %d bytes", STR_ARG(written),
                   SERVER_NAME_MAX);
    return false;
}

/* A server that cannot be named is read all the same: all its errors at once. */
static void read_server(struct reader *reader, struct config *config, struct map *names, struct str written,
                        const struct json *entry)
{
    struct config_server *server = &config->servers[config->server_count];
    size_t errors = reader->report->errors;
    struct str name;
    bool named = name_server(reader, written, &name);
    if (named && map_get(names, name)) {
        reader_problem(reader, AT_NAME, STR_EMPTY, "another server is called %" STR_FMT " already", STR_ARG(name));
        named = false;
    }
    if (!server_read(reader, name, entry, server) || !named) {
        policy_unref(server->policy);
        return;
    }
    config->server_count++;
    if (map_set(names, name, server) != 0)
        reader->no_memory = true;
    if (errors == reader->report->errors && server->policy_path.len == 0 && !server->recommended)
        reader_warning(reader, AT_NAME, STR("write \"policy\": \"recommended\", or a file's name"),
                       "no policy: every call is denied");
}

static void read_servers(struct reader *reader, struct config *config, struct str word, const struct json *servers)
{
    struct json_iter iter;
    const struct json *entry;
    struct str written;
    struct map names;
    size_t count = servers ? json_count(servers) : 0;

    config->servers = arena_alloc(reader->arena, (count ? count : 1) * sizeof(*config->servers));
    if (!config->servers) {
        reader->no_memory = true;
        return;
    }
    size_t mark = servers ? reader_enter(reader, word) : reader->pointer.len;
    if (count == 0)
        reader_problem(reader, AT_VALUE,
                       STR("write \"mcpServers\": {\"NAME\": {\"command\": \"...\", \"policy\": \"...\"}}"),
                       "no server is configured");
    map_init(&names);
    json_iter_init(&iter, servers);
    while (json_iter_next(&iter, &written, &entry)) {
        size_t inner = reader_enter(reader, written);
        if (!json_is(entry, JSON_OBJECT)) {
            reader_problem(reader, AT_VALUE, STR_EMPTY, "must be an object, this is %s",
                           json_kind_name(json_kind(entry)));
        } else {
            read_server(reader, config, &names, written, entry);
        }
        reader_leave(reader, inner);
    }
    map_release(&names);
    reader_leave(reader, mark);
}

static bool are_host_bytes(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !strchr(".-_:[]", c))
            return false;
    }
    return text.len > 0;
}

/* Exact names alone: one pattern here would let every page of the web in. */
static void check_host(struct reader *reader, struct str host)
{
    if (!are_host_bytes(host))
        reader_problem(reader, AT_VALUE, STR("write each name out: \"gateway.example\", \"gateway.example:443\""),
                       "not a name that clients may call the gateway by; patterns are not taken");
}

static void check_origin(struct reader *reader, struct str origin)
{
    static const struct str schemes[] = { { "http://", 7 }, { "https://", 8 } };
    const struct str fix = STR("write each origin out: \"https://app.example\"");
    if (str_eq(origin, STR("null"))) {
        reader_problem(reader, AT_VALUE, fix, "\"null\" is the origin of any file and any sandboxed page");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts_with(origin, schemes[i]) && are_host_bytes(str_slice(origin, schemes[i].len, origin.len)))
            return;
    reader_problem(reader, AT_VALUE, fix, "not a web origin; patterns and paths are not taken");
}

static void read_list(struct reader *reader, const struct settings *settings, enum setting setting,
                      void (*check)(struct reader *reader, struct str text), struct str **out, size_t *count)
{
    const struct json *list = settings->of[setting];
    struct json_iter iter;
    const struct json *element;
    struct str key;
    *out = arena_alloc(reader->arena, ((list ? json_count(list) : 0) + 1) * sizeof(**out));
    if (!*out) {
        reader->no_memory = true;
        return;
    }
    size_t mark = reader_enter(reader, str_from_c(config_setting(setting)->name)), index = 0;
    json_iter_init(&iter, list);
    while (settings_next_text(&iter, &key, &element, &index)) {
        size_t inner = reader_enter_index(reader, index - 1);
        (*out)[(*count)++] = json_string(element);
        check(reader, json_string(element));
        reader_leave(reader, inner);
    }
    reader_leave(reader, mark);
}

static void read_decisions(struct reader *reader, struct config *config, const struct json *value)
{
    const struct json *file = json_get(value, STR("file")), *socket = json_get(value, STR("socket"));
    const struct json *path = file ? file : socket;
    config->decisions_path = STR_EMPTY;
    if (!value)
        return;
    size_t mark = reader_enter(reader, STR("decisions"));
    if (json_count(value) != 1 || !json_is(path, JSON_STRING) || json_string(path).len == 0 ||
        str_find_byte(json_string(path), 0) < json_string(path).len) {
        reader_problem(reader, AT_VALUE, STR("write {\"file\": \"decisions.jsonl\"}"),
                       "must be {\"file\": PATH} or {\"socket\": PATH}");
    } else {
        config->decisions_to = file ? DECISIONS_FILE : DECISIONS_SOCKET;
        config->decisions_path = file_absolute(reader->arena, reader->directory, json_string(path));
        if (!config->decisions_path.ptr)
            reader->no_memory = true;
        else if (socket && config->decisions_path.len >= SOCKET_PATH_MAX)
            reader_problem(reader, AT_VALUE, STR_EMPTY, "the path of a socket has at most %d bytes",
                           SOCKET_PATH_MAX - 1);
    }
    reader_leave(reader, mark);
}

static void read_top(struct reader *reader, struct config *config, const struct json *root)
{
    struct settings settings;
    struct listen_address address;
    settings_read(reader, root, OF_TOP, &settings);
    config->listen = settings_string(&settings, SETTING_listen);
    read_decisions(reader, config, settings.of[SETTING_decisions]);
    const struct json *admin = settings.of[SETTING_admin_listen];
    config->admin_listen_written = admin != NULL;
    config->admin_listen = json_is(admin, JSON_NULL) ? STR_EMPTY : settings_string(&settings, SETTING_admin_listen);
    config->audit = (enum audit_mode)settings_choice(&settings, SETTING_audit);
    (void)retention_parse(settings_string(&settings, SETTING_retention), &config->retention);
    config->log = (enum log_level)settings_choice(&settings, SETTING_log);
    config->insecure = settings_bool(&settings, SETTING_insecure);
    read_list(reader, &settings, SETTING_hosts, check_host, &config->hosts, &config->host_count);
    read_list(reader, &settings, SETTING_origins, check_origin, &config->origins, &config->origin_count);
    /* A default is found from where the gateway is started, a written path from where it is written. */
    config->data = file_absolute(reader->arena, settings.of[SETTING_data] ? reader->directory : STR("."),
                                 settings_string(&settings, SETTING_data));
    if (!config->data.ptr)
        reader->no_memory = true;
    if (settings.of[SETTING_tls]) {
        struct tls_texts texts = { .only_1_3 = false };
        tls_read(reader, &settings, NULL, &texts);
        tls_make(reader, &texts, NULL, &config->tls);
    } else if (listen_address_parse(config->listen, &address) && !address.loopback && !config->insecure) {
        size_t mark = reader_enter(reader, STR("listen"));
        reader_problem(reader, AT_VALUE,
                       STR("write \"tls\": {\"cert\": \"...\", \"key\": \"...\"}, or \"insecure\": true"),
                       "listening beyond loopback needs TLS");
        reader_leave(reader, mark);
    }
    const struct json *servers = json_get(root, STR("servers"));
    if (json_get(root, STR("mcpServers"))) {
        if (settings.of[SETTING_mcpServers])
            read_servers(reader, config, STR("mcpServers"), settings.of[SETTING_mcpServers]);
    } else if (!names_servers_nearly(root)) { /* else the misspelling was named */
        read_servers(reader, config, STR("servers"),
                     reader->client_file && json_is(servers, JSON_OBJECT) ? servers : NULL);
    }
}

static void say_fault(struct reader *reader, const struct json_error *fault)
{
    struct problem problem = { .pointer = STR_EMPTY,
                               .fix = json_fault_hint(reader->source, fault),
                               .text = str_from_c(json_fault_text(fault->fault)) };
    if (fault->key.len > 0)
        problem.text =
            reader_text(reader, "the member \"%" STR_FMT "\" stands twice in one object", STR_ARG(fault->key));
    json_position(reader->source, fault->offset, &problem.line, &problem.column);
    report_add(reader->report, reader->file, &problem);
}

static bool read_document(struct reader *reader, struct config *config)
{
    const struct json *root;
    struct json_error fault;
    if (json_parse(reader->arena, reader->source, &json_limits_policy, &root, &fault)) {
        say_fault(reader, &fault);
        return false;
    }
    if (!json_is(root, JSON_OBJECT)) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "must be an object, this is %s", json_kind_name(json_kind(root)));
        return false;
    }
    reader->client_file = config_is_clients(reader->file, root);
    read_top(reader, config, root);
    return true;
}

static int load(struct reader *reader, struct config *config, const struct str *source)
{
    size_t before = reader->report->errors;
    int error = 0;
    if (source)
        reader->source = *source;
    else
        error = reader_file(reader, config->path, LIMIT_policy_body, &reader->source);
    if (error) {
        struct problem problem = { .line = 1, .column = 1, .pointer = STR_EMPTY, .fix = STR_EMPTY };
        problem.text = reader_text(reader, "cannot be read: %s", file_error_text(error));
        report_add(reader->report, reader->file, &problem);
        return error;
    }
    if (!read_document(reader, config))
        return E_INVALID;
    if (reader->no_memory)
        return E_NOMEM;
    return reader->failed || reader->report->errors > before || config->server_count == 0 ? E_INVALID : 0;
}

int config_load(struct str path, const struct environment *environment, struct report *report, struct config **out)
{
    return config_load_source(path, NULL, environment, report, out);
}

int config_load_source(struct str path, const struct str *source, const struct environment *environment,
                       struct report *report, struct config **out)
{
    struct config *config = calloc(1, sizeof(*config));
    struct reader reader = { .report = report, .environment = environment, .source = STR_EMPTY };
    if (!config)
        return E_NOMEM;
    config->refs = 1;
    arena_init(&config->arena, NULL, CONFIG_BYTES);
    buf_init(&reader.pointer, POINTER_MAX);
    reader.arena = &config->arena;
    config->path = reader.file = arena_str(&config->arena, path);
    int error = config->path.ptr ? hasher_new(&reader.hasher) : E_NOMEM;
    if (!error) {
        hasher_begin(reader.hasher);
        reader.directory = file_directory(config->path);
        size_t first = report->count;
        error = load(&reader, config, source);
        report_order(report, first, reader.file);
        hasher_end(reader.hasher, &config->digest);
    }
    if (reader.hasher)
        hasher_free(reader.hasher);
    buf_release(&reader.pointer);
    if (error) {
        config_unref(config);
        return error;
    }
    *out = config;
    return 0;
}

int config_default_data(struct arena *arena, struct str *out)
{
    struct settings none = { .disabled = false };
    *out = file_absolute(arena, STR("."), settings_string(&none, SETTING_data));
    return out->ptr ? 0 : E_NOMEM;
}

static int read_root(struct str path, struct arena *arena, const struct json **root)
{
    struct json_error fault;
    struct str source;
    int error = file_read(arena, path, LIMIT_policy_body, &source);
    return error ? error : json_parse(arena, source, &json_limits_policy, root, &fault);
}

/* One text setting of a file that need not be right otherwise; *out is empty where it is not written. */
static int text_of(const struct json *root, struct str member, struct str *out)
{
    const struct json *value = json_get(root, member);
    *out = STR_EMPTY;
    if (!value)
        return 0;
    if (!json_is(value, JSON_STRING) || json_string(value).len == 0)
        return E_INVALID;
    *out = json_string(value);
    return 0;
}

int config_policy_path(struct str path, struct str server, struct arena *arena, struct str *out, bool *exact_numbers)
{
    const struct json *root, *servers, *entry, *policy;
    struct json_error fault;
    struct str source;
    int error = file_read(arena, path, LIMIT_policy_body, &source);
    if (!error)
        error = json_parse(arena, source, &json_limits_policy, &root, &fault);
    if (error)
        return error;
    servers = json_get(root, STR("mcpServers"));
    entry = json_get(servers ? servers : json_get(root, STR("servers")), server);
    if (!json_is(entry, JSON_OBJECT))
        return E_NOT_FOUND;
    policy = json_get(entry, STR("policy"));
    *out = STR_EMPTY;
    if (policy && !json_is(policy, JSON_STRING))
        return E_INVALID;
    const struct json *numbers = json_get(entry, STR("numbers"));
    *exact_numbers = json_is(numbers, JSON_STRING) && str_eq(json_string(numbers), STR("exact"));
    if (policy && str_eq(json_string(policy), STR("recommended")))
        return E_EXISTS;
    if (policy)
        *out = file_join(arena, file_directory(path), json_string(policy));
    return out->ptr ? 0 : E_NOMEM;
}

int config_data_directory(struct str path, struct arena *arena, struct str *out)
{
    const struct json *root;
    struct str data;
    int error = read_root(path, arena, &root);
    if (!error)
        error = text_of(root, STR("data"), &data);
    if (error)
        return error;
    if (data.len == 0)
        return config_default_data(arena, out);
    *out = file_absolute(arena, file_directory(path), data);
    return out->ptr ? 0 : E_NOMEM;
}

int config_listen(struct str path, struct arena *arena, struct str *out, bool *tls)
{
    struct settings none = { .disabled = false };
    struct listen_address address;
    *out = settings_string(&none, SETTING_listen);
    *tls = false;
    if (path.len == 0)
        return 0;
    const struct json *root;
    struct str written;
    int error = read_root(path, arena, &root);
    if (!error)
        error = text_of(root, STR("listen"), &written);
    if (!error)
        *tls = json_get(root, STR("tls")) != NULL;
    if (error || written.len == 0)
        return error;
    *out = written;
    return listen_address_parse(written, &address) && !address.any_port ? 0 : E_INVALID;
}

struct config *config_ref(struct config *config)
{
    AN(config->refs);
    config->refs++;
    return config;
}

void config_unref(struct config *config)
{
    if (!config)
        return;
    AN(config->refs);
    if (--config->refs > 0)
        return;
    for (size_t i = 0; i < config->server_count; i++)
        policy_unref(config->servers[i].policy);
    tls_unref(config->tls);
    arena_release(&config->arena);
    free(config);
}
