/* Heads of HTTP/1.1 messages, written so that no value can end its line: a name that is no token or a value with an
 * octet outside visible ASCII, space and tab makes the buffer fail (buf_ok says so). Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stdint.h>

void http1_write_answer(struct buf *out, unsigned status);                              /* "HTTP/1.1 200 OK" and its end */
void http1_write_request(struct buf *out, struct str method, struct str target);        /* "POST /mcp HTTP/1.1" */
void http1_write_field(struct buf *out, struct str name, struct str value);
void http1_write_length(struct buf *out, uint64_t length);                              /* Content-Length */
void http1_write_end(struct buf *out);                                                  /* the empty line */
