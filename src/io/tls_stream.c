/* One TLS connection: the handshake, then SSL_read and SSL_write on the descriptor. Each goes on until the kernel says
 * no, so the edges of the descriptor are those of the stream, but where TLS must write to read or read to write. */
#include "io/tls_types.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/stream_types.h"
#include "io/loop_types.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSION_MAGIC 0x544c5353u
#define READY_ALL ((unsigned)READY_READ | READY_WRITE | READY_ENDED)

enum tls_state {
    TLS_CONNECTING, /* the socket is; client only */
    TLS_HANDSHAKE,
    TLS_OPEN,
    TLS_FAILED, /* `error` and `fault` say how */
};

struct tls_session {
    unsigned magic;
    enum tls_state state;
    struct tls *tls;
    SSL *ssl;
    struct stream *stream;
    struct timer timer; /* until the handshake is over */
    struct list link;   /* tls->handshaking */
    struct list wait;   /* tls->waiting */
    int error;
    const char *fault; /* static */
    char *pending;     /* a record's text that SSL_write has begun and the kernel did not take: ours to finish */
    size_t pending_len;
    bool read_wants_write; /* reading goes on at an edge of writing, and the other way round */
    bool write_wants_read;
    bool shutting, shut; /* close_notify was asked for; the socket's sending side is closed */
};

static struct tls_session *session_of(const struct stream *stream)
{
    CHECK_OBJ((struct tls_session *)stream->kind, SESSION_MAGIC);
    return stream->kind;
}

/* ---- failing ---- */

