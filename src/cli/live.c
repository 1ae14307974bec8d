/* Members to fields: the way back of record_print_json. */
#include "cli/live.h"

#include "cli/ask.h"
#include "cli/when.h"
#include "json/json.h"

static bool read_kind(struct str word, enum record_kind *out)
{
    for (int i = 0; i < RECORD_KIND_COUNT; i++) {
        *out = (enum record_kind)i;
        if (str_eq(word, str_from_c(record_kind_name(*out))))
            return true;
    }
    return false;
}

static enum outcome read_outcome(struct str word)
{
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (str_eq(word, str_from_c(outcome_name((enum outcome)i))))
            return (enum outcome)i;
    return OUTCOME_unknown;
}

bool live_record(const struct json *root, struct record *out)
{
    *out = (struct record){
        .server = answer_text(root, "server"),
        .method = answer_text(root, "method"),
        .name = answer_text(root, "name"),
        .grant = answer_text(root, "grant"),
        .rule = answer_text(root, "rule"),
        .text = answer_text(root, "text"),
        .outcome = read_outcome(answer_text(root, "outcome")),
        .count = (uint64_t)answer_int(root, "count"),
        .micros = answer_int(root, "micros"),
    };
    struct str reason = answer_text(root, "reason"), id = answer_text(root, "id");
    out->class.known = class_of_word(answer_text(root, "class"), &out->class.class);
    return read_kind(answer_text(root, "kind"), &out->kind) &&
           (reason.len == 0 || reason_parse(reason, &out->reason)) && (id.len == 0 || id_parse(id, &out->call) == 0) &&
           when_parse(answer_text(root, "time"), 0, &out->at_ms) == 0;
}
