/* An echo server over loopback, on the gateway's own loop and streams ("edge") or with one uv_poll_t a connection
 * ("level"). "hold" answers in the turn after the request's and does not read meanwhile, as a gateway does that waits
 * for a server. Server on the first core, client on the second. Prints requests a second and the server's CPU time a
 * request in µs. */
#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define REQUEST_BYTES   512
#define BUFFER_BYTES    4096 /* a request is less than what is asked for */
#define CONNECTIONS_MAX 1024

struct connection {
    struct list link; /* held */
    struct stream *stream;
    uv_poll_t poll;
    int fd;
    ssize_t len;
    char bytes[BUFFER_BYTES];
};

static struct connection connections[CONNECTIONS_MAX];
static int count;
static bool hold;
static int64_t run_ms;
static unsigned long served;
static struct list held;

/* ---- edge ---- */

static struct loop *loop;
static struct deferred later;

static void edge_answer(struct connection *one)
{
    struct iovec part = { one->bytes, (size_t)one->len };

    CHECK(stream_write(one->stream, &part, 1) == one->len);
    served++;
}

static void edge_readable(void *owner)
{
    struct connection *one = owner;

    while ((one->len = stream_read(one->stream, one->bytes, sizeof(one->bytes))) > 0) {
        if (hold) {
            stream_pause(one->stream);
            if (list_is_empty(&held))
                loop_defer(loop, &later);
            list_append(&held, &one->link);
            return;
        }
        edge_answer(one);
    }
}

static void edge_answer_all(struct deferred *deferred)
{
    (void)deferred;
    while (!list_is_empty(&held)) {
        struct connection *one = CONTAINER_OF(held.next, struct connection, link);
        list_remove(&one->link);
        edge_answer(one);
        stream_resume(one->stream);
    }
}

/* The turn in which it was deferred ends; answers are for the next. */
static void edge_next_turn(struct deferred *deferred)
{
    static struct deferred now = { .run = edge_answer_all };

    (void)deferred;
    loop_defer(loop, &now);
}

