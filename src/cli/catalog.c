/* warder catalog add | build | search: an index of what agents can call, and a site made of it. */
#include "base/encode.h"
#include "base/plural.h"
#include "catalog/index_intake.h"
#include "catalog/saved.h"
#include "catalog/search.h"
#include "catalog/site.h"
#include "cli/catalog.h"
#include "cli/catalog_files.h"
#include "cli/catalog_start.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SHOWN_DEFAULT 20
#define HELD "%s is being written by another warder catalog: try again when that has ended"

static struct str given(const struct invocation *invocation, const char *name)
{
    const char *value = option_value(invocation, name);
    return value ? str_from_c(value) : STR_EMPTY;
}

static const char *index_path(const struct invocation *invocation)
{
    const char *path = option_value(invocation, "index");
    return path ? path : CATALOG_DEFAULT_INDEX;
}

int catalog_of(const struct invocation *invocation, bool create, struct catalog **out)
{
    const char *path = index_path(invocation);
    int error = catalog_open(path, create, out);
    if (error == E_NOT_FOUND && !create)
        return failure(invocation,
                       "there is no index at %s: make one with warder catalog add, or of the servers "
                       "that come with warder, with warder catalog add --bundled",
                       path);
    if (error == E_CORRUPT)
        return failure(invocation, "%s is no index that this version reads", path);
    if (error == E_TIMEOUT)
        return failure(invocation, HELD, path);
    return error ? failure(invocation, "cannot open %s: %s", path, error_text(error)) : 0;
}

/* `path`: what was being read or written, the index among that. */
static int failed(const struct invocation *invocation, const struct catalog *catalog, const char *path, int error,
                  const char *what_next)
{
    const char *why = catalog_why(catalog);
    if (error == E_TIMEOUT)
        return failure(invocation, HELD "%s", index_path(invocation), what_next);
    if (error == E_CORRUPT)
        return failure(invocation, "%s is damaged%s%s: remove it, and add its servers again", index_path(invocation),
                       why[0] ? ": " : "", why);
    return failure(invocation, "%s: %s%s%s%s", path, error_text(error), why[0] ? ": " : "", why, what_next);
}

int catalog_failed(const struct invocation *invocation, const struct catalog *catalog, int error)
{
    return failed(invocation, catalog, index_path(invocation), error, "");
}

/* ---- add ---- */

struct adding {
    const struct invocation *invocation;
    struct intake *intake;
    const char *path;
    bool shows; /* progress, on a terminal */
};

/* Escaped, and cut: a name may have megabytes. */
static void say_short(struct str text)
{
    char shown[300];

    text_escape(text, shown, sizeof(shown));
    fputs(shown, stderr);
}

static void say_bad(void *arg, const struct intake_fault *fault)
{
    const struct adding *adding = arg;
    if (adding->shows)
        fputs("\r\x1b[K", stderr);
    print_str(stderr, COLOUR_NONE, str_from_c(adding->path));
    if (fault->line > 0)
        fprintf(stderr, ":%zu", fault->line);
    if (fault->line > 0 && fault->column > 0)
        fprintf(stderr, ":%zu", fault->column);
    fprintf(stderr, ": entry %lu", fault->at);
    if (fault->name.len > 0) {
        fputs(" (", stderr);
        say_short(fault->name);
        fputs(")", stderr);
    }
    fputs(": ", stderr);
    if (fault->pointer.len > 0) {
        say_short(fault->pointer);
        fputs(" ", stderr);
    }
    fprintf(stderr, "%s; left out\n", fault->why);
}

static void say_progress(void *arg, const struct intake *intake)
{
    const struct adding *adding = arg;
    if (adding->shows)
        fprintf(stderr, "\r%lu %s, %lu server%s, %lu tool%s", intake->entries,
                intake->entries == 1 ? "entry" : "entries", intake->servers, plural(intake->servers), intake->tools,
                plural(intake->tools));
}

static int refused(const struct invocation *invocation, const char *path, const struct intake_refusal *refusal)
{
    char place[48] = "";
    if (refusal->line > 0)
        (void)snprintf(place, sizeof(place), ":%zu:%zu", refusal->line, refusal->column);
    return failure(invocation, "%s%s: %s%s%" STR_FMT "; nothing of it was taken", path, place, refusal->why,
                   refusal->fix.len > 0 ? ": " : "", STR_ARG(refusal->fix));
}

