/* Homes of servers. Emptying one takes trees apart from the top instead of walking down: a directory that is not empty
 * gives its entries to the top first, so depth costs neither stack nor descriptors, and no link is ever followed. */
#include "upstream/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define MOVED_NAME_MAX 32

/* A server may have taken its own directories' permissions away (module caches are read-only). */
static int open_below(int parent, const char *name)
{
    char path[64];
    int fd = openat(parent, name, DIRECTORY);
    if (fd >= 0) {
        (void)fchmod(fd, 0700);
        return fd;
    }
    if (errno != EACCES)
        return -1;
    int handle = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
    fd = chmod(path, 0700) == 0 ? openat(parent, name, DIRECTORY) : -1;
    close(handle);
    return fd;
}

/* Moves `name`, a directory, from `from` to a name in `top` that nothing has. */
static int move_up(int from, const char *name, int top, unsigned long long *moved)
{
    char as[MOVED_NAME_MAX];
    int closed = open_below(from, name); /* a directory moves only while it can be written to */
    if (closed < 0)
        return E_IO;
    close(closed);
    for (;;) {
        snprintf(as, sizeof(as), ".%llu", ++*moved);
        if (renameat2(from, name, top, as, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST)
            return E_IO;
    }
}

static bool is_dot(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int remove_entry(int directory, const char *name, int top, unsigned long long *moved)
{
    if (unlinkat(directory, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return E_IO;
    if (unlinkat(directory, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return E_IO;
    return move_up(directory, name, top, moved);
}

/* Unlinks what is in `fd` (closed here); directories with something in them go to `top`. */
static int strip(int fd, int top, unsigned long long *moved)
{
    DIR *entries = fdopendir(fd);
    struct dirent *entry;
    int error = 0;
    if (!entries) {
        close(fd);
        return E_IO;
    }
    while (!error && (entry = readdir(entries)) != NULL)
        if (!is_dot(entry->d_name))
            error = remove_entry(dirfd(entries), entry->d_name, top, moved);
    closedir(entries);
    return error;
}

/* One pass over the top: each entry is unlinked, or stripped and then removed. *left: another pass is due. */
static int empty_pass(int top, unsigned long long *moved, bool *left)
{
    int copy = openat(top, ".", DIRECTORY);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;
    int error = entries ? 0 : E_IO;
    *left = false;
    if (!entries && copy >= 0)
        close(copy);
    while (!error && (entry = readdir(entries)) != NULL) {
        if (is_dot(entry->d_name) || unlinkat(top, entry->d_name, 0) == 0)
            continue;
        int below = open_below(top, entry->d_name);
        error = below < 0 ? E_IO : strip(below, top, moved);
        if (!error && unlinkat(top, entry->d_name, AT_REMOVEDIR) != 0)
            error = E_IO;
        *left = true;
    }
    if (entries)
        closedir(entries);
    return error;
}

static int empty(int top)
{
    unsigned long long moved = 0;
    bool left = true;
    int error = fchmod(top, 0700) == 0 ? 0 : E_IO;
    while (!error && left)
        error = empty_pass(top, &moved, &left);
    return error;
}

static bool is_component(struct str name)
{
    return name.len > 0 && name.len <= NAME_MAX && !str_eq(name, STR(".")) && !str_eq(name, STR("..")) &&
           str_find_byte(name, '/') == name.len && str_find_byte(name, '\0') == name.len;
}

/* Steps into a directory, which is made where it is missing; the descriptor takes the place of *at. */
static int enter(int *at, struct str name)
{
    char text[NAME_MAX + 1];
    if (!is_component(name))
        return E_INVALID;
    snprintf(text, sizeof(text), "%" STR_FMT, STR_ARG(name));
    if (mkdirat(*at, text, 0700) != 0 && errno != EEXIST)
        return E_IO;
    int below = openat(*at, text, DIRECTORY);
    close(*at);
    *at = below;
    return below < 0 ? E_IO : 0;
}

static int open_data(struct str data, char resolved[PATH_MAX])
{
    char path[PATH_MAX];
    if (data.len == 0 || data.len >= sizeof(path) || str_find_byte(data, '\0') < data.len)
        return -1;
    memcpy(path, data.ptr, data.len);
    path[data.len] = '\0';
    if (!realpath(path, resolved))
        return -1;
    return open(resolved, DIRECTORY);
}

int home_prepare(struct str data, struct str server, struct str instance, bool fresh, char path[PATH_MAX])
{
    char resolved[PATH_MAX];
    int at = open_data(data, resolved);
    if (at < 0)
        return E_IO;
    int error = enter(&at, STR("homes"));
    if (!error)
        error = enter(&at, server);
    if (!error && !str_is_empty(instance))
        error = enter(&at, instance);
    if (!error && fresh)
        error = empty(at);
    if (at >= 0)
        close(at);
    if (error)
        return error;
    int len = snprintf(path, PATH_MAX, "%s/homes/%" STR_FMT "%s%" STR_FMT, resolved, STR_ARG(server),
                       str_is_empty(instance) ? "" : "/", STR_ARG(instance));
    return len > 0 && len < PATH_MAX ? 0 : E_LIMIT;
}

int home_remove(struct str data, struct str server)
{
    char resolved[PATH_MAX], name[NAME_MAX + 1];
    int at = open_data(data, resolved);
    if (at < 0)
        return E_IO;
    int error = enter(&at, STR("homes"));
    if (!error && str_is_empty(server)) {
        error = empty(at);
    } else if (!error) {
        int homes = dup(at);
        error = homes < 0 ? E_IO : enter(&at, server);
        if (!error)
            error = empty(at);
        snprintf(name, sizeof(name), "%" STR_FMT, STR_ARG(server));
        if (!error && unlinkat(homes, name, AT_REMOVEDIR) != 0)
            error = E_IO;
        if (homes >= 0)
            close(homes);
    }
    if (at >= 0)
        close(at);
    return error;
}
