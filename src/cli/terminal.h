/* Output: text for people, with colours only where a terminal shows them, or JSON. Text of agents, servers and files
 * is escaped before it is shown. */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "json/writer.h"

#include <stdbool.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* The escape that begins a colour, or "" where `to` shows none (no terminal, NO_COLOR, TERM=dumb). */
const char *colour_on(FILE *to, enum colour colour);
const char *colour_off(FILE *to);
/* Escaped, and in that colour. */
void print_str(FILE *to, enum colour colour, struct str text);

#define TERMINAL_COLUMNS 80
/* Our own text, word by word: its first line goes on at `column`, the others begin at `indent`. Ends the line. */
void print_wrapped(FILE *to, size_t column, size_t indent, const char *text);
/* Paragraphs wrapped; a line that begins with a space stays as it is. */
void print_prose(FILE *to, const char *text);

/* One JSON document on standard output: begin, write with the writer, end. False when it could not be written. */
struct json_output {
    struct buf         buf;
    struct json_writer writer;
};
struct json_writer *json_output_begin(struct json_output *output);
bool                json_output_end(struct json_output *output);

struct report;
/* file:line:column: error: text (pointer), and how to write it below. */
void print_report(FILE *to, const struct report *report);

/* "2026-01-31 09:30:00Z"; "never" for 0. */
void print_time(char out[32], long long unix_ms);
