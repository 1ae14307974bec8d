/* Colours, escaping, problems as lines and as JSON. */
#include "cli/terminal.h"

#include "base/encode.h"
#include "config/report.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)256 << 20)
#define CELL_MAX ((size_t)1 << 20)

static bool shows_colours(FILE *to)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(to)) && !(no_colour && no_colour[0]) && !(term && strcmp(term, "dumb") == 0);
}

const char *colour_on(FILE *to, enum colour colour)
{
    static const char *const escapes[] = { "", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m" };
    return shows_colours(to) ? escapes[colour] : "";
}

const char *colour_off(FILE *to)
{
    return shows_colours(to) ? "\x1b[0m" : "";
}

void print_str(FILE *to, enum colour colour, struct str text)
{
    char small[512], *shown = small;
    size_t max = text.len * 8 + 1; /* an escape of one byte is at most eight */
    if (max > sizeof(small))
        shown = malloc(max);
    if (!shown)
        return;
    text_escape(text, shown, max > sizeof(small) ? max : sizeof(small));
    fprintf(to, "%s%s%s", colour_on(to, colour), shown, colour == COLOUR_NONE ? "" : colour_off(to));
    if (shown != small)
        free(shown);
}

size_t terminal_columns(FILE *to)
{
    struct winsize size;
    bool told = ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return told ? size.ws_col : TERMINAL_COLUMNS;
}

void cells_begin(struct cells *cells, size_t indent)
{
    *cells = (struct cells){ .indent = indent, .fresh = true };
    cells->columns = isatty(STDOUT_FILENO) ? terminal_columns(stdout) : SIZE_MAX;
}

void cells_put(struct cells *cells, enum colour colour, struct str text)
{
    char small[512], *shown = small;
    size_t max = text.len * 8 + 1, width = 0; /* an escape of one byte is at most eight */
    if (max > sizeof(small))
        shown = malloc(max);
    if (!shown)
        return;
    size_t len = text_escape(text, shown, max > sizeof(small) ? max : sizeof(small));
    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)shown[i] & 0xc0) != 0x80;
    if (!cells->fresh && cells->at + 2 + width > cells->columns) {
        printf("\n%*s", (int)cells->indent, "");
        cells->at = cells->indent;
    } else if (!cells->fresh) {
        fputs("  ", stdout);
        cells->at += 2;
    }
    printf("%s%s%s", colour_on(stdout, colour), shown, colour == COLOUR_NONE ? "" : colour_off(stdout));
    cells->at += width;
    cells->fresh = false;
    if (shown != small)
        free(shown);
}

void cells_padded(struct cells *cells, enum colour colour, struct str text, size_t width)
{
    cells_put(cells, colour, text);
    if (text.len < width) {
        printf("%*s", (int)(width - text.len), "");
        cells->at += width - text.len;
    }
}

void cells_format(struct cells *cells, enum colour colour, const char *format, ...)
{
    struct buf text;
    va_list arguments;
    buf_init(&text, CELL_MAX);
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    cells_put(cells, colour, buf_str(&text));
    buf_release(&text);
}

void cells_end(struct cells *cells)
{
    putchar('\n');
    cells->at = 0;
    cells->fresh = true;
}

static void wrap(FILE *to, size_t column, size_t indent, struct str text)
{
    bool fresh = true; /* nothing of the text is on this line yet */
    while (text.len > 0) {
        size_t end = 0, gap = fresh ? 0 : 1;
        while (end < text.len && text.ptr[end] != ' ' && text.ptr[end] != '\n')
            end++;
        if (end > 0 && !fresh && column + gap + end > TERMINAL_COLUMNS) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
            gap = 0;
        }
        if (end > 0) {
            fprintf(to, "%*s%" STR_FMT, (int)gap, "", STR_ARG(str_slice(text, 0, end)));
            column += gap + end;
            fresh = false;
        }
        text = str_slice(text, end < text.len ? end + 1 : end, text.len);
    }
    fputc('\n', to);
}

