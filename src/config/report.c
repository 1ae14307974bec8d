/* Findings in the order in which they were made. */
#include "config/report.h"

#include "json/writer.h"

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

/* Twice the room, where there is none; NULL: no memory. */
static void *make_room(struct report *report, void *items, size_t size, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return items;
    size_t more = *capacity ? *capacity * 2 : 16;
    void *larger = arena_realloc(&report->arena, items, *capacity * size, more * size);
    if (larger)
        *capacity = more;
    return larger;
}

void report_count(struct report *report, bool warning)
{
    if (warning)
        report->notes++;
    else
        report->errors++;
}

void report_add(struct report *report, struct str file, const struct problem *problem)
{
    report_count(report, problem->warning);
    struct finding *items = make_room(report, report->items, sizeof(*items), report->count, &report->capacity);
    if (!items)
        return;
    report->items = items;
    struct finding finding = { .file = arena_str(&report->arena, file), .problem = *problem };
    finding.problem.pointer = arena_str(&report->arena, problem->pointer);
    finding.problem.text = arena_str(&report->arena, problem->text);
    finding.problem.fix = arena_str(&report->arena, problem->fix);
    if (finding.file.ptr && finding.problem.pointer.ptr && finding.problem.text.ptr && finding.problem.fix.ptr)
        report->items[report->count++] = finding;
}

int report_file(struct report *report, struct str path, const struct file_stamp *stamp)
{
    struct read_file *files =
        make_room(report, report->files, sizeof(*files), report->file_count, &report->file_capacity);
    if (!files)
        return E_NOMEM;
    report->files = files;
    struct read_file file = { arena_str(&report->arena, path), *stamp };
    if (!file.path.ptr)
        return E_NOMEM;
    report->files[report->file_count++] = file;
    return 0;
}

static bool is_known(const struct report *report, struct str file, const struct problem *problem)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct problem *known = &report->items[i].problem;
        if (known->line == problem->line && known->column == problem->column && str_eq(known->text, problem->text) &&
            str_eq(report->items[i].file, file))
            return true;
    }
    return false;
}

void report_add_problems(struct report *report, struct str file, const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (!is_known(report, file, &problems->items[i]))
            report_add(report, file, &problems->items[i]);
    }
}

static bool stands_before(const struct finding *a, const struct finding *b, struct str file)
{
    bool a_own = str_eq(a->file, file), b_own = str_eq(b->file, file);
    if (!a_own || !b_own)
        return a_own && !b_own;
    return a->problem.line != b->problem.line ? a->problem.line < b->problem.line
                                              : a->problem.column < b->problem.column;
}

void report_order(struct report *report, size_t first, struct str file)
{
    for (size_t i = first + 1; i < report->count; i++) { /* nearly in order already, and what is equal stays as it is */
        struct finding finding = report->items[i];
        size_t at = i;
        for (; at > first && stands_before(&finding, &report->items[at - 1], file); at--)
            report->items[at] = report->items[at - 1];
        report->items[at] = finding;
    }
}

void report_write(struct json_writer *writer, const struct report *report)
{
    json_write_key(writer, STR("problems"));
    json_write_array(writer);
    for (size_t i = 0; i < report->count; i++) {
        const struct problem *problem = &report->items[i].problem;
        json_write_object(writer);
        json_write_member_string(writer, STR("file"), report->items[i].file);
        json_write_member_int(writer, STR("line"), (int64_t)problem->line);
        json_write_member_int(writer, STR("column"), (int64_t)problem->column);
        json_write_member_string(writer, STR("pointer"), problem->pointer);
        json_write_member_string(writer, STR("severity"), problem->warning ? STR("note") : STR("error"));
        json_write_member_string(writer, STR("text"), problem->text);
        if (problem->fix.len > 0)
            json_write_member_string(writer, STR("fix"), problem->fix);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}
