/* TLS streams in both roles against each other: what is carried, who is believed, what is cut, what is kept. */
#include "rig.h"

#include "../certificates.h"

#include "base/check.h"
#include "base/limits.h"
#include "io/stream_types.h"
#include "io/tls.h"
#include "io/tls_types.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char directory[] = "/tmp/warder-tls-XXXXXX";
static struct identity authority, other, fine, late, alien;

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    identity_init(&authority, NULL, directory, "authority", NULL, 30);
    identity_init(&other, NULL, directory, "other", NULL, 30);
    identity_init(&fine, &authority, directory, "fine", "DNS:server.example,DNS:*.wild.example,IP:127.0.0.1", 10);
    identity_init(&late, &authority, directory, "late", "DNS:server.example", -1);
    identity_init(&alien, &other, directory, "alien", "DNS:server.example", 10);
    return 0;
}

static int tear_down(void **state)
{
    struct identity *all[] = { &authority, &other, &fine, &late, &alien };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        identity_release(all[i]);
    return rmdir(directory);
}

/* One side of a connection: sends `total` bytes of a known sequence and checks those that come. */
struct side {
    struct stream *stream;
    size_t sent, received, total;
    int error, readables, writables;
    bool ended, shut, shut_when_sent, takes_anything;
};

struct pair {
    struct rig rig;
    struct listener *listener;
    struct tls *server_tls, *client_tls;
    struct side server, client;
};

static char byte_at(size_t at)
{
    return (char)((at * 2654435761u) >> 13);
}

static void side_write(struct side *side)
{
    static char bytes[40000];
    while (side->sent < side->total) {
        size_t len = side->total - side->sent < sizeof(bytes) ? side->total - side->sent : sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = byte_at(side->sent + i);
        /* Small parts, an empty one, and a large one. */
        size_t first = len < 10 ? len : 10, second = len - first < 300 ? len - first : 300;
        struct iovec parts[4] = { { bytes, first },
                                  { bytes + first, 0 },
                                  { bytes + first, second },
                                  { bytes + first + second, len - first - second } };
        ssize_t put = stream_write(side->stream, parts, 4);
        if (put == E_AGAIN)
            return;
        if (put < 0) {
            side->error = (int)put;
            return;
        }
        side->sent += (size_t)put;
    }
    if (side->shut_when_sent && !side->shut) {
        side->shut = true;
        stream_shutdown_write(side->stream);
    }
}

static void side_readable(void *owner)
{
    struct side *side = owner;
    char bytes[50000];
    side->readables++;
    for (;;) {
        ssize_t got = stream_read(side->stream, bytes, sizeof(bytes));
        if (got == E_AGAIN)
            return;
        if (got <= 0) {
            side->ended |= got == 0;
            side->error = (int)got;
            stream_pause(side->stream);
            return;
        }
        for (ssize_t i = 0; i < got; i++)
            if (!side->takes_anything && bytes[i] != byte_at(side->received + (size_t)i))
                fail_msg("byte %zu is wrong", side->received + (size_t)i);
        side->received += (size_t)got;
    }
}

static void side_writable(void *owner)
{
    ((struct side *)owner)->writables++;
    side_write(owner);
}

static const struct stream_events side_events = { side_readable, side_writable };

static void accepted(void *owner, int fd)
{
    struct pair *pair = owner;
    if (pair->server_tls)
        assert_int_equal(
            stream_new_tls(pair->rig.loop, fd, pair->server_tls, &side_events, &pair->server, &pair->server.stream), 0);
    else
        assert_int_equal(stream_new(pair->rig.loop, fd, true, &side_events, &pair->server, &pair->server.stream), 0);
    side_write(&pair->server);
}

static const struct listener_events accepting = { accepted };

static char text_of[4][16384];

/* A file's text, in one of four places. */
static struct str pem(int place, const char *path)
{
    if (!path)
        return STR_EMPTY;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text_of[place], 1, sizeof(text_of[place]), file);
    fclose(file);
    return str_of(text_of[place], len);
}

static struct tls *server_of(const struct identity *identity, enum tls_version least)
{
    struct tls_options options = {
        .server = true, .cert = pem(0, identity->cert_path), .key = pem(1, identity->key_path), .least = least
    };
    struct tls_problem problem;
    struct tls *tls;
    if (tls_new(&options, &problem, &tls) != 0)
        fail_msg("%s", problem.text);
    return tls;
}

