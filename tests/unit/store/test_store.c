/* Admitting, settling, and what a restart gives back. */
#include "harness.h"

#include "base/check.h"
#include "base/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct harness h;

static int setup(void **state)
{
    (void)state;
    harness_init(&h);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_release(&h);
    return 0;
}

static void reopen(void)
{
    harness_close(&h);
    assert_int_equal(harness_open(&h), 0);
}

static void an_admission_is_durable_before_it_is_told(void **state)
{
    (void)state;
    assert_int_equal(harness_open(&h), 0);
    struct debit debit = debit_calls(1);
    struct admission *admission = admit_one(&h, 1, &debit, 1);
    assert_int_equal(count_records(&h, RECORD_DECISION), 1);
    assert_int_equal(count_records(&h, RECORD_OUTCOME), 0);
    store_settle(h.store, admission, OUTCOME_ok, REASON_answered, false);
    harness_run_ms(&h, 50);
    assert_int_equal(count_records(&h, RECORD_OUTCOME), 1);
}

static void a_limit_holds_across_a_restart(void **state)
{
    (void)state;
    struct debit debit = debit_calls(3);
    struct admit_result result;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(i == 0 ? harness_open(&h) : 0, 0);
        store_settle(h.store, admit_one(&h, i, &debit, 1), OUTCOME_ok, REASON_answered, false);
        reopen();
    }
    assert_int_equal(admit_try(&h, 9, &debit, &result), E_LIMIT);
    assert_int_equal(result.what, ADMIT_OVER);
    assert_int_equal(result.reason, REASON_rate_limited);
    assert_int_equal(result.over.debit, 0);
    assert_true(result.over.used == 3 * AMOUNT_ONE);
    assert_true(result.over.resets_ms == NOON + 3600000);
    clock_manual_advance(&h.clock, 3600000);
    assert_int_equal(admit_try(&h, 9, &debit, &result), 0);
}

static void given_back_it_stays_given_back(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    assert_int_equal(harness_open(&h), 0);
    store_settle(h.store, admit_one(&h, 1, &debit, 1), OUTCOME_not_sent, REASON_upstream_unavailable, true);
    assert_int_equal(admit_try(&h, 2, &debit, &result), 0);
    reopen();
    store_settle(h.store, admit_one(&h, 3, &debit, 1), OUTCOME_unknown, REASON_upstream_closed, false);
    assert_int_equal(admit_try(&h, 4, &debit, &result), E_LIMIT);
    reopen();
    assert_int_equal(admit_try(&h, 5, &debit, &result), E_LIMIT);
}

static int find_unknown(void *arg, uint64_t sequence, const struct record *record)
{
    int *found = arg;
    (void)sequence;
    struct id id = id_of(7);
    if (record->kind == RECORD_OUTCOME && record->outcome == OUTCOME_unknown && memcmp(&record->call, &id, sizeof id) == 0)
        (*found)++;
    return 0;
}

/* The store is left as a crash leaves it: the admission has no outcome. */
static void a_call_without_an_outcome_becomes_unknown_once(void **state)
{
    (void)state;
    struct debit debits[] = { debit_calls(1), debit_calls(1) };
    struct admit_result result;
    debits[1].key.window = (struct window){ .kind = WINDOW_CONCURRENT };
    assert_int_equal(harness_open(&h), 0);
    (void)admit_one(&h, 7, debits, 2);
    for (int i = 0; i < 3; i++) {
        int found = 0;
        reopen();
        assert_int_equal(store_read(str_from_c(h.directory), 1, 0, find_unknown, &found), 0);
        assert_int_equal(found, 1);
    }
    assert_int_equal(admit_try(&h, 8, &debits[0], &result), E_LIMIT);
    assert_int_equal(admit_try(&h, 8, &debits[1], &result), 0);
}

