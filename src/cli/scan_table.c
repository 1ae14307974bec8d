/* The table: a head for each server, its tools riskiest first, and a summary. */
#include "cli/scan_table.h"

#include "base/encode.h"
#include "base/plural.h"
#include "catalog/columns.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROWS 40 /* of a server without --all */
#define COLUMNS_LEAST 60
#define COLUMNS_MOST 200
#define CLASS_WIDTH 11 /* "Destructive" */
#define ROOMY 100      /* columns from which on a severity is written out */
#define TOOL_LEAST 16
#define SIGNALS_FAIR 15 /* "instructions +2" */
#define GAP 2
#define CELL 2048

enum paint { PAINT_NONE, PAINT_BOLD, PAINT_DIM, PAINT_RED, PAINT_GREEN, PAINT_YELLOW, PAINT_CYAN, PAINT_BOLD_RED };

/* "critical", or "crit" where columns are few. */
static size_t severity_width(size_t columns)
{
    return columns >= ROOMY ? 8 : 4;
}

static struct str severity_text(enum severity severity, size_t columns)
{
    static const struct str brief[] = { { "low", 3 }, { "med", 3 }, { "high", 4 }, { "crit", 4 } };
    return columns >= ROOMY ? str_from_c(severity_name(severity)) : brief[severity];
}

struct table {
    const struct table_options *options;
    struct buf *out;
    size_t columns;
};

static void paint(struct table *table, enum paint paint)
{
    static const struct str escapes[] = {
        { "\x1b[0m", 4 },  { "\x1b[1m", 4 },  { "\x1b[2m", 4 },  { "\x1b[31m", 5 },
        { "\x1b[32m", 5 }, { "\x1b[33m", 5 }, { "\x1b[36m", 5 }, { "\x1b[1;31m", 7 }
    };
    if (table->options->colours)
        buf_append_str(table->out, escapes[paint]);
}

/* `text` is ours or escaped. */
static void put(struct table *table, enum paint how, struct str text, size_t columns, bool pad)
{
    if (how != PAINT_NONE)
        paint(table, how);
    columns_append(table->out, text, columns, pad);
    if (how != PAINT_NONE)
        paint(table, PAINT_NONE);
}

static void spaces(struct table *table, size_t count)
{
    while (count-- > 0)
        buf_append_byte(table->out, ' ');
}

static void end_line(struct table *table)
{
    while (table->out->len > 0 && table->out->ptr[table->out->len - 1] == ' ')
        table->out->len--;
    buf_append_byte(table->out, '\n');
}

static void line(struct table *table, enum paint how, size_t indent, struct str text)
{
    spaces(table, indent);
    put(table, how, text, table->columns - indent, false);
    end_line(table);
}

static struct str escaped(struct str text, char *out, size_t max)
{
    return str_of(out, text_escape(text, out, max));
}

static enum paint paint_of_class(enum tool_class class)
{
    switch (class) {
    case CLASS_FINANCIAL:
    case CLASS_DESTRUCTIVE: return PAINT_RED;
    case CLASS_EXECUTE: return PAINT_YELLOW;
    case CLASS_WRITE: return PAINT_CYAN;
    case CLASS_READ: return PAINT_GREEN;
    case CLASS_OTHER: break;
    }
    return PAINT_NONE;
}

static enum paint paint_of_severity(enum severity severity)
{
    static const enum paint paints[] = { PAINT_DIM, PAINT_NONE, PAINT_YELLOW, PAINT_BOLD_RED };
    return paints[severity];
}

static enum paint paint_of_grade(char grade)
{
    return grade <= 'B' ? PAINT_GREEN : grade == 'C' ? PAINT_YELLOW : PAINT_BOLD_RED;
}

/* ---- one tool ---- */

