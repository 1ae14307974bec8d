/* Collecting the steps of a decision, and printing them. */
#include "policy/trace.h"

#include "base/encode.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 400
#define VALUE_MAX 120

void trace_init(struct trace *trace, struct arena *arena)
{
    *trace = (struct trace){ .arena = arena };
}

const char *trace_answer_name(enum trace_answer answer)
{
    static const char *const names[] = {
#define A(name, text) text,
        TRACE_ANSWERS(A)
#undef A
    };
    return names[answer];
}

static enum trace_answer trace_of(enum answer answer)
{
    static const enum trace_answer answers[] = { TRACE_FALSE, TRACE_UNUSABLE, TRACE_TRUE };
    return answers[answer];
}

static struct trace_step *slot(struct trace *trace)
{
    if (trace->count == trace->capacity && trace->count < LIMIT_trace_steps) {
        size_t capacity = trace->capacity > 0 ? 2 * trace->capacity : 32;
        struct trace_step *steps =
            arena_realloc(trace->arena, trace->steps, trace->capacity * sizeof *steps, capacity * sizeof *steps);
        if (steps != NULL) {
            trace->steps = steps;
            trace->capacity = capacity;
        }
    }
    if (trace->count == trace->capacity || trace->count >= LIMIT_trace_steps) {
        trace->cut = true;
        return NULL;
    }
    return &trace->steps[trace->count++];
}

void trace_step(struct trace *trace, unsigned depth, enum trace_answer answer, struct str rule, const char *format, ...)
{
    if (trace == NULL)
        return;
    struct trace_step *step = slot(trace);
    if (step == NULL)
        return;
    char text[TEXT_MAX], escaped[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)text_escape(str_from_c(text), escaped, sizeof escaped);
    struct str copy = arena_str(trace->arena, str_from_c(escaped));
    *step = (struct trace_step){
        .depth = depth, .answer = answer, .rule = rule, .text = copy.ptr != NULL ? copy : STR_EMPTY
    };
}

struct str blame_text(const struct blame *blame, struct arena *arena)
{
    if (blame->test == NULL)
        return STR_EMPTY;
    const struct value *value = &blame->value;
    char size[48] = "";
    struct str shown = str_from_c(arg_kind_text(value->kind));
    if (value->kind == ARG_BOOL)
        shown = value->boolean ? STR("true") : STR("false");
    else if (value->kind == ARG_NUMBER)
        shown = str_slice(value->text, 0, value->text.len < VALUE_MAX ? value->text.len : VALUE_MAX);
    else if (value->kind == ARG_STRING)
        (void)snprintf(size, sizeof size, " of %zu bytes", value->text.len);
    struct str text =
        arena_printf(arena, "%" STR_FMT ": %" STR_FMT "%s%s%s", STR_ARG(blame->test->text), STR_ARG(shown), size,
                     blame->why != NULL ? ": unusable, " : "", blame->why != NULL ? blame->why : "");
    return text.ptr != NULL ? text : STR_EMPTY;
}

void trace_condition(struct trace *trace, unsigned depth, const struct condition *test, enum answer answer,
                     const struct blame *blame)
{
    struct trace_step *step = slot(trace);
    if (step != NULL)
        *step = (struct trace_step){ .depth = depth,
                                     .answer = trace_of(answer),
                                     .rule = STR_EMPTY,
                                     .text = blame != NULL ? blame_text(blame, trace->arena) : test->text };
}

size_t trace_group(struct trace *trace, unsigned depth, enum condition_kind kind)
{
    static const struct str names[] = { [CONDITION_TEST] = STR(""),
                                        [CONDITION_ANY] = STR("any of"),
                                        [CONDITION_ALL] = STR("all of"),
                                        [CONDITION_NOT] = STR("not") };
    struct trace_step *step = slot(trace);
    if (step == NULL)
        return trace->capacity;
    *step = (struct trace_step){ .depth = depth, .rule = STR_EMPTY, .text = names[kind] };
    return trace->count - 1;
}

void trace_group_answer(struct trace *trace, size_t at, enum answer answer)
{
    if (at < trace->count)
        trace->steps[at].answer = trace_of(answer);
}

void trace_print(const struct trace *trace, struct buf *out)
{
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_step *step = &trace->steps[i];
        unsigned indent = step->depth < LIMIT_json_depth ? 2 * step->depth : 2 * LIMIT_json_depth;
        buf_printf(out, "%*s%-8s  %" STR_FMT, (int)indent, "", trace_answer_name(step->answer), STR_ARG(step->text));
        if (step->rule.len > 0) {
            char rule[TEXT_MAX];
            (void)text_escape(step->rule, rule, sizeof rule);
            buf_printf(out, "  %s", rule);
        }
        buf_append_byte(out, '\n');
    }
    if (trace->cut)
        buf_append_str(out, STR("(further steps are not shown)\n"));
}

void trace_print_json(const struct trace *trace, struct json_writer *writer)
{
    json_write_array(writer);
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_step *step = &trace->steps[i];
        json_write_object(writer);
        json_write_member_int(writer, STR("depth"), (int64_t)step->depth);
        json_write_member_string(writer, STR("verdict"), str_from_c(trace_answer_name(step->answer)));
        json_write_member_string(writer, STR("text"), step->text);
        if (step->rule.len > 0)
            json_write_member_string(writer, STR("rule"), step->rule);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}
