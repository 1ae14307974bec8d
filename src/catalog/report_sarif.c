/* SARIF 2.1.0 (OASIS): a rule for each class of tools and each signal that is an attack by itself, a result for each
 * tool. Texts are plain ("text"), never "markdown". */
#include "base/buf.h"
#include "base/encode.h"
#include "catalog/report.h"
#include "json/writer.h"

#include <stdio.h>

#define SHOWN 1024

/* Controls and what cannot be seen as escapes: viewers show it as it is. */
static void write_shown(struct json_writer *writer, struct str key, struct str text)
{
    char shown[SHOWN];
    size_t len = text_escape(text, shown, sizeof(shown));
    json_write_member_string(writer, key, str_of(shown, len));
}

/* SARIF §3.11.6 makes links of "[words](address)" in plain texts too: a parenthesis behind a bracket is written as an
 * escape, so that no server's text becomes one. */
static void write_message(struct json_writer *writer, struct str key, const char *text)
{
    struct buf unlinked;
    struct str rest = str_from_c(text);
    buf_init(&unlinked, 64 << 10);
    for (size_t at; (at = str_find(rest, STR("]("))) < rest.len; rest = str_slice(rest, at + 2, rest.len)) {
        buf_append_str(&unlinked, str_slice(rest, 0, at));
        buf_append_str(&unlinked, STR("]\\u{28}"));
    }
    buf_append_str(&unlinked, rest);
    json_write_key(writer, key);
    json_write_object(writer);
    json_write_member_string(writer, STR("text"), buf_ok(&unlinked) ? buf_str(&unlinked) : STR("…"));
    json_write_object_end(writer);
    buf_release(&unlinked);
}

/* ---- rules ---- */

static const struct rule {
    const char *id, *name, *text, *level;
} class_rules[] = {
    /* in the order of report_classes */
    { "financial-tool", "FinancialTool", "A tool that moves or commits money", "error" },
    { "destructive-tool", "DestructiveTool", "A tool that removes for good, or stops what cannot be resumed", "error" },
    { "execute-tool", "ExecuteTool", "A tool that triggers actions or runs processes", "warning" },
    { "write-tool", "WriteTool", "A tool that creates or changes data", "note" },
    { "read-tool", "ReadTool", "A tool that retrieves data", "note" },
    { "other-tool", "OtherTool", "A tool whose kind cannot be told", "note" },
};

static const struct signal_rule {
    enum signal signal;
    struct rule rule;
} signal_rules[] = {
    { SIGNAL_HIDDEN_TEXT,
      { "hidden-text", "HiddenText", "A tool with characters in its texts that people do not see", "error" } },
    { SIGNAL_INSTRUCTIONS,
      { "instructions", "Instructions", "A tool whose texts tell the model what to do, beyond what the tool does",
        "error" } },
};
#define SIGNAL_RULES (sizeof(signal_rules) / sizeof(signal_rules[0]))

static void write_rule(struct json_writer *writer, const struct rule *rule)
{
    json_write_object(writer);
    json_write_member_string(writer, STR("id"), str_from_c(rule->id));
    json_write_member_string(writer, STR("name"), str_from_c(rule->name));
    write_message(writer, STR("shortDescription"), rule->text);
    json_write_key(writer, STR("defaultConfiguration"));
    json_write_object(writer);
    json_write_member_string(writer, STR("level"), str_from_c(rule->level));
    json_write_object_end(writer);
    json_write_object_end(writer);
}

static void write_tool_component(struct json_writer *writer)
{
    json_write_key(writer, STR("tool"));
    json_write_object(writer);
    json_write_key(writer, STR("driver"));
    json_write_object(writer);
    json_write_member_string(writer, STR("name"), STR("Warder"));
    json_write_member_string(writer, STR("version"), STR(WARDER_VERSION));
    json_write_key(writer, STR("rules"));
    json_write_array(writer);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        write_rule(writer, &class_rules[i]);
    for (size_t i = 0; i < SIGNAL_RULES; i++)
        write_rule(writer, &signal_rules[i].rule);
    json_write_array_end(writer);
    json_write_object_end(writer);
    json_write_object_end(writer);
}

/* ---- results ---- */

/* RFC 3986 §2.3: everything but unreserved characters and '/' is an octet in hexadecimal. */
static void write_uri(struct json_writer *writer, struct str path)
{
    static const char hex[] = "0123456789ABCDEF";
    struct buf out;
    buf_init(&out, 1 << 16);
    if (path.len > 0 && path.ptr[0] == '/')
        buf_append_str(&out, STR("file://"));
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~/", c))) {
            buf_append_byte(&out, c);
        } else {
            buf_append_byte(&out, '%');
            buf_append_byte(&out, hex[(unsigned char)c >> 4]);
            buf_append_byte(&out, hex[c & 15]);
        }
    }
    json_write_member_string(writer, STR("uri"), buf_str(&out));
    buf_release(&out);
}

