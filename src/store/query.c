/* Operators' questions. The projection says which spans may hold what is asked for; the rows come from the ledger, and
 * so does all that the projection does not know yet. */
#include "store/query_types.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/limits.h"
#include "store/database.h"
#include "store/directory.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ROWS_DEFAULT 100
#define ROWS_MAX 10000
#define ENDINGS_FIRST 256
#define GRANTS_AS_WORDS 256 /* a label that more grants have narrows nothing */

/* ---- what is asked for ---- */

static int read_call(struct question *question, struct str call)
{
    for (size_t i = 0; i < call.len; i++) {
        char c = call.ptr[i];
        if (c == '-')
            continue;
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || question->call_len == sizeof question->call)
            return E_SYNTAX;
        question->call[question->call_len++] = c;
    }
    return 0;
}

static struct clause *clause_add(struct question *question, size_t words)
{
    CHECK(question->clause_count < ARRAY_LEN(question->clauses));
    struct clause *clause = &question->clauses[question->clause_count];
    clause->count = 0;
    clause->words = arena_alloc(&question->arena, words * sizeof *clause->words);
    if (clause->words == NULL)
        return NULL;
    question->clause_count++;
    return clause;
}

static int word_asked(struct question *question, enum span_field field, struct str text)
{
    if (text.len == 0)
        return 0;
    struct clause *clause = clause_add(question, 1);
    if (clause == NULL)
        return E_NOMEM;
    clause->words[clause->count++] = span_word(field, text);
    return 0;
}

static int verdict_asked(struct question *question)
{
    const struct store_query *query = question->query;
    if (query->verdict == QUERY_EVERYTHING)
        return 0;
    struct clause *clause = clause_add(question, 2);
    if (clause == NULL)
        return E_NOMEM;
    if (query->verdict == QUERY_DENIED) {
        clause->words[clause->count++] = span_word(SPAN_DENIED, STR_EMPTY);
        return 0;
    }
    clause->words[clause->count++] = span_word(SPAN_KIND, str_from_c(record_kind_name(RECORD_DECISION)));
    if (query->verdict == QUERY_DECISIONS)
        clause->words[clause->count++] = span_word(SPAN_KIND, str_from_c(record_kind_name(RECORD_DENIALS)));
    return 0;
}

static int grant_asked(struct question *question, struct str id)
{
    struct str copy = arena_str(&question->arena, id);
    return copy.ptr == NULL ? E_NOMEM : map_set(&question->grants, copy, question);
}

