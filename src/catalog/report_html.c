/* The scan as one page: no script, no link, nothing fetched; a policy of content forbids all three besides. Texts of
 * servers are escaped twice: what cannot be seen becomes visible, what is markup becomes text. */
#include "base/encode.h"
#include "base/plural.h"
#include "catalog/page.h"
#include "catalog/report.h"

#include <stdio.h>

#define SHOWN 8192

/* A rule a line. */
/* clang-format off */
static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1a1f26;--dim:#56606b;--page:#f5f7f9;--card:#fff;--line:#dde2e7;--code:#f0f2f5;--red:#b0122d;--amber:#"
    "8f4a00;--blue:#0b5cad;--ochre:#735000;--green:#18683a;\n"
    "--read:#2f8f5b;--write:#c08a12;--execute:#d7691e;--destructive:#c92a45;--financial:#8c1d5a;--other:#8a94a0}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e7eb;--dim:#9ba6b2;--page:#13161a;--card:#1a1f25;--line:#2d343c;-"
    "-code:#242b33;--red:#ff8090;--amber:#ffb167;--blue:#8cc4ff;--ochre:#e2b545;--green:#63cf91;\n"
    "--read:#4fb37d;--write:#d8a840;--execute:#ef8a4a;--destructive:#f0647a;--financial:#d977b0;--other:#7b8692}}\n"
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,\"Segoe "
    "UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif}\n"
    "main{max-width:72rem;margin:0 auto;padding:2rem 1rem 4rem}\n"
    "h1{font-size:clamp(1.5rem,4.5vw,2rem);line-height:1.2;letter-spacing:-.015em;margin:0 0 .5rem}\n"
    "h2{font-size:1.25rem;line-height:1.3;margin:0;overflow-wrap:anywhere}\n"
    "p{margin:.5rem 0}\n"
    "section{overflow-wrap:anywhere}\n"
    ".head>div:last-child,td{min-width:0}\n"
    "main>p,details p,details ul{max-width:48rem}\n"
    ".dim{color:var(--dim)}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1.2rem "
    "1.4rem;margin:1.4rem 0}\n"
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"Liberation "
    "Mono\",monospace;font-size:.875em;overflow-wrap:anywhere}\n"
    "pre{white-space:pre-wrap;background:var(--code);padding:.8rem 1rem;border-radius:.5rem;margin:.5rem "
    "0;max-height:26rem;overflow:auto}\n"
    "pre.copy{-webkit-user-select:all;user-select:all}\n"
    ".head{display:flex;gap:1rem;align-items:flex-start}\n"
    ".head p{margin:.15rem 0}\n"
    ".grade{flex:none;font-size:1.75rem;font-weight:700;line-height:1;border:2px "
    "solid;border-radius:.5rem;padding:.4rem .7rem}\n"
    ".bar{display:block;width:100%;height:.7rem;border-radius:1rem;margin:1rem 0 .6rem}\n"
    ".read{fill:var(--read)}.write{fill:var(--write)}.execute{fill:var(--execute)}.destructive{fill:var(--destructive)}"
    ".financial{fill:var(--financial)}.other{fill:var(--other)}\n"
    ".chips span{display:inline-block}.chips>span{margin-right:1.1rem}.chips b{font-variant-numeric:tabular-nums}\n"
    "table{border-collapse:collapse;width:100%;margin-top:1rem}\n"
    "th,td{text-align:left;vertical-align:baseline;padding:.45rem .8rem .45rem 0;border-top:1px solid var(--line)}\n"
    "th{font-size:.8125rem;color:var(--dim);font-weight:600}\n"
    "td:nth-child(1),td:nth-child(2){white-space:nowrap}\n"
    "td:nth-child(3){width:50%}\n"
    "td:last-child{padding-right:0}\n"
    "details{margin:.1rem 0}\n"
    "section>details{margin-top:.9rem}\n"
    "summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}\n"
    "details[open]>summary{margin-bottom:.5rem}\n"
    ":focus-visible{outline:3px solid var(--blue);outline-offset:2px;border-radius:3px}\n"
    ".tag{display:inline-block;max-width:100%;background:var(--code);border-radius:.3rem;padding:.05rem .45rem;margin:0 .25rem .25rem "
    "0;font-size:.8125rem}\n"
    ".Financial,.Destructive,.critical,.F,.D,.failed{color:var(--red)}.Execute,.high,.C{color:var(--amber)}.Write,.medium{"
    "color:var(--ochre)}.Read,.A,.B{color:var(--green)}.Other,.low{color:var(--dim)}\n"
    ".critical,.high,.kind{font-weight:600}\n"
    "@media(max-width:40rem){\n"
    "main{padding-top:1.25rem}section{padding:1rem}\n"
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
    "table,thead,tbody{display:block}tr{display:flex;flex-wrap:wrap;gap:.1rem .8rem;border-top:1px solid var(--line);padding:.55rem 0}\n"
    "td{border:0;padding:0;font-size:.9375rem;max-width:100%}\n"
    "td:nth-child(3){order:-1;width:auto;flex-basis:100%}\n"
    "td:last-child{flex-basis:100%}td:empty{display:none}\n"
    "}\n"
    "@media print{section{break-inside:auto}pre{max-height:none}}\n";
