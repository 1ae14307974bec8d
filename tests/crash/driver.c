/* The smallest gateway: opens a store, admits calls, writes each to a pipe once it is admitted, settles it, ends.
 *
 *   driver DATA durable|process|off CALLS [FIRST [fill|retain]]    calls go to descriptor 3 as lines "crash-call-N"
 *
 * FIRST: the number of the first call. `fill`: so much is recorded that a stop ends the segment. `retain`: everything but the last segment is dropped, and waited for at the end.
 * CALLS 0: without end. The first half of the calls go one by one, the others all at once. Exit status 0 also when
 * calls were denied; what was sent is what counts. */
#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_FD 3
#define AT_ONCE 8u
#define FILL_BYTES ((size_t)1 << 20)

struct driver {
    struct loop  *loop;
    struct store *store;
    unsigned      first, calls, next, ended, denied;
    struct timer  again;
    const char   *retains;      /* DATA; NULL: nothing is dropped */
    struct timer  dropped;      /* looks whether that is done */
};

struct sending {
    struct driver *driver;
    char           name[32];
};

#define MANY (1000000000 * AMOUNT_ONE)

/* Each call counts by its grant, by the grant above it, and with a tenth by one of three values. */
static const struct debit debits[] = {
    { .key = { SCOPE_GRANT, { "g1", 2 }, { "server", 6 }, { "calls", 5 }, { .kind = WINDOW_TOTAL } }, .cost = AMOUNT_ONE, .max = MANY },
    { .key = { SCOPE_GRANT, { "p1", 2 }, { "server", 6 }, { "above", 5 }, { .kind = WINDOW_TOTAL } }, .cost = AMOUNT_ONE, .max = MANY },
    { .key = { SCOPE_ARGS, { "1", 1 }, { "server", 6 }, { "tenths", 6 }, { .kind = WINDOW_TOTAL } }, .cost = AMOUNT_ONE / 10, .max = MANY },
};
#define DEBITS (sizeof debits / sizeof debits[0])

static void go_on(struct driver *driver);

static void call_ended(struct driver *driver)
{
    driver->ended++;
    if (driver->calls != 0 && driver->ended == driver->calls && driver->retains)
        timer_start(&driver->dropped, 10);
    else if (driver->calls != 0 && driver->ended == driver->calls)
        loop_stop(driver->loop);
    else
        go_on(driver);
}

static void admitted(void *arg, const struct admit_result *result)
{
    struct sending *sending = arg;
    struct driver *driver = sending->driver;
    if (result->what == ADMITTED) {
        char line[40];
        int len = snprintf(line, sizeof line, "%s\n", sending->name);
        bool sent = write(SERVER_FD, line, (size_t)len) == len;
        store_settle(driver->store, result->admission, sent ? OUTCOME_ok : OUTCOME_not_sent,
                     sent ? REASON_answered : REASON_upstream_closed, !sent);
    } else {
        driver->denied++;
    }
    free(sending);
    call_ended(driver);
}

static void refused_for_now(struct timer *timer)
{
    call_ended((struct driver *)((char *)timer - offsetof(struct driver, again)));
}

static void look_for_segments(struct timer *timer)
{
    struct driver *driver = (struct driver *)((char *)timer - offsetof(struct driver, dropped));
    char path[256];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "%s/ledger", driver->retains);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
    if (directory)
        closedir(directory);
    if (count == 1)
        loop_stop(driver->loop);
    else
        timer_start(timer, 10);
}

static void admit(struct driver *driver, unsigned number)
{
    struct sending *sending = malloc(sizeof *sending);
    struct admission *admission;
    struct admit_result result;
    if (sending == NULL)
        abort();
    sending->driver = driver;
    number += driver->first;
    (void)snprintf(sending->name, sizeof sending->name, "crash-call-%u", number % 10000);
    struct record record = { .server = STR("server"), .method = STR("tools/call"), .name = str_from_c(sending->name),
                             .grant = STR("g1") };
    memcpy(record.call.bytes, &number, sizeof number);
    record.call.bytes[15] = 1;
    struct debit taken[DEBITS];
    memcpy(taken, debits, sizeof taken);
    taken[2].key.scope_value = str_slice(STR("123"), number % 3, number % 3 + 1);
    if (store_admit(driver->store, &record, taken, DEBITS, admitted, sending, &admission, &result) < 0) {
        free(sending);
        driver->denied++;
        timer_start(&driver->again, 20);
    }
}

static void go_on(struct driver *driver)
{
    unsigned under_way = driver->next - driver->ended;
    unsigned wanted = driver->calls == 0 ? AT_ONCE : driver->next < driver->calls / 2 ? 1 : driver->calls;
    while (under_way < wanted && (driver->calls == 0 || driver->next < driver->calls) && !driver->again.running) {
        admit(driver, driver->next++);
        under_way++;
    }
}

static int open_store(struct driver *driver, char **argv, struct log *log)
{
    struct store_options options = {
        .directory = str_from_c(argv[1]), .loop = driver->loop, .clock = clock_system(), .log = log,
        .audit = strcmp(argv[2], "durable") == 0 ? AUDIT_DURABLE : strcmp(argv[2], "process") == 0 ? AUDIT_PROCESS : AUDIT_OFF,
    };
    return store_open(&options, &driver->store);
}

static void fill(struct driver *driver)
{
    static char text[60000];
    memset(text, 'x', sizeof text);
    for (size_t bytes = 0; bytes <= FILL_BYTES; bytes += sizeof text) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(text, sizeof text) };
        store_record(driver->store, &record);
    }
}

int main(int argc, char **argv)
{
    struct driver driver = { 0 };
    struct log log;
    if (argc < 4)
        return 2;
    log_init_stderr(&log, clock_system(), LOG_ERROR);
    driver.calls = (unsigned)strtoul(argv[3], NULL, 10);
    if (loop_new(clock_system(), &log, &driver.loop) < 0 || open_store(&driver, argv, &log) < 0)
        return 1;
    timer_init(&driver.again, driver.loop, refused_for_now);
    timer_init(&driver.dropped, driver.loop, look_for_segments);
    driver.first = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    if (argc > 5 && strcmp(argv[5], "fill") == 0) {
        fill(&driver);
    } else if (argc > 5) {
        driver.retains = argv[1];
        store_retain(driver.store, 0, 1);
    }
    go_on(&driver);
    loop_run(driver.loop);
    timer_stop(&driver.again);
    timer_stop(&driver.dropped);
    store_close(driver.store);
    loop_free(driver.loop);
    if (driver.denied > 0)
        (void)fprintf(stderr, "driver: %u calls were denied\n", driver.denied);
    return 0;
}