static struct tls *client_of(const char *ca, const char *host)
{
    struct tls_options options = { .ca = pem(2, ca), .host = str_from_c(host) };
    struct tls_problem problem;
    struct tls *tls;
    if (tls_new(&options, &problem, &tls) != 0)
        fail_msg("%s", problem.text);
    return tls;
}

static void pair_init(struct pair *pair, struct clock *clock, struct tls *server, struct tls *client)
{
    memset(pair, 0, sizeof(*pair));
    rig_init(&pair->rig, clock);
    pair->server_tls = server;
    pair->client_tls = client;
    assert_int_equal(listener_open(pair->rig.loop, STR("127.0.0.1:0"), &accepting, pair, &pair->listener), 0);
}

static void connect_client(struct pair *pair)
{
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(pair->listener));
    assert_int_equal(stream_connect_tls(pair->rig.loop, str_from_c(address), pair->client_tls, &side_events,
                                        &pair->client, &pair->client.stream),
                     0);
}

static void close_sides(struct pair *pair)
{
    stream_close(pair->client.stream);
    stream_close(pair->server.stream);
    pair->client.stream = pair->server.stream = NULL;
    loop_turn(pair->rig.loop, false);
}

static void pair_release(struct pair *pair)
{
    close_sides(pair);
    listener_close(pair->listener);
    loop_turn(pair->rig.loop, false);
    rig_release(&pair->rig);
    tls_unref(pair->server_tls);
    tls_unref(pair->client_tls);
}

static void test_carries_both_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 300, 16384, 16385, 100000, 5000000 };
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        pair.client = (struct side){ .total = sizes[i], .shut_when_sent = true };
        pair.server = (struct side){ .total = sizes[i] * 2, .shut_when_sent = true };
        connect_client(&pair);
        RIG_UNTIL(&pair.rig, pair.client.ended && pair.server.ended);
        assert_int_equal(pair.server.received, sizes[i]);
        assert_int_equal(pair.client.received, sizes[i] * 2);
        assert_true(pair.client.writables >= 1);
        assert_null(stream_tls_fault(pair.client.stream));
        assert_true(stream_is_flushed(pair.client.stream));
        close_sides(&pair);
    }
    assert_int_equal(pair.server_tls->handshake_count + pair.client_tls->handshake_count, 0);
    pair_release(&pair);
}

/* The one that we resume with is used once; the server's tickets bring the next ones. */
static void test_resumes(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    for (int round = 0; round < 6; round++) {
        pair.client = (struct side){ .total = 10 };
        pair.server = (struct side){ .total = 10 };
        connect_client(&pair);
        RIG_UNTIL(&pair.rig, pair.client.received == 10 && pair.server.received == 10);
        assert_in_range(pair.client_tls->session_count, 1, TLS_KEPT_SESSIONS);
        close_sides(&pair);
    }
    assert_int_equal(SSL_CTX_sess_hits(pair.server_tls->context), 5);
    pair_release(&pair);
}

static void test_who_is_believed(void **state)
{
    (void)state;
    static const struct {
        const struct identity *identity;
        const struct identity *authority;
        const char *host, *fault; /* NULL: believed */
    } rows[] = {
        { &fine, &authority, "server.example", NULL },
        { &fine, &authority, "SERVER.example", NULL },
        { &fine, &authority, "127.0.0.1", NULL },
        { &fine, &authority, "a.wild.example", NULL },
        { &fine, &authority, "a.b.wild.example", "hostname mismatch" },
        { &fine, &authority, "wild.example", "hostname mismatch" },
        { &fine, &authority, "fine", "hostname mismatch" }, /* the subject's common name does not count */
        { &fine, &authority, "127.0.0.2", "IP address mismatch" },
        { &late, &authority, "server.example", "certificate has expired" },
        { &alien, &authority, "server.example", "unable to get local issuer certificate" },
        { &fine, &fine, "server.example", "unable to get local issuer certificate" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair pair;
        pair_init(&pair, clock_system(), server_of(rows[i].identity, TLS_1_2),
                  client_of(rows[i].authority->cert_path, rows[i].host));
        pair.client.total = 5;
        connect_client(&pair);
        if (rows[i].fault) {
            RIG_UNTIL(&pair.rig, pair.client.error && pair.server.error);
            assert_int_equal(pair.client.error, E_TLS);
            assert_string_equal(stream_tls_fault(pair.client.stream), rows[i].fault);
            assert_int_equal(pair.server.received, 0);
        } else {
            RIG_UNTIL(&pair.rig, pair.server.received == 5);
        }
        pair_release(&pair);
    }
}

/* Nobody is trusted unless somebody is named. */
static void test_no_authority(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(NULL, "server.example"));
    pair.client.total = 5;
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.client.error);
    assert_int_equal(pair.client.error, E_TLS);
    pair_release(&pair);
}

