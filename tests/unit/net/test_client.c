/* The HTTP client against a server that the test plays by hand: reuse, retries, answers that must not be believed,
 * time-outs, and owners that free everything from inside an event. Warm requests cost no heap (-Wl,--wrap). */
#include "net/client.h"

#include "../heap_calls.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

struct rig {
    struct clock_manual clock;
    struct log          log;
    struct loop        *loop;
    struct client      *client;
    int                 listener;
    char                address[32];
    int                 accepted; /* connections so far */
};

enum free_in { FREE_NOWHERE, FREE_IN_HEAD, FREE_IN_BODY, FREE_IN_DONE, FREE_IN_FAILED, CANCEL_IN_HEAD, CANCEL_IN_BODY };

struct asked {
    struct client_request request;
    struct rig      *rig;
    unsigned         status;
    struct buf       body;
    unsigned         heads, bodies, dones, faileds;
    enum client_sent sent;
    int              error;
    enum free_in     free_in;
    bool             pause;
};

static void free_in(struct asked *asked, enum free_in here)
{
    if (asked->free_in != here)
        return;
    client_free(asked->rig->client);
    asked->rig->client = NULL;
}

static void on_head(struct client_request *request, const struct http1 *answer)
{
    struct asked *asked = request->owner;
    asked->heads++;
    asked->status = answer->status;
    free_in(asked, FREE_IN_HEAD);
    if (asked->pause)
        client_pause(request);
    if (asked->free_in == CANCEL_IN_HEAD)
        assert_int_equal(client_cancel(request), CLIENT_SENT_ALL);
}

static void on_body(struct client_request *request, struct str bytes)
{
    struct asked *asked = request->owner;
    assert_true(bytes.len > 0);
    asked->bodies++;
    buf_append_str(&asked->body, bytes);
    free_in(asked, FREE_IN_BODY);
    if (asked->free_in == CANCEL_IN_BODY)
        assert_int_equal(client_cancel(request), CLIENT_SENT_ALL);
}

static void on_done(struct client_request *request)
{
    struct asked *asked = request->owner;
    asked->dones++;
    assert_null(request->connection);
    free_in(asked, FREE_IN_DONE);
}

static void on_failed(struct client_request *request, enum client_sent sent, int error)
{
    struct asked *asked = request->owner;
    asked->faileds++;
    asked->sent = sent;
    asked->error = error;
    assert_null(request->connection);
    free_in(asked, FREE_IN_FAILED);
}

static const struct client_events events = { on_head, on_body, on_done, on_failed };

static void rig_line(struct log *log, enum log_level level, const char *text)
{
    (void)log;
    (void)level;
    (void)text;
}

