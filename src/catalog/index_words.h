/* Names of tools and servers as words, as the tails of links, and as the kind that tools of many servers share. Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#define SLUG_MAX 72
#define KIND_MAX 72

/* The next word of an identifier from *at on, as it stands there: split at what is neither letter nor digit, and
 * inside camelCase. Empty at the end. */
struct str next_word(struct str name, size_t *at);
/* Lower case, [a-z0-9._~-], never empty, never "index"; two names may share one. NUL-terminated, at most SLUG_MAX bytes. */
struct str slug_of(struct str name, char out[SLUG_MAX + 1]);
/* The first and the last word in lower case, the last without its plural. */
struct str kind_of(struct str name, char out[KIND_MAX + 1]);
/* The words in lower case with spaces between them, behind the name as it is. */
void append_words(struct buf *out, struct str name);
/* What lists sort a slug under: a letter, or '#'. */
char initial_of(struct str slug);
/* A word in lower case that tells nothing about what a tool does: "the", "of". */
bool is_filler(struct str word);
