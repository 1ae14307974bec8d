/* A URL: where a host is read from it, a reader that only looks for the usual marks finds the same one, and the tricks
 * that move a host are not readable. */
#include "policy/op_host.h"

#include "base/buf.h"
#include "base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands between "//" and the first of "/?#:", as most look for it. */
static struct str plain_host(struct str url)
{
    size_t start = str_find(url, STR("//")) + 2, end = start;
    bool bracket = start < url.len && url.ptr[start] == '[';
    while (end < url.len && strchr(bracket ? "/?#" : "/?#:", url.ptr[end]) == NULL)
        end++;
    if (bracket)
        end = start + str_find_byte(str_slice(url, start, url.len), ']') + 1;
    return str_slice(url, start, end);
}

static const char *read_with(struct str before, struct str after, struct str url, size_t at, char key[HOST_KEY_MAX],
                             struct str *host)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_append_str(&text, str_slice(url, 0, at));
    buf_append_str(&text, before);
    buf_append_str(&text, str_slice(url, at, url.len));
    buf_append_str(&text, after);
    const char *fault = buf_ok(&text) ? host_of_url(buf_str(&text), key, host) : "too long";
    buf_release(&text);
    return fault;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str url = str_of((const char *)data, size), host, other;
    char key[HOST_KEY_MAX], other_key[HOST_KEY_MAX];
    if (host_read(url, key, &host) == NULL && host.ptr[0] != '[') {
        CHECK(host_read(host, other_key, &other) == NULL && str_eq(host, other));
        CHECK(str_eq_nocase(host, url));
    }
    if (host_of_url(url, key, &host) != NULL)
        return 0;
    CHECK(host.len > 0 && host.len < HOST_KEY_MAX && (host.ptr[0] == '[') == (plain_host(url).ptr[0] == '['));
    if (host.ptr[0] != '[')
        CHECK(str_eq_nocase(host, plain_host(url)));
    CHECK(host_read(plain_host(url), other_key, &other) == NULL && str_eq(host, other));
    size_t start = str_find(url, STR("//")) + 2;
    CHECK(read_with(STR("evil.example@"), STR_EMPTY, url, start, other_key, &other) != NULL);
    CHECK(read_with(STR("\\"), STR_EMPTY, url, start, other_key, &other) != NULL);
    CHECK(read_with(STR("/"), STR_EMPTY, url, start, other_key, &other) != NULL);
    CHECK(read_with(STR_EMPTY, STR("#@evil.example/"), url, url.len, other_key, &other) == NULL && str_eq(host, other));
    return 0;
}
