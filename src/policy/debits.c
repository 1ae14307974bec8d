/* Limits become debits: the counter's identity, whose it is, and the cost. */
#include "policy/debits.h"

#include "base/check.h"
#include "policy/decide.h"
#include "policy/trace.h"

struct maker {
    const struct question *question;
    struct arena *arena;
    struct trace *trace;
    struct decision *out;
    struct debits_problem *problem;
    struct str *grants; /* ids that outlive the look-up: the grant's, and its ancestors' */
    size_t grant_count;
    bool hints;
};

static struct str joined(struct arena *arena, struct str first, struct str second)
{
    char *text = arena_alloc(arena, first.len + second.len);
    if (text == NULL)
        return (struct str){ NULL, 0 };
    if (first.len > 0)
        memcpy(text, first.ptr, first.len);
    if (second.len > 0)
        memcpy(text + first.len, second.ptr, second.len);
    return str_of(text, first.len + second.len);
}

static int cannot_count(struct maker *maker, const struct limit *limit, const struct path *path, const char *what)
{
    struct str message =
        arena_printf(maker->arena, "%" STR_FMT " cannot be counted: it is %s.", STR_ARG(path->text), what);
    *maker->problem = (struct debits_problem){ limit->pointer, message.ptr != NULL ? message : STR_EMPTY };
    trace_step(maker->trace, 0, TRACE_STOP, limit->pointer, "%" STR_FMT " cannot be counted: it is %s",
               STR_ARG(path->text), what);
    return E_INVALID;
}

/* The value at a path of single steps; what goes through a value of another kind is missing. */
static struct value value_at(const struct question *question, const struct path *path)
{
    struct value value = path_root_value(path, question, NULL); /* of args */
    for (size_t i = 0; i < path->count; i++)
        if (!path_step_take(&path->steps[i], &value))
            return (struct value){ .kind = ARG_MISSING };
    return value;
}

/* One form a value: strings in quotes, numbers by their value, true and false. */
static int value_text(struct maker *maker, const struct limit *limit, struct str *out)
{
    struct value value = value_at(maker->question, &limit->by);
    struct decimal number;
    switch (value.kind) {
    case ARG_STRING: *out = joined(maker->arena, STR("\""), value.text); break;
    case ARG_BOOL: *out = value.boolean ? STR("true") : STR("false"); break;
    case ARG_NUMBER:
        if (decimal_parse(value.text, &number) != 0)
            return cannot_count(maker, limit, &limit->by, "a number with an exponent beyond 400");
        *out = decimal_text(&number, maker->arena);
        break;
    default: return cannot_count(maker, limit, &limit->by, arg_kind_text(value.kind));
    }
    if (value.kind == ARG_STRING && out->ptr != NULL)
        *out = joined(maker->arena, *out, STR("\""));
    return out->ptr != NULL ? 0 : E_NOMEM;
}

static int cost_of(struct maker *maker, const struct limit *limit, amount *out)
{
    struct decimal number;
    *out = AMOUNT_ONE;
    if (!limit->has_cost)
        return 0;
    struct value value = value_at(maker->question, &limit->cost);
    if (value.kind != ARG_NUMBER)
        return cannot_count(maker, limit, &limit->cost, arg_kind_text(value.kind));
    if (decimal_parse(value.text, &number) != 0 || amount_from_decimal(&number, out) != 0)
        return cannot_count(maker, limit, &limit->cost,
                            "not above 0 with at most 38 digits, 9 of them behind the point");
    return 0;
}

/* Who is counted. Without a session the grant is, as a grant. */
static enum scope_kind scope_of(const struct maker *maker, const struct limit *limit)
{
    bool no_session = limit->scope == SCOPE_SESSION && maker->question->session.len == 0;
    return no_session ? SCOPE_GRANT : limit->scope;
}

