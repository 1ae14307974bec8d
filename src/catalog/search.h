/* Tools by words of their names, descriptions and servers: what the command, the page and the script's answer show. */
#pragma once

#include "base/arena.h"
#include "catalog/index.h"
#include "json/writer.h"

#define SEARCH_MOST 400        /* tools that a search shows */
#define SEARCH_QUERY_BYTES 256 /* of a query over HTTP */

struct search_hit {
    struct str      name, slug, home, home_name; /* a server's words, untrusted */
    int64_t         id;
    int             score;
    enum tool_class class;
    enum severity   severity;
};

struct search {
    struct arena       arena;
    struct str         query;
    struct search_hit *hits; /* the best first */
    size_t             count;
    bool               more; /* than are here */
    bool               names;
};

void search_init(struct search *search);
void search_release(struct search *search);
/* At most `most` of them, SEARCH_MOST at the utmost. `query` outlives the search. E_NOMEM, or what the index says. */
int  search_run(struct search *search, struct catalog *catalog, struct str query, size_t most) NODISCARD;
/* {"server", "tool", "class", "badge", "severity", "page"} */
void search_write_hit(struct json_writer *writer, const struct search_hit *hit);
