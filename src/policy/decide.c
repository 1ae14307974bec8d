/* The decision: steps in their order, each of which may end it. */
#include "policy/decide.h"

#include "base/check.h"
#include "base/encode.h"
#include "json/json.h"
#include "policy/compiled.h"
#include "policy/debits.h"
#include "policy/trace.h"

#include <string.h>

struct run {
    const struct policy *policy;
    const struct question *question;
    struct arena *arena;
    struct trace *trace;
    struct decision *out;
    bool list;                                 /* no arguments: a list is filtered */
    const struct rule *rules[1 + CLASS_COUNT]; /* the selected ones, all of which must let it pass */
    size_t rule_count;                         /* 0: `default` speaks */
    struct str rule_pointer;                   /* of the first */
};

bool decision_is_listed(const struct decision *decision)
{
    return decision->verdict == VERDICT_ALLOW || decision->verdict == VERDICT_APPROVE ||
           (decision->verdict == VERDICT_DENY && decision->reason == REASON_denied);
}

/* The one way to end a decision with no. `message` empty: the reason's own text. True, for the steps to return. */
static bool end(struct run *run, enum verdict verdict, enum reason reason, struct str rule, struct str message)
{
    struct decision *out = run->out;
    out->verdict = verdict;
    out->reason = reason;
    out->rule = rule;
    out->message = message.len > 0 ? message : reason_row(reason)->text;
    out->debits = NULL;
    out->debit_count = 0;
    return true;
}

static bool end_without_memory(struct run *run)
{
    return end(run, VERDICT_DENY, REASON_internal, STR("(internal)"), STR_EMPTY);
}

static bool step_frozen(struct run *run)
{
    if (!run->question->frozen || run->list)
        return false;
    trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "calls are frozen");
    return end(run, VERDICT_DENY, REASON_frozen, STR("(frozen)"), STR_EMPTY);
}

static const char *selected_by(const struct run *run, const struct selector *selector)
{
    if (!selector_is_class(selector->text))
        return selector->exact ? "its name" : "a pattern";
    return run->question->class.known ? "its class" : "a class, for its own is not known";
}

static bool step_name(struct run *run)
{
    const struct question *question = run->question;
    if (question->tool == NULL || question->pin == PIN_NEVER) {
        trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "the server has no accepted tool of this name");
        return end(run, VERDICT_HIDE, REASON_unknown_tool, STR("(unknown)"), STR_EMPTY);
    }
    struct selection hidden;
    selectors_select(&run->policy->hide, question->name, &question->class, &hidden);
    if (hidden.count == 0) {
        trace_step(run->trace, 0, TRACE_PASS, STR_EMPTY, "the tool is known and not hidden");
        return false;
    }
    trace_step(run->trace, 0, TRACE_STOP, hidden.items[0]->pointer, "hidden by %s", selected_by(run, hidden.items[0]));
    return end(run, VERDICT_HIDE, REASON_unknown_tool, hidden.items[0]->pointer, STR_EMPTY);
}

static bool step_select(struct run *run)
{
    struct selection selection;
    selectors_select(&run->policy->tools, run->question->name, &run->question->class, &selection);
    for (size_t i = 0; i < selection.count; i++) {
        const struct rule *rule = selection.items[i]->value;
        run->rules[run->rule_count++] = rule;
        trace_step(run->trace, 0, TRACE_PASS, rule->pointer, "selected by %s", selected_by(run, selection.items[i]));
    }
    run->rule_pointer = selection.count > 0 ? run->rules[0]->pointer : STR("/default");
    if (selection.count > 0 && !selection.open)
        return false;
    const char *why = selection.open ? "not every class is selected" : "nothing selects it";
    bool allows = run->policy->allow_default;
    trace_step(run->trace, 0, allows ? TRACE_PASS : TRACE_STOP, STR("/default"), "%s, and the default %s", why,
               allows ? "allows" : "denies");
    return allows ? false : end(run, VERDICT_DENY, REASON_default_deny, STR("/default"), STR_EMPTY);
}

