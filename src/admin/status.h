/* What `status` and `reload` answer. */
#pragma once

#include "admin/control.h"
#include "gate/gateway.h"
#include "gate/reload.h"
#include "json/writer.h"

void reply_status(const struct control_options *of, int64_t started_ms, struct json_writer *writer);
/* The members of one server, inside an object. */
void reply_server(const struct gateway_server_status *server, struct json_writer *writer);
void reply_reload(const struct reload_status *status, struct json_writer *writer);
