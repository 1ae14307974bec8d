/* Pins as text and as JSON, with what changed. */
#include "cli/pins_show.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/plural.h"
#include "cli/ask.h"
#include "cli/terminal.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 160 /* of a text that changed, from shortly before the first byte that differs */
#define BEFORE_BYTES 24
#define DIGEST_SHOWN 12
#define LISTED_SHOWN 32 /* enough to accept it by */
#define TREE_BYTES ((size_t)16 << 20)

/* ---- what changed ---- */

struct texts { /* of one definition: accepted, and listed now */
    struct arena arena;
    struct buf old_text, new_text;
    const struct json *old_tree, *new_tree; /* NULL: there is none, or its text is not kept */
    bool whole;                             /* neither is missing that there was */
};

static const struct json *read_text(struct texts *texts, struct str data, const struct json *pin, const char *digest,
                                    struct buf *text)
{
    static const struct sha256 none;
    struct str hex = answer_text(pin, digest);
    struct sha256 wanted = { { 0 } };
    enum pin_kind kind;
    const struct json *tree;
    struct json_error fault;
    if (hex.len == 0 || hex_decode(hex, wanted.bytes, SHA256_LEN) != 0 || memcmp(&wanted, &none, sizeof(none)) == 0)
        return NULL; /* there is none */
    texts->whole =
        pin_kind_of_word(answer_text(pin, "kind"), &kind) &&
        store_definition(data, answer_text(pin, "server"), kind, answer_text(pin, "name"), &wanted, text) == 0 &&
        json_parse(&texts->arena, buf_str(text), &json_limits_answer, &tree, &fault) == 0 && texts->whole;
    return texts->whole ? tree : NULL;
}

static void texts_read(struct texts *texts, struct str data, const struct json *pin)
{
    arena_init(&texts->arena, NULL, TREE_BYTES);
    buf_init(&texts->old_text, LIMIT_ledger_record);
    buf_init(&texts->new_text, LIMIT_ledger_record);
    texts->whole = true;
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

/* ---- shown ---- */

/* Of what is cut off it is said how much: the worst of a change may stand at its end. */
static void print_side(const char *sign, enum colour colour, bool there, struct str part, bool before, size_t behind)
{
    printf("      %s%s%s %s", colour_on(stdout, colour), sign, colour_off(stdout), before ? "…" : "");
    print_str(stdout, colour, there ? part : STR("(none)"));
    if (behind > 0)
        printf("… (%zu byte%s more: --json)", behind, plural(behind));
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

static void print_name(const struct json *pin)
{
    struct str kind = answer_text(pin, "kind"), name = answer_text(pin, "name");
    print_str(stdout, COLOUR_NONE, answer_text(pin, "server"));
    printf("  ");
    if (!str_eq(kind, STR("tool")))
        printf("%" STR_FMT "%s", STR_ARG(kind), name.len > 0 ? " " : "");
    print_str(stdout, COLOUR_BOLD, name);
}

/* "write", "write (overruled; told execute)", "read -> destructive"; of a tool alone. */
static void print_class(const struct json *pin)
{
    struct str class = answer_text(pin, "class"), told = answer_text(pin, "class_told");
    struct str listed = answer_text(pin, "class_listed");
    printf("%s%" STR_FMT, class.len > 0 ? "  " : "", STR_ARG(class));
    if (told.len > 0)
        printf(" (overruled; told %" STR_FMT ")", STR_ARG(told));
    if (listed.len > 0 && !str_eq(listed, told.len > 0 ? told : class))
        printf(" %s-> %" STR_FMT "%s", colour_on(stdout, COLOUR_RED), STR_ARG(listed), colour_off(stdout));
    printf("\n");
}

void pin_show(struct str data, const struct json *pin)
{
    struct str digest = answer_text(pin, "digest"), listed = answer_text(pin, "listed");
    char when[32];
    print_time(when, answer_int(pin, listed.len > 0 ? "changed_ms" : "accepted_ms"));
    print_name(pin);
    printf("  %.*s", DIGEST_SHOWN, digest.len > 0 ? digest.ptr : "(none)");
    if (listed.len == 0) {
        printf("  accepted %s", when);
        print_class(pin);
        return;
    }
    printf(" -> %.*s  %schanged%s %s", LISTED_SHOWN, listed.ptr, colour_on(stdout, COLOUR_RED), colour_off(stdout),
           when);
    print_class(pin);
    struct texts texts;
    texts_read(&texts, data, pin);
    if (texts.whole)
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

void pin_show_json(struct str data, const struct json *pin, struct json_writer *writer)
{
    struct json_iter iter;
    const struct json *value;
    struct str key;
    json_write_object(writer);
    json_iter_init(&iter, pin);
    while (json_iter_next(&iter, &key, &value))
        json_write_member_node(writer, key, value);
    if (answer_text(pin, "listed").len > 0) {
        struct texts texts;
        texts_read(&texts, data, pin);
        if (texts.whole) {
            json_write_key(writer, STR("changes"));
            json_write_array(writer);
            changes_each(&texts, write_change, writer);
            json_write_array_end(writer);
        }
        texts_release(&texts);
    }
    json_write_object_end(writer);
}
