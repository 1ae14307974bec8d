/* Heads that we send. */
#include "net/http1_write.h"

#include "net/octets.h"

static struct str phrase_of(unsigned status)
{
    switch (status) {
    case 200: return STR("OK");
    case 202: return STR("Accepted");
    case 204: return STR("No Content");
    case 304: return STR("Not Modified");
    case 308: return STR("Permanent Redirect");
    case 400: return STR("Bad Request");
    case 401: return STR("Unauthorized");
    case 403: return STR("Forbidden");
    case 404: return STR("Not Found");
    case 405: return STR("Method Not Allowed");
    case 406: return STR("Not Acceptable");
    case 408: return STR("Request Timeout");
    case 413: return STR("Content Too Large");
    case 415: return STR("Unsupported Media Type");
    case 429: return STR("Too Many Requests");
    case 431: return STR("Request Header Fields Too Large");
    case 500: return STR("Internal Server Error");
    case 503: return STR("Service Unavailable");
    case 505: return STR("HTTP Version Not Supported");
    default: return STR("Other");
    }
}

void http1_write_answer(struct buf *out, unsigned status)
{
    if (status < 100 || status > 599)
        out->failed = true;
    buf_append_str(out, STR("HTTP/1.1 "));
    buf_append_decimal(out, status);
    buf_append_byte(out, ' ');
    buf_append_str(out, phrase_of(status));
    buf_append_str(out, STR("\r\n"));
}

void http1_write_request(struct buf *out, struct str method, struct str target)
{
    if (str_is_empty(method) || !octets_are(method, OCTET_TOKEN) || str_is_empty(target) ||
        !octets_are(target, OCTET_VISIBLE))
        out->failed = true;
    buf_append_str(out, method);
    buf_append_byte(out, ' ');
    buf_append_str(out, target);
    buf_append_str(out, STR(" HTTP/1.1\r\n"));
}

void http1_write_field(struct buf *out, struct str name, struct str value)
{
    if (str_is_empty(name) || !octets_are(name, OCTET_TOKEN) || !octets_are(value, OCTET_VALUE))
        out->failed = true;
    buf_append_str(out, name);
    buf_append_str(out, STR(": "));
    buf_append_str(out, value);
    buf_append_str(out, STR("\r\n"));
}

void http1_write_length(struct buf *out, uint64_t length)
{
    buf_append_str(out, STR("Content-Length: "));
    buf_append_decimal(out, length);
    buf_append_str(out, STR("\r\n"));
}

void http1_write_end(struct buf *out)
{
    buf_append_str(out, STR("\r\n"));
}