static void concurrency_is_released_by_the_outcome(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    debit.key.window = (struct window){ .kind = WINDOW_CONCURRENT };
    assert_int_equal(harness_open(&h), 0);
    struct admission *admission = admit_one(&h, 1, &debit, 1);
    assert_int_equal(admit_try(&h, 2, &debit, &result), E_LIMIT);
    assert_int_equal(result.reason, REASON_concurrent);
    store_settle(h.store, admission, OUTCOME_ok, REASON_answered, false);
    assert_int_equal(admit_try(&h, 3, &debit, &result), 0);
}

static void many_debits_are_copied(void **state)
{
    (void)state;
    static struct debit debits[20];
    char names[20][100];
    assert_int_equal(harness_open(&h), 0);
    for (int i = 0; i < 20; i++) {
        debits[i] = debit_calls(1);
        debits[i].key.counter = str_of(names[i], (size_t)snprintf(names[i], sizeof names[i], "%099d", i));
    }
    struct admission *admission = admit_one(&h, 1, debits, 20);
    memset(names, 'x', sizeof names);
    store_settle(h.store, admission, OUTCOME_not_sent, REASON_internal, true);
    for (int i = 0; i < 20; i++)
        (void)snprintf(names[i], sizeof names[i], "%099d", i);
    (void)admit_one(&h, 2, debits, 20);
}

static void an_abandoned_admission_gives_itself_back(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct record record = { .call = id_of(1), .server = STR("stripe") };
    struct told told = { 0 };
    struct admission *admission;
    struct admit_result result;
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(store_admit(h.store, &record, &debit, 1, told_done, &told, &admission, &result), 0);
    store_admit_abandon(h.store, admission, REASON_client_gone);
    assert_int_equal(admit_try(&h, 2, &debit, &result), E_LIMIT); /* until it is known */
    harness_run_ms(&h, 50);
    assert_int_equal(told.count, 0);
    assert_int_equal(admit_try(&h, 2, &debit, &result), 0);
    assert_int_equal(count_records(&h, RECORD_OUTCOME), 1);
    reopen();
    assert_int_equal(admit_try(&h, 3, &debit, &result), 0);
}

static void what_was_not_told_at_the_end_was_not_sent(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct record record = { .call = id_of(7), .server = STR("stripe") };
    struct told told = { 0 };
    struct admission *admission;
    struct admit_result result;
    int unknown = 0;
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(store_admit(h.store, &record, &debit, 1, told_done, &told, &admission, &result), 0);
    reopen();
    assert_int_equal(told.count, 0);
    assert_int_equal(store_read(str_from_c(h.directory), 1, 0, find_unknown, &unknown), 0);
    assert_int_equal(unknown, 0);
    assert_int_equal(admit_try(&h, 2, &debit, &result), 0);
}

static void off_records_no_calls(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    h.audit = AUDIT_OFF;
    assert_int_equal(harness_open(&h), 0);
    struct admission *admission = admit_one(&h, 1, &debit, 1);
    assert_int_equal(admit_try(&h, 2, &debit, &result), E_LIMIT);
    store_settle(h.store, admission, OUTCOME_ok, REASON_answered, false);
    (void)admit_one(&h, 3, NULL, 0);
    reopen();
    assert_int_equal(count_records(&h, RECORD_DECISION), 0);
    assert_int_equal(count_records(&h, RECORD_OUTCOME), 0);
    assert_int_equal(count_records(&h, RECORD_GATEWAY), 3);
}

static void process_records_like_durable(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    h.audit = AUDIT_PROCESS;
    assert_int_equal(harness_open(&h), 0);
    store_settle(h.store, admit_one(&h, 1, &debit, 1), OUTCOME_ok, REASON_answered, false);
    harness_run_ms(&h, LIMIT_ledger_sync_ms + 100);
    reopen();
    assert_int_equal(count_records(&h, RECORD_OUTCOME), 1);
    assert_int_equal(admit_try(&h, 2, &debit, &result), E_LIMIT);
}

