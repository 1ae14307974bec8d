/* A server's environment: a few names of the gateway's own, what its configuration inherits and sets, nothing else. */
#include "upstream/launch.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A list of "NAME=value" with one entry a name; the last one set stays. */
struct environment {
    char **entries;
    size_t count, room;
};

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static bool has_nul(struct str text)
{
    return str_find_byte(text, '\0') < text.len;
}

static int set(struct environment *environment, struct str name, struct str value)
{
    if (str_is_empty(name) || str_find_byte(name, '=') < name.len || has_nul(name) || has_nul(value))
        return E_INVALID;
    char *entry = malloc(name.len + 1 + value.len + 1);
    if (!entry)
        return E_NOMEM;
    memcpy(entry, name.ptr, name.len);
    entry[name.len] = '=';
    memcpy(entry + name.len + 1, value.ptr, value.len);
    entry[name.len + 1 + value.len] = '\0';
    for (size_t i = 0; i < environment->count; i++) {
        if (strncmp(environment->entries[i], entry, name.len + 1) == 0) {
            wipe(environment->entries[i]);
            environment->entries[i] = entry;
            return 0;
        }
    }
    CHECK(environment->count < environment->room);
    environment->entries[environment->count++] = entry;
    return 0;
}

static bool is_inherited(const struct server *server, struct str name)
{
    for (size_t i = 0; i < server->inherit_count; i++)
        if (str_eq(name, server->inherit[i]))
            return true;
    return server_always_inherits(name);
}

static int inherit(struct environment *environment, const struct server *server)
{
    for (char **own = environ; own && *own; own++) {
        struct str entry = str_from_c(*own);
        size_t end = str_find_byte(entry, '=');
        struct str name = str_slice(entry, 0, end);
        if (end == 0 || end == entry.len || !is_inherited(server, name))
            continue;
        int error = set(environment, name, str_slice(entry, end + 1, entry.len));
        if (error)
            return error;
    }
    return 0;
}

static int fill(struct environment *environment, const struct server *server, const char *home)
{
    int error = inherit(environment, server);
    for (size_t i = 0; !error && i < server->env_count; i++)
        error = set(environment, server->env[i].name, server->env[i].value);
    if (!error && home)
        error = set(environment, STR("HOME"), str_from_c(home));
    return error;
}

static size_t own_count(void)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    return count;
}

static int copy_argv(struct launch *launch, const struct server *server)
{
    if (server->argc == 0)
        return E_INVALID;
    launch->argv = calloc(server->argc + 1, sizeof(*launch->argv));
    if (!launch->argv)
        return E_NOMEM;
    for (size_t i = 0; i < server->argc; i++) {
        if (has_nul(server->argv[i]))
            return E_INVALID;
        launch->argv[i] = strndup(server->argv[i].ptr, server->argv[i].len);
        if (!launch->argv[i])
            return E_NOMEM;
    }
    return 0;
}

int launch_init(struct launch *launch, const struct server *server, const char *home)
{
    struct environment environment = { .room = own_count() + server->env_count + 1 };
    *launch = (struct launch){ 0 };
    environment.entries = calloc(environment.room + 1, sizeof(*environment.entries));
    if (!environment.entries)
        return E_NOMEM;
    launch->env = environment.entries;
    int error = fill(&environment, server, home);
    if (!error)
        error = copy_argv(launch, server);
    if (!error && !str_is_empty(server->cwd)) {
        launch->cwd = strndup(server->cwd.ptr, server->cwd.len);
        error = launch->cwd ? 0 : E_NOMEM;
    }
    if (error)
        launch_release(launch);
    return error;
}

void launch_release(struct launch *launch)
{
    for (char **entry = launch->env; entry && *entry; entry++)
        wipe(*entry);
    for (char **argument = launch->argv; argument && *argument; argument++)
        wipe(*argument);
    free(launch->env);
    free(launch->argv);
    free(launch->cwd);
    *launch = (struct launch){ 0 };
}