static bool changed(struct run *run)
{
    if (run->question->pin != PIN_CHANGED)
        return false;
    trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "the definition is not the one that was accepted");
    return end(run, VERDICT_DENY, REASON_pin_changed, STR("(pin)"), STR_EMPTY);
}

/* A changed definition is not shown, even where calls are denied anyway. */
static bool step_list_pin(struct run *run)
{
    return run->list && changed(run);
}

static bool step_action(struct run *run)
{
    for (size_t i = 0; i < run->rule_count; i++) {
        const struct rule *rule = run->rules[i];
        if (rule->action == ACTION_ALLOW)
            continue;
        trace_step(run->trace, 0, TRACE_STOP, rule->pointer, "the action is to deny");
        return end(run, VERDICT_DENY, REASON_denied, rule->pointer, rule->reason);
    }
    return false;
}

static bool has_checks(const struct checks *checks)
{
    return checks->require_count + checks->deny_if_count + checks->limit_count > 0;
}

static enum outlook outlook_of(const struct run *run)
{
    const struct checks *all = &run->policy->all_tools;
    bool denied = checks_always_deny(all), limited = has_checks(all);
    for (size_t i = 0; i < run->rule_count; i++) {
        denied |= rule_always_denies(run->rules[i]);
        limited |= has_checks(&run->rules[i]->checks);
    }
    return denied ? OUTLOOK_DENIED : limited ? OUTLOOK_LIMITED : OUTLOOK_ALLOWED;
}

/* Where a list is filtered there is nothing more to ask. */
static bool step_pin(struct run *run)
{
    if (changed(run))
        return true;
    trace_step(run->trace, 0, TRACE_PASS, STR_EMPTY, "the definition is the one that was accepted");
    if (!run->list)
        return false;
    run->out->rule = run->rule_pointer;
    run->out->outlook = outlook_of(run);
    return true;
}

/* The first number that a double cannot carry; NULL: none. The recursion is as deep as JSON may be. */
static const struct json *odd_number(const struct json *node)
{
    enum json_kind kind = node != NULL ? json_kind(node) : JSON_NULL;
    if (kind == JSON_NUMBER)
        return decimal_fits_double(json_number(node)) ? NULL : node;
    if (kind != JSON_ARRAY && kind != JSON_OBJECT)
        return NULL;
    struct json_iter iter;
    struct str key;
    const struct json *value, *found = NULL;
    json_iter_init(&iter, node);
    while (found == NULL && json_iter_next(&iter, &key, &value))
        found = odd_number(value);
    return found;
}

static bool step_numbers(struct run *run)
{
    const struct question *question = run->question;
    if (!question->args_absent && !json_is(question->args, JSON_OBJECT)) {
        trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "the arguments are no object");
        return end(run, VERDICT_DENY, REASON_invalid_arguments, STR("(arguments)"), STR_EMPTY);
    }
    const struct json *odd = question->server->exact_numbers ? NULL : odd_number(question->args);
    if (odd == NULL)
        return false;
    struct str digits = json_number(odd);
    run->out->detail = arena_printf(run->arena, "%" STR_FMT " is another number as a double",
                                    STR_ARG(str_slice(digits, 0, digits.len < 64 ? digits.len : 64)));
    if (run->out->detail.ptr == NULL)
        return end_without_memory(run);
    trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "%" STR_FMT, STR_ARG(run->out->detail));
    return end(run, VERDICT_DENY, REASON_invalid_arguments, STR("(arguments)"),
               STR("A number in the arguments has more digits than every server reads alike."));
}

/* What the agent reads when the policy has no words of its own: why the arguments cannot be judged, not against what.
 */
