/* One message after the other: the lines of a head, what its fields mean for framing, and bodies. */
#include "net/http1.h"

#include "base/check.h"
#include "net/octets.h"

#define HTTP1_MAGIC 0x31707474u
#define KEPT_BYTES 4096 /* a larger buffer goes back to the heap behind its message */
#define INTERIM_MAX 4   /* 1xx answers to one request */

enum { STATE_HEAD, STATE_BODY, STATE_WHOLE, STATE_FAILED };

_Static_assert(LIMIT_header_bytes <= UINT16_MAX, "spans of a head are 16 bits");

static const struct str method_names[HTTP1_METHOD_COUNT] = {
    [HTTP1_GET] = { "GET", 3 },
    [HTTP1_POST] = { "POST", 4 },
    [HTTP1_DELETE] = { "DELETE", 6 },
    [HTTP1_OPTIONS] = { "OPTIONS", 7 },
};

static bool is_space(char octet)
{
    return octet == ' ' || octet == '\t';
}

static enum http1_event fail(struct http1 *http1, enum http1_fault fault)
{
    http1->state = STATE_FAILED;
    http1->fault = fault;
    http1->keep_alive = false;
    return HTTP1_FAILED;
}

/* --- a head, line by line as each ends --- */

static enum http1_fault read_version(struct http1 *http1, struct str version)
{
    if (!str_starts_with(version, STR("HTTP/")) || !octets_are(version, OCTET_VISIBLE))
        return HTTP1_FAULT_SYNTAX;
    if (!str_eq(version, STR("HTTP/1.1")) && !str_eq(version, STR("HTTP/1.0")))
        return HTTP1_FAULT_VERSION;
    http1->minor = version.ptr[7] == '1';
    return HTTP1_FAULT_NONE;
}

static bool find_method(struct str name, enum http1_method *out)
{
    for (unsigned i = 0; i < HTTP1_METHOD_COUNT; i++)
        if (str_eq(name, method_names[i])) {
            *out = (enum http1_method)i;
            return true;
        }
    return false;
}

/* RFC 9112 §3.2: a path, "*" for OPTIONS alone, or "http://host/path". */
static bool is_target(struct str target, enum http1_method method)
{
    static const struct str scheme = { "http://", 7 };

    if (str_is_empty(target) || !octets_are(target, OCTET_VISIBLE))
        return false;
    if (target.ptr[0] == '/')
        return true;
    if (method == HTTP1_OPTIONS && str_eq(target, STR("*")))
        return true;
    if (!str_eq_nocase(str_slice(target, 0, scheme.len), scheme))
        return false;
    struct str rest = str_slice(target, scheme.len, target.len), host = str_slice(rest, 0, str_find_byte(rest, '/'));
    return host.len > 0 && octets_are(host, OCTET_HOST);
}

/* RFC 9112 §3: method SP target SP version, each space exactly one. */
static enum http1_fault read_request_line(struct http1 *http1, struct str line)
{
    size_t first = str_find_byte(line, ' ');
    struct str method = str_slice(line, 0, first), rest = str_slice(line, first + 1, line.len);
    size_t second = str_find_byte(rest, ' ');
    struct str target = str_slice(rest, 0, second), version = str_slice(rest, second + 1, rest.len);

    if (str_is_empty(method) || !octets_are(method, OCTET_TOKEN))
        return HTTP1_FAULT_SYNTAX;
    enum http1_fault fault = read_version(http1, version);
    if (fault)
        return fault;
    http1->wants_head = http1->takes_head && str_eq(method, STR("HEAD"));
    if (!find_method(http1->wants_head ? method_names[HTTP1_GET] : method, &http1->method))
        return HTTP1_FAULT_METHOD;
    http1->target_at = (uint16_t)(first + 1);
    http1->target_len = (uint16_t)target.len;
    return is_target(target, http1->method) ? HTTP1_FAULT_NONE : HTTP1_FAULT_SYNTAX;
}

static bool is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

/* RFC 9112 §4: version SP three digits, and maybe SP and a phrase. */
static enum http1_fault read_status_line(struct http1 *http1, struct str line)
{
    enum http1_fault fault = read_version(http1, str_slice(line, 0, 8));

    if (fault)
        return fault;
    struct str code = str_slice(line, 8, 12), phrase = str_slice(line, 12, line.len);
    if (code.len != 4 || code.ptr[0] != ' ' || code.ptr[1] < '1' || code.ptr[1] > '5' || !is_digit(code.ptr[2]) ||
        !is_digit(code.ptr[3]))
        return HTTP1_FAULT_SYNTAX;
    if ((phrase.len && phrase.ptr[0] != ' ') || !octets_are(phrase, OCTET_VALUE))
        return HTTP1_FAULT_SYNTAX;
    http1->status = (unsigned)((code.ptr[1] - '0') * 100 + (code.ptr[2] - '0') * 10 + (code.ptr[3] - '0'));
    return HTTP1_FAULT_NONE;
}

