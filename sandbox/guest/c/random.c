/* The guest's random numbers: ChaCha20 (RFC 8439 block function) keyed by the host, so that instances restored from one
 * snapshot share nothing. Must not be used before the first key: start-up has no randomness. */
#include <string.h>

#include "hostel.h"

static uint32_t key_words[8];
static uint64_t block_counter;
static uint8_t block[64];
static size_t block_used = sizeof block;

static inline uint32_t rotate(uint32_t value, int bits)
{
    return (value << bits) | (value >> (32 - bits));
}

#define QUARTER(a, b, c, d)                    \
    do {                                       \
        a += b; d = rotate(d ^ a, 16);         \
        c += d; b = rotate(b ^ c, 12);         \
        a += b; d = rotate(d ^ a, 8);          \
        c += d; b = rotate(b ^ c, 7);          \
    } while (0)

static void next_block(void)
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint32_t x[16];
    memcpy(in + 4, key_words, sizeof key_words);
    in[12] = (uint32_t)block_counter;
    in[13] = (uint32_t)(block_counter >> 32);
    in[14] = in[15] = 0;
    block_counter++;
    memcpy(x, in, sizeof x);
    for (int round = 0; round < 10; round++) {
        QUARTER(x[0], x[4], x[8], x[12]);
        QUARTER(x[1], x[5], x[9], x[13]);
        QUARTER(x[2], x[6], x[10], x[14]);
        QUARTER(x[3], x[7], x[11], x[15]);
        QUARTER(x[0], x[5], x[10], x[15]);
        QUARTER(x[1], x[6], x[11], x[12]);
        QUARTER(x[2], x[7], x[8], x[13]);
        QUARTER(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < 16; i++)
        x[i] += in[i];
    memcpy(block, x, sizeof block);
    block_used = 0;
}

void random_key(const uint8_t key[32])
{
    uint8_t any = 0;
    for (int i = 0; i < 32; i++)
        any |= key[i];
    if (!any)
        return;
    memcpy(key_words, key, sizeof key_words);
    block_counter = 0;
    block_used = sizeof block;
}

void random_fill(uint8_t *out, size_t length)
{
    while (length) {
        if (block_used == sizeof block)
            next_block();
        size_t take = sizeof block - block_used;
        if (take > length)
            take = length;
        memcpy(out, block + block_used, take);
        /* What was given out is forgotten, so that a later read of memory does not reveal it. */
        memset(block + block_used, 0, take);
        block_used += take;
        out += take;
        length -= take;
    }
}

double random_unit(void)
{
    uint64_t bits;
    random_fill((uint8_t *)&bits, sizeof bits);
    return (double)(bits >> 11) * 0x1p-53;
}