static struct str unusable_message(struct run *run, const struct evaluation *evaluation)
{
    const struct blame *blame = &evaluation->unusable;
    if (blame->test == NULL || blame->test->path.root != ROOT_ARGS)
        return STR_EMPTY;
    return arena_printf(run->arena, "%" STR_FMT " cannot be judged: %s%s.", STR_ARG(blame->test->path.text),
                        blame->told ? "" : "it is ", blame->told ? blame->why : arg_kind_text(blame->value.kind));
}

static bool end_by_entry(struct run *run, const struct evaluation *evaluation, const struct entry *entry,
                         enum reason reason, enum answer answer)
{
    const struct blame *blame = answer == ANSWER_UNUSABLE ? &evaluation->unusable : &evaluation->last;
    struct str message = entry->on_deny;
    if (message.len == 0 && answer == ANSWER_UNUSABLE)
        message = unusable_message(run, evaluation);
    run->out->detail = blame_text(blame, run->arena);
    return end(run, VERDICT_DENY, reason, entry->pointer, message.ptr != NULL ? message : STR_EMPTY);
}

static bool entries_deny(struct run *run, struct evaluation *evaluation, const struct entry *entries, size_t count,
                         bool require)
{
    static const enum trace_answer traced[] = { TRACE_FALSE, TRACE_UNUSABLE, TRACE_TRUE };
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];
        size_t before = run->trace != NULL ? run->trace->count : 0;
        trace_step(run->trace, 0, TRACE_PASS, entry->pointer, "%s", require ? "must hold" : "denies if it holds");
        enum answer answer = conditions_hold(evaluation, entry->conditions, entry->count, 1);
        bool denies = require ? answer != ANSWER_TRUE : answer != ANSWER_FALSE;
        if (run->trace != NULL && before < run->trace->count)
            run->trace->steps[before].answer = denies                             ? TRACE_STOP
                                               : traced[answer] == TRACE_UNUSABLE ? TRACE_UNUSABLE
                                                                                  : TRACE_PASS;
        if (denies)
            return end_by_entry(run, evaluation, entry, require ? REASON_require : REASON_deny_if, answer);
    }
    return false;
}

static bool checks_deny(struct run *run, struct evaluation *evaluation, const struct checks *checks)
{
    return entries_deny(run, evaluation, checks->require, checks->require_count, true) ||
           entries_deny(run, evaluation, checks->deny_if, checks->deny_if_count, false);
}

static bool step_checks(struct run *run)
{
    struct evaluation evaluation = {
        .question = run->question, .zone = run->policy->zone, .trace = run->trace, .scratch = { .arena = run->arena }
    };
    bool denied = checks_deny(run, &evaluation, &run->policy->all_tools);
    for (size_t i = 0; i < run->rule_count && !denied; i++)
        denied = checks_deny(run, &evaluation, &run->rules[i]->checks);
    return denied;
}

static bool step_debits(struct run *run)
{
    const struct checks *lists[2 + CLASS_COUNT] = { &run->policy->all_tools };
    struct debits_problem problem;
    run->out->rule = run->rule_pointer;
    for (size_t i = 0; i < run->rule_count; i++) {
        int64_t timeout_ms = run->rules[i]->timeout_ms;
        lists[1 + i] = &run->rules[i]->checks;
        if (timeout_ms > 0 && (run->out->timeout_ms == 0 || timeout_ms < run->out->timeout_ms))
            run->out->timeout_ms = timeout_ms;
    }
    int error =
        debits_make(run->policy, run->question, lists, 1 + run->rule_count, run->arena, run->trace, run->out, &problem);
    if (error == E_INVALID)
        return end(run, VERDICT_DENY, REASON_invalid_arguments, problem.rule, problem.message);
    return error < 0 ? end_without_memory(run) : true;
}

static void decide_tool(struct run *run)
{
    static bool (*const steps[])(struct run * run) = {
        step_frozen, step_name,    step_select, step_list_pin, step_action,
        step_pin,    step_numbers, step_checks, step_debits,
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i](run))
            return;
    WRONG("the last step ends the decision");
}

