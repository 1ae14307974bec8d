/* warder audit query: decisions by what they were about. */
#include "base/clock.h"
#include "base/check.h"
#include "base/plural.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "model/reason.h"
#include "model/record.h"
#include "store/store.h"

#include <stdio.h>
#include <time.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MOST 10000
#define FOLLOW_MS 500

struct asking {
    const struct invocation *invocation;
    struct store_query query;
    uint64_t known, last;
    size_t rows;
    bool failed; /* nobody reads */
};

static struct str given(const struct invocation *invocation, const char *option)
{
    const char *value = option_value(invocation, option);
    return value ? str_from_c(value) : STR_EMPTY;
}

static bool is_kind(struct str kind)
{
    for (int i = 0; i < RECORD_KIND_COUNT; i++)
        if (i != RECORD_OUTCOME && str_eq(kind, str_from_c(record_kind_name((enum record_kind)i))))
            return true;
    return false;
}

static int read_decision(const struct invocation *invocation, struct store_query *query)
{
    struct str word = given(invocation, "decision");
    enum reason reason;
    query->verdict = QUERY_DECISIONS;
    if (word.len == 0)
        return 0;
    if (str_eq(word, STR("allow")) || str_eq(word, STR("deny"))) {
        query->verdict = str_eq(word, STR("allow")) ? QUERY_ALLOWED : QUERY_DENIED;
        return 0;
    }
    if (!reason_parse(word, &reason))
        return usage_error(invocation, "--decision takes allow, deny, or a reason such as rate_limited, not %s",
                           word.ptr);
    query->reason = word;
    return 0;
}

static int read_time(const struct invocation *invocation, const char *option, int64_t *out)
{
    struct str text = given(invocation, option);
    if (text.len == 0 || when_parse(text, clock_wall_ms(clock_system()), out) == 0)
        return 0;
    return usage_error(invocation, "--%s takes a time such as 2026-01-31T09:30:00Z, or a span such as 2h, not %s",
                       option, text.ptr);
}

static int read_query(const struct invocation *invocation, struct store_query *query)
{
    unsigned long long limit = LIMIT_DEFAULT;
    const char *text = option_value(invocation, "limit");
    *query = (struct store_query){
        .grant = given(invocation, "grant"),
        .server = given(invocation, "server"),
        .name = given(invocation, "tool"),
        .rule = given(invocation, "rule"),
        .class = given(invocation, "class"),
        .kind = given(invocation, "kind"),
    };
    if (text && (!str_to_u64(str_from_c(text), LIMIT_MOST, &limit) || limit == 0))
        return usage_error(invocation, "--limit takes 1 to %d, not %s", LIMIT_MOST, text);
    query->limit = (unsigned)limit;
    int status = read_decision(invocation, query);
    enum tool_class class;
    if (!status && query->class.len > 0 && !class_of_word(query->class, &class))
        return usage_error(invocation, "--class takes read, write, execute, destructive, financial or other, not %s",
                           query->class.ptr);
    if (!status && query->kind.len > 0 && !is_kind(query->kind))
        return usage_error(invocation, "no records of kind %s; warder audit tail shows some", query->kind.ptr);
    if (query->kind.len > 0)
        query->verdict = QUERY_EVERYTHING;
    if (!status)
        status = read_time(invocation, "since", &query->since_ms);
    return status ? status : read_time(invocation, "until", &query->until_ms);
}

static int each_row(void *arg, const struct store_row *row)
{
    struct asking *asking = arg;
    asking->rows++;
    asking->last = row->sequence;
    if (asking->invocation->json) {
        struct json_output output;
        struct json_writer *writer = json_output_begin(&output);
        json_write_object(writer);
        row_write(row, writer);
        json_write_object_end(writer);
        asking->failed = !json_output_end(&output);
    } else {
        row_print(row);
    }
    return asking->failed ? 1 : 0;
}

static void say_known(const struct asking *asking)
{
    fprintf(stderr, "%zu row%s; known up to record %llu\n", asking->rows, plural(asking->rows),
            (unsigned long long)asking->known);
}

/* Until interrupted, or nobody reads. */
static int follow(struct asking *asking, struct str data)
{
    const struct timespec pause = { .tv_nsec = FOLLOW_MS * 1000000L };
    int error = 0;
    asking->query.limit = LIMIT_MOST;
    if (asking->last < asking->known)
        asking->last = asking->known;
    while (!error && !asking->failed && fflush(stdout) == 0) {
        nanosleep(&pause, NULL);
        asking->query.after = asking->last > 0 ? asking->last : 1;
        error = store_query(data, &asking->query, each_row, asking, &asking->known);
    }
    return error ? rows_failed(asking->invocation, data, error) : EXIT_NO;
}

static int query(const struct invocation *invocation)
{
    struct asking asking = { .invocation = invocation };
    bool follows = option_value(invocation, "follow") != NULL;
    struct question_to ask;
    int status = read_query(invocation, &asking.query);
    if (status)
        return status;
    status = ask_begin(invocation, "status", &ask);
    if (!status) {
        rows_refresh(ask.data);
        int error = store_query(ask.data, &asking.query, each_row, &asking, &asking.known);
        if (error)
            status = rows_failed(invocation, ask.data, error);
        else if (asking.failed)
            status = EXIT_NO;
        else if (follows)
            status = follow(&asking, ask.data);
        else
            say_known(&asking);
    }
    ask_release(&ask);
    return status;
}

static const struct option options[] = {
    { "grant", 'g', "ID|LABEL", "of this grant", false },
    { "server", 's', "NAME", "to this server", false },
    { "tool", 't', "NAME", "of this tool, prompt or URI", false },
    { "decision", 'x', "WORD", "allow, deny, or a reason such as rate_limited", false },
    { "class", 0, "CLASS", "of tools of this class: read, write, execute, destructive, financial or other", false },
    { "rule", 'r', "POINTER", "decided by this rule, or one below it: /tools/send_email", false },
    { "since", 0, "TIME", "from then on: 2026-01-31T09:30:00Z, 2026-01-31, or a span before now such as 2h", false },
    { "until", 0, "TIME", "before then", false },
    { "kind", 'k', "KIND", "records of another kind: session, grant, pin, frozen, revision ...", false },
    { "limit", 'n', "COUNT", "the last so many; without it 100", false },
    { "follow", 'f', NULL, "and what comes, until interrupted", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_audit_query = {
    .summary = "Finds decisions by grant, tool, rule, time ...",
    .arguments = "",
    .options = options,
    .json = true,
    .help =
        "The last that fit, oldest first; with --json one object a line. An index that is kept behind the ledger says\n"
        "where to read; up to which record the ledger was read is said on standard error.\n\n"
        "  warder audit query --decision deny --since 2h\n"
        "  warder audit query --class destructive --since 7d\n"
        "  warder audit query --tool send_email --rule /tools/send_email/limits --json\n",
    .run = query,
};
