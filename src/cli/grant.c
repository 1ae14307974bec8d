/* warder grant create | list | revoke | rotate: who may call what. */
#include "base/check.h"
#include "base/map.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 32

static bool print_answer(const struct question_to *ask)
{
    return fwrite(ask->answer.ptr, 1, ask->answer.len, stdout) == ask->answer.len && fputc('\n', stdout) != EOF &&
           fflush(stdout) == 0;
}

static void print_entry(struct str name, struct str url, struct str token, bool *first)
{
    printf("%s    \"%" STR_FMT "\": {\n      \"type\": \"http\",\n      \"url\": \"%" STR_FMT "/mcp/%" STR_FMT "\",\n"
           "      \"headers\": { \"Authorization\": \"Bearer %" STR_FMT "\" }\n    }",
           *first ? "" : ",\n", STR_ARG(name), STR_ARG(url), STR_ARG(name), STR_ARG(token));
    *first = false;
}

/* What a client's file takes; '*' is each server that the running gateway has. */
static void print_client_config(struct question_to *ask, struct str url, const struct json *running)
{
    struct str token = answer_text(ask->root, "token"), key;
    const struct json *granted;
    struct json_iter iter;
    bool first = true;
    printf("{\n  \"mcpServers\": {\n");
    json_iter_init(&iter, json_get(ask->root, STR("servers")));
    while (json_iter_next(&iter, &key, &granted)) {
        struct json_iter each;
        const struct json *server;
        if (!str_eq(json_string(granted), STR("*"))) {
            print_entry(json_string(granted), url, token, &first);
            continue;
        }
        if (!running)
            print_entry(STR("SERVER"), url, token, &first);
        json_iter_init(&each, running);
        while (json_iter_next(&each, &key, &server))
            print_entry(answer_text(server, "name"), url, token, &first);
    }
    printf("\n  }\n}\n");
}

static bool has_server(const struct json *running, struct str name)
{
    struct json_iter iter;
    const struct json *server;
    struct str key;
    json_iter_init(&iter, running);
    while (json_iter_next(&iter, &key, &server)) {
        if (str_eq(answer_text(server, "name"), name))
            return true;
    }
    return false;
}

/* A grant may be made before its server is configured; mostly it is a slip. On standard error: the rest is pasted. */
static void note_unknown(struct question_to *ask, const struct json *running)
{
    struct json_iter iter;
    const struct json *granted;
    struct str key;
    json_iter_init(&iter, json_get(ask->root, STR("servers")));
    while (json_iter_next(&iter, &key, &granted)) {
        struct str name = json_string(granted);
        if (!str_eq(name, STR("*")) && !has_server(running, name))
            fprintf(stderr,
                    "%snote%s: the running gateway has no server \"%" STR_FMT "\"; warder status names its own\n",
                    colour_on(stderr, COLOUR_YELLOW), colour_off(stderr), STR_ARG(name));
    }
}

static void print_token(const struct invocation *invocation, struct question_to *ask, const char *done)
{
    struct question_to status;
    bool runs = ask_begin(invocation, "status", &status) == 0 && ask_send(invocation, &status, true) == 0;
    const struct json *running = runs ? json_get(status.root, STR("servers")) : NULL;
    printf("%s%s%s ", colour_on(stdout, COLOUR_GREEN), done, colour_off(stdout));
    print_str(stdout, COLOUR_BOLD, answer_text(ask->root, "label"));
    printf(" (%" STR_FMT "). Its token is shown this once:\n\n  %" STR_FMT "\n\nFor the client's configuration:\n\n",
           STR_ARG(answer_text(ask->root, "id")), STR_ARG(answer_text(ask->root, "token")));
    print_client_config(ask, runs ? answer_text(status.root, "url") : ask_configured_url(invocation, ask), running);
    if (runs)
        note_unknown(ask, running);
    ask_release(&status);
}

/* "90s", "15m", "12h", "30d". */
static bool read_span(const char *text, int64_t *seconds)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    struct str digits = str_from_c(text);
    unsigned long long count;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (digits.len > 1 && digits.ptr[digits.len - 1] == units[i].letter) {
            digits.len--;
            if (!str_to_u64(digits, 10000000000ULL / (unsigned long long)units[i].seconds, &count))
                return false;
            *seconds = (int64_t)count * units[i].seconds;
            return true;
        }
    }
    return false;
}

static void write_many(const struct invocation *invocation, struct question_to *ask, const char *option,
                       struct str member)
{
    const char *value;
    json_write_key(&ask->writer, member);
    json_write_array(&ask->writer);
    for (size_t n = 0; (value = option_nth(invocation, option, n)) != NULL; n++)
        json_write_string(&ask->writer, str_from_c(value));
    json_write_array_end(&ask->writer);
}

