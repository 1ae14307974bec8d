/* Encoding and checking of segment headers, batches and frames. */
#include "store/format.h"

#include "base/encode.h"

#include <string.h>

#define FORMAT_VERSION 1u
#define BATCH_MAGIC 0x42524457u /* "WDRB" */

static const char segment_magic[8] = { 'W', 'D', 'R', 'S', 'E', 'G', '\r', '\n' };

static void put32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static void put64(uint8_t *to, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *from)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)from[i] << (8 * i);
    return value;
}

static uint64_t get64(const uint8_t *from)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

void segment_header_put(const struct segment_header *header, void *block)
{
    uint8_t *at = block;
    memset(at, 0, BLOCK_BYTES);
    memcpy(at, segment_magic, sizeof segment_magic);
    put32(at + 8, FORMAT_VERSION);
    put32(at + 12, BLOCK_BYTES);
    put64(at + 16, header->number);
    put64(at + 24, header->first_sequence);
    memcpy(at + 32, header->before.bytes, SHA256_LEN);
    put64(at + 64, (uint64_t)header->created_ms);
    put64(at + 72, header->size);
    put32(at + 80, crc32c(0, at, 80));
}

int segment_header_get(const void *block, struct segment_header *out)
{
    const uint8_t *at = block;
    if (memcmp(at, segment_magic, sizeof segment_magic) != 0 || get32(at + 80) != crc32c(0, at, 80))
        return E_CORRUPT;
    if (get32(at + 8) != FORMAT_VERSION || get32(at + 12) != BLOCK_BYTES)
        return E_INVALID;
    out->number = get64(at + 16);
    out->first_sequence = get64(at + 24);
    memcpy(out->before.bytes, at + 32, SHA256_LEN);
    out->created_ms = (int64_t)get64(at + 64);
    out->size = get64(at + 72);
    return 0;
}

void batch_seal(const struct batch_header *header, void *batch)
{
    uint8_t *at = batch;
    put32(at, BATCH_MAGIC);
    put32(at + 8, header->length);
    put32(at + 12, header->count);
    put64(at + 16, header->first_sequence);
    put64(at + 24, header->durable_before);
    put64(at + 32, header->segment);
    put32(at + 4, crc32c(0, at + 8, BATCH_HEADER_BYTES - 8 + (size_t)header->length));
}

bool batch_peek(const void *block, struct batch_header *out)
{
    const uint8_t *at = block;
    if (get32(at) != BATCH_MAGIC)
        return false;
    out->length = get32(at + 8);
    out->count = get32(at + 12);
    out->first_sequence = get64(at + 16);
    out->durable_before = get64(at + 24);
    out->segment = get64(at + 32);
    return out->length > 0 && out->count > 0;
}

bool batch_is_whole(const void *batch, size_t available, struct batch_header *out)
{
    const uint8_t *at = batch;
    if (available < BATCH_HEADER_BYTES || !batch_peek(batch, out) || out->length > available - BATCH_HEADER_BYTES)
        return false;
    return get32(at + 4) == crc32c(0, at + 8, BATCH_HEADER_BYTES - 8 + (size_t)out->length);
}

void frame_header_put(void *to, uint32_t record_length, uint64_t sequence)
{
    uint8_t *at = to;
    put32(at, record_length);
    put64(at + 4, sequence);
    memset(at + 12, 0, SHA256_LEN);
}

size_t frame_chain(struct hasher *hasher, void *frame, struct sha256 *last)
{
    uint8_t *at = frame;
    size_t length = FRAME_HEADER_BYTES + (size_t)get32(at);
    memcpy(at + 12, last->bytes, SHA256_LEN);
    hasher_begin(hasher);
    hasher_add(hasher, at, length);
    hasher_end(hasher, last);
    return length;
}

bool frame_next(struct str *frames, struct frame *out)
{
    if (frames->len < FRAME_HEADER_BYTES)
        return false;
    const uint8_t *at = (const uint8_t *)frames->ptr;
    size_t length = FRAME_HEADER_BYTES + (size_t)get32(at);
    if (length > frames->len)
        return false;
    out->sequence = get64(at + 4);
    memcpy(out->before.bytes, at + 12, SHA256_LEN);
    out->bytes = str_slice(*frames, 0, length);
    out->record = str_slice(*frames, FRAME_HEADER_BYTES, length);
    *frames = str_slice(*frames, length, frames->len);
    return true;
}

void frame_hash(struct hasher *hasher, const struct frame *frame, struct sha256 *out)
{
    hasher_begin(hasher);
    hasher_add(hasher, frame->bytes.ptr, frame->bytes.len);
    hasher_end(hasher, out);
}
