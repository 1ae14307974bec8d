/* What a tool that seems to look can be told to do by whatever a schema has, wherever it stands there: lists of values
 * that look and destroy ("get", "delete"), parameters that say what is done (delete_after_read, ids_to_delete), and
 * descriptions of parameters. A list that filters has what happened, and no verb that looks. */
#include "base/limits.h"
#include "classify/parameters.h"

#define CHOICE_WORDS 12

struct choices {
    const struct lexicon *lexicon;
    const struct subject *subject;
    struct reading *out;
    size_t left; /* steps */
    bool alone;  /* nothing else speaks: what destroys needs nothing beside it that looks */
    bool amount, payee;
    struct str payee_name;
};

/* A list of values, as far as it was heard. */
struct list {
    bool looks, writes, grave;
    bool action; /* of a parameter that is called one */
    bool named;  /* of a parameter at all */
    struct reading worst;
};

static void found(struct choices *choices, enum tool_class class, struct str words, const char *why)
{
    if (class <= choices->out->class)
        return;
    choices->out->class = class;
    choices->out->strength = STRENGTH_STRONG;
    choices->out->words = words;
    choices->out->why = why;
}

static void hear_value(const struct choices *choices, struct str value, struct list *list)
{
    struct word words[CHOICE_WORDS];
    size_t count = words_of_identifier(choices->lexicon, value, words, CHOICE_WORDS);
    struct reading one;

    if (count == 0 || count == CHOICE_WORDS)
        return;
    list->looks |= word_in(&words[0], "get list show fetch view find describe read quote");
    list->writes |= count == 1 && word_in(&words[0], "write");
    read_name(choices->lexicon, value, STR_EMPTY, choices->subject, &one);
    if (one.class < CLASS_DESTRUCTIVE || one.strength < STRENGTH_FAIR || one.class <= list->worst.class)
        return;
    list->grave = true;
    list->worst = one;
    list->worst.words = value;
}

static void judge_list(struct choices *choices, const struct list *list)
{
    /* read, write, delete: what somebody may do */
    bool bare = list->worst.bare && word_in(&list->worst.verb, "delete purge destroy wipe erase remove pay");

    if (list->grave && ((list->looks && !list->writes) || (((choices->alone && list->named) || list->action) && bare)))
        found(choices, list->worst.class, list->worst.words, "one of the actions that it can be told to take");
}

static bool is_method(struct str value)
{
    return value.len > 1 && value.ptr[0] >= 'A' && value.ptr[0] <= 'Z' && value.ptr[1] >= 'A' && value.ptr[1] <= 'Z';
}

static bool is_action(const struct lexicon *lexicon, struct str name)
{
    struct word words[CHOICE_WORDS];
    size_t count = words_of_identifier(lexicon, name, words, CHOICE_WORDS);
    return count > 0 && word_in_number(&words[count - 1], "action operation op subcommand command method");
}

static void read_list(struct choices *choices, const struct json *values, struct str name)
{
    struct list list = { .action = is_action(choices->lexicon, name), .named = name.len > 0 };
    const struct json *value;
    struct json_iter iter;
    struct str key;

    json_iter_init(&iter, json_is(values, JSON_ARRAY) ? values : NULL);
    while (choices->left > 0 && json_iter_next(&iter, &key, &value)) {
        choices->left--;
        if (json_is(value, JSON_OBJECT)) /* of oneOf */
            value = json_get(value, STR("title"));
        if (json_is(value, JSON_STRING) && !is_method(json_string(value)))
            hear_value(choices, json_string(value), &list);
    }
    judge_list(choices, &list);
}

/* "One of get, list, delete"; "^(get|delete)$" */
static void read_text(struct choices *choices, struct str text)
{
    struct word words[4 * CHOICE_WORDS];
    size_t count = words_of_identifier(choices->lexicon, text, words, 4 * CHOICE_WORDS);
    struct list list = { .looks = false };

    for (size_t i = 0; i < count; i++) {
        if (words[i].shown.len == words[i].len && words[i].after != '_' && (i == 0 || words[i - 1].after != '_') &&
            !is_method(words[i].shown) &&
            !word_in(&words[i], "read view check")) /* "whether one may read, update or delete" */
            hear_value(choices, words[i].shown, &list);
    }
    judge_list(choices, &list);
}

/* The only action, or the one that is taken where none is given. */
static void read_one(struct choices *choices, struct str value)
{
    struct list list = { .looks = false };

    if (!is_method(value))
        hear_value(choices, value, &list);
    list.action = true;
    judge_list(choices, &list);
}

