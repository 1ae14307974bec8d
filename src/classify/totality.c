/* Deeds that take away or pay, wherever a text has them, behind whatever only looks: get_data_delete_all; "Gets data.
 * Then permanently deletes everything."; "The row is deleted." A deed is heard where the tool is who does it: what is
 * denied, what is told of others, and what stands under a condition are none. */
#include "classify/reading.h"

#define WINDOW 96 /* words looked at together */
#define BEHIND 20 /* of them again with the next: what a deed's clause begins with */
#define AHEAD 12  /* and what it is done to */
#define REACH 9   /* words behind a verb: its object */

#define DESTROYS "delete destroy drop purge erase wipe truncate shred obliterate nuke eradicate annihilate"

static bool destroys(const struct word *word)
{
    return word_in(word, DESTROYS);
}

static bool is_for_good(const struct word *word)
{
    return word_in(word, "permanently irreversibly irrevocably");
}

static bool is_total(const struct word *word)
{
    return word_in(word, "all everything") || is_for_good(word);
}

/* ---- names ---- */

/* Behind another word of a name: at its end, where a drop is none (drag_and_drop), or with "all" behind it. */
static bool ends_name(const struct word *words, size_t count, size_t at, size_t *last)
{
    if (at == 0)
        return false;
    *last = at + 1 < count ? at + 1 : at;
    if (word_in(&words[at],
                "deletion removal erasure termination deleteall removeall dropall clearall deletemany removemany"))
        return at + 1 == count && !words[at].plural;
    if (!destroys(&words[at]) || words[at].plural)
        return false;
    return at + 1 == count
               ? !word_in(&words[at], "drop")
               : is_total(&words[at + 1]) || words[at - 1].after == '&' || word_in(&words[at - 1], "and then");
}

bool name_takes_all(const struct lexicon *lexicon, struct str name, struct reading *out)
{
    struct word words[NAME_WORDS];
    size_t count, last;

    do {
        count = words_of_identifier(lexicon, name, words, NAME_WORDS);
        for (size_t i = 0; i < count; i++) {
            if ((count == NAME_WORDS && i + 1 == count) || !ends_name(words, count, i, &last))
                continue; /* what stands last may have more behind it: the next words have it again */
            out->verb = words[i];
            out->words = str_of(words[i].shown.ptr,
                                (size_t)(words[last].shown.ptr + words[last].shown.len - words[i].shown.ptr));
            out->class = CLASS_DESTRUCTIVE;
            out->strength = STRENGTH_STRONG;
            out->why = "takes away what does not come back, behind what it says first";
            return true;
        }
        if (count == NAME_WORDS)
            name = str_slice(name, (size_t)(words[NAME_WORDS - 8].shown.ptr - name.ptr), name.len);
    } while (count == NAME_WORDS);
    return false;
}

/* ---- clauses ---- */

/* What has been said in a clause before a word of it. */
struct clause {
    size_t first;
    bool denied; /* never, not, without */
    bool aside;  /* a condition, a relative clause, an example */
    bool told;   /* what the reader is to do: "Use this after deleting" */
    bool causes; /* "causes it to be deleted" */
    bool soft;   /* it began behind a comma or a line's end */
};

struct scene {
    const struct word *words;
    size_t count;
    const struct subject *subject;
    struct clause clause;
    bool only_clear;
};

static bool shows(const struct word *word, const char *shown)
{
    return str_eq_nocase(word->shown, str_from_c(shown));
}

static struct str between(const struct word *before, const struct word *word)
{
    const char *end = before->shown.ptr + before->shown.len;
    return str_of(end, (size_t)(word->shown.ptr - end));
}

static bool has_byte_of(struct str text, const char *bytes)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(bytes, text.ptr[i]) && text.ptr[i] != '\0')
            return true;
    }
    return false;
}

static bool is_adverb(const struct word *word)
{
    return (word->shown.len > 3 && str_ends_with(word->shown, STR("ly"))) ||
           word_shown_in(word, "also then first thereby just afterwards afterward later");
}

static void enter(struct clause *clause, size_t first, bool soft)
{
    *clause = (struct clause){ .first = first, .soft = soft };
}

