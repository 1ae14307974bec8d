/* One entry of mcpServers: what is started or reached, with what environment, under which policy. */
#include "base/check.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/mask.h"
#include "base/nearest.h"
#include "config/file.h"
#include "config/reader.h"
#include "config/zones.h"
#include "io/stream.h"
#include "io/tls.h"
#include "model/url.h"

#include <arpa/inet.h>

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

/* Absolute directories of PATH only: what a relative one finds depends on where the gateway was started. */
static struct str find_in_path(struct reader *reader, struct str command)
{
    const char *path = reader->environment->get(reader->environment->arg, "PATH");
    struct str rest = str_from_c(path ? path : PATH_DEFAULT);
    while (rest.len > 0) {
        size_t end = str_find_byte(rest, ':');
        struct str directory = str_slice(rest, 0, end);
        rest = str_slice(rest, end < rest.len ? end + 1 : end, rest.len);
        if (!str_starts_with(directory, STR("/")))
            continue;
        struct str candidate = file_join(reader->arena, directory, command);
        if (candidate.ptr && file_is_program(candidate.ptr))
            return candidate;
    }
    return STR_EMPTY;
}

static void read_command(struct reader *reader, const struct settings *settings, struct str *out)
{
    bool found;
    size_t mark = reader_enter(reader, STR("command"));
    size_t errors = reader->report->errors;
    struct str command = expand(reader, settings_string(settings, SETTING_command));
    if (str_find_byte(command, '/') < command.len) {
        *out = file_absolute(reader->arena, reader->directory, command);
        found = out->ptr && file_is_program(out->ptr);
    } else {
        *out = find_in_path(reader, command);
        found = out->len > 0;
    }
    hasher_add_field(reader->hasher, *out); /* another program may be found by the same word */
    size_t space = str_find_byte(command, ' ');
    struct str fix = STR_EMPTY;
    if (space < command.len)
        fix = STR("write the program alone, and in \"args\" what follows it");
    if (!found && errors == reader->report->errors)
        reader_problem(reader, AT_VALUE, fix, "no program %" STR_FMT " is %s",
                       STR_ARG(settings_string(settings, SETTING_command)), /* not what stands for a ${NAME} */
                       str_find_byte(command, '/') < command.len ? "there that may be executed" : "in PATH");
    reader_leave(reader, mark);
}

static struct str *strings(struct reader *reader, size_t count)
{
    struct str *list = arena_alloc(reader->arena, (count ? count : 1) * sizeof(*list));
    if (!list)
        reader->no_memory = true;
    return list;
}

/* What the kernel would refuse at the start is refused here, with its place. */
static void check_word(struct reader *reader, struct str word)
{
    if (word.len > LIMIT_child_word)
        reader_problem(reader, AT_VALUE, STR_EMPTY, "%zu bytes: at most %d", word.len, LIMIT_child_word);
}

static void check_words(struct reader *reader, const struct server *server)
{
    size_t total = 0;
    for (size_t i = 0; i < server->argc; i++)
        total += server->argv[i].len + 1;
    for (size_t i = 0; i < server->env_count; i++)
        total += server->env[i].name.len + server->env[i].value.len + 2;
    if (total > LIMIT_child_words)
        reader_problem(reader, AT_NAME, STR_EMPTY, "arguments and variables of %zu bytes: at most %d", total,
                       LIMIT_child_words);
}

static void read_argv(struct reader *reader, const struct settings *settings, struct str command, struct server *out)
{
    const struct json *args = settings->of[SETTING_args], *element;
    struct json_iter iter;
    struct str key;
    out->argv = strings(reader, 1 + (args ? json_count(args) : 0));
    if (!out->argv)
        return;
    out->argv[out->argc++] = command;
    size_t mark = reader_enter(reader, STR("args")), index = 0;
    json_iter_init(&iter, args);
    while (settings_next_text(&iter, &key, &element, &index)) {
        size_t inner = reader_enter_index(reader, index - 1);
        out->argv[out->argc++] = expand(reader, json_string(element));
        check_word(reader, out->argv[out->argc - 1]);
        reader_leave(reader, inner);
    }
    if (out->argc > LIMIT_child_args)
        reader_problem(reader, AT_VALUE, STR_EMPTY, "%zu arguments: at most %d", out->argc - 1, LIMIT_child_args - 1);
    reader_leave(reader, mark);
}

static bool is_variable_name(struct str name)
{
    return str_is_identifier(name) && !(name.ptr[0] >= '0' && name.ptr[0] <= '9');
}

