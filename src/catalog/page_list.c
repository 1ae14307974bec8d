/* The pages that lead on. */
#include "catalog/page_list.h"

#include "base/check.h"
#include "catalog/page_html.h"
#include "recommend/recommend.h"

#include <stdio.h>

#define GRAVEST_SHOWN 100
#define GRAVEST_READ 400
#define EXPOSED_SHOWN 40
#define LEAST_OF_EACH 3
#define ENOUGH 1 /* no error: what was wanted is there */

char letter_at(unsigned index)
{
    return (char)(index == 0 ? '#' : 'a' + (char)index - 1);
}

unsigned letter_index(char initial)
{
    return initial >= 'a' && initial <= 'z' ? (unsigned)(initial - 'a') + 1 : 0;
}

struct str list_file(char initial, unsigned number, char out[32])
{
    const char name[2] = { initial, '\0' };
    int len = number > 1 ? snprintf(out, 32, "%s-%u.html", initial == '#' ? "other" : name, number)
                         : snprintf(out, 32, "%s.html", initial == '#' ? "other" : name);
    CHECK(len > 0 && len < 32);
    return str_of(out, (size_t)len);
}

const char *badge_at(unsigned index)
{
    static const char *const badges[BADGES] = { "Critical", "High", "Medium", "Low" };
    CHECK(index < BADGES);
    return badges[index];
}

struct str badge_path(const char *badge, char out[16])
{
    size_t len = strlen(badge);
    CHECK(len < 16);
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)(badge[i] >= 'A' && badge[i] <= 'Z' ? badge[i] | 0x20 : badge[i]);
    return str_of(out, len);
}

static int finish(struct buf *out)
{
    html_end(out);
    return buf_ok(out) ? 0 : E_LIMIT;
}

static void begin(struct buf *out, const struct pages *pages, unsigned depth, const char *title, const char *here)
{
    struct html_head head = { .depth = depth,
                              .before = title,
                              .name = STR_EMPTY,
                              .after = " · Warder catalogue",
                              .base = pages->base,
                              .path = pages->path,
                              .here = here };
    html_begin(out, &head);
}

static void put_letters(struct buf *out, const int64_t counts[LETTERS])
{
    char file[32];
    html_put(out, "<ul class=\"letters\">");
    for (unsigned i = 0; i < LETTERS; i++) {
        char shown[2] = { letter_at(i), '\0' };
        if (counts[i] == 0)
            continue;
        html_put(out, "<li><a href=\"%t\">%s <span class=\"quiet\">%n</span></a></li>", list_file(shown[0], 1, file),
                 shown[0] == '#' ? "other" : shown, counts[i]);
    }
    html_put(out, "</ul>\n");
}

/* ---- the front page ---- */

static void put_class_table(struct buf *out, const struct pages *pages, const char *to)
{
    html_put(out, "<div class=\"scroll\"><table class=\"stack\"><thead><tr><th>Class</th><th>It</th><th "
                  "class=\"number\">Tools</th>"
                  "<th>What the recommended policy does</th></tr></thead><tbody>\n");
    for (int class = CLASS_FINANCIAL; class >= 0; --class) {
        html_put(out, "<tr><td><a href=\"%s%s/index.html\">", to, class_path((enum tool_class) class));
        put_badge(out, (enum tool_class) class);
        html_put(out,
                 "</a></td><td class=\"wide\">%s</td><td class=\"number\" data-as=\"Tools\">%n</td><td "
                 "class=\"wide\">%t</td></tr>\n",
                 class_means((enum tool_class) class), pages->of_class[class],
                 recommend_effect(PRESET_STRICT, (enum tool_class) class, 0));
    }
    html_put(out, "</tbody></table></div>\n");
}

int page_home(struct buf *out, const struct pages *pages)
{
    begin(out, pages, 0, "What agents can call", "");
    html_put(out,
             "<h1>What agents can call, and what to allow</h1>\n"
             "<p class=\"lead\">Every tool of every server in this index, classed by what its own definition says, "
             "with the words that "
             "made the verdict, the documented attacks that abuse such access, and a policy to paste.</p>\n"
             "<ul class=\"facts\"><li><strong>%n</strong> %s</li><li><strong>%n</strong> scanned</li>"
             "<li><strong>%n</strong> %s</li><li><strong>%n</strong> attack patterns</li></ul>\n",
             pages->size.servers, count_word(pages->size.servers, "server", "servers"), pages->size.listed,
             pages->size.tools, count_word(pages->size.tools, "tool", "tools"), (int64_t)ATTACK_COUNT);
    html_put(out, "<h2>By class</h2>\n");
    put_class_bar(out, pages->of_class);
    put_class_table(out, pages, "classes/");
    html_put(
        out,
        "<h2>Ways in</h2>\n<ul class=\"ways\">\n"
        "<li><a href=\"servers/index.html\">Servers <span>By letter, each with its grade and one policy for all of "
        "it</span></a></li>\n"
        "<li><a href=\"tools/index.html\">Tools <span>By letter, across all servers</span></a></li>\n"
        "<li><a href=\"badges/index.html\">Badges <span>The most severe first</span></a></li>\n"
        "<li><a href=\"attacks/index.html\">Attack patterns <span>What was done to agents and their servers, and "
        "what stops it</span></a></li>\n</ul>\n"
        "<p class=\"quiet\"><a href=\"search.html\">Search</a> finds tools by words; full-text search is <code>warder "
        "catalog search WORDS</code> on the index that these "
        "pages come from.</p>\n");
    return finish(out);
}

