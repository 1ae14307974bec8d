/* Streams over tcp, unix sockets and pipes: full buffers, pauses, ends, resets, and closing at bad moments. */
#include "rig.h"

#include "base/chunk.h"
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOLD_BYTES 65536

/* Reads and writes back; what does not fit is kept, and reading pauses meanwhile. */
struct echo {
    struct stream *in, *out; /* the same one for sockets */
    char           held[HOLD_BYTES];
    size_t         len, at;
    int            paused, ended;
};

static void echo_flush(struct echo *echo)
{
    while (echo->at < echo->len) {
        char *from = echo->held + echo->at;
        struct iovec parts[2] = { { from, 1 }, { from + 1, echo->len - echo->at - 1 } };
        ssize_t put = stream_write(echo->out, parts, parts[1].iov_len ? 2 : 1);
        if (put == E_AGAIN) {
            stream_pause(echo->in);
            echo->paused++;
            return;
        }
        assert_true(put > 0);
        echo->at += (size_t)put;
    }
    echo->at = echo->len = 0;
    stream_resume(echo->in);
}

static void echo_readable(void *owner)
{
    struct echo *echo = owner;

    while (echo->len == 0) {
        ssize_t got = stream_read(echo->in, echo->held, sizeof(echo->held));
        if (got == E_AGAIN)
            return;
        if (got <= 0) {
            echo->ended++;
            stream_shutdown_write(echo->out);
            stream_pause(echo->in);
            return;
        }
        echo->len = (size_t)got;
        echo_flush(echo);
    }
    /* Left before E_AGAIN: only fine while paused. */
}

static void echo_writable(void *owner)
{
    echo_flush(owner);
}

static const struct stream_events echo_events = { echo_readable, echo_writable };

/* Sends a known sequence and checks what comes back. */
struct sender {
    struct stream *in, *out;
    size_t         sent, received, total;
    bool           shut;
    int            blocked, ended;
};

static char byte_at(size_t at)
{
    return (char)((at * 2654435761u) >> 13);
}

static void sender_writable(void *owner)
{
    struct sender *sender = owner;
    char bytes[10007];

    while (sender->sent < sender->total) {
        size_t len = sender->total - sender->sent < sizeof(bytes) ? sender->total - sender->sent : sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = byte_at(sender->sent + i);
        struct iovec part = { bytes, len };
        ssize_t put = stream_write(sender->out, &part, 1);
        if (put == E_AGAIN) {
            sender->blocked++;
            return;
        }
        assert_true(put > 0);
        sender->sent += (size_t)put;
    }
    if (!sender->shut)
        stream_shutdown_write(sender->out);
    sender->shut = true;
}

