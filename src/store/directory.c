/* Opening and locking of the data directory, and the names of segments. */
#include "store/directory.h"

#include "base/failure.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 100 /* of 10 ms */

static int path_of(struct str path, char out[PATH_MAX])
{
    if (path.len == 0 || path.len >= PATH_MAX || str_find_byte(path, '\0') < path.len)
        return E_INVALID;
    memcpy(out, path.ptr, path.len);
    out[path.len] = '\0';
    return 0;
}

/* Nobody else may read what agents do: a looser directory of ours is tightened. */
static int keep_private(int fd, const char *name, struct log *log)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return E_IO;
    if (status.st_uid != geteuid()) {
        log_error(log, "data directory %s: it belongs to another user, who could change what it holds", name);
        return E_DENIED;
    }
    if ((status.st_mode & 077) == 0)
        return 0;
    log_warn(log, "data directory %s: others could enter it; its mode is 0700 now", name);
    return fchmod(fd, 0700) < 0 ? E_IO : 0;
}

/* The process that the lock names; text is empty when it names none. */
static long lock_holder(int fd, char text[32])
{
    ssize_t len = pread(fd, text, 31, 0);
    text[len > 0 ? len : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    unsigned long long pid;
    return str_to_u64(str_from_c(text), INT32_MAX, &pid) ? (long)pid : 0;
}

/* Where the holder is gone, what still has the file open is a child of its that was about to run another program: that
 * takes a moment, not longer. */
static bool lock_try(int fd, struct flock *all, char text[32])
{
    static const struct timespec moment = { .tv_nsec = 10000000 };
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (fcntl(fd, F_OFD_SETLK, all) == 0)
            return true;
        if (errno != EAGAIN && errno != EACCES)
            return false;
        long holder = lock_holder(fd, text);
        if (holder == 0 || kill((pid_t)holder, 0) == 0 || errno != ESRCH)
            break;
        (void)nanosleep(&moment, NULL);
    }
    errno = EAGAIN;
    return false;
}

static int lock_take(int data, const char *name, struct log *log, int *lock)
{
    int fd = openat(data, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_of_errno(errno);
    /* Held by the open file, not by the process: no other close in this process gives it up. */
    struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char text[32] = "";
    if (lock_try(fd, &all, text)) {
        int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
            log_warn(log, "data directory %s: the lock names no process (%s)", name, strerror(errno));
        *lock = fd;
        return 0;
    }
    if (errno != EAGAIN && errno != EACCES) {
        log_error(log, "data directory %s cannot be locked: %s", name, strerror(errno));
        close(fd);
        return E_IO;
    }
    log_error(log, "data directory %s: process %s holds it; stop that one, or take another directory", name,
              text[0] != '\0' ? text : "(unknown)");
    close(fd);
    return E_LOCKED;
}

/* A directory that was just made may be gone after a power cut, with all that was flushed in it, until its name is. */
static int sync_name(const char *name)
{
    char above[PATH_MAX + 3];
    (void)snprintf(above, sizeof above, "%s/..", name);
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -1; /* who may not read it cannot do more */
    int result = fsync(fd);
    close(fd);
    return result;
}

int directory_open(struct str path, struct log *log, int *data, int *lock)
{
    char name[PATH_MAX];
    int error = path_of(path, name);
    if (error < 0)
        return error;
    bool is_new = mkdir(name, 0700) == 0;
    if ((!is_new && errno != EEXIST) || (is_new && sync_name(name) < 0)) {
        error = error_of_errno(errno);
        log_error(log, "data directory %s cannot be made: %s", name, strerror(errno));
        return error;
    }
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        error = error_of_errno(errno);
        log_error(log, "data directory %s cannot be opened: %s", name, strerror(errno));
        return error;
    }
    error = keep_private(fd, name, log);
    if (error == 0)
        error = lock_take(fd, name, log, lock);
    if (error < 0) {
        close(fd);
        return error;
    }
    *data = fd;
    return 0;
}

int directory_open_data(struct str path, int *data)
{
    char name[PATH_MAX];
    int error = path_of(path, name);
    if (error < 0)
        return error;
    *data = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *data < 0 ? error_of_errno(errno) : 0;
}

int directory_open_ledger(struct str path, int *ledger)
{
    int data;
    int error = directory_open_data(path, &data);
    if (error < 0)
        return error;
    *ledger = openat(data, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    error = *ledger < 0 ? error_of_errno(errno) : 0;
    close(data);
    return error;
}

int directory_make_ledger(int data, int *ledger)
{
    if (mkdirat(data, "ledger", 0700) < 0 && errno != EEXIST)
        return error_of_errno(errno);
    *ledger = openat(data, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *ledger < 0 ? error_of_errno(errno) : 0;
}

void segment_name(uint64_t number, char out[SEGMENT_NAME_MAX])
{
    (void)snprintf(out, SEGMENT_NAME_MAX, "%016llx.seg", (unsigned long long)number);
}

/* 0 for a name that is no segment's. */
static uint64_t segment_number(const char *name)
{
    uint64_t number = 0;
    for (int i = 0; i < 16; i++) {
        char c = name[i];
        if (c >= '0' && c <= '9')
            number = number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        else
            return 0;
    }
    return strcmp(name + 16, ".seg") == 0 ? number : 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static int numbers_read(DIR *directory, uint64_t **numbers, size_t *count)
{
    size_t room = 0;
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        uint64_t number = segment_number(entry->d_name);
        if (number == 0)
            continue;
        if (*count == room) {
            room = room == 0 ? 16 : room * 2;
            uint64_t *more = realloc(*numbers, room * sizeof *more);
            if (more == NULL)
                return E_NOMEM;
            *numbers = more;
        }
        (*numbers)[(*count)++] = number;
        errno = 0;
    }
    return errno == 0 ? 0 : E_IO;
}

int segment_list(int ledger, uint64_t **numbers, size_t *count)
{
    *numbers = NULL;
    *count = 0;
    int fd = openat(ledger, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return E_IO;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return E_NOMEM;
    }
    int error = numbers_read(directory, numbers, count);
    (void)closedir(directory);
    if (error < 0) {
        free(*numbers);
        *numbers = NULL;
        *count = 0;
        return error;
    }
    if (*count > 0)
        qsort(*numbers, *count, sizeof **numbers, by_number);
    return 0;
}
