/* warder pins list | accept: which definitions of tools were accepted, what changed in them, and that it is fine. */
#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "store/store.h"

#include <stdio.h>

#define SHOWN_BYTES 160 /* of a text that changed, from shortly before the first byte that differs */
#define BEFORE_BYTES 24
#define DIGEST_SHOWN 12
#define LISTED_SHOWN 32 /* enough to accept it by */
#define TREE_BYTES ((size_t)16 << 20)

/* ---- what changed ---- */

struct texts { /* of one tool: accepted, and listed now */
    struct arena arena;
    struct buf old_text, new_text;
    const struct json *old_tree, *new_tree; /* NULL: the text is not kept */
};

static const struct json *read_text(struct texts *texts, struct str data, const struct json *pin, const char *digest,
                                    struct buf *text)
{
    struct sha256 wanted;
    const struct json *tree;
    struct json_error fault;
    if (hex_decode(answer_text(pin, digest), wanted.bytes, SHA256_LEN) != 0 ||
        store_definition(data, answer_text(pin, "server"), answer_text(pin, "tool"), &wanted, text) != 0 ||
        json_parse(&texts->arena, buf_str(text), &json_limits_answer, &tree, &fault) != 0)
        return NULL;
    return tree;
}

static void texts_read(struct texts *texts, struct str data, const struct json *pin)
{
    arena_init(&texts->arena, NULL, TREE_BYTES);
    buf_init(&texts->old_text, LIMIT_ledger_record);
    buf_init(&texts->new_text, LIMIT_ledger_record);
    texts->old_tree = read_text(texts, data, pin, "digest", &texts->old_text);
    texts->new_tree = read_text(texts, data, pin, "listed", &texts->new_text);
}

static void texts_release(struct texts *texts)
{
    buf_release(&texts->old_text);
    buf_release(&texts->new_text);
    arena_release(&texts->arena);
}

/* A member as text: a string as it reads, anything else as JSON. Empty where it is not there. */
static struct str member_text(struct arena *arena, const struct json *value)
{
    struct buf out;
    struct json_writer writer;
    if (!value)
        return STR_EMPTY;
    if (json_is(value, JSON_STRING))
        return json_string(value);
    buf_init(&out, LIMIT_ledger_record);
    json_write_init(&writer, &out);
    json_write_node(&writer, value);
    struct str text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text.ptr ? text : STR_EMPTY;
}

static bool begins_a_character(struct str text, size_t at)
{
    return at >= text.len || ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
}

/* The part around what differs, at whole characters; *cut_before: there is more, *cut_behind: so many bytes. */
static struct str around(struct str text, size_t prefix, size_t suffix, bool *cut_before, size_t *cut_behind)
{
    size_t from = prefix > BEFORE_BYTES ? prefix - BEFORE_BYTES : 0;
    size_t to = text.len - suffix + BEFORE_BYTES;
    if (to > text.len)
        to = text.len;
    if (to > from + SHOWN_BYTES)
        to = from + SHOWN_BYTES;
    while (!begins_a_character(text, from))
        from--;
    while (!begins_a_character(text, to))
        to++;
    *cut_before = from > 0;
    *cut_behind = text.len - to;
    return str_slice(text, from, to);
}

struct change {
    struct str old_text, new_text;
    struct str old_part, new_part; /* around what differs */
    size_t old_behind, new_behind; /* bytes of the text that are not in the part, behind it */
    bool old_before, new_before;   /* cut there */
};

static void compare(struct str old_text, struct str new_text, struct change *out)
{
    size_t shorter = old_text.len < new_text.len ? old_text.len : new_text.len, prefix = 0, suffix = 0;
    while (prefix < shorter && old_text.ptr[prefix] == new_text.ptr[prefix])
        prefix++;
    while (suffix < shorter - prefix &&
           old_text.ptr[old_text.len - 1 - suffix] == new_text.ptr[new_text.len - 1 - suffix])
        suffix++;
    out->old_text = old_text;
    out->new_text = new_text;
    out->old_part = around(old_text, prefix, suffix, &out->old_before, &out->old_behind);
    out->new_part = around(new_text, prefix, suffix, &out->new_before, &out->new_behind);
}

typedef void each_change(void *arg, struct str member, bool was, bool is, const struct change *change);

