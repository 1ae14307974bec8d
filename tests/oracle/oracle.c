/* The real decision and the real counters behind a pipe, for the oracle: a case a line in, its answers a line out.
 * Reads and writes nothing else, and takes its time from the case. */
#include "base/arena.h"
#include "base/check.h"
#include "base/encode.h"
#include "json/json.h"
#include "json/writer.h"
#include "model/counters.h"
#include "policy/decide.h"
#include "policy/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVERS_MAX = 8, GRANTS_MAX = 16, STEPS_MAX = 256, TAGS_MAX = 16, DEBITS_MAX = 1024 };
#define CASE_BYTES   ((size_t)64 << 20)
#define AMOUNT_TEXT  48

static const struct json_limits case_limits = { .bytes = CASE_BYTES, .members = 1000000, .depth = 64 };

struct taking { /* what an allowed call took */
    struct debit       *debits;
    struct reservation *taken;
    size_t              count;
};

struct trial { /* one case */
    struct arena        arena;
    struct json_writer  out;
    struct server       servers[SERVERS_MAX];
    struct policy      *policies[SERVERS_MAX];
    struct definitions *definitions[SERVERS_MAX];
    struct grant        grants[GRANTS_MAX];
    const struct grant *ancestors[GRANTS_MAX][GRANTS_MAX];
    size_t              ancestor_counts[GRANTS_MAX];
    struct counters    *counters;
    const struct json  *zones; /* name -> table, in base64 */
    struct taking       takings[STEPS_MAX];
};

