/* The loop's side of the ledger: filling, sealing, reaping. Nothing here touches a file while the threads run. */
#include "store/ledger_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/loop.h"
#include "store/directory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_FIRST_BYTES 65536u
#define NEW_BYTES_MAX \
    4194304u /* a segment that the helper has not made ready: set aside and not filled, so it is cheap */
#define BATCH_KEPT_BYTES 1048576u /* larger batches give their memory back */
#define SPARES_KEPT 3
#define STACK_BYTES 262144u

static struct batch *batch_new(void)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    list_init(&batch->link);
    list_init(&batch->waits);
    batch->len = BATCH_HEADER_BYTES;
    return batch;
}

static void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->bytes);
    free(batch);
}

static int batch_reserve(struct batch *batch, size_t more)
{
    if (batch->len + more <= batch->cap)
        return 0;
    size_t cap = batch->cap == 0 ? BATCH_FIRST_BYTES : batch->cap * 2;
    while (cap < batch->len + more)
        cap *= 2;
    void *bytes;
    if (posix_memalign(&bytes, BLOCK_BYTES, cap) != 0)
        return E_NOMEM;
    if (batch->bytes != NULL)
        memcpy(bytes, batch->bytes, batch->len);
    free(batch->bytes);
    batch->bytes = bytes;
    batch->cap = cap;
    return 0;
}

/* What a record takes at most: its frame, and the zeros up to the batch's last block. */
static size_t room_for(size_t record_size)
{
    return FRAME_HEADER_BYTES + record_size + BLOCK_BYTES;
}

/* A next segment that a helper finished is used; what an interrupted start of one left behind is not. */
static void leftovers_find(struct ledger *ledger)
{
    static const char zeros[BLOCK_BYTES];
    static const char *const unfinished[] = { NEW_NAME, NEXT_UNFINISHED };
    int directory = ledger->options.directory;
    char block[BLOCK_BYTES];
    struct stat status;
    for (size_t i = 0; i < ARRAY_LEN(unfinished); i++)
        (void)unlinkat(directory, unfinished[i], 0);
    int fd = openat(directory, NEXT_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    bool usable = fstat(fd, &status) == 0 && status.st_size >= (off_t)SEGMENT_FIRST_BYTES &&
                  status.st_size % BLOCK_BYTES == 0 && pread(fd, block, sizeof block, 0) == (ssize_t)sizeof block &&
                  memcmp(block, zeros, sizeof block) == 0;
    close(fd);
    if (usable) {
        atomic_store(&ledger->next_size, (uint64_t)status.st_size);
        atomic_store(&ledger->next_state, NEXT_READY);
    } else {
        (void)unlinkat(directory, NEXT_NAME, 0);
    }
}

static int open_at(struct ledger *ledger, const struct ledger_tail *tail)
{
    char name[SEGMENT_NAME_MAX];
    segment_name(tail->segment, name);
    ledger->next_sequence = tail->next_sequence;
    ledger->written = tail->next_sequence - 1;
    atomic_store(&ledger->durable, tail->next_sequence - 1);
    ledger->last = tail->last;
    ledger->segment = tail->segment;
    ledger->segment_size = tail->segment_size;
    ledger->segment_used = tail->offset;
    return segment_open(ledger->options.directory, name, &ledger->sync, &ledger->fd);
}

static int conditions_init(struct ledger *ledger)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return E_NOMEM;
    int failed = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    failed |= pthread_mutex_init(&ledger->mutex, NULL);
    failed |= pthread_cond_init(&ledger->work, &monotonic);
    failed |= pthread_cond_init(&ledger->help, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return failed == 0 ? 0 : E_NOMEM;
}

int ledger_open(const struct ledger_options *options, const struct ledger_tail *tail, struct ledger **out)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return E_NOMEM;
    ledger->magic = LEDGER_MAGIC;
    ledger->options = *options;
    ledger->fd = -1;
    ledger->sync = options->mode == LEDGER_DURABLE ? SEGMENT_DIRECT : SEGMENT_NO_SYNC;
    ledger->next_sequence = 1;
    list_init(&ledger->spare);
    list_init(&ledger->sealed);
    list_init(&ledger->done);
    int error = conditions_init(ledger);
    if (error < 0) {
        free(ledger);
        return error;
    }
    error = hasher_new(&ledger->hasher);
    if (error == 0) {
        ledger->filling = batch_new();
        error = ledger->filling == NULL ? E_NOMEM : 0;
        leftovers_find(ledger);
    }
    if (error == 0 && tail != NULL)
        error = open_at(ledger, tail);
    if (error < 0) {
        ledger_close(ledger);
        return error;
    }
    ledger_measure_disk(ledger);
    *out = ledger;
    return 0;
}

