/* Signals out of schemas and texts. */
#include "classify/parameters.h"

#define PARAMETERS_LOOKED_AT 200
#define MANY_PARAMETERS 10
#define PARAMETER_WORDS 12
#define ACTIONS_LOOKED_AT 64

static const struct {
    enum signal signal;
    enum tool_class class;
    const char *last, *whole;
} known[] = {
#define PARAMETER(signal, class, last, whole) { SIGNAL_##signal, CLASS_##class, last, whole },
#include "classify/parameters.def"
#undef PARAMETER
};

static bool is_string(const struct json *schema)
{
    const struct json *type = json_get(schema, STR("type"));
    return !json_is(type, JSON_STRING) || str_eq(json_string(type), STR("string"));
}

static bool is_bounded(const struct json *schema)
{
    return json_get(schema, STR("enum")) || json_get(schema, STR("const")) || json_get(schema, STR("maxItems"));
}

/* The last word, and all of them as one. */
static void read_one(const struct lexicon *lexicon, struct str name, const struct json *schema, struct parameters *out)
{
    struct word words[PARAMETER_WORDS], whole = { .len = 0 };
    size_t count = words_of_identifier(lexicon, name, words, PARAMETER_WORDS);

    for (size_t i = 0; i < count && whole.len + words[i].len < WORD_BYTES; i++) {
        memcpy(whole.bare + whole.len, words[i].bare, words[i].len);
        whole.len += words[i].len;
    }
    for (size_t i = 0; count > 0 && i < sizeof(known) / sizeof(known[0]); i++) {
        if (!word_in(&words[count - 1], known[i].last) && !word_in(&whole, known[i].whole))
            continue;
        if (known[i].signal == SIGNAL_FREE_CODE && (!is_string(schema) || is_bounded(schema)))
            continue;
        if (known[i].signal == SIGNAL_BULK && is_bounded(schema))
            continue;
        out->signals |= 1U << known[i].signal;
        if (known[i].class != CLASS_OTHER && out->class == CLASS_OTHER) {
            out->class = known[i].class;
            out->words = name;
            out->why = signal_text(known[i].signal);
        }
    }
}

void read_parameters(const struct lexicon *lexicon, const struct json *schema, struct parameters *out)
{
    const struct json *properties = json_get(schema, STR("properties")),
                      *open = json_get(schema, STR("additionalProperties"));
    const struct json *value;
    struct json_iter iter;
    struct str name;

    *out = (struct parameters){ .class = CLASS_OTHER, .why = "" };
    if (!json_is(schema, JSON_OBJECT)) {
        out->signals = 1U << SIGNAL_NO_SCHEMA;
        return;
    }
    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (out->count < PARAMETERS_LOOKED_AT && json_iter_next(&iter, &name, &value)) {
        out->count++;
        read_one(lexicon, name, value, out);
    }
    if (out->count > MANY_PARAMETERS)
        out->signals |= 1U << SIGNAL_MANY_PARAMETERS;
    if (!json_is(open, JSON_BOOL) || json_bool(open))
        out->signals |= 1U << SIGNAL_OPEN_SCHEMA;
}

/* ---- actions ---- */

static bool is_action(const struct lexicon *lexicon, struct str name)
{
    struct word words[PARAMETER_WORDS];
    size_t count = words_of_identifier(lexicon, name, words, PARAMETER_WORDS);
    return count > 0 && word_in(&words[count - 1], "action operation op subcommand");
}

void read_actions(const struct lexicon *lexicon, const struct json *schema, const struct subject *subject, struct reading *out)
{
    const struct json *properties = json_get(schema, STR("properties")), *property, *value;
    struct json_iter iter, values;
    struct str name, key;
    size_t looked_at = 0, actions = 0;

    *out = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (looked_at++ < PARAMETERS_LOOKED_AT && json_iter_next(&iter, &name, &property)) {
        const struct json *list = json_get(property, STR("enum"));
        if (!json_is(list, JSON_ARRAY) || !is_action(lexicon, name))
            continue;
        json_iter_init(&values, list);
        while (actions++ < ACTIONS_LOOKED_AT && json_iter_next(&values, &key, &value)) {
            struct reading one;
            if (!json_is(value, JSON_STRING))
                continue;
            read_name(lexicon, json_string(value), STR_EMPTY, subject, &one);
            if (one.strength >= STRENGTH_FAIR && one.class > out->class) {
                *out = one;
                out->words = json_string(value);
                out->why = "one of the actions that it can be told to take";
            }
        }
    }
}

/* ---- texts ---- */

/* Zero width, bidirectional controls, tags: nobody sees them, and a model reads them. */
static bool is_hidden(unsigned point)
{
    return (point < 0x20 && point != '\n' && point != '\t' && point != '\r') || point == 0x7f ||
           (point >= 0x80 && point < 0xa0) || point == 0xad || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2060 && point <= 0x2069) || point == 0xfeff ||
           (point >= 0xfe00 && point <= 0xfe0e) || (point >= 0xe0000 && point <= 0xe01ef);
}

static bool has_hidden(struct str text)
{
    unsigned point;

    for (size_t at = 0, len; at < text.len; at += len) {
        len = str_utf8_next(text, at, &point);
        if (len == 0 || is_hidden(point))
            return true;
    }
    return false;
}

static bool holds(struct str text, const char *phrase)
{
    size_t len = strlen(phrase);

    for (size_t at = 0; at + len <= text.len; at++) {
        if (str_eq_nocase(str_of(text.ptr + at, len), str_of(phrase, len)))
            return true;
    }
    return false;
}

static bool instructs(struct str text)
{
    static const char *const phrases[] = {
        "ignore previous",
        "ignore all previous",
        "ignore the above",
        "do not tell the user",
        "don't tell the user",
        "do not mention",
        "without telling",
        "<important>",
        "<system>",
        "system prompt",
        "before using this tool",
        "before using any other",
        "you must first",
        "you must always",
        "always call this",
        "instead of other tools",
        "read the file ~/",
        ".ssh/id_",
        "exfiltrate",
        "do not inform",
        "hide this from",
    };

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (holds(text, phrases[i]))
            return true;
    }
    return false;
}

uint32_t text_signals(const struct tool_facts *facts, bool described)
{
    uint32_t signals = 0;

    if (!described)
        signals |= 1U << SIGNAL_NO_DESCRIPTION;
    if (has_hidden(facts->name) || has_hidden(facts->title) || has_hidden(facts->description))
        signals |= 1U << SIGNAL_HIDDEN_TEXT;
    if (instructs(facts->description) || instructs(facts->title))
        signals |= 1U << SIGNAL_INSTRUCTIONS;
    return signals;
}
