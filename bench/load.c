/* Load on one MCP endpoint: N connections, one call in flight on each, every answer checked for status, id and length.
 * Prints one JSON line: requests, seconds, latencies, and the CPU time that the watched processes took meanwhile. */
#include "http.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX 65536
#define REQUEST_MAX 4096
#define WATCHED_MAX 8
#define FIRST_ID 1000000000u /* every id has ten digits: requests and answers keep their length */

static struct {
    uint16_t port;
    const char *path, *token, *tool;
    SSL_CTX *tls; /* NULL: plain */
    unsigned connections, length;
    double warm, seconds;
    bool handshake, wait;
    int watched[WATCHED_MAX];
    unsigned watched_count;
} options = {
    .path = "/mcp/bench", .token = "", .tool = "small", .connections = 1, .length = 300, .warm = 0.2, .seconds = 1
};

struct connection {
    int fd;
    SSL *ssl; /* NULL: plain */
    uint32_t id;
    int64_t sent_ns;
    char *id_at; /* in `request` */
    size_t request_len, input_len;
    char request[REQUEST_MAX];
    char input[INPUT_MAX];
};

struct samples {
    uint32_t *ns;
    size_t len, cap;
};

_Noreturn static void fail(const char *what, const char *data, size_t len)
{
    fprintf(stderr, "load: %s: %.*s\n", what, (int)(len > 400 ? 400 : len), data);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* CPU time of all threads of a process, in ns. */
static int64_t cpu_ns(int pid)
{
    char path[300];
    int64_t total = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        fail("no such process", path, strlen(path));
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        int64_t ns = 0;
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid, task->d_name);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        if (fscanf(file, "%" SCNd64, &ns) == 1)
            total += ns;
        fclose(file);
    }
    closedir(tasks);
    return total;
}

static int64_t watched_cpu_ns(void)
{
    int64_t total = 0;
    for (unsigned i = 0; i < options.watched_count; i++)
        total += cpu_ns(options.watched[i]);
    return total;
}

/* ---- one connection ---- */