/* RFC 9112 §5: a token, a colon at once, then the value; so neither folds nor spaces before either. */
static enum http1_fault read_field_line(struct http1 *http1, struct str line)
{
    size_t colon = 0, from, to = line.len;

    while (colon < line.len && octet_is(line.ptr[colon], OCTET_TOKEN))
        colon++;
    if (colon == 0 || colon == line.len || line.ptr[colon] != ':')
        return HTTP1_FAULT_SYNTAX;
    for (from = colon + 1; from < to && is_space(line.ptr[from]);)
        from++;
    while (to > from && is_space(line.ptr[to - 1]))
        to--;
    if (!octets_are(str_slice(line, from, to), OCTET_VALUE))
        return HTTP1_FAULT_SYNTAX;
    if (http1->field_count == LIMIT_header_count)
        return HTTP1_FAULT_HEAD_SIZE;
    http1->fields[http1->field_count++] = (struct http1_span){
        .name_at = (uint16_t)http1->line_at,
        .name_len = (uint16_t)colon,
        .value_at = (uint16_t)(http1->line_at + from),
        .value_len = (uint16_t)(to - from),
    };
    return HTTP1_FAULT_NONE;
}

static bool is_first_line(const struct http1 *http1)
{
    return http1->line_at == 0;
}

/* The line that has just ended in its LF; *last: it was the empty one behind the fields. */
static enum http1_fault read_line(struct http1 *http1, bool *last)
{
    struct str line = str_slice(buf_str(&http1->head), http1->line_at, http1->head.len - 1);
    enum http1_fault fault = HTTP1_FAULT_NONE;

    *last = false;
    if (line.len == 0 || line.ptr[line.len - 1] != '\r')
        return HTTP1_FAULT_SYNTAX;
    line.len--;
    if (is_first_line(http1))
        fault = http1->role == HTTP1_SERVER ? read_request_line(http1, line) : read_status_line(http1, line);
    else if (line.len == 0)
        *last = true;
    else
        fault = read_field_line(http1, line);
    http1->line_at = http1->head.len;
    return fault;
}

static enum http1_fault keep_head(struct http1 *http1, struct str part, bool ended)
{
    size_t line = http1->head.len - http1->line_at + part.len;

    if (line > LIMIT_header_line + (ended ? 2 : 1) || http1->head.len + part.len > LIMIT_header_bytes)
        return HTTP1_FAULT_HEAD_SIZE;
    buf_append_str(&http1->head, part);
    return buf_ok(&http1->head) ? HTTP1_FAULT_NONE : HTTP1_FAULT_MEMORY;
}

/* --- what the fields say about framing --- */

struct framing {
    unsigned hosts, lengths, codings, expectations;
    struct str host, length, coding, expectation; /* the last of each */
    bool close, keep_alive;
};

static void note(struct str *last, unsigned *count, struct str name, struct str wanted, struct str value)
{
    if (!str_eq_nocase(name, wanted))
        return;
    *last = value;
    (*count)++;
}

/* RFC 9110 §7.6.1: a list of tokens, of which two mean something here. */
static void note_connection(struct framing *framing, struct str name, struct str options)
{
    if (!str_eq_nocase(name, STR("Connection")))
        return;
    while (options.len) {
        size_t comma = str_find_byte(options, ',');
        struct str option = str_trim(str_slice(options, 0, comma), " \t");
        framing->close |= str_eq_nocase(option, STR("close"));
        framing->keep_alive |= str_eq_nocase(option, STR("keep-alive"));
        options = str_slice(options, comma + 1, options.len);
    }
}

static void collect_framing(const struct http1 *http1, struct framing *framing)
{
    for (unsigned i = 0; i < http1->field_count; i++) {
        struct str name = http1_field_name(http1, i), value = http1_field_value(http1, i);
        switch (name.len) { /* most names are none of these, and seldom as long */
        case 4: note(&framing->host, &framing->hosts, name, STR("Host"), value); break;
        case 6: note(&framing->expectation, &framing->expectations, name, STR("Expect"), value); break;
        case 10: note_connection(framing, name, value); break;
        case 14: note(&framing->length, &framing->lengths, name, STR("Content-Length"), value); break;
        case 17: note(&framing->coding, &framing->codings, name, STR("Transfer-Encoding"), value); break;
        default: break;
        }
    }
}

/* RFC 9112 §6.3, without what it lets a recipient repair. */
static enum http1_fault check_length(struct http1 *http1, const struct framing *framing)
{
    unsigned long long length = 0;

