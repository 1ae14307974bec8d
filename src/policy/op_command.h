/* One command of a POSIX shell, split into words without expanding anything; what a shell would expand, chain or
 * redirect makes it unusable. Pure. */
#pragma once

#include "base/limits.h"
#include "base/str.h"

struct command_words {
    struct str  text;
    size_t      at;
    char        bytes[LIMIT_command_bytes]; /* the words, quotes taken off */
    size_t      len;
    const char *fault; /* why it cannot be split, as what is said of it; NULL: none */
};

void command_begin(struct command_words *words, struct str text);
/* The next word, which lives in *words. False at the end, and where there is a fault: only a whole command without one
 * may be judged. */
bool command_next(struct command_words *words, struct str *word);
