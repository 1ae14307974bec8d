/* Descriptions: the verbs that lead the first sentence. "Lists, creates, renames or deletes branches." */
#include "classify/reading.h"

#include "base/check.h"

#define LEAD_WORDS 14  /* before the verb that leads: further in, a verb is part of something else */
#define OBJECT_WORDS 9 /* behind it: what it acts on */

static bool is_verb(const struct word *word)
{
    return word->lexeme && (word->lexeme->verb == VERB_SURE || word->lexeme->verb == VERB_EITHER);
}

static bool is_vague(const struct word *word)
{
    return word->lexeme && word->lexeme->verb == VERB_VAGUE;
}

static bool ends_sentence(const struct word *word)
{
    return word->after == '.' || word->after == '!' || word->after == '\0';
}

/* The words of the first sentence. */
static size_t first_sentence(const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ends_sentence(&words[i]) && i >= 1)
            return i + 1;
    }
    return count;
}

static bool is_filler(const struct word *word)
{
    if (word->len > 3 && str_ends_with(str_of(word->bare, word->len), STR("ly")))
        return true;
    return word_in(word,
                   "this that the a an tool tools use used uses using it will can could to you your lets let allows "
                   "allow allowing "
                   "agent users user for function method endpoint action operation which and easily helps help able "
                   "enables enable please first then mcp api new async bulk batch proactive soft hard i we "
                   "when want need should provides provide simple just try immediately destructive dangerous");
}

/* Where the sentence's verb stands, and how sure that is; count: nowhere. */
static size_t find_lead(const struct word *words, size_t count, enum strength *strength)
{
    *strength = STRENGTH_STRONG;
    for (size_t i = 0; i < count && i < LEAD_WORDS; i++) {
        bool told = i > 0 && word_in(&words[i - 1], "to will can");
        if (i + 1 < count && word_in(&words[i], "call") &&
            word_in(&words[i + 1], "this it when before after first once"))
            continue; /* what the model is to do, and not the tool */
        if (is_filler(&words[i]) && !(i == 0 && is_verb(&words[i]) && count > 1 && !word_in(&words[i], "use let help")))
            continue;
        if (is_verb(&words[i]) || is_vague(&words[i])) {
            if (i > 0 && !told && *strength == STRENGTH_STRONG && !is_filler(&words[i - 1]))
                *strength = STRENGTH_FAIR;
            return i;
        }
        *strength = STRENGTH_WEAK;
    }
    return count;
}

/* "deletes" in "creates, renames or deletes": joined to the verb before it. */
static bool joined(const struct word *before, const struct word *word)
{
    return before->after == ',' || before->after == '/' || before->after == '(' || before->after == '|' ||
           before->after == '-' || word_in(word, "and or then");
}

static struct str span(const struct word *first, const struct word *last)
{
    return str_of(first->shown.ptr, (size_t)(last->shown.ptr + last->shown.len - first->shown.ptr));
}

static void judge_at(const struct word *words, size_t count, size_t at, const struct subject *subject,
                     struct reading *out)
{
    size_t behind = count - at < OBJECT_WORDS ? count - at : OBJECT_WORDS;
    size_t last = at + 1 < count ? at + 1 : at;

    judge_verb(&words[at], words + at, behind, subject, out);
    while (last + 1 < count && last < at + 3 && words[last].after != ',' && words[last].after != '(')
        last++;
    out->words = span(&words[at], &words[last]);
}

/* The gravest of the verbs that are joined to the one at `at`. */
static void judge_joined(const struct word *words, size_t count, size_t at, const struct subject *subject,
                         struct reading *out)
{
    size_t i = at;

    while (i + 1 < count && joined(&words[i], &words[i + 1])) {
        struct reading other = { .strength = STRENGTH_NONE };
        i++;
        if (word_in(&words[i], "and or then optionally also auto") && i + 1 < count)
            i++;
        if (word_in(&words[i], "hard soft auto permanently") && i + 1 < count)
            i++;
        if (!is_verb(&words[i]))
            return;
        judge_at(words, count, i, subject, &other);
        if (other.class > out->class && other.class >= CLASS_WRITE)
            *out = other;
    }
}

/* "Manages events. Supports creating, updating and deleting." What is managed can be deleted where a later sentence
 * says so. */
