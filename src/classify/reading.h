/* What one text says of a tool by itself: the verb that leads it, and what that acts on. */
#pragma once

#include "classify/classify.h"
#include "classify/words.h"

enum strength { STRENGTH_NONE, STRENGTH_WEAK, STRENGTH_FAIR, STRENGTH_STRONG };

struct reading {
    enum strength   strength;
    enum tool_class class;
    struct word     verb;      /* or the noun that spoke */
    struct str      words;     /* of the text: what was read as verb and object */
    const char     *why;       /* ours */
    bool            paired;    /* what it acts on decided, and not the verb alone */
    bool            follows;   /* of a description: done to what its first deed gave */
    bool            bare;      /* of a name: its verb is all of it */
    bool            noun;      /* of a name: its verb stands at the end, and is a noun as often */
    unsigned        objects;   /* of every word, as bits of enum object_kind */
};

/* What the tool is about beyond one text: whether its words are about money at all. */
struct subject {
    bool money, trading, browser;
};

#define NAME_WORDS 32
#define TEXT_WORDS 160

/* `described`: the description says more than the name; `signals` of the parameters. */
struct subject find_subject(const struct lexicon *lexicon, const struct tool_facts *facts, bool described,
                            uint32_t signals);

const struct lexicon *classifier_lexicon(const struct classifier *classifier);

/* An identifier: NAME, or a title. `server`'s own words in front of it say nothing. */
void read_name(const struct lexicon *lexicon, struct str name, struct str server, const struct subject *subject,
               struct reading *out);
/* A description: the verbs that lead its first sentence. */
void read_description(const struct lexicon *lexicon, struct str description, const struct subject *subject,
                      struct reading *out);
/* Whether a deed that destroys or pays stands behind others, wherever that is: then `out` is it, else as it was.
 * `only_clear`: only what a clause is led by. */
bool name_takes_all(const struct lexicon *lexicon, struct str name, struct reading *out);
/* The same for a name that is only read once its borders are put right. */
bool name_in_disguise(const struct lexicon *lexicon, struct str name, struct str server, const struct subject *subject,
                      struct reading *out);
bool description_takes_all(const struct lexicon *lexicon, struct str description, const struct subject *subject,
                           bool only_clear, struct reading *out);
/* Tells the lexicon's verbs which rows of pairs.def name them. */
void bind_pairs(struct lexicon *lexicon);
/* The class of a verb with what it acts on, given the words around it. */
void judge_verb(const struct word *verb, const struct word *words, size_t count, const struct subject *subject,
                struct reading *out);