static void test_the_systems_authorities(void **state)
{
    (void)state;
    struct tls_trust *trust;
    struct tls_problem problem;
    struct tls *tls;
    struct pair pair;
    assert_int_equal(tls_trust_new(&trust), 0);
    struct tls_options options = { .trust = trust, .host = STR("server.example") };
    setenv("SSL_CERT_FILE", "/nonexistent/bundle.pem", 1);
    assert_int_equal(tls_new(&options, &problem, &tls), E_INVALID);
    assert_int_equal(problem.part, TLS_PART_CA);
    setenv("SSL_CERT_FILE", authority.cert_path, 1);
    assert_int_equal(tls_new(&options, &problem, &tls), 0);
    setenv("SSL_CERT_FILE", other.cert_path, 1); /* it has been read */
    tls_unref(tls);
    assert_int_equal(tls_new(&options, &problem, &tls), 0);
    unsetenv("SSL_CERT_FILE");
    tls_trust_free(trust);
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), tls);
    pair.client.total = 5;
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.server.received == 5);
    pair_release(&pair);
}

static void test_versions(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_3), client_of(authority.cert_path, "server.example"));
    SSL_CTX_set_max_proto_version(pair.client_tls->context, TLS1_2_VERSION);
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.client.error && pair.server.error);
    assert_int_equal(pair.client.error, E_TLS);
    assert_int_equal(pair.server.error, E_TLS);
    pair_release(&pair);

    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    SSL_CTX_set_max_proto_version(pair.client_tls->context, TLS1_2_VERSION);
    for (int round = 0; round < 3; round++) {
        pair.client = (struct side){ .total = 100000, .shut_when_sent = true };
        pair.server = (struct side){ .total = 100000, .shut_when_sent = true };
        connect_client(&pair);
        RIG_UNTIL(&pair.rig, pair.client.ended && pair.server.ended);
        assert_int_equal(pair.server.received, 100000);
        close_sides(&pair);
    }
    assert_int_equal(SSL_CTX_sess_hits(pair.server_tls->context), 2);
    pair_release(&pair);

    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    SSL_CTX_set_security_level(pair.client_tls->context, 0);
    SSL_CTX_set_min_proto_version(pair.client_tls->context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(pair.client_tls->context, TLS1_1_VERSION);
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.client.error && pair.server.error);
    assert_int_equal(pair.server.error, E_TLS);
    pair_release(&pair);
}

static void test_other_protocols(void **state)
{
    (void)state;
    static const unsigned char h2[] = { 2, 'h', '2' },
                               both[] = { 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    assert_int_equal(SSL_CTX_set_alpn_protos(pair.client_tls->context, h2, sizeof(h2)), 0);
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.client.error && pair.server.error);
    assert_int_equal(pair.server.error, E_TLS);
    close_sides(&pair);
    assert_int_equal(SSL_CTX_set_alpn_protos(pair.client_tls->context, both, sizeof(both)), 0);
    pair.client = (struct side){ .total = 5 };
    pair.server = (struct side){ .total = 0 };
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.server.received == 5);
    pair_release(&pair);
}

static int plain_socket(const struct pair *pair)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(listener_port(pair->listener)) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void test_who_does_not_speak_tls(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    int fd = plain_socket(&pair);
    assert_int_equal(write(fd, request, sizeof(request)), sizeof(request));
    RIG_UNTIL(&pair.rig, pair.server.error);
    assert_int_equal(pair.server.error, E_TLS);
    assert_string_equal(stream_tls_fault(pair.server.stream), "http request");
    close(fd);
    fd = plain_socket(&pair); /* the client's stream has gone meanwhile */
    stream_close(pair.server.stream);
    pair.server = (struct side){ .total = 0 };
    close(fd);
    RIG_UNTIL(&pair.rig, pair.server.error);
    assert_int_equal(pair.server.error, E_CLOSED);
    stream_close(pair.server.stream);

    tls_unref(pair.server_tls);
    pair.server_tls = NULL; /* from now on it answers in plain text */
    pair.server = (struct side){ .total = 100, .takes_anything = true };
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.client.error);
    assert_int_equal(pair.client.error, E_TLS);
    assert_string_equal(stream_tls_fault(pair.client.stream), "the server does not speak TLS on this port");
    pair_release(&pair);
}

