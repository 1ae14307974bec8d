/* Files and folders for the catalogue. */
#include "cli/catalog_files.h"

#include "base/error.h"
#include "base/failure.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

int bundled_folder(char out[PATH_MAX])
{
    static const char *const places[] = { "../share/warder/catalog", "../../../../catalog/tools" };
    char self[PATH_MAX], path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return E_NOT_FOUND;
    self[len] = 0;
    char *slash = strrchr(self, '/');
    if (!slash)
        return E_NOT_FOUND;
    *slash = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int made = snprintf(path, sizeof(path), "%s/%s", self, places[i]);
        if (made > 0 && (size_t)made < sizeof(path) && realpath(path, out) && is_folder(out))
            return 0;
    }
    return E_NOT_FOUND;
}

static int is_taken(const struct dirent *entry)
{
    struct str name = str_from_c(entry->d_name);
    return name.ptr[0] != '.' && (str_ends_with(name, STR(".jsonl")) || str_ends_with(name, STR(".json")));
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

int each_file(const char *path, int (*each)(void *arg, const char *path), void *arg)
{
    struct dirent **entries = NULL;
    char file[PATH_MAX];
    if (!is_folder(path))
        return each(arg, path);
    int count = scandir(path, &entries, is_taken, by_name);
    if (count < 0)
        return error_of_errno(errno);
    int result = count == 0 ? E_NOT_FOUND : 0;
    for (int i = 0; i < count; i++) {
        int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (!result)
            result = len > 0 && (size_t)len < sizeof(file) ? each(arg, file) : E_INVALID;
        free(entries[i]);
    }
    free(entries);
    return result;
}