/* clang-format on */

struct page {
    struct buf *out;
};

static void markup(struct page *page, const char *text)
{
    buf_append_str(page->out, str_from_c(text));
}

/* Text that was escaped for people already: the five characters of markup. */
static void text(struct page *page, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&': markup(page, "&amp;"); break;
        case '<': markup(page, "&lt;"); break;
        case '>': markup(page, "&gt;"); break;
        case '"': markup(page, "&quot;"); break;
        case '\'': markup(page, "&#39;"); break;
        default: buf_append_byte(page->out, text.ptr[i]);
        }
    }
}

static void raw_line(struct page *page, struct str raw)
{
    char shown[SHOWN];
    size_t len = text_escape(raw, shown, sizeof(shown));
    text(page, str_of(shown, len));
}

/* Of several lines: their ends stay, the rest is escaped. */
static void raw_text(struct page *page, struct str raw)
{
    for (;;) {
        size_t end = str_find_byte(raw, '\n');
        raw_line(page, str_slice(raw, 0, end));
        if (end == raw.len)
            return;
        buf_append_byte(page->out, '\n');
        raw = str_slice(raw, end + 1, raw.len);
    }
}

static void number(struct page *page, size_t count)
{
    buf_append_decimal(page->out, count);
}

/* ---- one tool ---- */

static void evidence(struct page *page, const struct verdict_on_tool *verdict)
{
    markup(page, "<ul>");
    for (size_t i = 0; i < verdict->evidence_count; i++) {
        const struct evidence *one = &verdict->evidence[i];
        markup(page, "<li>");
        text(page, str_from_c(evidence_source_name(one->source)));
        if (one->where.len > 0) {
            markup(page, " ");
            raw_line(page, one->where);
        }
        markup(page, " <code>");
        raw_line(page, one->words);
        markup(page, "</code>: ");
        raw_line(page, one->why);
        markup(page, "</li>");
    }
    markup(page, "</ul>");
}

static void parameters(struct page *page, const struct judged *tool)
{
    if (tool->parameter_count == 0)
        return;
    markup(page, "<p>Takes ");
    for (size_t i = 0; i < tool->parameter_count; i++) {
        markup(page, "<code class=\"tag\">");
        raw_line(page, tool->parameters[i]);
        markup(page, "</code>");
    }
    markup(page, "</p>");
}

static void details(struct page *page, const struct judged *tool)
{
    const struct verdict_on_tool *verdict = &tool->verdict;
    markup(page, "<details><summary><code>");
    raw_line(page, tool->tool->name);
    markup(page, "</code></summary>");
    if (tool->title.len > 0) {
        markup(page, "<p class=\"dim\">");
        raw_line(page, tool->title);
        markup(page, "</p>");
    }
    markup(page, "<p>The server says:</p><pre tabindex=\"0\">");
    raw_text(page, tool->description.len > 0 ? tool->description : STR("nothing"));
    markup(page, "</pre><p>Severity ");
    text(page, str_from_c(severity_name(verdict->severity)));
    markup(page, ": ");
    raw_line(page, verdict->severity_reason);
    buf_printf(page->out, ". Confidence %u %%.</p><p>Read from:</p>", verdict->confidence);
    evidence(page, verdict);
    if (verdict->contradiction.len > 0) {
        markup(page, "<p>Contradiction: ");
        raw_line(page, verdict->contradiction);
        markup(page, "</p>");
    }
    parameters(page, tool);
    markup(page, "</details>");
}

