/* The table of members, and holding objects to it. */
#include "policy/schema.h"

#include "base/check.h"
#include "base/decimal.h"
#include "base/nearest.h"

#define S (1u << JSON_STRING)
#define B (1u << JSON_BOOL)
#define N (1u << JSON_NUMBER)
#define A (1u << JSON_ARRAY)
#define O (1u << JSON_OBJECT)
#define ANY (S | B | N | A | O | 1u << JSON_NULL)

enum when { REQUIRED, OPTIONAL, LATER };

struct member {
    enum schema_object object;
    struct str name;
    unsigned kinds;
    enum when when;
    struct str neutral;
};

static const struct member members[] = {
#define MEMBER(object, name, kinds, when, neutral, text) { SCHEMA_##object, STR(name), kinds, when, STR(neutral) },
#include "policy/schema.def"
#undef MEMBER
};

static const struct member *member_find(enum schema_object object, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].object == object && str_eq(members[i].name, name))
            return &members[i];
    return NULL;
}

static struct str member_nearest(enum schema_object object, struct str name)
{
    struct str names[ARRAY_LEN(members)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].object == object)
            names[count++] = members[i].name;
    return nearest_word(name, names, count);
}

static const char *kinds_text(unsigned kinds)
{
    for (unsigned kind = JSON_NULL; kind <= JSON_OBJECT; kind++)
        if (kinds == 1u << kind)
            return json_kind_name((enum json_kind)kind);
    if (kinds == (S | N))
        return "a string or a number";
    CHECK(kinds == (S | O));
    return "a string or an object";
}

static bool is_neutral(const struct member *member, const struct json *value)
{
    if (member->neutral.len == 0)
        return false;
    struct decimal number, one;
    switch (json_kind(value)) {
    case JSON_STRING: return str_eq(json_string(value), member->neutral);
    case JSON_BOOL: return str_eq(member->neutral, json_bool(value) ? STR("true") : STR("false"));
    case JSON_ARRAY: return json_count(value) == 0;
    case JSON_NUMBER:
        return decimal_parse(json_number(value), &number) == 0 && decimal_parse(member->neutral, &one) == 0 &&
               decimal_cmp(&number, &one) == 0;
    case JSON_NULL:
    case JSON_OBJECT: return false;
    }
    WRONG("a kind of JSON that does not exist");
}

/* Words that a rule might have had. */
static bool says_whether(struct str key)
{
    static const struct str words[] = { { "deny", 4 },     { "denied", 6 },  { "block", 5 }, { "forbid", 6 },
                                        { "disabled", 8 }, { "enabled", 7 }, { "allow", 5 }, { "allowed", 7 } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(key, words[i]))
            return true;
    return false;
}

static void member_check(struct reporter *reporter, const struct place *place, enum schema_object object,
                         const struct json *value)
{
    const struct member *member = member_find(object, place->key);
    if (member == NULL) {
        struct str guess = report_guess(reporter, member_nearest(object, place->key));
        if (object == SCHEMA_RULE && guess.len == 0 && says_whether(place->key))
            guess = STR("write \"action\": \"deny\"; a rule without it allows");
        report_error(reporter, place, SPOT_KEY, guess, "unknown member \"%" STR_FMT "\"", STR_ARG(place->key));
    } else if (member->when == LATER && !is_neutral(member, value)) {
        report_error(reporter, place, SPOT_KEY, STR_EMPTY, "\"%" STR_FMT "\" is not yet supported",
                     STR_ARG(place->key));
    } else if (!(member->kinds & 1u << json_kind(value))) {
        report_error(reporter, place, SPOT_VALUE, STR_EMPTY, "\"%" STR_FMT "\" must be %s, this is %s",
                     STR_ARG(place->key), kinds_text(member->kinds), json_kind_name(json_kind(value)));
    }
}

bool schema_is(struct reporter *reporter, const struct place *place, const struct json *node, enum json_kind kind)
{
    if (json_is(node, kind))
        return true;
    report_error(reporter, place, SPOT_VALUE, STR_EMPTY, "must be %s, this is %s", json_kind_name(kind),
                 json_kind_name(json_kind(node)));
    return false;
}

bool schema_check(struct reporter *reporter, const struct place *place, const struct json *node,
                  enum schema_object object)
{
    if (!schema_is(reporter, place, node, JSON_OBJECT))
        return false;
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        struct place at = place_member(place, key);
        member_check(reporter, &at, object, value);
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].object == object && members[i].when == REQUIRED && json_get(node, members[i].name) == NULL)
            report_error(reporter, place, SPOT_VALUE, members[i].neutral, "the member \"%" STR_FMT "\" is missing",
                         STR_ARG(members[i].name));
    return true;
}

const struct json *schema_get(const struct json *node, enum schema_object object, struct str name)
{
    const struct member *member = member_find(object, name);
    AN(member);
    CHECK(member->when != LATER);
    const struct json *value = json_get(node, name);
    return value != NULL && (member->kinds & 1u << json_kind(value)) ? value : NULL;
}
