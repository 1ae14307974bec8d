/* Stamps compared in the pool, at a directory's event or at the latest after a while. */
#include "io/file_watch.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "io/loop_types.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FILE_WATCH_MAGIC 0x4657a7c4u
#define SET_BYTES ((size_t)16 << 20)
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR)
#define TELL_BYTES 16384 /* events that are read in one turn */

struct watched {
    struct str path, directory, name;       /* NUL-terminated */
    struct file_stamp known, found, before; /* as it was read, at this look, and at the one before */
};

/* Used by the pool while `looking`; replaced, never changed, by the loop. */
struct watch_set {
    struct arena arena;
    struct watched *files;
    size_t count;
    int fd; /* of its directories' events; -1: there are none to be had */
    bool armed;
};

struct file_watch {
    unsigned magic;
    struct loop *loop;
    void (*changed)(void *arg);
    void *arg;
    struct watch_set *set, *next; /* next: given while the pool was looking */
    struct watch watch;
    struct timer timer;
    struct job job;
    struct deferred bury;
    unsigned unsettled; /* looks in a row that found another difference than the one before */
    bool looking, again, told, freed;
};

/* ---- sets ---- */

static void set_free(struct file_watch *watch, struct watch_set *set)
{
    if (!set)
        return;
    if (set->fd >= 0) {
        if (watch->watch.fd == set->fd)
            poller_remove(&watch->loop->poller, &watch->watch);
        close(set->fd);
    }
    arena_release(&set->arena);
    free(set);
}

static struct str directory_of(struct arena *arena, struct str path, struct str *name)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    *name = str_slice(path, at, path.len);
    return at == 0 ? arena_str(arena, STR(".")) : arena_str(arena, str_slice(path, 0, at));
}

static int set_new(const struct watched_file *files, size_t count, struct watch_set **out)
{
    struct watch_set *set = calloc(1, sizeof(*set));
    if (!set)
        return E_NOMEM;
    arena_init(&set->arena, NULL, SET_BYTES);
    set->files = arena_zalloc(&set->arena, (count + 1) * sizeof(*set->files));
    for (size_t i = 0; set->files && i < count; i++) {
        struct watched *file = &set->files[i];
        file->path = arena_str(&set->arena, files[i].path);
        file->known = file->before = files[i].stamp;
        if (file->path.ptr)
            file->directory = directory_of(&set->arena, file->path, &file->name);
        if (!file->directory.ptr) {
            arena_release(&set->arena);
            free(set);
            return E_NOMEM;
        }
    }
    if (!set->files) {
        free(set);
        return E_NOMEM;
    }
    set->count = count;
    set->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    *out = set;
    return 0;
}

/* ---- in the pool ---- */

static void arm(struct watch_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        (void)inotify_add_watch(set->fd, set->files[i].directory.ptr, EVENTS); /* one that is not there has no events */
}

static void look(struct job *job)
{
    struct file_watch *watch = CONTAINER_OF(job, struct file_watch, job);
    struct watch_set *set = watch->set;
    if (set->fd >= 0 && !set->armed)
        arm(set);
    set->armed = true;
    int64_t now_ns = clock_wall_ms(watch->loop->clock) * 1000000;
    for (size_t i = 0; i < set->count; i++) {
        struct stat status;
        struct watched *file = &set->files[i];
        file->found = (struct file_stamp){ .there = false };
        if (stat(file->path.ptr, &status) == 0)
            file->found = file_stamp_of(&status, now_ns);
    }
}

/* ---- on the loop ---- */

static void look_now(struct file_watch *watch);

static bool is_named(const struct watch_set *set, const struct inotify_event *event)
{
    if (event->len == 0 || (event->mask & IN_Q_OVERFLOW))
        return true;
    for (size_t i = 0; i < set->count; i++)
        if (str_eq(set->files[i].name, str_from_c(event->name)))
            return true;
    return false;
}

static void events_came(struct watch *ready_watch, unsigned ready)
{
    struct file_watch *watch = CONTAINER_OF(ready_watch, struct file_watch, watch);
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool named = false;
    (void)ready;
    CHECK_OBJ(watch, FILE_WATCH_MAGIC);
    for (size_t told = 0; told < TELL_BYTES;) {
        ssize_t got = read(watch->set->fd, bytes, sizeof(bytes));
        if (got <= 0)
            break;
        told += (size_t)got;
        if (told >= TELL_BYTES)
            poller_again(&watch->loop->poller, ready_watch);
        for (const char *at = bytes; at < bytes + got;) {
            const struct inotify_event *event = (const void *)at;
            named = named || is_named(watch->set, event);
            at += sizeof(*event) + event->len;
        }
    }
    if (named && !watch->told)
        look_now(watch);
}