static void write_location(struct json_writer *writer, const struct target *target, struct str tool)
{
    struct str source = str_slice(target->source, 0, str_find(target->source, STR(", "))); /* the first of its files */
    char full[SHOWN];
    json_write_key(writer, STR("locations"));
    json_write_array(writer);
    json_write_object(writer);
    if (source.len > 0) {
        json_write_key(writer, STR("physicalLocation"));
        json_write_object(writer);
        json_write_key(writer, STR("artifactLocation"));
        json_write_object(writer);
        write_uri(writer, source);
        json_write_object_end(writer);
        json_write_object_end(writer);
    }
    json_write_key(writer, STR("logicalLocations"));
    json_write_array(writer);
    json_write_object(writer);
    write_shown(writer, STR("name"), tool.len > 0 ? tool : target->name);
    int len = snprintf(full, sizeof(full), "%" STR_FMT "%s", STR_ARG(target->name), tool.len > 0 ? "/" : "");
    if (tool.len > 0)
        text_escape(tool, full + len, sizeof(full) - (size_t)len);
    json_write_member_string(writer, STR("fullyQualifiedName"), str_from_c(full));
    json_write_member_string(writer, STR("kind"), tool.len > 0 ? STR("function") : STR("module"));
    json_write_object_end(writer);
    json_write_array_end(writer);
    json_write_object_end(writer);
    json_write_array_end(writer);
}

static const char *level_of(enum severity severity)
{
    static const char *const levels[] = { "note", "warning", "error", "error" };
    return levels[severity];
}

static void write_result(struct json_writer *writer, const struct target *target, const struct judged *tool,
                         size_t index, const struct rule *rule, const char *level, const char *text)
{
    json_write_object(writer);
    json_write_member_string(writer, STR("ruleId"), str_from_c(rule->id));
    json_write_member_int(writer, STR("ruleIndex"), (int64_t)index);
    json_write_member_string(writer, STR("level"), str_from_c(level));
    write_message(writer, STR("message"), text);
    write_location(writer, target, tool->tool->name);
    json_write_key(writer, STR("properties"));
    json_write_object(writer);
    json_write_member_string(writer, STR("severity"), str_from_c(severity_name(tool->verdict.severity)));
    json_write_member_int(writer, STR("confidence"), tool->verdict.confidence);
    json_write_object_end(writer);
    json_write_object_end(writer);
}

static void write_tool(struct json_writer *writer, const struct target *target, const struct judged *tool)
{
    char text[SHOWN], name[SHOWN / 4], words[SHOWN / 4] = "";
    const struct verdict_on_tool *verdict = &tool->verdict;
    size_t index = 0;
    while (report_classes[index] != verdict->class)
        index++;
    text_escape(tool->tool->name, name, sizeof(name));
    if (verdict->evidence_count > 0)
        text_escape(verdict->evidence[0].words, words, sizeof(words));
    snprintf(text, sizeof(text), "%s of server %" STR_FMT " is %s, %s severity: %" STR_FMT "%s%s%s", name,
             STR_ARG(target->name), class_name(verdict->class), severity_name(verdict->severity),
             STR_ARG(verdict->severity_reason), words[0] ? " (it says \"" : "", words, words[0] ? "\")" : "");
    write_result(writer, target, tool, index, &class_rules[index], level_of(verdict->severity), text);
    for (size_t i = 0; i < SIGNAL_RULES; i++) {
        const struct signal_rule *rule = &signal_rules[i];
        if (!(verdict->signals >> rule->signal & 1))
            continue;
        snprintf(text, sizeof(text), "%s of server %" STR_FMT " %s", name, STR_ARG(target->name),
                 signal_text(rule->signal));
        write_result(writer, target, tool, CLASS_COUNT + i, &rule->rule, rule->rule.level, text);
    }
}

static void write_invocation(struct json_writer *writer, const struct scan_report *report)
{
    bool whole = true;
    json_write_key(writer, STR("invocations"));
    json_write_array(writer);
    json_write_object(writer);
    for (size_t i = 0; i < report->count; i++)
        whole &=
            report->servers[i].scanned->outcome == SCAN_LISTED || report->servers[i].scanned->outcome == SCAN_DISABLED;
    json_write_member_bool(writer, STR("executionSuccessful"), whole);
    json_write_key(writer, STR("toolExecutionNotifications"));
    json_write_array(writer);
    for (size_t i = 0; i < report->count; i++) {
        const struct scanned *scanned = report->servers[i].scanned;
        char text[2 * SCAN_WHY_MAX];
        if (scanned->outcome == SCAN_LISTED)
            continue;
        snprintf(text, sizeof(text), "server %" STR_FMT ": %s: %s", STR_ARG(scanned->target->name),
                 scan_outcome_name(scanned->outcome), scanned->why);
        json_write_object(writer);
        json_write_member_string(writer, STR("level"), scanned->outcome == SCAN_DISABLED ? STR("note") : STR("error"));
        write_message(writer, STR("message"), text);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    json_write_object_end(writer);
    json_write_array_end(writer);
}

int report_scan_sarif(const struct scan_report *report, struct buf *out)
{
    struct json_writer writer;
    json_write_init(&writer, out);
    json_write_object(&writer);
    json_write_member_string(&writer, STR("version"), STR("2.1.0"));
    json_write_key(&writer, STR("runs"));
    json_write_array(&writer);
    json_write_object(&writer);
    write_tool_component(&writer);
    write_invocation(&writer, report);
    json_write_key(&writer, STR("results"));
    json_write_array(&writer);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_server *server = &report->servers[i];
        for (size_t t = 0; server->judgement && t < server->judgement->count; t++)
            write_tool(&writer, server->scanned->target, &server->judgement->tools[t]);
    }
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    buf_append_byte(out, '\n');
    return buf_ok(out) ? 0 : E_LIMIT;
}
