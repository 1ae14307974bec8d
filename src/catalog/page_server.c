/* A server's page: its tools by risk, one policy for all of them, a grade with its formula. */
#include "catalog/page.h"

#include "base/check.h"
#include "catalog/changes.h"
#include "catalog/grade.h"
#include "catalog/page_html.h"
#include "catalog/queue.h"
#include "json/writer.h"
#include "recommend/recommend.h"

#include <stdio.h>
#include <stdlib.h>

#define CHANGES_SHOWN 100

struct str server_id(const struct catalog_server *server, char out[65])
{
    struct str slug = server->slug;
    size_t len = 0, tilde = str_find_byte(slug, '~');
    if (tilde + 1 < slug.len)
        slug = str_slice(slug, tilde + 1, slug.len); /* of reverse.dns/name the name */
    for (size_t i = 0; i < slug.len && len < 64; i++) {
        char c = slug.ptr[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (kept)
            out[len++] = c;
        else if (len > 0 && out[len - 1] != '-')
            out[len++] = '-';
    }
    while (len > 0 && out[len - 1] == '-')
        len--;
    if (len == 0) {
        memcpy(out, "server", 6);
        len = 6;
    }
    out[len] = '\0';
    return str_of(out, len);
}

/* The value as it stands in JSON, made safe for HTML. */
static void put_json_string(struct buf *out, struct str text)
{
    struct buf written;
    struct json_writer writer;
    buf_init(&written, 64 << 10);
    json_write_init(&writer, &written);
    json_write_string(&writer, text);
    html_text(out, buf_ok(&written) ? buf_str(&written) : STR("\"…\""));
    buf_release(&written);
}

static void put_command(struct buf *out, const struct catalog_server *server)
{
    bool python = str_eq(server->registry, STR("pypi"));
    char package[512];
    int len = snprintf(package, sizeof(package), "%.*s%s%.*s", STR_ARG(server->package),
                       server->version.len == 0 ? ""
                       : python                 ? "=="
                                                : "@",
                       STR_ARG(server->version));
    struct str pinned = str_of(package, len > 0 && (size_t)len < sizeof(package) ? (size_t)len : 0);
    html_put(out, "&quot;command&quot;: &quot;%s&quot;, &quot;args&quot;: [%s", python ? "uvx" : "npx",
             python ? "" : "&quot;-y&quot;, ");
    put_json_string(out, pinned);
    html_put(out, "],\n");
}

void put_server_entry(struct buf *out, const struct catalog_server *server, struct str policy_file)
{
    char id[65];
    html_put(out, "{ &quot;mcpServers&quot;: {\n    &quot;%t&quot;: {\n      ", server_id(server, id));
    if (server->package.len > 0 && (str_eq(server->registry, STR("npm")) || str_eq(server->registry, STR("pypi")))) {
        put_command(out, server);
    } else if (server->url.len > 0) {
        html_put(out, "&quot;url&quot;: ");
        put_json_string(out, server->url);
        html_put(out, ",\n");
    } else {
        html_put(out, "&quot;command&quot;: &quot;THE COMMAND THAT STARTS IT&quot;,\n");
    }
    html_put(out, "      &quot;policy&quot;: &quot;%t&quot; } } }", policy_file);
}

/* ---- grade ---- */

static void count(const struct server_page *page, struct grade_counts *out)
{
    *out = (struct grade_counts){ .tools = page->tool_count };
    for (size_t i = 0; i < page->tool_count; i++) {
        out->of_class[page->tools[i].class]++;
        out->of_severity[page->tools[i].severity]++;
        out->hidden_text += page->tools[i].signals >> SIGNAL_HIDDEN_TEXT & 1;
        out->instructions += page->tools[i].signals >> SIGNAL_INSTRUCTIONS & 1;
    }
}

static void put_grade(struct buf *out, const struct server_page *page, const struct grade_counts *counts)
{
    struct grade grade = grade_of(counts);
    const char *style = grade.letter == 'F'   ? "critical"
                        : grade.letter == 'D' ? "high"
                        : grade.letter == 'C' ? "medium"
                                              : "low";
    html_put(out,
             "<div class=\"graded\"><span class=\"grade %s\">%t</span><div><p>Grade %t for %t: %n of %n %s.</p>"
             "<p class=\"quiet\">F: hidden text, instructions to the model, or critical severity; D: money or "
             "destruction; C: execution or high severity; B: writing; A: reading alone. The first that holds counts."
             "</p></div></div>\n",
             style, str_of(&grade.letter, 1), str_of(&grade.letter, 1), grade.why, (int64_t)grade.count,
             (int64_t)page->tool_count, count_word((int64_t)page->tool_count, "tool", "tools"));
}

/* ---- sections ---- */

static void put_head(struct buf *out, const struct server_page *page)
{
    const struct catalog_server *server = page->server;
    html_put(out, "<p class=\"trail\"><a href=\"../index.html\">Servers</a></p>\n<h1>%t</h1>\n", server->name);
    if (server->title.len > 0)
        html_put(out, "<p class=\"quiet\">Its title: “%t”</p>\n", server->title);
    if (server->description.len > 0)
        html_put(out, "<blockquote>%t</blockquote>\n", server->description);
    html_put(out, "<ul class=\"facts\">");
    if (server->package.len > 0)
        html_put(out, "<li>%t package %q</li>", server->registry, server->package);
    if (server->version.len > 0)
        html_put(out, "<li>version %t</li>", server->version);
    if (server->url.len > 0)
        html_put(out, "<li>at %q</li>", server->url);
    if (server->scanned.len > 0)
        html_put(out, "<li>scanned %t</li>", server->scanned);
    html_put(out, "<li>%n %s</li></ul>\n", (int64_t)page->tool_count,
             count_word((int64_t)page->tool_count, "tool", "tools"));
}

static void put_classes(struct buf *out, const struct grade_counts *counts)
{
    int64_t shares[CLASS_FINANCIAL + 1];
    for (int class = 0; class <= CLASS_FINANCIAL; ++class)
        shares[class] = (int64_t)counts->of_class[class];
    html_put(out, "<h2 id=\"classes\">By class</h2>\n");
    put_class_bar(out, shares);
    html_put(out, "<ul class=\"facts\">");
    for (int class = CLASS_FINANCIAL; class >= 0; --class) {
        if (counts->of_class[class] == 0)
            continue;
        html_put(out, "<li>");
        put_badge(out, (enum tool_class) class);
        html_put(out, " <strong>%n</strong></li>", (int64_t)counts->of_class[class]);
    }
    html_put(out, "</ul>\n");
}

static void put_tools(struct buf *out, const struct server_page *page)
{
    html_put(
        out,
        "<h2 id=\"tools\">Its tools, the riskiest first</h2>\n<div class=\"scroll\"><table class=\"stack\"><thead><tr>"
        "<th>Tool</th><th>Class</th><th>Severity</th><th "
        "class=\"number\">Confidence</th><th>Signals</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < page->tool_count; i++) {
        const struct catalog_tool *tool = &page->tools[i];
        const char *between = "";
        html_put(out, "<tr><td><a href=\"%t.html\">%q</a></td><td>", tool->slug, tool->name);
        put_badge(out, tool->class);
        html_put(out, "</td><td data-as=\"Severity\">");
        put_severity(out, tool->severity);
        html_put(out, "</td><td class=\"number\" data-as=\"Confidence\">%n %%</td><td>", (int64_t)tool->confidence);
        for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
            if (tool->signals >> s & 1) {
                html_put(out, "%s<code>%s</code>", between, signal_name((enum signal)s));
                between = " ";
            }
        }
        html_put(out, "</td></tr>\n");
    }
    html_put(out, "</tbody></table></div>\n");
}

