/* Takes an http URL apart. Whether its host may be connected to is stream_connect's to say. */
#include "upstream/url.h"

#include <stdio.h>

int url_parse(struct str text, struct url *out)
{
    static const struct str scheme = { "http://", 7 };
    if (text.len < scheme.len || !str_eq_nocase(str_slice(text, 0, scheme.len), scheme))
        return E_INVALID;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f || text.ptr[i] == '#' || text.ptr[i] == '\\')
            return E_INVALID;
    struct str rest = str_slice(text, scheme.len, text.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    out->authority = str_slice(rest, 0, end);
    out->target = end < rest.len ? str_slice(rest, end, rest.len) : STR("/");
    if (end == 0 || str_find_byte(out->authority, '@') < end || out->target.ptr[0] == '?')
        return E_INVALID;
    bool bracketed = out->authority.ptr[0] == '[';
    size_t port = bracketed ? str_find(out->authority, STR("]:")) : str_find_byte(out->authority, ':');
    int len = snprintf(out->address, sizeof(out->address), "%" STR_FMT "%s", STR_ARG(out->authority),
                       port == end ? ":80" : "");
    return len > 0 && (size_t)len < sizeof(out->address) ? 0 : E_INVALID;
}
