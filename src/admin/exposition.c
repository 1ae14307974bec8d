/* The two text formats, which differ in how a counter's family is called, in units, and in the end's mark. */
#include "admin/exposition.h"

#include "base/check.h"
#include "gate/meter.h"

#include <inttypes.h>
#include <stdio.h>

static struct str family_name(const struct exposition *to)
{
    static const struct str total = { "_total", 6 };
    struct str name = str_from_c(to->row->name);
    if (to->openmetrics && to->row->type == METRIC_COUNTER) {
        CHECK(str_ends_with(name, total));
        name.len -= total.len;
    }
    return name;
}

void exposition_family(struct exposition *to, const struct metric_row *row)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    to->row = row;
    struct str name = family_name(to);
    buf_printf(to->out, "# HELP %" STR_FMT " %s\n# TYPE %" STR_FMT " %s\n", STR_ARG(name), row->help, STR_ARG(name),
               types[row->type]);
    if (to->openmetrics && row->unit[0])
        buf_printf(to->out, "# UNIT %" STR_FMT " %s\n", STR_ARG(name), row->unit);
}

static void put_value(struct buf *out, struct str value)
{
    for (size_t at = 0; at < value.len; at++) {
        char byte = value.ptr[at];
        if (byte == '\n') {
            buf_append_str(out, STR("\\n"));
            continue;
        }
        if (byte == '\\' || byte == '"')
            buf_append_byte(out, '\\');
        buf_append_byte(out, byte);
    }
}

static void put_name(struct exposition *to, const char *suffix, const struct label *labels, size_t count)
{
    buf_append_str(to->out, str_from_c(to->row->name));
    buf_append_str(to->out, str_from_c(suffix));
    for (size_t at = 0; at < count; at++) {
        buf_append_byte(to->out, at == 0 ? '{' : ',');
        buf_append_str(to->out, str_from_c(labels[at].name));
        buf_append_str(to->out, STR("=\""));
        put_value(to->out, labels[at].value);
        buf_append_byte(to->out, '"');
    }
    buf_append_str(to->out, count > 0 ? STR("} ") : STR(" "));
}

void exposition_count(struct exposition *to, const struct label *labels, size_t count, uint64_t value)
{
    put_name(to, "", labels, count);
    buf_append_decimal(to->out, value);
    buf_append_byte(to->out, '\n');
}

static void put_seconds(struct buf *out, uint64_t us)
{
    buf_printf(out, "%" PRIu64 ".%06u\n", us / 1000000, (unsigned)(us % 1000000));
}

void exposition_seconds(struct exposition *to, const struct label *labels, size_t count, int64_t us)
{
    put_name(to, "", labels, count);
    put_seconds(to->out, us > 0 ? (uint64_t)us : 0);
}

void exposition_histogram(struct exposition *to, struct label label, const struct histogram *histogram)
{
    static const char *const bounds[] = {
#define B(us, text) text,
        DURATION_BOUNDS(B)
#undef B
            "+Inf"
    };
    uint64_t sum = 0;
    for (size_t at = 0; at < ARRAY_LEN(bounds); at++) {
        const struct label labels[] = { label, { "le", str_from_c(bounds[at]) } };
        sum += histogram->within[at];
        put_name(to, "_bucket", labels, 2);
        buf_append_decimal(to->out, sum);
        buf_append_byte(to->out, '\n');
    }
    put_name(to, "_sum", &label, 1);
    put_seconds(to->out, histogram->sum_us);
    put_name(to, "_count", &label, 1);
    buf_append_decimal(to->out, sum);
    buf_append_byte(to->out, '\n');
}

void exposition_end(struct exposition *to)
{
    if (to->openmetrics)
        buf_append_str(to->out, STR("# EOF\n"));
}
