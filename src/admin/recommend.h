/* The recommended policy of a server, as operators look at it and accept another one. */
#pragma once

#include "admin/operation.h"

struct gateway;

int  recommend_read(const struct json *request, struct operation *out, struct str *why) NODISCARD;
/* {"ok", "server", "in_force"?, "policy"?, "proposed", "proposal"}: revisions and texts of what is, and would be, in force. With
 * the digits of a proposal that was looked at it is put in force, if it is still the same. */
void reply_recommend(struct json_writer *writer, struct gateway *gateway, const struct operation *operation);