static void one_gateway_holds_the_directory(void **state)
{
    (void)state;
    struct harness other;
    char text[64];
    assert_int_equal(harness_open(&h), 0);
    harness_init(&other);
    struct store_options options = { .directory = str_from_c(h.directory), .clock = &other.clock.clock, .log = &other.log };
    assert_int_equal(store_open(&options, &other.store), E_LOCKED);
    (void)snprintf(text, sizeof text, "process %ld holds it", (long)getpid());
    assert_true(harness_logged(&other, text));
    harness_release(&other);
    harness_close(&h);
    assert_int_equal(harness_open_alone(&h), 0);
}

/* A gateway that was killed while it started a server leaves the lock to a child for a moment: a start waits that long. */
static void a_dead_holder_is_waited_for(void **state)
{
    (void)state;
    char path[96], text[32];
    snprintf(path, sizeof path, "%s/lock", h.directory);
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    int fd = open(path, O_RDWR | O_CREAT, 0600), ready[2];
    int len = snprintf(text, sizeof text, "%d\n", (int)dead);
    assert_int_equal(write(fd, text, (size_t)len), len);
    assert_int_equal(pipe(ready), 0);
    pid_t heir = fork();
    if (heir == 0) {
        struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        bool held = fcntl(fd, F_OFD_SETLK, &all) == 0 && write(ready[1], "", 1) == 1;
        usleep(100000);
        _exit(held ? 0 : 1);
    }
    close(fd);
    assert_int_equal(read(ready[0], text, 1), 1);
    assert_int_equal(harness_open_alone(&h), 0);
    int status;
    assert_int_equal(waitpid(heir, &status, 0), heir);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
}

