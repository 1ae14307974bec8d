/* The scan as JSON, and what the reports have in common. */
#include "catalog/report.h"
#include "classify/verdict_json.h"
#include "json/writer.h"

#include <stdio.h>
#include <time.h>

#define REPORT_VERSION 1

const enum tool_class report_classes[CLASS_COUNT] = { CLASS_FINANCIAL, CLASS_DESTRUCTIVE, CLASS_EXECUTE,
                                                      CLASS_WRITE,     CLASS_READ,        CLASS_OTHER };

void report_time(int64_t at_ms, char out[REPORT_TIME])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(out, REPORT_TIME, "%Y-%m-%d %H:%M:%SZ", &utc) == 0)
        out[0] = 0;
}

static void write_counts(struct json_writer *writer, const struct judgement *judgement)
{
    json_write_key(writer, STR("classes"));
    json_write_object(writer);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        json_write_member_int(writer, str_from_c(class_name(report_classes[i])),
                              (int64_t)judgement->of_class[report_classes[i]]);
    json_write_object_end(writer);
    json_write_key(writer, STR("severities"));
    json_write_object(writer);
    for (int i = SEVERITY_COUNT - 1; i >= 0; i--)
        json_write_member_int(writer, str_from_c(severity_name((enum severity)i)), (int64_t)judgement->of_severity[i]);
    json_write_object_end(writer);
}

static void write_tool(struct json_writer *writer, const struct judged *tool)
{
    json_write_object(writer);
    json_write_member_string(writer, STR("name"), tool->tool->name);
    if (tool->title.len > 0)
        json_write_member_string(writer, STR("title"), tool->title);
    json_write_member_string(writer, STR("description"), tool->description);
    write_verdict(writer, &tool->verdict);
    if (tool->overruled)
        json_write_member_bool(writer, STR("class_overruled"), true);
    if (tool->change != CHANGE_NONE)
        json_write_member_string(writer, STR("change"), str_from_c(change_name(tool->change)));
    json_write_object_end(writer);
}

static void write_items(struct json_writer *writer, struct str key, const struct item *items, size_t count)
{
    json_write_key(writer, key);
    json_write_array(writer);
    for (size_t i = 0; i < count; i++)
        json_write_string(writer, items[i].name);
    json_write_array_end(writer);
}

static void write_past(struct json_writer *writer, const struct past *past)
{
    char when[REPORT_TIME];
    if (!past || !past->known)
        return;
    report_time(past->at_ms, when);
    json_write_key(writer, STR("since"));
    json_write_object(writer);
    json_write_member_string(writer, STR("time"), str_from_c(when));
    for (int i = CHANGE_NEW; i <= CHANGE_RISK; i++)
        json_write_member_int(writer, str_from_c(change_name((enum change)i)), (int64_t)past->changes[i]);
    json_write_key(writer, STR("gone"));
    json_write_array(writer);
    for (size_t i = 0; i < past->gone_count; i++)
        json_write_string(writer, past->gone[i]);
    json_write_array_end(writer);
    json_write_object_end(writer);
}

static void write_listed(struct json_writer *writer, const struct report_server *server)
{
    const struct judgement *judgement = server->judgement;
    const struct definitions *definitions = server->scanned->definitions;
    if (judgement->grade)
        json_write_member_string(writer, STR("grade"), str_of(&judgement->grade, 1));
    json_write_member_string(writer, STR("grade_reason"), judgement->grade_why);
    write_counts(writer, judgement);
    write_past(writer, server->past);
    json_write_key(writer, STR("tools"));
    json_write_array(writer);
    for (size_t i = 0; i < judgement->count; i++)
        write_tool(writer, &judgement->tools[i]);
    json_write_array_end(writer);
    write_items(writer, STR("prompts"), definitions->prompts, definitions->prompt_count);
    write_items(writer, STR("resources"), definitions->resources, definitions->resource_count);
    write_items(writer, STR("resource_templates"), definitions->templates, definitions->template_count);
}

static void write_server(struct json_writer *writer, const struct report_server *server)
{
    const struct scanned *scanned = server->scanned;
    json_write_object(writer);
    json_write_member_string(writer, STR("name"), scanned->target->name);
    if (scanned->target->source.len > 0)
        json_write_member_string(writer, STR("source"), scanned->target->source);
    json_write_member_string(writer, STR("target"), scanned->target->shown);
    json_write_member_string(writer, STR("status"), str_from_c(scan_outcome_name(scanned->outcome)));
    if (scanned->why[0])
        json_write_member_string(writer, STR("why"), str_from_c(scanned->why));
    if (scanned->outcome != SCAN_LISTED && scanned->last_words[0])
        json_write_member_string(writer, STR("last_words"), str_from_c(scanned->last_words));
    json_write_member_int(writer, STR("took_ms"), scanned->took_ms);
    if (scanned->note_count > 0) {
        json_write_key(writer, STR("notes"));
        json_write_array(writer);
        for (size_t i = 0; i < scanned->note_count; i++)
            json_write_string(writer, str_from_c(scanned->notes[i]));
        json_write_array_end(writer);
    }
    if (server->judgement)
        write_listed(writer, server);
    json_write_object_end(writer);
}

int report_scan_json(const struct scan_report *report, struct buf *out)
{
    struct json_writer writer;
    char when[REPORT_TIME];
    report_time(report->at_ms, when);
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_int(&writer, STR("version"), REPORT_VERSION);
    json_write_member_string(&writer, STR("warder"), STR(WARDER_VERSION));
    json_write_member_int(&writer, STR("classifier"), CLASSIFIER_VERSION);
    json_write_member_string(&writer, STR("time"), str_from_c(when));
    json_write_key(&writer, STR("servers"));
    json_write_array(&writer);
    for (size_t i = 0; i < report->count; i++)
        write_server(&writer, &report->servers[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    buf_append_byte(out, '\n');
    return buf_ok(out) ? 0 : E_LIMIT;
}