static int key_of(struct maker *maker, const struct limit *limit, struct counter_key *out)
{
    const struct question *question = maker->question;
    *out = (struct counter_key){ .scope = scope_of(maker, limit),
                                 .scope_value = STR_EMPTY,
                                 .server = question->server->name,
                                 .counter = limit->counter,
                                 .window = limit->window };
    if (limit->naming != NAMED_BY_POLICY)
        out->counter =
            joined(maker->arena, question->name, limit->naming == NAMED_TOOL_RATE ? STR("_rate") : STR_EMPTY);
    if (out->counter.ptr == NULL)
        return E_NOMEM;
    switch (out->scope) {
    case SCOPE_GRANT: out->scope_value = maker->grants[0]; return 0;
    case SCOPE_SESSION: out->scope_value = question->session; return 0;
    case SCOPE_SERVER: out->scope_value = question->server->name; return 0;
    case SCOPE_GLOBAL: out->server = STR_EMPTY; return 0;
    case SCOPE_ARGS: return value_text(maker, limit, &out->scope_value);
    }
    WRONG("a scope that does not exist");
}

static void trace_debit(struct maker *maker, const struct limit *limit, const struct debit *debit)
{
    char max[48], cost[48], window[48];
    struct str of = debit->max == AMOUNT_ONE ? STR("call") : STR("calls"), by = STR_EMPTY;
    if (maker->trace == NULL)
        return;
    amount_print(debit->max, max);
    amount_print(debit->cost, cost);
    window_phrase(&debit->key.window, window);
    if (limit->has_cost)
        of = limit->cost.text;
    if (limit->scope == SCOPE_ARGS)
        by = limit->by.text;
    if (limit->naming == NAMED_TOOL)
        trace_step(maker->trace, 0, TRACE_DEBIT, limit->pointer, "at most %s %s", max, window);
    else
        trace_step(maker->trace, 0, TRACE_DEBIT, limit->pointer,
                   "counter \"%" STR_FMT "\": at most %s %s%" STR_FMT " %s%s%" STR_FMT "%s%s",
                   STR_ARG(debit->key.counter), max, limit->has_cost ? "of " : "", STR_ARG(of), window,
                   by.len > 0 ? " for each " : "", STR_ARG(by), limit->has_cost ? "; this call takes " : "",
                   limit->has_cost ? cost : "");
}

/* One debit, and where the grant is counted one for each of its ancestors. */
static int add(struct maker *maker, const struct limit *limit)
{
    struct debit *debit = &maker->out->debits[maker->out->debit_count];
    debit->max = limit->max;
    debit->rule = limit->pointer;
    debit->message = limit->on_deny;
    debit->counts_calls = !limit->has_cost;
    debit->hints = maker->hints;
    int error = key_of(maker, limit, &debit->key);
    if (error == 0)
        error = cost_of(maker, limit, &debit->cost);
    if (error < 0)
        return error;
    trace_debit(maker, limit, debit);
    size_t owners = debit->key.scope == SCOPE_GRANT ? maker->grant_count : 1;
    for (size_t i = 1; i < owners; i++) {
        debit[i] = *debit;
        debit[i].key.scope_value = maker->grants[i];
    }
    maker->out->debit_count += owners;
    return 0;
}

/* A grant's record may be replaced while the call waits for its server: the ids are copied. */
static int copy_grants(struct maker *maker)
{
    const struct question *question = maker->question;
    maker->grant_count = 1 + question->ancestor_count;
    maker->grants = arena_alloc(maker->arena, maker->grant_count * sizeof *maker->grants);
    if (maker->grants == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < maker->grant_count; i++) {
        const struct grant *grant = i == 0 ? question->grant : question->ancestors[i - 1];
        maker->grants[i] = arena_str(maker->arena, grant->id);
        if (maker->grants[i].ptr == NULL)
            return E_NOMEM;
    }
    return 0;
}

