/* Signals out of schemas: a parameter's name and type, and what it can be told to do. */
#include "classify/parameters.h"

#include "classify/schema.h"

#define MANY_PARAMETERS 10
#define PARAMETER_WORDS 12

static const struct {
    enum signal signal;
    enum tool_class class;
    const char *last, *whole;
} known[] = {
#define PARAMETER(signal, class, last, whole) { SIGNAL_##signal, CLASS_##class, last, whole },
#include "classify/parameters.def"
#undef PARAMETER
};

static bool has_type(const struct json *schema, struct str wanted)
{
    const struct json *type = json_get(schema, STR("type"));
    return json_is(type, JSON_STRING) && str_eq(json_string(type), wanted);
}

/* A text, or a list of texts. */
static bool takes_text(const struct json *root, const struct json *schema)
{
    schema = schema_resolve(root, schema);
    if (has_type(schema, STR("array")))
        schema = schema_resolve(root, json_get(schema, STR("items")));
    return !json_is(json_get(schema, STR("type")), JSON_STRING) || has_type(schema, STR("string"));
}

static bool is_bounded(const struct json *root, const struct json *schema)
{
    schema = schema_resolve(root, schema);
    return json_get(schema, STR("enum")) || json_get(schema, STR("const")) || json_get(schema, STR("maxItems"));
}

/* ---- the objects that hold parameters ---- */

/* The object itself and its parts; and where all parameters stand in one, that one's. */
static void each_object(struct schema_walk *walk, const struct json *schema, schema_visit *visit, void *arg)
{
    const struct json *properties = json_get(schema_resolve(walk->root, schema), STR("properties")), *only = NULL;
    struct json_iter iter;
    struct str name;

    schema_walk(walk, schema, visit, arg);
    if (!json_is(properties, JSON_OBJECT) || json_count(properties) != 1)
        return;
    json_iter_init(&iter, properties);
    (void)json_iter_next(&iter, &name, &only);
    schema_walk(walk, only, visit, arg);
}

/* ---- signals ---- */

struct looking {
    const struct lexicon *lexicon;
    const struct json *root;
    struct parameters *out;
};

/* The last word, and all of them as one. */
static void read_one(const struct looking *looking, struct str name, const struct json *schema)
{
    struct word words[PARAMETER_WORDS], whole = { .len = 0 };
    size_t count = words_of_identifier(looking->lexicon, name, words, PARAMETER_WORDS);
    struct parameters *out = looking->out;

    for (size_t i = 0; i < count && whole.len + words[i].len < WORD_BYTES; i++) {
        memcpy(whole.bare + whole.len, words[i].bare, words[i].len);
        whole.len += words[i].len;
    }
    for (size_t i = 0; count > 0 && i < sizeof(known) / sizeof(known[0]); i++) {
        if (!word_in_number(&words[count - 1], known[i].last) && !word_in(&whole, known[i].whole))
            continue;
        if (known[i].signal == SIGNAL_FREE_CODE &&
            (!takes_text(looking->root, schema) || is_bounded(looking->root, schema)))
            continue;
        if (known[i].signal == SIGNAL_BULK && is_bounded(looking->root, schema))
            continue;
        out->signals |= 1U << known[i].signal;
        if (known[i].class != CLASS_OTHER && out->class == CLASS_OTHER) {
            out->class = known[i].class;
            out->words = name;
            out->why = signal_text(known[i].signal);
        }
    }
}

static void read_object(void *arg, struct schema_walk *walk, const struct json *schema)
{
    const struct looking *looking = arg;
    const struct json *properties = json_get(schema, STR("properties")), *value;
    struct json_iter iter;
    struct str name;

    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (json_iter_next(&iter, &name, &value) && schema_step(walk)) {
        looking->out->count++;
        read_one(looking, name, value);
    }
}

void read_parameters(const struct lexicon *lexicon, const struct json *schema, struct parameters *out)
{
    const struct json *open = json_get(schema, STR("additionalProperties"));
    struct looking looking = { .lexicon = lexicon, .root = schema, .out = out };
    struct schema_walk walk;

    *out = (struct parameters){ .class = CLASS_OTHER, .why = "" };
    if (!json_is(schema, JSON_OBJECT)) {
        out->signals = 1U << SIGNAL_NO_SCHEMA;
        return;
    }
    schema_walk_init(&walk, schema);
    each_object(&walk, schema, read_object, &looking);
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
    return count > 0 && word_in_number(&words[count - 1], "action operation op subcommand command method");
}

