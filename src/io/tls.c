/* From PEM texts to what TLS connections are made with: certificate, key, authorities, and the rules for both roles. */
#include "io/tls_types.h"

#include "base/check.h"
#include "base/limits.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct tls_trust {
    pthread_mutex_t lock;
    X509_STORE *store; /* NULL: nobody has needed it */
};

static const unsigned char alpn_http1[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

static int say(struct tls_problem *problem, enum tls_part part, int error, const char *text)
{
    problem->part = part;
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    ERR_clear_error();
    return error;
}

/* What OpenSSL said, from the cause to its consequences. */
struct causes {
    unsigned long codes[8];
    unsigned count;
};

static struct causes take_causes(void)
{
    struct causes causes = { .count = 0 };
    while (causes.count < ARRAY_LEN(causes.codes) && (causes.codes[causes.count] = ERR_get_error()) != 0)
        causes.count++;
    ERR_clear_error();
    return causes;
}

static bool is_among(const struct causes *causes, int library, int reason)
{
    for (unsigned i = 0; i < causes->count; i++)
        if (ERR_GET_LIB(causes->codes[i]) == library && ERR_GET_REASON(causes->codes[i]) == reason)
            return true;
    return false;
}

/* ---- the system's authorities ---- */

int tls_trust_new(struct tls_trust **out)
{
    struct tls_trust *trust = calloc(1, sizeof(*trust));
    if (!trust)
        return E_NOMEM;
    AZ(pthread_mutex_init(&trust->lock, NULL));
    *out = trust;
    return 0;
}

void tls_trust_free(struct tls_trust *trust)
{
    if (!trust)
        return;
    X509_STORE_free(trust->store);
    pthread_mutex_destroy(&trust->lock);
    free(trust);
}

/* The whole bundle, never the directory of hashed names beside it: that would be read bit by bit, on the loop. */
static const char *system_bundle(void)
{
    static const char *const usual[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem" };
    const char *named = secure_getenv(X509_get_default_cert_file_env());
    if (named)
        return named;
    if (access(X509_get_default_cert_file(), R_OK) == 0)
        return X509_get_default_cert_file();
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (access(usual[i], R_OK) == 0)
            return usual[i];
    return NULL;
}

static X509_STORE *store_of_file(const char *path)
{
    X509_STORE *store = X509_STORE_new();
    if (store && X509_STORE_load_file(store, path) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}

static int use_system_store(struct tls *tls, struct tls_trust *trust, struct tls_problem *problem)
{
    int error = 0;
    AZ(pthread_mutex_lock(&trust->lock));
    if (!trust->store) {
        const char *path = system_bundle();
        trust->store = path ? store_of_file(path) : NULL;
        if (!path)
            error = say(problem, TLS_PART_CA, E_NOT_FOUND, "this system has no file of trusted authorities");
        else if (!trust->store)
            error = say(problem, TLS_PART_CA, E_INVALID, "the system's file of trusted authorities cannot be read");
    }
    if (trust->store)
        SSL_CTX_set1_cert_store(tls->context, trust->store);
    AZ(pthread_mutex_unlock(&trust->lock));
    return error;
}

/* ---- texts ---- */

/* A key with a passphrase is refused, not asked for on some terminal. */
static int no_passphrase(char *into, int size, int writing, void *arg)
{
    (void)into;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static int64_t end_of(const X509 *certificate)
{
    struct tm when;
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1 ? (int64_t)timegm(&when) : 0;
}

static int use_key(struct tls *tls, BIO *text, struct tls_problem *problem)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL);
    bool fits = key && SSL_CTX_use_PrivateKey(tls->context, key) == 1 && SSL_CTX_check_private_key(tls->context) == 1;
    struct causes causes = take_causes();
    EVP_PKEY_free(key);
    if (fits)
        return 0;
    if (key)
        return say(problem, TLS_PART_KEY, E_INVALID, "the key does not belong to the certificate");
    if (is_among(&causes, ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ))
        return say(problem, TLS_PART_KEY, E_INVALID, "the key has a passphrase: one without is needed");
    return say(problem, TLS_PART_KEY, E_INVALID, "holds no PEM private key");
}

/* The first one is our own, the others lead from it to an authority. */
static int use_chain(struct tls *tls, BIO *text, struct tls_problem *problem)
{
    X509 *own = PEM_read_bio_X509(text, NULL, no_passphrase, NULL), *next;
    if (!own)
        return say(problem, TLS_PART_CERT, E_INVALID, "holds no PEM certificate");
    bool fits = SSL_CTX_use_certificate(tls->context, own) == 1;
    tls->not_after = end_of(own);
    X509_free(own);
    while (fits && (next = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)) != NULL) {
        fits = SSL_CTX_add0_chain_cert(tls->context, next) == 1;
        if (!fits)
            X509_free(next);
    }
    struct causes causes = take_causes();
    bool is_end = causes.count == 0 || is_among(&causes, ERR_LIB_PEM, PEM_R_NO_START_LINE);
    if (!fits)
        return say(problem, TLS_PART_CERT, E_INVALID, "its key is too small or its signature too weak");
    return is_end ? 0 : say(problem, TLS_PART_CERT, E_INVALID, "a certificate in it is broken");
}

static X509_STORE *store_of_text(BIO *text)
{
    X509_STORE *store = X509_STORE_new();
    X509 *authority;
    unsigned count = 0;
    while (store && (authority = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)) != NULL) {
        count += X509_STORE_add_cert(store, authority) == 1;
        X509_free(authority);
    }
    if (store && count > 0)
        return store;
    X509_STORE_free(store);
    return NULL;
}

