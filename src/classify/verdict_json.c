/* Verdicts written. */
#include "classify/verdict_json.h"

static void write_evidence(struct json_writer *writer, const struct evidence *evidence)
{
    json_write_object(writer);
    json_write_member_string(writer, STR("source"), str_from_c(evidence_source_name(evidence->source)));
    json_write_member_string(writer, STR("words"), evidence->words);
    json_write_member_string(writer, STR("class"), str_from_c(class_name(evidence->class)));
    json_write_member_string(writer, STR("why"), evidence->why);
    if (evidence->where.len > 0)
        json_write_member_string(writer, STR("where"), evidence->where);
    json_write_object_end(writer);
}

void write_verdict(struct json_writer *writer, const struct verdict_on_tool *verdict)
{
    json_write_member_string(writer, STR("class"), str_from_c(class_name(verdict->class)));
    json_write_member_string(writer, STR("badge"), str_from_c(class_badge(verdict->class)));
    json_write_member_string(writer, STR("severity"), str_from_c(severity_name(verdict->severity)));
    json_write_member_string(writer, STR("reason"), verdict->severity_reason);
    json_write_member_int(writer, STR("confidence"), verdict->confidence);
    json_write_key(writer, STR("evidence"));
    json_write_array(writer);
    for (size_t i = 0; i < verdict->evidence_count; i++)
        write_evidence(writer, &verdict->evidence[i]);
    json_write_array_end(writer);
    json_write_key(writer, STR("signals"));
    json_write_array(writer);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        if (verdict->signals & 1U << i)
            json_write_string(writer, str_from_c(signal_name((enum signal)i)));
    }
    json_write_array_end(writer);
    if (verdict->contradiction.len > 0)
        json_write_member_string(writer, STR("contradiction"), verdict->contradiction);
}
