/* Signals out of schemas and texts. */
#include "classify/parameters.h"

#include "base/encode.h"

#define PARAMETERS_LOOKED_AT 10000
#define MANY_PARAMETERS 10
#define PARAMETER_WORDS 12
#define ACTIONS_LOOKED_AT 10000
#define VARIANT_DEPTH 4 /* anyOf in anyOf: schemas of generators have two */

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

/* What is read of a schema's actions. */
struct actions {
    const struct lexicon *lexicon;
    const struct subject *subject;
    struct reading *out;
    size_t left; /* of those that are looked at */
};

static void read_action(struct actions *actions, const struct json *value)
{
    struct reading one;

    if (actions->left == 0) { /* what is behind so many may be anything */
        actions->out->class = CLASS_DESTRUCTIVE;
        actions->out->strength = STRENGTH_STRONG;
        actions->out->words = STR_EMPTY;
        actions->out->why = "it can be told to take more actions than are looked at";
        return;
    }
    actions->left--;
    if (!json_is(value, JSON_STRING))
        return;
    read_name(actions->lexicon, json_string(value), STR_EMPTY, actions->subject, &one);
    if (one.strength >= STRENGTH_FAIR && one.class > actions->out->class) {
        *actions->out = one;
        actions->out->words = json_string(value);
        actions->out->why = "one of the actions that it can be told to take";
    }
}

static const struct str variants[] = { STR("anyOf"), STR("oneOf"), STR("allOf") };

/* The values that one parameter takes, however its schema spells them. */
static void read_values(struct actions *actions, const struct json *schema, unsigned depth)
{
    const struct json *values = json_get(schema, STR("enum")), *value;
    struct json_iter iter;
    struct str key;

    if (json_get(schema, STR("const")))
        read_action(actions, json_get(schema, STR("const")));
    json_iter_init(&iter, json_is(values, JSON_ARRAY) ? values : NULL);
    while (json_iter_next(&iter, &key, &value))
        read_action(actions, value);
    if (depth == VARIANT_DEPTH)
        return;
    if (json_get(schema, STR("items")))
        read_values(actions, json_get(schema, STR("items")), depth + 1);
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        const struct json *list = json_get(schema, variants[i]);
        json_iter_init(&iter, json_is(list, JSON_ARRAY) ? list : NULL);
        while (json_iter_next(&iter, &key, &value))
            read_values(actions, value, depth + 1);
    }
}

static void read_actions_of(struct actions *actions, const struct json *schema, unsigned depth)
{
    const struct json *properties = json_get(schema, STR("properties")), *value;
    struct json_iter iter;
    struct str name;

    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (json_iter_next(&iter, &name, &value)) {
        if (is_action(actions->lexicon, name))
            read_values(actions, value, 0);
    }
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]) && depth < VARIANT_DEPTH; i++) {
        const struct json *list = json_get(schema, variants[i]);
        json_iter_init(&iter, json_is(list, JSON_ARRAY) ? list : NULL);
        while (json_iter_next(&iter, &name, &value))
            read_actions_of(actions, value, depth + 1);
    }
}

void read_actions(const struct lexicon *lexicon, const struct json *schema, const struct subject *subject,
                  struct reading *out)
{
    struct actions actions = { .lexicon = lexicon, .subject = subject, .out = out, .left = ACTIONS_LOOKED_AT };

    *out = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    read_actions_of(&actions, schema, 0);
}

/* ---- texts ---- */

/* Nobody sees them, and a model reads them. Lines and tabs are layout; U+FE0F makes an emoji of what is before it. */
static bool is_hidden(unsigned point)
{
    return text_is_hidden(point) && point != '\n' && point != '\t' && point != '\r' && point != 0xfe0f;
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
        if ((text.ptr[at] | 0x20) != (phrase[0] | 0x20)) /* megabytes are looked through for each phrase */
            continue;
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
