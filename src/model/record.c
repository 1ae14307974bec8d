/* Records as bytes: a version, a kind, then fields (tag, length, value) in ascending order of their tags, each at most
 * once but for debits; what is empty or zero is left out. So a record has one form, and reading is strict. */
#include "model/record.h"

#include "base/check.h"
#include "model/wire.h"

#include <string.h>

#define RECORD_FORMAT 1

/* Written into ledgers: numbers never change and are never used again. */
enum tag {
    TAG_AT = 1,
    TAG_CALL = 2,
    TAG_SERVER = 3,
    TAG_METHOD = 4,
    TAG_NAME = 5,
    TAG_GRANT = 6,
    TAG_SESSION = 7,
    TAG_CLIENT = 8,
    TAG_DIGEST = 9,
    TAG_REVISION = 10,
    TAG_REASON = 11,
    TAG_OUTCOME = 12,
    TAG_RULE = 13,
    TAG_TEXT = 14,
    TAG_BLOB = 15,
    TAG_COUNT = 16,
    TAG_MICROS = 17,
    TAG_GIVEN_BACK = 18,
    TAG_DEBIT = 19, /* behind all others */
    TAG_CLASS = 20,
    TAG_END
};

static const char *const kind_names[RECORD_KIND_COUNT] = {
#define K(name, word) [RECORD_##name] = word,
    RECORD_KINDS(K)
#undef K
};

static const char *const outcome_names[OUTCOME_COUNT] = {
#define O(name) [OUTCOME_##name] = #name,
    OUTCOMES(O)
#undef O
};

const char *record_kind_name(enum record_kind kind)
{
    CHECK((unsigned)kind < RECORD_KIND_COUNT);
    return kind_names[kind];
}

const char *outcome_name(enum outcome outcome)
{
    CHECK((unsigned)outcome < OUTCOME_COUNT);
    return outcome_names[outcome];
}

