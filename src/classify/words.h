/* Words: an identifier or a text cut into them, and what the lexicon knows of each. */
#pragma once

#include "base/map.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb_kind { VERB_NONE, VERB_VAGUE, VERB_EITHER, VERB_SURE };

enum object_kind {
    OBJECT_MONEY     = 1 << 0,
    OBJECT_ASSET     = 1 << 1,
    OBJECT_CODE      = 1 << 2,
    OBJECT_SECRET    = 1 << 3,
    OBJECT_ACCESS    = 1 << 4,
    OBJECT_TRANSIENT = 1 << 5,
    OBJECT_DEVICE    = 1 << 6,
    OBJECT_RUN       = 1 << 7,
    OBJECT_STATE     = 1 << 8,
    OBJECT_FACT      = 1 << 9,
    OBJECT_CORE      = 1 << 10,
    OBJECT_OUTWARD   = 1 << 11,
    OBJECT_PERSON    = 1 << 12,
    OBJECT_MONEYISH  = 1 << 13,
};

#define VERB_PAIRS 24

struct lexeme {
    enum verb_kind  verb;
    enum tool_class class;    /* of the verb */
    const char     *does;     /* what such a verb does */
    unsigned        objects;  /* one object_kind at most, or 0 */
    uint8_t         pairs[VERB_PAIRS]; /* rows of pairs.def that name it, from the top */
    uint8_t         pair_count;
};

#define WORD_BYTES 32         /* a longer one says nothing */

struct word {
    struct str           shown;   /* as it stands in the text */
    char                 bare[WORD_BYTES]; /* lower case, the form that the lexicon knows */
    size_t               len;     /* of `bare` */
    const struct lexeme *lexeme;  /* NULL: not in the lexicon */
    bool                 plural;  /* in an identifier: a noun, whatever the lexicon says */
    char                 after;   /* the first byte behind it that is no space; 0 at the end */
};

struct lexicon {
    struct map     words;
    struct lexeme *lexemes;
    char          *text;
    size_t         count;
};
int  lexicon_init(struct lexicon *lexicon) NODISCARD;
void lexicon_release(struct lexicon *lexicon);

struct lexeme *lexicon_find(const struct lexicon *lexicon, struct str word); /* NULL: unknown */

/* At most `max` words. An identifier is also cut where lower case meets upper case (StartJob), and its words are taken as
 * they stand; in a text, an inflected verb is brought to its bare form. */
size_t words_of_identifier(const struct lexicon *lexicon, struct str name, struct word *out, size_t max);
size_t words_of_text(const struct lexicon *lexicon, struct str text, struct word *out, size_t max);
bool   word_is(const struct word *word, struct str bare);
/* One of some, separated by spaces. */
bool   word_in(const struct word *word, const char *list);
/* The same, of the word as it stands in the text, in whatever case. */
bool   word_shown_in(const struct word *word, const char *list);
/* One of some, or its plural: "paths" is in "path file". */
bool   word_in_number(const struct word *word, const char *list);
/* What kinds of objects the word at `at` stands for, alone or with the one behind it. */
unsigned objects_at(const struct word *words, size_t count, size_t at);
bool   word_is_preposition(const struct word *word);
