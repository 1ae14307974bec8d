/* The page that searches. It has one address: a server that has the index answers the form itself; where files alone are
 * served the script does, from the pre-built index; and where there is neither, it leads to the lists. */
#pragma once

#include "catalog/page.h"
#include "catalog/search.h"

#define SEARCH_PAGE "search.html"

/* `search` NULL: the page as a file, one of `pages`; else an answer, without them. */
int page_search(struct buf *out, const struct pages *pages, const struct search *search) NODISCARD;
/* {"tools": [...], "more": …} */
int page_search_json(struct buf *out, const struct search *search) NODISCARD;
extern const char page_search_script[];