static const char *reason_text(struct tls_session *session)
{
    long verified = SSL_get_verify_result(session->ssl);
    unsigned long error = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(error);
    if (!session->tls->server && verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
        return session->tls->server ? "the client does not speak TLS" : "the server does not speak TLS on this port";
    return text ? text : "TLS failed";
}

/* Off the lists of who shakes hands. */
static void handshake_is_over(struct tls_session *session)
{
    timer_stop(&session->timer);
    list_remove(&session->wait);
    if (list_is_empty(&session->link))
        return;
    list_remove(&session->link);
    session->tls->handshake_count--;
}

/* The first failure stays. */
static void fail(struct tls_session *session, int error, const char *fault)
{
    if (session->state == TLS_FAILED)
        return;
    handshake_is_over(session);
    session->state = TLS_FAILED;
    session->error = error;
    session->fault = fault;
    session->stream->ended = true;
    free(session->pending);
    session->pending = NULL;
    session->pending_len = 0;
    ERR_clear_error();
}

/* Behind a result of OpenSSL's that is neither success nor a wish to read or write. */
static void fail_of(struct tls_session *session, int why)
{
    int number = errno;
    unsigned long error = ERR_peek_last_error();
    bool in_handshake = session->state != TLS_OPEN;
    if (why == SSL_ERROR_SYSCALL || (why == SSL_ERROR_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL &&
                                     ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        if (number == ECONNREFUSED)
            fail(session, E_CLOSED, "the connection was refused");
        else if (in_handshake)
            fail(session, E_CLOSED, "the connection was closed in the TLS handshake");
        else
            fail(session, E_CLOSED, "the connection was closed without an end of TLS");
        return;
    }
    /* In TLS 1.3 a server looks at our certificate only when the handshake is over for us: an alert says what it
     * thinks. */
    bool is_alert = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
    fail(session, in_handshake || is_alert ? E_TLS : E_IO, reason_text(session));
}

static void tell_later(struct tls_session *session)
{
    poller_again(&session->stream->loop->poller, &session->stream->watch);
}

/* ---- the handshake ---- */

int tls_keep_session(SSL *ssl, SSL_SESSION *offered)
{
    struct tls_session *session = SSL_get_app_data(ssl);
    struct tls *tls = session->tls;
    if (tls->session_count == TLS_KEPT_SESSIONS) {
        SSL_SESSION_free(tls->sessions[0]);
        tls->session_count--;
        memmove(tls->sessions, tls->sessions + 1, tls->session_count * sizeof(tls->sessions[0]));
    }
    tls->sessions[tls->session_count++] = offered;
    return 1;
}

/* RFC 8446 §C.4: each of TLS 1.3 is used once. */
static void resume(struct tls_session *session)
{
    struct tls *tls = session->tls;
    if (tls->session_count == 0)
        return;
    SSL_SESSION *offered = tls->sessions[tls->session_count - 1];
    bool once = SSL_SESSION_get_protocol_version(offered) >= TLS1_3_VERSION || !SSL_SESSION_is_resumable(offered);
    if (SSL_SESSION_is_resumable(offered))
        (void)SSL_set_session(session->ssl, offered); /* else the handshake is a full one */
    if (!once)
        return;
    tls->session_count--;
    SSL_SESSION_free(offered);
}

static bool expect_host(struct tls_session *session)
{
    SSL *ssl = session->ssl;
    const struct tls *tls = session->tls;
    if (tls->host_is_numeric)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, tls->host) == 1 && SSL_set_tlsext_host_name(ssl, tls->host) == 1;
}

static void refill(struct deferred *deferred)
{
    struct tls *tls = CONTAINER_OF(deferred, struct tls, refill);
    unsigned count = 0;
    tls->steps = LIMIT_handshake_steps;
    LIST_EACH (&tls->waiting, link, after) {
        if (count++ == LIMIT_handshake_steps)
            break;
        list_remove(link);
        tell_later(CONTAINER_OF(link, struct tls_session, wait));
    }
}

/* Signing and checking are dear: other events get their turn between so many of them. */
static bool may_step(struct tls_session *session)
{
    struct tls *tls = session->tls;
    if (list_is_empty(&tls->refill.link)) {
        tls->refill.run = refill;
        loop_defer(tls->loop, &tls->refill);
    }
    if (tls->steps == 0) {
        if (list_is_empty(&session->wait))
            list_append(&tls->waiting, &session->wait);
        return false;
    }
    tls->steps--;
    return true;
}

/* What the owner hears of it. */
static unsigned shake_hands(struct tls_session *session)
{
    if (!may_step(session))
        return 0;
    ERR_clear_error();
    errno = 0;
    int done = SSL_do_handshake(session->ssl);
    if (done != 1) {
        int why = SSL_get_error(session->ssl, done);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return 0;
        fail_of(session, why);
        return READY_ALL;
    }
    /* OpenSSL has ended the handshake otherwise; this says that it was asked to. */
    if (!session->tls->server)
        CHECK(SSL_get_verify_result(session->ssl) == X509_V_OK && SSL_get0_peer_certificate(session->ssl));
    handshake_is_over(session);
    session->state = TLS_OPEN;
    return (unsigned)READY_READ | READY_WRITE;
}

static void too_slow(struct timer *timer)
{
    struct tls_session *session = CONTAINER_OF(timer, struct tls_session, timer);
    fail(session, E_TIMEOUT,
         session->state == TLS_CONNECTING ? "no connection in time" : "the TLS handshake took too long");
    tell_later(session);
}

/* ---- writing ---- */

/* False: not all of it went; `want_write` stands, or it failed. */
static bool flush_pending(struct tls_session *session)
{
    if (session->pending_len == 0)
        return true;
    ERR_clear_error();
    errno = 0;
    int put = SSL_write(session->ssl, session->pending, (int)session->pending_len);
    if (put > 0) {
        CHECK((size_t)put == session->pending_len); /* it is one record */
        free(session->pending);
        session->pending = NULL;
        session->pending_len = 0;
        session->write_wants_read = false;
        return true;
    }
    int why = SSL_get_error(session->ssl, put);
    session->write_wants_read = why == SSL_ERROR_WANT_READ;
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        fail_of(session, why);
    return false;
}

/* What SSL_write has begun it must be given again, so it is ours now and counts as written. */
static void keep_pending(struct tls_session *session, const char *record, size_t len, int why)
{
    session->pending = malloc(len);
    if (!session->pending) {
        fail(session, E_NOMEM, "out of memory");
        return;
    }
    memcpy(session->pending, record, len);
    session->pending_len = len;
    session->write_wants_read = why == SSL_ERROR_WANT_READ;
    session->stream->want_write = true;
}

/* The next record's text: a part of one buffer where it lies, else small ones put together. */
static size_t next_record(struct tls *tls, const struct iovec *parts, int count, int *part, size_t *at,
                          const char **record)
{
    size_t len = 0;
    const char *from = (const char *)parts[*part].iov_base + *at;
    size_t left = parts[*part].iov_len - *at;
    if (left >= TLS_RECORD_BYTES || *part == count - 1) {
        len = left < TLS_RECORD_BYTES ? left : TLS_RECORD_BYTES;
        *at += len;
        *record = from;
    } else {
        *record = tls->record;
        while (*part < count && len < TLS_RECORD_BYTES) {
            from = (const char *)parts[*part].iov_base + *at;
            left = parts[*part].iov_len - *at;
            size_t take = left < TLS_RECORD_BYTES - len ? left : TLS_RECORD_BYTES - len;
            if (take > 0)
                memcpy(tls->record + len, from, take);
            len += take;
            *at += take;
            if (take < left || ++*part == count)
                break;
            *at = 0;
        }
    }
    while (*part < count && *at == parts[*part].iov_len) {
        ++*part;
        *at = 0;
    }
    return len;
}

static ssize_t tls_write(struct stream *stream, const struct iovec *parts, int count)
{
    struct tls_session *session = session_of(stream);
    size_t total = 0, at = 0;
    int part = 0;
    if (session->state == TLS_FAILED)
        return session->error;
    if (session->state == TLS_OPEN && session->shutting)
        return E_CLOSED;
    if (session->state != TLS_OPEN || !flush_pending(session)) {
        stream->want_write = true;
        return session->state == TLS_FAILED ? session->error : E_AGAIN;
    }
    while (part < count && session->pending_len == 0) {
        const char *record;
        size_t len = next_record(session->tls, parts, count, &part, &at, &record);
        if (len == 0)
            break;
        ERR_clear_error();
        errno = 0;
        int put = SSL_write(session->ssl, record, (int)len);
        if (put <= 0) {
            int why = SSL_get_error(session->ssl, put);
            if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
                keep_pending(session, record, len, why);
            else
                fail_of(session, why);
        }
        if (session->state == TLS_FAILED)
            return total > 0 ? (ssize_t)total : session->error;
        CHECK(put <= 0 || (size_t)put == len);
        total += len;
    }
    return (ssize_t)total;
}

/* ---- reading ---- */

static ssize_t tls_read(struct stream *stream, void *into, size_t max)
{
    struct tls_session *session = session_of(stream);
    size_t total = 0;
    if (session->state == TLS_FAILED)
        return session->error;
    if (session->state != TLS_OPEN)
        return E_AGAIN;
    session->read_wants_write = false;
    while (total < max) {
        size_t room = max - total;
        ERR_clear_error();
        errno = 0;
        int got = SSL_read(session->ssl, (char *)into + total, room < INT_MAX ? (int)room : INT_MAX);
        if (got > 0) {
            total += (size_t)got;
            continue;
        }
        int why = SSL_get_error(session->ssl, got);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
            session->read_wants_write = why == SSL_ERROR_WANT_WRITE;
            return total > 0 ? (ssize_t)total : E_AGAIN;
        }
        stream->ended = true; /* no edge comes for what the next read says */
        if (why == SSL_ERROR_ZERO_RETURN)
            return (ssize_t)total;
        fail_of(session, why);
        return total > 0 ? (ssize_t)total : session->error;
    }
    return (ssize_t)total;
}