static void test_refused(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(pair.listener));
    listener_close(pair.listener);
    loop_turn(pair.rig.loop, false);
    int error = stream_connect_tls(pair.rig.loop, str_from_c(address), pair.client_tls, &side_events, &pair.client,
                                   &pair.client.stream);
    if (!error) {
        RIG_UNTIL(&pair.rig, pair.client.error);
        assert_int_equal(pair.client.error, E_CLOSED);
    }
    assert_int_equal(listener_open(pair.rig.loop, STR("127.0.0.1:0"), &accepting, &pair, &pair.listener), 0);
    pair_release(&pair);
}

/* An end of TCP without close_notify may be somebody's who cuts answers short: it is no end. */
static void test_cut(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    pair.client.total = 5;
    connect_client(&pair);
    RIG_UNTIL(&pair.rig, pair.server.received == 5);
    assert_int_equal(shutdown(pair.server.stream->fd, SHUT_WR), 0);
    RIG_UNTIL(&pair.rig, pair.client.error);
    assert_int_equal(pair.client.error, E_CLOSED);
    assert_false(pair.client.ended);
    pair_release(&pair);
}

static void pass(struct pair *pair, struct clock_manual *clock, int64_t ms)
{
    for (int i = 0; i < 20; i++) {
        loop_turn(pair->rig.loop, false);
        usleep(500);
    }
    clock_manual_advance(clock, ms);
    for (int i = 0; i < 5; i++)
        loop_turn(pair->rig.loop, false);
}

