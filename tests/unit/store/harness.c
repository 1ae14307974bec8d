/* Setting up and tearing down stores for tests. */
#include "harness.h"

#include "base/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void keep_line(struct log *log, enum log_level level, const char *text)
{
    struct harness *harness = CONTAINER_OF(log, struct harness, log);
    (void)level;
    AZ(pthread_mutex_lock(&harness->mutex));
    size_t len = strlen(harness->lines);
    (void)snprintf(harness->lines + len, sizeof harness->lines - len, "%s\n", text);
    AZ(pthread_mutex_unlock(&harness->mutex));
}

void harness_init(struct harness *harness)
{
    memset(harness, 0, sizeof *harness);
    AZ(pthread_mutex_init(&harness->mutex, NULL));
    (void)snprintf(harness->directory, sizeof harness->directory, "/tmp/warder-store-XXXXXX");
    assert_non_null(mkdtemp(harness->directory));
    clock_manual_init(&harness->clock, NOON);
    harness->log = (struct log){ .least = LOG_DEBUG, .clock = &harness->clock.clock, .line = keep_line };
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void harness_release(struct harness *harness)
{
    harness_close(harness);
    (void)nftw(harness->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int open_with(struct harness *harness, struct loop *loop)
{
    struct store_options options = { .directory = str_from_c(harness->directory), .audit = harness->audit, .loop = loop,
                                     .clock = &harness->clock.clock, .log = &harness->log };
    return store_open(&options, &harness->store);
}

int harness_open(struct harness *harness)
{
    assert_int_equal(loop_new(clock_system(), &harness->log, &harness->loop), 0);
    int error = open_with(harness, harness->loop);
    if (error < 0)
        harness_close(harness);
    return error;
}

int harness_open_alone(struct harness *harness) { return open_with(harness, NULL); }

void harness_close(struct harness *harness)
{
    store_close(harness->store);
    harness->store = NULL;
    loop_free(harness->loop);
    harness->loop = NULL;
}

bool harness_logged(struct harness *harness, const char *text)
{
    AZ(pthread_mutex_lock(&harness->mutex));
    bool found = strstr(harness->lines, text) != NULL;
    AZ(pthread_mutex_unlock(&harness->mutex));
    return found;
}

void harness_until(struct harness *harness, const int *flag, int wanted)
{
    int64_t end = clock_mono_ms(clock_system()) + 10000;
    while (*flag < wanted) {
        assert_true(clock_mono_ms(clock_system()) < end);
        loop_turn(harness->loop, true);
    }
}

static void count_up(struct timer *timer);
struct waiting { struct timer timer; int fired; };

static void count_up(struct timer *timer) { CONTAINER_OF(timer, struct waiting, timer)->fired = 1; }

void harness_run_ms(struct harness *harness, int ms)
{
    struct waiting waiting = { .fired = 0 };
    timer_init(&waiting.timer, harness->loop, count_up);
    timer_start(&waiting.timer, ms);
    harness_until(harness, &waiting.fired, 1);
}

void harness_segment(const struct harness *harness, char path[128])
{
    char directory[96], last[64] = "";
    (void)snprintf(directory, sizeof directory, "%s/ledger", harness->directory);
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strlen(entry->d_name) == 20 && strcmp(entry->d_name, last) > 0)
            (void)snprintf(last, sizeof last, "%.60s", entry->d_name);
    }
    (void)closedir(listing);
    (void)snprintf(path, 128, "%s/%.24s", directory, last);
}

char *file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *len = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, file), *len);
    (void)fclose(file);
    return bytes;
}

void file_write(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void harness_copy_directory(const struct harness *from, struct harness *to)
{
    char path[128], copy[128];
    size_t len;
    harness_segment(from, path);
    char *bytes = file_read(path, &len);
    (void)snprintf(copy, sizeof copy, "%s/ledger", to->directory);
    (void)mkdir(copy, 0700);
    (void)snprintf(copy, sizeof copy, "%s%s", to->directory, path + strlen(from->directory));
    file_write(copy, bytes, len);
    free(bytes);
}

struct id id_of(unsigned number)
{
    struct id id = { { 1 } };
    memcpy(id.bytes + 12, &number, sizeof number);
    return id;
}

struct debit debit_calls(unsigned max)
{
    return (struct debit){ .key = { SCOPE_GRANT, STR("g1"), STR("stripe"), STR("calls"), { WINDOW_SECONDS, 3600, WINDOW_FIXED } },
                           .cost = AMOUNT_ONE, .max = max * AMOUNT_ONE };
}

void told_done(void *arg, const struct admit_result *result)
{
    struct told *told = arg;
    told->count++;
    told->result = *result;
}

struct admission *admit_one(struct harness *harness, unsigned number, const struct debit *debits, size_t count)
{
    struct record record = { .call = id_of(number), .server = STR("stripe"), .method = STR("tools/call"),
                             .name = STR("create_charge"), .grant = STR("g1") };
    struct told told = { 0 };
    struct admission *admission;
    struct admit_result result;
    assert_int_equal(store_admit(harness->store, &record, debits, count, told_done, &told, &admission, &result), 0);
    assert_int_equal(told.count, 0);
    harness_until(harness, &told.count, 1);
    assert_int_equal(told.result.what, ADMITTED);
    assert_ptr_equal(told.result.admission, admission);
    return admission;
}

int admit_try(struct harness *harness, unsigned number, const struct debit *debit, struct admit_result *result)
{
    struct record record = { .call = id_of(number), .server = STR("stripe"), .name = STR("create_charge") };
    struct told told = { 0 };
    struct admission *admission;
    int error = store_admit(harness->store, &record, debit, 1, told_done, &told, &admission, result);
    if (error < 0) {
        assert_null(admission);
        return error;
    }
    harness_until(harness, &told.count, 1);
    store_settle(harness->store, admission, OUTCOME_not_sent, REASON_internal, true);
    return 0;
}

struct counting { enum record_kind kind; uint64_t count; };

static int count_one(void *arg, uint64_t sequence, const struct record *record)
{
    struct counting *counting = arg;
    (void)sequence;
    counting->count += record->kind == counting->kind;
    return 0;
}

uint64_t count_records(const struct harness *harness, enum record_kind kind)
{
    struct counting counting = { .kind = kind };
    assert_int_equal(store_read(str_from_c(harness->directory), 1, 0, count_one, &counting), 0);
    return counting.count;
}
