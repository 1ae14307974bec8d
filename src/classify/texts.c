/* One pass over each text; the first place of each signal is kept. */
#include "classify/texts.h"

#include "base/encode.h"
#include "base/limits.h"

#define QUOTED 96 /* bytes of a text that are evidence */
#define BEFORE 16 /* of these, what stands before a hidden character */

enum place { PLACE_ABOUT_TOOL, PLACE_ANYWHERE };

static const struct {
    enum place place;
    struct str words;
} instructions[] = {
#define INSTRUCTION(place, words) { PLACE_##place, { "" words, sizeof(words) - 1 } },
#include "classify/instructions.def"
#undef INSTRUCTION
};

#define INSTRUCTIONS (sizeof(instructions) / sizeof(instructions[0]))
_Static_assert(INSTRUCTIONS <= 64, "each is a bit");

/* What is looked through at the moment. */
struct look {
    uint64_t by_first[32]; /* those that begin so, by the low bits of their first byte */
    struct text_findings *out;
    enum evidence_source source;
    enum place place;
    struct str where;
};

/* ---- quotes ---- */

static bool is_inside(struct str text, size_t at)
{
    return at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80;
}

/* Cut where characters begin. */
static struct str quote(struct str text, size_t from, size_t to)
{
    while (from > 0 && is_inside(text, from))
        from--;
    if (to > text.len)
        to = text.len;
    while (to > from && is_inside(text, to))
        to--;
    return str_of(text.ptr + from, to > from ? to - from : 0); /* within the text, though there be nothing of it */
}

struct str beginning_of(struct str text)
{
    return quote(text, 0, QUOTED);
}

static void found(struct look *look, enum signal signal, struct finding *finding, struct str words)
{
    look->out->signals |= 1U << signal;
    *finding = (struct finding){ .source = look->source, .where = look->where, .words = words };
}

static bool is_found(const struct look *look, enum signal signal)
{
    return (look->out->signals >> signal & 1) != 0;
}

/* ---- hidden characters ---- */

/* Letters of Arabic and of the scripts of India and its neighbours, which joiners shape. */
static bool is_joined_letter(unsigned point)
{
    return (point >= 0x600 && point <= 0xdff) || (point >= 0xf00 && point <= 0x109f) ||
           (point >= 0x1780 && point <= 0x18af) || (point >= 0xfb50 && point <= 0xfdff);
}

static bool is_picture(unsigned point)
{
    return point == 0xfe0f || (point >= 0x2190 && point <= 0x2bff) || (point >= 0x1f000 && point <= 0x1faff);
}

/* Zero-width joiner or non-joiner between what they are made for. */
static bool joins(unsigned before, unsigned point, unsigned behind)
{
    return (is_joined_letter(before) && is_joined_letter(behind)) ||
           (point == 0x200d && is_picture(before) && is_picture(behind));
}

/* Nobody sees it, and a model reads it. Lines and tabs are layout; U+FE0F makes an emoji of what is before it. */
static bool is_hidden_at(struct str text, size_t at, size_t len, unsigned before, unsigned point)
{
    unsigned behind = 0;

    if (!text_is_hidden(point) || point == '\n' || point == '\t' || point == '\r' || point == 0xfe0f)
        return false;
    if ((point == 0x200c || point == 0x200d) && at + len < text.len && str_utf8_next(text, at + len, &behind) > 0)
        return !joins(before, point, behind);
    return true;
}

static void look_for_hidden(struct look *look, struct str text)
{
    unsigned before = 0, point;

    for (size_t at = 0, len; at < text.len; at += len, before = point) {
        unsigned char c = (unsigned char)text.ptr[at];
        point = c;
        len = 1;
        if (c >= ' ' && c < 0x7f)
            continue;
        len = str_utf8_next(text, at, &point);
        if (len > 0 && !is_hidden_at(text, at, len, before, point))
            continue;
        size_t from = at < BEFORE ? 0 : at - BEFORE;
        found(look, SIGNAL_HIDDEN_TEXT, &look->out->hidden, quote(text, from, from + QUOTED));
        return;
    }
}

