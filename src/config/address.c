/* Where the gateway may listen: numeric addresses, so that no name service decides who can reach it. */
#include "config/reader.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool parse_host(struct str host, bool v6, bool *loopback)
{
    char text[INET6_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;
    if (v6) {
        struct in6_addr address;
        if (inet_pton(AF_INET6, text, &address) != 1)
            return false;
        *loopback = IN6_IS_ADDR_LOOPBACK(&address);
        return true;
    }
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1)
        return false;
    *loopback = ntohl(address.s_addr) >> 24 == 127;
    return true;
}

int config_check_listen(struct str text, const struct config *config)
{
    struct listen_address address;
    if (!listen_address_parse(text, &address))
        return E_INVALID;
    return address.loopback || config->tls || config->insecure ? 0 : E_DENIED;
}

bool listen_address_parse(struct str text, struct listen_address *out)
{
    bool v6 = text.len > 0 && text.ptr[0] == '[';
    size_t end = v6 ? str_find_byte(text, ']') : str_find_byte(text, ':');
    if (end == text.len)
        return false;
    struct str host = str_slice(text, v6 ? 1 : 0, end), rest = str_slice(text, v6 ? end + 1 : end, text.len);
    unsigned long long port;
    if (rest.len < 2 || rest.ptr[0] != ':' || !str_to_u64(str_slice(rest, 1, rest.len), 65535, &port))
        return false;
    out->any_port = port == 0;
    return parse_host(host, v6, &out->loopback);
}
