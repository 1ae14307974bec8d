/* warder audit tail | verify: what was decided, and that nothing of it was changed. */
#include "admin/client.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/plural.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/live.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "model/record.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAIL_DEFAULT 20

#define CALLS_KEPT 256 /* admitted calls whose outcome may follow */

struct tail {
    bool json;
    uint64_t last; /* the sequence number that was printed last */
    struct call_seen {
        struct id call;
        char server[72], name[128]; /* as they were; a name that is longer is cut */
    } seen[CALLS_KEPT];
    size_t next;
};

static void remember(struct tail *tail, const struct record *record)
{
    struct call_seen *seen = &tail->seen[tail->next++ % CALLS_KEPT];
    seen->call = record->call;
    snprintf(seen->server, sizeof(seen->server), "%" STR_FMT, STR_ARG(record->server));
    snprintf(seen->name, sizeof(seen->name), "%" STR_FMT, STR_ARG(record->name));
}

static const struct call_seen *what_ended(const struct tail *tail, const struct record *record)
{
    for (size_t i = 0; i < CALLS_KEPT; i++) {
        const struct call_seen *seen = &tail->seen[i];
        if (seen->server[0] && memcmp(&seen->call, &record->call, sizeof(record->call)) == 0)
            return seen;
    }
    return NULL;
}

static bool has_reason(const struct record *record)
{
    return record->kind == RECORD_DECISION || record->kind == RECORD_DENIALS || record->kind == RECORD_MALFORMED;
}

static void print_outcome(struct cells *cells, const struct tail *tail, const struct record *record)
{
    const struct call_seen *call = what_ended(tail, record);
    cells_padded(cells, COLOUR_NONE, str_from_c(outcome_name(record->outcome)), ROW_REASON_WIDTH);
    if (call) {
        cells_put(cells, COLOUR_NONE, str_from_c(call->server));
        cells_put(cells, COLOUR_NONE, str_from_c(call->name));
    }
    if (record->micros % 1000)
        cells_format(cells, COLOUR_DIM, "%lld.%03lld ms", (long long)record->micros / 1000,
                     (long long)record->micros % 1000);
    else
        cells_format(cells, COLOUR_DIM, "%lld ms", (long long)record->micros / 1000);
}

#define ID_SHOWN 12 /* of an id: its last part, which `warder why` takes */

static void print_decided(struct cells *cells, struct tail *tail, const struct record *record)
{
    struct str class = record->class.known ? class_word(record->class.class) : STR_EMPTY;
    struct str pinned = record->kind == RECORD_PIN ? record->method : STR_EMPTY; /* prompt, resource ... */
    const struct str parts[] = { record->server, pinned, record->name, class, record->text, record->rule };
    bool allowed = record->reason == REASON_allowed;
    char id[ID_TEXT_LEN + 1];
    if (has_reason(record))
        cells_padded(cells, allowed ? COLOUR_GREEN : COLOUR_RED, reason_row(record->reason)->name, ROW_REASON_WIDTH);
    if (has_reason(record) && allowed)
        remember(tail, record);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > 0)
            cells_put(cells, i == 2 ? COLOUR_BOLD : COLOUR_NONE, parts[i]);
    }
    if (record->grant.len > 0)
        cells_format(cells, COLOUR_DIM, "grant %" STR_FMT, STR_ARG(record->grant));
    id_print(&record->call, id);
    if (record->kind == RECORD_DECISION && !allowed)
        cells_put(cells, COLOUR_DIM, str_from_c(id + ID_TEXT_LEN - ID_SHOWN));
    if (record->kind == RECORD_LIST)
        cells_format(cells, COLOUR_NONE, "%llu shown", (unsigned long long)record->count);
    else if (record->count > 1)
        cells_format(cells, COLOUR_NONE, "%llu times", (unsigned long long)record->count);
}

static void print_record(struct tail *tail, const struct record *record)
{
    struct cells cells;
    char when[32];
    print_time(when, record->at_ms);
    cells_begin(&cells, ROW_INDENT);
    cells_put(&cells, COLOUR_DIM, str_from_c(when));
    cells_padded(&cells, COLOUR_NONE, str_from_c(record_kind_name(record->kind)), ROW_KIND_WIDTH);
    if (record->kind == RECORD_OUTCOME)
        print_outcome(&cells, tail, record);
    else
        print_decided(&cells, tail, record);
    cells_end(&cells);
}