/* What a word says of the clause that it stands in, for those behind it. */
static void hear(struct clause *clause, const struct scene *scene, size_t at)
{
    const struct word *word = &scene->words[at];
    const struct word *next = at + 1 < scene->count ? word + 1 : NULL;

    if (at == clause->first)
        clause->told =
            word_shown_in(word, "use call run prefer consider useful recommended typically returns-nothing you");
    if (word_shown_in(word, "not never no cannot without neither nor avoid prevent prevents refuses rejects blocks") ||
        (word->shown.len > 3 && (str_ends_with(word->shown, STR("n't")))))
        clause->denied = !(next && word_shown_in(next, "only merely just"));
    else if (word_shown_in(word, "fail fails but instead"))
        clause->denied = false;
    else if (word_shown_in(word,
                           "if when whenever whether once until unless where who whose that which before for such "
                           "like e.g example examples "
                           "unlike assuming"))
        clause->aside = true;
    if (word_shown_in(word, "and but then"))
        clause->aside = false;
    clause->causes |= word_shown_in(word, "causes makes lets gets");
}

static void cross(struct scene *scene, size_t at)
{
    if (at == 0) {
        enter(&scene->clause, 0, false);
        return;
    }
    struct str gap = between(&scene->words[at - 1], &scene->words[at]);
    if (has_byte_of(gap, ".!?;:([{|=") || str_find(gap, STR("\n\n")) < gap.len || str_find(gap, STR("- ")) < gap.len) {
        enter(&scene->clause, at, false);
    } else if (has_byte_of(gap, ",)]\n")) {
        bool denied = scene->clause.denied, told = scene->clause.told;
        enter(&scene->clause, at, true);
        scene->clause.denied = denied;
        scene->clause.told = told;
    }
}

/* ---- what a verb is done by, and to ---- */

static bool is_third_person(const struct word *word)
{
    return word->lexeme && word->lexeme->verb >= VERB_EITHER && word->shown.len > word->len &&
           word->shown.ptr[word->shown.len - 1] == 's';
}

static bool is_gerund(const struct word *word)
{
    return word->lexeme && word->lexeme->verb >= VERB_EITHER && word->shown.len > 5 &&
           str_ends_with(word->shown, STR("ing"));
}

/* Something definite behind it, which a noun has not: "drops the table", and not "inserts, updates and deletes". */
static bool has_thing(const struct scene *scene, size_t at)
{
    const struct word *word = &scene->words[at];

    if (at + 1 == scene->count || has_byte_of(between(word, word + 1), ".,;:()!?/|"))
        return false;
    return word_shown_in(word + 1,
                         "the a an it its them their this these those all each every everything any your our one "
                         "his her whatever both files rows records users data money funds") ||
           (str_eq(between(word, word + 1), STR(" ")) && word[1].shown.ptr[0] >= '0' && word[1].shown.ptr[0] <= '9') ||
           is_for_good(word + 1);
}

static bool is_hard_start(const struct scene *scene, size_t at)
{
    return at == scene->clause.first && !scene->clause.soft;
}

/* Where the tool itself is who does it: at the beginning of a clause, behind "it" or "this tool", or behind "and". */
static bool tool_does(const struct scene *scene, size_t at, bool *sure)
{
    const struct clause *clause = &scene->clause;
    size_t i = at;

    while (i > clause->first && is_adverb(&scene->words[i - 1]))
        i--;
    *sure = is_hard_start(scene, i);
    if (i == clause->first)
        return true;
    const struct word *before = &scene->words[i - 1];
    if (word_shown_in(before, "it this tool call")) {
        size_t subject =
            word_shown_in(before, "tool call") && i > clause->first + 1 && word_shown_in(before - 1, "this the")
                ? i - 2
                : i - 1;
        *sure = true;
        return subject == clause->first || word_shown_in(&scene->words[subject - 1], "and but then");
    }
    return word_shown_in(before, "and then but or");
}

static bool is_name_of_other(const struct scene *scene, size_t at)
{
    const struct word *word = &scene->words[at];
    return word->after == '_' || (at > 0 && has_byte_of(between(word - 1, word), "_")) || word->after == '=';
}

static struct str span(const struct scene *scene, size_t first, size_t last)
{
    const struct word *a = &scene->words[first], *b;

