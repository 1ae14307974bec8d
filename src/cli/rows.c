/* Rows of the ledger, shown. */
#include "cli/rows.h"

#include "admin/client.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CATCH_UP_LOOK_MS 20

static void say_nothing(struct log *log, enum log_level level, const char *text)
{
    (void)log, (void)level, (void)text;
}

/* The running gateway's last record, which it hands to the projection as soon as that is durable; 0: none answers. */
static uint64_t gateway_catches_up(struct str data, struct log *log)
{
    static const struct json_limits limits = { 4096, 100, 8 };
    const struct json *root;
    struct json_error fault;
    struct arena arena;
    struct buf answer;
    bool running;
    uint64_t sequence = 0;
    arena_init(&arena, NULL, 65536);
    buf_init(&answer, 4096);
    if (admin_call(data, log, STR("{\"op\":\"audit.catch-up\"}\n"), &running, &answer) == 0 &&
        json_parse(&arena, buf_str(&answer), &limits, &root, &fault) == 0)
        sequence = (uint64_t)answer_int(root, "sequence");
    buf_release(&answer);
    arena_release(&arena);
    return sequence;
}

void rows_refresh(struct str data)
{
    const struct timespec pause = { .tv_nsec = CATCH_UP_LOOK_MS * 1000000L };
    struct log log = { .least = LOG_ERROR, .clock = clock_system(), .line = say_nothing };
    if (store_project(data, &log) == 0)
        return;
    uint64_t wanted = gateway_catches_up(data, &log), known = 0;
    for (int waited = 0; wanted > 0 && waited < LIMIT_catch_up_ms; waited += CATCH_UP_LOOK_MS) {
        int error = store_query_known(data, &known);
        if ((error && error != E_NOT_FOUND) || known >= wanted)
            return;
        nanosleep(&pause, NULL);
        if (gateway_catches_up(data, &log) == 0) /* what was not durable yet is told again */
            return;
    }
}

int rows_failed(const struct invocation *invocation, struct str data, int error)
{
    if (error == E_NOT_FOUND)
        return failure(invocation,
                       "nothing can be asked of %" STR_FMT
                       " yet: no gateway has run on it; --data names another directory",
                       STR_ARG(data));
    return failure(invocation, "%" STR_FMT ": %s", STR_ARG(data), error_text(error));
}

/* Columns as `audit tail` has them; behind them how it ended, and its id. */
void row_print(const struct store_row *row)
{
    struct str pinned = str_eq(row->kind, STR("pin")) ? row->method : STR_EMPTY; /* prompt, resource ... */
    const struct str parts[] = { row->server, pinned, row->name, row->class, row->text, row->rule };
    bool allowed = str_eq(row->reason, STR("allowed"));
    struct cells cells;
    char when[32];
    print_time(when, row->at_ms);
    cells_begin(&cells, ROW_INDENT);
    cells_put(&cells, COLOUR_DIM, str_from_c(when));
    cells_padded(&cells, COLOUR_NONE, row->kind, ROW_KIND_WIDTH);
    if (str_eq(row->kind, STR("decision")) || !allowed)
        cells_padded(&cells, allowed ? COLOUR_GREEN : COLOUR_RED, row->reason, ROW_REASON_WIDTH);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > 0)
            cells_put(&cells, i == 2 ? COLOUR_BOLD : COLOUR_NONE, parts[i]);
    }
    if (row->grant.len > 0)
        cells_format(&cells, COLOUR_NONE, "by %" STR_FMT, STR_ARG(row->label.len > 0 ? row->label : row->grant));
    if (row->count > 1)
        cells_format(&cells, COLOUR_NONE, "%llu times", (unsigned long long)row->count);
    if (row->ended)
        cells_put(&cells, COLOUR_NONE, row->outcome);
    if (row->call.len > 0)
        cells_put(&cells, COLOUR_DIM, row->call);
    cells_end(&cells);
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
        { "class", row->class },
    };
    static const struct sha256 none;
    json_write_member_int(writer, STR("sequence"), (int64_t)row->sequence);
    row_write_time(writer, STR("time"), row->at_ms);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        write_text(writer, str_from_c(texts[i].key), texts[i].value);
    if (row->class_overruled)
        json_write_member_bool(writer, STR("class_overruled"), true);
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
