/* Problems are gathered, placed in the source, put in its order, and bounded in number. */
#include "policy/problems.h"

#include "base/buf.h"
#include "base/encode.h"
#include "base/limits.h"
#include "json/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 512
#define WORD_MAX 64 /* bytes; nobody misspells longer words than this into one of ours */

static void place_write(const struct place *place, struct buf *out)
{
    if (place->up == NULL)
        return;
    place_write(place->up, out);
    char digits[24];
    struct str token = place->key;
    if (token.ptr == NULL)
        token = str_of(digits, (size_t)snprintf(digits, sizeof digits, "%zu", place->index));
    json_pointer_append(out, token);
}

struct str place_pointer(const struct place *place, struct arena *arena)
{
    struct buf out;
    buf_init(&out, 2 * (size_t)LIMIT_policy_body + 64 * (size_t)LIMIT_json_depth);
    place_write(place, &out);
    struct str pointer = { NULL, 0 };
    if (buf_ok(&out))
        pointer = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return pointer;
}

/* A slot for one more, or NULL when there are enough or there is no memory. */
static struct problem *problem_slot(struct reporter *reporter)
{
    struct problems *problems = reporter->problems;
    if (problems->count >= LIMIT_policy_problems) {
        reporter->dropped++;
        return NULL;
    }
    if (problems->count == problems->capacity) {
        size_t capacity = problems->capacity > 0 ? 2 * problems->capacity : 16;
        struct problem *items = arena_realloc(reporter->arena, problems->items, problems->capacity * sizeof *items,
                                              capacity * sizeof *items);
        if (items == NULL) {
            reporter->no_memory = true;
            return NULL;
        }
        problems->items = items;
        problems->capacity = capacity;
    }
    return &problems->items[problems->count++];
}

/* Text goes to terminals and logs: hostile bytes of the document become escapes. */
static struct str problem_text(struct reporter *reporter, struct str text)
{
    char escaped[TEXT_MAX];
    (void)text_escape(text, escaped, sizeof escaped);
    struct str copy = arena_str(reporter->arena, str_from_c(escaped));
    if (copy.ptr == NULL) {
        reporter->no_memory = true;
        return STR_EMPTY;
    }
    return copy;
}

PRINTF_LIKE(6, 0)
static void report(struct reporter *reporter, const struct place *place, enum spot spot, bool warning, struct str fix,
                   const char *format, va_list arguments)
{
    if (!warning)
        reporter->problems->errors++;
    struct problem *problem = problem_slot(reporter);
    if (problem == NULL)
        return;
    char text[TEXT_MAX];
    (void)vsnprintf(text, sizeof text, format, arguments);
    *problem = (struct problem){ .line = 1, .column = 1, .warning = warning };
    problem->text = problem_text(reporter, str_from_c(text));
    problem->fix = fix.len > 0 ? problem_text(reporter, fix) : STR_EMPTY;
    problem->pointer = place_pointer(place, reporter->arena);
    if (problem->pointer.ptr == NULL) {
        problem->pointer = STR_EMPTY;
        reporter->no_memory = true;
        return;
    }
    json_locate(reporter->source, problem->pointer, spot == SPOT_KEY, &problem->line, &problem->column);
}

void report_error(struct reporter *reporter, const struct place *place, enum spot spot, struct str fix,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(reporter, place, spot, false, fix, format, arguments);
    va_end(arguments);
}

void report_warning(struct reporter *reporter, const struct place *place, enum spot spot, struct str fix,
                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(reporter, place, spot, true, fix, format, arguments);
    va_end(arguments);
}

void report_at_offset(struct reporter *reporter, size_t offset, struct str text, struct str fix)
{
    reporter->problems->errors++;
    struct problem *problem = problem_slot(reporter);
    if (problem == NULL)
        return;
    *problem = (struct problem){ .pointer = STR_EMPTY, .fix = fix };
    problem->text = problem_text(reporter, text);
    json_position(reporter->source, offset, &problem->line, &problem->column);
}

static int problem_order(const void *left, const void *right)
{
    const struct problem *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    int order = str_cmp(a->pointer, b->pointer);
    return order != 0 ? order : str_cmp(a->text, b->text);
}

bool report_is_full(const struct reporter *reporter)
{
    return reporter->problems->count >= LIMIT_policy_problems;
}

void report_finish(struct reporter *reporter)
{
    struct problems *problems = reporter->problems;
    if (problems->count > 1)
        qsort(problems->items, problems->count, sizeof *problems->items, problem_order);
    if (reporter->dropped > 0) {
        struct problem *last = &problems->items[problems->count - 1];
        struct str text = arena_printf(reporter->arena, "%zu more problems are not listed", reporter->dropped + 1);
        if (text.ptr == NULL)
            reporter->no_memory = true;
        else
            *last = (struct problem){ .line = last->line,
                                      .column = last->column,
                                      .pointer = STR_EMPTY,
                                      .text = text,
                                      .fix = STR_EMPTY,
                                      .warning = problems->errors == 0 };
    }
}

struct str report_guess(struct reporter *reporter, struct str word)
{
    if (word.len == 0 || report_is_full(reporter))
        return STR_EMPTY;
    struct str guess = arena_printf(reporter->arena, "did you mean \"%" STR_FMT "\"?", STR_ARG(word));
    if (guess.ptr == NULL) {
        reporter->no_memory = true;
        return STR_EMPTY;
    }
    return guess;
}
