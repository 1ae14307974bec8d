/* The table of methods and of protocol revisions. */
#include "mcp/message.h"

#include "base/check.h"

static const struct method_row rows[METHOD_COUNT] = {
#define METHOD(id, text, from, of_eras, of_kind, of_subject, recorded) \
    [METHOD_##id] = { .name = { "" text, sizeof(text) - 1 },           \
                      .sender = SENDER_##from,                         \
                      .eras = METHOD_ERAS_##of_eras,                   \
                      .kind = METHOD_##of_kind,                        \
                      .subject = METHOD_SUBJECT_##of_subject,          \
                      .record = METHOD_RECORD_##recorded },
#include "mcp/methods.def"
#undef METHOD
};

const struct method_row *method_row(enum method_id id)
{
    CHECK(id > METHOD_UNKNOWN && id < METHOD_COUNT);
    return &rows[id];
}

/* The methods that are asked for most stand first in the table, so a scan is as good as a hash. */
enum method_id method_find(struct str name, enum sender sender)
{
    for (int id = METHOD_UNKNOWN + 1; id < METHOD_COUNT; id++)
        if (rows[id].sender == sender && str_eq(rows[id].name, name))
            return (enum method_id)id;
    return METHOD_UNKNOWN;
}

bool mcp_version_is_supported(struct str version)
{
#define V(text)                     \
    if (str_eq(version, STR(text))) \
        return true;
    MCP_VERSIONS(V)
#undef V
    return false;
}
