/* Output: text for people, with colours only where a terminal shows them, or JSON. Text of agents, servers and files
 * is escaped before it is shown. */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "json/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* The escape that begins a colour, or "" where `to` shows none (no terminal, NO_COLOR, TERM=dumb). */
const char *colour_on(FILE *to, enum colour colour);
const char *colour_off(FILE *to);
/* Escaped, and in that colour. */
void print_str(FILE *to, enum colour colour, struct str text);

#define TERMINAL_COLUMNS 80
/* Of the terminal that `to` is; TERMINAL_COLUMNS where that is none or does not say. */
size_t terminal_columns(FILE *to);

/* A row of cells, two spaces apart, on standard output. On a terminal it goes on below, at `indent`, before a cell that
 * would pass the last column; a cell is never cut. Elsewhere a row is one line. */
struct cells {
    size_t columns, indent;
    size_t at;    /* column, from 0 */
    bool   fresh; /* no cell stands on this line yet */
};
void cells_begin(struct cells *cells, size_t indent);
void cells_put(struct cells *cells, enum colour colour, struct str text); /* escaped */
/* In at least so many columns; words of our own. */
void cells_padded(struct cells *cells, enum colour colour, struct str text, size_t width);
void cells_format(struct cells *cells, enum colour colour, const char *format, ...) PRINTF_LIKE(3, 4); /* escaped */
void cells_end(struct cells *cells);

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
