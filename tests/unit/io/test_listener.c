/* Listeners: addresses, ports in use, stale sockets, the ceiling, and a process without descriptors. */
#include "rig.h"

#include "io/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct door {
    struct listener *listener;
    int              fds[64], count, ceiling;
};

static void door_accepted(void *owner, int fd)
{
    struct door *door = owner;

    door->fds[door->count++] = fd;
    if (door->count == door->ceiling)
        listener_pause(door->listener);
}

static const struct listener_events door_events = { door_accepted };

static int knock(const struct door *door)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(listener_port(door->listener)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void close_all(struct door *door, const int *knocks, int count)
{
    for (int i = 0; i < door->count; i++)
        close(door->fds[i]);
    for (int i = 0; i < count; i++)
        close(knocks[i]);
    listener_close(door->listener);
}

static void addresses_are_numeric_and_strict(void **state)
{
    static const char *const bad[] = {
        "", ":", "8808", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:08", "127.0.0.1:-1", "127.1:80",
        "::1:80", "[::1]", "[127.0.0.1]:80", "[::1]:80 ", " 127.0.0.1:80", "example.org:80", "0x7f.0.0.1:80", "[]:80",
        "127.0.0.1:+80", "[::1%lo]:80",
    };
    struct rig rig;
    struct door door;

    (void)state;
    rig_init(&rig, clock_system());
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (listener_open(rig.loop, str_from_c(bad[i]), &door_events, &door, &door.listener) != E_INVALID)
            fail_msg("taken for an address: '%s'", bad[i]);
    }
    struct str zero = str_of("127.0.0.1\0:80", 13);
    assert_int_equal(listener_open(rig.loop, zero, &door_events, &door, &door.listener), E_INVALID);
    rig_release(&rig);
}

static void loopback_is_known(void **state)
{
    (void)state;
    assert_true(address_is_loopback(STR("127.0.0.1:8808")));
    assert_true(address_is_loopback(STR("127.255.0.9:1")));
    assert_true(address_is_loopback(STR("[::1]:8808")));
    assert_true(address_is_loopback(STR("localhost:8808")));
    assert_true(address_is_loopback(STR("[::ffff:127.0.0.1]:1")));
    assert_false(address_is_loopback(STR("0.0.0.0:8808")));
    assert_false(address_is_loopback(STR("[::]:8808")));
    assert_false(address_is_loopback(STR("[::ffff:10.0.0.1]:1")));
    assert_false(address_is_loopback(STR("128.0.0.1:1")));
    assert_false(address_is_loopback(STR("localhost.example.org:1")));
    assert_false(address_is_loopback(STR("127.0.0.1")));
}

static void a_port_in_use_is_said(void **state)
{
    struct rig rig;
    struct door door = { .listener = NULL }, other;
    char address[32];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(listener_open(rig.loop, STR("127.0.0.1:0"), &door_events, &door, &door.listener), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(door.listener));
    assert_int_equal(listener_open(rig.loop, str_from_c(address), &door_events, &other, &other.listener), E_EXISTS);
    listener_close(door.listener);
    rig_release(&rig);
}

static void at_the_ceiling_connections_wait(void **state)
{
    struct rig rig;
    struct door door = { .ceiling = 3 };
    int knocks[5];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(listener_open(rig.loop, STR("127.0.0.1:0"), &door_events, &door, &door.listener), 0);
    for (int i = 0; i < 5; i++)
        knocks[i] = knock(&door);
    RIG_UNTIL(&rig, door.count == 3);
    rig_pass(&rig, 20);
    assert_int_equal(door.count, 3);
    listener_resume(door.listener);
    RIG_UNTIL(&rig, door.count == 5); /* no new edge came: they were waiting */
    close_all(&door, knocks, 5);
    rig_release(&rig);
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
    struct rig rig;
    struct door door = { .listener = NULL };
    struct rlimit before, tight;
    int knocks[4], spare;
    uint64_t turns;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(listener_open(rig.loop, STR("127.0.0.1:0"), &door_events, &door, &door.listener), 0);
    for (int i = 0; i < 4; i++)
        knocks[i] = knock(&door);
    spare = dup(0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){ (rlim_t)spare + 2, before.rlim_max }; /* room for two */
    close(spare);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    RIG_UNTIL(&rig, rig_logged(&rig, "accepting connections pauses: Too many open files"));
    assert_int_equal(door.count, 2);
    turns = loop_stats(rig.loop).turns;
    rig_pass(&rig, 250);
    assert_true(loop_stats(rig.loop).turns - turns < 10); /* it does not spin */
    assert_int_equal(rig_logged_times(&rig, "pauses"), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    RIG_UNTIL(&rig, door.count == 4);
    close_all(&door, knocks, 4);
    rig_release(&rig);
}

static void make_path(char *path, size_t max)
{
    const char *directory = getenv("TMPDIR");
    snprintf(path, max, "%s/warder-listener-%d.sock", directory ? directory : "/tmp", (int)getpid());
    unlink(path);
}

static void a_unix_socket_is_private_and_replaces_only_a_stale_one(void **state)
{
    struct rig rig;
    struct door door = { .listener = NULL }, other = { .listener = NULL };
    struct sockaddr_un stale = { .sun_family = AF_UNIX };
    struct stat status;
    char path[100];
    int fd;

    (void)state;
    rig_init(&rig, clock_system());
    make_path(path, sizeof(path));
    snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&stale, sizeof(stale)), 0);
    close(fd); /* nobody listens there, but the file stays */
    assert_int_equal(listener_open_unix(rig.loop, str_from_c(path), &door_events, &door, &door.listener), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(listener_port(door.listener), 0);
    assert_int_equal(listener_open_unix(rig.loop, str_from_c(path), &door_events, &other, &other.listener), E_EXISTS);
    /* One that was put in its place meanwhile is not removed. */
    assert_int_equal(unlink(path), 0);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    listener_close(door.listener);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(listener_open_unix(rig.loop, str_from_c(path), &door_events, &other, &other.listener), E_EXISTS);
    unlink(path);
    struct str nowhere = STR("/nowhere/at/all");
    assert_int_equal(listener_open_unix(rig.loop, nowhere, &door_events, &other, &other.listener), E_NOT_FOUND);
    assert_int_equal(listener_open_unix(rig.loop, STR(""), &door_events, &other, &other.listener), E_INVALID);
    char long_path[200];
    memset(long_path, 'a', sizeof(long_path));
    struct str too_long = str_of(long_path, 108);
    assert_int_equal(listener_open_unix(rig.loop, too_long, &door_events, &other, &other.listener), E_INVALID);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_numeric_and_strict),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(at_the_ceiling_connections_wait),
        cmocka_unit_test(without_descriptors_accepting_pauses_and_goes_on),
        cmocka_unit_test(a_unix_socket_is_private_and_replaces_only_a_stale_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
