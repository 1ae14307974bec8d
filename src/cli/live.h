/* A record as a running gateway tells of it to those who follow, in JSON, read again to be shown. */
#pragma once

#include "model/record.h"

#include <stdbool.h>

struct json;

/* What a row of text shows, and no more; strings live in the tree. False: it is no record of a kind that is known. */
bool live_record(const struct json *root, struct record *out);
