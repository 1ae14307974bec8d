/* A file's lines one after the other, however long somebody made them. Blocking. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdio.h>

enum file_line {
    FILE_LINE_END,
    FILE_LINE_WHOLE, /* with its line feed, where it has one */
    FILE_LINE_CUT,   /* as much of it as `line` takes: the rest comes next */
};

/* To be read line by line. Only what is a file, so that no pipe or device that was put among others holds up or never
 * ends: E_INVALID. */
int  file_open_lines(const char *path, FILE **out) NODISCARD;
/* Replaces `line`; its ceiling is the longest line. An enum file_line, or E_IO, E_NOMEM. */
int  file_next_line(FILE *from, struct buf *line) NODISCARD;
/* Reads past the rest of a line that was cut. */
void file_skip_line(FILE *from);
