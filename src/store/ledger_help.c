/* The ledger's helper, at low priority: fills the next segment with zeros before it is needed, and looks at the disk.
 */
#include "store/ledger_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOW_PRIORITY 10
#define IO_WHO_PROCESS 1 /* ioprio_set(2) has no header of its own */
#define IO_CLASS_IDLE (3 << 13)

/* Bytes that are free for this user; a disk that cannot be asked counts as roomy, its writes will tell. */
static uint64_t disk_free(struct ledger *ledger)
{
    struct statvfs status;
    if (fstatvfs(ledger->options.directory, &status) < 0)
        return UINT64_MAX;
    return (uint64_t)status.f_bavail * status.f_frsize;
}

void ledger_measure_disk(struct ledger *ledger)
{
    bool low = disk_free(ledger) < LIMIT_disk_reserve;
    if (atomic_exchange(&ledger->disk_low, low) == low)
        return;
    if (low)
        log_error(ledger->options.log, "ledger: less than %d MiB are free; calls are denied until there is room",
                  LIMIT_disk_reserve >> 20);
    else
        log_info(ledger->options.log, "ledger: the disk has room again");
}

static bool told_to_stop(void *arg)
{
    struct ledger *ledger = arg;
    AZ(pthread_mutex_lock(&ledger->mutex));
    bool stop = ledger->stop;
    AZ(pthread_mutex_unlock(&ledger->mutex));
    return stop;
}

/* Only what is whole on the disk has the name. */
static int finish_next(int directory)
{
    int fd = openat(directory, NEXT_UNFINISHED, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return E_IO;
    int number = segment_sync(fd, fdatasync);
    close(fd);
    return number == 0 && renameat(directory, NEXT_UNFINISHED, directory, NEXT_NAME) == 0 ? 0 : E_IO;
}

/* Never so large that making it ready would itself take the reserve. */
static void make_next(struct ledger *ledger, uint64_t size)
{
    uint64_t free_bytes = disk_free(ledger);
    while (size > SEGMENT_FIRST_BYTES && size + LIMIT_disk_reserve > free_bytes)
        size /= 4;
    size = block_align(size);
    int directory = ledger->options.directory;
    int error = segment_make(directory, NEXT_UNFINISHED, size, true, told_to_stop, ledger);
    if (error == 0)
        error = finish_next(directory);
    atomic_store(&ledger->next_size, size);
    atomic_store(&ledger->next_state, error == 0 ? NEXT_READY : NEXT_NONE);
    if (error < 0 && error != E_AGAIN)
        log_warn(ledger->options.log, "ledger: the next segment could not be made ready: %s", error_text(error));
}

static void answer_look(struct ledger *ledger, const struct ledger_keep *keep)
{
    struct ledger_look seen;
    ledger_helper_look(ledger, keep, &seen);
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->seen = seen;
    ledger->looked_at_segments = true;
    AZ(pthread_mutex_unlock(&ledger->mutex));
    wakeup_wake(ledger->wakeup);
}

void *ledger_helper(void *arg)
{
    struct ledger *ledger = arg;
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOW_PRIORITY);
    (void)syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_CLASS_IDLE);
    for (;;) {
        AZ(pthread_mutex_lock(&ledger->mutex));
        while (ledger->make_next == 0 && !ledger->look && !ledger->look_at_segments && ledger->drop == 0 &&
               !ledger->stop)
            AZ(pthread_cond_wait(&ledger->help, &ledger->mutex));
        uint64_t size = ledger->make_next;
        bool stop = ledger->stop;
        ledger->make_next = 0;
        ledger->look = false;
        bool look = ledger->look_at_segments;
        struct ledger_keep keep = ledger->keep;
        uint64_t drop = ledger->drop;
        ledger->look_at_segments = false;
        ledger->drop = 0;
        AZ(pthread_mutex_unlock(&ledger->mutex));
        if (stop)
            return NULL;
        ledger_measure_disk(ledger);
        if (size != 0)
            make_next(ledger, size);
        if (drop != 0)
            ledger_helper_drop(ledger, drop);
        if (look)
            answer_look(ledger, &keep);
    }
}
