/* llhttp's reading of a head that ours let through: both must have read the same. */
#pragma once

#include "base/check.h"
#include "net/http1.h"

#include <llhttp.h>

struct judge {
    llhttp_t   parser;
    struct str target;
    struct str name[LIMIT_header_count], value[LIMIT_header_count];
    unsigned   names, values;
};

/* Parts come one behind the other, as the head is given at once. */
static inline void judge_add(struct str *whole, const char *at, size_t length)
{
    *whole = str_of(whole->len ? whole->ptr : at, whole->len + length);
}

static inline int judge_target(llhttp_t *parser, const char *at, size_t length)
{
    judge_add(&((struct judge *)parser->data)->target, at, length);
    return 0;
}

static inline int judge_name(llhttp_t *parser, const char *at, size_t length)
{
    struct judge *judge = parser->data;
    CHECK(judge->names < LIMIT_header_count);
    judge_add(&judge->name[judge->names], at, length);
    return 0;
}

static inline int judge_name_end(llhttp_t *parser)
{
    ((struct judge *)parser->data)->names++;
    return 0;
}

static inline int judge_value(llhttp_t *parser, const char *at, size_t length)
{
    struct judge *judge = parser->data;
    judge_add(&judge->value[judge->values], at, length);
    return 0;
}

static inline int judge_value_end(llhttp_t *parser)
{
    ((struct judge *)parser->data)->values++;
    return 0;
}

static inline int judge_end(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static inline void judge_head(const struct http1 *http1)
{
    static const llhttp_settings_t settings = {
        .on_url = judge_target,
        .on_header_field = judge_name,
        .on_header_field_complete = judge_name_end,
        .on_header_value = judge_value,
        .on_header_value_complete = judge_value_end,
        .on_headers_complete = judge_end,
    };
    struct judge judge = { 0 };
    llhttp_init(&judge.parser, http1->role == HTTP1_SERVER ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    judge.parser.data = &judge;
    CHECK(llhttp_execute(&judge.parser, http1->head.ptr, http1->head.len) == HPE_PAUSED);
    CHECK(judge.names == http1->field_count && judge.values == http1->field_count);
    bool tabs = false; /* behind a value: llhttp does not take them off, and knows no value then */
    for (unsigned i = 0; i < http1->field_count; i++) {
        CHECK(str_eq(judge.name[i], http1_field_name(http1, i)));
        CHECK(str_eq(str_trim(judge.value[i], " \t"), http1_field_value(http1, i)));
        tabs |= str_ends_with(judge.value[i], STR("\t"));
    }
    CHECK(llhttp_get_http_major(&judge.parser) == 1 && llhttp_get_http_minor(&judge.parser) == http1->minor);
    CHECK(tabs || !http1->keep_alive || llhttp_should_keep_alive(&judge.parser));
    if (http1->role == HTTP1_SERVER) {
        CHECK(str_eq(judge.target, http1->target));
        CHECK(str_eq(str_from_c(llhttp_method_name(llhttp_get_method(&judge.parser))), http1_method_name(http1->method)));
    } else {
        CHECK((unsigned)llhttp_get_status_code(&judge.parser) == http1->status);
    }
    CHECK(tabs || http1->chunked == ((judge.parser.flags & F_CHUNKED) != 0));
}