static void others_may_not_read(void **state)
{
    (void)state;
    struct stat status;
    char path[128];
    assert_int_equal(chmod(h.directory, 0755), 0);
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(stat(h.directory, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    harness_segment(&h, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_directory_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give one away, and only root could open it */
    assert_int_equal(chmod(h.directory, 0700), 0);
    assert_int_equal(chown(h.directory, 65534, (gid_t)-1), 0);
    assert_int_equal(harness_open(&h), E_DENIED);
    assert_true(harness_logged(&h, "it belongs to another user"));
    assert_int_equal(chown(h.directory, 0, (gid_t)-1), 0);
}

static void grants_survive(void **state)
{
    (void)state;
    struct str names[] = { STR("stripe") };
    struct grant grant = { .label = STR("ci"), .servers = names, .server_count = 1, .created_ms = NOON };
    char token[GRANT_TOKEN_MAX];
    grant_make(&grant, token);
    assert_int_equal(harness_open_alone(&h), 0);
    assert_int_equal(store_grant_put_now(h.store, &grant), 0);
    harness_close(&h);
    assert_int_equal(harness_open(&h), 0);
    const struct grant *kept = store_grant(h.store, grant.id);
    assert_non_null(kept);
    assert_true(str_eq(kept->label, STR("ci")) && grant_reaches(kept, STR("stripe")));
    assert_memory_equal(&kept->secret_hash, &grant.secret_hash, sizeof grant.secret_hash);
    assert_null(store_grant(h.store, STR("nobody")));
}

static void act_done(void *arg, int error)
{
    assert_int_equal(error, 0);
    ++*(int *)arg;
}

static void a_revoked_grant_is_dead_at_once_and_for_good(void **state)
{
    (void)state;
    struct grant grant = { .created_ms = NOON };
    char token[GRANT_TOKEN_MAX];
    int done = 0;
    grant_make(&grant, token);
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(store_grant_put(h.store, &grant, act_done, &done), 0);
    harness_until(&h, &done, 1);
    assert_true(grant_is_live(store_grant(h.store, grant.id), NOON));
    assert_int_equal(store_grant_revoke(h.store, grant.id, act_done, &done), 0);
    assert_false(grant_is_live(store_grant(h.store, grant.id), NOON));
    harness_until(&h, &done, 2);
    reopen();
    assert_false(grant_is_live(store_grant(h.store, grant.id), NOON));
    assert_int_equal(store_grant_revoke(h.store, STR("nobody"), act_done, &done), E_NOT_FOUND);
}

static void a_rotated_grant_has_its_new_secret(void **state)
{
    (void)state;
    struct grant grant = { .created_ms = NOON };
    char token[GRANT_TOKEN_MAX];
    int done = 0;
    grant_make(&grant, token);
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(store_grant_put(h.store, &grant, act_done, &done), 0);
    const struct grant *held = store_grant(h.store, grant.id);
    grant.secret_hash.bytes[0] ^= 1;
    assert_int_equal(store_grant_put(h.store, &grant, act_done, &done), 0);
    assert_int_equal(held->secret_hash.bytes[0], grant.secret_hash.bytes[0] ^ 1); /* good until the next turn */
    harness_until(&h, &done, 2);
    reopen();
    assert_memory_equal(&store_grant(h.store, grant.id)->secret_hash, &grant.secret_hash, SHA256_LEN);
}

static void a_jump_ahead_stops_limits_until_confirmed(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    int done = 0;
    assert_int_equal(harness_open(&h), 0);
    (void)admit_one(&h, 1, &debit, 1);
    h.clock.wall += 3600000;
    assert_int_equal(admit_try(&h, 2, &debit, &result), 0); /* an hour is no jump */
    h.clock.wall += 1;
    assert_int_equal(admit_try(&h, 3, &debit, &result), E_LIMIT);
    assert_int_equal(result.what, ADMIT_CLOCK_JUMP);
    assert_int_equal(result.reason, REASON_clock_jump);
    (void)admit_one(&h, 4, NULL, 0);
    h.clock.wall -= 3600000;
    assert_int_equal(admit_try(&h, 5, &debit, &result), E_LIMIT); /* the clock going back confirms nothing */
    reopen();
    assert_int_equal(admit_try(&h, 6, &debit, &result), E_LIMIT); /* nor does a restart */
    assert_int_equal(store_clock_confirm(h.store, act_done, &done), 0);
    harness_until(&h, &done, 1);
    h.clock.wall += 3600000;
    assert_int_equal(admit_try(&h, 7, &debit, &result), 0);
    reopen();
    assert_int_equal(admit_try(&h, 8, &debit, &result), 0);
}

static void a_long_stop_is_no_jump(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    assert_int_equal(harness_open(&h), 0);
    (void)admit_one(&h, 1, &debit, 1);
    harness_close(&h);
    h.clock.wall += INT64_C(86400000) * 30;
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(admit_try(&h, 2, &debit, &result), 0);
}

static void a_clock_that_runs_back_over_a_restart_opens_no_window(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    assert_int_equal(harness_open(&h), 0);
    (void)admit_one(&h, 1, &debit, 1);
    harness_close(&h);
    h.clock.wall -= 7200000;
    assert_int_equal(harness_open(&h), 0);
    assert_int_equal(admit_try(&h, 2, &debit, &result), E_LIMIT);
    assert_true(result.over.resets_ms == NOON + 3600000);
}

static void a_reset_is_recorded_and_kept(void **state)
{
    (void)state;
    struct debit debit = debit_calls(1);
    struct admit_result result;
    int done = 0;
    assert_int_equal(harness_open(&h), 0);
    store_settle(h.store, admit_one(&h, 1, &debit, 1), OUTCOME_ok, REASON_answered, false);
    const struct counter_view view = { .key = debit.key, .used = AMOUNT_ONE };
    assert_int_equal(store_limits_reset(h.store, &view, 1, act_done, &done), 0);
    harness_until(&h, &done, 1);
    assert_int_equal(admit_try(&h, 2, &debit, &result), 0);
    reopen();
    assert_int_equal(admit_try(&h, 3, &debit, &result), 0);
    assert_int_equal(count_records(&h, RECORD_RESET), 1);
}

struct sums { uint64_t alone, counted, summaries; };

static int sum_denials(void *arg, uint64_t sequence, const struct record *record)
{
    struct sums *sums = arg;
    (void)sequence;
    if (record->kind == RECORD_DECISION && record->reason == REASON_deny_if)
        sums->alone++;
    if (record->kind == RECORD_DENIALS) {
        assert_true(str_eq(record->grant, STR("g1")) && str_eq(record->rule, STR("/tools/rm/deny_if/0")));
        assert_true(str_eq(record->name, STR("rm")) || str_eq(record->name, STR("mv")));
        assert_int_equal(record->reason, REASON_deny_if);
        sums->counted += record->count;
        sums->summaries++;
    }
    return 0;
}

static void a_flood_of_equal_denials_becomes_counts(void **state)
{
    (void)state;
    struct record denial = { .kind = RECORD_DECISION, .reason = REASON_deny_if, .grant = STR("g1"), .name = STR("rm"),
                             .rule = STR("/tools/rm/deny_if/0") };
    struct sums sums = { 0 };
    assert_int_equal(harness_open(&h), 0);
    for (int i = 0; i < 5000; i++)
        store_record(h.store, &denial);
    denial.name = STR("mv");
    for (int i = 0; i < 50; i++)
        store_record(h.store, &denial);
    clock_manual_advance(&h.clock, 1000);
    denial.name = STR("rm");
    for (int i = 0; i < 150; i++)
        store_record(h.store, &denial);
    harness_close(&h);
    assert_int_equal(store_read(str_from_c(h.directory), 1, 0, sum_denials, &sums), 0);
    assert_int_equal(sums.alone, 100 + 50 + 100);
    assert_int_equal(sums.counted, 4900 + 50);
    assert_int_equal(sums.summaries, 2);
}

static int watch_one(void *arg, uint64_t sequence, const struct record *record)
{
    int *seen = arg;
    assert_true(sequence > 0);
    *seen += record->kind == RECORD_DECISION && str_eq(record->name, STR("create_charge"));
    return 0;
}

static void a_watcher_sees_each_record(void **state)
{
    (void)state;
    int seen = 0;
    assert_int_equal(harness_open(&h), 0);
    int also = 0;
    struct store_watcher one = { .each = watch_one, .arg = &seen }, other = { .each = watch_one, .arg = &also };
    list_init(&one.link);
    list_init(&other.link);
    store_unwatch(&one);
    store_watch(h.store, &one);
    store_watch(h.store, &other);
    for (unsigned i = 0; i < 10; i++)
        (void)admit_one(&h, i, NULL, 0);
    assert_int_equal(seen, 10);
    store_unwatch(&one);
    (void)admit_one(&h, 11, NULL, 0);
    assert_int_equal(seen, 10);
    assert_int_equal(also, 11);
    store_unwatch(&other);
}

/* Segments roll over with everything that was, and is, in force; older ones are then not needed to start. */
static void a_new_segment_begins_with_the_whole_state(void **state)
{
    (void)state;
    static char large[65536];
    struct debit debit = debit_calls(2);
    struct grant grant = { .label = STR("kept"), .created_ms = NOON };
    struct admit_result result;
    struct sha256 revision = { { 1 } };
    char token[GRANT_TOKEN_MAX], first[128], last[128];
    int done = 0;
    memset(large, 'x', sizeof large);
    grant_make(&grant, token);
    assert_int_equal(harness_open(&h), 0);
    harness_segment(&h, first);
    assert_int_equal(store_grant_put(h.store, &grant, act_done, &done), 0);
    store_revision(h.store, STR("stripe"), STR("{\"version\":\"1\"}"), &revision);
    struct sha256 recommended = { { 2 } }, kept;
    store_recommend(h.store, STR("stripe"), STR("{\"made\":1}"), &recommended);
    assert_int_equal(store_recommended(h.store, STR("other"), &kept).len, 0);
    store_settle(h.store, admit_one(&h, 1, &debit, 1), OUTCOME_ok, REASON_answered, false);
    struct admission *open = admit_one(&h, 7, &debit, 1);
    for (int i = 0; i < 60; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(large, sizeof large) };
        store_record(h.store, &record);
        harness_run_ms(&h, 7);
    }
    (void)open;
    harness_close(&h);
    harness_segment(&h, last);
    assert_string_not_equal(first, last);

    assert_int_equal(unlink(first), 0); /* lost; a gateway needs the last one alone */
    assert_int_equal(harness_open(&h), 0);
    assert_non_null(store_grant(h.store, grant.id));
    assert_true(str_eq(store_recommended(h.store, STR("stripe"), &kept), STR("{\"made\":1}")));
    assert_memory_equal(&kept, &recommended, sizeof kept);
    assert_int_equal(admit_try(&h, 9, &debit, &result), E_LIMIT);
    struct buf read;
    buf_init(&read, 1024);
    assert_int_equal(store_read_recommended(str_from_c(h.directory), STR("other"), &read), E_NOT_FOUND);
    assert_int_equal(store_read_recommended(str_from_c(h.directory), STR("stripe"), &read), 0);
    assert_true(str_eq(buf_str(&read), STR("{\"made\":1}")));
    recommended.bytes[0]++;
    store_recommend(h.store, STR("stripe"), STR("{\"made\":2}"), &recommended);
    store_revision(h.store, STR("stripe"), STR("{\"version\":\"2\"}"), &recommended);
    harness_close(&h);
    assert_int_equal(store_read_recommended(str_from_c(h.directory), STR("stripe"), &read), 0);
    assert_true(str_eq(buf_str(&read), STR("{\"made\":2}")));
    buf_release(&read);
    int unknown = 0;
    assert_int_equal(store_read(str_from_c(h.directory), 1, 0, find_unknown, &unknown), 0);
    assert_int_equal(unknown, 1);
    struct verify_report report;
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), E_CORRUPT); /* nobody dropped it */
}

