/* A tool's page. Everything on it comes from that tool's definition, its verdict, or its server's entry. */
#include "catalog/page.h"

#include "base/check.h"
#include "catalog/attacks.h"
#include "catalog/page_html.h"
#include "recommend/recommend.h"

#include <stdio.h>

#define DESCRIPTION_SHOWN 6000 /* bytes */
#define PARAMETERS_SHOWN 200
#define SENTENCE_SHOWN 240 /* bytes */
#define ATTACKS_SHOWN 8

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

/* Cut where a character ends. */
static struct str cut(struct str text, size_t most)
{
    if (text.len <= most)
        return text;
    while (most > 0 && ((unsigned char)text.ptr[most] & 0xc0) == 0x80)
        most--;
    return str_slice(text, 0, most);
}

static int policy_of(struct buf *out, const struct catalog_tool *tool)
{
    const struct classed_tool classed = { tool->name, tool->class, tool->signals };
    return recommend_for_tool(out, PRESET_STRICT, &classed);
}

/* ---- sections ---- */

static void put_head(struct buf *out, const struct tool_page *page)
{
    const struct catalog_tool *tool = page->tool;
    html_put(out,
             "<p class=\"trail\"><a href=\"../index.html\">Servers</a> › <a href=\"index.html\">%t</a></p>\n"
             "<h1>%q</h1>\n<ul class=\"facts\"><li>",
             page->server->name, tool->name);
    put_badge(out, tool->class);
    html_put(out, "</li><li>severity ");
    put_severity(out, tool->severity);
    html_put(out, "</li><li>confidence %n %%</li></ul>\n", (int64_t)tool->confidence);
    if (page->title.len > 0)
        html_put(out, "<p class=\"quiet\">Its title: “%t”</p>\n", page->title);
    if (page->description.len == 0) {
        html_put(out,
                 page->undescribed ? "<p>%q has no description.</p>\n"
                                   : "<p>This index knows the description of %q by its digest; its words are its "
                                     "server's, and come in with a scan.</p>\n",
                 tool->name);
        return;
    }
    html_put(out, "<blockquote>");
    html_lines(out, cut(page->description, DESCRIPTION_SHOWN));
    html_put(out, page->description.len > DESCRIPTION_SHOWN ? "…</blockquote>\n" : "</blockquote>\n");
}

static void put_does(struct buf *out, const struct tool_page *page)
{
    html_put(
        out,
        "<h2 id=\"does\">What it does on %t</h2>\n<p>%q is classed <a href=\"../../classes/%s/index.html\">%s</a>: ",
        page->server->name, page->tool->name, class_path(page->tool->class), class_name(page->tool->class));
    say_evidence(out, page);
    html_put(out, ".</p>\n<p>");
    say_parameters(out, page);
    say_own_params(out, page);
    html_put(out, "</p>\n");
    size_t before = out->len;
    html_put(out, "<p>");
    if (say_siblings(out, page))
        html_put(out, "</p>\n");
    else
        out->len = before;
}

/* What a call aims at, in the words of its first required parameter. */
static void put_target(struct buf *out, const struct tool_page *page)
{
    for (size_t i = 0; i < page->param_count; i++) {
        const struct param *param = &page->params[i];
        if (!param->required || param->description.len == 0)
            continue;
        html_put(out, ". What a call of %q acts on is up to %q, “%t”", page->tool->name, param->name,
                 cut(param->description, 200));
        return;
    }
}

