/* Listeners on TCP and unix sockets. When the process is out of descriptors accepting pauses for a moment: the
 * connections wait in the kernel's backlog, and the loop does not spin. */
#include "io/address.h"
#include "base/failure.h"
#include "io/loop_types.h"
#include "io/stream.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENER_MAGIC 0x4c495354u

struct listener {
    unsigned magic;
    struct loop *loop;
    const struct listener_events *events;
    void *owner;
    struct watch watch;
    struct timer retry;
    struct deferred deferred;
    int fd;
    bool paused, may_accept, closed;
    bool starved; /* said once, until an accept succeeds */
    char *path;   /* of a unix socket, and which inode it was */
    dev_t device;
    ino_t inode;
};

/* ---- accepting ---- */

static void wait_a_moment(struct listener *listener, int number)
{
    if (!listener->starved)
        log_warn(loop_log(listener->loop), "accepting connections pauses: %s", strerror(number));
    listener->starved = true;
    timer_start(&listener->retry, LIMIT_accept_retry_ms);
}

static void accept_all(struct listener *listener)
{
    while (!listener->closed && !listener->paused && listener->may_accept && !listener->retry.running) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->starved = false;
            listener->events->accepted(listener->owner, fd);
        } else if (errno == EAGAIN) {
            listener->may_accept = false;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            wait_a_moment(listener, errno);
        }
    }
}

static void on_ready(struct watch *watch, unsigned ready)
{
    struct listener *listener = CONTAINER_OF(watch, struct listener, watch);

    CHECK_OBJ(listener, LISTENER_MAGIC);
    (void)ready;
    listener->may_accept = true;
    accept_all(listener);
}

static void retry_fired(struct timer *timer)
{
    accept_all(CONTAINER_OF(timer, struct listener, retry));
}

/* ---- opening ---- */

/* Takes fd over, also on failure. */
static int start_listening(struct loop *loop, int fd, const struct listener_events *events, void *owner,
                           struct listener **out)
{
    struct listener *listener = NULL;
    int error;

    AN(events->accepted);
    if (listen(fd, LIMIT_listen_backlog) != 0) {
        error = error_of_errno(errno);
        goto failed;
    }
    listener = calloc(1, sizeof(*listener));
    error = E_NOMEM;
    if (!listener)
        goto failed;
    listener->magic = LISTENER_MAGIC;
    listener->loop = loop;
    listener->events = events;
    listener->owner = owner;
    listener->fd = fd;
    timer_init(&listener->retry, loop, retry_fired);
    error = poller_add(&loop->poller, &listener->watch, fd, WATCH_READ, on_ready);
    if (error)
        goto failed;
    *out = listener;
    return 0;

failed:
    free(listener);
    close(fd);
    return error;
}

int listener_open(struct loop *loop, struct str text, const struct listener_events *events, void *owner,
                  struct listener **out)
{
    static const int on = 1;
    struct address address;
    int fd;

    CHECK_OBJ(loop, LOOP_MAGIC);
    if (address_parse(text, &address) != 0)
        return E_INVALID;
    fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_of_errno(errno);
    /* "[::]" is not a way to listen on IPv4 as well. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (address.socket.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (const struct sockaddr *)&address.socket, address.len) != 0) {
        int error = error_of_errno(errno);
        close(fd);
        return error;
    }
    return start_listening(loop, fd, events, owner, out);
}

/* E_EXISTS: something listens there, or it is no socket. */
static int remove_stale(const char *path, const struct address *address)
{
    struct stat status;
    int fd, error;

    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : error_of_errno(errno);
    if (!S_ISSOCK(status.st_mode))
        return E_EXISTS;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_of_errno(errno);
    if (connect(fd, (const struct sockaddr *)&address->socket, address->len) == 0 || errno != ECONNREFUSED)
        error = E_EXISTS;
    else
        error = unlink(path) == 0 || errno == ENOENT ? 0 : error_of_errno(errno);
    close(fd);
    return error;
}

/* The mode is set before the name exists: nobody else connects in between. */
static int bind_unix(int fd, const char *path, const struct address *address)
{
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&address->socket, address->len) != 0)
        return error_of_errno(errno);
    if (chmod(path, 0600) != 0) {
        int error = error_of_errno(errno);
        unlink(path);
        return error;
    }
    return 0;
}

int listener_open_unix(struct loop *loop, struct str path, const struct listener_events *events, void *owner,
                       struct listener **out)
{
    struct address address;
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&address.socket;
    struct stat status;
    char *copy;
    int fd, error;

    CHECK_OBJ(loop, LOOP_MAGIC);
    if (address_unix(path, &address) != 0)
        return E_INVALID;
    error = remove_stale(un->sun_path, &address);
    if (error)
        return error;
    copy = strdup(un->sun_path);
    if (!copy)
        return E_NOMEM;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error = error_of_errno(errno);
        goto failed;
    }
    error = bind_unix(fd, copy, &address);
    if (error) {
        close(fd);
        goto failed;
    }
    error = lstat(copy, &status) == 0 ? start_listening(loop, fd, events, owner, out) : (close(fd), E_IO);
    if (error) {
        unlink(copy);
        goto failed;
    }
    (*out)->path = copy;
    (*out)->device = status.st_dev;
    (*out)->inode = status.st_ino;
    return 0;

failed:
    free(copy);
    return error;
}

/* ---- the rest ---- */

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    CHECK_OBJ(listener, LISTENER_MAGIC);
    AZ(getsockname(listener->fd, (struct sockaddr *)&address, &len));
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    return 0;
}

void listener_pause(struct listener *listener)
{
    CHECK_OBJ(listener, LISTENER_MAGIC);
    listener->paused = true;
}

void listener_resume(struct listener *listener)
{
    CHECK_OBJ(listener, LISTENER_MAGIC);
    if (!listener->paused)
        return;
    listener->paused = false;
    if (listener->may_accept)
        poller_again(&listener->loop->poller, &listener->watch);
}

static void on_listener_end_of_turn(struct deferred *deferred)
{
    struct listener *listener = CONTAINER_OF(deferred, struct listener, deferred);

    listener->magic = 0;
    free(listener->path);
    free(listener);
}

void listener_close(struct listener *listener)
{
    struct stat status;

    if (!listener)
        return;
    CHECK_OBJ(listener, LISTENER_MAGIC);
    CHECK(!listener->closed);
    listener->closed = true;
    timer_stop(&listener->retry);
    poller_remove(&listener->loop->poller, &listener->watch);
    close(listener->fd);
    if (listener->path && lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode)
        unlink(listener->path);
    listener->deferred.run = on_listener_end_of_turn;
    loop_defer(listener->loop, &listener->deferred);
}
