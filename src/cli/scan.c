/* warder scan: what servers let an agent do, before it does. */
#include "base/clock.h"
#include "base/limits.h"
#include "catalog/report.h"
#include "catalog/scan.h"
#include "catalog/targets.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/scan_clients.h"
#include "cli/scan_table.h"
#include "cli/terminal.h"
#include "config/zones.h"
#include "io/file.h"
#include "policy/policy.h"
#include "recommend/recommend.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_MOST_S 3600
#define EXIT_INTERRUPTED 130
#define PATH_OUT 0644

struct scanning {
    const struct invocation *invocation;
    struct targets targets;
    struct scanned *scanned;
    struct judgement *judgements;
    struct past *pasts;
    struct report_server *servers;
    struct classifier *classifier;
    struct scan_report report;
    struct arena arena;
    struct buf state; /* the directory of past scans; empty: none is looked at */
    int64_t timeout_ms;
    enum severity fail_on;
    bool fails;  /* --fail-on was given */
    bool speaks; /* standard output is for people: no document goes there */
    size_t columns;
    size_t policies; /* written so far */
};

/* ---- what is asked for ---- */

static int read_timeout(struct scanning *scanning)
{
    const char *value = option_value(scanning->invocation, "timeout");
    unsigned long long seconds;
    scanning->timeout_ms = LIMIT_scan_ms;
    if (!value)
        return 0;
    if (!str_to_u64(str_from_c(value), TIMEOUT_MOST_S, &seconds) || seconds == 0)
        return usage_error(scanning->invocation, "--timeout takes 1 to %d seconds", TIMEOUT_MOST_S);
    scanning->timeout_ms = (int64_t)seconds * 1000;
    return 0;
}

static int read_fail_on(struct scanning *scanning)
{
    const char *value = option_value(scanning->invocation, "fail-on");
    if (!value)
        return 0;
    for (int i = 0; i < SEVERITY_COUNT; i++) {
        if (strcmp(value, severity_name((enum severity)i)) == 0) {
            scanning->fail_on = (enum severity)i;
            scanning->fails = true;
            return 0;
        }
    }
    return usage_error(scanning->invocation, "--fail-on takes low, medium, high or critical");
}

static int read_width(struct scanning *scanning)
{
    const char *value = option_value(scanning->invocation, "width");
    unsigned long long columns;
    scanning->columns = terminal_columns(stdout);
    if (!value)
        return 0;
    if (!str_to_u64(str_from_c(value), 200, &columns) || columns < 60)
        return usage_error(scanning->invocation, "--width takes 60 to 200 columns");
    scanning->columns = (size_t)columns;
    return 0;
}

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* Standard output holds one document, whole, or the table. */
static int read_documents(struct scanning *scanning)
{
    const struct invocation *invocation = scanning->invocation;
    int documents =
        invocation->json + is_stdout(option_value(invocation, "html")) + is_stdout(option_value(invocation, "sarif"));
    scanning->speaks = documents == 0;
    if (documents > 1)
        return usage_error(invocation, "only one of --json, --html - and --sarif - can have standard output");
    return 0;
}

/* What is said of one server is not said of those that files name. */
static int read_extras(struct scanning *scanning)
{
    const struct invocation *invocation = scanning->invocation;
    size_t urls = 0, commands = invocation->plain < invocation->argument_count;
    const char *header;
    for (size_t i = 0; i < invocation->plain; i++)
        urls += is_target_url(str_from_c(invocation->arguments[i]));
    for (size_t i = 0; (header = option_nth(invocation, "header", i)) != NULL; i++)
        if (!strchr(header, ':'))
            return usage_error(invocation, "--header takes \"Name: value\"");
    if (urls == 0 && (option_value(invocation, "header") || option_value(invocation, "insecure")))
        return usage_error(invocation, "--header and --insecure are for a URL, and none is given: a server of a "
                                       "configuration has them there, as \"headers\" and \"insecure\"");
    if (urls + commands == 0 && option_value(invocation, "name"))
        return usage_error(invocation, "--name is for a command or a URL: in a file each server has its name");
    return 0;
}

