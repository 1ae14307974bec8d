/* Reading with a ceiling; paths by text alone. */
#include "config/file.h"

#include "base/clock.h"
#include "base/failure.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t first_room(int fd, size_t max)
{
    struct stat status;
    size_t size = fstat(fd, &status) == 0 && status.st_size > 0 ? (size_t)status.st_size : 4096;
    return size < max ? size : max;
}

/* A pipe whose writer has not written yet: FILE is <(a command), or /dev/stdin. One that nobody has open has ended. */
static bool wait_for_writer(int fd)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    int found;
    do {
        found = poll(&one, 1, LIMIT_file_wait_ms);
    } while (found < 0 && errno == EINTR);
    errno = EAGAIN;
    return found > 0;
}

static int read_all(int fd, struct arena *arena, size_t max, struct str *out)
{
    size_t len = 0, cap = first_room(fd, max);
    char *bytes = arena_alloc(arena, cap + 1);
    while (bytes) {
        ssize_t got = read(fd, bytes + len, cap + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN && wait_for_writer(fd))
            continue;
        if (got < 0)
            return errno == EAGAIN ? E_TIMEOUT : error_of_errno(errno);
        len += (size_t)got;
        if (got == 0) {
            *out = str_of(bytes, len);
            return 0;
        }
        if (len <= cap)
            continue;
        if (cap == max)
            return E_LIMIT;
        cap = cap * 4 < max ? cap * 4 : max;
        char *larger = arena_alloc(arena, cap + 1);
        if (larger)
            memcpy(larger, bytes, len);
        bytes = larger;
    }
    return E_NOMEM;
}

static struct file_stamp stamp_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return (struct file_stamp){ .there = false };
    return file_stamp_of(&status, clock_wall_ms(clock_system()) * 1000000);
}

int file_read_stamped(struct arena *arena, struct str path, size_t max, struct str *out, struct file_stamp *stamp)
{
    *stamp = (struct file_stamp){ .there = false };
    struct str name = arena_str(arena, path);
    if (!name.ptr)
        return E_NOMEM;
    int fd = open(name.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe that nobody writes to is not waited for */
    if (fd < 0)
        return error_of_errno(errno);
    *stamp = stamp_of(fd);
    int error = read_all(fd, arena, max, out);
    struct file_stamp after = stamp_of(fd);
    close(fd);
    return !error && !file_stamp_eq(stamp, &after) ? E_AGAIN : error;
}

int file_read(struct arena *arena, struct str path, size_t max, struct str *out)
{
    struct file_stamp stamp;
    return file_read_stamped(arena, path, max, out, &stamp);
}

const char *file_error_text(int error)
{
    return error == E_INVALID ? "it is a directory, or its path cannot be followed"
           : error == E_AGAIN ? "it was written while it was read"
                              : error_text(error);
}

static size_t last_slash(struct str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return at;
}

struct str file_directory(struct str path)
{
    size_t at = last_slash(path);
    if (at == 0)
        return STR(".");
    return at == 1 ? STR("/") : str_slice(path, 0, at - 1);
}

struct str file_base_name(struct str path)
{
    return str_slice(path, last_slash(path), path.len);
}

struct str file_join(struct arena *arena, struct str directory, struct str path)
{
    if (path.len > 0 && path.ptr[0] == '/')
        return arena_str(arena, path);
    while (str_starts_with(path, STR("./")))
        path = str_slice(path, 2, path.len);
    if (str_is_empty(path) || str_eq(path, STR(".")))
        return arena_str(arena, directory);
    if (str_eq(directory, STR(".")))
        return arena_str(arena, path);
    const char *between = str_ends_with(directory, STR("/")) ? "" : "/";
    return arena_printf(arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(directory), between, STR_ARG(path));
}

struct str file_absolute(struct arena *arena, struct str directory, struct str path)
{
    char here[PATH_MAX];
    struct str joined = file_join(arena, directory, path);
    if (!joined.ptr || joined.ptr[0] == '/')
        return joined;
    if (!getcwd(here, sizeof(here)))
        return (struct str){ NULL, 0 };
    return file_join(arena, str_from_c(here), joined);
}

bool file_is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

bool file_is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}
