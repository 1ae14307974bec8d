/* warder why: one call, from what was asked to how it ended, with the rule as it was then. */
#include "base/check.h"
#include "base/decimal.h"
#include "base/encode.h"
#include "base/limits.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "model/debit.h"
#include "model/reason.h"
#include "model/record.h"
#include "policy/policy.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CANDIDATES_MAX 20
#define RULE_SHOWN 4096 /* bytes */

struct found { /* a call whose id ends so */
    uint64_t sequence;
    char id[ID_TEXT_LEN + 1];
};

struct search {
    struct str ending; /* lower case, without dashes */
    struct found found[CANDIDATES_MAX + 1];
    size_t count;
};

static void add_found(struct search *search, uint64_t sequence, struct str id)
{
    for (size_t i = 0; i < search->count; i++)
        if (str_eq(str_from_c(search->found[i].id), id))
            return;
    if (search->count > CANDIDATES_MAX || id.len > ID_TEXT_LEN)
        return;
    struct found *found = &search->found[search->count++];
    found->sequence = sequence;
    memcpy(found->id, id.ptr, id.len);
    found->id[id.len] = '\0';
}

static int see_row(void *arg, const struct store_row *row)
{
    add_found(arg, row->sequence, row->call);
    return 0;
}

static bool ends_so(const struct id *id, struct str ending)
{
    char hex[2 * sizeof(id->bytes)];
    hex_encode(id->bytes, sizeof(id->bytes), hex);
    return str_ends_with(str_of(hex, sizeof(hex)), ending);
}

/* What is newer than the projection. */
static int see_record(void *arg, uint64_t sequence, const struct record *record)
{
    struct search *search = arg;
    char id[ID_TEXT_LEN + 1];
    if (record->kind == RECORD_DECISION && ends_so(&record->call, search->ending)) {
        id_print(&record->call, id);
        add_found(search, sequence, str_from_c(id));
    }
    return 0;
}

/* The record, and its outcome behind it. */
struct told {
    struct json_writer *writer; /* NULL: text */
    uint64_t sequence;
    struct id call;
    struct arena arena;
    const struct record *decision; /* a copy in the arena */
    struct str data;
    bool ended;
    enum outcome outcome;
    enum reason outcome_reason;
    int64_t micros;
    bool given_back;
};

static struct str kept(struct told *told, struct str text)
{
    struct str copy = arena_str(&told->arena, text);
    return copy.ptr ? copy : STR_EMPTY;
}

static void keep_debits(struct told *told, struct record *record)
{
    size_t size = record->debit_count * sizeof(*record->debits);
    struct debit *debits = arena_alloc(&told->arena, size + 1);
    struct reservation *taken = arena_alloc(&told->arena, record->debit_count * sizeof(*taken) + 1);
    if (!debits || !taken) {
        record->debit_count = 0;
        return;
    }
    for (size_t i = 0; i < record->debit_count; i++) {
        debits[i] = record->debits[i];
        taken[i] = record->taken[i];
        debits[i].key.counter = kept(told, debits[i].key.counter);
        debits[i].key.scope_value = kept(told, debits[i].key.scope_value);
        debits[i].key.server = kept(told, debits[i].key.server);
    }
    record->debits = debits;
    record->taken = taken;
}

static int keep_record(void *arg, uint64_t sequence, const struct record *record)
{
    struct told *told = arg;
    if (sequence == told->sequence) {
        struct record *copy = arena_alloc(&told->arena, sizeof(*copy));
        if (!copy)
            return E_NOMEM;
        *copy = *record;
        copy->server = kept(told, record->server);
        copy->method = kept(told, record->method);
        copy->name = kept(told, record->name);
        copy->grant = kept(told, record->grant);
        copy->session = kept(told, record->session);
        copy->client = kept(told, record->client);
        copy->rule = kept(told, record->rule);
        copy->text = kept(told, record->text);
        copy->blob = STR_EMPTY;
        keep_debits(told, copy);
        told->call = record->call;
        told->decision = copy;
        return record->reason == REASON_allowed ? 0 : 1;
    }
    if (record->kind != RECORD_OUTCOME || memcmp(&record->call, &told->call, sizeof(told->call)) != 0)
        return 0;
    told->ended = true;
    told->outcome = record->outcome;
    told->outcome_reason = record->reason;
    told->micros = record->micros;
    told->given_back = record->given_back;
    return 1;
}

struct label {
    struct str id, text;
    char bytes[128];
};

static int see_label(void *arg, const struct store_row *row)
{
    struct label *label = arg;
    size_t len = row->label.len < sizeof(label->bytes) ? row->label.len : sizeof(label->bytes);
    memcpy(label->bytes, row->label.ptr, len);
    label->text = str_of(label->bytes, len);
    return 1;
}