static void take_next(struct file_watch *watch)
{
    set_free(watch, watch->set);
    watch->set = watch->next;
    watch->next = NULL;
    if (watch->set->fd >= 0 &&
        poller_add(&watch->loop->poller, &watch->watch, watch->set->fd, WATCH_READ, events_came) != 0) {
        close(watch->set->fd);
        watch->set->fd = -1;
    }
    watch->told = false;
    watch->unsettled = 0;
    look_now(watch);
}

static void bury(struct deferred *deferred)
{
    struct file_watch *watch = CONTAINER_OF(deferred, struct file_watch, bury);
    watch->magic = 0;
    free(watch);
}

enum difference { NONE, MOVING, SETTLED };

static enum difference compare(struct watch_set *set)
{
    enum difference difference = NONE;
    for (size_t i = 0; i < set->count; i++) {
        struct watched *file = &set->files[i];
        bool changed = file->known.young || !file_stamp_eq(&file->found, &file->known);
        bool moves = !file_stamp_eq(&file->found, &file->before) || (file->found.there && file->found.young);
        file->before = file->found;
        if (changed && moves)
            difference = MOVING;
        else if (changed && difference == NONE)
            difference = SETTLED;
    }
    return difference;
}

static void looked(struct job *job)
{
    struct file_watch *watch = CONTAINER_OF(job, struct file_watch, job);
    watch->looking = false;
    if (watch->freed) {
        set_free(watch, watch->set);
        watch->bury.run = bury;
        loop_defer(watch->loop, &watch->bury);
        return;
    }
    if (watch->next) {
        take_next(watch);
        return;
    }
    enum difference difference = compare(watch->set);
    if (difference == MOVING && ++watch->unsettled < LIMIT_file_look_ms / LIMIT_file_settle_ms) {
        timer_start(&watch->timer, LIMIT_file_settle_ms);
        return;
    }
    watch->unsettled = 0;
    if (difference != NONE) {
        watch->told = true;
        watch->again = false;
        watch->changed(watch->arg);
    } else if (watch->again) {
        watch->again = false;
        look_now(watch);
    } else {
        timer_start(&watch->timer, LIMIT_file_look_ms);
    }
}

static void look_now(struct file_watch *watch)
{
    if (watch->looking) {
        watch->again = true;
        return;
    }
    watch->job = (struct job){ .work = look, .done = looked };
    watch->looking = loop_submit(watch->loop, &watch->job) == 0;
    if (watch->looking)
        timer_stop(&watch->timer);
    else
        timer_start(&watch->timer, LIMIT_file_look_ms);
}

static void time_to_look(struct timer *timer)
{
    look_now(CONTAINER_OF(timer, struct file_watch, timer));
}

/* ---- life ---- */

int file_watch_new(struct loop *loop, void (*changed)(void *arg), void *arg, struct file_watch **out)
{
    struct file_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return E_NOMEM;
    watch->magic = FILE_WATCH_MAGIC;
    watch->loop = loop;
    watch->changed = changed;
    watch->arg = arg;
    watch->watch.fd = -1;
    timer_init(&watch->timer, loop, time_to_look);
    *out = watch;
    return 0;
}

int file_watch_set(struct file_watch *watch, const struct watched_file *files, size_t count)
{
    CHECK_OBJ(watch, FILE_WATCH_MAGIC);
    struct watch_set *set;
    int error = set_new(files, count, &set);
    if (error)
        return error;
    set_free(watch, watch->next);
    watch->next = set;
    if (!watch->looking)
        take_next(watch);
    return 0;
}

void file_watch_free(struct file_watch *watch)
{
    if (!watch)
        return;
    CHECK_OBJ(watch, FILE_WATCH_MAGIC);
    timer_stop(&watch->timer);
    set_free(watch, watch->next);
    watch->next = NULL;
    poller_remove(&watch->loop->poller, &watch->watch);
    watch->freed = true;
    if (watch->looking)
        return;
    set_free(watch, watch->set);
    watch->bury.run = bury;
    loop_defer(watch->loop, &watch->bury);
}
