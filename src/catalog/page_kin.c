/* What tells a tool apart from those of its server that are most like it. */
#include "catalog/page.h"

#include "base/check.h"
#include "catalog/page_html.h"

#define CLOSEST_SHOWN 6
#define WORDS_SHOWN 3
#define PARAMS_SHOWN 3

static void put_words(struct buf *out, const char *before, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count && i < WORDS_SHOWN; i++)
        html_put(out, "%s“%t”", i == 0 ? before : ", ", words[i]);
}

static void put_params(struct buf *out, const char *before, const struct str *params, size_t count)
{
    for (size_t i = 0; i < count && i < PARAMS_SHOWN; i++)
        html_put(out, "%s%q", i == 0 ? before : ", ", params[i]);
    if (count > PARAMS_SHOWN)
        html_put(out, " and %n more", (int64_t)(count - PARAMS_SHOWN));
}

static void put_difference(struct buf *out, const struct kin *here, const struct kin *there)
{
    struct str more[WORDS_SHOWN], less[WORDS_SHOWN], takes[PARAMS_SHOWN], lacks[PARAMS_SHOWN];
    size_t words = kin_more(there->words, there->word_count, here->words, here->word_count, more, WORDS_SHOWN);
    size_t missed = kin_more(here->words, here->word_count, there->words, there->word_count, less, WORDS_SHOWN);
    size_t taken = kin_more(there->params, there->param_count, here->params, here->param_count, takes, PARAMS_SHOWN);
    size_t lacking = kin_more(here->params, here->param_count, there->params, there->param_count, lacks, PARAMS_SHOWN);
    put_words(out, ": says ", more, words);
    put_words(out, words > 0 ? ", not " : ": does not say ", less, missed);
    const char *between = words + missed > 0 ? "; " : ": ";
    if (taken + lacking == 0) {
        if (here->param_count > 0)
            html_put(out, "%stakes the same", between);
        return;
    }
    html_put(out, "%s", between);
    put_params(out, "takes ", takes, taken);
    put_params(out, taken > 0 ? ", without " : "without ", lacks, lacking);
}

void say_kin(struct buf *out, const struct tool_page *page)
{
    size_t closest[CLOSEST_SHOWN], of_class = 0;
    size_t found = kin_closest(page->kin, page->sibling_count, page->self, closest, CLOSEST_SHOWN);
    for (size_t i = 0; i < page->sibling_count; i++)
        of_class += page->siblings[i].class == page->tool->class;
    if (of_class > 1)
        html_put(out, "<p>%q is one of %n %s tools of <a href=\"index.html\">%t</a>.", page->tool->name,
                 (int64_t)of_class, class_name(page->tool->class), page->server->name);
    else
        html_put(out, "<p>%q is the only %s tool of <a href=\"index.html\">%t</a>.", page->tool->name,
                 class_name(page->tool->class), page->server->name);
    if (found == 0) {
        html_put(out, " No other shares a word or a parameter with it.</p>\n");
        return;
    }
    html_put(out, " The closest to it, by the words and parameters of their definitions:</p>\n<ul class=\"list\">\n");
    for (size_t i = 0; i < found; i++) {
        const struct catalog_tool *sibling = &page->siblings[closest[i]];
        html_put(out, "<li><a href=\"%t.html\">%q</a> (%s, ", sibling->slug, sibling->name, class_name(sibling->class));
        put_severity(out, sibling->severity);
        html_put(out, ")");
        put_difference(out, &page->kin[page->self], &page->kin[closest[i]]);
        html_put(out, "</li>\n");
    }
    html_put(out, "</ul>\n");
}

/* Only where all of them were compared is it true that none has it. */
#define COMPARED 400

void say_own_params(struct buf *out, const struct tool_page *page)
{
    const struct kin *self = &page->kin[page->self];
    struct str own[PARAMS_SHOWN];
    size_t count = 0;
    for (size_t p = 0; p < self->param_count && page->sibling_count > 1 && page->sibling_count <= COMPARED; p++) {
        struct str none;
        bool elsewhere = false;
        for (size_t i = 0; i < page->sibling_count && !elsewhere; i++)
            elsewhere = i != page->self &&
                        kin_more(&self->params[p], 1, page->kin[i].params, page->kin[i].param_count, &none, 1) == 0;
        if (!elsewhere && count++ < PARAMS_SHOWN)
            own[count - 1] = self->params[p];
    }
    if (count == 0)
        return;
    html_put(out, " No other tool of %t takes ", page->server->name);
    put_params(out, "", own, count);
    html_put(out, ".");
}
