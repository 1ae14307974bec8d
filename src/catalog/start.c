/* Batches of the queue become targets of a scan. */
#include "catalog/start.h"

#include "base/check.h"
#include "base/failure.h"
#include "base/limits.h"
#include "catalog/registry_names.h"
#include "catalog/scan.h"
#include "catalog/targets.h"
#include "upstream/home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_BYTES ((size_t)64 << 20)

struct row { /* one of a batch */
    int64_t server, tries;
    struct str name, document;
    struct str home; /* of a package */
    enum start_kind kind;
    size_t target; /* in the batch's targets */
    bool runs;
};

struct starting {
    struct intake *intake;
    const struct start_options *options;
    struct start_result *result;
    char data[PATH_MAX]; /* of homes */
    int lock;
    bool has_npx, has_uvx;
    struct arena arena; /* of one batch */
    struct targets targets;
    struct scanned *scanned;
    struct row rows[LIMIT_start_batch];
    size_t count;
};

/* ---- outcomes ---- */

static int record(struct starting *starting, const struct row *row, const struct definitions *definitions,
                  const char *why)
{
    struct catalog *catalog = starting->intake->catalog;
    unsigned long before = starting->intake->tools;
    int error = catalog_begin(catalog);
    if (error)
        return error;
    if (definitions)
        error = intake_definitions(starting->intake, row->server, row->name, definitions);
    else
        error = catalog_mark(catalog, row->server);
    if (!error)
        error = catalog_queue_done(catalog, row->server, definitions ? QUEUE_LISTED : QUEUE_FAILED, str_from_c(why));
    if (!error)
        error = catalog_commit(catalog);
    if (error) {
        catalog_rollback(catalog);
        return error;
    }
    unsigned long *count = definitions ? &starting->result->listed : &starting->result->failed;
    ++*count;
    if (starting->options->told)
        starting->options->told(starting->options->arg, row->name, (int64_t)(starting->intake->tools - before),
                                definitions ? NULL : why);
    return 0;
}

static const struct row *row_of(const struct starting *starting, const struct target *target)
{
    for (size_t i = 0; i < starting->count; i++)
        if (starting->rows[i].runs && &starting->targets.items[starting->rows[i].target] == target)
            return &starting->rows[i];
    WRONG("a scan of another target");
}

static void begun(void *arg, const struct scanned *scanned)
{
    struct starting *starting = arg;
    struct catalog *catalog = starting->intake->catalog;
    /* where this cannot be written, its outcome cannot either, and that stops us */
    if (catalog_begin(catalog) == 0 &&
        (catalog_queue_tried(catalog, row_of(starting, scanned->target)->server) || catalog_commit(catalog)))
        catalog_rollback(catalog);
}

static struct str home_name(const struct target *target)
{
    return target->name;
}

static void sweep(void *arg, const struct target *target)
{
    const struct starting *starting = arg;
    if (target->place.len > 0 && home_remove(str_from_c(starting->data), home_name(target)) != 0)
        return; /* it is looked at again when the next run begins */
}

/* Where its home was is of no use to whoever reads the reason, and tells of this machine. */
static void hide(char *text, struct str home)
{
    for (char *at = text; home.len > 0 && (at = strstr(at, home.ptr)) != NULL; at++) {
        *at = '~';
        memmove(at + 1, at + home.len, strlen(at + home.len) + 1);
    }
}

static int done(void *arg, struct scanned *scanned)
{
    struct starting *starting = arg;
    const struct row *row = row_of(starting, scanned->target);
    char why[2 * SCAN_WHY_MAX + 32];
    (void)snprintf(why, sizeof(why), "%s%s%s", scanned->why, scanned->last_words[0] ? "; it said last: " : "",
                   scanned->last_words);
    hide(why, row->home);
    int error = record(starting, row, scanned->outcome == SCAN_LISTED ? scanned->definitions : NULL,
                       scanned->outcome == SCAN_LISTED ? "" : why);
    definitions_unref(scanned->definitions);
    scanned->definitions = NULL;
    return error;
}

/* ---- a batch ---- */

static int take_row(void *arg, const struct queued *queued)
{
    struct starting *starting = arg;
    struct row *row = &starting->rows[starting->count++];
    *row = (struct row){ .server = queued->server, .tries = queued->tries, .kind = queued->kind };
    row->name = arena_str(&starting->arena, queued->name);
    row->document = arena_str(&starting->arena, queued->document);
    return row->name.ptr && row->document.ptr ? 0 : E_NOMEM;
}