int debits_make(const struct policy *policy, const struct question *question, const struct checks *const *lists,
                size_t count, struct arena *arena, struct trace *trace, struct decision *out,
                struct debits_problem *problem)
{
    struct maker maker = {
        .question = question, .arena = arena, .trace = trace, .out = out, .problem = problem, .hints = policy->hints
    };
    size_t limits = 0;
    for (size_t i = 0; i < count; i++)
        limits += lists[i] != NULL ? lists[i]->limit_count : 0;
    if (limits == 0)
        return 0;
    int error = copy_grants(&maker);
    out->debits = arena_alloc(arena, limits * maker.grant_count * sizeof *out->debits);
    if (out->debits == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < count && error == 0; i++)
        for (size_t j = 0; lists[i] != NULL && j < lists[i]->limit_count && error == 0; j++)
            error = add(&maker, &lists[i]->limits[j]);
    return error;
}

struct search { /* for the limits of a counter */
    const struct counter_key *key;
    struct str tool;           /* whose counter it is, where it is named after one */
    const struct limit *least; /* NULL: none names it */
};

static void search_checks(struct search *search, const struct checks *checks, bool by_name)
{
    const struct counter_key *key = search->key;
    for (size_t i = 0; i < checks->limit_count; i++) {
        const struct limit *limit = &checks->limits[i];
        bool named = limit->naming == NAMED_BY_POLICY ? by_name && str_eq(limit->counter, key->counter)
                     : limit->naming == NAMED_TOOL    ? key->window.kind == WINDOW_CONCURRENT
                                                      : search->tool.len > 0;
        bool scoped = limit->scope == key->scope || (limit->scope == SCOPE_SESSION && key->scope == SCOPE_GRANT);
        bool windowed = limit->window.kind == key->window.kind && limit->window.seconds == key->window.seconds &&
                        limit->window.algorithm == key->window.algorithm;
        if (named && scoped && windowed && (search->least == NULL || limit->max < search->least->max))
            search->least = limit;
    }
}

struct str policy_limit_tool(const struct counter_key *key)
{
    static const struct str suffix = STR("_rate");
    if (key->window.kind == WINDOW_CONCURRENT)
        return key->counter;
    return str_ends_with(key->counter, suffix) ? str_slice(key->counter, 0, key->counter.len - suffix.len) : STR_EMPTY;
}

bool policy_limit_of(const struct policy *policy, const struct counter_key *key, const struct pinned_class *class,
                     struct policy_limit *out)
{
    struct search search = { .key = key, .tool = STR_EMPTY };
    const struct map_entry *entry;
    CHECK_OBJ(policy, POLICY_MAGIC);
    search_checks(&search, &policy->all_tools, true);
    for (size_t at = 0; (entry = map_next(&policy->tools.exact, &at)) != NULL;) {
        const struct rule *rule = ((const struct selector *)entry->value)->value;
        if (key->window.kind != WINDOW_CONCURRENT)
            search_checks(&search, &rule->checks, true);
    }
    for (size_t i = 0; key->window.kind != WINDOW_CONCURRENT && i < policy->tools.count; i++) {
        const struct rule *rule = policy->tools.patterns[i]->value;
        search_checks(&search, &rule->checks, true);
    }
    for (size_t i = 0; key->window.kind != WINDOW_CONCURRENT && i < CLASS_COUNT; i++)
        if (policy->tools.classes[i] != NULL)
            search_checks(&search, &((const struct rule *)policy->tools.classes[i]->value)->checks, true);
    struct selection selection = { .count = 0 };
    search.tool = policy_limit_tool(key);
    if (search.tool.len > 0)
        selectors_select(&policy->tools, search.tool, class, &selection);
    for (size_t i = 0; i < selection.count; i++)
        search_checks(&search, &((const struct rule *)selection.items[i]->value)->checks, false);
    const struct limit *least = search.least;
    if (least == NULL)
        return false;
    *out = (struct policy_limit){ .max = least->max,
                                  .by = least->scope == SCOPE_ARGS ? least->by.text : STR_EMPTY,
                                  .cost = least->has_cost ? least->cost.text : STR_EMPTY };
    return true;
}
