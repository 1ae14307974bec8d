/* Reading behind the writer, segment by segment, in transactions of bounded size. */
#include "store/projection.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/chain.h"
#include "store/database.h"
#include "store/directory.h"
#include "store/segment.h"
#include "store/span.h"
#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOW_PRIORITY 15
#define RECORDS_A_TRANSACTION 8192
#define STACK_BYTES 524288u

struct follower { /* one reading of the ledger into the database */
    int data, ledger;
    char *path;
    struct log *log;
    struct database *database;
    struct hasher *hasher;
    struct segment_reader segment; /* fd -1: not placed yet */
    struct span_maker span;        /* at the end */
    struct buf words;              /* of it, as they are written */
    struct chain_head at;          /* the last record that was read; the hash is made where it is needed */
    uint64_t until;                /* records up to here are durable */
    uint64_t pending;              /* applied in the open transaction */
    struct chain_head kept;        /* up to here the database holds them */
    bool damaged;                  /* the ledger, behind `at` */
    bool fresh;                    /* the database was empty: checkpoints count */
    uint64_t fresh_until;          /* end of the first segment's checkpoint */
    _Atomic uint64_t applied;      /* committed; 0 while it is made again */
};

struct projection {
    struct follower follower;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    uint64_t durable;
    bool stop;
};

static int follower_init(struct follower *follower, int data, int ledger, struct str path, struct log *log)
{
    *follower = (struct follower){ .data = data, .ledger = ledger, .log = log, .segment = { .fd = -1 } };
    span_maker_init(&follower->span);
    buf_init(&follower->words, LIMIT_ledger_record);
    int error = hasher_new(&follower->hasher);
    follower->path = strndup(path.ptr, path.len);
    return follower->path == NULL ? E_NOMEM : error;
}

static void follower_release(struct follower *follower)
{
    segment_reader_close(&follower->segment);
    database_close(follower->database);
    follower->database = NULL;
    span_maker_release(&follower->span);
    buf_release(&follower->words);
    hasher_free(follower->hasher);
    free(follower->path);
}

static int apply_record(struct follower *follower, uint64_t sequence, const struct record *record)
{
    int error = 0;
    bool fresh = follower->fresh && sequence < follower->fresh_until;
    if (sequence > follower->kept.sequence) {
        follower->pending++;
        if (record->kind == RECORD_OUTCOME && !span_maker_decided(&follower->span, &record->call))
            error = database_put_outcome(follower->database, sequence, record);
        else
            error = database_apply(follower->database, sequence, record, fresh);
    }
    return error < 0 ? error : span_maker_add(&follower->span, sequence, record);
}

/* Links are left to `warder audit verify`: here it is enough that the batch is whole and its numbers follow. */
static int apply_batch(struct follower *follower, const struct batch_header *header, struct str frames)
{
    struct frame frame = { 0 };
    for (uint32_t i = 0; i < header->count; i++) {
        struct record record;
        if (!frame_next(&frames, &frame) || frame.sequence != follower->at.sequence + 1 ||
            record_skim(frame.record, &record) < 0) {
            follower->damaged = true;
            return E_IO;
        }
        int error = apply_record(follower, frame.sequence, &record);
        if (error < 0)
            return error;
        follower->at.sequence++;
    }
    frame_hash(follower->hasher, &frame, &follower->at.hash);
    return 0;
}

/* The segment that holds `sequence`, or the first one there is. */
static int open_segment_of(struct follower *follower, uint64_t sequence)
{
    uint64_t *numbers;
    size_t count;
    int error = segment_list(follower->ledger, &numbers, &count);
    if (error < 0)
        return error;
    error = E_NOT_FOUND;
    for (size_t at = count; at > 0; at--) {
        segment_reader_close(&follower->segment);
        error = segment_reader_open(&follower->segment, follower->ledger, numbers[at - 1]);
        if (error < 0 || follower->segment.header.first_sequence <= sequence)
            break;
    }
    free(numbers);
    return error;
}

static bool stands_at(const struct follower *follower, const struct chain_head *head)
{
    return follower->at.sequence == head->sequence && memcmp(&follower->at.hash, &head->hash, sizeof head->hash) == 0;
}

/* The segment that holds `sequence` or what follows it: its beginning. */
static int place_at_segment(struct follower *follower, uint64_t sequence)
{
    int error = open_segment_of(follower, sequence);
    if (error < 0)
        return error;
    const struct segment_header *head = &follower->segment.header;
    follower->at = (struct chain_head){ head->first_sequence - 1, head->before };
    follower->fresh_until = head->first_sequence;
    span_maker_begin(&follower->span, head->number, BLOCK_BYTES);
    return 0;
}

