/* What a tool is about, told from the words of its server, its name and its description: money, trade, a browser. */
#include "classify/reading.h"

#define SUBJECT_WORDS 60 /* of a description */

/* Words that are often money: two different ones are. And those of trades, of which some two are one. */
struct moneyish {
    const struct lexeme *first;
    bool second, sale, option, traded, contract;
};

static void add_trade(const struct word *word, struct moneyish *moneyish, struct subject *subject)
{
    moneyish->sale |= word_in(word, "sell buy");
    moneyish->option |= word_is(word, STR("option"));
    moneyish->contract |= word_in(word, "contract order");
    moneyish->traded |= word_in(word, "order position share option");
    if ((moneyish->sale && moneyish->traded) || (moneyish->option && moneyish->contract))
        subject->trading = subject->money = true;
}

static void add_subject(const struct word *words, size_t count, struct moneyish *moneyish, struct subject *subject)
{
    for (size_t i = 0; i < count; i++) {
        unsigned objects = words[i].lexeme ? words[i].lexeme->objects : 0;
        if (objects & (OBJECT_MONEY | OBJECT_ASSET))
            subject->money = true;
        if (objects & OBJECT_ASSET || word_in(&words[i], "trade trading trader stock swap token exchange"))
            subject->trading = true;
        if (objects & OBJECT_MONEYISH && !moneyish->first)
            moneyish->first = words[i].lexeme;
        else if (objects & OBJECT_MONEYISH && moneyish->first != words[i].lexeme)
            moneyish->second = true;
        add_trade(&words[i], moneyish, subject);
        if (word_in(&words[i], "browser playwright puppeteer selenium chrome chromium dom webpage tab"))
            subject->browser = true;
    }
}

struct subject find_subject(const struct lexicon *lexicon, const struct tool_facts *facts, bool described,
                            uint32_t signals)
{
    struct word words[TEXT_WORDS];
    struct subject subject = { .money = (signals & 1U << SIGNAL_MONEY) != 0 };
    struct moneyish moneyish = { .first = NULL };
    size_t count = words_of_identifier(lexicon, facts->server, words, NAME_WORDS);

    add_subject(words, count, &moneyish, &subject);
    count = words_of_identifier(lexicon, facts->name, words, NAME_WORDS);
    add_subject(words, count, &moneyish, &subject);
    count = described ? words_of_text(lexicon, facts->description, words, SUBJECT_WORDS) : 0;
    add_subject(words, count, &moneyish, &subject);
    if (moneyish.second)
        subject.money = true;
    return subject;
}