static void rig_init(struct rig *rig)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);

    *rig = (struct rig){ .log = { .least = LOG_DEBUG, .line = rig_line } };
    clock_manual_init(&rig->clock, 1700000000000);
    rig->log.clock = &rig->clock.clock;
    assert_int_equal(loop_new(&rig->clock.clock, &rig->log, &rig->loop), 0);
    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(rig->listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(rig->listener, 8), 0);
    assert_int_equal(getsockname(rig->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(rig->address, sizeof(rig->address), "127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(client_new(&(struct client_options){ .loop = rig->loop, .address = str_from_c(rig->address) }, &rig->client), 0);
}

static void rig_release(struct rig *rig)
{
    client_free(rig->client);
    loop_free(rig->loop);
    if (rig->listener >= 0)
        close(rig->listener);
}

#define UNTIL(rig, condition)                                                                                          \
    do {                                                                                                               \
        time_t begin_ = time(NULL);                                                                                    \
        while (!(condition)) {                                                                                         \
            loop_turn((rig)->loop, false);                                                                             \
            if (time(NULL) > begin_ + 5)                                                                               \
                fail_msg("not within five seconds: %s", #condition);                                                   \
        }                                                                                                              \
    } while (0)

static void settle(struct rig *rig)
{
    for (int i = 0; i < 20; i++)
        loop_turn(rig->loop, false);
}

static int accept_one(struct rig *rig)
{
    int fd = -1;
    UNTIL(rig, (fd = accept(rig->listener, NULL, NULL)) >= 0);
    rig->accepted++;
    return fd;
}

/* What the server gets, up to the end of a request with this ending. */
static void expect_request(struct rig *rig, int fd, const char *ending, char *out, size_t max)
{
    size_t len = 0, wanted = strlen(ending);
    UNTIL(rig, ({
              ssize_t got = recv(fd, out + len, max - 1 - len, MSG_DONTWAIT);
              if (got > 0)
                  len += (size_t)got;
              len >= wanted && memcmp(out + len - wanted, ending, wanted) == 0;
          }));
    out[len] = 0;
}

static void answer(int fd, struct str bytes)
{
    assert_int_equal(send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static bool is_closed(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static void reset_connection(int fd)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(fd);
}

static void asked_init(struct asked *asked, struct rig *rig)
{
    *asked = (struct asked){ .rig = rig, .request = { .events = &events } };
    asked->request.owner = asked;
    buf_init(&asked->body, 1 << 24);
}

static int ask(struct asked *asked, struct str body)
{
    static const struct client_field fields[] = { { { "Content-Type", 12 }, { "application/json", 16 } } };
    return client_start(asked->rig->client, &asked->request, STR("POST"), STR("/mcp"), fields, 1, body);
}

static const struct str hello = STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");

/* A whole exchange on a connection that the server already has, or accepts now. */
static int serve(struct rig *rig, int fd, struct str bytes)
{
    char request[4096];
    if (fd < 0)
        fd = accept_one(rig);
    expect_request(rig, fd, "\r\n\r\n{}", request, sizeof(request));
    answer(fd, bytes);
    return fd;
}

static void requests_reuse_a_clean_connection(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    char request[4096], wanted[300];
    rig_init(&rig);
    asked_init(&asked, &rig);
    assert_int_equal(ask(&asked, STR("{}")), 0);
    assert_int_equal(client_request_sent(&asked.request), CLIENT_SENT_NONE);
    int fd = accept_one(&rig);
    expect_request(&rig, fd, "\r\n\r\n{}", request, sizeof(request));
    snprintf(wanted, sizeof(wanted),
             "POST /mcp HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: identity\r\nContent-Type: application/json\r\n"
             "Content-Length: 2\r\n\r\n{}",
             rig.address);
    assert_string_equal(request, wanted);
    assert_int_equal(client_request_sent(&asked.request), CLIENT_SENT_ALL);
    answer(fd, STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"));
    UNTIL(&rig, asked.body.len == 3);
    assert_int_equal(asked.status, 200);
    answer(fd, STR("2\r\nlo\r\n0\r\n\r\n"));
    UNTIL(&rig, asked.dones == 1);
    assert_true(str_eq(buf_str(&asked.body), STR("hello")));
    assert_int_equal(asked.heads, 1);
    assert_int_equal(client_idle_connections(rig.client), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&asked, STR("{}")), 0);
        serve(&rig, fd, hello);
        UNTIL(&rig, asked.dones == 2 + (unsigned)i);
    }
    assert_int_equal(rig.accepted, 1);
    assert_int_equal(client_open_connections(rig.client), 1);
    heap_calls = 0;
    buf_reset(&asked.body);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(ask(&asked, STR("{}")), 0);
        serve(&rig, fd, hello);
        UNTIL(&rig, asked.dones == 5 + i);
    }
    assert_int_equal(heap_calls, 0);
    assert_int_equal(asked.faileds, 0);
    close(fd);
    UNTIL(&rig, client_open_connections(rig.client) == 0);
    buf_release(&asked.body);
    rig_release(&rig);
}

static const struct {
    const char *what;
    struct str  bytes;
} bad_answers[] = {
#define BAD(what, bytes) { what, { bytes, sizeof(bytes) - 1 } },
#include "http1_answers.def"
    { "a coding that we did not ask for", STR("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello") },
    { "more than one answer", STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") },
    { "a byte too many", STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy") },
};

static void bad_answers_fail_and_end_their_connection(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    for (size_t i = 0; i < ARRAY_LEN(bad_answers); i++) {
        struct asked asked;
        asked_init(&asked, &rig);
        assert_int_equal(ask(&asked, STR("{}")), 0);
        int fd = serve(&rig, -1, bad_answers[i].bytes);
        UNTIL(&rig, asked.dones + asked.faileds > 0);
        if (asked.dones || asked.error != E_SYNTAX || asked.sent != CLIENT_SENT_ALL)
            fail_msg("%s: %s", bad_answers[i].what, error_name(asked.error));
        assert_int_equal(client_open_connections(rig.client), 0);
        UNTIL(&rig, is_closed(fd));
        close(fd);
        buf_release(&asked.body);
    }
    rig_release(&rig);
}

static void an_answer_that_breaks_off_fails(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        unsigned   heads;
    } cases[] = {
        { STR(""), 0 },
        { STR("HTTP/1.1 200"), 0 },
        { STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), 1 },
        { STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"), 1 },
        { STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig rig;
        struct asked asked;
        rig_init(&rig);
        asked_init(&asked, &rig);
        assert_int_equal(ask(&asked, STR("{}")), 0);
        int fd = serve(&rig, -1, cases[i].bytes);
        settle(&rig);
        close(fd);
        UNTIL(&rig, asked.faileds == 1);
        assert_int_equal(asked.error, E_CLOSED);
        assert_int_equal(asked.sent, CLIENT_SENT_ALL);
        assert_int_equal(asked.heads, cases[i].heads);
        settle(&rig);
        assert_int_equal(accept(rig.listener, NULL, NULL), -1); /* never asked a second time */
        buf_release(&asked.body);
        rig_release(&rig);
    }
}

static void connections_that_may_not_be_reused_are_not(void **state)
{
    (void)state;
    static const struct str last[] = {
        STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
        STR("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    };
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    for (size_t i = 0; i < ARRAY_LEN(last); i++) {
        assert_int_equal(ask(&asked, STR("{}")), 0);
        int fd = serve(&rig, -1, last[i]);
        UNTIL(&rig, asked.dones == i + 1);
        assert_int_equal(client_open_connections(rig.client), 0);
        close(fd);
    }
    assert_int_equal(ask(&asked, STR("{}")), 0);
    int fd = serve(&rig, -1, hello);
    UNTIL(&rig, asked.dones == 3);
    assert_int_equal(client_idle_connections(rig.client), 1);
    answer(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")); /* nobody has asked */
    UNTIL(&rig, client_open_connections(rig.client) == 0);
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void a_stale_connection_costs_no_request(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    assert_int_equal(ask(&asked, STR("{}")), 0);
    int fd = serve(&rig, -1, hello);
    UNTIL(&rig, asked.dones == 1);
    reset_connection(fd); /* and no turn in between: the client does not know */
    usleep(5000);
    assert_int_equal(ask(&asked, STR("{}")), 0);
    fd = serve(&rig, -1, hello);
    UNTIL(&rig, asked.dones == 2);
    assert_int_equal(asked.faileds, 0);
    assert_int_equal(rig.accepted, 2);
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void what_cannot_be_reached_fails_with_nothing_sent(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    close(rig.listener);
    rig.listener = -1;
    int error = ask(&asked, STR("{}"));
    if (!error) {
        UNTIL(&rig, asked.faileds == 1);
        error = asked.error;
    }
    assert_true(error == E_CLOSED || error == E_IO);
    assert_int_equal(asked.sent, CLIENT_SENT_NONE);
    assert_int_equal(client_open_connections(rig.client), 0);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void connecting_has_a_limit(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    int filler[4];
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    rig_init(&rig);
    asked_init(&asked, &rig);
    assert_int_equal(listen(rig.listener, 0), 0);
    assert_int_equal(getsockname(rig.listener, (struct sockaddr *)&address, &len), 0);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++) { /* nobody accepts: the backlog is full */
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], (const struct sockaddr *)&address, sizeof(address));
    }
    assert_int_equal(ask(&asked, STR("{}")), 0);
    settle(&rig);
    clock_manual_advance(&rig.clock, LIMIT_connect_ms - 1);
    settle(&rig);
    assert_int_equal(asked.faileds, 0);
    clock_manual_advance(&rig.clock, 1);
    UNTIL(&rig, asked.faileds == 1);
    assert_int_equal(asked.error, E_TIMEOUT);
    assert_int_equal(asked.sent, CLIENT_SENT_NONE);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++)
        close(filler[i]);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void a_server_that_does_not_read_is_given_up(void **state)
{
    (void)state;
    static char body[LIMIT_request_body];
    struct rig rig;
    struct asked asked;
    int small = 4096;
    rig_init(&rig);
    asked_init(&asked, &rig);
    assert_int_equal(setsockopt(rig.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(ask(&asked, str_of(body, sizeof(body))), 0);
    int fd = accept_one(&rig);
    settle(&rig);
    assert_int_equal(client_request_sent(&asked.request), CLIENT_SENT_SOME);
    clock_manual_advance(&rig.clock, LIMIT_write_stall_ms);
    UNTIL(&rig, asked.faileds == 1);
    assert_int_equal(asked.error, E_TIMEOUT);
    assert_int_equal(asked.sent, CLIENT_SENT_SOME);
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void a_large_request_arrives_whole(void **state)
{
    (void)state;
    static char body[LIMIT_request_body];
    struct rig rig;
    struct asked asked;
    size_t got = 0;
    rig_init(&rig);
    asked_init(&asked, &rig);
    memset(body, 'x', sizeof(body));
    assert_int_equal(ask(&asked, str_of(body, sizeof(body))), 0);
    int fd = accept_one(&rig);
    UNTIL(&rig, ({
              static char bytes[65536];
              ssize_t more = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
              got += more > 0 ? (size_t)more : 0;
              client_request_sent(&asked.request) == CLIENT_SENT_ALL && more < 0;
          }));
    assert_int_equal(got, asked.request.total);
    answer(fd, hello);
    UNTIL(&rig, asked.dones == 1);
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void idle_connections_close_in_time(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    assert_int_equal(ask(&asked, STR("{}")), 0);
    int fd = serve(&rig, -1, hello);
    UNTIL(&rig, asked.dones == 1);
    clock_manual_advance(&rig.clock, LIMIT_keep_alive_ms - 1);
    settle(&rig);
    assert_int_equal(client_idle_connections(rig.client), 1);
    clock_manual_advance(&rig.clock, 1);
    UNTIL(&rig, client_open_connections(rig.client) == 0);
    assert_true(is_closed(fd));
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void owners_may_free_or_cancel_anywhere(void **state)
{
    (void)state;
    for (enum free_in where = FREE_IN_HEAD; where <= CANCEL_IN_BODY; where++) {
        struct rig rig;
        struct asked asked, other;
        rig_init(&rig);
        asked_init(&asked, &rig);
        asked_init(&other, &rig);
        asked.free_in = where;
        assert_int_equal(ask(&other, STR("[]")), 0);
        int silent = accept_one(&rig);
        assert_int_equal(ask(&asked, STR("{}")), 0);
        int fd = serve(&rig, -1, where == FREE_IN_FAILED ? STR("nonsense\r\n") : hello);
        UNTIL(&rig, is_closed(fd) || rig.client == NULL);
        settle(&rig);
        assert_int_equal(asked.dones, where == FREE_IN_DONE);
        assert_int_equal(asked.faileds, where == FREE_IN_FAILED);
        assert_int_equal(asked.bodies, where == FREE_IN_BODY || where == CANCEL_IN_BODY || where == FREE_IN_DONE);
        assert_int_equal(other.dones + other.faileds, 0); /* cancelled, so no event */
        close(fd);
        close(silent);
        buf_release(&asked.body);
        rig_release(&rig);
    }
}

static void a_pause_holds_the_body_back(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    asked.pause = true;
    assert_int_equal(ask(&asked, STR("{}")), 0);
    int fd = serve(&rig, -1, STR("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"));
    UNTIL(&rig, asked.heads == 1);
    answer(fd, STR("0123456789"));
    settle(&rig);
    assert_int_equal(asked.body.len, 0);
    client_resume(&asked.request);
    UNTIL(&rig, asked.dones == 1);
    assert_int_equal(asked.body.len, 10);
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

static void what_cannot_be_written_is_not_sent(void **state)
{
    (void)state;
    static const struct client_field bad[] = {
        { STR("Mcp-Name"), STR("a\r\nX: y") }, { STR("Mcp-Name"), STR("a\0b") }, { STR("Mcp Name"), STR("a") },
        { STR("Authorization"), STR("Bearer \xc3\xa9") },
    };
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(client_start(rig.client, &asked.request, STR("POST"), STR("/"), &bad[i], 1, STR("{}")), E_INVALID);
    assert_int_equal(client_start(rig.client, &asked.request, STR("GET"), STR("/a b"), NULL, 0, STR_EMPTY), E_INVALID);
    settle(&rig);
    assert_int_equal(accept(rig.listener, NULL, NULL), -1);
    assert_int_equal(client_cancel(&asked.request), CLIENT_SENT_NONE);
    buf_release(&asked.body);
    rig_release(&rig);
}

/* The system's resolver (-Wl,--wrap=getaddrinfo): 127.0.0.2, where nobody listens, then 127.0.0.1 for "second"; only the
 * former for "dead"; nothing for others. */
static struct sockaddr_in found[2];
static struct addrinfo infos[2];

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    int count = strcmp(host, "second") == 0 ? 2 : strcmp(host, "dead") == 0 ? 1 : 0;
    (void)hints;
    for (int i = 0; i < count; i++) {
        found[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
        found[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK + (i == 0));
        infos[i] = (struct addrinfo){ .ai_family = AF_INET,
                                      .ai_addr = (struct sockaddr *)&found[i],
                                      .ai_addrlen = sizeof(found[i]),
                                      .ai_next = i + 1 < count ? &infos[i + 1] : NULL };
    }
    *out = infos;
    return count ? 0 : EAI_NONAME;
}

void __wrap_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list)
{
    assert_ptr_equal(list, infos);
}

/* The rig's client is one for this name instead, at the listener's port. */
static struct resolver *use_name(struct rig *rig, const char *name)
{
    struct resolver *resolver;
    char address[64];
    snprintf(address, sizeof(address), "%s%s", name, strchr(rig->address, ':'));
    client_free(rig->client);
    assert_int_equal(resolver_new(rig->loop, &resolver), 0);
    const struct client_options options = { .loop = rig->loop, .address = str_from_c(address), .resolver = resolver };
    assert_int_equal(client_new(&options, &rig->client), 0);
    return resolver;
}

static void release_named(struct rig *rig, struct resolver *resolver)
{
    client_free(rig->client);
    rig->client = NULL;
    resolver_free(resolver);
    rig_release(rig);
}

static void addresses_of_a_name_are_tried_in_order(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    struct resolver *resolver = use_name(&rig, "second");
    asked_init(&asked, &rig);
    for (unsigned round = 1; round <= 2; round++) { /* looked up, and remembered */
        assert_int_equal(ask(&asked, STR("{}")), 0);
        int fd = serve(&rig, -1, STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"));
        UNTIL(&rig, asked.dones == round);
        close(fd);
    }
    assert_int_equal(asked.faileds, 0);
    buf_release(&asked.body);
    release_named(&rig, resolver);
}

static void a_name_that_leads_nowhere_fails_with_nothing_sent(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int error;
        const char *fault;
    } rows[] = { { "dead", E_CLOSED, NULL }, { "unknown", E_NOT_FOUND, "its name is not known" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct asked asked;
        rig_init(&rig);
        struct resolver *resolver = use_name(&rig, rows[i].name);
        asked_init(&asked, &rig);
        assert_int_equal(ask(&asked, STR("{}")), 0);
        UNTIL(&rig, asked.faileds == 1);
        assert_int_equal(asked.error, rows[i].error);
        assert_int_equal(asked.sent, CLIENT_SENT_NONE);
        if (rows[i].fault)
            assert_string_equal(asked.request.fault, rows[i].fault);
        else
            assert_null(asked.request.fault);
        assert_int_equal(client_open_connections(rig.client), 0);
        assert_int_equal(ask(&asked, STR("{}")), 0);
        assert_int_equal(client_cancel(&asked.request), CLIENT_SENT_NONE); /* while it is looked up, or connects */
        settle(&rig);
        assert_int_equal(asked.faileds, 1);
        buf_release(&asked.body);
        release_named(&rig, resolver);
    }
}

static void old_connections_take_no_further_request(void **state)
{
    (void)state;
    struct rig rig;
    struct asked asked;
    rig_init(&rig);
    asked_init(&asked, &rig);
    assert_int_equal(ask(&asked, STR("{}")), 0);
    int fd = serve(&rig, -1, hello);
    UNTIL(&rig, asked.dones == 1);
    assert_int_equal(ask(&asked, STR("{}")), 0);
    settle(&rig);
    clock_manual_advance(&rig.clock, LIMIT_client_age_ms);
    serve(&rig, fd, hello);
    UNTIL(&rig, asked.dones == 2);
    assert_int_equal(client_open_connections(rig.client), 0);
    UNTIL(&rig, is_closed(fd));
    close(fd);
    buf_release(&asked.body);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_reuse_a_clean_connection),
        cmocka_unit_test(bad_answers_fail_and_end_their_connection),
        cmocka_unit_test(an_answer_that_breaks_off_fails),
        cmocka_unit_test(connections_that_may_not_be_reused_are_not),
        cmocka_unit_test(a_stale_connection_costs_no_request),
        cmocka_unit_test(what_cannot_be_reached_fails_with_nothing_sent),
        cmocka_unit_test(connecting_has_a_limit),
        cmocka_unit_test(a_server_that_does_not_read_is_given_up),
        cmocka_unit_test(a_large_request_arrives_whole),
        cmocka_unit_test(idle_connections_close_in_time),
        cmocka_unit_test(owners_may_free_or_cancel_anywhere),
        cmocka_unit_test(a_pause_holds_the_body_back),
        cmocka_unit_test(what_cannot_be_written_is_not_sent),
        cmocka_unit_test(addresses_of_a_name_are_tried_in_order),
        cmocka_unit_test(a_name_that_leads_nowhere_fails_with_nothing_sent),
        cmocka_unit_test(old_connections_take_no_further_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
