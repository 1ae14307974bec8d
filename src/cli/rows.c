/* Rows of the projection, shown. */
#include "cli/rows.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void say_nothing(struct log *log, enum log_level level, const char *text)
{
    (void)log, (void)level, (void)text;
}

void rows_refresh(struct str data)
{
    struct log log = { .least = LOG_ERROR, .clock = clock_system(), .line = say_nothing };
    if (store_project(data, &log) != 0)
        return; /* a gateway does it; or the query says up to where it knows */
}

static int see_last(void *arg, uint64_t sequence, const struct record *record)
{
    (void)record;
    *(uint64_t *)arg = sequence;
    return 0;
}

uint64_t rows_recorded(struct str data)
{
    uint64_t last = 0;
    return store_read(data, 0, 1, see_last, &last) == 0 ? last : 0;
}

int rows_failed(const struct invocation *invocation, struct str data, int error)
{
    if (error == E_NOT_FOUND)
        return failure(invocation, "nothing can be asked of %" STR_FMT " yet: no gateway has run on it", STR_ARG(data));
    return failure(invocation, "%" STR_FMT ": %s", STR_ARG(data), error_text(error));
}

/* Columns as `audit tail` has them; behind them how it ended, and its id. */
void row_print(const struct store_row *row)
{
    const struct str parts[] = { row->server, row->name, row->text, row->rule };
    bool allowed = str_eq(row->reason, STR("allowed"));
    char when[32];
    print_time(when, row->at_ms);
    printf("%s%s%s  %-10" STR_FMT "  ", colour_on(stdout, COLOUR_DIM), when, colour_off(stdout), STR_ARG(row->kind));
    if (str_eq(row->kind, STR("decision")) || !allowed)
        printf("%s%-13" STR_FMT "%s", colour_on(stdout, allowed ? COLOUR_GREEN : COLOUR_RED), STR_ARG(row->reason),
               colour_off(stdout));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len == 0)
            continue;
        printf("  ");
        print_str(stdout, i == 1 ? COLOUR_BOLD : COLOUR_NONE, parts[i]);
    }
    if (row->grant.len > 0) {
        printf("  by ");
        print_str(stdout, COLOUR_NONE, row->label.len > 0 ? row->label : row->grant);
    }
    if (row->count > 1)
        printf("  %llu times", (unsigned long long)row->count);
    if (row->ended)
        printf("  %" STR_FMT, STR_ARG(row->outcome));
    if (row->call.len > 0)
        printf("  %s%" STR_FMT "%s", colour_on(stdout, COLOUR_DIM), STR_ARG(row->call), colour_off(stdout));
    printf("\n");
}

void row_write_time(struct json_writer *writer, struct str key, int64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    char text[64];
    if (at_ms <= 0 || !gmtime_r(&seconds, &tm))
        return;
    int len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(at_ms % 1000));
    json_write_member_string(writer, key, str_of(text, (size_t)len));
}

/* What a client sent may be no UTF-8 that JSON takes: then it stands as an escape. */
static void write_text(struct json_writer *writer, struct str key, struct str value)
{
    char escaped[4096];
    if (value.len == 0)
        return;
    if (!str_is_utf8(value))
        value = str_of(escaped, text_escape(value, escaped, sizeof(escaped)));
    json_write_member_string(writer, key, value);
}

void row_write(const struct store_row *row, struct json_writer *writer)
{
    const struct {
        const char *key;
        struct str value;
    } texts[] = {
        { "kind", row->kind },     { "id", row->call },       { "server", row->server }, { "method", row->method },
        { "name", row->name },     { "grant", row->grant },   { "label", row->label },   { "session", row->session },
        { "client", row->client }, { "reason", row->reason }, { "rule", row->rule },     { "text", row->text },
    };
    static const struct sha256 none;
    json_write_member_int(writer, STR("sequence"), (int64_t)row->sequence);
    row_write_time(writer, STR("time"), row->at_ms);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        write_text(writer, str_from_c(texts[i].key), texts[i].value);
    if (row->count > 0)
        json_write_member_int(writer, STR("count"), (int64_t)row->count);
    if (memcmp(&none, &row->revision, sizeof(none)) != 0) {
        char hex[2 * SHA256_LEN];
        hex_encode(row->revision.bytes, SHA256_LEN, hex);
        json_write_member_string(writer, STR("revision"), str_of(hex, sizeof(hex)));
    }
    if (!row->ended)
        return;
    json_write_member_string(writer, STR("outcome"), row->outcome);
    json_write_member_string(writer, STR("outcome_reason"), row->outcome_reason);
    row_write_time(writer, STR("ended"), row->outcome_ms);
    json_write_member_int(writer, STR("micros"), row->micros);
    json_write_member_bool(writer, STR("given_back"), row->given_back);
}
