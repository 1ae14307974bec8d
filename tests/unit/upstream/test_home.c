/* Homes: where they are, that a fresh one is empty whatever a server left there, and that nothing outside is touched.
 */
#include "base/check.h"
#include "upstream/home.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char data[64];
    char path[PATH_MAX];
};

static void run(const char *format, ...) PRINTF_LIKE(1, 2);
static void run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("%s", command);
}

static int setup(void **state)
{
    static struct place place;
    snprintf(place.data, sizeof(place.data), "/tmp/home-XXXXXX");
    *state = &place;
    return mkdtemp(place.data) ? 0 : -1;
}

static int teardown(void **state)
{
    struct place *place = *state;
    run("chmod -R u+rwx %s && rm -rf %s", place->data, place->data);
    return 0;
}

static int prepare(struct place *place, const char *instance, bool fresh)
{
    return home_prepare(str_from_c(place->data), STR("srv"), str_from_c(instance), fresh, place->path);
}

static size_t entries_of(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2;
}

static void test_where_it_is(void **state)
{
    struct place *place = *state;
    char wanted[PATH_MAX];
    struct stat found;
    assert_int_equal(prepare(place, "", false), 0);
    snprintf(wanted, sizeof(wanted), "%s/homes/srv", place->data);
    assert_string_equal(place->path, wanted);
    assert_int_equal(prepare(place, "g1", false), 0);
    snprintf(wanted, sizeof(wanted), "%s/homes/srv/g1", place->data);
    assert_string_equal(place->path, wanted);
    assert_int_equal(stat(place->path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    run("touch %s/kept", place->path);
    assert_int_equal(prepare(place, "g1", false), 0);
    assert_int_equal(entries_of(place->path), 1);
}

static void test_names(void **state)
{
    struct place *place = *state;
    static const char *const names[] = { ".", "..", "a/b", "/", "../srv" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(prepare(place, names[i], false), E_INVALID);
    assert_int_equal(home_prepare(STR("/nowhere"), STR("srv"), STR_EMPTY, false, place->path), E_IO);
    assert_int_equal(home_prepare(str_from_c(place->data), STR_EMPTY, STR_EMPTY, false, place->path), E_INVALID);
}

static void test_links(void **state)
{
    struct place *place = *state;
    run("mkdir %s/outside && touch %s/outside/kept && mkdir -p %s/homes && ln -s ../outside %s/homes/srv", place->data,
        place->data, place->data, place->data);
    assert_int_equal(prepare(place, "", true), E_IO);
    run("test -e %s/outside/kept", place->data);
    run("rm %s/homes/srv", place->data);
    assert_int_equal(prepare(place, "g1", true), 0);
    run("cd %s && ln -s ../../../outside link && mkdir d && ln -s ../../../../outside d/link && ln -s /etc/passwd f",
        place->path);
    assert_int_equal(prepare(place, "g1", true), 0);
    assert_int_equal(entries_of(place->path), 0);
    run("test -e %s/outside/kept", place->data);
}

static void test_emptied(void **state)
{
    struct place *place = *state;
    assert_int_equal(prepare(place, "g1", true), 0);
    run("cd %s && mkdir -p a/b/c/d e/f .hidden/g && touch a/1 a/b/2 a/b/c/d/3 .4 && mkdir .1 .2 && touch .1/x && "
        "mkfifo p",
        place->path);
    run("cd %s && mkdir -p mod/cache && touch mod/cache/go && chmod 500 mod/cache mod && mkdir none && touch none/x && "
        "chmod 0 none",
        place->path);
    assert_int_equal(prepare(place, "g1", true), 0);
    assert_int_equal(entries_of(place->path), 0);
    /* Its neighbours are not touched. */
    assert_int_equal(prepare(place, "g2", true), 0);
    run("touch %s/kept", place->path);
    assert_int_equal(prepare(place, "g1", true), 0);
    run("test -e %s/homes/srv/g2/kept", place->data);
}

/* Deeper than any path and than a recursion's stack; and wide. */
static void test_deep_and_wide(void **state)
{
    struct place *place = *state;
    assert_int_equal(prepare(place, "g1", true), 0);
    int at = open(place->path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 2100; i++) {
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        int below = openat(at, "d", O_RDONLY | O_DIRECTORY);
        assert_true(below >= 0);
        close(at);
        at = below;
    }
    close(at);
    run("cd %s && for i in $(seq 100); do mkdir w$i && touch w$i/x w$i/y; done", place->path);
    assert_int_equal(prepare(place, "g1", true), 0);
    assert_int_equal(entries_of(place->path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_emptied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deep_and_wide, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
