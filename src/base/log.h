/* What the operator reads: one line an event on standard error (or where a test says), UTC time first. Every line is
 * escaped (base/encode.h's text_escape), so no byte of an agent or a server can forge one. Secrets never come here. */
#pragma once

#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct clock;
struct log {
    enum log_level least;                       /* below it: dropped */
    struct clock  *clock;
    void         (*line)(struct log *log, enum log_level level, const char *text); /* thread-safe */
};

void log_init_stderr(struct log *log, struct clock *clock, enum log_level least);
void log_at(struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
#define log_debug(log, ...) log_at(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_at(log, LOG_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_at(log, LOG_WARN, __VA_ARGS__)
#define log_error(log, ...) log_at(log, LOG_ERROR, __VA_ARGS__)