    if (last >= scene->count)
        last = scene->count - 1;
    b = &scene->words[last];
    return str_of(a->shown.ptr, (size_t)(b->shown.ptr + b->shown.len - a->shown.ptr));
}

static bool is_deed(const struct scene *scene, size_t at, size_t last, enum tool_class class, const char *why,
                    struct reading *out)
{
    out->verb = scene->words[at];
    out->words = span(scene, at, last);
    out->class = class;
    out->strength = STRENGTH_STRONG;
    out->why = why;
    return true;
}

static size_t object_end(const struct scene *scene, size_t at)
{
    size_t last = at;

    while (last + 1 < scene->count && last < at + 3 &&
           !has_byte_of(between(&scene->words[last], &scene->words[last + 1]), ".,;:()!?\n"))
        last++;
    return last;
}

/* Judges the verb with what stands behind it in its clause; only what surely destroys or pays is kept. */
static bool is_grave(const struct scene *scene, size_t at, struct reading *out)
{
    size_t end = at + 1;
    struct reading judged = { .strength = STRENGTH_NONE };
    const struct word *word = &scene->words[at];
    struct subject subject = *scene->subject;

    while (end < scene->count && end < at + REACH &&
           !has_byte_of(between(&scene->words[end - 1], &scene->words[end]), ".;:("))
        end++;
    for (size_t i = at; i < end; i++)
        subject.money |= scene->words[i].lexeme && scene->words[i].lexeme->objects & (OBJECT_MONEY | OBJECT_ASSET);
    judge_verb(word, word, end - at, &subject, &judged);
    bool destructive = judged.class == CLASS_DESTRUCTIVE && judged.strength == STRENGTH_STRONG &&
                       (judged.paired || word_in(word, DESTROYS " remove unlink terminate revoke uninstall"));
    bool pays = judged.class == CLASS_FINANCIAL && judged.strength == STRENGTH_STRONG;
    if (!destructive && !pays)
        return false;
    return is_deed(scene, at, object_end(scene, at), judged.class,
                   destructive ? "takes away what does not come back, behind what it says first"
                               : "moves or commits money, behind what it says first",
                   out);
}

/* "Deletes them.", "and drops the table", "it then permanently wipes …" */
static bool does(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *word = &scene->words[at];
    bool sure;

    if (!is_third_person(word) || scene->clause.denied || scene->clause.aside || !tool_does(scene, at, &sure) ||
        !(has_thing(scene, at) || (sure && word->lexeme->verb == VERB_SURE && !word_in(word, "remove drop truncate"))))
        return false;
    return (!scene->only_clear || destroys(word)) && is_grave(scene, at, out);
}

/* "by deleting the rows", "while unlinking each", "after having deleted it", "result of deleting all" */
static bool does_by(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *word = &scene->words[at];

    if (at == 0 || scene->clause.denied || scene->clause.told || !is_gerund(word) || !has_thing(scene, at))
        return false;
    if (!word_shown_in(word - 1, "by after while") &&
        !(shows(word - 1, "of") && at > 1 && word_shown_in(word - 2, "result results outcome")))
        return false;
    return is_grave(scene, at, out);
}

/* "Use this tool to delete the station", "To delete it, call this." */
static bool is_to_do(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *words = scene->words;

    if (at < 2 || !shows(&words[at - 1], "to") || !destroys(&words[at]) || scene->clause.denied ||
        words[at].shown.len != words[at].len)
        return false;
    size_t i = at - 2;
    if (word_shown_in(&words[i], "tool function") && i > 0)
        i--;
    bool here = shows(&words[i], "this") && i > 0 && word_shown_in(&words[i - 1], "use call run invoke");
    for (size_t w = at + 1; !here && w + 1 < scene->count && w < at + REACH; w++)
        here = is_hard_start(scene, at - 1) && word_shown_in(&words[w], "use call run invoke") &&
               shows(&words[w + 1], "this");
    return here && is_grave(scene, at, out);
}

/* "never fails to delete", "in the same step erase": after what says that it does. */
static bool is_done_without_fail(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *words = scene->words;

    return at > 2 && destroys(&words[at]) && shows(&words[at - 1], "to") &&
           word_shown_in(&words[at - 2], "fails fail") && word_shown_in(&words[at - 3], "never cannot") &&
           is_grave(scene, at, out);
}