/* Every member in which the two differ. */
static void changes_each(struct texts *texts, each_change *each, void *arg)
{
    const struct json *trees[] = { texts->old_tree, texts->new_tree };
    for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
        struct json_iter iter;
        const struct json *value;
        struct str member;
        json_iter_init(&iter, trees[i]);
        while (json_iter_next(&iter, &member, &value)) {
            const struct json *was = json_get(texts->old_tree, member), *is = json_get(texts->new_tree, member);
            struct str old_text = member_text(&texts->arena, was), new_text = member_text(&texts->arena, is);
            struct change change;
            if ((i == 1 && was) || (was && is && str_eq(old_text, new_text)))
                continue;
            compare(old_text, new_text, &change);
            each(arg, member, was != NULL, is != NULL, &change);
        }
    }
}

/* ---- list ---- */

struct listing {
    const struct invocation *invocation;
    struct json_writer *writer; /* NULL: text */
    struct str data;
    size_t count;
};

/* Of what is cut off it is said how much: the worst of a change may stand at its end. */
static void print_side(const char *sign, enum colour colour, bool there, struct str part, bool before, size_t behind)
{
    printf("      %s%s%s %s", colour_on(stdout, colour), sign, colour_off(stdout), before ? "…" : "");
    print_str(stdout, colour, there ? part : STR("(none)"));
    if (behind > 0)
        printf("… (%zu bytes more: --json)", behind);
    printf("\n");
}

static void print_change(void *arg, struct str member, bool was, bool is, const struct change *change)
{
    (void)arg;
    printf("    ");
    print_str(stdout, COLOUR_BOLD, member);
    printf("\n");
    print_side("-", COLOUR_RED, was, change->old_part, change->old_before, change->old_behind);
    print_side("+", COLOUR_GREEN, is, change->new_part, change->new_before, change->new_behind);
}

static void print_differs(const struct json *differs)
{
    struct json_iter iter;
    const struct json *part;
    struct str key;
    printf("    these members differ:");
    json_iter_init(&iter, differs);
    while (json_iter_next(&iter, &key, &part))
        printf(" %" STR_FMT, STR_ARG(json_string(part)));
    printf("; the texts are not kept any more, or were too long\n");
}

static void print_pin(const struct listing *listing, const struct json *pin)
{
    struct str digest = answer_text(pin, "digest"), listed = answer_text(pin, "listed");
    char when[32];
    print_time(when, answer_int(pin, listed.len > 0 ? "changed_ms" : "accepted_ms"));
    print_str(stdout, COLOUR_NONE, answer_text(pin, "server"));
    printf("  ");
    print_str(stdout, COLOUR_BOLD, answer_text(pin, "tool"));
    printf("  %.*s", DIGEST_SHOWN, digest.ptr);
    if (listed.len == 0) {
        printf("  accepted %s\n", when);
        return;
    }
    printf(" -> %.*s  %schanged%s %s\n", LISTED_SHOWN, listed.ptr, colour_on(stdout, COLOUR_RED), colour_off(stdout),
           when);
    struct texts texts;
    texts_read(&texts, listing->data, pin);
    if (texts.old_tree && texts.new_tree)
        changes_each(&texts, print_change, NULL);
    else
        print_differs(json_get(pin, STR("differs")));
    texts_release(&texts);
}

static void write_change(void *arg, struct str member, bool was, bool is, const struct change *change)
{
    struct json_writer *writer = arg;
    json_write_object(writer);
    json_write_member_string(writer, STR("member"), member);
    if (was)
        json_write_member_string(writer, STR("old"), change->old_text);
    if (is)
        json_write_member_string(writer, STR("new"), change->new_text);
    json_write_object_end(writer);
}

static void write_pin(const struct listing *listing, const struct json *pin)
{
    struct json_writer *writer = listing->writer;
    struct json_iter iter;
    const struct json *value;
    struct str key;
    json_write_object(writer);
    json_iter_init(&iter, pin);
    while (json_iter_next(&iter, &key, &value))
        json_write_member_node(writer, key, value);
    if (answer_text(pin, "listed").len > 0) {
        struct texts texts;
        texts_read(&texts, listing->data, pin);
        if (texts.old_tree && texts.new_tree) {
            json_write_key(writer, STR("changes"));
            json_write_array(writer);
            changes_each(&texts, write_change, writer);
            json_write_array_end(writer);
        }
        texts_release(&texts);
    }
    json_write_object_end(writer);
}