static void edge_over(struct timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

static void serve_edge(void)
{
    static const struct stream_events events = { .readable = edge_readable };
    struct log log;
    struct timer timer;

    log_init_stderr(&log, clock_system(), LOG_ERROR);
    AZ(loop_new(clock_system(), &log, &loop));
    later.run = edge_next_turn;
    for (int i = 0; i < count; i++)
        AZ(stream_new(loop, connections[i].fd, true, &events, &connections[i], &connections[i].stream));
    timer_init(&timer, loop, edge_over);
    timer_start(&timer, run_ms);
    loop_run(loop);
}

/* ---- level ---- */

static uv_loop_t uv;
static uv_idle_t next_turn;
static void level_ready(uv_poll_t *poll, int status, int events);

static void level_answer(struct connection *one)
{
    CHECK(send(one->fd, one->bytes, (size_t)one->len, MSG_NOSIGNAL) == one->len);
    served++;
}

static void level_answer_all(uv_idle_t *idle)
{
    AZ(uv_idle_stop(idle));
    while (!list_is_empty(&held)) {
        struct connection *one = CONTAINER_OF(held.next, struct connection, link);
        list_remove(&one->link);
        level_answer(one);
        AZ(uv_poll_start(&one->poll, UV_READABLE, level_ready));
    }
}

static void level_ready(uv_poll_t *poll, int status, int events)
{
    struct connection *one = CONTAINER_OF(poll, struct connection, poll);

    (void)status;
    (void)events;
    one->len = recv(one->fd, one->bytes, sizeof(one->bytes), 0);
    if (one->len <= 0)
        return;
    if (!hold) {
        level_answer(one);
        return;
    }
    AZ(uv_poll_stop(poll));
    list_append(&held, &one->link);
    if (!uv_is_active((uv_handle_t *)&next_turn))
        AZ(uv_idle_start(&next_turn, level_answer_all));
}

static void level_over(uv_timer_t *timer)
{
    (void)timer;
    uv_stop(&uv);
}

static void serve_level(void)
{
    uv_timer_t timer;

    AZ(uv_loop_init(&uv));
    AZ(uv_idle_init(&uv, &next_turn));
    for (int i = 0; i < count; i++) {
        AZ(uv_poll_init(&uv, &connections[i].poll, connections[i].fd));
        AZ(uv_poll_start(&connections[i].poll, UV_READABLE, level_ready));
    }
    AZ(uv_timer_init(&uv, &timer));
    AZ(uv_timer_start(&timer, level_over, (uint64_t)run_ms, 0));
    uv_run(&uv, UV_RUN_DEFAULT);
}

/* ---- the client: the next request leaves when the echo of the last one is whole ---- */

static int connect_to(const struct sockaddr_in *address)
{
    static const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    AZ(connect(fd, (const struct sockaddr *)address, sizeof(*address)));
    AZ(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    return fd;
}

_Noreturn static void ask_for_ever(const struct sockaddr_in *address)
{
    static char bytes[REQUEST_BYTES];
    static ssize_t have[CONNECTIONS_MAX];
    static int fds[CONNECTIONS_MAX];
    struct epoll_event ready[64];
    int set = epoll_create1(EPOLL_CLOEXEC);

    for (int i = 0; i < count; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
        fds[i] = connect_to(address);
        AZ(epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event));
    }
    for (int i = 0; i < count; i++)
        CHECK(send(fds[i], bytes, sizeof(bytes), 0) == sizeof(bytes));
    for (;;) {
        int n = epoll_wait(set, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            unsigned at = ready[i].data.u32;
            ssize_t got = recv(fds[at], bytes, sizeof(bytes), 0);
            if (got <= 0)
                _exit(0);
            have[at] += got;
            if (have[at] < REQUEST_BYTES)
                continue;
            have[at] = 0;
            if (send(fds[at], bytes, sizeof(bytes), MSG_NOSIGNAL) != sizeof(bytes))
                _exit(0);
        }
    }
}

/* ---- the run ---- */

static void run_on(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set); /* on a machine with one core both share it */
}

static double cpu_us(void)
{
    struct rusage use;

    AZ(getrusage(RUSAGE_SELF, &use));
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static pid_t start_client(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pid_t client;

    AZ(bind(listener, (const struct sockaddr *)&address, sizeof(address)));
    AZ(listen(listener, CONNECTIONS_MAX));
    AZ(getsockname(listener, (struct sockaddr *)&address, &len));
    client = fork();
    CHECK(client >= 0);
    if (client == 0) {
        run_on(1);
        ask_for_ever(&address);
    }
    for (int i = 0; i < count; i++) {
        static const int on = 1;
        struct connection *one = &connections[i];
        list_init(&one->link);
        one->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        CHECK(one->fd >= 0);
        AZ(setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    }
    close(listener);
    return client;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: echo edge|level echo|hold CONNECTIONS MILLISECONDS\n");
        return 2;
    }
    hold = argv[2][0] == 'h';
    count = (int)strtol(argv[3], NULL, 10);
    run_ms = strtol(argv[4], NULL, 10);
    CHECK(count > 0 && count <= CONNECTIONS_MAX);
    list_init(&held);
    run_on(0);
    pid_t client = start_client();
    int64_t began_ms = clock_mono_ms(clock_system());
    double before_us = cpu_us();
    if (argv[1][0] == 'e')
        serve_edge();
    else
        serve_level();
    double used_us = cpu_us() - before_us;
    int64_t took_ms = clock_mono_ms(clock_system()) - began_ms;
    kill(client, SIGKILL);
    waitpid(client, NULL, 0);
    printf("%s %s %d %.0f %.2f\n", argv[1], argv[2], count, (double)served * 1000 / (double)took_ms,
           used_us / (double)served);
    return 0;
}
