/* One small parser for media ranges and their parameters. */
#include "front/media.h"

#include "net/octets.h"

struct range {
    struct str type, subtype;
    struct str charset;
    unsigned charsets;
    bool refused; /* q=0 */
};

static void skip_space(struct str *in)
{
    while (in->len && (in->ptr[0] == ' ' || in->ptr[0] == '\t'))
        *in = str_slice(*in, 1, in->len);
}

static bool take(struct str *in, char octet)
{
    if (in->len == 0 || in->ptr[0] != octet)
        return false;
    *in = str_slice(*in, 1, in->len);
    return true;
}

static bool take_token(struct str *in, struct str *token)
{
    size_t len = 0;

    while (len < in->len && octet_is(in->ptr[len], OCTET_TOKEN))
        len++;
    *token = str_slice(*in, 0, len);
    *in = str_slice(*in, len, in->len);
    return len > 0;
}

/* Without its quotes; escapes stay, and so equal nothing that is looked for. */
static bool take_quoted(struct str *in, struct str *value)
{
    size_t end = 0;

    while (end < in->len && in->ptr[end] != '"')
        end += in->ptr[end] == '\\' ? 2 : 1;
    if (end >= in->len)
        return false;
    *value = str_slice(*in, 0, end);
    *in = str_slice(*in, end + 1, in->len);
    return true;
}

/* RFC 9110 §12.4.2: "0" or "0." and zeros. */
static bool weighs_nothing(struct str q)
{
    return q.len > 0 && q.ptr[0] == '0' && str_is_empty(str_trim(str_slice(q, 1, q.len), ".0"));
}

static bool take_parameter(struct str *in, struct range *range)
{
    struct str name, value;

    if (!take_token(in, &name) || !take(in, '='))
        return false;
    if (take(in, '"') ? !take_quoted(in, &value) : !take_token(in, &value))
        return false;
    if (str_eq_nocase(name, STR("charset"))) {
        range->charset = value;
        range->charsets++;
    } else if (str_eq_nocase(name, STR("q"))) {
        range->refused = weighs_nothing(value);
    }
    return true;
}

static bool take_range(struct str *in, struct range *range)
{
    *range = (struct range){ 0 };
    if (!take_token(in, &range->type) || !take(in, '/') || !take_token(in, &range->subtype))
        return false;
    for (;;) {
        skip_space(in);
        if (!take(in, ';'))
            return true;
        skip_space(in);
        if (in->len && in->ptr[0] != ';' && in->ptr[0] != ',' && !take_parameter(in, range))
            return false;
    }
}

bool media_is_json(struct str content_type)
{
    struct range range;

    if (!take_range(&content_type, &range) || content_type.len > 0)
        return false;
    if (!str_eq_nocase(range.type, STR("application")) || !str_eq_nocase(range.subtype, STR("json")))
        return false;
    return range.charsets == 0 || (range.charsets == 1 && str_eq_nocase(range.charset, STR("utf-8")));
}

/* How exactly the range names the type: 0 not at all. */
static unsigned char rank_of(const struct range *range, struct str type, struct str subtype)
{
    if (str_eq(range->type, STR("*")))
        return str_eq(range->subtype, STR("*")) ? 1 : 0;
    if (!str_eq_nocase(range->type, type))
        return 0;
    if (str_eq(range->subtype, STR("*")))
        return 2;
    return str_eq_nocase(range->subtype, subtype) ? 3 : 0;
}

static void weigh(const struct range *range, unsigned char rank, unsigned char *best, bool *allowed)
{
    if (rank == 0 || rank < *best)
        return;
    *allowed = rank == *best ? *allowed || !range->refused : !range->refused;
    *best = rank;
}

bool media_accept_add(struct media_accept *accept, struct str field)
{
    struct range range;

    if (accept->json_rank == 0 && accept->events_rank == 0 &&
        str_eq(field, STR("application/json, text/event-stream"))) { /* as nearly every client sends it */
        *accept = (struct media_accept){ .json = true, .events = true, .json_rank = 3, .events_rank = 3 };
        return true;
    }

    for (;;) {
        skip_space(&field);
        if (take(&field, ',')) /* an empty element: RFC 9110 §5.6.1 */
            continue;
        if (field.len == 0)
            return true;
        if (!take_range(&field, &range) || (field.len && field.ptr[0] != ','))
            return false;
        weigh(&range, rank_of(&range, STR("application"), STR("json")), &accept->json_rank, &accept->json);
        weigh(&range, rank_of(&range, STR("text"), STR("event-stream")), &accept->events_rank, &accept->events);
    }
}
