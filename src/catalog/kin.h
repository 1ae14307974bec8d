/* Which tools of a server are alike, and by which words they can be told apart. Pure. */
#pragma once

#include "base/arena.h"
#include "catalog/index.h"

/* What a definition says: the words of its name and description, the names of its parameters, and the words of its name
 * alone without a plural's s; in lower case, each list sorted and without repetition. The bytes are in the arena given. */
struct kin {
    struct str *words, *params, *names;
    size_t word_count, param_count, name_count;
};

/* `keep` holds what lasts, `work` the definition while it is read. */
int kin_init(struct kin *kin, struct arena *keep, struct arena *work, const struct catalog_tool *tool) NODISCARD;
/* Of all words and parameters of both, the part that both have: 0 to 1000. What the name says counts most. */
unsigned kin_likeness(const struct kin *a, const struct kin *b);
/* The tools most like all[self], the most like first, as many as are at all; returns how many. Of a server with very many
 * tools only those near it in the list are looked at. */
size_t kin_closest(const struct kin *all, size_t count, size_t self, size_t *out, size_t most);
/* What `of` has and `than` has not, at most `most` of them in out; returns how many there are. */
size_t kin_more(const struct str *of, size_t of_count, const struct str *than, size_t than_count, struct str *out,
                size_t most);
