/* TLS 1.2 and 1.3 (RFC 5246, RFC 8446) as one more kind of stream, in both roles. Whom we connect to must show a
 * certificate for its name from an authority that we trust: there is no way to leave that out. Clients that connect to
 * us show none. ALPN is http/1.1 (RFC 7301); nothing is compressed, nothing renegotiated, no early data is taken. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "io/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct tls;       /* what all connections of a listener, or to one server, have in common */
struct tls_trust; /* the system's authorities, read when the first client needs them; shared by all. Any thread */

enum tls_version { TLS_1_2, TLS_1_3 };

struct tls_options {
    bool              server;
    enum tls_version  least;
    struct str        cert, key;  /* PEM texts; a client has both or neither (empty) */
    struct str        ca;         /* client: PEM text of the only authorities that count; empty: those of `trust` */
    struct tls_trust *trust;      /* client without `ca`; NULL: nobody is trusted, which is enough to look at the rest */
    struct str        host;       /* client: the name or the numeric address that the server's certificate must have */
};

enum tls_part { TLS_PART_NONE, TLS_PART_CERT, TLS_PART_KEY, TLS_PART_CA, TLS_PART_HOST };
struct tls_problem {
    enum tls_part part; /* which setting is wrong */
    char          text[192];
};

int  tls_trust_new(struct tls_trust **out) NODISCARD;
void tls_trust_free(struct tls_trust *trust); /* what was made with it stays valid. NULL is fine */

/* Everything is copied. One reference. The first one with `trust` reads a file: at start and in the pool, never on a
 * running loop. E_INVALID, E_NOT_FOUND with *problem filled; E_NOMEM. */
int  tls_new(const struct tls_options *options, struct tls_problem *problem, struct tls **out) NODISCARD;
/* Loop thread only, but for the first and only reference of one that no stream has used. */
struct tls *tls_ref(struct tls *tls);
void tls_unref(struct tls *tls); /* NULL is fine */
/* When its own certificate ends, Unix seconds; 0: it has none. */
int64_t tls_not_after(const struct tls *tls);

/* As stream_new and stream_connect. `readable` and `writable` come when the handshake is over, in whatever way: after
 * LIMIT_connect_ms and LIMIT_handshake_ms it is, at the latest. A failure is E_TLS, or E_TIMEOUT, E_CLOSED, E_IO. An
 * end without close_notify is E_CLOSED, no end. */
int  stream_new_tls(struct loop *loop, int fd, struct tls *tls, const struct stream_events *events, void *owner,
                    struct stream **out) NODISCARD;
int  stream_connect_tls(struct loop *loop, struct str address, struct tls *tls, const struct stream_events *events, void *owner,
                        struct stream **out) NODISCARD;
/* Why a stream failed, for people; static; NULL: it did not, or is not of TLS. */
const char *stream_tls_fault(const struct stream *stream);
