/* The only way that bytes leave: no insignificant space, shortest escapes, members in source order, numbers with
 * their source digits. Failure sticks in the buffer. write(parse(write(x))) is byte-equal to write(x). Pure. */
#pragma once

#include "base/buf.h"
#include "json/json.h"

struct json_writer {
    struct buf *out;
    bool        comma; /* a separator is due before the next key or element */
    bool        keyed; /* a key was written, its value is due */
};

void json_write_init(struct json_writer *writer, struct buf *out);
void json_write_object(struct json_writer *writer);
void json_write_object_end(struct json_writer *writer);
void json_write_array(struct json_writer *writer);
void json_write_array_end(struct json_writer *writer);
void json_write_key(struct json_writer *writer, struct str key);
void json_write_string(struct json_writer *writer, struct str value);  /* invalid UTF-8 is a failure */
void json_write_int(struct json_writer *writer, int64_t value);
void json_write_bool(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);
/* A node as it stands in its tree. */
void json_write_node(struct json_writer *writer, const struct json *node);
/* The same with the members of every object in the order of their names. E_NOMEM. */
int  json_write_canonical(struct json_writer *writer, struct arena *arena, const struct json *node) NODISCARD;
/* Bytes that this writer made before (an operation's arguments, a stored definition). */
void json_write_raw(struct json_writer *writer, struct str written);
/* json_write_key and the value, for the common kinds. */
void json_write_member_string(struct json_writer *writer, struct str key, struct str value);
void json_write_member_int(struct json_writer *writer, struct str key, int64_t value);
void json_write_member_bool(struct json_writer *writer, struct str key, bool value);
void json_write_member_node(struct json_writer *writer, struct str key, const struct json *node);
