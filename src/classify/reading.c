/* Verbs and what they act on, judged by pairs.def. */
#include "classify/reading.h"

#include "base/check.h"

enum pair_subject { PAIR_ANY, PAIR_MONEY, PAIR_TRADING, PAIR_BROWSER };

static const struct pair {
    const char *verbs, *objects;
    enum pair_subject subject;
    enum tool_class class;
    enum strength strength;
    const char *why;
} pairs[] = {
#define PAIR(verbs, objects, subject, class, strength, why) \
    { verbs, objects, PAIR_##subject, CLASS_##class, STRENGTH_##strength, why },
#include "classify/pairs.def"
#undef PAIR
};

_Static_assert(sizeof(pairs) / sizeof(pairs[0]) <= UINT8_MAX, "a row's place is a byte");

void bind_pairs(struct lexicon *lexicon)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct str rest = str_from_c(pairs[i].verbs);
        while (rest.len > 0) {
            struct str verb = str_slice(rest, 0, str_find_byte(rest, ' '));
            struct lexeme *lexeme = lexicon_find(lexicon, verb);
            rest = str_slice(rest, verb.len + 1, rest.len);
            if (!lexeme)
                continue;
            CHECK(lexeme->pair_count < VERB_PAIRS);
            lexeme->pairs[lexeme->pair_count++] = (uint8_t)i;
        }
    }
}

static bool subject_fits(enum pair_subject wanted, const struct subject *subject)
{
    switch (wanted) {
    case PAIR_ANY: return true;
    case PAIR_MONEY: return subject->money;
    case PAIR_TRADING: return subject->trading;
    case PAIR_BROWSER: return subject->browser;
    }
    WRONG("a subject that is none");
}

/* A list of words, or the name of a kind of objects in capitals. */
static bool is_object(const struct word *word, const char *objects)
{
    static const struct {
        const char *name;
        enum object_kind kind;
    } kinds[] = {
        { "CODE", OBJECT_CODE },
        { "RUN", OBJECT_RUN },
        { "DEVICE", OBJECT_DEVICE },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(objects, kinds[i].name) == 0)
            return word->lexeme && (word->lexeme->objects & kinds[i].kind) != 0;
    }
    /* a plural that the lexicon did not know is still as it stands */
    return word_in_number(word, objects);
}

/* What the verb makes of it, or where that goes or comes from: "into a single markdown document". */
static bool goes_to(const struct word *verb, const struct word *words, size_t count, const char *objects,
                    const char *prepositions)
{
    size_t left = 0;

    for (size_t w = 0; w < count; w++) {
        if (words[w].shown.ptr <= verb->shown.ptr)
            continue;
        if (word_in(&words[w], prepositions))
            left = 4;
        else if (left > 0 && left-- > 0 && word_in_number(&words[w], objects))
            return true;
    }
    return false;
}

/* Of what stands behind or before the verb, up to a preposition: "refund for a payment" is a refund. */
static bool has_object(const struct pair *pair, const struct word *verb, const struct word *words, size_t count)
{
    bool head_only = str_starts_with(str_from_c(pair->objects), STR("head:"));
    const char *objects = head_only ? pair->objects + strlen("head:") : pair->objects;
    bool found = false;

    if (str_starts_with(str_from_c(objects), STR("to:")))
        return goes_to(verb, words, count, objects + strlen("to:"), "to into as");
    if (str_starts_with(str_from_c(objects), STR("from:")))
        return goes_to(verb, words, count, objects + strlen("from:"), "from");
    for (size_t w = 0; w < count; w++) {
        if (words[w].shown.ptr == verb->shown.ptr)
            continue;
        if (words[w].shown.ptr > verb->shown.ptr && word_is_preposition(&words[w]))
            break;
        if (is_object(&words[w], objects))
            found = true;
        else if (head_only)
            found = false;
        if (found && !head_only)
            return true;
    }
    return found;
}

static bool ends_phrase(const struct word *word)
{
    return word->after == '.' || word->after == ',' || word->after == ';' || word->after == ':' || word->after == '(' ||
           word->after == '\0';
}

/* create_payment_form, "Create a template for invoices": what is made is named after money, and moves none. */
static bool makes_artefact(const struct word *verb, const struct word *words, size_t count)
{
    const struct word *last = NULL;

    if (!word_in(verb, "create make generate add build design scaffold set"))
        return false;
    for (size_t w = 0; w < count; w++) {
        if (words[w].shown.ptr <= verb->shown.ptr)
            continue;
        if (word_is_preposition(&words[w]))
            break;
        if (word_in_number(&words[w], "lwc component boilerplate template widget snippet mockup wireframe"))
            return true;
        last = &words[w];
        if (ends_phrase(last))
            break;
    }
    return last &&
           word_in_number(last,
                          "page form guide layout ui screen theme example sample doc schema model method term policy "
                          "rule reminder note category type tag label field report notification webhook "
                          "profile customer contact recipient vendor supplier product");
}

static const struct pair *find_pair(const struct word *verb, const struct word *words, size_t count,
                                    const struct subject *subject)
{
    bool artefact = makes_artefact(verb, words, count);

    for (size_t i = 0; i < verb->lexeme->pair_count; i++) {
        const struct pair *pair = &pairs[verb->lexeme->pairs[i]];
        if (!subject_fits(pair->subject, subject) || (artefact && pair->class == CLASS_FINANCIAL))
            continue;
        if (strcmp(pair->objects, "*") == 0)
            return pair;
        if (has_object(pair, verb, words, count))
            return pair;
    }
    return NULL;
}

void judge_verb(const struct word *verb, const struct word *words, size_t count, const struct subject *subject,
                struct reading *out)
{
    const struct pair *pair = find_pair(verb, words, count, subject);

    AN(verb->lexeme);
    out->verb = *verb;
    out->paired = pair != NULL;
    if (pair) {
        out->class = pair->class;
        out->strength = pair->strength;
        out->why = pair->why;
        return;
    }
    out->class = verb->lexeme->class;
    out->why = verb->lexeme->does;
    out->strength = verb->lexeme->verb == VERB_SURE ? STRENGTH_STRONG : STRENGTH_FAIR;
    if (verb->lexeme->verb == VERB_VAGUE) {
        out->strength = STRENGTH_WEAK;
        out->class = word_in(verb, "manage administer maintain crud") ? CLASS_WRITE : CLASS_OTHER;
    }
}
