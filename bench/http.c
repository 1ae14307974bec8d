/* As much of HTTP/1.1 as both ends of the bench need. */
#include "http.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

const char *http_field(const char *head, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    const char *end = head + len;
    const char *line = memchr(head, '\n', len);
    while (line && line + 1 + name_len < end) {
        line++;
        if (strncasecmp(line, name, name_len) == 0) {
            line += name_len;
            while (line < end && *line == ' ')
                line++;
            return line;
        }
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return NULL;
}

size_t http_message_len(const char *data, size_t len, size_t *head)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    *head = 0;
    if (!end)
        return len > 65536 ? SIZE_MAX : 0;
    *head = (size_t)(end - data) + 4;
    const char *digit = http_field(data, *head, "content-length:");
    if (!digit)
        return http_field(data, *head, "transfer-encoding:") ? SIZE_MAX : *head;
    size_t body = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        body = body * 10 + (size_t)(*digit - '0');
    if (body > (size_t)64 << 20)
        return SIZE_MAX;
    return *head + body <= len ? *head + body : 0;
}