static int create(const struct invocation *invocation)
{
    const char *label = option_value(invocation, "label"), *expires = option_value(invocation, "expires");
    struct question_to ask;
    int64_t seconds = 0;
    if (!label)
        return usage_error(invocation, "--label NAME is missing");
    const char *parent = option_value(invocation, "parent");
    if (!option_value(invocation, "server") && !parent)
        return usage_error(invocation, "--server NAME is missing; --server '*' is all of them");
    if (expires && !read_span(expires, &seconds))
        return usage_error(invocation, "--expires takes a span such as 12h or 30d, not %s", expires);
    int status = ask_begin(invocation, "grant.create", &ask);
    if (!status) {
        json_write_member_string(&ask.writer, STR("label"), str_from_c(label));
        if (parent)
            json_write_member_string(&ask.writer, STR("parent"), str_from_c(parent));
        write_many(invocation, &ask, "server", STR("servers"));
        write_many(invocation, &ask, "tag", STR("tags"));
        if (expires)
            json_write_member_int(&ask.writer, STR("expires_in_s"), seconds);
        json_write_member_bool(&ask.writer, STR("unattended"), option_value(invocation, "unattended") != NULL);
        status = ask_send(invocation, &ask, false);
    }
    if (!status && invocation->json)
        status = print_answer(&ask) ? EXIT_YES : EXIT_NO;
    else if (!status)
        print_token(invocation, &ask, "Created");
    ask_release(&ask);
    return status;
}

static void print_names(const struct json *names)
{
    struct json_iter iter;
    const struct json *name;
    struct str key;
    const char *before = "";
    json_iter_init(&iter, names);
    while (json_iter_next(&iter, &key, &name)) {
        printf("%s", before);
        print_str(stdout, COLOUR_NONE, json_string(name));
        before = ",";
    }
}

/* Columns: as wide as the widest label, within reason. */
static size_t widest_label(const struct json *grants)
{
    struct json_iter iter;
    const struct json *grant;
    struct str key;
    size_t widest = 0;
    json_iter_init(&iter, grants);
    while (json_iter_next(&iter, &key, &grant)) {
        size_t len = answer_text(grant, "label").len;
        if (len > widest && len <= LABEL_COLUMNS)
            widest = len;
    }
    return widest;
}

static void print_grant(const struct json *grant, size_t columns, size_t depth)
{
    int64_t expires = answer_int(grant, "expires_ms"), revoked = answer_int(grant, "revoked_ms");
    bool live = answer_bool(grant, "live");
    struct str label = answer_text(grant, "label");
    const struct json *tags = json_get(grant, STR("tags"));
    char when[32];
    printf("%*s%" STR_FMT "  ", (int)(2 * depth), "", STR_ARG(answer_text(grant, "id")));
    print_str(stdout, live ? COLOUR_BOLD : COLOUR_DIM, label);
    printf("%*s  for ", label.len < columns ? (int)(columns - label.len) : 0, "");
    print_names(json_get(grant, STR("servers")));
    if (json_count(tags) > 0) {
        printf("  tagged ");
        print_names(tags);
    }
    print_time(when, revoked ? revoked : expires);
    if (answer_bool(grant, "frozen"))
        printf("  %sfrozen%s", colour_on(stdout, COLOUR_RED), colour_off(stdout));
    if (revoked)
        printf("  %srevoked %s%s", colour_on(stdout, COLOUR_RED), when, colour_off(stdout));
    else if (expires)
        printf("  %s%s %s%s", colour_on(stdout, live ? COLOUR_NONE : COLOUR_RED), live ? "until" : "expired", when,
               colour_off(stdout));
    printf("\n");
}

#define TREE_MAX 16 /* deeper than grants stand under each other */

struct tree {
    const struct json *grants;
    struct map ids, parents; /* of all; of those that have children */
    size_t columns;
};

/* Those under `parent`, each with its own below it; empty: those under none. */
static void print_tree(const struct tree *tree, struct str parent, size_t depth)
{
    struct json_iter iter;
    const struct json *grant;
    struct str key;
    json_iter_init(&iter, tree->grants);
    while (json_iter_next(&iter, &key, &grant)) {
        struct str under = answer_text(grant, "parent"), id = answer_text(grant, "id");
        if (parent.len > 0 ? !str_eq(under, parent) : map_get(&tree->ids, under) != NULL)
            continue;
        print_grant(grant, tree->columns, depth);
        if (depth < TREE_MAX && map_get(&tree->parents, id) != NULL)
            print_tree(tree, id, depth + 1);
    }
}

