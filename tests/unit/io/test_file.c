/* Whole files: ceilings, errors by name, and a replacement that leaves nothing half written. */
#include "rig.h"

#include "base/buf.h"
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static const char *in_directory(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/warder-file-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int count_entries(void)
{
    DIR *dir = opendir(directory);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(in_directory("file"));
    unlink(in_directory("link"));
    return rmdir(directory);
}

static void what_was_written_is_read(void **state)
{
    char *bytes = malloc(100000);
    struct buf buf;
    struct stat status;

    (void)state;
    assert_non_null(bytes);
    for (int i = 0; i < 100000; i++)
        bytes[i] = (char)(i * 7);
    assert_int_equal(file_write_atomic(in_directory("file"), str_of(bytes, 100000), 0640), 0);
    assert_int_equal(stat(in_directory("file"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    buf_init(&buf, 100002);
    buf_append_str(&buf, STR("ab"));
    assert_int_equal(file_read_into(in_directory("file"), 100000, &buf), 0); /* exactly at both ceilings */
    assert_int_equal(buf.len, 100002);
    assert_memory_equal(buf.ptr + 2, bytes, 100000);
    buf_release(&buf);
    assert_int_equal(file_write_atomic(in_directory("file"), STR("new"), 0600), 0);
    buf_init(&buf, 100);
    assert_int_equal(file_read_into(in_directory("file"), 100, &buf), 0);
    assert_true(str_eq(buf_str(&buf), STR("new")));
    assert_int_equal(stat(in_directory("file"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(count_entries(), 1);
    buf_release(&buf);
    free(bytes);
}

static void too_long_is_a_limit_and_leaves_the_buffer(void **state)
{
    struct buf buf;

    (void)state;
    assert_int_equal(file_write_atomic(in_directory("file"), STR("0123456789"), 0600), 0);
    buf_init(&buf, 100);
    buf_append_str(&buf, STR("ab"));
    assert_int_equal(file_read_into(in_directory("file"), 9, &buf), E_LIMIT);
    assert_true(str_eq(buf_str(&buf), STR("ab")));
    assert_int_equal(file_read_into("/dev/zero", 50, &buf), E_LIMIT);
    assert_int_equal(file_read_into(in_directory("file"), 10, &buf), 0);
    buf_release(&buf);
    buf_init(&buf, 9);
    assert_int_equal(file_read_into(in_directory("file"), 10, &buf), E_LIMIT);
    buf_release(&buf);
}

static void errors_have_their_names(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(file_read_into(in_directory("nothing"), 9, &buf), E_NOT_FOUND);
    assert_int_equal(file_read_into(directory, 9, &buf), E_INVALID);
    assert_int_equal(file_write_atomic(in_directory("no/file"), STR("x"), 0600), E_NOT_FOUND);
    assert_int_equal(mkdir(in_directory("link"), 0700), 0);
    assert_int_equal(file_write_atomic(in_directory("link"), STR("x"), 0600), E_INVALID); /* a directory stands there */
    assert_int_equal(rmdir(in_directory("link")), 0);
    assert_int_equal(file_write_atomic("/dev/full/file", STR("x"), 0600), E_NOT_FOUND);
    if (geteuid() != 0) {
        assert_int_equal(chmod(directory, 0500), 0);
        assert_int_equal(file_write_atomic(in_directory("file"), STR("x"), 0600), E_DENIED);
        assert_int_equal(chmod(directory, 0700), 0);
    }
    assert_int_equal(count_entries(), 1); /* nothing is left beside the file of the tests before */
    buf_release(&buf);
}

static void a_link_is_replaced_not_followed(void **state)
{
    struct stat status;

    (void)state;
    assert_int_equal(file_write_atomic(in_directory("file"), STR("old"), 0600), 0);
    assert_int_equal(symlink("file", in_directory("link")), 0);
    assert_int_equal(file_write_atomic(in_directory("link"), STR("longer"), 0600), 0);
    assert_int_equal(lstat(in_directory("link"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(stat(in_directory("file"), &status), 0);
    assert_int_equal(status.st_size, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(too_long_is_a_limit_and_leaves_the_buffer),
        cmocka_unit_test(errors_have_their_names),
        cmocka_unit_test(a_link_is_replaced_not_followed),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