void print_wrapped(FILE *to, size_t column, size_t indent, const char *text)
{
    wrap(to, column, indent, str_from_c(text));
}

/* The end of the paragraph that begins here: a line that is empty or begins with a space ends it. */
static size_t paragraph_end(struct str text)
{
    size_t end = 0;
    while (end < text.len && text.ptr[end] != ' ' && text.ptr[end] != '\n') {
        end += str_find_byte(str_slice(text, end, text.len), '\n');
        end += end < text.len;
    }
    return end;
}

void print_prose(FILE *to, const char *text)
{
    struct str rest = str_from_c(text);
    while (rest.len > 0) {
        size_t end = paragraph_end(rest);
        if (end > 0) {
            wrap(to, 0, 0, str_slice(rest, 0, end));
        } else {
            end = str_find_byte(rest, '\n');
            end += end < rest.len;
            fprintf(to, "%" STR_FMT, STR_ARG(str_slice(rest, 0, end)));
        }
        rest = str_slice(rest, end, rest.len);
    }
}

struct json_writer *json_output_begin(struct json_output *output)
{
    buf_init(&output->buf, OUTPUT_MAX);
    json_write_init(&output->writer, &output->buf);
    return &output->writer;
}

bool json_output_end(struct json_output *output)
{
    buf_append_byte(&output->buf, '\n');
    bool written = buf_ok(&output->buf) && fwrite(output->buf.ptr, 1, output->buf.len, stdout) == output->buf.len &&
                   fflush(stdout) == 0;
    buf_release(&output->buf);
    return written;
}

/* What stands behind "error: ", and the fix, in the columns of a terminal. */
static void print_problem_wrapped(FILE *to, const struct finding *finding)
{
    const struct problem *problem = &finding->problem;
    char place[64], escaped[2048];
    size_t column = finding->file.len + (size_t)snprintf(place, sizeof(place), ":%zu:%zu: %s: ", problem->line,
                                                         problem->column, problem->warning ? "note" : "error");
    struct buf text;
    buf_init(&text, CELL_MAX);
    buf_append(&text, escaped, text_escape(problem->text, escaped, sizeof(escaped)));
    if (problem->pointer.len > 0) {
        size_t len = text_escape(problem->pointer, escaped, sizeof(escaped));
        buf_printf(&text, " (%.*s)", (int)len, escaped);
    }
    wrap(to, column, 4, buf_str(&text));
    buf_reset(&text);
    if (problem->fix.len > 0) {
        fputs("    ", to);
        buf_append(&text, escaped, text_escape(problem->fix, escaped, sizeof(escaped)));
        wrap(to, 4, 4, buf_str(&text));
    }
    buf_release(&text);
}

void print_report(FILE *to, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->items[i];
        const struct problem *problem = &finding->problem;
        print_str(to, COLOUR_BOLD, finding->file);
        fprintf(to, ":%zu:%zu: %s%s%s: ", problem->line, problem->column,
                colour_on(to, problem->warning ? COLOUR_YELLOW : COLOUR_RED), problem->warning ? "note" : "error",
                colour_off(to));
        if (isatty(fileno(to))) {
            print_problem_wrapped(to, finding);
            continue;
        }
        print_str(to, COLOUR_NONE, problem->text);
        if (problem->pointer.len > 0) {
            fputs(" (", to);
            print_str(to, COLOUR_DIM, problem->pointer);
            fputs(")", to);
        }
        fputs("\n", to);
        if (problem->fix.len > 0) {
            fputs("    ", to);
            print_str(to, COLOUR_NONE, problem->fix);
            fputs("\n", to);
        }
    }
    if (report->errors + report->notes > report->count)
        fprintf(to, "%zu more are not shown\n", report->errors + report->notes - report->count);
}

void print_time(char out[32], long long unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    if (unix_ms == 0 || !gmtime_r(&seconds, &utc) || strftime(out, 32, "%Y-%m-%d %H:%M:%SZ", &utc) == 0)
        memcpy(out, "never", sizeof("never"));
}
