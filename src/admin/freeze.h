/* What operators ask and read of freezes. */
#pragma once

#include "admin/operation.h"
#include "json/json.h"
#include "json/writer.h"
#include "store/store.h"

/* {"grant": ID or label} or {"server": NAME} or {"all": true}, and {"reason": TEXT}. A grant goes to out->which, to be
 * found. E_INVALID with a sentence in *why. */
int freeze_read(const struct json *request, struct operation *out, struct str *why) NODISCARD;
/* "frozen": [{"scope", "name", "label", "reason", "since_ms"}] */
void freeze_write_all(struct json_writer *writer, struct store *store);
void reply_freezes(struct json_writer *writer, struct store *store);
