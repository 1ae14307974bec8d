/* warder tools: what the servers of the running gateway list, and what the policies in force say of each tool. */
#include "base/encode.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/plural.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>

#define NAME_WIDTH 32

struct listing {
    const struct invocation *invocation;
    struct json_writer *writer; /* NULL: text */
    size_t count, listed;
};

static int send_question(const struct invocation *invocation, struct question_to *ask)
{
    int status = ask_send(invocation, ask, true);
    if (ask->down)
        return failure(invocation, "no gateway runs on %" STR_FMT ": start one with \"warder run\"",
                       STR_ARG(ask->data));
    return status;
}

static void print_padded(struct str name)
{
    char shown[LIMIT_tool_name * 8 + 1]; /* an escape of one byte is at most eight */
    size_t columns = 0, len = text_escape(name, shown, sizeof(shown));
    for (size_t i = 0; i < len; i++)
        columns += ((unsigned char)shown[i] & 0xc0) != 0x80;
    printf("  %s%s%s%*s", colour_on(stdout, COLOUR_BOLD), shown, colour_off(stdout),
           columns < NAME_WIDTH ? (int)(NAME_WIDTH - columns) : 0, "");
}

static void print_tool(const struct json *tool)
{
    struct str verdict = answer_text(tool, "verdict");
    bool passes = str_eq(verdict, STR("allowed")) || str_eq(verdict, STR("limited"));
    print_padded(answer_text(tool, "name"));
    printf(" %-13" STR_FMT "%s%-17" STR_FMT "%s ", STR_ARG(answer_text(tool, "class")),
           colour_on(stdout, passes ? COLOUR_GREEN : COLOUR_RED), STR_ARG(verdict), colour_off(stdout));
    print_str(stdout, COLOUR_DIM, answer_text(tool, "rule"));
    printf("\n");
}

static void write_tool(struct json_writer *writer, const struct json *tool)
{
    json_write_object(writer);
    json_write_member_string(writer, STR("name"), answer_text(tool, "name"));
    json_write_member_string(writer, STR("class"), answer_text(tool, "class"));
    json_write_member_bool(writer, STR("class_overruled"), answer_bool(tool, "class_overruled"));
    json_write_member_string(writer, STR("verdict"), answer_text(tool, "verdict"));
    json_write_member_string(writer, STR("rule"), answer_text(tool, "rule"));
    json_write_member_bool(writer, STR("listed"), answer_bool(tool, "listed"));
    json_write_object_end(writer);
}

static void begin_server(const struct listing *listing, const struct json *answer)
{
    struct json_writer *writer = listing->writer;
    struct str name = answer_text(answer, "name"), state = answer_text(answer, "state");
    if (writer) {
        json_write_object(writer);
        json_write_member_string(writer, STR("name"), name);
        json_write_member_string(writer, STR("state"), state);
        json_write_member_bool(writer, STR("policy"), answer_bool(answer, "policy"));
        json_write_key(writer, STR("tools"));
        json_write_array(writer);
        return;
    }
    print_str(stdout, COLOUR_BOLD, name);
    printf(" %" STR_FMT "%s\n", STR_ARG(state), answer_policy_note(answer));
}

static void end_server(const struct listing *listing)
{
    struct json_writer *writer = listing->writer;
    if (writer) {
        json_write_array_end(writer);
        json_write_member_int(writer, STR("count"), (int64_t)listing->count);
        json_write_member_int(writer, STR("listed"), (int64_t)listing->listed);
        json_write_object_end(writer);
    } else if (listing->count == 0) {
        printf("It lists no tools now: warder status says how it is.\n");
    } else {
        printf("A client sees %zu of %zu tool%s.\n", listing->listed, listing->count, plural(listing->count));
    }
}

static void show_page(struct listing *listing, const struct json *answer)
{
    struct json_iter iter;
    const struct json *tool;
    struct str key;
    json_iter_init(&iter, json_get(answer, STR("tools")));
    while (json_iter_next(&iter, &key, &tool)) {
        listing->count++;
        listing->listed += answer_bool(tool, "listed");
        if (listing->writer)
            write_tool(listing->writer, tool);
        else
            print_tool(tool);
    }
}

