/* A record as one JSON object, for people and --json. Names and texts of agents may hold any byte: what is not UTF-8
 * is escaped, so that a line is always JSON. */
#include "model/record.h"

#include "base/encode.h"
#include "json/writer.h"

#include <stdio.h>
#include <time.h>

#define TEXT_MAX 4096 /* bytes of one printed field; the ledger keeps the whole */

static void member_text(struct json_writer *writer, struct str key, struct str value)
{
    if (value.len == 0)
        return;
    if (value.len < TEXT_MAX && str_is_utf8(value)) {
        json_write_member_string(writer, key, value);
        return;
    }
    char escaped[TEXT_MAX];
    size_t len = text_escape(value, escaped, sizeof escaped);
    json_write_member_string(writer, key, str_of(escaped, len));
}

static void member_digest(struct json_writer *writer, struct str key, const struct sha256 *digest)
{
    static const struct sha256 none = { { 0 } };
    if (memcmp(digest, &none, sizeof none) == 0)
        return;
    char hex[2 * SHA256_LEN];
    hex_encode(digest->bytes, SHA256_LEN, hex);
    json_write_member_string(writer, key, str_of(hex, sizeof hex));
}

/* RFC 3339 with milliseconds; nothing for a time that no calendar has. */
static void member_time(struct json_writer *writer, struct str key, int64_t at_ms)
{
    if (at_ms < TIME_MIN_MS || at_ms > TIME_MAX_MS)
        return;
    int64_t ms = ((at_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((at_ms - ms) / 1000);
    struct tm tm;
    char text[64];
    if (gmtime_r(&seconds, &tm) == NULL)
        return;
    int len = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms);
    json_write_member_string(writer, key, str_of(text, (size_t)len));
}

static void member_call(struct json_writer *writer, const struct id *call)
{
    static const struct id none = { { 0 } };
    if (memcmp(call, &none, sizeof none) == 0)
        return;
    char text[ID_TEXT_LEN + 1];
    id_print(call, text);
    json_write_member_string(writer, STR("id"), str_of(text, ID_TEXT_LEN));
}

static void debit_print(struct json_writer *writer, const struct debit *debit, const struct reservation *taken)
{
    static const char *const scopes[] = { "grant", "session", "server", "global", "args" };
    char window[32], cost[48];
    window_print(&debit->key.window, window);
    amount_print(debit->cost, cost);
    json_write_object(writer);
    member_text(writer, STR("counter"), debit->key.counter);
    json_write_member_string(writer, STR("scope"), str_from_c(scopes[debit->key.scope]));
    member_text(writer, STR("value"), debit->key.scope_value);
    json_write_member_string(writer, STR("window"), str_from_c(window));
    json_write_member_string(writer, STR("cost"), str_from_c(cost));
    if (debit->key.window.kind != WINDOW_TOTAL && debit->key.window.kind != WINDOW_CONCURRENT)
        member_time(writer, STR("from"), taken->window_ms);
    json_write_object_end(writer);
}

static void debits_print(struct json_writer *writer, const struct record *record)
{
    if (record->debit_count == 0)
        return;
    json_write_key(writer, STR("debits"));
    json_write_array(writer);
    for (size_t i = 0; i < record->debit_count; i++)
        debit_print(writer, &record->debits[i], &record->taken[i]);
    json_write_array_end(writer);
}

void record_print_json(const struct record *record, uint64_t sequence, struct json_writer *writer)
{
    bool judged = record->kind == RECORD_DECISION || record->kind == RECORD_OUTCOME || record->kind == RECORD_DENIALS ||
                  record->kind == RECORD_MALFORMED;
    json_write_object(writer);
    json_write_member_int(writer, STR("sequence"), (int64_t)sequence);
    member_time(writer, STR("time"), record->at_ms);
    json_write_member_string(writer, STR("kind"), str_from_c(record_kind_name(record->kind)));
    member_call(writer, &record->call);
    member_text(writer, STR("server"), record->server);
    member_text(writer, STR("method"), record->method);
    member_text(writer, STR("name"), record->name);
    member_text(writer, STR("grant"), record->grant);
    member_text(writer, STR("session"), record->session);
    member_text(writer, STR("client"), record->client);
    if (record->kind == RECORD_OUTCOME)
        json_write_member_string(writer, STR("outcome"), str_from_c(outcome_name(record->outcome)));
    if (judged)
        json_write_member_string(writer, STR("reason"), reason_row(record->reason)->name);
    member_text(writer, STR("rule"), record->rule);
    if (record->class.known)
        json_write_member_string(writer, STR("class"), class_word(record->class.class));
    if (record->class.overruled)
        json_write_member_bool(writer, STR("class_overruled"), true);
    member_text(writer, STR("text"), record->text);
    if (record->count > 0)
        json_write_member_int(writer, STR("count"), (int64_t)record->count);
    if (record->kind == RECORD_OUTCOME)
        json_write_member_int(writer, STR("micros"), record->micros);
    if (record->given_back)
        json_write_member_bool(writer, STR("given_back"), true);
    member_digest(writer, STR("digest"), &record->digest);
    member_digest(writer, STR("revision"), &record->revision);
    debits_print(writer, record);
    json_write_object_end(writer);
}
