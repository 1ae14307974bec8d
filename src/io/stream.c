/* Streams over sockets and pipes. The kernel tells each edge once; what it said last stands in may_read and want_write,
 * so that a call that must fail costs no system call, and a pause forgets nothing. */
#include "io/stream_types.h"

#include "io/loop_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the two kinds ---- */

static int write_error(struct stream *stream)
{
    switch (errno) {
    case EAGAIN: stream->want_write = true; return E_AGAIN;
    case EPIPE:
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOTCONN: return E_CLOSED;
    default: return E_IO;
    }
}

static ssize_t socket_read(struct stream *stream, void *into, size_t max)
{
    ssize_t got;

    do {
        got = recv(stream->fd, into, max, 0);
    } while (got < 0 && errno == EINTR);
    return got >= 0 ? got : errno == EAGAIN ? E_AGAIN : E_IO;
}

static ssize_t socket_write(struct stream *stream, const struct iovec *parts, int count)
{
    struct msghdr message = { .msg_iovlen = (size_t)count };
    ssize_t put;

    memcpy(&message.msg_iov, &parts, sizeof(parts)); /* only read by the kernel, but not const there */
    do {
        put = count == 1 ? send(stream->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                         : sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return put >= 0 ? put : write_error(stream);
}

static void socket_shutdown_write(struct stream *stream)
{
    (void)shutdown(stream->fd, SHUT_WR); /* who is gone already knows */
}

const struct stream_ops socket_ops = { .read = socket_read,
                                       .write = socket_write,
                                       .shutdown_write = socket_shutdown_write };

static ssize_t pipe_read(struct stream *stream, void *into, size_t max)
{
    ssize_t got;

    do {
        got = read(stream->fd, into, max);
    } while (got < 0 && errno == EINTR);
    return got >= 0 ? got : errno == EAGAIN ? E_AGAIN : E_IO;
}

static ssize_t pipe_write(struct stream *stream, const struct iovec *parts, int count)
{
    ssize_t put;

    do {
        put = count == 1 ? write(stream->fd, parts[0].iov_base, parts[0].iov_len) : writev(stream->fd, parts, count);
    } while (put < 0 && errno == EINTR);
    return put >= 0 ? put : write_error(stream);
}

static void drop_fd(struct stream *stream)
{
    if (stream->fd < 0)
        return;
    poller_remove(&stream->loop->poller, &stream->watch);
    close(stream->fd);
    stream->fd = -1;
}

/* A pipe has one direction: its end is the whole of it. */
static void pipe_shutdown_write(struct stream *stream)
{
    drop_fd(stream);
}

const struct stream_ops pipe_ops = { .read = pipe_read, .write = pipe_write, .shutdown_write = pipe_shutdown_write };

/* ---- edges ---- */

static void tell_readable(struct stream *stream)
{
    if (!stream->closed && stream->fd >= 0 && stream->may_read && !stream->paused)
        stream->events->readable(stream->owner);
}

static void tell_writable(struct stream *stream, unsigned ready)
{
    if (stream->closed || stream->fd < 0 || !stream->want_write || !(ready & READY_WRITE))
        return;
    stream->want_write = stream->connecting = false;
    if (stream->events->writable)
        stream->events->writable(stream->owner);
}

static void on_ready(struct watch *watch, unsigned ready)
{
    struct stream *stream = CONTAINER_OF(watch, struct stream, watch);

    CHECK_OBJ(stream, STREAM_MAGIC);
    if (stream->ops->edge)
        ready = stream->ops->edge(stream, ready);
    if (ready & READY_READ)
        stream->may_read = true;
    if (ready & READY_ENDED)
        stream->ended = true;
    if (stream->connecting)
        tell_writable(stream, ready);
    if (ready & READY_READ)
        tell_readable(stream);
    tell_writable(stream, ready);
}

static void on_stream_end_of_turn(struct deferred *deferred)
{
    struct stream *stream = CONTAINER_OF(deferred, struct stream, deferred);

    if (stream->ops->free)
        stream->ops->free(stream);
    stream->magic = 0;
    free(stream);
}

/* ---- life ---- */

static int make_ready_for_use(int fd)
{
    int status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);

    if (status < 0 || flags < 0)
        return E_INVALID;
    if (!(status & O_NONBLOCK) && fcntl(fd, F_SETFL, status | O_NONBLOCK) != 0)
        return E_INVALID;
    if (!(flags & FD_CLOEXEC) && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0)
        return E_INVALID;
    return 0;
}

int stream_open(struct loop *loop, int fd, const struct stream_ops *ops, const struct stream_events *events,
                void *owner, bool connecting, struct stream **out)
{
    struct stream *stream;
    int error;

    CHECK_OBJ(loop, LOOP_MAGIC);
    AN(events->readable);
    error = make_ready_for_use(fd);
    if (error)
        goto no_stream;
    stream = malloc(sizeof(*stream));
    error = E_NOMEM;
    if (!stream)
        goto no_stream;
    *stream = (struct stream){
        .magic = STREAM_MAGIC,
        .loop = loop,
        .ops = ops,
        .events = events,
        .owner = owner,
        .fd = fd,
        .may_read = true,
        .want_write = connecting,
        .connecting = connecting,
        .deferred = { .run = on_stream_end_of_turn },
    };
    error = poller_add(&loop->poller, &stream->watch, fd, WATCH_BOTH, on_ready);
    if (error) {
        free(stream);
        goto no_stream;
    }
    *out = stream;
    return 0;

no_stream:
    close(fd);
    return error;
}

/* Not a TCP socket: it has no such options and needs none. */
void socket_tune(int fd)
{
    static const int on = 1, unsent = LIMIT_unsent_bytes;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

int stream_new(struct loop *loop, int fd, bool socket, const struct stream_events *events, void *owner,
               struct stream **out)
{
    if (socket)
        socket_tune(fd);
    return stream_open(loop, fd, socket ? &socket_ops : &pipe_ops, events, owner, false, out);
}

void stream_set_owner(struct stream *stream, const struct stream_events *events, void *owner)
{
    CHECK_OBJ(stream, STREAM_MAGIC);
    CHECK(!stream->closed);
    AN(events->readable);
    stream->events = events;
    stream->owner = owner;
    if (stream->may_read && !stream->paused && stream->fd >= 0)
        poller_again(&stream->loop->poller, &stream->watch);
}

ssize_t stream_read(struct stream *stream, void *into, size_t max)
{
    ssize_t got;

    CHECK_OBJ(stream, STREAM_MAGIC);
    CHECK(!stream->closed);
    AN(max);
    if (stream->fd < 0)
        return E_IO;
    if (!stream->may_read)
        return E_AGAIN;
    got = stream->ops->read(stream, into, max);
    /* Less than asked for is all there was (epoll(7)), and whatever comes later is an edge of its own; but an end that
     * was told already is not told again. */
    if (got == E_AGAIN || (got > 0 && (size_t)got < max && !stream->ended))
        stream->may_read = false;
    return got;
}

ssize_t stream_write(struct stream *stream, const struct iovec *parts, int count)
{
    size_t asked = 0;
    ssize_t put;

    CHECK_OBJ(stream, STREAM_MAGIC);
    CHECK(!stream->closed);
    CHECK(count > 0);
    if (stream->fd < 0)
        return E_CLOSED;
    if (stream->want_write)
        return E_AGAIN;
    if (count > IOV_MAX)
        count = IOV_MAX;
    for (int i = 0; i < count; i++)
        asked += parts[i].iov_len;
    if (asked == 0)
        return 0;
    put = stream->ops->write(stream, parts, count);
    if (put >= 0 && (size_t)put < asked)
        stream->want_write = true;
    return put;
}

void stream_pause(struct stream *stream)
{
    CHECK_OBJ(stream, STREAM_MAGIC);
    stream->paused = true;
}

void stream_resume(struct stream *stream)
{
    CHECK_OBJ(stream, STREAM_MAGIC);
    CHECK(!stream->closed);
    if (!stream->paused)
        return;
    stream->paused = false;
    if (stream->may_read && stream->fd >= 0)
        poller_again(&stream->loop->poller, &stream->watch);
}

void stream_shutdown_write(struct stream *stream)
{
    CHECK_OBJ(stream, STREAM_MAGIC);
    CHECK(!stream->closed);
    if (stream->fd >= 0)
        stream->ops->shutdown_write(stream);
}

void stream_peer(const struct stream *stream, char *out, size_t max)
{
    struct address address = { .len = sizeof(address.socket) };

    CHECK_OBJ(stream, STREAM_MAGIC);
    if (stream->fd < 0 || getpeername(stream->fd, (struct sockaddr *)&address.socket, &address.len) != 0)
        address.socket.ss_family = AF_UNSPEC;
    address_print(&address, out, max);
}

bool stream_is_flushed(const struct stream *stream)
{
    CHECK_OBJ(stream, STREAM_MAGIC);
    return !stream->ops->flushed || stream->ops->flushed(stream);
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    CHECK_OBJ(stream, STREAM_MAGIC);
    CHECK(!stream->closed);
    stream->closed = true;
    if (stream->ops->close)
        stream->ops->close(stream);
    drop_fd(stream);
    loop_defer(stream->loop, &stream->deferred);
}