static struct str text_of(const struct json *object, const char *key)
{
    const struct json *node = json_get(object, str_from_c(key));
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

static int64_t number_of(const struct json *object, const char *key)
{
    int64_t number;
    CHECK(json_int64(json_get(object, str_from_c(key)), &number));
    return number;
}

static size_t index_of(const struct json *object, const char *key, size_t most)
{
    int64_t number = number_of(object, key);
    CHECK(number >= 0 && (uint64_t)number < most);
    return (size_t)number;
}

static bool flag_of(const struct json *object, const char *key)
{
    const struct json *node = json_get(object, str_from_c(key));
    return json_is(node, JSON_BOOL) && json_bool(node);
}

static const struct json *parsed(struct arena *arena, struct str source, const struct json_limits *limits)
{
    const struct json *root;
    struct json_error error;
    int rc = json_parse(arena, source, limits, &root, &error);
    if (rc != 0)
        fprintf(stderr, "oracle: %s at %zu of %" STR_FMT "\n", json_fault_text(error.fault), error.offset,
                STR_ARG(str_slice(source, 0, 2000)));
    AZ(rc);
    return root;
}

/* Time zones stand in the case: nothing is read from this machine. */
static int read_zone(void *arg, struct str name, struct arena *arena, struct str *out)
{
    const struct trial *trial = arg;
    struct str text = text_of(trial->zones, arena_str(arena, name).ptr);
    char *bytes = arena_alloc(arena, text.len + 1);
    if (bytes == NULL)
        return E_NOMEM;
    *out = str_of(bytes, 0);
    return text.len == 0 ? E_NOT_FOUND : base64_decode(text, bytes, text.len, &out->len);
}

/* What a server lists: names of tools are enough. */
static struct definitions *read_tools(const struct json *names)
{
    size_t dropped;
    struct definitions *definitions = definitions_new((size_t)1 << 20);
    AN(definitions);
    definitions->tools = arena_zalloc(&definitions->arena, (json_count(names) + 1) * sizeof *definitions->tools);
    AN(definitions->tools);
    for (size_t i = 0; i < json_count(names); i++)
        definitions->tools[i].name = arena_str(&definitions->arena, json_string(json_at(names, i)));
    definitions->tool_count = json_count(names);
    AZ(definitions_index(definitions, &dropped));
    return definitions;
}

/* False: its policy does not load, which was answered. */
static bool read_server(struct trial *trial, size_t i, const struct json *node)
{
    CHECK(i < SERVERS_MAX);
    trial->servers[i] = (struct server){ .name = text_of(node, "name"), .exact_numbers = flag_of(node, "exact") };
    trial->definitions[i] = read_tools(json_get(node, STR("tools")));
    if (!json_is(json_get(node, STR("policy")), JSON_STRING))
        return true;
    struct problems problems = { 0 };
    struct zones zones = { .read = read_zone, .arg = trial };
    if (policy_load_with(text_of(node, "policy"), &zones, &trial->arena, &problems, &trial->policies[i]) == 0)
        return true;
    json_write_object(&trial->out);
    json_write_key(&trial->out, STR("refused"));
    json_write_object(&trial->out);
    for (size_t p = 0; p < problems.count; p++)
        if (!problems.items[p].warning)
            json_write_member_string(&trial->out, problems.items[p].pointer, problems.items[p].text);
    json_write_object_end(&trial->out);
    json_write_object_end(&trial->out);
    return false;
}

static void read_grant(struct trial *trial, size_t i, const struct json *node)
{
    CHECK(i < GRANTS_MAX);
    const struct json *tags = json_get(node, STR("tags"));
    struct str *words = arena_alloc(&trial->arena, (json_count(tags) + 1) * sizeof *words);
    AN(words);
    for (size_t t = 0; t < json_count(tags); t++)
        words[t] = json_string(json_at(tags, t));
    trial->grants[i] = (struct grant){ .id = text_of(node, "id"), .label = text_of(node, "label"), .tags = words,
                                       .tag_count = json_count(tags) };
    if (!json_is(json_get(node, STR("parent")), JSON_NUMBER))
        return;
    size_t parent = index_of(node, "parent", i); /* stands before its children */
    trial->ancestors[i][0] = &trial->grants[parent];
    memcpy(&trial->ancestors[i][1], trial->ancestors[parent],
           trial->ancestor_counts[parent] * sizeof trial->ancestors[i][0]);
    trial->ancestor_counts[i] = trial->ancestor_counts[parent] + 1;
}

static void write_amount(struct json_writer *out, const char *key, amount value)
{
    char text[AMOUNT_TEXT];
    amount_print(value, text);
    json_write_member_string(out, str_from_c(key), str_from_c(text));
}

static void write_time(struct json_writer *out, const char *key, int64_t ms)
{
    json_write_key(out, str_from_c(key));
    if (ms == INT64_MAX)
        json_write_null(out);
    else
        json_write_int(out, ms);
}

static void reserve(struct trial *trial, struct taking *taking, const struct decision *decision, int64_t now_ms)
{
    struct over over;
    CHECK(decision->debit_count <= DEBITS_MAX);
    *taking = (struct taking){ .debits = decision->debits };
    taking->taken = arena_alloc(&trial->arena, (decision->debit_count + 1) * sizeof *taking->taken);
    AN(taking->taken);
    if (counters_reserve(trial->counters, decision->debits, decision->debit_count, now_ms, taking->taken, &over) == 0) {
        taking->count = decision->debit_count;
        return;
    }
    json_write_key(&trial->out, STR("over"));
    json_write_object(&trial->out);
    json_write_member_string(&trial->out, STR("rule"), decision->debits[over.debit].rule);
    json_write_member_bool(&trial->out, STR("concurrent"),
                           decision->debits[over.debit].key.window.kind == WINDOW_CONCURRENT);
    json_write_member_bool(&trial->out, STR("full"), over.full);
    json_write_member_bool(&trial->out, STR("told"), /* to the agent, in figures */
                           decision->debits[over.debit].counts_calls && decision->debits[over.debit].hints);
    json_write_member_string(&trial->out, STR("message"), decision->debits[over.debit].message);
    write_amount(&trial->out, "used", over.used);
    write_amount(&trial->out, "max", decision->debits[over.debit].max);
    write_time(&trial->out, "resets", over.resets_ms);
    json_write_object_end(&trial->out);
}

static enum subject subject_of(struct str kind)
{
    return str_eq(kind, STR("resource")) ? SUBJECT_RESOURCE
         : str_eq(kind, STR("prompt"))   ? SUBJECT_PROMPT
         : str_eq(kind, STR("method"))   ? SUBJECT_METHOD
                                         : SUBJECT_TOOL;
}

static enum pin_state pin_of(struct str word)
{
    return str_eq(word, STR("never")) ? PIN_NEVER : str_eq(word, STR("changed")) ? PIN_CHANGED : PIN_ACCEPTED;
}

/* Without a word: unknown. */
static struct pinned_class class_of(struct str word)
{
    struct pinned_class class = { .known = false };
    class.known = class_of_word(word, &class.class);
    return class;
}

static void call(struct trial *trial, struct taking *taking, const struct json *step)
{
    static const char *const verdicts[] = { "allow", "deny", "hide", "approve" };
    struct str kind = text_of(step, "kind");
    size_t server = index_of(step, "server", SERVERS_MAX), grant = index_of(step, "grant", GRANTS_MAX);
    struct tool tool = { .name = text_of(step, "name") };
    const struct json *args = json_get(step, STR("args"));
    struct question question = {
        .subject = subject_of(kind),
        .server = &trial->servers[server],
        .name = tool.name,
        .tool = flag_of(step, "known") ? &tool : NULL,
        .grant = &trial->grants[grant],
        .ancestors = trial->ancestors[grant],
        .ancestor_count = trial->ancestor_counts[grant],
        .definitions = trial->definitions[server],
        .pin = pin_of(text_of(step, "pin")),
        .class = class_of(text_of(step, "class")),
        .frozen = flag_of(step, "frozen"),
        .session = text_of(step, "session"),
        .client = text_of(step, "client"),
        .now_ms = number_of(step, "now"),
    };
    question.args_absent = !json_is(args, JSON_STRING) && !flag_of(step, "listed");
    if (json_is(args, JSON_STRING))
        question.args = parsed(&trial->arena, json_string(args), &json_limits_request);
    struct decision decision;
    policy_decide(trial->policies[server], &question, &trial->arena, NULL, &decision);
    json_write_member_string(&trial->out, STR("verdict"), str_from_c(verdicts[decision.verdict]));
    json_write_member_string(&trial->out, STR("reason"), reason_row(decision.reason)->name);
    json_write_member_string(&trial->out, STR("rule"), decision.rule);
    json_write_member_string(&trial->out, STR("message"), decision.message);
    json_write_member_int(&trial->out, STR("timeout"), decision.timeout_ms);
    json_write_member_bool(&trial->out, STR("listed"), decision_is_listed(&decision));
    if (decision.verdict == VERDICT_ALLOW)
        reserve(trial, taking, &decision, question.now_ms);
}

static int replay(void *arg, const struct counter_key *key, amount used, int64_t window_ms)
{
    return counters_replay(arg, key, used, window_ms);
}

/* As a start reads the counters back from a checkpoint: what is in flight is not in it. */
static void restart(struct trial *trial)
{
    struct counters *again;
    AZ(counters_new(&again));
    AZ(counters_each(trial->counters, replay, again));
    counters_expire(again, counters_floor_ms(trial->counters));
    counters_free(trial->counters);
    trial->counters = again;
    memset(trial->takings, 0, sizeof trial->takings);
}

static void end_call(struct trial *trial, struct str action, struct taking *earlier)
{
    if (str_eq(action, STR("reset"))) {
        for (size_t i = 0; i < earlier->count; i++)
            counters_reset(trial->counters, &earlier->debits[i].key);
        return;
    }
    if (str_eq(action, STR("release")))
        counters_release(trial->counters, earlier->debits, earlier->count);
    else
        counters_give_back(trial->counters, earlier->debits, earlier->count, earlier->taken);
    earlier->count = 0; /* once */
}

static void run_step(struct trial *trial, size_t i, const struct json *step)
{
    CHECK(i < STEPS_MAX);
    struct str action = text_of(step, "do");
    json_write_object(&trial->out);
    if (str_eq(action, STR("call")))
        call(trial, &trial->takings[i], step);
    else if (str_eq(action, STR("expire")))
        counters_expire(trial->counters, number_of(step, "now"));
    else if (str_eq(action, STR("restart")))
        restart(trial);
    else
        end_call(trial, action, &trial->takings[index_of(step, "call", i)]);
    json_write_object_end(&trial->out);
}

static int write_view(void *arg, const struct counter_view *view)
{
    static const char *const scopes[] = { "grant", "session", "server", "global", "args" };
    struct json_writer *out = arg;
    json_write_object(out);
    json_write_member_string(out, STR("scope"), str_from_c(scopes[view->key.scope]));
    if (view->key.scope != SCOPE_ARGS) /* whose bytes are the counters' own affair */
        json_write_member_string(out, STR("value"), view->key.scope_value);
    json_write_member_string(out, STR("server"), view->key.server);
    json_write_member_string(out, STR("counter"), view->key.counter);
    write_amount(out, "used", view->used);
    write_time(out, "resets", view->resets_ms);
    json_write_object_end(out);
    return 0;
}

static bool read_case(struct trial *trial, const struct json *root)
{
    struct json_iter iter;
    struct str key;
    const struct json *node;
    trial->zones = json_get(root, STR("zones"));
    json_iter_init(&iter, json_get(root, STR("servers")));
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++)
        if (!read_server(trial, i, node))
            return false;
    json_iter_init(&iter, json_get(root, STR("grants")));
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++)
        read_grant(trial, i, node);
    return true;
}