/* ---- instructions ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_gap(char c)
{
    return c == ' ' || c == '_' || c == '-' || c == '\n' || c == '\t' || c == '\r';
}

static bool says(struct str text, size_t at, struct str words)
{
    if (text.len - at < words.len)
        return false;
    for (size_t i = 0; i < words.len; i++) {
        char c = text.ptr[at + i], w = words.ptr[i];
        if (w == ' ' ? !is_gap(c) : (c >= 'A' && c <= 'Z' ? c | 0x20 : c) != w)
            return false;
    }
    return true;
}

/* Only where a word begins. */
static void look_for_instructions(struct look *look, struct str text)
{
    const size_t shortest = sizeof("read ~/") - 1;

    for (size_t at = 0; at + shortest <= text.len; at++) {
        if (at > 0 && is_alnum(text.ptr[at - 1]) && is_alnum(text.ptr[at]))
            continue;
        for (uint64_t left = look->by_first[text.ptr[at] & 31]; left != 0; left &= left - 1) {
            size_t i = (size_t)__builtin_ctzll(left);
            if (instructions[i].place < look->place || !says(text, at, instructions[i].words))
                continue;
            found(look, SIGNAL_INSTRUCTIONS, &look->out->instructs, quote(text, at, at + QUOTED));
            return;
        }
    }
}

static void look_at(struct look *look, struct str text)
{
    if (!is_found(look, SIGNAL_HIDDEN_TEXT))
        look_for_hidden(look, text);
    if (!is_found(look, SIGNAL_INSTRUCTIONS))
        look_for_instructions(look, text);
}

/* ---- schemas ---- */

static bool names_parameters(struct str key)
{
    return str_eq(key, STR("properties")) || str_eq(key, STR("$defs")) || str_eq(key, STR("definitions")) ||
           str_eq(key, STR("patternProperties"));
}

/* Every name and every string: what refers to what does not matter, for all of it is read. No tree is deeper than its
 * parser lets it be. */
static void look_through(struct look *look, const struct json *node, bool parameters, unsigned depth)
{
    const struct json *value;
    struct json_iter iter;
    struct str key, where = look->where;

    if (depth > LIMIT_json_depth)
        return;
    if (json_is(node, JSON_STRING))
        look_at(look, json_string(node));
    if (!json_is(node, JSON_OBJECT) && !json_is(node, JSON_ARRAY))
        return;
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        if (parameters && key.len > 0)
            look->where = quote(key, 0, QUOTED);
        if (key.len > 0)
            look_at(look, key);
        look_through(look, value, !parameters && json_is(node, JSON_OBJECT) && names_parameters(key), depth + 1);
        look->where = where;
    }
}

/* ---- scripts ---- */

/* Letters past the Latin ones; what stands among them is punctuation, signs and pictures. */
static bool is_foreign_letter(unsigned point)
{
    return point >= 0x370 && !(point >= 0x1e00 && point <= 0x1eff) && !(point >= 0x2000 && point <= 0x2bff) &&
           !(point >= 0x3000 && point <= 0x3003) && !(point >= 0xe000 && point <= 0xf8ff) &&
           !(point >= 0xfe00 && point <= 0xfe6f) && !(point >= 0x1f000 && point <= 0x1faff) && !text_is_hidden(point);
}

/* A sentence of ten characters of Chinese says as much as one of forty Latin letters. */
bool is_foreign(struct str text)
{
    size_t foreign = 0, latin = 0;
    unsigned point;

    for (size_t at = 0, len; at < text.len; at += len) {
        len = str_utf8_next(text, at, &point);
        if (len == 0)
            return false;
        if (point < 0x80)
            latin += is_alnum((char)point) ? 1 : 0;
        else if (is_foreign_letter(point))
            foreign++;
    }
    return foreign >= 2 && foreign * 2 >= latin;
}

void look_through_texts(const struct tool_facts *facts, bool described, struct text_findings *out)
{
    struct look look = { .out = out, .place = PLACE_ABOUT_TOOL };

    *out = (struct text_findings){ .signals = described ? 0 : 1U << SIGNAL_NO_DESCRIPTION };
    for (size_t i = 0; i < INSTRUCTIONS; i++)
        look.by_first[instructions[i].words.ptr[0] & 31] |= 1ULL << i;
    if (is_foreign(facts->description))
        out->signals |= 1U << SIGNAL_UNREAD_SCRIPT;
    look.source = EVIDENCE_NAME;
    look_at(&look, facts->name);
    look.source = EVIDENCE_TITLE;
    look_at(&look, facts->title);
    look.source = EVIDENCE_DESCRIPTION;
    look_at(&look, facts->description);
    look.place = PLACE_ANYWHERE;
    look.source = EVIDENCE_PARAMETER;
    look_through(&look, facts->schema, false, 0);
    look.source = EVIDENCE_OUTPUT;
    look_through(&look, facts->output, false, 0);
    look.source = EVIDENCE_ANNOTATION;
    look_through(&look, facts->annotations, false, 0);
}