static int read_options(struct scanning *scanning)
{
    static int (*const readers[])(struct scanning *) = { read_timeout, read_fail_on, read_width, read_documents,
                                                         read_extras };
    int status = 0;
    for (size_t i = 0; !status && i < sizeof(readers) / sizeof(readers[0]); i++)
        status = readers[i](scanning);
    return status;
}

/* ---- the targets ---- */

static int unreadable(struct scanning *scanning, int error)
{
    const struct buf *problem = &scanning->targets.problem;
    if (problem->len > 0)
        return failure(scanning->invocation, "%" STR_FMT, STR_ARG(buf_str(problem)));
    return failure(scanning->invocation, "%s", error_text(error));
}

static const char **values_of(struct scanning *scanning, const char *option)
{
    size_t count = 0;
    while (option_nth(scanning->invocation, option, count))
        count++;
    const char **values = arena_zalloc(&scanning->arena, (count + 1) * sizeof(*values));
    for (size_t i = 0; values && i < count; i++)
        values[i] = option_nth(scanning->invocation, option, i);
    return values;
}

static int add_word(struct scanning *scanning, const char *word, const struct target_extras *extras)
{
    struct str text = str_from_c(word);
    char cwd[PATH_MAX];
    struct str here = getcwd(cwd, sizeof(cwd)) ? str_from_c(cwd) : STR_EMPTY;
    if (is_target_url(text)) {
        int error = targets_add_url(&scanning->targets, text, extras);
        return error ? unreadable(scanning, error) : 0;
    }
    if (access(word, F_OK) != 0 && str_find_byte(text, '/') == text.len && str_find_byte(text, '.') == text.len)
        return usage_error(scanning->invocation, "there is no file \"%s\": write -- before a command", word);
    int error = targets_add_file(&scanning->targets, text, here);
    return error ? unreadable(scanning, error) : 0;
}

static int find_targets(struct scanning *scanning)
{
    const struct invocation *invocation = scanning->invocation;
    const char *name = option_value(invocation, "name");
    const struct target_extras extras = {
        .name = name ? str_from_c(name) : STR_EMPTY,
        .inherit = values_of(scanning, "inherit"),
        .headers = values_of(scanning, "header"),
        .insecure = option_value(invocation, "insecure") != NULL,
    };
    int status = 0;
    if (!extras.inherit || !extras.headers)
        return failure(invocation, "%s", error_text(E_NOMEM));
    scanning->targets.inherit = extras.inherit;
    if (invocation->argument_count == 0)
        return scan_clients(invocation, &scanning->arena, &scanning->targets);
    for (size_t i = 0; !status && i < invocation->plain; i++)
        status = add_word(scanning, invocation->arguments[i], &extras);
    if (!status && invocation->plain < invocation->argument_count) {
        int error = targets_add_command(&scanning->targets, invocation->arguments + invocation->plain,
                                        invocation->argument_count - invocation->plain, &extras);
        status = error ? unreadable(scanning, error) : 0;
    }
    if (!status && scanning->targets.count == 0)
        fprintf(stderr, "No server is named there.\n");
    return status;
}

/* ---- under way ---- */

static void show_progress(void *arg, const struct scanned *all, size_t count)
{
    struct buf text;
    (void)arg;
    buf_init(&text, 4096);
    scan_progress_line(all, count, terminal_columns(stderr) - 1, &text);
    fprintf(stderr, "\r%" STR_FMT "\x1b[K", STR_ARG(buf_str(&text)));
    fflush(stderr);
    buf_release(&text);
}