static bool is_participle(const struct word *word)
{
    return word->shown.len > 5 && str_ends_with(word->shown, STR("ed")) &&
           word_shown_in(word, "deleted destroyed purged erased wiped shredded obliterated removed charged");
}

/* "is deleted", "will be permanently erased", "causes it to be deleted" */
static bool is_done(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *words = scene->words;
    size_t i = at;

    if (at < 2 || scene->clause.denied || scene->clause.aside || scene->clause.told || !is_participle(&words[at]))
        return false;
    while (i > 1 && is_adverb(&words[i - 1]))
        i--;
    if (shows(&words[i - 1], "having") && shows(&words[i - 2], "after") && has_thing(scene, at))
        return is_deed(scene, at, object_end(scene, at), CLASS_DESTRUCTIVE,
                       "takes away what does not come back, behind what it says first", out);
    if (!word_shown_in(&words[i - 1], "is are be gets get"))
        return false;
    if (shows(&words[i - 1], "be") && !word_shown_in(&words[i - 2], "will shall") &&
        !(shows(&words[i - 2], "to") && scene->clause.causes))
        return false;
    if (at + 1 < scene->count && !has_byte_of(between(&words[at], &words[at + 1]), ".,;") &&
        word_shown_in(&words[at + 1], "by after when if automatically in from until unless or and with as on only"))
        return false;
    bool pays = shows(&words[at], "charged");
    if (pays && !scene->subject->money)
        return false;
    (void)is_deed(scene, at, at, pays ? CLASS_FINANCIAL : CLASS_DESTRUCTIVE,
                  pays ? "moves or commits money, behind what it says first"
                       : "takes away what does not come back, behind what it says first",
                  out);
    out->words = span(scene, i - 2, at);
    return true;
}

/* rm -r, DROP TABLE, DELETE FROM: a command that is quoted is one that is run. */
static bool is_command(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *word = &scene->words[at], *next = word + 1;

    if (at + 1 >= scene->count || scene->clause.denied || scene->clause.aside)
        return false;
    bool sql = (str_eq(word->shown, STR("DROP")) &&
                (str_eq(next->shown, STR("TABLE")) || str_eq(next->shown, STR("DATABASE")) ||
                 str_eq(next->shown, STR("SCHEMA")))) ||
               (str_eq(word->shown, STR("DELETE")) &&
                (str_eq(next->shown, STR("FROM")) || str_eq(next->shown, STR("method")) ||
                 str_starts_with(between(word, next), STR(" /")))) ||
               (str_eq(word->shown, STR("TRUNCATE")) && str_eq(next->shown, STR("TABLE")));
    bool shell =
        str_eq(word->shown, STR("rm")) && str_eq(between(word, next), STR(" -")) && word_shown_in(next, "r rf fr");
    if (!sql && !shell)
        return false;
    for (size_t i = at + 2; i < scene->count && i < at + AHEAD; i++) {
        if (has_byte_of(between(&scene->words[i - 1], &scene->words[i]), ".;\n"))
            break;
        if (word_shown_in(&scene->words[i], "not blocked rejected forbidden disallowed refused prohibited denied"))
            return false;
    }
    return is_deed(scene, at, at + 1, CLASS_DESTRUCTIVE, "a command that takes away what does not come back", out);
}

/* ---- phrases ---- */

static const struct phrase {
    const char *words;
    enum tool_class class;
    enum { SAID, OF_ITSELF } where;
    const char *why;
} phrases[] = {
#define PHRASE(words, class, where, why) { words, CLASS_##class, where, why },
#include "classify/phrases.def"
#undef PHRASE
};

/* The place of the phrase's last word, where it stands there; 0: it does not. */
static size_t phrase_end(const struct scene *scene, size_t at, const struct phrase *phrase)
{
    struct str rest = str_from_c(phrase->words);
    size_t i = at;

    while (rest.len > 0 && i < scene->count) {
        struct str one = str_slice(rest, 0, str_find_byte(rest, ' '));
        if (!str_eq_nocase(scene->words[i].shown, one))
            return 0;
        rest = str_slice(rest, one.len + 1, rest.len);
        i++;
    }
    return rest.len > 0 ? 0 : i - 1;
}

