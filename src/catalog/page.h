/* Pages: each is a function of what the index holds, and nothing else. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "catalog/index.h"
#include "catalog/kin.h"
#include "json/json.h"

#define PAGE_BYTES ((size_t)32 << 20)

/* What all pages share. */
struct pages {
    struct catalog *catalog;
    struct catalog_size size;
    int64_t of_class[CLASS_FINANCIAL + 1];
    struct str base; /* where the site will stand; empty: not said */
    struct str path; /* of the page that is being made, below the base */
};

struct param {
    struct str name, description;
    const struct json *schema;
    bool required;
};

/* A tool with its texts read. */
struct tool_page {
    const struct pages *pages;
    const struct catalog_server *server;
    const struct catalog_tool *tool;
    const struct json *verdict, *schema;
    struct str title, description, reason; /* why that severity */
    bool undescribed;                      /* its server gave no description, or this index was never given it */
    struct param *params;
    size_t param_count, required_count;
    const struct catalog_tool *siblings;   /* all of its server, itself among them; names and links alone */
    const struct kin *kin;                 /* of each sibling, in their order */
    size_t sibling_count, self;            /* self: which of them it is */
};

/* Reads the JSON into the arena. */
int  tool_page_init(struct tool_page *page, struct arena *arena) NODISCARD;
int  page_tool(struct buf *out, const struct tool_page *page) NODISCARD;
/* Sentences about one tool, from its own definition; page_words.c. */
void say_parameters(struct buf *out, const struct tool_page *page);
void say_evidence(struct buf *out, const struct tool_page *page);
void say_signal_place(struct buf *out, const struct tool_page *page, uint32_t signals);
void say_type(struct buf *out, const struct json *schema, const struct json *root);
/* The parameter that shows one of the signals, by its name or type; NULL: none does. */
const struct param *param_of_signal(const struct tool_page *page, enum signal signal);
/* The tools of its server that are most like it, and what tells them apart. */
void say_kin(struct buf *out, const struct tool_page *page);
/* A sentence about its parameters that no other tool of the server has; nothing where it has none. */
void say_own_params(struct buf *out, const struct tool_page *page);
/* How its description names another tool of the server; false: it names none. */
bool say_siblings(struct buf *out, const struct tool_page *page);
/* "Read" inside its badge, and the link to its page; `depth` folders below the root. */
void put_badge(struct buf *out, enum tool_class class);
void put_severity(struct buf *out, enum severity severity);
/* A bar of the classes' shares; counts from CLASS_OTHER on. Nothing where all are zero. */
void put_class_bar(struct buf *out, const int64_t counts[CLASS_FINANCIAL + 1]);
const char *class_means(enum tool_class class);
const char *class_path(enum tool_class class); /* "read" */
const char *count_word(int64_t count, const char *one, const char *many);
/* "across an index of …", rounded down where the number is large, so that one more server changes no page. */
void put_index_size(struct buf *out, int64_t servers);
/* Steps and configuration: where the server is, as far as the index knows. */
void put_server_entry(struct buf *out, const struct catalog_server *server, struct str policy_file);

struct server_page {
    const struct pages *pages;
    const struct catalog_server *server;
    const struct catalog_tool *tools; /* the riskiest first */
    size_t tool_count;
};
int page_server(struct buf *out, const struct server_page *page) NODISCARD;
/* What the configuration calls it: [a-z0-9-], from its slug. */
struct str server_id(const struct catalog_server *server, char out[65]);