/* An exit status, as a number above 0: it was said what is wrong. */
static int add_file(void *arg, const char *path)
{
    struct adding *adding = arg;
    const struct invocation *invocation = adding->invocation;
    struct intake *intake = adding->intake;
    struct intake_refusal refusal = { .why = NULL };
    const struct str server = intake->server;
    adding->path = path;
    intake->server = server.len > 0 ? server : saved_server(path);
    int error = intake_file(intake, path, &refusal);
    intake->server = server;
    if (adding->shows)
        fputs("\n", stderr);
    if (!error)
        return 0;
    if (refusal.why)
        return refused(invocation, path, &refusal);
    return failed(invocation, intake->catalog, path, error,
                  intake->entries > 0 ? "; what was committed stays: go on with --from" : "");
}

static int add_path(struct adding *adding, const char *path)
{
    int result = each_file(path, add_file, adding);
    if (result == E_NOT_FOUND)
        return failure(adding->invocation, "%s: a folder without a .jsonl or .json file", path);
    return result < 0 ? failure(adding->invocation, "%s: %s", path, error_text(result)) : result;
}

static int add_bundled(struct adding *adding)
{
    char folder[PATH_MAX];
    if (bundled_folder(folder) != 0)
        return failure(adding->invocation, "the servers that come with warder are not installed beside it");
    return add_path(adding, folder);
}

static int add_result(const struct invocation *invocation, const struct intake *intake, bool starts,
                      unsigned long listed, unsigned long failed)
{
    struct json_output output;
    if (!invocation->json) {
        if (starts && intake->entries == 0 && listed + failed == 0) {
            printf("Nothing was started.\n");
            catalog_print_queue(intake->catalog, starts);
            return EXIT_YES;
        }
        printf("%lu server%s, %lu tool%s; %lu left out", intake->servers, plural(intake->servers), intake->tools,
               plural(intake->tools), intake->malformed);
        if (intake->older > 0)
            printf(", %lu superseded", intake->older);
        printf(".\n");
        if (starts)
            printf("Of the queue %lu listed, %lu failed.\n", listed, failed);
        catalog_print_queue(intake->catalog, starts);
        return EXIT_YES;
    }
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_member_int(writer, STR("servers"), (int64_t)intake->servers);
    json_write_member_int(writer, STR("tools"), (int64_t)intake->tools);
    json_write_member_int(writer, STR("malformed"), (int64_t)intake->malformed);
    json_write_member_int(writer, STR("superseded"), (int64_t)intake->older);
    if (starts) {
        json_write_member_int(writer, STR("listed"), (int64_t)listed);
        json_write_member_int(writer, STR("failed"), (int64_t)failed);
    }
    json_write_object_end(writer);
    return json_output_end(&output) ? EXIT_YES : EXIT_NO;
}