/* ---- what changed ---- */

struct changing {
    struct buf *out;
    int64_t shown, more;
};

static const char *change_words(enum change change)
{
    switch (change) {
    case CHANGE_NEW: return "new";
    case CHANGE_TEXT: return "another definition";
    case CHANGE_RISK: return "riskier: a graver class, a higher severity, or one more signal";
    case CHANGE_GONE: return "gone";
    case CHANGE_NONE: break;
    }
    return "";
}

static int put_change(void *arg, enum change change, struct str name, struct str slug)
{
    struct changing *changing = arg;
    if (changing->shown == CHANGES_SHOWN) {
        changing->more++;
        return 0;
    }
    if (changing->shown++ == 0)
        html_put(changing->out, "<ul class=\"list\">\n");
    if (slug.len > 0)
        html_put(changing->out, "<li><a href=\"%t.html\">%q</a>: %s</li>\n", slug, name, change_words(change));
    else
        html_put(changing->out, "<li>%q: %s</li>\n", name, change_words(change));
    return 0;
}

/* As the second scan of a server says it. */
static int put_changes(struct buf *out, const struct server_page *page)
{
    struct changing changing = { .out = out };
    struct buf before;
    bool compared;
    buf_init(&before, 4096);
    int error = catalog_compared(page->pages->catalog, page->server->id, &compared, &before);
    if (!error && compared) {
        html_put(out, "<h2 id=\"changes\">What changed since the scan before</h2>\n");
        if (before.len > 0)
            html_put(out, "<p>That was of %t.</p>\n", buf_str(&before));
        error = catalog_changes(page->pages->catalog, page->server->id, put_change, &changing);
        html_put(out, changing.shown > 0 ? "</ul>\n" : "<p>Nothing: the same tools with the same definitions.</p>\n");
        if (changing.more > 0)
            html_put(out, "<p>And %n more.</p>\n", changing.more);
    }
    buf_release(&before);
    return error;
}

