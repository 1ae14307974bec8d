/* How wide a text is on a terminal: East Asian wide characters and emoji take two columns, marks that combine none. For
 * text that was escaped already. Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

size_t columns_of(struct str text);
/* As much of the text as fits; what was cut ends with "…". Fewer columns are filled with spaces when `pad`. */
void   columns_append(struct buf *out, struct str text, size_t columns, bool pad);
