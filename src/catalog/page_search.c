/* The form, and the rows below it. */
#include "catalog/page_search.h"

#include "catalog/page_html.h"

static void put_form(struct buf *out, const struct search *search)
{
    html_put(out,
             "<h1>Search</h1>\n<form class=\"search\" role=\"search\" action=\"" SEARCH_PAGE "\" method=\"get\">"
             "<label for=\"q\">Words of a tool's name%s</label> "
             "<input id=\"q\" name=\"q\" type=\"search\" maxlength=\"200\" autocomplete=\"off\" spellcheck=\"false\" "
             "value=\"%p\"> <button type=\"submit\">Search</button></form>\n",
             search ? ", its description or its server" : "", search ? search->query : STR_EMPTY);
}

static void put_hits(struct buf *out, const struct search *search)
{
    if (search->query.len == 0)
        return;
    html_put(out, "<p id=\"said\" role=\"status\">%n %s%s</p>\n", (int64_t)search->count,
             count_word((int64_t)search->count, "tool", "tools"),
             search->more ? ", the best; there are more: one more word makes them fewer." : ".");
    if (search->count == 0)
        return;
    html_put(out, "<div class=\"scroll\"><table class=\"stack\"><thead><tr><th>Tool</th><th>Server</th><th>Class</th>"
                  "<th>Severity</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < search->count; i++) {
        const struct search_hit *hit = &search->hits[i];
        html_put(out,
                 "<tr><td><a href=\"servers/%t/%t.html\">%q</a></td><td>%t</td><td>%s</td><td data-as=\"Severity\">",
                 hit->home, hit->slug, hit->name, hit->home_name, class_name(hit->class));
        put_severity(out, hit->severity);
        html_put(out, "</td></tr>\n");
    }
    html_put(out, "</tbody></table></div>\n");
}

int page_search(struct buf *out, const struct pages *pages, const struct search *search)
{
    struct html_head head = { .depth = 0,
                              .before = "Search · Warder catalogue",
                              .after = "",
                              .here = "search",
                              .base = pages ? pages->base : STR_EMPTY,
                              .path = pages ? pages->path : STR_EMPTY,
                              .script = !search };
    html_begin(out, &head);
    put_form(out, search);
    if (search) {
        put_hits(out, search);
    } else {
        html_put(
            out,
            "<p id=\"said\" role=\"status\">Each word must begin a word of the name. Without scripts there are the "
            "lists of <a href=\"tools/index.html\">tools</a> and <a href=\"servers/index.html\">servers</a>, and "
            "<code>warder catalog serve</code>, which searches descriptions too.</p>\n"
            "<div id=\"found\" class=\"scroll\"></div>\n<script src=\"search.js\" defer></script>\n");
    }
    html_end(out);
    return buf_ok(out) ? 0 : E_LIMIT;
}

int page_search_json(struct buf *out, const struct search *search)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_key(&writer, STR("tools"));
    json_write_array(&writer);
    for (size_t i = 0; i < search->count; i++)
        search_write_hit(&writer, &search->hits[i]);
    json_write_array_end(&writer);
    json_write_member_bool(&writer, STR("more"), search->more);
    json_write_object_end(&writer);
    return buf_ok(out) ? 0 : E_LIMIT;
}
