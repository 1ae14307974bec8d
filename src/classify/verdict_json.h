/* A verdict as members of a JSON object that is open: for `warder classify`, scans and the catalogue. */
#pragma once

#include "classify/classify.h"
#include "json/writer.h"

void write_verdict(struct json_writer *writer, const struct verdict_on_tool *verdict);