/* What is read of a schema's actions. */
struct actions {
    const struct lexicon *lexicon;
    const struct subject *subject;
    struct reading *out;
};

/* dropIndexSuggestions: told, and not done. */
static bool is_advice(const struct lexicon *lexicon, struct str name)
{
    struct word words[PARAMETER_WORDS];
    size_t count = words_of_identifier(lexicon, name, words, PARAMETER_WORDS);
    return count > 1 && word_in_number(&words[count - 1], "suggestion recommendation advice history");
}

static void read_action(const struct actions *actions, const struct json *value)
{
    struct reading one;

    if (!json_is(value, JSON_STRING) || is_advice(actions->lexicon, json_string(value)))
        return;
    read_name(actions->lexicon, json_string(value), STR_EMPTY, actions->subject, &one);
    if (one.strength >= STRENGTH_FAIR && one.class > actions->out->class) {
        *actions->out = one;
        actions->out->words = json_string(value);
        actions->out->why = "one of the actions that it can be told to take";
    }
}

static bool is_one_of(const struct json *value, const char *list)
{
    struct str rest = str_from_c(list);

    while (json_is(value, JSON_STRING) && rest.len > 0) {
        struct str one = str_slice(rest, 0, str_find_byte(rest, ' '));
        if (str_eq(json_string(value), one))
            return true;
        rest = str_slice(rest, one.len + 1, rest.len);
    }
    return false;
}

static bool are_all_of(const struct json *values, const char *list)
{
    const struct json *value;
    struct json_iter iter;
    struct str key;

    json_iter_init(&iter, values);
    while (json_iter_next(&iter, &key, &value)) {
        if (!is_one_of(value, list))
            return false;
    }
    return json_count(values) > 1;
}

/* What a filter does with what it matches is a rule's content, and no deed of the tool; and what a request's method
 * does depends on where it goes. */
static bool are_known(const struct actions *actions, const struct json *values)
{
    if (are_all_of(values, "allow deny drop accept reject block pass permit log alert none quarantine count challenge "
                           "bypass monitor ALLOW DENY DROP ACCEPT REJECT BLOCK PASS PERMIT LOG ALERT COUNT"))
        return true;
    if (!are_all_of(values, "GET HEAD OPTIONS TRACE CONNECT POST PUT PATCH DELETE COPY LINK UNLINK PURGE LOCK UNLOCK "
                            "PROPFIND VIEW REPORT QUERY"))
        return false;
    if (!are_all_of(values, "GET HEAD OPTIONS") && actions->out->class < CLASS_EXECUTE)
        *actions->out = (struct reading){ .strength = STRENGTH_WEAK,
                                          .class = CLASS_EXECUTE,
                                          .words = STR("POST"),
                                          .why = "sends whatever request it is told to" };
    return true;
}

/* The values that one parameter takes. */
static void read_values(void *arg, struct schema_walk *walk, const struct json *schema)
{
    const struct json *values = json_get(schema, STR("enum")), *value;
    struct json_iter iter;
    struct str key;

    if (json_get(schema, STR("const")))
        read_action(arg, json_get(schema, STR("const")));
    if (!json_is(values, JSON_ARRAY) || are_known(arg, values))
        return;
    json_iter_init(&iter, values);
    while (json_iter_next(&iter, &key, &value) && schema_step(walk))
        read_action(arg, value);
}

static void read_actions_of(void *arg, struct schema_walk *walk, const struct json *schema)
{
    const struct actions *actions = arg;
    const struct json *properties = json_get(schema, STR("properties")), *value;
    struct schema_walk inner;
    struct json_iter iter;
    struct str name;

    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (json_iter_next(&iter, &name, &value) && schema_step(walk)) {
        if (!is_action(actions->lexicon, name))
            continue;
        schema_walk_init(&inner, walk->root);
        inner.left = walk->left;
        inner.items = true;
        schema_walk(&inner, value, read_values, arg);
        walk->left = inner.left;
        walk->cut |= inner.cut;
    }
}

void read_actions(const struct lexicon *lexicon, const struct json *schema, const struct subject *subject,
                  struct reading *out)
{
    struct actions actions = { .lexicon = lexicon, .subject = subject, .out = out };
    struct schema_walk walk;

    *out = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    schema_walk_init(&walk, schema);
    each_object(&walk, schema, read_actions_of, &actions);
    if (!walk.cut)
        return;
    out->class = CLASS_DESTRUCTIVE; /* what is behind so many may be anything */
    out->strength = STRENGTH_STRONG;
    out->words = STR_EMPTY;
    out->why = "it can be told to take more actions than are looked at";
}
