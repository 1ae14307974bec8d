/* The ledger's thread: links each frame to the one before, writes a batch at its blocks, and knows when it is durable.
 * A failed write or sync of anything but a full disk ends the process: after EIO the kernel may call lost pages clean,
 * and only a new start reads what is really there. */
#include "store/ledger_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/loop.h"
#include "store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t monotonic_us(void)
{
    struct timespec now;
    AZ(clock_gettime(CLOCK_MONOTONIC, &now));
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static _Noreturn void die(struct ledger *ledger, const char *what, int number)
{
    log_error(ledger->options.log,
              "ledger: %s failed: %s. What it did is not known, so the process ends; the next start reads what is "
              "really on the disk",
              what, strerror(number));
    abort();
}

static bool is_full(int number)
{
    return number == ENOSPC || number == EDQUOT;
}

void ledger_sync(struct ledger *ledger)
{
    if (ledger->dirty) {
        int number = segment_sync(ledger->fd, fdatasync);
        if (number != 0)
            die(ledger, "a sync", number);
        ledger->dirty = false;
        atomic_store(&ledger->durable, ledger->written);
    }
    ledger->synced_us = monotonic_us();
}

/* Links the frames, and zeros behind them up to the block's end. A batch that is tried again is linked already. */
static void batch_finish(struct ledger *ledger, struct batch *batch)
{
    if (ledger->written + 1 == batch->first_sequence) {
        char *at = batch->bytes + BATCH_HEADER_BYTES, *end = batch->bytes + batch->len;
        while (at < end)
            at += frame_chain(ledger->hasher, at, &ledger->last);
        ledger->written = batch->first_sequence + batch->count - 1;
        memset(end, 0, (size_t)(block_align(batch->len) - batch->len));
    }
    struct batch_header header = {
        .length = (uint32_t)(batch->len - BATCH_HEADER_BYTES),
        .count = batch->count,
        .first_sequence = batch->first_sequence,
        .durable_before = atomic_load(&ledger->durable),
        .segment = batch->segment,
    };
    batch_seal(&header, batch->bytes);
}

/* Some file systems take O_DIRECT when opening and refuse it when writing; the descriptor stays O_DSYNC then. */
static int write_at(struct ledger *ledger, int fd, const void *bytes, size_t len, uint64_t offset)
{
    int number = segment_write(fd, bytes, len, offset);
    if (number != EINVAL || ledger->sync != SEGMENT_DIRECT)
        return number;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_DIRECT) < 0)
        return EINVAL;
    ledger->sync = SEGMENT_SYNC_DATA;
    return segment_write(fd, bytes, len, offset);
}

/* The header block and the first batch, in one write. */
static int segment_fill(struct ledger *ledger, struct batch *batch, int fd, const struct sha256 *before)
{
    size_t len = block_align(batch->len);
    void *bytes;
    if (posix_memalign(&bytes, BLOCK_BYTES, BLOCK_BYTES + len) != 0)
        return ENOSPC; /* tried again */
    struct segment_header header = {
        .number = batch->segment,
        .first_sequence = batch->first_sequence,
        .before = *before,
        .created_ms = batch->created_ms,
        .size = batch->segment_size,
    };
    segment_header_put(&header, bytes);
    memcpy((char *)bytes + BLOCK_BYTES, batch->bytes, len);
    int number = write_at(ledger, fd, bytes, BLOCK_BYTES + len, 0);
    free(bytes);
    return number == 0 ? segment_sync(fd, fdatasync) : number;
}

static int segment_file(struct ledger *ledger, const struct batch *batch, const char *made, int *fd)
{
    struct stat status;
    if (!batch->uses_next) {
        bool fill = batch->segment_size <= SEGMENT_FIRST_BYTES;
        int error = segment_make(ledger->options.directory, made, batch->segment_size, fill, NULL, NULL);
        if (error == E_NOSPACE || error == E_NOMEM)
            return ENOSPC;
        if (error < 0)
            die(ledger, "making a segment", EIO);
    }
    ledger->sync = ledger->options.mode == LEDGER_DURABLE ? SEGMENT_DIRECT : SEGMENT_NO_SYNC;
    if (segment_open(ledger->options.directory, made, &ledger->sync, fd) < 0 || fstat(*fd, &status) < 0 ||
        (uint64_t)status.st_size != batch->segment_size)
        die(ledger, "opening a segment", EIO);
    return 0;
}

/* The name comes last, so that a named segment always begins with its whole checkpoint. */
static int segment_start(struct ledger *ledger, struct batch *batch, const struct sha256 *before)
{
    int directory = ledger->options.directory, fd;
    const char *made = batch->uses_next ? NEXT_NAME : NEW_NAME;
    char name[SEGMENT_NAME_MAX];
    segment_name(batch->segment, name);
    int number = segment_file(ledger, batch, made, &fd);
    if (number != 0)
        return number;
    number = segment_fill(ledger, batch, fd, before);
    if (number == 0 && renameat(directory, made, directory, name) < 0)
        number = errno;
    if (number == 0)
        number = segment_sync(directory, fsync);
    if (number != 0) {
        close(fd);
        return number;
    }
    if (ledger->fd >= 0)
        close(ledger->fd);
    ledger->fd = fd;
    ledger->dirty = false;
    return 0;
}

