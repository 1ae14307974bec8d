/* A recorder for LD_PRELOAD: it watches what a process writes to its ledger and to its servers, and ends the process, or
 * lets a call fail, at a chosen point. It works on any program; nothing in the program knows of it.
 *
 *   CRASH_LEDGER=DIR      required: files below it are the ledger; it and the directory that it is in hold their names
 *   CRASH_MARK=TEXT       a call is TEXT and the decimal digits behind it, at most 9,999; it must stand in the call's
 *                         record and in its bytes to the server (a tool's name does)
 *   CRASH_UPSTREAM=LIST   of `pipe`, `socket`: which descriptors lead to servers; default both. Descriptors 0 to 2 never
 *                         do, nor those of CRASH_NOT=FD,FD
 *   CRASH_FROM=TEXT       calls are counted from a write on whose bytes hold it, this one the first; default: from the start
 *   CRASH_AT=N            the N-th counted call, from 1: a write, sync, allocation or cut of the ledger's files, a
 *                         making, rename, unlink or sync of what holds their names, or a write to a server. Without it,
 *                         or with 0: nothing is injected
 *   CRASH_FAULT=WHAT      kill-before (default), kill-after: exit status 137, at once, without any handler;
 *                         EIO, ENOSPC, EDQUOT, EINTR: the call fails; short: it writes less. These count, and hit,
 *                         calls of the ledger alone, and of directories only renames
 *   CRASH_BLIND=1         syncs of directories are not seen, so that a breach of the rule's second half is
 *   CRASH_TIMES=N         how many calls in a row fail; default 1, 0: all from there on
 *
 * The rule: before the first byte of a call goes to a server, a flush that covers its record has succeeded (a write on a
 * descriptor with O_DSYNC or O_SYNC, or fdatasync or fsync after the write), and so has a sync of the directory since the
 * file of the record got its name there. A breach is written to standard error, and the process ends with status 99. A message must go out with its mark in one write. */
#undef _FILE_OFFSET_BITS /* both names of each call are ours, on machines where off_t has 64 bits anyway */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define CALLS_MAX 10000
#define FDS_MAX 4096
#define NAMES_MAX 64

enum call_state { CALL_UNKNOWN, CALL_WRITTEN, CALL_DURABLE };
enum fault { FAULT_KILL_BEFORE, FAULT_KILL_AFTER, FAULT_ERROR, FAULT_SHORT };
enum target { TARGET_NONE, TARGET_LEDGER, TARGET_SERVER };

/* The process that is watched has one of these; it is a recorder's memory, not the program's. */
static struct {
    pthread_mutex_t mutex;
    bool            ready;
    char            ledger[PATH_MAX];
    size_t          ledger_len, parent_len; /* of the directory that it is in */
    bool            blind;
    const char     *mark, *from;
    bool            counts;             /* `from` was seen, or there is none */
    bool            pipes, sockets;
    bool            excluded[FDS_MAX];
    long            at, times, counted;
    enum fault      fault;
    int             error;
    enum call_state calls[CALLS_MAX];
    ino_t           files[CALLS_MAX];   /* where a call's record was written */
    ino_t           names[NAMES_MAX];   /* files whose names a cut of the power may take away */
    size_t          name_count;
} shim = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static _Noreturn void leave(int status)
{
    for (;;)
        (void)syscall(SYS_exit_group, status);
}

static void say(const char *text, long number)
{
    char line[160];
    int len = snprintf(line, sizeof line, "crash shim: %s %ld\n", text, number);
    (void)syscall(SYS_write, 2, line, (size_t)len);
}

static void read_fault(const char *fault)
{
    static const struct { const char *name; enum fault fault; int error; } faults[] = {
        { "kill-before", FAULT_KILL_BEFORE, 0 }, { "kill-after", FAULT_KILL_AFTER, 0 }, { "short", FAULT_SHORT, 0 },
        { "EIO", FAULT_ERROR, EIO }, { "ENOSPC", FAULT_ERROR, ENOSPC }, { "EDQUOT", FAULT_ERROR, EDQUOT },
        { "EINTR", FAULT_ERROR, EINTR },
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (strcmp(fault, faults[i].name) == 0) {
            shim.fault = faults[i].fault;
            shim.error = faults[i].error;
            return;
        }
    }
    say("CRASH_FAULT is none of its words; see the head of shim.c", 0);
    leave(98);
}

static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtol(text, NULL, 10);
}

