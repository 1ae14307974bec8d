/* Deeds that take away all of something, wherever a text has them: get_data_delete_all; "Gets data. Then permanently
 * deletes everything." Behind what only looks, and at the end of a long text, they are as grave as in front. */
#include "classify/reading.h"

#define WINDOW 32 /* words looked at together */
#define OVERLAP 8 /* of them again with the next */

static bool destroys(const struct word *word)
{
    return word_in(word, "delete destroy drop purge erase wipe truncate shred obliterate nuke");
}

static bool is_for_good(const struct word *word)
{
    return word_in(word, "permanently irreversibly irrevocably");
}

static bool is_total(const struct word *word)
{
    return word_in(word, "all everything") || is_for_good(word);
}

/* Behind another word of a name: at its end, where a drop is none (drag_and_drop), or with "all" behind it. */
static bool in_name(const struct word *words, size_t count, size_t at, size_t *last)
{
    if (!destroys(&words[at]) || at == 0)
        return false;
    *last = at + 1 < count ? at + 1 : at;
    return at + 1 == count ? !word_in(&words[at], "drop") : is_total(&words[at + 1]);
}

/* Where a clause begins, so that it is the tool that does it: "then permanently deletes", "Deletes everything". What an
 * underscore joins is another tool's name. */
static bool in_prose(const struct word *words, size_t count, size_t at, size_t *last)
{
    size_t first = at;

    if (!destroys(&words[at]) || at == 0 || words[at].after == '_')
        return false;
    if (is_for_good(&words[at - 1]))
        first--;
    if (first == 0 || !(words[first - 1].after == '.' || words[first - 1].after == '!' ||
                        words[first - 1].after == ';' || word_in(&words[first - 1], "then and")))
        return false;
    *last = at + 1 < count && is_total(&words[at + 1]) ? at + 1 : at;
    return *last > at || first < at;
}

static bool find(const struct lexicon *lexicon, struct str text,
                 size_t (*cut)(const struct lexicon *, struct str, struct word *, size_t),
                 bool (*fits)(const struct word *, size_t, size_t, size_t *), struct reading *out)
{
    struct word words[WINDOW];
    size_t count, last;

    do {
        count = cut(lexicon, text, words, WINDOW);
        for (size_t i = 0; i < count; i++) {
            if ((count == WINDOW && i + 1 == count) || !fits(words, count, i, &last))
                continue; /* what stands last may have more behind it: the next window has it again */
            out->verb = words[i];
            out->words = str_of(words[i].shown.ptr,
                                (size_t)(words[last].shown.ptr + words[last].shown.len - words[i].shown.ptr));
            out->class = CLASS_DESTRUCTIVE;
            out->strength = STRENGTH_STRONG;
            out->why = "takes away what does not come back, behind what it says first";
            return true;
        }
        if (count == WINDOW)
            text = str_slice(text, (size_t)(words[WINDOW - OVERLAP].shown.ptr - text.ptr), text.len);
    } while (count == WINDOW);
    return false;
}

bool name_takes_all(const struct lexicon *lexicon, struct str name, struct reading *out)
{
    return find(lexicon, name, words_of_identifier, in_name, out);
}

bool description_takes_all(const struct lexicon *lexicon, struct str description, struct reading *out)
{
    return find(lexicon, description, words_of_text, in_prose, out);
}
