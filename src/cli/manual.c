/* Manual pages, made from the tables: subcommands, settings, members of policies, operators. */
#include "cli/manual.h"

#include "base/check.h"
#include "cli/command.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

/* ---- roff ---- */

/* Text that no line of may be taken for a request, nor a byte for an escape. */
static void say_bytes(struct str text)
{
    bool fresh = true;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (fresh && (c == '.' || c == '\''))
            fputs("\\&", stdout);
        switch (c) {
        case '\\': fputs("\\e", stdout); break;
        case '-': fputs("\\-", stdout); break;
        case '"': fputs("\\(dq", stdout); break;
        default: putchar(c);
        }
        fresh = c == '\n';
    }
}

static void say(const char *text)
{
    say_bytes(str_from_c(text));
}

static void title(const char *name, int section)
{
    printf(".TH ");
    for (const char *c = name; *c; c++)
        putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    printf(" %d \"\" \"warder %s\" \"Warder\"\n.nh\n.ad l\n", section, WARDER_VERSION);
}

static void section(const char *name)
{
    printf(".SH %s\n", name);
}
static void subsection(const char *name)
{
    printf(".SS \"%s\"\n", name);
}

static void paragraph(const char *text)
{
    printf(".PP\n");
    say(text);
    putchar('\n');
}

/* Lines as they are. */
static void verbatim(const char *text)
{
    printf(".PP\n.nf\n");
    say(text);
    if (*text && text[strlen(text) - 1] != '\n')
        putchar('\n');
    printf(".fi\n");
}

/* Help of a subcommand: lines that begin with a space as they are, the others filled. */
static void prose(const char *text)
{
    bool kept = false;

    printf(".PP\n");
    for (const char *end; *text; text = end) {
        end = strchr(text, '\n');
        end = end ? end + 1 : text + strlen(text);
        if (kept != (*text == ' ') && *text != '\n') {
            kept = !kept;
            puts(kept ? ".nf" : ".fi");
        }
        if (*text == '\n')
            puts(".PP");
        else
            say_bytes(str_of(text, (size_t)(end - text)));
    }
    if (kept)
        puts(".fi");
}

static void item(const char *term, const char *argument)
{
    printf(".TP\n.B ");
    say(term);
    if (argument && *argument) {
        fputs(" \\fI", stdout);
        say(argument);
        fputs("\\fP", stdout);
    }
    putchar('\n');
}

static void line(const char *text)
{
    say(text);
    putchar('\n');
}

/* ---- warder(1) ---- */

static void options(const struct option *table)
{
    for (; table && table->name; table++) {
        char term[80];
        if (table->letter)
            snprintf(term, sizeof(term), "-%c, --%s", table->letter, table->name);
        else
            snprintf(term, sizeof(term), "--%s", table->name);
        item(term, table->argument);
        say(table->text);
        puts(table->many ? " (again for more)" : "");
    }
}

static void subcommands(void)
{
    const struct command *command;
    const char *words;

    for (size_t i = 0; (command = command_at(i, &words)) != NULL; i++) {
        char heading[160];
        snprintf(heading, sizeof(heading), "warder %s%s%s%s", words, command->options ? " [OPTION]..." : "",
                 command->arguments[0] ? " " : "", command->arguments);
        subsection(heading);
        say(command->summary);
        puts(".");
        options(command->options);
        if (command->json) {
            item("--json", NULL);
            line("answer with JSON");
        }
        if (command->help)
            prose(command->help);
    }
}

static void page_warder(void)
{
    title("warder", 1);
    section("NAME");
    puts("warder \\- a gateway between AI agents and MCP servers");
    section("SYNOPSIS");
    puts(".B warder\n.I COMMAND\n[OPTION]...");
    section("DESCRIPTION");
    line("Agents call tools on MCP servers through the gateway's URL, each with a grant, which is a bearer token. "
         "Every call is "
         "decided by the policy of its server before a byte of it gets there, and recorded first. Without a command, "
         "warder says what runs.");
    section("COMMANDS");
    subcommands();
    section("EXIT STATUS");
    item("0", NULL);
    line("yes: it was done, or is so");
    item("1", NULL);
    line("no: it failed, or is not so");
    item("2", NULL);
    line("the command line was not understood");
    section("FILES");
    item("warder.json", NULL);
    line("the configuration, in the working directory where no other is named: warder.json(5)");
    item("warder-data", NULL);
    line("the data directory: the ledger of all decisions, grants, counters and the servers' homes");
    section("SIGNALS");
    item("SIGHUP", NULL);
    line("reads the configuration and the policies again: all of it goes live, or nothing does");
    item("SIGTERM, SIGINT", NULL);
    line("stops: no new calls, those in flight end; a second one ends at once");
    section("SEE ALSO");
    puts(".BR warder.json (5),\n.BR warder-policy (5)");
}

/* ---- warder.json(5) ---- */