/* ---- the end ---- */

static void say_end(struct tls_session *session)
{
    ERR_clear_error();
    int said = SSL_shutdown(session->ssl);
    if (said < 0 && SSL_get_error(session->ssl, said) == SSL_ERROR_WANT_WRITE)
        return; /* at the next edge */
    ERR_clear_error();
    session->shut = true;
    (void)shutdown(session->stream->fd, SHUT_WR);
}

static void tls_shutdown_write(struct stream *stream)
{
    struct tls_session *session = session_of(stream);
    if (session->state != TLS_OPEN || session->shutting)
        return;
    session->shutting = true;
    if (flush_pending(session))
        say_end(session);
}

static void tls_close(struct stream *stream)
{
    struct tls_session *session = session_of(stream);
    handshake_is_over(session);
    if (session->state != TLS_OPEN || session->shutting || session->pending_len > 0)
        return;
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl); /* who does not read it does without */
    ERR_clear_error();
}

static void tls_free(struct stream *stream)
{
    struct tls_session *session = session_of(stream);
    SSL_free(session->ssl);
    tls_unref(session->tls);
    free(session->pending);
    session->magic = 0;
    free(session);
}

static bool tls_flushed(const struct stream *stream)
{
    return session_of(stream)->pending_len == 0;
}

/* ---- edges ---- */

