/* Facts: what is known of a server's tools without the texts of its author. Lines of JSON: one of the server, then one
 * of each tool, in the order of their names:
 *   {"facts":1,"server":NAME,"registry","package","version","url","scanned","tools":COUNT}
 *   {"tool":NAME,"description":"sha256:…","parameters":{NAME:TYPE},"required":[…],"closed":true,"annotations":{hints},
 *    "class","severity","reason","confidence","evidence":[{"source","words","class","why","where"}],"signals":[…],"contradiction"}
 * A type is "string", "integer|null", "string[]" and so on. Written and read again they are the same bytes. Pure. */
#pragma once

#include "base/buf.h"
#include "catalog/index.h"

#define FACTS_VERSION 1

/* A line that begins a server's facts, of any version. */
bool facts_begin(const struct json *line);
/* Strings live in the line. What is wrong with it, or NULL. */
const char *facts_read_server(const struct json *line, struct catalog_server *out);
/* The tool's own name, judgement and definition, the last two written into buffers: without the texts that it never
 * had. What is wrong with the line, or NULL: a member that is no fact is wrong. */
const char *facts_read_tool(const struct json *line, struct buf *definition, struct buf *verdict, struct catalog_tool *out);

/* Each appends one line. A definition that was kept without its description has a digest of it, or none is known.
 * E_NOMEM; E_INVALID: the index holds what is no definition. */
void facts_write_server(struct buf *out, const struct catalog_server *server, size_t tools);
int  facts_write_tool(struct buf *out, const struct catalog_tool *tool) NODISCARD;

/* Two definitions of which one alone was kept with its texts: the same facts. */
bool facts_alike(struct str then, struct str now);

#define FACTS_DIGEST_LEN 71 /* "sha256:" and its hexadecimal digits */
/* The member of a kept definition that stands for its description. */
#define FACTS_DIGEST_KEY STR("descriptionDigest")
int facts_digest(struct str text, char out[FACTS_DIGEST_LEN + 1]) NODISCARD;