/* Whoever gives these means to start something. */
static int needs_start(const struct invocation *invocation)
{
    static const char *const names[] = { "jobs",  "timeout", "remotes",      "insecure",
                                         "retry", "inherit", "registry-url", "verbose" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (option_value(invocation, names[i]))
            return usage_error(invocation, "--%s is about what --start starts", names[i]);
    return 0;
}

static int add(const struct invocation *invocation)
{
    bool bundled = option_value(invocation, "bundled") != NULL;
    struct adding adding = { .invocation = invocation, .shows = isatty(STDERR_FILENO) != 0 };
    struct classifier *classifier = NULL;
    struct catalog *catalog = NULL;
    unsigned long long from = 0;
    const char *start = option_value(invocation, "from");
    bool starts = option_value(invocation, "start") != NULL;
    unsigned long listed = 0, failed = 0;
    if (invocation->argument_count == 0 && !bundled && !starts)
        return usage_error(invocation, "it takes a FILE, or --bundled, or --start for what waits");
    int misfit = starts ? 0 : needs_start(invocation);
    if (misfit)
        return misfit;
    if (start && !str_to_u64(str_from_c(start), 1000000000, &from))
        return usage_error(invocation, "--from takes a number of entries");
    int status = catalog_of(invocation, true, &catalog);
    if (!status && classifier_new(&classifier))
        status = failure(invocation, "%s", error_text(E_NOMEM));
    struct intake intake = {
        .catalog = catalog,
        .classifier = classifier,
        .server = given(invocation, "server"),
        .registry = given(invocation, "registry"),
        .package = given(invocation, "package"),
        .version = given(invocation, "version"),
        .scanned = given(invocation, "scanned"),
        .texts = option_value(invocation, "no-texts") == NULL,
        .from = (unsigned long)from,
        .bad = say_bad,
        .progress = say_progress,
        .arg = &adding,
    };
    if (intake.package.len > 0 && intake.registry.len == 0)
        intake.registry = STR("npm");
    adding.intake = &intake;
    if (!status && bundled)
        status = add_bundled(&adding);
    for (size_t i = 0; i < invocation->argument_count && !status; i++)
        status = add_path(&adding, invocation->arguments[i]);
    if (!status && starts)
        status = catalog_start(invocation, index_path(invocation), &intake, &listed, &failed);
    if (!status)
        status = add_result(invocation, &intake, starts, listed, failed);
    classifier_free(classifier);
    catalog_close(catalog);
    return status ? status : intake.malformed || failed ? EXIT_NO : EXIT_YES;
}

/* ---- build ---- */

static void say_pages(void *arg, int64_t pages)
{
    (void)arg;
    fprintf(stderr, "\r%lld page%s", (long long)pages, plural((uint64_t)pages));
}

static void say_built(const struct site_result *result, const char *folder)
{
    if (result->written == 0 && result->removed == 0)
        printf("Nothing changed");
    else
        printf("%lld file%s written, %lld removed", (long long)result->written, plural((uint64_t)result->written),
               (long long)result->removed);
    printf(". Begin at %s/index.html\n", folder);
}

static bool is_base(struct str base)
{
    if (!str_starts_with(base, STR("http://")) && !str_starts_with(base, STR("https://")))
        return false;
    for (size_t i = 0; i < base.len; i++)
        if ((unsigned char)base.ptr[i] <= ' ' || strchr("<>\"'`\\?#", base.ptr[i]) ||
            (unsigned char)base.ptr[i] >= 0x7f)
            return false;
    return true;
}

static int build(const struct invocation *invocation)
{
    struct catalog *catalog = NULL;
    struct site_result result;
    char why[256];
    struct str base = option_value(invocation, "base") ? given(invocation, "base") : STR_EMPTY;
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    if (option_value(invocation, "base") && !is_base(base))
        return usage_error(invocation, "--base takes where the site will stand: https://catalogue.example");
    int status = catalog_of(invocation, false, &catalog);
    if (status)
        return status;
    bool shows = isatty(STDERR_FILENO) != 0;
    struct site_options options = {
        .index = index_path(invocation),
        .folder = invocation->arguments[0],
        .base = base,
        .progress = shows ? say_pages : NULL,
    };
    int error = site_build(catalog, &options, &result, why);
    if (shows)
        fputs("\r", stderr);
    if (error && why[0])
        status = failure(invocation, "%s", why);
    else if (error)
        status = catalog_failed(invocation, catalog, error);
    else if (!invocation->json)
        say_built(&result, options.folder);
    catalog_close(catalog);
    if (status || !invocation->json)
        return status;
    struct json_output output;
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_member_int(writer, STR("pages"), result.pages);
    json_write_member_int(writer, STR("written"), result.written);
    json_write_member_int(writer, STR("removed"), result.removed);
    json_write_object_end(writer);
    return json_output_end(&output) ? EXIT_YES : EXIT_NO;
}

/* ---- search ---- */

static void print_hits(const struct search *search)
{
    static const enum colour colours[] = { COLOUR_NONE,   COLOUR_GREEN, COLOUR_YELLOW,
                                           COLOUR_YELLOW, COLOUR_RED,   COLOUR_RED };
    for (size_t i = 0; i < search->count; i++) {
        const struct search_hit *hit = &search->hits[i];
        printf("%s%-11s%s  %-8s  ", colour_on(stdout, colours[hit->class]), class_name(hit->class), colour_off(stdout),
               severity_name(hit->severity));
        print_str(stdout, COLOUR_BOLD, hit->name);
        printf("  ");
        print_str(stdout, COLOUR_DIM, hit->home_name);
        printf("\n");
    }
}

static int write_hits(const struct search *search)
{
    struct json_output output;
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_key(writer, STR("tools"));
    json_write_array(writer);
    for (size_t i = 0; i < search->count; i++)
        search_write_hit(writer, &search->hits[i]);
    json_write_array_end(writer);
    json_write_object_end(writer);
    return json_output_end(&output) ? EXIT_YES : EXIT_NO;
}

static int search_in(const struct invocation *invocation, struct catalog *catalog, struct str query, size_t most)
{
    struct search search;
    search_init(&search);
    int error = search_run(&search, catalog, query, most), status;
    if (error)
        status = catalog_failed(invocation, catalog, error);
    else if (invocation->json)
        status = write_hits(&search);
    else
        status = search.count > 0 ? EXIT_YES : EXIT_NO;
    if (!error && !invocation->json)
        print_hits(&search);
    if (!error && !invocation->json && search.count == 0)
        printf("Nothing has these words.\n");
    if (!error && !invocation->json && search.more)
        printf("There are more: more words narrow it%s.\n", most < SEARCH_MOST ? ", --most shows more" : "");
    search_release(&search);
    return status;
}

static int search(const struct invocation *invocation)
{
    struct catalog *catalog = NULL;
    struct buf query;
    unsigned long long most = SHOWN_DEFAULT;
    const char *limit = option_value(invocation, "most");
    if (limit && (!str_to_u64(str_from_c(limit), SEARCH_MOST, &most) || most == 0))
        return usage_error(invocation, "--most takes a number from 1 to %d", SEARCH_MOST);
    int status = catalog_of(invocation, false, &catalog);
    if (status)
        return status;
    buf_init(&query, 4096);
    for (size_t i = 0; i < invocation->argument_count; i++) {
        if (i > 0)
            buf_append_byte(&query, ' ');
        buf_append_str(&query, str_from_c(invocation->arguments[i]));
    }
    status = buf_ok(&query) ? search_in(invocation, catalog, buf_str(&query), (size_t)most)
                            : usage_error(invocation, "these are too many words");
    buf_release(&query);
    catalog_close(catalog);
    return status;
}

/* ---- the commands ---- */

static const struct option add_options[] = {
    CATALOG_INDEX_OPTION,
    { "bundled", 'b', NULL, "the servers that come with warder", false },
    { "server", 's', "NAME", "whose tools a saved list holds", false },
    { "registry", 'r', "TYPE", "where its package is from: npm or pypi; without it npm", false },
    { "package", 'p', "NAME", "the package that it is", false },
    { "version", 'v', "VERSION", "and its version", false },
    { "scanned", 'd', "DATE", "when the list was taken; shown as it is", false },
    { "no-texts", 'n', NULL, "judge by descriptions, but keep none", false },
    { "from", 'f', "COUNT", "leave out so many entries at the start, which are in the index already", false },
    CATALOG_START_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option build_options[] = {
    CATALOG_INDEX_OPTION,
    { "base", 'b', "URL",
      "where the site will stand, for its sitemap and each page's canonical link; without it the sitemap "
      "says " SITE_BASE,
      false },
    { NULL, 0, NULL, NULL, false },
};

static const struct option search_options[] = {
    CATALOG_INDEX_OPTION,
    { "most", 'm', "COUNT", "show so many; without it 20", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_catalog_add = {
    .summary = "Adds servers and their tools to the index",
    .arguments = "[FILE...]",
    .most = 256,
    .options = add_options,
    .json = true,
    .help = "A FILE is one of these, or a folder of such files:\n\n"
            "  a server's answer to tools/list  with --server, or named SERVER.tools.json\n"
            "  lines, a tool each               {\"server\", \"tool\", \"description\",\n"
            "                                   \"inputSchema\", \"annotations\"}\n"
            "  what the MCP registry lists      {\"servers\": [...]}, or one server.json\n"
            "  facts                            as warder catalog export writes them\n\n"
            "Each tool is classed on its way in. A list replaces what the index had of its server; lines and entries "
            "add to it. Servers of the registry are known without tools until a list of theirs is added. What is "
            "malformed is named and left out, and the exit status is then 1. Every 500 servers are committed: after an "
            "interruption go on with --from.\n\n"
            "Nothing is installed or started without --start. With it what waits in warder catalog queue is: packages "
            "of npm and PyPI by npx and uvx, each in a home of its own that goes with it, with none of your variables "
            "but PATH and what --inherit names; remotes are contacted with --remotes. Their code runs on this machine "
            "as you: use one that may be lost. What was interrupted goes on with the next --start.\n\n"
            "  warder catalog add --server iterable --package @iterable/mcp tools.json\n"
            "  warder catalog add --bundled           the servers that come with warder\n"
            "  warder catalog add tools.jsonl\n"
            "  warder catalog add registry-page-1.json registry-page-2.json\n"
            "  warder catalog add --start --jobs 8 --inherit NPM_CONFIG_REGISTRY\n",
    .run = add,
};

const struct command command_catalog_build = {
    .summary = "Writes the catalogue as a static site",
    .arguments = "FOLDER",
    .least = 1,
    .most = 1,
    .options = build_options,
    .json = true,
    .help = "Pages for every tool, server and documented attack, by class, badge and letter, and a sitemap: plain HTML "
            "with one\n"
            "style sheet, nothing from elsewhere, and a script on the search page alone. FOLDER is new, empty, or was "
            "built from this index; then only\n"
            "pages that changed are written. The same index gives the same bytes.\n\n"
            "  warder catalog build site --base https://catalogue.example\n",
    .run = build,
};

const struct command command_catalog_search = {
    .summary = "Finds tools by words of names and descriptions",
    .arguments = "WORD...",
    .least = 1,
    .most = 64,
    .options = search_options,
    .json = true,
    .help = "Every WORD must begin a word of the tool's name, description or server. Exact names stand first. The exit "
            "status is 1 where nothing is found.\n\n"
            "  warder catalog search cancel export\n"
            "  warder catalog search create repository --json\n",
    .run = search,
};