static void test_slow_handshakes_are_cut(void **state)
{
    (void)state;
    struct clock_manual clock;
    struct pair pair;
    clock_manual_init(&clock, 1700000000000);
    pair_init(&pair, &clock.clock, server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    int fd = plain_socket(&pair);
    pass(&pair, &clock, LIMIT_handshake_ms - 1);
    assert_int_equal(pair.server.error, 0);
    assert_int_equal(write(fd, "\x16", 1), 1);
    pass(&pair, &clock, 2);
    assert_int_equal(pair.server.error, E_TIMEOUT);
    stream_close(pair.server.stream);
    pair.server.stream = NULL;
    close(fd);

    tls_unref(pair.server_tls);
    pair.server_tls = NULL; /* says nothing at all */
    pair.server = (struct side){ .takes_anything = true };
    connect_client(&pair);
    pass(&pair, &clock, LIMIT_handshake_ms - 1);
    assert_int_equal(pair.client.error, 0);
    pass(&pair, &clock, 2);
    assert_int_equal(pair.client.error, E_TIMEOUT);
    assert_string_equal(stream_tls_fault(pair.client.stream), "the TLS handshake took too long");
    pair_release(&pair);
}

struct crowd {
    struct pair pair;
    struct side *sides;
    int count;
};

static void crowd_accepted(void *owner, int fd)
{
    struct crowd *crowd = owner;
    struct side *side = &crowd->sides[crowd->count++];
    assert_int_equal(
        stream_new_tls(crowd->pair.rig.loop, fd, crowd->pair.server_tls, &side_events, side, &side->stream), 0);
}

/* The oldest makes room, and only it. */
static void test_handshakes_at_once(void **state)
{
    (void)state;
    static const struct listener_events crowding = { crowd_accepted };
    enum { COUNT = 40 };
    static struct side sides[LIMIT_handshakes + COUNT];
    struct crowd crowd = { .sides = sides };
    int fds[LIMIT_handshakes + COUNT];
    pair_init(&crowd.pair, clock_system(), server_of(&fine, TLS_1_2), NULL);
    listener_close(crowd.pair.listener);
    loop_turn(crowd.pair.rig.loop, false);
    assert_int_equal(listener_open(crowd.pair.rig.loop, STR("127.0.0.1:0"), &crowding, &crowd, &crowd.pair.listener),
                     0);
    for (int i = 0; i < (int)ARRAY_LEN(fds); i++) {
        fds[i] = plain_socket(&crowd.pair);
        RIG_UNTIL(&crowd.pair.rig, crowd.count == i + 1);
    }
    loop_turn(crowd.pair.rig.loop, false);
    assert_int_equal(crowd.pair.server_tls->handshake_count, LIMIT_handshakes);
    for (int i = 0; i < (int)ARRAY_LEN(fds); i++) {
        if (sides[i].error != (i < COUNT ? E_LIMIT : 0))
            fail_msg("%d: %d", i, sides[i].error);
        stream_close(sides[i].stream);
        close(fds[i]);
    }
    loop_turn(crowd.pair.rig.loop, false);
    assert_int_equal(crowd.pair.server_tls->handshake_count, 0);
    pair_release(&crowd.pair);
}

/* A reader that stops: what was taken is whole in the end, though a part of it waited in the stream. */
static void test_reader_that_stops(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    pair.server = (struct side){ .total = 8000000, .shut_when_sent = true };
    connect_client(&pair);
    stream_pause(pair.client.stream);
    rig_pass(&pair.rig, 100);
    assert_true(pair.server.sent < pair.server.total);
    assert_false(stream_is_flushed(pair.server.stream));
    int writables = pair.server.writables;
    rig_pass(&pair.rig, 20);
    assert_int_equal(pair.server.writables, writables); /* no spinning */
    stream_resume(pair.client.stream);
    RIG_UNTIL(&pair.rig, pair.client.ended);
    assert_int_equal(pair.client.received, 8000000);
    assert_true(stream_is_flushed(pair.server.stream));
    pair_release(&pair);
}

static void test_closing_at_bad_moments(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, clock_system(), server_of(&fine, TLS_1_2), client_of(authority.cert_path, "server.example"));
    for (int turns = 0; turns < 12; turns++) {
        pair.client = (struct side){ .total = 3000000 };
        pair.server = (struct side){ .total = 3000000 };
        connect_client(&pair);
        for (int i = 0; i < turns; i++)
            loop_turn(pair.rig.loop, false);
        close_sides(&pair);
        for (int i = 0; i < 3; i++)
            loop_turn(pair.rig.loop, false); /* a connection that was accepted meanwhile */
        stream_close(pair.server.stream);
        pair.server.stream = NULL;
    }
    pair_release(&pair);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_texts(void **state)
{
    (void)state;
    char empty[96], locked[96], broken[96];
    snprintf(broken, sizeof(broken), "%s/broken.pem", directory);
    snprintf(empty, sizeof(empty), "%s/empty.pem", directory);
    snprintf(locked, sizeof(locked), "%s/locked.key", directory);
    write_file(empty, "nothing\n");
    FILE *file = fopen(broken, "w");
    PEM_write_X509(file, fine.certificate);
    fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
    fclose(file);
    file = fopen(locked, "w");
    PEM_write_PKCS8PrivateKey(file, fine.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    fclose(file);
    const struct {
        bool server;
        const char *cert, *key, *ca, *host;
        enum tls_part part;
        const char *text;
    } rows[] = {
        { true, empty, fine.key_path, NULL, "", TLS_PART_CERT, "holds no PEM certificate" },
        { true, fine.key_path, fine.key_path, NULL, "", TLS_PART_CERT, "holds no PEM certificate" },
        { true, fine.cert_path, empty, NULL, "", TLS_PART_KEY, "holds no PEM private key" },
        { true, fine.cert_path, fine.cert_path, NULL, "", TLS_PART_KEY, "holds no PEM private key" },
        { true, fine.cert_path, late.key_path, NULL, "", TLS_PART_KEY, "the key does not belong to the certificate" },
        { true, fine.cert_path, locked, NULL, "", TLS_PART_KEY, "the key has a passphrase: one without is needed" },
        { false, NULL, NULL, empty, "a", TLS_PART_CA, "holds no PEM certificate of an authority" },
        { false, fine.cert_path, late.key_path, NULL, "a", TLS_PART_KEY, "the key does not belong to the certificate" },
        { true, broken, fine.key_path, NULL, "", TLS_PART_CERT, "a certificate in it is broken" },
        { false, NULL, NULL, NULL, "", TLS_PART_HOST, "not the name of a host" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tls_options options = { .server = rows[i].server,
                                       .cert = pem(0, rows[i].cert),
                                       .key = pem(1, rows[i].key),
                                       .ca = pem(2, rows[i].ca),
                                       .host = str_from_c(rows[i].host) };
        struct tls_problem problem;
        struct tls *tls;
        assert_true(tls_new(&options, &problem, &tls) < 0);
        assert_int_equal(problem.part, rows[i].part);
        assert_string_equal(problem.text, rows[i].text);
    }
    struct tls *tls = server_of(&fine, TLS_1_2);
    assert_in_range(tls_not_after(tls) - time(NULL), 9 * 86400, 10 * 86400);
    tls_unref(tls);
    unlink(empty);
    unlink(locked);
    unlink(broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carries_both_ways),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_who_is_believed),
        cmocka_unit_test(test_no_authority),
        cmocka_unit_test(test_the_systems_authorities),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_who_does_not_speak_tls),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_slow_handshakes_are_cut),
        cmocka_unit_test(test_handshakes_at_once),
        cmocka_unit_test(test_reader_that_stops),
        cmocka_unit_test(test_closing_at_bad_moments),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
