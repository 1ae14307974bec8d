/* Escaping, and the frame that every page has. */
#include "catalog/page_html.h"

#include "base/check.h"
#include "base/encode.h"

#include <stdarg.h>
#include <stdio.h>

/* What stands for a byte of markup; NULL: the byte itself. */
static const char *entity(char c)
{
    switch (c) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

enum place {
    PLACE_TEXT,
    PLACE_LINES,
    PLACE_BARE
}; /* bare: where no element may stand, as in a title or an attribute */

static void put_escape(struct buf *out, struct str text, size_t at, size_t len, enum place place)
{
    char shown[32];
    size_t shown_len = text_escape(str_slice(text, at, at + len), shown, sizeof(shown));
    if (place != PLACE_BARE)
        buf_append_str(out, STR("<span class=\"escape\">"));
    buf_append(out, shown, shown_len);
    if (place != PLACE_BARE)
        buf_append_str(out, STR("</span>"));
}

static void put_text(struct buf *out, struct str text, enum place place)
{
    size_t plain = 0; /* from here on nothing is written yet */
    for (size_t at = 0; at < text.len;) {
        unsigned char c = (unsigned char)text.ptr[at];
        const char *as = entity((char)c);
        unsigned point = 0;
        size_t len = c < 0x80 ? 1 : str_utf8_next(text, at, &point);
        bool layout = place == PLACE_LINES && (c == '\n' || c == '\t');
        bool hidden = c < 0x20 || c == 0x7f || len == 0 || (c >= 0x80 && text_is_hidden(point));
        if (len == 0)
            len = 1;
        if (as || (hidden && !layout)) {
            buf_append(out, text.ptr + plain, at - plain);
            plain = at + len;
            if (as)
                buf_append_str(out, str_from_c(as));
            else
                put_escape(out, text, at, len, place);
        }
        at += len;
    }
    buf_append(out, text.ptr + plain, text.len - plain);
}

void html_text(struct buf *out, struct str text)
{
    put_text(out, text, PLACE_TEXT);
}

void html_lines(struct buf *out, struct str text)
{
    put_text(out, text, PLACE_LINES);
}

static void put_number(struct buf *out, int64_t value)
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)value);
    CHECK(len > 0);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            buf_append_byte(out, ',');
        buf_append_byte(out, digits[i]);
    }
}

void html_put(struct buf *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    while (*format) {
        const char *percent = strchr(format, '%');
        if (!percent) {
            buf_append_str(out, str_from_c(format));
            break;
        }
        buf_append(out, format, (size_t)(percent - format));
        switch (percent[1]) {
        case 't': html_text(out, va_arg(values, struct str)); break;
        case 'p': put_text(out, va_arg(values, struct str), PLACE_BARE); break;
        case 'q':
            buf_append_str(out, STR("<code>"));
            html_text(out, va_arg(values, struct str));
            buf_append_str(out, STR("</code>"));
            break;
        case 's': buf_append_str(out, str_from_c(va_arg(values, const char *))); break;
        case 'n': put_number(out, va_arg(values, int64_t)); break;
        case '%': buf_append_byte(out, '%'); break;
        default: WRONG("a format that html_put does not know");
        }
        format = percent + 2;
    }
    va_end(values);
}

const char *html_up(unsigned depth)
{
    static const char *const ups[] = { "", "../", "../../" };
    CHECK(depth < ARRAY_LEN(ups));
    return ups[depth];
}

static const struct {
    const char *path, *word;
} places[] = {
    { "servers", "Servers" }, { "tools", "Tools" },     { "classes", "Classes" },
    { "badges", "Badges" },   { "attacks", "Attacks" },
};

void html_begin(struct buf *out, const struct html_head *head)
{
    const char *up = html_up(head->depth);
    html_put(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src %s; object-src 'none'; base-uri 'none'\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s%p%s</title>\n",
        head->script ? "'self'" : "'none'", head->before, head->name, head->after);
    if (head->summary.len > 0)
        html_put(out, "<meta name=\"description\" content=\"%p\">\n", head->summary);
    if (head->base.len > 0)
        html_put(out, "<link rel=\"canonical\" href=\"%p/%p\">\n", head->base, head->path);
    html_put(out,
             "<link rel=\"stylesheet\" href=\"%sstyle.css\">\n</head>\n<body>\n"
             "<a class=\"skip\" href=\"#main\">To the content</a>\n<header class=\"top\"><nav aria-label=\"Catalogue\">"
             "<a class=\"home\" href=\"%sindex.html\">Warder <span>catalogue</span></a><ul>",
             up, up);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        html_put(out, "<li><a href=\"%s%s/index.html\"%s>%s</a></li>", up, places[i].path,
                 strcmp(head->here, places[i].path) == 0 ? " aria-current=\"true\"" : "", places[i].word);
    }
    html_put(out, "<li><a href=\"%ssearch.html\"%s>Search</a></li>", up,
             strcmp(head->here, "search") == 0 ? " aria-current=\"true\"" : "");
    html_put(out, "</ul></nav></header>\n<main id=\"main\">\n");
}

void html_end(struct buf *out)
{
    html_put(out,
             "</main>\n<footer><p>Made by <code>warder catalog</code> from what servers say of their own tools. "
             "Quoted texts are theirs; verdicts are told by rules, without a model, and can be wrong.</p></footer>\n"
             "</body>\n</html>\n");
}
