/* Letters that look like ASCII ones. A model reads them as those, so a verb that is written with them is that verb. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* The lower-case ASCII letter that a code point looks like; 0: none. */
char letter_like(unsigned point);
/* Nothing is seen of it, and it parts no words: soft hyphens, joiners, variation selectors. */
bool letter_is_unseen(unsigned point);
/* It parts words: spaces, dots, dashes. */
bool letter_is_border(unsigned point);
/* A word as it is read: other letters as what they look like, digits as the letters they stand for, at most `max` bytes.
 * `one` is the letter that 1 stands for (i or l), and i with it. 0: it is not all letters, or too long. */
size_t letters_of(struct str word, char one, char *out, size_t max);