static bool is_known_base(const struct starting *starting, struct str base)
{
    for (const char *const *known = starting->options->base_urls; known && *known; known++)
        if (str_eq(base, str_from_c(*known)))
            return true;
    return base.len == 0;
}

/* NULL: nothing speaks against it. */
static const char *refuse(const struct starting *starting, const struct row *row, const struct start *start)
{
    if (row->tries >= QUEUE_TRIES)
        return "it was started three times, and each time the catalogue was ended before it had an outcome";
    if (!is_known_base(starting, start->base_url))
        return "its entry names a registry of its own: --registry-url URL says that npx and uvx get packages from "
               "there";
    if (start->kind != START_REMOTE || starting->options->insecure)
        return NULL;
    if (!str_starts_with(start->url, STR("https://")) || !is_public_host(url_host(start->url)))
        return "its address is not an https one of the public internet: --insecure contacts it";
    return NULL;
}

static int add_remote(struct starting *starting, struct target_extras *extras, const struct start *start)
{
    extras->insecure = starting->options->insecure;
    return targets_add_url(&starting->targets, start->url, extras);
}

/* A home that nothing else uses, and what a program needs to run in it. */
static int add_package(struct starting *starting, struct row *row, struct target_extras *extras,
                       const struct start *start)
{
    char home[PATH_MAX];
    const char **words = arena_zalloc(&starting->arena, (start->argc + 1) * sizeof(*words));
    struct variable *all = arena_zalloc(&starting->arena, (start->variable_count + 8) * sizeof(*all));
    int error = words && all ? home_prepare(str_from_c(starting->data), extras->name, STR_EMPTY, true, home) : E_NOMEM;
    if (error)
        return error;
    row->home = extras->cwd = arena_printf(&starting->arena, "%s", home);
    struct str tmp = arena_printf(&starting->arena, "%s/tmp", home);
    if (!extras->cwd.ptr || !tmp.ptr)
        return E_NOMEM;
    if (mkdirat(AT_FDCWD, tmp.ptr, 0700) != 0)
        return error_of_errno(errno);
    size_t count = 0;
    for (; count < start->variable_count; count++)
        all[count] = (struct variable){ start->variables[count].name, start->variables[count].value };
    const struct variable own[] = { { STR("HOME"), extras->cwd },     { STR("TMPDIR"), tmp },
                                    { STR("USER"), STR("warder") },   { STR("LOGNAME"), STR("warder") },
                                    { STR("SHELL"), STR("/bin/sh") }, { STR("LANG"), STR("C.UTF-8") },
                                    { STR("TZ"), STR("UTC") } };
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        all[count++] = own[i];
    for (size_t i = 0; i < start->argc; i++) {
        struct str word = arena_printf(&starting->arena, "%" STR_FMT, STR_ARG(start->argv[i]));
        if (!word.ptr)
            return E_NOMEM;
        words[i] = word.ptr;
    }
    extras->variables = all;
    extras->variable_count = count;
    extras->inherit = starting->options->inherit;
    return targets_add_command(&starting->targets, words, start->argc, extras);
}

static int add_row(struct starting *starting, struct row *row)
{
    struct start start;
    struct target_extras extras = { .name = arena_printf(&starting->arena, "q%lld", (long long)row->server) };
    size_t before = starting->targets.count;
    if (!extras.name.ptr)
        return E_NOMEM;
    if (start_read(row->document, &starting->arena, &start) != 0 || start.kind != row->kind)
        return record(starting, row, NULL, "what the index says of its start is nothing that may be started");
    if ((row->kind == START_NPM && !starting->has_npx) || (row->kind == START_PYPI && !starting->has_uvx)) {
        starting->result->without_program++;
        return 0;
    }
    const char *why = refuse(starting, row, &start);
    if (why)
        return record(starting, row, NULL, why);
    struct variable *fields = arena_zalloc(&starting->arena, (start.variable_count + 1) * sizeof(*fields));
    if (!fields)
        return E_NOMEM;
    for (size_t i = 0; i < start.variable_count; i++)
        fields[i] = (struct variable){ start.variables[i].name, start.variables[i].value };
    extras.variables = fields;
    extras.variable_count = start.variable_count;
    int error =
        row->kind == START_REMOTE ? add_remote(starting, &extras, &start) : add_package(starting, row, &extras, &start);
    if (error)
        return error;
    if (starting->targets.count == before) /* reached like another of this batch: the next run's */
        return 0;
    const struct target *target = &starting->targets.items[before];
    row->target = before;
    row->runs = target->config != NULL;
    if (row->runs)
        return 0;
    const char *fault = arena_printf(&starting->arena, "%" STR_FMT, STR_ARG(target->why)).ptr;
    return record(starting, row, NULL, fault ? fault : "it cannot be started");
}

