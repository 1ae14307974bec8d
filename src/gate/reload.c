/* Reading the configuration anew, and putting it in force. */
#include "gate/reload.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/plural.h"
#include "config/config.h"
#include "config/file.h"
#include "gate/gateway.h"
#include "io/file_watch.h"
#include "io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELOADER_MAGIC 0x4e10ad01u
#define LOGGED_MAX 20 /* problems of one try that are logged */
#define FIXED_BYTES 65536
#define STALE_BYTES 256

struct loading { /* one try, in the pool */
    struct job job;
    struct reloader *reloader; /* NULL: it is gone */
    const struct environment *environment;
    struct str path;
    struct report report;
    struct config *config;
    int error;
};

struct fixed { /* as the gateway started with it */
    struct str listen, admin_listen, data;
    enum audit_mode audit;
    bool insecure, tls;
};

struct reloader {
    unsigned magic;
    struct reloader_options options;
    struct arena arena; /* path, fixed */
    struct fixed fixed;
    struct config *config; /* in force */
    struct file_watch *watch;
    struct loading *loading; /* under way */
    struct loading *last;    /* its report is shown */
    bool again;
    struct timer retry;        /* of a try that could not begin, or could not say which files to watch */
    struct list waiting, next; /* for the try under way, and for the one behind it */
    struct reload_status status;
};

/* ---- what is told ---- */

static void log_problems(struct reloader *reloader, const struct report *report)
{
    size_t logged = 0;
    for (size_t i = 0; i < report->count && logged < LOGGED_MAX; i++) {
        const struct finding *finding = &report->items[i];
        const struct problem *problem = &finding->problem;
        if (problem->warning)
            continue;
        logged++;
        log_warn(reloader->options.log, "%" STR_FMT ":%zu:%zu: %" STR_FMT "%s%" STR_FMT "%s", STR_ARG(finding->file),
                 problem->line, problem->column, STR_ARG(problem->text), problem->fix.len ? " (" : "",
                 STR_ARG(problem->fix), problem->fix.len ? ")" : "");
    }
    log_warn(reloader->options.log,
             "the configuration was not taken over (%zu error%s): the one before it stays in force", report->errors,
             plural(report->errors));
}

/* Anybody may ask whether the gateway is ready: the place alone, by no text of a file. */
static void say_stale(struct reloader *reloader, const struct report *report)
{
    char text[STALE_BYTES] = "it cannot be read";
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->items[i];
        if (finding->problem.warning)
            continue;
        struct str name = file_base_name(finding->file);
        snprintf(text, sizeof(text), "%" STR_FMT ":%zu:%zu and %zu more: \"warder status\" says what is wrong",
                 STR_ARG(str_slice(name, 0, 128)), finding->problem.line, finding->problem.column, report->errors - 1);
        break;
    }
    gateway_set_stale(reloader->options.gateway, str_from_c(text));
}

static void tell(struct reloader *reloader)
{
    while (!list_is_empty(&reloader->waiting)) {
        struct reload_waiter *waiter = CONTAINER_OF(reloader->waiting.next, struct reload_waiter, link);
        list_remove(&waiter->link);
        waiter->done(waiter, &reloader->status);
    }
}

/* ---- one try ---- */

static void find_fixed(struct reloader *reloader, const struct config *config)
{
    const struct fixed *fixed = &reloader->fixed;
    const struct {
        const char *name;
        bool differs;
    } settings[] = {
        { "listen", !str_eq(config->listen, fixed->listen) },
        { "admin_listen", !str_eq(config->admin_listen, fixed->admin_listen) },
        { "data", !str_eq(config->data, fixed->data) },
        { "audit", config->audit != fixed->audit },
        { "insecure", config->insecure != fixed->insecure },
        { "tls", (config->tls != NULL) != fixed->tls },
    };
    _Static_assert(ARRAY_LEN(settings) <= RESTART_MAX, "each has its place in the status");
    reloader->status.restart_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (!settings[i].differs)
            continue;
        reloader->status.restart[reloader->status.restart_count++] = settings[i].name;
        log_warn(reloader->options.log, "\"%s\" changed: it is taken over when the gateway is started again",
                 settings[i].name);
    }
}

