/* Each definition is parsed, judged and let go again: what stays is as long as a report shows. */
#include "catalog/judge.h"

#include "base/limits.h"
#include "catalog/grade.h"
#include "classify/siblings.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#define PARAMETERS_KEPT 64
#define WORDS_KEPT 200
#define NAME_KEPT 128

/* Cut between two characters. */
static struct str keep(struct arena *arena, struct str text, size_t most)
{
    size_t end = text.len < most ? text.len : most;
    while (end < text.len && end > 0 && ((unsigned char)text.ptr[end] & 0xc0) == 0x80)
        end--;
    return arena_str(arena, str_slice(text, 0, end));
}

static int keep_parameters(struct arena *arena, const struct json *schema, struct judged *out)
{
    const struct json *properties = json_get(schema, STR("properties")), *value;
    struct json_iter iter;
    struct str name;
    size_t room = json_is(properties, JSON_OBJECT) ? json_count(properties) : 0;
    if (room > PARAMETERS_KEPT)
        room = PARAMETERS_KEPT;
    out->parameters = arena_alloc(arena, (room + 1) * sizeof(*out->parameters));
    if (!out->parameters)
        return E_NOMEM;
    json_iter_init(&iter, room ? properties : NULL);
    while (out->parameter_count < room && json_iter_next(&iter, &name, &value)) {
        struct str kept = keep(arena, name, NAME_KEPT);
        if (!kept.ptr)
            return E_NOMEM;
        out->parameters[out->parameter_count++] = kept;
    }
    return 0;
}

/* The verdict's words live in the tree, which goes. */
static int keep_verdict(struct arena *arena, struct verdict_on_tool *verdict)
{
    for (size_t i = 0; i < verdict->evidence_count; i++) {
        struct evidence *evidence = &verdict->evidence[i];
        evidence->words = keep(arena, evidence->words, WORDS_KEPT);
        evidence->why = keep(arena, evidence->why, WORDS_KEPT);
        evidence->where = keep(arena, evidence->where, WORDS_KEPT);
        if (!evidence->words.ptr || !evidence->why.ptr || !evidence->where.ptr)
            return E_NOMEM;
    }
    verdict->severity_reason = keep(arena, verdict->severity_reason, WORDS_KEPT);
    verdict->contradiction = keep(arena, verdict->contradiction, WORDS_KEPT);
    return verdict->severity_reason.ptr && verdict->contradiction.ptr ? 0 : E_NOMEM;
}

static int judge_tool(const struct classifier *classifier, const struct siblings *siblings, struct arena *scratch,
                      struct arena *arena, struct judged *out)
{
    struct json_error fault;
    const struct json *root;
    int error = json_parse(scratch, out->tool->definition, &json_limits_list, &root, &fault);
    if (error)
        return error;
    struct tool_facts facts = tool_facts_of(siblings->server, out->tool->name, root);
    classify_tool(classifier, &facts, &out->verdict);
    siblings_speak(siblings, facts.name, &out->verdict);
    out->title = keep(arena, facts.title, WORDS_KEPT);
    out->description = keep(arena, facts.description, LIMIT_scan_text);
    error = keep_verdict(arena, &out->verdict);
    if (!error && (!out->title.ptr || !out->description.ptr))
        error = E_NOMEM;
    return error ? error : keep_parameters(arena, facts.schema, out);
}

int judged_order(const struct judged *a, const struct judged *b)
{
    if (a->verdict.class != b->verdict.class)
        return a->verdict.class > b->verdict.class ? -1 : 1;
    if (a->verdict.severity != b->verdict.severity)
        return a->verdict.severity > b->verdict.severity ? -1 : 1;
    return str_cmp(a->tool->name, b->tool->name);
}

static int in_order(const void *a, const void *b)
{
    return judged_order(a, b);
}

static void count(struct judgement *judgement)
{
    memset(judgement->of_class, 0, sizeof(judgement->of_class));
    memset(judgement->of_severity, 0, sizeof(judgement->of_severity));
    memset(judgement->of_signal, 0, sizeof(judgement->of_signal));
    for (size_t i = 0; i < judgement->count; i++) {
        const struct verdict_on_tool *verdict = &judgement->tools[i].verdict;
        judgement->of_class[verdict->class]++;
        judgement->of_severity[verdict->severity]++;
        for (unsigned s = 0; s < SIGNAL_COUNT; s++)
            judgement->of_signal[s] += verdict->signals >> s & 1;
    }
}

/* The gravest thing that an agent with all these tools could do, and nothing else: more harmless tools beside it do not
 * make it less. */
static void grade(struct judgement *judgement)
{
    struct grade_counts counts = {
        .tools = judgement->count,
        .hidden_text = judgement->of_signal[SIGNAL_HIDDEN_TEXT],
        .instructions = judgement->of_signal[SIGNAL_INSTRUCTIONS],
    };
    memcpy(counts.of_class, judgement->of_class, sizeof(counts.of_class));
    memcpy(counts.of_severity, judgement->of_severity, sizeof(counts.of_severity));
    struct grade grade = grade_of(&counts);
    judgement->grade = grade.letter;
    judgement->grade_why = grade.why;
}

static void sum_up(struct judgement *judgement)
{
    if (judgement->count > 1)
        qsort(judgement->tools, judgement->count, sizeof(*judgement->tools), in_order);
    count(judgement);
    grade(judgement);
}

int judge(const struct classifier *classifier, struct str server, const struct definitions *definitions,
          struct judgement *out)
{
    struct arena scratch, names;
    struct siblings siblings;
    int error = 0;
    *out = (struct judgement){ .count = 0 };
    arena_init(&out->arena, NULL, 4 * (size_t)LIMIT_scan_file);
    arena_init(&scratch, NULL, LIMIT_answer_memory);
    arena_init(&names, NULL, LIMIT_scan_file);
    siblings_init(&siblings, classifier, server, &names);
    out->tools = arena_zalloc(&out->arena, (definitions->tool_count + 1) * sizeof(*out->tools));
    if (!out->tools)
        error = E_NOMEM;
    for (size_t i = 0; !error && i < definitions->tool_count; i++)
        error = siblings_add(&siblings, definitions->tools[i].name);
    for (size_t i = 0; !error && i < definitions->tool_count; i++) {
        out->tools[i].tool = &definitions->tools[i];
        error = judge_tool(classifier, &siblings, &scratch, &out->arena, &out->tools[i]);
        out->count += !error;
        arena_reset(&scratch);
    }
    siblings_release(&siblings);
    arena_release(&names);
    arena_release(&scratch);
    if (!error)
        sum_up(out);
    return error;
}

void judgement_overrule(struct judgement *judgement, const struct class_ruling *rulings, size_t rulings_count)
{
    for (size_t i = 0; i < judgement->count; i++)
        for (size_t j = 0; j < rulings_count; j++)
            if (str_eq(judgement->tools[i].tool->name, rulings[j].tool)) {
                judgement->tools[i].overruled = true;
                judgement->tools[i].verdict.class = rulings[j].class;
            }
    sum_up(judgement);
}

void judgement_release(struct judgement *judgement)
{
    arena_release(&judgement->arena);
}