static void put_why(struct buf *out, const struct tool_page *page)
{
    const struct catalog_tool *tool = page->tool;
    struct str contradiction = text_of(page->verdict, STR("contradiction"));
    html_put(out, "<h2 id=\"why\">Why it needs a policy</h2>\n<p>Its severity is ");
    put_severity(out, tool->severity);
    html_put(out, ": %t", page->reason);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        if (!(tool->signals >> i & 1))
            continue;
        html_put(out, "; ");
        say_signal_place(out, page, 1U << i);
    }
    put_target(out, page);
    html_put(out, ".</p>\n<p>Confidence is %n %%", (int64_t)tool->confidence);
    if (contradiction.len > 0)
        html_put(out, ", and its definition contradicts itself: %t", contradiction);
    else if (page->undescribed)
        html_put(out, ": there is no description to read");
    else if (!page->schema)
        html_put(out, ": there is no schema to read");
    else
        html_put(out, ", from %n %s of evidence", (int64_t)json_count(json_get(page->verdict, STR("evidence"))),
                 count_word((int64_t)json_count(json_get(page->verdict, STR("evidence"))), "piece", "pieces"));
    html_put(out, ".</p>\n");
}

static void put_evidence(struct buf *out, const struct tool_page *page)
{
    struct json_iter iter;
    const struct json *evidence, *list = json_get(page->verdict, STR("evidence"));
    struct str key;
    html_put(out, "<h2 id=\"evidence\">From the tool's definition</h2>\n");
    if (json_count(list) == 0) {
        html_put(out, "<p>Nothing in the definition of %q tells a class.</p>\n", page->tool->name);
        return;
    }
    html_put(out,
             "<div class=\"scroll\"><table class=\"stack\"><thead><tr><th>Where</th><th>Quoted</th><th>Speaks for</th>"
             "<th>Because it</th></tr></thead><tbody>\n");
    json_iter_init(&iter, list);
    while (json_iter_next(&iter, &key, &evidence)) {
        struct str where = text_of(evidence, STR("where"));
        struct str source = text_of(evidence, STR("source"));
        html_put(out, "<tr><td>%t", str_eq(source, STR("sibling")) ? STR("another tool's name") : source);
        if (where.len > 0)
            html_put(out, " %q", where);
        html_put(out, "</td><td>“%t”</td><td data-as=\"Speaks for\">%t</td><td class=\"wide\">%t</td></tr>\n",
                 text_of(evidence, STR("words")), text_of(evidence, STR("class")), text_of(evidence, STR("why")));
    }
    html_put(out, "</tbody></table></div>\n");
}

static void put_attacks(struct buf *out, const struct tool_page *page)
{
    const struct catalog_tool *tool = page->tool;
    size_t told = 0;
    html_put(out, "<h2 id=\"attacks\">Documented attack patterns</h2>\n");
    for (int with_signals = 1; with_signals >= 0; with_signals--) {
        for (unsigned i = 0; i < ATTACK_COUNT && told < ATTACKS_SHOWN; i++) {
            const struct attack *attack = attack_at((enum attack_id)i);
            if ((attack->signals != 0) != (with_signals != 0) || !attack_is_told(attack, tool->class, tool->signals))
                continue;
            if (told == 0)
                html_put(out, "<p>These abuse the %s access that %q gives:</p>\n<ul class=\"list\">\n",
                         class_name(tool->class), tool->name);
            html_put(out, "<li><a href=\"../../attacks/%s.html\">%s</a>: %s", attack->slug, attack->name,
                     attack->brief);
            if (attack->signals != 0) {
                html_put(out, " Here: ");
                say_signal_place(out, page, attack->signals & tool->signals);
                html_put(out, ".");
            }
            html_put(out, "</li>\n");
            told++;
        }
    }
    if (told > 0)
        html_put(out, "</ul>\n");
    else
        html_put(out,
                 "<p>None of the patterns in this catalogue begins with a tool that is classed %s and shows no signal "
                 "of risk, as %q does.</p>\n",
                 class_name(tool->class), tool->name);
}