static int put_in_force(struct reloader *reloader, struct config *config)
{
    struct reload_status *status = &reloader->status;
    status->unchanged = memcmp(&config->digest, &reloader->config->digest, SHA256_LEN) == 0;
    if (status->unchanged)
        return 0;
    int error = gateway_reload(reloader->options.gateway, config);
    if (error)
        return error;
    struct config *before = reloader->config;
    reloader->config = config_ref(config);
    if (reloader->options.live)
        reloader->options.live(reloader->options.arg, config);
    config_unref(before);
    find_fixed(reloader, config);
    status->live_ms = status->tried_ms;
    log_info(reloader->options.log, "configuration in force: %zu server%s", config->server_count,
             plural(config->server_count));
    return 0;
}

static void watch_files(struct reloader *reloader, const struct report *report)
{
    struct arena arena;
    arena_init(&arena, NULL, (size_t)16 << 20);
    struct watched_file *files = arena_alloc(&arena, (report->file_count + 1) * sizeof(*files));
    for (size_t i = 0; files && i < report->file_count; i++)
        files[i] = (struct watched_file){ report->files[i].path, report->files[i].stamp };
    if (!files || file_watch_set(reloader->watch, files, report->file_count) != 0) {
        log_error(reloader->options.log, "out of memory: the configuration is read again in %d s",
                  LIMIT_reload_retry_ms / 1000);
        timer_start(&reloader->retry, LIMIT_reload_retry_ms);
    }
    arena_release(&arena);
}

static void loading_free(struct loading *loading)
{
    if (!loading)
        return;
    report_release(&loading->report);
    config_unref(loading->config);
    free(loading);
}

static void start(struct reloader *reloader);

static void finish(struct reloader *reloader, struct loading *loading)
{
    struct reload_status *status = &reloader->status;
    int64_t now_ms = clock_wall_ms(reloader->options.clock);
    status->tried_ms = now_ms;
    status->unchanged = false;
    status->error = NULL;
    int error = loading->error ? loading->error : put_in_force(reloader, loading->config);
    status->stale = error != 0;
    if (!error) {
        gateway_set_stale(reloader->options.gateway, STR_EMPTY);
        status->succeeded++;
        status->succeeded_ms = now_ms;
    } else {
        if (loading->report.errors == 0)
            status->error = error_text(error);
        status->failed++;
        status->failed_ms = now_ms;
        log_problems(reloader, &loading->report);
        say_stale(reloader, &loading->report);
    }
    watch_files(reloader, &loading->report);
    config_unref(loading->config);
    loading->config = NULL;
    loading_free(reloader->last);
    reloader->last = loading;
    status->report = &loading->report;
    tell(reloader);
}

static void load(struct job *job)
{
    struct loading *loading = CONTAINER_OF(job, struct loading, job);
    loading->error = config_load(loading->path, loading->environment, &loading->report, &loading->config);
}

static void loaded(struct job *job)
{
    struct loading *loading = CONTAINER_OF(job, struct loading, job);
    struct reloader *reloader = loading->reloader;
    if (!reloader) {
        loading_free(loading);
        return;
    }
    reloader->loading = NULL;
    finish(reloader, loading);
    if (reloader->again)
        start(reloader);
}

