/* Candidates from the index, in an order that means something. */
#include "catalog/search.h"

#include <stdio.h>
#include <stdlib.h>

#define HITS_BYTES ((size_t)4 << 20)

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
    if (search->count == (size_t)SEARCH_MOST * 2)
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

int search_run(struct search *search, struct catalog *catalog, struct str query, size_t most)
{
    search->query = query;
    search->hits = arena_zalloc(&search->arena, (size_t)SEARCH_MOST * 2 * sizeof(*search->hits));
    if (!search->hits)
        return E_NOMEM;
    search->names = true;
    int error = catalog_search(catalog, query, true, SEARCH_MOST, take, search);
    search->names = false;
    if (!error && search->count < most)
        error = catalog_search(catalog, query, false, SEARCH_MOST, take, search);
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