static int each_record(void *arg, uint64_t sequence, const struct record *record)
{
    struct tail *tail = arg;
    tail->last = sequence;
    if (tail->json) {
        struct json_output output;
        struct json_writer *writer = json_output_begin(&output);
        record_print_json(record, sequence, writer);
        return json_output_end(&output) ? 0 : E_IO;
    }
    print_record(tail, record);
    return fflush(stdout) == 0 ? 0 : E_IO;
}

/* Those that the files showed already are left out. False: nobody reads. */
static bool show_live(struct tail *tail, const struct json *root, struct str line)
{
    uint64_t sequence = (uint64_t)answer_int(root, "sequence");
    struct record record;
    if (sequence <= tail->last)
        return true;
    tail->last = sequence;
    if (!tail->json && live_record(root, &record))
        print_record(tail, &record);
    else
        printf("%" STR_FMT "\n", STR_ARG(line));
    return fflush(stdout) == 0;
}

/* Live records come as lines of JSON. */
static int follow(const struct invocation *invocation, int fd, struct tail *tail)
{
    const struct json_limits limits = { LIMIT_control_queue, 100000, 32 };
    struct buf rest, line;
    struct arena arena;
    int error, status = 0;
    buf_init(&rest, LIMIT_control_queue);
    buf_init(&line, LIMIT_control_queue);
    arena_init(&arena, NULL, (size_t)LIMIT_control_queue * 8);
    while ((error = control_receive(fd, &rest, true, &line)) == 0) {
        const struct json *root;
        struct json_error fault;
        int unread = json_parse(&arena, buf_str(&line), &limits, &root, &fault);
        struct str refusal = unread ? STR_EMPTY : answer_text(root, "error");
        if (refusal.len > 0)
            status = failure(invocation, "%" STR_FMT, STR_ARG(refusal));
        if (status || (!unread && !show_live(tail, root, buf_str(&line))))
            break;
        arena_reset(&arena);
        buf_reset(&line);
    }
    arena_release(&arena);
    buf_release(&line);
    buf_release(&rest);
    if (!status && error == E_CLOSED)
        return failure(invocation, "the gateway ended");
    return status ? status : EXIT_NO;
}

static int unreadable(const struct invocation *invocation, const struct question_to *ask, int error)
{
    if (error == E_NOT_FOUND)
        return failure(invocation,
                       "nothing was recorded in %" STR_FMT ": there is no ledger; --data names another directory",
                       STR_ARG(ask->data));
    return failure(invocation, "%" STR_FMT ": %s", STR_ARG(ask->data), error_text(error));
}

static int tail(const struct invocation *invocation)
{
    const char *count_text = option_value(invocation, "number");
    bool follows = option_value(invocation, "follow") != NULL;
    unsigned long long count = TAIL_DEFAULT;
    struct tail state = { .json = invocation->json };
    struct question_to ask;
    int fd = -1;

    if (count_text && !str_to_u64(str_from_c(count_text), 1000000000, &count))
        return usage_error(invocation, "--number takes a whole number, not %s", count_text);
    int status = ask_begin(invocation, "audit.follow", &ask);
    if (!status && follows) { /* first, so that nothing is missed between the files and what comes */
        int error = control_connect(ask.data, &fd);
        if (!error)
            error = control_send(fd, STR("{\"op\":\"audit.follow\"}\n"));
        if (error)
            status =
                failure(invocation, "no gateway to follow on %" STR_FMT ": %s", STR_ARG(ask.data), error_text(error));
    }
    if (!status) {
        int error = store_read(ask.data, 0, count, each_record, &state);
        if (error)
            status = unreadable(invocation, &ask, error);
    }
    if (!status && follows)
        status = fflush(stdout) == 0 ? follow(invocation, fd, &state) : EXIT_NO;
    if (fd >= 0)
        close(fd);
    ask_release(&ask);
    return status;
}