static void sender_readable(void *owner)
{
    struct sender *sender = owner;
    char bytes[4096];
    bool wrong = false;
    ssize_t got;

    while ((got = stream_read(sender->in, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < got; i++)
            wrong |= bytes[i] != byte_at(sender->received + (size_t)i);
        sender->received += (size_t)got;
    }
    assert_false(wrong);
    if (got != E_AGAIN) {
        assert_int_equal(got, 0);
        sender->ended++;
        stream_pause(sender->in);
    }
}

static const struct stream_events sender_events = { sender_readable, sender_writable };

/* The far side does not read until the near one is blocked: both buffers are full then. */
static void run_echo(struct rig *rig, struct sender *sender, struct echo *echo)
{
    stream_pause(sender->in);
    sender_writable(sender);
    RIG_UNTIL(rig, echo->paused > 0);
    assert_true(sender->blocked > 0);
    assert_true(sender->sent < sender->total);
    stream_resume(sender->in);
    RIG_UNTIL(rig, sender->ended == 1);
    assert_int_equal(sender->received, sender->total);
    assert_int_equal(echo->ended, 1);
}

static void accept_into(void *owner, int fd)
{
    *(int *)owner = fd;
}

static const struct listener_events accept_events = { accept_into };

static void echo_over_sockets(struct rig *rig, struct listener *listener, struct sender *sender, int *accepted)
{
    struct echo *echo = calloc(1, sizeof(*echo));

    assert_non_null(echo);
    RIG_UNTIL(rig, *accepted >= 0);
    assert_int_equal(fcntl(*accepted, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(stream_new(rig->loop, *accepted, true, &echo_events, echo, &echo->in), 0);
    echo->out = echo->in;
    run_echo(rig, sender, echo);
    stream_close(echo->in);
    stream_close(sender->in);
    listener_close(listener);
    loop_turn(rig->loop, false);
    free(echo);
}

static void tcp_carries_megabytes_through_full_buffers(void **state)
{
    static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };
    struct rig rig;

    (void)state;
    rig_init(&rig, clock_system());
    for (int i = 0; i < 2; i++) {
        struct listener *listener;
        struct sender sender = { .total = 40000000 }; /* more than the kernel holds on a way there and back */
        char address[32];
        int accepted = -1;
        int error = listener_open(rig.loop, str_from_c(addresses[i]), &accept_events, &accepted, &listener);
        if (i == 1 && error == E_INVALID)
            continue; /* no IPv6 on this machine */
        assert_int_equal(error, 0);
        snprintf(address, sizeof(address), "%.*s%u", (int)strlen(addresses[i]) - 1, addresses[i],
                 listener_port(listener));
        assert_int_equal(stream_connect(rig.loop, str_from_c(address), &sender_events, &sender, &sender.in), 0);
        sender.out = sender.in;
        RIG_UNTIL(&rig, accepted >= 0);
        echo_over_sockets(&rig, listener, &sender, &accepted);
    }
    rig_release(&rig);
}

static char *temp_path(char *path, size_t max)
{
    const char *directory = getenv("TMPDIR");
    snprintf(path, max, "%s/warder-io-%d.sock", directory ? directory : "/tmp", (int)getpid());
    unlink(path);
    return path;
}

static void unix_sockets_carry_megabytes_through_full_buffers(void **state)
{
    struct rig rig;
    struct listener *listener;
    struct sender sender = { .total = 3000000 };
    char path[108];
    int accepted = -1;

    (void)state;
    rig_init(&rig, clock_system());
    temp_path(path, sizeof(path));
    assert_int_equal(listener_open_unix(rig.loop, str_from_c(path), &accept_events, &accepted, &listener), 0);
    assert_int_equal(stream_connect_unix(rig.loop, str_from_c(path), &sender_events, &sender, &sender.in), 0);
    sender.out = sender.in;
    echo_over_sockets(&rig, listener, &sender, &accepted);
    assert_int_equal(access(path, F_OK), -1);
    rig_release(&rig);
}

static void pipes_carry_megabytes_through_full_buffers(void **state)
{
    struct rig rig;
    struct sender sender = { .total = 3000000 };
    struct echo *echo = calloc(1, sizeof(*echo));
    int there[2], back[2];

    (void)state;
    assert_non_null(echo);
    rig_init(&rig, clock_system());
    assert_int_equal(pipe(there), 0);
    assert_int_equal(pipe(back), 0);
    assert_int_equal(stream_new(rig.loop, there[1], false, &sender_events, &sender, &sender.out), 0);
    assert_int_equal(stream_new(rig.loop, back[0], false, &sender_events, &sender, &sender.in), 0);
    assert_int_equal(stream_new(rig.loop, there[0], false, &echo_events, echo, &echo->in), 0);
    assert_int_equal(stream_new(rig.loop, back[1], false, &echo_events, echo, &echo->out), 0);
    assert_true(fcntl(there[0], F_GETFL) & O_NONBLOCK);
    run_echo(&rig, &sender, echo);
    struct iovec part = { echo->held, 1 };
    assert_int_equal(stream_write(sender.out, &part, 1), E_CLOSED); /* it was shut: the end of a pipe */
    stream_close(sender.in);
    stream_close(sender.out);
    stream_close(echo->in);
    stream_close(echo->out);
    rig_release(&rig);
    free(echo);
}

/* ---- pause, hand over ---- */

struct watcher {
    struct stream *stream, *close_too;
    int            readable, writable;
    ssize_t        last;
    size_t         take; /* bytes a callback, 0: none */
    size_t         got;
    char           first;  /* 'r' or 'w' */
};

static void watcher_readable(void *owner)
{
    struct watcher *watcher = owner;
    char bytes[64];

    watcher->readable++;
    watcher->first = watcher->first ? watcher->first : 'r';
    if (watcher->take) {
        watcher->last = stream_read(watcher->stream, bytes, watcher->take);
        if (watcher->last > 0)
            watcher->got += (size_t)watcher->last;
    }
    if (watcher->close_too) {
        stream_close(watcher->close_too);
        stream_close(watcher->stream);
        watcher->close_too = watcher->stream = NULL;
    }
}

static void watcher_writable(void *owner)
{
    struct watcher *watcher = owner;

    watcher->writable++;
    watcher->first = watcher->first ? watcher->first : 'w';
}

static const struct stream_events watcher_events = { watcher_readable, watcher_writable };

static void a_pause_keeps_what_was_said_meanwhile(void **state)
{
    struct rig rig;
    struct watcher watcher = { .take = 2 }, next = { .take = 64 };
    int pair[2];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(stream_new(rig.loop, pair[0], true, &watcher_events, &watcher, &watcher.stream), 0);
    stream_pause(watcher.stream);
    assert_int_equal(write(pair[1], "abcdef", 6), 6);
    rig_pass(&rig, 20);
    assert_int_equal(watcher.readable, 0);
    stream_resume(watcher.stream);
    loop_turn(rig.loop, true);
    assert_int_equal(watcher.readable, 1); /* took two, and left it at that */
    stream_pause(watcher.stream);
    stream_resume(watcher.stream);
    loop_turn(rig.loop, true);
    assert_int_equal(watcher.got, 4);
    stream_set_owner(watcher.stream, &watcher_events, &next); /* who takes over is told of the rest */
    next.stream = watcher.stream;
    loop_turn(rig.loop, true);
    assert_int_equal(next.got, 2);
    assert_int_equal(watcher.readable, 2);
    stream_pause(next.stream);
    close(pair[1]);
    rig_pass(&rig, 20);
    stream_resume(next.stream);
    loop_turn(rig.loop, true);
    assert_int_equal(next.last, 0);
    assert_int_equal(next.writable, 0);
    stream_close(next.stream);
    rig_release(&rig);
}

static void the_end_is_seen_behind_the_last_bytes(void **state)
{
    struct rig rig;
    char bytes[64];

    (void)state;
    rig_init(&rig, clock_system());
    for (int early = 0; early < 2; early++) { /* the end is there at the first event, or comes later */
        struct watcher watcher = { .take = 0 };
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(stream_new(rig.loop, pair[0], true, &watcher_events, &watcher, &watcher.stream), 0);
        assert_int_equal(write(pair[1], "abc", 3), 3);
        if (early)
            close(pair[1]);
        RIG_UNTIL(&rig, watcher.readable == 1);
        assert_int_equal(stream_read(watcher.stream, bytes, sizeof(bytes)), 3);
        if (!early) {
            assert_int_equal(stream_read(watcher.stream, bytes, sizeof(bytes)), E_AGAIN);
            close(pair[1]);
            RIG_UNTIL(&rig, watcher.readable == 2);
        }
        assert_int_equal(stream_read(watcher.stream, bytes, sizeof(bytes)), 0);
        stream_close(watcher.stream);
    }
    rig_release(&rig);
}

/* ---- closing at bad moments ---- */

static void two_of_one_batch_may_close_each_other(void **state)
{
    struct rig rig;
    struct watcher one = { .take = 0 }, two = { .take = 0 };
    int first[2], second[2];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, first), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, second), 0);
    assert_int_equal(stream_new(rig.loop, first[0], true, &watcher_events, &one, &one.stream), 0);
    assert_int_equal(stream_new(rig.loop, second[0], true, &watcher_events, &two, &two.stream), 0);
    one.close_too = two.stream;
    two.close_too = one.stream;
    assert_int_equal(write(first[1], "a", 1), 1);
    assert_int_equal(write(second[1], "b", 1), 1);
    RIG_UNTIL(&rig, one.readable + two.readable > 0);
    rig_pass(&rig, 5);
    assert_int_equal(one.readable + two.readable, 1); /* whoever came first; the other never hears */
    stream_close(NULL);
    close(first[1]);
    close(second[1]);
    rig_release(&rig);
}

