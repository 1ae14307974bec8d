/* Whole files: read with a ceiling, written so that no reader and no crash ever sees half of one. */
#include "io/file.h"

#include "base/failure.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_BYTES 16384

static int read_all(int fd, size_t max, struct buf *out)
{
    char part[PART_BYTES];
    size_t total = 0;

    for (;;) {
        ssize_t got = read(fd, part, sizeof part);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_of_errno(errno);
        if (got == 0)
            return 0;
        total += (size_t)got;
        if (total > max)
            return E_LIMIT;
        buf_append(out, part, (size_t)got);
        if (!buf_ok(out))
            return E_LIMIT;
    }
}

int file_read_into(const char *path, size_t max, struct buf *out)
{
    size_t before = out->len;
    int fd, error;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_of_errno(errno);
    error = read_all(fd, max, out);
    close(fd);
    if (error)
        out->len = before;
    return error;
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_of_errno(errno);
        bytes = str_of(bytes.ptr + put, bytes.len - (size_t)put);
    }
    return 0;
}

static int fill(int fd, struct str bytes, mode_t mode)
{
    int error = write_all(fd, bytes);

    if (!error && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        error = error_of_errno(errno);
    if (close(fd) != 0 && !error)
        error = error_of_errno(errno);
    return error;
}

/* The entry in the directory is not durable before the directory is. `path` loses its last part. */
static int sync_directory_of(char *path)
{
    char *slash = strrchr(path, '/');
    int fd, error = 0;

    if (slash == path)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_of_errno(errno);
    if (fsync(fd) != 0)
        error = error_of_errno(errno);
    close(fd);
    return error;
}

int file_write_atomic(const char *path, struct str bytes, mode_t mode)
{
    char *beside = NULL;
    int fd, error;

    if (asprintf(&beside, "%s.XXXXXX", path) < 0)
        return E_NOMEM;
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        error = error_of_errno(errno);
        goto out;
    }
    error = fill(fd, bytes, mode);
    if (!error && rename(beside, path) != 0)
        error = error_of_errno(errno);
    if (error)
        unlink(beside);
    else
        error = sync_directory_of(beside);
out:
    free(beside);
    return error;
}
