/* CRC-32C (Castagnoli): the processor's instruction where there is one, half a byte at a time elsewhere. */
#include "base/encode.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        crc = (uint32_t)_mm_crc32_u64(crc, word);
    }
    for (; len > 0; len--)
        crc = _mm_crc32_u8(crc, *at++);
    return crc;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        crc = __crc32cd(crc, word);
    }
    for (; len > 0; len--)
        crc = __crc32cb(crc, *at++);
    return crc;
}

static bool has_instruction(void)
{
    return true;
}
#else
static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    return crc32c_portable(crc, at, len);
}

static bool has_instruction(void)
{
    return false;
}
#endif

uint32_t crc32c_portable(uint32_t state, const void *bytes, size_t len)
{
    static const uint32_t table[16] = {
        /* the remainder of each half byte */
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *at = bytes;

    for (; len > 0; len--, at++) {
        state ^= *at;
        state = state >> 4 ^ table[state & 15];
        state = state >> 4 ^ table[state & 15];
    }
    return state;
}

uint32_t crc32c(uint32_t seed, const void *bytes, size_t len)
{
    return ~(has_instruction() ? crc_by_instruction(~seed, bytes, len) : crc32c_portable(~seed, bytes, len));
}
