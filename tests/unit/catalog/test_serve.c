/* What a request for the catalogue may ask, before any file or index is looked at; and who makes room when every
 * connection is taken. */
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "catalog/serve.h"
#include "catalog/serve_query.h"
#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void targets(void **state)
{
    (void)state;
    static const char *const fine[] = { "/", "/index.html", "/servers/a~b/", "/a/b-c_d.html?x=../..", "/a?", "/A" };
    static const char *const wrong[] = { "", "a", "?q=1", "//a", "/a//b", "/..", "/../a", "/a/../b", "/.", "/./a", "/.hidden", "/a/.b",
                                         "/%2e", "/a%00", "/a;b", "/a\\b", "/a b", "/\xc3\xa5", "/a#b", "/a:b", "/a*" };
    struct str path, query;
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        if (!serve_split(str_from_c(fine[i]), &path, &query))
            fail_msg("%s is refused", fine[i]);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (serve_split(str_from_c(wrong[i]), &path, &query))
            fail_msg("%s passed", wrong[i]);
    assert_true(serve_split(STR("/a/b?q=1?2"), &path, &query));
    assert_true(str_eq(path, STR("/a/b")) && str_eq(query, STR("q=1?2")));
}

static void words(void **state)
{
    (void)state;
    static const struct { const char *query, *words; } fine[] = {
        { "", "" }, { "q=", "" }, { "q=a+b", "a b" }, { "x=1&q=a%2Bb&y", "a+b" }, { "q=%C3%A5", "\xc3\xa5" }, { "Q=a", "" }, { "q=a=b", "a=b" },
    };
    static const char *const wrong[] = { "q=%", "q=%4", "q=%zz", "q=%ff", "q=%00", "q=a&q=b", "q=%c3%28" };
    struct buf out;
    char long_one[400] = "q=";
    buf_init(&out, 256);
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        assert_int_equal(serve_words(str_from_c(fine[i].query), &out), 0);
        assert_true(str_eq(buf_str(&out), str_from_c(fine[i].words)));
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (serve_words(str_from_c(wrong[i]), &out) == 0)
            fail_msg("%s passed", wrong[i]);
        buf_release(&out);
        buf_init(&out, 256);
    }
    memset(long_one + 2, 'a', 300);
    assert_int_equal(serve_words(str_from_c(long_one), &out), E_INVALID);
    buf_release(&out);
}

static void tags(void **state)
{
    (void)state;
    static const struct str tag = { "\"a-1\"", 5 };
    static const char *const fine[] = { "\"a-1\"", "W/\"a-1\"", "\"x\", \"a-1\"", " \"a-1\" ", "*", "\"x\",W/\"a-1\",\"y\"" };
    static const char *const wrong[] = { "", "a-1", "\"a-1", "\"A-1\"", "\"a-11\"", "w/\"a-1\"", ",", "\"*\"" };
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        assert_true(serve_matches(str_from_c(fine[i]), tag));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(serve_matches(str_from_c(wrong[i]), tag));
}

static void types(void **state)
{
    (void)state;
    assert_true(str_eq(serve_type(STR("/a.html")), STR("text/html; charset=utf-8")));
    assert_true(str_eq(serve_type(STR("/a.js")), STR("text/javascript; charset=utf-8")));
    assert_true(str_eq(serve_type(STR("/search/ab.json")), STR("application/json")));
    assert_null(serve_type(STR("/a.db")).ptr);
    assert_null(serve_type(STR("/a")).ptr);
    assert_null(serve_type(STR("/a.HTML")).ptr);
}

/* ---- the ceiling ---- */

#define PLACES 4
#define BIG ((off_t)64 << 20) /* more than the kernel keeps of it for a client that does not read */

struct rig {
    struct clock_manual clock;
    struct log log;
    struct loop *loop;
    struct serve *serve;
    char path[64];
    int folder;
};

static void say_nothing(struct log *log, enum log_level level, const char *text)
{
    (void)log, (void)level, (void)text;
}

static void put_file(const struct rig *rig, const char *name, off_t size)
{
    int file = openat(rig->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, size), 0);
    assert_int_equal(close(file), 0);
}

