/* Names with their verbs left out, and who shares them. */
#include "classify/siblings.h"

#include "base/limits.h"
#include "classify/reading.h"

#include <string.h>

#define HEARD 2
#define KEPT (HEARD + 1) /* one of them may be the tool's own verb */
#define KEY_BYTES (NAME_WORDS * (WORD_BYTES + 1))

/* A name cut up: "delete_users" is "delete", and "* user". */
struct deed {
    struct word verb;
    char key[KEY_BYTES];
    size_t len; /* of the key; 0: none */
};

/* Of those with one key, the first in byte order for each verb, and of these the first few. */
struct group {
    struct member {
        struct str name, verb; /* the verb's bare form, in the arena */
        const struct lexeme *lexeme;
    } members[KEPT];
    size_t count;
};

static const struct rule {
    enum verb_kind verb;
    enum tool_class least;
    unsigned gain;
    const char *why;
} rules[] = {
#define SIBLING(verb, least, gain, why) { VERB_##verb, CLASS_##least, gain, why },
#include "classify/siblings.def"
#undef SIBLING
};

void siblings_init(struct siblings *siblings, const struct classifier *classifier, struct str server,
                   struct arena *arena)
{
    *siblings = (struct siblings){ .classifier = classifier, .arena = arena, .server = server };
    map_init(&siblings->groups);
}

void siblings_release(struct siblings *siblings)
{
    map_release(&siblings->groups);
}

/* In the singular, whether or not the lexicon knows the word. */
static size_t put_singular(const struct word *word, char *out)
{
    size_t len = word->len;

    memcpy(out, word->bare, len);
    if (len > 4 && memcmp(out + len - 3, "ies", 3) == 0) {
        out[len - 3] = 'y';
        return len - 2;
    }
    return len > 3 && out[len - 1] == 's' && out[len - 2] != 's' ? len - 1 : len;
}

/* Leaves the key empty where there is no verb, or nothing but it. */
static void cut_up(const struct siblings *siblings, struct str name, struct deed *out)
{
    static const struct subject any = { .money = false };
    const struct lexicon *lexicon = classifier_lexicon(siblings->classifier);
    struct word words[NAME_WORDS];
    struct reading reading;
    const struct word *verb = NULL;
    size_t len = 0, count;

    out->len = 0;
    name = str_slice(name, 0, str_find_byte(name, '('));
    count = words_of_identifier(lexicon, name, words, NAME_WORDS);
    read_name(lexicon, name, siblings->server, &any, &reading);
    const char *at = reading.verb.shown.len > 0 ? reading.verb.shown.ptr : reading.words.ptr;
    if (count < 2 || count == NAME_WORDS || reading.strength == STRENGTH_NONE)
        return;
    for (size_t i = 0; i < count; i++) {
        if (words[i].len == 0)
            return; /* too long to be told from another */
        if (words[i].shown.ptr == at) {
            verb = &words[i];
            out->key[len++] = '*';
        } else {
            len += put_singular(&words[i], out->key + len);
        }
        out->key[len++] = ' ';
    }
    if (!verb || !verb->lexeme || verb->lexeme->verb == VERB_NONE)
        return;
    out->verb = *verb;
    out->len = len;
}

static struct str verb_of(const struct deed *deed)
{
    return str_of(deed->verb.bare, deed->verb.len);
}

static void forget_member(struct group *group, size_t at)
{
    group->count--;
    memmove(&group->members[at], &group->members[at + 1], (group->count - at) * sizeof(group->members[0]));
}

/* False: others stand before it. */
static bool make_room(struct group *group, struct str name, struct str verb, size_t *at)
{
    for (size_t i = 0; i < group->count; i++) {
        if (!str_eq(group->members[i].verb, verb))
            continue;
        if (str_cmp(group->members[i].name, name) <= 0)
            return false;
        forget_member(group, i);
        break;
    }
    for (*at = 0; *at < group->count && str_cmp(group->members[*at].name, name) < 0;)
        ++*at;
    if (*at == KEPT)
        return false;
    if (group->count == KEPT)
        group->count--;
    memmove(&group->members[*at + 1], &group->members[*at], (group->count - *at) * sizeof(group->members[0]));
    group->count++;
    return true;
}

static struct group *group_of(struct siblings *siblings, const struct deed *deed)
{
    struct str key = str_of(deed->key, deed->len);
    struct group *group = map_get(&siblings->groups, key);

    if (group)
        return group;
    group = arena_zalloc(siblings->arena, sizeof(*group));
    key = arena_str(siblings->arena, key);
    return group && key.ptr && !map_set(&siblings->groups, key, group) ? group : NULL;
}

int siblings_add(struct siblings *siblings, struct str name)
{
    struct deed deed;
    size_t at;

    if (siblings->count == LIMIT_sibling_tools)
        return 0;
    siblings->count++;
    cut_up(siblings, name, &deed);
    if (deed.len == 0 || deed.verb.lexeme->verb != VERB_SURE)
        return 0; /* a word that may be a noun vouches for nobody */
    struct group *group = group_of(siblings, &deed);
    struct str verb = group ? arena_str(siblings->arena, verb_of(&deed)) : STR_EMPTY;
    if (!verb.ptr)
        return E_NOMEM;
    if (make_room(group, name, verb, &at))
        group->members[at] = (struct member){ .name = name, .verb = verb, .lexeme = deed.verb.lexeme };
    return 0;
}

/* Whether it was the name that made the verdict. */
static bool name_made(const struct verdict_on_tool *verdict)
{
    for (size_t i = 0; i < verdict->evidence_count; i++) {
        if (verdict->evidence[i].source == EVIDENCE_NAME && verdict->evidence[i].class == verdict->class)
            return true;
    }
    return false;
}

static const struct rule *rule_for(enum verb_kind own, const struct lexeme *sibling)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].verb == own && sibling->class >= rules[i].least)
            return &rules[i];
    }
    return NULL;
}

void siblings_speak(const struct siblings *siblings, struct str name, struct verdict_on_tool *verdict)
{
    const struct group *group;
    struct deed deed;
    size_t heard = 0;

    if (verdict->class < CLASS_WRITE || !name_made(verdict))
        return;
    cut_up(siblings, name, &deed);
    group = deed.len > 0 ? map_get(&siblings->groups, str_of(deed.key, deed.len)) : NULL;
    for (size_t i = 0; group && i < group->count && heard < HEARD; i++) {
        const struct member *member = &group->members[i];
        const struct rule *rule = rule_for(deed.verb.lexeme->verb, member->lexeme);
        if (!rule || verdict->evidence_count == EVIDENCE_MAX || str_eq(member->verb, verb_of(&deed)))
            continue;
        heard++;
        verdict->confidence += rule->gain;
        verdict->evidence[verdict->evidence_count++] = (struct evidence){
            .source = EVIDENCE_SIBLING, .words = member->name, .class = verdict->class, .why = str_from_c(rule->why)
        };
    }
    if (verdict->confidence > CONFIDENCE_MOST)
        verdict->confidence = CONFIDENCE_MOST;
}