struct widths {
    size_t tool, why, signals;
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The words that made the verdict, quoted. The name stands beside them: what else speaks is worth more. */
static struct str why(const struct judged *tool, char *out, size_t max)
{
    const struct verdict_on_tool *verdict = &tool->verdict;
    const struct evidence *best = NULL;
    char words[CELL / 4];
    for (size_t i = 0; i < verdict->evidence_count; i++) {
        const struct evidence *evidence = &verdict->evidence[i];
        if (evidence->words.len > 0 && evidence->class == verdict->class && evidence->source != EVIDENCE_SIBLING &&
            (!best || (best->source == EVIDENCE_NAME && evidence->source != EVIDENCE_NAME)))
            best = evidence;
    }
    if (tool->overruled)
        return STR("overruled by \"classes\"");
    if (!best)
        return STR_EMPTY;
    escaped(best->words, words, sizeof(words));
    int len = snprintf(out, max, "%s\"%s\"", best->source == EVIDENCE_PARAMETER ? "takes " : "", words);
    return str_of(out, smaller((size_t)len, max - 1));
}

/* As many names as `columns` have room for, and how many more there are: "file_path +2". What tells of an attack
 * stands first. */
static struct str signals(const struct judged *tool, size_t columns, char *out, size_t max)
{
    const unsigned all = tool->verdict.signals, attack = 1u << SIGNAL_HIDDEN_TEXT | 1u << SIGNAL_INSTRUCTIONS;
    const unsigned turns[] = { all & attack, all & ~attack };
    size_t count = (size_t)__builtin_popcount(all), shown = 0, len = 0;
    out[0] = 0;
    for (unsigned i = 0; i < 2 * SIGNAL_COUNT; i++) {
        enum signal signal = (enum signal)(i % SIGNAL_COUNT);
        if (!(turns[i / SIGNAL_COUNT] >> signal & 1))
            continue;
        size_t after = count - shown - 1, tail = after > 0 ? strlen(" +9") + (after > 9) : 0;
        const char *name = signal_name(signal);
        if (shown > 0 && len + 1 + strlen(name) + tail > columns)
            break;
        if (shown == 0 && strlen(name) + tail > columns && columns > tail)
            len += (size_t)snprintf(out, max, "%.*s…", (int)(columns - tail - 1), name);
        else
            len += (size_t)snprintf(out + len, max - len, "%s%s", shown ? " " : "", name);
        shown++;
    }
    if (shown < count)
        len += (size_t)snprintf(out + len, max - len, " +%zu", count - shown);
    return str_of(out, len);
}

static size_t rows_shown(const struct table *table, const struct judgement *judgement)
{
    bool whole = table->options->all || judgement->count <= ROWS + 1;
    return whole ? judgement->count : ROWS;
}

/* Every column as wide as its widest cell, as far as the line has room: first the names, then why, then signals; these
 * have none where no tool has one. */
static struct widths measure(const struct table *table, const struct judgement *judgement)
{
    size_t fixed = GAP + CLASS_WIDTH + GAP + severity_width(table->columns) + GAP,
           room = table->columns - fixed - 2 * GAP;
    struct widths most = { TOOL_LEAST, 3, 0 };
    char text[CELL];
    for (size_t i = 0; i < rows_shown(table, judgement); i++) {
        const struct judged *tool = &judgement->tools[i];
        most.tool = larger(most.tool, columns_of(escaped(tool->tool->name, text, sizeof(text))));
        most.why = larger(most.why, columns_of(why(tool, text, sizeof(text))));
        most.signals = larger(most.signals, columns_of(signals(tool, SIZE_MAX, text, sizeof(text))));
    }
    if (most.signals > 0)
        most.signals = larger(most.signals, strlen("SIGNALS"));
    else
        room += GAP;
    struct widths made = { smaller(most.tool, room / 2), 0, 0 };
    room -= made.tool;
    made.signals = smaller(SIGNALS_FAIR, room * 11 / 20);
    made.signals = smaller(most.signals, larger(made.signals, room > most.why ? room - most.why : 0));
    made.why = room - made.signals;
    made.why = smaller(made.why, most.why);
    made.signals = most.signals > 0 ? room - made.why : 0;
    return made;
}

static struct str mark_of(enum change change)
{
    static const struct str marks[] = { { "", 0 }, { "+", 1 }, { "~", 1 }, { "!", 1 } };
    return marks[change];
}

static void row(struct table *table, const struct widths *widths, const struct judged *tool)
{
    const struct verdict_on_tool *verdict = &tool->verdict;
    char text[CELL];
    put(table, PAINT_BOLD, mark_of(tool->change), GAP, true);
    put(table, paint_of_class(verdict->class), str_from_c(class_name(verdict->class)), CLASS_WIDTH, true);
    spaces(table, GAP);
    put(table, paint_of_severity(verdict->severity), severity_text(verdict->severity, table->columns),
        severity_width(table->columns), true);
    spaces(table, GAP);
    put(table, PAINT_BOLD, escaped(tool->tool->name, text, sizeof(text)), widths->tool, true);
    spaces(table, GAP);
    put(table, PAINT_NONE, why(tool, text, sizeof(text)), widths->why, true);
    spaces(table, GAP);
    put(table, PAINT_DIM, signals(tool, widths->signals, text, sizeof(text)), widths->signals, false);
    end_line(table);
}

static void head_of_table(struct table *table, const struct widths *widths)
{
    spaces(table, GAP);
    put(table, PAINT_DIM, STR("CLASS"), CLASS_WIDTH + GAP, true);
    put(table, PAINT_DIM, table->columns >= ROOMY ? STR("SEVERITY") : STR("SEV"), severity_width(table->columns) + GAP,
        true);
    put(table, PAINT_DIM, STR("TOOL"), widths->tool + GAP, true);
    put(table, PAINT_DIM, STR("WHY"), widths->why + GAP, true);
    put(table, PAINT_DIM, widths->signals > 0 ? STR("SIGNALS") : STR_EMPTY, widths->signals, false);
    end_line(table);
}

/* ---- one server ---- */

static void counts(struct buf *out, const size_t of_class[CLASS_COUNT])
{
    bool any = false;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        size_t count = of_class[report_classes[i]];
        if (count > 0)
            buf_printf(out, "%s%zu %s", any ? ", " : "", count, class_name(report_classes[i]));
        any |= count > 0;
    }
}

