/* Old segments, on the helper's thread: which ones retention lets go of, and their removal, oldest first. */
#include "store/ledger_types.h"

#include "base/check.h"
#include "base/failure.h"
#include "base/log.h"
#include "store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept { /* a segment */
    uint64_t number, bytes;
    struct segment_header header;
};

/* All of them, ascending; *out is the caller's to free. */
static int segments_read(struct ledger *ledger, struct kept **out, size_t *count)
{
    uint64_t *numbers;
    int error = segment_list(ledger->options.directory, &numbers, count);
    if (error < 0)
        return error;
    *out = calloc(*count + 1, sizeof **out);
    error = *out == NULL ? E_NOMEM : 0;
    for (size_t i = 0; error == 0 && i < *count; i++) {
        struct segment_reader reader;
        error = segment_reader_open(&reader, ledger->options.directory, numbers[i]);
        if (error < 0)
            break;
        (*out)[i] = (struct kept){ .number = numbers[i], .bytes = reader.size, .header = reader.header };
        segment_reader_close(&reader);
    }
    free(numbers);
    if (error < 0) {
        free(*out);
        *out = NULL;
    }
    return error;
}

/* How many of the first ones go: never the last, never one whose records the projection does not hold. */
static size_t count_old(const struct kept *segments, size_t count, const struct ledger_keep *keep, uint64_t bytes,
                        uint64_t applied)
{
    size_t old = 0;
    while (old + 1 < count) {
        const struct segment_header *next = &segments[old + 1].header; /* begun when this one was full */
        bool too_old = keep->age_ms > 0 && next->created_ms < keep->now_ms - keep->age_ms;
        bool too_much = keep->bytes > 0 && bytes > keep->bytes;
        if (!(too_old || too_much) || next->first_sequence - 1 > applied)
            break;
        bytes -= segments[old].bytes;
        old++;
    }
    return old;
}

void ledger_helper_look(struct ledger *ledger, const struct ledger_keep *keep, struct ledger_look *out)
{
    struct kept *segments = NULL;
    size_t count = 0;
    *out = (struct ledger_look){ 0 };
    int error = segments_read(ledger, &segments, &count);
    if (error < 0) {
        log_warn(ledger->options.log, "retention: the segments cannot be read: %s", error_text(error));
        return;
    }
    out->segments = count;
    out->first_sequence = count > 0 ? segments[0].header.first_sequence : 0;
    for (size_t i = 0; i < count; i++)
        out->bytes += segments[i].bytes;
    size_t old = count_old(segments, count, keep, out->bytes, ledger->options.applied(ledger->options.arg));
    if (old > 0) {
        out->drop.sequence = segments[old].header.first_sequence - 1;
        out->drop.hash = segments[old].header.before;
    }
    free(segments);
}

/* Each removal is durable before the next: what is left has no gap, whenever it ends. */
static int remove_segment(struct ledger *ledger, uint64_t number)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(number, name);
    if (unlinkat(ledger->options.directory, name, 0) < 0)
        return error_of_errno(errno);
    return segment_sync(ledger->options.directory, fsync) == 0 ? 0 : E_IO;
}

static int remove_old(struct ledger *ledger, uint64_t sequence)
{
    struct kept *segments = NULL;
    size_t count = 0;
    int error = segments_read(ledger, &segments, &count);
    for (size_t i = 0; error == 0 && i + 1 < count; i++) {
        uint64_t last = segments[i + 1].header.first_sequence - 1;
        /* Asked each time: a projection that is made again begins at the first segment. */
        if (last > sequence || last > ledger->options.applied(ledger->options.arg))
            break;
        error = remove_segment(ledger, segments[i].number);
        if (error == 0)
            log_info(ledger->options.log, "retention: records up to %llu were dropped", (unsigned long long)last);
    }
    free(segments);
    return error;
}

/* Whoever reads the segments holds the directory's lock, shared; then the next look tries again. */
void ledger_helper_drop(struct ledger *ledger, uint64_t sequence)
{
    int fd = openat(ledger->options.directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        log_debug(ledger->options.log, "retention: the ledger is being read; later");
    } else {
        int error = remove_old(ledger, sequence);
        if (error < 0)
            log_warn(ledger->options.log, "retention: a segment cannot be removed: %s", error_text(error));
    }
    if (fd >= 0)
        close(fd);
}