static void read_environment(void)
{
    const char *ledger = getenv("CRASH_LEDGER"), *upstream = getenv("CRASH_UPSTREAM"), *fault = getenv("CRASH_FAULT");
    const char *excluded = getenv("CRASH_NOT");
    shim.mark = getenv("CRASH_MARK");
    shim.from = getenv("CRASH_FROM");
    shim.counts = shim.from == NULL;
    if (ledger != NULL)
        shim.ledger_len = (size_t)snprintf(shim.ledger, sizeof shim.ledger, "%s", ledger);
    for (size_t i = 0; i < shim.ledger_len; i++)
        if (shim.ledger[i] == '/')
            shim.parent_len = i;
    shim.blind = getenv("CRASH_BLIND") != NULL;
    shim.pipes = upstream == NULL || strstr(upstream, "pipe") != NULL;
    shim.sockets = upstream == NULL || strstr(upstream, "socket") != NULL;
    shim.at = number_of("CRASH_AT", 0);
    shim.times = number_of("CRASH_TIMES", 1);
    if (fault != NULL)
        read_fault(fault);
    while (excluded != NULL && *excluded != '\0') {
        char *end;
        long fd = strtol(excluded, &end, 10);
        if (end == excluded)
            break;
        if (fd >= 0 && fd < FDS_MAX)
            shim.excluded[fd] = true;
        excluded = *end == ',' ? end + 1 : end;
    }
    shim.ready = true;
}

static void lock(void)
{
    (void)pthread_mutex_lock(&shim.mutex);
    if (!shim.ready)
        read_environment();
}

static void unlock(void) { (void)pthread_mutex_unlock(&shim.mutex); }

static bool is_ledger(int fd)
{
    char link[64], path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    return shim.ledger_len > 0 && len > (ssize_t)shim.ledger_len && path[shim.ledger_len] == '/' &&
           memcmp(path, shim.ledger, shim.ledger_len) == 0;
}

/* The ledger's directory, or that which it is in. */
static bool holds_names(int fd)
{
    char link[64], path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return shim.ledger_len > 0 && (len == (ssize_t)shim.ledger_len || len == (ssize_t)shim.parent_len) &&
           memcmp(path, shim.ledger, (size_t)len) == 0;
}

static enum target target_of(int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return TARGET_NONE;
    if (S_ISREG(status.st_mode))
        return is_ledger(fd) ? TARGET_LEDGER : TARGET_NONE;
    if (fd <= 2 || (fd < FDS_MAX && shim.excluded[fd]))
        return TARGET_NONE;
    if ((S_ISFIFO(status.st_mode) && shim.pipes) || (S_ISSOCK(status.st_mode) && shim.sockets))
        return TARGET_SERVER;
    return TARGET_NONE;
}

/* The next call that the bytes name, or -1. */
static long next_mark(const char **at, const char *end)
{
    size_t len = shim.mark == NULL ? 0 : strlen(shim.mark);
    if (len == 0)
        return -1;
    const char *found = memmem(*at, (size_t)(end - *at), shim.mark, len);
    if (found == NULL)
        return -1;
    const char *digit = found + len;
    long call = 0;
    while (digit < end && *digit >= '0' && *digit <= '9' && call < CALLS_MAX)
        call = call * 10 + (*digit++ - '0');
    *at = digit;
    return call < CALLS_MAX ? call : 0;
}

static void ledger_was_written(int fd, const char *bytes, size_t len)
{
    struct stat status;
    bool synchronous = (fcntl(fd, F_GETFL) & O_DSYNC) != 0; /* O_SYNC contains it */
    if (fstat(fd, &status) < 0)
        return;
    const char *at = bytes, *end = bytes + len;
    for (long call; (call = next_mark(&at, end)) >= 0;) {
        if (shim.calls[call] == CALL_DURABLE)
            continue;
        shim.calls[call] = synchronous ? CALL_DURABLE : CALL_WRITTEN;
        shim.files[call] = status.st_ino;
    }
}

static void ledger_was_synced(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return;
    for (size_t call = 0; call < CALLS_MAX; call++) {
        if (shim.calls[call] == CALL_WRITTEN && shim.files[call] == status.st_ino)
            shim.calls[call] = CALL_DURABLE;
    }
}

static bool has_name(ino_t file)
{
    for (size_t i = 0; i < shim.name_count; i++)
        if (shim.names[i] == file)
            return false;
    return true;
}

static void name_is_given(int directory, const char *name)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !has_name(status.st_ino))
        return;
    if (shim.name_count == NAMES_MAX) {
        say("too many names that no sync of their directory followed:", NAMES_MAX);
        leave(98);
    }
    shim.names[shim.name_count++] = status.st_ino;
}

