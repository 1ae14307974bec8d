/* Evaluating conditions: paths are walked, elements are quantified, answers are combined. */
#include "policy/condition.h"

#include "base/check.h"
#include "json/json.h"
#include "policy/decide.h"
#include "policy/trace.h"

static enum answer unusable(struct evaluation *evaluation, const struct condition *test, const struct value *value,
                            const char *why)
{
    if (evaluation->unusable.test == NULL)
        evaluation->unusable = (struct blame){ .test = test, .value = *value, .why = why };
    return ANSWER_UNUSABLE;
}

static bool takes_missing(const struct condition *test)
{
    return (test->op->takes & ARG_MISSING) != 0 || test->operand.null;
}

/* The operator on one value. */
static enum answer test_value(struct evaluation *evaluation, const struct condition *test, const struct value *value)
{
    evaluation->last = (struct blame){ .test = test, .value = *value };
    if (value->kind == ARG_MISSING && !takes_missing(test))
        return test->under_not ? unusable(evaluation, test, value, "it is missing") : ANSWER_FALSE;
    if (value->kind != ARG_MISSING && !(test->op->takes & value->kind))
        return unusable(evaluation, test, value, "the operator does not take it");
    struct op_run run = { .operand = &test->operand, .value = *value, .scratch = &evaluation->scratch };
    enum answer answer = test->op->evaluate(&run);
    if (answer == ANSWER_UNUSABLE && evaluation->unusable.test == NULL)
        evaluation->unusable = (struct blame){ .test = test, .value = *value, .why = run.why, .told = run.told };
    return answer;
}

static enum answer test_from(struct evaluation *evaluation, const struct condition *test, struct value value,
                             size_t step);

/* The better of two in the direction that decides: the least when every element must hold, else the greatest. */
static enum answer combine(enum answer a, enum answer b, bool every)
{
    return (a < b) == every ? a : b;
}

static enum answer test_each(struct evaluation *evaluation, const struct condition *test, const struct value *list,
                             size_t step)
{
    enum answer last = test->every ? ANSWER_FALSE : ANSWER_TRUE; /* nothing can change it any more */
    enum answer answer = answer_not(last);
    bool any = false;

    if (list->json == NULL) {
        for (size_t i = 0; i < list->count && answer != last; i++, any = true)
            answer = combine(answer, test_from(evaluation, test, value_of_str(list->items[i]), step), test->every);
    } else {
        struct json_iter iter;
        struct str key;
        const struct json *node;
        json_iter_init(&iter, list->json);
        for (; answer != last && json_iter_next(&iter, &key, &node); any = true)
            answer = combine(answer, test_from(evaluation, test, value_of_json(node), step), test->every);
    }
    if (any)
        return answer;
    struct value missing = { .kind = ARG_MISSING };
    return test_value(evaluation, test, &missing);
}

/* The recursion is as deep as the path has [*] and []. */
static enum answer test_from(struct evaluation *evaluation, const struct condition *test, struct value value,
                             size_t step)
{
    for (; step < test->path.count && value.kind != ARG_MISSING; step++) {
        const struct path_step *at = &test->path.steps[step];
        if (at->kind == STEP_EACH || at->kind == STEP_EACH_OR_SELF) {
            if (value.kind == ARG_ARRAY)
                return test_each(evaluation, test, &value, step + 1);
            if (at->kind == STEP_EACH_OR_SELF)
                continue;
            return unusable(evaluation, test, &value, "it is no array");
        }
        if (!path_step_take(at, &value))
            return unusable(evaluation, test, &value, "the path goes through it");
    }
    return test_value(evaluation, test, &value);
}

static enum answer condition_holds(struct evaluation *evaluation, const struct condition *condition, unsigned depth);

/* Kleene's tables: all is the least of the answers, any the greatest; of none, all is true and any false. */
static enum answer parts_hold(struct evaluation *evaluation, const struct condition *parts, size_t count, bool every,
                              unsigned depth)
{
    enum answer last = every ? ANSWER_FALSE : ANSWER_TRUE;
    enum answer answer = answer_not(last);
    for (size_t i = 0; i < count && answer != last; i++)
        answer = combine(answer, condition_holds(evaluation, &parts[i], depth), every);
    return answer;
}

static void trace_test(struct evaluation *evaluation, const struct condition *test, enum answer answer, unsigned depth)
{
    const struct blame *blame = answer == ANSWER_UNUSABLE ? &evaluation->unusable : &evaluation->last;
    trace_condition(evaluation->trace, depth, test, answer, blame->test == test ? blame : NULL);
}

/* What nobody knows opens no gate, whatever it is compared with. */
static enum answer test_holds(struct evaluation *evaluation, const struct condition *test)
{
    struct value missing = { .kind = ARG_MISSING };
    if (test->path.root == ROOT_CLASS && !evaluation->question->class.known)
        return unusable(evaluation, test, &missing, "the tool's class is not known");
    return test_from(evaluation, test, path_root_value(&test->path, evaluation->question, evaluation->zone), 0);
}

/* The recursion is as deep as the policy's JSON, which has a ceiling. */
static enum answer condition_holds(struct evaluation *evaluation, const struct condition *condition, unsigned depth)
{
    enum answer answer = ANSWER_UNUSABLE;
    size_t slot = 0;
    if (evaluation->trace != NULL && condition->kind != CONDITION_TEST)
        slot = trace_group(evaluation->trace, depth, condition->kind);
    switch (condition->kind) {
    case CONDITION_TEST:
        answer = test_holds(evaluation, condition);
        if (evaluation->trace != NULL)
            trace_test(evaluation, condition, answer, depth);
        return answer;
    case CONDITION_ANY:
    case CONDITION_ALL:
        answer =
            parts_hold(evaluation, condition->parts, condition->count, condition->kind == CONDITION_ALL, depth + 1);
        break;
    case CONDITION_NOT: answer = answer_not(condition_holds(evaluation, condition->parts, depth + 1)); break;
    }
    if (evaluation->trace != NULL)
        trace_group_answer(evaluation->trace, slot, answer);
    return answer;
}

enum answer conditions_hold(struct evaluation *evaluation, const struct condition *conditions, size_t count,
                            unsigned depth)
{
    evaluation->last = evaluation->unusable = (struct blame){ .test = NULL };
    return parts_hold(evaluation, conditions, count, true, depth);
}
