/* The lexicon in memory, and the cutting of identifiers and texts into its words. */
#include "classify/words.h"

#include "base/check.h"
#include "classify/letters.h"

#include <stdlib.h>

#define LEXICON_MAX 2048

/* ---- the lexicon ---- */

struct lexeme *lexicon_find(const struct lexicon *lexicon, struct str word)
{
    return map_get(&lexicon->words, word);
}

static struct lexeme *lexeme_of(struct lexicon *lexicon, struct str word)
{
    struct lexeme *lexeme = lexicon_find(lexicon, word);

    if (lexeme)
        return lexeme;
    CHECK(lexicon->count < LEXICON_MAX);
    lexeme = &lexicon->lexemes[lexicon->count];
    *lexeme = (struct lexeme){ .class = CLASS_OTHER };
    if (map_set(&lexicon->words, word, lexeme))
        return NULL;
    lexicon->count++;
    return lexeme;
}

static bool next_word(struct str *list, struct str *word)
{
    while (list->len > 0 && *list->ptr == ' ')
        *list = str_slice(*list, 1, list->len);
    *word = str_slice(*list, 0, str_find_byte(*list, ' '));
    *list = str_slice(*list, word->len, list->len);
    return word->len > 0;
}

static int add_verbs(struct lexicon *lexicon, enum tool_class class, enum verb_kind kind, const char *does,
                     struct str list)
{
    struct str word;

    while (next_word(&list, &word)) {
        struct lexeme *lexeme = lexeme_of(lexicon, word);
        if (!lexeme)
            return E_NOMEM;
        CHECK(lexeme->verb == VERB_NONE); /* one word, one list */
        lexeme->verb = kind;
        lexeme->class = class;
        lexeme->does = does;
    }
    return 0;
}

static int add_objects(struct lexicon *lexicon, enum object_kind kind, struct str list)
{
    struct str word;

    while (next_word(&list, &word)) {
        struct lexeme *lexeme = lexeme_of(lexicon, word);
        if (!lexeme)
            return E_NOMEM;
        AZ(lexeme->objects);
        lexeme->objects = kind;
    }
    return 0;
}

