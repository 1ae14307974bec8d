/* warder run: the gateway, from its configuration to its end. */
#include "admin/control.h"
#include "admin/decisions.h"
#include "admin/http.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mask.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/terminal.h"
#include "config/config.h"
#include "config/file.h"
#include "front/http.h"
#include "gate/gateway.h"
#include "gate/reload.h"
#include "io/loop.h"
#include "recommend/recommend.h"
#include "store/store.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 65536
#define KEPT_BYTES 65536 /* paths that live as long as the gateway */

struct running {
    const struct invocation *invocation;
    struct config *config; /* that it starts with; NULL once it runs */
    struct report report;  /* of its reading */
    struct arena arena;
    struct log log;
    struct loop *loop;
    struct store *store;
    struct gateway *gateway;
    struct front_http *front;
    struct reloader *reloader;
    struct control *control;
    struct admin_http *admin;
    struct decisions *decisions;
    struct str data, listen;
    struct environment environment;
    char self[PATH_MAX];
    char url[128], admin_url[128];
    bool stopping;
};

/* ---- the end ---- */

static void stopped(void *arg)
{
    struct running *running = arg;
    loop_stop(running->loop);
}

static void begin_stop(void *arg)
{
    struct running *running = arg;
    if (running->stopping)
        return;
    running->stopping = true;
    front_http_stop_accepting(running->front);
    gateway_stop(running->gateway, stopped, running);
}

static void caught(void *arg, int signal_number)
{
    struct running *running = arg;
    if (running->stopping) { /* the second: every server's guard sees our pipe close, and kills it */
        log_warn(&running->log, "ended at once by a second signal");
        _exit(128 + signal_number);
    }
    log_info(&running->log, "stopping; again ends at once");
    begin_stop(running);
}

/* ---- another configuration ---- */

static void hung_up(void *arg, int signal_number)
{
    struct running *running = arg;
    (void)signal_number;
    if (running->decisions)
        decisions_reopen(running->decisions);
    if (running->reloader)
        reloader_ask(running->reloader, NULL);
}

static void went_live(void *arg, struct config *config)
{
    struct running *running = arg;
    running->log.least = config->log;
    front_http_show(running->front, config->tls);
    decisions_to(running->decisions, config->decisions_to, config->decisions_path);
    store_retain(running->store, config->retention.age_ms, config->retention.bytes);
    front_http_allow(running->front, config->hosts, config->host_count, config->origins, config->origin_count);
}

/* ---- what is said at the start ---- */

static int count_live(void *arg, const struct grant *grant)
{
    size_t *count = arg;
    *count += grant_is_live(grant, clock_wall_ms(clock_system()));
    return 0;
}

static size_t live_grants(const struct running *running)
{
    size_t count = 0;
    AZ(store_grant_each(running->store, count_live, &count));
    return count;
}

/* The program, or the URL without its query, which may be a secret; ${NAME} in either stays one. */
static void print_program(const struct server *server)
{
    bool is_stdio = server->transport == TRANSPORT_STDIO;
    struct str program = is_stdio ? server->argv[0] : str_slice(server->url, 0, str_find_byte(server->url, '?'));
    struct mask_state state = { 0 };
    struct mask *mask;
    struct buf shown;
    if (mask_new(server->secrets, server->secret_count, &mask) != 0)
        return;
    buf_init(&shown, LIMIT_policy_body);
    if (mask)
        (void)mask_part(mask, &state, program, true, &shown);
    print_str(stdout, COLOUR_DIM, mask ? buf_str(&shown) : program);
    buf_release(&shown);
    mask_free(mask);
}

static void print_server(const struct running *running, const struct config_server *server)
{
    struct str name = server->server.name;
    printf("  %s%" STR_FMT "%s  %s/mcp/%" STR_FMT "\n      ", colour_on(stdout, COLOUR_BOLD), STR_ARG(name),
           colour_off(stdout), running->url, STR_ARG(name));
    print_program(&server->server);
    printf("\n      policy ");
    print_str(stdout, COLOUR_NONE,
              server->policy        ? server->policy_path
              : server->recommended ? STR("recommended: made of what its tools can do, once, and kept")
                                    : STR("none"));
    printf("\n");
}

