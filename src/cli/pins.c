/* warder pins list | accept | forget: what was accepted of servers, what changed in it, and that it is fine. */
#include "base/check.h"
#include "base/digest.h"
#include "base/encode.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/pins_show.h"
#include "cli/terminal.h"
#include "model/pin.h"

#include <stdio.h>
#include <unistd.h>

#define DIGITS_SHOWN 32        /* enough to accept by */
#define PENDING_BYTES 16777216 /* what is said of all servers, as JSON */

/* ---- what is looked at ---- */

struct look { /* pins, page by page, in the gateway's order: one server behind the other */
    const struct invocation *invocation;
    const char *server, *kind; /* NULL: any */
    bool changed;              /* only those */
    const char *const *names;  /* only these; none: all */
    size_t name_count;
    struct json_writer *writer;  /* NULL: text */
    struct hasher *hasher;       /* over what changed of the server that is shown; over all that is named */
    char at[80];                 /* that server */
    size_t count, changes;       /* shown in all; counted into the hasher, with what is named and did not change */
    size_t moved;                /* that changed */
    char digest[2 * SHA256_LEN]; /* of one that was shown: what accepting it names */
    struct buf pending;          /* "pending" of --json, its elements */
};

static void pending_as_json(struct look *look, struct str digest)
{
    struct json_writer writer;
    json_write_init(&writer, &look->pending);
    writer.comma = look->pending.len > 0;
    json_write_object(&writer);
    json_write_member_string(&writer, STR("server"), str_from_c(look->at));
    json_write_member_int(&writer, STR("count"), (int64_t)look->changes);
    json_write_member_string(&writer, STR("listed"), digest);
    json_write_object_end(&writer);
}

/* The digest of what was shown, in hexadecimal. */
static struct str digest_of(struct look *look, char hex[2 * SHA256_LEN])
{
    struct sha256 digest;
    hasher_end(look->hasher, &digest);
    hex_encode(digest.bytes, SHA256_LEN, hex);
    return str_of(hex, 2 * SHA256_LEN);
}

/* Behind a server's last pin: what accepts exactly what stands above. */
static void server_ends(struct look *look)
{
    char hex[2 * SHA256_LEN];
    if (look->changes == 0)
        return;
    struct str digest = digest_of(look, hex);
    if (look->writer)
        pending_as_json(look, digest);
    else
        printf("    %zu changed. To accept exactly that: warder pins accept %s --all%s%s --listed %.*s\n",
               look->changes, look->at, look->kind ? " --kind " : "", look->kind ? look->kind : "", DIGITS_SHOWN,
               digest.ptr);
    look->changes = 0;
}

static void server_begins(struct look *look, struct str server)
{
    snprintf(look->at, sizeof(look->at), "%" STR_FMT, STR_ARG(server));
    hasher_begin(look->hasher);
}

static bool is_named(const struct look *look, struct str name)
{
    for (size_t i = 0; i < look->name_count; i++)
        if (str_eq(str_from_c(look->names[i]), name))
            return true;
    return look->name_count == 0;
}

static void see(struct look *look, struct str data, const struct json *pin)
{
    struct str server = answer_text(pin, "server"), listed = answer_text(pin, "listed");
    struct str name = answer_text(pin, "name"), digest = listed.len > 0 ? listed : answer_text(pin, "digest");
    struct sha256 bytes;
    enum pin_kind kind;
    if (!is_named(look, name))
        return;
    if (!str_eq(server, str_from_c(look->at))) {
        server_ends(look);
        server_begins(look, server);
    }
    look->count++;
    look->moved += listed.len > 0;
    if (look->writer)
        pin_show_json(data, pin, look->writer);
    else
        pin_show(data, pin);
    if ((listed.len == 0 && look->name_count == 0) || !pin_kind_of_word(answer_text(pin, "kind"), &kind) ||
        hex_decode(digest, bytes.bytes, SHA256_LEN) != 0)
        return;
    pin_add(look->hasher, kind, name, &bytes);
    hex_encode(bytes.bytes, SHA256_LEN, look->digest);
    look->changes++;
}

