/* Whether a tool is what it seems: what people who read its name see, and what its texts try on who reads them. */
#include "base/check.h"
#include "base/encode.h"
#include "classify/classify.h"

struct range {
    unsigned from, to;
};

/* What is drawn like a Latin letter, digit or sign, and stands for one where Latin letters are around it: marks that
 * combine, phonetics, modifiers, Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu, Latin extensions of scholars, and
 * punctuation, spaces and operators beside those of ASCII. */
static const struct range look_alikes[] = {
    { 0x131, 0x131 },   { 0x17f, 0x17f },   { 0x250, 0x58f },   { 0x13a0, 0x13ff },   { 0x1c80, 0x1dbf },
    { 0x2000, 0x206f }, { 0x2100, 0x23ff }, { 0x2c60, 0x2cff }, { 0xa4d0, 0xa4ff },   { 0xa640, 0xa69f },
    { 0xa720, 0xa7ff }, { 0xab30, 0xabbf }, { 0xfe50, 0xfe6f }, { 0x10400, 0x1044f },
};

/* Another spelling of Latin letters and of the space, which no language is written with: ligatures, letters in circles,
 * of full width and of mathematics. They are not what they seem in whatever company. */
static const struct range disguises[] = {
    { 0xa0, 0xa0 },     { 0x1680, 0x1680 },   { 0x2000, 0x200a },   { 0x202f, 0x202f },
    { 0x205f, 0x205f }, { 0x2460, 0x24ff },   { 0x3000, 0x3000 },   { 0xfb00, 0xfb06 },
    { 0xff00, 0xff5e }, { 0x1d400, 0x1d7ff }, { 0x1f100, 0x1f1ff },
};

static bool is_in(unsigned point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count && point >= ranges[i].from; i++)
        if (point <= ranges[i].to)
            return true;
    return false;
}

bool name_is_what_it_seems(struct str name)
{
    bool latin = false, look_alike = false;
    unsigned point;

    if (str_starts_with(name, STR(" ")) || str_ends_with(name, STR(" ")))
        return false;
    for (size_t at = 0, len; at < name.len; at += len) {
        len = str_utf8_next(name, at, &point);
        if (len == 0)
            return true; /* no UTF-8: refused as such */
        if (text_is_hidden(point) || is_in(point, disguises, ARRAY_LEN(disguises)))
            return false;
        latin |= (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
        look_alike |= is_in(point, look_alikes, ARRAY_LEN(look_alikes));
    }
    return !latin || !look_alike;
}

bool signals_mislead(uint32_t signals)
{
    return (signals & (1U << SIGNAL_HIDDEN_TEXT | 1U << SIGNAL_INSTRUCTIONS)) != 0;
}

bool tool_misleads(struct str name, uint32_t signals)
{
    return signals_mislead(signals) || !name_is_what_it_seems(name);
}

struct pinned_class class_to_pin(struct str name, enum tool_class class, uint32_t signals)
{
    if (tool_misleads(name, signals))
        return (struct pinned_class){ .known = false };
    return (struct pinned_class){ .known = true, .class = class, .classifier = CLASSIFIER_VERSION };
}