/* "1234:" and 64 hexadecimal digits. */
static bool read_head(struct str text, struct chain_head *out)
{
    size_t colon = str_find_byte(text, ':');
    unsigned long long sequence;
    if (colon == text.len || !str_to_u64(str_slice(text, 0, colon), INT64_MAX, &sequence) || sequence == 0 ||
        hex_decode(str_slice(text, colon + 1, text.len), out->hash.bytes, SHA256_LEN) != 0)
        return false;
    out->sequence = sequence;
    return true;
}

static int verify(const struct invocation *invocation)
{
    struct verify_report report = { .what = STR_EMPTY };
    struct question_to ask;
    int status = ask_begin(invocation, "audit.follow", &ask);
    if (status) {
        ask_release(&ask);
        return status;
    }
    const char *head_text = option_value(invocation, "head");
    struct chain_head head = { 0 };
    if (head_text && !read_head(str_from_c(head_text), &head)) {
        ask_release(&ask);
        return usage_error(invocation, "--head takes SEQUENCE:HASH as an earlier verify said it, not %s", head_text);
    }
    int error = store_verify(ask.data, &head, &report);
    if (error && error != E_CORRUPT) {
        status = unreadable(invocation, &ask, error);
    } else if (invocation->json) {
        struct json_output output;
        struct json_writer *writer = json_output_begin(&output);
        json_write_object(writer);
        json_write_member_bool(writer, STR("ok"), !error);
        json_write_member_int(writer, STR("records"), (int64_t)report.records);
        json_write_member_int(writer, STR("segments"), (int64_t)report.segments);
        if (!error) {
            char hex[2 * SHA256_LEN], text[sizeof(hex) + 24];
            hex_encode(report.head.hash.bytes, SHA256_LEN, hex);
            snprintf(text, sizeof(text), "%llu:%" STR_FMT, (unsigned long long)report.head.sequence, (int)sizeof(hex),
                     hex);
            json_write_member_string(writer, STR("head"), str_from_c(text));
        }
        if (error) {
            json_write_member_int(writer, STR("sequence"), (int64_t)report.bad_sequence);
            json_write_member_string(writer, STR("what"), report.what);
        }
        json_write_object_end(writer);
        status = json_output_end(&output) && !error ? EXIT_YES : EXIT_NO;
    } else if (error) {
        status = failure(invocation, "broken at record %llu: %" STR_FMT, (unsigned long long)report.bad_sequence,
                         STR_ARG(report.what));
    } else {
        char hex[2 * SHA256_LEN];
        hex_encode(report.head.hash.bytes, SHA256_LEN, hex);
        printf("%sfine%s: %llu record%s in %llu segment%s, each holding the one before\nhead %llu:%" STR_FMT "\n",
               colour_on(stdout, COLOUR_GREEN), colour_off(stdout), (unsigned long long)report.records,
               plural(report.records), (unsigned long long)report.segments, plural(report.segments),
               (unsigned long long)report.head.sequence, (int)sizeof(hex), hex);
    }
    ask_release(&ask);
    return status;
}

static const struct option tail_options[] = {
    { "number", 'n', "COUNT", "how many of the last records; 0 is all; without it 20", false },
    { "follow", 'f', NULL, "and each new one, until interrupted", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

static const struct option verify_options[] = {
    { "head", 0, "SEQUENCE:HASH", "an earlier verify's last line, kept elsewhere: it must still be in there", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_audit_tail = {
    .summary = "Shows the last decisions, outcomes and grants",
    .arguments = "",
    .options = tail_options,
    .json = true,
    .help = "Oldest first, a row each; with --json one object a line.\n\n"
            "  warder audit tail -n 5\n"
            "  warder audit tail -f                   what is decided from now on, too\n"
            "  warder audit tail -n 0 --json | jq 'select(.reason == \"rate_limited\")'\n",
    .run = tail,
};

const struct command command_audit_verify = {
    .summary = "Checks that no record was changed or taken out",
    .arguments = "",
    .options = verify_options,
    .json = true,
    .help = "Each record holds the SHA-256 of the one before; every segment is read and compared. Whoever can write to "
            "the\n"
            "data directory could write all of it anew, or cut its end: keep the head that is printed elsewhere, and\n"
            "give it to a later verify.\n\n"
            "  warder audit verify\n"
            "  warder audit verify --head 1234:9f2c...\n",
    .run = verify,
};
