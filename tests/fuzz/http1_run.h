/* What the two HTTP targets share: one stream of bytes through the parser in pieces of one size, and what it came to. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "../unit/net/judge.h"
#include "net/http1.h"
#include "net/octets.h"

#include <stdlib.h>

struct run {
    enum http1_fault fault;
    unsigned         messages;
    struct buf       text; /* heads and bodies, one behind the other */
};

/* What holds for every head that is let through. */
static inline void check_head(const struct http1 *http1)
{
    struct str value;

    judge_head(http1);
    CHECK(http1->field_count <= LIMIT_header_count && http1->head.len <= LIMIT_header_bytes);
    for (unsigned i = 0; i < http1->field_count; i++) {
        struct str name = http1_field_name(http1, i);
        value = http1_field_value(http1, i);
        CHECK(name.len > 0 && octets_are(name, OCTET_TOKEN) && octets_are(value, OCTET_VALUE));
        CHECK(value.len == 0 || (octet_is(value.ptr[0], OCTET_VISIBLE) && octet_is(value.ptr[value.len - 1], OCTET_VISIBLE)));
    }
    unsigned lengths = http1_find(http1, STR("content-length"), &value);
    unsigned codings = http1_find(http1, STR("transfer-encoding"), &value);
    CHECK(lengths + codings <= 1);
    CHECK(codings == 0 || (http1->minor == 1 && http1->chunked && str_eq(value, STR("chunked"))));
    if (http1->role == HTTP1_SERVER) {
        CHECK(http1_find(http1, STR("host"), &value) == 1 && value.len > 0 && str_eq(value, http1->host));
        CHECK(http1->target.len > 0 && octets_are(http1->target, OCTET_VISIBLE));
    } else {
        CHECK(http1->status >= 200 && http1->status <= 599);
        CHECK(lengths + codings == 1 || http1->status == 204 || http1->status == 304);
    }
}

static inline void add_head(struct run *run, const struct http1 *http1)
{
    buf_printf(&run->text, "%u %u %u %d\n", http1->method, http1->status, http1->minor, http1->keep_alive);
    buf_append_str(&run->text, buf_str(&http1->head));
}

static inline void run_stream(struct run *run, enum http1_role role, size_t body_max, struct str bytes, size_t piece,
                              void (*head)(const struct http1 *))
{
    struct http1 http1;

    *run = (struct run){ 0 };
    buf_init(&run->text, (size_t)16 << 20);
    http1_init(&http1, role, body_max);
    while (bytes.len && !run->fault) {
        size_t used, len = bytes.len < piece ? bytes.len : piece;
        char *copy = malloc(len); /* of its own, so that a read beyond it is seen */
        AN(copy);
        memcpy(copy, bytes.ptr, len);
        struct str rest = str_of(copy, len);
        for (bool more = true; more;) {
            enum http1_event event = http1_feed(&http1, rest, &used);
            CHECK(used <= rest.len);
            rest = str_slice(rest, used, rest.len);
            switch (event) {
            case HTTP1_MORE: CHECK(rest.len == 0); more = false; break;
            case HTTP1_HEAD:
                check_head(&http1);
                add_head(run, &http1);
                if (head)
                    head(&http1);
                break;
            case HTTP1_BODY:
                buf_append_str(&run->text, buf_str(&http1.body));
                buf_reset(&http1.body);
                break;
            case HTTP1_DONE:
                CHECK(http1.body.len <= body_max);
                buf_append_str(&run->text, buf_str(&http1.body));
                run->messages++;
                http1_next(&http1);
                more = rest.len > 0;
                break;
            case HTTP1_FAILED:
                CHECK(http1.fault != HTTP1_FAULT_NONE && !http1.keep_alive);
                run->fault = http1.fault;
                more = false;
                break;
            }
        }
        free(copy);
        bytes = str_slice(bytes, len, bytes.len);
    }
    http1_release(&http1);
}

/* The cuts must not matter: at once, and in pieces of the size that the first byte says. */
static inline void run_both(enum http1_role role, size_t body_max, const uint8_t *data, size_t size,
                            void (*head)(const struct http1 *))
{
    struct run whole, pieces;

    if (size < 1 || size > 65536)
        return;
    struct str bytes = str_of((const char *)data + 1, size - 1);
    run_stream(&whole, role, body_max, bytes, bytes.len, head);
    run_stream(&pieces, role, body_max, bytes, (size_t)data[0] + 1, NULL);
    CHECK(whole.fault == pieces.fault && whole.messages == pieces.messages);
    CHECK(whole.fault || str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
    buf_release(&whole.text);
    buf_release(&pieces.text);
}