static void reap(struct ledger *ledger)
{
    struct list done;
    list_init(&done);
    AZ(pthread_mutex_lock(&ledger->mutex));
    LIST_EACH (&ledger->done, link, after) {
        list_remove(link);
        list_append(&done, link);
    }
    AZ(pthread_mutex_unlock(&ledger->mutex));

    LIST_EACH (&done, link, after) {
        struct batch *batch = CONTAINER_OF(link, struct batch, link);
        list_remove(link);
        AN(ledger->outstanding);
        ledger->outstanding--;
        ledger->outstanding_bytes -= batch->len;
        if (batch->begins_segment && batch->uses_next)
            atomic_store(&ledger->next_state, NEXT_NONE); /* the file has its own name now */
        if (ledger->options.written != NULL)
            ledger->options.written(ledger->options.arg,
                                    str_of(batch->bytes + BATCH_HEADER_BYTES, batch->len - BATCH_HEADER_BYTES));
        /* A wait's owner may be gone once its `done` has run: the list is emptied from its front. */
        while (!list_is_empty(&batch->waits)) {
            struct list *first = batch->waits.next;
            list_remove(first);
            struct ledger_wait *wait = CONTAINER_OF(first, struct ledger_wait, link);
            wait->done(wait);
        }
        if (ledger->spares == SPARES_KEPT || batch->cap > BATCH_KEPT_BYTES) {
            batch_free(batch);
            continue;
        }
        batch->len = BATCH_HEADER_BYTES;
        batch->count = 0;
        batch->begins_segment = false;
        list_append(&ledger->spare, &batch->link);
        ledger->spares++;
    }
}

/* The helper's answer, once. */
static void tell_look(struct ledger *ledger)
{
    AZ(pthread_mutex_lock(&ledger->mutex));
    bool looked = ledger->looked_at_segments;
    struct ledger_look seen = ledger->seen;
    ledger->looked_at_segments = false;
    AZ(pthread_mutex_unlock(&ledger->mutex));
    if (looked && ledger->options.looked != NULL)
        ledger->options.looked(ledger->options.arg, &seen);
}

static void woken(void *arg)
{
    struct ledger *ledger = arg;
    reap(ledger);
    tell_look(ledger);
    if (ledger->options.reaped != NULL)
        ledger->options.reaped(ledger->options.arg);
}

static int thread_start(pthread_t *thread, void *(*run)(void *), struct ledger *ledger)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return E_NOMEM;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)sigfillset(&all);
    AZ(pthread_sigmask(SIG_SETMASK, &all, &before)); /* signals are the loop's */
    int failed = pthread_create(thread, &attributes, run, ledger);
    AZ(pthread_sigmask(SIG_SETMASK, &before, NULL));
    (void)pthread_attr_destroy(&attributes);
    return failed == 0 ? 0 : E_NOMEM;
}

static void threads_stop(struct ledger *ledger, bool helper)
{
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->stop = true;
    AZ(pthread_cond_broadcast(&ledger->work));
    AZ(pthread_cond_broadcast(&ledger->help));
    AZ(pthread_mutex_unlock(&ledger->mutex));
    AZ(pthread_join(ledger->writer, NULL));
    if (helper)
        AZ(pthread_join(ledger->helper, NULL));
}

int ledger_start(struct ledger *ledger, struct loop *loop)
{
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    CHECK(!ledger->started && ledger->fd >= 0);
    int error = wakeup_new(loop, woken, ledger, &ledger->wakeup);
    if (error < 0)
        return error;
    error = thread_start(&ledger->writer, ledger_writer, ledger);
    if (error < 0)
        return error;
    error = thread_start(&ledger->helper, ledger_helper, ledger);
    if (error < 0)
        threads_stop(ledger, false);
    ledger->started = error == 0;
    return error;
}

