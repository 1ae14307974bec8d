/* What the tests of the HTTP front share: a front on a real socket, a clock that the test moves, a gate that does what
 * the server's name says, and clients that are plain sockets of the same thread. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "front/exchange.h"
#include "front/http.h"
#include "io/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define HELD_MAX 8

struct rig {
    struct clock_manual clock;
    struct log          log;
    struct loop        *loop;
    struct front_events events;
    struct front_http  *front;
    bool                not_ready;
    unsigned            messages, gone, unshared;
    unsigned            expected;      /* bodies under way */
    size_t              held_bytes, held_most; /* by them; what the gate allows */
    struct exchange    *held[HELD_MAX]; /* of the server "hold", in order */
    unsigned            held_count;
};

static inline void rig_line(struct log *log, enum log_level level, const char *text)
{
    (void)log;
    (void)level;
    (void)text;
}

/* /mcp/echo answers with the body, /mcp/note ends, /mcp/deny refuses, /mcp/hold waits for the test. */
static inline void rig_message(void *arg, struct exchange *exchange)
{
    struct rig *rig = arg;

    rig->messages++;
    if (str_eq(exchange->server, STR("echo"))) {
        exchange->ops->answer(exchange, 200, exchange->body, exchange->session);
    } else if (str_eq(exchange->server, STR("note"))) {
        exchange->ops->end(exchange, REASON_answered);
    } else if (str_eq(exchange->server, STR("deny"))) {
        exchange->ops->end(exchange, REASON_unauthorized);
    } else {
        assert_true(rig->held_count < HELD_MAX);
        rig->held[rig->held_count++] = exchange;
    }
}

static inline void rig_gone(void *arg, struct exchange *exchange)
{
    struct rig *rig = arg;

    rig->gone++;
    for (unsigned i = 0; i < rig->held_count; i++)
        if (rig->held[i] == exchange)
            rig->held[i] = NULL;
}

/* "Bearer stranger" has no grant behind it; everyone else has. */
static inline enum reason rig_expect(void *arg, struct exchange *exchange)
{
    struct rig *rig = arg;
    if (str_eq(exchange->token, STR("stranger")))
        return REASON_unauthorized;
    rig->expected++;
    return REASON_allowed;
}

static inline bool rig_held(void *arg, struct exchange *exchange, size_t bytes)
{
    struct rig *rig = arg;
    rig->held_bytes += bytes - exchange->held;
    exchange->held = bytes;
    return rig->held_bytes <= rig->held_most;
}

static inline void rig_released(void *arg, struct exchange *exchange)
{
    struct rig *rig = arg;
    (void)rig_held(arg, exchange, 0);
    assert_true(rig->expected > 0);
    rig->expected--;
}

static inline void rig_unshared(void *arg, struct share *share)
{
    struct rig *rig = arg;
    assert_false(share_is_used(share));
    assert_int_equal(share->bytes, 0);
    rig->unshared++;
}

static inline bool rig_ready(void *arg, char *out, size_t max)
{
    struct rig *rig = arg;
    if (rig->not_ready)
        snprintf(out, max, "the disk is \"full\"");
    return !rig->not_ready;
}

/* `connections`: the ceiling; 0: the usual one. */
static inline void rig_init_with(struct rig *rig, unsigned connections)
{
    static const struct str hosts[] = { { "127.0.0.1", 9 } }, origins[] = { { "https://app.example", 19 } };

    *rig = (struct rig){ .held_most = SIZE_MAX, .log = { .least = LOG_DEBUG, .line = rig_line } };
    clock_manual_init(&rig->clock, 1700000000000);
    rig->log.clock = &rig->clock.clock;
    rig->events = (struct front_events){ rig_message, rig_gone, rig_expect, rig_held, rig_released, rig_unshared, rig_ready, rig };
    assert_int_equal(loop_new(&rig->clock.clock, &rig->log, &rig->loop), 0);
    const struct front_http_options options = {
        .loop = rig->loop,
        .log = &rig->log,
        .address = STR("127.0.0.1:0"),
        .hosts = hosts,
        .host_count = 1,
        .origins = origins,
        .origin_count = 1,
        .connections = connections,
        .events = &rig->events,
    };
    assert_int_equal(front_http_open(&options, &rig->front), 0);
}

static inline void rig_init(struct rig *rig)
{
    rig_init_with(rig, 0);
}

static inline void rig_release(struct rig *rig)
{
    front_http_close(rig->front);
    assert_int_equal(rig->expected, 0);
    assert_int_equal(rig->held_bytes, 0);
    loop_free(rig->loop);
}

/* Turns until the condition holds; fails after five real seconds. The manual clock stands still meanwhile. */
#define RIG_UNTIL(rig, condition)                                                                                      \
    do {                                                                                                               \
        time_t begin_ = time(NULL);                                                                                    \
        while (!(condition)) {                                                                                         \
            loop_turn((rig)->loop, false);                                                                             \
            if (time(NULL) > begin_ + 5)                                                                               \
                fail_msg("not within five seconds: %s", #condition);                                                   \
        }                                                                                                              \
    } while (0)

/* A few turns: what was going to happen has happened. */
static inline void rig_settle(struct rig *rig)
{
    for (int i = 0; i < 20; i++)
        loop_turn(rig->loop, false);
}

static inline void rig_pass(struct rig *rig, int64_t ms)
{
    clock_manual_advance(&rig->clock, ms);
    rig_settle(rig);
}

struct client {
    int        fd;
    struct buf got;
    bool       ended; /* the server closed in order */
    bool       reset;
};

static inline void client_open(struct client *client, const struct rig *rig)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(front_http_port(rig->front)) };

    *client = (struct client){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    buf_init(&client->got, 64 << 20);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static inline void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    buf_release(&client->got);
}

static inline void client_send(struct client *client, struct str bytes)
{
    while (bytes.len) {
        ssize_t put = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(put > 0);
        bytes = str_slice(bytes, (size_t)put, bytes.len);
    }
}

/* Takes what has come. */
static inline bool client_read(struct client *client)
{
    char bytes[65536];
    ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got > 0)
        buf_append(&client->got, bytes, (size_t)got);
    else if (got == 0)
        client->ended = true;
    else if (errno != EAGAIN)
        client->reset = true;
    assert_true(buf_ok(&client->got));
    return client->ended || client->reset;
}

static inline bool client_has(struct client *client, const char *text)
{
    client_read(client);
    return str_find(buf_str(&client->got), str_from_c(text)) < client->got.len;
}

static inline unsigned client_count(const struct client *client, const char *text)
{
    unsigned count = 0;
    struct str rest = buf_str(&client->got), wanted = str_from_c(text);
    for (size_t at; (at = str_find(rest, wanted)) < rest.len; count++)
        rest = str_slice(rest, at + wanted.len, rest.len);
    return count;
}

#define FIELDS "Host: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
#define POST(server, length, body) "POST /mcp/" server " HTTP/1.1\r\n" FIELDS "Content-Length: " #length "\r\n\r\n" body