/* RFC 3986 §6.2.2.2: bytes that are never written as %xx, except to look different; and what separates segments. */
static bool is_plain(unsigned byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte < 0x80 && byte != 0 && strchr("-._~/\\", (int)byte) != NULL);
}

static bool is_dots(struct str segment)
{
    return str_eq(segment, STR(".")) || str_eq(segment, STR(".."));
}

/* True if a server may take the URI for another one: what a pattern says of its bytes says nothing then. */
static bool uri_is_another(struct str uri)
{
    size_t begin = 0; /* of the segment */
    for (size_t at = 0; at < uri.len; at++) {
        unsigned char byte;
        if (uri.ptr[at] == '\\' ||
            (uri.ptr[at] == '%' && (hex_decode(str_slice(uri, at + 1, at + 3), &byte, 1) < 0 || is_plain(byte))))
            return true;
        if (strchr("/?#", uri.ptr[at]) == NULL)
            continue;
        if (is_dots(str_slice(uri, begin, at)))
            return true;
        begin = at + 1;
    }
    return is_dots(str_slice(uri, begin, uri.len));
}

static bool is_judged_by_bytes(const struct access *access, const struct selector *found)
{
    bool all = access->allow_default && access->deny.count == 0 && access->deny.exact.count == 0;
    return !all && (found == NULL || !found->exact);
}

static void decide_access(struct run *run, const struct access *access, enum reason unknown)
{
    struct str name = run->question->name;
    const struct selector *deny = selectors_find(&access->deny, name);
    const struct selector *allow = deny == NULL ? selectors_find(&access->allow, name) : NULL;
    bool allowed = deny == NULL && (allow != NULL || access->allow_default);
    struct str rule = deny != NULL ? deny->pointer : allow != NULL ? allow->pointer : access->default_pointer;
    run->out->rule = rule;
    trace_step(run->trace, 0, allowed ? TRACE_PASS : TRACE_STOP, rule, allowed ? "allowed" : "not allowed");
    if (!allowed) {
        end(run, VERDICT_HIDE, unknown, rule, STR_EMPTY);
    } else if (run->question->pin == PIN_NEVER) {
        trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "the server lists it, and it was never accepted");
        end(run, VERDICT_HIDE, unknown, STR("(unknown)"), STR_EMPTY);
    } else {
        (void)changed(run);
    }
}

static void decide_resource(struct run *run)
{
    const struct access *access = &run->policy->resources;
    struct str name = run->question->name;
    if (uri_is_another(name) && is_judged_by_bytes(access, selectors_find(&access->allow, name))) {
        trace_step(run->trace, 0, TRACE_STOP, STR("(uri)"), "a URI that servers may read as another one");
        end(run, VERDICT_HIDE, REASON_unknown_resource, STR("(uri)"), STR_EMPTY);
        return;
    }
    decide_access(run, access, REASON_unknown_resource);
}

/* The rule that takes a prompt with the tool of its name; NULL: none. Where several patterns are as good as each other
 * under this looser comparison, the one that denies counts. */
static const struct selector *prompt_goes_with(const struct policy *policy, struct str name)
{
    const struct selector *hidden = selectors_find(&policy->prompt_hide, name);
    const struct selector *denied = selectors_find(&policy->prompt_denied, name);
    if (hidden != NULL || denied == NULL || denied->exact)
        return hidden != NULL ? hidden : denied;
    const struct selector *selected = selectors_find(&policy->prompt_tools, name);
    return selected->exact || selected->pattern.literal > denied->pattern.literal ? NULL : denied;
}

/* The server has a tool of the prompt's name: it is hidden by its class, its class's rule lets no call pass, or nothing
 * but the default speaks of it, and that denies. Empty: none of these. */