/* A name as one word of a shell, which people paste it into. */
static void put_shell_word(struct buf *out, struct str name)
{
    bool plain = name.len > 0 && name.ptr[0] != '-';
    for (size_t i = 0; i < name.len && plain; i++) {
        char c = name.ptr[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                c == '.' || c == '/';
    }
    if (plain) {
        html_text(out, name);
        return;
    }
    html_put(out, "'");
    for (size_t at = 0; at < name.len;) {
        size_t end = at + str_find_byte(str_slice(name, at, name.len), '\'');
        html_text(out, str_slice(name, at, end));
        if (end < name.len)
            html_put(out, "'\\''");
        at = end + 1;
    }
    html_put(out, "'");
}

static int put_control(struct buf *out, const struct tool_page *page)
{
    struct buf policy;
    char id[65];
    struct str server = server_id(page->server, id),
               effect = recommend_effect(PRESET_STRICT, page->tool->class, page->tool->signals);
    buf_init(&policy, PAGE_BYTES);
    int error = policy_of(&policy, page->tool);
    html_put(out,
             "<h2 id=\"control\">How to control it</h2>\n<p><code>%t.policy.json</code>; a click selects all of "
             "it:</p>\n<pre class=\"copy\"><code>",
             server);
    html_lines(out, buf_str(&policy));
    html_put(out,
             "</code></pre>\n<p>For %q: %t Every other tool of %t is denied until it has a rule.</p>\n<ol>\n"
             "<li>Register the server in <code>warder.json</code>:\n<pre class=\"copy\"><code>",
             page->tool->name, effect, page->server->name);
    char file[80];
    int len = snprintf(file, sizeof(file), "%.*s.policy.json", STR_ARG(server));
    CHECK(len > 0 && (size_t)len < sizeof(file));
    put_server_entry(out, page->server, str_of(file, (size_t)len));
    html_put(out,
             "</code></pre></li>\n<li>Save the policy above beside it and ask what it says of this tool:\n"
             "<pre class=\"copy\"><code>warder check warder.json\nwarder explain %t --tool ",
             server);
    put_shell_word(out, page->tool->name);
    html_put(out,
             "</code></pre></li>\n<li>Start the gateway, make a grant, and point the client at it; the token is "
             "what <code>grant create</code> prints:\n<pre class=\"copy\"><code>warder run\nwarder grant create "
             "--label laptop "
             "--server %t</code></pre>\n<pre class=\"copy\"><code>",
             server);
    html_put(out,
             "{ &quot;mcpServers&quot;: {\n    &quot;%t&quot;: { &quot;type&quot;: &quot;http&quot;,\n"
             "      &quot;url&quot;: &quot;http://127.0.0.1:8808/mcp/%t&quot;,\n"
             "      &quot;headers&quot;: { &quot;Authorization&quot;: &quot;Bearer TOKEN&quot; } } } "
             "}</code></pre></li>\n</ol>\n",
             server, server);
    buf_release(&policy);
    return error;
}

static bool describes_parameters(const struct tool_page *page)
{
    for (size_t i = 0; i < page->param_count && i < PARAMETERS_SHOWN; i++)
        if (page->params[i].description.len > 0)
            return true;
    return false;
}

static void put_parameters(struct buf *out, const struct tool_page *page)
{
    bool described = describes_parameters(page);
    if (page->param_count == 0)
        return;
    html_put(out,
             "<h2 id=\"parameters\">Parameters</h2>\n<div class=\"scroll\"><table class=\"stack\"><thead><tr>"
             "<th>Name</th><th>Type</th><th>Required</th>%s</tr></thead><tbody>\n",
             described ? "<th>Its description</th>" : "");
    for (size_t i = 0; i < page->param_count && i < PARAMETERS_SHOWN; i++) {
        const struct param *param = &page->params[i];
        html_put(out, "<tr><td>%q</td><td>", param->name);
        say_type(out, param->schema, page->schema);
        html_put(out, "</td><td>%s</td>", param->required ? "required" : "optional");
        if (described)
            html_put(out, "<td class=\"wide\">%t</td>", cut(param->description, 600));
        html_put(out, "</tr>\n");
    }
    html_put(out, "</tbody></table></div>\n");
    if (page->param_count > PARAMETERS_SHOWN)
        html_put(out, "<p>%n more are not shown.</p>\n", (int64_t)(page->param_count - PARAMETERS_SHOWN));
}

static void put_signals(struct buf *out, const struct tool_page *page)
{
    html_put(out, "<h2 id=\"signals\">Signals of risk</h2>\n");
    if (page->tool->signals == 0) {
        html_put(out, "<p>%q shows none of the %n signals that the classifier looks for.</p>\n", page->tool->name,
                 (int64_t)SIGNAL_COUNT);
        return;
    }
    html_put(out, "<ul class=\"list\">\n");
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        if (!(page->tool->signals >> i & 1))
            continue;
        const struct param *param = param_of_signal(page, (enum signal)i);
        html_put(out, "<li>It %s", signal_text((enum signal)i));
        if (param)
            html_put(out, ": %q", param->name);
        if (signal_owasp((enum signal)i)[0])
            html_put(out, " <span class=\"quiet\">(OWASP %s)</span>", signal_owasp((enum signal)i));
        html_put(out, "</li>\n");
    }
    html_put(out, "</ul>\n");
}