static void run_steps(struct trial *trial, const struct json *root)
{
    struct json_iter iter;
    struct str key;
    const struct json *node;
    json_write_object(&trial->out);
    json_write_key(&trial->out, STR("steps"));
    json_write_array(&trial->out);
    json_iter_init(&iter, json_get(root, STR("steps")));
    for (size_t i = 0; json_iter_next(&iter, &key, &node); i++)
        run_step(trial, i, node);
    json_write_array_end(&trial->out);
    json_write_key(&trial->out, STR("counters"));
    json_write_array(&trial->out);
    AZ(counters_view(trial->counters, number_of(root, "end"), write_view, &trial->out));
    json_write_array_end(&trial->out);
    json_write_object_end(&trial->out);
}

static void run_case(struct str line, struct buf *answer)
{
    static struct trial trial; /* one at a time */
    trial = (struct trial){ 0 };
    arena_init(&trial.arena, NULL, CASE_BYTES * 4);
    AZ(counters_new(&trial.counters));
    json_write_init(&trial.out, answer);
    const struct json *root = parsed(&trial.arena, line, &case_limits);
    if (read_case(&trial, root))
        run_steps(&trial, root);
    counters_free(trial.counters);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        policy_unref(trial.policies[i]);
        definitions_unref(trial.definitions[i]);
    }
    arena_release(&trial.arena);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    struct buf answer;
    buf_init(&answer, CASE_BYTES);
    while ((length = getline(&line, &room, stdin)) > 0) {
        buf_reset(&answer);
        run_case(str_of(line, (size_t)length), &answer);
        buf_append_byte(&answer, '\n');
        CHECK(buf_ok(&answer));
        CHECK(fwrite(answer.ptr, 1, answer.len, stdout) == answer.len);
        CHECK(fflush(stdout) == 0);
    }
    buf_release(&answer);
    free(line); /* NOLINT: getline's */
    return 0;
}