static void print_ready(const struct running *running)
{
    const struct config *config = running->config;
    printf("%sWarder %s%s listens on %s\n\n", colour_on(stdout, COLOUR_BOLD), WARDER_VERSION, colour_off(stdout),
           running->url);
    size_t bare = 0; /* each was named by a note already */
    for (size_t i = 0; i < config->server_count; i++) {
        print_server(running, &config->servers[i]);
        bare += !config->servers[i].policy && !config->servers[i].recommended;
    }
    if (bare > 0)
        printf("\nA safe policy at once, made of what each server's tools can do: warder run --preset strict%s%" STR_FMT
               "\n(reading is free, writing is counted, destroying hidden, paying denied), or write "
               "\"policy\": \"recommended\" beside \"command\".\n",
               option_value(running->invocation, "config") ? " -c " : "",
               STR_ARG(option_value(running->invocation, "config") ? config->path : STR_EMPTY));
    if (running->admin)
        printf("\nMetrics: %s/metrics\n", running->admin_url);
    printf("\nEverything it keeps: %" STR_FMT "\n", STR_ARG(running->data));
    if (config->audit != AUDIT_DURABLE)
        printf("%sA power cut can lose records: \"audit\" is not \"durable\".%s\n", colour_on(stdout, COLOUR_YELLOW),
               colour_off(stdout));
    if (live_grants(running) == 0)
        printf("No client has a grant yet: warder grant create --data %" STR_FMT " --label NAME --server %" STR_FMT
               "\n",
               STR_ARG(running->data), STR_ARG(config->servers[0].server.name));
    printf("Ctrl-C stops it.\n");
    fflush(stdout);
}

static void write_ready(const struct running *running)
{
    const struct config *config = running->config;
    struct json_output output;
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_member_string(writer, STR("event"), STR("ready"));
    json_write_member_string(writer, STR("url"), str_from_c(running->url));
    if (running->admin)
        json_write_member_string(writer, STR("admin_url"), str_from_c(running->admin_url));
    json_write_member_int(writer, STR("pid"), getpid());
    json_write_member_string(writer, STR("data"), running->data);
    json_write_member_int(writer, STR("grants"), (int64_t)live_grants(running));
    json_write_key(writer, STR("servers"));
    json_write_array(writer);
    for (size_t i = 0; i < config->server_count; i++) {
        json_write_object(writer);
        json_write_member_string(writer, STR("name"), config->servers[i].server.name);
        json_write_member_bool(writer, STR("policy"), config->servers[i].policy != NULL);
        if (config->servers[i].recommended)
            json_write_member_bool(writer, STR("recommended"), true);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    json_write_object_end(writer);
    (void)json_output_end(&output);
}

/* ---- the start ---- */

/* No core file, no debugger of the same user: secrets are in this memory. As many descriptors as are allowed. */
static void confine(void)
{
    const struct rlimit no_core = { 0, 0 };
    struct rlimit descriptors;
    umask(077);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write, not the end */
#ifndef __SANITIZE_ADDRESS__        /* its leak check attaches to its own process */
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max < DESCRIPTORS_MAX ? descriptors.rlim_max : DESCRIPTORS_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &descriptors);
    }
}

/* Servers, the ledger and the operator's commands need descriptors too: they have half of few, and enough of many. */
static unsigned connections_max(void)
{
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0)
        return LIMIT_connections;
    rlim_t others = descriptors.rlim_cur / 2;
    if (others > LIMIT_other_descriptors)
        others = LIMIT_other_descriptors;
    rlim_t left = descriptors.rlim_cur - others;
    return left < LIMIT_connections ? (unsigned)left : LIMIT_connections;
}

static int find_listen(struct running *running)
{
    const char *wanted = option_value(running->invocation, "listen");
    running->listen = arena_str(&running->arena, wanted ? str_from_c(wanted) : running->config->listen);
    if (!running->listen.ptr)
        return failure(running->invocation, "%s", error_text(E_NOMEM));
    switch (wanted ? config_check_listen(running->listen, running->config) : 0) {
    case 0: return 0;
    case E_DENIED:
        return failure(
            running->invocation,
            "not started: %s is beyond loopback, which needs \"tls\" or \"insecure\": true in the configuration",
            wanted);
    default: return usage_error(running->invocation, "--listen takes a numeric address and a port: 127.0.0.1:8808");
    }
}

static int read_preset(struct running *running)
{
    const char *word = option_value(running->invocation, "preset");
    enum preset preset;
    running->environment = *environment_of_process();
    running->environment.recommended = word != NULL;
    if (!word || preset_from_name(str_from_c(word), &preset))
        return 0;
    if (str_eq(str_from_c(word), STR("guard")) || str_eq(str_from_c(word), STR("watch")))
        return usage_error(running->invocation, "the preset %s is not yet supported: it needs %s; strict is", word,
                           word[0] == 'g' ? "approvals" : "shadow mode");
    return usage_error(running->invocation, "--preset takes strict, not %s", word);
}

