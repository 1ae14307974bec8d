/* An MCP server that does nothing but answer, for measuring what stands before it: `responder PORT` over HTTP on
 * loopback, `responder --stdio` over a pipe. Tools: small (an answer of 300 bytes), big (16 KiB). */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL 300
#define BIG 16384
#define ID_LEN 10 /* of the load's ids; a proxy's own may be shorter, and the filler stays the same */
#define INPUT_MAX (256 * 1024)

static const char tail[] = "\"}]}}";
static char filler[BIG];

struct stream {
    int fd;     /* read from */
    int out;    /* written to */
    size_t len; /* bytes in `input` */
    char input[INPUT_MAX];
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return; /* the other side is gone: the next read says so */
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
}

/* The JSON text behind `key` in an object that another program of ours wrote: up to the comma or brace that ends it. */
static const char *member(const char *json, size_t len, const char *key, size_t *value_len)
{
    const char *at = memmem(json, len, key, strlen(key));
    if (!at)
        return NULL;
    at += strlen(key);
    const char *end = at;
    while (end < json + len && *end != ',' && *end != '}')
        end++;
    *value_len = (size_t)(end - at);
    return at;
}

static bool is(const char *value, size_t len, const char *text)
{
    return value && len == strlen(text) && memcmp(value, text, len) == 0;
}

/* Writes the message that answers `json` into `out`; 0 when it wants none. */
static size_t answer(const char *json, size_t len, char *out, size_t max)
{
    size_t id_len, method_len = 0, name_len = 0;
    const char *id = member(json, len, "\"id\":", &id_len);
    const char *method = member(json, len, "\"method\":", &method_len);
    if (!id || !method)
        return 0;
    int n;
    if (is(method, method_len, "\"tools/call\"")) {
        const char *name = member(json, len, "\"name\":", &name_len);
        size_t wanted = (is(name, name_len, "\"big\"") ? BIG : SMALL) - ID_LEN + id_len;
        n = snprintf(out, max,
                     "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"",
                     (int)id_len, id);
        size_t used = (size_t)n, rest = wanted - used - (sizeof(tail) - 1);
        memcpy(out + used, filler, rest);
        memcpy(out + used + rest, tail, sizeof(tail) - 1);
        return wanted;
    }
    if (is(method, method_len, "\"initialize\""))
        n = snprintf(out, max,
                     "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"protocolVersion\":\"2025-11-25\","
                     "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"responder\",\"version\":\"1\"}}}",
                     (int)id_len, id);
    else if (is(method, method_len, "\"tools/list\""))
        n = snprintf(out, max,
                     "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"tools\":["
                     "{\"name\":\"small\",\"inputSchema\":{\"type\":\"object\"}},"
                     "{\"name\":\"big\",\"inputSchema\":{\"type\":\"object\"}}]}}",
                     (int)id_len, id);
    else if (is(method, method_len, "\"ping\""))
        n = snprintf(out, max, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{}}", (int)id_len, id);
    else
        n = snprintf(out, max,
                     "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}",
                     (int)id_len, id);
    return (size_t)n;
}

static char body[BIG + 4096];

static void answer_http(int fd, const char *request, size_t head, size_t len)
{
    static char out[sizeof(body) + 512];
    int n;
    if (memcmp(request, "POST ", 5) != 0) {
        n = snprintf(out, sizeof(out), "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n",
                     memcmp(request, "DELETE ", 7) == 0 ? "200 OK" : "405 Method Not Allowed");
        write_all(fd, out, (size_t)n);
        return;
    }
    size_t body_len = answer(request + head, len - head, body, sizeof(body));
    if (!body_len) {
        n = snprintf(out, sizeof(out), "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        write_all(fd, out, (size_t)n);
        return;
    }
    n = snprintf(out, sizeof(out),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                 "Mcp-Session-Id: responder\r\n\r\n",
                 body_len);
    memcpy(out + n, body, body_len);
    write_all(fd, out, (size_t)n + body_len);
}

/* Answers every whole message in the input; false when it is none that we know. */
static bool serve_http(struct stream *stream)
{
    size_t at = 0;
    while (at < stream->len) {
        size_t head, len = http_message_len(stream->input + at, stream->len - at, &head);
        if (len == SIZE_MAX)
            return false;
        if (len == 0)
            break;
        answer_http(stream->out, stream->input + at, head, len);
        at += len;
    }
    memmove(stream->input, stream->input + at, stream->len - at);
    stream->len -= at;
    return true;
}

static void serve_lines(struct stream *stream)
{
    size_t at = 0;
    for (char *end; (end = memchr(stream->input + at, '\n', stream->len - at)) != NULL;) {
        size_t line = (size_t)(end - (stream->input + at));
        size_t len = answer(stream->input + at, line, body, sizeof(body) - 1);
        if (len) {
            body[len] = '\n';
            write_all(stream->out, body, len + 1);
        }
        at += line + 1;
    }
    memmove(stream->input, stream->input + at, stream->len - at);
    stream->len -= at;
}

/* False: the stream has ended. */
static bool receive(struct stream *stream)
{
    ssize_t n = read(stream->fd, stream->input + stream->len, sizeof(stream->input) - stream->len);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    stream->len += (size_t)n;
    return n > 0;
}

static int run_stdio(void)
{
    static struct stream pipe_stream = { .fd = STDIN_FILENO, .out = STDOUT_FILENO };
    while (receive(&pipe_stream))
        serve_lines(&pipe_stream);
    return 0;
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0)
        die("listen");
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("getsockname");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_one(int listener, int epoll)
{
    struct stream *stream = malloc(sizeof(*stream));
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (!stream || fd < 0)
        die("accept");
    stream->fd = stream->out = fd;
    stream->len = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = stream };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

_Noreturn static void run_http(uint16_t port)
{
    int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[64], accepting = { .events = EPOLLIN, .data.ptr = NULL };
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &accepting) != 0)
        die("epoll");
    for (;;) {
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            struct stream *stream = events[i].data.ptr;
            if (!stream) {
                accept_one(listener, epoll);
            } else if (!receive(stream) || !serve_http(stream)) {
                close(stream->fd);
                free(stream);
            }
        }
    }
}

int main(int argc, char **argv)
{
    memset(filler, 'x', sizeof(filler));
    if (argc == 2 && strcmp(argv[1], "--stdio") == 0)
        return run_stdio();
    char *end = NULL;
    unsigned long port = argc == 2 ? strtoul(argv[1], &end, 10) : 65536;
    if (port > 65535 || !end || *end) {
        fprintf(stderr, "usage: responder PORT | --stdio\n");
        return 2;
    }
    run_http((uint16_t)port);
}
