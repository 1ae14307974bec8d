/* Byte streams behind one ops struct: tcp, unix sockets and pipes; tls.h has TLS. Edge-triggered: after `readable` the
 * owner reads until E_AGAIN; writing is tried first and polled for only after E_AGAIN. Loop thread only.
 * A stream that was closed is freed at the end of the turn; no event comes after stream_close. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct loop;
struct stream;

struct stream_events {
    void (*readable)(void *owner);   /* bytes, the end, or an error: stream_read says which */
    void (*writable)(void *owner);   /* only after stream_write said E_AGAIN or wrote less than asked, or is_flushed was false; also: connected */
};

/* Takes the descriptor over, also on failure (non-blocking, close-on-exec are set here). `socket` false: a pipe.
 * E_INVALID: no descriptor that can be waited for; E_NOMEM. */
int  stream_new(struct loop *loop, int fd, bool socket, const struct stream_events *events, void *owner, struct stream **out) NODISCARD;
void stream_set_owner(struct stream *stream, const struct stream_events *events, void *owner);
/* Bytes read; 0: the end; E_AGAIN: later; E_IO: broken. */
ssize_t stream_read(struct stream *stream, void *into, size_t max) NODISCARD;
/* Bytes written, maybe fewer than asked; E_AGAIN: none now; E_CLOSED or E_IO: broken. Never raises SIGPIPE. */
ssize_t stream_write(struct stream *stream, const struct iovec *parts, int count) NODISCARD;
/* No `readable` until resumed; what the kernel holds stays there, and is told of then. Who has read its share of a turn
 * may pause and resume at once: `readable` comes again after the others had theirs. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);
void stream_shutdown_write(struct stream *stream);
/* The other side's address, for people. */
void stream_peer(const struct stream *stream, char *out, size_t max);
/* False: what stream_write took waits in the stream itself, and stream_close would drop it. */
bool stream_is_flushed(const struct stream *stream);
void stream_close(struct stream *stream);  /* NULL is fine */

struct listener;
struct listener_events {
    void (*accepted)(void *owner, int fd); /* the callee owns fd */
};
/* `address` is "127.0.0.1:8808" or "[::1]:8808"; port 0 picks one. E_INVALID: not an address; E_EXISTS: in use. */
int  listener_open(struct loop *loop, struct str address, const struct listener_events *events, void *owner, struct listener **out) NODISCARD;
/* A unix socket, mode 0600; a stale file is replaced. */
int  listener_open_unix(struct loop *loop, struct str path, const struct listener_events *events, void *owner, struct listener **out) NODISCARD;
uint16_t listener_port(const struct listener *listener);
void listener_pause(struct listener *listener);   /* at the ceiling of connections */
void listener_resume(struct listener *listener);
void listener_close(struct listener *listener);
bool address_is_loopback(struct str address);

/* Connects without blocking; `writable` says connected or stream_read/stream_write say why not. Numeric addresses and
 * "localhost" only; names are resolved elsewhere. At once: E_INVALID: not an address; E_CLOSED: refused; E_NOT_FOUND,
 * E_DENIED: the path; E_FULL: too many wait there; E_LIMIT: no descriptors. */
int  stream_connect(struct loop *loop, struct str address, const struct stream_events *events, void *owner, struct stream **out) NODISCARD;
int  stream_connect_unix(struct loop *loop, struct str path, const struct stream_events *events, void *owner, struct stream **out) NODISCARD;
