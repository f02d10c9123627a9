/* ChaCha20 and key erasure. */
#include "drbg.h"

#include "string.h"

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}

static void quarter_round(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

static void double_round(uint32_t *x)
{
    for (unsigned i = 0; i < 4; i++)
        quarter_round(x, i, 4 + i, 8 + i, 12 + i);
    for (unsigned i = 0; i < 4; i++)
        quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
}

void chacha20_block(uint32_t out[16], const uint32_t key[8], uint32_t counter, const uint32_t nonce[3])
{
    const uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0],  key[1],   key[2],   key[3],
                                key[4],     key[5],     key[6],     key[7],     counter, nonce[0], nonce[1], nonce[2]};
    memcpy(out, start, sizeof start);
    for (unsigned i = 0; i < 10; i++)
        double_round(out);
    for (unsigned i = 0; i < 16; i++)
        out[i] += start[i];
}

void drbg_seed(struct drbg *drbg, const uint8_t *seed)
{
    memcpy(drbg->key, seed, DRBG_KEY_SIZE);
}

void drbg_generate(struct drbg *drbg, void *to, size_t size)
{
    static const uint32_t nonce[3];
    uint32_t block[16];
    chacha20_block(block, drbg->key, 0, nonce);
    memcpy(drbg->key, block, DRBG_KEY_SIZE);
    memcpy(to, block + 8, size < DRBG_MAX ? size : DRBG_MAX);
    memset(block, 0, sizeof block);
    __asm__ volatile("" : : "r"(block) : "memory"); /* the clearing must stay */
}