static void note_inherited(struct reader *reader, struct str name)
{
    struct str copy = reader_text(reader, "%" STR_FMT, STR_ARG(name));
    const char *value = reader->environment->get(reader->environment->arg, copy.ptr);
    if (value && mask_names_secret(name))
        reader_secret(reader, reader_text(reader, "${%" STR_FMT "}", STR_ARG(name)), str_from_c(value));
}

static void read_inherit(struct reader *reader, const struct settings *settings, struct server *out)
{
    const struct json *list = settings->of[SETTING_inherit], *element;
    struct json_iter iter;
    struct str key;
    out->inherit = strings(reader, list ? json_count(list) : 0);
    if (!out->inherit)
        return;
    size_t mark = reader_enter(reader, STR("inherit")), index = 0;
    json_iter_init(&iter, list);
    while (settings_next_text(&iter, &key, &element, &index)) {
        size_t inner = reader_enter_index(reader, index - 1);
        if (!is_variable_name(json_string(element)))
            reader_problem(reader, AT_VALUE, STR_EMPTY, "not a variable's name");
        note_inherited(reader, json_string(element));
        out->inherit[out->inherit_count++] = json_string(element);
        reader_leave(reader, inner);
    }
    reader_leave(reader, mark);
}

/* Fields that the gateway writes itself. */
static bool is_own_field(struct str name)
{
    static const char *const own[] = { "host",         "connection",        "content-length",
                                       "content-type", "transfer-encoding", "te",
                                       "trailer",      "upgrade",           "expect",
                                       "accept",       "keep-alive",        "last-event-id" };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (str_eq_nocase(name, str_from_c(own[i])))
            return true;
    }
    return name.len >= 4 && str_eq_nocase(str_slice(name, 0, 4), STR("mcp-"));
}

static void check_variable(struct reader *reader, struct str name, struct str value)
{
    check_word(reader, value);
    if (!is_variable_name(name))
        reader_problem(reader, AT_NAME, STR_EMPTY, "not a variable's name: A-Z a-z 0-9 _, no digit first");
}

static void check_field(struct reader *reader, struct str name, struct str value)
{
    if (!str_is_token(name))
        reader_problem(reader, AT_NAME, STR_EMPTY, "not the name of an HTTP field");
    else if (is_own_field(name))
        reader_problem(reader, AT_NAME, STR_EMPTY, "the gateway writes this field itself");
    if (name.len + value.len > LIMIT_header_line - 4)
        reader_problem(reader, AT_VALUE, STR_EMPTY, "an HTTP field of %zu bytes: at most %d", name.len + value.len,
                       LIMIT_header_line - 4);
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7f) {
            reader_problem(reader, AT_VALUE, STR_EMPTY, "a control byte cannot be in an HTTP field");
            return;
        }
    }
}

static struct variable *read_map(struct reader *reader, const struct settings *settings, enum setting setting,
                                 struct str word, size_t most, size_t *count,
                                 void (*check)(struct reader *reader, struct str name, struct str value))
{
    const struct json *map = settings->of[setting], *member;
    struct json_iter iter;
    struct str name;
    size_t room = map ? json_count(map) : 0;
    struct variable *list = arena_alloc(reader->arena, (room ? room : 1) * sizeof(*list));
    if (!list) {
        reader->no_memory = true;
        return NULL;
    }
    size_t mark = reader_enter(reader, word), index = 0;
    json_iter_init(&iter, map);
    while (settings_next_text(&iter, &name, &member, &index)) {
        size_t inner = reader_enter(reader, name);
        struct variable *variable = &list[(*count)++];
        size_t secrets = reader->secret_count;
        *variable = (struct variable){ .name = name, .value = expand(reader, json_string(member)) };
        if (secrets == reader->secret_count && mask_names_secret(name))
            reader_secret(reader, STR("***"), variable->value);
        check(reader, name, variable->value);
        reader_leave(reader, inner);
    }
    if (room > most)
        reader_problem(reader, AT_VALUE, STR_EMPTY, "%zu of them: at most %zu", room, most);
    reader_leave(reader, mark);
    return list;
}

/* Plain HTTP only where it does not leave the machine, or where the operator insists. */
static bool read_url(struct reader *reader, const struct settings *settings, struct server *out, struct url *url)
{
    size_t mark = reader_enter(reader, STR("url"));
    out->url = expand(reader, settings_string(settings, SETTING_url));
    bool is_one = url_parse(out->url, url) == 0;
    bool is_near = is_one && !url->is_name && address_is_loopback(str_from_c(url->address));
    if (!is_one)
        reader_problem(reader, AT_VALUE, STR("write \"https://HOST/PATH\", or \"http://127.0.0.1:PORT/PATH\""),
                       "not the URL of a server");
    else if (!url->https && !is_near && !settings_bool(settings, SETTING_insecure))
        reader_problem(reader, AT_VALUE, STR("write \"https://...\", or \"insecure\": true beside it"),
                       "without TLS a server is reached on a loopback address only");
    reader_leave(reader, mark);
    return is_one && !url->https && !is_near;
}