static ssize_t put(struct connection *connection, const char *data, size_t len)
{
    if (!connection->ssl)
        return send(connection->fd, data, len, MSG_NOSIGNAL);
    int n = SSL_write(connection->ssl, data, (int)len);
    return n > 0 ? n : SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* -1 with EAGAIN: nothing is there now. */
static ssize_t get(struct connection *connection, int flags)
{
    char *into = connection->input + connection->input_len;
    size_t room = INPUT_MAX - connection->input_len;
    if (!connection->ssl)
        return recv(connection->fd, into, room, flags);
    int n = SSL_read(connection->ssl, into, (int)room);
    if (n > 0)
        return n;
    errno = SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_READ ? EAGAIN : EIO;
    return -1;
}

static void send_all(struct connection *connection, const char *data, size_t len)
{
    while (len) {
        ssize_t n = put(connection, data, len);
        if (n < 0)
            fail("send", strerror(errno), strlen(strerror(errno)));
        data += n;
        len -= (size_t)n;
    }
}

static size_t write_request(char *out, size_t max, const char *session, const char *body)
{
    int n = snprintf(out, max,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                     "%s%s%sContent-Length: %zu\r\n\r\n%s",
                     options.path, options.port, options.token,
                     session ? "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: " : "", session ? session : "",
                     session ? "\r\n" : "", strlen(body), body);
    if (n < 0 || (size_t)n >= max)
        fail("the request is too long", out, 0);
    return (size_t)n;
}

/* Sends a message and waits for its answer, which stays in the input. */
static void exchange(struct connection *connection, const char *session, const char *body, int status)
{
    char request[REQUEST_MAX], expected[32];
    size_t head, len;
    send_all(connection, request, write_request(request, sizeof(request), session, body));
    connection->input_len = 0;
    while ((len = http_message_len(connection->input, connection->input_len, &head)) == 0) {
        ssize_t n = get(connection, 0);
        if (n <= 0)
            fail("the handshake ended", body, strlen(body));
        connection->input_len += (size_t)n;
    }
    int n = snprintf(expected, sizeof(expected), "HTTP/1.1 %d", status);
    if (len == SIZE_MAX || memcmp(connection->input, expected, (size_t)n) != 0)
        fail("the handshake was answered", connection->input, connection->input_len);
}

static void open_session(struct connection *connection, char *session, size_t max)
{
    exchange(connection, NULL,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
             "\"capabilities\":{},\"clientInfo\":{\"name\":\"load\",\"version\":\"1\"}}}",
             200);
    const char *value = http_field(connection->input, connection->input_len, "mcp-session-id:");
    size_t len = value ? strcspn(value, "\r\n") : 0;
    if (len == 0 || len >= max)
        fail("no session", connection->input, connection->input_len);
    memcpy(session, value, len);
    session[len] = '\0';
    exchange(connection, session, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202);
}

static struct connection *connection_open(void)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options.port) };
    char session[256] = "load", body[1024];
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!connection || (connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        fail("connect", strerror(errno), strlen(strerror(errno)));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (options.tls) {
        connection->ssl = SSL_new(options.tls);
        if (!connection->ssl || !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection->ssl), "127.0.0.1") ||
            !SSL_set_fd(connection->ssl, connection->fd) || SSL_connect(connection->ssl) != 1)
            fail("TLS", "", 0);
    }
    if (options.handshake)
        open_session(connection, session, sizeof(session));
    if (connection->ssl) /* from now on only what is there is read */
        fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    connection->id = FIRST_ID;
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":{"
             "\"customer\":\"cus_9s6XKzkNRiz8i3\",\"amount\":42,\"currency\":\"eur\",\"reason\":\"the monthly refill\","
             "\"lines\":[{\"sku\":\"A-1001\",\"count\":2},{\"sku\":\"B-2002\",\"count\":1}]}}}",
             FIRST_ID, options.tool);
    connection->request_len = write_request(connection->request, sizeof(connection->request), session, body);
    connection->id_at = strstr(connection->request, "\"id\":") + 5;
    return connection;
}

static void send_call(struct connection *connection)
{
    char digits[16];
    snprintf(digits, sizeof(digits), "%" PRIu32, ++connection->id);
    memcpy(connection->id_at, digits, 10);
    connection->input_len = 0;
    connection->sent_ns = now_ns();
    send_all(connection, connection->request, connection->request_len);
}

/* True once the answer is whole, and as it must be. */
static bool receive(struct connection *connection)
{
    char expected[64];
    size_t head;
    ssize_t n = get(connection, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        fail("the connection ended", connection->input, connection->input_len);
    connection->input_len += (size_t)n;
    size_t len = http_message_len(connection->input, connection->input_len, &head);
    if (len == 0)
        return connection->ssl ? receive(connection) : false; /* a record may wait where epoll does not see it */
    int prefix = snprintf(expected, sizeof(expected),
                          "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu32 ",\"result\":{\"content\":", connection->id);
    if (len != connection->input_len || memcmp(connection->input, "HTTP/1.1 200", 12) != 0 ||
        len - head != options.length || memcmp(connection->input + head, expected, (size_t)prefix) != 0 ||
        memcmp(connection->input + len - 5, "\"}]}}", 5) != 0)
        fail("a wrong answer", connection->input, connection->input_len);
    return true;
}

/* ---- the run ---- */

static void keep(struct samples *samples, int64_t ns)
{
    if (samples->len == samples->cap) {
        samples->cap = samples->cap ? 2 * samples->cap : 65536;
        samples->ns = realloc(samples->ns, samples->cap * sizeof(*samples->ns));
        if (!samples->ns)
            fail("no memory", "", 0);
    }
    samples->ns[samples->len++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Calls on every connection until `until_ns`; then only what is in flight is awaited. */
static void run(int epoll, struct connection **connections, int64_t until_ns, struct samples *samples)
{
    unsigned in_flight = options.connections;
    struct epoll_event events[256];
    for (unsigned i = 0; i < options.connections; i++)
        send_call(connections[i]);
    while (in_flight) {
        int count = epoll_wait(epoll, events, 256, 10000);
        if (count == 0)
            fail("no answer for ten seconds", "", 0);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!receive(connection))
                continue;
            int64_t now = now_ns();
            if (samples)
                keep(samples, now - connection->sent_ns);
            if (now < until_ns)
                send_call(connection);
            else
                in_flight--;
        }
    }
}

static void print(const struct samples *samples, double seconds, int64_t cpu)
{
    size_t n = samples->len;
    printf("{\"requests\":%zu,\"seconds\":%.6f,\"per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"cpu_us\":%.3f}\n",
           n, seconds, (double)n / seconds, samples->ns[n / 2] / 1000.0, samples->ns[n * 99 / 100] / 1000.0,
           (double)cpu / 1000.0 / (double)n);
}

static void wait_for_go(void)
{
    puts("warm");
    fflush(stdout);
    if (getchar() == EOF)
        fail("nobody says go", "", 0);
}

static unsigned number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || end == text || value > INT32_MAX)
        fail("not a number", text, strlen(text));
    return (unsigned)value;
}