static int put_why_unlisted(void *arg, const struct queued *queued)
{
    if (queued->state == QUEUE_FAILED)
        html_put(arg, "<p>Its tools are not known: %t.</p>\n", queued->why);
    return 0;
}

static int put_nothing(struct buf *out, const struct server_page *page)
{
    html_put(out,
             page->server->listed
                 ? "<p>%t lists no tools.</p>\n"
                 : "<p>A registry names %t; it was not scanned yet, so nothing is said of its tools.</p>\n",
             page->server->name);
    int error =
        page->server->listed ? 0 : catalog_queue_of(page->pages->catalog, page->server->id, put_why_unlisted, out);
    return error == E_NOT_FOUND ? 0 : error;
}

static int put_policy(struct buf *out, const struct server_page *page)
{
    struct classed_tool *classed = calloc(page->tool_count + 1, sizeof(*classed));
    struct buf policy;
    char id[65], file[80];
    if (!classed)
        return E_NOMEM;
    for (size_t i = 0; i < page->tool_count; i++)
        classed[i] = (struct classed_tool){ page->tools[i].name, page->tools[i].class, page->tools[i].signals };
    buf_init(&policy, PAGE_BYTES);
    int error = recommend_policy(&policy, PRESET_STRICT, page->server->name, classed, page->tool_count);
    free(classed);
    struct str server = server_id(page->server, id);
    int len = snprintf(file, sizeof(file), "%.*s.policy.json", STR_ARG(server));
    CHECK(len > 0 && (size_t)len < sizeof(file));
    html_put(
        out,
        "<h2 id=\"policy\">One policy for the whole server</h2>\n<p>A rule for each tool by its class, and a default "
        "that denies what the server adds later. <code>%s</code>; a click selects all of it:</p>\n<pre class=\"copy "
        "long\" tabindex=\"0\"><code>",
        file);
    html_lines(out, buf_str(&policy));
    html_put(out,
             "</code></pre>\n<p>The server in <code>warder.json</code>, beside it:</p>\n<pre class=\"copy\"><code>");
    put_server_entry(out, page->server, str_of(file, (size_t)len));
    html_put(out, "</code></pre>\n<p><code>warder check warder.json</code> reads both and names every mistake.</p>\n");
    buf_release(&policy);
    return error;
}

int page_server(struct buf *out, const struct server_page *page)
{
    struct grade_counts counts;
    int error = 0;
    struct html_head head = {
        .depth = 2,
        .before = "",
        .name = page->server->name,
        .after = " · tools and policy · Warder catalogue",
        .summary = page->server->description,
        .base = page->pages->base,
        .path = page->pages->path,
        .here = "servers",
    };
    count(page, &counts);
    html_begin(out, &head);
    put_head(out, page);
    if (page->tool_count > 0) {
        put_grade(out, page, &counts);
        put_classes(out, &counts);
        error = put_changes(out, page);
        put_tools(out, page);
        if (!error)
            error = put_policy(out, page);
    } else {
        error = put_nothing(out, page);
        if (!error)
            error = put_changes(out, page);
    }
    html_put(out, "<p class=\"quiet\">In an index of ");
    put_index_size(out, page->pages->size.servers);
    html_put(out, ".</p>\n");
    html_end(out);
    return error ? error : buf_ok(out) ? 0 : E_LIMIT;
}