/* What an http url beyond loopback would show to everybody on its way. */
static void refuse_credentials(struct reader *reader, const struct settings *settings)
{
    static const struct str secrets[] = { { "authorization", 13 }, { "proxy-authorization", 19 }, { "cookie", 6 } };
    struct json_iter iter;
    const struct json *member;
    struct str name;
    size_t mark = reader_enter(reader, STR("headers")), index = 0;
    json_iter_init(&iter, settings->of[SETTING_headers]);
    while (settings_next_text(&iter, &name, &member, &index)) {
        bool is_secret = str_find(json_string(member), STR("${")) < json_string(member).len;
        for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
            is_secret |= str_eq_nocase(name, secrets[i]);
        if (!is_secret)
            continue;
        size_t inner = reader_enter(reader, name);
        reader_problem(reader, AT_NAME, STR_EMPTY, "secrets are not sent without TLS beyond loopback");
        reader_leave(reader, inner);
    }
    reader_leave(reader, mark);
}

static void read_http(struct reader *reader, const struct settings *settings, struct server *server)
{
    struct url url = { .https = false };
    bool is_open = settings->of[SETTING_url] && read_url(reader, settings, server, &url);
    server->headers = read_map(reader, settings, SETTING_headers, STR("headers"), LIMIT_header_count / 2,
                               &server->header_count, check_field);
    if (is_open)
        refuse_credentials(reader, settings);
    if (!settings->of[SETTING_tls])
        return;
    if (url.https) {
        struct tls *tls = NULL;
        tls_read(reader, settings, &url, &server->tls);
        tls_make(reader, &server->tls, &url, &tls);
        tls_unref(tls);
    } else if (url.authority.len > 0) {
        size_t mark = reader_enter(reader, STR("tls"));
        reader_problem(reader, AT_NAME, STR_EMPTY, "only an https url has this");
        reader_leave(reader, mark);
    }
}

static void read_cwd(struct reader *reader, const struct settings *settings, struct server *out)
{
    if (!settings->of[SETTING_cwd])
        return;
    size_t mark = reader_enter(reader, STR("cwd"));
    out->cwd = file_absolute(reader->arena, reader->directory, expand(reader, settings_string(settings, SETTING_cwd)));
    if (!out->cwd.ptr || !file_is_directory(out->cwd.ptr))
        reader_problem(reader, AT_VALUE, STR_EMPTY, "no directory %" STR_FMT,
                       STR_ARG(settings_string(settings, SETTING_cwd)));
    reader_leave(reader, mark);
}

/* Settings of the other kind of server. */
static void refuse(struct reader *reader, const struct settings *settings, const enum setting *which, size_t count,
                   const char *why)
{
    for (size_t i = 0; i < count; i++) {
        if (!settings->of[which[i]])
            continue;
        size_t mark = reader_enter(reader, str_from_c(config_setting(which[i])->name));
        reader_problem(reader, AT_NAME, STR_EMPTY, "%s", why);
        reader_leave(reader, mark);
    }
}

static void read_classes(struct reader *reader, const struct settings *settings, struct config_server *out)
{
    static const struct str words[] = {
#define C(id, word) STR(word),
        TOOL_CLASSES(C)
#undef C
    };
    const struct json *map = settings->of[SETTING_classes], *member;
    struct json_iter iter;
    struct str tool;
    size_t index = 0;
    out->classes = arena_alloc(reader->arena, ((map ? json_count(map) : 0) + 1) * sizeof(*out->classes));
    if (!out->classes) {
        reader->no_memory = true;
        return;
    }
    size_t mark = reader_enter(reader, STR("classes"));
    json_iter_init(&iter, map);
    while (settings_next_text(&iter, &tool, &member, &index)) {
        size_t inner = reader_enter(reader, tool);
        struct class_ruling *ruling = &out->classes[out->class_count];
        ruling->tool = tool;
        if (class_of_word(json_string(member), &ruling->class))
            out->class_count++;
        else
            reader_problem(reader, AT_VALUE,
                           reader_guess(reader, nearest_word(json_string(member), words, ARRAY_LEN(words))),
                           "there is no class \"%" STR_FMT "\": read, write, execute, destructive, financial or other",
                           STR_ARG(json_string(member)));
        reader_leave(reader, inner);
    }
    reader_leave(reader, mark);
}

