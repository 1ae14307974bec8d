/* The word that somebody probably meant: for errors that say how a name is spelled. Pure. */
#pragma once

#include "base/str.h"

#include <stddef.h>

/* The one of `words` with the fewest single-byte changes (insert, drop, replace, swap of two neighbours; case is free),
 * or an empty string when none is near: more than a third of the word's length away. */
struct str nearest_word(struct str word, const struct str *words, size_t count);
