/* Secrets kept out of text that others wrote: a value that must not be shown is replaced by what stands for it, in the
 * forms in which programs print one: as it is, line by line, within JSON, in a URL, in base64 at any offset. A value of
 * less than MASK_SURE bytes is hidden only where it stands as a word of its own, one of less than MASK_LEAST not at all:
 * "1" would be everywhere. Immutable once made; any thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define MASK_LEAST 4
#define MASK_SURE 8
#define MASK_REACH 256 /* bytes behind a place, with it, that decide about it; longer values are found by their parts */

struct buf;
struct mask;
struct mask_word {
    struct str shown; /* instead of it: "${API_KEY}" */
    struct str value;
};
struct mask_state {   /* of one text that comes in parts; all zero at its beginning */
    size_t covered;   /* bytes that come next and belong to a value that has begun */
    char   before;    /* the byte before them */
};

/* Copies what it needs. *out is NULL where there is nothing to hide. E_NOMEM. */
int    mask_new(const struct mask_word *words, size_t count, struct mask **out) NODISCARD;
void   mask_free(struct mask *mask); /* wipes; NULL is fine */
/* Appends what may be shown of `text` and returns how much of it that was: all of it at its `end`, else all but less than
 * MASK_REACH bytes, which the next part begins with. */
size_t mask_part(const struct mask *mask, struct mask_state *state, struct str text, bool end, struct buf *out);
/* A word such as API_KEY or --token: what it is set to may be a secret. */
bool   mask_names_secret(struct str name);
