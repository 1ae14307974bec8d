/* URLs of servers: whatever is taken for one is made of the octets of a request line, its parts lie in the text, and
 * put together again they mean the same; what is no name is an address to the one who connects. */
#include "base/check.h"
#include "io/address.h"
#include "model/url.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct str text, struct str part)
{
    CHECK(part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
    for (size_t i = 0; i < part.len; i++)
        CHECK(part.ptr[i] > 0x20 && part.ptr[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct url url, again;
    struct address address;
    char printed[65536];

    if (size > 32768 || url_parse(text, &url) != 0)
        return 0;
    check_part(text, url.authority);
    check_part(text, url.host);
    if (url.target.len > 1)
        check_part(text, url.target);
    CHECK(url.target.len > 0 && url.target.ptr[0] == '/');
    CHECK(str_find_byte(url.authority, '@') == url.authority.len &&
          str_find_byte(url.authority, '/') == url.authority.len);
    if (url.is_name)
        CHECK(address_parse(str_from_c(url.address), &address) != 0);
    snprintf(printed, sizeof(printed), "http%s://%s%" STR_FMT, url.https ? "s" : "", url.address, STR_ARG(url.target));
    AZ(url_parse(str_from_c(printed), &again));
    CHECK(again.https == url.https && again.is_name == url.is_name && str_eq(again.host, url.host) &&
          str_eq(again.target, url.target) && strcmp(again.address, url.address) == 0);
    return 0;
}
