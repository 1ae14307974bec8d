/* Findings in the order in which they were made. */
#include "config/report.h"

#include <string.h>

#define REPORT_BYTES ((size_t)16 << 20)

void report_init(struct report *report)
{
    *report = (struct report){ .count = 0 };
    arena_init(&report->arena, NULL, REPORT_BYTES);
}

void report_release(struct report *report)
{
    arena_release(&report->arena);
    *report = (struct report){ .count = 0 };
}

static bool make_room(struct report *report)
{
    if (report->count < report->capacity)
        return true;
    size_t capacity = report->capacity ? report->capacity * 2 : 16;
    struct finding *items = arena_alloc(&report->arena, capacity * sizeof(*items));
    if (!items)
        return false;
    if (report->count)
        memcpy(items, report->items, report->count * sizeof(*items));
    report->items = items;
    report->capacity = capacity;
    return true;
}

void report_add(struct report *report, struct str file, const struct problem *problem)
{
    if (!problem->warning)
        report->errors++;
    if (!make_room(report))
        return;
    struct finding finding = { .file = arena_str(&report->arena, file), .problem = *problem };
    finding.problem.pointer = arena_str(&report->arena, problem->pointer);
    finding.problem.text = arena_str(&report->arena, problem->text);
    finding.problem.fix = arena_str(&report->arena, problem->fix);
    if (finding.file.ptr && finding.problem.pointer.ptr && finding.problem.text.ptr && finding.problem.fix.ptr)
        report->items[report->count++] = finding;
}

void report_add_problems(struct report *report, struct str file, const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        report_add(report, file, &problems->items[i]);
}