/* ---- related ---- */

static int put_alike(void *arg, const struct catalog_tool *tool)
{
    struct buf *out = arg;
    html_put(out, "<li><a href=\"../%t/%t.html\">%q</a> of %t · %s</li>\n", tool->home, tool->slug, tool->name,
             tool->home_name, class_name(tool->class));
    return 0;
}

static int put_related(struct buf *out, const struct tool_page *page)
{
    struct buf elsewhere;
    html_put(out, "<h2 id=\"related\">Related tools</h2>\n");
    say_kin(out, page);
    buf_init(&elsewhere, PAGE_BYTES);
    int error = catalog_tools_alike(page->pages->catalog, page->tool, put_alike, &elsewhere);
    if (elsewhere.len > 0) {
        html_put(out, "<p>Of a like name on other servers:</p>\n<ul class=\"list\">\n");
        buf_append_str(out, buf_str(&elsewhere));
        html_put(out, "</ul>\n");
    }
    buf_release(&elsewhere);
    return error;
}

/* ---- questions ---- */

static void put_limit_answer(struct buf *out, const struct tool_page *page)
{
    const struct catalog_tool *tool = page->tool;
    if (signals_mislead(tool->signals) && tool->class != CLASS_DESTRUCTIVE) {
        html_put(out, "Not before a person has read its texts. The policy above has no rule for %q, so it is denied.",
                 tool->name);
        return;
    }
    switch (tool->class) {
    case CLASS_READ:
        html_put(out,
                 tool->severity == SEVERITY_LOW
                     ? "Yes. The policy above sets no limit, because %t; <code>\"rate_limit\": \"60/minute\"</code> in "
                       "the rule of %q sets one for each grant."
                     : "Yes, and it is worth it: %t. The policy above sets no limit for what reads alone; "
                       "<code>\"rate_limit\": \"60/minute\"</code> in the rule of %q sets one for each grant.",
                 page->reason, tool->name);
        break;
    case CLASS_DESTRUCTIVE:
        html_put(out,
                 "Yes, but the policy above hides %q instead: a limit still lets the first call through, and %t. Where "
                 "it is needed, take it out of <code>hide</code> and give it <code>\"rate_limit\": \"1/hour\"</code>.",
                 tool->name, page->reason);
        break;
    case CLASS_FINANCIAL:
        html_put(out, "Yes, by calls and by amounts. The policy above denies every call of %q all the same: %t.",
                 tool->name, page->reason);
        break;
    case CLASS_OTHER:
    case CLASS_WRITE:
    case CLASS_EXECUTE:
        html_put(out, "The policy above does. For %q: %t The counter is kept on disk and holds through restarts.",
                 tool->name, recommend_effect(PRESET_STRICT, tool->class, tool->signals));
        break;
    }
}