static void server_is_written(const char *bytes, size_t len)
{
    const char *at = bytes, *end = bytes + len;
    for (long call; (call = next_mark(&at, end)) >= 0;) {
        bool durable = shim.calls[call] == CALL_DURABLE;
        if (durable && has_name(shim.files[call]))
            continue;
        say(durable                            ? "sent before the name of its record's file was flushed: call"
            : shim.calls[call] == CALL_WRITTEN ? "sent before its record was flushed: call"
                                               : "sent without a record: call",
            call);
        leave(99);
    }
}

/* Whether this call is the one, or one of those, that something happens to. */
static bool is_due(enum target target)
{
    if (shim.fault >= FAULT_ERROR && target != TARGET_LEDGER)
        return false;
    if (!shim.counts)
        return false;
    shim.counted++;
    if (shim.at <= 0 || shim.counted < shim.at)
        return false;
    return shim.times == 0 || shim.counted < shim.at + shim.times;
}

/* Before a call: may end the process. True: the call is to fail, or to be cut. */
static bool before(enum target target, bool *kill_after)
{
    bool due = is_due(target);
    *kill_after = due && shim.fault == FAULT_KILL_AFTER;
    if (due && shim.fault == FAULT_KILL_BEFORE)
        leave(137);
    return due && shim.fault >= FAULT_ERROR;
}

static void after(bool kill_after)
{
    if (kill_after)
        leave(137);
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, name))
typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef int sync_fn(int);
typedef int allocate_fn(int, off_t, off_t);
typedef int rename_fn(int, const char *, int, const char *);

/* A direct write cannot be cut within a sector. */
static size_t cut(size_t len) { return len <= 512 ? len : len / 2 < 512 ? 512 : len / 2 & ~(size_t)511; }

struct writing {            /* one write of any form, gathered */
    int         fd;
    const char *bytes;
    size_t      len;
    enum target target;
    bool        kill_after;
};

/* 0: go on; else the value to return. *len may be lowered. */
static ssize_t write_begins(struct writing *writing, size_t *len)
{
    lock();
    writing->target = target_of(writing->fd);
    ssize_t result = 0;
    if (writing->target != TARGET_NONE) {
        if (writing->target == TARGET_SERVER)
            server_is_written(writing->bytes, writing->len);
        else if (!shim.counts)
            shim.counts = memmem(writing->bytes, writing->len, shim.from, strlen(shim.from)) != NULL;
        if (before(writing->target, &writing->kill_after)) {
            if (shim.fault == FAULT_SHORT)
                *len = cut(*len);
            else
                result = -1;
        }
    }
    unlock();
    if (result < 0)
        errno = shim.error;
    return result;
}

static ssize_t write_ended(const struct writing *writing, ssize_t result)
{
    int number = errno;
    lock();
    if (writing->target == TARGET_LEDGER && result == (ssize_t)writing->len)
        ledger_was_written(writing->fd, writing->bytes, writing->len);
    after(writing->kill_after);
    unlock();
    errno = number;
    return result;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    struct writing writing = { .fd = fd, .bytes = bytes, .len = len };
    if (write_begins(&writing, &len) < 0)
        return -1;
    return write_ended(&writing, NEXT(write_fn *, "write")(fd, bytes, len));
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    struct writing writing = { .fd = fd, .bytes = bytes, .len = len };
    if (write_begins(&writing, &len) < 0)
        return -1;
    return write_ended(&writing, NEXT(pwrite_fn *, "pwrite64")(fd, bytes, len, offset));
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) { return pwrite64(fd, bytes, len, offset); }

EXPORT ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    struct writing writing = { .fd = fd, .bytes = bytes, .len = len };
    if (write_begins(&writing, &len) < 0)
        return -1;
    return write_ended(&writing, NEXT(ssize_t (*)(int, const void *, size_t, int), "send")(fd, bytes, len, flags));
}

static char *gather(const struct iovec *parts, size_t count, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < count; i++)
        *len += parts[i].iov_len;
    char *bytes = malloc(*len + 1), *at = bytes;
    if (bytes == NULL)
        leave(98);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > 0)
            memcpy(at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    return bytes;
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    size_t len;
    char *bytes = gather(parts, (size_t)count, &len);
    struct writing writing = { .fd = fd, .bytes = bytes, .len = len };
    ssize_t result = write_begins(&writing, &len);
    if (result == 0)
        result = len < writing.len ? NEXT(write_fn *, "write")(fd, bytes, len)
                                   : NEXT(ssize_t (*)(int, const struct iovec *, int), "writev")(fd, parts, count);
    if (result >= 0)
        result = write_ended(&writing, result);
    free(bytes);
    return result;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t len;
    char *bytes = gather(message->msg_iov, message->msg_iovlen, &len);
    struct writing writing = { .fd = fd, .bytes = bytes, .len = len };
    ssize_t result = write_begins(&writing, &len);
    if (result == 0)
        result = NEXT(ssize_t (*)(int, const struct msghdr *, int), "sendmsg")(fd, message, flags);
    if (result >= 0)
        result = write_ended(&writing, result);
    free(bytes);
    return result;
}

