/* Socket addresses: whatever is taken for one is printed again and means the same. */
#include "base/check.h"
#include "io/address.h"
#include "io/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct address address, again;
    char host[INET6_ADDRSTRLEN], printed[INET6_ADDRSTRLEN + 16];

    (void)address_is_loopback(text);
    (void)address_unix(text, &again);
    if (address_parse(text, &address) != 0)
        return 0;
    if (address.socket.ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&address.socket;
        AN(inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host)));
        snprintf(printed, sizeof(printed), "%s:%u", host, ntohs(in4->sin_port));
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address.socket;
        AN(inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)));
        snprintf(printed, sizeof(printed), "[%s]:%u", host, ntohs(in6->sin6_port));
    }
    AZ(address_parse(str_from_c(printed), &again));
    CHECK(again.len == address.len && memcmp(&again.socket, &address.socket, address.len) == 0);
    return 0;
}