/* The description's first sentence, which is theirs; without one, what made its class. */
static void put_own_words(struct buf *out, const struct tool_page *page)
{
    struct str said = cut(page->description, SENTENCE_SHOWN), end = STR(". ");
    said = str_slice(said, 0, str_find_byte(said, '\n'));
    said = str_slice(said, 0, str_find(said, end));
    if (said.len == 0) {
        html_put(out, "It %s: ", class_means(page->tool->class));
        say_evidence(out, page);
        html_put(out, ".");
        return;
    }
    html_put(out, "In the words of %t: “%t%s”", page->server->name, said,
             said.len < page->description.len && said.len >= SENTENCE_SHOWN - 3 ? "…" : "");
    html_put(out, said.ptr[said.len - 1] == '.' ? "" : ".");
    if (page->param_count > 0)
        html_put(out, " %n of its %n %s must be given.", (int64_t)page->required_count, (int64_t)page->param_count,
                 count_word((int64_t)page->param_count, "parameter", "parameters"));
}

static void put_questions(struct buf *out, const struct tool_page *page)
{
    const struct catalog_tool *tool = page->tool;
    char id[65];
    struct str server = server_id(page->server, id);
    html_put(out, "<h2 id=\"questions\">Six questions</h2>\n<dl class=\"answers\">\n<dt>What does %q do?</dt>\n<dd>",
             tool->name);
    put_own_words(out, page);
    html_put(
        out,
        "</dd>\n<dt>How do I enforce a policy on %q?</dt>\n<dd>Put %t behind the gateway as <code>%t</code> with the "
        "<a href=\"#control\">policy above</a>. %t</dd>\n<dt>What risk level has %q?</dt>\n<dd>Badge %s, severity %s: "
        "%t.",
        tool->name, page->server->name, server, recommend_effect(PRESET_STRICT, tool->class, tool->signals), tool->name,
        class_badge(tool->class), severity_name(tool->severity), page->reason);
    if (tool->signals != 0) {
        html_put(out, " Also, ");
        say_signal_place(out, page, tool->signals);
        html_put(out, ".");
    }
    html_put(out, "</dd>\n<dt>Can I rate-limit %q?</dt>\n<dd>", tool->name);
    put_limit_answer(out, page);
    html_put(out, "</dd>\n<dt>How do I block %q completely?</dt>\n<dd>%s <code>\"hide\": [\"", tool->name,
             tool->class == CLASS_DESTRUCTIVE ? "The policy above does, with" : "With");
    html_text(out, tool->name);
    html_put(out,
             "\"]</code>: it is not listed, and a call of it is answered as if it did not exist.</dd>\n"
             "<dt>Which server provides %q?</dt>\n<dd><a href=\"index.html\">%t</a>",
             tool->name, page->server->name);
    if (page->server->package.len > 0)
        html_put(out, ", from %q", page->server->package);
    if (page->server->version.len > 0)
        html_put(out, " %t", page->server->version);
    html_put(out, ", beside %n other %s.</dd>\n</dl>\n", (int64_t)page->sibling_count - 1,
             count_word((int64_t)page->sibling_count - 1, "tool", "tools"));
}

int page_tool(struct buf *out, const struct tool_page *page)
{
    struct html_head head = {
        .depth = 2,
        .before = "",
        .name = page->tool->name,
        .after = " · policy, risk and evidence · Warder catalogue",
        .summary = cut(page->description, 150),
        .base = page->pages->base,
        .path = page->pages->path,
        .here = "servers",
    };
    html_begin(out, &head);
    put_head(out, page);
    put_does(out, page);
    put_why(out, page);
    put_evidence(out, page);
    put_attacks(out, page);
    int error = put_control(out, page);
    put_parameters(out, page);
    put_signals(out, page);
    if (!error)
        error = put_related(out, page);
    put_questions(out, page);
    html_put(out, "<p class=\"quiet\">%n %s catalogued and classed on this server, across an index of ",
             (int64_t)page->sibling_count, count_word((int64_t)page->sibling_count, "tool", "tools"));
    put_index_size(out, page->pages->size.servers);
    html_put(out, ".</p>\n");
    html_end(out);
    return error ? error : buf_ok(out) ? 0 : E_LIMIT;
}
