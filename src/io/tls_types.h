/* What the files of TLS share: tls.c makes a struct tls out of files, tls_stream.c makes connections with it. */
#pragma once

#include "io/loop.h"
#include "io/tls.h"

#include <openssl/ssl.h>

#define TLS_MAGIC 0x544c5343u
#define TLS_RECORD_BYTES 16384 /* RFC 8446 §5.1: the most that one record holds */
#define TLS_KEPT_SESSIONS 4

struct tls {
    unsigned     magic, refs;
    bool         server, host_is_numeric;
    SSL_CTX     *context;
    char        *host;
    int64_t      not_after;
    /* Handshakes cost: only so many steps of them a turn, and so many at once. */
    struct loop *loop;          /* set by the first stream */
    struct list  handshaking;   /* struct tls_session, the oldest first */
    struct list  waiting;       /* those of them that have had no step in this turn */
    unsigned     handshake_count, steps;
    struct deferred refill;
    /* Sessions that the server offered to resume, the newest last. */
    SSL_SESSION *sessions[TLS_KEPT_SESSIONS];
    unsigned     session_count;
    char         record[TLS_RECORD_BYTES]; /* small parts of a message become one record here */
};

/* tls_stream.c */
int  tls_keep_session(SSL *ssl, SSL_SESSION *session); /* OpenSSL's callback: 1 takes it over */