static struct str prompt_goes_with_tool(const struct run *run, struct str name)
{
    const struct definitions *definitions = run->question->definitions;
    const struct tool *tool = definitions != NULL ? definitions_tool_of_prompt(definitions, name) : NULL;
    struct selection selection;
    if (tool == NULL)
        return STR_EMPTY;
    selectors_select(&run->policy->hide, tool->name, &run->question->class, &selection);
    if (selection.count > 0)
        return selection.items[0]->pointer;
    selectors_select(&run->policy->tools, tool->name, &run->question->class, &selection);
    for (size_t i = 0; i < selection.count; i++)
        if (selector_is_class(selection.items[i]->text) && rule_always_denies(selection.items[i]->value))
            return selection.items[i]->pointer;
    bool by_default = selection.count == 0 || selection.open;
    return by_default && !run->policy->allow_default ? STR("/default") : STR_EMPTY;
}

static void decide_prompt(struct run *run)
{
    struct str name = prompt_name(run->arena, run->question->name);
    if (name.ptr == NULL) {
        end_without_memory(run);
        return;
    }
    const struct selector *with = prompt_goes_with(run->policy, name);
    struct str rule = with != NULL ? with->pointer : prompt_goes_with_tool(run, name);
    if (rule.len == 0) {
        decide_access(run, &run->policy->prompts, REASON_unknown_prompt);
        return;
    }
    trace_step(run->trace, 0, TRACE_STOP, rule, "named like a tool that is hidden or denied");
    end(run, VERDICT_HIDE, REASON_unknown_prompt, rule, STR_EMPTY);
}

static void decide_method(struct run *run)
{
    const struct method *method = map_get(&run->policy->methods, run->question->name);
    struct str rule = method != NULL ? method->pointer : STR("/methods");
    bool allowed = method != NULL && method->allow;
    run->out->rule = rule;
    trace_step(run->trace, 0, allowed ? TRACE_PASS : TRACE_STOP, rule, allowed ? "allowed" : "not allowed");
    if (!allowed)
        end(run, VERDICT_DENY, REASON_method_not_found, rule, STR_EMPTY);
}

/* Without a policy everything is denied, and each kind of thing in its own words. */
static void decide_nothing(struct run *run)
{
    static const struct {
        enum verdict verdict;
        enum reason reason;
    } answers[] = {
        [SUBJECT_TOOL] = { VERDICT_DENY, REASON_no_policy },
        [SUBJECT_RESOURCE] = { VERDICT_HIDE, REASON_unknown_resource },
        [SUBJECT_PROMPT] = { VERDICT_HIDE, REASON_unknown_prompt },
        [SUBJECT_METHOD] = { VERDICT_DENY, REASON_method_not_found },
    };
    enum subject subject = run->question->subject;
    trace_step(run->trace, 0, TRACE_STOP, STR_EMPTY, "no policy covers this server");
    end(run, answers[subject].verdict, answers[subject].reason, STR("(no policy)"), STR_EMPTY);
}

void policy_decide(const struct policy *policy, const struct question *question, struct arena *arena,
                   struct trace *trace, struct decision *out)
{
    struct run run = { .policy = policy,
                       .question = question,
                       .arena = arena,
                       .trace = trace,
                       .out = out,
                       .list = question->args == NULL && !question->args_absent,
                       .rule_pointer = STR_EMPTY };
    *out = (struct decision){
        .verdict = VERDICT_ALLOW, .reason = REASON_allowed, .rule = STR_EMPTY, .message = STR_EMPTY, .detail = STR_EMPTY
    };
    if (policy == NULL) {
        if (!step_frozen(&run))
            decide_nothing(&run);
        return;
    }
    CHECK_OBJ(policy, POLICY_MAGIC);
    switch (question->subject) {
    case SUBJECT_TOOL: decide_tool(&run); return;
    case SUBJECT_RESOURCE:
        if (!step_frozen(&run))
            decide_resource(&run);
        return;
    case SUBJECT_PROMPT:
        if (!step_frozen(&run))
            decide_prompt(&run);
        return;
    case SUBJECT_METHOD:
        if (!step_frozen(&run))
            decide_method(&run);
        return;
    }
    WRONG("a subject that does not exist");
}