/* *next is where the page behind it begins, 0 at the end. */
static int see_page(struct look *look, int64_t *next)
{
    struct json_iter iter;
    const struct json *pin;
    struct str key;
    struct question_to ask;
    int status = ask_begin(look->invocation, "pins.list", &ask);
    if (!status) {
        if (look->server)
            json_write_member_string(&ask.writer, STR("server"), str_from_c(look->server));
        if (look->kind)
            json_write_member_string(&ask.writer, STR("kind"), str_from_c(look->kind));
        json_write_member_bool(&ask.writer, STR("changed"), look->changed);
        json_write_member_int(&ask.writer, STR("from"), *next);
        status = ask_send(look->invocation, &ask, false);
    }
    *next = status ? 0 : answer_int(ask.root, "next");
    json_iter_init(&iter, status ? NULL : json_get(ask.root, STR("pins")));
    while (json_iter_next(&iter, &key, &pin))
        see(look, ask.data, pin);
    ask_release(&ask);
    return status;
}

static int see_all(struct look *look)
{
    int64_t next = 0;
    int status = 0;
    buf_init(&look->pending, PENDING_BYTES);
    if (hasher_new(&look->hasher) != 0)
        return failure(look->invocation, "%s", error_text(E_NOMEM));
    do
        status = see_page(look, &next);
    while (!status && next > 0);
    return status;
}

static void look_release(struct look *look)
{
    hasher_free(look->hasher);
    buf_release(&look->pending);
}

/* ---- list ---- */

static int list(const struct invocation *invocation)
{
    struct look look = {
        .invocation = invocation,
        .server = option_value(invocation, "server"),
        .kind = option_value(invocation, "kind"),
        .changed = option_value(invocation, "changed") != NULL,
    };
    struct json_output output;
    if (invocation->json) {
        look.writer = json_output_begin(&output);
        json_write_object(look.writer);
        json_write_key(look.writer, STR("pins"));
        json_write_array(look.writer);
    }
    int status = see_all(&look);
    if (!status)
        server_ends(&look);
    if (look.writer) {
        json_write_array_end(look.writer);
        json_write_key(look.writer, STR("pending"));
        json_write_array(look.writer);
        json_write_raw(look.writer, buf_str(&look.pending));
        json_write_array_end(look.writer);
        json_write_object_end(look.writer);
        if (status)
            buf_release(&output.buf);
        else
            status = json_output_end(&output) ? EXIT_YES : EXIT_NO;
    } else if (!status && look.count == 0) {
        printf("%s\n", look.changed ? "Nothing changed since it was accepted." : "Nothing was accepted yet.");
    }
    look_release(&look);
    return status;
}

/* ---- accept, forget ---- */

static bool is_instructions(const struct invocation *invocation)
{
    const char *kind = option_value(invocation, "kind");
    return kind && str_eq(str_from_c(kind), pin_kind_word(PIN_INSTRUCTIONS));
}

/* A server, and names of one kind or --all; instructions have no name. 0, or an exit_status. */
static int look_at_words(const struct invocation *invocation)
{
    bool all = option_value(invocation, "all") != NULL, named = invocation->argument_count > 1;
    if (all && named)
        return usage_error(invocation, "names, or --all, not both");
    if (is_instructions(invocation) && named)
        return usage_error(invocation, "instructions have no name");
    if (!all && !named && !is_instructions(invocation))
        return usage_error(invocation, "a name or --all is missing");
    return 0;
}

static int send(const struct invocation *invocation, const char *op, struct str listed, const char *done)
{
    const char *kind = option_value(invocation, "kind");
    struct question_to ask;
    int status = ask_begin(invocation, op, &ask);
    if (!status) {
        json_write_member_string(&ask.writer, STR("server"), str_from_c(invocation->arguments[0]));
        if (kind)
            json_write_member_string(&ask.writer, STR("kind"), str_from_c(kind));
        if (option_value(invocation, "all")) {
            json_write_member_bool(&ask.writer, STR("all"), true);
        } else if (invocation->argument_count > 1) {
            json_write_key(&ask.writer, STR("names"));
            json_write_array(&ask.writer);
            for (size_t i = 1; i < invocation->argument_count; i++)
                json_write_string(&ask.writer, str_from_c(invocation->arguments[i]));
            json_write_array_end(&ask.writer);
        }
        if (listed.len > 0)
            json_write_member_string(&ask.writer, STR("listed"), listed);
        status = ask_send(invocation, &ask, false);
    }
    if (!status)
        printf("%s\n", invocation->json ? "{\"ok\":true}" : done);
    ask_release(&ask);
    return status;
}