/* ---- letters ---- */

int page_servers(struct buf *out, const struct pages *pages, const struct letter_counts *counts)
{
    begin(out, pages, 1, "Servers", "servers");
    html_put(out, "<h1>Servers</h1>\n<p>%n in this index, of which %n were scanned.</p>\n", pages->size.servers,
             pages->size.listed);
    put_letters(out, counts->servers);
    return finish(out);
}

int page_tools(struct buf *out, const struct pages *pages, const struct letter_counts *counts)
{
    int64_t sums[LETTERS] = { 0 };
    for (int class = 0; class <= CLASS_FINANCIAL; ++class)
        for (unsigned i = 0; i < LETTERS; i++)
            sums[i] += counts->tools[class][i];
    begin(out, pages, 1, "Tools", "tools");
    html_put(out, "<h1>Tools</h1>\n<p>%n, by the letter that their names begin with.</p>\n", pages->size.tools);
    put_letters(out, sums);
    return finish(out);
}

/* ---- classes and badges ---- */

int page_classes(struct buf *out, const struct pages *pages)
{
    begin(out, pages, 1, "Classes", "classes");
    html_put(out,
             "<h1>Classes</h1>\n<p>What a tool can do. Where several fit, the gravest counts: Financial, Destructive, "
             "Execute, Write, Read.</p>\n");
    put_class_table(out, pages, "");
    return finish(out);
}

static void put_told(struct buf *out, enum tool_class class)
{
    bool any = false;
    for (unsigned i = 0; i < ATTACK_COUNT; i++) {
        const struct attack *attack = attack_at((enum attack_id)i);
        if (!(attack->told >> class & 1))
            continue;
        html_put(out, "%s<li><a href=\"../../attacks/%s.html\">%s</a>: %s</li>\n",
                 any ? "" : "<h2>Attack patterns that abuse such access</h2>\n<ul class=\"list\">\n", attack->slug,
                 attack->name, attack->brief);
        any = true;
    }
    if (any)
        html_put(out, "</ul>\n");
}

int page_class(struct buf *out, const struct pages *pages, enum tool_class class, const struct letter_counts *counts)
{
    begin(out, pages, 2, class_name(class), "classes");
    html_put(out, "<p class=\"trail\"><a href=\"../index.html\">Classes</a></p>\n<h1>%s</h1>\n<p>", class_name(class));
    put_badge(out, class);
    html_put(out, " A tool of this class %s. %n of %n tools in this index.</p>\n<p>%t</p>\n", class_means(class),
             pages->of_class[class], pages->size.tools, recommend_effect(PRESET_STRICT, class, 0));
    put_letters(out, counts->tools[class]);
    put_told(out, class);
    return finish(out);
}

int page_badges(struct buf *out, const struct pages *pages)
{
    begin(out, pages, 1, "Badges", "badges");
    html_put(out, "<h1>Badges</h1>\n<ul class=\"list\">\n");
    for (unsigned i = 0; i < BADGES; i++) {
        char path[16];
        int64_t count = 0;
        for (int class = 0; class <= CLASS_FINANCIAL; ++class)
            if (strcmp(class_badge((enum tool_class) class), badge_at(i)) == 0)
                count += pages->of_class[class];
        html_put(out, "<li><a href=\"%t.html\"><span class=\"badge %s\">%s</span></a> %n %s</li>\n",
                 badge_path(badge_at(i), path), path, badge_at(i), count, count_word(count, "tool", "tools"));
    }
    html_put(out, "</ul>\n<p>A badge follows from the class. Severity is another thing: reading a secret is Read, and "
                  "severe.</p>\n");
    return finish(out);
}

/* As many of one server as leave room for the others; all of it where there are few. */
static size_t of_each_server(const struct pages *pages, size_t most)
{
    size_t servers = pages->size.listed > 0 ? (size_t)pages->size.listed : 1;
    return most / servers >= LEAST_OF_EACH ? most / servers + 1 : LEAST_OF_EACH;
}

/* The gravest tools, of each server only so many: one large server would fill the page. */
struct gravest {
    struct buf *out;
    size_t shown, most, of_each;
    struct {
        int64_t server;
        size_t shown;
    } seen[GRAVEST_SHOWN];
    size_t seen_count;
};

