/* Takes an http or https URL apart. */
#include "model/url.h"

#include <stdint.h>
#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Four numbers as everybody writes them: no leading zero, which would be octal to some. */
static bool is_dotted_quad(struct str host)
{
    unsigned parts = 0;
    while (parts < 4) {
        size_t end = str_find_byte(host, '.');
        unsigned long long number;
        if (end == 0 || (end > 1 && host.ptr[0] == '0') || !str_to_u64(str_slice(host, 0, end), 255, &number))
            return false;
        parts++;
        if (end == host.len)
            return parts == 4;
        host = str_slice(host, end + 1, host.len);
    }
    return false;
}

/* RFC 1123 §2.1; its last label begins with a letter, so that nothing numeric is a name. */
static bool is_host_name(struct str host)
{
    size_t label = 0;
    char before = '.';
    if (host.len == 0 || host.len > URL_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c == '.') {
            if (before == '.' || before == '-')
                return false;
            label = i + 1;
        } else if (!is_letter(c) && !is_digit(c) && (c != '-' || before == '.')) {
            return false;
        } else if (i - label >= 63) {
            return false;
        }
        before = c;
    }
    return before != '.' && before != '-' && is_letter(host.ptr[label]);
}

static bool is_ipv6_text(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != ':' && c != '.')
            return false;
    }
    return host.len >= 2 && str_find_byte(host, ':') < host.len;
}

static bool read_authority(struct url *out)
{
    struct str authority = out->authority;
    bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    size_t end = bracketed ? str_find_byte(authority, ']') : str_find_byte(authority, ':');
    if (bracketed && end == authority.len)
        return false;
    out->host = str_slice(authority, bracketed ? 1 : 0, end);
    struct str rest = str_slice(authority, bracketed ? end + 1 : end, authority.len);
    unsigned long long number = out->https ? 443 : 80;
    if (rest.len > 0) {
        struct str port = str_slice(rest, 1, rest.len);
        if (rest.ptr[0] != ':' || !str_to_u64(port, UINT16_MAX, &number) || number == 0)
            return false;
    }
    out->is_name = !bracketed && !is_dotted_quad(out->host) && !str_eq_nocase(out->host, STR("localhost"));
    if (bracketed ? !is_ipv6_text(out->host) : out->is_name && !is_host_name(out->host))
        return false;
    int len = snprintf(out->address, sizeof(out->address), "%s%" STR_FMT "%s:%llu", bracketed ? "[" : "",
                       STR_ARG(out->host), bracketed ? "]" : "", number);
    return len > 0 && (size_t)len < sizeof(out->address);
}

int url_parse(struct str text, struct url *out)
{
    static const struct str schemes[] = { { "http://", 7 }, { "https://", 8 } };
    *out = (struct url){ .https = str_eq_nocase(str_slice(text, 0, schemes[1].len), schemes[1]) };
    struct str scheme = schemes[out->https];
    if (!str_eq_nocase(str_slice(text, 0, scheme.len), scheme))
        return E_INVALID;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f || strchr("#\\\"<>", text.ptr[i]))
            return E_INVALID;
    struct str rest = str_slice(text, scheme.len, text.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    out->authority = str_slice(rest, 0, end);
    out->target = end < rest.len ? str_slice(rest, end, rest.len) : STR("/");
    return out->target.ptr[0] == '/' && read_authority(out) ? 0 : E_INVALID;
}
