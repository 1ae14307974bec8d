/* Socket addresses: parsed strictly, names are not resolved here. */
#include "io/address.h"

#include "io/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/un.h>

/* Host and port; the brackets of an IPv6 address are gone and `*six` says that they stood there. */
static int split(struct str text, struct str *host, uint16_t *port, bool *six)
{
    unsigned long long number;
    size_t colon = text.len;

    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !str_to_u64(str_slice(text, colon, text.len), UINT16_MAX, &number))
        return E_INVALID;
    *port = (uint16_t)number;
    *host = str_slice(text, 0, colon - 1);
    *six = host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']';
    if (*six)
        *host = str_slice(*host, 1, host->len - 1);
    return 0;
}

int address_parse(struct str text, struct address *out)
{
    char terminated[INET6_ADDRSTRLEN];
    struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)&out->socket;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&out->socket;
    struct str host;
    uint16_t port;
    bool six;

    if (split(text, &host, &port, &six) != 0)
        return E_INVALID;
    if (!six && str_eq_nocase(host, STR("localhost")))
        host = STR("127.0.0.1");
    if (host.len >= sizeof(terminated) || memchr(host.ptr, '\0', host.len))
        return E_INVALID;
    memcpy(terminated, host.ptr, host.len);
    terminated[host.len] = '\0';
    *out = (struct address){ .len = six ? sizeof(*in6) : sizeof(*in4) };
    out->socket.ss_family = six ? AF_INET6 : AF_INET;
    if (inet_pton(out->socket.ss_family, terminated, six ? (void *)&in6->sin6_addr : (void *)&in4->sin_addr) != 1)
        return E_INVALID;
    if (six)
        in6->sin6_port = htons(port);
    else
        in4->sin_port = htons(port);
    return 0;
}

int address_unix(struct str path, struct address *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->socket;

    *out = (struct address){ .len = sizeof(*un) };
    if (path.len == 0 || path.len >= sizeof(un->sun_path) || memchr(path.ptr, '\0', path.len))
        return E_INVALID;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    return 0;
}

void address_print(const struct address *address, char *out, size_t max)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&address->socket;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address->socket;
    char host[INET6_ADDRSTRLEN];

    snprintf(out, max, "unknown");
    if (address->socket.ss_family == AF_INET && inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host)))
        snprintf(out, max, "%s:%u", host, (unsigned)ntohs(in4->sin_port));
    if (address->socket.ss_family == AF_INET6 && inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)))
        snprintf(out, max, "[%s]:%u", host, (unsigned)ntohs(in6->sin6_port));
}

bool address_is_loopback(struct str text)
{
    struct address address;

    if (address_parse(text, &address) != 0)
        return false;
    if (address.socket.ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&address.socket;
        return ntohl(in4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address.socket;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
}