static bool has_its_share(struct gravest *gravest, int64_t server)
{
    size_t at = 0;
    while (at < gravest->seen_count && gravest->seen[at].server != server)
        at++;
    if (at == gravest->seen_count) {
        gravest->seen[at].server = server;
        gravest->seen[at].shown = 0;
        gravest->seen_count++;
    }
    return gravest->seen[at].shown++ >= gravest->of_each;
}

static int put_gravest(void *arg, const struct catalog_tool *tool)
{
    struct gravest *gravest = arg;
    if (has_its_share(gravest, tool->server))
        return 0;
    html_put(gravest->out,
             "<tr><td><a href=\"../servers/%t/%t.html\">%q</a></td><td>%t</td><td>%s</td><td data-as=\"Severity\">",
             tool->home, tool->slug, tool->name, tool->home_name, class_name(tool->class));
    put_severity(gravest->out, tool->severity);
    html_put(gravest->out, "</td></tr>\n");
    return ++gravest->shown == gravest->most ? ENOUGH : 0;
}

static int put_gravest_of(struct buf *out, const struct pages *pages, unsigned classes, uint32_t signals, size_t most)
{
    struct gravest gravest = { .out = out, .most = most, .of_each = of_each_server(pages, most) };
    html_put(out, "<div class=\"scroll\"><table "
                  "class=\"stack\"><thead><tr><th>Tool</th><th>Server</th><th>Class</th><th>Severity</th></tr>"
                  "</thead><tbody>\n");
    int error = catalog_tools_exposed(pages->catalog, classes, signals, GRAVEST_READ, put_gravest, &gravest);
    html_put(out, "</tbody></table></div>\n");
    return error == ENOUGH ? 0 : error;
}

int page_badge(struct buf *out, const struct pages *pages, const char *badge)
{
    unsigned classes = 0;
    begin(out, pages, 1, badge, "badges");
    html_put(out, "<p class=\"trail\"><a href=\"index.html\">Badges</a></p>\n<h1>%s</h1>\n<ul class=\"list\">\n",
             badge);
    for (int class = 0; class <= CLASS_FINANCIAL; ++class) {
        if (strcmp(class_badge((enum tool_class) class), badge) != 0)
            continue;
        classes |= 1U << class;
        html_put(out, "<li><a href=\"../classes/%s/index.html\">%s</a>: %n %s</li>\n",
                 class_path((enum tool_class) class), class_name((enum tool_class) class), pages->of_class[class],
                 count_word(pages->of_class[class], "tool", "tools"));
    }
    html_put(out, "</ul>\n<h2>The most severe</h2>\n<p>Of each server %n at most.</p>\n",
             (int64_t)of_each_server(pages, GRAVEST_SHOWN));
    int error = put_gravest_of(out, pages, classes, 0, GRAVEST_SHOWN);
    return error ? error : finish(out);
}

/* ---- attacks ---- */

int page_attacks(struct buf *out, const struct pages *pages)
{
    begin(out, pages, 1, "Documented attack patterns", "attacks");
    html_put(
        out,
        "<h1>Documented attack patterns</h1>\n<p>%n ways in which agents, servers and what lies between were turned "
        "against their users, each with where it happened and what stops it.</p>\n<div class=\"scroll\">"
        "<table class=\"stack\"><thead><tr><th>No.</th><th>Pattern</th><th>What</th></tr></thead><tbody>\n",
        (int64_t)ATTACK_COUNT);
    for (unsigned i = 0; i < ATTACK_COUNT; i++) {
        const struct attack *attack = attack_at((enum attack_id)i);
        html_put(out,
                 "<tr><td class=\"quiet\">%s</td><td><a href=\"%s.html\">%s</a></td><td class=\"wide\">%s</td></tr>\n",
                 attack->id, attack->slug, attack->name, attack->brief);
    }
    html_put(out, "</tbody></table></div>\n<p class=\"quiet\">SAFE-T numbers are techniques of SAFE-MCP (OpenSSF, CC "
                  "BY 4.0).</p>\n");
    return finish(out);
}

static void put_sources(struct buf *out, const char *sources)
{
    html_put(out, "<h2 id=\"sources\">Sources</h2>\n<ul class=\"list\">\n");
    while (*sources) {
        size_t len = strcspn(sources, "\n");
        struct str line = str_of(sources, len);
        size_t bar = str_find_byte(line, '|');
        struct str label = str_slice(line, 0, bar), address = str_slice(line, bar + 1, len);
        html_put(out, "<li><a href=\"%p\" rel=\"noopener\">%t</a></li>\n", address, label);
        sources += len + (sources[len] == '\n');
    }
    html_put(out, "</ul>\n");
}

