/* HTML written into a buffer. There is one way for others' text to get in, and it makes a text of it: markup cannot be
 * made from outside, and what people cannot see is shown as an escape. Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Our own markup with others' text in it. In `format`:
 *   %t  struct str    text, escaped
 *   %p  struct str    the same where no element may stand: titles and attributes
 *   %q  struct str    the same inside <code>
 *   %s  const char *  our own words, as they are
 *   %n  int64_t       a number with a comma at the thousands
 *   %%  a percent sign */
void html_put(struct buf *out, const char *format, ...);
/* Text, escaped; controls, bidirectional and invisible characters as \n, \x1b, \u{202e}. */
void html_text(struct buf *out, struct str text);
/* The same, where lines and tabs may stand as they are: inside <pre> and quotations. */
void html_lines(struct buf *out, struct str text);

/* A page from its first byte to <main>, and from </main> to its last. `depth`: folders between it and the site's root. */
struct html_head {
    unsigned    depth;
    const char *before; /* the title: our words, a name of theirs, our words */
    struct str  name;
    const char *after;
    struct str  summary; /* what search engines show; text */
    struct str  base, path; /* the address of its own that it names, where the base is not empty */
    bool        script;  /* the site's own may run: on the search page alone */
    const char *here;    /* which entry of the navigation this is under: "servers", "tools", "attacks" … or "" */
};
void html_begin(struct buf *out, const struct html_head *head);
void html_end(struct buf *out);
/* "../" for each folder of depth. */
const char *html_up(unsigned depth);

/* The one style sheet. */
extern const char page_style[];