static void read_policy(struct reader *reader, const struct settings *settings, struct config_server *out)
{
    struct problems problems = { .count = 0 };
    struct str path = settings_string(settings, SETTING_policy);
    out->recommended =
        settings->of[SETTING_policy] ? str_eq(path, STR("recommended")) : reader->environment->recommended;
    if (!settings->of[SETTING_policy] || out->recommended)
        return;
    size_t mark = reader_enter(reader, STR("policy"));
    out->policy_path = file_join(reader->arena, reader->directory, path);
    int error =
        out->policy_path.ptr ? reader_file(reader, out->policy_path, LIMIT_policy_body, &out->policy_source) : E_NOMEM;
    if (error) {
        out->policy_source = STR_EMPTY;
        reader_problem(reader, AT_VALUE, STR_EMPTY,
                       "cannot read the policy %" STR_FMT ": %s; the server is denied everything",
                       STR_ARG(out->policy_path.ptr ? out->policy_path : path), file_error_text(error));
    } else {
        error = policy_load_with(out->policy_source, config_zones(), reader->arena, &problems, &out->policy);
        report_add_problems(reader->report, out->policy_path, &problems);
        if (error) {
            reader->failed = true;
            out->policy_source = STR_EMPTY;
            if (problems.errors == 0)
                reader_problem(reader, AT_VALUE, STR_EMPTY, "the policy does not load: %s", error_text(error));
        }
    }
    reader_leave(reader, mark);
}

bool server_read(struct reader *reader, struct str name, const struct json *entry, struct config_server *out)
{
    static const enum setting of_stdio[] = { SETTING_args, SETTING_env, SETTING_inherit, SETTING_cwd, SETTING_home };
    static const enum setting of_http[] = { SETTING_headers, SETTING_tls, SETTING_insecure };
    struct settings settings;
    struct server *server = &out->server;
    size_t errors = reader->report->errors;

    reader->secrets = NULL;
    reader->secret_count = reader->secret_room = 0;
    *out = (struct config_server){ .policy_path = STR_EMPTY, .policy_source = STR_EMPTY };
    *server = (struct server){
        .name = name, .cwd = STR_EMPTY, .url = STR_EMPTY, .tls = { STR_EMPTY, STR_EMPTY, STR_EMPTY, false }
    };
    settings_read(reader, entry, OF_SERVER, &settings);
    if (settings.disabled) {
        reader_warning(reader, AT_NAME, STR_EMPTY, "left out: it is disabled in this file");
        return false;
    }
    server->isolation = (enum isolation)settings_choice(&settings, SETTING_isolation);
    server->home = (enum home)settings_choice(&settings, SETTING_home);
    server->exact_numbers = str_eq(settings_string(&settings, SETTING_numbers), STR("exact"));
    server->instances = (size_t)settings_count(&settings, SETTING_instances);
    server->idle_ms = settings_duration_ms(&settings, SETTING_idle);
    server->call_ms = settings_duration_ms(&settings, SETTING_timeout);

    bool has_command = json_get(entry, STR("command")) != NULL, has_url = json_get(entry, STR("url")) != NULL;
    if (has_command && has_url) {
        reader_problem(reader, AT_NAME, STR_EMPTY, "both command and url: a server is one or the other");
        return false;
    }
    if (!has_command && !has_url) {
        if (errors == reader->report->errors) /* else a misspelling was named */
            reader_problem(reader, AT_NAME, STR("write \"command\": \"...\""), "neither command nor url");
        return false;
    }
    if (has_command) {
        struct str command = STR_EMPTY;
        server->transport = TRANSPORT_STDIO;
        refuse(reader, &settings, of_http, sizeof(of_http) / sizeof(of_http[0]), "only a server with a url has this");
        if (settings.of[SETTING_command])
            read_command(reader, &settings, &command);
        read_argv(reader, &settings, command, server);
        server->env = read_map(reader, &settings, SETTING_env, STR("env"), LIMIT_child_variables, &server->env_count,
                               check_variable);
        read_inherit(reader, &settings, server);
        read_cwd(reader, &settings, server);
        check_words(reader, server);
    } else {
        server->transport = TRANSPORT_HTTP;
        refuse(reader, &settings, of_stdio, sizeof(of_stdio) / sizeof(of_stdio[0]),
               "only a server with a command has this");
        read_http(reader, &settings, server);
    }
    server->secrets = reader->secrets;
    server->secret_count = reader->secret_count;
    read_classes(reader, &settings, out);
    read_policy(reader, &settings, out);
    return true;
}
