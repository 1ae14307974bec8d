/* What a tool can do, told from what its server says of it: class, badge, severity, confidence, the evidence with the
 * words that made it, and signals of risk. Deterministic; no network, no model, no clock; knows no policies. Pure. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "json/json.h"
#include "model/server.h"

#include <stdbool.h>
#include <stdint.h>

/* What a server says of a tool; all of it untrusted, any of it may be missing. Borrowed. */
struct tool_facts {
    struct str         server, name, title, description;
    const struct json *schema;      /* inputSchema */
    const struct json *annotations;
    const struct json *output;      /* outputSchema */
};

/* Out of a definition as tools/list shows it. */
struct tool_facts tool_facts_of(struct str server, struct str name, const struct json *definition);

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

#define EVIDENCE_SOURCES(S)                                                                        \
    S(NAME,        "name",        "the tool's name")                                               \
    S(TITLE,       "title",       "its title")                                                     \
    S(DESCRIPTION, "description", "its description")                                               \
    S(PARAMETER,   "parameter",   "a parameter")                                                   \
    S(ANNOTATION,  "annotation",  "a hint of the server's, which is no proof")                     \
    S(SERVER,      "server",      "what the server is about")                                    \
    S(SIBLING,     "sibling",     "the name of another tool of the server")                         \
    S(OUTPUT,      "output",      "the schema of what it answers")

enum evidence_source {
#define S(id, name, text) EVIDENCE_##id,
    EVIDENCE_SOURCES(S)
#undef S
};

struct evidence {
    enum evidence_source source;
    struct str           words; /* as they stand there; untrusted text */
    enum tool_class      class; /* what it speaks for; OTHER: for none */
    struct str           why;   /* ours */
    struct str           where; /* the parameter that it was found in, where the words do not say it; untrusted */
};

enum signal {
#define SIGNAL(id, name, owasp, text) SIGNAL_##id,
#include "classify/signals.def"
#undef SIGNAL
    SIGNAL_COUNT
};

#define EVIDENCE_MAX 12
#define CONFIDENCE_MOST 98

struct verdict_on_tool {
    enum tool_class class;
    enum severity   severity;
    struct str      severity_reason;
    unsigned        confidence;    /* per cent */
    struct evidence evidence[EVIDENCE_MAX]; /* strongest first */
    size_t          evidence_count;
    uint32_t        signals;       /* bits, by enum signal */
    struct str      contradiction; /* between text and hints; empty: none */
};

#define CLASSIFIER_VERSION 7 /* moves when a verdict may change */

/* The lexicon as a look-up. Shared by any number of classifications; immutable. */
struct classifier;
int  classifier_new(struct classifier **out) NODISCARD;
void classifier_free(struct classifier *classifier);

/* Of the tool alone: siblings.h adds what the others of its server say. Strings of the verdict live in the facts, or for
 * ever. */
void classify_tool(const struct classifier *classifier, const struct tool_facts *facts, struct verdict_on_tool *out);

/* A tool as it is listed; false: its definition cannot be read. Strings of the verdict live in `scratch`, too. */
bool classify_definition(const struct classifier *classifier, struct str server, struct arena *scratch,
                         const struct tool *tool, struct verdict_on_tool *out);
/* Who reads the name sees it: nothing hidden, no space at an end, no look-alikes among Latin letters. */
bool name_is_what_it_seems(struct str name);
/* Its texts hold characters that nobody sees, or orders to the model. */
bool signals_mislead(uint32_t signals);
/* One of these: what is said of the tool is not to be built on. */
bool tool_misleads(struct str name, uint32_t signals);
/* What is frozen in its pin: the class, or none where it misleads. */
struct pinned_class class_to_pin(struct str name, enum tool_class class, uint32_t signals);
/* A tool as it is listed: its pin's class is filled in, or stays unknown where the definition cannot be read or misleads. */
void classify_listed(const struct classifier *classifier, struct str server, struct arena *scratch, struct tool *tool);

const char *class_name(enum tool_class class);   /* "Read" */
const char *class_badge(enum tool_class class);  /* "Low" */
bool        class_from_name(struct str name, enum tool_class *out); /* any case, with or without a leading '@' */
const char *severity_name(enum severity severity);
const char *evidence_source_name(enum evidence_source source);
const char *signal_name(enum signal signal);
const char *signal_owasp(enum signal signal);    /* "LLM06", or "" */
const char *signal_text(enum signal signal);