static int scan(struct scanning *scanning)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
    bool verbose = option_value(scanning->invocation, "verbose") != NULL;
    bool shows = !verbose && isatty(STDERR_FILENO);
    if (len <= 0 || len == sizeof(self))
        return failure(scanning->invocation, "cannot find this program's own file");
    const struct scan_options options = {
        .timeout_ms = scanning->timeout_ms,
        .self = str_of(self, (size_t)len),
        .verbose = verbose,
        .progress = shows ? show_progress : NULL,
    };
    int error = scan_run(&options, &scanning->targets, scanning->scanned);
    if (shows)
        fprintf(stderr, "\r\x1b[K");
    if (error == E_CLOSED) {
        fprintf(stderr, "interrupted: every server is ended\n");
        return EXIT_INTERRUPTED;
    }
    return error ? failure(scanning->invocation, "%s", error_text(error)) : 0;
}

/* ---- what was found ---- */

static int recommend(struct scanning *scanning, struct str server, const struct judgement *judgement, struct str *out)
{
    struct classed_tool *tools = calloc(judgement->count ? judgement->count : 1, sizeof(*tools));
    struct buf text;
    if (!tools)
        return E_NOMEM;
    for (size_t i = 0; i < judgement->count; i++)
        tools[i] = (struct classed_tool){ judgement->tools[i].tool->name, judgement->tools[i].verdict.class,
                                          judgement->tools[i].verdict.signals };
    buf_init(&text, LIMIT_policy_body);
    int error = recommend_policy(&text, PRESET_STRICT, server, tools, judgement->count);
    *out = error ? STR_EMPTY : arena_str(&scanning->arena, buf_str(&text));
    buf_release(&text);
    free(tools);
    return error ? error : out->ptr ? 0 : E_NOMEM;
}

static void judge_one(struct scanning *scanning, size_t at)
{
    struct scanned *scanned = &scanning->scanned[at];
    struct judgement *judgement = &scanning->judgements[at];
    struct report_server *server = &scanning->servers[at];
    *server = (struct report_server){ .scanned = scanned, .policy = STR_EMPTY };
    if (scanned->outcome != SCAN_LISTED)
        return;
    int error = judge(scanning->classifier, scanned->target->name, scanned->definitions, judgement);
    if (error) { /* this server's alone */
        scanned->outcome = SCAN_FAILED;
        snprintf(scanned->why, sizeof(scanned->why), "what it lists cannot be judged: %s", error_text(error));
        return;
    }
    const struct config *config = scanned->target->config;
    if (config && config->servers[0].class_count > 0)
        judgement_overrule(judgement, config->servers[0].classes, config->servers[0].class_count);
    error = recommend(scanning, scanned->target->name, judgement, &server->policy);
    if (error && scanned->note_count < SCAN_NOTES)
        snprintf(scanned->notes[scanned->note_count++], SCAN_WHY_MAX, "no policy can be made of its tools: %s",
                 error_text(error));
    server->judgement = judgement;
    if (scanning->state.len > 0) {
        past_compare(buf_str(&scanning->state), scanned->target, judgement, &scanning->pasts[at]);
        server->past = &scanning->pasts[at];
    }
}

static void judge_all(struct scanning *scanning)
{
    scanning->report =
        (struct scan_report){ scanning->servers, scanning->targets.count, clock_wall_ms(clock_system()) };
    for (size_t i = 0; i < scanning->targets.count; i++)
        judge_one(scanning, i);
}

/* That it cannot be kept is said, and changes nothing else. */
static void keep_state(struct scanning *scanning)
{
    for (size_t i = 0; scanning->state.len > 0 && i < scanning->report.count; i++) {
        const struct report_server *server = &scanning->servers[i];
        if (!server->judgement)
            continue;
        int error =
            past_write(buf_str(&scanning->state), server->scanned->target, server->judgement, scanning->report.at_ms);
        if (error) {
            (void)failure(scanning->invocation, "this scan is not remembered: %" STR_FMT ": %s",
                          STR_ARG(buf_str(&scanning->state)), error_text(error));
            return;
        }
    }
}

/* ---- documents ---- */

static int written(struct scanning *scanning, const char *path)
{
    if (scanning->speaks)
        printf("Wrote %s\n", path);
    return 0;
}

