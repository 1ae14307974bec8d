/* host_in: the host of an http or https URL. What two readers of URLs could take differently is unusable. */
#include "policy/op_host.h"

#include "policy/ops.h"

#include <stdint.h>

#define LABEL_MAX 63
#define LABELS_IPV4 4

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int hex_digit(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static struct str label_take(struct str *rest)
{
    struct str label = str_slice(*rest, 0, str_find_byte(*rest, '.'));
    *rest = str_slice(*rest, label.len + 1, rest->len);
    return label;
}

/* A last label of digits, or of 0x and hexadecimal digits, makes readers take the whole for an IPv4 address. */
static bool is_number(struct str label)
{
    bool hex = label.len >= 2 && label.ptr[0] == '0' && (label.ptr[1] | 0x20) == 'x';
    for (size_t i = hex ? 2 : 0; i < label.len; i++)
        if (hex ? hex_digit(label.ptr[i]) < 0 : !is_digit(label.ptr[i]))
            return false;
    return true;
}

static bool is_plain_ipv4(struct str text)
{
    struct str rest = text;
    size_t dots = 0;
    for (size_t i = 0; i < text.len; i++)
        dots += text.ptr[i] == '.';
    for (size_t i = 0; i < LABELS_IPV4; i++) {
        unsigned long long value;
        if (!str_to_u64(label_take(&rest), UINT8_MAX, &value))
            return false;
    }
    return dots == LABELS_IPV4 - 1;
}

static bool is_name_byte(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_';
}

static const char *name_read(struct str text, char key[HOST_KEY_MAX], struct str *out)
{
    if (text.len == 0)
        return "it has no host";
    if (text.len >= HOST_KEY_MAX)
        return "its host is too long";
    struct str rest = text, label;
    bool more;
    do {
        more = str_find_byte(rest, '.') < rest.len;
        label = label_take(&rest);
        if (label.len == 0 || label.len > LABEL_MAX)
            return "its host has an empty or overlong label";
    } while (more);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '.' && !is_name_byte(text.ptr[i]))
            return "its host has a byte in it that names do not have";
        bool upper = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';
        key[i] = (char)(upper ? text.ptr[i] | 0x20 : text.ptr[i]);
    }
    if (is_number(label) && !is_plain_ipv4(text))
        return "its host is a number that is no plain IPv4 address";
    *out = str_of(key, text.len);
    return NULL;
}

#define GROUPS 8

/* RFC 4291 §2.2, without the form that ends in an IPv4 address. */
static bool groups_read(struct str text, uint16_t groups[GROUPS], size_t *count, size_t *gap)
{
    size_t at = 0;
    *count = 0;
    *gap = GROUPS + 1; /* none */
    if (str_starts_with(text, STR("::"))) {
        *gap = 0;
        at = 2;
    }
    while (at < text.len) {
        unsigned value = 0;
        size_t start = at;
        for (; at < text.len && hex_digit(text.ptr[at]) >= 0; at++)
            value = (value << 4 | (unsigned)hex_digit(text.ptr[at])) & 0xfffff;
        if (at == start || at - start > 4 || *count == GROUPS)
            return false;
        groups[(*count)++] = (uint16_t)value;
        if (at == text.len)
            break;
        if (text.ptr[at++] != ':' || at == text.len)
            return false;
        if (text.ptr[at] != ':')
            continue;
        if (*gap <= GROUPS)
            return false;
        *gap = *count;
        at++;
    }
    return *gap <= GROUPS ? *count < GROUPS : *count == GROUPS;
}

/* Mapped, compatible and translated IPv4 addresses: other forms of four decimals. :: and ::1 are not. */
static bool is_ipv4_inside(const uint16_t groups[GROUPS])
{
    bool zeros = (groups[0] | groups[1] | groups[2] | groups[3] | groups[4]) == 0;
    bool small = zeros && (groups[5] | groups[6]) == 0 && groups[7] <= 1;
    bool translated = groups[0] == 0x64 && groups[1] == 0xff9b;
    return translated || (zeros && !small && (groups[5] == 0 || groups[5] == 0xffff));
}

static const char *ipv6_read(struct str text, char key[HOST_KEY_MAX], struct str *out)
{
    uint16_t written[GROUPS], groups[GROUPS] = { 0 };
    size_t count, gap;
    if (!groups_read(text, written, &count, &gap))
        return "its host is no IPv6 address";
    for (size_t i = 0; i < count; i++)
        groups[i < gap ? i : GROUPS - count + i] = written[i];
    if (is_ipv4_inside(groups))
        return "its host is an IPv4 address in another form";
    key[0] = '[';
    for (size_t i = 0; i < GROUPS; i++) {
        key[1 + 2 * i] = (char)(groups[i] >> 8);
        key[2 + 2 * i] = (char)(groups[i] & 0xff);
    }
    *out = str_of(key, 1 + 2 * (size_t)GROUPS);
    return NULL;
}

const char *host_read(struct str text, char key[HOST_KEY_MAX], struct str *out)
{
    if (!str_starts_with(text, STR("[")))
        return name_read(text, key, out);
    if (!str_ends_with(text, STR("]")))
        return "its host has an open bracket";
    return ipv6_read(str_slice(text, 1, text.len - 1), key, out);
}

static const char *byte_fault(struct str url)
{
    for (size_t i = 0; i < url.len; i++) {
        unsigned char byte = (unsigned char)url.ptr[i];
        if (byte <= ' ' || byte == 0x7f)
            return "it has a space or a control byte in it";
        if (byte > 0x7f)
            return "it has a byte in it that is not ASCII";
        if (byte == '\\')
            return "it has a backslash in it";
    }
    return NULL;
}

/* From behind the two slashes to the path, the query or the fragment (RFC 3986 §3.2). */
static struct str authority_of(struct str url, size_t from)
{
    size_t end = from;
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#')
        end++;
    return str_slice(url, from, end);
}

const char *host_of_url(struct str url, char key[HOST_KEY_MAX], struct str *out)
{
    static const struct str schemes[] = { STR("http://"), STR("https://") };
    const char *fault = byte_fault(url);
    if (fault != NULL)
        return fault;
    size_t scheme = 0;
    while (scheme < 2 && !str_eq_nocase(str_slice(url, 0, schemes[scheme].len), schemes[scheme]))
        scheme++;
    if (scheme == 2)
        return "it is no http or https URL";
    struct str authority = authority_of(url, schemes[scheme].len);
    if (str_find_byte(authority, '@') < authority.len)
        return "it has user information in it";
    bool bracket = str_starts_with(authority, STR("["));
    size_t end = bracket ? str_find_byte(authority, ']') + 1 : str_find_byte(authority, ':');
    struct str port = str_slice(authority, end, authority.len);
    unsigned long long number;
    if (port.len > 0 && (port.ptr[0] != ':' || !str_to_u64(str_slice(port, 1, port.len), UINT16_MAX, &number)))
        return "it has a port that is none";
    return host_read(str_slice(authority, 0, end), key, out);
}

/* "*.example.com" stands among the items as ".example.com". */
enum answer op_host_in(struct op_run *run)
{
    OP_BUFFER char key[HOST_KEY_MAX];
    struct str host;
    const char *fault = host_of_url(run->value.text, key, &host);
    if (fault != NULL)
        return op_unreadable(run, fault);
    if (operand_has_text(run->operand, host))
        return ANSWER_TRUE;
    for (size_t at = 1; at < host.len && host.ptr[0] != '['; at++)
        if (host.ptr[at] == '.' && operand_has_text(run->operand, str_slice(host, at, host.len)))
            return ANSWER_TRUE;
    return ANSWER_FALSE;
}
