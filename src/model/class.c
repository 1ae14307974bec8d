/* Words of classes, and how records hold them. */
#include "model/class.h"

#include "base/check.h"

static const struct str words[CLASS_COUNT] = {
#define C(id, word) [CLASS_##id] = STR(word),
    TOOL_CLASSES(C)
#undef C
};

#define CLASS_BITS 3u
#define CLASS_MASK ((1u << CLASS_BITS) - 1)
#define OVERRULED (1u << CLASS_BITS)
#define CLASSIFIER_SHIFT (CLASS_BITS + 1)
#define CLASSIFIER_MAX 0xffffu

struct str class_word(enum tool_class class)
{
    CHECK((unsigned)class < CLASS_COUNT);
    return words[class];
}

bool class_of_word(struct str word, enum tool_class *out)
{
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (!str_eq(words[i], word))
            continue;
        *out = (enum tool_class)i;
        return true;
    }
    return false;
}

struct str pinned_class_word(const struct pinned_class *class)
{
    return class->known ? class_word(class->class) : STR("unknown");
}

uint64_t pinned_class_pack(const struct pinned_class *class)
{
    if (!class->known)
        return 0;
    CHECK((unsigned)class->class < CLASS_COUNT && class->classifier <= CLASSIFIER_MAX);
    return ((uint64_t) class->class + 1) | (class->overruled ? OVERRULED : 0) |
           ((uint64_t) class->classifier << CLASSIFIER_SHIFT);
}

bool pinned_class_unpack(uint64_t packed, struct pinned_class *out)
{
    uint64_t number = packed & CLASS_MASK;
    *out = (struct pinned_class){ .known = false };
    if (packed == 0)
        return true;
    if (number == 0 || number > CLASS_COUNT || packed >> CLASSIFIER_SHIFT > CLASSIFIER_MAX)
        return false;
    out->known = true;
    out->overruled = (packed & OVERRULED) != 0;
    out->class = (enum tool_class)(number - 1);
    out->classifier = (unsigned)(packed >> CLASSIFIER_SHIFT);
    return true;
}
