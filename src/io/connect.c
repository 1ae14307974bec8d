/* Streams that we open: to an address or to a unix socket. The answer comes as `writable`. */
#include "io/address.h"
#include "base/failure.h"
#include "io/stream_types.h"

#include <errno.h>
#include <unistd.h>

static int connect_to(const struct address *address, int *out)
{
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_of_errno(errno);
    if (address->socket.ss_family != AF_UNIX)
        socket_tune(fd);
    if (connect(fd, (const struct sockaddr *)&address->socket, address->len) != 0 && errno != EINPROGRESS) {
        int error = errno == EAGAIN ? E_FULL : error_of_errno(errno); /* EAGAIN: the unix listener's backlog is full */
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

int connect_socket(struct str text, int *out)
{
    struct address address;
    int error = address_parse(text, &address);

    return error ? error : connect_to(&address, out);
}

int stream_connect(struct loop *loop, struct str text, const struct stream_events *events, void *owner,
                   struct stream **out)
{
    int fd = -1, error = connect_socket(text, &fd);

    return error ? error : stream_open(loop, fd, &socket_ops, events, owner, true, out);
}

int stream_connect_unix(struct loop *loop, struct str path, const struct stream_events *events, void *owner,
                        struct stream **out)
{
    struct address address;
    int fd = -1, error = address_unix(path, &address);

    if (!error)
        error = connect_to(&address, &fd);
    return error ? error : stream_open(loop, fd, &socket_ops, events, owner, true, out);
}
