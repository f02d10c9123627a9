/* BLAKE2s, RFC 7693; names as there. */
#include "hash.h"

#include "string.h"

enum { BLOCK = 64, ROUNDS = 10 };

static const uint32_t iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint8_t sigma[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

struct state {
    uint32_t h[8];
    uint64_t count; /* bytes so far */
    size_t filled;
    uint8_t block[BLOCK];
};

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value >> by | value << (32 - by);
}

static void mix(uint32_t *v, unsigned a, unsigned b, unsigned c, unsigned d, uint32_t x, uint32_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 7);
}

static void compress(struct state *s, uint32_t last)
{
    uint32_t v[16], m[16];
    memcpy(m, s->block, BLOCK);
    memcpy(v, s->h, sizeof s->h);
    memcpy(v + 8, iv, sizeof iv);
    v[12] ^= (uint32_t)s->count;
    v[13] ^= (uint32_t)(s->count >> 32);
    v[14] ^= last;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint8_t *p = sigma[round];
        for (unsigned i = 0; i < 4; i++)
            mix(v, i, i + 4, i + 8, i + 12, m[p[2 * i]], m[p[2 * i + 1]]);
        for (unsigned i = 0; i < 4; i++)
            mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[p[8 + 2 * i]], m[p[9 + 2 * i]]);
    }
    for (unsigned i = 0; i < 8; i++)
        s->h[i] ^= v[i] ^ v[i + 8];
}

/* A full block is compressed only when more follows: the last one is marked. */
static void absorb(struct state *s, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (s->filled == BLOCK) {
            s->count += BLOCK;
            compress(s, 0);
            s->filled = 0;
        }
        s->block[s->filled++] = data[i];
    }
}

void hash_blake2s(uint8_t out[HASH_SIZE], const void *key, size_t key_size, const void *data, size_t size)
{
    struct state s = {0};
    memcpy(s.h, iv, sizeof iv);
    s.h[0] ^= 0x01010000u ^ (uint32_t)key_size << 8 ^ HASH_SIZE;
    if (key_size) {
        uint8_t block[BLOCK] = {0};
        memcpy(block, key, key_size);
        absorb(&s, block, BLOCK);
    }
    absorb(&s, data, size);
    s.count += s.filled;
    memset(s.block + s.filled, 0, BLOCK - s.filled);
    compress(&s, UINT32_MAX);
    memcpy(out, s.h, HASH_SIZE);
}