static void batches_free(struct list *batches)
{
    LIST_EACH (batches, link, after) {
        list_remove(link);
        batch_free(CONTAINER_OF(link, struct batch, link));
    }
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    if (ledger->started) {
        ledger_seal(ledger);
        threads_stop(ledger, true);
    }
    if (ledger->fd >= 0) {
        ledger_sync(ledger);
        close(ledger->fd);
    }
    wakeup_free(ledger->wakeup);
    batches_free(&ledger->sealed);
    batches_free(&ledger->done);
    batches_free(&ledger->spare);
    batch_free(ledger->filling);
    hasher_free(ledger->hasher);
    (void)pthread_cond_destroy(&ledger->work);
    (void)pthread_cond_destroy(&ledger->help);
    (void)pthread_mutex_destroy(&ledger->mutex);
    ledger->magic = 0;
    free(ledger);
}

bool ledger_fits(const struct ledger *ledger, size_t record_size)
{
    if (ledger->beginning)
        return true;
    return ledger->segment_used + ledger->filling->len + room_for(record_size) <= ledger->segment_size;
}

int ledger_reserve(struct ledger *ledger, size_t record_size)
{
    return batch_reserve(ledger->filling, room_for(record_size));
}

uint64_t ledger_append(struct ledger *ledger, const struct record *record, size_t record_size, struct ledger_wait *wait)
{
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    struct batch *batch = ledger->filling;
    CHECK(ledger_fits(ledger, record_size));
    AZ(ledger_reserve(ledger, record_size));
    if (batch->count == 0)
        batch->first_sequence = ledger->next_sequence;

    char *frame = batch->bytes + batch->len;
    struct buf place = { .ptr = frame + FRAME_HEADER_BYTES, .cap = record_size, .max = record_size };
    record_write(record, &place);
    CHECK(buf_ok(&place) && place.len <= LIMIT_ledger_record);
    frame_header_put(frame, (uint32_t)place.len, ledger->next_sequence);
    batch->len += FRAME_HEADER_BYTES + place.len;
    batch->count++;
    if (wait != NULL)
        list_append(&batch->waits, &wait->link);
    return ledger->next_sequence++;
}

static struct batch *batch_take(struct ledger *ledger)
{
    if (list_is_empty(&ledger->spare)) {
        struct batch *batch = batch_new();
        AN(batch);
        return batch;
    }
    struct batch *batch = CONTAINER_OF(ledger->spare.next, struct batch, link);
    list_remove(&batch->link);
    ledger->spares--;
    return batch;
}

/* The helper is asked for the next segment when half of this one is used. */
static void ask_for_next(struct ledger *ledger)
{
    if (!ledger->started || ledger->segment_used < ledger->segment_size / 2 ||
        atomic_load(&ledger->next_state) != NEXT_NONE)
        return;
    uint64_t size = ledger->segment_size * 4;
    atomic_store(&ledger->next_state, NEXT_ASKED);
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->make_next = size < LIMIT_segment_bytes ? size : LIMIT_segment_bytes;
    AZ(pthread_cond_signal(&ledger->help));
    AZ(pthread_mutex_unlock(&ledger->mutex));
}

void ledger_seal(struct ledger *ledger)
{
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    struct batch *batch = ledger->filling;
    if (batch->count == 0)
        return;
    batch->segment = ledger->segment;
    batch->offset = ledger->segment_used;
    ledger->segment_used += block_align(batch->len);
    CHECK(ledger->segment_used <= ledger->segment_size);
    ledger->outstanding++;
    ledger->outstanding_bytes += batch->len;
    ledger->filling = batch_take(ledger);

    AZ(pthread_mutex_lock(&ledger->mutex));
    list_append(&ledger->sealed, &batch->link);
    AZ(pthread_mutex_unlock(&ledger->mutex));
    AZ(pthread_cond_signal(&ledger->work)); /* behind the lock: who wakes at once need not wait for it */
    ask_for_next(ledger);
}

void ledger_segment_begin(struct ledger *ledger)
{
    CHECK(!ledger->beginning);
    ledger_seal(ledger);
    ledger->beginning = true;
}

