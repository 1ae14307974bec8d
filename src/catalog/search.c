/* Candidates from the index, in an order that means something. */
#include "catalog/search.h"

#include "base/check.h"
#include "catalog/index_words.h"

#include <stdio.h>
#include <stdlib.h>

#define HITS_BYTES ((size_t)4 << 20)
#define CANDIDATES_MORE 60                                      /* than are shown: the best of them are */
#define HITS_MOST ((size_t)(SEARCH_MOST + CANDIDATES_MORE) * 3) /* of three steps */

void search_init(struct search *search)
{
    *search = (struct search){ .count = 0 };
    arena_init(&search->arena, NULL, HITS_BYTES);
}

void search_release(struct search *search)
{
    arena_release(&search->arena);
}

/* Exact names first, then those that begin so, then short ones, then the graver. */
static int score_of(struct str query, const struct catalog_tool *tool, bool names)
{
    int score = names ? 1000 : 0;
    if (str_eq_nocase(tool->name, query))
        score += 4000;
    else if (tool->name.len >= query.len && str_eq_nocase(str_slice(tool->name, 0, query.len), query))
        score += 2000;
    return score - (int)(tool->name.len > 200 ? 200 : tool->name.len) * 2 + (int)tool->severity;
}

static int take(void *arg, const struct catalog_tool *tool)
{
    struct search *search = arg;
    for (size_t i = 0; i < search->count; i++)
        if (search->hits[i].id == tool->id)
            return 0;
    if (search->count == HITS_MOST)
        return 0;
    struct search_hit *hit = &search->hits[search->count++];
    *hit = (struct search_hit){
        .name = arena_str(&search->arena, tool->name),
        .slug = arena_str(&search->arena, tool->slug),
        .home = arena_str(&search->arena, tool->home),
        .home_name = arena_str(&search->arena, tool->home_name),
        .id = tool->id,
        .score = score_of(search->query, tool, search->names),
        .class = tool->class,
        .severity = tool->severity,
    };
    return hit->name.ptr && hit->slug.ptr && hit->home.ptr && hit->home_name.ptr ? 0 : E_NOMEM;
}

static int by_score(const void *left, const void *right)
{
    const struct search_hit *a = left, *b = right;
    int order = (b->score > a->score) - (b->score < a->score);
    if (order == 0)
        order = str_cmp(a->name, b->name);
    return order ? order : str_cmp(a->home, b->home);
}

static int take_beginning(void *arg, const struct catalog_tool *tool)
{
    struct search *search = arg;
    struct str query = search->query;
    return tool->name.len >= query.len && str_eq_nocase(str_slice(tool->name, 0, query.len), query) ? take(arg, tool)
                                                                                                    : 0;
}

static size_t words_of(struct str query)
{
    size_t words = 0, at = 0;
    while (next_word(query, &at).len > 0)
        words++;
    return words;
}

/* Whoever typed a whole name of several words has found what they meant. */
static bool has_named(const struct search *search)
{
    for (size_t i = 0; i < search->count; i++)
        if (str_eq_nocase(search->hits[i].name, search->query))
            return words_of(search->query) > 1;
    return false;
}

/* Each step's hits are better than those of the next, which is asked only where they are too few. */
int search_run(struct search *search, struct catalog *catalog, struct str query, size_t most)
{
    const int enough = (int)most + CANDIDATES_MORE;
    search->query = query;
    search->hits = arena_zalloc(&search->arena, HITS_MOST * sizeof(*search->hits));
    if (!search->hits)
        return E_NOMEM;
    CHECK(most <= SEARCH_MOST);
    search->names = true;
    int error = query.len == 0 ? 0 : catalog_search_beginning(catalog, query, enough, take_beginning, search);
    bool done = search->count > most || has_named(search);
    if (!error && !done)
        error = catalog_search(catalog, query, true, enough, take, search);
    search->names = false;
    if (!error && !done && search->count <= most)
        error = catalog_search(catalog, query, false, enough, take, search);
    if (error)
        return error;
    qsort(search->hits, search->count, sizeof(*search->hits), by_score);
    search->more = search->count > most;
    if (search->more)
        search->count = most;
    return 0;
}

void search_write_hit(struct json_writer *writer, const struct search_hit *hit)
{
    char page[512];
    int len =
        snprintf(page, sizeof(page), "servers/%" STR_FMT "/%" STR_FMT ".html", STR_ARG(hit->home), STR_ARG(hit->slug));
    json_write_object(writer);
    json_write_member_string(writer, STR("server"), hit->home_name);
    json_write_member_string(writer, STR("tool"), hit->name);
    json_write_member_string(writer, STR("class"), str_from_c(class_name(hit->class)));
    json_write_member_string(writer, STR("badge"), str_from_c(class_badge(hit->class)));
    json_write_member_string(writer, STR("severity"), str_from_c(severity_name(hit->severity)));
    json_write_member_string(writer, STR("page"),
                             str_of(page, len > 0 && (size_t)len < sizeof(page) ? (size_t)len : 0));
    json_write_object_end(writer);
}