static uint64_t batches(void)
{
    struct store_stats stats;
    store_stats(h.store, &stats);
    return stats.batches;
}

static void admit_many(struct told told[8], unsigned from)
{
    for (unsigned i = 0; i < 8; i++) {
        struct record record = { .call = id_of(from + i), .server = STR("stripe") };
        struct admission *admission;
        struct admit_result result;
        told[i] = (struct told){ 0 };
        assert_int_equal(store_admit(h.store, &record, NULL, 0, told_done, &told[i], &admission, &result), 0);
    }
}

static void a_batch_waits_for_company(void **state)
{
    (void)state;
    struct told told[8];
    assert_int_equal(harness_open(&h), 0);
    harness_run_ms(&h, 20);
    uint64_t before = batches();
    admit_many(told, 0); /* nobody said how many requests are open: all of a turn's go together */
    for (int i = 0; i < 8; i++)
        harness_until(&h, &told[i].count, 1);
    assert_int_equal(batches(), before + 1);

    for (int i = 0; i < 8; i++)
        store_settle(h.store, told[i].result.admission, OUTCOME_ok, REASON_answered, false);
    assert_int_equal(batches(), before + 1); /* outcomes alone wait */
    harness_run_ms(&h, 50);
    assert_int_equal(batches(), before + 2);

    store_set_open_requests(h.store, 8);
    admit_many(told, 8); /* at the sixth of eight the batch goes, in the middle of the turn */
    for (int i = 0; i < 8; i++)
        harness_until(&h, &told[i].count, 1);
    assert_int_equal(batches(), before + 4);
}