/* delete, purge_after_read, ids_to_delete; and what money goes to. */
static void read_parameter(struct choices *choices, struct str name, struct list *names)
{
    struct word words[CHOICE_WORDS];
    size_t count = words_of_identifier(choices->lexicon, name, words, CHOICE_WORDS);
    static const char destroys[] = "delete purge destroy wipe erase";

    if (count == 0)
        return;
    if ((word_in(&words[0], destroys) &&
         (count == 1 || word_in(&words[1], "after on if all when once source original it them too"))) ||
        (count > 1 && word_in(&words[count - 1], destroys) && word_in(&words[count - 2], "to")))
        found(choices, CLASS_DESTRUCTIVE, name, "a parameter that says what is taken away");
    choices->amount |= word_in_number(&words[count - 1], "amount usd eur lamports wei");
    if (word_in_number(&words[count - 1], "iban cvv cvc payee recipient") ||
        (count > 1 && word_in(&words[count - 1], "address") && word_in(&words[count - 2], "to destination"))) {
        choices->payee = true;
        choices->payee_name = name;
    }
    if (count == 1)
        hear_value(choices, name, names);
}

static void read_names(struct choices *choices, const struct json *properties)
{
    struct list names = { .looks = false };
    const struct json *value;
    struct json_iter iter;
    struct str name;

    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (choices->left > 0 && json_iter_next(&iter, &name, &value)) {
        choices->left--;
        read_parameter(choices, name, &names);
    }
    if (names.looks)
        judge_list(choices, &names);
}

static void read_description_of(struct choices *choices, struct str name, struct str text)
{
    struct reading deed = { .strength = STRENGTH_NONE };

    if (is_action(choices->lexicon, name))
        read_text(choices, text);
    if (description_takes_all(choices->lexicon, text, choices->subject, true, &deed) && !word_in(&deed.verb, "drop"))
        found(choices, deed.class, deed.words, "the description of a parameter says it");
}

/* As deep as the document, which its parser bounds. */
static void look_into(struct choices *choices, const struct json *node, struct str name)
{
    const struct json *value;
    struct json_iter iter;
    struct str key;
    bool members = json_is(node, JSON_OBJECT);

    json_iter_init(&iter, members || json_is(node, JSON_ARRAY) ? node : NULL);
    while (choices->left > 0 && json_iter_next(&iter, &key, &value)) {
        choices->left--;
        if (json_is(value, JSON_STRING)) {
            if (members && str_eq(key, STR("description")))
                read_description_of(choices, name, json_string(value));
            else if (members && str_eq(key, STR("pattern")) && is_action(choices->lexicon, name))
                read_text(choices, json_string(value));
            else if (members && (str_eq(key, STR("const")) || str_eq(key, STR("default"))) &&
                     is_action(choices->lexicon, name))
                read_one(choices, json_string(value));
            continue;
        }
        if (members && (str_eq(key, STR("properties")) || str_eq(key, STR("patternProperties")))) {
            struct json_iter inner;
            const struct json *property;
            struct str one;
            read_names(choices, value);
            json_iter_init(&inner, json_is(value, JSON_OBJECT) ? value : NULL);
            while (choices->left > 0 && json_iter_next(&inner, &one, &property)) {
                choices->left--;
                look_into(choices, property, one);
            }
            continue;
        }
        if (members &&
            (str_eq(key, STR("enum")) || str_eq(key, STR("enumNames")) || str_eq(key, STR("oneOf")) ||
             str_eq(key, STR("anyOf")) || str_eq(key, STR("examples")) || str_starts_with(key, STR("x-enum"))))
            read_list(choices, value, name);
        bool whole = !members ||
                     !(str_eq(key, STR("allOf")) || str_eq(key, STR("anyOf")) || str_eq(key, STR("oneOf"))) ||
                     json_is(value, JSON_ARRAY);
        if (whole)
            look_into(choices, value, name);
    }
}

void read_choices(const struct lexicon *lexicon, const struct json *schema, const struct subject *subject, bool alone,
                  struct reading *out)
{
    struct choices choices = {
        .lexicon = lexicon, .subject = subject, .out = out, .left = LIMIT_schema_steps, .alone = alone
    };

    *out = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    look_into(&choices, schema, STR_EMPTY);
    if (choices.amount && choices.payee)
        found(&choices, CLASS_FINANCIAL, choices.payee_name, "an amount, and whom it goes to");
    if (choices.left == 0)
        found(&choices, CLASS_DESTRUCTIVE, STR_EMPTY, "it can be told to take more actions than are looked at");
}
