/* What a request's target means to the catalogue's server. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

/* "/a/b?q=x" in its two parts. False: no path of ours could be written so: only [A-Za-z0-9._~/-], no empty part, and none
 * that begins with a dot. */
bool serve_split(struct str target, struct str *path, struct str *query);
/* The value of q= in a form's query (application/x-www-form-urlencoded), trimmed; empty: there is none. E_INVALID: it is
 * malformed, not UTF-8, given twice, or longer than SEARCH_QUERY_BYTES. */
int  serve_words(struct str query, struct buf *out) NODISCARD;
/* If-None-Match (RFC 9110 §13.1.2) names this entity tag, which is with its quotes. */
bool serve_matches(struct str field, struct str tag);
/* By the ending of its name; ptr NULL: no file of a site ends so. */
struct str serve_type(struct str path);