static bool says_yes(void)
{
    char line[16];
    printf("Accept what is shown here? [y/N] ");
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* On a terminal: it is shown, and accepted as it was shown. */
static int ask_and_accept(const struct invocation *invocation)
{
    char hex[2 * SHA256_LEN];
    bool all = option_value(invocation, "all") != NULL;
    const char *kind = option_value(invocation, "kind");
    struct look look = {
        .invocation = invocation,
        .server = invocation->arguments[0],
        .kind = all || kind ? kind : "tool",
        .changed = all,
        .names = invocation->arguments + 1,
        .name_count = invocation->argument_count - 1,
    };
    int status = see_all(&look);
    if (!status && look.moved == 0)
        status = failure(invocation, "there is nothing to accept");
    if (!status) {
        bool is_one = !all && invocation->argument_count <= 2;
        struct str listed = is_one ? str_of(look.digest, sizeof(look.digest)) : digest_of(&look, hex);
        if (says_yes())
            status = send(invocation, "pins.accept", listed, "Accepted.");
        else
            status = failure(invocation, "nothing was accepted");
    }
    look_release(&look);
    return status;
}

static int accept(const struct invocation *invocation)
{
    const char *listed = option_value(invocation, "listed");
    int status = look_at_words(invocation);
    if (status)
        return status;
    if (listed && invocation->argument_count > 2)
        return usage_error(invocation, "--listed is of one, or of --all");
    if (listed)
        return send(invocation, "pins.accept", str_from_c(listed), "Accepted.");
    if (invocation->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return usage_error(invocation, "--listed is missing: the digits of what you looked at, as warder pins list "
                                       "--changed shows them; on a terminal it is shown and asked for");
    return ask_and_accept(invocation);
}

static int forget(const struct invocation *invocation)
{
    int status = look_at_words(invocation);
    return status ? status : send(invocation, "pins.forget", STR_EMPTY, "Forgotten.");
}

/* ---- tables ---- */

#define KIND_OPTION(text)                \
    {                                    \
        "kind", 'k', "KIND", text, false \
    }

static const struct option list_options[] = {
    { "server", 's', "NAME", "of this server", false },
    KIND_OPTION("only tool, prompt, resource, template or instructions"),
    { "changed", 'x', NULL, "only what changed since it was accepted", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option accept_options[] = {
    { "all", 'a', NULL, "everything of the server that changed; with --kind of that kind", false },
    KIND_OPTION("prompt, resource (by URI), template or instructions; without it names are of tools"),
    { "listed", 'l', "HEX", "what you looked at: the digits behind -> in pins list, or those below for --all", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option forget_options[] = {
    { "all", 'a', NULL, "everything of the server; with --kind of that kind", false },
    KIND_OPTION("prompt, resource (by URI), template or instructions; without it names are of tools"),
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_pins_list = {
    .summary = "Lists what was accepted, and what changed",
    .arguments = "",
    .options = list_options,
    .json = true,
    .help =
        "The definition of a tool, a prompt, a resource or a resource template, everything in it, is accepted when\n"
        "its server lists it for the first time; so are the server's instructions. What is listed otherwise later\n"
        "is left out of lists and denied (pin_changed), and such instructions are given to nobody, until the server\n"
        "lists what was accepted again or an operator accepts what is new.\n\n"
        "  warder pins list --changed\n",
    .run = list,
};

const struct command command_pins_accept = {
    .summary = "Accepts what a server lists now",
    .arguments = "SERVER NAME... | SERVER --all",
    .least = 1,
    .most = 256,
    .options = accept_options,
    .json = true,
    .help =
        "On a terminal what changed is shown and asked for. Elsewhere look at it first (warder pins list --changed)\n"
        "and say with --listed what you saw: what the server changes in between is not accepted. It is recorded.\n\n"
        "  warder pins accept mail send_email --listed 3f9a2c77b01e5d208c4be6a1f07d93b2\n"
        "  warder pins accept iterable --all --listed 91b0c2d4e6f80a1c3e5d7f9b2a4c6e80\n"
        "  warder pins accept iterable --kind prompt get-export-jobs\n"
        "  warder pins accept iterable --kind instructions\n",
    .run = accept,
};

const struct command command_pins_forget = {
    .summary = "Forgets what was accepted of a server",
    .arguments = "SERVER NAME... | SERVER --all",
    .least = 1,
    .most = 256,
    .options = forget_options,
    .json = true,
    .help = "For what a server does not list any more. What it lists of these afterwards, or still lists, is seen for\n"
            "the first time: accepted, and recorded. What changed is not forgotten before it is accepted.\n\n"
            "  warder pins forget iterable send_email\n"
            "  warder pins forget iterable --all --kind resource\n",
    .run = forget,
};