    if (framing->codings) {
        if (framing->codings > 1 || framing->lengths || http1->minor == 0 || !str_eq(framing->coding, STR("chunked")))
            return HTTP1_FAULT_SYNTAX;
        http1->chunked = http1->has_body = true;
        chunked_init(&http1->chunks);
        return HTTP1_FAULT_NONE;
    }
    if (framing->lengths > 1 || (framing->lengths && !str_to_u64(framing->length, INT64_MAX, &length)))
        return HTTP1_FAULT_SYNTAX;
    http1->remaining = length;
    http1->has_body = length > 0;
    return HTTP1_FAULT_NONE;
}

static enum http1_fault check_request(struct http1 *http1, const struct framing *framing)
{
    if (framing->hosts != 1 || str_is_empty(framing->host) || !octets_are(framing->host, OCTET_HOST))
        return HTTP1_FAULT_SYNTAX;
    http1->target = str_of(http1->head.ptr + http1->target_at, http1->target_len);
    http1->host = framing->host;
    if (framing->expectations > 1 ||
        (framing->expectations && !str_eq_nocase(framing->expectation, STR("100-continue"))))
        return HTTP1_FAULT_SYNTAX;
    http1->expects = framing->expectations && http1->minor == 1;
    return http1->remaining > http1->body.max ? HTTP1_FAULT_BODY_SIZE : HTTP1_FAULT_NONE;
}

static enum http1_fault check_answer(struct http1 *http1, const struct framing *framing)
{
    bool framed = framing->lengths || framing->codings;

    if (http1->status < 200) {
        bool too_many = ++http1->interim > INTERIM_MAX;
        return framed || too_many || http1->status == 101 ? HTTP1_FAULT_SYNTAX : HTTP1_FAULT_NONE;
    }
    if (http1->status == 204 || http1->status == 304) {
        http1->has_body = false;
        http1->remaining = 0;
        return framing->codings || (framing->lengths && http1->status == 204) ? HTTP1_FAULT_SYNTAX : HTTP1_FAULT_NONE;
    }
    return framed ? HTTP1_FAULT_NONE : HTTP1_FAULT_SYNTAX; /* never read until the connection closes */
}

static enum http1_fault check_head(struct http1 *http1)
{
    struct framing framing = { 0 };

    collect_framing(http1, &framing);
    http1->keep_alive = !framing.close && (http1->minor == 1 || framing.keep_alive); /* RFC 9112 §9.3 */
    enum http1_fault fault = check_length(http1, &framing);
    if (fault)
        return fault;
    return http1->role == HTTP1_SERVER ? check_request(http1, &framing) : check_answer(http1, &framing);
}

/* --- feeding --- */

static void begin_head(struct http1 *http1)
{
    buf_reset(&http1->head);
    http1->state = STATE_HEAD;
    http1->line_at = 0;
    http1->field_count = 0;
    http1->target = http1->host = STR_EMPTY;
    http1->remaining = 0;
    http1->chunked = http1->has_body = http1->expects = false;
}

static enum http1_event feed_head(struct http1 *http1, struct str bytes, size_t *used)
{
    while (*used < bytes.len) {
        struct str rest = str_slice(bytes, *used, bytes.len);
        size_t end = str_find_byte(rest, '\n');
        bool ended = end < rest.len, last = false;
        enum http1_fault fault = keep_head(http1, str_slice(rest, 0, ended ? end + 1 : end), ended);
        if (!fault && ended)
            fault = read_line(http1, &last);
        if (!fault && last)
            fault = check_head(http1);
        if (fault)
            return fail(http1, fault);
        *used += ended ? end + 1 : end;
        if (!last)
            continue;
        if (http1->role == HTTP1_CLIENT && http1->status < 200) {
            begin_head(http1);
            continue;
        }
        http1->state = http1->has_body ? STATE_BODY : STATE_WHOLE;
        return HTTP1_HEAD;
    }
    return HTTP1_MORE;
}

static enum http1_fault keep_body(struct http1 *http1, struct str part)
{
    if (part.len > http1->body.max - http1->body.len)
        return HTTP1_FAULT_BODY_SIZE;
    buf_append_str(&http1->body, part);
    return buf_ok(&http1->body) ? HTTP1_FAULT_NONE : HTTP1_FAULT_MEMORY;
}

static enum http1_fault feed_chunks(struct http1 *http1, struct str bytes, size_t *used)
{
    for (;;) {
        size_t took = 0;
        struct str data;
        enum chunked_step step = chunked_feed(&http1->chunks, str_slice(bytes, *used, bytes.len), &took, &data);
        *used += took;
        if (step == CHUNKED_DATA) {
            enum http1_fault fault = keep_body(http1, data);
            if (fault)
                return fault;
            continue;
        }
        if (step == CHUNKED_END)
            http1->state = STATE_WHOLE;
        return step == CHUNKED_BAD ? HTTP1_FAULT_SYNTAX : HTTP1_FAULT_NONE;
    }
}