static void judge_later(const struct word *words, size_t from, size_t count, const struct subject *subject,
                        struct reading *out)
{
    for (size_t i = from; i < count && out->class < CLASS_DESTRUCTIVE; i++) {
        bool denied = word_in(&words[i - 1], "not cannot never without no dont") ||
                      (i > 1 && word_in(&words[i - 2], "not cannot never without no dont"));
        if (!denied && is_verb(&words[i]) &&
            word_in(&words[i], "delete destroy drop purge erase terminate uninstall")) {
            judge_at(words, count, i, subject, out);
            out->strength = STRENGTH_FAIR;
        }
    }
}

/* "and saves it to local disk" */
static bool saves_here(const struct word *words, size_t count, size_t at)
{
    for (size_t i = at; word_in(&words[at], "save") && i < count && i < at + OBJECT_WORDS; i++) {
        if (word_in(&words[i], "disk local file folder directory"))
            return true;
    }
    return false;
}

/* "Finds files and deletes them", "Builds a transaction, then submits it": the same hands, one after the other. What is
 * only given another form is still told. */
static void judge_next(const struct word *words, size_t from, size_t count, const struct subject *subject,
                       struct reading *out)
{
    for (size_t i = from; i + 1 < count; i++) {
        if (!word_in(&words[i - 1], "and then") || !is_verb(&words[i]) || !word_in(&words[i + 1], "it them") ||
            word_in(&words[i], "replace convert format transform render generate combine merge organize") ||
            (word_in(&words[i], "save") && !saves_here(words, count, i)))
            continue;
        struct reading other = { .strength = STRENGTH_NONE };
        judge_at(words, count, i, subject, &other);
        if (other.class >= out->class && other.class >= CLASS_WRITE) {
            *out = other;
            out->follows = true;
        }
    }
}

/* "CPU usage of nodes": no deed, but what is told. */
static void read_phrase(const struct word *words, size_t count, struct reading *out)
{
    const struct word *last = NULL;

    for (size_t i = 0; i < count && i < OBJECT_WORDS && !word_is_preposition(&words[i]); i++) {
        last = &words[i];
        if (last->after == ',' || last->after == '.' || last->after == '(' || last->after == ':')
            break;
    }
    if (!last || !last->lexeme || !(last->lexeme->objects & (OBJECT_STATE | OBJECT_FACT)))
        return;
    out->strength = STRENGTH_WEAK;
    out->class = CLASS_READ;
    out->why = "names what is told, and no deed";
    out->words = span(words, last);
}

/* Deployment, conversion: the deed as a thing. What follows "of" is what it is done to; else it describes what follows.
 */
static bool is_deed_as_thing(const struct word *words, size_t count, size_t at)
{
    struct str bare = str_of(words[at].bare, words[at].len);

    return words[at].lexeme->verb == VERB_EITHER &&
           (str_ends_with(bare, STR("tion")) || str_ends_with(bare, STR("sion")) || str_ends_with(bare, STR("ment"))) &&
           !(at + 1 < count && word_in(&words[at + 1], "of for to"));
}

/* What the verb acts on, not what that is for. */
static unsigned objects_behind(const struct word *words, size_t count, size_t lead)
{
    unsigned objects = 0;

    for (size_t i = lead + 1; i < count && i <= lead + OBJECT_WORDS && !word_is_preposition(&words[i]); i++)
        objects |= objects_at(words, count, i);
    return objects;
}

void read_description(const struct lexicon *lexicon, struct str description, const struct subject *subject,
                      struct reading *out)
{
    struct word words[TEXT_WORDS];
    size_t all = words_of_text(lexicon, description, words, TEXT_WORDS), count = first_sentence(words, all), lead;
    enum strength strength;

    *out = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    lead = find_lead(words, count, &strength);
    if (lead == count) {
        read_phrase(words, count, out);
        return;
    }
    if (is_deed_as_thing(words, count, lead)) {
        strength = STRENGTH_WEAK;
        read_phrase(words, count, out);
        if (out->strength != STRENGTH_NONE)
            return;
    }
    judge_at(words, count, lead, subject, out);
    judge_joined(words, count, lead, subject, out);
    judge_next(words, lead + 2, count, subject, out);
    if (is_vague(&words[lead]) || word_in(&words[lead], "perform execute run do")) {
        for (size_t i = lead + 1; i + 1 < count; i++) {
            if (is_verb(&words[i]) && (words[i].after == '/' || words[i].after == ','))
                judge_joined(words, count, i, subject, out);
        }
    }
    if (out->strength > strength)
        out->strength = strength;
    if (is_vague(&words[lead]))
        judge_later(words, count, all, subject, out);
    out->objects = objects_behind(words, count, lead);
}