static int batch_put(struct ledger *ledger, struct batch *batch)
{
    int number = write_at(ledger, ledger->fd, batch->bytes, block_align(batch->len), batch->offset);
    if (number == 0 && ledger->sync == SEGMENT_SYNC_DATA)
        number = segment_sync(ledger->fd, fdatasync);
    return number;
}

int batch_write(struct ledger *ledger, struct batch *batch)
{
    int64_t begun_us = monotonic_us();
    struct sha256 before = ledger->last;
    int number;
    if (batch->begins_segment) {
        ledger_sync(ledger); /* what came before is durable before the new segment has its name */
        if (ledger->written + 1 != batch->first_sequence)
            memcpy(before.bytes, batch->bytes + BATCH_HEADER_BYTES + 12, SHA256_LEN); /* tried again: linked already */
        batch_finish(ledger, batch);
        number = segment_start(ledger, batch, &before);
    } else {
        batch_finish(ledger, batch);
        number = batch_put(ledger, batch);
    }
    if (number != 0) {
        if (is_full(number))
            return number;
        die(ledger, "a write", number);
    }
    if (ledger->sync == SEGMENT_NO_SYNC && !batch->begins_segment)
        ledger->dirty = true;
    else
        atomic_store(&ledger->durable, ledger->written);

    int64_t took_us = monotonic_us() - begun_us;
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->flush_us[ledger->batches % FLUSHES_KEPT] = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
    ledger->direct = ledger->sync == SEGMENT_DIRECT;
    ledger->batches++;
    ledger->records += batch->count;
    ledger->bytes += block_align(batch->len);
    AZ(pthread_mutex_unlock(&ledger->mutex));
    return 0;
}

/* Waits for work at most `ms`, or without end. With the mutex held. */
static void wait_for_work(struct ledger *ledger, int64_t ms)
{
    if (ms < 0) {
        AZ(pthread_cond_wait(&ledger->work, &ledger->mutex));
        return;
    }
    int64_t due_us = monotonic_us() + ms * 1000;
    struct timespec due = { .tv_sec = (time_t)(due_us / 1000000), .tv_nsec = (long)(due_us % 1000000) * 1000 };
    (void)pthread_cond_timedwait(&ledger->work, &ledger->mutex, &due);
}

static void sync_when_due(struct ledger *ledger)
{
    if (ledger->dirty && monotonic_us() - ledger->synced_us >= (int64_t)LIMIT_ledger_sync_ms * 1000)
        ledger_sync(ledger);
}

/* NULL: the ledger is to stop, and nothing is left. */
static struct batch *next_batch(struct ledger *ledger)
{
    struct batch *batch = NULL;
    AZ(pthread_mutex_lock(&ledger->mutex));
    while (list_is_empty(&ledger->sealed) && !ledger->stop) {
        if (!ledger->dirty) {
            wait_for_work(ledger, -1);
            continue;
        }
        wait_for_work(ledger, LIMIT_ledger_sync_ms);
        AZ(pthread_mutex_unlock(&ledger->mutex));
        sync_when_due(ledger);
        AZ(pthread_mutex_lock(&ledger->mutex));
    }
    if (!list_is_empty(&ledger->sealed)) {
        batch = CONTAINER_OF(ledger->sealed.next, struct batch, link);
        list_remove(&batch->link);
    }
    AZ(pthread_mutex_unlock(&ledger->mutex));
    return batch;
}

/* Tries until there is room on the disk; false: told to stop before. */
static bool write_in_the_end(struct ledger *ledger, struct batch *batch)
{
    int number;
    while ((number = batch_write(ledger, batch)) != 0) {
        if (!atomic_exchange(&ledger->disk_full, true))
            log_error(ledger->options.log, "ledger: %s; calls are denied until there is room", strerror(number));
        AZ(pthread_mutex_lock(&ledger->mutex));
        bool stop = ledger->stop;
        if (!stop)
            wait_for_work(ledger, LIMIT_ledger_retry_ms);
        AZ(pthread_mutex_unlock(&ledger->mutex));
        if (stop) {
            log_error(ledger->options.log,
                      "ledger: stopped with a full disk; records from %llu on are lost; no call "
                      "that they admit was sent",
                      (unsigned long long)batch->first_sequence);
            return false;
        }
    }
    if (atomic_exchange(&ledger->disk_full, false))
        log_info(ledger->options.log, "ledger: there is room again");
    return true;
}

void *ledger_writer(void *arg)
{
    struct ledger *ledger = arg;
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    struct batch *batch;
    while ((batch = next_batch(ledger)) != NULL) {
        bool written = write_in_the_end(ledger, batch);
        AZ(pthread_mutex_lock(&ledger->mutex));
        list_append(&ledger->done, &batch->link);
        AZ(pthread_mutex_unlock(&ledger->mutex));
        if (!written)
            break; /* what follows may not stand behind a gap */
        wakeup_wake(ledger->wakeup);
        sync_when_due(ledger);
    }
    return NULL;
}