static bool begins_phrase(const struct scene *scene, size_t at)
{
    char first = (char)(scene->words[at].shown.ptr[0] | 0x20);

    for (size_t p = 0; p < sizeof(phrases) / sizeof(phrases[0]); p++) {
        if (first == phrases[p].words[0] && phrase_end(scene, at, &phrases[p]) > 0)
            return true;
    }
    return false;
}

static bool has_phrase(const struct scene *scene, size_t at, struct reading *out)
{
    for (size_t p = 0; p < sizeof(phrases) / sizeof(phrases[0]); p++) {
        size_t last = phrase_end(scene, at, &phrases[p]), first = scene->clause.first;
        if (last == 0 || (phrases[p].where == SAID && (scene->clause.denied || scene->clause.told)))
            continue;
        if (phrases[p].where == OF_ITSELF && !(word_shown_in(&scene->words[first], "this it") && at <= first + 3))
            continue;
        return is_deed(scene, at, last, phrases[p].class, phrases[p].why, out);
    }
    return false;
}

/* "then permanently delete", "Delete everything": said to nobody, it is the tool that does it. */
static bool takes_all(const struct scene *scene, size_t at, struct reading *out)
{
    const struct word *words = scene->words;
    size_t first = at;

    if (!destroys(&words[at]) || at == 0 || scene->clause.denied || scene->clause.aside)
        return false;
    if (is_for_good(&words[at - 1]))
        first--;
    if (first == 0 || !(is_hard_start(scene, first) || word_shown_in(&words[first - 1], "then and")))
        return false;
    size_t last = at + 1 < scene->count && is_total(&words[at + 1]) ? at + 1 : at;
    return (last > at || first < at) && is_deed(scene, at, last, CLASS_DESTRUCTIVE,
                                                "takes away what does not come back, behind what it says first", out);
}

/* Whether it is worth to look at what stands around the word: few are. */
static bool may_be_deed(const struct word *word)
{
    const struct lexeme *lexeme = word->lexeme;

    if (lexeme && lexeme->verb >= VERB_EITHER &&
        (lexeme->class >= CLASS_DESTRUCTIVE || (lexeme->pair_count > 0 && (is_third_person(word) || is_gerund(word)))))
        return true;
    return is_participle(word);
}

/* The clause that the word stands in, as far as it was said before it. */
static void settle(struct scene *scene, size_t at)
{
    size_t from = at > BEHIND ? at - BEHIND : 0;

    enter(&scene->clause, from, from > 0);
    for (size_t i = from; i < at; i++) {
        if (i > from)
            cross(scene, i);
        hear(&scene->clause, scene, i);
    }
    if (at > from)
        cross(scene, at);
}

static bool find_deed(struct scene *scene, size_t at, struct reading *out)
{
    bool deed = may_be_deed(&scene->words[at]);

    if (!deed && (scene->only_clear || !begins_phrase(scene, at)))
        return false;
    settle(scene, at);
    if (is_name_of_other(scene, at))
        return false;
    if (!scene->only_clear && has_phrase(scene, at, out))
        return true;
    if (!deed)
        return false;
    if (takes_all(scene, at, out))
        return true;
    if (!scene->only_clear && (is_command(scene, at, out) || is_done(scene, at, out)))
        return true;
    return scene->words[at].lexeme &&
           (does(scene, at, out) || (!scene->only_clear && (does_by(scene, at, out) || is_to_do(scene, at, out) ||
                                                            is_done_without_fail(scene, at, out))));
}

bool description_takes_all(const struct lexicon *lexicon, struct str description, const struct subject *subject,
                           bool only_clear, struct reading *out)
{
    struct word words[WINDOW];
    size_t skip = 0;

    for (;;) {
        struct scene scene = { .words = words, .subject = subject, .only_clear = only_clear };
        scene.count = words_of_text(lexicon, description, words, WINDOW);
        size_t end = scene.count == WINDOW ? WINDOW - AHEAD : scene.count;
        for (size_t i = 0; i < end; i++) {
            if (i >= skip && find_deed(&scene, i, out))
                return true;
        }
        if (scene.count < WINDOW)
            return false;
        description =
            str_slice(description, (size_t)(words[end - BEHIND].shown.ptr - description.ptr), description.len);
        skip = BEHIND;
    }
}
