/* The strict reader of TZif tables, and looking one up. */
#include "policy/zone.h"

#include "base/check.h"
#include "policy/zone_rule.h"

#include <stdbool.h>
#include <stddef.h>

#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define OFFSET_LEAST (-89999) /* RFC 9636 §3.2: more than 25 hours west, less than 26 hours east */
#define OFFSET_MOST 93599

struct zone {
    int64_t *times;   /* of the transitions, ascending */
    int32_t *offsets; /* from each of them on */
    size_t count;
    int32_t first; /* before the first of them */
    bool has_rule; /* else the last offset holds */
    struct zone_rule rule;
};

struct header {
    char version;
    uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t read_u32(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_s64(const char *bytes)
{
    return (int64_t)((uint64_t)read_u32(bytes) << 32 | read_u32(bytes + 4));
}

/* Taken off the front of *in. */
static const char *header_read(struct str *in, struct header *out)
{
    if (in->len < HEADER_BYTES || !str_starts_with(*in, STR("TZif")))
        return "it is no TZif table";
    const char *at = in->ptr;
    *out = (struct header){ .version = at[4],
                            .isut = read_u32(at + 20),
                            .isstd = read_u32(at + 24),
                            .leap = read_u32(at + 28),
                            .time = read_u32(at + 32),
                            .type = read_u32(at + 36),
                            .chars = read_u32(at + 40) };
    *in = str_slice(*in, HEADER_BYTES, in->len);
    if (out->version < '2' || out->version > '4')
        return "its version is not known";
    return NULL;
}

/* Of the data behind a header; counts are 32 bits wide, so nothing overflows. */
static uint64_t data_bytes(const struct header *header, unsigned time_bytes)
{
    return (uint64_t)header->time * (time_bytes + 1) + (uint64_t)header->type * TYPE_BYTES + header->chars +
           (uint64_t)header->leap * (time_bytes + 4) + header->isstd + header->isut;
}

static const char *counts_fault(const struct header *header)
{
    if (header->type == 0 || header->type > 256)
        return "it has no types of local time";
    if (header->chars == 0)
        return "it has no names of local time";
    if (header->leap != 0)
        return "it counts leap seconds";
    if ((header->isut != 0 && header->isut != header->type) || (header->isstd != 0 && header->isstd != header->type))
        return "its counts do not fit each other";
    return NULL;
}

static const char *types_fault(const struct header *header, const char *types, const char *chars)
{
    for (uint32_t i = 0; i < header->type; i++) {
        const char *type = types + (size_t)i * TYPE_BYTES;
        int32_t offset = (int32_t)read_u32(type);
        size_t name = (unsigned char)type[5];
        if (offset < OFFSET_LEAST || offset > OFFSET_MOST || (unsigned char)type[4] > 1)
            return "it has a local time that is none";
        if (name >= header->chars || memchr(chars + name, 0, header->chars - name) == NULL)
            return "it has a local time without a name";
    }
    return NULL;
}

static const char *transitions_read(struct zone *zone, const struct header *header, const char *times,
                                    const char *indices, const char *types)
{
    for (uint32_t i = 0; i < header->time; i++) {
        uint32_t type = (unsigned char)indices[i];
        zone->times[i] = read_s64(times + (size_t)i * 8);
        if (i > 0 && zone->times[i] <= zone->times[i - 1])
            return "its transitions are not in order";
        if (type >= header->type)
            return "it has a transition to no type";
        zone->offsets[i] = (int32_t)read_u32(types + (size_t)type * TYPE_BYTES);
    }
    zone->count = header->time;
    zone->first = (int32_t)read_u32(types);
    return NULL;
}

/* "\nTZ string\n", which may be empty, and nothing behind it. */
static const char *footer_read(struct zone *zone, struct str footer, char version)
{
    if (footer.len < 2 || footer.ptr[0] != '\n' ||
        str_find_byte(str_slice(footer, 1, footer.len), '\n') + 2 != footer.len)
        return "it does not end with its footer";
    struct str text = str_slice(footer, 1, footer.len - 1);
    zone->has_rule = text.len > 0;
    if (zone->has_rule && !zone_rule_read(text, version >= '3', &zone->rule))
        return "its footer is no rule";
    return NULL;
}

static const char *body_read(struct zone *zone, const struct header *header, struct str body)
{
    const char *indices = body.ptr + (size_t)header->time * 8, *types = indices + header->time;
    const char *chars = types + (size_t)header->type * TYPE_BYTES;
    const char *fault = types_fault(header, types, chars);
    if (fault == NULL)
        fault = transitions_read(zone, header, body.ptr, indices, types);
    if (fault == NULL)
        fault = footer_read(zone, str_slice(body, (size_t)data_bytes(header, 8), body.len), header->version);
    return fault;
}

int zone_read(struct str bytes, struct arena *arena, struct zone **out, const char **why)
{
    struct header old, header;
    struct str rest = bytes;
    *out = NULL;
    *why = header_read(&rest, &old);
    if (*why == NULL && data_bytes(&old, 4) > rest.len)
        *why = "it is cut off";
    if (*why != NULL)
        return E_SYNTAX;
    rest = str_slice(rest, (size_t)data_bytes(&old, 4), rest.len);
    *why = header_read(&rest, &header);
    if (*why == NULL && header.version != old.version)
        *why = "it has two versions";
    if (*why == NULL)
        *why = counts_fault(&header);
    if (*why == NULL && data_bytes(&header, 8) > rest.len)
        *why = "it is cut off";
    if (*why != NULL)
        return E_SYNTAX;
    struct zone *zone = arena_zalloc(arena, sizeof *zone);
    if (zone != NULL) {
        zone->times = arena_alloc(arena, (header.time + (size_t)1) * sizeof *zone->times);
        zone->offsets = arena_alloc(arena, (header.time + (size_t)1) * sizeof *zone->offsets);
    }
    if (zone == NULL || zone->times == NULL || zone->offsets == NULL)
        return E_NOMEM;
    *why = body_read(zone, &header, rest);
    if (*why != NULL)
        return E_SYNTAX;
    *out = zone;
    return 0;
}

int32_t zone_offset(const struct zone *zone, int64_t unix_s)
{
    if (zone == NULL)
        return 0;
    if (zone->has_rule && (zone->count == 0 || unix_s >= zone->times[zone->count - 1]))
        return zone_rule_offset(&zone->rule, unix_s);
    size_t low = 0, high = zone->count; /* how many transitions are at or before the moment */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? zone->offsets[low - 1] : zone->first;
}

static int64_t local_s(const struct zone *zone, int64_t unix_ms)
{
    int64_t unix_s = zone_floor_div(unix_ms, 1000);
    return unix_s + zone_offset(zone, unix_s);
}

unsigned zone_hour(const struct zone *zone, int64_t unix_ms)
{
    int64_t local = local_s(zone, unix_ms);
    return (unsigned)((local - zone_floor_div(local, DAY_S) * DAY_S) / 3600);
}

unsigned zone_weekday(const struct zone *zone, int64_t unix_ms)
{
    int64_t day = zone_floor_div(local_s(zone, unix_ms), DAY_S) + 3; /* 1 January 1970 was a Thursday */
    return (unsigned)(day - 7 * zone_floor_div(day, 7)) + 1;
}
