/* Colours, escaping, problems as lines and as JSON. */
#include "cli/terminal.h"

#include "base/encode.h"
#include "config/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)256 << 20)

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

void print_report(FILE *to, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->items[i];
        const struct problem *problem = &finding->problem;
        print_str(to, COLOUR_BOLD, finding->file);
        fprintf(to, ":%zu:%zu: %s%s%s: ", problem->line, problem->column,
                colour_on(to, problem->warning ? COLOUR_YELLOW : COLOUR_RED), problem->warning ? "note" : "error",
                colour_off(to));
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