static int load_config(struct running *running)
{
    const struct invocation *invocation = running->invocation;
    const char *path = option_value(invocation, "config"), *data = option_value(invocation, "data");
    struct report *report = &running->report;
    if (!path && access("warder.json", F_OK) != 0)
        return usage_error(invocation, "there is no ./warder.json: name one, or a client's own .mcp.json, with -c");
    int status = read_preset(running);
    if (status)
        return status;
    int error = config_load(str_from_c(path ? path : "warder.json"), &running->environment, report, &running->config);
    print_report(stderr, report);
    bool said = report->errors > 0;
    if (error)
        return failure(running->invocation, "not started%s%s", said ? "" : ": ", said ? "" : error_text(error));
    running->data = data ? file_absolute(&running->arena, STR("."), str_from_c(data))
                         : arena_str(&running->arena, running->config->data);
    return running->data.ptr ? find_listen(running) : failure(invocation, "%s", error_text(E_NOMEM));
}

static int open_store(struct running *running)
{
    struct store_options options = {
        .directory = running->data,
        .audit = running->config->audit,
        .loop = running->loop,
        .clock = clock_system(),
        .log = &running->log,
    };
    int error = store_open(&options, &running->store);
    if (!error)
        store_retain(running->store, running->config->retention.age_ms, running->config->retention.bytes);
    if (error == E_LOCKED)
        return failure(running->invocation,
                       "not started: a gateway runs on %" STR_FMT " already (warder status says where)",
                       STR_ARG(running->data));
    if (error)
        return failure(running->invocation, "not started: nothing can be kept in %" STR_FMT ", the data directory",
                       STR_ARG(running->data));
    return 0;
}

static int make_gateway(struct running *running)
{
    ssize_t len = readlink("/proc/self/exe", running->self, sizeof(running->self) - 1);
    if (len <= 0)
        return failure(running->invocation, "cannot find this program's own file");
    running->self[len] = 0;
    struct gateway_options options = {
        .loop = running->loop,
        .clock = clock_system(),
        .log = &running->log,
        .store = running->store,
        .self = str_from_c(running->self),
        .data = running->data,
        .config = running->config,
        .connections = connections_max(),
    };
    int error = gateway_new(&options, &running->gateway);
    return error ? failure(running->invocation, "%s", error_text(error)) : 0;
}

/* The address as configured, with the port that was bound. */
static void write_url(char *url, size_t size, const char *scheme, struct str address, uint16_t port)
{
    size_t host = address.len;
    while (host > 0 && address.ptr[host - 1] != ':')
        host--;
    snprintf(url, size, "%s://%" STR_FMT "%u", scheme, (int)host, address.ptr, (unsigned)port);
}

static int open_front(struct running *running)
{
    const struct config *config = running->config;
    struct front_http_options options = {
        .loop = running->loop,
        .log = &running->log,
        .address = running->listen,
        .hosts = config->hosts,
        .host_count = config->host_count,
        .origins = config->origins,
        .origin_count = config->origin_count,
        .connections = connections_max(),
        .tls = config->tls,
        .health = config->insecure && !config->tls ? STR("{\"status\":\"ok\",\"insecure\":true}") : STR_EMPTY,
        .events = gateway_front_events(running->gateway),
    };
    int error = front_http_open(&options, &running->front);
    if (error == E_EXISTS)
        return failure(running->invocation,
                       "not started: something else listens on %" STR_FMT "; \"listen\" in the configuration takes "
                       "another address, \"127.0.0.1:0\" any free port",
                       STR_ARG(running->listen));
    if (error)
        return failure(running->invocation, "cannot listen on %" STR_FMT ": %s", STR_ARG(running->listen),
                       error_text(error));
    write_url(running->url, sizeof(running->url), config->tls ? "https" : "http", running->listen,
              front_http_port(running->front));
    return 0;
}

static int open_decisions(struct running *running)
{
    struct decisions_options options = { .loop = running->loop, .log = &running->log, .store = running->store };
    int error = decisions_new(&options, &running->decisions);
    if (error)
        return failure(running->invocation, "%s", error_text(error));
    decisions_to(running->decisions, running->config->decisions_to, running->config->decisions_path);
    return 0;
}

static int open_reloader(struct running *running)
{
    struct reloader_options options = {
        .loop = running->loop,
        .clock = clock_system(),
        .log = &running->log,
        .gateway = running->gateway,
        .environment = &running->environment,
        .config = running->config,
        .report = &running->report,
        .live = went_live,
        .arg = running,
    };
    int error = reloader_new(&options, &running->reloader);
    return error ? failure(running->invocation, "%s", error_text(error)) : 0;
}