int lexicon_init(struct lexicon *lexicon)
{
    int error = 0;

    *lexicon = (struct lexicon){ .lexemes = calloc(LEXICON_MAX, sizeof(*lexicon->lexemes)) };
    map_init(&lexicon->words);
    if (!lexicon->lexemes)
        return E_NOMEM;
#define VERBS(class, kind, does, words) \
    if (!error)                         \
        error = add_verbs(lexicon, CLASS_##class, VERB_##kind, does, STR(words));
#define OBJECTS(kind, what, words) \
    if (!error)                    \
        error = add_objects(lexicon, OBJECT_##kind, STR(words));
#include "classify/lexicon.def"
#undef VERBS
#undef OBJECTS
    if (error)
        lexicon_release(lexicon);
    return error;
}

void lexicon_release(struct lexicon *lexicon)
{
    map_release(&lexicon->words);
    free(lexicon->lexemes);
    *lexicon = (struct lexicon){ .lexemes = NULL };
}

/* ---- words ---- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_letter(char c)
{
    return is_lower(c) || is_upper(c) || (unsigned char)c >= 0x80;
}
static bool is_word_byte(char c)
{
    return is_letter(c) || is_digit(c);
}

/* What parts words and is no ASCII: its length; 0: none is there. */
static size_t border_at(struct str text, size_t at)
{
    unsigned point;

    if ((unsigned char)text.ptr[at] < 0x80)
        return 0;
    size_t len = str_utf8_next(text, at, &point);
    return len > 0 && letter_is_border(point) ? len : 0;
}

static bool is_of_word(struct str text, size_t at)
{
    return is_word_byte(text.ptr[at]) && border_at(text, at) == 0;
}

/* Tries a bare form; keeps it in the word where the lexicon knows it. */
static bool try_bare(const struct lexicon *lexicon, struct word *word, size_t stem, const char *ending, bool verb)
{
    char bare[WORD_BYTES];
    size_t len = strlen(ending);
    const struct lexeme *lexeme;

    if (stem < 2 || stem >= sizeof(bare) || stem + len >= sizeof(bare))
        return false;
    memcpy(bare, word->bare, stem);
    memcpy(bare + stem, ending, len);
    lexeme = lexicon_find(lexicon, str_of(bare, stem + len));
    if (!lexeme || (verb && lexeme->verb == VERB_NONE))
        return false;
    memcpy(word->bare, bare, stem + len);
    word->len = stem + len;
    word->lexeme = lexeme;
    return true;
}

static bool ends(const struct word *word, const char *ending)
{
    return str_ends_with(str_of(word->bare, word->len), str_from_c(ending));
}

/* boxes, copies, deletes: the word without the ending. `verb`: only where that is one. */
static bool drop_s(const struct lexicon *lexicon, struct word *word, bool verb)
{
    size_t len = word->len;

    if (!ends(word, "s") || ends(word, "ss"))
        return false;
    return try_bare(lexicon, word, len - 1, "", verb) ||
           (ends(word, "ies") && try_bare(lexicon, word, len - 3, "y", verb)) ||
           (ends(word, "es") && try_bare(lexicon, word, len - 2, "", verb));
}

static void drop_ing(const struct lexicon *lexicon, struct word *word)
{
    size_t len = word->len;

    if (!ends(word, "ing") || len < 6)
        return;
    if (!try_bare(lexicon, word, len - 3, "", true) && !try_bare(lexicon, word, len - 3, "e", true) &&
        word->bare[len - 4] == word->bare[len - 5])
        (void)try_bare(lexicon, word, len - 4, "", true);
}

/* reassign: a verb again. */
static void drop_re(const struct lexicon *lexicon, struct word *word)
{
    const struct lexeme *lexeme;

    if (word->lexeme || word->len < 6 || memcmp(word->bare, "re", 2) != 0)
        return;
    lexeme = lexicon_find(lexicon, str_of(word->bare + 2, word->len - 2));
    if (lexeme && lexeme->verb == VERB_SURE)
        word->lexeme = lexeme;
}

/* d3letes: a word that only looks like one of the lexicon's, where that destroys or pays. */
static void unmask(const struct lexicon *lexicon, bool prose, struct word *word)
{
    bool other = false, letters = false;

    for (size_t i = 0; i < word->shown.len; i++) {
        char c = word->shown.ptr[i];
        other |= (unsigned char)c >= 0x80 || is_digit(c) || (c == 'I' && i > 0 && is_lower(word->shown.ptr[i - 1]));
        letters |= is_letter(c);
    }
    for (size_t i = 0; other && letters && i < 2; i++) {
        struct word read = *word;
        read.len = letters_of(word->shown, "il"[i], read.bare, sizeof(read.bare));
        if (read.len < 3)
            continue;
        read.lexeme = lexicon_find(lexicon, str_of(read.bare, read.len));
        if (!read.lexeme && prose && !drop_s(lexicon, &read, true))
            drop_ing(lexicon, &read);
        if (read.lexeme && read.lexeme->verb != VERB_NONE && read.lexeme->class >= CLASS_DESTRUCTIVE) {
            *word = read;
            return;
        }
    }
}

static void make_word(const struct lexicon *lexicon, struct str shown, bool prose, struct word *out)
{
    *out = (struct word){ .shown = shown };
    if (shown.len >= WORD_BYTES) {
        if (shown.len < 4 * (size_t)WORD_BYTES)
            unmask(lexicon, prose, out);
        return;
    }
    for (size_t i = 0; i < shown.len; i++)
        out->bare[i] = (char)(is_upper(shown.ptr[i]) ? shown.ptr[i] | 0x20 : shown.ptr[i]);
    out->len = shown.len;
    out->lexeme = lexicon_find(lexicon, str_of(out->bare, out->len));
    if (out->lexeme)
        return;
    if (!prose)
        out->plural = drop_s(lexicon, out, false);
    else if (!drop_s(lexicon, out, true) && !drop_s(lexicon, out, false))
        drop_ing(lexicon, out);
    drop_re(lexicon, out);
    if (!out->lexeme)
        unmask(lexicon, prose, out);
}

static char byte_behind(struct str text, size_t at)
{
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\n' || text.ptr[at] == '*' || text.ptr[at] == '`'))
        at++;
    return at < text.len ? text.ptr[at] : '\0';
}

/* Where a word of an identifier ends that begins at `from`: StartAHORead is Start, AHO, Read. */
static size_t identifier_end(struct str name, size_t from)
{
    size_t at = from + 1;

    if (is_upper(name.ptr[from]) && at < name.len && is_upper(name.ptr[at])) {
        while (at < name.len && is_upper(name.ptr[at]) && !(at + 1 < name.len && is_lower(name.ptr[at + 1])))
            at++;
    }
    while (at < name.len && is_of_word(name, at) && !is_upper(name.ptr[at]))
        at++;
    return at;
}

static size_t prose_end(struct str text, size_t at)
{
    while (at < text.len && (is_of_word(text, at) || text.ptr[at] == '\''))
        at++;
    return at;
}

/* `end_of` finds the end of the word that begins at a byte of one. */
static size_t split(const struct lexicon *lexicon, struct str text, size_t (*end_of)(struct str, size_t), bool prose,
                    struct word *out, size_t max)
{
    size_t count = 0, at = 0;

    while (at < text.len && count < max) {
        if (!is_of_word(text, at)) {
            size_t border = border_at(text, at);
            at += border > 0 ? border : 1;
            continue;
        }
        size_t end = end_of(text, at);
        make_word(lexicon, str_slice(text, at, end), prose, &out[count]);
        out[count++].after = byte_behind(text, end);
        at = end;
    }
    return count;
}

size_t words_of_identifier(const struct lexicon *lexicon, struct str name, struct word *out, size_t max)
{
    return split(lexicon, name, identifier_end, false, out, max);
}

size_t words_of_text(const struct lexicon *lexicon, struct str text, struct word *out, size_t max)
{
    return split(lexicon, text, prose_end, true, out, max);
}

bool word_is(const struct word *word, struct str bare)
{
    return str_eq(str_of(word->bare, word->len), bare);
}

/* Whether a list of words with a space between them has this one; of `bytes` the case is not looked at where `fold` is
 * set. Lists are short, and most of their words differ in the first byte. */
static bool has_word(const char *list, const char *bytes, size_t len, char fold)
{
    while (*list != '\0') {
        size_t same = 0;
        while (same < len && list[same] == (bytes[same] | fold))
            same++;
        if (same == len && (list[same] == ' ' || list[same] == '\0'))
            return true;
        for (list += same; *list != '\0' && *list != ' '; list++)
            continue;
        list += *list == ' ';
    }
    return false;
}

bool word_in(const struct word *word, const char *list)
{
    return word->len > 0 && has_word(list, word->bare, word->len, '\0');
}

bool word_shown_in(const struct word *word, const char *list)
{
    return word->shown.len > 0 && has_word(list, word->shown.ptr, word->shown.len, 0x20);
}

bool word_in_number(const struct word *word, const char *list)
{
    struct word one = *word;

    if (word_in(word, list))
        return true;
    if (one.len < 4 || one.bare[one.len - 1] != 's' || one.bare[one.len - 2] == 's')
        return false;
    one.len--;
    if (word_in(&one, list))
        return true;
    if (one.len < 4 || memcmp(one.bare + one.len - 2, "ie", 2) != 0)
        return false;
    one.bare[one.len - 2] = 'y';
    one.len--;
    return word_in(&one, list);
}

static const struct {
    struct str words;
    unsigned objects;
} compounds[] = {
#define COMPOUND(words, kind) { { "" words, sizeof(words) - 1 }, OBJECT_##kind },
#include "classify/compounds.def"
#undef COMPOUND
};

unsigned objects_at(const struct word *words, size_t count, size_t at)
{
    unsigned objects = words[at].lexeme ? words[at].lexeme->objects : 0;

    for (size_t i = 0; at + 1 < count && i < sizeof(compounds) / sizeof(compounds[0]); i++) {
        struct str first = str_slice(compounds[i].words, 0, words[at].len);
        if (!word_is(&words[at], first) || first.len == 0 || first.ptr[first.len] != ' ')
            continue;
        if (word_in_number(&words[at + 1], first.ptr + first.len + 1))
            objects |= compounds[i].objects;
    }
    return objects;
}

bool word_is_preposition(const struct word *word)
{
    return word_in(word,
                   "on for to from in into with by using via against at as per within through across about when if so");
}