static enum http1_fault feed_length(struct http1 *http1, struct str bytes, size_t *used)
{
    struct str part = bytes.len < http1->remaining ? bytes : str_slice(bytes, 0, (size_t)http1->remaining);

    http1->remaining -= part.len;
    *used = part.len;
    if (http1->remaining == 0)
        http1->state = STATE_WHOLE;
    return keep_body(http1, part);
}

static enum http1_event feed_body(struct http1 *http1, struct str bytes, size_t *used)
{
    CHECK(http1->role == HTTP1_SERVER || http1->body.len == 0);
    enum http1_fault fault = http1->chunked ? feed_chunks(http1, bytes, used) : feed_length(http1, bytes, used);

    if (fault)
        return fail(http1, fault);
    if (http1->role == HTTP1_CLIENT && http1->body.len)
        return HTTP1_BODY;
    return http1->state == STATE_WHOLE ? HTTP1_DONE : HTTP1_MORE;
}

enum http1_event http1_feed(struct http1 *http1, struct str bytes, size_t *used)
{
    CHECK_OBJ(http1, HTTP1_MAGIC);
    *used = 0;
    switch (http1->state) {
    case STATE_HEAD: return feed_head(http1, bytes, used);
    case STATE_BODY: return feed_body(http1, bytes, used);
    case STATE_WHOLE: return HTTP1_DONE;
    case STATE_FAILED: return HTTP1_FAILED;
    default: WRONG("no such state");
    }
}

/* --- life --- */

void http1_init(struct http1 *http1, enum http1_role role, size_t body_max)
{
    *http1 = (struct http1){ .magic = HTTP1_MAGIC, .role = role };
    buf_init(&http1->head, LIMIT_header_bytes);
    buf_init(&http1->body, body_max);
    begin_head(http1);
}

void http1_release(struct http1 *http1)
{
    CHECK_OBJ(http1, HTTP1_MAGIC);
    buf_release(&http1->head);
    buf_release(&http1->body);
    http1->magic = 0;
}

void http1_next(struct http1 *http1)
{
    CHECK_OBJ(http1, HTTP1_MAGIC);
    CHECK(http1->state == STATE_WHOLE);
    buf_recycle(&http1->head, KEPT_BYTES);
    buf_recycle(&http1->body, KEPT_BYTES);
    http1->interim = 0;
    begin_head(http1);
}

void http1_trim(struct http1 *http1)
{
    CHECK_OBJ(http1, HTTP1_MAGIC);
    CHECK(http1_is_between(http1));
    buf_release(&http1->head);
    buf_release(&http1->body);
}

bool http1_is_between(const struct http1 *http1)
{
    return http1->state == STATE_HEAD && http1->head.len == 0 && http1->interim == 0;
}

bool http1_is_whole(const struct http1 *http1)
{
    return http1->state == STATE_WHOLE;
}

/* --- fields --- */

struct str http1_field_name(const struct http1 *http1, unsigned index)
{
    CHECK(index < http1->field_count);
    return str_of(http1->head.ptr + http1->fields[index].name_at, http1->fields[index].name_len);
}

struct str http1_field_value(const struct http1 *http1, unsigned index)
{
    CHECK(index < http1->field_count);
    return str_of(http1->head.ptr + http1->fields[index].value_at, http1->fields[index].value_len);
}

unsigned http1_find(const struct http1 *http1, struct str name, struct str *value)
{
    unsigned found = 0;

    *value = STR_EMPTY;
    for (unsigned i = 0; i < http1->field_count; i++)
        if (str_eq_nocase(http1_field_name(http1, i), name) && found++ == 0)
            *value = http1_field_value(http1, i);
    return found;
}

const char *http1_fault_text(enum http1_fault fault)
{
    static const char *const texts[] = {
#define F(name, text) text,
        HTTP1_FAULTS(F)
#undef F
    };
    CHECK((size_t)fault < ARRAY_LEN(texts));
    return texts[fault];
}

unsigned http1_fault_status(enum http1_fault fault)
{
    switch (fault) {
    case HTTP1_FAULT_METHOD: return 405;
    case HTTP1_FAULT_BODY_SIZE: return 413;
    case HTTP1_FAULT_HEAD_SIZE: return 431;
    case HTTP1_FAULT_MEMORY: return 503;
    case HTTP1_FAULT_VERSION: return 505;
    case HTTP1_FAULT_NONE:
    case HTTP1_FAULT_SYNTAX: break;
    }
    return 400;
}

struct str http1_method_name(enum http1_method method)
{
    CHECK(method < HTTP1_METHOD_COUNT);
    return method_names[method];
}
