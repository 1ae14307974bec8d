/* clients.def against the file system. */
#include "config/clients.h"

#include "base/check.h"

#include <unistd.h>

enum client_base { BASE_HOME, BASE_CONFIG, BASE_HERE, BASE_COUNT };

static const struct row {
    const char *client;
    enum client_base base;
    const char *path;
} rows[] = {
#define CLIENT_FILE(client, base, path) { client, BASE_##base, path },
#include "config/clients.def"
#undef CLIENT_FILE
};
_Static_assert(ARRAY_LEN(rows) <= CLIENT_FILES_MAX, "a file of each row fits");

static struct str absolute(const struct environment *environment, const char *name)
{
    const char *value = environment->get(environment->arg, name);
    return value && value[0] == '/' ? str_from_c(value) : STR_EMPTY;
}

static bool is_known(const struct client_file *files, size_t count, struct str path)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(files[i].path, path))
            return true;
    return false;
}

int clients_find(const struct environment *environment, struct str cwd, struct arena *arena,
                 struct client_file out[CLIENT_FILES_MAX], size_t *count)
{
    struct str bases[BASE_COUNT] = { absolute(environment, "HOME"), absolute(environment, "XDG_CONFIG_HOME"), cwd };
    *count = 0;
    if (bases[BASE_CONFIG].len == 0 && bases[BASE_HOME].len > 0)
        bases[BASE_CONFIG] = arena_printf(arena, "%" STR_FMT "/.config", STR_ARG(bases[BASE_HOME]));
    if (!bases[BASE_CONFIG].ptr)
        return E_NOMEM;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str base = bases[rows[i].base];
        if (base.len == 0)
            continue;
        struct str path = arena_printf(arena, "%" STR_FMT "/%s", STR_ARG(base), rows[i].path);
        if (!path.ptr)
            return E_NOMEM;
        if (access(path.ptr, F_OK) == 0 && !is_known(out, *count, path))
            out[(*count)++] = (struct client_file){ rows[i].client, path };
    }
    return 0;
}