/* The last span, which is read again to know what is in it. */
static int place_at_span(struct follower *follower, const struct span *span)
{
    follower->segment.offset = span->offset;
    follower->at.sequence = span->first - 1;
    span_maker_begin(&follower->span, span->segment, span->offset);
    while (follower->at.sequence < follower->kept.sequence) {
        struct batch_header header;
        struct str frames;
        int error = segment_reader_next(&follower->segment, &header, &frames);
        if (error == 0)
            error = apply_batch(follower, &header, frames);
        if (error == E_NOT_FOUND || follower->damaged) { /* seen as what it is when all is read anew */
            follower->damaged = false;
            return E_CORRUPT;
        }
        if (error < 0)
            return error;
    }
    return 0;
}

/* Finds the place behind the last applied record. E_CORRUPT: the database is of another ledger, or ahead of this one.
 */
static int place(struct follower *follower)
{
    struct span span;
    follower->kept.sequence = database_applied(follower->database, &follower->kept.hash);
    follower->fresh = follower->kept.sequence == 0;
    if (follower->fresh)
        return place_at_segment(follower, 1);
    int error = database_last_span(follower->database, &span);
    if (error == 0)
        error = segment_reader_open(&follower->segment, follower->ledger, span.segment);
    if (error == 0)
        error = place_at_span(follower, &span);
    else if (error == E_NOT_FOUND) /* retention took it, up to where the next one begins */
        error = place_at_segment(follower, follower->kept.sequence + 1);
    return error == 0 && !stands_at(follower, &follower->kept) ? E_CORRUPT : error;
}

/* The checkpoint at the head of the first segment of a rebuild ends with its batch. */
static void note_checkpoint(struct follower *follower, const struct batch_header *header)
{
    if (follower->fresh && header->first_sequence == follower->segment.header.first_sequence &&
        follower->fresh_until == header->first_sequence)
        follower->fresh_until = header->first_sequence + header->count;
}

static int put_span(struct follower *follower)
{
    if (follower->span.span.last <= follower->kept.sequence)
        return 0; /* nothing new is in it */
    span_maker_words(&follower->span, &follower->words);
    if (!buf_ok(&follower->words))
        return E_NOMEM;
    return database_put_span(follower->database, &follower->span.span, buf_str(&follower->words));
}

static int commit(struct follower *follower)
{
    int error = put_span(follower);
    if (error == 0)
        error = database_commit(follower->database, follower->at.sequence, &follower->at.hash);
    if (error == 0) {
        follower->pending = 0;
        follower->kept = follower->at;
        atomic_store(&follower->applied, follower->at.sequence);
    }
    return error;
}

/* The next one begins with the batch at which the segment's reader stands. */
static int end_span(struct follower *follower)
{
    int error = put_span(follower);
    span_maker_begin(&follower->span, follower->segment.header.number, follower->segment.offset);
    return error;
}

static int next_segment(struct follower *follower)
{
    struct segment_reader next;
    int error = segment_reader_open(&next, follower->ledger, follower->segment.header.number + 1);
    if (error < 0)
        return error;
    struct chain_head before = { next.header.first_sequence - 1, next.header.before };
    if (!stands_at(follower, &before)) {
        segment_reader_close(&next);
        return E_NOT_FOUND;
    }
    segment_reader_close(&follower->segment);
    follower->segment = next;
    return end_span(follower);
}

/* One batch into the open transaction. E_NOT_FOUND: nothing more is durable. */
static int follow_batch(struct follower *follower)
{
    struct batch_header header;
    struct str frames;
    if (follower->at.sequence >= follower->until)
        return E_NOT_FOUND;
    int error = segment_reader_next(&follower->segment, &header, &frames);
    if (error == E_NOT_FOUND) {
        segment_reader_refresh(&follower->segment);
        error = segment_reader_next(&follower->segment, &header, &frames);
    }
    if (error == E_NOT_FOUND)
        return next_segment(follower);
    if (error < 0)
        return error;
    note_checkpoint(follower, &header);
    error = apply_batch(follower, &header, frames);
    if (error == 0 && span_maker_count(&follower->span) >= SPAN_RECORDS)
        error = end_span(follower);
    return error;
}

/* One transaction. 1: there may be more; 0: caught up. */
static int follow(struct follower *follower)
{
    int error = 0;
    if (follower->database == NULL)
        error = database_open(follower->data, str_from_c(follower->path), &follower->database);
    if (error == 0 && follower->segment.fd < 0)
        error = place(follower);
    if (error < 0)
        return error == E_NOT_FOUND ? 0 : error;
    atomic_store(&follower->applied, follower->kept.sequence);
    if (follower->at.sequence >= follower->until)
        return database_trim(follower->database);
    error = database_begin(follower->database);
    while (error == 0 && follower->pending < RECORDS_A_TRANSACTION)
        error = follow_batch(follower);
    if (error < 0 && error != E_NOT_FOUND)
        return error;
    bool more = error == 0;
    error = commit(follower);
    if (error == 0 && !more)
        return database_trim(follower->database);
    return error < 0 ? error : more;
}