/* The id itself, and all whose label it is. */
static int grants_asked(struct question *question)
{
    static const char sql[] = "SELECT id FROM grants WHERE label = ?1";
    struct str grant = question->query->grant;
    sqlite3_stmt *statement = NULL;
    if (grant.len == 0)
        return 0;
    int error = grant_asked(question, grant);
    if (question->handle != NULL && sqlite3_prepare_v2(question->handle, sql, -1, &statement, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_text64(statement, 1, grant.ptr, grant.len, SQLITE_STATIC, SQLITE_UTF8);
        while (error == 0 && sqlite3_step(statement) == SQLITE_ROW)
            error = grant_asked(question, str_of((const char *)sqlite3_column_text(statement, 0),
                                                 (size_t)sqlite3_column_bytes(statement, 0)));
    }
    (void)sqlite3_finalize(statement);
    const struct map_entry *entry;
    for (size_t at = 0; error == 0 && (entry = map_next(&question->labels, &at)) != NULL;) {
        if (str_eq(*(const struct str *)entry->value, grant))
            error = grant_asked(question, entry->key);
    }
    struct clause *clause = NULL;
    if (error < 0 || question->grants.count > GRANTS_AS_WORDS)
        return error;
    clause = clause_add(question, question->grants.count);
    if (clause == NULL)
        return E_NOMEM;
    for (size_t at = 0; (entry = map_next(&question->grants, &at)) != NULL;)
        clause->words[clause->count++] = span_word(SPAN_GRANT, entry->key);
    return 0;
}

static int clauses_make(struct question *question)
{
    const struct store_query *query = question->query;
    int error = verdict_asked(question);
    if (error == 0)
        error = word_asked(question, SPAN_KIND, query->kind);
    if (error == 0)
        error = word_asked(question, SPAN_SERVER, query->server);
    if (error == 0)
        error = word_asked(question, SPAN_NAME, query->name);
    if (error == 0)
        error = word_asked(question, SPAN_REASON, query->reason);
    if (error == 0)
        error = word_asked(question, SPAN_RULE, query->rule);
    if (error == 0)
        error = word_asked(question, SPAN_CLASS, query->class);
    return error == 0 ? grants_asked(question) : error;
}

/* ---- what fits ---- */

static bool text_fits(struct str asked, struct str text)
{
    return asked.len == 0 || str_eq(asked, text);
}

static bool rule_fits(struct str asked, struct str rule)
{
    return asked.len == 0 || (str_starts_with(rule, asked) && (rule.len == asked.len || rule.ptr[asked.len] == '/'));
}

static bool call_fits(const struct question *question, const struct id *call)
{
    char hex[2 * sizeof *call];
    if (question->call_len == 0)
        return true;
    if (id_is_none(call))
        return false;
    hex_encode(call, sizeof *call, hex);
    return memcmp(hex + sizeof hex - question->call_len, question->call, question->call_len) == 0;
}

static bool verdict_fits(const struct store_query *query, const struct record *record)
{
    bool decision = record->kind == RECORD_DECISION, allowed = record->reason == REASON_allowed;
    switch (query->verdict) {
    case QUERY_EVERYTHING: return true;
    case QUERY_DECISIONS: return decision || record->kind == RECORD_DENIALS;
    case QUERY_ALLOWED: return decision && allowed;
    case QUERY_DENIED: return record_is_denied(record);
    }
    WRONG("a verdict of no kind");
}

static bool fits(const struct question *question, uint64_t sequence, const struct record *record)
{
    const struct store_query *query = question->query;
    if (!record_is_row(record->kind) || !verdict_fits(query, record))
        return false;
    if ((query->after > 0 && sequence <= query->after) || (query->before > 0 && sequence >= query->before))
        return false;
    if ((query->since_ms != 0 && record->at_ms < query->since_ms) ||
        (query->until_ms != 0 && record->at_ms >= query->until_ms))
        return false;
    return text_fits(query->kind, str_from_c(record_kind_name(record->kind))) &&
           text_fits(query->server, record->server) && text_fits(query->name, record->name) &&
           text_fits(query->reason, reason_row(record->reason)->name) &&
           (query->class.len == 0 || str_eq(query->class, pinned_class_word(&record->class))) &&
           rule_fits(query->rule, record->rule) && call_fits(question, &record->call) &&
           (question->grants.count == 0 || map_get(&question->grants, record->grant) != NULL);
}

/* ---- how calls ended ---- */

static struct ending *ending_slot(struct ending *endings, size_t cap, const struct id *call)
{
    size_t at = id_slot(call, cap);
    while (!id_is_none(&endings[at].call) && memcmp(&endings[at].call, call, sizeof *call) != 0)
        at = (at + 1) & (cap - 1);
    return &endings[at];
}

static struct ending *ending_find(struct question *question, const struct id *call)
{
    if (question->ending_cap == 0 || id_is_none(call))
        return NULL;
    struct ending *ending = ending_slot(question->endings, question->ending_cap, call);
    return id_is_none(&ending->call) ? NULL : ending;
}

static int endings_grow(struct question *question)
{
    size_t cap = question->ending_cap == 0 ? ENDINGS_FIRST : question->ending_cap * 2;
    struct ending *endings = calloc(cap, sizeof *endings);
    if (endings == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < question->ending_cap; i++) {
        if (!id_is_none(&question->endings[i].call))
            *ending_slot(endings, cap, &question->endings[i].call) = question->endings[i];
    }
    free(question->endings);
    question->endings = endings;
    question->ending_cap = cap;
    return 0;
}

static int ending_asked(struct question *question, const struct id *call)
{
    if (id_is_none(call))
        return 0;
    if (question->ending_count * 2 >= question->ending_cap && endings_grow(question) < 0)
        return E_NOMEM;
    struct ending *ending = ending_slot(question->endings, question->ending_cap, call);
    if (!id_is_none(&ending->call))
        return 0;
    ending->call = *call;
    question->ending_count++;
    question->unknown++;
    return 0;
}

static int see_outcome(struct question *question, uint64_t sequence, const struct record *record)
{
    struct ending *ending = record->kind == RECORD_OUTCOME ? ending_find(question, &record->call) : NULL;
    (void)sequence;
    if (ending == NULL || ending->known)
        return 0;
    *ending = (struct ending){ record->call,    true,           record->at_ms,     record->micros,
                               record->outcome, record->reason, record->given_back };
    question->unknown--;
    return 0;
}

static struct str column_text(sqlite3_stmt *statement, int at)
{
    const void *bytes = sqlite3_column_text(statement, at);
    int len = sqlite3_column_bytes(statement, at);
    return bytes == NULL || len <= 0 ? STR_EMPTY : str_of(bytes, (size_t)len);
}

static void ending_from_row(struct question *question, struct ending *ending, sqlite3_stmt *statement)
{
    struct str outcome = column_text(statement, 1);
    for (int i = 0; i < OUTCOME_COUNT && !ending->known; i++) {
        if (!str_eq(outcome, str_from_c(outcome_name((enum outcome)i))))
            continue;
        ending->outcome = (enum outcome)i;
        ending->known = reason_parse(column_text(statement, 2), &ending->reason);
        ending->at_ms = sqlite3_column_int64(statement, 0);
        ending->micros = sqlite3_column_int64(statement, 3);
        ending->given_back = sqlite3_column_int(statement, 4) != 0;
    }
    question->unknown -= ending->known ? 1 : 0;
}

/* Of calls that ended in a later span than they began in. */
static int ask_projection_for_endings(struct question *question)
{
    static const char sql[] = "SELECT at, outcome, reason, micros, given_back FROM outcomes WHERE call = ?1";
    sqlite3_stmt *statement;
    if (question->handle == NULL || question->unknown == 0)
        return 0;
    if (sqlite3_prepare_v2(question->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return E_IO;
    for (size_t i = 0; i < question->ending_cap && question->unknown > 0; i++) {
        struct ending *ending = &question->endings[i];
        if (id_is_none(&ending->call) || ending->known)
            continue;
        (void)sqlite3_bind_blob(statement, 1, ending->call.bytes, sizeof ending->call.bytes, SQLITE_STATIC);
        if (sqlite3_step(statement) == SQLITE_ROW)
            ending_from_row(question, ending, statement);
        (void)sqlite3_reset(statement);
    }
    (void)sqlite3_finalize(statement);
    return 0;
}

static int find_endings(struct question *question)
{
    int error = ask_projection_for_endings(question);
    for (size_t i = 0; error == 0 && question->unknown > 0 && i < question->tail.count; i++)
        error = question_walk(question, &question->tail.all[i], see_outcome);
    return error;
}

/* ---- choosing spans ---- */

static int see_candidate(struct question *question, uint64_t sequence, const struct record *record)
{
    if (record->kind == RECORD_OUTCOME)
        return see_outcome(question, sequence, record);
    if (!fits(question, sequence, record))
        return 0;
    question->found++;
    bool ends = record->kind == RECORD_DECISION && record->reason == REASON_allowed;
    return ends ? ending_asked(question, &record->call) : 0;
}

/* 1: enough is found. */
static int try_span(struct question *question, const struct span *span)
{
    uint64_t before = question->found;
    int error = question_walk(question, span, see_candidate);
    if (error == 0 && question->found > before)
        error = spans_add(&question->chosen, span);
    return error == 0 && question->found >= question->limit ? 1 : error;
}

static bool span_may_hold(const struct question *question, struct str words)
{
    for (size_t i = 0; i < question->clause_count; i++) {
        const struct clause *clause = &question->clauses[i];
        bool any = false;
        for (size_t at = 0; at < clause->count && !any; at++)
            any = span_words_hold(words, clause->words[at]);
        if (!any)
            return false;
    }
    return true;
}

static struct span span_of_row(sqlite3_stmt *statement)
{
    return (struct span){ .first = (uint64_t)sqlite3_column_int64(statement, 0),
                          .last = (uint64_t)sqlite3_column_int64(statement, 1),
                          .segment = (uint64_t)sqlite3_column_int64(statement, 2),
                          .offset = (uint64_t)sqlite3_column_int64(statement, 3) };
}

static int try_projected(struct question *question, bool ascending)
{
    static const char up[] = "SELECT first, last, segment, place, words FROM spans WHERE last > ?1 AND first < ?2 AND "
                             "at_max >= ?3 AND at_min < ?4 ORDER BY first ASC";
    static const char down[] =
        "SELECT first, last, segment, place, words FROM spans WHERE last > ?1 AND first < ?2 AND "
        "at_max >= ?3 AND at_min < ?4 ORDER BY first DESC";
    const struct store_query *query = question->query;
    sqlite3_stmt *statement;
    if (question->handle == NULL)
        return 0;
    if (sqlite3_prepare_v2(question->handle, ascending ? up : down, -1, &statement, NULL) != SQLITE_OK)
        return E_IO;
    (void)sqlite3_bind_int64(statement, 1, (int64_t)query->after);
    (void)sqlite3_bind_int64(statement, 2, query->before > 0 ? (int64_t)query->before : INT64_MAX);
    (void)sqlite3_bind_int64(statement, 3, query->since_ms != 0 ? query->since_ms : INT64_MIN);
    (void)sqlite3_bind_int64(statement, 4, query->until_ms != 0 ? query->until_ms : INT64_MAX);
    int code, result = 0;
    while (result == 0 && (code = sqlite3_step(statement)) != SQLITE_DONE) {
        if (code != SQLITE_ROW) {
            result = E_IO;
            break;
        }
        struct span span = span_of_row(statement);
        struct str words = str_of(sqlite3_column_blob(statement, 4), (size_t)sqlite3_column_bytes(statement, 4));
        if (span_may_hold(question, words))
            result = try_span(question, &span);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static int try_tail(struct question *question, bool ascending)
{
    const struct spans *tail = &question->tail;
    int result = 0;
    for (size_t i = 0; i < tail->count && result == 0; i++)
        result = try_span(question, &tail->all[ascending ? i : tail->count - 1 - i]);
    return result;
}

/* The last spans that hold enough, or with `after` the first. */
static int choose(struct question *question)
{
    bool ascending = question->query->after > 0;
    int result = ascending ? try_projected(question, true) : try_tail(question, false);
    if (result == 0)
        result = ascending ? try_tail(question, true) : try_projected(question, false);
    if (result < 0)
        return result;
    if (!ascending && question->found > question->limit)
        question->skip = question->found - question->limit;
    return 0;
}

/* ---- answering ---- */

static struct str label_of(struct question *question, struct str grant)
{
    const struct str *label = map_get(&question->labels, grant);
    if (label != NULL || question->label == NULL || grant.len == 0)
        return label != NULL ? *label : STR_EMPTY;
    (void)sqlite3_reset(question->label);
    (void)sqlite3_bind_text64(question->label, 1, grant.ptr, grant.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    return sqlite3_step(question->label) == SQLITE_ROW ? column_text(question->label, 0) : STR_EMPTY;
}

static int tell_row(struct question *question, uint64_t sequence, const struct record *record)
{
    char call[ID_TEXT_LEN + 1] = "";
    const struct ending *ending = NULL;
    if (!fits(question, sequence, record))
        return 0;
    if (question->skip > 0) {
        question->skip--;
        return 0;
    }
    if (!id_is_none(&record->call))
        id_print(&record->call, call);
    if (record->kind == RECORD_DECISION)
        ending = ending_find(question, &record->call);
    struct store_row row = {
        .sequence = sequence,
        .count = record->count,
        .at_ms = record->at_ms,
        .kind = str_from_c(record_kind_name(record->kind)),
        .call = str_from_c(call),
        .server = record->server,
        .method = record->method,
        .name = record->name,
        .grant = record->grant,
        .label = label_of(question, record->grant),
        .session = record->session,
        .client = record->client,
        .reason = reason_row(record->reason)->name,
        .rule = record->rule,
        .text = record->text,
        .revision = record->revision,
        .class = record->class.known ? class_word(record->class.class) : STR_EMPTY,
        .class_overruled = record->class.overruled,
    };
    if (ending != NULL && ending->known) {
        row.ended = true;
        row.outcome = str_from_c(outcome_name(ending->outcome));
        row.outcome_reason = reason_row(ending->reason)->name;
        row.outcome_ms = ending->at_ms;
        row.micros = ending->micros;
        row.given_back = ending->given_back;
    }
    int stop = question->each(question->arg, &row);
    return stop != 0 || ++question->told == question->limit;
}

static int answer(struct question *question)
{
    static const char sql[] = "SELECT label FROM grants WHERE id = ?1";
    const struct spans *chosen = &question->chosen;
    bool ascending = question->query->after > 0;
    int result = 0;
    if (question->handle != NULL && sqlite3_prepare_v2(question->handle, sql, -1, &question->label, NULL) != SQLITE_OK)
        return E_IO;
    for (size_t i = 0; i < chosen->count && result == 0; i++)
        result = question_walk(question, &chosen->all[ascending ? i : chosen->count - 1 - i], tell_row);
    return result < 0 ? result : 0;
}

/* ---- a question's life ---- */

/* A projection that is of another version, or being made, is as good as none. */
static int open_projection(struct question *question, struct str directory, struct span *last, bool *has_last)
{
    static const char sql[] = "SELECT s.first, s.last, s.segment, s.place, m.applied FROM meta m LEFT JOIN spans s ON "
                              "s.first = (SELECT max(first) FROM spans)";
    sqlite3_stmt *statement = NULL;
    int error = database_open_to_read(directory, &question->handle);
    bool usable = error == 0 && sqlite3_exec(question->handle, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
                  sqlite3_prepare_v2(question->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
                  sqlite3_step(statement) == SQLITE_ROW;
    if (usable) {
        *has_last = sqlite3_column_type(statement, 0) != SQLITE_NULL;
        *last = span_of_row(statement);
        question->applied = (uint64_t)sqlite3_column_int64(statement, 4);
    }
    (void)sqlite3_finalize(statement);
    if (!usable) {
        (void)sqlite3_close(question->handle);
        question->handle = NULL;
    }
    return error == E_NOT_FOUND ? 0 : error;
}

static int question_begin(struct question *question, struct str directory, const struct store_query *query)
{
    struct span last;
    bool has_last = false;
    *question = (struct question){ .query = query, .ledger = -1, .segment = { .fd = -1 } };
    question->limit = query->limit == 0 ? ROWS_DEFAULT : query->limit < ROWS_MAX ? query->limit : ROWS_MAX;
    arena_init(&question->arena, NULL, LIMIT_ledger_record);
    map_init(&question->grants);
    map_init(&question->labels);
    int error = read_call(question, query->call);
    if (error == 0)
        error = directory_open_ledger(directory, &question->ledger);
    if (error < 0)
        return error;
    (void)flock(question->ledger, LOCK_SH);
    error = open_projection(question, directory, &last, &has_last);
    if (error == 0)
        error = question_find_tail(question, has_last ? &last : NULL);
    return error == 0 ? clauses_make(question) : error;
}

static void question_end(struct question *question)
{
    segment_reader_close(&question->segment);
    (void)sqlite3_finalize(question->label);
    (void)sqlite3_close(question->handle);
    map_release(&question->grants);
    map_release(&question->labels);
    arena_release(&question->arena);
    free(question->tail.all);
    free(question->chosen.all);
    free(question->endings);
    if (question->ledger >= 0)
        close(question->ledger);
}

int store_query(struct str directory, const struct store_query *query, store_each_row *each, void *arg, uint64_t *known)
{
    struct question question;
    int error = question_begin(&question, directory, query);
    *known = question.known;
    question.each = each;
    question.arg = arg;
    if (error == 0)
        error = choose(&question);
    if (error == 0)
        error = find_endings(&question);
    if (error == 0)
        error = answer(&question);
    question_end(&question);
    return error;
}