static int run_batch(struct starting *starting)
{
    const struct start_options *options = starting->options;
    const struct scan_options scan = {
        .timeout_ms = options->timeout_ms,
        .self = options->self,
        .verbose = options->verbose,
        .arg = starting,
        .at_once = options->jobs,
        .begun = begun,
        .sweep = sweep,
        .done = done,
    };
    int error = 0;
    for (size_t i = 0; i < starting->count && !error; i++)
        error = add_row(starting, &starting->rows[i]);
    starting->scanned = calloc(starting->targets.count + 1, sizeof(*starting->scanned));
    if (!error)
        error = starting->scanned ? scan_run(&scan, &starting->targets, starting->scanned) : E_NOMEM;
    if (starting->scanned)
        scan_release(starting->scanned, starting->targets.count);
    free(starting->scanned);
    return error;
}

static int work_off(struct starting *starting)
{
    int64_t after = 0;
    for (;;) {
        arena_init(&starting->arena, NULL, BATCH_BYTES);
        targets_init(&starting->targets, starting->options->environment);
        starting->count = 0;
        int error = catalog_queue(starting->intake->catalog, QUEUE_WAITING, starting->options->remotes, after,
                                  LIMIT_start_batch, take_row, starting);
        bool any = !error && starting->count > 0;
        if (any) {
            after = starting->rows[starting->count - 1].server;
            error = run_batch(starting);
        }
        targets_release(&starting->targets);
        arena_release(&starting->arena);
        if (error || !any)
            return error;
    }
}

/* ---- the whole ---- */

static bool is_installed(const struct start_options *options, const char *program)
{
    const char *path = options->environment->get(options->environment->arg, "PATH");
    struct str rest = path ? str_from_c(path) : STR_EMPTY;
    char file[PATH_MAX];
    while (rest.len > 0) {
        struct str folder = str_slice(rest, 0, str_find_byte(rest, ':'));
        int len = snprintf(file, sizeof(file), "%" STR_FMT "/%s", STR_ARG(folder), program);
        if (folder.len > 0 && len > 0 && (size_t)len < sizeof(file) && access(file, X_OK) == 0)
            return true;
        rest = str_slice(rest, folder.len + 1, rest.len);
    }
    return false;
}

/* Homes of a run that did not live to remove them go here. */
static int open_homes(struct starting *starting, char why[256])
{
    int len = snprintf(starting->data, sizeof(starting->data), "%s.homes", starting->options->index);
    if (len < 0 || (size_t)len >= sizeof(starting->data))
        return E_LIMIT;
    if (mkdir(starting->data, 0700) != 0 && errno != EEXIST)
        return error_of_errno(errno);
    starting->lock = open(starting->data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (starting->lock < 0)
        return error_of_errno(errno);
    if (flock(starting->lock, LOCK_EX | LOCK_NB) != 0) {
        (void)snprintf(why, 256, "another warder catalog add --start is at work on this index");
        return E_LOCKED;
    }
    return home_remove(str_from_c(starting->data), STR_EMPTY);
}

static void close_homes(struct starting *starting, int error)
{
    char homes[PATH_MAX + 8];
    (void)snprintf(homes, sizeof(homes), "%s/homes", starting->data);
    if (error != E_LOCKED && starting->lock >= 0 && home_remove(str_from_c(starting->data), STR_EMPTY) == 0 &&
        rmdir(homes) == 0)
        (void)rmdir(starting->data);
    if (starting->lock >= 0)
        (void)close(starting->lock);
}

int start_queue(struct intake *intake, const struct start_options *options, struct start_result *out, char why[256])
{
    struct starting *starting = calloc(1, sizeof(*starting));
    why[0] = '\0';
    *out = (struct start_result){ 0 };
    if (!starting)
        return E_NOMEM;
    *starting = (struct starting){ .intake = intake, .options = options, .result = out, .lock = -1 };
    starting->has_npx = is_installed(options, "npx");
    starting->has_uvx = is_installed(options, "uvx");
    int error = open_homes(starting, why);
    if (!error)
        error = work_off(starting);
    else if (!why[0])
        (void)snprintf(why, 256, "homes beside the index: %s", error_text(error));
    close_homes(starting, error);
    free(starting);
    return error;
}
