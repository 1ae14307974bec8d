/* Files changed in every way that editors and deployments know, under a watch. */
#include "io/file_watch.h"

#include "base/check.h"
#include "base/limits.h"
#include "rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct rig rig;
    struct file_watch *watch;
    char directory[64], path[96], other[96];
    unsigned changes;
};

static void changed(void *arg)
{
    struct fixture *fixture = arg;
    fixture->changes++;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* As who has just read it, long after it was written. */
static void watch_it(struct fixture *fixture)
{
    struct stat status;
    struct watched_file file = { .path = str_from_c(fixture->path) };
    if (stat(fixture->path, &status) == 0)
        file.stamp = file_stamp_of(&status, INT64_MAX / 2);
    assert_int_equal(file_watch_set(fixture->watch, &file, 1), 0);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    AN(fixture);
    rig_init(&fixture->rig, clock_system());
    snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/warder-watch-XXXXXX");
    AN(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof(fixture->path), "%s/file", fixture->directory);
    snprintf(fixture->other, sizeof(fixture->other), "%s/other", fixture->directory);
    write_file(fixture->path, "one");
    assert_int_equal(file_watch_new(fixture->rig.loop, changed, fixture, &fixture->watch), 0);
    watch_it(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    file_watch_free(fixture->watch);
    rig_release(&fixture->rig);
    unlink(fixture->path);
    unlink(fixture->other);
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

static void expect_change(struct fixture *fixture)
{
    fixture->changes = 0;
    RIG_UNTIL(&fixture->rig, fixture->changes > 0);
    rig_pass(&fixture->rig, 300); /* told once, until it is read again */
    assert_int_equal(fixture->changes, 1);
    watch_it(fixture);
}

static void what_stands_still_is_not_told(void **state)
{
    struct fixture *fixture = *state;
    rig_pass(&fixture->rig, 400);
    write_file(fixture->other, "beside it");
    rig_pass(&fixture->rig, LIMIT_file_look_ms + 500);
    assert_int_equal(fixture->changes, 0);
}

static void each_way_to_change(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture->path, "in place");
    expect_change(fixture);
    write_file(fixture->other, "renamed");
    assert_int_equal(rename(fixture->other, fixture->path), 0);
    expect_change(fixture);
    assert_int_equal(unlink(fixture->path), 0);
    expect_change(fixture);
    write_file(fixture->path, "back");
    expect_change(fixture);
    write_file(fixture->other, "behind a link");
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(symlink("other", fixture->path), 0);
    expect_change(fixture);
    write_file(fixture->other, "behind the link, written"); /* no event names the link: a look finds it */
    expect_change(fixture);
}

static void what_changed_before_the_watch_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct watched_file file = { .path = str_from_c(fixture->path) };
    assert_int_equal(file_watch_set(fixture->watch, &file, 1), 0); /* read when it was not there */
    RIG_UNTIL(&fixture->rig, fixture->changes == 1);
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    file.stamp = file_stamp_of(&status, (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec);
    assert_true(file.stamp.young); /* read in the moment when it was written */
    assert_int_equal(file_watch_set(fixture->watch, &file, 1), 0);
    RIG_UNTIL(&fixture->rig, fixture->changes == 2);
}

static void a_file_that_never_stands_still_is_told_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct rig_limit limit = { .over = false };
    timer_init(&limit.timer, fixture->rig.loop, rig_over);
    timer_start(&limit.timer, 20000);
    for (int at = 0; fixture->changes == 0 && !limit.over; at++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", at);
        write_file(fixture->path, text);
        rig_pass(&fixture->rig, 20);
    }
    timer_stop(&limit.timer);
    assert_true(fixture->changes > 0);
}

static void a_directory_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct watched_file file = { .path = STR("/nowhere/at/all") };
    assert_int_equal(file_watch_set(fixture->watch, &file, 1), 0);
    rig_pass(&fixture->rig, 300);
    assert_int_equal(fixture->changes, 0);
    assert_int_equal(file_watch_set(fixture->watch, &file, 1), 0);
    assert_int_equal(file_watch_set(fixture->watch, &file, 1), 0); /* while the pool looks */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_stands_still_is_not_told),
        T(each_way_to_change),
        T(what_changed_before_the_watch_is_told),
        T(a_file_that_never_stands_still_is_told_all_the_same),
        T(a_directory_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
