/* A Streamable HTTP server that misbehaves by name: a process a connection, and a page of memory that they share. It
 * knows our own client's form of requests, holds it to MCP's rules for fields, and reads nothing else. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct toy_shared {
    int initialized, deleted, sessions, faults, cancelled;
};

struct toy_http {
    pid_t              pid;
    uint16_t           port;
    struct toy_shared *shared;
};

static void toy_http_write(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put = send(fd, text, len, MSG_NOSIGNAL);
        if (put <= 0)
            _exit(0);
        text += put;
        len -= (size_t)put;
    }
}

static void toy_http_send(int fd, const char *status, const char *fields, const char *body)
{
    char head[1024];
    int len = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), fields);
    toy_http_write(fd, head, (size_t)len);
    toy_http_write(fd, body, strlen(body));
}

#define TOY_JSON "Content-Type: application/json\r\n"
#define TOY_CHUNKED "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"

static void toy_http_chunk(int fd, const char *text)
{
    char size[32];
    int len = snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
    toy_http_write(fd, size, (size_t)len);
    toy_http_write(fd, text, strlen(text));
    toy_http_write(fd, "\r\n", 2);
}

static void toy_http_events(int fd, const char *role, const char *id, const char *answer)
{
    char event[2048];
    toy_http_write(fd, TOY_CHUNKED, sizeof(TOY_CHUNKED) - 1);
    toy_http_chunk(fd, "id: 1\ndata:\n\n:comment\n\n");
    snprintf(event, sizeof(event), "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
             "{\"progressToken\":%s,\"progress\":1}}\n\n", id);
    toy_http_chunk(fd, event);
    if (strcmp(role, "undecodable") == 0)
        toy_http_chunk(fd, "data: {\"jsonrpc\":\n\nevent: other\ndata: {}\n\n");
    snprintf(event, sizeof(event), "data: %.20s", answer);
    toy_http_chunk(fd, event);
    if (strcmp(role, "cut") == 0)
        _exit(0);
    snprintf(event, sizeof(event), "%s\r\n\r\n", answer + 20);
    toy_http_chunk(fd, event);
    if (strcmp(role, "open") == 0)
        pause();
    toy_http_write(fd, "0\r\n\r\n", 5);
}

static void toy_http_large(int fd)
{
    static char block[1 << 20];
    memset(block, 'x', sizeof(block));
    char head[128];
    int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n" TOY_JSON "Content-Length: %d\r\n\r\n", 20 << 20);
    toy_http_write(fd, head, (size_t)len);
    for (int i = 0; i < 20; i++)
        toy_http_write(fd, block, sizeof(block));
}

static void toy_http_call(int fd, const char *role, const char *id, struct toy_shared *shared)
{
    static const struct { const char *role, *status, *fields; } odd[] = {
        { "201", "201 Created", TOY_JSON },
        { "206", "206 Partial Content", TOY_JSON },
        { "302", "302 Found", TOY_JSON "Location: /other\r\n" },
        { "500", "500 Internal Server Error", TOY_JSON },
        { "text", "200 OK", "Content-Type: text/plain\r\n" },
        { "no type", "200 OK", "" },
        { "two types", "200 OK", TOY_JSON TOY_JSON },
        { "coded", "200 OK", TOY_JSON "Content-Encoding: gzip\r\n" },
    };
    char answer[256];
    snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"n\":1}}", id);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (strcmp(role, odd[i].role) == 0) {
            toy_http_send(fd, odd[i].status, odd[i].fields, answer);
            return;
        }
    }
    if (strcmp(role, "silent") == 0)
        pause();
    if (strcmp(role, "hangs up") == 0)
        _exit(0);
    if (strcmp(role, "large") == 0)
        toy_http_large(fd);
    else if (strcmp(role, "other id") == 0)
        toy_http_send(fd, "200 OK", TOY_JSON, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    else if (strcmp(role, "forgets") == 0 && shared->sessions == 1)
        toy_http_send(fd, "404 Not Found", "", "");
    else if (strcmp(role, "events") == 0 || strcmp(role, "undecodable") == 0 || strcmp(role, "open") == 0 || strcmp(role, "cut") == 0)
        toy_http_events(fd, role, id, answer);
    else
        toy_http_send(fd, "200 OK", "Content-Type: application/JSON; charset=utf-8\r\n", answer);
}

/* A field that MCP asks for, or a fault that the test will see. */
static void toy_http_wants(const char *head, const char *field, struct toy_shared *shared)
{
    if (!strcasestr(head, field)) {
        fprintf(stderr, "no %s in: %s\n", field, head);
        shared->faults++;
    }
}