static void settings(enum setting_scope scope)
{
    const struct setting_row *row;

    for (size_t i = 0; (row = config_setting(i)) != NULL; i++) {
        const char *text = config_setting_text(row, scope);
        if (!text)
            continue;
        item(row->name, row->unit);
        say(text);
        if (row->default_text[0]) {
            fputs("; without it ", stdout);
            say(row->default_text);
        }
        putchar('\n');
    }
}

static void page_configuration(void)
{
    title("warder.json", 5);
    section("NAME");
    puts("warder.json \\- the configuration of the gateway");
    section("DESCRIPTION");
    line("One JSON document; unknown members are errors. A client's own file, such as .mcp.json, is read as it is.");
    verbatim(
        "{\n  \"listen\": \"127.0.0.1:8808\",\n  \"mcpServers\": {\n    \"files\": {\n      \"command\": \"npx\",\n"
        "      \"args\": [\"-y\", \"@modelcontextprotocol/server-filesystem\", \"/srv/files\"],\n"
        "      \"policy\": \"files.policy.json\"\n    }\n  }\n}");
    paragraph("In command, args, env, cwd, url and headers, ${NAME} is a variable of the gateway's environment and "
              "${file:PATH} a file's text. Paths are found from the file in which they are written. The file and the "
              "policies "
              "that it names are watched: a change goes live as a whole, or not at all.");
    section("MEMBERS");
    settings(OF_TOP);
    section("MEMBERS OF A SERVER");
    settings(OF_SERVER);
    section("MEMBERS OF TLS");
    settings(OF_TLS);
    section("SEE ALSO");
    puts(".BR warder (1),\n.BR warder-policy (5)");
}

/* ---- warder-policy(5) ---- */

enum member_object {
    OBJECT_POLICY,
    OBJECT_ALL_TOOLS,
    OBJECT_RULE,
    OBJECT_ENTRY,
    OBJECT_CONDITION,
    OBJECT_LIMIT,
    OBJECT_RATE_LIMIT,
    OBJECT_ACCESS
};

static const struct {
    const char *name, *text;
    enum member_object object;
    bool later;
} members[] = {
#define REQUIRED false
#define OPTIONAL false
#define LATER true
#define MEMBER(object, name, kinds, when, neutral, text) { name, text, OBJECT_##object, when },
#include "policy/schema.def"
#undef MEMBER
#undef REQUIRED
#undef OPTIONAL
#undef LATER
};

static void members_of(enum member_object object, const char *heading)
{
    subsection(heading);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].object != object)
            continue;
        item(members[i].name, NULL);
        say(members[i].text);
        puts(members[i].later ? "; known, and refused for now" : "");
    }
}

static void operators(void)
{
#define OP(name, value, argument, evaluator, text) \
    item(#name, NULL);                             \
    line(text);
#define OP_ALIAS(text, name)
#include "policy/ops.def"
#undef OP
#undef OP_ALIAS
}

static void page_policy(void)
{
    title("warder-policy", 5);
    section("NAME");
    puts("warder\\-policy \\- what a policy says, and what it means");
    section("DESCRIPTION");
    line("One JSON document decides what a grant may do on one server. An exact name is the last word on its tool; a "
         "pattern has * for any run of bytes. What is unknown, of a wrong type or empty is an error at load. warder "
         "check "
         "finds all errors of a document at once; warder explain says what it does with one call.");
    verbatim(
        "{\n  \"version\": \"1\",\n  \"default\": \"deny\",\n  \"hide\": [\"cancel_export_job\"],\n  \"tools\": {\n"
        "    \"get_export_jobs\": {},\n    \"start_export_job\": { \"rate_limit\": \"10/minute\" },\n"
        "    \"create_charge\": {\n      \"deny_if\": [\n        { \"conditions\": [ { \"path\": \"args.amount\", "
        "\"op\": \"gt\", "
        "\"value\": 10000 } ],\n          \"on_deny\": \"Over $100.00.\" }\n      ]\n    }\n  }\n}");
    section("MEMBERS");
    members_of(OBJECT_POLICY, "The document");
    members_of(OBJECT_ALL_TOOLS, "all_tools");
    members_of(OBJECT_RULE, "A tool's rule");
    members_of(OBJECT_ENTRY, "An entry of require or deny_if");
    members_of(OBJECT_CONDITION, "A condition");
    members_of(OBJECT_LIMIT, "A limit");
    members_of(OBJECT_RATE_LIMIT, "rate_limit");
    members_of(OBJECT_ACCESS, "resources and prompts");
    section("ANSWERS OF A CONDITION");
    line("True, false, or unusable: a value of a kind that the operator does not take, a path through a value of the "
         "wrong "
         "kind, a number that cannot be compared. In require, false and unusable deny; in deny_if, true and unusable "
         "do. "
         "What is missing is false.");
    section("OPERATORS");
    operators();
    section("SEE ALSO");
    puts(".BR warder (1),\n.BR warder.json (5)");
}

bool manual_print(const char *name)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } pages[] = {
        { "warder", page_warder },
        { "warder.json", page_configuration },
        { "warder-policy", page_policy },
    };

    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strcmp(name, pages[i].name) == 0) {
            pages[i].print();
            return true;
        }
    }
    return false;
}