static unsigned edge_of_write(struct tls_session *session)
{
    if (!flush_pending(session))
        return session->state == TLS_FAILED ? READY_ALL : 0;
    if (session->shutting && !session->shut)
        say_end(session);
    return READY_WRITE;
}

static unsigned tls_edge(struct stream *stream, unsigned ready)
{
    struct tls_session *session = session_of(stream);
    unsigned told = 0;
    switch (session->state) {
    case TLS_CONNECTING:
        if (!(ready & READY_WRITE))
            return 0;
        session->state = TLS_HANDSHAKE;
        timer_start(&session->timer, LIMIT_handshake_ms);
        return shake_hands(session);
    case TLS_HANDSHAKE: return shake_hands(session);
    case TLS_FAILED: return READY_ALL;
    case TLS_OPEN: break;
    }
    told = ready & ((unsigned)READY_READ | READY_ENDED);
    if ((ready & READY_WRITE) && session->read_wants_write)
        told |= READY_READ;
    if ((ready & READY_WRITE) || ((ready & READY_READ) && session->write_wants_read))
        told |= edge_of_write(session);
    return told;
}

static const struct stream_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .shutdown_write = tls_shutdown_write,
    .edge = tls_edge,
    .flushed = tls_flushed,
    .close = tls_close,
    .free = tls_free,
};

/* ---- opening ---- */

static struct tls_session *session_new(struct loop *loop, struct tls *tls, int fd)
{
    struct tls_session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    ERR_clear_error();
    session->magic = SESSION_MAGIC;
    session->state = tls->server ? TLS_HANDSHAKE : TLS_CONNECTING;
    session->tls = tls;
    session->ssl = SSL_new(tls->context);
    if (!session->ssl || SSL_set_fd(session->ssl, fd) != 1 || (!tls->server && !expect_host(session))) {
        SSL_free(session->ssl);
        free(session);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_app_data(session->ssl, session);
    if (tls->server) {
        SSL_set_accept_state(session->ssl);
    } else {
        SSL_set_connect_state(session->ssl);
        resume(session);
    }
    list_init(&session->link);
    list_init(&session->wait);
    timer_init(&session->timer, loop, too_slow);
    tls_ref(tls);
    tls->loop = loop;
    return session;
}

/* Takes fd over, also on failure. */
static int open_session(struct loop *loop, int fd, struct tls *tls, const struct stream_events *events, void *owner,
                        struct stream **out)
{
    CHECK_OBJ(tls, TLS_MAGIC);
    struct tls_session *session = session_new(loop, tls, fd);
    if (!session) {
        close(fd);
        return E_NOMEM;
    }
    int error = stream_open(loop, fd, &tls_ops, events, owner, !tls->server, out);
    if (error) {
        SSL_free(session->ssl);
        free(session);
        tls_unref(tls);
        return error;
    }
    session->stream = *out;
    (*out)->kind = session;
    timer_start(&session->timer, tls->server ? LIMIT_handshake_ms : LIMIT_connect_ms);
    if (tls->handshake_count == LIMIT_handshakes) {
        struct tls_session *oldest = CONTAINER_OF(tls->handshaking.next, struct tls_session, link);
        fail(oldest, E_LIMIT, "others need the place of a TLS handshake");
        tell_later(oldest);
    }
    list_append(&tls->handshaking, &session->link);
    tls->handshake_count++;
    return 0;
}

int stream_new_tls(struct loop *loop, int fd, struct tls *tls, const struct stream_events *events, void *owner,
                   struct stream **out)
{
    CHECK(tls->server);
    socket_tune(fd);
    return open_session(loop, fd, tls, events, owner, out);
}

int stream_connect_tls(struct loop *loop, struct str address, struct tls *tls, const struct stream_events *events,
                       void *owner, struct stream **out)
{
    int fd = -1;
    CHECK(!tls->server);
    int error = connect_socket(address, &fd);
    return error ? error : open_session(loop, fd, tls, events, owner, out);
}

const char *stream_tls_fault(const struct stream *stream)
{
    CHECK_OBJ(stream, STREAM_MAGIC);
    return stream->ops == &tls_ops ? session_of(stream)->fault : NULL;
}