/* One page; *next is 0 behind the last. */
static int show_from(struct listing *listing, struct str server, int64_t *next, int64_t *count)
{
    struct question_to page;
    int64_t from = *next;
    int status = ask_begin(listing->invocation, "tools", &page);
    if (!status) {
        json_write_member_string(&page.writer, STR("server"), server);
        json_write_member_int(&page.writer, STR("from"), from);
        status = send_question(listing->invocation, &page);
    }
    if (!status && from == 0) {
        begin_server(listing, page.root);
        *count = answer_int(page.root, "count");
    }
    if (!status && *count != answer_int(page.root, "count"))
        status = failure(listing->invocation, "the list of %" STR_FMT " changed meanwhile: ask again", STR_ARG(server));
    if (!status) {
        show_page(listing, page.root);
        *next = answer_int(page.root, "next");
        if (*next != 0 && *next <= from)
            status = failure(listing->invocation, "the gateway's answer cannot be read");
    }
    ask_release(&page);
    return status;
}

static int show_server(struct listing *listing, struct str server)
{
    int64_t next = 0, count = 0;
    int status;
    listing->count = listing->listed = 0;
    do {
        status = show_from(listing, server, &next, &count);
    } while (!status && next != 0);
    if (!status)
        end_server(listing);
    return status;
}

static int unknown_server(const struct invocation *invocation, struct question_to *known, struct str wanted)
{
    const struct json *servers = json_get(known->root, STR("servers")), *server;
    struct str *names = arena_alloc(&known->arena, (json_count(servers) + 1) * sizeof(*names));
    struct json_iter iter;
    struct str key;
    size_t count = 0;
    if (!names)
        return failure(invocation, "%s", error_text(E_NOMEM));
    json_iter_init(&iter, servers);
    while (json_iter_next(&iter, &key, &server))
        names[count++] = answer_text(server, "name");
    struct str near = nearest_word(wanted, names, count);
    if (near.len == 0)
        return failure(invocation, "the running gateway has no server \"%" STR_FMT "\"; warder status names its own",
                       STR_ARG(wanted));
    return failure(invocation, "the running gateway has no server \"%" STR_FMT "\": did you mean \"%" STR_FMT "\"?",
                   STR_ARG(wanted), STR_ARG(near));
}

static int show(struct listing *listing, struct question_to *known)
{
    const struct invocation *invocation = listing->invocation;
    struct str wanted = invocation->argument_count > 0 ? str_from_c(invocation->arguments[0]) : STR_EMPTY;
    struct json_iter iter;
    const struct json *server;
    struct str key;
    bool any = false;
    int status = 0;
    json_iter_init(&iter, json_get(known->root, STR("servers")));
    while (!status && json_iter_next(&iter, &key, &server)) {
        struct str name = answer_text(server, "name");
        if (invocation->argument_count > 0 && !str_eq(name, wanted))
            continue;
        if (any && !listing->writer)
            printf("\n");
        any = true;
        status = show_server(listing, name);
    }
    return any || invocation->argument_count == 0 ? status : unknown_server(invocation, known, wanted);
}

static int show_json(struct listing *listing, struct question_to *known)
{
    struct json_output output;
    listing->writer = json_output_begin(&output);
    json_write_object(listing->writer);
    json_write_key(listing->writer, STR("servers"));
    json_write_array(listing->writer);
    int status = show(listing, known);
    if (status) {
        buf_release(&output.buf);
        return status;
    }
    json_write_array_end(listing->writer);
    json_write_object_end(listing->writer);
    return json_output_end(&output) ? EXIT_YES : EXIT_NO;
}

static int run(const struct invocation *invocation)
{
    struct listing listing = { .invocation = invocation };
    struct question_to known;
    int status = ask_begin(invocation, "status", &known);
    if (!status)
        status = send_question(invocation, &known);
    if (!status)
        status = invocation->json ? show_json(&listing, &known) : show(&listing, &known);
    ask_release(&known);
    return status;
}

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_tools = {
    .summary = "Lists servers' tools, and what the policy says",
    .arguments = "[SERVER]",
    .most = 1,
    .options = options,
    .json = true,
    .help = "Asks the running gateway. For each tool, in the server's order: its name, its class as it was accepted,\n"
            "the verdict on a call by any grant with the arguments left open, and the rule\n"
            "that made it, as a JSON Pointer into the policy.\n\n"
            "  allowed            whatever the arguments are\n"
            "  limited            conditions or limits of each call: warder explain\n"
            "  denied by default  no rule selects it, and clients do not see it\n"
            "  denied             a rule denies every call; clients see it and are told why\n"
            "  hidden             clients do not see it\n\n"
            "  warder tools github\n"
            "  warder tools --json | jq -r '.servers[].tools[] | select(.listed | not).name'\n",
    .run = run,
};