static int find_dropped(void *arg, uint64_t sequence, const struct record *record)
{
    (void)sequence;
    if (record->kind == RECORD_DENIALS && record->reason == REASON_audit_unavailable)
        *(uint64_t *)arg += record->count;
    return 0;
}

static void above_the_backlog_calls_are_denied(void **state)
{
    (void)state;
    static char large[1 << 20];
    struct record record = { .kind = RECORD_SESSION, .text = str_of(large, sizeof large) };
    struct record denial = { .kind = RECORD_DECISION, .reason = REASON_deny_if };
    struct admission *admission;
    struct admit_result result;
    struct told told = { 0 };
    uint64_t dropped = 0;
    memset(large, 'x', sizeof large);
    assert_int_equal(harness_open(&h), 0);
    for (int i = 0; i < 40; i++)
        store_record(h.store, &record);
    assert_int_equal(store_admit(h.store, &record, NULL, 0, told_done, &told, &admission, &result), E_LIMIT);
    assert_int_equal(result.reason, REASON_audit_unavailable);
    denial.text = record.text;
    store_record(h.store, &denial);
    struct store_stats stats;
    store_stats(h.store, &stats);
    assert_true(stats.dropped > 8 && stats.backlog <= LIMIT_ledger_backlog);
    harness_run_ms(&h, 2500);
    (void)admit_one(&h, 1, NULL, 0);
    harness_close(&h);
    assert_int_equal(store_read(str_from_c(h.directory), 1, 0, find_dropped, &dropped), 0);
    assert_int_equal(dropped, stats.dropped);
}