static struct str label_of(struct told *told)
{
    struct label label = { .text = STR_EMPTY };
    struct store_query query = { .grant = told->decision->grant, .limit = 1 };
    uint64_t known;
    if (query.grant.len == 0 || store_query(told->data, &query, see_label, &label, &known) != 0)
        return STR_EMPTY;
    return kept(told, label.text);
}

/* The rule's JSON in the policy that was in force, or empty with a sentence in *why. */
static struct str rule_text(struct told *told, const char **why)
{
    const struct record *decision = told->decision;
    const struct json_limits limits = { LIMIT_policy_body, LIMIT_policy_members, LIMIT_json_depth };
    const struct json *root, *rule;
    struct json_error fault;
    struct buf policy, out;
    struct json_writer writer;
    struct str text = STR_EMPTY;
    *why = NULL;
    if (decision->rule.len == 0 || *decision->rule.ptr != '/')
        return STR_EMPTY; /* no rule of a policy */
    buf_init(&policy, LIMIT_policy_body);
    buf_init(&out, LIMIT_policy_body);
    json_write_init(&writer, &out);
    int error = store_policy(told->data, decision->server, &decision->revision, &policy);
    struct str source = kept(told, buf_str(&policy));
    if (error == 0)
        error = json_parse(&told->arena, source, &limits, &root, &fault);
    rule = error == 0 ? json_pointer(root, decision->rule) : NULL;
    if (error)
        *why = "the policy's text of that revision is not kept any more";
    else if (!rule)
        *why = "the policy says nothing at that place: the rule is the built-in one";
    if (rule) {
        json_write_node(&writer, rule);
        text = kept(told, buf_str(&out));
    }
    buf_release(&out);
    buf_release(&policy);
    return text;
}

/* Of a limit that is reached, what kind it is, by the rule's text. */
static struct str explanation(struct told *told, struct str rule)
{
    const struct json_limits limits = { LIMIT_policy_body, LIMIT_policy_members, LIMIT_json_depth };
    enum reason reason = told->decision->reason;
    const struct json *node;
    struct json_error fault;
    if (reason != REASON_rate_limited || rule.len == 0 || json_parse(&told->arena, rule, &limits, &node, &fault) != 0)
        return reason_row(reason)->text;
    const struct json *cost = json_get(node, STR("cost")), *scope = json_get(node, STR("scope"));
    bool by = json_is(scope, JSON_STRING) && str_starts_with(json_string(scope), STR("args"));
    struct str text = policy_limit_text(json_is(cost, JSON_STRING) ? json_string(cost) : STR_EMPTY,
                                        by ? json_string(scope) : STR_EMPTY, &told->arena);
    return text.ptr ? text : reason_row(reason)->text;
}

static void print_debits(const struct record *decision)
{
    for (size_t i = 0; i < decision->debit_count; i++) {
        const struct debit *debit = &decision->debits[i];
        char window[48], cost[48];
        window_phrase(&debit->key.window, window);
        amount_print(debit->cost, cost);
        printf("  limit     %s of ", cost);
        print_str(stdout, COLOUR_BOLD, debit->key.counter);
        printf(" %s%s", window, debit->key.scope_value.len > 0 ? " for " : "");
        print_str(stdout, COLOUR_NONE, debit->key.scope_value);
        printf("\n");
    }
}

static void print_line(const char *name, enum colour colour, struct str text)
{
    if (text.len == 0)
        return;
    printf("  %-9s ", name);
    print_str(stdout, colour, text);
    printf("\n");
}

static void print_rule(struct told *told)
{
    const char *why;
    struct str text = rule_text(told, &why);
    if (told->decision->reason != REASON_allowed)
        print_line("", COLOUR_NONE, explanation(told, text));
    print_line("rule", COLOUR_BOLD, told->decision->rule);
    if (text.len > RULE_SHOWN) {
        text = str_slice(text, 0, RULE_SHOWN);
        why = "and so on";
    }
    print_line("", COLOUR_NONE, text);
    if (why)
        print_line("", COLOUR_DIM, str_from_c(why));
}

static void print_told(struct told *told)
{
    const struct record *decision = told->decision;
    static const struct sha256 none;
    struct str label = label_of(told);
    bool allowed = decision->reason == REASON_allowed;
    char id[ID_TEXT_LEN + 1], when[32], revision[2 * SHA256_LEN];
    id_print(&decision->call, id);
    print_time(when, decision->at_ms);
    hex_encode(decision->revision.bytes, SHA256_LEN, revision);
    printf("%s  %s\n", id, when);
    print_line("asked", COLOUR_NONE, decision->method);
    print_line("server", COLOUR_NONE, decision->server);
    print_line("name", COLOUR_BOLD, decision->name);
    if (decision->class.known)
        print_line("class", COLOUR_NONE, class_word(decision->class.class));
    if (decision->class.overruled)
        print_line("", COLOUR_DIM, STR("the operator's word, by the configuration"));
    print_line("grant", COLOUR_NONE, decision->grant);
    print_line("label", COLOUR_NONE, label);
    print_line("client", COLOUR_NONE, decision->client);
    print_line("decision", allowed ? COLOUR_GREEN : COLOUR_RED, reason_row(decision->reason)->name);
    print_rule(told);
    if (memcmp(&none, &decision->revision, sizeof(none)) != 0)
        print_line("policy", COLOUR_DIM, str_of(revision, sizeof(revision)));
    print_debits(decision);
    if (told->ended) {
        printf("  outcome   %s, %s, after %" PRId64 ".%03" PRId64 " ms%s\n", outcome_name(told->outcome),
               reason_row(told->outcome_reason)->name.ptr, told->micros / 1000, told->micros % 1000,
               told->given_back ? "; what it took of its limits was given back" : "");
    } else if (allowed) {
        printf("  outcome   none is recorded yet\n");
    }
}

