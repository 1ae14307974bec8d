/* One line an event, made in one buffer and written with one call, so that lines of threads do not mix. */
#include "base/log.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/encode.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096 /* PIPE_BUF: a pipe takes a line whole */
#define TEXT_BYTES (LINE_BYTES - 64)

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static void line_stderr(struct log *log, enum log_level level, const char *text)
{
    int64_t now_ms = clock_wall_ms(log->clock);
    time_t seconds = now_ms / 1000;
    struct tm utc;
    char stamp[40], line[LINE_BYTES];

    AN(gmtime_r(&seconds, &utc));
    AN(strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc));
    int len = snprintf(line, sizeof(line), "%s.%03dZ %s %s\n", stamp, (int)(now_ms % 1000), level_names[level], text);
    CHECK(len > 0 && (size_t)len < sizeof(line));
    /* Where standard error is gone there is nobody to tell. */
    ssize_t written = write(STDERR_FILENO, line, (size_t)len);
    (void)written;
}

void log_init_stderr(struct log *log, struct clock *clock, enum log_level least)
{
    *log = (struct log){ .least = least, .clock = clock, .line = line_stderr };
}

void log_at(struct log *log, enum log_level level, const char *format, ...)
{
    /* Raw text as long as the line: what does not fit here would be cut there. */
    char raw[TEXT_BYTES + 1], text[TEXT_BYTES];
    va_list arguments;

    if (level < log->least)
        return;
    va_start(arguments, format);
    int len = vsnprintf(raw, sizeof(raw), format, arguments);
    va_end(arguments);
    CHECK(len >= 0);
    size_t size = (size_t)len < sizeof(raw) ? (size_t)len : sizeof(raw) - 1;
    text_escape(str_of(raw, size), text, sizeof(text));
    log->line(log, level, text);
}
