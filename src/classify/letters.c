/* Look-alikes by their blocks. */
#include "classify/letters.h"

static const struct block {
    unsigned first;
    struct str letters;
} blocks[] = {
#define LETTERS(first, letters) { first, { "" letters, sizeof(letters) - 1 } },
#include "classify/letters.def"
#undef LETTERS
};

char letter_like(unsigned point)
{
    static const struct {
        unsigned first, letters; /* of 26 each */
    } rows[] = { { 0xff21, 1 },  { 0xff41, 1 },  { 0x249c, 1 },  { 0x24b6, 2 },  { 0x1d400, 26 },
                 { 0x1f110, 1 }, { 0x1f130, 1 }, { 0x1f150, 1 }, { 0x1f170, 1 }, { 0x1f1e6, 1 } };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]) && point >= blocks[i].first; i++) {
        if (point < blocks[i].first + blocks[i].letters.len) {
            char letter = blocks[i].letters.ptr[point - blocks[i].first];
            return (char)(letter == '.' ? 0 : letter);
        }
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (point >= rows[i].first && point < rows[i].first + 26 * rows[i].letters)
            return (char)('a' + (point - rows[i].first) % 26);
    }
    return 0;
}

bool letter_is_unseen(unsigned point)
{
    return point == 0xad || point == 0x34f || point == 0x61c || (point >= 0x300 && point <= 0x36f) ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || (point >= 0xfe00 && point <= 0xfe0f) || point == 0xfeff ||
           (point >= 0xe0000 && point <= 0xe01ef);
}

bool letter_is_border(unsigned point)
{
    return !letter_is_unseen(point) && point != 0x2019 &&
           ((point >= 0x80 && point < 0xc0 && point != 0xaa && point != 0xb5 && point != 0xba) || point == 0xd7 ||
            point == 0xf7 || (point >= 0x2000 && point <= 0x205f) || (point >= 0x2190 && point <= 0x22ff) ||
            (point >= 0x3000 && point <= 0x303f) || point == 0x1680 || (point >= 0xff01 && point <= 0xff0f));
}

static char digit_like(char c, char one)
{
    switch (c) {
    case '0': return 'o';
    case '1': return one;
    case '3': return 'e';
    case '4': return 'a';
    case '5': return 's';
    case '7': return 't';
    default: return 0;
    }
}

size_t letters_of(struct str word, char one, char *out, size_t max)
{
    size_t len = 0, at = 0;

    while (at < word.len) {
        unsigned point;
        size_t bytes = str_utf8_next(word, at, &point);
        char letter = 0;
        if (bytes == 0)
            return 0;
        at += bytes;
        if (letter_is_unseen(point))
            continue;
        if (point >= 0x80)
            letter = letter_like(point);
        else if (point >= '0' && point <= '9')
            letter = digit_like((char)point, one);
        else if ((point | 0x20) >= 'a' && (point | 0x20) <= 'z')
            letter = (char)(point | 0x20);
        if (letter == 'i' && (char)point != 'i')
            letter = one;
        if (letter == 0 || len == max)
            return 0;
        out[len++] = letter;
    }
    return len;
}