static void left_out(struct table *table, const struct judgement *judgement, size_t shown)
{
    size_t of_class[CLASS_COUNT] = { 0 };
    struct buf text;
    if (shown == judgement->count)
        return;
    for (size_t i = shown; i < judgement->count; i++)
        of_class[judgement->tools[i].verdict.class]++;
    buf_init(&text, CELL);
    buf_printf(&text, "and %zu more: ", judgement->count - shown);
    counts(&text, of_class);
    buf_append_str(&text, STR("; --all shows them"));
    line(table, PAINT_DIM, GAP, buf_str(&text));
    buf_release(&text);
}

static void count_of(struct buf *out, size_t count, const char *what)
{
    if (count > 0)
        buf_printf(out, ", %zu %s%s", count, what, plural(count));
}

/* Of a path that is too long its last parts, which tell one file from another. */
static struct str path_within(struct str path, size_t columns)
{
    while (columns_of(path) > columns) {
        size_t slash = str_find_byte(str_slice(path, 1, path.len), '/') + 1;
        if (slash + 1 >= path.len)
            break;
        path = str_slice(path, slash + 1, path.len);
    }
    return path;
}

/* Where it is found: the file, or the first of them with the count of the others where not all fit. */
static void put_source(struct buf *out, struct str source, size_t columns)
{
    size_t more = 0, end = source.len;
    if (source.len > 0 && columns_of(source) + strlen("  in ") > columns) {
        end = str_find(source, STR(", "));
        for (size_t at = end; at < source.len; more++)
            at += 2 + str_find(str_slice(source, at + 2, source.len), STR(", "));
    }
    char others[32] = "";
    if (more > 0)
        snprintf(others, sizeof(others), " and %zu more", more);
    struct str first = str_slice(source, 0, end);
    struct str file = path_within(first, columns - smaller(columns, strlen("  in …/") + strlen(others)));
    if (source.len > 0)
        buf_printf(out, "  in %s%" STR_FMT "%s", file.len < first.len ? "…/" : "", STR_ARG(file), others);
}

static void head_of_server(struct table *table, const struct report_server *server)
{
    const struct scanned *scanned = server->scanned;
    const struct target *target = scanned->target;
    char text[CELL], source[CELL / 2];
    struct buf in;
    buf_init(&in, CELL);
    put(table, PAINT_BOLD, target->name, table->columns, false);
    end_line(table);
    struct str command = escaped(target->shown, text, sizeof(text));
    size_t room = table->columns - GAP, most = larger(room / 2, room - smaller(room, columns_of(command)));
    put_source(&in, escaped(target->source, source, sizeof(source)), most);
    struct str place = buf_str(&in);
    size_t of_place = smaller(columns_of(place), most);
    spaces(table, GAP);
    put(table, PAINT_DIM, command, room - of_place, false);
    put(table, PAINT_DIM, command.len > 0 ? place : str_trim(place, " "), of_place, false);
    end_line(table);
    buf_release(&in);
}