/* TLS with servers that this authority signed for. */
static SSL_CTX *tls_of(const char *authority)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls || SSL_CTX_load_verify_file(tls, authority) != 1)
        fail("no authority", authority, strlen(authority));
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    return tls;
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        { "port", required_argument, NULL, 'p' },
        { "path", required_argument, NULL, 'a' },
        { "token", required_argument, NULL, 't' },
        { "tool", required_argument, NULL, 'n' },
        { "length", required_argument, NULL, 'l' },
        { "connections", required_argument, NULL, 'c' },
        { "warm", required_argument, NULL, 'w' },
        { "seconds", required_argument, NULL, 's' },
        { "watch", required_argument, NULL, 'o' },
        { "handshake", no_argument, NULL, 'h' },
        { "tls", required_argument, NULL, 'e' }, /* the authority's PEM file */
        { "wait", no_argument, NULL,
          'g' }, /* behind the warm-up, says "warm" and goes on at a line of standard input */
        { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p': options.port = (uint16_t)number(optarg); break;
        case 'a': options.path = optarg; break;
        case 't': options.token = optarg; break;
        case 'n': options.tool = optarg; break;
        case 'l': options.length = number(optarg); break;
        case 'c': options.connections = number(optarg); break;
        case 'w': options.warm = strtod(optarg, NULL); break;
        case 's': options.seconds = strtod(optarg, NULL); break;
        case 'h': options.handshake = true; break;
        case 'e': options.tls = tls_of(optarg); break;
        case 'g': options.wait = true; break;
        case 'o':
            if (options.watched_count == WATCHED_MAX)
                fail("too many processes to watch", optarg, strlen(optarg));
            options.watched[options.watched_count++] = (int)number(optarg);
            break;
        default: exit(2);
        }
    }
    if (!options.port || !options.connections || options.seconds <= 0)
        fail("--port, --connections and --seconds are needed", "", 0);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection **connections = calloc(options.connections, sizeof(struct connection *));
    if (epoll < 0 || !connections)
        fail("epoll", "", 0);
    for (unsigned i = 0; i < options.connections; i++) {
        connections[i] = connection_open();
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connections[i] };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i]->fd, &event) != 0)
            fail("epoll_ctl", "", 0);
    }
    struct samples samples = { 0 };
    run(epoll, connections, now_ns() + (int64_t)(options.warm * 1e9), NULL);
    if (options.wait)
        wait_for_go();
    int64_t cpu = watched_cpu_ns(), start = now_ns();
    run(epoll, connections, start + (int64_t)(options.seconds * 1e9), &samples);
    double seconds = (double)(now_ns() - start) / 1e9;
    cpu = watched_cpu_ns() - cpu;
    qsort(samples.ns, samples.len, sizeof(*samples.ns), compare);
    print(&samples, seconds, cpu);
    return 0;
}