static void open_rig(struct rig *rig)
{
    *rig = (struct rig){ .log = { .least = LOG_ERROR, .line = say_nothing }, .path = "/tmp/warder-serve-XXXXXX" };
    clock_manual_init(&rig->clock, 1700000000000);
    rig->log.clock = &rig->clock.clock;
    assert_non_null(mkdtemp(rig->path));
    rig->folder = open(rig->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(rig->folder >= 0);
    put_file(rig, "index.html", 10);
    put_file(rig, "big.html", BIG);
    assert_int_equal(loop_new(&rig->clock.clock, &rig->log, &rig->loop), 0);
    const struct serve_options options = {
        .loop = rig->loop, .address = STR("127.0.0.1:0"), .folder = rig->folder, .connections = PLACES
    };
    assert_int_equal(serve_open(&options, &rig->serve), 0);
}

static void close_rig(struct rig *rig)
{
    serve_close(rig->serve);
    loop_turn(rig->loop, false);
    loop_free(rig->loop);
    assert_int_equal(unlinkat(rig->folder, "index.html", 0), 0);
    assert_int_equal(unlinkat(rig->folder, "big.html", 0), 0);
    assert_int_equal(close(rig->folder), 0);
    assert_int_equal(rmdir(rig->path), 0);
}

static void turn(struct rig *rig)
{
    for (int i = 0; i < 20; i++)
        loop_turn(rig->loop, false);
}

static int say(struct rig *rig, const char *bytes)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(serve_port(rig->serve)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    turn(rig);
    return fd;
}

static int ask(struct rig *rig, const char *target)
{
    char bytes[200];
    snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", target,
             (unsigned)serve_port(rig->serve));
    return say(rig, bytes);
}

/* The status of its answer, if that has come; 0: it was closed without one; -1: nothing has come. Leaves the rest. */
static int status_of(int fd)
{
    char bytes[13] = "";
    ssize_t got = recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return -1;
    return got == 12 ? (int)strtol(bytes + 9, NULL, 10) : 0;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(close(fds[i]), 0);
}

/* Whoever holds connections without asking for anything, or half a request, keeps nobody out. */
static void idle_ones_make_room(void **state)
{
    (void)state;
    static const char *const held[] = { "", "GET / HTTP/1.1\r\nHost:" };
    for (size_t kind = 0; kind < ARRAY_LEN(held); kind++) {
        struct rig rig;
        int fds[PLACES * 3];
        open_rig(&rig);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            fds[i] = say(&rig, held[kind]);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) /* the oldest went */
            assert_int_equal(status_of(fds[i]), i < ARRAY_LEN(fds) - PLACES ? 0 : -1);
        int fd = ask(&rig, "/");
        assert_int_equal(status_of(fd), 200);
        assert_int_equal(status_of(fds[ARRAY_LEN(fds) - PLACES]), 0);
        assert_int_equal(status_of(fds[ARRAY_LEN(fds) - PLACES + 1]), -1);
        close_all(fds, ARRAY_LEN(fds));
        close_all(&fd, 1);
        close_rig(&rig);
    }
}

/* More requests than places, all there before the first is read: none is dropped unanswered. */
static void what_has_come_is_answered(void **state)
{
    (void)state;
    struct rig rig;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fds[PLACES * 4];
    char bytes[200];
    open_rig(&rig);
    to.sin_port = htons(serve_port(rig.serve));
    int len = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                       (unsigned)serve_port(rig.serve));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(write(fds[i], bytes, (size_t)len), len);
    }
    turn(&rig);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        assert_int_equal(status_of(fds[i]), 200);
    close_all(fds, ARRAY_LEN(fds));
    close_rig(&rig);
}

/* Who takes answers in slowly keeps his place for a while, and no longer; meanwhile others are told to come again. */
static void slow_ones_make_room_in_the_end(void **state)
{
    (void)state;
    struct rig rig;
    int fds[PLACES], late[LIMIT_serve_turned + 2];
    open_rig(&rig);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = ask(&rig, "/big.html");
        assert_int_equal(status_of(fds[i]), 200);
    }
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        late[i] = i % 2 ? say(&rig, "") : ask(&rig, "/");
        assert_int_equal(status_of(late[i]), i % 2 ? -1 : 503);
    }
    assert_int_equal(status_of(late[1]), 0); /* of those too there are so many and no more */
    clock_manual_advance(&rig.clock, LIMIT_serve_answer_ms);
    turn(&rig);
    int fd = ask(&rig, "/");
    assert_int_equal(status_of(fd), 200);
    close_all(fds, ARRAY_LEN(fds));
    close_all(late, ARRAY_LEN(late));
    close_all(&fd, 1);
    close_rig(&rig);
}

static void half_a_request_has_its_time(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    int silent = say(&rig, ""), half = say(&rig, "GET / HT");
    for (int i = 0; i < 3; i++) { /* a byte now and then does not help */
        clock_manual_advance(&rig.clock, LIMIT_head_ms / 3);
        assert_int_equal(write(half, "x", 1), 1);
        turn(&rig);
    }
    clock_manual_advance(&rig.clock, LIMIT_head_ms / 3);
    turn(&rig);
    assert_int_equal(status_of(half), 408);
    assert_int_equal(status_of(silent), 0);
    close_all(&half, 1);
    close_all(&silent, 1);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(targets), cmocka_unit_test(words), cmocka_unit_test(tags),
                                        cmocka_unit_test(types), cmocka_unit_test(idle_ones_make_room),
                                        cmocka_unit_test(what_has_come_is_answered),
                                        cmocka_unit_test(slow_ones_make_room_in_the_end),
                                        cmocka_unit_test(half_a_request_has_its_time) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