static int use_authorities(struct tls *tls, BIO *text, struct tls_problem *problem)
{
    X509_STORE *store = store_of_text(text);
    if (!store)
        return say(problem, TLS_PART_CA, E_INVALID, "holds no PEM certificate of an authority");
    ERR_clear_error();
    SSL_CTX_set_cert_store(tls->context, store); /* takes it over */
    return 0;
}

static int use_text(struct tls *tls, struct str text, struct tls_problem *problem,
                    int (*use)(struct tls *tls, BIO *text, struct tls_problem *problem))
{
    if (text.len > INT_MAX)
        return E_LIMIT;
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    int error = bio ? use(tls, bio, problem) : E_NOMEM;
    BIO_free(bio);
    return error;
}

/* ---- the rules ---- */

/* Who asks for other protocols only is told so; who asks for none speaks HTTP/1.1. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *asked,
                           unsigned asked_len, void *arg)
{
    (void)ssl;
    (void)arg;
    for (unsigned at = 0; at < asked_len; at += 1u + asked[at]) {
        if (asked[at] != alpn_http1[0] || asked_len - at < sizeof(alpn_http1) ||
            memcmp(asked + at, alpn_http1, sizeof(alpn_http1)) != 0)
            continue;
        *out = alpn_http1 + 1;
        *out_len = alpn_http1[0];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_rules(struct tls *tls, enum tls_version least)
{
    SSL_CTX *context = tls->context;
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1); /* a record is one recv, not two; a read goes on until the kernel has no more */
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_get_security_level(context) < 2)
        SSL_CTX_set_security_level(context, 2);
    if (SSL_CTX_set_min_proto_version(context, least == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
        return false;
    if (tls->server) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets hold the state, not our memory */
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
        return SSL_CTX_set_num_tickets(context, 1) == 1;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, tls_keep_session);
    return SSL_CTX_set_alpn_protos(context, alpn_http1, sizeof(alpn_http1)) == 0;
}

static int keep_host(struct tls *tls, struct str host, struct tls_problem *problem)
{
    unsigned char octets[sizeof(struct in6_addr)];
    if (str_is_empty(host) || str_find_byte(host, '\0') < host.len || host.len > 253)
        return say(problem, TLS_PART_HOST, E_INVALID, "not the name of a host");
    tls->host = strndup(host.ptr, host.len);
    if (!tls->host)
        return E_NOMEM;
    tls->host_is_numeric = inet_pton(AF_INET, tls->host, octets) == 1 || inet_pton(AF_INET6, tls->host, octets) == 1;
    return 0;
}

static int fill(struct tls *tls, const struct tls_options *options, struct tls_problem *problem)
{
    int error = 0;
    tls->context = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    if (!tls->context || !set_rules(tls, options->least)) {
        ERR_clear_error();
        return E_NOMEM;
    }
    if (!options->server)
        error = keep_host(tls, options->host, problem);
    if (!error && options->ca.len > 0)
        error = use_text(tls, options->ca, problem, use_authorities);
    else if (!error && options->trust)
        error = use_system_store(tls, options->trust, problem);
    if (!error && options->cert.len > 0)
        error = use_text(tls, options->cert, problem, use_chain);
    if (!error && options->cert.len > 0)
        error = use_text(tls, options->key, problem, use_key);
    return error;
}

int tls_new(const struct tls_options *options, struct tls_problem *problem, struct tls **out)
{
    struct tls *tls = malloc(sizeof(*tls));
    *problem = (struct tls_problem){ .part = TLS_PART_NONE };
    CHECK((options->cert.len == 0) == (options->key.len == 0));
    CHECK(!options->server || options->cert.len > 0);
    if (!tls)
        return E_NOMEM;
    memset(tls, 0, offsetof(struct tls, record));
    tls->magic = TLS_MAGIC;
    tls->refs = 1;
    tls->server = options->server;
    list_init(&tls->handshaking);
    list_init(&tls->waiting);
    list_init(&tls->refill.link);
    tls->steps = LIMIT_handshake_steps;
    ERR_clear_error();
    int error = fill(tls, options, problem);
    if (error) {
        tls_unref(tls);
        return error;
    }
    *out = tls;
    return 0;
}

struct tls *tls_ref(struct tls *tls)
{
    CHECK_OBJ(tls, TLS_MAGIC);
    tls->refs++;
    return tls;
}

void tls_unref(struct tls *tls)
{
    if (!tls)
        return;
    CHECK_OBJ(tls, TLS_MAGIC);
    AN(tls->refs);
    if (--tls->refs > 0)
        return;
    AZ(tls->handshake_count);
    list_remove(&tls->refill.link);
    while (tls->session_count > 0)
        SSL_SESSION_free(tls->sessions[--tls->session_count]);
    SSL_CTX_free(tls->context);
    free(tls->host);
    tls->magic = 0;
    free(tls);
}

int64_t tls_not_after(const struct tls *tls)
{
    CHECK_OBJ(tls, TLS_MAGIC);
    return tls->not_after;
}