static void toy_http_one(int fd, const char *role, const char *head, const char *body, struct toy_shared *shared)
{
    char id[24] = "", fields[128], session[64];
    const char *at = strstr(body, "\"id\":");
    if (at)
        snprintf(id, sizeof(id), "%.*s", (int)strspn(at + 5, "0123456789"), at + 5);
    if (strncmp(head, "DELETE ", 7) == 0) {
        shared->deleted++;
        toy_http_send(fd, "200 OK", "", "");
        return;
    }
    if (strstr(body, "\"server/discover\"")) { /* as servers that only know sessions answer it */
        toy_http_send(fd, "400 Bad Request", TOY_JSON, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"no session\"},\"id\":null}");
        return;
    }
    toy_http_wants(head, "POST /mcp?x=1 HTTP/1.1\r\n", shared);
    toy_http_wants(head, "\r\nAccept: application/json, text/event-stream\r\n", shared);
    toy_http_wants(head, "\r\nContent-Type: application/json\r\n", shared);
    toy_http_wants(head, "\r\nX-Given: yes\r\n", shared);
    if (strstr(body, "\"initialize\"")) {
        char answer[256];
        shared->initialized = 0;
        snprintf(fields, sizeof(fields), TOY_JSON "mcp-session-id: %s%d\r\n", strcmp(role, "bad session") == 0 ? "a b" : "s-", ++shared->sessions);
        snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":"
                 "{\"tools\":{}}}}", id);
        toy_http_send(fd, "200 OK", strcmp(role, "no session") == 0 ? TOY_JSON : fields, answer);
        return;
    }
    snprintf(session, sizeof(session), "\r\nMcp-Session-Id: s-%d\r\n", shared->sessions);
    if (strcmp(role, "no session") != 0)
        toy_http_wants(head, session, shared);
    toy_http_wants(head, "\r\nMCP-Protocol-Version: 2025-06-18\r\n", shared);
    if (strstr(body, "notifications/initialized")) {
        usleep(100000);
        shared->initialized = 1;
        toy_http_send(fd, "202 Accepted", "", "");
    } else if (!shared->initialized) {
        shared->faults++;
        toy_http_send(fd, "400 Bad Request", "", "");
    } else if (strstr(body, "notifications/cancelled")) {
        shared->cancelled++;
        toy_http_send(fd, "202 Accepted", "", "");
    } else if (strstr(body, "\"tools/list\"")) {
        char answer[256];
        snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}", id);
        toy_http_send(fd, "200 OK", TOY_JSON, answer);
    } else {
        toy_http_call(fd, role, id, shared);
    }
}

static void toy_http_connection(int fd, const char *role, struct toy_shared *shared)
{
    static char bytes[1 << 16];
    size_t have = 0;
    for (;;) {
        char *end = NULL;
        size_t length = 0, head_len = 0;
        while (!end || have < head_len + length) {
            ssize_t got = recv(fd, bytes + have, sizeof(bytes) - 1 - have, 0);
            if (got <= 0)
                _exit(0);
            have += (size_t)got;
            bytes[have] = '\0';
            end = strstr(bytes, "\r\n\r\n");
            if (!end)
                continue;
            head_len = (size_t)(end - bytes) + 4;
            const char *field = strcasestr(bytes, "\r\ncontent-length: ");
            length = field && field < end ? (size_t)strtoul(field + 18, NULL, 10) : 0;
        }
        char body[1 << 15];
        snprintf(body, sizeof(body), "%.*s", (int)length, bytes + head_len);
        bytes[head_len - 2] = '\0';
        toy_http_one(fd, role, bytes, body, shared);
        memmove(bytes, bytes + head_len + length, have - head_len - length);
        have -= head_len + length;
    }
}

static void toy_http_start(struct toy_http *toy, const char *role)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    toy->port = ntohs(address.sin_port);
    toy->shared = mmap(NULL, sizeof(*toy->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    toy->pid = fork();
    if (toy->pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int connection = accept(fd, NULL, NULL);
            if (connection >= 0 && fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(fd);
                toy_http_connection(connection, role, toy->shared);
            }
            close(connection);
        }
    }
    setpgid(toy->pid, toy->pid);
    close(fd);
}

static void toy_http_stop(struct toy_http *toy)
{
    kill(-toy->pid, SIGKILL);
    waitpid(toy->pid, NULL, 0);
    munmap(toy->shared, sizeof(*toy->shared));
}