static void start(struct reloader *reloader)
{
    reloader->again = false;
    timer_stop(&reloader->retry);
    while (!list_is_empty(&reloader->next)) {
        struct list *link = reloader->next.next;
        list_remove(link);
        list_append(&reloader->waiting, link);
    }
    struct loading *loading = calloc(1, sizeof(*loading));
    int error = loading ? 0 : E_NOMEM;
    if (loading) {
        loading->job = (struct job){ .work = load, .done = loaded };
        loading->reloader = reloader;
        loading->environment = reloader->options.environment;
        report_init(&loading->report);
        loading->path = arena_str(&loading->report.arena, reloader->status.path); /* the reloader may go before it */
        error = loading->path.ptr ? loop_submit(reloader->options.loop, &loading->job) : E_NOMEM;
    }
    if (!error) {
        reloader->loading = loading;
        return;
    }
    loading_free(loading);
    reloader->status.error = error_text(error);
    reloader->status.failed++;
    reloader->status.failed_ms = clock_wall_ms(reloader->options.clock);
    log_error(reloader->options.log, "the configuration cannot be read anew: %s; the next try is in %d s",
              error_text(error), LIMIT_reload_retry_ms / 1000);
    timer_start(&reloader->retry, LIMIT_reload_retry_ms);
    tell(reloader);
}

/* The watch told of a change once: nobody else would. */
static void try_again(struct timer *timer)
{
    struct reloader *reloader = CONTAINER_OF(timer, struct reloader, retry);
    if (!reloader->loading)
        start(reloader);
}

/* ---- the outside ---- */

static void files_changed(void *arg)
{
    reloader_ask(arg, NULL);
}

void reloader_ask(struct reloader *reloader, struct reload_waiter *waiter)
{
    CHECK_OBJ(reloader, RELOADER_MAGIC);
    if (waiter) {
        list_init(&waiter->link);
        list_append(&reloader->next, &waiter->link);
    }
    if (reloader->loading)
        reloader->again = true; /* what is being read may be older than the question */
    else
        start(reloader);
}

void reload_waiter_cancel(struct reload_waiter *waiter)
{
    list_remove(&waiter->link);
}

const struct reload_status *reloader_status(const struct reloader *reloader)
{
    return &reloader->status;
}

int reloader_new(const struct reloader_options *options, struct reloader **out)
{
    struct reloader *reloader = calloc(1, sizeof(*reloader));
    if (!reloader)
        return E_NOMEM;
    reloader->magic = RELOADER_MAGIC;
    reloader->options = *options;
    list_init(&reloader->waiting);
    list_init(&reloader->next);
    timer_init(&reloader->retry, options->loop, try_again);
    arena_init(&reloader->arena, NULL, FIXED_BYTES);
    const struct config *config = options->config;
    reloader->fixed = (struct fixed){ arena_str(&reloader->arena, config->listen),
                                      arena_str(&reloader->arena, config->admin_listen),
                                      arena_str(&reloader->arena, config->data),
                                      config->audit,
                                      config->insecure,
                                      config->tls != NULL };
    reloader->status.path = arena_str(&reloader->arena, config->path);
    reloader->status.live_ms = clock_wall_ms(options->clock);
    bool copied = reloader->fixed.listen.ptr && reloader->fixed.admin_listen.ptr && reloader->fixed.data.ptr &&
                  reloader->status.path.ptr;
    int error = copied ? file_watch_new(options->loop, files_changed, reloader, &reloader->watch) : E_NOMEM;
    if (error) {
        arena_release(&reloader->arena);
        free(reloader);
        return error;
    }
    reloader->config = config_ref(options->config);
    watch_files(reloader, options->report);
    *out = reloader;
    return 0;
}

void reloader_free(struct reloader *reloader)
{
    if (!reloader)
        return;
    CHECK_OBJ(reloader, RELOADER_MAGIC);
    if (reloader->loading)
        reloader->loading->reloader = NULL;
    LIST_EACH (&reloader->waiting, link, after)
        list_remove(link);
    LIST_EACH (&reloader->next, next_link, next_after)
        list_remove(next_link);
    timer_stop(&reloader->retry);
    file_watch_free(reloader->watch);
    loading_free(reloader->last);
    config_unref(reloader->config);
    arena_release(&reloader->arena);
    reloader->magic = 0;
    free(reloader);
}
