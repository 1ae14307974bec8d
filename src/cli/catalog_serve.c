/* warder catalog serve: the site and its search, for a person's own browser. */
#include "base/clock.h"
#include "base/log.h"
#include "catalog/serve.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "io/loop.h"
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define HOSTS_MOST 64

struct serving {
    const struct invocation *invocation;
    struct log log;
    struct loop *loop;
    struct serve *serve;
    struct catalog *catalog;
    struct str hosts[HOSTS_MOST];
    size_t host_count;
    int folder;
    bool stopping;
};

static void stopped(void *arg)
{
    struct serving *serving = arg;
    loop_stop(serving->loop);
}

static void caught(void *arg, int signal_number)
{
    struct serving *serving = arg;
    if (serving->stopping)
        _exit(128 + signal_number);
    serving->stopping = true;
    serve_stop(serving->serve, stopped, serving);
}

static int open_folder(struct serving *serving)
{
    const char *path = serving->invocation->arguments[0];
    serving->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (serving->folder < 0)
        return failure(serving->invocation, "cannot open %s: %s; warder catalog build makes it", path, strerror(errno));
    if (faccessat(serving->folder, ".warder-catalogue", R_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return failure(serving->invocation, "%s was not made by warder catalog build", path);
    return 0;
}

/* The index that is named must be there; the usual one may be missing. */
static int open_index(struct serving *serving)
{
    if (!option_value(serving->invocation, "index") && access(CATALOG_DEFAULT_INDEX, F_OK) != 0)
        return 0;
    return catalog_of(serving->invocation, false, &serving->catalog);
}

static int listen_at(struct serving *serving)
{
    const struct invocation *invocation = serving->invocation;
    const char *named = option_value(invocation, "listen"), *host;
    struct str address = str_from_c(named ? named : LISTEN_DEFAULT);
    while (serving->host_count < HOSTS_MOST && (host = option_nth(invocation, "host", serving->host_count)) != NULL)
        serving->hosts[serving->host_count++] = str_from_c(host);
    if (!address_is_loopback(address) && !option_value(invocation, "insecure"))
        return failure(invocation,
                       "%" STR_FMT " is no numeric address of this machine alone: --insecure listens there without TLS",
                       STR_ARG(address));
    const struct serve_options options = {
        .loop = serving->loop,
        .address = address,
        .hosts = serving->hosts,
        .host_count = serving->host_count,
        .folder = serving->folder,
        .catalog = serving->catalog,
    };
    int error = serve_open(&options, &serving->serve);
    if (error == E_INVALID)
        return usage_error(invocation, "--listen takes a numeric address and a port: " LISTEN_DEFAULT);
    if (error)
        return failure(invocation, "cannot listen on %" STR_FMT ": %s", STR_ARG(address),
                       error == E_EXISTS ? "something else listens there: --listen 127.0.0.1:0 picks a free port"
                                         : error_text(error));
    size_t end = address.len;
    while (end > 0 && address.ptr[end - 1] != ':')
        end--;
    printf("http://%" STR_FMT "%u/%s\n", STR_ARG(str_slice(address, 0, end)), (unsigned)serve_port(serving->serve),
           serving->catalog ? "" : " (without an index: its pages search by their script, names alone)");
    return fflush(stdout) == 0 ? 0 : failure(invocation, "cannot write: %s", strerror(errno));
}

static int run(const struct invocation *invocation)
{
    struct serving serving = { .invocation = invocation, .folder = -1 };
    log_init_stderr(&serving.log, clock_system(), LOG_WARN);
    int status = open_folder(&serving);
    if (!status)
        status = open_index(&serving);
    int error = status ? 0 : loop_new(clock_system(), &serving.log, &serving.loop);
    if (!error && !status)
        error = loop_on_signal(serving.loop, SIGINT, caught, &serving);
    if (!error && !status)
        error = loop_on_signal(serving.loop, SIGTERM, caught, &serving);
    if (error)
        status = failure(invocation, "%s", error_text(error));
    if (!status)
        status = listen_at(&serving);
    if (!status)
        loop_run(serving.loop);
    serve_close(serving.serve);
    loop_free(serving.loop);
    catalog_close(serving.catalog);
    if (serving.folder >= 0)
        (void)close(serving.folder);
    return status;
}

static const struct option options[] = {
    { "listen", 'l', "ADDRESS", "where; without it " LISTEN_DEFAULT "; port 0 picks a free one", false },
    CATALOG_INDEX_OPTION,
    { "host", 0, "NAME", "a name beside its address that browsers may call it by", true },
    { "insecure", 0, NULL, "listening beyond this machine, without TLS, is fine", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_catalog_serve = {
    .summary = "Serves a built site, and its search",
    .arguments = "FOLDER",
    .least = 1,
    .most = 1,
    .options = options,
    .help = "FOLDER is what warder catalog build made. Files are served as they stand, so that a build beside it shows "
            "at once;\n"
            "search.html and search.json?q=WORDS are answered from the index, without a script. Only GET and HEAD, "
            "only by\n"
            "browsers that call it by its own address or --host, and nothing but the site's own files. It ends on "
            "Ctrl-C.\n\n"
            "  warder catalog serve site\n"
            "  warder catalog serve site --listen 127.0.0.1:0\n",
    .run = run,
};
