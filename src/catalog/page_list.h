/* Pages that lead to others: the front page, servers and tools by letter, classes, badges, and the attacks. */
#pragma once

#include "catalog/attacks.h"
#include "catalog/page.h"

#define LETTERS 27 /* '#', then a to z */
char letter_at(unsigned index);
unsigned letter_index(char initial);

struct letter_counts { int64_t tools[CLASS_FINANCIAL + 1][LETTERS], servers[LETTERS]; };

int page_home(struct buf *out, const struct pages *pages) NODISCARD;
int page_servers(struct buf *out, const struct pages *pages, const struct letter_counts *counts) NODISCARD;
int page_tools(struct buf *out, const struct pages *pages, const struct letter_counts *counts) NODISCARD;
int page_classes(struct buf *out, const struct pages *pages) NODISCARD;
int page_class(struct buf *out, const struct pages *pages, enum tool_class class, const struct letter_counts *counts) NODISCARD;
int page_badges(struct buf *out, const struct pages *pages) NODISCARD;
/* `badge`: as class_badge says it. */
int page_badge(struct buf *out, const struct pages *pages, const char *badge) NODISCARD;
int page_attacks(struct buf *out, const struct pages *pages) NODISCARD;
int page_attack(struct buf *out, const struct pages *pages, const struct attack *attack, int64_t exposed) NODISCARD;

#define BADGES 4
const char *badge_at(unsigned index);                       /* "Critical" first */
struct str  badge_path(const char *badge, char out[16]);    /* "critical" */

/* A list of many pages: the rows of one letter. begin, rows, end; `number` from 1. */
struct list_page { const struct pages *pages; struct str title, path; int class; char initial; unsigned depth, number; int64_t total; };
void list_begin(struct buf *out, const struct list_page *list);
void list_tool(struct buf *out, const struct list_page *list, const struct catalog_tool *tool);
void list_server(struct buf *out, const struct catalog_server *server);
void list_end(struct buf *out, const struct list_page *list, bool more);
/* "g.html", "g-2.html"; "other.html" for '#'. */
struct str list_file(char initial, unsigned number, char out[32]);