static void grade_of_server(struct table *table, const struct report_server *server)
{
    const struct judgement *judgement = server->judgement;
    const struct definitions *definitions = server->scanned->definitions;
    struct buf text;
    buf_init(&text, CELL);
    spaces(table, GAP);
    if (judgement->grade) {
        buf_printf(&text, "Grade %c", judgement->grade);
        put(table, paint_of_grade(judgement->grade), buf_str(&text), 7, false);
        buf_reset(&text);
        buf_printf(&text, ": %" STR_FMT ". ", STR_ARG(judgement->grade_why));
    }
    buf_printf(&text, "%zu tool%s", judgement->count, plural(judgement->count));
    count_of(&text, definitions->prompt_count, "prompt");
    count_of(&text, definitions->resource_count + definitions->template_count, "resource");
    put(table, PAINT_NONE, buf_str(&text), table->columns - GAP - (judgement->grade ? 7 : 0), false);
    end_line(table);
    buf_reset(&text);
    counts(&text, judgement->of_class);
    if (judgement->count > 0)
        line(table, PAINT_NONE, GAP, buf_str(&text));
    buf_release(&text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reasons are told whole, on as many lines as they need; a count stays beside what it counts. */
static void folded(struct table *table, enum paint how, size_t indent, struct str text)
{
    size_t room = table->columns - indent;
    while (text.len > 0) {
        size_t end = text.len;
        while (columns_of(str_slice(text, 0, end)) > room) {
            size_t before = end;
            do
                end--;
            while (end > 0 && (text.ptr[end] != ' ' || is_digit(text.ptr[end - 1])));
            if (end == 0) { /* one long word */
                end = before;
                break;
            }
        }
        line(table, how, indent, str_slice(text, 0, end));
        text = str_trim(str_slice(text, end, text.len), " ");
    }
}

/* What there is none of is not named. */
static void changed_counts(struct buf *out, const struct past *past)
{
    const struct {
        size_t count;
        const char *what;
    } kinds[] = { { past->changes[CHANGE_NEW], "new (+)" },
                  { past->gone_count, "gone (-)" },
                  { past->changes[CHANGE_TEXT], "changed (~)" },
                  { past->changes[CHANGE_RISK], "riskier (!)" } };
    bool any = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].count > 0)
            buf_printf(out, "%s%zu %s", any ? ", " : "", kinds[i].count, kinds[i].what);
        any |= kinds[i].count > 0;
    }
}

static void changes(struct table *table, const struct past *past)
{
    struct buf text;
    char when[REPORT_TIME], name[CELL];
    if (!past || !past->known)
        return;
    report_time(past->at_ms, when);
    buf_init(&text, CELL);
    buf_printf(&text, "Since %s: ", when);
    size_t moved = past->changes[CHANGE_NEW] + past->changes[CHANGE_TEXT] + past->changes[CHANGE_RISK];
    if (moved + past->gone_count == 0)
        buf_append_str(&text, STR("nothing changed"));
    else
        changed_counts(&text, past);
    folded(table, moved + past->gone_count ? PAINT_BOLD : PAINT_DIM, GAP, buf_str(&text));
    buf_release(&text);
    for (size_t i = 0; i < past->gone_count && (table->options->all || i < ROWS); i++) {
        put(table, PAINT_BOLD, STR("-"), GAP, true);
        put(table, PAINT_NONE, escaped(past->gone[i], name, sizeof(name)), table->columns - GAP, false);
        end_line(table);
    }
}

static void notes(struct table *table, const struct scanned *scanned)
{
    for (size_t i = 0; i < scanned->note_count; i++) {
        spaces(table, GAP);
        put(table, PAINT_YELLOW, STR("note: "), 6, false);
        put(table, PAINT_NONE, str_from_c(scanned->notes[i]), table->columns - GAP - 6, false);
        end_line(table);
    }
}