int page_attack(struct buf *out, const struct pages *pages, const struct attack *attack, int64_t exposed)
{
    struct html_head head = { .depth = 1,
                              .before = attack->name,
                              .name = STR_EMPTY,
                              .after = " · Warder catalogue",
                              .summary = str_from_c(attack->brief),
                              .base = pages->base,
                              .path = pages->path,
                              .here = "attacks" };
    html_begin(out, &head);
    html_put(out,
             "<p class=\"trail\"><a href=\"index.html\">Attack patterns</a> › "
             "%s</p>\n<h1>%s</h1>\n<p class=\"lead\">%s</p>\n"
             "<h2 id=\"how\">How it works</h2>\n<p>%s</p>\n<h2 id=\"where\">Where it happened</h2>\n<p>%s</p>\n"
             "<h2 id=\"control\">What stops it</h2>\n<p>%s</p>\n",
             attack->id, attack->name, attack->brief, attack->how, attack->happened, attack->control);
    if (attack->partial)
        html_put(out, "<p>A gateway alone cannot stop it whole.</p>\n");
    html_put(out,
             "<h2 id=\"exposed\">Exposed tools in this index</h2>\n<p>%n %s of the classes that this pattern abuses (",
             exposed, count_word(exposed, "tool", "tools"));
    const char *between = "";
    for (int class = CLASS_FINANCIAL; class >= 0; --class) {
        if (attack->classes >> class & 1) {
            html_put(out, "%s<a href=\"../classes/%s/index.html\">%s</a>", between, class_path((enum tool_class) class),
                     class_name((enum tool_class) class));
            between = ", ";
        }
    }
    html_put(out, ")");
    between = " with a signal of it: ";
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        if (attack->signals >> i & 1) {
            html_put(out, "%s<code>%s</code>", between, signal_name((enum signal)i));
            between = " or ";
        }
    }
    html_put(out, exposed > EXPOSED_SHOWN ? ". The most severe, of each server %n at most:</p>\n" : ".</p>\n",
             (int64_t)of_each_server(pages, EXPOSED_SHOWN));
    int error = exposed > 0 ? put_gravest_of(out, pages, attack->classes, attack->signals, EXPOSED_SHOWN) : 0;
    put_sources(out, attack->sources);
    return error ? error : finish(out);
}

/* ---- lists of many pages ---- */

void list_begin(struct buf *out, const struct list_page *list)
{
    char title[80];
    const char *letter = list->initial == '#' ? "other" : (const char[]){ list->initial, '\0' };
    (void)snprintf(title, sizeof(title), "%.*s: %s, page %u", STR_ARG(list->title), letter, list->number);
    begin(out, list->pages, list->depth, title,
          list->class == -2   ? "servers"
          : list->class == -1 ? "tools"
                              : "classes");
    html_put(out,
             "<p class=\"trail\"><a href=\"index.html\">%t</a></p>\n<h1>%t: %s</h1>\n<p>%n in all; page %n.</p>\n"
             "<div class=\"scroll\"><table class=\"stack\"><thead><tr>",
             list->title, list->title, letter, list->total, (int64_t)list->number);
    html_put(out, list->class == -2
                      ? "<th>Server</th><th class=\"number\">Tools</th><th>From</th></tr></thead><tbody>\n"
                      : "<th>Tool</th><th>Server</th><th>Class</th><th>Severity</th></tr></thead><tbody>\n");
}

void list_tool(struct buf *out, const struct list_page *list, const struct catalog_tool *tool)
{
    html_put(out, "<tr><td><a href=\"%sservers/%t/%t.html\">%q</a></td><td>%t</td><td>%s</td><td data-as=\"Severity\">",
             html_up(list->depth), tool->home, tool->slug, tool->name, tool->home_name, class_name(tool->class));
    put_severity(out, tool->severity);
    html_put(out, "</td></tr>\n");
}

void list_server(struct buf *out, const struct catalog_server *server)
{
    html_put(out, "<tr><td><a href=\"%t/index.html\">%t</a></td><td class=\"number\" data-as=\"Tools\">", server->slug,
             server->name);
    if (server->listed)
        html_put(out, "%n", server->tool_count);
    else
        html_put(out, "not scanned");
    html_put(out, "</td><td>%t</td></tr>\n", server->package.len > 0 ? server->package : server->url);
}

void list_end(struct buf *out, const struct list_page *list, bool more)
{
    char file[32];
    html_put(out, "</tbody></table></div>\n<p class=\"pager\">");
    if (list->number > 1)
        html_put(out, "<a rel=\"prev\" href=\"%t\">Before</a>", list_file(list->initial, list->number - 1, file));
    if (more)
        html_put(out, "<a rel=\"next\" href=\"%t\">More</a>", list_file(list->initial, list->number + 1, file));
    html_put(out, "</p>\n");
    html_end(out);
}