/* After a failure: the next try begins at what is committed, in a new database if the old one was no good. */
static void start_over(struct follower *follower, int error)
{
    if (follower->damaged)
        log_error(follower->log, "projection: the ledger is damaged at record %llu; queries know nothing behind it",
                  (unsigned long long)follower->at.sequence + 1);
    else
        log_warn(follower->log, "projection: %s; %s", error_text(error),
                 error == E_CORRUPT ? "state.db is made again from the ledger" : "tried again later");
    if (follower->database != NULL)
        database_rollback(follower->database);
    database_close(follower->database);
    follower->database = NULL;
    follower->pending = 0;
    atomic_store(&follower->applied, 0);
    segment_reader_close(&follower->segment);
    if (error == E_CORRUPT)
        database_remove(follower->data);
}

static bool wait_for_more(struct projection *projection, bool at_once)
{
    AZ(pthread_mutex_lock(&projection->mutex));
    while (!at_once && !projection->stop && projection->durable <= projection->follower.until)
        AZ(pthread_cond_wait(&projection->wake, &projection->mutex));
    projection->follower.until = projection->durable;
    bool stop = projection->stop;
    AZ(pthread_mutex_unlock(&projection->mutex));
    return !stop;
}

static void *projection_run(void *arg)
{
    struct projection *projection = arg;
    struct follower *follower = &projection->follower;
    bool more = false;
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOW_PRIORITY);
    while (wait_for_more(projection, more)) {
        int result = follow(follower);
        more = result > 0;
        if (result < 0)
            start_over(follower, result);
        if (follower->damaged)
            break;
        else if (!more && follower->database != NULL)
            database_rest(follower->database);
    }
    return NULL;
}

int projection_start(int data, int ledger, struct str path, struct log *log, struct projection **out)
{
    struct projection *projection = calloc(1, sizeof *projection);
    if (projection == NULL)
        return E_NOMEM;
    int error = follower_init(&projection->follower, data, ledger, path, log);
    AZ(pthread_mutex_init(&projection->mutex, NULL));
    AZ(pthread_cond_init(&projection->wake, NULL));
    if (error == 0) {
        pthread_attr_t attributes;
        sigset_t all, before;
        AZ(pthread_attr_init(&attributes));
        (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
        (void)sigfillset(&all);
        AZ(pthread_sigmask(SIG_SETMASK, &all, &before));
        if (pthread_create(&projection->thread, &attributes, projection_run, projection) != 0)
            error = E_NOMEM;
        AZ(pthread_sigmask(SIG_SETMASK, &before, NULL));
        (void)pthread_attr_destroy(&attributes);
    }
    if (error == 0) {
        *out = projection;
        return 0;
    }
    follower_release(&projection->follower);
    free(projection);
    return error;
}

void projection_stop(struct projection *projection)
{
    if (projection == NULL)
        return;
    AZ(pthread_mutex_lock(&projection->mutex));
    projection->stop = true;
    AZ(pthread_cond_signal(&projection->wake));
    AZ(pthread_mutex_unlock(&projection->mutex));
    AZ(pthread_join(projection->thread, NULL));
    follower_release(&projection->follower);
    (void)pthread_cond_destroy(&projection->wake);
    (void)pthread_mutex_destroy(&projection->mutex);
    free(projection);
}

uint64_t projection_applied(const struct projection *projection)
{
    return atomic_load(&projection->follower.applied);
}

void projection_look(struct projection *projection, uint64_t durable)
{
    AZ(pthread_mutex_lock(&projection->mutex));
    if (durable > projection->durable) {
        projection->durable = durable;
        AZ(pthread_cond_signal(&projection->wake));
    }
    AZ(pthread_mutex_unlock(&projection->mutex));
}

int store_project(struct str directory, struct log *log)
{
    struct follower follower;
    int data, lock, ledger, result = 1;
    int error = directory_open_data(directory, &data);
    if (error < 0)
        return error;
    close(data);
    error = directory_open(directory, log, &data, &lock);
    if (error < 0)
        return error;
    error = directory_open_ledger(directory, &ledger);
    if (error < 0) {
        close(data);
        close(lock);
        return error;
    }
    error = follower_init(&follower, data, ledger, directory, log);
    follower.until = UINT64_MAX;
    for (int failures = 0; error == 0 && result > 0;) {
        result = follow(&follower);
        if (result == E_CORRUPT && failures++ == 0) {
            start_over(&follower, result);
            result = 1;
        }
    }
    if (error == 0)
        error = follower.damaged ? E_CORRUPT : result;
    follower_release(&follower);
    close(ledger);
    close(data);
    close(lock);
    return error;
}