static int count_each(void *arg, uint64_t sequence, const struct record *record)
{
    int *seen = arg;
    assert_true(sequence > 0 && record != NULL);
    ++*seen;
    return 0;
}

/* The file made ready for one segment is never replaced by the next one's before it has its name. */
static void segments_follow_each_other_fast(void **state)
{
    (void)state;
    static char large[65536];
    struct verify_report report;
    struct store_stats stats;
    memset(large, 'x', sizeof large);
    h.audit = AUDIT_PROCESS;
    assert_int_equal(harness_open(&h), 0);
    for (int i = 0; i < 1600; i++) {
        struct record record = { .kind = RECORD_SESSION, .text = str_of(large, sizeof large) };
        store_record(h.store, &record);
        store_stats(h.store, &stats);
        while (stats.backlog > (1 << 20)) {
            loop_turn(h.loop, true);
            store_stats(h.store, &stats);
        }
    }
    harness_close(&h);
    assert_int_equal(store_verify(str_from_c(h.directory), NULL, &report), 0);
    assert_int_equal(count_records(&h, RECORD_SESSION), 1600);
    assert_true(report.segments > 5);
    static const unsigned last[] = { 1, 3, 1200 }; /* within the last segment, and across several */
    for (size_t i = 0; i < ARRAY_LEN(last); i++) {
        int seen = 0;
        assert_int_equal(store_read(str_from_c(h.directory), 1, last[i], count_each, &seen), 0);
        assert_int_equal(seen, last[i]);
    }
}

static void the_last_records_are_read(void **state)
{
    (void)state;
    int seen = 0;
    assert_int_equal(harness_open(&h), 0);
    for (unsigned i = 0; i < 10; i++)
        (void)admit_one(&h, i, NULL, 0);
    assert_int_equal(store_read(str_from_c(h.directory), 1, 3, watch_one, &seen), 0);
    assert_int_equal(seen, 3);
    assert_int_equal(store_read(STR("/nowhere/at/all"), 1, 3, watch_one, &seen), E_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_admission_is_durable_before_it_is_told),
        TEST(a_limit_holds_across_a_restart),
        TEST(given_back_it_stays_given_back),
        TEST(a_call_without_an_outcome_becomes_unknown_once),
        TEST(concurrency_is_released_by_the_outcome),
        TEST(many_debits_are_copied),
        TEST(an_abandoned_admission_gives_itself_back),
        TEST(what_was_not_told_at_the_end_was_not_sent),
        TEST(off_records_no_calls),
        TEST(process_records_like_durable),
        TEST(one_gateway_holds_the_directory),
        TEST(a_dead_holder_is_waited_for),
        TEST(others_may_not_read),
        TEST(a_directory_of_another_user_is_refused),
        TEST(grants_survive),
        TEST(a_revoked_grant_is_dead_at_once_and_for_good),
        TEST(a_rotated_grant_has_its_new_secret),
        TEST(a_jump_ahead_stops_limits_until_confirmed),
        TEST(a_long_stop_is_no_jump),
        TEST(a_clock_that_runs_back_over_a_restart_opens_no_window),
        TEST(a_reset_is_recorded_and_kept),
        TEST(a_flood_of_equal_denials_becomes_counts),
        TEST(a_watcher_sees_each_record),
        TEST(a_new_segment_begins_with_the_whole_state),
        TEST(a_batch_waits_for_company),
        TEST(above_the_backlog_calls_are_denied),
        TEST(segments_follow_each_other_fast),
        TEST(the_last_records_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