static void write_told(struct told *told)
{
    struct json_writer *writer = told->writer;
    struct str label = label_of(told);
    const char *why;
    json_write_object(writer);
    json_write_key(writer, STR("decision"));
    record_print_json(told->decision, told->sequence, writer);
    if (label.len > 0)
        json_write_member_string(writer, STR("label"), label);
    struct str rule = rule_text(told, &why);
    json_write_member_string(writer, STR("explanation"), explanation(told, rule));
    if (rule.len > 0) {
        json_write_key(writer, STR("rule"));
        json_write_raw(writer, rule);
    }
    if (told->ended) {
        json_write_member_string(writer, STR("outcome"), str_from_c(outcome_name(told->outcome)));
        json_write_member_string(writer, STR("outcome_reason"), reason_row(told->outcome_reason)->name);
        json_write_member_int(writer, STR("micros"), told->micros);
        json_write_member_bool(writer, STR("given_back"), told->given_back);
    }
    json_write_object_end(writer);
}

static int tell(const struct invocation *invocation, struct str data, uint64_t sequence)
{
    struct json_output output;
    struct told told = { .data = data, .sequence = sequence };
    int status = EXIT_YES;
    arena_init(&told.arena, NULL, (size_t)256 << 20);
    int error = store_read(data, sequence, 0, keep_record, &told);
    if (!told.decision) {
        status = error ? failure(invocation, "its record cannot be read: %s", error_text(error))
                       : failure(invocation, "its record is gone: retention dropped it");
    } else if (invocation->json) {
        told.writer = json_output_begin(&output);
        write_told(&told);
        status = json_output_end(&output) ? EXIT_YES : EXIT_NO;
    } else {
        print_told(&told);
    }
    arena_release(&told.arena);
    return status;
}

static int say_which(const struct invocation *invocation, const struct search *search)
{
    size_t shown = search->count < CANDIDATES_MAX ? search->count : CANDIDATES_MAX;
    int status =
        failure(invocation, "%s%zu calls have an id that ends so:", search->count > shown ? "more than " : "", shown);
    for (size_t i = 0; i < shown; i++)
        fprintf(stderr, "  %s\n", search->found[i].id);
    return status;
}

static bool read_ending(const char *text, char out[2 * sizeof(struct id) + 1])
{
    size_t len = 0;
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;
        if (c == '-')
            continue;
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || len == 2 * sizeof(struct id))
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return len > 0;
}

static int why(const struct invocation *invocation)
{
    char ending[2 * sizeof(struct id) + 1];
    struct search search = { .count = 0 };
    struct question_to ask;
    uint64_t known = 0;
    if (!read_ending(invocation->arguments[0], ending))
        return usage_error(invocation, "an id is hexadecimal digits and dashes, not %s", invocation->arguments[0]);
    search.ending = str_from_c(ending);
    int status = ask_begin(invocation, "status", &ask);
    if (status) {
        ask_release(&ask);
        return status;
    }
    struct store_query query = { .call = search.ending, .kind = STR("decision"), .limit = CANDIDATES_MAX + 1 };
    rows_refresh(ask.data);
    int error = store_query(ask.data, &query, see_row, &search, &known);
    if (error == 0 || error == E_NOT_FOUND)
        error = store_read(ask.data, known + 1, 0, see_record, &search);
    if (error)
        status = rows_failed(invocation, ask.data, error);
    else if (search.count == 0)
        status = failure(invocation,
                         "no call that is recorded has an id that ends in %s. Equal denials in a flood are "
                         "recorded as one, with their count; what retention took away is gone",
                         ending);
    else if (search.count > 1)
        status = say_which(invocation, &search);
    else
        status = tell(invocation, ask.data, search.found[0].sequence);
    ask_release(&ask);
    return status;
}

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };

const struct command command_why = {
    .summary = "Explains one call: who, which rule, how it ended",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .options = options,
    .json = true,
    .help = "ID is what a denied client was told (\"id\" in its answer), or any ending of it that is unique. The rule "
            "is shown\n"
            "as the policy had it then.\n\n"
            "  warder why 3f9a2c\n",
    .run = why,
};
