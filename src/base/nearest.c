/* Edit distance with transpositions (optimal string alignment), three rows at a time. */
#include "base/nearest.h"

#define WORD_MAX 64 /* bytes; longer names are nobody's misspelling */

static unsigned char folded(char byte)
{
    return (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = folded(a.ptr[i - 1]) == folded(b.ptr[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && folded(a.ptr[i - 1]) == folded(b.ptr[j - 2]) &&
                folded(a.ptr[i - 2]) == folded(b.ptr[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

struct str nearest_word(struct str word, const struct str *words, size_t count)
{
    struct str best = STR_EMPTY;
    size_t best_distance = (word.len + 2) / 3;
    if (word.len == 0 || word.len > WORD_MAX)
        return best;
    for (size_t i = 0; i < count; i++) {
        if (words[i].len == 0 || words[i].len > WORD_MAX)
            continue;
        size_t d = distance(word, words[i]);
        if (d < best_distance || (d == best_distance && best.len == 0)) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