/* One page; *next is where the one behind it begins, 0 at the end. */
static int list_page(struct listing *listing, int64_t *next)
{
    const struct invocation *invocation = listing->invocation;
    const char *server = option_value(invocation, "server");
    struct json_iter iter;
    const struct json *pin;
    struct str key;
    struct question_to ask;
    int status = ask_begin(invocation, "pins.list", &ask);
    if (!status) {
        if (server)
            json_write_member_string(&ask.writer, STR("server"), str_from_c(server));
        json_write_member_bool(&ask.writer, STR("changed"), option_value(invocation, "changed") != NULL);
        json_write_member_int(&ask.writer, STR("from"), *next);
        status = ask_send(invocation, &ask, false);
    }
    *next = status ? 0 : answer_int(ask.root, "next");
    listing->data = ask.data;
    json_iter_init(&iter, status ? NULL : json_get(ask.root, STR("pins")));
    while (json_iter_next(&iter, &key, &pin)) {
        listing->count++;
        if (listing->writer)
            write_pin(listing, pin);
        else
            print_pin(listing, pin);
    }
    ask_release(&ask);
    return status;
}

static int list(const struct invocation *invocation)
{
    struct listing listing = { .invocation = invocation };
    struct json_output output;
    int64_t next = 0;
    int status;
    if (invocation->json) {
        listing.writer = json_output_begin(&output);
        json_write_object(listing.writer);
        json_write_key(listing.writer, STR("pins"));
        json_write_array(listing.writer);
    }
    do
        status = list_page(&listing, &next);
    while (!status && next > 0);
    if (listing.writer) {
        json_write_array_end(listing.writer);
        json_write_object_end(listing.writer);
        if (status)
            buf_release(&output.buf);
        else
            status = json_output_end(&output) ? EXIT_YES : EXIT_NO;
    } else if (!status && listing.count == 0) {
        printf("%s\n", option_value(invocation, "changed") ? "No definition changed since it was accepted."
                                                           : "No definition was accepted yet.");
    }
    return status;
}

/* ---- accept ---- */

static int accept(const struct invocation *invocation)
{
    bool all = option_value(invocation, "all") != NULL;
    const char *definition = option_value(invocation, "definition");
    struct question_to ask;
    if (all == (invocation->argument_count > 1))
        return usage_error(invocation,
                           all ? "names of tools, or --all, not both" : "a tool's name or --all is missing");
    if (definition && invocation->argument_count != 2)
        return usage_error(invocation, "--definition is of one tool");
    int status = ask_begin(invocation, "pins.accept", &ask);
    if (!status) {
        json_write_member_string(&ask.writer, STR("server"), str_from_c(invocation->arguments[0]));
        if (all) {
            json_write_member_bool(&ask.writer, STR("all"), true);
        } else {
            json_write_key(&ask.writer, STR("tools"));
            json_write_array(&ask.writer);
            for (size_t i = 1; i < invocation->argument_count; i++)
                json_write_string(&ask.writer, str_from_c(invocation->arguments[i]));
            json_write_array_end(&ask.writer);
        }
        if (definition)
            json_write_member_string(&ask.writer, STR("definition"), str_from_c(definition));
        status = ask_send(invocation, &ask, false);
    }
    if (!status)
        printf("%s\n", invocation->json ? "{\"ok\":true}" : "Accepted as they are listed now.");
    ask_release(&ask);
    return status;
}

static const struct option list_options[] = {
    { "server", 's', "NAME", "of this server", false },
    { "changed", 'x', NULL, "only what changed since it was accepted", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option accept_options[] = {
    { "all", 'a', NULL, "every tool of the server that changed", false },
    { "definition", 'D', "HEX", "only if this is what is listed now: the digits behind -> in pins list", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_pins_list = {
    .summary = "Lists accepted definitions of tools, and changes",
    .arguments = "",
    .options = list_options,
    .json = true,
    .help =
        "A tool's definition, everything in it, is accepted when its server lists it for the first time. Where the\n"
        "server lists another one later, the tool is left out of lists and its calls are denied (pin_changed),\n"
        "until the server lists the accepted one again or an operator accepts the new one.\n\n"
        "  warder pins list --changed\n",
    .run = list,
};

const struct command command_pins_accept = {
    .summary = "Accepts tools as their server defines them now",
    .arguments = "SERVER TOOL... | SERVER --all",
    .least = 1,
    .most = 256,
    .options = accept_options,
    .json = true,
    .help = "Look at them first: warder pins list --changed. This is recorded. With --definition a server\n"
            "cannot change it once more between the look and this.\n\n"
            "  warder pins accept iterable send_email \\\n    --definition 3f9a2c77b01e5d208c4be6a1f07d93b2\n"
            "  warder pins accept iterable --all\n",
    .run = accept,
};