static void a_stream_closed_while_it_waits_to_be_told_again_is_not_told(void **state)
{
    struct rig rig;
    struct watcher watcher = { .take = 1 };
    int pair[2];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(stream_new(rig.loop, pair[0], true, &watcher_events, &watcher, &watcher.stream), 0);
    stream_pause(watcher.stream);
    assert_int_equal(write(pair[1], "abc", 3), 3);
    loop_turn(rig.loop, false);
    stream_resume(watcher.stream);
    stream_close(watcher.stream);
    rig_pass(&rig, 5);
    assert_int_equal(watcher.readable, 0);
    close(pair[1]);
    rig_release(&rig);
}

/* ---- broken ---- */

static void a_reset_is_an_error_for_reader_and_writer(void **state)
{
    struct rig rig;
    struct listener *listener;
    struct watcher watcher = { .take = 0 };
    struct linger linger = { .l_onoff = 1 };
    struct iovec part = { (char[]){ 'x' }, 1 };
    char address[32], bytes[8];
    int accepted = -1;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(listener_open(rig.loop, STR("127.0.0.1:0"), &accept_events, &accepted, &listener), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(listener));
    assert_int_equal(stream_connect(rig.loop, str_from_c(address), &watcher_events, &watcher, &watcher.stream), 0);
    RIG_UNTIL(&rig, accepted >= 0 && watcher.writable == 1);
    assert_int_equal(stream_read(watcher.stream, bytes, sizeof(bytes)), E_AGAIN);
    setsockopt(accepted, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(accepted);
    RIG_UNTIL(&rig, watcher.readable == 1);
    assert_int_equal(stream_read(watcher.stream, bytes, sizeof(bytes)), E_IO);
    assert_int_equal(stream_write(watcher.stream, &part, 1), E_CLOSED);
    stream_close(watcher.stream);
    listener_close(listener);
    rig_release(&rig);
}

static void a_pipe_without_reader_is_closed_and_no_signal(void **state)
{
    struct rig rig;
    struct watcher watcher = { .take = 0 };
    struct iovec part = { (char[]){ 'x' }, 1 };
    int pipe_fds[2];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(stream_new(rig.loop, pipe_fds[1], false, &watcher_events, &watcher, &watcher.stream), 0);
    close(pipe_fds[0]);
    assert_int_equal(stream_write(watcher.stream, &part, 1), E_CLOSED);
    RIG_UNTIL(&rig, watcher.readable >= 1); /* one who only writes hears of it as well */
    stream_close(watcher.stream);
    rig_release(&rig);
}

static void less_written_than_asked_is_followed_by_writable(void **state)
{
    struct rig rig;
    struct watcher watcher = { .take = 0 };
    static char bytes[300000];
    struct iovec part = { bytes, sizeof(bytes) };
    int pipe_fds[2];
    ssize_t put, drained = 0;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(stream_new(rig.loop, pipe_fds[1], false, &watcher_events, &watcher, &watcher.stream), 0);
    put = stream_write(watcher.stream, &part, 1);
    assert_in_range(put, 1, sizeof(bytes) - 1);
    rig_pass(&rig, 10);
    assert_int_equal(watcher.writable, 0);
    while (drained < put)
        drained += read(pipe_fds[0], bytes, sizeof(bytes));
    assert_int_equal(stream_write(watcher.stream, &part, 1), E_AGAIN); /* not tried again before the edge is told */
    RIG_UNTIL(&rig, watcher.writable == 1);
    assert_true(stream_write(watcher.stream, &part, 1) > 0);
    stream_close(watcher.stream);
    close(pipe_fds[0]);
    rig_release(&rig);
}

/* The other side is not on the loop: it accepts and greets before the first turn. */
static void connected_is_told_before_the_first_bytes(void **state)
{
    struct rig rig;
    struct watcher watcher = { .take = 64 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    char address[32];
    int listener = socket(AF_INET, SOCK_STREAM, 0), accepted;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(stream_connect(rig.loop, str_from_c(address), &watcher_events, &watcher, &watcher.stream), 0);
    accepted = accept(listener, NULL, NULL);
    assert_int_equal(write(accepted, "hello", 5), 5);
    RIG_UNTIL(&rig, watcher.got == 5);
    assert_int_equal(watcher.first, 'w');
    stream_close(watcher.stream);
    close(accepted);
    close(listener);
    rig_release(&rig);
}

static void a_refused_connection_says_so(void **state)
{
    struct rig rig;
    struct listener *listener;
    struct watcher watcher = { .take = 0 };
    struct iovec part = { (char[]){ 'x' }, 1 };
    char address[32];
    int accepted = -1, error;

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(listener_open(rig.loop, STR("127.0.0.1:0"), &accept_events, &accepted, &listener), 0);
    snprintf(address, sizeof(address), "localhost:%u", listener_port(listener));
    listener_close(listener);
    error = stream_connect(rig.loop, str_from_c(address), &watcher_events, &watcher, &watcher.stream);
    if (error) {
        assert_int_equal(error, E_CLOSED);
    } else {
        RIG_UNTIL(&rig, watcher.writable == 1);
        assert_int_equal(stream_write(watcher.stream, &part, 1), E_CLOSED);
        stream_close(watcher.stream);
    }
    struct str name = STR("example.org:80"), nowhere = STR("/nowhere/at/all");
    assert_int_equal(stream_connect(rig.loop, name, &watcher_events, NULL, &watcher.stream), E_INVALID);
    assert_int_equal(stream_connect_unix(rig.loop, nowhere, &watcher_events, NULL, &watcher.stream), E_NOT_FOUND);
    rig_release(&rig);
}

static void what_is_no_descriptor_is_refused(void **state)
{
    struct rig rig;
    struct stream *stream;
    int pair[2];

    (void)state;
    rig_init(&rig, clock_system());
    assert_int_equal(pipe(pair), 0);
    close(pair[1]);
    close(pair[0]);
    assert_int_equal(stream_new(rig.loop, pair[0], false, &watcher_events, NULL, &stream), E_INVALID);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_carries_megabytes_through_full_buffers),
        cmocka_unit_test(unix_sockets_carry_megabytes_through_full_buffers),
        cmocka_unit_test(pipes_carry_megabytes_through_full_buffers),
        cmocka_unit_test(a_pause_keeps_what_was_said_meanwhile),
        cmocka_unit_test(the_end_is_seen_behind_the_last_bytes),
        cmocka_unit_test(two_of_one_batch_may_close_each_other),
        cmocka_unit_test(a_stream_closed_while_it_waits_to_be_told_again_is_not_told),
        cmocka_unit_test(a_reset_is_an_error_for_reader_and_writer),
        cmocka_unit_test(a_pipe_without_reader_is_closed_and_no_signal),
        cmocka_unit_test(less_written_than_asked_is_followed_by_writable),
        cmocka_unit_test(connected_is_told_before_the_first_bytes),
        cmocka_unit_test(a_refused_connection_says_so),
        cmocka_unit_test(what_is_no_descriptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