/* The default address may be another gateway's: that is said, and this one runs without. */
static int open_admin(struct running *running)
{
    const struct config *config = running->config;
    struct admin_http_options options = {
        .loop = running->loop,
        .log = &running->log,
        .address = config->admin_listen,
        .sources = { .loop = running->loop,
                     .gateway = running->gateway,
                     .front = running->front,
                     .reloader = running->reloader,
                     .decisions = running->decisions,
                     .store = running->store,
                     .started_ms = clock_wall_ms(clock_system()) },
    };
    if (config->admin_listen.len == 0)
        return 0;
    int error = admin_http_open(&options, &running->admin);
    if (error == E_EXISTS && !config->admin_listen_written) {
        log_warn(&running->log,
                 "no metrics: something else listens on %" STR_FMT "; \"admin_listen\" takes another address, or null",
                 STR_ARG(config->admin_listen));
        return 0;
    }
    if (error)
        return failure(running->invocation,
                       "not started: cannot listen on %" STR_FMT " (\"admin_listen\" in the configuration): %s",
                       STR_ARG(config->admin_listen), error == E_EXISTS ? "something else does" : error_text(error));
    write_url(running->admin_url, sizeof(running->admin_url), "http", config->admin_listen,
              admin_http_port(running->admin));
    return 0;
}

static int open_control(struct running *running)
{
    struct control_options options = {
        .loop = running->loop,
        .clock = clock_system(),
        .log = &running->log,
        .store = running->store,
        .gateway = running->gateway,
        .reloader = running->reloader,
        .decisions = running->decisions,
        .data = running->data,
        .url = str_from_c(running->url),
        .admin_url = str_from_c(running->admin_url),
        .insecure = running->config->insecure,
        .stop = begin_stop,
        .arg = running,
    };
    int error = control_open(&options, &running->control);
    return error ? failure(running->invocation, "cannot make the control socket: %s", error_text(error)) : 0;
}

static int open_loop(struct running *running)
{
    int error = loop_new(clock_system(), &running->log, &running->loop);
    if (!error)
        error = loop_on_signal(running->loop, SIGINT, caught, running);
    if (!error)
        error = loop_on_signal(running->loop, SIGTERM, caught, running);
    if (!error)
        error = loop_on_signal(running->loop, SIGHUP, hung_up, running);
    return error ? failure(running->invocation, "%s", error_text(error)) : 0;
}

static int start(struct running *running)
{
    static int (*const steps[])(struct running *) = { load_config,   open_loop,  open_store,
                                                      make_gateway,  open_front, open_decisions,
                                                      open_reloader, open_admin, open_control };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (i == 1)
            log_init_stderr(&running->log, clock_system(), running->config->log);
        int status = steps[i](running);
        if (status)
            return status;
    }
    return 0;
}

static void release(struct running *running)
{
    admin_http_close(running->admin);
    control_close(running->control);
    reloader_free(running->reloader);
    decisions_free(running->decisions);
    front_http_close(running->front);
    if (running->gateway)
        gateway_free(running->gateway);
    if (running->store)
        store_close(running->store);
    if (running->loop)
        loop_free(running->loop);
    config_unref(running->config);
    report_release(&running->report);
    arena_release(&running->arena);
}

static int run(const struct invocation *invocation)
{
    struct running running = { .invocation = invocation };
    confine();
    arena_init(&running.arena, NULL, KEPT_BYTES);
    report_init(&running.report);
    int status = start(&running);
    if (!status) {
        gateway_start(running.gateway);
        if (invocation->json)
            write_ready(&running);
        else
            print_ready(&running);
        config_unref(running.config);
        running.config = NULL;
        report_release(&running.report);
        report_init(&running.report);
        loop_run(running.loop);
    }
    release(&running);
    return status;
}

static const struct option options[] = {
    { "config", 'c', "FILE", "warder.json, or a client's own file such as .mcp.json; without it ./warder.json", false },
    { "data", 'd', "DIR", "the data directory, before the one that the configuration names", false },
    { "preset", 0, "strict", "servers without \"policy\" get one that is made of what their tools can do, and kept",
      false },
    { "listen", 'l', "ADDRESS:PORT", "where clients connect, before what the configuration names; port 0 picks one",
      false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_run = {
    .summary = "Starts the gateway",
    .arguments = "",
    .options = options,
    .json = true,
    .help =
        "Reads the configuration and its policies; with any error it says all of them and does not start. Stops on\n"
        "SIGTERM or Ctrl-C: calls in flight are finished, servers are ended; a second signal ends at once.\n"
        "A change of the configuration or of a policy is taken over at once, or on SIGHUP; with any error in it what\n"
        "was in force stays in force, and \"warder status\" says why.\n\n"
        "  warder run                  with ./warder.json\n"
        "  warder run -c .mcp.json --preset strict\n"
        "                              in front of a client's own servers: reading is\n"
        "                              free, writing counted, destroying hidden, paying\n"
        "                              denied; without the preset servers that have no\n"
        "                              \"policy\" are denied everything\n"
        "  warder run --json           says that it is ready as one line of JSON\n",
    .run = run,
};