static void signals(struct page *page, const struct verdict_on_tool *verdict)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        if (!(verdict->signals >> i & 1))
            continue;
        const char *owasp = signal_owasp((enum signal)i);
        markup(page, "<span class=\"tag\">");
        text(page, str_from_c(signal_text((enum signal)i)));
        if (owasp[0]) {
            markup(page, " <small class=\"dim\">");
            text(page, str_from_c(owasp));
            markup(page, "</small>");
        }
        markup(page, "</span>");
    }
}

static void row(struct page *page, const struct judged *tool)
{
    const char *class = class_name(tool->verdict.class), *severity = severity_name(tool->verdict.severity);
    buf_printf(page->out, "<tr><td><span class=\"kind %s\">%s</span>", class, class);
    if (tool->change != CHANGE_NONE)
        buf_printf(page->out, " <span class=\"tag\">%s</span>",
                   tool->change == CHANGE_RISK ? "riskier" : change_name(tool->change));
    buf_printf(page->out, "</td><td class=\"%s\">%s</td><td>", severity, severity);
    details(page, tool);
    markup(page, "</td><td>");
    signals(page, &tool->verdict);
    markup(page, "</td></tr>\n");
}

/* ---- one server ---- */

static void bar(struct page *page, const struct judgement *judgement)
{
    if (judgement->count == 0)
        return;
    int64_t shares[CLASS_FINANCIAL + 1];
    for (int class = 0; class <= CLASS_FINANCIAL; ++class)
        shares[class] = (int64_t)judgement->of_class[class];
    put_class_bar(page->out, shares);
    markup(page, "<p class=\"chips\">");
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        size_t count = judgement->of_class[report_classes[i]];
        if (count > 0)
            buf_printf(page->out, "<span><b>%zu</b> <span class=\"%s\">%s</span></span>", count,
                       class_name(report_classes[i]), class_name(report_classes[i]));
    }
    markup(page, "</p>\n");
}

static void names(struct page *page, const char *what, const struct item *items, size_t count)
{
    if (count == 0)
        return;
    markup(page, "<details><summary>");
    number(page, count);
    buf_printf(page->out, " %s</summary><p>", what);
    for (size_t i = 0; i < count; i++) {
        markup(page, "<code class=\"tag\">");
        raw_line(page, items[i].name);
        markup(page, "</code>");
    }
    markup(page, "</p></details>\n");
}

static void since(struct page *page, const struct past *past, size_t of_all)
{
    char when[REPORT_TIME];
    if (!past || !past->known)
        return;
    report_time(past->at_ms, when);
    if (past->changes[CHANGE_NONE] == of_all && past->gone_count == 0) {
        buf_printf(page->out, "<p class=\"dim\">Since %s: nothing changed.</p>\n", when);
        return;
    }
    buf_printf(page->out, "<p>Since %s: %zu new, %zu gone, %zu changed, %zu riskier.", when, past->changes[CHANGE_NEW],
               past->gone_count, past->changes[CHANGE_TEXT], past->changes[CHANGE_RISK]);
    for (size_t i = 0; i < past->gone_count; i++) {
        markup(page, i ? ", <code>" : " Gone: <code>");
        raw_line(page, past->gone[i]);
        markup(page, "</code>");
    }
    markup(page, "</p>\n");
}