void ledger_segment_end(struct ledger *ledger, int64_t now_ms, size_t record_size, bool last)
{
    struct batch *batch = ledger->filling;
    CHECK(ledger->beginning && batch->count > 0);
    uint64_t needed = BLOCK_BYTES + block_align(batch->len) + block_align(BATCH_HEADER_BYTES + room_for(record_size));
    uint64_t ready = atomic_load(&ledger->next_state) == NEXT_READY ? atomic_load(&ledger->next_size) : 0;
    uint64_t size = SEGMENT_FIRST_BYTES;
    bool uses_next = !last && ready >= needed && ready >= block_align(batch->len) * 2;
    if (!last && ledger->segment > 0)
        size = NEW_BYTES_MAX;
    while (size < needed * 2)
        size *= 2;
    batch->begins_segment = true;
    batch->uses_next = uses_next;
    batch->segment_size = uses_next ? ready : size;
    batch->created_ms = now_ms;
    if (uses_next)
        atomic_store(&ledger->next_state, NEXT_TAKEN);
    ledger->beginning = false;
    ledger->segment++;
    ledger->segment_size = batch->segment_size;
    ledger->segment_used = BLOCK_BYTES;
    ledger_seal(ledger);
}

uint64_t ledger_segment_used(const struct ledger *ledger)
{
    return ledger->segment_used;
}

bool ledger_is_idle(const struct ledger *ledger)
{
    return ledger->outstanding == 0;
}

bool ledger_is_filling(const struct ledger *ledger)
{
    return ledger->filling->count > 0;
}

size_t ledger_backlog(const struct ledger *ledger)
{
    return ledger->outstanding_bytes + ledger->filling->len;
}

int ledger_write_now(struct ledger *ledger)
{
    CHECK_OBJ(ledger, LEDGER_MAGIC);
    CHECK(!ledger->started);
    ledger_seal(ledger);
    while (!list_is_empty(&ledger->sealed)) {
        struct batch *batch = CONTAINER_OF(ledger->sealed.next, struct batch, link);
        int number = batch_write(ledger, batch);
        if (number != 0)
            return E_NOSPACE;
        list_remove(&batch->link);
        list_append(&ledger->done, &batch->link);
    }
    ledger_sync(ledger);
    reap(ledger);
    return 0;
}

bool ledger_has_disk(const struct ledger *ledger)
{
    return !atomic_load(&ledger->disk_full) && !atomic_load(&ledger->disk_low);
}

void ledger_look_at_disk(struct ledger *ledger)
{
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->look = true;
    AZ(pthread_cond_signal(&ledger->help));
    AZ(pthread_mutex_unlock(&ledger->mutex));
}

void ledger_look_at_segments(struct ledger *ledger, const struct ledger_keep *keep)
{
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->keep = *keep;
    ledger->look_at_segments = true;
    AZ(pthread_cond_signal(&ledger->help));
    AZ(pthread_mutex_unlock(&ledger->mutex));
}

void ledger_drop(struct ledger *ledger, uint64_t sequence)
{
    AZ(pthread_mutex_lock(&ledger->mutex));
    ledger->drop = sequence;
    AZ(pthread_cond_signal(&ledger->help));
    AZ(pthread_mutex_unlock(&ledger->mutex));
}

uint64_t ledger_last(const struct ledger *ledger)
{
    return ledger->next_sequence - 1;
}

uint64_t ledger_durable(const struct ledger *ledger)
{
    return atomic_load(&ledger->durable);
}

static int by_size(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return first < second ? -1 : first > second;
}

void ledger_stats(struct ledger *ledger, struct ledger_stats *out)
{
    uint32_t flushes[FLUSHES_KEPT];
    AZ(pthread_mutex_lock(&ledger->mutex));
    *out = (struct ledger_stats){
        .batches = ledger->batches, .records = ledger->records, .bytes = ledger->bytes, .direct = ledger->direct
    };
    memcpy(flushes, ledger->flush_us, sizeof flushes);
    AZ(pthread_mutex_unlock(&ledger->mutex));
    size_t count = out->batches < FLUSHES_KEPT ? (size_t)out->batches : FLUSHES_KEPT;
    if (count == 0)
        return;
    qsort(flushes, count, sizeof *flushes, by_size);
    out->flush_p50_us = flushes[count / 2];
}
