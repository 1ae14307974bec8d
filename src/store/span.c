/* Words and calls of a span, in two hash sets. */
#include "store/span.h"

#include "base/encode.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BYTES sizeof(uint32_t)
#define WORDS_FIRST 256 /* slots; powers of two */
#define CALLS_FIRST 2048

static uint32_t seed_of(enum span_field field)
{
    return (uint32_t)field * UINT32_C(0x9e3779b1);
}

uint32_t span_word(enum span_field field, struct str text)
{
    uint32_t word = crc32c(seed_of(field), text.ptr, text.len);
    return word != 0 ? word : 1;
}

static uint32_t word_at(const char *at)
{
    uint32_t word = 0;
    for (unsigned i = 0; i < WORD_BYTES; i++)
        word |= (uint32_t)(unsigned char)at[i] << (8 * i);
    return word;
}

bool span_words_hold(struct str words, uint32_t word)
{
    size_t low = 0, high = words.len / WORD_BYTES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t here = word_at(words.ptr + middle * WORD_BYTES);
        if (here == word)
            return true;
        if (here < word)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool record_is_row(enum record_kind kind)
{
    return kind != RECORD_OUTCOME && kind != RECORD_CHECKPOINT;
}

bool record_is_denied(const struct record *record)
{
    return (record->kind == RECORD_DECISION || record->kind == RECORD_DENIALS) && record->reason != REASON_allowed;
}

void span_maker_init(struct span_maker *maker)
{
    *maker = (struct span_maker){ 0 };
}

void span_maker_release(struct span_maker *maker)
{
    free(maker->words);
    free(maker->calls);
    span_maker_init(maker);
}

void span_maker_begin(struct span_maker *maker, uint64_t segment, uint64_t offset)
{
    maker->span = (struct span){ .segment = segment, .offset = offset, .at_min = INT64_MAX, .at_max = INT64_MIN };
    maker->word_count = maker->call_count = 0;
    if (maker->words != NULL)
        memset(maker->words, 0, maker->word_cap * sizeof *maker->words);
    if (maker->calls != NULL)
        memset(maker->calls, 0, maker->call_cap * sizeof *maker->calls);
}

/* ---- words ---- */

static void word_put(uint32_t *words, size_t cap, uint32_t word)
{
    size_t at = word & (cap - 1);
    while (words[at] != 0)
        at = (at + 1) & (cap - 1);
    words[at] = word;
}

static int words_grow(struct span_maker *maker)
{
    size_t cap = maker->word_cap == 0 ? WORDS_FIRST : maker->word_cap * 2;
    uint32_t *words = calloc(cap, sizeof *words);
    if (words == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < maker->word_cap; i++) {
        if (maker->words[i] != 0)
            word_put(words, cap, maker->words[i]);
    }
    free(maker->words);
    maker->words = words;
    maker->word_cap = cap;
    return 0;
}

static int word_add(struct span_maker *maker, uint32_t word)
{
    if (maker->word_count * 2 >= maker->word_cap && words_grow(maker) < 0)
        return E_NOMEM;
    size_t at = word & (maker->word_cap - 1);
    for (; maker->words[at] != 0; at = (at + 1) & (maker->word_cap - 1)) {
        if (maker->words[at] == word)
            return 0;
    }
    maker->words[at] = word;
    maker->word_count++;
    return 0;
}

static int text_add(struct span_maker *maker, enum span_field field, struct str text)
{
    return text.len == 0 ? 0 : word_add(maker, span_word(field, text));
}

/* A rule is asked for by its pointer, or by that of anything around it. */
static int rule_add(struct span_maker *maker, struct str rule)
{
    int error = 0;
    uint32_t word = seed_of(SPAN_RULE);
    for (size_t from = 0, at = 1; at <= rule.len && error == 0; at++) {
        if (at < rule.len && rule.ptr[at] != '/')
            continue;
        word = crc32c(word, rule.ptr + from, at - from);
        error = word_add(maker, word != 0 ? word : 1);
        from = at;
    }
    return error;
}

/* ---- calls ---- */

size_t id_slot(const struct id *id, size_t cap)
{
    uint64_t end;
    memcpy(&end, id->bytes + sizeof id->bytes - sizeof end, sizeof end);
    return (size_t)(end ^ end >> 32) & (cap - 1);
}

bool id_is_none(const struct id *id)
{
    static const struct id none;
    return memcmp(id, &none, sizeof none) == 0;
}

static struct id *call_find(struct id *calls, size_t cap, const struct id *call)
{
    size_t at = id_slot(call, cap);
    while (!id_is_none(&calls[at]) && memcmp(&calls[at], call, sizeof *call) != 0)
        at = (at + 1) & (cap - 1);
    return &calls[at];
}

static int calls_grow(struct span_maker *maker)
{
    size_t cap = maker->call_cap == 0 ? CALLS_FIRST : maker->call_cap * 2;
    struct id *calls = calloc(cap, sizeof *calls);
    if (calls == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < maker->call_cap; i++) {
        if (!id_is_none(&maker->calls[i]))
            *call_find(calls, cap, &maker->calls[i]) = maker->calls[i];
    }
    free(maker->calls);
    maker->calls = calls;
    maker->call_cap = cap;
    return 0;
}

static int call_add(struct span_maker *maker, const struct id *call)
{
    if (id_is_none(call))
        return 0;
    if (maker->call_count * 2 >= maker->call_cap && calls_grow(maker) < 0)
        return E_NOMEM;
    *call_find(maker->calls, maker->call_cap, call) = *call;
    maker->call_count++;
    return 0;
}

bool span_maker_decided(const struct span_maker *maker, const struct id *call)
{
    return maker->call_cap > 0 && !id_is_none(call) && !id_is_none(call_find(maker->calls, maker->call_cap, call));
}

/* ---- records ---- */

size_t span_maker_count(const struct span_maker *maker)
{
    return maker->span.last == 0 ? 0 : (size_t)(maker->span.last - maker->span.first + 1);
}

int span_maker_add(struct span_maker *maker, uint64_t sequence, const struct record *record)
{
    struct span *span = &maker->span;
    if (span->last == 0)
        span->first = sequence;
    span->last = sequence;
    if (!record_is_row(record->kind))
        return 0;
    if (record->at_ms < span->at_min)
        span->at_min = record->at_ms;
    if (record->at_ms > span->at_max)
        span->at_max = record->at_ms;
    int error = text_add(maker, SPAN_KIND, str_from_c(record_kind_name(record->kind)));
    if (error == 0)
        error = text_add(maker, SPAN_SERVER, record->server);
    if (error == 0)
        error = text_add(maker, SPAN_NAME, record->name);
    if (error == 0)
        error = text_add(maker, SPAN_GRANT, record->grant);
    if (error == 0)
        error = text_add(maker, SPAN_REASON, reason_row(record->reason)->name);
    if (error == 0)
        error = rule_add(maker, record->rule);
    if (error == 0 && record_is_denied(record))
        error = word_add(maker, span_word(SPAN_DENIED, STR_EMPTY));
    if (error == 0 && record->class.known)
        error = text_add(maker, SPAN_CLASS, class_word(record->class.class));
    if (error == 0 && record->kind == RECORD_DECISION && record->reason == REASON_allowed)
        error = call_add(maker, &record->call);
    return error;
}

static int compare_words(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

void span_maker_words(const struct span_maker *maker, struct buf *out)
{
    buf_reset(out);
    uint32_t *sorted = (uint32_t *)(void *)buf_reserve(out, maker->word_count * WORD_BYTES); /* as malloc aligns */
    size_t count = 0;
    if (sorted == NULL)
        return;
    for (size_t i = 0; i < maker->word_cap; i++) {
        if (maker->words[i] != 0)
            sorted[count++] = maker->words[i];
    }
    qsort(sorted, count, WORD_BYTES, compare_words);
    for (size_t i = 0; i < count; i++) {
        uint32_t word = sorted[i];
        for (unsigned byte = 0; byte < WORD_BYTES; byte++)
            out->ptr[i * WORD_BYTES + byte] = (char)(unsigned char)(word >> (8 * byte));
    }
    out->len = count * WORD_BYTES;
}
