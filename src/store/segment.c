/* Segment files: zeros first, then batches, read through a window that moves along the file. */
#include "store/segment.h"

#include "base/check.h"
#include "base/failure.h"
#include "store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW_BYTES 262144u
#define ZEROS_BYTES 262144u /* at once: a write of the ledger waits behind no more */

int segment_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const char *at = bytes;
    unsigned stalls = 0;
    while (len > 0) {
        ssize_t wrote = pwrite(fd, at, len, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        /* A direct write must go on at a block; what was written of a block is written again. */
        size_t whole = (size_t)wrote == len ? len : (size_t)wrote - (size_t)wrote % BLOCK_BYTES;
        if (whole == 0 && ++stalls == 100)
            return EIO;
        at += whole;
        offset += whole;
        len -= whole;
    }
    return 0;
}

int segment_sync(int fd, int (*sync)(int fd))
{
    while (sync(fd) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

static int zeros_write(int fd, uint64_t size, bool (*stop)(void *arg), void *arg)
{
    void *zeros;
    size_t chunk = size < ZEROS_BYTES ? (size_t)size : ZEROS_BYTES;
    if (posix_memalign(&zeros, BLOCK_BYTES, chunk) != 0)
        return E_NOMEM;
    memset(zeros, 0, chunk);
    int error = 0;
    for (uint64_t at = 0; at < size && error == 0; at += chunk) {
        size_t len = size - at < chunk ? (size_t)(size - at) : chunk;
        int number = segment_write(fd, zeros, len, at);
        if (number != 0)
            error = error_of_errno(number);
        else if (stop != NULL && stop(arg))
            error = E_AGAIN;
    }
    free(zeros);
    return error;
}

/* Past the page cache where that is possible: it holds what is read again, and zeros are not. */
static int open_new(int ledger, const char *name)
{
    int fd = openat(ledger, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_DIRECT, 0600);
    if (fd < 0 && errno == EINVAL)
        fd = openat(ledger, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd;
}

/* Blocks are set aside, so that writing into the file cannot find the disk full. */
static int allocate(int fd, uint64_t size)
{
    int number;
    do {
        number = posix_fallocate(fd, 0, (off_t)size);
    } while (number == EINTR);
    if (number == EOPNOTSUPP || number == EINVAL)
        number = ftruncate(fd, (off_t)size) < 0 ? errno : 0;
    return number == 0 ? 0 : error_of_errno(number);
}

int segment_make(int ledger, const char *name, uint64_t size, bool fill, bool (*stop)(void *arg), void *arg)
{
    CHECK(size > 0 && size % BLOCK_BYTES == 0);
    int fd = open_new(ledger, name);
    if (fd < 0)
        return error_of_errno(errno);
    int error = allocate(fd, size);
    if (error == 0 && fill)
        error = zeros_write(fd, size, stop, arg);
    close(fd);
    if (error < 0)
        (void)unlinkat(ledger, name, 0);
    return error;
}

int segment_open(int ledger, const char *name, enum segment_sync *sync, int *fd)
{
    int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
    *fd = -1;
    if (*sync == SEGMENT_DIRECT) {
        *fd = openat(ledger, name, flags | O_DIRECT | O_DSYNC);
        if (*fd < 0 && errno == EINVAL)
            *sync = SEGMENT_SYNC_DATA;
    }
    if (*sync != SEGMENT_DIRECT)
        *fd = openat(ledger, name, flags);
    return *fd < 0 ? error_of_errno(errno) : 0;
}

/* `len` bytes of the file at `offset`, or NULL with E_IO, E_NOMEM. The caller knows that they are within the file. */
static const char *window_get(struct segment_reader *reader, uint64_t offset, size_t len, int *error)
{
    if (offset >= reader->window_at && offset - reader->window_at <= reader->window_len &&
        len <= reader->window_len - (size_t)(offset - reader->window_at))
        return reader->window + (offset - reader->window_at);

    size_t wanted = len > WINDOW_BYTES ? len : WINDOW_BYTES;
    if (wanted > reader->size - offset)
        wanted = (size_t)(reader->size - offset);
    if (wanted > reader->window_cap) {
        char *window = realloc(reader->window, wanted);
        if (window == NULL) {
            *error = E_NOMEM;
            return NULL;
        }
        reader->window = window;
        reader->window_cap = wanted;
    }
    reader->window_at = offset;
    reader->window_len = 0;
    while (reader->window_len < wanted) {
        ssize_t got = pread(reader->fd, reader->window + reader->window_len, wanted - reader->window_len,
                            (off_t)(offset + reader->window_len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            *error = E_IO;
            return NULL;
        }
        reader->window_len += (size_t)got;
    }
    return reader->window;
}

int segment_reader_open(struct segment_reader *reader, int ledger, uint64_t number)
{
    char name[SEGMENT_NAME_MAX];
    struct stat status;
    *reader = (struct segment_reader){ .fd = -1 };
    segment_name(number, name);
    reader->fd = openat(ledger, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a pipe is not waited for */
    if (reader->fd < 0)
        return error_of_errno(errno);
    int error = 0;
    if (fstat(reader->fd, &status) < 0) {
        error = E_IO;
    } else if (!S_ISREG(status.st_mode) || status.st_size < (off_t)BLOCK_BYTES) {
        error = E_CORRUPT;
    } else {
        reader->size = (uint64_t)status.st_size;
        const char *block = window_get(reader, 0, BLOCK_BYTES, &error);
        if (block != NULL)
            error = segment_header_get(block, &reader->header);
        if (error == 0 && (reader->header.number != number || reader->header.size > reader->size ||
                           reader->header.size % BLOCK_BYTES != 0 || reader->header.first_sequence == 0))
            error = E_CORRUPT;
    }
    if (error < 0) {
        segment_reader_close(reader);
        return error;
    }
    reader->size = reader->header.size;
    reader->offset = BLOCK_BYTES;
    return 0;
}

void segment_reader_close(struct segment_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->window);
    *reader = (struct segment_reader){ .fd = -1 };
}

void segment_reader_refresh(struct segment_reader *reader)
{
    reader->window_len = 0;
}

/* 1: a whole batch of this segment stands at `offset`; 0: none; or an error. */
static int batch_at(struct segment_reader *reader, uint64_t offset, struct batch_header *header, struct str *frames)
{
    int error = 0;
    if (offset >= reader->size)
        return 0;
    const char *block = window_get(reader, offset, BLOCK_BYTES, &error);
    if (block == NULL)
        return error;
    if (!batch_peek(block, header) || header->segment != reader->header.number ||
        header->length > reader->size - offset - BATCH_HEADER_BYTES)
        return 0;
    size_t len = BATCH_HEADER_BYTES + (size_t)header->length;
    const char *batch = window_get(reader, offset, len, &error);
    if (batch == NULL)
        return error;
    if (!batch_is_whole(batch, len, header))
        return 0;
    *frames = str_of(batch + BATCH_HEADER_BYTES, header->length);
    return 1;
}

int segment_reader_next(struct segment_reader *reader, struct batch_header *header, struct str *frames)
{
    int found = batch_at(reader, reader->offset, header, frames);
    if (found < 0)
        return found;
    if (found == 0)
        return E_NOT_FOUND;
    reader->offset += block_align(BATCH_HEADER_BYTES + (uint64_t)header->length);
    return 0;
}

static bool is_zero(const char *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

int segment_reader_rest(struct segment_reader *reader, struct segment_rest *rest)
{
    *rest = (struct segment_rest){ .dirty_end = reader->offset };
    for (uint64_t at = reader->offset; at < reader->size; at += BLOCK_BYTES) {
        int error = 0;
        struct batch_header header = { 0 };
        struct str frames;
        const char *block = window_get(reader, at, BLOCK_BYTES, &error);
        if (block == NULL)
            return error;
        if (is_zero(block, BLOCK_BYTES))
            continue;
        rest->dirty_end = at + BLOCK_BYTES;
        int found = batch_at(reader, at, &header, &frames);
        if (found < 0)
            return found;
        if (found == 0)
            continue;
        rest->batch_follows = true;
        if (header.durable_before > rest->durable_before)
            rest->durable_before = header.durable_before;
    }
    return 0;
}