/* Integers go into a value of their own first: a value's length stands before it. Never above 19 bytes. */
static unsigned amount_length(amount value)
{
    unsigned length = 1;
    while (value >= 0x80) {
        value >>= 7;
        length++;
    }
    return length;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static void put_uint(struct buf *out, enum tag tag, uint64_t value)
{
    unsigned length = wire_uint_length(value);
    char *to = value == 0 ? NULL : buf_reserve(out, 2 + length);
    if (to == NULL)
        return;
    to[0] = (char)tag;
    to[1] = (char)length;
    (void)wire_uint_at(to + 2, value);
    out->len += 2 + length;
}

static void put_bytes(struct buf *out, enum tag tag, const void *bytes, size_t len)
{
    char *to = buf_reserve(out, 1 + wire_uint_length(len) + len);
    if (to == NULL)
        return;
    *to = (char)tag;
    out->len += (size_t)(wire_bytes_at(to + 1, bytes, len) - to);
}

static void put_str(struct buf *out, enum tag tag, struct str value)
{
    if (value.len > 0)
        put_bytes(out, tag, value.ptr, value.len);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static void put_fixed(struct buf *out, enum tag tag, const uint8_t *bytes, size_t len)
{
    if (!all_zero(bytes, len))
        put_bytes(out, tag, bytes, len);
}

static void put_debit(struct buf *out, const struct debit *debit, const struct reservation *taken)
{
    if (taken->joined)
        return;
    uint64_t window = zigzag(taken->window_ms);
    buf_append_byte(out, TAG_DEBIT);
    wire_put_uint(out, amount_length(debit->cost) + wire_uint_length(window) + counter_key_length(&debit->key));
    wire_put_amount(out, debit->cost);
    wire_put_uint(out, window);
    counter_key_write(&debit->key, out);
}

void record_write(const struct record *record, struct buf *out)
{
    CHECK((unsigned)record->kind < RECORD_KIND_COUNT && (unsigned)record->outcome < OUTCOME_COUNT);
    buf_append_byte(out, RECORD_FORMAT);
    buf_append_byte(out, (char)record->kind);
    put_uint(out, TAG_AT, zigzag(record->at_ms));
    put_fixed(out, TAG_CALL, record->call.bytes, sizeof record->call.bytes);
    put_str(out, TAG_SERVER, record->server);
    put_str(out, TAG_METHOD, record->method);
    put_str(out, TAG_NAME, record->name);
    put_str(out, TAG_GRANT, record->grant);
    put_str(out, TAG_SESSION, record->session);
    put_str(out, TAG_CLIENT, record->client);
    put_fixed(out, TAG_DIGEST, record->digest.bytes, SHA256_LEN);
    put_fixed(out, TAG_REVISION, record->revision.bytes, SHA256_LEN);
    if (record->reason != REASON_allowed)
        put_str(out, TAG_REASON, reason_row(record->reason)->name); /* the word outlives a change of the table */
    put_uint(out, TAG_OUTCOME, record->outcome);
    put_str(out, TAG_RULE, record->rule);
    put_str(out, TAG_TEXT, record->text);
    put_str(out, TAG_BLOB, record->blob);
    put_uint(out, TAG_COUNT, record->count);
    put_uint(out, TAG_MICROS, zigzag(record->micros));
    put_uint(out, TAG_GIVEN_BACK, record->given_back ? 1 : 0);
    put_uint(out, TAG_CLASS, pinned_class_pack(&record->class));
    for (size_t i = 0; i < record->debit_count; i++)
        put_debit(out, &record->debits[i], &record->taken[i]);
}

size_t record_size_max(const struct record *record)
{
    size_t size = 256 + record->server.len + record->method.len + record->name.len + record->grant.len +
                  record->session.len + record->client.len + record->rule.len + record->text.len + record->blob.len;
    for (size_t i = 0; i < record->debit_count; i++)
        size += 48 + counter_key_length(&record->debits[i].key);
    return size;
}

/* A value is one integer, not zero, and nothing else. */
static bool get_uint(struct str value, uint64_t *out)
{
    return wire_get_uint(&value, out) && value.len == 0 && *out != 0;
}

static bool get_int(struct str value, int64_t *out)
{
    return wire_get_int(&value, out) && value.len == 0 && *out != 0;
}

static bool get_fixed(struct str value, uint8_t *out, size_t len)
{
    if (value.len != len)
        return false;
    memcpy(out, value.ptr, len);
    return !all_zero(out, len);
}

static bool get_text(struct str value, struct str *out)
{
    *out = value;
    return value.len > 0;
}

static bool get_outcome(struct str value, enum outcome *out)
{
    uint64_t number;
    if (!get_uint(value, &number) || number >= OUTCOME_COUNT)
        return false;
    *out = (enum outcome)number;
    return true;
}

static bool get_flag(struct str value, bool *out)
{
    uint64_t number;
    *out = true;
    return get_uint(value, &number) && number == 1;
}

static bool get_class(struct str value, struct pinned_class *out)
{
    uint64_t packed;
    return get_uint(value, &packed) && pinned_class_unpack(packed, out);
}

static bool get_field(enum tag tag, struct str value, struct record *record)
{
    switch (tag) {
    case TAG_AT: return get_int(value, &record->at_ms);
    case TAG_CALL: return get_fixed(value, record->call.bytes, sizeof record->call.bytes);
    case TAG_SERVER: return get_text(value, &record->server);
    case TAG_METHOD: return get_text(value, &record->method);
    case TAG_NAME: return get_text(value, &record->name);
    case TAG_GRANT: return get_text(value, &record->grant);
    case TAG_SESSION: return get_text(value, &record->session);
    case TAG_CLIENT: return get_text(value, &record->client);
    case TAG_DIGEST: return get_fixed(value, record->digest.bytes, SHA256_LEN);
    case TAG_REVISION: return get_fixed(value, record->revision.bytes, SHA256_LEN);
    case TAG_REASON: return reason_parse(value, &record->reason) && record->reason != REASON_allowed;
    case TAG_OUTCOME: return get_outcome(value, &record->outcome);
    case TAG_RULE: return get_text(value, &record->rule);
    case TAG_TEXT: return get_text(value, &record->text);
    case TAG_BLOB: return get_text(value, &record->blob);
    case TAG_COUNT: return get_uint(value, &record->count);
    case TAG_MICROS: return get_int(value, &record->micros);
    case TAG_GIVEN_BACK: return get_flag(value, &record->given_back);
    case TAG_CLASS: return get_class(value, &record->class);
    case TAG_DEBIT:
    case TAG_END: break;
    }
    return false;
}

static bool get_debit(struct str value, struct debit *debit, struct reservation *taken)
{
    *debit = (struct debit){ .rule = STR_EMPTY, .message = STR_EMPTY };
    *taken = (struct reservation){ 0 };
    return wire_get_amount(&value, &debit->cost) && wire_get_int(&value, &taken->window_ms) &&
           counter_key_read(value, &debit->key) == 0;
}

static bool next_field(struct str *in, unsigned char *tag, struct str *value)
{
    if (in->len == 0)
        return false;
    *tag = (unsigned char)*in->ptr;
    *in = str_slice(*in, 1, in->len);
    return wire_get_str(in, value);
}

/* `in` stands at the first debit: counted, then read. */
static int debits_read(struct str in, struct arena *arena, struct record *record)
{
    unsigned char tag;
    struct str value, left = in;
    size_t count = 0;
    for (; left.len > 0; count++) {
        if (!next_field(&left, &tag, &value) || tag != TAG_DEBIT)
            return E_SYNTAX;
    }
    struct debit *debits = arena_zalloc(arena, count * sizeof *debits);
    struct reservation *taken = arena_zalloc(arena, count * sizeof *taken);
    if (debits == NULL || taken == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        CHECK(next_field(&in, &tag, &value));
        if (!get_debit(value, &debits[i], &taken[i]))
            return E_SYNTAX;
    }
    record->debits = debits;
    record->taken = taken;
    record->debit_count = count;
    return 0;
}

/* All fields before the debits, at which *in stands then. */
static int fields_read(struct str bytes, struct record *out, struct str *in)
{
    if (bytes.len < 2)
        return E_SYNTAX;
    unsigned char format = (unsigned char)bytes.ptr[0], kind = (unsigned char)bytes.ptr[1];
    if (format > RECORD_FORMAT)
        return E_INVALID;
    if (format != RECORD_FORMAT || kind >= RECORD_KIND_COUNT)
        return E_SYNTAX;

    *out = (struct record){ .kind = (enum record_kind)kind };
    unsigned char last = 0;
    for (*in = str_slice(bytes, 2, bytes.len); in->len > 0 && (unsigned char)*in->ptr != TAG_DEBIT;) {
        unsigned char tag;
        struct str value;
        if (!next_field(in, &tag, &value) || tag <= last || tag >= TAG_END || !get_field((enum tag)tag, value, out))
            return E_SYNTAX;
        last = tag;
    }
    return 0;
}

int record_read(struct str bytes, struct arena *arena, struct record *out)
{
    struct record record;
    struct str in;
    int error = fields_read(bytes, &record, &in);
    if (error == 0 && in.len > 0)
        error = debits_read(in, arena, &record);
    if (error == 0)
        *out = record;
    return error;
}

int record_skim(struct str bytes, struct record *out)
{
    struct str debits;
    return fields_read(bytes, out, &debits);
}