static int print_grants(const struct invocation *invocation, const struct json *grants)
{
    struct tree tree = { .grants = grants, .columns = widest_label(grants) };
    struct json_iter iter;
    const struct json *grant;
    struct str key;
    int error = 0;
    map_init(&tree.ids);
    map_init(&tree.parents);
    json_iter_init(&iter, grants);
    while (!error && json_iter_next(&iter, &key, &grant)) {
        struct str under = answer_text(grant, "parent");
        error = map_set(&tree.ids, answer_text(grant, "id"), &tree);
        if (!error && under.len > 0)
            error = map_set(&tree.parents, under, &tree);
    }
    if (!error)
        print_tree(&tree, STR_EMPTY, 0);
    map_release(&tree.ids);
    map_release(&tree.parents);
    if (!error && json_count(grants) == 0)
        printf("No grants. warder grant create --label NAME --server NAME makes one.\n");
    return error ? failure(invocation, "%s", error_text(error)) : EXIT_YES;
}

static int list(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "grant.list", &ask);
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status && invocation->json)
        status = print_answer(&ask) ? EXIT_YES : EXIT_NO;
    else if (!status)
        status = print_grants(invocation, json_get(ask.root, STR("grants")));
    ask_release(&ask);
    return status;
}

static int change(const struct invocation *invocation, const char *op, struct question_to *ask)
{
    int status = ask_begin(invocation, op, ask);
    if (status)
        return status;
    json_write_member_string(&ask->writer, STR("grant"), str_from_c(invocation->arguments[0]));
    return ask_send(invocation, ask, false);
}

static int revoke(const struct invocation *invocation)
{
    struct question_to ask;
    int status = change(invocation, "grant.revoke", &ask);
    if (!status && invocation->json) {
        status = print_answer(&ask) ? EXIT_YES : EXIT_NO;
    } else if (!status) {
        printf("Revoked ");
        print_str(stdout, COLOUR_BOLD, answer_text(ask.root, "label"));
        printf(" (%" STR_FMT "): no call of it is admitted any more.\n", STR_ARG(answer_text(ask.root, "id")));
    }
    ask_release(&ask);
    return status;
}

static int rotate(const struct invocation *invocation)
{
    struct question_to ask;
    int status = change(invocation, "grant.rotate", &ask);
    if (!status && invocation->json)
        status = print_answer(&ask) ? EXIT_YES : EXIT_NO;
    else if (!status)
        print_token(invocation, &ask, "Renewed");
    ask_release(&ask);
    return status;
}

static const struct option create_options[] = {
    { "label", 'l', "NAME", "what policies, logs and people call it", false },
    { "server", 's', "NAME", "a server that it may reach; '*' is all of them", true },
    { "parent", 'p', "ID|LABEL", "the grant that it is made under: a child of it", false },
    { "tag", 't', "TAG", "a word that policies can ask for", true },
    { "expires", 'e', "SPAN", "12h, 30d ...; without it never", false },
    { "unattended", 'u', NULL, "nobody is there to approve its calls", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option data_options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_grant_create = {
    .summary = "Makes a grant and shows its token, once",
    .arguments = "--label NAME --server NAME",
    .options = create_options,
    .json = true,
    .help =
        "A grant is what a client's token stands for: which servers it may reach, under which label its calls are\n"
        "counted and recorded. It takes effect at once; a running gateway need not be restarted.\n\n"
        "A child of a grant (--parent) reaches at most its parent's servers (all of them where it names none), has\n"
        "its tags, and ends with it at the latest. What it is counted in, its parent is counted in too, so that\n"
        "children get no further than their parent may; revoking the parent revokes them.\n\n"
        "  warder grant create --label billing-agent --server iterable --expires 30d\n"
        "  warder grant create --parent billing-agent --label billing-night --expires 12h\n",
    .run = create,
};

const struct command command_grant_list = {
    .summary = "Lists the grants",
    .arguments = "",
    .options = data_options,
    .json = true,
    .help = "Also those that are revoked or expired; children stand below their parents. No list shows a token.\n",
    .run = list,
};

const struct command command_grant_revoke = {
    .summary = "Ends a grant and its children, at once",
    .arguments = "ID|LABEL",
    .least = 1,
    .most = 1,
    .options = data_options,
    .json = true,
    .help = "When it returns, no new call is admitted under it, nor under a child of it.\n\n"
            "  warder grant revoke billing-agent\n",
    .run = revoke,
};

const struct command command_grant_rotate = {
    .summary = "Gives a grant a new token; the old one ends",
    .arguments = "ID|LABEL",
    .least = 1,
    .most = 1,
    .options = data_options,
    .json = true,
    .help = "The grant stays what it is: its limits go on counting.\n\n  warder grant rotate billing-agent\n",
    .run = rotate,
};