static int write_file(struct scanning *scanning, const char *path, const struct buf *text)
{
    if (is_stdout(path)) {
        if (fwrite(text->ptr, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
            return 0;
        return failure(scanning->invocation, "cannot write: %s", strerror(errno));
    }
    int error = file_write_atomic(path, buf_str(text), PATH_OUT);
    return error ? failure(scanning->invocation, "cannot write %s: %s", path, error_text(error))
                 : written(scanning, path);
}

static int write_report(struct scanning *scanning, const char *path,
                        int (*make)(const struct scan_report *report, struct buf *out))
{
    struct buf text;
    if (!path)
        return 0;
    buf_init(&text, 4 * (size_t)LIMIT_scan_file);
    int error = make(&scanning->report, &text);
    int status =
        error ? failure(scanning->invocation, "%s: the report is too large", path) : write_file(scanning, path, &text);
    buf_release(&text);
    return status;
}

static bool loads(struct arena *arena, struct str text)
{
    struct problems problems = { .count = 0 };
    struct policy *policy = NULL;
    int error = policy_load_with(text, config_zones(), arena, &problems, &policy);
    policy_unref(policy);
    return !error;
}

/* One that was edited is not written over. */
static int write_policy(struct scanning *scanning, const char *directory, const struct report_server *server)
{
    char path[PATH_MAX];
    struct arena arena;
    struct str name = server->scanned->target->name;
    int len = snprintf(path, sizeof(path), "%s/%" STR_FMT ".policy.json", directory, STR_ARG(name));
    if (len < 0 || (size_t)len >= sizeof(path))
        return failure(scanning->invocation, "%s: too long a path", directory);
    if (access(path, F_OK) == 0 && !option_value(scanning->invocation, "force"))
        return failure(scanning->invocation, "%s is there already, and is left as it is: --force replaces it", path);
    arena_init(&arena, NULL, LIMIT_policy_compiled);
    bool fine = server->policy.len > 0 && loads(&arena, server->policy);
    arena_release(&arena);
    if (!fine)
        return failure(scanning->invocation, "%" STR_FMT ": no policy can be made of its tools", STR_ARG(name));
    int error = file_write_atomic(path, server->policy, PATH_OUT);
    if (error)
        return failure(scanning->invocation, "cannot write %s: %s", path, error_text(error));
    scanning->policies++;
    return written(scanning, path);
}

/* What the server listed, as it listed it: for another scan without the server, or for the catalogue. */
static int write_list(struct scanning *scanning, const char *directory, const struct report_server *server)
{
    char path[PATH_MAX];
    struct buf text;
    const struct definitions *definitions = server->scanned->definitions;
    struct str name = server->scanned->target->name;
    int len = snprintf(path, sizeof(path), "%s/%" STR_FMT ".tools.json", directory, STR_ARG(name));
    if (len < 0 || (size_t)len >= sizeof(path))
        return failure(scanning->invocation, "%s: too long a path", directory);
    buf_init(&text, 2 * (size_t)LIMIT_list_total);
    buf_append_str(&text, STR("{\"tools\":["));
    for (size_t i = 0; i < definitions->tool_count; i++) {
        buf_append_str(&text, i == 0 ? STR("\n") : STR(",\n"));
        buf_append_str(&text, definitions->tools[i].definition);
    }
    buf_append_str(&text, STR("\n]}\n"));
    int error = buf_ok(&text) ? file_write_atomic(path, buf_str(&text), PATH_OUT) : E_NOMEM;
    buf_release(&text);
    return error ? failure(scanning->invocation, "cannot write %s: %s", path, error_text(error))
                 : written(scanning, path);
}

/* One file a server that was judged, in the directory that the option names; the first failure of all. */
static int write_files(struct scanning *scanning, const char *option,
                       int (*write)(struct scanning *, const char *directory, const struct report_server *))
{
    const char *directory = option_value(scanning->invocation, option);
    int status = 0;
    if (!directory)
        return 0;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return failure(scanning->invocation, "cannot make %s: %s", directory, strerror(errno));
    for (size_t i = 0; i < scanning->report.count; i++) {
        int one = scanning->servers[i].judgement ? write(scanning, directory, &scanning->servers[i]) : 0;
        status = status ? status : one;
    }
    return status;
}

static bool shows_colours(void)
{
    return colour_on(stdout, COLOUR_BOLD)[0] != 0;
}

static int print_table(struct scanning *scanning)
{
    struct buf text;
    const struct table_options options = {
        .columns = scanning->columns,
        .colours = shows_colours(),
        .all = option_value(scanning->invocation, "all") != NULL,
    };
    buf_init(&text, 4 * (size_t)LIMIT_scan_file);
    scan_table(&scanning->report, &options, &text);
    int status = buf_ok(&text) ? write_file(scanning, "-", &text) : failure(scanning->invocation, "too much to show");
    buf_release(&text);
    return status;
}

static int write_all(struct scanning *scanning)
{
    const struct invocation *invocation = scanning->invocation;
    int status = 0, one;
    if (invocation->json)
        status = write_report(scanning, "-", report_scan_json);
    else if (scanning->speaks)
        status = print_table(scanning);
    one = write_report(scanning, option_value(invocation, "sarif"), report_scan_sarif);
    status = status ? status : one;
    one = write_report(scanning, option_value(invocation, "html"), report_scan_html);
    status = status ? status : one;
    one = write_files(scanning, "lists", write_list);
    status = status ? status : one;
    one = write_files(scanning, "policy", write_policy);
    if (scanning->policies > 0 && scanning->speaks)
        printf("A policy loads as it is, and is in force with \"policy\": \"FILE\" beside its\n"
               "server's command in what warder run reads.\n");
    return status ? status : one;
}

/* Not listed is no: what was not seen is not known to be harmless. */
static bool all_listed(const struct scanning *scanning)
{
    for (size_t i = 0; i < scanning->report.count; i++)
        if (!scanning->servers[i].judgement && scanning->servers[i].scanned->outcome != SCAN_DISABLED)
            return false;
    return true;
}

/* A build that fails says what for. */
static bool too_severe(const struct scanning *scanning)
{
    size_t found = 0;
    for (size_t i = 0; scanning->fails && i < scanning->report.count; i++)
        for (int s = scanning->fail_on; scanning->servers[i].judgement && s < SEVERITY_COUNT; s++)
            found += scanning->servers[i].judgement->of_severity[s];
    if (found > 0)
        (void)failure(scanning->invocation, "--fail-on %s: %zu tool%s that severe%s", severity_name(scanning->fail_on),
                      found, found == 1 ? " is" : "s are", scanning->fail_on == SEVERITY_CRITICAL ? "" : ", or more");
    return found > 0;
}

static int verdict(const struct scanning *scanning)
{
    bool severe = too_severe(scanning);
    return severe || !all_listed(scanning) ? EXIT_NO : EXIT_YES;
}

/* ---- the whole ---- */

static int prepare(struct scanning *scanning)
{
    size_t room = scanning->targets.count ? scanning->targets.count : 1;
    scanning->scanned = calloc(room, sizeof(*scanning->scanned));
    scanning->judgements = calloc(room, sizeof(*scanning->judgements));
    scanning->pasts = calloc(room, sizeof(*scanning->pasts));
    scanning->servers = calloc(room, sizeof(*scanning->servers));
    if (!scanning->scanned || !scanning->judgements || !scanning->pasts || !scanning->servers ||
        classifier_new(&scanning->classifier) != 0)
        return failure(scanning->invocation, "%s", error_text(E_NOMEM));
    if (!option_value(scanning->invocation, "no-state") &&
        past_directory(environment_of_process(), &scanning->state) != 0)
        buf_reset(&scanning->state);
    return 0;
}

static void release(struct scanning *scanning)
{
    for (size_t i = 0; scanning->judgements && i < scanning->targets.count; i++)
        judgement_release(&scanning->judgements[i]);
    if (scanning->scanned)
        scan_release(scanning->scanned, scanning->targets.count);
    free(scanning->servers);
    free(scanning->pasts);
    free(scanning->judgements);
    free(scanning->scanned);
    classifier_free(scanning->classifier);
    buf_release(&scanning->state);
    targets_release(&scanning->targets);
    arena_release(&scanning->arena);
}

static int run(const struct invocation *invocation)
{
    struct scanning scanning = { .invocation = invocation };
    arena_init(&scanning.arena, NULL, 4 * (size_t)LIMIT_scan_file);
    buf_init(&scanning.state, PATH_MAX);
    targets_init(&scanning.targets, environment_of_process());
    int status = read_options(&scanning);
    if (!status)
        status = find_targets(&scanning);
    if (!status)
        status = prepare(&scanning);
    if (!status)
        status = scan(&scanning);
    if (!status) {
        judge_all(&scanning);
        status = write_all(&scanning);
        keep_state(&scanning);
        status = status ? status : verdict(&scanning);
    }
    release(&scanning);
    return status;
}

static const struct option options[] = {
    { "yes", 'y', NULL, "start what clients are configured to start, without a question", false },
    { "all", 'a', NULL, "every tool, also of a long list", false },
    { "policy", 'p', "DIR", "write DIR/SERVER.policy.json for each server", false },
    { "force", 0, NULL, "--policy replaces files that are there", false },
    { "lists", 0, "DIR", "write DIR/SERVER.tools.json for each server: what it listed", false },
    { "html", 0, "FILE", "write a report that stands alone; - is standard output", false },
    { "sarif", 0, "FILE", "write SARIF 2.1.0; - is standard output", false },
    { "fail-on", 0, "SEVERITY", "exit with 1 if a tool is low, medium, high or critical, or above", false },
    { "timeout", 't', "SECONDS", "for each server; without it 60", false },
    { "name", 0, "NAME", "the server's name, of a command or URL", false },
    { "inherit", 0, "VARIABLE",
      "a variable of ours that commands get too: where a company's proxy or certificates are, say", true },
    { "header", 0, "FIELD", "\"Name: value\" sent to a URL; ${VARIABLE} is replaced", true },
    { "insecure", 0, NULL, "an http URL beyond this machine is fine", false },
    { "no-state", 0, NULL, "neither compare with the last scan nor remember this one", false },
    { "width", 0, "COLUMNS", "of the table, before the terminal's own", false },
    { "verbose", 'v', NULL, "show the log, with what servers write to standard error", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_scan = {
    .summary = "Says what the tools of MCP servers can do",
    .arguments = "[-- COMMAND... | URL | FILE...]",
    .most = 255,
    .options = options,
    .json = true,
    .help =
        "Starts or reaches each server, reads its lists to the last page, ends it, and says of each tool what class "
        "it\n"
        "is, how bad a call can be, and which words say so. No tool is called, and nothing is sent anywhere else. A\n"
        "FILE is a configuration (warder.json, .mcp.json or another client's own), or a saved answer to tools/list.\n"
        "The second scan of a server says what changed since the first: + new, ~ changed, ! riskier, - gone.\n"
        "Without an argument it finds the configurations of Claude Code, Claude Desktop, Cursor, VS Code, Windsurf,\n"
        "Codex and Gemini CLI, says what it is about to start, and asks.\n\n"
        "  warder scan                            what this machine's clients start\n"
        "  warder scan -- npx -y @vendor/mcp      one server\n"
        "  warder scan .mcp.json                  every server of a client, side by side\n"
        "  warder scan -p policies .mcp.json      and a policy for each to begin with\n"
        "  warder scan --fail-on high --sarif out.sarif warder.json\n\n"
        "Standard output has the table, or one document: --json, --html - or --sarif -.\n"
        "Exit status: 0 all were listed; 1 one was not, or --fail-on found something; 130\n"
        "interrupted.\n",
    .run = run,
};
