/* The poller alone: what is removed in a batch is not told, who asks again waits for the next one, sets are levels. */
#include "rig.h"

#include "io/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct seen {
    struct watch   watch;
    struct poller *poller;
    struct seen   *remove;
    unsigned       calls, bits, again;
};

static void note(struct watch *watch, unsigned ready)
{
    struct seen *seen = (struct seen *)(void *)watch;

    seen->calls++;
    seen->bits = ready;
    if (seen->remove)
        poller_remove(seen->poller, &seen->remove->watch);
    if (seen->again) {
        seen->again--;
        poller_again(seen->poller, watch);
    }
}

static void watch_event(struct poller *poller, struct seen *seen, enum watch_kind kind)
{
    int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);

    assert_true(fd >= 0);
    *seen = (struct seen){ .poller = poller };
    assert_int_equal(poller_add(poller, &seen->watch, fd, kind, note), 0);
}

static void unwatch(struct poller *poller, struct seen *seen, int fd)
{
    poller_remove(poller, &seen->watch);
    poller_remove(poller, &seen->watch);
    close(fd);
}

static void removed_in_a_batch_is_not_told(void **state)
{
    struct poller poller;
    struct seen one, two;

    (void)state;
    assert_int_equal(poller_init(&poller), 0);
    watch_event(&poller, &one, WATCH_BOTH);
    watch_event(&poller, &two, WATCH_BOTH);
    int fds[] = { one.watch.fd, two.watch.fd };
    one.remove = &two;
    two.remove = &one;
    assert_true(poller_wait(&poller, 0));
    assert_int_equal(poller.count, 2);
    poller_tell(&poller);
    assert_int_equal(one.calls + two.calls, 1);
    assert_int_equal(one.calls ? one.bits : two.bits, READY_READ | READY_WRITE);
    unwatch(&poller, &one, fds[0]);
    unwatch(&poller, &two, fds[1]);
    poller_release(&poller);
}

static void edges_are_told_once_and_sets_as_long_as_they_last(void **state)
{
    struct poller poller;
    struct seen edge, set;

    (void)state;
    assert_int_equal(poller_init(&poller), 0);
    watch_event(&poller, &edge, WATCH_READ);
    watch_event(&poller, &set, WATCH_SET);
    for (int i = 0; i < 3; i++) {
        assert_true(poller_wait(&poller, 0));
        poller_tell(&poller);
    }
    assert_int_equal(edge.calls, 1);
    assert_int_equal(edge.bits, READY_READ);
    assert_int_equal(set.calls, 3);
    unwatch(&poller, &set, set.watch.fd);
    assert_false(poller_wait(&poller, 0));
    assert_int_equal(eventfd_write(edge.watch.fd, 1), 0); /* unread as it is: a write is an edge */
    assert_true(poller_wait(&poller, -1));
    poller_tell(&poller);
    assert_int_equal(edge.calls, 2);
    unwatch(&poller, &edge, edge.watch.fd);
    poller_release(&poller);
}

static void who_asks_again_is_told_in_the_next_batch(void **state)
{
    struct poller poller;
    struct seen seen;

    (void)state;
    assert_int_equal(poller_init(&poller), 0);
    watch_event(&poller, &seen, WATCH_READ);
    seen.again = 2;
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(poller_wait(&poller, -1)); /* does not wait while somebody asked */
        poller_tell(&poller);
        assert_int_equal(seen.calls, i);
    }
    assert_false(poller_wait(&poller, 0));
    poller_again(&poller, &seen.watch);
    poller_again(&poller, &seen.watch);
    unwatch(&poller, &seen, seen.watch.fd);
    assert_false(poller_wait(&poller, 0));
    poller_release(&poller);
}

static void a_file_cannot_be_watched(void **state)
{
    struct poller poller;
    struct watch watch;
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    assert_int_equal(poller_init(&poller), 0);
    assert_int_equal(poller_add(&poller, &watch, fileno(file), WATCH_READ, note), E_INVALID);
    poller_remove(&poller, &watch);
    poller_release(&poller);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_in_a_batch_is_not_told),
        cmocka_unit_test(edges_are_told_once_and_sets_as_long_as_they_last),
        cmocka_unit_test(who_asks_again_is_told_in_the_next_batch),
        cmocka_unit_test(a_file_cannot_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
