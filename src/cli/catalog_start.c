/* Options, progress, and what came of it. */
#include "cli/catalog_start.h"

#include "base/clock.h"
#include "base/limits.h"
#include "catalog/start.h"
#include "cli/environment.h"
#include "cli/terminal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define JOBS_DEFAULT 4
#define TIMEOUT_DEFAULT_S 120
#define TIMEOUT_MOST_S 3600
#define EXIT_INTERRUPTED 130

struct shown {
    bool terminal;
    unsigned long listed, failed;
};

static void told(void *arg, struct str name, int64_t tools, const char *why)
{
    struct shown *shown = arg;
    shown->listed += why == NULL;
    shown->failed += why != NULL;
    (void)tools;
    if (shown->terminal)
        fputs("\r\x1b[K", stderr);
    if (why) {
        print_str(stderr, COLOUR_BOLD, name);
        fprintf(stderr, ": %s\n", why);
    }
    if (shown->terminal)
        fprintf(stderr, "%lu listed, %lu failed", shown->listed, shown->failed);
}

static int number_of(const struct invocation *invocation, const char *option, unsigned long long usual,
                     unsigned long long most, unsigned long long *out)
{
    const char *value = option_value(invocation, option);
    *out = usual;
    if (!value || (str_to_u64(str_from_c(value), most, out) && *out > 0))
        return 0;
    return usage_error(invocation, "--%s takes 1 to %llu", option, most);
}

static const char **values_of(const struct invocation *invocation, const char *option)
{
    size_t count = 0;
    while (option_nth(invocation, option, count))
        count++;
    const char **values = calloc(count + 1, sizeof(*values));
    for (size_t i = 0; values && i < count; i++)
        values[i] = option_nth(invocation, option, i);
    return values;
}

/* The day, where --scanned says nothing else. */
static void day_of(char out[16])
{
    time_t now = (time_t)(clock_wall_ms(clock_system()) / 1000);
    struct tm day;
    if (!gmtime_r(&now, &day) || strftime(out, 16, "%Y-%m-%d", &day) == 0)
        out[0] = '\0';
}

static int run(const struct invocation *invocation, struct intake *intake, struct start_options *options,
               struct start_result *result)
{
    char why[256];
    int error = 0;
    if (option_value(invocation, "retry")) {
        error = catalog_begin(intake->catalog);
        if (!error)
            error = catalog_queue_again(intake->catalog);
        if (!error)
            error = catalog_commit(intake->catalog);
    }
    why[0] = '\0';
    if (!error)
        error = start_queue(intake, options, result, why);
    if (((struct shown *)options->arg)->terminal)
        fputs("\n", stderr);
    if (error == E_CLOSED) {
        fprintf(stderr, "interrupted: every server is ended, and what has no outcome yet waits\n");
        return EXIT_INTERRUPTED;
    }
    if (error)
        return failure(invocation, "%s", why[0] ? why : error_text(error));
    if (result->without_program > 0)
        fprintf(stderr, "%lu %s for a program that is not in PATH: npx starts packages of npm, uvx those of PyPI\n",
                result->without_program, result->without_program == 1 ? "waits" : "wait");
    return 0;
}

int catalog_start(const struct invocation *invocation, const char *index, struct intake *intake, unsigned long *listed,
                  unsigned long *failed)
{
    unsigned long long jobs, seconds;
    char self[PATH_MAX], day[16];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
    int status = number_of(invocation, "jobs", JOBS_DEFAULT, LIMIT_start_jobs, &jobs);
    if (!status)
        status = number_of(invocation, "timeout", TIMEOUT_DEFAULT_S, TIMEOUT_MOST_S, &seconds);
    if (status)
        return status;
    if (len <= 0 || len == sizeof(self))
        return failure(invocation, "cannot find this program's own file");
    day_of(day);
    if (intake->scanned.len == 0)
        intake->scanned = str_from_c(day);
    struct shown shown = { .terminal = isatty(STDERR_FILENO) && !option_value(invocation, "verbose") };
    struct start_result result = { 0 };
    const char **inherit = values_of(invocation, "inherit"), **bases = values_of(invocation, "registry-url");
    struct start_options options = {
        .environment = environment_of_process(),
        .index = index,
        .self = str_of(self, (size_t)len),
        .jobs = (size_t)jobs,
        .timeout_ms = (int64_t)seconds * 1000,
        .remotes = option_value(invocation, "remotes") != NULL,
        .insecure = option_value(invocation, "insecure") != NULL,
        .verbose = option_value(invocation, "verbose") != NULL,
        .inherit = inherit,
        .base_urls = bases,
        .told = told,
        .arg = &shown,
    };
    status =
        inherit && bases ? run(invocation, intake, &options, &result) : failure(invocation, "%s", error_text(E_NOMEM));
    free(inherit);
    free(bases);
    intake->scanned = STR_EMPTY; /* the day's text ends here */
    *listed = result.listed;
    *failed = result.failed;
    return status;
}

void catalog_print_queue(struct catalog *catalog, bool started)
{
    struct queue_counts counts;
    if (catalog_queue_count(catalog, &counts) != 0)
        return;
    if (counts.waiting > 0)
        printf("%lld %s to be started: warder catalog add --start\n", (long long)counts.waiting,
               counts.waiting == 1 ? "package waits" : "packages wait");
    if (counts.remotes_waiting > 0)
        printf("%lld %s to be contacted: warder catalog add --start --remotes\n", (long long)counts.remotes_waiting,
               counts.remotes_waiting == 1 ? "remote waits" : "remotes wait");
    if (started && counts.failed + counts.never > 0)
        printf("%lld failed, %lld cannot be started: warder catalog queue says why\n", (long long)counts.failed,
               (long long)counts.never);
}