static int sync_with(const char *name, int fd)
{
    bool kill_after = false, fails = false;
    lock();
    bool names = holds_names(fd), ours = names || is_ledger(fd);
    if (ours && !(names && shim.fault >= FAULT_ERROR))
        fails = before(TARGET_LEDGER, &kill_after) && shim.fault == FAULT_ERROR;
    unlock();
    if (fails) {
        errno = shim.error;
        return -1;
    }
    int result = NEXT(sync_fn *, name)(fd), number = errno;
    lock();
    if (ours && result == 0)
        ledger_was_synced(fd);
    if (names && result == 0 && !shim.blind)
        shim.name_count = 0;
    after(kill_after);
    unlock();
    errno = number;
    return result;
}

EXPORT int fdatasync(int fd) { return sync_with("fdatasync", fd); }
EXPORT int fsync(int fd) { return sync_with("fsync", fd); }

EXPORT int posix_fallocate64(int fd, off_t offset, off_t len)
{
    bool kill_after = false, fails = false;
    lock();
    if (target_of(fd) == TARGET_LEDGER)
        fails = before(TARGET_LEDGER, &kill_after) && shim.fault == FAULT_ERROR;
    unlock();
    if (fails)
        return shim.error; /* it does not set errno */
    int result = NEXT(allocate_fn *, "posix_fallocate64")(fd, offset, len);
    after(kill_after);
    return result;
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t len) { return posix_fallocate64(fd, offset, len); }

/* Files of the ledger that are cut, and what it is about to make, name and unmake, where the process may end. */

EXPORT int ftruncate64(int fd, off_t len)
{
    bool kill_after = false;
    lock();
    if (is_ledger(fd) && shim.fault < FAULT_ERROR)
        (void)before(TARGET_LEDGER, &kill_after);
    unlock();
    int result = NEXT(int (*)(int, off_t), "ftruncate64")(fd, len);
    after(kill_after);
    return result;
}

EXPORT int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }

static void names_change(int directory, bool *kill_after)
{
    *kill_after = false;
    lock();
    if (holds_names(directory) && shim.fault < FAULT_ERROR)
        (void)before(TARGET_LEDGER, kill_after);
    unlock();
}

static void name_was_given(int result, int directory, const char *name)
{
    int number = errno;
    lock();
    if (result >= 0 && holds_names(directory))
        name_is_given(directory, name);
    unlock();
    errno = number;
}

static int open_at(const char *function, int directory, const char *name, int flags, mode_t mode)
{
    bool kill_after = false, makes = (flags & O_CREAT) != 0 && faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    if (makes)
        names_change(directory, &kill_after);
    int result = NEXT(int (*)(int, const char *, int, ...), function)(directory, name, flags, mode);
    if (makes)
        name_was_given(result, directory, name);
    after(kill_after);
    return result;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

EXPORT int openat(int directory, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at("openat", directory, name, flags, mode);
}

EXPORT int openat64(int directory, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at("openat64", directory, name, flags, mode);
}

EXPORT int mkdirat(int directory, const char *name, mode_t mode)
{
    bool kill_after;
    names_change(directory, &kill_after);
    int result = NEXT(int (*)(int, const char *, mode_t), "mkdirat")(directory, name, mode);
    name_was_given(result, directory, name);
    after(kill_after);
    return result;
}

EXPORT int unlinkat(int directory, const char *name, int flags)
{
    bool kill_after;
    names_change(directory, &kill_after);
    int result = NEXT(int (*)(int, const char *, int), "unlinkat")(directory, name, flags);
    after(kill_after);
    return result;
}

EXPORT int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    bool kill_after;
    names_change(to_directory, &kill_after);
    int result =
        NEXT(int (*)(int, const char *, int, const char *, int), "linkat")(from_directory, from, to_directory, to, flags);
    name_was_given(result, to_directory, to);
    after(kill_after);
    return result;
}

EXPORT int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    bool kill_after = false, fails = false;
    lock();
    if (holds_names(to_directory))
        fails = before(TARGET_LEDGER, &kill_after) && shim.fault == FAULT_ERROR && shim.error != EINTR;
    unlock();
    if (fails) {
        errno = shim.error;
        return -1;
    }
    int result = NEXT(rename_fn *, "renameat")(from_directory, from, to_directory, to);
    name_was_given(result, to_directory, to);
    after(kill_after);
    return result;
}
