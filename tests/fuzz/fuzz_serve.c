/* What a browser, or something else, asks the catalogue's server: a path that passes leads nowhere up and to nothing
 * hidden, and words that pass are text. */
#include "base/check.h"
#include "catalog/search.h"
#include "catalog/serve_query.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str target = str_of((const char *)data, size), path, query;
    struct buf words;
    if (serve_split(target, &path, &query)) {
        CHECK(path.ptr[0] == '/' && path.len + query.len <= target.len);
        CHECK(str_find(path, STR("/.")) == path.len && str_find(path, STR("//")) == path.len);
        CHECK(str_find_byte(path, '\0') == path.len && str_find_byte(path, '%') == path.len);
        (void)serve_type(path);
        buf_init(&words, SEARCH_QUERY_BYTES);
        if (serve_words(query, &words) == 0)
            CHECK(words.len <= SEARCH_QUERY_BYTES && str_is_utf8(buf_str(&words)));
        buf_release(&words);
    }
    (void)serve_matches(target, STR("\"a-1\""));
    return 0;
}