static void head(struct page *page, const struct report_server *server)
{
    const struct target *target = server->scanned->target;
    const struct judgement *judgement = server->judgement;
    markup(page, "<section><div class=\"head\">");
    if (judgement && judgement->grade)
        buf_printf(page->out, "<div class=\"grade %c\" role=\"img\" aria-label=\"Grade %c\">%c</div>", judgement->grade,
                   judgement->grade, judgement->grade);
    markup(page, "<div><h2>");
    raw_line(page, target->name);
    markup(page, "</h2><p class=\"dim\"><code>");
    raw_line(page, target->shown);
    markup(page, "</code>");
    if (target->source.len > 0) {
        markup(page, " in <code>");
        raw_line(page, target->source);
        markup(page, "</code>");
    }
    markup(page, "</p></div></div>\n");
}

static void listed(struct page *page, const struct report_server *server)
{
    const struct judgement *judgement = server->judgement;
    const struct definitions *definitions = server->scanned->definitions;
    buf_printf(page->out, "<p>%zu tool%s%s", judgement->count, plural(judgement->count),
               judgement->grade ? ". The grade is for " : "");
    if (judgement->grade)
        text(page, judgement->grade_why);
    markup(page, ".</p>");
    bar(page, judgement);
    since(page, server->past, judgement->count);
    for (size_t i = 0; i < server->scanned->note_count; i++) {
        markup(page, "<p>Note: ");
        text(page, str_from_c(server->scanned->notes[i]));
        markup(page, "</p>");
    }
    if (judgement->count > 0) {
        markup(page, "<table><thead><tr><th scope=\"col\">Class</th><th scope=\"col\">Severity</th><th "
                     "scope=\"col\">Tool</th><th scope=\"col\">Signals</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < judgement->count && buf_ok(page->out); i++)
            row(page, &judgement->tools[i]);
        markup(page, "</tbody></table>\n");
    }
    names(page, "prompts", definitions->prompts, definitions->prompt_count);
    names(page, "resources", definitions->resources, definitions->resource_count);
    names(page, "resource templates", definitions->templates, definitions->template_count);
    if (server->policy.len > 0) {
        markup(page, "<details><summary>A policy to begin with</summary><p class=\"dim\">A click selects all of "
                     "it.</p><pre class=\"copy\" tabindex=\"0\">");
        text(page, server->policy); /* a JSON document of nothing hidden: an escape would be another string */
        markup(page, "</pre></details>\n");
    }
}

static void of_server(struct page *page, const struct report_server *server)
{
    const struct scanned *scanned = server->scanned;
    head(page, server);
    if (server->judgement) {
        listed(page, server);
    } else {
        buf_printf(page->out, "<p class=\"%s\">%s: ", scanned->outcome == SCAN_DISABLED ? "dim" : "failed",
                   scan_outcome_name(scanned->outcome));
        text(page, str_from_c(scanned->why));
        markup(page, "</p>");
        if (scanned->last_words[0] && scanned->outcome != SCAN_DISABLED) {
            markup(page, "<p class=\"dim\">Its last words: <code>");
            text(page, str_from_c(scanned->last_words));
            markup(page, "</code></p>");
        }
    }
    markup(page, "</section>\n");
}

int report_scan_html(const struct scan_report *report, struct buf *out)
{
    struct page page = { .out = out };
    char when[REPORT_TIME];
    size_t tools = 0, servers = 0;
    report_time(report->at_ms, when);
    for (size_t i = 0; i < report->count; i++) {
        tools += report->servers[i].judgement ? report->servers[i].judgement->count : 0;
        servers += report->servers[i].judgement != NULL;
    }
    markup(&page,
           "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">"
           "<title>What agents can do</title><style>\n");
    markup(&page, style);
    markup(&page, "</style></head><body><main>\n<h1>What agents can do</h1>\n");
    buf_printf(out,
               "<p class=\"dim\">%zu of %zu server%s listed, with %zu tool%s. Scanned by Warder %s on %s. What a "
               "server says of its tools is no "
               "proof of what they do.</p>\n",
               servers, report->count, plural(report->count), tools, plural(tools), WARDER_VERSION, when);
    for (size_t i = 0; i < report->count && buf_ok(out); i++)
        of_server(&page, &report->servers[i]);
    markup(&page, "</main></body></html>\n");
    return buf_ok(out) ? 0 : E_LIMIT;
}