static void not_listed(struct table *table, const struct scanned *scanned)
{
    char text[2 * SCAN_WHY_MAX + 64];
    bool disabled = scanned->outcome == SCAN_DISABLED;
    snprintf(text, sizeof(text), "%s: %s",
             disabled                             ? "Left out"
             : scanned->outcome == SCAN_TIMED_OUT ? "Timed out"
                                                  : "Failed",
             scanned->why);
    folded(table, disabled ? PAINT_DIM : PAINT_RED, GAP, str_from_c(text));
    if (scanned->last_words[0] && !disabled) {
        snprintf(text, sizeof(text), "its last words: %s", scanned->last_words);
        folded(table, PAINT_DIM, GAP, str_from_c(text));
    }
    notes(table, scanned);
}

static void of_server(struct table *table, const struct report_server *server)
{
    const struct judgement *judgement = server->judgement;
    head_of_server(table, server);
    if (!judgement) {
        not_listed(table, server->scanned);
        buf_append_byte(table->out, '\n');
        return;
    }
    struct widths widths = measure(table, judgement);
    size_t shown = rows_shown(table, judgement);
    grade_of_server(table, server);
    changes(table, server->past);
    notes(table, server->scanned);
    if (shown > 0) {
        buf_append_byte(table->out, '\n');
        head_of_table(table, &widths);
    }
    for (size_t i = 0; i < shown; i++)
        row(table, &widths, &judgement->tools[i]);
    left_out(table, judgement, shown);
    buf_append_byte(table->out, '\n');
}

/* ---- the whole ---- */

static void summary(struct table *table, const struct scan_report *report)
{
    size_t of_class[CLASS_COUNT] = { 0 }, tools = 0, listed = 0, failed = 0;
    struct buf text;
    for (size_t i = 0; i < report->count; i++) {
        const struct judgement *judgement = report->servers[i].judgement;
        listed += judgement != NULL;
        failed += !judgement && report->servers[i].scanned->outcome != SCAN_DISABLED;
        for (size_t c = 0; judgement && c < CLASS_COUNT; c++)
            of_class[c] += judgement->of_class[c];
        tools += judgement ? judgement->count : 0;
    }
    if (report->count < 2)
        return;
    buf_init(&text, CELL);
    buf_printf(&text, "%zu server%s, %zu tool%s%s", listed, plural(listed), tools, plural(tools),
               tools > 0 ? ": " : "");
    counts(&text, of_class);
    if (failed > 0)
        buf_printf(&text, "; %zu could not be listed", failed);
    folded(table, PAINT_BOLD, 0, buf_str(&text));
    buf_release(&text);
}

/* npx and uvx install what they start; a scan that ends them has nothing to go on from the next time. */
static void time_hint(struct table *table, const struct scan_report *report)
{
    bool timed_out = false;
    for (size_t i = 0; i < report->count; i++)
        timed_out |= report->servers[i].scanned->outcome == SCAN_TIMED_OUT;
    if (timed_out)
        folded(table, PAINT_DIM, 0, STR("--timeout SECONDS gives more time: npx and uvx install before they start."));
}

void scan_table(const struct scan_report *report, const struct table_options *options, struct buf *out)
{
    struct table table = { .options = options, .out = out, .columns = options->columns };
    if (table.columns < COLUMNS_LEAST)
        table.columns = COLUMNS_LEAST;
    if (table.columns > COLUMNS_MOST)
        table.columns = COLUMNS_MOST;
    for (size_t i = 0; i < report->count; i++)
        of_server(&table, &report->servers[i]);
    summary(&table, report);
    time_hint(&table, report);
}

void scan_progress_line(const struct scanned *all, size_t count, size_t columns, struct buf *out)
{
    size_t over = 0;
    struct buf text;
    buf_init(&text, CELL);
    for (size_t i = 0; i < count; i++)
        over += all[i].outcome > SCAN_RUNNING;
    buf_printf(&text, "Scanning %zu of %zu", over, count);
    const char *between = ": ";
    for (size_t i = 0; i < count; i++) {
        if (all[i].outcome != SCAN_RUNNING)
            continue;
        buf_printf(&text, "%s%" STR_FMT, between, STR_ARG(all[i].target->name));
        between = ", ";
    }
    columns_append(out, buf_str(&text), columns, false);
    buf_release(&text);
}
